/* What a model holds, for people: everything in the data's units. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/predict.h>
#include <mele/text.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "gate/gate.h"
#include "model/expert_info.h"
#include "model/gate_info.h"

#define NAME_ROOM 1024

/* The centres in the data's units, K x (columns + target columns); NULL without memory. */
static double *raw_centres(const mele_model *model)
{
    const mele_i_space *space = &model->space;
    size_t width = space->columns + space->target_columns;
    double *centres = MELE_I_ARRAY(double, model->clusters * width);

    if (centres == NULL)
        return NULL;
    mele_partition_centres(model->joint, centres);
    for (size_t k = 0; k < model->clusters; k++)
        for (size_t c = 0; c < width; c++) {
            double *value = &centres[k * width + c], center, unit = mele_i_space_unit(space, c, &center);
            *value = center + unit * *value;
        }
    return centres;
}

/* The name of a column of the clustering space. */
static void space_name(const mele_model *model, size_t c, char *out)
{
    const mele_i_space *space = &model->space;

    if (c < space->columns)
        mele_i_schema_column_name(model->schema, space->column[c], out, NAME_ROOM);
    else if (mele_schema_classes(model->schema) == 0)
        snprintf(out, NAME_ROOM, "%s", model->schema->target[c - space->columns].name);
    else
        snprintf(out, NAME_ROOM, "%s=%s", model->schema->target[0].name,
                 mele_schema_class(model->schema, c - space->columns));
}

/* ---- JSON ---- */

