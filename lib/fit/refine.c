/* Refinement: some steps of EM (em.c) from the experts and the gate that stages 2 and 3 made of explicit
 * regions. It is a hybrid of explicit and implicit localisation: the regions give EM its start, and EM
 * makes regions of those rows that one expert explains.
 *
 * EM sees the target of every row, through the responsibilities, in all that it trains. So what the
 * refined mixture would predict of rows that it has not seen is found by refining without them, in
 * folds (refine_folds.c), from which come the errors in the report, and variances: with f_ik and g_ik
 * what the mixture without row i's fold says of it, s_kt^2 are those that make
 *
 *     sum_i w_i log sum_k g_ik prod_t N(y_it; f_ikt, s_kt^2)
 *
 * largest, by EM over them alone: of regions that do not overlap they are the mean squares of left-out
 * residuals, as those of experts that are not refined. */
#include "fit/refine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "engine/rows.h"
#include "fit/experts.h"
#include "fit/left_out.h"
#include "fit/refine_folds.h"
#include "fit/refine_steps.h"
#include "fit/report.h"
#include "fit/stages.h"
#include "gate/gate.h"
#include "schema/data.h"

#define KEY "refine" /* of the record and the report */
#define VARIANCE_STEPS 100
#define VARIANCE_GAIN 1e-9 /* a unit of weight: less is no more looked for */
#define LEAST_VARIANCE 1e-8 /* of a target's, as experts have it */

typedef struct refinement {
    mele_i_run *run;
    mele_i_refining refining;
    size_t steps; /* wanted */
    json_t *candidates; /* of the choice of steps; NULL: their number was given */
    json_t *path, *penalised; /* log-likelihoods from the start on; NULL: nobody wants them */
    double *variance;         /* K x M, of what is left out; NULL: classes */
    mele_i_mixture_said said; /* of rows left out; NULL: there are none */
    mele_i_mixture_sums sums; /* of these */
} refinement;

/* ---- steps ---- */

/* What log-likelihoods in the data's units are less than those of scaled targets. */
static double units_of(const refinement *r)
{
    const mele_i_scaling *scaling = &r->run->model->target_scaling;
    double units = 0;

    for (size_t t = 0; t < scaling->columns; t++)
        units += log(scaling->scale[t]);
    return r->refining.problem.total_weight * units;
}

static double log_likelihood_of(const refinement *r)
{
    return r->refining.em.sums.log_likelihood - units_of(r);
}

static bool append(json_t **path, double value)
{
    if (*path == NULL)
        *path = json_array();
    return *path != NULL && json_array_append_new(*path, mele_i_report_real(value)) == 0;
}

static mele_status add_to_path(refinement *r, mele_error *error)
{
    if (r->run->report == NULL
        || (append(&r->path, log_likelihood_of(r))
            && append(&r->penalised, r->refining.em.objective - units_of(r))))
        return MELE_OK;
    return mele_i_no_memory(error);
}

static mele_status take_steps(refinement *r, mele_error *error)
{
    mele_i_em *em = &r->refining.em;
    mele_status status = add_to_path(r, error);

    for (size_t s = 0; s < r->steps && status == MELE_OK && !em->converged; s++) {
        status = mele_i_em_step(em, error);
        if (status == MELE_OK)
            status = add_to_path(r, error);
        if (status == MELE_OK)
            status = mele_i_progress(r->run->engine, "refine", s + 1, r->steps,
                                     log_likelihood_of(r), error);
    }
    return status;
}

/* ---- what is left out ---- */

/* The variances that make what was said of left-out rows likeliest; sums: over the responsibilities then. */
static mele_status fit_variances(refinement *r, const mele_i_mixture_rows *rows, mele_error *error)
{
    const size_t parts = mele_i_mixture_parts(&rows->targets), count = rows->clusters * parts;
    double last = -INFINITY;

    for (size_t s = 0; s < VARIANCE_STEPS; s++) {
        mele_status status = mele_i_mixture_expect_said(rows, &r->said, r->variance, r->run->engine,
                                                        &r->sums, error);
        if (status != MELE_OK)
            return status;
        const double gain = (r->sums.log_likelihood - last) / r->refining.problem.total_weight;
        if (r->variance == NULL || !(gain > VARIANCE_GAIN))
            return MELE_OK;
        last = r->sums.log_likelihood;
        for (size_t i = 0; i < count; i++)
            if (r->sums.weight[i / parts] > 0)
                r->variance[i] = fmax(r->sums.loss[i] / r->sums.weight[i / parts], LEAST_VARIANCE);
    }
    return MELE_OK;
}

