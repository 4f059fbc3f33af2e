/* What every kind wants to know of the rows, in one pass: their total weight, and of each column the
 * mean, the extremes and the sum of squares about the mean (engine/columns.c). */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/columns.h"
#include "partition/kind.h"

/* Below DBL_MAX by what sums of a few squared distances need. */
#define MOST_SCATTER 0x1p1020
#define BLOCK_NUMBERS 32768

typedef struct describing {
    const mele_i_sample *sample;
    const mele_i_kernels *kernels;
    mele_i_column_sums all;
} describing;

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

mele_status mele_i_too_far(mele_error *error)
{
    return mele_i_fail(error, MELE_EDATA,
                       "the rows spread too far for sums of squared "
                       "distances: scale the data");
}

static mele_status map_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const describing *c = context;
    const mele_rows *rows = &c->sample->rows;
    const size_t d = rows->cols;
    const double *weights = c->sample->weights, *x;
    const mele_i_column_sums s = mele_i_column_sums_in(partial, d);
    size_t stride;
    mele_status status = mele_i_rows_take(rows, block, scratch, &x, &stride, error);

    if (status != MELE_OK)
        return status;
    weights = weights == NULL ? NULL : weights + block.first;
    if (mele_i_column_sums_take(&s, c->kernels, x, stride, block.count, d, weights))
        return MELE_OK;
    status = check_finite(x, stride, block, d, error);
    return status == MELE_OK ? mele_i_too_far(error) : status;
}

static void combine_block(void *context, const void *partial)
{
    describing *c = context;
    const size_t d = c->sample->rows.cols;
    const mele_i_column_sums more = mele_i_column_sums_in((double *)partial, d);

    mele_i_column_sums_join(&c->all, &more, d);
}

/* The variance, unless the rows spread too far. A sum that is not finite ends here. */
static mele_status set_variance(mele_i_sample *sample, const mele_i_column_sums *all, mele_error *error)
{
    size_t d = sample->rows.cols;
    double sum = 0, size = 0;

    for (size_t j = 0; j < d; j++) {
        sum += all->squares[j];
        size += all->mean[j] * all->mean[j] / (double)d;
    }
    if (!(sum <= MOST_SCATTER && size <= MOST_SCATTER))
        return mele_i_too_far(error);
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
                        .partial_bytes = mele_i_column_sums_count(d) * sizeof(double),
                        .scratch_bytes =
                            mele_i_rows_room(&sample->rows, block_rows) * sizeof(double),
                        .map = map_block,
                        .combine = combine_block,
                        .context = &context};
    mele_status status;

    sample->room = mele_i_array(mele_i_column_sums_count(d), sizeof(double));
    if (sample->room == NULL)
        return mele_i_no_memory(error);
    context.all = mele_i_column_sums_in(sample->room, d);
    mele_i_column_sums_start(&context.all, d);
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
