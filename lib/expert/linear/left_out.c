/* Left-out predictions in closed form: without row i the residual would be e_i / (1 - h_i), with
 * the hat value h_i = w_i a_i' (A'WA + L)^-1 a_i and the ridge as it is. Where 1 - h_i is less
 * than MELE_I_ALONE the quotient is noise: then the left-out prediction is the mean target of the
 * region's other rows, or of all rows if there are none.
 *
 * With many rows the sum of squared left-out residuals needs no second look at them: if no row of
 * weight w has a leverage above H = LEVERAGE, which the extremes of the columns bound,
 *     h_i <= w (1 / sum w + sum_j (sum_l |W_jl| m_l)^2),
 * W the whitener and m_l how far the l-th column goes from its mean, then the sum is between RSS
 * and RSS / (1 - H)^2, and is taken as RSS / (1 - tr / n)^2, as in generalised cross-validation: tr
 * the sum of hat values, n = sum w over the largest w. RSS is from the triangle or the moments; of
 * the latter only while it is more than LOST of the target's, or rounding may be all that is left.
 * Whether that holds depends on the data alone, not on what is asked for, so variances are the same
 * bytes with and without left-out predictions. */
#include "expert/linear/fit.h"

#include <math.h>

#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "expert/units.h"

#define LEVERAGE 0x1p-4
#define LOST 1e-6

/* The largest leverage that any row can have, and with it how much larger its left-out residual can
 * be than its residual: the whitened distance of the farthest corner of the box that holds all
 * rows. */
static double most_leverage(const mele_i_linear_fit *f, size_t k)
{
    const mele_i_reduced_solution *s = &f->solution[k];
    const double *w = s->whitener;
    double distance = 0;

    for (size_t i = 0; i < f->d; i++) {
        double sum = 0;
        for (size_t j = 0; j <= i; j++) {
            double scale = f->frame.scale[j], shift = f->frame.shift[j] + s->mean[j];
            sum += fabs(*w++)
                   * fmax(fabs(f->low[j] * scale - shift), fabs(f->high[j] * scale - shift));
        }
        distance += sum * sum;
    }
    return f->problem->regions->most[k] * (1 / s->weight + distance);
}

/* Whether no row has much leverage, or nothing is left out, and the residuals are more than what
 * rounding left. */
static bool is_known(const mele_i_linear_fit *f, size_t k)
{
    const mele_i_reduced_solution *s = &f->solution[k];

    for (size_t t = 0; t < f->m && f->moments[k]; t++)
        if (!(s->squares[t] >= LOST * s->spread[t] * s->weight))
            return false;
    return f->problem->options->in_sample || most_leverage(f, k) <= LEVERAGE;
}

static void know_squares(const mele_i_linear_fit *f)
{
    for (size_t k = 0; k <= f->clusters; k++) {
        const mele_i_reduced_solution *s = &f->solution[k];
        double *square = f->square + k * 2 * f->m;
        if (!f->problem->train[k] || !is_known(f, k))
            continue;
        double free = 1 - s->trace * f->problem->regions->most[k] / s->weight;
        f->known[k] = true;
        for (size_t t = 0; t < f->m; t++) {
            square[t] = s->squares[t] / (free * free);
            square[f->m + t] = s->squares[t];
        }
    }
}

/* Scratch of the pass beside the members: a region's rows. */
typedef struct chunk {
    double *framed, *predicted, *distance;
    double *x, *y; /* of the block, where they are not in memory */
} chunk;

static chunk place_chunk(const mele_i_linear_fit *f, unsigned char **at, size_t block_rows)
{
    chunk c;

    c.framed = mele_i_carve(at, block_rows * (f->d + f->m), sizeof *c.framed);
    c.predicted = mele_i_carve(at, block_rows * f->m, sizeof *c.predicted);
    c.distance = mele_i_carve(at, block_rows, sizeof *c.distance);
    c.x = mele_i_carve(at, mele_i_rows_room(f->problem->x, block_rows), sizeof *c.x);
    c.y = mele_i_carve(at, mele_i_rows_room(f->problem->y, block_rows), sizeof *c.y);
    return c;
}

static size_t chunk_bytes(const mele_i_linear_fit *f, size_t block_rows)
{
    return mele_i_carved(block_rows * (f->d + f->m), sizeof(double))
           + mele_i_carved(block_rows * f->m, sizeof(double))
           + mele_i_carved(block_rows, sizeof(double))
           + mele_i_carved(mele_i_rows_room(f->problem->x, block_rows), sizeof(double))
           + mele_i_carved(mele_i_rows_room(f->problem->y, block_rows), sizeof(double));
}

