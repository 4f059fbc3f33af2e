#include "schema/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/quote.h"
#include "core/utf8.h"
#include "data/strings.h"

static void clear_variables(mele_i_variable *variable, size_t count)
{
    for (size_t i = 0; variable != NULL && i < count; i++) {
        for (size_t l = 0; l < variable[i].levels; l++)
            free(variable[i].level[l]);
        free(variable[i].level);
        free(variable[i].name);
    }
    free(variable);
}

void mele_i_schema_free(mele_schema *schema)
{
    if (schema == NULL)
        return;
    clear_variables(schema->feature, schema->features);
    clear_variables(schema->target, schema->targets);
    free(schema);
}

mele_status mele_i_schema_new(size_t features, size_t targets, mele_schema **out,
                              mele_error *error)
{
    mele_schema *schema = MELE_I_NEW(mele_schema);

    if (schema == NULL)
        return mele_i_no_memory(error);
    schema->feature = MELE_I_ZEROED(mele_i_variable, features);
    schema->target = MELE_I_ZEROED(mele_i_variable, targets);
    schema->features = features;
    schema->targets = targets;
    if (schema->feature == NULL || schema->target == NULL) {
        mele_i_schema_free(schema);
        return mele_i_no_memory(error);
    }
    *out = schema;
    return MELE_OK;
}

#define TO_UTF_8 " (iconv -f latin1 -t UTF-8 converts what is Latin-1)"

mele_status mele_i_variable_set(mele_i_variable *variable, const char *name, size_t position,
                                size_t levels, const char *const *level, mele_error *error)
{
    if (!mele_i_is_utf8(name))
        return mele_i_fail(error, MELE_EDATA, "the name of column %zu, %s, is not UTF-8" TO_UTF_8,
                           position + 1, mele_i_quote(name, strlen(name)).text);
    for (size_t l = 0; l < levels; l++)
        if (!mele_i_is_utf8(level[l]))
            return mele_i_fail(error, MELE_EDATA, "column \"%s\": the level %s is not UTF-8" TO_UTF_8,
                               name, mele_i_quote(level[l], strlen(level[l])).text);
    variable->position = position;
    variable->name = mele_i_string(name);
    if (variable->name == NULL)
        return mele_i_no_memory(error);
    if (levels == 0)
        return MELE_OK;
    variable->level = MELE_I_ZEROED(char *, levels);
    if (variable->level == NULL)
        return mele_i_no_memory(error);
    variable->levels = levels;
    for (size_t l = 0; l < levels; l++)
        if ((variable->level[l] = mele_i_string(level[l])) == NULL)
            return mele_i_no_memory(error);
    return MELE_OK;
}

mele_status mele_i_variable_number_levels(mele_i_variable *variable, size_t count,
                                          mele_error *error)
{
    char text[32];

    variable->level = MELE_I_ZEROED(char *, count);
    if (variable->level == NULL)
        return mele_i_no_memory(error);
    variable->levels = count;
    for (size_t l = 0; l < count; l++) {
        snprintf(text, sizeof text, "%zu", l);
        if ((variable->level[l] = mele_i_string(text)) == NULL)
            return mele_i_no_memory(error);
    }
    return MELE_OK;
}

static mele_status copy_variables(mele_i_variable *to, const mele_i_variable *from, size_t count,
                                  mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t i = 0; i < count && status == MELE_OK; i++)
        status = mele_i_variable_set(&to[i], from[i].name, from[i].position, from[i].levels,
                                     (const char *const *)from[i].level, error);
    return status;
}

mele_status mele_i_schema_copy(const mele_schema *schema, mele_schema **out, mele_error *error)
{
    mele_schema *copy;
    mele_status status = mele_i_schema_new(schema->features, schema->targets, &copy, error);

    if (status != MELE_OK)
        return status;
    copy->header = schema->header;
    status = copy_variables(copy->feature, schema->feature, schema->features, error);
    if (status == MELE_OK)
        status = copy_variables(copy->target, schema->target, schema->targets, error);
    if (status != MELE_OK)
        mele_i_schema_free(copy);
    else
        *out = copy;
    return status;
}

