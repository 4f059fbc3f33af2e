/* The silhouette: Rousseeuw 1987, J. Comput. Appl. Math. 20.
 *
 * For row i of region k, with w the weights and W_l the sum of those of region l,
 *
 *     a = sum_{j in k} w_j |x_i - x_j| / (W_k - 1)           to the others of its own region,
 *     b = min_{l != k} sum_{j in l} w_j |x_i - x_j| / W_l    to the nearest other region,
 *     s = (b - a) / max(a, b),    0 when W_k <= 1 or a = b = 0.
 *
 * A row of weight 2 is two rows at distance 0, each with the other one among "the others": hence
 * W_k - 1, and not W_k - w_i. The result is sum w s / sum w.
 *
 * Of many rows a sample stands for all: regions are strata, and a row that was drawn from n_k as
 * one of m_k counts n_k / m_k times in the mean of s. Distances to a region are means over its rows
 * in the sample. The sample is in memory, region by region, so that a row's distances to one region
 * are a run of numbers. */
#include "partition/silhouette.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/stream.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "engine/rows.h"

#define BLOCK_ROWS 16

static double weight_of(const double *weights, size_t row)
{
    return weights == NULL ? 1 : weights[row];
}

/* ---- how many of each region ---- */

typedef struct leftover {
    double part;
    size_t region;
} leftover;

static int by_part(const void *a, const void *b)
{
    const leftover *p = a, *q = b;

    if (p->part != q->part)
        return p->part > q->part ? -1 : 1;
    return (p->region > q->region) - (p->region < q->region);
}

static size_t least_share(size_t size)
{
    return size < 2 ? size : 2;
}

/* Deal `room` rows in proportion to what regions have beyond their least shares, which `beyond`
 * sums up. */
static mele_status deal(const size_t *sizes, size_t clusters, size_t room, size_t beyond,
                        size_t *out, mele_error *error)
{
    leftover *left = MELE_I_ARRAY(leftover, clusters);

    if (left == NULL)
        return mele_i_no_memory(error);
    size_t rest = room;
    for (size_t k = 0; k < clusters; k++) {
        double quota = (double)room * (double)(sizes[k] - out[k]) / (double)beyond;
        double whole = floor(quota);
        left[k] = (leftover){quota - whole, k};
        out[k] += (size_t)whole;
        rest -= (size_t)whole < rest ? (size_t)whole : rest;
    }
    qsort(left, clusters, sizeof *left, by_part);
    for (size_t k = 0; k < clusters && rest > 0; k++)
        if (out[left[k].region] < sizes[left[k].region]) {
            out[left[k].region]++;
            rest--;
        }
    free(left);
    return MELE_OK;
}

mele_status mele_i_silhouette_shares(const size_t *sizes, size_t clusters, size_t *out,
                                     mele_error *error)
{
    size_t rows = 0, least = 0;

    for (size_t k = 0; k < clusters; k++) {
        rows += sizes[k];
        least += least_share(sizes[k]);
    }
    if (rows <= MELE_I_SILHOUETTE_ROWS) {
        memcpy(out, sizes, clusters * sizeof *out);
        return MELE_OK;
    }
    for (size_t k = 0; k < clusters; k++)
        out[k] = least_share(sizes[k]);
    return least >= MELE_I_SILHOUETTE_ROWS
               ? MELE_OK
               : deal(sizes, clusters, MELE_I_SILHOUETTE_ROWS - least, rows - least, out, error);
}

/* ---- the sample ---- */

typedef struct sample {
    size_t rows, cols, clusters;
    double *x;         /* rows x cols, region by region */
    double *weight;    /* of each row */
    size_t *first;     /* clusters + 1: where the regions begin */
    double *total;     /* of each region: the sum of its weights */
    double *factor;    /* of each region: n_k / m_k */
    const mele_i_kernels *kernels;
    double sum, count; /* of w s and of w */
} sample;

static void sample_clear(sample *s)
{
    free(s->x);
    free(s->weight);
    free(s->first);
    free(s->total);
    free(s->factor);
}

static mele_status sample_new(sample *s, const size_t *share, const size_t *sizes,
                              mele_error *error)
{
    s->first = MELE_I_ARRAY(size_t, s->clusters + 1);
    s->total = MELE_I_ZEROED(double, s->clusters);
    s->factor = MELE_I_ARRAY(double, s->clusters);
    if (s->first == NULL || s->total == NULL || s->factor == NULL)
        return mele_i_no_memory(error);
    for (size_t k = 0; k < s->clusters; k++) {
        s->first[k] = s->rows;
        s->rows += share[k];
        s->factor[k] = share[k] == 0 ? 0 : (double)sizes[k] / (double)share[k];
    }
    s->first[s->clusters] = s->rows;
    s->x = mele_i_array(s->rows, s->cols * sizeof(double));
    s->weight = MELE_I_ARRAY(double, s->rows);
    return s->x == NULL || s->weight == NULL ? mele_i_no_memory(error) : MELE_OK;
}

