/* Fuzzy c-means (Dunn 1973, J. Cybernetics 3; Bezdek 1981, Pattern Recognition with Fuzzy Objective Function
 * Algorithms; as regions of a mixture of experts Goodband, Haas, Mills 2006).
 *
 * With D_ik = |x_i - c_k|^2 and the fuzzifier m > 1 it minimises J = sum_i w_i sum_k u_ik^m D_ik over
 * centres and memberships that sum to one in each row, by turns:
 *
 *     u_ik = D_ik^-e / sum_l D_il^-e,  e = 1 / (m - 1);    c_k = sum_i w u^m x / sum_i w u^m.
 *
 * J never rises. With t_k = min_l D_l / D_k and S = sum t^e a row needs no more than
 *
 *     u_k^m = t_k^e t_k S^-m    and    sum_k u_k^m D_k = min D S^(1-m),
 *
 * of which nothing overflows. The weights u^m w go into the moments about the centres, so a mean far from
 * zero costs no digits. Squared distances count as FLOOR of the rows' total variance at least: a row on a
 * centre belongs to it but for rounding, with finite logarithms. A centre whose weights underflow stays.
 *
 * It ends when the shift of all centres together is at most the tolerance times the root of the mean
 * variance of the columns: steps are many and small beside those of k-means, whose squares are compared.
 * Centres that have come to coincide (nearer in squares than COINCIDE of
 * the total variance) are then one, and it goes on with those that are left.
 *
 * log u_k = -e log D_k - log sum is what stands for log posteriors. Far from all centres memberships tend to
 * be equal. exp of -e log D is no density: there is no likelihood. The shape is m and the floor. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "partition/kind.h"
#include "partition/options.h"
#include "partition/start.h"

#define FLOOR 0x1p-52
#define COINCIDE 1e-6
#define MOST_FLOOR (DBL_MAX / 8)

enum { FUZZIFIER, LEAST, SHAPE };

static size_t shape_count(size_t clusters, size_t columns)
{
    (void)clusters;
    (void)columns;
    return SHAPE;
}

static double exponent(const mele_partition *p)
{
    return 1 / (p->shape[FUZZIFIER] - 1);
}

static void log_joint(const mele_partition *p, const double *x, size_t stride, size_t rows,
                      double *out)
{
    const double e = exponent(p), least = p->shape[LEAST];

    mele_i_kernels_best()->distances(x, stride, rows, p->columns, p->centres, p->clusters, out);
    for (size_t i = 0; i < rows * p->clusters; i++)
        out[i] = -e * log(fmax(out[i], least));
}

/* ---- one pass ---- */

typedef struct fcm {
    const mele_i_attempt *attempt;
    const mele_i_kernels *kernels;
    mele_partition *p;
    size_t block_rows;
    double *ones, *zeros; /* K: the metric and the constants of densities that are distances */
    double *sums;         /* J; of every centre the sum of w u^m, first moments, second ones */
} fcm;

static size_t sums_count(const fcm *f)
{
    return 1 + f->p->clusters * (1 + 2 * f->p->columns);
}

static mele_i_moments moments_in(const fcm *f, double *sums)
{
    double *first = sums + 1 + f->p->clusters;

    return (mele_i_moments){sums + 1, first, first + f->p->clusters * f->p->columns, f->p->columns};
}

/* The least squared distances of a panel's rows; panel: minus half of the squared distances, which
 * become the least over each, t. Of a row that is infinitely far from all, t is 1. */
static void divide_distances(const fcm *f, size_t count, double *panel, double *least)
{
    const size_t clusters = f->p->clusters;
    const double floor = f->p->shape[LEAST];

    for (size_t i = 0; i < count; i++)
        least[i] = -INFINITY;
    for (size_t k = 0; k < clusters; k++)
        for (size_t i = 0; i < count; i++) {
            const double half = panel[k * MELE_I_PANEL + i];
            least[i] = least[i] > half ? least[i] : half;
        }
    for (size_t i = 0; i < count; i++)
        least[i] = -2 * least[i];
    for (size_t k = 0; k < clusters; k++)
        for (size_t i = 0; i < count; i++) {
            const double square = -2 * panel[k * MELE_I_PANEL + i];
            const double near = least[i] > floor ? least[i] : floor;
            panel[k * MELE_I_PANEL + i] = least[i] < INFINITY ? near / (square > floor ? square : floor) : 1;
        }
}

