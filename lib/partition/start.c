/* Where k-means starts.
 *
 * k-means++ (Arthur, Vassilvitskii, SODA 2007) draws each next centre among the rows with
 * probability w_i D_i / sum w D, D_i the squared distance to the nearest centre so far; the greedy
 * form draws 2 + floor(log K) candidates and keeps the one that leaves the smallest sum (the
 * lowest index among equals). The first is drawn with probability w_i / sum w. When the sum is
 * zero every row of positive weight is a centre already: no more distinct rows. */
#include "partition/start.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/stream.h"
#include "engine/kernels.h"
#include "engine/pass.h"

typedef struct seeding {
    const mele_i_attempt *attempt;
    const mele_i_kernels *kernels;
    size_t block_rows, blocks, candidates;
    double *nearest;    /* n: squared distance to the nearest centre so far */
    double *block_sum;  /* sum of w times that, of every block */
    double *candidate;  /* candidates x d */
    double *potential;  /* the sum that each candidate would leave */
    const double *last; /* the newest centre */
} seeding;

/* Lower the distances for the newest centre, and sum them by blocks. */
static mele_status map_lower(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    seeding *s = context;
    const mele_i_sample *sample = s->attempt->sample;
    const mele_rows *x = &sample->rows;
    double *distance = scratch, *nearest = s->nearest + block.first, sum = 0;

    (void)partial;
    (void)error;
    s->kernels->distances(x->data + block.first * x->stride, x->stride, block.count, x->cols,
                          s->last, 1, distance);
    for (size_t i = 0; i < block.count; i++) {
        double weight = mele_i_weight(sample, block.first + i);
        if (distance[i] < nearest[i])
            nearest[i] = distance[i];
        if (weight > 0)
            sum += weight * nearest[i];
    }
    s->block_sum[block.index] = sum;
    return MELE_OK;
}

static mele_status lower_distances(seeding *s, const double *centre, mele_error *error)
{
    mele_i_pass pass = {.rows = s->attempt->sample->rows.rows,
                        .block_rows = s->block_rows,
                        .scratch_bytes = s->block_rows * sizeof(double),
                        .map = map_lower,
                        .context = s};

    s->last = centre;
    return mele_i_pass_run(s->attempt->engine, &pass, error);
}

static mele_status map_potential(void *context, mele_i_block block, void *partial, void *scratch,
                                 mele_error *error)
{
    const seeding *s = context;
    const mele_i_sample *sample = s->attempt->sample;
    const mele_rows *x = &sample->rows;
    double *sum = partial, *distance = scratch;

    (void)error;
    s->kernels->distances(x->data + block.first * x->stride, x->stride, block.count, x->cols,
                          s->candidate, s->candidates, distance);
    for (size_t i = 0; i < block.count; i++, distance += s->candidates) {
        double weight = mele_i_weight(sample, block.first + i);
        double nearest = s->nearest[block.first + i];
        if (weight > 0)
            for (size_t c = 0; c < s->candidates; c++)
                sum[c] += weight * (distance[c] < nearest ? distance[c] : nearest);
    }
    return MELE_OK;
}

static void combine_potential(void *context, const void *partial)
{
    seeding *s = context;
    const double *sum = partial;

    for (size_t c = 0; c < s->candidates; c++)
        s->potential[c] += sum[c];
}

static mele_status candidate_potentials(seeding *s, mele_error *error)
{
    mele_i_pass pass = {.rows = s->attempt->sample->rows.rows,
                        .block_rows = s->block_rows,
                        .partial_bytes = s->candidates * sizeof(double),
                        .scratch_bytes = s->block_rows * s->candidates * sizeof(double),
                        .map = map_potential,
                        .combine = combine_potential,
                        .context = s};

    memset(s->potential, 0, s->candidates * sizeof(double));
    return mele_i_pass_run(s->attempt->engine, &pass, error);
}

/* What row i weighs in the draw: its weight times its distance, or for the first centre (whose
 * distances are not known yet) its weight. */
static double share(const seeding *s, size_t i)
{
    double weight = mele_i_weight(s->attempt->sample, i);

    return isinf(s->nearest[i]) ? weight : weight * s->nearest[i];
}

/* The row in which the running sum of shares passes target; rounding may carry it past the
 * last, then the last with a share. */
static size_t row_at(const seeding *s, double target)
{
    size_t n = s->attempt->sample->rows.rows, block = 0, last = n, i;

    for (size_t b = 0; b < s->blocks; b++) {
        if (s->block_sum[b] > 0)
            block = b;
        if (target < s->block_sum[b])
            break;
        if (b + 1 < s->blocks)
            target -= s->block_sum[b];
    }
    i = block * s->block_rows;
    for (size_t end = n - i < s->block_rows ? n : i + s->block_rows; i < end; i++) {
        double value = share(s, i);
        if (value > 0)
            last = i;
        if (value > 0 && target < value)
            break;
        target -= value;
    }
    return last;
}

static double sum_blocks(const seeding *s)
{
    double sum = 0;

    for (size_t b = 0; b < s->blocks; b++)
        sum += s->block_sum[b];
    return sum;
}

