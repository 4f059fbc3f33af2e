/* The model file: one JSON object; doc/model-file.md describes every key. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/replace.h"
#include "expert/expert.h"
#include "gate/gate.h"
#include "model/model.h"
#include "model/options.h"
#include "partition/partition.h"
#include "schema/sketch.h"

#define FORMAT "mele"
#define VERSION 1
#define FEATURES "features" /* in a section: what the part sees */

/* ---- saving ---- */

static json_t *save_schema(const mele_model *model)
{
    json_t *section = mele_i_schema_save(model->schema);
    bool good = mele_i_json_put(section, "scaling", mele_i_scaling_save(&model->scaling));

    if (good && model->target_scaling.columns > 0)
        good = mele_i_json_put(section, "target_scaling",
                               mele_i_scaling_save(&model->target_scaling));
    if (!good) {
        json_decref(section);
        return NULL;
    }
    return section;
}

static json_t *save_partition(const mele_model *model)
{
    json_t *section = json_object();

    if (mele_i_json_put(section, "space", mele_i_space_save(&model->space))
        && mele_i_json_put(section, "regions", mele_i_partition_save(model->joint)))
        return section;
    json_decref(section);
    return NULL;
}

/* What a room says of its part, and what of the features the part sees, unless it is all. */
static json_t *save_part(json_t *section, const mele_i_selection *sees)
{
    if (sees->features == 0 || mele_i_json_put(section, FEATURES, mele_i_selection_save(sees)))
        return section;
    json_decref(section);
    return NULL;
}

static bool put_start(const mele_model *model, json_t *root)
{
    return mele_i_json_put(root, "format", json_string(FORMAT))
           && mele_i_json_put(root, "version", json_integer(VERSION))
           && mele_i_json_put(root, "clusters", json_integer((json_int_t)model->clusters))
           && mele_i_json_put(root, "schema", save_schema(model))
           && (model->joint == NULL
               || mele_i_json_put(root, "partition", save_partition(model)));
}

json_t *mele_i_model_save_start(const mele_model *model)
{
    json_t *root = json_object();

    if (put_start(model, root) && json_object_set(root, "training", model->training) == 0)
        return root;
    json_decref(root);
    return NULL;
}

json_t *mele_i_model_save(const mele_model *model)
{
    json_t *root = json_object();
    bool good = put_start(model, root);

    if (good && model->experts != NULL)
        good = mele_i_json_put(root, "experts", save_part(mele_i_experts_save(model->experts),
                                                          &model->expert_features));
    if (good && model->outside != NULL)
        good = mele_i_json_put(root, "experts", mele_i_outside_save(model->outside, model->clusters,
                                                                mele_model_outputs(model)));
    if (good && model->gate != NULL)
        good = mele_i_json_put(root, "gate", save_part(mele_i_gate_save(model->gate),
                                                       &model->gate_features));
    if (good && model->combine != mele_i_combine_default())
        good = mele_i_json_put(root, "combine", json_string(model->combine->name));
    if (good && model->within != NULL)
        good = mele_i_json_put(root, "within", mele_i_json_numbers(model->within,
                                                                   model->target_scaling.columns));
    if (good && model->between != NULL)
        good = mele_i_json_put(root, "between", mele_i_json_numbers(model->between,
                                                                   model->target_scaling.columns));
    if (good && model->combine->votes)
        good = mele_i_json_put(root, "votes", json_real(model->votes));
    if (!good || json_object_set(root, "training", model->training) != 0) {
        json_decref(root);
        return NULL;
    }
    return root;
}

mele_status mele_model_text(const mele_model *model, char **out, size_t *length,
                            mele_error *error)
{
    json_t *root = mele_i_model_save(model);
    mele_status status = root == NULL ? mele_i_no_memory(error)
                                      : mele_i_json_text(root, out, length, error);

    json_decref(root);
    return status;
}

mele_status mele_model_write(const mele_model *model, const char *path, mele_error *error)
{
    mele_status status;
    size_t length;
    char *text;

    if (path == NULL || strcmp(path, "-") == 0)
        return mele_i_fail(error, MELE_EINVAL, path == NULL ? "path is NULL" : "standard output is "
                           "the program's: mele_model_text() gives it what to write");
    status = mele_model_text(model, &text, &length, error);
    if (status != MELE_OK)
        return status;
    status = mele_i_replace_file(path, text, length, error);
    free(text);
    return status;
}

/* ---- loading ---- */