mele_status mele_i_schema_some(const mele_schema *schema, const size_t *feature, size_t features,
                               mele_schema **out, mele_error *error)
{
    mele_schema *some;
    mele_status status = mele_i_schema_new(features, 0, &some, error);

    if (status != MELE_OK)
        return status;
    some->header = schema->header;
    for (size_t j = 0; j < features && status == MELE_OK; j++)
        status = copy_variables(&some->feature[j], &schema->feature[feature[j]], 1, error);
    if (status != MELE_OK)
        mele_i_schema_free(some);
    else
        *out = some;
    return status;
}

size_t mele_i_variable_columns(const mele_i_variable *variable)
{
    return variable->levels == 0 ? 1 : variable->levels - 1;
}

size_t mele_i_schema_first_column(const mele_schema *schema, size_t j)
{
    size_t column = 0;

    for (size_t i = 0; i < j; i++)
        column += mele_i_variable_columns(&schema->feature[i]);
    return column;
}

void mele_i_schema_column_name(const mele_schema *schema, size_t column, char *out, size_t size)
{
    size_t j = 0;

    while (column >= mele_i_variable_columns(&schema->feature[j]))
        column -= mele_i_variable_columns(&schema->feature[j++]);
    const mele_i_variable *feature = &schema->feature[j];
    if (feature->levels == 0)
        snprintf(out, size, "%s", feature->name);
    else
        snprintf(out, size, "%s=%s", feature->name, feature->level[column + 1]);
}

size_t mele_i_variable_level(const mele_i_variable *variable, const char *text)
{
    size_t l = 0, length = strlen(text);

    while (l < variable->levels && strcmp(variable->level[l], text) != 0)
        l++;
    if (l < variable->levels)
        return l;
    for (l = 0; l < variable->levels; l++)
        if (mele_i_same_level(variable->level[l], strlen(variable->level[l]), text, length))
            break;
    return l;
}

static mele_status variables_fit(const mele_i_variable *data, size_t data_count,
                                 const mele_i_variable *model, size_t model_count, const char *what,
                                 mele_error *error)
{
    if (data_count != model_count)
        return mele_i_fail(error, MELE_EINVAL, "the data have %zu %ss, the model %zu", data_count,
                           what, model_count);
    for (size_t i = 0; i < data_count; i++) {
        bool same = strcmp(data[i].name, model[i].name) == 0 && data[i].levels == model[i].levels;
        for (size_t l = 0; same && l < data[i].levels; l++)
            same = strcmp(data[i].level[l], model[i].level[l]) == 0;
        if (!same)
            return mele_i_fail(error, MELE_EINVAL, "%s \"%s\" of the data is not \"%s\" of the "
                               "model", what, data[i].name, model[i].name);
    }
    return MELE_OK;
}

mele_status mele_i_schema_fits(const mele_schema *data, const mele_schema *model,
                               mele_error *error)
{
    mele_status status = variables_fit(data->feature, data->features, model->feature,
                                       model->features, "feature", error);

    if (status == MELE_OK && data->targets > 0 && model->targets > 0)
        status = variables_fit(data->target, data->targets, model->target, model->targets,
                               "target", error);
    return status;
}

/* ---- public access ---- */

size_t mele_schema_features(const mele_schema *schema)
{
    return schema->features;
}

const char *mele_schema_feature(const mele_schema *schema, size_t j)
{
    return schema->feature[j].name;
}

size_t mele_schema_levels(const mele_schema *schema, size_t j)
{
    return schema->feature[j].levels;
}

const char *mele_schema_level(const mele_schema *schema, size_t j, size_t level)
{
    return schema->feature[j].level[level];
}

size_t mele_schema_targets(const mele_schema *schema)
{
    return schema->targets;
}

const char *mele_schema_target(const mele_schema *schema, size_t t)
{
    return schema->target[t].name;
}

size_t mele_schema_classes(const mele_schema *schema)
{
    return schema->targets == 0 ? 0 : schema->target[0].levels;
}

const char *mele_schema_class(const mele_schema *schema, size_t c)
{
    return schema->target[0].level[c];
}

size_t mele_schema_columns(const mele_schema *schema)
{
    return mele_i_schema_first_column(schema, schema->features);
}

/* ---- the model's section ---- */

