/* Linear experts: least squares in every region and over all rows, in one pass.
 *
 * Every block of rows is grouped by region; a region's rows [1 X y1..ym], times the square roots
 * of their weights, are reduced to its small triangle (or moments). Triangles are merged in block
 * order, and the global expert's is the merger of all regions': posteriors sum to 1, so no row
 * is seen twice. least.c solves the small problems, as tasks.
 *
 * Left-out predictions in closed form: without row i the residual would be e_i / (1 - h_i), with
 * the hat value h_i = w_i a_i' (A'WA + L)^-1 a_i and the ridge held fixed. Where 1 - h_i is less
 * than ALONE the row alone settles some coefficient and the quotient is noise: then the left-out
 * prediction is the mean target of the region's other rows, or of all rows if there are none.
 *
 * The variance of an expert is the weighted mean of its squared left-out residuals, at least
 * FLOOR times the target's variance over all rows, ROUNDING times its magnitude squared, and the
 * smallest normal double. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "expert/affine.h"
#include "expert/frame.h"
#include "expert/kind.h"
#include "expert/least.h"
#include "expert/predictor.h"
#include "expert/triangle.h"

#define ALONE 0x1p-26
#define FLOOR 1e-8
#define ROUNDING 0x1p-40
#define ROWS_A_COLUMN 8  /* of a region in a block: merging triangles stays below a tenth */
#define LEAST_BLOCK 1024

/* How rows are accumulated: the solvers. */
typedef struct reduction {
    const char *name;
    bool moments;
    void (*add)(double *factor, size_t q, double *chunk, size_t rows);
    void (*merge)(double *factor, const double *other, size_t q, double *scratch);
} reduction;

static void moments_add(double *moments, size_t q, double *chunk, size_t rows)
{
    mele_i_cross_add(chunk, q, chunk, q, rows, moments, q);
}

static void moments_merge(double *moments, const double *other, size_t q, double *scratch)
{
    (void)scratch;
    for (size_t i = 0; i < q * q; i++)
        moments[i] += other[i];
}

static const reduction reductions[] = {
    {"qr", false, mele_i_triangle_add, mele_i_triangle_merge},
    {"normal", true, moments_add, moments_merge},
};

typedef struct fitting {
    mele_i_expert *experts;
    const mele_i_expert_problem *problem;
    const mele_i_predictor *predictor; /* once experts are trained, if left_out is wanted */
    const reduction *reduction;
    mele_i_frame frame;
    size_t clusters, d, m, q, rows; /* rows: of a chunk */
    double *factor;                 /* (K + 1) x q x q */
    double *merging;                /* scratch of a merge */
    double *numbers;                /* what the solutions point into */
    mele_i_least_solution *solution; /* K + 1 */
    double *square; /* (K + 1) x 2 x m: sums of squared residuals, left out and in */
} fitting;

/* ---- the rows' factors ---- */

/* A block's result: whether a region has rows, then the regions' factors. */
typedef struct block_factors {
    size_t *count;
    double *factor;
} block_factors;

static block_factors place_factors(const fitting *f, void *partial)
{
    unsigned char *at = partial;
    block_factors placed;

    placed.count = mele_i_carve(&at, f->clusters, sizeof *placed.count);
    placed.factor = mele_i_carve(&at, f->clusters * f->q * f->q, sizeof *placed.factor);
    return placed;
}

static void add_region(const fitting *f, const size_t *row, const double *factor, size_t count,
                       double *chunk, double *out)
{
    for (size_t first = 0; first < count; first += f->rows) {
        size_t taken = count - first < f->rows ? count - first : f->rows;
        size_t rows = (taken + MELE_I_LANES - 1) / MELE_I_LANES * MELE_I_LANES;
        mele_i_frame_columns(&f->frame, row + first, factor + first, taken, rows, chunk);
        f->reduction->add(out, f->q, chunk, rows);
    }
}

static mele_status factor_block(void *context, mele_i_block block, void *partial, void *scratch,
                                mele_error *error)
{
    const fitting *f = context;
    block_factors out = place_factors(f, partial);
    unsigned char *at = scratch;
    size_t *row = mele_i_carve(&at, block.count, sizeof *row);
    double *weight = mele_i_carve(&at, block.count, sizeof *weight);
    double *chunk = mele_i_carve(&at, f->rows * f->q, sizeof *chunk);

    (void)error;
    for (size_t k = 0; k < f->clusters; k++) {
        out.count[k] = mele_i_region_members(f->problem->regions, block.first, block.count, k, row,
                                             weight);
        for (size_t i = 0; i < out.count[k]; i++)
            weight[i] = sqrt(weight[i]);
        add_region(f, row, weight, out.count[k], chunk, out.factor + k * f->q * f->q);
    }
    return MELE_OK;
}

