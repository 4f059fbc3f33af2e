#include "expert/row_groups.h"

#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"

typedef struct card {
    size_t id, row, first; /* first: the least row of the group */
} card;

static int by_id(const void *a, const void *b)
{
    const card *p = a, *q = b;

    if (p->id != q->id)
        return p->id < q->id ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

static int by_first(const void *a, const void *b)
{
    const card *p = a, *q = b;

    if (p->first != q->first)
        return p->first < q->first ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

static mele_status make_room(mele_i_row_groups *g, size_t rows, mele_error *error)
{
    *g = (mele_i_row_groups){.rows = rows,
                             .of = MELE_I_ARRAY(size_t, rows),
                             .start = MELE_I_ARRAY(size_t, rows + 1),
                             .row = MELE_I_ARRAY(size_t, rows)};
    return g->of == NULL || g->start == NULL || g->row == NULL ? mele_i_no_memory(error) : MELE_OK;
}

mele_status mele_i_row_groups_make(mele_i_row_groups *g, const size_t *ids, size_t rows,
                                   mele_error *error)
{
    card *cards = MELE_I_ARRAY(card, rows);
    mele_status status = make_room(g, rows, error);

    if (status == MELE_OK && cards == NULL)
        status = mele_i_no_memory(error);
    if (status != MELE_OK)
        goto cleanup;
    for (size_t i = 0; i < rows; i++)
        cards[i] = (card){ids[i], i, i};
    qsort(cards, rows, sizeof *cards, by_id);
    for (size_t i = 1; i < rows; i++)
        if (cards[i].id == cards[i - 1].id)
            cards[i].first = cards[i - 1].first;
    qsort(cards, rows, sizeof *cards, by_first);
    for (size_t i = 0; i < rows; i++) {
        if (i == 0 || cards[i].first != cards[i - 1].first)
            g->start[g->count++] = i;
        g->row[i] = cards[i].row;
        g->of[cards[i].row] = g->count - 1;
    }
    g->start[g->count] = rows;

cleanup:
    free(cards);
    return status;
}

void mele_i_row_groups_free(mele_i_row_groups *g)
{
    free(g->of);
    free(g->start);
    free(g->row);
    free(g->alone);
}

mele_status mele_i_row_groups_number(const mele_i_row_groups *g, const size_t *row, size_t count,
                                     size_t *number, size_t *out, mele_error *error)
{
    size_t *from_one = MELE_I_ZEROED(size_t, g->count); /* 0: not met yet */

    if (from_one == NULL)
        return mele_i_no_memory(error);
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        size_t *of = &from_one[g->of[row[i]]];
        *of = *of > 0 ? *of : ++*out;
        number[i] = *of - 1;
    }
    free(from_one);
    return MELE_OK;
}

/* What is known of a region's groups once a row of one more is seen. */
static size_t group_so_far(const mele_i_row_groups *g, bool *seen, size_t alone, size_t group)
{
    if (*seen)
        return alone == group ? alone : g->count;
    *seen = true;
    return group;
}

mele_status mele_i_row_groups_find_alone(mele_i_row_groups *g, const mele_i_regions *regions,
                                     mele_error *error)
{
    const size_t K = regions->clusters;
    bool *seen = MELE_I_ZEROED(bool, K + 1);

    free(g->alone);
    g->alone = MELE_I_ARRAY(size_t, K + 1);
    if (g->alone == NULL || seen == NULL) {
        free(seen);
        return mele_i_no_memory(error);
    }
    for (size_t k = 0; k <= K; k++)
        g->alone[k] = g->count;
    for (size_t i = 0; i < g->rows; i++) {
        const size_t label = regions->label != NULL ? regions->label[i] : 0;
        const size_t end = regions->label != NULL ? label + 1 : K;
        for (size_t k = label; k < end; k++)
            if (mele_i_region_weight(regions, i, k) > 0)
                g->alone[k] = group_so_far(g, &seen[k], g->alone[k], g->of[i]);
        if (mele_i_region_weight(regions, i, K) > 0)
            g->alone[K] = group_so_far(g, &seen[K], g->alone[K], g->of[i]);
    }
    free(seen);
    return MELE_OK;
}

bool mele_i_row_groups_any_alone(const mele_i_row_groups *g, size_t clusters, const bool *train)
{
    for (size_t k = 0; g != NULL && k < clusters; k++)
        if ((train == NULL || train[k]) && g->alone[k] < g->count)
            return true;
    return false;
}