static mele_status load_schema(const json_t *section, mele_model *model, mele_error *error)
{
    const json_t *targets = json_object_get(section, "target_scaling");
    mele_status status = mele_i_schema_load(section, &model->schema, error);

    if (status != MELE_OK)
        return status;
    size_t columns = mele_schema_columns(model->schema);
    if (columns == 0)
        return mele_i_fail(error, MELE_EDATA, "\"schema\" has no design column");
    status = mele_i_scaling_load(json_object_get(section, "scaling"), columns, &model->scaling,
                                 error);
    bool regression = model->schema->targets > 0 && mele_schema_classes(model->schema) == 0;
    if (status == MELE_OK && regression != (targets != NULL))
        status = mele_i_fail(error, MELE_EDATA, "\"schema\" has %s \"target_scaling\"",
                             regression ? "no" : "an unexpected");
    if (status == MELE_OK && regression)
        status = mele_i_scaling_load(targets, model->schema->targets, &model->target_scaling,
                                     error);
    return status;
}

static mele_status load_partition(const json_t *section, mele_model *model, mele_error *error)
{
    mele_partition *joint = NULL;
    mele_status status;

    if (section == NULL)
        return MELE_OK;
    status = mele_i_json_keys(section, "\"partition\"", "space,regions", error);
    if (status == MELE_OK)
        status = mele_i_space_load(json_object_get(section, "space"), model->schema, &model->space,
                                   error);
    if (status == MELE_OK)
        status = mele_i_partition_load(json_object_get(section, "regions"), &joint, error);
    if (status != MELE_OK)
        return status;
    size_t columns = model->space.columns + model->space.target_columns;
    if (mele_partition_columns(joint) != columns) {
        status = mele_i_fail(error, MELE_EDATA, "the regions have %zu columns, the space %zu",
                             mele_partition_columns(joint), columns);
        mele_partition_free(joint);
        return status;
    }
    return mele_i_model_set_partition(model, joint, error);
}

/* Take a section apart as save_part() put it together; *part is a reference to the room's own. */
static mele_status load_part(const json_t *section, const mele_model *model, json_t **part,
                             mele_i_selection *sees, mele_error *error)
{
    const json_t *names = json_object_get(section, FEATURES);
    mele_status status = mele_i_selection_load(names, model->schema, &model->scaling, sees, error);

    if (status != MELE_OK)
        return status;
    *part = names == NULL ? json_incref((json_t *)section) : mele_i_json_copy(section);
    if (*part == NULL)
        return mele_i_no_memory(error);
    json_object_del(*part, FEATURES);
    return MELE_OK;
}

static mele_status load_outside(const json_t *section, mele_model *model, mele_error *error)
{
    if (model->joint != NULL)
        return mele_i_fail(error, MELE_EDATA, "the model has regions and outside experts");
    return mele_i_outside_load(section, model->clusters, mele_model_outputs(model),
                               mele_schema_classes(model->schema) > 0, &model->outside, error);
}

static mele_status load_experts(const json_t *section, mele_model *model, mele_error *error)
{
    mele_status status;
    json_t *part = NULL;

    if (section == NULL)
        return MELE_OK;
    if (mele_i_outside_is_kind(section))
        return load_outside(section, model, error);
    status = load_part(section, model, &part, &model->expert_features, error);
    if (status == MELE_OK)
        status = mele_i_experts_load(part, &model->experts, error);
    json_decref(part);
    if (status != MELE_OK)
        return status;
    if (mele_experts_columns(model->experts) != mele_i_model_expert_scaling(model)->columns
        || mele_experts_outputs(model->experts) != mele_model_outputs(model)
        || mele_experts_classes(model->experts) != mele_schema_classes(model->schema)
        || mele_experts_clusters(model->experts) != model->clusters)
        return mele_i_fail(error, MELE_EDATA, "the sizes of \"experts\" do not fit the model");
    return MELE_OK;
}

static mele_status check_gate(const mele_model *model, mele_error *error)
{
    const mele_gate *gate = model->gate;
    const mele_i_selection *sees = &model->gate_features;
    const size_t columns = mele_i_selection_scaling(sees, &model->scaling)->columns;

    if (mele_gate_clusters(gate) != model->clusters)
        return mele_i_fail(error, MELE_EDATA, "the gate has %zu regions, the model %zu",
                           mele_gate_clusters(gate), model->clusters);
    if (mele_gate_features(gate) == 0 && sees->features > 0)
        return mele_i_fail(error, MELE_EDATA, "the gate has \"" FEATURES "\", and sees none");
    if (mele_gate_features(gate) != 0 && mele_gate_features(gate) != columns)
        return mele_i_fail(error, MELE_EDATA, "the gate sees %zu columns of features, the model has "
                           "%zu for it", mele_gate_features(gate), columns);
    return MELE_OK;
}

