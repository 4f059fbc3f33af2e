/* Every block of rows is grouped by region, a run of them after the other; a region's rows [1 X
 * y1..ym], times the square roots of their weights, are reduced to its small triangle (or moments).
 * Triangles are merged in block order, and the global expert's is the merger of all regions':
 * posteriors sum to 1, so no row is seen twice. The frame of many rows is a guess from some of
 * them; the pass sees whether it was a good one, and whether all numbers are finite. */
#include "expert/linear/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "engine/check.h"
#include "engine/kernels.h"
#include "expert/forms/triangle.h"

#define ROWS_A_COLUMN 8       /* of a region in a block: merging triangles stays below a tenth */
#define BLOCKS 32             /* at least, if there are rows for that */
#define RUN_NUMBERS (1 << 14) /* of rows that stay near, with as many that come next */
#define LEAST_RUN 1024

/* ---- the solvers ---- */

/* How rows are accumulated: the solvers. */
struct mele_i_linear_reduction {
    const char *name;
    bool moments;
    size_t (*rows)(size_t q);  /* of a chunk */
    size_t (*width)(size_t q); /* a factor is q x width, a chunk rows x width */
    /* after: as many rows from there on come next, or there are none */
    void (*add)(const mele_i_linear_fit *f, const size_t *row, const double *root, size_t count,
                size_t after, double *chunk, double *factor);
    void (*merge)(double *factor, const double *other, size_t q, double *scratch);
};

static size_t itself(size_t q)
{
    return q;
}

static void triangle_add(const mele_i_linear_fit *f, const size_t *row, const double *root,
                         size_t count, size_t after, double *chunk, double *factor)
{
    size_t rows = (count + MELE_I_LANES - 1) / MELE_I_LANES * MELE_I_LANES;

    (void)after; /* beside this much work with a row its way from memory is nothing */
    mele_i_frame_columns(&f->frame, row, root, count, rows, chunk);
    mele_i_triangle_add(factor, f->q, chunk, rows);
}

static void moments_add(const mele_i_linear_fit *f, const size_t *row, const double *root,
                        size_t count, size_t after, double *chunk, double *factor)
{
    const mele_matrix *x = f->problem->x;
    const bool more = after + 2 * count <= x->rows;

    mele_i_frame_pack(&f->frame, row, root, count, f->width, chunk);
    mele_i_gram_add(chunk, f->q, count, factor, more ? x->data + after * x->stride : NULL,
                    more ? x->stride * sizeof(double) : 0);
}

static void moments_merge(double *moments, const double *other, size_t q, double *scratch)
{
    (void)scratch;
    for (size_t i = 0; i < q * mele_i_gram_width(q); i++)
        moments[i] += other[i];
}

enum { TRIANGLES };

static const mele_i_linear_reduction reductions[] = {
    [TRIANGLES] = {"qr", false, mele_i_chunk_rows, itself, triangle_add, mele_i_triangle_merge},
    {"normal", true, mele_i_gram_rows, mele_i_gram_width, moments_add, moments_merge},
};

size_t mele_i_linear_factor_size(const mele_i_linear_fit *f)
{
    return f->q * f->width;
}

static void reduce_by(mele_i_linear_fit *f, const mele_i_linear_reduction *reduction)
{
    f->reduction = reduction;
    f->rows = reduction->rows(f->q);
    f->width = reduction->width(f->q);
    f->run = mele_i_block_rows(f->q, RUN_NUMBERS, LEAST_RUN);
}

void mele_i_linear_reduce(mele_i_linear_fit *f)
{
    for (size_t i = 0; i < sizeof reductions / sizeof *reductions; i++)
        if (strcmp(f->problem->options->solver, reductions[i].name) == 0)
            reduce_by(f, &reductions[i]);
    if (f->problem->x->rows < f->q) /* moments would have q x q numbers to tell that */
        reduce_by(f, &reductions[TRIANGLES]);
}

bool mele_i_linear_by_moments(const mele_i_linear_fit *f)
{
    return f->reduction->moments;
}

/* ---- blocks ---- */

/* A block's result: whether a region has rows, the regions' factors, and the extremes of the
 * columns. */
typedef struct block_factors {
    size_t *count;
    double *factor, *low, *high;
} block_factors;

static block_factors place_factors(const mele_i_linear_fit *f, void *partial)
{
    unsigned char *at = partial;
    block_factors placed;

    placed.count = mele_i_carve(&at, f->clusters, sizeof *placed.count);
    placed.factor =
        mele_i_carve(&at, f->clusters * mele_i_linear_factor_size(f), sizeof *placed.factor);
    placed.low = mele_i_carve(&at, f->d + f->m, sizeof *placed.low);
    placed.high = mele_i_carve(&at, f->d + f->m, sizeof *placed.high);
    return placed;
}

