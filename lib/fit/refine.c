/* Refinement: some steps of EM (em.c) from the experts and the gate that stages 2 and 3 made of explicit
 * regions. It is a hybrid of explicit and implicit localisation: the regions give EM its start, and EM
 * makes regions of those rows that one expert explains.
 *
 * EM sees the target of every row, through the responsibilities, in all that it trains. So what the
 * refined mixture would predict of rows that it has not seen is found by refining without them, in
 * folds (refine_folds.c), from which come the errors in the report, and variances (said_variances.c). */
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
#include "fit/said_variances.h"
#include "fit/stages.h"
#include "gate/gate.h"
#include "schema/data.h"

#define KEY "refine" /* of the record and the report */

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
        status = mele_i_mixture_said_make(run->features.rows, run->model->clusters,
                                          mele_model_outputs(run->model), &r->said, error);
        if (status == MELE_OK)
            status = mele_i_refine_leave_out(run, &folds, r->refining.em.steps, &r->said, error);
        if (status == MELE_OK)
            status = mele_i_said_variances(&rows, &r->said, run->engine, r->variance, &r->sums, error);
        if (status == MELE_OK)
            status = mele_i_said_measures(run, &rows, &r->said, r->variance, error);
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
    mele_i_mixture_said_clear(&r->said);
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
    if (mele_i_gate_is_global(model->gate) || model->clusters == 1) {
        mele_i_report_warn(run->report, "%s, one model for all rows: there is no mixture to refine",
                           model->clusters == 1 ? "there is one expert" : "the gate is global");
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