/* A read() of mele_rows: log densities of the rows' targets under what was said of them. */
typedef struct densities {
    const mele_i_mixture_rows *rows;
    const double *mean, *variance;
} densities;

static double density_of(const densities *d, size_t row, size_t k, const double *y)
{
    const mele_targets *targets = &d->rows->targets;
    const size_t K = d->rows->clusters, parts = mele_i_mixture_parts(targets);
    const double *mean = d->mean + (row * K + k) * (targets->classes > 0 ? targets->classes : parts);
    double sum = 0;

    if (targets->classes > 0)
        return mean[(size_t)y[0]];
    for (size_t t = 0; t < parts; t++) {
        const double off = y[t] - mean[t], variance = d->variance[k * parts + t];
        sum -= (log(2 * M_PI * variance) + off * off / variance) / 2;
    }
    return sum;
}

static mele_status read_densities(void *user, size_t first, size_t count, double *out,
                                  mele_error *error)
{
    const densities *d = user;
    const mele_rows *values = &d->rows->targets.values;
    double *room = MELE_I_ARRAY(double, mele_i_rows_room(values, count));
    const double *y = NULL;
    size_t stride = 0;
    mele_status status = room == NULL ? mele_i_no_memory(error)
                                      : mele_i_rows_take(values, (mele_i_block){0, first, count}, room,
                                                         &y, &stride, error);

    for (size_t i = 0; i < count && status == MELE_OK; i++)
        for (size_t k = 0; k < d->rows->clusters; k++)
            *out++ = density_of(d, first + i, k, y + i * stride);
    free(room);
    return status;
}

/* The measures of the rows left out, to the report. */
static mele_status measure(refinement *r, const mele_i_mixture_rows *rows, mele_error *error)
{
    const size_t K = rows->clusters, M = mele_model_outputs(r->run->model);
    densities d = {rows, r->said.mean, r->variance};
    const mele_i_left_out_view view = {
        .gate = NULL, .clusters = K, .log_posteriors = mele_rows_of_array(r->said.log_gate, rows->rows, K),
        .mean = mele_rows_of_array(r->said.mean, rows->rows, K * M),
        .log_likelihoods = {rows->rows, K, NULL, 0, read_densities, &d}};
    json_t *measures = NULL;
    mele_status status = mele_i_left_out_measures(r->run, &view, &measures, error);

    if (status == MELE_OK)
        mele_i_report_set(r->run->report, "left_out", measures);
    return status;
}

static mele_status need_said(refinement *r, mele_error *error)
{
    const size_t rows = r->run->features.rows, K = r->run->model->clusters;

    r->said.mean = mele_i_large_array(rows, K * mele_model_outputs(r->run->model) * sizeof(double));
    r->said.log_gate = mele_i_large_array(rows, K * sizeof(double));
    return r->said.mean == NULL || r->said.log_gate == NULL ? mele_i_no_memory(error) : MELE_OK;
}

/* Of classes only the report wants what is left out. */
static mele_status leave_out(refinement *r, mele_error *error)
{
    mele_i_run *run = r->run;
    mele_i_mixture_rows rows = r->refining.problem.rows;
    mele_i_refine_folds folds = {.count = 0};
    mele_status status = MELE_OK;

    rows.log_posteriors = (mele_rows){.data = NULL};
    if (r->variance == NULL && run->report == NULL)
        return MELE_OK;
    status = mele_i_refine_folds_deal(run, run->options->experts.folds, &folds, error);
    if (status == MELE_OK && folds.count > 0) {
        status = need_said(r, error);
        if (status == MELE_OK)
            status = mele_i_refine_leave_out(run, &folds, r->refining.em.steps, &r->said, error);
        if (status == MELE_OK)
            status = fit_variances(r, &rows, error);
        if (status == MELE_OK && run->report != NULL)
            status = measure(r, &rows, error);
    } else if (status == MELE_OK) {
        mele_i_report_warn(run->report, "no row can be left out of the refinement: variances are those "
                           "of the rows that it has seen");
    }
    mele_i_refine_folds_clear(&folds);
    return status;
}