static json_t *centre_object(const mele_model *model, const double *centre)
{
    json_t *object = json_object();
    char name[NAME_ROOM];

    for (size_t c = 0; c < model->space.columns + model->space.target_columns; c++) {
        space_name(model, c, name);
        if (!mele_i_json_put(object, name, json_real(centre[c]))) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* The priors of the regions, which for k-means are equal. */
static json_t *priors_list(const mele_model *model)
{
    double *priors = MELE_I_ARRAY(double, model->clusters);
    json_t *list = priors == NULL ? NULL : json_array();

    if (list != NULL)
        mele_partition_weights(model->joint, priors);
    for (size_t k = 0; k < model->clusters && list != NULL; k++)
        if (json_array_append_new(list, json_real(priors[k])) != 0) {
            json_decref(list);
            list = NULL;
        }
    free(priors);
    return list;
}

/* ---- the map of a som ---- */

#define MOST_SHOWN 400 /* units of a map as text */

/* Of every region the row and the column on the map, from 1. */
static json_t *places_list(const size_t *units, size_t clusters, size_t columns)
{
    json_t *list = json_array();

    for (size_t k = 0; k < clusters && list != NULL; k++)
        if (json_array_append_new(list, json_pack("[II]", (json_int_t)(units[k] / columns + 1),
                                                  (json_int_t)(units[k] % columns + 1))) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static bool put_map(const mele_model *model, json_t *object)
{
    size_t rows, columns, *units;

    if (!mele_partition_grid(model->joint, &rows, &columns, NULL))
        return true;
    units = MELE_I_ARRAY(size_t, model->clusters);
    if (units == NULL)
        return false;
    mele_partition_grid(model->joint, &rows, &columns, units);
    const bool good = mele_i_json_put(object, "grid", json_pack("[II]", (json_int_t)rows,
                                                                (json_int_t)columns))
                      && mele_i_json_put(object, "places",
                                         places_list(units, model->clusters, columns));
    free(units);
    return good;
}

size_t mele_model_map_text(const mele_model *model, size_t i, char *out, size_t size)
{
    size_t rows, columns, unit[MOST_SHOWN], length = 0;

    if (size > 0)
        out[0] = '\0';
    if (model->joint == NULL || !mele_partition_grid(model->joint, &rows, &columns, NULL) || i >= rows
        || rows > MOST_SHOWN / columns)
        return 0;
    mele_partition_grid(model->joint, &rows, &columns, unit);
    for (size_t c = 0; c < columns; c++) {
        char *at = length < size ? out + length : NULL;
        const size_t left = at == NULL ? 0 : size - length;
        size_t k = 0;
        while (k < model->clusters && unit[k] != i * columns + c)
            k++;
        length += k < model->clusters ? (size_t)snprintf(at, left, "%s%zu", c == 0 ? "" : " ", k + 1)
                                      : (size_t)snprintf(at, left, "%s-", c == 0 ? "" : " ");
    }
    return length;
}

/* ---- stage 1 ---- */

static bool put_fuzzifier(const mele_model *model, json_t *object)
{
    const double m = mele_partition_fuzzifier(model->joint);

    return m == 0 || mele_i_json_put(object, "fuzzifier", json_real(m));
}

static json_t *partition_object(const mele_model *model)
{
    size_t width = model->space.columns + model->space.target_columns;
    double *centres = raw_centres(model);
    json_t *object = json_object(), *list = json_array();
    bool good = centres != NULL && list != NULL;

    for (size_t k = 0; k < model->clusters && good; k++)
        good = json_array_append_new(list, centre_object(model, centres + k * width)) == 0;
    good = good
           && mele_i_json_put(object, "method", json_string(mele_partition_name(model->joint)))
           && mele_i_json_put(object, "covariance",
                              json_string(mele_partition_covariance_kind(model->joint)))
           && mele_i_json_put(object, "weights", priors_list(model)) && put_fuzzifier(model, object)
           && put_map(model, object);
    good = mele_i_json_put(object, "centres", list) && good;
    free(centres);
    if (!good) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *scaling_object(const mele_model *model)
{
    json_t *object = json_object();
    char name[NAME_ROOM];

    for (size_t j = 0; j < model->scaling.columns; j++) {
        json_t *one = json_object();
        bool good = mele_i_json_put(one, "center", json_real(model->scaling.center[j]))
                    && mele_i_json_put(one, "scale", json_real(model->scaling.scale[j]));
        mele_i_schema_column_name(model->schema, j, name, sizeof name);
        if (!(mele_i_json_put(object, name, one) && good)) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

mele_status mele_model_info(const mele_model *model, char **out, size_t *length,
                            mele_error *error)
{
    bool classes = mele_schema_classes(model->schema) > 0;
    json_t *root = json_object();
    bool good = mele_i_json_put(root, "clusters", json_integer((json_int_t)model->clusters))
                && mele_i_json_put(root, "schema", mele_i_schema_save(model->schema))
                && mele_i_json_put(root, "scaling", scaling_object(model));

    if (good && model->schema->targets > 0)
        good = mele_i_json_put(root, "task",
                               json_string(classes ? "classification" : "regression"));
    if (good && model->joint != NULL)
        good = mele_i_json_put(root, "partition", partition_object(model));
    if (good && (model->experts != NULL || model->outside != NULL))
        good = mele_i_json_put(root, "experts", mele_i_experts_info(model));
    if (good && model->expert_features.features > 0)
        good = mele_i_json_put(root, "expert_features",
                               mele_i_selection_save(&model->expert_features));
    if (good && model->gate != NULL)
        good = mele_i_json_put(root, "gate", mele_i_gate_save(model->gate));
    if (good && model->gate_features.features > 0)
        good = mele_i_json_put(root, "gate_features", mele_i_selection_save(&model->gate_features));
    if (good && model->gate != NULL && model->combine != mele_i_combine_default())
        good = mele_i_json_put(root, "combine", json_string(model->combine->name));
    if (good && model->within != NULL)
        good = mele_i_json_put(root, "within", mele_i_json_numbers(model->within,
                                                                   model->target_scaling.columns));
    if (good && model->between != NULL)
        good = mele_i_json_put(root, "between", mele_i_json_numbers(model->between,
                                                                   model->target_scaling.columns));
    if (good && model->combine->votes)
        good = mele_i_json_put(root, "votes", json_real(model->votes));
    good = good && json_object_set(root, "training", model->training) == 0;
    mele_status status = good ? mele_i_json_text(root, out, length, error)
                              : mele_i_no_memory(error);
    json_decref(root);
    return status;
}

/* ---- lines for people ---- */

/* What K was chosen from, in stage 1 or by a family. */
static const json_t *choice_of(const mele_model *model)
{
    const json_t *partition = json_object_get(model->training, "partition");

    return json_object_get(partition, "candidates") != NULL ? partition
                                                            : json_object_get(model->training, "family");
}

/* The option that a family chose with K, which stands second in a candidate: " --lambda 0.5"; or nothing. */
static void add_swept(const json_t *candidate, char *out, size_t size)
{
    void *second = json_object_iter_next((json_t *)candidate, json_object_iter((json_t *)candidate));
    const json_t *value = json_object_iter_value(second);
    const char *name = second == NULL ? NULL : json_object_iter_key(second);

    out[0] = '\0';
    if (name != NULL && strcmp(name, "error") != 0 && strcmp(name, "criterion") != 0
        && json_is_number(value))
        snprintf(out, size, " --%s %.6g", name, json_number_value(value));
}

size_t mele_model_choice_text(const mele_model *model, size_t i, char *out, size_t size)
{
    const json_t *choice = choice_of(model);
    const json_t *one = json_array_get(json_object_get(choice, "candidates"), i);
    const char *criterion = json_string_value(json_object_get(choice, "criterion"));
    const json_t *value = json_object_get(one, "criterion"), *folds = json_object_get(one, "folds");
    char number[32] = "NA", in[32] = "", swept[64];

    if (size > 0)
        out[0] = '\0';
    if (criterion == NULL || !json_is_integer(json_object_get(one, "clusters")))
        return 0;
    value = value == NULL ? json_object_get(one, "error") : value;
    if (json_is_number(value))
        snprintf(number, sizeof number, "%.6g", json_number_value(value));
    if (json_is_integer(folds))
        snprintf(in, sizeof in, " in %jd folds", (intmax_t)json_integer_value(folds));
    add_swept(one, swept, sizeof swept);
    return (size_t)snprintf(out, size, "%jd%s: %s %s%s%s",
                            (intmax_t)json_integer_value(json_object_get(one, "clusters")), swept,
                            criterion, number, in,
                            json_is_true(json_object_get(one, "chosen")) ? " (chosen)" : "");
}

/* ---- tables ---- */

static void add_row(mele_text *text, size_t number, const char *what, const char *term,
                    double value)
{
    mele_text_number(text, (double)number);
    if (what != NULL)
        mele_text_name(text, what);
    mele_text_name(text, term);
    mele_text_number(text, value);
    mele_text_newline(text);
}

static mele_status add_centres(const mele_model *model, mele_text *text, mele_error *error)
{
    size_t width = model->space.columns + model->space.target_columns;
    double *centres = raw_centres(model);
    char name[NAME_ROOM];

    if (centres == NULL)
        return mele_i_no_memory(error);
    mele_text_name(text, "cluster");
    mele_text_name(text, "column");
    mele_text_name(text, "value");
    mele_text_newline(text);
    for (size_t k = 0; k < model->clusters; k++)
        for (size_t c = 0; c < width; c++) {
            space_name(model, c, name);
            add_row(text, k + 1, NULL, name, centres[k * width + c]);
        }
    free(centres);
    return MELE_OK;
}

/* The element (a, b) of cluster k, of covariances in the shape of mele_partition_arrays. */
static double covariance_element(const char *kind, const double *all, size_t width, size_t k,
                                 size_t a, size_t b)
{
    if (strcmp(kind, "full") == 0)
        return all[(k * width + a) * width + b];
    if (strcmp(kind, "tied") == 0)
        return all[a * width + b];
    return a != b ? 0 : strcmp(kind, "diagonal") == 0 ? all[k * width + a]
                    : strcmp(kind, "spherical") == 0  ? all[k]
                                                      : all[0];
}

/* Every element of every cluster's, whatever the kind, so that a reader needs one rule. */
static mele_status add_covariances(const mele_model *model, mele_text *text, mele_error *error)
{
    const mele_i_space *space = &model->space;
    const char *kind = mele_partition_covariance_kind(model->joint);
    const size_t width = space->columns + space->target_columns;
    double *all = MELE_I_ARRAY(double, mele_partition_covariance_count(model->joint)), center;
    char name[NAME_ROOM], other[NAME_ROOM];

    if (all == NULL)
        return mele_i_no_memory(error);
    mele_partition_covariances(model->joint, all);
    mele_text_name(text, "cluster");
    mele_text_name(text, "column");
    mele_text_name(text, "with");
    mele_text_name(text, "value");
    mele_text_newline(text);
    for (size_t k = 0; k < model->clusters; k++)
        for (size_t a = 0; a < width; a++)
            for (size_t b = 0; b < width; b++) {
                space_name(model, a, name);
                space_name(model, b, other);
                add_row(text, k + 1, name, other,
                        covariance_element(kind, all, width, k, a, b)
                            * mele_i_space_unit(space, a, &center) * mele_i_space_unit(space, b, &center));
            }
    free(all);
    return MELE_OK;
}

/* The text's bytes as memory of the caller. */
static mele_status release(const mele_text *text, char **out, size_t *length, mele_error *error)
{
    size_t size = mele_text_length(text);
    mele_status status = mele_text_status(text, error);
    char *copy = status == MELE_OK ? MELE_I_ARRAY(char, size + 1) : NULL;

    if (status != MELE_OK || copy == NULL)
        return mele_i_no_memory(error);
    memcpy(copy, mele_text_data(text), size);
    copy[size] = '\0';
    *out = copy;
    if (length != NULL)
        *length = size;
    return MELE_OK;
}

typedef mele_status adding(const mele_model *model, mele_text *text, mele_error *error);

static const struct {
    const char *name;
    adding *add;
} tables[] = {
    {"coefficients", mele_i_coefficients_table},
    {"centres", add_centres},
    {"covariances", add_covariances},
    {"tree", mele_i_tree_table},
};

#define TABLES (sizeof tables / sizeof *tables)

static bool has_table(const mele_model *model, adding *add)
{
    return add == mele_i_coefficients_table ? model->experts != NULL
           : add == mele_i_tree_table ? model->gate != NULL && mele_i_gate_nodes(model->gate) > 0
                                      : model->joint != NULL;
}

mele_status mele_model_table(const mele_model *model, const char *table, char **out,
                             size_t *length, mele_error *error)
{
    mele_text *text;
    mele_status status;
    size_t t = 0;

    while (t < TABLES && strcmp(tables[t].name, table) != 0)
        t++;
    if (t == TABLES)
        return mele_i_fail(error, MELE_EINVAL,
                           "there is no table \"%s\": coefficients, centres, covariances or tree", table);
    if (!has_table(model, tables[t].add))
        return mele_i_fail(error, MELE_EINVAL, "the model has no %s%s", table,
                           model->outside != NULL ? ": its experts are outside ones" : "");
    status = mele_text_new(',', &text, error);
    if (status != MELE_OK)
        return status;
    status = tables[t].add(model, text, error);
    if (status == MELE_OK)
        status = release(text, out, length, error);
    mele_text_free(text);
    return status;
}
