/* Every block of rows is grouped by region, a run of them after the other; a region's rows [1 X
 * y1..ym], times the square roots of their weights, are reduced to its small triangle (or moments).
 * Triangles are merged in block order, and where weights are divided among the regions the global
 * expert's is the merger of theirs, so no row is seen twice; under free weights it is reduced from all
 * rows like a region's. The frame of many rows is a guess from some of
 * them; the pass sees whether it was a good one, and whether all numbers are finite. */
#include "expert/linear/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
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
    /* next: where as many rows lie that come next; NULL: they are near already, or there are none */
    void (*add)(const mele_i_linear_fit *f, const mele_i_linear_rows *rows, const double *root,
                size_t count, const double *next, double *chunk, double *factor);
    void (*merge)(double *factor, const double *other, size_t q, double *scratch);
};

static size_t itself(size_t q)
{
    return q;
}

static void triangle_add(const mele_i_linear_fit *f, const mele_i_linear_rows *from,
                         const double *root, size_t count, const double *next, double *chunk,
                         double *factor)
{
    size_t rows = (count + MELE_I_LANES - 1) / MELE_I_LANES * MELE_I_LANES;

    (void)next; /* beside this much work with a row its way from memory is nothing */
    mele_i_frame_columns(&f->frame, &from->source, from->row, root, count, rows, chunk);
    mele_i_triangle_add(factor, f->q, chunk, rows);
}