/* t becomes t^(e + 1), and the sums of t^e go to sum[]. */
static void raise_by_one(size_t clusters, size_t count, double *t, double *sum)
{
    for (size_t k = 0; k < clusters; k++, t += MELE_I_PANEL)
        for (size_t i = 0; i < count; i++) {
            sum[i] += t[i];
            t[i] *= t[i];
        }
}

static void raise(const fcm *f, size_t count, double *t, double *sum)
{
    const double e = exponent(f->p);

    memset(sum, 0, count * sizeof *sum);
    if (e == 1) {
        raise_by_one(f->p->clusters, count, t, sum);
        return;
    }
    for (size_t k = 0; k < f->p->clusters; k++, t += MELE_I_PANEL) {
        double power[MELE_I_PANEL_ROWS];
        for (size_t i = 0; i < count; i++)
            power[i] = e * log(t[i]);
        f->kernels->exponential(power, count);
        for (size_t i = 0; i < count; i++) {
            sum[i] += power[i];
            t[i] *= power[i];
        }
    }
}

/* The panel of minus half of the squared distances becomes w u^m; returns the rows' part of J. */
static double weigh(const fcm *f, size_t first, size_t count, double *panel)
{
    const double m = f->p->shape[FUZZIFIER];
    double least[MELE_I_PANEL_ROWS], sum[MELE_I_PANEL_ROWS], objective = 0;

    divide_distances(f, count, panel, least);
    raise(f, count, panel, sum);
    for (size_t i = 0; i < count; i++) {
        const double weight = mele_i_weight(f->attempt->sample, first + i);
        const double power = m == 2 ? 1 / (sum[i] * sum[i]) : pow(sum[i], -m);
        objective += weight > 0 ? weight * least[i] * power * sum[i] : 0;
        sum[i] = weight * power;
    }
    for (size_t k = 0; k < f->p->clusters; k++) {
        for (size_t i = 0; i < count; i++)
            panel[k * MELE_I_PANEL + i] *= sum[i];
        for (size_t i = count; i < (count + 31) / 32 * 32; i++)
            panel[k * MELE_I_PANEL + i] = 0;
    }
    return objective;
}

static mele_status map_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const fcm *f = context;
    const mele_partition *p = f->p;
    double *panel = scratch, *share = panel + p->columns * MELE_I_PANEL, *sums = partial;
    const mele_i_moments moments = moments_in(f, sums);
    const double *x;
    size_t stride;
    mele_status status = mele_i_rows_take(&f->attempt->sample->rows, block,
                                          share + p->clusters * MELE_I_PANEL, &x, &stride, error);

    for (size_t i = 0; i < block.count && status == MELE_OK; i += MELE_I_PANEL_ROWS) {
        const size_t left = block.count - i;
        const size_t count = left < MELE_I_PANEL_ROWS ? left : MELE_I_PANEL_ROWS;
        f->kernels->to_panel(x + i * stride, stride, count, p->columns, panel);
        f->kernels->round_densities(panel, count, p->columns, p->centres, f->ones, f->zeros,
                                    p->clusters, share);
        *sums += weigh(f, block.first + i, count, share);
        f->kernels->square_moments(panel, count, p->columns, p->centres, share, p->clusters, &moments);
    }
    return status;
}

static void combine_block(void *context, const void *partial)
{
    const fcm *f = context;
    const double *sums = partial;

    for (size_t i = 0; i < sums_count(f); i++)
        f->sums[i] += sums[i];
}

/* J of the centres as they are, and what moves them. */
static mele_status sum_rows(fcm *f, mele_error *error)
{
    const mele_rows *rows = &f->attempt->sample->rows;
    const size_t panels = (f->p->columns + f->p->clusters) * MELE_I_PANEL;
    const mele_i_pass pass = {
        .rows = rows->rows, .block_rows = f->block_rows, .map = map_block, .combine = combine_block,
        .context = f, .partial_bytes = sums_count(f) * sizeof(double),
        .scratch_bytes = (panels + mele_i_rows_room(rows, f->block_rows)) * sizeof(double)};

    memset(f->sums, 0, sums_count(f) * sizeof *f->sums);
    return mele_i_pass_run(f->attempt->engine, &pass, error);
}

