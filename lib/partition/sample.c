/* What every kind wants to know of the rows, in one pass: their total weight, and of each column the
 * mean, the extremes and the sum of squares about the mean.
 *
 * A block is taken twice while it is in the cache, for its mean m_b and for the squares about it;
 * blocks are joined by
 *     m = m_a + (m_b - m_a) W_b / W,    S = S_a + S_b + (m_b - m_a)^2 W_a W_b / W
 * (Chan, Golub, LeVeque 1983, Am. Stat. 37), so that nothing is lost to a large mean. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "partition/kind.h"

/* Below DBL_MAX by what sums of a few squared distances need. */
#define MOST_SCATTER 0x1p1020
#define BLOCK_NUMBERS 32768

/* The sums of some rows: total weight, then d of each. */
typedef struct sums {
    double *weight, *mean, *squares, *low, *high;
} sums;

typedef struct describing {
    const mele_i_sample *sample;
    const mele_i_kernels *kernels;
    sums all;
} describing;

static size_t sums_count(size_t d)
{
    return 1 + 4 * d;
}

static sums sums_in(double *room, size_t d)
{
    sums s = {room, room + 1, room + 1 + d, room + 1 + 2 * d, room + 1 + 3 * d};
    return s;
}

static void clear_sums(const sums *s, size_t d)
{
    memset(s->weight, 0, (1 + 2 * d) * sizeof(double));
    for (size_t j = 0; j < d; j++) {
        s->low[j] = INFINITY;
        s->high[j] = -INFINITY;
    }
}

/* The first number of a block that is not finite, if it has one. */
static mele_status check_finite(const double *x, size_t stride, mele_i_block block, size_t d,
                                mele_error *error)
{
    for (size_t i = 0; i < block.count; i++)
        for (size_t j = 0; j < d; j++)
            if (!isfinite(x[i * stride + j]))
                return mele_i_fail(error, MELE_EDATA,
                                   "x: row %zu, column %zu is %g, not a finite number",
                                   block.first + i + 1, j + 1, x[i * stride + j]);
    return MELE_OK;
}

static double block_weight(const mele_i_sample *sample, mele_i_block block)
{
    double sum = 0;

    if (sample->weights == NULL)
        return (double)block.count;
    for (size_t i = block.first; i < block.first + block.count; i++)
        sum += sample->weights[i];
    return sum;
}

static mele_status map_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const describing *c = context;
    const mele_rows *rows = &c->sample->rows;
    const size_t d = rows->cols;
    const double *weights = c->sample->weights, *x;
    const sums s = sums_in(partial, d);
    size_t stride;
    bool finite = true;
    mele_status status = mele_i_rows_take(rows, block, scratch, &x, &stride, error);

    if (status != MELE_OK)
        return status;
    weights = weights == NULL ? NULL : weights + block.first;
    clear_sums(&s, d);
    *s.weight = block_weight(c->sample, block);
    c->kernels->column_sums(x, stride, block.count, d, NULL, s.low, s.high, s.mean);
    for (size_t j = 0; j < d; j++)
        finite = finite && isfinite(s.mean[j]);
    if (!finite)
        status = check_finite(x, stride, block, d, error);
    if (status != MELE_OK)
        return status;
    if (weights != NULL) {
        memset(s.mean, 0, d * sizeof *s.mean);
        c->kernels->column_sums(x, stride, block.count, d, weights, s.low, s.high, s.mean);
    }
    for (size_t j = 0; j < d; j++)
        s.mean[j] = *s.weight > 0 ? s.mean[j] / *s.weight : 0;
    c->kernels->column_squares(x, stride, block.count, d, weights, s.mean, s.squares);
    return MELE_OK;
}

static void combine_block(void *context, const void *partial)
{
    describing *c = context;
    const size_t d = c->sample->rows.cols;
    const sums a = c->all, b = sums_in((double *)partial, d);
    const double total = *a.weight + *b.weight;

    for (size_t j = 0; j < d; j++) {
        a.low[j] = fmin(a.low[j], b.low[j]);
        a.high[j] = fmax(a.high[j], b.high[j]);
        if (*b.weight > 0) {
            double off = b.mean[j] - a.mean[j], share = *b.weight / total;
            a.mean[j] += off * share;
            a.squares[j] += b.squares[j] + off * off * *a.weight * share;
        }
    }
    *a.weight = total;
}

/* The variance, unless the rows spread too far. A sum that is not finite ends here. */
static mele_status set_variance(mele_i_sample *sample, const sums *all, mele_error *error)
{
    size_t d = sample->rows.cols;
    double sum = 0, size = 0;

    for (size_t j = 0; j < d; j++) {
        sum += all->squares[j];
        size += all->mean[j] * all->mean[j] / (double)d;
    }
    if (!(sum <= MOST_SCATTER && size <= MOST_SCATTER))
        return mele_i_fail(error, MELE_EDATA,
                           "the rows spread too far for sums of squared "
                           "distances: scale the data");
    sample->variance = sum / sample->total / (double)d;
    sample->size = sample->variance > 0 ? sample->variance : size > 0 ? size : 1;
    return MELE_OK;
}

double mele_i_variance_floor(const mele_i_sample *sample, double share)
{
    return fmin(fmax(share * sample->size, DBL_MIN), MOST_SCATTER);
}

void mele_i_sample_clear(mele_i_sample *sample)
{
    free(sample->room);
    sample->room = NULL;
}

mele_status mele_i_sample_describe(mele_i_sample *sample, mele_engine *engine, mele_error *error)
{
    const size_t d = sample->rows.cols, block_rows = mele_i_block_rows(d, BLOCK_NUMBERS, 1);
    describing context = {.sample = sample, .kernels = mele_i_kernels_best()};
    mele_i_pass pass = {.rows = sample->rows.rows,
                        .block_rows = block_rows,
                        .partial_bytes = sums_count(d) * sizeof(double),
                        .scratch_bytes =
                            mele_i_rows_room(&sample->rows, block_rows) * sizeof(double),
                        .map = map_block,
                        .combine = combine_block,
                        .context = &context};
    mele_status status;

    sample->room = mele_i_array(sums_count(d), sizeof(double));
    if (sample->room == NULL)
        return mele_i_no_memory(error);
    context.all = sums_in(sample->room, d);
    clear_sums(&context.all, d);
    status = mele_i_pass_run(engine, &pass, error);
    sample->total = *context.all.weight;
    sample->mean = context.all.mean;
    sample->low = context.all.low;
    sample->high = context.all.high;
    if (status == MELE_OK)
        status = set_variance(sample, &context.all, error);
    if (status != MELE_OK)
        mele_i_sample_clear(sample);
    return status;
}