static void moments_add(const mele_i_linear_fit *f, const mele_i_linear_rows *from,
                        const double *root, size_t count, const double *next, double *chunk,
                        double *factor)
{
    mele_i_frame_pack(&f->frame, &from->source, from->row, root, count, f->width, chunk);
    mele_i_gram_add(chunk, f->q, count, factor, next,
                    next != NULL ? f->problem->x->stride * sizeof(double) : 0);
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

const char *mele_i_linear_solver(size_t i)
{
    return i < sizeof reductions / sizeof *reductions ? reductions[i].name : NULL;
}

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

/* How many are reduced from rows: where weights are divided, the global expert's follows from the
 * regions'. */
static size_t reduced(const mele_i_linear_fit *f)
{
    return f->problem->regions->divided ? f->clusters : f->clusters + 1;
}

static block_factors place_factors(const mele_i_linear_fit *f, void *partial)
{
    unsigned char *at = partial;
    block_factors placed;

    placed.count = mele_i_carve(&at, reduced(f), sizeof *placed.count);
    placed.factor =
        mele_i_carve(&at, reduced(f) * mele_i_linear_factor_size(f), sizeof *placed.factor);
    placed.low = mele_i_carve(&at, f->d + f->m, sizeof *placed.low);
    placed.high = mele_i_carve(&at, f->d + f->m, sizeof *placed.high);
    return placed;
}

/* The extremes of the columns of a run of rows, and those so far. A number that is not finite makes
 * the sum of its column one that is not (`sum` has a number a column): then the first of all rows is
 * named that has one. */
static mele_status take_extremes(const mele_matrix *run, const mele_rows *all, const char *name,
                                 double *low, double *high, double *sum, mele_error *error)
{
    bool finite = true;

    memset(sum, 0, run->cols * sizeof *sum);
    mele_i_kernels_best()->column_sums(run->data, run->stride, run->rows, run->cols, NULL, low, high,
                                       sum);
    for (size_t j = 0; j < run->cols; j++)
        finite = finite && isfinite(sum[j]);
    if (finite || mele_i_check_matrix(run, name, NULL, NULL) == MELE_OK)
        return MELE_OK;
    return mele_i_check_rows(all, name, NULL, error);
}

static mele_status take_all_extremes(const mele_i_linear_fit *f, const mele_i_frame_source *source,
                                     size_t rows, const block_factors *out, double *sum,
                                     mele_error *error)
{
    const mele_matrix x = {source->x, rows, f->d, source->x_stride};
    const mele_matrix y = {source->y, rows, f->m, source->y_stride};
    mele_status status = take_extremes(&x, f->problem->x, "x", out->low, out->high, sum, error);

    if (status == MELE_OK)
        status = take_extremes(&y, f->problem->y, "targets", out->low + f->d, out->high + f->d, sum,
                               error);
    return status;
}

/* What one thread works in. */
typedef struct factor_room {
    mele_i_linear_members members;
    double *chunk, *sum, *x, *y; /* x, y: a run of rows that are not in memory */
} factor_room;

/* Where rows from `row` on lie that will be read soon, as many as have been taken and some more. */
static const double *next_rows(const mele_i_linear_fit *f, size_t row, size_t count)
{
    const mele_rows *x = f->problem->x;

    return x->data != NULL && row + 2 * count <= x->rows ? x->data + row * x->stride : NULL;
}

/* Reading a run of rows in order, for their extremes, brings near what is not there yet; the
 * regions' rows then lie in it here and there. */
static mele_status factor_run(const mele_i_linear_fit *f, mele_i_block run,
                              const block_factors *out, factor_room *r, mele_error *error)
{
    const mele_i_regions *regions = f->problem->regions;
    const bool equal = regions->weights == NULL && regions->label != NULL;
    /* soft regions have the same rows again */
    size_t after = regions->label != NULL ? run.first + run.count : regions->rows;
    mele_i_linear_rows rows;
    mele_status status = mele_i_frame_take(f->problem->x, f->problem->y, run, r->x, r->y,
                                           &rows.source, error);

    if (status == MELE_OK)
        status = mele_i_linear_take_members(f, run, &r->members, error);
    if (status != MELE_OK)
        return status;
    status = take_all_extremes(f, &rows.source, run.count, out, r->sum, error);
    for (size_t k = 0; k < reduced(f) && status == MELE_OK; k++) {
        mele_i_linear_slice s = mele_i_linear_members_of(&r->members, k);
        out->count[k] += s.count;
        for (size_t i = 0; i < s.count && !equal; i++)
            s.weight[i] = sqrt(s.weight[i]);
        for (size_t i = 0, count; i < s.count; i += count, after += count) {
            count = s.count - i < f->rows ? s.count - i : f->rows;
            rows.row = s.row + i;
            f->reduction->add(f, &rows, s.weight + i, count, next_rows(f, after, count), r->chunk,
                              out->factor + k * mele_i_linear_factor_size(f));
        }
    }
    return status;
}

static factor_room place_room(const mele_i_linear_fit *f, void *scratch)
{
    unsigned char *at = scratch;
    factor_room r = {.members = mele_i_linear_place_members(f, &at, f->run)};

    r.chunk = mele_i_carve(&at, f->rows * f->width, sizeof *r.chunk);
    r.sum = mele_i_carve(&at, f->d + f->m, sizeof *r.sum);
    r.x = mele_i_carve(&at, mele_i_rows_room(f->problem->x, f->run), sizeof *r.x);
    r.y = mele_i_carve(&at, mele_i_rows_room(f->problem->y, f->run), sizeof *r.y);
    return r;
}

static size_t room_bytes(const mele_i_linear_fit *f)
{
    return mele_i_linear_members_bytes(f, f->run) + mele_i_carved(f->rows * f->width, sizeof(double))
           + mele_i_carved(f->d + f->m, sizeof(double))
           + mele_i_carved(mele_i_rows_room(f->problem->x, f->run), sizeof(double))
           + mele_i_carved(mele_i_rows_room(f->problem->y, f->run), sizeof(double));
}

static void start_extremes(const mele_i_linear_fit *f, double *low, double *high)
{
    for (size_t j = 0; j < f->d + f->m; j++) {
        low[j] = INFINITY;
        high[j] = -INFINITY;
    }
}

static mele_status factor_block(void *context, mele_i_block block, void *partial, void *scratch,
                                mele_error *error)
{
    const mele_i_linear_fit *f = context;
    block_factors out = place_factors(f, partial);
    factor_room room = place_room(f, scratch);
    mele_status status = MELE_OK;

    memset(room.chunk, 0, f->rows * f->width * sizeof *room.chunk);
    start_extremes(f, out.low, out.high);
    for (size_t i = 0; i < block.count && status == MELE_OK; i += f->run) {
        size_t count = block.count - i < f->run ? block.count - i : f->run;
        mele_i_block run = {0, block.first + i, count};
        status = factor_run(f, run, &out, &room, error);
    }
    return status;
}

static void merge_block(void *context, const void *partial)
{
    const mele_i_linear_fit *f = context;
    block_factors block = place_factors(f, (void *)partial);
    size_t size = mele_i_linear_factor_size(f);

    for (size_t k = 0; k < reduced(f); k++)
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
                        .partial_bytes = mele_i_carved(reduced(f), sizeof(size_t))
                                         + mele_i_carved(reduced(f) * size, sizeof(double))
                                         + 2 * mele_i_carved(columns, sizeof(double)),
                        .scratch_bytes = room_bytes(f)};
    start_extremes(f, f->low, f->high);
    memset(f->factor, 0, (f->clusters + 1) * size * sizeof *f->factor);
    return mele_i_pass_run(engine, &pass, error);
}

