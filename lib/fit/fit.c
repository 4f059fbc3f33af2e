/* The public calls of fits: which stages run, on a new model or on a copy of one. */
#include <mele/fit.h>

#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "engine/pass.h"
#include "fit/features.h"
#include "fit/refine.h"
#include "fit/stages.h"
#include "fit/whole.h"
#include "model/options.h"
#include "schema/data.h"

static mele_status check_model_family(const mele_model *model, mele_error *error)
{
    const char *name = mele_model_family(model);

    if (strcmp(name, mele_options_defaults().family.name) == 0)
        return MELE_OK;
    return mele_i_fail(error, MELE_EINVAL, "the model is of the family %s, which trains all parts in one call: "
                       "it gets no other stage, but is trained anew (mele-fit --family %s)", name, name);
}

static mele_status fit_stage_1(mele_i_run *run, mele_error *error)
{
    const mele_options *options = run->options;
    mele_status status = mele_i_data_check_options(run->data, &options->data, error);

    if (status == MELE_OK)
        status = mele_i_check_features(run->data->schema, options, error);
    if (status == MELE_OK)
        status = mele_i_engine_claim(run->engine, error);
    if (status != MELE_OK)
        return status;
    status = mele_i_run_stage_1(run, error);
    mele_i_engine_release(run->engine);
    return status;
}

mele_status mele_fit_partition(const mele_data *data, const mele_options *options,
                               mele_engine *engine, mele_report *report, mele_model **out,
                               mele_error *error)
{
    mele_status status = mele_i_options_check(options, error);

    if (status == MELE_OK)
        status = mele_i_check_by_stages(options, error);
    if (status != MELE_OK)
        return status;
    mele_model *model = mele_i_model_new();
    mele_i_run run = mele_i_run_of(data, NULL, options, engine, report, model);
    status = model == NULL ? mele_i_no_memory(error) : fit_stage_1(&run, error);
    mele_i_run_clear(&run);
    if (status != MELE_OK)
        mele_model_free(model);
    else
        *out = model;
    return status;
}

/* Free a selection that is not that of the other model, too. */
static void free_new_selection(mele_i_selection selection, const mele_i_selection *old)
{
    if (selection.feature != old->feature)
        mele_i_selection_clear(&selection);
}

/* Free what the stages of a model made and it does not share with another, and the model's
 * record. */
static void free_new_stages(const mele_model *model, const mele_model *old)
{
    if (model->schema != old->schema)
        mele_i_schema_free(model->schema);
    if (model->experts != old->experts)
        mele_experts_free(model->experts);
    if (model->gate != old->gate)
        mele_gate_free(model->gate);
    free_new_selection(model->expert_features, &old->expert_features);
    free_new_selection(model->gate_features, &old->gate_features);
    if (model->global != old->global)
        mele_experts_free(model->global);
    if (model->target_scaling.center != old->target_scaling.center) {
        mele_i_scaling target_scaling = model->target_scaling;
        mele_i_scaling_clear(&target_scaling);
    }
    json_decref(model->training);
}

/* A later stage works on a copy that shares what the model has, so that a failure leaves the model
 * as it was. A gate that stood on other experts goes with them. */