static void merge_block(void *context, const void *partial)
{
    const fitting *f = context;
    block_factors block = place_factors(f, (void *)partial);
    size_t size = f->q * f->q;

    for (size_t k = 0; k < f->clusters; k++)
        if (block.count[k] > 0)
            f->reduction->merge(f->factor + k * size, block.factor + k * size, f->q, f->merging);
}

static mele_status factor_rows(fitting *f, mele_engine *engine, mele_error *error)
{
    size_t wanted = ROWS_A_COLUMN * f->q * (f->problem->regions->label != NULL ? f->clusters : 1);
    size_t block = wanted < LEAST_BLOCK ? LEAST_BLOCK : wanted;
    size_t size = f->q * f->q, rows = f->problem->x->rows;

    block = block < rows ? block : rows;
    mele_i_pass pass = {
        .rows = rows, .block_rows = block, .map = factor_block, .combine = merge_block,
        .context = f,
        .partial_bytes = mele_i_carved(f->clusters, sizeof(size_t))
                         + mele_i_carved(f->clusters * size, sizeof(double)),
        .scratch_bytes = mele_i_carved(block, sizeof(size_t)) + mele_i_carved(block, sizeof(double))
                         + mele_i_carved(f->rows * f->q, sizeof(double))};
    mele_status status = mele_i_pass_run(engine, &pass, error);
    for (size_t k = 0; k < f->clusters && status == MELE_OK; k++)
        f->reduction->merge(f->factor + f->clusters * size, f->factor + k * size, f->q, f->merging);
    return status;
}

/* ---- the small problems ---- */

static mele_status solve_region(void *context, size_t k, mele_engine *engine, mele_error *error)
{
    const fitting *f = context;
    const mele_i_regions *regions = f->problem->regions;
    mele_expert_info *info = &f->problem->info[k];
    mele_i_least_problem problem = {f->d, f->m, f->factor + k * f->q * f->q, f->reduction->moments,
                                    f->frame.shift, f->problem->options->ridge, regions->total[k],
                                    regions->scale};

    (void)engine;
    if (k < f->clusters && !f->problem->train[k])
        return MELE_OK;
    if (!mele_i_least_solve(&problem, &f->solution[k]))
        return mele_i_no_memory(error);
    info->ridge = f->solution[k].ridge;
    info->rank = f->solution[k].rank;
    info->iterations = 1;
    info->converged = true;
    return MELE_OK;
}

/* The coefficients in the units of x. */
static mele_status finish_coefficients(const fitting *f, mele_error *error)
{
    for (size_t k = 0; k <= f->clusters; k++) {
        mele_i_expert *expert = &f->experts[k];
        if (!f->problem->train[k])
            continue;
        mele_i_affine *state = mele_i_affine_new(&f->problem->shape);
        if (state == NULL)
            return mele_i_no_memory(error);
        for (size_t t = 0; t < f->m; t++)
            mele_i_frame_raw(&f->frame, f->d, f->solution[k].coefficients + t * (f->d + 1),
                             f->frame.scale[f->d + t], f->frame.shift[f->d + t],
                             state->coefficients + t * (f->d + 1));
        expert->state = state;
        expert->rank = f->problem->info[k].rank;
    }
    return MELE_OK;
}

/* ---- left-out predictions and variances ---- */

/* Scratch of the pass: one chunk of a region's rows. */
typedef struct chunk {
    size_t *row;
    double *weight, *framed, *predicted, *distance;
} chunk;

static chunk place_chunk(const fitting *f, void *scratch, size_t block_rows)
{
    unsigned char *at = scratch;
    chunk c;

    c.row = mele_i_carve(&at, block_rows, sizeof *c.row);
    c.weight = mele_i_carve(&at, block_rows, sizeof *c.weight);
    c.framed = mele_i_carve(&at, block_rows * (f->d + f->m), sizeof *c.framed);
    c.predicted = mele_i_carve(&at, block_rows * f->m, sizeof *c.predicted);
    c.distance = mele_i_carve(&at, block_rows, sizeof *c.distance);
    return c;
}

static size_t chunk_bytes(const fitting *f, size_t block_rows)
{
    return mele_i_carved(block_rows, sizeof(size_t))
           + 2 * mele_i_carved(block_rows, sizeof(double))
           + mele_i_carved(block_rows * (f->d + f->m), sizeof(double))
           + mele_i_carved(block_rows * f->m, sizeof(double));
}