static json_t *save_variable(const mele_i_variable *variable)
{
    json_t *object = json_object(), *levels = NULL;
    json_int_t position = (json_int_t)variable->position;
    bool good = mele_i_json_put(object, "name", json_string(variable->name))
                && mele_i_json_put(object, "position", json_integer(position));

    if (good && variable->levels > 0) {
        levels = json_array();
        for (size_t l = 0; l < variable->levels && good; l++)
            good = json_array_append_new(levels, json_string(variable->level[l])) == 0;
        good = mele_i_json_put(object, "levels", levels) && good;
    }
    if (!good) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *save_variables(const mele_i_variable *variable, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count && array != NULL; i++)
        if (json_array_append_new(array, save_variable(&variable[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

json_t *mele_i_schema_save(const mele_schema *schema)
{
    json_t *object = json_object();

    if (mele_i_json_put(object, "header", json_boolean(schema->header))
        && mele_i_json_put(object, "features", save_variables(schema->feature, schema->features))
        && mele_i_json_put(object, "targets", save_variables(schema->target, schema->targets)))
        return object;
    json_decref(object);
    return NULL;
}

static mele_status load_levels(const json_t *levels, mele_i_variable *variable, mele_error *error)
{
    size_t count = json_array_size(levels);

    if (!json_is_array(levels) || count == 0)
        return mele_i_fail(error, MELE_EDATA, "\"levels\" of \"%s\" is not a list", variable->name);
    variable->level = MELE_I_ZEROED(char *, count);
    if (variable->level == NULL)
        return mele_i_no_memory(error);
    variable->levels = count;
    for (size_t l = 0; l < count; l++) {
        const char *text = json_string_value(json_array_get(levels, l));
        if (text == NULL)
            return mele_i_fail(error, MELE_EDATA, "\"levels\" of \"%s\" are not texts",
                               variable->name);
        if ((variable->level[l] = mele_i_string(text)) == NULL)
            return mele_i_no_memory(error);
    }
    return MELE_OK;
}

static mele_status load_variable(const json_t *object, mele_i_variable *variable, mele_error *error)
{
    const char *name;
    size_t position;
    const json_t *levels = json_object_get(object, "levels");
    mele_status status = mele_i_json_keys(object, "a column of the schema", "name,position,levels?",
                                          error);

    if (status == MELE_OK)
        status = mele_i_json_get_string(object, "name", &name, error);
    if (status == MELE_OK)
        status = mele_i_json_get_size(object, "position", 0, SIZE_MAX, &position, error);
    if (status == MELE_OK)
        status = mele_i_variable_set(variable, name, position, 0, NULL, error);
    if (status == MELE_OK && levels != NULL)
        status = load_levels(levels, variable, error);
    return status;
}

static mele_status load_variables(const json_t *array, mele_i_variable *variable, size_t count,
                                  mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t i = 0; i < count && status == MELE_OK; i++)
        status = load_variable(json_array_get(array, i), &variable[i], error);
    return status;
}

mele_status mele_i_schema_load(const json_t *section, mele_schema **out, mele_error *error)
{
    const json_t *features = json_object_get(section, "features");
    const json_t *targets = json_object_get(section, "targets");
    mele_schema *schema = NULL;
    mele_status status = mele_i_json_keys(
        section, "\"schema\"", "header,features,targets,scaling,target_scaling?", error);

    if (status != MELE_OK)
        return status;
    if (!json_is_array(features) || json_array_size(features) == 0 || !json_is_array(targets))
        return mele_i_fail(error, MELE_EDATA, "\"schema\" lists no features or no targets");
    status = mele_i_schema_new(json_array_size(features), json_array_size(targets), &schema, error);
    if (status == MELE_OK)
        status = mele_i_json_get_bool(section, "header", &schema->header, error);
    if (status == MELE_OK)
        status = load_variables(features, schema->feature, schema->features, error);
    if (status == MELE_OK)
        status = load_variables(targets, schema->target, schema->targets, error);
    if (status == MELE_OK && schema->targets > 1)
        for (size_t t = 0; t < schema->targets && status == MELE_OK; t++)
            if (schema->target[t].levels > 0)
                status = mele_i_fail(error, MELE_EDATA, "several targets and one has classes");
    if (status != MELE_OK)
        mele_i_schema_free(schema);
    else
        *out = schema;
    return status;
}
