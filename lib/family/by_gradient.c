/* Families whose parts are trained together, by gradients (coupled.c has the objective, losses.c
 * the losses).
 *
 * With a gate they start from random experts and equal weights, --restarts times, and the least
 * objective is kept. Without one nothing but the penalty couples experts: they start from experts
 * that stage 2 has trained, each alone on all rows, which without penalty is all there is to do.
 *
 * What the parts say of rows that they have not seen, and so the variances of predictions, come of
 * refits without folds of rows, which go on from the whole (leave_out.c). */
#include "family/by_gradient.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/total.h"
#include "engine/rows.h"
#include "family/afterwards.h"
#include "family/alone.h"
#include "family/apart.h"
#include "family/doubtful.h"
#include "family/leave_out.h"
#include "family/order.h"
#include "family/parts.h"
#include "family/together.h"
#include "fit/expect.h"
#include "fit/refining.h"
#include "fit/report.h"
#include "gate/constant.h"
#include "schema/data.h"

#define GATE_RIDGE 0.1       /* as EM has it */
#define AFTERWARDS_RIDGE 10 /* of a gate between networks that all know all rows */

/* What has been trained, and what refits go on from. */
typedef struct trained {
    const mele_i_coupled_loss *loss;
    const mele_i_by_gradient_way *way; /* NULL: L-BFGS */
    double lambda;
    bool gates; /* a gate is to be trained afterwards */
    mele_experts *experts;
    mele_gate *gate;
    mele_gate_info gate_info;
    double *scales; /* of the loss */
    mele_i_coupled_found found;
    double *reached; /* by random starts; NULL: there were none */
    size_t starts;
    mele_expert_info *info; /* K + 1 */

    double *shares, *variance; /* n x K, K x M: what it says of its rows */
    mele_i_mixture_sums sums;
} trained;

static void clear_trained(trained *t)
{
    mele_experts_free(t->experts);
    mele_gate_free(t->gate);
    free(t->scales);
    free(t->reached);
    free(t->info);
    free(t->shares);
    free(t->variance);
    mele_i_mixture_sums_clear(&t->sums);
}

/* ---- training ---- */

/* The parts of what was found. */
static mele_status take(mele_i_together *t, trained *out, mele_error *error)
{
    const size_t scales = t->coupled.loss->scales(&t->coupled.shape);

    out->scales = MELE_I_ARRAY(double, scales);
    if (out->scales == NULL)
        return mele_i_no_memory(error);
    memcpy(out->scales, mele_i_together_scales(t), scales * sizeof *out->scales);
    out->found = t->found;
    out->reached = t->reached;
    out->starts = t->starts;
    t->reached = NULL;
    return mele_i_together_finish(t, &out->experts, &out->gate, error);
}

static mele_status make_together(mele_i_run *run, const trained *t, mele_i_together *out, mele_error *error)
{
    mele_status status = mele_i_together_make(run, t->loss, t->lambda, out, error);

    if (t->way != NULL) {
        out->move = t->way->move;
        out->context = t->way->context;
    }
    return status;
}

/* Of a loss with a gate, from random starts; else from the experts, which are replaced. */
static mele_status train(mele_i_run *run, trained *t, mele_error *error)
{
    mele_experts *alone = t->experts;
    const mele_i_together_start from = {.experts = alone};
    mele_i_together together;
    mele_status status = make_together(run, t, &together, error);

    if (status == MELE_OK && t->loss->gated)
        status = mele_i_together_search(&together, run->options->partition.restarts, error);
    else if (status == MELE_OK)
        status = mele_i_together_continue(&together, &from, error);
    if (status == MELE_OK)
        status = take(&together, t, error);
    mele_i_together_clear(&together);
    if (status == MELE_OK)
        mele_experts_free(alone);
    return status;
}

/* ---- rows left out ---- */

static mele_status refit(const void *context, mele_i_run *run, const size_t *rows,
                         mele_error *error)
{
    const trained *whole = context;
    const mele_i_together_start from = {whole->experts, whole->scales,
                                        whole->loss->gated ? whole->gate : NULL};
    mele_i_together together;
    mele_status status = make_together(run, whole, &together, error);

    (void)rows;
    if (status == MELE_OK)
        status = mele_i_together_continue(&together, &from, error);
    if (status == MELE_OK)
        status = mele_i_together_finish(&together, &run->model->experts, &run->model->gate, error);
    mele_i_together_clear(&together);
    return status;
}

/* Where no row can be left out the weights stay equal. */
static mele_status gate_afterwards(mele_i_run *run, trained *t, mele_i_mixture_said *said,
                                   mele_error *error)
{
    mele_gate *gate = NULL;

    if (said->mean == NULL)
        return MELE_OK;
    mele_status status = mele_i_family_gate_afterwards(run, t->experts, said, t->variance, &gate,
                                                       &t->gate_info, error);
    if (status == MELE_OK) {
        mele_gate_free(t->gate);
        t->gate = gate;
    }
    return status;
}

/* ---- what is told ---- */