static mele_status load_gate(const json_t *section, mele_model *model, mele_error *error)
{
    mele_status status;
    json_t *part = NULL;

    if (section == NULL && model->outside != NULL)
        return mele_i_fail(error, MELE_EDATA, "the model has outside experts and no gate");
    if (section == NULL)
        return MELE_OK;
    if (model->experts == NULL && model->outside == NULL)
        return mele_i_fail(error, MELE_EDATA, "the model has a gate and no experts");
    mele_gate *gate = NULL;
    status = load_part(section, model, &part, &model->gate_features, error);
    if (status == MELE_OK)
        status = mele_i_gate_load(part, &gate, error);
    json_decref(part);
    if (status == MELE_OK)
        status = mele_i_model_set_gate(model, gate, error);
    return status == MELE_OK ? check_gate(model, error) : status;
}

/* There where they are counted, and nowhere else. */
static mele_status load_votes(const json_t *root, mele_model *model, mele_error *error)
{
    const json_t *votes = json_object_get(root, "votes");

    if ((votes != NULL) != model->combine->votes)
        return mele_i_fail(error, MELE_EDATA, "the model combines by \"%s\", and has %s\"votes\"",
                           model->combine->name, votes == NULL ? "no " : "");
    if (votes == NULL)
        return MELE_OK;
    mele_status status = mele_i_json_get_number(root, "votes", &model->votes, error);
    if (status == MELE_OK && !(model->votes > 0))
        status = mele_i_fail(error, MELE_EDATA, "\"votes\" is %g, not above 0", model->votes);
    return status;
}

/* Shares of variances, one a target; absent: 1. *out is the model's. */
static mele_status load_shares(const json_t *root, const char *key, bool may_be_0, const mele_model *model,
                               double **out, mele_error *error)
{
    const size_t targets = model->target_scaling.columns;

    if (json_object_get(root, key) == NULL)
        return MELE_OK;
    if (targets == 0)
        return mele_i_fail(error, MELE_EDATA, "the model predicts classes, and has \"%s\"", key);
    double *share = *out = MELE_I_ARRAY(double, targets);
    if (share == NULL)
        return mele_i_no_memory(error);
    mele_status status = mele_i_json_get_numbers(root, key, share, targets, error);
    for (size_t t = 0; t < targets && status == MELE_OK; t++)
        if (!((share[t] > 0 || (may_be_0 && share[t] == 0)) && share[t] <= 1))
            status = mele_i_fail(error, MELE_EDATA, "\"%s\" has %g, which is no share: %s, at most 1", key,
                                 share[t], may_be_0 ? "0 at least" : "above 0");
    return status;
}

/* Absent in models that combine as all did before there was a choice. */
static mele_status load_combine(const json_t *root, mele_model *model, mele_error *error)
{
    const bool classes = mele_schema_classes(model->schema) > 0;
    const mele_i_combine *way = model->combine;
    const char *name = way->name;
    char ways[80];

    if (json_object_get(root, "combine") != NULL) {
        mele_status status = mele_i_json_get_string(root, "combine", &name, error);
        if (status != MELE_OK)
            return status;
        way = mele_i_combine_find(name);
    }
    if (way == NULL || !(classes ? way->probabilities != NULL : way->target != NULL)) {
        mele_i_combine_list(classes, ways, sizeof ways);
        return mele_i_fail(error, MELE_EDATA, "\"%.80s\" is no way to combine experts that predict %s: "
                           "there are %s", name, classes ? "classes" : "numbers", ways);
    }
    model->combine = way;
    return load_votes(root, model, error);
}

static mele_status load_training(const json_t *section, mele_model *model, mele_error *error)
{
    const json_t *seen = json_object_get(section, "trained_on");
    mele_options options = mele_options_defaults();
    mele_i_sketch sketch = {0};
    mele_status status = mele_i_json_keys(section, "\"training\"",
                                          "options,rows,weight,trained_on?,partition?,"
                                          "experts?,gate?,refine?,family?",
                                          error);

    if (status == MELE_OK)
        status = mele_i_options_load(json_object_get(section, "options"), &options, error);
    if (status == MELE_OK && seen != NULL)
        status = mele_i_sketch_load(seen, &sketch, error);
    mele_i_sketch_clear(&sketch);
    if (status != MELE_OK)
        return status;
    json_t *copy = mele_i_json_copy(section);
    if (copy == NULL)
        return mele_i_no_memory(error);
    json_decref(model->training);
    model->training = copy;
    return MELE_OK;
}