static void copy_row(const seeding *s, size_t row, double *out)
{
    const mele_rows *x = &s->attempt->sample->rows;

    memcpy(out, x->data + row * x->stride, x->cols * sizeof(double));
}

static void draw_first(seeding *s, mele_i_stream *stream, double *centre)
{
    size_t n = s->attempt->sample->rows.rows;

    for (size_t b = 0, i = 0; b < s->blocks; b++) {
        s->block_sum[b] = 0;
        for (size_t end = n - i < s->block_rows ? n : i + s->block_rows; i < end; i++) {
            s->nearest[i] = INFINITY;
            s->block_sum[b] += mele_i_weight(s->attempt->sample, i);
        }
    }
    copy_row(s, row_at(s, mele_i_stream_uniform(stream) * sum_blocks(s)), centre);
}

/* Draw candidates and copy the best to centre. */
static mele_status draw_next(seeding *s, mele_i_stream *stream, double total, double *centre,
                             mele_error *error)
{
    size_t d = s->attempt->sample->rows.cols, best = 0;

    for (size_t c = 0; c < s->candidates; c++)
        copy_row(s, row_at(s, mele_i_stream_uniform(stream) * total), s->candidate + c * d);
    mele_status status = candidate_potentials(s, error);
    for (size_t c = 1; c < s->candidates; c++)
        if (s->potential[c] < s->potential[best])
            best = c;
    memcpy(centre, s->candidate + best * d, d * sizeof(double));
    return status;
}

static mele_status seed(seeding *s, mele_i_stream *stream, double *centres, size_t *found,
                        mele_error *error)
{
    size_t d = s->attempt->sample->rows.cols, k = 1;
    mele_status status;

    draw_first(s, stream, centres);
    status = lower_distances(s, centres, error);
    for (; k < s->attempt->options->clusters && status == MELE_OK; k++) {
        double total = sum_blocks(s);
        if (total == 0)
            break;
        status = draw_next(s, stream, total, centres + k * d, error);
        if (status == MELE_OK)
            status = lower_distances(s, centres + k * d, error);
    }
    if (status == MELE_OK)
        *found = k;
    return status;
}

static mele_status plus_plus(const mele_i_attempt *attempt, mele_i_stream *stream, double *centres,
                             size_t *found, mele_error *error)
{
    size_t n = attempt->sample->rows.rows, d = attempt->sample->rows.cols;
    size_t candidates = 2 + (size_t)log((double)attempt->options->clusters);
    seeding s = {.attempt = attempt,
                 .kernels = mele_i_kernels_best(),
                 .candidates = candidates,
                 .block_rows = mele_i_partition_block(d * candidates)};
    mele_status status;

    s.blocks = (n - 1) / s.block_rows + 1;
    s.nearest = MELE_I_ARRAY(double, n);
    s.block_sum = MELE_I_ARRAY(double, s.blocks);
    s.candidate = mele_i_array(d, candidates * sizeof(double));
    s.potential = MELE_I_ARRAY(double, candidates);
    if (s.nearest == NULL || s.block_sum == NULL || s.candidate == NULL || s.potential == NULL)
        status = mele_i_no_memory(error);
    else
        status = seed(&s, stream, centres, found, error);
    free(s.nearest);
    free(s.block_sum);
    free(s.candidate);
    free(s.potential);
    return status;
}

/* Different rows, each set of rows of positive weight with the same probability. */
static mele_status random_rows(const mele_i_attempt *attempt, mele_i_stream *stream,
                               double *centres, size_t *found, mele_error *error)
{
    const mele_i_sample *sample = attempt->sample;
    const mele_rows *x = &sample->rows;
    size_t *row = MELE_I_ARRAY(size_t, x->rows), rows = 0, k;

    if (row == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < x->rows; i++)
        if (mele_i_weight(sample, i) > 0)
            row[rows++] = i;
    for (k = 0; k < attempt->options->clusters && k < rows; k++) {
        size_t other = k + mele_i_stream_below(stream, rows - k), chosen = row[other];
        row[other] = row[k];
        row[k] = chosen;
        memcpy(centres + k * x->cols, x->data + chosen * x->stride, x->cols * sizeof(double));
    }
    *found = k;
    free(row);
    return MELE_OK;
}

mele_status mele_i_start(const mele_i_attempt *attempt, double *centres, size_t *found,
                         mele_error *error)
{
    const mele_partition_options *options = attempt->options;
    const mele_matrix *given = options->centres;
    mele_i_stream stream =
        mele_i_stream_make(options->seed, MELE_I_FOR_PARTITION, options->fold, attempt->restart);

    if (given != NULL) {
        for (size_t k = 0; k < given->rows; k++)
            memcpy(centres + k * given->cols, given->data + k * given->stride,
                   given->cols * sizeof(double));
        *found = given->rows;
        return MELE_OK;
    }
    if (strcmp(options->init, "random") == 0)
        return random_rows(attempt, &stream, centres, found, error);
    return plus_plus(attempt, &stream, centres, found, error);
}
