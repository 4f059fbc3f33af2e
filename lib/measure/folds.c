/* Rows are put in random order, then sorted by class, or by group and the groups by size, with
 * ties in that random order; then dealt in turn. Dealing classes one after the other without
 * starting again at fold 0 keeps both the classes and the folds within one row. */
#include "measure/folds.h"

#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"

typedef struct card {
    double class;
    size_t group, place, row; /* place: in the random order */
} card;

static int by_place(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int by_class(const void *a, const void *b)
{
    const card *p = a, *q = b;

    if (p->class != q->class)
        return p->class < q->class ? -1 : 1;
    return by_place(p->place, q->place);
}

static int by_group(const void *a, const void *b)
{
    const card *p = a, *q = b;

    if (p->group != q->group)
        return p->group < q->group ? -1 : 1;
    return by_place(p->place, q->place);
}

/* The cards of one group: first .. first + size - 1. */
typedef struct pile {
    size_t first, size, place;
} pile;

static int by_size(const void *a, const void *b)
{
    const pile *p = a, *q = b;

    if (p->size != q->size)
        return p->size > q->size ? -1 : 1;
    return by_place(p->place, q->place);
}

static void deal_rows(card *cards, size_t n, size_t count, size_t *fold_of_row)
{
    qsort(cards, n, sizeof *cards, by_class);
    for (size_t i = 0; i < n; i++)
        fold_of_row[cards[i].row] = i % count;
}

/* Piles of the cards, which are sorted by group; returns how many. */
static size_t make_piles(card *cards, size_t n, pile *piles)
{
    size_t made = 0;

    qsort(cards, n, sizeof *cards, by_group);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || cards[i].group != cards[i - 1].group)
            piles[made++] = (pile){i, 0, cards[i].place};
        piles[made - 1].size++;
    }
    return made;
}

/* Largest first; rows: how many each fold has, all 0 at the start. */
static void deal_piles(const card *cards, pile *piles, size_t made, size_t count, size_t *rows,
                       size_t *fold_of_row)
{
    qsort(piles, made, sizeof *piles, by_size);
    for (size_t p = 0; p < made; p++) {
        size_t emptiest = 0;
        for (size_t f = 1; f < count; f++)
            emptiest = rows[f] < rows[emptiest] ? f : emptiest;
        rows[emptiest] += piles[p].size;
        for (size_t i = 0; i < piles[p].size; i++)
            fold_of_row[cards[piles[p].first + i].row] = emptiest;
    }
}

static mele_status deal_groups(card *cards, size_t n, size_t count, size_t *fold_of_row,
                               mele_error *error)
{
    pile *piles = MELE_I_ARRAY(pile, n);
    size_t *rows = MELE_I_ZEROED(size_t, count);
    mele_status status = MELE_OK;

    if (piles == NULL || rows == NULL) {
        status = mele_i_no_memory(error);
    } else {
        size_t made = make_piles(cards, n, piles);
        if (made < count)
            status = mele_i_fail(error, MELE_EDATA, "%zu groups do not fill %zu folds", made,
                                 count);
        else
            deal_piles(cards, piles, made, count, rows, fold_of_row);
    }
    free(rows);
    free(piles);
    return status;
}

mele_status mele_i_folds(size_t n, const size_t *groups, const double *classes, size_t count,
                         mele_i_stream *stream, size_t *fold_of_row, mele_error *error)
{
    mele_status status = MELE_OK;

    if (count < 2)
        return mele_i_fail(error, MELE_EINVAL, "%zu folds asked for, at least 2 are needed", count);
    if (n < count)
        return mele_i_fail(error, MELE_EDATA, "%zu rows do not fill %zu folds", n, count);
    card *cards = MELE_I_ARRAY(card, n);
    size_t *order = MELE_I_ARRAY(size_t, n);
    if (cards == NULL || order == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    mele_i_stream_shuffle(stream, order, n);
    for (size_t i = 0; i < n; i++)
        cards[i] = (card){classes == NULL ? 0 : classes[order[i]],
                          groups == NULL ? 0 : groups[order[i]], i, order[i]};
    if (groups != NULL)
        status = deal_groups(cards, n, count, fold_of_row, error);
    else
        deal_rows(cards, n, count, fold_of_row);
cleanup:
    free(order);
    free(cards);
    return status;
}
