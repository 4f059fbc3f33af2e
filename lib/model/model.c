#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include <mele/version.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/quote.h"
#include "expert/expert.h"
#include "gate/gate.h"
#include "model/family_options.h"
#include "model/options.h"
#include "partition/partition.h"

mele_model *mele_i_model_new(void)
{
    mele_model *model = MELE_I_NEW(mele_model);

    if (model == NULL || (model->training = json_object()) == NULL) {
        free(model);
        return NULL;
    }
    model->combine = mele_i_combine_default();
    return model;
}

void mele_model_free(mele_model *model)
{
    if (model == NULL)
        return;
    if (model->marginal != model->joint)
        mele_partition_free(model->marginal);
    mele_partition_free(model->joint);
    mele_experts_free(model->experts);
    mele_i_outside_free(model->outside);
    mele_gate_free(model->gate);
    mele_experts_free(model->global);
    free(model->within);
    free(model->between);
    mele_i_selection_clear(&model->expert_features);
    mele_i_selection_clear(&model->gate_features);
    mele_i_space_clear(&model->space);
    mele_i_scaling_clear(&model->scaling);
    mele_i_scaling_clear(&model->target_scaling);
    mele_i_schema_free(model->schema);
    json_decref(model->training);
    free(model);
}

const mele_schema *mele_model_schema(const mele_model *model)
{
    return model->schema;
}

size_t mele_model_clusters(const mele_model *model)
{
    return model->clusters;
}

size_t mele_model_outputs(const mele_model *model)
{
    size_t classes = mele_schema_classes(model->schema);

    return classes > 0 ? classes : mele_schema_targets(model->schema);
}

bool mele_model_has_partition(const mele_model *model)
{
    return model->joint != NULL;
}

bool mele_model_has_experts(const mele_model *model)
{
    return model->experts != NULL;
}

bool mele_model_needs_predictions(const mele_model *model)
{
    return model->outside != NULL;
}

bool mele_model_has_gate(const mele_model *model)
{
    return model->gate != NULL;
}

mele_status mele_i_model_set_partition(mele_model *model, mele_partition *joint, mele_error *error)
{
    mele_status status = MELE_OK;

    model->joint = model->marginal = joint;
    model->clusters = mele_partition_clusters(joint);
    if (model->space.target_columns > 0) {
        model->marginal = NULL;
        status = mele_i_partition_marginal(joint, model->space.columns, &model->marginal, error);
    }
    return status;
}

const mele_schema *mele_i_model_expert_schema(const mele_model *model)
{
    return mele_i_selection_schema(&model->expert_features, model->schema);
}

const mele_i_scaling *mele_i_model_expert_scaling(const mele_model *model)
{
    return mele_i_selection_scaling(&model->expert_features, &model->scaling);
}

bool mele_i_model_regions_by_gate(const mele_model *model, bool given)
{
    return !given && model->joint == NULL && model->outside == NULL && model->gate != NULL
           && !mele_gate_needs_posteriors(model->gate);
}

mele_status mele_i_model_set_gate(mele_model *model, mele_gate *gate, mele_error *error)
{
    mele_status status = MELE_OK;

    model->gate = gate;
    model->global = NULL;
    if (mele_i_gate_is_global(gate) && model->outside != NULL)
        status = mele_i_fail(error, MELE_EDATA, "the gate is global, and of outside experts none is for "
                             "all rows");
    else if (mele_i_gate_is_global(gate) && model->clusters > 1)
        status = mele_i_experts_global(model->experts, &model->global, error);
    return status;
}

mele_status mele_i_model_check_record(const mele_model *model, mele_error *error)
{
    const char *unknown = mele_i_options_unknown(json_object_get(model->training, "options"));

    if (unknown == NULL)
        return MELE_OK;
    return mele_i_fail(error, MELE_EDATA, "a newer version of mele wrote the option %s into the model: "
                       "%s, which does not know it, adds no stage (take that version, or fit anew)",
                       mele_i_quote(unknown, strlen(unknown)).text, MELE_VERSION);
}

size_t mele_model_option_text(const mele_model *model, size_t i, char *out, size_t size)
{
    const json_t *record = json_object_get(model->training, "options");
    const size_t length = mele_i_options_line(record, i, out, size);

    if (length == 0 && size > 0)
        out[0] = '\0';
    return length;
}

const char *mele_model_family(const mele_model *model)
{
    const json_t *options = json_object_get(model->training, "options");
    const char *name = json_string_value(json_object_get(options, "family"));

    return name == NULL ? mele_i_family_defaults().name : name;
}

mele_option_stage mele_i_model_last_stage(const mele_model *model)
{
    return model->gate != NULL      ? MELE_OPTION_GATE
           : model->experts != NULL ? MELE_OPTION_EXPERTS
                                    : MELE_OPTION_PARTITION;
}
