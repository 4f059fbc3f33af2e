/* Gaussian mixtures by expectation maximisation in logarithms (Dempster, Laird, Rubin 1977, J. R.
 * Stat. Soc. B 39); covariance.c has the densities and the maximisation over covariances.
 *
 * E: r_ik = softmax_k(log a_k + log N_k(x_i)), and the log-likelihood. In the same pass, about
 * the old mean m: N_k = sum w r, u = sum w r (x - m) / N, T = sum w r (x - m)(x - m)' / N.
 * M: a = N / sum w, mean m + u, moments about it T - u u' (for a shared covariance the mean of
 * these over components, each with its share a). As m converges u vanishes, so nothing is lost by
 * the difference.
 *
 * A component whose N is at most 2^-52 sum w keeps its mean and covariance, which maximises nothing
 * but lowers nothing either.
 *
 * Starts: the clusters of one restart of k-means, or the rows nearest to given centres, each turned
 * into its moments; or given responsibilities, which are passed over twice, for the means and then
 * for the moments about them. The k-means has the tolerance of the defaults, because the one in the
 * options is a log-likelihood. It ends when the mean log-likelihood of a row grew by no more than
 * the tolerance. The parameters are those of the largest log-likelihood seen: with shrinkage a step
 * may lower it, without by rounding at most.
 *
 * A run of rows is turned to a panel once, so that an iteration reads them once from memory. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "partition/kmeans.h"
#include "partition/mixture.h"

/* ---- densities ---- */

/* A squared length that overflowed is no number or infinity: its density is zero. */
static void densities_with(const mele_partition *p, const double *constant, const double *x,
                           size_t stride, size_t rows, double *out)
{
    const mele_i_components c = mele_i_mixture_components(p);

    p->covariance->squares(&c, x, stride, rows, out);
    for (size_t i = 0; i < rows; i++, out += p->clusters)
        for (size_t k = 0; k < p->clusters; k++)
            out[k] = out[k] < INFINITY ? constant[k] - 0.5 * out[k] : -INFINITY;
}

static void log_joint(const mele_partition *p, const double *x, size_t stride, size_t rows,
                      double *out)
{
    densities_with(p, mele_i_mixture_joint(p), x, stride, rows, out);
}

static void log_densities(const mele_partition *p, const double *x, size_t stride, size_t rows,
                          double *out)
{
    densities_with(p, mele_i_mixture_own(p), x, stride, rows, out);
}

/* ---- expectation ---- */

typedef struct em {
    const mele_i_attempt *attempt;
    const mele_i_kernels *kernels;
    mele_partition *p;
    const uint32_t *label;     /* the start's clusters, or */
    const mele_matrix *shares; /* responsibilities; both NULL once there are densities */
    bool last;                 /* the parameters are final: moments are not wanted */
    size_t block_rows;
    double *sums; /* log-likelihood, K counts, K x d first moments, then the second ones */
    double *best; /* centres and shape before the last step */
    double *work;
} em;

/* Numbers from the second moments of one component to those of the next. */
static size_t second_step(const em *e)
{
    return e->p->covariance->shared ? 0 : e->p->covariance->moments_size(e->p->columns);
}

static size_t sums_count(const em *e)
{
    const mele_i_covariance *c = e->p->covariance;

    return 1 + e->p->clusters * (1 + e->p->columns)
           + mele_i_covariance_matrices(c, e->p->clusters) * c->moments_size(e->p->columns);
}

static mele_i_moments moments_in(const em *e, double *sums)
{
    double *first = sums + 1 + e->p->clusters;
    mele_i_moments m = {sums + 1, first, first + e->p->clusters * e->p->columns, second_step(e)};

    return m;
}

/* What the start says of `count` rows from row `first` on, times their weights, as a panel. */
static void start_panel(const em *e, size_t first, size_t count, double *out)
{
    const size_t clusters = e->p->clusters;

    memset(out, 0, clusters * MELE_I_PANEL * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        const double weight = mele_i_weight(e->attempt->sample, first + i);
        if (e->label != NULL) {
            out[e->label[first + i] * MELE_I_PANEL + i] = weight;
            continue;
        }
        const double *row = e->shares->data + (first + i) * e->shares->stride;
        double most = 0, sum = 0;
        for (size_t k = 0; k < clusters; k++)
            most = fmax(most, row[k]);
        for (size_t k = 0; k < clusters; k++)
            sum += row[k] / most; /* the sum itself might overflow */
        for (size_t k = 0; k < clusters; k++)
            out[k * MELE_I_PANEL + i] = weight * (row[k] / most / sum);
    }
}