static mele_status fit_later(mele_i_run *run, mele_status (*stage)(mele_i_run *, mele_error *),
                             mele_left_out **left_out, mele_model *model, mele_error *error)
{
    mele_model changed = *model;
    mele_status status = mele_i_model_check_record(model, error);

    if (status == MELE_OK && run->predictions != NULL)
        status = mele_i_fail(error, MELE_EINVAL, "predictions of outside experts go without a model: "
                             "mele_fit_gate_outside() makes one");
    if (status == MELE_OK)
        status = mele_i_schema_fits(run->data->schema, model->schema, error);
    if (status == MELE_OK)
        status = mele_i_options_check(run->options, error);
    if (status == MELE_OK)
        status = check_model_family(model, error);
    if (status == MELE_OK)
        status = mele_i_check_by_stages(run->options, error);
    if (status == MELE_OK)
        status = mele_i_data_check_options(run->data, &run->options->data, error);
    if (status == MELE_OK)
        status = mele_i_check_features(model->schema, run->options, error);
    if (status != MELE_OK)
        return status;
    changed.training = mele_i_json_copy(model->training);
    if (changed.training == NULL)
        return mele_i_no_memory(error);
    run->model = &changed;
    status = mele_i_engine_claim(run->engine, error);
    if (status == MELE_OK) {
        status = stage(run, error);
        mele_i_engine_release(run->engine);
    }
    if (status == MELE_OK && left_out != NULL)
        *left_out = mele_left_out_retain(run->left_out.all);
    mele_i_run_clear(run);
    if (status == MELE_OK) {
        free_new_stages(model, &changed);
        *model = changed;
    } else {
        free_new_stages(&changed, model);
    }
    return status;
}

static mele_status experts_alone(mele_i_run *run, mele_error *error)
{
    return mele_i_run_experts(run, MELE_I_KEEP_NONE, error);
}

/* What is handed on is of all experts, or it would be of no use. */
static mele_status experts_left_out(mele_i_run *run, mele_error *error)
{
    if (run->options->experts.only > 0 || run->options->experts.freeze > 0)
        return mele_i_fail(error, MELE_EINVAL, "left-out predictions are of experts that are all "
                           "trained in one run, without --only and --freeze");
    return mele_i_run_experts(run, MELE_I_KEEP_ALL, error);
}

mele_status mele_fit_experts(const mele_data *data, const mele_handover *handover,
                             const mele_options *options, mele_engine *engine, mele_report *report,
                             mele_model *model, mele_error *error)
{
    mele_i_run run = mele_i_run_of(data, handover, options, engine, report, NULL);
    mele_left_out **left_out = handover == NULL ? NULL : handover->left_out_to;

    return fit_later(&run, left_out == NULL ? experts_alone : experts_left_out, left_out, model,
                     error);
}

/* What the copy no longer has the model has, until it is replaced. */
static mele_status gate(mele_i_run *run, mele_error *error)
{
    const mele_experts *given = run->model->experts;
    mele_experts *old = NULL;
    mele_status status = mele_i_check_gate_sees(run->options, error);

    if (status == MELE_OK)
        status = mele_i_run_gate_refined(run, error);
    if (status == MELE_OK)
        status = mele_i_run_shed(run, &old, error);
    if (old != given)
        mele_experts_free(old);
    return status;
}

mele_status mele_fit_gate(const mele_data *data, const mele_handover *handover,
                          const mele_options *options, mele_engine *engine, mele_report *report,
                          mele_model *model, mele_error *error)
{
    mele_i_run run = mele_i_run_of(data, handover, options, engine, report, NULL);

    return fit_later(&run, gate, NULL, model, error);
}

mele_status mele_fit_outside(const mele_data *data, const mele_posteriors *posteriors,
                             const mele_options *options, mele_engine *engine, mele_model **out,
                             mele_error *error)
{
    mele_status checked = mele_i_options_check(options, error);

    if (checked == MELE_OK)
        checked = mele_i_check_by_stages(options, error);
    if (checked != MELE_OK)
        return checked;
    mele_model *model = mele_i_model_new();
    mele_i_run run = mele_i_run_of(data, NULL, options, engine, NULL, model);
    mele_status status = model == NULL        ? mele_i_no_memory(error)
                         : posteriors == NULL ? mele_i_fail(error, MELE_EINVAL,
                                                            "posteriors is NULL")
                                              : mele_i_run_start(&run, error);

    mele_i_run_clear(&run);
    if (status != MELE_OK) {
        mele_model_free(model);
        return status;
    }
    model->clusters = posteriors->clusters;
    *out = model;
    return MELE_OK;
}
