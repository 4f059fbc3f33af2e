/* Linear experts: least squares in every region and over all rows, in one pass.
 *
 * Every block of rows is grouped by region, a run of them after the other; a region's rows [1 X
 * y1..ym], times the square roots of their weights, are reduced to its small triangle (or moments).
 * Triangles are merged in block order, and the global expert's is the merger of all regions':
 * posteriors sum to 1, so no row is seen twice. least.c solves the small problems, as tasks. The
 * frame of many rows is a guess from some of them; the pass sees whether it was a good one, and
 * whether all numbers are finite.
 *
 * Left-out predictions in closed form: without row i the residual would be e_i / (1 - h_i), with
 * the hat value h_i = w_i a_i' (A'WA + L)^-1 a_i and the ridge held fixed. Where 1 - h_i is less
 * than ALONE the row alone settles some coefficient and the quotient is noise: then the left-out
 * prediction is the mean target of the region's other rows, or of all rows if there are none.
 *
 * The variance of an expert is the weighted mean of its squared left-out residuals, at least
 * FLOOR times the target's variance over all rows, ROUNDING times its magnitude squared, and the
 * smallest normal double. With many rows it needs no second look at them: if no row of weight w has
 * a leverage above H = LEVERAGE, which the extremes of the columns bound,
 *     h_i <= w (1 / sum w + sum_j (sum_l |W_jl| m_l)^2),
 * W the whitener and m_l how far the l-th column goes from its mean, then the sum of squares is
 * between RSS and RSS / (1 - H)^2, and is taken as RSS / (1 - tr / n)^2, as in generalised
 * cross-validation: tr the sum of hat values, n = sum w over the largest w. RSS is from the
 * triangle or the moments; of the latter only while it is more than LOST of the target's, or
 * rounding may be all that is left. Whether that holds depends on the data alone, not on what is
 * asked for, so variances are the same bytes with and without left-out predictions. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/check.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "expert/affine.h"
#include "expert/frame.h"
#include "expert/kind.h"
#include "expert/least.h"
#include "expert/predictor.h"
#include "expert/standard_errors.h"
#include "expert/triangle.h"

#define ALONE 0x1p-26
#define FLOOR 1e-8
#define ROUNDING 0x1p-40
#define ROWS_A_COLUMN 8  /* of a region in a block: merging triangles stays below a tenth */
#define BLOCKS 32        /* at least, if there are rows for that */
#define RUN_NUMBERS (1 << 14) /* of rows that stay near, with as many that come next */
#define LEAST_RUN 1024
#define LEVERAGE 0x1p-4
#define LOST 1e-6

typedef struct fitting fitting;

/* How rows are accumulated: the solvers. */
typedef struct reduction {
    const char *name;
    bool moments;
    size_t (*rows)(size_t q);  /* of a chunk */
    size_t (*width)(size_t q); /* a factor is q x width, a chunk rows x width */
    /* after: as many rows from there on come next, or there are none */
    void (*add)(const fitting *f, const size_t *row, const double *root, size_t count, size_t after,
                double *chunk, double *factor);
    void (*merge)(double *factor, const double *other, size_t q, double *scratch);
} reduction;

struct fitting {
    mele_i_expert *experts;
    const mele_i_expert_problem *problem;
    const mele_i_predictor *predictor; /* once experts are trained, if left_out is wanted */
    const reduction *reduction;
    mele_i_frame frame;
    size_t clusters, d, m, q;
    size_t rows, width;             /* of a chunk */
    size_t run;                     /* rows that are sorted by region at once */
    double *factor;                 /* (K + 1) x q x width */
    double *low, *high;             /* d + m: extremes of the columns */
    double *merging;                /* scratch of a merge */
    double *numbers;                /* what the solutions point into */
    mele_i_least_solution *solution; /* K + 1 */
    bool *settled;  /* K + 1: its squares are known without a look at the rows */
    double *square; /* (K + 1) x 2 x m: sums of squared residuals, left out and in */
};