/* Draw share[k] of the sizes[k] rows of each region, in one walk over the rows: each is taken with
 * probability wanted / left (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S). Uses up
 * both arrays. */
static mele_status draw(const mele_i_labelled *all, uint64_t seed, size_t *share, size_t *sizes,
                        sample *s, mele_error *error)
{
    const mele_rows *rows = all->rows;
    const double *weights = all->weights;
    mele_i_stream stream = mele_i_stream_make(seed, MELE_I_FOR_SILHOUETTE, 0, 0);
    mele_status status = MELE_OK;

    for (size_t i = 0; i < rows->rows && status == MELE_OK; i++) {
        const size_t k = all->label[i];
        if (!(weight_of(weights, i) > 0))
            continue;
        if (share[k] > 0
            && (share[k] == sizes[k] || mele_i_stream_below(&stream, sizes[k]) < share[k])) {
            size_t at = s->first[k + 1] - share[k]--;
            s->weight[at] = weight_of(weights, i);
            s->total[k] += s->weight[at];
            status = mele_i_rows_copy(rows, i, s->x + at * s->cols, error);
        }
        sizes[k]--;
    }
    return status;
}

/* ---- the silhouettes of its rows ---- */

/* s of a row of region k, from its squared distances to all rows. */
static double silhouette_of(const sample *s, const double *squared, size_t k)
{
    double a = 0, b = INFINITY;

    if (!(s->total[k] > 1))
        return 0;
    for (size_t l = 0; l < s->clusters; l++) {
        double sum = 0;
        for (size_t j = s->first[l]; j < s->first[l + 1]; j++)
            sum += s->weight[j] * sqrt(squared[j]);
        if (l == k)
            a = sum / (s->total[k] - 1);
        else if (s->total[l] > 0)
            b = fmin(b, sum / s->total[l]);
    }
    if (a == b)
        return 0;
    if (isinf(a) || isinf(b)) /* squares that overflowed */
        return a < b ? 1 : -1;
    return (b - a) / fmax(a, b);
}

static mele_status map_silhouettes(void *context, mele_i_block block, void *partial, void *scratch,
                                   mele_error *error)
{
    const sample *s = context;
    double *squared = scratch, *sum = partial;
    size_t k = 0;

    (void)error;
    s->kernels->distances(s->x + block.first * s->cols, s->cols, block.count, s->cols, s->x,
                          s->rows, squared);
    for (size_t i = block.first; i < block.first + block.count; i++, squared += s->rows) {
        while (i >= s->first[k + 1])
            k++;
        double weight = s->weight[i] * s->factor[k];
        sum[0] += weight * silhouette_of(s, squared, k);
        sum[1] += weight;
    }
    return MELE_OK;
}

static void combine_silhouettes(void *context, const void *partial)
{
    sample *s = context;
    const double *sum = partial;

    s->sum += sum[0];
    s->count += sum[1];
}

static mele_status measure(sample *s, mele_engine *engine, mele_error *error)
{
    const mele_i_pass pass = {.rows = s->rows,
                              .block_rows = BLOCK_ROWS,
                              .partial_bytes = 2 * sizeof(double),
                              .scratch_bytes = BLOCK_ROWS * s->rows * sizeof(double),
                              .map = map_silhouettes,
                              .combine = combine_silhouettes,
                              .context = s};

    s->kernels = mele_i_kernels_best();
    return mele_i_pass_run(engine, &pass, error);
}

/* How many rows of positive weight each region has; returns how many regions have some. */
static size_t count_rows(const mele_i_labelled *all, size_t *sizes)
{
    size_t filled = 0;

    for (size_t i = 0; i < all->rows->rows; i++)
        sizes[all->label[i]] += weight_of(all->weights, i) > 0;
    for (size_t k = 0; k < all->clusters; k++)
        filled += sizes[k] > 0;
    return filled;
}

mele_status mele_i_silhouette(const mele_i_labelled *all, uint64_t seed, mele_engine *engine,
                              double *out, mele_error *error)
{
    const size_t clusters = all->clusters;
    sample s = {.cols = all->rows->cols, .clusters = clusters};
    size_t *sizes = MELE_I_ZEROED(size_t, clusters), *share = MELE_I_ARRAY(size_t, clusters);
    mele_status status = MELE_OK;

    if (sizes == NULL || share == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    if (count_rows(all, sizes) < 2) {
        *out = 0;
        goto cleanup;
    }
    status = mele_i_silhouette_shares(sizes, clusters, share, error);
    if (status == MELE_OK)
        status = sample_new(&s, share, sizes, error);
    if (status == MELE_OK)
        status = draw(all, seed, share, sizes, &s, error);
    if (status == MELE_OK)
        status = measure(&s, engine, error);
    if (status == MELE_OK)
        *out = s.sum / s.count;
cleanup:
    sample_clear(&s);
    free(share);
    free(sizes);
    return status;
}