/* ---- iteration ---- */

/* Returns the squared shift of all centres together. */
static double move_centres(fcm *f)
{
    const mele_i_moments m = moments_in(f, f->sums);
    const size_t d = f->p->columns;
    double shift = 0;

    for (size_t k = 0; k < f->p->clusters; k++)
        for (size_t j = 0; j < d && m.count[k] >= DBL_MIN / DBL_EPSILON; j++) {
            const double step = m.first[k * d + j] / m.count[k];
            f->p->centres[k * d + j] += step;
            shift += step * step;
        }
    return shift;
}

static double square_between(const mele_partition *p, size_t a, size_t b)
{
    double sum = 0;

    for (size_t j = 0; j < p->columns; j++) {
        const double apart = p->centres[a * p->columns + j] - p->centres[b * p->columns + j];
        sum += apart * apart;
    }
    return sum;
}

/* Of centres no farther from each other than that, in squares, the first stays. Whether any went. */
static bool merge_centres(mele_partition *p, double most)
{
    const size_t d = p->columns, before = p->clusters;
    size_t kept = 0;

    for (size_t k = 0; k < before; k++) {
        size_t other = 0;
        while (other < kept && square_between(p, other, k) > most)
            other++;
        if (other == kept)
            memmove(p->centres + kept++ * d, p->centres + k * d, d * sizeof *p->centres);
    }
    p->clusters = kept;
    return kept < before;
}

static mele_status iterate(fcm *f, mele_partition_info *info, mele_error *error)
{
    const mele_i_sample *sample = f->attempt->sample;
    const mele_partition_options *options = f->attempt->options;
    const double apart = COINCIDE * sample->variance * (double)f->p->columns;
    const double rounding = mele_i_least_shift(sample, f->p->clusters);
    const double still = fmax(options->tolerance * options->tolerance * sample->variance, rounding);
    mele_status status = MELE_OK;

    for (;;) {
        status = sum_rows(f, error);
        if (status != MELE_OK)
            return status;
        info->objective = f->sums[0];
        if (info->converged || info->iterations == options->max_iterations)
            return MELE_OK;
        info->iterations++;
        status = mele_i_partition_progress(f->attempt, info->iterations, info->objective, error);
        if (status != MELE_OK)
            return status;
        if (move_centres(f) <= still)
            info->converged = !merge_centres(f->p, apart);
    }
}

static mele_status run(const mele_i_attempt *attempt, mele_partition *p, mele_partition_info *info,
                       mele_error *error)
{
    const size_t row_work = p->clusters * (4 * p->columns + 16);
    fcm f = {.attempt = attempt, .kernels = mele_i_kernels_best(), .p = p};
    mele_status status = MELE_ENOMEM;

    f.block_rows = mele_i_block_rows(row_work, 1 << 20, 4 * MELE_I_PANEL_ROWS) / MELE_I_PANEL_ROWS
                   * MELE_I_PANEL_ROWS;
    f.ones = MELE_I_ARRAY(double, p->clusters);
    f.zeros = MELE_I_ZEROED(double, p->clusters);
    f.sums = MELE_I_ARRAY(double, sums_count(&f));
    if (f.ones == NULL || f.zeros == NULL || f.sums == NULL) {
        mele_i_no_memory(error);
    } else {
        for (size_t k = 0; k < p->clusters; k++)
            f.ones[k] = 1;
        status = iterate(&f, info, error);
    }
    free(f.ones);
    free(f.zeros);
    free(f.sums);
    return status;
}