static size_t itself(size_t q)
{
    return q;
}

static void triangle_add(const fitting *f, const size_t *row, const double *root, size_t count,
                         size_t after, double *chunk, double *factor)
{
    size_t rows = (count + MELE_I_LANES - 1) / MELE_I_LANES * MELE_I_LANES;

    (void)after; /* beside this much work with a row its way from memory is nothing */
    mele_i_frame_columns(&f->frame, row, root, count, rows, chunk);
    mele_i_triangle_add(factor, f->q, chunk, rows);
}

static void moments_add(const fitting *f, const size_t *row, const double *root, size_t count,
                        size_t after, double *chunk, double *factor)
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

static const reduction reductions[] = {
    {"qr", false, mele_i_chunk_rows, itself, triangle_add, mele_i_triangle_merge},
    {"normal", true, mele_i_gram_rows, mele_i_gram_width, moments_add, moments_merge},
};

static size_t size_of_factor(const fitting *f)
{
    return f->q * f->width;
}

/* ---- the rows of a block by region ---- */

typedef struct members {
    size_t *row, *start; /* start: K + 1, of hard regions */
    double *weight;
} members;

/* Those of one region. */
typedef struct slice {
    const size_t *row;
    double *weight;
    size_t count;
} slice;

static members place_members(const fitting *f, unsigned char **at, size_t block_rows)
{
    members m;

    m.row = mele_i_carve(at, block_rows, sizeof *m.row);
    m.start = mele_i_carve(at, f->clusters + 1, sizeof *m.start);
    m.weight = mele_i_carve(at, block_rows, sizeof *m.weight);
    return m;
}

static size_t members_bytes(const fitting *f, size_t block_rows)
{
    return mele_i_carved(block_rows, sizeof(size_t)) + mele_i_carved(block_rows, sizeof(double))
           + mele_i_carved(f->clusters + 1, sizeof(size_t));
}

/* Regions are to be asked for in ascending order. */
static slice members_of(const fitting *f, mele_i_block block, size_t k, const members *m)
{
    const mele_i_regions *regions = f->problem->regions;

    if (regions->label == NULL || k == f->clusters)
        return (slice){m->row, m->weight,
                       mele_i_region_members(regions, block.first, block.count, k, m->row,
                                             m->weight)};
    if (k == 0)
        mele_i_region_groups(regions, block.first, block.count, m->start, m->row, m->weight);
    return (slice){m->row + m->start[k], m->weight + m->start[k], m->start[k + 1] - m->start[k]};
}

/* ---- the rows' factors ---- */

/* A block's result: whether a region has rows, the regions' factors, and the extremes of the
 * columns. */
typedef struct block_factors {
    size_t *count;
    double *factor, *low, *high;
} block_factors;

static block_factors place_factors(const fitting *f, void *partial)
{
    unsigned char *at = partial;
    block_factors placed;

    placed.count = mele_i_carve(&at, f->clusters, sizeof *placed.count);
    placed.factor = mele_i_carve(&at, f->clusters * size_of_factor(f), sizeof *placed.factor);
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
static mele_status factor_run(const fitting *f, mele_i_block run, const block_factors *out,
                              const members *m, double *chunk, double *sum, mele_error *error)
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
        slice s = members_of(f, run, k, m);
        out->count[k] += s.count;
        for (size_t i = 0; i < s.count && !equal; i++)
            s.weight[i] = sqrt(s.weight[i]);
        for (size_t i = 0, count; i < s.count; i += count, after += count) {
            count = s.count - i < f->rows ? s.count - i : f->rows;
            f->reduction->add(f, s.row + i, s.weight + i, count, after, chunk,
                              out->factor + k * size_of_factor(f));
        }
    }
    return status;
}