/* The residual of a target in the frame when its row is left out; `free` is 1 - h. */
static double residual_left_out(const fitting *f, const mele_i_least_solution *s, size_t t,
                                double weight, double target, double residual, double free)
{
    double others = s->weight - weight;

    if (free >= ALONE)
        return residual / free;
    if (others <= ALONE * s->weight)
        return target - f->solution[f->clusters].mean[f->d + t];
    return (target - s->mean[f->d + t]) * (s->weight / others);
}

/* Expert k's left-out prediction of a target of a row. */
static void write_left_out(const fitting *f, size_t k, size_t row, size_t t, double value)
{
    const size_t column = k < f->clusters ? k : f->problem->global_column;

    if (column < f->clusters)
        f->problem->left_out[(row * f->clusters + column) * f->m + t] = value;
}

static void leave_out_chunk(const fitting *f, size_t k, const chunk *c, size_t count,
                            double *square)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const mele_i_least_solution *s = &f->solution[k];
    size_t width = f->d + f->m;

    mele_i_frame_rows(&f->frame, c->row, count, c->framed);
    kernels->linear(c->framed, width, count, f->d, s->coefficients, f->m, c->predicted, f->m);
    kernels->mahalanobis(c->framed, width, count, f->d, s->mean, s->whitener, 1, c->distance);
    for (size_t i = 0; i < count; i++) {
        double w = c->weight[i], free = 1 - w * (1 / s->weight + c->distance[i]);
        for (size_t t = 0; t < f->m; t++) {
            double target = c->framed[i * width + f->d + t];
            double residual = target - c->predicted[i * f->m + t];
            double without = residual_left_out(f, s, t, w, target, residual, free);
            square[t] += w * without * without;
            square[f->m + t] += w * residual * residual;
            if (f->problem->left_out != NULL) {
                const mele_matrix *y = f->problem->y;
                double raw = without / f->frame.scale[f->d + t];
                write_left_out(f, k, c->row[i], t,
                               mele_i_finite(y->data[c->row[i] * y->stride + t] - raw));
            }
        }
    }
}

static mele_status leave_out_block(void *context, mele_i_block block, void *partial, void *scratch,
                                   mele_error *error)
{
    const fitting *f = context;
    const mele_matrix *x = f->problem->x;
    const size_t at = block.first * f->clusters * f->m;
    chunk c = place_chunk(f, scratch, block.count);
    double *square = partial;

    (void)error;
    if (f->problem->left_out != NULL)
        mele_i_predictor_rows(f->predictor, x->data + block.first * x->stride, x->stride,
                              block.count, f->problem->left_out + at, NULL,
                              (unsigned char *)scratch + chunk_bytes(f, block.count));
    for (size_t k = 0; k <= f->clusters; k++) {
        if (!f->problem->train[k])
            continue;
        size_t count = mele_i_region_members(f->problem->regions, block.first, block.count, k,
                                             c.row, c.weight);
        leave_out_chunk(f, k, &c, count, square + k * 2 * f->m);
    }
    return MELE_OK;
}

static void add_squares(void *context, const void *partial)
{
    const fitting *f = context;
    const double *square = partial;

    for (size_t i = 0; i < (f->clusters + 1) * 2 * f->m; i++)
        f->square[i] += square[i];
}

static mele_status leave_out(fitting *f, mele_engine *engine, mele_error *error)
{
    size_t block = mele_i_block_rows(f->d + f->m, 1 << 14, 64), rows = f->problem->x->rows;

    block = block < rows ? block : rows;
    mele_i_pass pass = {.rows = rows, .block_rows = block, .map = leave_out_block,
                        .combine = add_squares, .context = f,
                        .partial_bytes = (f->clusters + 1) * 2 * f->m * sizeof(double),
                        .scratch_bytes = chunk_bytes(f, block)};
    mele_i_predictor predictor = {.asked = NULL};
    mele_status status = MELE_OK;

    if (f->problem->left_out != NULL) {
        status = mele_i_predictor_make(&predictor, f->experts, f->clusters, f->problem->columns,
                                       f->m, 0, f->problem->degree, error);
        if (status == MELE_OK)
            pass.scratch_bytes += mele_i_predictor_scratch(&predictor, block);
        f->predictor = &predictor;
    }
    if (status == MELE_OK)
        status = mele_i_pass_run(engine, &pass, error);
    mele_i_predictor_free(&predictor);
    return status;
}

static double floor_of_variance(const fitting *f, size_t t)
{
    const mele_i_least_solution *all = &f->solution[f->clusters];
    double size = sqrt(all->spread[t]) + fabs(all->mean[f->d + t])
                  + fabs(f->frame.shift[f->d + t]);
    double rounding = ROUNDING * size;

    return fmax(FLOOR * all->spread[t], rounding * rounding);
}