/* E step and moments of up to MELE_I_PANEL_ROWS rows. */
static void add_panel(const em *e, const double *x, size_t stride, size_t first, size_t count,
                      double *panel, double *sums)
{
    const double *weights = e->attempt->sample->weights;
    double *share = panel + e->p->columns * MELE_I_PANEL;
    const mele_i_components components = mele_i_mixture_components(e->p);
    const mele_i_moments moments = moments_in(e, sums);

    e->kernels->to_panel(x, stride, count, e->p->columns, panel);
    if (e->label != NULL || e->shares != NULL) {
        start_panel(e, first, count, share);
    } else {
        e->p->covariance->densities(&components, panel, count, share);
        e->kernels->responsibilities(share, count, e->p->clusters,
                                     weights == NULL ? NULL : weights + first, sums);
    }
    if (!e->last)
        e->p->covariance->sum(&components, panel, count, share, &moments);
}

static mele_status map_moments(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const em *e = context;
    double *panel = scratch, *rows = panel + (e->p->columns + e->p->clusters) * MELE_I_PANEL;
    const double *x;
    size_t stride;
    mele_status status =
        mele_i_rows_take(&e->attempt->sample->rows, block, rows, &x, &stride, error);

    for (size_t i = 0; i < block.count && status == MELE_OK; i += MELE_I_PANEL_ROWS)
        add_panel(e, x + i * stride, stride, block.first + i,
                  block.count - i < MELE_I_PANEL_ROWS ? block.count - i : MELE_I_PANEL_ROWS, panel,
                  partial);
    return status;
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
    const mele_rows *rows = &e->attempt->sample->rows;
    size_t panels = (e->p->columns + e->p->clusters) * MELE_I_PANEL;
    mele_i_pass pass = {.rows = rows->rows,
                        .block_rows = e->block_rows,
                        .partial_bytes = sums_count(e) * sizeof(double),
                        .scratch_bytes =
                            (panels + mele_i_rows_room(rows, e->block_rows)) * sizeof(double),
                        .map = map_moments,
                        .combine = combine_moments,
                        .context = e};

    memset(e->sums, 0, sums_count(e) * sizeof(double));
    return mele_i_pass_run(e->attempt->engine, &pass, error);
}

/* ---- maximisation ---- */

/* Whether the rows say where the component is. */
static bool counts(const em *e, double count)
{
    return count > DBL_EPSILON * e->attempt->sample->total;
}

/* New priors and means; the moments of the components that count become those about their means,
 * per unit of weight. */
static void maximise_means(em *e)
{
    const mele_i_covariance *c = e->p->covariance;
    const mele_i_moments m = moments_in(e, e->sums);
    const size_t d = e->p->columns, size = c->moments_size(d);
    const double total = e->attempt->sample->total;

    for (size_t j = 0; c->shared && j < size; j++)
        m.second[j] /= total;
    for (size_t k = 0; k < e->p->clusters; k++) {
        double *u = m.first + k * d, *second = m.second + k * m.step, count = m.count[k];
        mele_i_mixture_priors(e->p)[k] = count / total;
        if (!counts(e, count))
            continue;
        for (size_t j = 0; !c->shared && j < size; j++)
            second[j] /= count;
        for (size_t j = 0; j < d; j++) {
            u[j] /= count;
            e->p->centres[k * d + j] += u[j];
        }
        c->shift(second, d, c->shared ? count / total : 1, u);
    }
}

static mele_status maximise_covariances(em *e, mele_error *error)
{
    const mele_i_covariance *c = e->p->covariance;
    const mele_partition_options *options = e->attempt->options;
    const mele_i_moments m = moments_in(e, e->sums);
    const size_t d = e->p->columns;
    const double floor = mele_i_variance_floor(e->attempt->sample, options->covariance_floor);
    size_t bad = 0;

    for (size_t k = 0; k < mele_i_covariance_matrices(c, e->p->clusters) && bad == 0; k++)
        if ((c->shared || counts(e, m.count[k]))
            && !c->estimate(m.second + k * m.step, d, options->shrinkage, floor,
                          mele_i_mixture_covariances(e->p) + k * c->size(d), e->work))
            bad = k + 1;
    if (bad == 0)
        bad = mele_i_mixture_finish(e->p, e->work);
    if (bad != 0)
        return mele_i_fail(error, MELE_EDATA,
                           "the covariance of cluster %zu has no Cholesky "
                           "factor: scale the data or raise the covariance floor",
                           bad);
    return MELE_OK;
}

