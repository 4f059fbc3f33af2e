/* Gaussian mixtures with full covariances, by expectation maximisation in logarithms (Dempster,
 * Laird, Rubin 1977, J. R. Stat. Soc. B 39).
 *
 *     log N(x; m, S) = -d/2 log 2 pi + sum_i log W_ii - |W (x - m)|^2 / 2,   W = L^-1, S = L L'
 *
 * E: r_ik = softmax_k(log a_k + log N_k(x_i)), and the log-likelihood. In the same pass, about
 * the old mean m: N_k = sum w r, u = sum w r (x - m) / N, T = sum w r (x - m)(x - m)' / N.
 * M: a = N / sum w, mean m + u, S = T - u u'. As m converges u vanishes, so nothing is lost by the
 * difference.
 *
 * Covariance floor: the step maximises over S with no eigenvalue below the floor f, which sets
 * smaller eigenvalues of S to f and leaves the rest. Being the maximum under a constraint that
 * all steps share, it never lets the log-likelihood fall (adding f to the diagonal would). A
 * component whose N is below 2^-52 sum w keeps its mean and covariance, which maximises nothing
 * but lowers nothing either.
 *
 * Starts: the clusters of one restart of k-means, or the rows nearest to given centres; a cluster
 * is turned into its moments. The k-means has the tolerance of the defaults, because
 * the one in the options is a log-likelihood. It ends when the mean log-likelihood of a row grew
 * by no more than the tolerance; the parameters are those whose log-likelihood was seen. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cholesky.h"
#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "partition/kmeans.h"

static size_t triangle(size_t d)
{
    return d * (d + 1) / 2;
}

/* The shape: K weights, K constants of the log densities, K whiteners W packed by rows. */
static size_t shape_count(size_t clusters, size_t columns)
{
    return clusters * (2 + triangle(columns));
}

static double *weights_of(const mele_partition *p)
{
    return p->shape;
}

static double *constants_of(const mele_partition *p)
{
    return p->shape + p->clusters;
}

static double *whiteners_of(const mele_partition *p)
{
    return p->shape + 2 * p->clusters;
}

/* The constants follow from the rest, and so are the same bits after a fit and after loading. */
static void set_constants(mele_partition *p)
{
    for (size_t k = 0; k < p->clusters; k++) {
        const double *w = whiteners_of(p) + k * triangle(p->columns);
        double sum = log(weights_of(p)[k]) - 0.5 * (double)p->columns * log(2 * M_PI);
        for (size_t i = 0; i < p->columns; i++)
            sum += log(w[triangle(i + 1) - 1]);
        constants_of(p)[k] = sum;
    }
}

/* A squared length that overflowed is no number or infinity: its density is zero. */
static void log_joint(const mele_partition *p, const double *x, size_t stride, size_t rows,
                      double *out)
{
    const double *constant = constants_of(p);

    mele_i_kernels_best()->mahalanobis(x, stride, rows, p->columns, p->centres, whiteners_of(p),
                                       p->clusters, out);
    for (size_t i = 0; i < rows; i++, out += p->clusters)
        for (size_t k = 0; k < p->clusters; k++)
            out[k] = out[k] < INFINITY ? constant[k] - 0.5 * out[k] : -INFINITY;
}

const char *mele_partition_covariance(size_t i)
{
    return i == 0 ? "full" : NULL;
}

/* ---- expectation maximisation ---- */

typedef struct em {
    const mele_i_attempt *attempt;
    const mele_i_kernels *kernels;
    mele_partition *p;
    const uint32_t *label; /* the start's clusters; NULL once there are densities */
    size_t block_rows;
    double *sums;       /* log-likelihood, then K runs of moments */
    double *covariance; /* d x d */
    double *work;       /* d x d, and 4 d */
} em;

static size_t run_count(const em *e)
{
    return 1 + e->p->columns + e->p->columns * e->p->columns;
}

static size_t sums_count(const em *e)
{
    return 1 + e->p->clusters * run_count(e);
}

/* Responsibilities times weights of a block, rows x K to out; returns the log-likelihood. */
static double responsibilities(const em *e, mele_i_block block, double *out, double *density)
{
    const mele_i_sample *sample = e->attempt->sample;
    size_t clusters = e->p->clusters;
    double sum = 0;

    if (e->label != NULL) {
        memset(out, 0, block.count * clusters * sizeof *out);
        for (size_t i = 0; i < block.count; i++)
            out[i * clusters + e->label[block.first + i]] = 1;
    } else {
        log_joint(e->p, sample->rows.data + block.first * sample->rows.stride, sample->rows.stride,
                  block.count, out);
        e->kernels->log_softmax(out, block.count, clusters, density);
        e->kernels->exponential(out, block.count * clusters);
    }
    for (size_t i = 0; i < block.count; i++) {
        double weight = mele_i_weight(sample, block.first + i);
        if (e->label == NULL && weight > 0)
            sum += weight * density[i];
        if (weight != 1)
            for (size_t k = 0; k < clusters; k++)
                out[i * clusters + k] *= weight;
    }
    return sum;
}

