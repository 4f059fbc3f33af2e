/* Which rows a process holds.
 *
 * Rows that are the same in every number, and of one group, are one row with the sum of their weights, so that
 * weight 2 is the row given twice. Weights above 1 tell the likelihood of copies without any noise
 * between them (likelihood.c). Rows that stand for many (below), or have a share of themselves in a
 * soft region, are no copies; so the unit is once more that of the ordinary row, of those in the subset.
 *
 * Of too many rows a random subset without replacement stays, by priority sampling: the rows of
 * the least u / w, u uniform, each with the weight max(w, 1 / t), t the least u / w of the others.
 * So a row's chance grows with its weight, as it must where most rows have next to none in a region
 * (soft ones), and what was the chance is not weight once more: the weights in the subset of any set of rows
 * are expected to be what these rows had. Drawn uniformly, with their weights, few rows would tell
 * of such a region; with equal weights, the few rows that weigh more than all others would count
 * too little. Rows of less than NEGLIGIBLE times the largest weight are not in it either.
 *
 * Source: Duffield, Lund, Thorup 2007, J. ACM 54 (6), 32. */
#include "expert/gp/subset.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/weights.h"

#define NEGLIGIBLE 1e-10
#define LEAST_UNIFORM 0x1p-54 /* less than a stream's least number above 0 */

/* Rows that are the same. */
typedef struct distinct {
    double weight, key;
    size_t row; /* the first of them */
} distinct;

static int compare_numbers(const double *a, const double *b, size_t count)
{
    for (size_t j = 0; j < count; j++)
        if (a[j] != b[j])
            return a[j] < b[j] ? -1 : 1;
    return 0;
}

/* The rows there are. */
typedef struct grouping {
    const mele_i_expert_rows *rows;
    const mele_i_expert_shape *shape;
    size_t *place;
} grouping;

static int compare_rows(const grouping *h, size_t a, size_t b)
{
    const size_t d = h->shape->columns, m = h->shape->outputs;
    int order = compare_numbers(h->rows->x + a * d, h->rows->x + b * d, d);

    if (order == 0)
        order = compare_numbers(h->rows->y + a * m, h->rows->y + b * m, m);
    if (order != 0 || h->rows->group == NULL)
        return order;
    return (h->rows->group[a] > h->rows->group[b]) - (h->rows->group[a] < h->rows->group[b]);
}

static int by_numbers(const void *a, const void *b, void *context)
{
    const size_t p = *(const size_t *)a, q = *(const size_t *)b;
    int order = compare_rows(context, p, q);

    return order != 0 ? order : (p > q) - (p < q);
}

static int by_row(const void *a, const void *b)
{
    const distinct *p = a, *q = b;

    return (p->row > q->row) - (p->row < q->row);
}

static int by_key(const void *a, const void *b)
{
    const distinct *p = a, *q = b;

    return p->key != q->key ? (p->key < q->key ? -1 : 1) : by_row(a, b);
}

/* Lists the distinct rows in the order of the first of each, and sets place[] to that row's index.
 * order: count numbers. Returns how many there are. */
static size_t find_distinct(const grouping *h, size_t *order, distinct *list)
{
    const mele_i_expert_rows *rows = h->rows;
    size_t listed = 0;

    for (size_t i = 0; i < rows->count; i++)
        order[i] = i;
    qsort_r(order, rows->count, sizeof *order, by_numbers, (void *)h);
    for (size_t i = 0; i < rows->count; i++) {
        if (i == 0 || compare_rows(h, order[i - 1], order[i]) != 0)
            list[listed++] = (distinct){0, 0, order[i]};
        list[listed - 1].weight += rows->weights[order[i]];
        h->place[order[i]] = list[listed - 1].row;
    }
    qsort(list, listed, sizeof *list, by_row);
    return listed;
}

/* Leaves in the list the rows of the subset, with their weights; returns how many. */
static size_t draw_rows(size_t most, mele_i_stream *stream, distinct *list, size_t listed)
{
    double largest = 0;
    size_t count = 0;

    for (size_t i = 0; i < listed; i++)
        largest = fmax(largest, list[i].weight);
    for (size_t i = 0; i < listed; i++)
        if (list[i].weight > NEGLIGIBLE * largest)
            list[count++] = list[i];
    if (count <= most)
        return count;
    for (size_t i = 0; i < count; i++)
        list[i].key = fmax(mele_i_stream_uniform(stream), LEAST_UNIFORM) / list[i].weight;
    qsort(list, count, sizeof *list, by_key);
    for (size_t i = 0; i < most; i++)
        list[i].weight = fmax(list[i].weight, 1 / list[most].key);
    qsort(list, most, sizeof *list, by_row);
    return most;
}

/* place_of: room for the place of every first row. */
static void set_places(mele_i_gp_subset *subset, size_t rows, const distinct *list, size_t *place_of)
{
    for (size_t i = 0; i < rows; i++)
        place_of[i] = MELE_I_GP_OUTSIDE;
    for (size_t h = 0; h < subset->count; h++) {
        subset->row[h] = list[h].row;
        subset->weights[h] = list[h].weight;
        place_of[list[h].row] = h;
    }
    for (size_t i = 0; i < rows; i++)
        subset->place[i] = place_of[subset->place[i]];
}

mele_status mele_i_gp_subset_make(const mele_i_expert_rows *rows, const mele_i_expert_shape *shape,
                           size_t most, mele_i_stream *stream, mele_i_gp_subset *subset,
                           mele_error *error)
{
    const size_t count = rows->count;
    distinct *list = MELE_I_ARRAY(distinct, count);
    size_t *order = MELE_I_ARRAY(size_t, count);
    mele_status status = MELE_OK;

    *subset = (mele_i_gp_subset){.place = MELE_I_ARRAY(size_t, count)};
    if (list == NULL || order == NULL || subset->place == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    const grouping h = {rows, shape, subset->place};
    subset->count = draw_rows(most, stream, list, find_distinct(&h, order, list));
    subset->row = MELE_I_ARRAY(size_t, subset->count);
    subset->weights = MELE_I_ARRAY(double, subset->count);
    if (subset->row == NULL || subset->weights == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    set_places(subset, count, list, order);
    const double unit = mele_i_weights_ordinary(subset->weights, subset->count);
    for (size_t i = 0; i < subset->count; i++)
        subset->weights[i] /= unit;

cleanup:
    free(list);
    free(order);
    return status;
}

void mele_i_gp_subset_free(mele_i_gp_subset *subset)
{
    free(subset->row);
    free(subset->weights);
    free(subset->place);
}