/* ---- the record ---- */

static json_t *record_of(const refinement *r, bool whole)
{
    const mele_i_em *em = &r->refining.em;
    json_t *object = json_object();
    bool good = mele_i_json_put(object, "steps", json_integer((json_int_t)em->steps))
                && mele_i_json_put(object, "converged", json_boolean(em->converged))
                && mele_i_json_put(object, "log_likelihood",
                                   mele_i_report_real(log_likelihood_of(r)));

    if (good && r->candidates != NULL)
        good = mele_i_json_put(object, "candidates", json_incref(r->candidates));
    if (good && whole && r->path != NULL)
        good = mele_i_json_put(object, "path", json_incref(r->path))
               && mele_i_json_put(object, "penalised", json_incref(r->penalised));
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

/* What is new of the experts; errors a row, as those of stage 2. */
static void fill_infos(const refinement *r)
{
    const mele_i_em *em = &r->refining.em;
    const size_t K = r->run->model->clusters;
    const size_t parts = mele_i_mixture_parts(&r->refining.problem.rows.targets);

    for (size_t k = 0; k < K; k++) {
        mele_expert_info *info = &em->info[k];
        info->rows = em->sums.weight[k];
        info->own = 1;
        info->fallback = false;
        info->error = info->left_out = 0;
        for (size_t t = 0; t < parts; t++) {
            info->error += em->sums.loss[k * parts + t] / em->sums.weight[k] / (double)parts;
            info->left_out += r->said.mean == NULL ? NAN
                              : r->sums.loss[k * parts + t] / r->sums.weight[k] / (double)parts;
        }
    }
}

static mele_status record(refinement *r, mele_error *error)
{
    mele_i_run *run = r->run;
    const size_t K = run->model->clusters;
    const bool classes = mele_i_run_classes(run) > 0;
    const json_t *old = json_object_get(run->model->training, "experts");
    bool *fresh = MELE_I_ARRAY(bool, K);

    if (fresh == NULL)
        return mele_i_no_memory(error);
    fill_infos(r);
    for (size_t k = 0; k < K; k++)
        fresh[k] = r->refining.em.info[k].kind != NULL;
    mele_i_report_set(run->report, "experts", mele_i_experts_record(r->refining.em.info, K, classes,
                                                                    fresh, old, true));
    json_t *experts = mele_i_experts_record(r->refining.em.info, K, classes, fresh, old, false);
    free(fresh);
    mele_i_report_set(run->report, KEY, record_of(r, true));
    if (!mele_i_json_put(run->model->training, "experts", experts)
        || !mele_i_json_put(run->model->training, KEY, record_of(r, false)))
        return mele_i_no_memory(error);
    return MELE_OK;
}

static void warn_of_empty(const refinement *r)
{
    const mele_i_em *em = &r->refining.em;

    for (size_t k = 0; k < r->run->model->clusters; k++)
        if (em->sums.weight[k] < 1)
            mele_i_report_warn(r->run->report, "after refinement no row is of expert %zu any more "
                               "(%.3g in all): fewer regions would do (--clusters)", k + 1,
                               em->sums.weight[k]);
}

/* ---- the whole ---- */

static mele_status make(refinement *r, mele_error *error)
{
    const size_t K = r->run->model->clusters;
    const size_t parts = mele_i_mixture_parts(&r->refining.problem.rows.targets);

    r->sums.weight = MELE_I_ARRAY(double, K);
    r->sums.loss = mele_i_array(K, parts * sizeof(double));
    if (r->sums.weight == NULL || r->sums.loss == NULL)
        return mele_i_no_memory(error);
    if (r->refining.em.variance == NULL)
        return MELE_OK;
    r->variance = mele_i_array(K, parts * sizeof(double));
    return r->variance == NULL ? mele_i_no_memory(error) : MELE_OK;
}

static void clear(refinement *r)
{
    mele_i_refining_clear(&r->refining);
    json_decref(r->path);
    json_decref(r->penalised);
    json_decref(r->candidates);
    free(r->variance);
    free(r->said.mean);
    free(r->said.log_gate);
    free(r->sums.weight);
    free(r->sums.loss);
}

/* The refined mixture becomes the model's. */
static void install(refinement *r)
{
    mele_i_em *em = &r->refining.em;

    if (r->variance != NULL)
        mele_i_experts_set_variances(em->experts, r->variance);
    r->run->model->experts = em->experts;
    r->run->model->gate = em->gate;
    em->experts = NULL;
    em->gate = NULL;
}

static mele_status refine(refinement *r, mele_error *error)
{
    mele_status status = mele_i_refining_start(r->run, &r->refining, error);

    if (status == MELE_OK)
        status = make(r, error);
    if (status == MELE_OK)
        status = take_steps(r, error);
    if (status == MELE_OK && r->variance != NULL)
        memcpy(r->variance, r->refining.em.variance,
               r->run->model->clusters * r->refining.problem.rows.targets.values.cols
                   * sizeof(double));
    if (status == MELE_OK)
        status = leave_out(r, error);
    if (status == MELE_OK)
        status = record(r, error);
    if (status == MELE_OK) {
        warn_of_empty(r);
        install(r);
    }
    return status;
}

/* Its experts were trained on other rows than EM would train them on. */
static mele_status check_rows(const mele_i_run *run, mele_error *error)
{
    if (json_object_get(json_object_get(run->model->training, "gate"), "fresh") == NULL)
        return MELE_OK;
    return mele_i_fail(error, MELE_EINVAL, "--refine trains the experts as well as the gate, and these "
                       "are rows that the experts have not seen: give those that they were trained "
                       "on, or train experts on these (mele-experts)");
}

/* Of no steps the mixture stays as it is, and what they were chosen from is told. */
static mele_status record_none(refinement *r, mele_error *error)
{
    json_t *object = json_object();

    if (!mele_i_json_put(object, "steps", json_integer(0))
        || !mele_i_json_put(object, "candidates", json_incref(r->candidates))) {
        json_decref(object);
        return mele_i_no_memory(error);
    }
    return mele_i_run_record(r->run, KEY, object, error);
}

/* In place of a gate that is not refined one that is; what the old one was is forgotten. */
static mele_status change_gate(mele_i_run *run, mele_error *error)
{
    mele_gate *old = run->model->gate;
    mele_status status;

    if (mele_i_refining_takes(&run->gate))
        return MELE_OK;
    run->gate = mele_i_refining_gate(&run->gate);
    status = mele_i_run_gate(run, error);
    if (status == MELE_OK)
        mele_gate_free(old);
    return status;
}

static mele_status refine_run(mele_i_run *run, mele_error *error)
{
    refinement r = {.run = run, .steps = run->options->refine};
    mele_status status = check_rows(run, error);

    if (status == MELE_OK && r.steps == MELE_REFINE_AUTO)
        status = mele_i_refine_choose(run, &r.steps, &r.candidates, error);
    if (status == MELE_OK && r.steps == 0) {
        status = record_none(&r, error);
    } else if (status == MELE_OK) {
        status = change_gate(run, error);
        mele_gate *gate = run->model->gate;
        if (status == MELE_OK)
            status = refine(&r, error);
        if (status == MELE_OK)
            mele_gate_free(gate);
    }
    clear(&r);
    return status;
}

mele_status mele_i_run_gate_refined(mele_i_run *run, mele_error *error)
{
    mele_model *model = run->model;
    mele_experts *given = model->experts, *before;
    mele_status status = MELE_OK;

    if (json_object_get(model->training, KEY) != NULL)
        status = mele_i_run_experts(run, MELE_I_KEEP_FOR_GATE, error);
    if (status == MELE_OK)
        status = mele_i_run_gate(run, error);
    if (status != MELE_OK || run->options->refine == 0)
        return status;
    if (mele_i_gate_is_global(model->gate)) {
        mele_i_report_warn(run->report, "the gate is global, one model for all rows: there is no mixture "
                           "to refine");
        return MELE_OK;
    }
    before = model->experts;
    const double start = mele_i_clock();
    status = refine_run(run, error);
    if (status == MELE_OK && before != given && before != model->experts)
        mele_experts_free(before);
    mele_report_seconds(run->report, KEY, mele_i_clock() - start);
    return status;
}