static mele_status maximise(em *e, mele_error *error)
{
    maximise_means(e);
    return maximise_covariances(e, error);
}

/* ---- iteration ---- */

/* The first parameters, from the start's clusters or responsibilities. */
static mele_status start_em(em *e, const uint32_t *label, mele_error *error)
{
    mele_status status;

    e->label = label;
    e->shares = label == NULL ? e->attempt->options->responsibilities : NULL;
    status = expect(e, error);
    if (status == MELE_OK && e->shares != NULL) {
        maximise_means(e);
        status = expect(e, error);
    }
    if (status == MELE_OK)
        status = maximise(e, error);
    e->label = NULL;
    e->shares = NULL;
    return status;
}

static size_t centres_count(const em *e)
{
    return e->p->clusters * e->p->columns;
}

static void keep_best(em *e)
{
    memcpy(e->best, e->p->centres, centres_count(e) * sizeof(double));
    memcpy(e->best + centres_count(e), e->p->shape, e->p->shape_count * sizeof(double));
}

static void take_best(em *e)
{
    memcpy(e->p->centres, e->best, centres_count(e) * sizeof(double));
    memcpy(e->p->shape, e->best + centres_count(e), e->p->shape_count * sizeof(double));
}

/* From the start to convergence. */
static mele_status iterate_em(em *e, const uint32_t *label, mele_partition_info *info,
                              mele_error *error)
{
    const mele_partition_options *options = e->attempt->options;
    double before = -INFINITY;
    mele_status status = start_em(e, label, error);

    while (status == MELE_OK) {
        e->last = info->iterations == options->max_iterations;
        status = expect(e, error);
        if (status != MELE_OK)
            break;
        info->objective = e->sums[0] / e->attempt->sample->total;
        info->converged = !(info->objective - before > options->tolerance);
        if (info->objective < before) {
            take_best(e);
            info->objective = before;
        }
        if (info->converged || e->last)
            break;
        before = info->objective;
        keep_best(e);
        info->iterations++;
        status = mele_i_partition_progress(e->attempt, info->iterations, before, error);
        if (status == MELE_OK)
            status = maximise(e, error);
    }
    return status;
}

/* Elementary operations of a row. */
static size_t row_work(const mele_partition *p)
{
    return p->clusters * (2 * p->covariance->moments_size(p->columns) + 2 * p->columns + 16);
}

/* Whole panels, several to a block where they are cheap. */
static size_t em_block(const mele_partition *p)
{
    size_t rows = mele_i_block_rows(row_work(p), 1 << 20, 4 * MELE_I_PANEL_ROWS);

    return rows / MELE_I_PANEL_ROWS * MELE_I_PANEL_ROWS;
}

/* Room is made for the clusters that the start found. */
static mele_status run_em(const mele_i_attempt *attempt, mele_partition *p, const uint32_t *label,
                          mele_partition_info *info, mele_error *error)
{
    em e = {.attempt = attempt, .kernels = mele_i_kernels_best(), .p = p};
    mele_status status = MELE_ENOMEM;
    size_t work;

    if (!mele_i_covariance_work(p->covariance, p->columns, &work))
        return mele_i_no_memory(error);
    e.block_rows = em_block(p);
    e.sums = MELE_I_ARRAY(double, sums_count(&e));
    e.best = MELE_I_ARRAY(double, centres_count(&e) + p->shape_count);
    e.work = MELE_I_ARRAY(double, work);
    if (e.sums == NULL || e.best == NULL || e.work == NULL)
        mele_i_no_memory(error);
    else
        status = iterate_em(&e, label, info, error);
    free(e.sums);
    free(e.best);
    free(e.work);
    return status;
}

/* ---- fit ---- */

/* Responsibilities are not negative, and say something of every row. */
static mele_status check_shares(const mele_matrix *shares, mele_error *error)
{
    for (size_t i = 0; i < shares->rows; i++) {
        const double *row = shares->data + i * shares->stride;
        double most = 0;
        for (size_t k = 0; k < shares->cols; k++) {
            if (row[k] < 0)
                return mele_i_fail(error, MELE_EDATA,
                                   "responsibilities: row %zu, column %zu is %g, below 0", i + 1,
                                   k + 1, row[k]);
            most = fmax(most, row[k]);
        }
        if (most == 0)
            return mele_i_fail(error, MELE_EDATA, "responsibilities: row %zu is all 0", i + 1);
    }
    return MELE_OK;
}