static mele_status make_room(const mele_i_run *run, size_t outputs, trained *t, mele_error *error)
{
    const size_t K = run->model->clusters;

    t->shares = mele_i_large_array(run->features.rows, K * sizeof(double));
    t->variance = mele_i_array(K, outputs * sizeof(double));
    if (t->shares == NULL || t->variance == NULL)
        return mele_i_no_memory(error);
    return mele_i_mixture_sums_make(K, outputs, &t->sums, error);
}

/* What the parts say of the rows that they were trained on. Without scales variances are mean
 * squares. */
static mele_status measure(mele_i_run *run, trained *t, mele_error *error)
{
    const size_t K = run->model->clusters, n = run->features.rows;
    mele_i_em_problem problem;
    mele_status status = make_room(run, mele_experts_outputs(t->experts), t, error);

    if (status != MELE_OK)
        return status;
    mele_i_refining_problem(run, run->options->experts.kind, &problem);
    const mele_i_mixture_rows rows = problem.rows;
    const size_t parts = mele_i_mixture_parts(&rows.targets);
    mele_experts_variances(t->experts, t->variance);
    const mele_i_mixture mixture = {t->experts, t->gate, t->variance};
    if (t->loss->gated)
        return mele_i_mixture_expect(&rows, &mixture, run->engine, t->shares, &t->sums, error);
    for (size_t i = 0; i < n * K; i++)
        t->shares[i] = 1;
    status = mele_i_mixture_measure(&rows, t->experts, t->shares, run->engine, &t->sums, error);
    for (size_t i = 0; i < K * parts && status == MELE_OK && rows.targets.classes == 0; i++)
        t->variance[i] = fmax(t->sums.loss[i] / t->sums.weight[i / parts], problem.least_variance);
    return status;
}

static void fill_infos(const mele_i_run *run, const trained *t)
{
    const size_t K = run->model->clusters;
    const size_t parts = mele_i_run_classes(run) > 0 ? 1 : mele_experts_outputs(t->experts);

    for (size_t k = 0; k < K; k++) {
        const mele_i_expert_facts facts = mele_i_experts_facts(t->experts, k);
        mele_expert_info *info = &t->info[k];
        *info = (mele_expert_info){.kind = facts.kind,
                                   .rows = t->sums.weight[k],
                                   .rank = facts.rank,
                                   .own = 1,
                                   .left_out = NAN,
                                   .iterations = t->found.iterations,
                                   .ridge = info->ridge,
                                   .converged = t->found.converged};
        for (size_t p = 0; p < parts; p++) {
            const size_t at = k * parts + p;
            info->error += t->sums.loss[at] / t->sums.weight[k] / (double)parts;
        }
    }
}

/* Objectives of mixtures, which are means, are minimised: minus each, as a sum in the data's units. */
static json_t *more_of(const mele_i_run *run, const trained *t)
{
    const double total = mele_i_total_weight(run->data->weights, run->features.rows);
    const double units = mele_i_family_units(run);
    json_t *object = json_object();

    if (object != NULL
        && (!t->loss->gated
            || (mele_i_json_put(object, "penalised", mele_i_report_real(-total * t->found.value - units))
                && mele_i_json_put(object, "starts",
                                   mele_i_family_starts(t->reached, t->starts, -total, units)))))
        return object;
    json_decref(object);
    return NULL;
}

/* At the variances of maximum likelihood. */
static void warn_of_doubtful(const mele_i_run *run, const trained *t)
{
    const size_t K = run->model->clusters;
    const mele_i_fitted fitted = {K, mele_experts_outputs(t->experts), t->sums.weight, t->variance};
    size_t count = 0;

    for (size_t k = 0; k < K; k++)
        count += mele_i_fitted_is_doubtful(&fitted, k, mele_i_experts_facts(t->experts, k).rank);
    mele_i_family_warn_of_doubtful(run, count);
}

/* ---- the whole ---- */

/* Trained together. */
static mele_status finish(mele_i_run *run, trained *t, mele_i_mixture_said *said,
                          mele_i_family_result *result, mele_error *error)
{
    const bool classes = mele_i_run_classes(run) > 0;
    mele_status status = measure(run, t, error);

    if (status == MELE_OK && t->loss->gated && !classes)
        warn_of_doubtful(run, t);
    if (status == MELE_OK)
        status = mele_i_family_leave_out(run, refit, t, t->gates, classes ? NULL : t->variance,
                                         said, error);
    if (status == MELE_OK && t->gates)
        status = gate_afterwards(run, t, said, error);
    if (status == MELE_OK && t->lambda > 0 && said->mean != NULL && !classes
        && !run->options->experts.in_sample)
        status = mele_i_family_apart(run, said, t->variance, error);
    if (status != MELE_OK)
        return status;
    fill_infos(run, t);
    if (t->loss->gated)
        mele_i_family_warn_idle(run, t->sums.weight);
    if (!classes)
        mele_i_experts_set_variances(t->experts, t->variance);
    if (t->loss->gated)
        result->log_likelihood = t->sums.log_likelihood - mele_i_family_units(run);
    result->iterates = true;
    result->iterations = t->found.iterations;
    result->converged = t->found.converged;
    result->gate_info = t->gates ? &t->gate_info : NULL;
    result->more = more_of(run, t);
    if (result->more == NULL)
        return mele_i_no_memory(error);
    return t->way == NULL ? MELE_OK : t->way->tell(run, t->gate, result->more, error);
}

