/* Lightweight coresets (Bachem, Lucic, Krause 2018, KDD, "Scalable k-means clustering via
 * lightweight coresets"): m rows drawn with probabilities
 *     q_i = w_i / 2 W + w_i D_i / 2 sum w D,    D_i = |x_i - mean|^2,
 * each of weight w_i / (m q_i), so that the weighted sum of squared distances to any centres is, in
 * the mean over draws, that of all rows, and off by a small share of it and of the total scatter.
 * Half of q goes after the scatter, so rows far from the others are not lost.
 *
 * The draws are stratified: the running sum of q passes (j + u_j) / m, u_j uniform in [0, 1), in
 * the row of draw j. One pass sums q by blocks, which tells the draws of every block; a second one
 * finds their rows. A target that rounding carries past a block's last row takes the last of
 * positive weight. */
#include "partition/coreset.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/kernels.h"

#define BLOCK_NUMBERS 32768
#define LEAST_ROWS 64

typedef struct drawing {
    const mele_i_sample *sample;
    const mele_i_kernels *kernels;
    size_t block_rows, blocks, draws;
    double scatter;       /* sum of w D */
    double *block_weight; /* of every block the sum of w, then that of q before it */
    double *block_spread; /* of every block the sum of w D */
    const double *target; /* draws of them, ascending */
    double *rows, *weights;
} drawing;

/* The rows of a block and, after them in scratch, their D. */
static mele_status take_block(const drawing *c, mele_i_block block, double *scratch,
                              const double **x, size_t *stride, double **distance,
                              mele_error *error)
{
    const mele_rows *rows = &c->sample->rows;
    mele_status status =
        mele_i_rows_take(rows, block, scratch + c->block_rows, x, stride, error);

    *distance = scratch;
    if (status == MELE_OK)
        c->kernels->distances(*x, *stride, block.count, rows->cols, c->sample->mean, 1, scratch);
    return status;
}

static mele_status sum_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const drawing *c = context;
    const double *x;
    double *distance, weight = 0, spread = 0;
    size_t stride;
    mele_status status = take_block(c, block, scratch, &x, &stride, &distance, error);

    (void)partial;
    for (size_t i = 0; i < block.count && status == MELE_OK; i++) {
        const double w = mele_i_weight(c->sample, block.first + i);
        weight += w;
        spread += w > 0 ? w * distance[i] : 0;
    }
    c->block_weight[block.index] = weight;
    c->block_spread[block.index] = spread;
    return status;
}

static double share(const drawing *c, double weight, double spread)
{
    return 0.5 * (weight / c->sample->total) + 0.5 * (spread / c->scatter);
}