/* The covariances of components that have no rows, or only rows of next to no weight, stay as all
 * are at first: spheres of the size of the data. */
static void begin_spheres(mele_partition *p, double variance)
{
    const mele_i_covariance *c = p->covariance;
    double *s = mele_i_mixture_covariances(p);

    for (size_t m = 0; m < mele_i_covariance_matrices(c, p->clusters); m++)
        c->fill(s + m * c->size(p->columns), p->columns, variance);
}

/* Components without rows stay where all are at first: at the mean of the data. */
static mele_status fit_shares(const mele_i_attempt *attempt, mele_partition *p,
                              mele_partition_info *info, mele_error *error)
{
    const size_t d = p->columns;
    mele_status status = check_shares(attempt->options->responsibilities, error);

    if (status != MELE_OK)
        return status;
    for (size_t k = 0; k < p->clusters; k++)
        memcpy(p->centres + k * d, attempt->sample->mean, d * sizeof(double));
    begin_spheres(p, attempt->sample->size);
    return run_em(attempt, p, NULL, info, error);
}

/* Given centres may be anywhere. Their rows being known, they move to the range of the data:
 * moments about a centre that is far from its rows would be lost to rounding, or overflow. */
static void move_into_range(const mele_i_sample *sample, mele_partition *p)
{
    const size_t d = p->columns;

    for (size_t k = 0; k < p->clusters; k++)
        for (size_t j = 0; j < d; j++)
            p->centres[k * d + j] =
                fmin(fmax(p->centres[k * d + j], sample->low[j]), sample->high[j]);
}

static mele_status fit_labels(const mele_i_attempt *attempt, mele_partition *trial,
                              mele_partition_info *info, mele_error *error)
{
    mele_partition_options options = *attempt->options;
    mele_i_attempt start = *attempt;
    mele_i_lloyd_result result = {.centres = trial->centres,
                                  .label = MELE_I_ARRAY(uint32_t, attempt->sample->rows.rows)};

    if (result.label == NULL)
        return mele_i_no_memory(error);
    options.tolerance = MELE_I_USUAL_TOLERANCE;
    start.options = &options;
    mele_status status = mele_i_lloyd(&start, options.centres == NULL, false, &result, error);
    if (status == MELE_OK) {
        *info = (mele_partition_info){.repaired = result.info.repaired};
        trial->clusters = result.clusters;
        move_into_range(attempt->sample, trial);
        begin_spheres(trial, attempt->sample->size);
        status = run_em(attempt, trial, result.label, info, error);
    }
    free(result.label);
    return status;
}

static mele_status fit(const mele_i_attempt *attempt, mele_partition *trial,
                       mele_partition_info *info, mele_error *error)
{
    mele_partition_info result = {0};
    mele_status status = mele_i_covariance_ready(trial->covariance, error);

    if (status == MELE_OK)
        status = attempt->options->responsibilities != NULL
                     ? fit_shares(attempt, trial, &result, error)
                     : fit_labels(attempt, trial, &result, error);
    if (status != MELE_OK)
        return status;
    result.clusters = trial->clusters;
    *info = result;
    return MELE_OK;
}

/* ---- order, marginal, model file ---- */

static void reorder(mele_partition *p, const size_t *order, double *work)
{
    const size_t size = p->covariance->size(p->columns);
    double *w = mele_i_mixture_whiteners(p), *s = mele_i_mixture_covariances(p);
    double *priors = mele_i_mixture_priors(p);
    const double *old_priors = work, *old_w = work + (w - p->shape), *old_s = work + (s - p->shape);

    memcpy(work, p->shape, p->shape_count * sizeof *work);
    for (size_t k = 0; k < p->clusters; k++) {
        priors[k] = old_priors[order[k]];
        if (!p->covariance->shared) {
            memcpy(w + k * size, old_w + order[k] * size, size * sizeof *w);
            memcpy(s + k * size, old_s + order[k] * size, size * sizeof *s);
        }
    }
    mele_i_mixture_constants(p);
}

/* Of S in the first columns the leading block. That of S = L L' is the one of L times its
 * transpose, and the inverse of a leading block of L is the leading block of W; packed, leading
 * blocks are the first numbers. */
