#include "fit/features.h"

#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "expert/expert.h"
#include "gate/gate.h"
#include "schema/data.h"

#define OF_EXPERTS "--expert-features"
#define OF_GATE "--gate-features"

/* The design columns of the features that a list names; NULL: of all. */
static mele_status count_columns(const mele_schema *schema, const char *list, const char *option,
                                 size_t *columns, mele_error *error)
{
    bool *named = MELE_I_ARRAY(bool, schema->features);
    mele_status status = named == NULL ? mele_i_no_memory(error) : MELE_OK;

    *columns = 0;
    if (status == MELE_OK && list != NULL)
        status = mele_i_features_named(schema, list, option, named, error);
    for (size_t j = 0; j < schema->features && status == MELE_OK; j++)
        if (list == NULL || named[j])
            *columns += mele_i_variable_columns(&schema->feature[j]);
    free(named);
    return status;
}

mele_status mele_i_count_expert_columns(const mele_schema *schema, const mele_options *options,
                                        size_t *columns, mele_error *error)
{
    return count_columns(schema, options->expert_features, OF_EXPERTS, columns, error);
}

mele_status mele_i_check_features(const mele_schema *schema, const mele_options *options,
                                  mele_error *error)
{
    size_t columns;
    mele_status status = mele_i_count_expert_columns(schema, options, &columns, error);

    return status == MELE_OK
               ? count_columns(schema, options->gate_features, OF_GATE, &columns, error)
               : status;
}

mele_status mele_i_check_gate_sees(const mele_options *options, mele_error *error)
{
    const mele_gate_options *gate = &options->gate;

    if (options->gate_features == NULL || mele_i_gate_sees_features(gate))
        return MELE_OK;
    return mele_i_fail(error, MELE_EINVAL,
                       OF_GATE " is \"%.80s\", and a %s gate on %s sees no "
                               "features: softmax and mlp gates do, under --on features or --on both",
                       options->gate_features, gate->kind,
                       gate->on == NULL ? mele_gate_input(0) : gate->on);
}

mele_status mele_i_check_columns(const mele_data *data, const mele_options *options,
                                 mele_error *error)
{
    const size_t classes = mele_schema_classes(data->schema);
    size_t columns;
    mele_status status = mele_i_count_expert_columns(data->schema, options, &columns, error);

    if (status == MELE_OK)
        status = mele_i_experts_check_columns(
            columns, classes > 0 ? classes : mele_schema_targets(data->schema), &options->experts,
            error);
    return status == MELE_OK ? mele_i_check_gate_sees(options, error) : status;
}

bool mele_i_run_builds_on_experts(const mele_i_run *run)
{
    const mele_options *options = run->options;

    return run->model->experts != NULL
           && (options->experts.only > 0 || options->experts.freeze > 0 || options->warm_start);
}

mele_status mele_i_run_select_for_experts(mele_i_run *run, mele_error *error)
{
    mele_model *model = run->model;
    const bool stay = mele_i_run_builds_on_experts(run);
    mele_i_selection chosen;
    char names[MELE_I_SELECTION_ROOM];
    mele_status status = mele_i_selection_make(
        model->schema, &model->scaling, run->options->expert_features, OF_EXPERTS, &chosen, error);

    if (status != MELE_OK)
        return status;
    if (stay && !mele_i_selection_equal(&chosen, &model->expert_features)) {
        mele_i_selection_text(&model->expert_features, names);
        status =
            mele_i_fail(error, MELE_EINVAL,
                        "the model's experts see the features %s, and those "
                        "that are trained now others (" OF_EXPERTS "): train all, from nothing, "
                        "or give them the same",
                        names);
    }
    if (status != MELE_OK || stay)
        mele_i_selection_clear(&chosen);
    else
        model->expert_features = chosen;
    return status;
}

/* Experts that are trained already see what they see. */
static mele_status check_experts(const mele_i_run *run, mele_error *error)
{
    const mele_model *model = run->model;
    mele_i_selection chosen;
    char names[MELE_I_SELECTION_ROOM];
    mele_status status;

    if (run->options->expert_features == NULL)
        return MELE_OK;
    status = mele_i_selection_make(model->schema, &model->scaling, run->options->expert_features,
                                   OF_EXPERTS, &chosen, error);
    if (status != MELE_OK)
        return status;
    if (!mele_i_selection_equal(&chosen, &model->expert_features)) {
        mele_i_selection_text(&model->expert_features, names);
        status =
            mele_i_fail(error, MELE_EINVAL,
                        OF_EXPERTS " is \"%.80s\", but the experts were "
                                   "trained on the features %s: mele-experts trains them on others",
                        run->options->expert_features, names);
    }
    mele_i_selection_clear(&chosen);
    return status;
}

mele_status mele_i_run_select_for_gate(mele_i_run *run, mele_error *error)
{
    mele_model *model = run->model;
    mele_i_selection chosen;
    mele_status status = check_experts(run, error);

    if (status == MELE_OK)
        status = mele_i_selection_make(model->schema, &model->scaling, run->options->gate_features,
                                       OF_GATE, &chosen, error);
    if (status == MELE_OK)
        model->gate_features = chosen;
    return status;
}

mele_status mele_i_run_leave_constants(mele_i_run *run, mele_error *error)
{
    mele_model *model = run->model;
    mele_status status = mele_i_selection_remove(model->schema, &model->scaling, run->constant,
                                                 &model->expert_features, error);

    return status == MELE_OK
               ? mele_i_selection_remove(model->schema, &model->scaling, run->constant,
                                         &model->gate_features, error)
               : status;
}