static mele_status fit(const mele_i_attempt *attempt, mele_partition *trial,
                       mele_partition_info *info, mele_error *error)
{
    const mele_i_sample *sample = attempt->sample;
    const double size = sample->size * (double)sample->rows.cols;
    mele_partition_info made = {0};
    mele_status status = mele_i_start(attempt, trial->centres, &trial->clusters, error);

    if (status != MELE_OK)
        return status;
    trial->shape[FUZZIFIER] = attempt->options->fuzzifier > 0 ? attempt->options->fuzzifier
                                                              : MELE_I_USUAL_FUZZIFIER;
    trial->shape[LEAST] = fmin(fmax(FLOOR * size, DBL_MIN), MOST_FLOOR);
    merge_centres(trial, 0);
    status = run(attempt, trial, &made, error);
    if (status != MELE_OK)
        return status;
    made.clusters = trial->clusters;
    *info = made;
    return MELE_OK;
}

/* ---- order, marginal, model file ---- */

/* No number of the shape is a cluster's, or a column's. */
static void reorder(mele_partition *p, const size_t *order, double *work)
{
    (void)p;
    (void)order;
    (void)work;
}

/* The memberships by the distances in these columns. */
static void marginal(const mele_partition *from, mele_partition *to)
{
    memcpy(to->shape, from->shape, SHAPE * sizeof *to->shape);
}

static bool is_fuzzifier(double m)
{
    return m >= MELE_I_LEAST_FUZZIFIER && m <= MELE_I_MOST_FUZZIFIER;
}

static bool is_floor(double square)
{
    return square >= DBL_MIN && square <= MOST_FLOOR;
}

double mele_partition_fuzzifier(const mele_partition *p)
{
    return p->kind == &mele_i_partition_fcm ? p->shape[FUZZIFIER] : 0;
}

static mele_status take(const mele_partition_arrays *arrays, mele_partition *p, mele_error *error)
{
    const double m = arrays->fuzzifier == 0 ? MELE_I_USUAL_FUZZIFIER : arrays->fuzzifier;

    if (!is_fuzzifier(m))
        return mele_i_fail(error, MELE_EDATA, "fuzzifier is %g, not a number from %g to %g", m,
                           MELE_I_LEAST_FUZZIFIER, (double)MELE_I_MOST_FUZZIFIER);
    if (!is_floor(arrays->covariances[0]))
        return mele_i_fail(error, MELE_EDATA, "covariances: %g is not a positive number",
                           arrays->covariances[0]);
    p->shape[FUZZIFIER] = m;
    p->shape[LEAST] = arrays->covariances[0];
    return MELE_OK;
}

static bool save(const mele_partition *p, json_t *section)
{
    return mele_i_json_put(section, "fuzzifier", json_real(p->shape[FUZZIFIER]))
           && mele_i_json_put(section, "floor", json_real(p->shape[LEAST]));
}

static mele_status load(const json_t *section, mele_partition *p, mele_error *error)
{
    mele_status status = mele_i_json_get_number(section, "fuzzifier", &p->shape[FUZZIFIER], error);

    if (status == MELE_OK)
        status = mele_i_json_get_number(section, "floor", &p->shape[LEAST], error);
    if (status == MELE_OK && !is_fuzzifier(p->shape[FUZZIFIER]))
        return mele_i_fail(error, MELE_EDATA, "\"fuzzifier\" is %g, not a number from %g to %g",
                           p->shape[FUZZIFIER], MELE_I_LEAST_FUZZIFIER,
                           (double)MELE_I_MOST_FUZZIFIER);
    if (status == MELE_OK && !is_floor(p->shape[LEAST]))
        return mele_i_fail(error, MELE_EDATA, "\"floor\" is %g, not a positive number",
                           p->shape[LEAST]);
    return status;
}

const mele_i_partition_kind mele_i_partition_fcm = {
    .name = "fcm",
    .keys = "kind,clusters,columns,centres,fuzzifier,floor",
    .start = "kmeans++",
    .why_fewer = "there are not enough distinct rows, or centres came to coincide (--fuzzifier "
                 "nearer to 1 keeps more of them apart)",
    .spread = "none",
    .no_density = true,
    .shape_count = shape_count,
    .fit = fit,
    .log_joint = log_joint,
    .reorder = reorder,
    .marginal = marginal,
    .take = take,
    .save = save,
    .load = load,
};