static void marginal(const mele_partition *from, mele_partition *to)
{
    const mele_i_covariance *c = from->covariance;
    const size_t old = c->size(from->columns), size = c->size(to->columns);

    memcpy(mele_i_mixture_priors(to), mele_i_mixture_priors(from), to->clusters * sizeof(double));
    for (size_t m = 0; m < mele_i_covariance_matrices(c, to->clusters); m++) {
        memcpy(mele_i_mixture_whiteners(to) + m * size, mele_i_mixture_whiteners(from) + m * old,
               size * sizeof(double));
        memcpy(mele_i_mixture_covariances(to) + m * size,
               mele_i_mixture_covariances(from) + m * old, size * sizeof(double));
    }
    mele_i_mixture_constants(to);
}

static bool save(const mele_partition *p, json_t *section)
{
    const mele_i_covariance *c = p->covariance;

    return mele_i_json_put(section, "covariance", json_string(c->name))
           && mele_i_json_put(section, "weights",
                              mele_i_json_numbers(mele_i_mixture_priors(p), p->clusters))
           && mele_i_json_put(section, "covariances",
                              mele_i_json_matrix(mele_i_mixture_covariances(p),
                                                 mele_i_covariance_matrices(c, p->clusters),
                                                 c->size(p->columns)));
}

/* Models once had no "covariance", and the whiteners of full ones. */
static mele_status load_whiteners(const json_t *section, mele_partition *p, mele_error *error)
{
    const size_t size = p->covariance->size(p->columns);
    double *w = mele_i_mixture_whiteners(p), *work = NULL;
    size_t count;
    mele_status status = mele_i_json_get_matrix(section, "whiteners", w, p->clusters, size, error);

    if (status == MELE_OK)
        status = mele_i_covariance_ready(p->covariance, error);
    if (status != MELE_OK)
        return status;
    for (size_t k = 0; k < p->clusters; k++)
        for (size_t i = 0, at = 0; i < p->columns; at += ++i + 1)
            if (!(w[k * size + at] > 0))
                return mele_i_fail(error, MELE_EDATA,
                                   "\"whiteners\" has %g on the diagonal of "
                                   "cluster %zu",
                                   w[k * size + at], k + 1);
    if (mele_i_covariance_work(p->covariance, p->columns, &count))
        work = MELE_I_ARRAY(double, count);
    if (work == NULL)
        return mele_i_no_memory(error);
    if (!mele_i_mixture_from_whiteners(p, work))
        status = mele_i_fail(error, MELE_EDATA, "\"whiteners\" have no inverse");
    free(work);
    return status;
}

/* Models of before there were kinds of covariance. */
static bool has_whiteners(const json_t *section)
{
    return json_object_get(section, "covariance") == NULL
           && json_object_get(section, "covariances") == NULL;
}

static mele_status check_sizes(const json_t *section, const mele_i_covariance *c, size_t clusters,
                               size_t columns, mele_error *error)
{
    mele_status status = mele_i_json_check_size(section, "weights", clusters, error);

    return status != MELE_OK
               ? status
               : mele_i_json_check_sizes(section,
                                         has_whiteners(section) ? "whiteners" : "covariances",
                                         mele_i_covariance_matrices(c, clusters), c->size(columns),
                                         error);
}

static mele_status load(const json_t *section, mele_partition *p, mele_error *error)
{
    const mele_i_covariance *c = p->covariance;
    const bool old = has_whiteners(section);
    mele_status status =
        mele_i_json_get_numbers(section, "weights", mele_i_mixture_priors(p), p->clusters, error);

    if (status == MELE_OK && old)
        status = load_whiteners(section, p, error);
    else if (status == MELE_OK && json_object_get(section, "whiteners") != NULL)
        status = mele_i_fail(error, MELE_EDATA, "\"partition\" has the unknown key \"whiteners\"");
    else if (status == MELE_OK)
        status = mele_i_json_get_matrix(section, "covariances", mele_i_mixture_covariances(p),
                                        mele_i_covariance_matrices(c, p->clusters),
                                        c->size(p->columns), error);
    return status == MELE_OK ? mele_i_mixture_accept(p, error) : status;
}

const mele_i_partition_kind mele_i_partition_gmm = {
    .name = "gmm",
    .keys = "kind,clusters,columns,centres,covariance?,weights,covariances?,whiteners?",
    .start = "kmeans++",
    .why_fewer = MELE_I_FEW_DISTINCT,
    .larger_is_better = true,
    .mixture = true,
    .fit = fit,
    .log_joint = log_joint,
    .log_densities = log_densities,
    .reorder = reorder,
    .marginal = marginal,
    .save = save,
    .check_sizes = check_sizes,
    .load = load,
};