/* Fails where a run of rows has a number that is not finite, and names the first of all rows. */
static mele_status check_run(const mele_matrix *a, const char *name, mele_i_block run,
                             mele_error *error)
{
    mele_matrix rows = *a;

    rows.data += run.first * a->stride;
    rows.rows = run.count;
    if (mele_i_check_matrix(&rows, name, NULL, NULL) == MELE_OK)
        return MELE_OK;
    return mele_i_check_matrix(a, name, NULL, error);
}

/* The extremes of the columns so far. A number that is not finite makes the sum of its column one
 * that is not; `sum` has a number a column. */
static mele_status take_extremes(const mele_matrix *a, const char *name, mele_i_block run,
                                 double *low, double *high, double *sum, mele_error *error)
{
    const double *first = a->data + run.first * a->stride;
    bool finite = true;

    memset(sum, 0, a->cols * sizeof *sum);
    mele_i_kernels_best()->column_sums(first, a->stride, run.count, a->cols, NULL, low, high, sum);
    for (size_t j = 0; j < a->cols; j++)
        finite = finite && isfinite(sum[j]);
    return finite ? MELE_OK : check_run(a, name, run, error);
}

/* Reading a run of rows in order, for their extremes, brings near what is not there yet; the
 * regions' rows then lie in it here and there. */
static mele_status factor_run(const mele_i_linear_fit *f, mele_i_block run,
                              const block_factors *out, const mele_i_linear_members *m,
                              double *chunk, double *sum, mele_error *error)
{
    const mele_i_regions *regions = f->problem->regions;
    const bool equal = regions->weights == NULL && regions->label != NULL;
    /* soft regions have the same rows again */
    size_t after = regions->label != NULL ? run.first + run.count : regions->rows;
    mele_status status = take_extremes(f->problem->x, "x", run, out->low, out->high, sum, error);

    if (status == MELE_OK)
        status = take_extremes(f->problem->y, "targets", run, out->low + f->d, out->high + f->d,
                               sum, error);
    for (size_t k = 0; k < f->clusters && status == MELE_OK; k++) {
        mele_i_linear_slice s = mele_i_linear_members_of(f, run, k, m);
        out->count[k] += s.count;
        for (size_t i = 0; i < s.count && !equal; i++)
            s.weight[i] = sqrt(s.weight[i]);
        for (size_t i = 0, count; i < s.count; i += count, after += count) {
            count = s.count - i < f->rows ? s.count - i : f->rows;
            f->reduction->add(f, s.row + i, s.weight + i, count, after, chunk,
                              out->factor + k * mele_i_linear_factor_size(f));
        }
    }
    return status;
}

static mele_status factor_block(void *context, mele_i_block block, void *partial, void *scratch,
                                mele_error *error)
{
    const mele_i_linear_fit *f = context;
    const mele_matrix *x = f->problem->x, *y = f->problem->y;
    block_factors out = place_factors(f, partial);
    unsigned char *at = scratch;
    mele_i_linear_members m = mele_i_linear_place_members(f, &at, f->run);
    double *chunk = mele_i_carve(&at, f->rows * f->width, sizeof *chunk);
    double *sum = mele_i_carve(&at, f->d + f->m, sizeof *sum);
    mele_status status = MELE_OK;

    memset(chunk, 0, f->rows * f->width * sizeof *chunk);
    memcpy(out.low, x->data + block.first * x->stride, f->d * sizeof *out.low);
    memcpy(out.low + f->d, y->data + block.first * y->stride, f->m * sizeof *out.low);
    memcpy(out.high, out.low, (f->d + f->m) * sizeof *out.high);
    for (size_t i = 0; i < block.count && status == MELE_OK; i += f->run) {
        size_t count = block.count - i < f->run ? block.count - i : f->run;
        mele_i_block run = {0, block.first + i, count};
        status = factor_run(f, run, &out, &m, chunk, sum, error);
    }
    return status;
}

static void merge_block(void *context, const void *partial)
{
    const mele_i_linear_fit *f = context;
    block_factors block = place_factors(f, (void *)partial);
    size_t size = mele_i_linear_factor_size(f);

    for (size_t k = 0; k < f->clusters; k++)
        if (block.count[k] > 0)
            f->reduction->merge(f->factor + k * size, block.factor + k * size, f->q, f->merging);
    for (size_t j = 0; j < f->d + f->m; j++) {
        f->low[j] = fmin(f->low[j], block.low[j]);
        f->high[j] = fmax(f->high[j], block.high[j]);
    }
}

/* Rows of a block: many a region, so that merging factors is little work beside making them, but
 * not all rows in a few blocks. */
static size_t factor_block_rows(const mele_i_linear_fit *f)
{
    const size_t regions = f->problem->regions->label != NULL ? f->clusters : 1;
    const size_t least = ROWS_A_COLUMN * f->q * regions, most = 8 * least;
    size_t block = f->problem->x->rows / BLOCKS;

    block = block < most ? block : most;
    block = block > least ? block : least;
    return block > f->run ? block : f->run;
}