/* The expert of the family one. */
static mele_status fit_one(mele_i_run *run, trained *t, mele_error *error)
{
    mele_status status = mele_i_family_alone(run, false, &t->experts, t->info, error);

    return status == MELE_OK ? mele_i_gate_constant_make(NULL, 1, &t->gate, error) : status;
}

/* Experts that nothing couples are what they are alone. */
static mele_status fit_alone(mele_i_run *run, trained *t, mele_error *error)
{
    const size_t K = run->model->clusters;
    mele_status status = mele_i_family_alone(run, true, &t->experts, t->info, error);

    if (status != MELE_OK || t->lambda > 0)
        return status;
    t->found.converged = true;
    for (size_t k = 0; k < K; k++) {
        t->found.converged = t->found.converged && t->info[k].converged;
        t->found.iterations = t->info[k].iterations > t->found.iterations ? t->info[k].iterations
                                                                          : t->found.iterations;
    }
    return mele_i_gate_constant_make(NULL, K, &t->gate, error);
}

/* They are numbered by what they are, before anything is told of them by number. */
static mele_status number(mele_i_run *run, trained *t, mele_error *error)
{
    const bool scaled = t->scales != NULL && t->loss->gated && mele_i_run_classes(run) == 0;
    const mele_i_family_exchangeable parts = {
        .experts = t->experts, .gate = t->gate, .info = t->info, .scales = scaled ? t->scales : NULL,
        .scale_count = scaled ? mele_experts_outputs(t->experts) : 0};

    return mele_i_family_number(run, &parts, error);
}

static mele_status fit(mele_i_run *run, trained *t, mele_i_mixture_said *said,
                       mele_i_family_result *result, mele_error *error)
{
    mele_status status = MELE_OK;

    if (run->model->clusters == 1)
        return fit_one(run, t, error);
    if (!t->loss->gated)
        status = fit_alone(run, t, error);
    if (status == MELE_OK && (t->loss->gated || t->lambda > 0))
        status = train(run, t, error);
    if (status == MELE_OK)
        status = number(run, t, error);
    return status == MELE_OK ? finish(run, t, said, result, error) : status;
}

static mele_status by_gradient(mele_i_run *run, const mele_i_coupled_loss *loss,
                               const mele_i_by_gradient_way *way, double lambda, bool gates,
                               mele_error *error)
{
    trained t = {.loss = loss, .way = way, .lambda = lambda, .gates = gates,
                 .info = MELE_I_ZEROED(mele_expert_info, run->model->clusters + 1)};
    mele_i_family_result result = {.info = t.info, .log_likelihood = NAN};
    mele_i_mixture_said said = {.mean = NULL};
    mele_status status =
        t.info == NULL ? mele_i_no_memory(error) : fit(run, &t, &said, &result, error);

    if (status == MELE_OK) {
        result.experts = t.experts;
        result.gate = t.gate;
        t.experts = NULL;
        t.gate = NULL;
        status = mele_i_family_finish(run, &result, error);
    } else {
        json_decref(result.more);
    }
    mele_i_mixture_said_clear(&said);
    clear_trained(&t);
    return status;
}

mele_status mele_i_family_by_gradient(mele_i_run *run, const mele_i_coupled_loss *loss, double lambda,
                                      bool gates, mele_error *error)
{
    return by_gradient(run, loss, NULL, lambda, gates, error);
}

mele_status mele_i_family_by_moves(mele_i_run *run, const mele_i_coupled_loss *loss,
                                   const mele_i_by_gradient_way *way, mele_error *error)
{
    return by_gradient(run, loss, way, 0, false, error);
}

/* ---- options ---- */

void mele_i_by_gradient_settle(mele_options *options)
{
    if (!mele_options_given(options, "gate-ridge"))
        options->gate.ridge = GATE_RIDGE;
}

void mele_i_by_gradient_settle_afterwards(mele_options *options)
{
    if (!mele_options_given(options, "gate-ridge"))
        options->gate.ridge = AFTERWARDS_RIDGE;
}

mele_status mele_i_by_gradient_check(const mele_data *data, const mele_options *options,
                                     mele_error *error)
{
    (void)data;
    if (options->experts.ridge == MELE_RIDGE_GCV)
        return mele_i_fail(error, MELE_EINVAL,
                           "the family %s minimises one penalised loss of all experts, and "
                           "--ridge gcv is a penalty of each: give a number",
                           options->family.name);
    return MELE_OK;
}

bool mele_i_by_gradient_sweep(size_t i, mele_options *options)
{
    static const double values[] = {0, 0.25, 0.5, 0.75, 0.9};

    if (options->family.lambda != MELE_LAMBDA_AUTO || i == sizeof values / sizeof *values)
        return false;
    options->family.lambda = values[i];
    return true;
}