/* The residual of a target in the frame when its row is left out; `free` is 1 - h. */
static double residual_left_out(const mele_i_linear_fit *f, const mele_i_reduced_solution *s,
                                size_t t, double weight, double target, double residual,
                                double free)
{
    double others = s->weight - weight;

    if (free >= MELE_I_ALONE)
        return residual / free;
    if (others <= MELE_I_ALONE * s->weight)
        return target - f->solution[f->clusters].mean[f->d + t];
    return (target - s->mean[f->d + t]) * (s->weight / others);
}

/* Rows of the source, which begins at row `first`. */
static void leave_out_slice(const mele_i_linear_fit *f, size_t k, const mele_i_linear_slice *rows,
                            const mele_i_frame_source *source, size_t first, const chunk *c,
                            double *square)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const mele_i_reduced_solution *s = &f->solution[k];
    const size_t width = f->d + f->m, count = rows->count;

    mele_i_frame_rows(&f->frame, source, rows->row, count, c->framed);
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
            double *out = mele_i_left_out_of(f->problem, first + rows->row[i], k);
            if (out != NULL) {
                double raw = without / f->frame.scale[f->d + t];
                out[t] = mele_i_finite(source->y[rows->row[i] * source->y_stride + t] - raw);
            }
        }
    }
}

/* Whether the pass has something to do for the rows of a region. */
static bool is_left_out(const mele_i_linear_fit *f, size_t k)
{
    return f->problem->train[k]
           && (mele_i_left_out_wanted(f->problem, k) || !f->known[k]);
}

static mele_status leave_out_block(void *context, mele_i_block block, void *partial, void *scratch,
                                   mele_error *error)
{
    const mele_i_linear_fit *f = context;
    const size_t first = block.first * f->clusters * f->m;
    unsigned char *at = scratch;
    mele_i_linear_members m = mele_i_linear_place_members(f, &at, block.count);
    chunk c = place_chunk(f, &at, block.count);
    double *square = partial;
    mele_i_frame_source source;
    mele_status status = mele_i_frame_take(f->problem->x, f->problem->y, block, c.x, c.y, &source,
                                           error);

    if (status == MELE_OK)
        status = mele_i_linear_take_members(f, block, &m, error);
    if (status != MELE_OK)
        return status;
    if (f->predictor != NULL)
        mele_i_predictor_rows(f->predictor, source.x, source.x_stride, block.count,
                              f->problem->left_out + first, NULL, at);
    for (size_t k = 0; k <= f->clusters; k++) {
        mele_i_linear_slice s = mele_i_linear_members_of(&m, k);
        if (is_left_out(f, k))
            leave_out_slice(f, k, &s, &source, block.first, &c, square + k * 2 * f->m);
    }
    return MELE_OK;
}

static void add_squares(void *context, const void *partial)
{
    const mele_i_linear_fit *f = context;
    const double *square = partial;

    for (size_t i = 0; i < (f->clusters + 1) * 2 * f->m; i++)
        if (!f->known[i / (2 * f->m)])
            f->square[i] += square[i];
}

mele_status mele_i_linear_leave_out(mele_i_linear_fit *f, mele_engine *engine, mele_error *error)
{
    size_t block = mele_i_block_rows(f->d + f->m, 1 << 14, 64), rows = f->problem->x->rows;

    block = block < rows ? block : rows;
    mele_i_pass pass = {.rows = rows,
                        .block_rows = block,
                        .map = leave_out_block,
                        .combine = add_squares,
                        .context = f,
                        .partial_bytes = (f->clusters + 1) * 2 * f->m * sizeof(double),
                        .scratch_bytes =
                            mele_i_linear_members_bytes(f, block) + chunk_bytes(f, block)};
    mele_i_predictor predictor = {.asked = NULL};
    mele_status status = MELE_OK;
    bool needed = false;

    know_squares(f);
    for (size_t k = 0; k <= f->clusters; k++)
        needed = needed || is_left_out(f, k);
    if (!needed && f->problem->left_out == NULL)
        return MELE_OK;
    if (f->problem->left_out != NULL && !f->problem->own_only) {
        const mele_i_expert_shape shape = {f->problem->columns, f->m, 0};
        status = mele_i_predictor_make(&predictor, f->experts, f->clusters, shape,
                                       f->problem->degree, error);
        if (status == MELE_OK)
            pass.scratch_bytes += mele_i_predictor_scratch(&predictor, block);
        f->predictor = &predictor;
    }
    if (status == MELE_OK)
        status = mele_i_pass_run(engine, &pass, error);
    mele_i_predictor_free(&predictor);
    return status;
}