/* The first draw whose target is not below this. */
static size_t first_draw(const drawing *c, double sum)
{
    size_t low = 0, high = c->draws;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (c->target[middle] < sum)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void keep_row(const drawing *c, size_t draw, const double *row, double weight, double q)
{
    const size_t d = c->sample->rows.cols;

    memcpy(c->rows + draw * d, row, d * sizeof *row);
    c->weights[draw] = weight / ((double)c->draws * q);
}

static mele_status draw_block(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const drawing *c = context;
    const bool last_block = block.index + 1 == c->blocks;
    size_t draw = block.index == 0 ? 0 : first_draw(c, c->block_weight[block.index]), stride, last;
    const size_t end = last_block ? c->draws : first_draw(c, c->block_weight[block.index + 1]);
    const double *x;
    double *distance, sum = c->block_weight[block.index];
    mele_status status;

    (void)partial;
    if (draw == end)
        return MELE_OK;
    status = take_block(c, block, scratch, &x, &stride, &distance, error);
    if (status != MELE_OK)
        return status;
    last = block.count;
    for (size_t i = 0; i < block.count && draw < end; i++) {
        const double w = mele_i_weight(c->sample, block.first + i);
        const double q = w > 0 ? share(c, w, w * distance[i]) : 0;
        if (!(q > 0))
            continue;
        last = i;
        for (sum += q; draw < end && c->target[draw] < sum; draw++)
            keep_row(c, draw, x + i * stride, w, q);
    }
    for (; draw < end && last < block.count; draw++) {
        const double w = mele_i_weight(c->sample, block.first + last);
        keep_row(c, draw, x + last * stride, w, share(c, w, w * distance[last]));
    }
    for (; draw < end; draw++) { /* a block without weight: only rounding sends a target here */
        memcpy(c->rows + draw * c->sample->rows.cols, c->sample->mean,
               c->sample->rows.cols * sizeof(double));
        c->weights[draw] = 0;
    }
    return MELE_OK;
}

static mele_status run_pass(drawing *c, mele_engine *engine,
                            mele_status (*map)(void *, mele_i_block, void *, void *, mele_error *),
                            mele_error *error)
{
    const mele_rows *rows = &c->sample->rows;
    mele_i_pass pass = {.rows = rows->rows,
                        .block_rows = c->block_rows,
                        .scratch_bytes = (c->block_rows + mele_i_rows_room(rows, c->block_rows))
                                         * sizeof(double),
                        .map = map,
                        .context = c};

    return mele_i_pass_run(engine, &pass, error);
}

/* The sums of q before every block. */
static void accumulate_shares(drawing *c)
{
    double before = 0;

    for (size_t b = 0; b < c->blocks; b++) {
        const double q = share(c, c->block_weight[b], c->block_spread[b]);
        c->block_weight[b] = before;
        before += q;
    }
}

static mele_status draw(drawing *c, double *target, mele_i_stream *stream, mele_engine *engine,
                        bool *drawn, mele_error *error)
{
    mele_status status = run_pass(c, engine, sum_block, error);

    if (status != MELE_OK)
        return status;
    for (size_t b = 0; b < c->blocks; b++)
        c->scatter += c->block_spread[b];
    *drawn = c->scatter > DBL_MIN && c->scatter <= DBL_MAX;
    if (!*drawn)
        return MELE_OK;
    accumulate_shares(c);
    for (size_t j = 0; j < c->draws; j++)
        target[j] = ((double)j + mele_i_stream_uniform(stream)) / (double)c->draws;
    return run_pass(c, engine, draw_block, error);
}

void mele_i_coreset_clear(mele_i_coreset *coreset)
{
    mele_i_sample_clear(&coreset->sample);
    free(coreset->rows);
    free(coreset->weights);
    *coreset = (mele_i_coreset){.rows = NULL};
}

mele_status mele_i_coreset_draw(const mele_i_sample *sample, size_t rows, mele_i_stream *stream,
                                mele_engine *engine, mele_i_coreset *out, bool *drawn,
                                mele_error *error)
{
    const size_t d = sample->rows.cols, block_rows = mele_i_block_rows(d, BLOCK_NUMBERS, LEAST_ROWS);
    const size_t blocks = (sample->rows.rows - 1) / block_rows + 1;
    double *room = mele_i_array(blocks, 2 * sizeof(double)), *target = MELE_I_ARRAY(double, rows);
    drawing c = {.sample = sample, .kernels = mele_i_kernels_best(), .block_rows = block_rows,
                 .blocks = blocks, .draws = rows, .block_weight = room,
                 .block_spread = room + blocks, .target = target};
    mele_status status = MELE_ENOMEM;

    *out = (mele_i_coreset){.rows = mele_i_array(rows, d * sizeof(double)),
                            .weights = MELE_I_ARRAY(double, rows)};
    *drawn = false;
    c.rows = out->rows;
    c.weights = out->weights;
    if (room == NULL || target == NULL || out->rows == NULL || out->weights == NULL)
        mele_i_no_memory(error);
    else
        status = draw(&c, target, stream, engine, drawn, error);
    free(target);
    free(room);
    if (status != MELE_OK || !*drawn)
        return status;
    out->sample = (mele_i_sample){.rows = mele_i_rows_in_memory(out->rows, rows, d),
                                  .weights = out->weights};
    return mele_i_sample_describe(&out->sample, engine, error);
}