static mele_status factor_rows(mele_i_linear_fit *f, mele_engine *engine, mele_error *error)
{
    size_t block = factor_block_rows(f);
    size_t size = mele_i_linear_factor_size(f), rows = f->problem->x->rows, columns = f->d + f->m;

    mele_i_pass pass = {.rows = rows,
                        .block_rows = block,
                        .map = factor_block,
                        .combine = merge_block,
                        .context = f,
                        .partial_bytes = mele_i_carved(f->clusters, sizeof(size_t))
                                         + mele_i_carved(f->clusters * size, sizeof(double))
                                         + 2 * mele_i_carved(columns, sizeof(double)),
                        .scratch_bytes = mele_i_linear_members_bytes(f, f->run)
                                         + mele_i_carved(f->rows * f->width, sizeof(double))
                                         + mele_i_carved(columns, sizeof(double))};
    for (size_t j = 0; j < columns; j++) {
        f->low[j] = INFINITY;
        f->high[j] = -INFINITY;
    }
    memset(f->factor, 0, (f->clusters + 1) * size * sizeof *f->factor);
    return mele_i_pass_run(engine, &pass, error);
}

/* Moments as least.c takes them: the column of ones first, column-major without gaps. */
static void arrange_moments(const mele_i_linear_fit *f, double *factor, double *scratch)
{
    const size_t q = f->q;

    for (size_t j = 0; j < q; j++)
        for (size_t i = 0; i <= j; i++) {
            size_t a = i == 0 ? q - 1 : i - 1, b = j == 0 ? q - 1 : j - 1;
            scratch[i + j * q] = factor[(a > b ? a : b) * f->width + (a > b ? b : a)];
        }
    memcpy(factor, scratch, q * q * sizeof *factor);
}

/* The global expert's factor, of all regions', and all of them in their final form. */
static void finish_factors(const mele_i_linear_fit *f)
{
    const size_t size = mele_i_linear_factor_size(f);

    for (size_t k = 0; k < f->clusters; k++)
        f->reduction->merge(f->factor + f->clusters * size, f->factor + k * size, f->q, f->merging);
    for (size_t k = 0; k <= f->clusters && f->reduction->moments; k++)
        arrange_moments(f, f->factor + k * size, f->merging);
}

mele_status mele_i_linear_triangles(mele_i_linear_fit *f, mele_engine *engine, mele_error *error)
{
    reduce_by(f, &reductions[TRIANGLES]);
    mele_status status = factor_rows(f, engine, error);
    if (status == MELE_OK)
        finish_factors(f);
    return status;
}

mele_status mele_i_linear_factor(mele_i_linear_fit *f, mele_engine *engine, mele_error *error)
{
    const mele_i_expert_problem *p = f->problem;
    bool guessed, ordinary = true;
    mele_status status =
        mele_i_frame_guess(&f->frame, p->x, p->y, p->regions, &guessed, engine, error);

    if (status == MELE_OK)
        status = factor_rows(f, engine, error);
    for (size_t j = 0; j < f->d + f->m && status == MELE_OK && guessed; j++)
        ordinary = ordinary && mele_i_frame_ordinary(f->low[j], f->high[j]);
    if (status == MELE_OK && !ordinary) {
        mele_i_frame_free(&f->frame);
        status = mele_i_frame_make(&f->frame, p->x, p->y, p->regions, engine, error);
        if (status == MELE_OK)
            status = factor_rows(f, engine, error);
    }
    if (status == MELE_OK)
        finish_factors(f);
    return status;
}

bool mele_i_linear_triangle_of(const mele_i_linear_fit *fit, size_t k, const size_t *row,
                               size_t count, double *triangle)
{
    mele_i_linear_fit f = *fit;

    reduce_by(&f, &reductions[TRIANGLES]);
    double *chunk = MELE_I_ZEROED(double, f.rows *f.width), *root = MELE_I_ARRAY(double, f.rows);
    const bool done = chunk != NULL && root != NULL;

    if (done)
        memset(triangle, 0, mele_i_linear_factor_size(&f) * sizeof *triangle);
    for (size_t at = 0, some; done && at < count; at += some) {
        some = count - at < f.rows ? count - at : f.rows;
        for (size_t i = 0; i < some; i++)
            root[i] = sqrt(mele_i_region_weight(f.problem->regions, row[at + i], k));
        f.reduction->add(&f, row + at, root, some, f.problem->x->rows, chunk, triangle);
    }
    free(chunk);
    free(root);
    return done;
}

mele_i_least_problem mele_i_linear_problem(const mele_i_linear_fit *f, size_t k,
                                           const double *factor, double ridge, double rows)
{
    return (mele_i_least_problem){f->d,
                                  f->m,
                                  factor,
                                  mele_i_linear_by_moments(f),
                                  f->size,
                                  f->absent + k * f->d,
                                  ridge,
                                  rows,
                                  f->problem->regions->scale};
}
