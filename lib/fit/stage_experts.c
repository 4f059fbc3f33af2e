/* Stage 2 of a run: the experts. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "expert/assignment.h"
#include "expert/expert.h"
#include "gate/gate.h"
#include "fit/experts.h"
#include "fit/features.h"
#include "fit/gate_record.h"
#include "fit/report.h"
#include "fit/seen.h"
#include "fit/stages.h"
#include "model/predict.h"
#include "schema/data.h"

/* Which rows are whose: labels are the run's. */
static mele_status assign(mele_i_run *run, const char *how, mele_i_assigned *out,
                          mele_error *error)
{
    if (strcmp(how, "hard") != 0)
        return mele_i_assigned_make(out, &run->joint.rows, how, run->engine, error);
    mele_status status = mele_i_run_need_labels(run, error);
    *out = (mele_i_assigned){.assignment = {.rows = run->features.rows,
                                            .clusters = run->model->clusters,
                                            .labels = run->labels,
                                            .log_posteriors = &run->joint.rows}};
    return status;
}

/* Whether stage 3 can do with the left-out predictions of the rows' own experts. */
static bool needs_own_only(const mele_expert_options *options)
{
    return strcmp(options->assign, "hard") == 0 && mele_i_left_out_own_serves(options);
}

mele_expert_options mele_i_run_expert_options(const mele_i_run *run)
{
    const mele_model *model = run->model;
    mele_expert_options options = run->options->experts;

    options.seed = run->options->seed;
    options.center = mele_i_model_expert_scaling(model)->center;
    options.scale = mele_i_model_expert_scaling(model)->scale;
    options.target_center = model->target_scaling.center;
    options.target_scale = model->target_scaling.scale;
    options.groups = run->data->group;
    return options;
}

mele_expert_data mele_i_run_expert_data(mele_i_run *run)
{
    return (mele_expert_data){.x = mele_i_run_expert_x(run),
                              .targets = {mele_i_run_targets(run), mele_i_run_classes(run)},
                              .weights = run->data->weights};
}

/* Everything is there but the assignment. */
static mele_status fit_experts(mele_i_run *run, const mele_expert_options *options,
                               mele_i_keep keep, mele_experts **out,
                               mele_i_run_left_out *left_out, mele_expert_info *info,
                               mele_error *error)
{
    mele_i_assigned assigned;
    mele_status status = assign(run, options->assign, &assigned, error);
    mele_expert_data data = mele_i_run_expert_data(run);

    data.assignment = &assigned.assignment;

    if (status == MELE_OK && keep == MELE_I_KEEP_FOR_GATE && needs_own_only(options))
        status = mele_i_experts_fit_own(&data, options, run->engine, out, &left_out->own, info,
                                        error);
    else if (status == MELE_OK)
        status = mele_experts_fit(&data, options, run->engine, out,
                                  keep == MELE_I_KEEP_NONE ? NULL : &left_out->all, info, error);
    mele_i_assigned_free(&assigned);
    return status;
}

mele_status mele_i_run_train_experts(mele_i_run *run, const mele_expert_options *which,
                                     mele_i_keep keep, mele_experts **out,
                                     mele_i_run_left_out *left_out, mele_expert_info *info,
                                     mele_error *error)
{
    mele_expert_options options = mele_i_run_expert_options(run);
    mele_status status = mele_i_run_need_joint(run, error);

    options.only = which->only;
    options.freeze = which->freeze;
    options.start = which->start;
    options.cold = which->cold;
    options.global = which->global;
    return status == MELE_OK ? fit_experts(run, &options, keep, out, left_out, info, error) : status;
}

/* The model learns of a target that stage 1 did not know. */
static mele_status adopt_targets(mele_i_run *run, mele_error *error)
{
    mele_model *model = run->model;
    mele_schema *schema;

    if (run->data->schema->targets == 0)
        return mele_i_fail(error, MELE_EINVAL, "there is no target to learn (-t COL)");
    if (model->schema->targets == 0) {
        mele_status status = mele_i_schema_copy(run->data->schema, &schema, error);
        if (status != MELE_OK)
            return status;
        model->schema = schema;
    }
    return mele_i_run_scale_targets(run, error);
}

/* What a run of stage 2 makes. */
typedef struct expert_results {
    mele_experts *experts;
    mele_expert_info *info; /* K + 1 */
    bool *fresh;            /* K: trained now, or not there before */
} expert_results;

/* Whether there is what is to stay, or to start from. */
static mele_status check_old_experts(const mele_i_run *run, mele_error *error)
{
    const mele_expert_options *options = &run->options->experts;
    const mele_experts *old = run->model->experts;

    if (options->only > 0 && options->freeze > 0)
        return mele_i_fail(error, MELE_EINVAL, "only one expert is trained: none needs to be "
                           "frozen");
    if (old == NULL && (options->freeze > 0 || run->options->warm_start))
        return mele_i_fail(error, MELE_EINVAL, "the model has no experts (stage 2) to %s",
                           options->freeze > 0 ? "freeze" : "start from");
    if (options->freeze > 0 && !mele_experts_has(old, options->freeze - 1))
        return mele_i_fail(error, MELE_EINVAL, "the model has no expert %zu to freeze",
                           options->freeze);
    return MELE_OK;
}