/* Moments as reduced.c takes them: the column of ones first, column-major without gaps. */
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

/* The global expert's factor, where it is that of all regions, and all of them in their final form. */
static void finish_factors(const mele_i_linear_fit *f)
{
    const size_t size = mele_i_linear_factor_size(f);

    for (size_t k = 0; k < f->clusters && f->problem->regions->divided; k++)
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

/* What a triangle of any rows is made in. */
typedef struct triangle_room {
    double *chunk, *root, *rows;
} triangle_room;

static mele_status add_rows(const mele_i_linear_fit *f, size_t k, const size_t *row, size_t count,
                            const triangle_room *r, double *triangle, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t at = 0, some; at < count && status == MELE_OK; at += some) {
        mele_i_linear_rows rows;
        some = count - at < f->rows ? count - at : f->rows;
        for (size_t i = 0; i < some; i++)
            r->root[i] = sqrt(mele_i_region_weight(f->problem->regions, row[at + i], k));
        status = mele_i_linear_take(f, row + at, some, r->rows, &rows, error);
        if (status == MELE_OK)
            f->reduction->add(f, &rows, r->root, some, NULL, r->chunk, triangle);
    }
    return status;
}

mele_status mele_i_linear_triangle_of(const mele_i_linear_fit *fit, size_t k, const size_t *row,
                                      size_t count, double *triangle, mele_error *error)
{
    mele_i_linear_fit f = *fit;
    mele_status status;

    reduce_by(&f, &reductions[TRIANGLES]);
    const triangle_room room = {MELE_I_ZEROED(double, f.rows *f.width),
                                MELE_I_ARRAY(double, f.rows),
                                MELE_I_ARRAY(double, f.rows *(f.d + f.m))};
    if (room.chunk == NULL || room.root == NULL || room.rows == NULL) {
        status = mele_i_no_memory(error);
    } else {
        memset(triangle, 0, mele_i_linear_factor_size(&f) * sizeof *triangle);
        status = add_rows(&f, k, row, count, &room, triangle, error);
    }
    free(room.chunk);
    free(room.root);
    free(room.rows);
    return status;
}

mele_i_reduced_problem mele_i_linear_problem(const mele_i_linear_fit *f, size_t k,
                                           const double *factor, double ridge, double rows)
{
    return (mele_i_reduced_problem){f->d,
                                  f->m,
                                  factor,
                                  mele_i_linear_by_moments(f),
                                  f->size,
                                  f->absent + k * f->d,
                                  ridge,
                                  rows,
                                  f->problem->regions->scale};
}