static mele_status factor_block(void *context, mele_i_block block, void *partial, void *scratch,
                                mele_error *error)
{
    const fitting *f = context;
    const mele_matrix *x = f->problem->x, *y = f->problem->y;
    block_factors out = place_factors(f, partial);
    unsigned char *at = scratch;
    members m = place_members(f, &at, f->run);
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
    const fitting *f = context;
    block_factors block = place_factors(f, (void *)partial);
    size_t size = size_of_factor(f);

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
static size_t factor_block_rows(const fitting *f)
{
    const size_t regions = f->problem->regions->label != NULL ? f->clusters : 1;
    const size_t least = ROWS_A_COLUMN * f->q * regions, most = 8 * least;
    size_t block = f->problem->x->rows / BLOCKS;

    block = block < most ? block : most;
    block = block > least ? block : least;
    return block > f->run ? block : f->run;
}

static mele_status factor_rows(fitting *f, mele_engine *engine, mele_error *error)
{
    size_t block = factor_block_rows(f);
    size_t size = size_of_factor(f), rows = f->problem->x->rows, columns = f->d + f->m;

    mele_i_pass pass = {
        .rows = rows, .block_rows = block, .map = factor_block, .combine = merge_block,
        .context = f,
        .partial_bytes = mele_i_carved(f->clusters, sizeof(size_t))
                         + mele_i_carved(f->clusters * size, sizeof(double))
                         + 2 * mele_i_carved(columns, sizeof(double)),
        .scratch_bytes = members_bytes(f, f->run)
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
static void arrange_moments(const fitting *f, double *factor)
{
    const size_t q = f->q;

    for (size_t j = 0; j < q; j++)
        for (size_t i = 0; i <= j; i++) {
            size_t a = i == 0 ? q - 1 : i - 1, b = j == 0 ? q - 1 : j - 1;
            f->merging[i + j * q] = factor[(a > b ? a : b) * f->width + (a > b ? b : a)];
        }
    memcpy(factor, f->merging, q * q * sizeof *factor);
}

/* The factors of all rows and regions, in a frame that fits them. */
static mele_status factor_all(fitting *f, mele_engine *engine, mele_error *error)
{
    const mele_i_expert_problem *p = f->problem;
    const size_t size = size_of_factor(f);
    bool guessed, ordinary = true;
    mele_status status = mele_i_frame_guess(&f->frame, p->x, p->y, p->regions, &guessed, engine,
                                            error);

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
    if (status != MELE_OK)
        return status;
    for (size_t k = 0; k < f->clusters; k++)
        f->reduction->merge(f->factor + f->clusters * size, f->factor + k * size, f->q, f->merging);
    for (size_t k = 0; k <= f->clusters && f->reduction->moments; k++)
        arrange_moments(f, f->factor + k * size);
    return MELE_OK;
}

/* ---- the small problems ---- */

static mele_status solve_region(void *context, size_t k, mele_engine *engine, mele_error *error)
{
    const fitting *f = context;
    const mele_i_regions *regions = f->problem->regions;
    mele_expert_info *info = &f->problem->info[k];
    mele_i_least_problem problem = {f->d, f->m, f->factor + k * size_of_factor(f),
                                    f->reduction->moments,
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

/* The largest leverage that any row can have, and with it how much larger its left-out residual can
 * be than its residual: the whitened distance of the farthest corner of the box that holds all
 * rows. */
static double most_leverage(const fitting *f, size_t k)
{
    const mele_i_least_solution *s = &f->solution[k];
    const double *w = s->whitener;
    double distance = 0;

    for (size_t i = 0; i < f->d; i++) {
        double sum = 0;
        for (size_t j = 0; j <= i; j++) {
            double scale = f->frame.scale[j], shift = f->frame.shift[j] + s->mean[j];
            sum += fabs(*w++) * fmax(fabs(f->low[j] * scale - shift),
                                     fabs(f->high[j] * scale - shift));
        }
        distance += sum * sum;
    }
    return f->problem->regions->most * (1 / s->weight + distance);
}

/* Whether no row has much leverage, and the residuals are more than what rounding left. */
static bool is_settled(const fitting *f, size_t k)
{
    const mele_i_least_solution *s = &f->solution[k];

    for (size_t t = 0; t < f->m && f->reduction->moments; t++)
        if (!(s->squares[t] >= LOST * s->spread[t] * s->weight))
            return false;
    return most_leverage(f, k) <= LEVERAGE;
}

static void settle_squares(const fitting *f)
{
    for (size_t k = 0; k <= f->clusters; k++) {
        const mele_i_least_solution *s = &f->solution[k];
        double *square = f->square + k * 2 * f->m;
        if (!f->problem->train[k] || !is_settled(f, k))
            continue;
        double free = 1 - s->trace * f->problem->regions->most / s->weight;
        f->settled[k] = true;
        for (size_t t = 0; t < f->m; t++) {
            square[t] = s->squares[t] / (free * free);
            square[f->m + t] = s->squares[t];
        }
    }
}

/* Scratch of the pass beside the members: a region's rows. */
typedef struct chunk {
    double *framed, *predicted, *distance;
} chunk;

static chunk place_chunk(const fitting *f, unsigned char **at, size_t block_rows)
{
    chunk c;

    c.framed = mele_i_carve(at, block_rows * (f->d + f->m), sizeof *c.framed);
    c.predicted = mele_i_carve(at, block_rows * f->m, sizeof *c.predicted);
    c.distance = mele_i_carve(at, block_rows, sizeof *c.distance);
    return c;
}

static size_t chunk_bytes(const fitting *f, size_t block_rows)
{
    return mele_i_carved(block_rows * (f->d + f->m), sizeof(double))
           + mele_i_carved(block_rows * f->m, sizeof(double))
           + mele_i_carved(block_rows, sizeof(double));
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

static void leave_out_slice(const fitting *f, size_t k, const slice *rows, const chunk *c,
                            double *square)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const mele_i_least_solution *s = &f->solution[k];
    const size_t width = f->d + f->m, count = rows->count;

    mele_i_frame_rows(&f->frame, rows->row, count, c->framed);
    kernels->linear(c->framed, width, count, f->d, s->coefficients, f->m, c->predicted, f->m);
    kernels->mahalanobis(c->framed, width, count, f->d, s->mean, s->whitener, 1, c->distance);
    for (size_t i = 0; i < count; i++) {
        double w = rows->weight[i], free = 1 - w * (1 / s->weight + c->distance[i]);
        for (size_t t = 0; t < f->m; t++) {
            double target = c->framed[i * width + f->d + t];
            double residual = target - c->predicted[i * f->m + t];
            double without = residual_left_out(f, s, t, w, target, residual, free);
            square[t] += w * without * without;
            square[f->m + t] += w * residual * residual;
            if (f->problem->left_out != NULL) {
                const mele_matrix *y = f->problem->y;
                double raw = without / f->frame.scale[f->d + t];
                write_left_out(f, k, rows->row[i], t,
                               mele_i_finite(y->data[rows->row[i] * y->stride + t] - raw));
            }
        }
    }
}

/* Whether the pass has something to do for the rows of a region. */
static bool is_left_out(const fitting *f, size_t k)
{
    const bool wanted = f->problem->left_out != NULL
                        && (k < f->clusters || f->problem->global_column < f->clusters);

    return f->problem->train[k] && (wanted || !f->settled[k]);
}

static mele_status leave_out_block(void *context, mele_i_block block, void *partial, void *scratch,
                                   mele_error *error)
{
    const fitting *f = context;
    const mele_matrix *x = f->problem->x;
    const size_t first = block.first * f->clusters * f->m;
    unsigned char *at = scratch;
    members m = place_members(f, &at, block.count);
    chunk c = place_chunk(f, &at, block.count);
    double *square = partial;

    (void)error;
    if (f->problem->left_out != NULL)
        mele_i_predictor_rows(f->predictor, x->data + block.first * x->stride, x->stride,
                              block.count, f->problem->left_out + first, NULL, at);
    for (size_t k = 0; k <= f->clusters; k++) {
        slice s = members_of(f, block, k, &m);
        if (is_left_out(f, k))
            leave_out_slice(f, k, &s, &c, square + k * 2 * f->m);
    }
    return MELE_OK;
}

static void add_squares(void *context, const void *partial)
{
    const fitting *f = context;
    const double *square = partial;

    for (size_t i = 0; i < (f->clusters + 1) * 2 * f->m; i++)
        if (!f->settled[i / (2 * f->m)])
            f->square[i] += square[i];
}

static mele_status leave_out(fitting *f, mele_engine *engine, mele_error *error)
{
    size_t block = mele_i_block_rows(f->d + f->m, 1 << 14, 64), rows = f->problem->x->rows;

    block = block < rows ? block : rows;
    mele_i_pass pass = {.rows = rows, .block_rows = block, .map = leave_out_block,
                        .combine = add_squares, .context = f,
                        .partial_bytes = (f->clusters + 1) * 2 * f->m * sizeof(double),
                        .scratch_bytes = members_bytes(f, block) + chunk_bytes(f, block)};
    mele_i_predictor predictor = {.asked = NULL};
    mele_status status = MELE_OK;
    bool needed = false;

    settle_squares(f);
    for (size_t k = 0; k <= f->clusters; k++)
        needed = needed || is_left_out(f, k);
    if (!needed && f->problem->left_out == NULL)
        return MELE_OK;
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

/* ---- standard errors ---- */

/* For residuals of variance 1, of the first target. */
static mele_status find_errors(void *context, size_t k, mele_engine *engine, mele_error *error)
{
    const fitting *f = context;
    const mele_i_expert_problem *p = f->problem;
    const mele_i_standard_errors e = {&f->frame, p->columns, p->degree, f->d, p->options->center,
                                      p->options->scale};
    mele_i_affine *state = f->experts[k].state;

    (void)engine;
    if (!p->train[k])
        return MELE_OK;
    return mele_i_standard_errors_of(&e, &f->solution[k], state->standard_errors)
               ? MELE_OK : mele_i_no_memory(error);
}

/* Of all targets, from their residuals: s^2 = RSS / (sum w - rank). All are there, or none. */
static void finish_errors(const fitting *f, size_t k)
{
    const double freedom = f->problem->regions->total[k] - (double)f->solution[k].rank;
    const double *squares = f->square + k * 2 * f->m + f->m;
    double *errors = ((mele_i_affine *)f->experts[k].state)->standard_errors;
    const size_t width = f->d + 1;
    bool finite = freedom > 0;

    for (size_t t = f->m; t-- > 0;) /* the first last: the others are made of it */
        for (size_t j = 0; j < width; j++) {
            errors[t * width + j] = errors[j] * sqrt(squares[t] / freedom)
                                    / f->frame.scale[f->d + t];
            finite = finite && isfinite(errors[t * width + j]);
        }
    for (size_t j = 0; j < f->m * width && !finite; j++)
        errors[j] = NAN;
}

static mele_status make_fitting(fitting *f, mele_error *error)
{
    size_t room = mele_i_least_room(f->d, f->m), all = f->clusters + 1;

    for (size_t i = 0; i < sizeof reductions / sizeof *reductions; i++)
        if (strcmp(f->problem->options->solver, reductions[i].name) == 0)
            f->reduction = &reductions[i];
    f->rows = f->reduction->rows(f->q);
    f->width = f->reduction->width(f->q);
    f->run = mele_i_block_rows(f->q, RUN_NUMBERS, LEAST_RUN);
    f->factor = MELE_I_ARRAY(double, all * size_of_factor(f));
    f->low = MELE_I_ARRAY(double, 2 * (f->d + f->m));
    f->settled = MELE_I_ZEROED(bool, all);
    f->merging = MELE_I_ARRAY(double, mele_i_triangle_room(f->q));
    f->numbers = MELE_I_ZEROED(double, all * room);
    f->solution = MELE_I_ZEROED(mele_i_least_solution, all);
    f->square = MELE_I_ZEROED(double, all * 2 * f->m);
    if (f->factor == NULL || f->merging == NULL || f->numbers == NULL || f->solution == NULL
        || f->square == NULL || f->low == NULL || f->settled == NULL)
        return mele_i_no_memory(error);
    f->high = f->low + f->d + f->m;
    for (size_t k = 0; k < all; k++)
        mele_i_least_place(&f->solution[k], f->numbers + k * room, f->d, f->m);
    return MELE_OK;
}

static void free_fitting(fitting *f)
{
    free(f->factor);
    free(f->low);
    free(f->settled);
    free(f->merging);
    free(f->numbers);
    free(f->solution);
    free(f->square);
    mele_i_frame_free(&f->frame);
}

/* The variance of expert k's left-out prediction of a row that it was not trained on: where it is
 * drawn to the global expert, so is its variance. (Of those that it was trained on all kinds give
 * their own, and they are drawn later.) */
static double variance_outside(const fitting *f, size_t k, size_t t)
{
    const double own = f->experts[k].own, variance = f->experts[k].variance[t];

    return own == 1 ? variance : own * variance + (1 - own) * f->experts[f->clusters].variance[t];
}

/* The variances of left-out predictions. */
static void fill_variances(const fitting *f)
{
    const mele_i_regions *regions = f->problem->regions;
    const size_t K = f->clusters;

    for (size_t i = 0; i < f->problem->x->rows && f->problem->left_out_variance != NULL; i++)
        for (size_t k = 0; k <= K; k++) {
            const size_t column = k < K ? k : f->problem->global_column;
            double *out = f->problem->left_out_variance + (i * K + column) * f->m;
            if (!f->problem->train[k] || column == K)
                continue;
            const bool member = mele_i_region_weight(regions, i, k) > 0;
            for (size_t t = 0; t < f->m; t++)
                out[t] = member ? f->experts[k].variance[t] : variance_outside(f, k, t);
        }
}

static mele_status fit(const mele_i_expert_problem *problem, mele_i_expert *experts,
                       mele_engine *engine, mele_error *error)
{
    size_t d = problem->shape.columns, m = problem->shape.outputs, q = 1 + d + m;
    fitting f = {.experts = experts, .problem = problem, .clusters = problem->regions->clusters,
                 .d = d, .m = m, .q = q};
    mele_i_tasks tasks = {.count = f.clusters + 1, .run = solve_region, .context = &f,
                          .stage = "experts"};
    mele_i_tasks errors = {.count = f.clusters + 1, .run = find_errors, .context = &f};
    mele_status status = make_fitting(&f, error);

    if (status == MELE_OK)
        status = factor_all(&f, engine, error);
    if (status == MELE_OK)
        status = mele_i_tasks_run(engine, &tasks, error);
    if (status == MELE_OK)
        status = finish_coefficients(&f, error);
    if (status == MELE_OK)
        status = mele_i_tasks_run(engine, &errors, error);
    if (status == MELE_OK)
        status = leave_out(&f, engine, error);
    if (status == MELE_OK) {
        finish_variances(&f);
        fill_variances(&f);
        for (size_t k = 0; k <= f.clusters; k++)
            if (problem->train[k])
                finish_errors(&f, k);
    }
    free_fitting(&f);
    return status;
}

const mele_i_expert_kind mele_i_expert_linear = {
    .name = "linear",
    .regression = true,
    .expands = true,
    .checks = true,
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