/* Whether something is said of region k, if only who else answers there. */
static bool is_there(const mele_experts *experts, size_t k)
{
    if (experts == NULL)
        return false;
    const mele_i_expert_facts facts = mele_i_experts_facts(experts, k);
    return facts.answers != k || facts.kind != NULL;
}

/* Which experts are not those that the model has. */
static void mark_fresh(const mele_i_run *run, bool *fresh)
{
    const mele_expert_options *options = &run->options->experts;
    const mele_experts *old = run->model->experts;

    for (size_t k = 0; k < run->model->clusters; k++)
        fresh[k] = options->only == 0 ? options->freeze != k + 1
                                      : options->only == k + 1 || !is_there(old, k);
}

/* Train what is to be trained; what is not stays. */
static mele_status make_experts(mele_i_run *run, mele_i_keep keep, expert_results *r,
                                mele_error *error)
{
    const mele_expert_options *options = &run->options->experts;
    const mele_expert_options which = {.only = options->only, .freeze = options->freeze,
                                       .start = mele_i_run_builds_on_experts(run)
                                                    ? run->model->experts : NULL,
                                       .cold = !run->options->warm_start,
                                       .global = mele_i_run_may_be_global(run)};
    mele_status status = check_old_experts(run, error);

    if (status == MELE_OK)
        status = mele_i_run_train_experts(run, &which, keep, &r->experts, &run->left_out, r->info,
                                          error);
    if (status != MELE_OK)
        return status;
    mark_fresh(run, r->fresh);
    mele_i_report_moved(run->report, run->model->experts,
                        json_object_get(run->model->training, "experts"), r->experts, r->info,
                        r->fresh);
    return MELE_OK;
}

/* The record of experts that are kept is kept. */
static mele_status record_experts(mele_i_run *run, const expert_results *r, mele_error *error)
{
    mele_model *model = run->model;
    json_t *training = model->training;
    const bool classes = mele_i_run_classes(run) > 0;
    const json_t *old = model->experts == NULL ? NULL : json_object_get(training, "experts");

    mele_i_report_set(run->report, "experts",
                      mele_i_experts_record(r->info, model->clusters, classes, r->fresh, old,
                                            true));
    if (!mele_i_json_put(training, "experts",
                         mele_i_experts_record(r->info, model->clusters, classes, r->fresh, old,
                                               false)))
        return mele_i_no_memory(error);
    return MELE_OK;
}

mele_status mele_i_run_experts(mele_i_run *run, mele_i_keep keep, mele_error *error)
{
    mele_model *model = run->model;
    double start = mele_i_clock();

    if (model->outside != NULL)
        return mele_i_fail(error, MELE_EINVAL, "the experts of the model are outside ones, and it gets no "
                           "others: stage 2 needs a model of mele-partition, or posteriors");
    expert_results results = {NULL, MELE_I_ZEROED(mele_expert_info, model->clusters + 1),
                              MELE_I_ZEROED(bool, model->clusters)};
    mele_status status = results.info == NULL || results.fresh == NULL ? mele_i_no_memory(error)
                                                                       : adopt_targets(run, error);

    mele_i_run_recall_gate(run);
    if (status == MELE_OK)
        status = mele_i_run_select_for_experts(run, error);
    if (status == MELE_OK)
        status = make_experts(run, keep, &results, error);
    if (status == MELE_OK) {
        mele_i_run_start_report(run);
        status = record_experts(run, &results, error);
    }
    if (status == MELE_OK)
        status = mele_i_seen_record(run, mele_i_run_builds_on_experts(run), error);
    if (status == MELE_OK) {
        model->experts = results.experts;
        results.experts = NULL;
        model->gate = NULL;
        model->gate_features = (mele_i_selection){.features = 0};
        model->global = NULL;
        json_object_del(model->training, "gate");
        json_object_del(model->training, "refine");
        mele_i_warn_of_experts(run->report, results.info, model->clusters,
                               run->options->experts.only, run->options->experts.freeze);
        if (mele_i_data_is_one_group(run->data))
            mele_i_report_warn(run->report, "all rows are of one group (--group), so none can be left "
                               "out%s", mele_i_run_classes(run) > 0
                                            ? "" : ": variances leave out single rows");
        status = mele_i_run_record_options(run, error);
    }
    mele_report_seconds(run->report, "experts", mele_i_clock() - start);
    mele_experts_free(results.experts);
    free(results.info);
    free(results.fresh);
    return status;
}