static mele_status check_head(const json_t *root, mele_error *error)
{
    const char *format;
    size_t version;

    if (!json_is_object(root) || json_object_get(root, "format") == NULL)
        return mele_i_fail(error, MELE_EDATA, "not a model of mele");
    mele_status status = mele_i_json_get_string(root, "format", &format, error);
    if (status == MELE_OK && strcmp(format, FORMAT) != 0)
        return mele_i_fail(error, MELE_EDATA, "not a model of mele: the format is \"%s\"", format);
    if (status == MELE_OK)
        status = mele_i_json_get_size(root, "version", 0, SIZE_MAX, &version, error);
    if (status == MELE_OK && version != VERSION)
        return mele_i_fail(error, MELE_EDATA, "a model of version %zu; this program reads version "
                           "%d", version, VERSION);
    return status;
}

/* start: experts are to come. */
static mele_status load_parts(const json_t *root, bool start, mele_model *model, mele_error *error)
{
    mele_status status = mele_i_json_keys(
        root, "the model", "format,version,clusters,schema,partition?,experts?,gate?,combine?,votes?,within?,between?,training",
        error);

    if (status == MELE_OK)
        status = mele_i_json_get_size(root, "clusters", 1, 1 << 24, &model->clusters, error);
    size_t clusters = model->clusters;
    if (status == MELE_OK)
        status = load_schema(json_object_get(root, "schema"), model, error);
    if (status == MELE_OK)
        status = load_partition(json_object_get(root, "partition"), model, error);
    if (status == MELE_OK && model->clusters != clusters)
        status = mele_i_fail(error, MELE_EDATA, "\"clusters\" is %zu, and there are %zu regions",
                             clusters, model->clusters);
    if (status == MELE_OK)
        status = load_experts(json_object_get(root, "experts"), model, error);
    if (status == MELE_OK)
        status = load_gate(json_object_get(root, "gate"), model, error);
    if (status == MELE_OK)
        status = load_combine(root, model, error);
    if (status == MELE_OK)
        status = load_shares(root, "within", false, model, &model->within, error);
    if (status == MELE_OK)
        status = load_shares(root, "between", true, model, &model->between, error);
    if (status == MELE_OK && model->joint == NULL && model->experts == NULL && model->outside == NULL
        && !start)
        status = mele_i_fail(error, MELE_EDATA, "the model has neither regions nor experts");
    if (status == MELE_OK)
        status = load_training(json_object_get(root, "training"), model, error);
    return status;
}

static mele_status load_model(const json_t *root, bool start, mele_model **out, mele_error *error)
{
    mele_model *model;
    mele_status status = check_head(root, error);

    if (status != MELE_OK)
        return status;
    if ((model = mele_i_model_new()) == NULL)
        return mele_i_no_memory(error);
    status = load_parts(root, start, model, error);
    if (status != MELE_OK)
        mele_model_free(model);
    else
        *out = model;
    return status;
}

mele_status mele_i_model_load(const json_t *root, mele_model **out, mele_error *error)
{
    return load_model(root, false, out, error);
}

mele_status mele_i_model_load_start(const json_t *root, mele_model **out, mele_error *error)
{
    return load_model(root, true, out, error);
}

/* What reading as JSON ended with, as a failure to read a model. */
static mele_status not_a_model(mele_status status, const mele_error *what, mele_error *error)
{
    if (status == MELE_EDATA)
        return mele_i_fail_at(error, status, what->line, "not a model of mele: %s", what->message);
    return status == MELE_OK ? status : mele_i_fail(error, status, "%s", what->message);
}

mele_status mele_model_of_text(const char *text, size_t length, mele_model **out,
                               mele_error *error)
{
    mele_error what = {.line = 0};
    json_t *root = NULL;
    mele_status status = mele_i_json_read_text(text, length, &root, &what);

    status = status == MELE_OK ? mele_i_model_load(root, out, error)
                               : not_a_model(status, &what, error);
    json_decref(root);
    return status;
}

mele_status mele_model_read(const char *path, mele_model **out, mele_error *error)
{
    bool standard = path != NULL && strcmp(path, "-") == 0;
    mele_error what = {.line = 0};
    json_t *root = NULL;

    if (path == NULL)
        return mele_i_fail(error, MELE_EINVAL, "path is NULL");
    FILE *file = standard ? stdin : fopen(path, "rb");
    while (file == NULL && errno == EINTR)
        file = fopen(path, "rb");
    if (file == NULL)
        return errno == ENOMEM ? mele_i_no_memory(error)
                               : mele_i_fail(error, MELE_EIO, "%s", strerror(errno));
    mele_status status = mele_i_json_read(file, &root, &what);
    if (!standard)
        fclose(file);
    status = status == MELE_OK ? mele_i_model_load(root, out, error)
                               : not_a_model(status, &what, error);
    json_decref(root);
    return status;
}