static void finish_variances(const fitting *f)
{
    for (size_t k = 0; k <= f->clusters; k++) {
        mele_expert_info *info = &f->problem->info[k];
        if (!f->problem->train[k])
            continue;
        info->error = info->left_out = 0;
        for (size_t t = 0; t < f->m; t++) {
            const double *square = f->square + k * 2 * f->m + t;
            double scale = f->frame.scale[f->d + t], weight = f->solution[k].weight;
            double variance = fmax(square[0] / weight, floor_of_variance(f, t)) / scale / scale;
            f->experts[k].variance[t] = mele_i_finite(fmax(variance, DBL_MIN));
            info->left_out += mele_i_finite(square[0] / weight / scale / scale) / (double)f->m;
            info->error += mele_i_finite(square[f->m] / weight / scale / scale) / (double)f->m;
        }
    }
}

static mele_status make_fitting(fitting *f, mele_engine *engine, mele_error *error)
{
    size_t room = mele_i_least_room(f->d, f->m), all = f->clusters + 1;

    for (size_t i = 0; i < sizeof reductions / sizeof *reductions; i++)
        if (strcmp(f->problem->options->solver, reductions[i].name) == 0)
            f->reduction = &reductions[i];
    f->factor = MELE_I_ZEROED(double, all * f->q * f->q);
    f->merging = MELE_I_ARRAY(double, mele_i_triangle_room(f->q));
    f->numbers = MELE_I_ZEROED(double, all * room);
    f->solution = MELE_I_ZEROED(mele_i_least_solution, all);
    f->square = MELE_I_ZEROED(double, all * 2 * f->m);
    if (f->factor == NULL || f->merging == NULL || f->numbers == NULL || f->solution == NULL
        || f->square == NULL)
        return mele_i_no_memory(error);
    for (size_t k = 0; k < all; k++)
        mele_i_least_place(&f->solution[k], f->numbers + k * room, f->d, f->m);
    return mele_i_frame_make(&f->frame, f->problem->x, f->problem->y, f->problem->regions, engine,
                             error);
}

static void free_fitting(fitting *f)
{
    free(f->factor);
    free(f->merging);
    free(f->numbers);
    free(f->solution);
    free(f->square);
    mele_i_frame_free(&f->frame);
}

/* The variances of left-out predictions: those of the experts. */
static void fill_variances(const fitting *f)
{
    const size_t K = f->clusters;

    for (size_t i = 0; i < f->problem->x->rows && f->problem->left_out_variance != NULL; i++)
        for (size_t k = 0; k <= K; k++) {
            const size_t column = k < K ? k : f->problem->global_column;
            if (f->problem->train[k] && column < K)
                memcpy(f->problem->left_out_variance + (i * K + column) * f->m,
                       f->experts[k].variance, f->m * sizeof(double));
        }
}

static mele_status fit(const mele_i_expert_problem *problem, mele_i_expert *experts,
                       mele_engine *engine, mele_error *error)
{
    size_t d = problem->shape.columns, m = problem->shape.outputs, q = 1 + d + m;
    fitting f = {.experts = experts, .problem = problem, .clusters = problem->regions->clusters,
                 .d = d, .m = m, .q = q, .rows = mele_i_chunk_rows(q)};
    mele_i_tasks tasks = {.count = f.clusters + 1, .run = solve_region, .context = &f,
                          .stage = "experts"};
    mele_status status = make_fitting(&f, engine, error);

    if (status == MELE_OK)
        status = factor_rows(&f, engine, error);
    if (status == MELE_OK)
        status = mele_i_tasks_run(engine, &tasks, error);
    if (status == MELE_OK)
        status = finish_coefficients(&f, error);
    if (status == MELE_OK)
        status = leave_out(&f, engine, error);
    if (status == MELE_OK) {
        finish_variances(&f);
        fill_variances(&f);
    }
    free_fitting(&f);
    return status;
}

const mele_i_expert_kind mele_i_expert_linear = {
    .name = "linear",
    .regression = true,
    .expands = true,
    .ridge = 0.1,
    .fit = fit,
    .free = free,
    .scratch = mele_i_affine_scratch,
    .predict = mele_i_affine_predict,
    .work = mele_i_affine_work,
    .coefficients = mele_i_affine_coefficients,
    .standard_errors = mele_i_affine_standard_errors,
    .keys = MELE_I_AFFINE_KEYS,
    .save = mele_i_affine_save,
    .load = mele_i_affine_load,
};
