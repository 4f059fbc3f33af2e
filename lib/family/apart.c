/* Under a penalty for experts that err alike these part around the same mean, by more than the mean errs: their
 * spread, which the variance of a mixture has, says too much. What share of it says something, b, is chosen by what
 * was said of rows left out: with f_k drawn together to f + sqrt(b) (f_k - f), f = sum_k g_k f_k, the mixture has
 * the same mean, the variance sum_k g_k s_k^2 + b sum_k g_k (f_k - f)^2, and the likelihood
 *
 *     sum_i w_i log sum_k g_ik prod_t N(y_it; f_it + sqrt(b) (f_ikt - f_it), s_kt^2),
 *
 * of which the largest over s_kt^2 (fit/said_variances.c) is taken at each of the shares below, and the largest of
 * these wins, the first of equal ones. Where all of it says something the model stays as it is. */
#include "family/apart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "fit/refining.h"
#include "fit/said_variances.h"

static const double shares[] = {1, 0.64, 0.36, 0.16, 0.04, 0};

typedef struct drawing {
    mele_i_em_problem problem;
    size_t outputs;
    const mele_i_mixture_said *said;
    double *mean; /* n x K x M, drawn together */
    mele_i_mixture_sums sums;
    double *variance, *best; /* K x M */
    double most;             /* the log-likelihood of the best */
    double share;            /* its */
} drawing;

static void draw_row(const drawing *d, size_t row, double root)
{
    const size_t K = d->problem.rows.clusters, M = d->outputs;
    const double *from = d->said->mean + row * K * M, *log_gate = d->said->log_gate + row * K;
    double *to = d->mean + row * K * M;

    for (size_t t = 0; t < M; t++) {
        double mean = 0;
        for (size_t k = 0; k < K; k++)
            mean += exp(log_gate[k]) * from[k * M + t];
        for (size_t k = 0; k < K; k++)
            to[k * M + t] = mean + root * (from[k * M + t] - mean);
    }
}

/* d->variance: where they start from. */
static mele_status try_share(drawing *d, double share, mele_engine *engine, mele_error *error)
{
    const size_t K = d->problem.rows.clusters;
    const mele_i_mixture_said drawn = {d->mean, d->said->log_gate};

    for (size_t i = 0; i < d->problem.rows.rows; i++)
        draw_row(d, i, sqrt(share));
    mele_status status =
        mele_i_said_variances(&d->problem.rows, &drawn, engine, d->variance, &d->sums, error);
    if (status == MELE_OK && d->sums.log_likelihood > d->most) {
        d->most = d->sums.log_likelihood;
        d->share = share;
        memcpy(d->best, d->variance, K * d->outputs * sizeof *d->best);
    }
    return status;
}

static mele_status search(drawing *d, const double *variance, mele_engine *engine, mele_error *error)
{
    const size_t K = d->problem.rows.clusters, M = d->outputs;
    mele_status status = mele_i_mixture_sums_make(K, M, &d->sums, error);

    d->mean = mele_i_large_array(d->problem.rows.rows, K * M * sizeof *d->mean);
    d->variance = mele_i_array(K, M * sizeof *d->variance);
    d->best = mele_i_array(K, M * sizeof *d->best);
    if (status == MELE_OK && (d->mean == NULL || d->variance == NULL || d->best == NULL))
        return mele_i_no_memory(error);
    if (status == MELE_OK)
        memcpy(d->best, variance, K * M * sizeof *variance);
    for (size_t r = 0; r < sizeof shares / sizeof *shares && status == MELE_OK; r++) {
        memcpy(d->variance, variance, K * M * sizeof *variance);
        status = try_share(d, shares[r], engine, error);
    }
    return status;
}

static mele_status keep(const drawing *d, mele_model *model, double *variance, mele_error *error)
{
    const size_t count = d->problem.rows.clusters * d->outputs;

    if (d->share < 1) {
        model->between = MELE_I_ARRAY(double, d->outputs);
        if (model->between == NULL)
            return mele_i_no_memory(error);
    }
    for (size_t t = 0; t < d->outputs && d->share < 1; t++)
        model->between[t] = d->share;
    memcpy(variance, d->best, count * sizeof *variance);
    return MELE_OK;
}

mele_status mele_i_family_apart(mele_i_run *run, const mele_i_mixture_said *said, double *variance,
                                mele_error *error)
{
    drawing d = {.outputs = mele_model_outputs(run->model), .said = said, .most = -INFINITY, .share = 1};

    mele_i_refining_problem(run, run->options->experts.kind, &d.problem);
    mele_status status = search(&d, variance, run->engine, error);
    if (status == MELE_OK)
        status = keep(&d, run->model, variance, error);
    free(d.mean);
    free(d.variance);
    free(d.best);
    mele_i_mixture_sums_clear(&d.sums);
    return status;
}