static mele_status map_moments(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const em *e = context;
    const mele_rows *x = &e->attempt->sample->rows;
    double *sums = partial, *out = scratch;

    (void)error;
    sums[0] = responsibilities(e, block, out, out + e->block_rows * e->p->clusters);
    e->kernels->moments(x->data + block.first * x->stride, x->stride, block.count, x->cols,
                        e->p->centres, out, e->p->clusters, sums + 1);
    return MELE_OK;
}

static void combine_moments(void *context, const void *partial)
{
    em *e = context;
    const double *sums = partial;

    for (size_t i = 0; i < sums_count(e); i++)
        e->sums[i] += sums[i];
}

static mele_status expect(em *e, mele_error *error)
{
    mele_i_pass pass = {.rows = e->attempt->sample->rows.rows,
                        .block_rows = e->block_rows,
                        .partial_bytes = sums_count(e) * sizeof(double),
                        .scratch_bytes = e->block_rows * (e->p->clusters + 1) * sizeof(double),
                        .map = map_moments,
                        .combine = combine_moments,
                        .context = e};

    memset(e->sums, 0, sums_count(e) * sizeof(double));
    return mele_i_pass_run(e->attempt->engine, &pass, error);
}

/* Set the covariance's eigenvalues below the floor to it, unless none is: the covariance less
 * the floor then has a Cholesky factor. A floor that rounding would swallow is raised. */
static bool raise_eigenvalues(em *e, double floor)
{
    size_t d = e->p->columns;
    double *a = e->work, *values = a + d * d;

    memcpy(a, e->covariance, d * d * sizeof *a);
    for (size_t i = 0; i < d; i++)
        a[i * d + i] -= floor;
    if (mele_i_cholesky(a, d))
        return true;
    memcpy(a, e->covariance, d * d * sizeof *a);
    if (!mele_i_eigen(a, d, values, values + d))
        return false;
    floor = fmax(floor, 16 * (double)d * DBL_EPSILON * values[d - 1]);
    memset(e->covariance, 0, d * d * sizeof *a);
    for (size_t v = 0; v < d; v++)
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j <= i; j++)
                e->covariance[i * d + j] += fmax(values[v], floor) * a[v * d + i] * a[v * d + j];
    return true;
}

/* The whitener of the floored covariance, packed. */
static mele_status set_whitener(em *e, size_t k, mele_error *error)
{
    size_t d = e->p->columns;
    double *out = whiteners_of(e->p) + k * triangle(d);
    double floor = mele_i_variance_floor(e->attempt->sample,
                                         e->attempt->options->covariance_floor);

    if (!raise_eigenvalues(e, floor) || !mele_i_cholesky(e->covariance, d)
        || !mele_i_lower_inverse(e->covariance, d))
        return mele_i_fail(error, MELE_EDATA,
                           "the covariance of cluster %zu has no Cholesky "
                           "factor: scale the data or raise the covariance floor",
                           k + 1);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++)
            *out++ = e->covariance[i * d + j];
    return MELE_OK;
}

static mele_status maximise_one(em *e, size_t k, mele_error *error)
{
    const double *run = e->sums + 1 + k * run_count(e), total = e->attempt->sample->total;
    const double count = run[0], *first = run + 1, *second = first + e->p->columns;
    double *mean = e->p->centres + k * e->p->columns;
    size_t d = e->p->columns;

    weights_of(e->p)[k] = count / total;
    if (!(count > DBL_EPSILON * total))
        return MELE_OK;
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++)
            e->covariance[i * d + j] =
                second[i * d + j] / count - (first[i] / count) * (first[j] / count);
    for (size_t i = 0; i < d; i++)
        mean[i] += first[i] / count;
    return set_whitener(e, k, error);
}

static mele_status maximise(em *e, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t k = 0; k < e->p->clusters && status == MELE_OK; k++)
        status = maximise_one(e, k, error);
    if (status == MELE_OK)
        set_constants(e->p);
    return status;
}

/* From the start's clusters to convergence. */
static mele_status iterate_em(em *e, const uint32_t *label, mele_partition_info *info,
                              mele_error *error)
{
    const mele_partition_options *options = e->attempt->options;
    double before = -INFINITY;

    e->label = label;
    mele_status status = expect(e, error);
    if (status == MELE_OK)
        status = maximise(e, error);
    e->label = NULL;
    while (status == MELE_OK) {
        status = expect(e, error);
        if (status != MELE_OK)
            break;
        info->objective = e->sums[0] / e->attempt->sample->total;
        info->converged = !(info->objective - before > options->tolerance);
        if (info->converged || info->iterations == options->max_iterations)
            break;
        before = info->objective;
        info->iterations++;
        status = mele_i_partition_progress(e->attempt, info->iterations, before, error);
        if (status == MELE_OK)
            status = maximise(e, error);
    }
    return status;
}

/* Room is made for the clusters that the start found. */
static mele_status run_em(const mele_i_attempt *attempt, mele_partition *p, const uint32_t *label,
                          mele_partition_info *info, mele_error *error)
{
    size_t d = p->columns, square;
    em e = {.attempt = attempt, .kernels = mele_i_kernels_best(), .p = p};
    mele_status status = MELE_ENOMEM;

    if (__builtin_mul_overflow(d, d + 4, &square))
        return mele_i_no_memory(error);
    e.block_rows = mele_i_partition_block(p->clusters * (d * (d + 8)));
    e.sums = mele_i_array(p->clusters + 1, run_count(&e) * sizeof(double));
    e.covariance = MELE_I_ZEROED(double, d *d);
    e.work = MELE_I_ARRAY(double, square);
    if (e.sums == NULL || e.covariance == NULL || e.work == NULL)
        mele_i_no_memory(error);
    else
        status = iterate_em(&e, label, info, error);
    free(e.sums);
    free(e.covariance);
    free(e.work);
    return status;
}

static mele_status fit(const mele_i_attempt *attempt, mele_partition *trial,
                       mele_partition_info *info, mele_error *error)
{
    mele_partition_options options = *attempt->options;
    mele_i_attempt start = *attempt;
    mele_partition_info result = {0};
    uint32_t *label = MELE_I_ARRAY(uint32_t, attempt->sample->rows.rows);

    if (label == NULL)
        return mele_i_no_memory(error);
    options.tolerance = mele_partition_defaults().tolerance;
    start.options = &options;
    mele_status status = mele_i_lloyd(&start, options.centres == NULL, false, trial->centres,
                                      &trial->clusters, label, &result, error);
    if (status == MELE_OK) {
        result = (mele_partition_info){.repaired = result.repaired, .clusters = trial->clusters};
        status = run_em(attempt, trial, label, &result, error);
    }
    if (status == MELE_OK)
        *info = result;
    free(label);
    return status;
}

/* ---- order, marginal, model file ---- */

static void reorder(mele_partition *p, const size_t *order, double *work)
{
    size_t size = triangle(p->columns), clusters = p->clusters;

    memcpy(work, p->shape, shape_count(clusters, p->columns) * sizeof *work);
    for (size_t k = 0; k < clusters; k++) {
        weights_of(p)[k] = work[order[k]];
        constants_of(p)[k] = work[clusters + order[k]];
        memcpy(whiteners_of(p) + k * size, work + 2 * clusters + order[k] * size,
               size * sizeof *work);
    }
}

/* The leading block of S = L L' is that of L times its transpose, and the inverse of a leading
 * block of L is the leading block of W: the first rows of W are all there is to it. */
static void marginal(const mele_partition *from, mele_partition *to)
{
    for (size_t k = 0; k < to->clusters; k++) {
        weights_of(to)[k] = weights_of(from)[k];
        memcpy(whiteners_of(to) + k * triangle(to->columns),
               whiteners_of(from) + k * triangle(from->columns),
               triangle(to->columns) * sizeof(double));
    }
    set_constants(to);
}

static bool save(const mele_partition *p, json_t *section)
{
    return mele_i_json_put(section, "weights", mele_i_json_numbers(weights_of(p), p->clusters))
           && mele_i_json_put(
               section, "whiteners",
               mele_i_json_matrix(whiteners_of(p), p->clusters, triangle(p->columns)));
}

/* Weights are shares that sum to 1, and the whiteners' diagonals positive. */
static mele_status check_loaded(const mele_partition *p, mele_error *error)
{
    double sum = 0;

    for (size_t k = 0; k < p->clusters; k++) {
        const double *w = whiteners_of(p) + k * triangle(p->columns);
        if (!(weights_of(p)[k] >= 0))
            return mele_i_fail(error, MELE_EDATA, "\"weights\" has %g", weights_of(p)[k]);
        sum += weights_of(p)[k];
        for (size_t i = 0; i < p->columns; i++)
            if (!(w[triangle(i + 1) - 1] > 0))
                return mele_i_fail(error, MELE_EDATA,
                                   "\"whiteners\" has %g on the diagonal of "
                                   "cluster %zu",
                                   w[triangle(i + 1) - 1], k + 1);
    }
    if (!(fabs(sum - 1) <= 1e-6))
        return mele_i_fail(error, MELE_EDATA, "\"weights\" add up to %g, not 1", sum);
    return MELE_OK;
}

static mele_status load(const json_t *section, mele_partition *p, mele_error *error)
{
    mele_status status =
        mele_i_json_get_numbers(section, "weights", weights_of(p), p->clusters, error);

    if (status == MELE_OK)
        status = mele_i_json_get_matrix(section, "whiteners", whiteners_of(p), p->clusters,
                                        triangle(p->columns), error);
    if (status == MELE_OK)
        status = check_loaded(p, error);
    if (status == MELE_OK)
        set_constants(p);
    return status;
}

const mele_i_partition_kind mele_i_partition_gmm = {
    .name = "gmm",
    .keys = "kind,clusters,columns,centres,weights,whiteners",
    .larger_is_better = true,
    .shape_count = shape_count,
    .fit = fit,
    .log_joint = log_joint,
    .reorder = reorder,
    .marginal = marginal,
    .save = save,
    .load = load,
};
