/* Names for the columns of a caller's arrays. */
#include <string.h>

#include "core/error.h"
#include "data/strings.h"
#include "schema/data.h"

/* The names in place of those that `count` variables have: NULL keeps them. */
static mele_status check_names(const char *const *names, size_t count, const char *what,
                               const mele_i_variable *old, mele_i_levels *seen, mele_error *error)
{
    for (size_t i = 0, index, before; i < count; i++) {
        const char *name = names != NULL ? names[i] : old != NULL ? old[i].name : NULL;
        if (name == NULL || name[0] == '\0')
            return mele_i_fail(error, MELE_EINVAL, "the name of %s %zu is %s", what, i + 1,
                               name == NULL ? "NULL" : "empty");
        before = seen->names.count;
        if (!mele_i_levels_index(seen, name, strlen(name), &index))
            return mele_i_no_memory(error);
        if (index < before)
            return mele_i_fail(error, MELE_EINVAL, "%s %zu is called \"%s\", which is a name already",
                               what, i + 1, name);
    }
    return MELE_OK;
}

/* Levels may be the same number in two spellings no more than columns may have one name. */
static mele_status check_all(const mele_schema *schema, const char *const *features,
                             const char *const *targets, const char *const *classes,
                             mele_error *error)
{
    mele_i_levels columns = {.exact = true}, levels = {.exact = false};
    const size_t count = classes == NULL ? 0 : mele_schema_classes(schema);
    mele_status status = check_names(features, schema->features, "feature", schema->feature,
                                     &columns, error);

    if (status == MELE_OK)
        status = check_names(targets, schema->targets, "target", schema->target, &columns, error);
    if (status == MELE_OK)
        status = check_names(classes, count, "class", NULL, &levels, error);
    mele_i_levels_free(&columns);
    mele_i_levels_free(&levels);
    return status;
}

static mele_status rename_variables(mele_i_variable *to, const mele_i_variable *from, size_t count,
                                    const char *const *names, const char *const *levels,
                                    mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t i = 0; i < count && status == MELE_OK; i++)
        status = mele_i_variable_set(
            &to[i], names == NULL ? from[i].name : names[i], from[i].position, from[i].levels,
            levels == NULL ? (const char *const *)from[i].level : levels, error);
    return status;
}

static mele_status renamed(const mele_schema *schema, const char *const *features,
                           const char *const *targets, const char *const *classes,
                           mele_schema **out, mele_error *error)
{
    mele_schema *named = NULL;
    mele_status status = mele_i_schema_new(schema->features, schema->targets, &named, error);

    if (status != MELE_OK)
        return status;
    named->header = true;
    status = rename_variables(named->feature, schema->feature, schema->features, features, NULL,
                              error);
    if (status == MELE_OK)
        status = rename_variables(named->target, schema->target, schema->targets, targets, classes,
                                  error);
    if (status != MELE_OK)
        mele_i_schema_free(named);
    else
        *out = named;
    return status;
}

mele_status mele_data_set_names(mele_data *data, const char *const *features,
                                const char *const *targets, const char *const *classes,
                                mele_error *error)
{
    mele_schema *named = NULL;
    mele_status status;

    if (data->table != NULL || data->matrix != NULL || data->windows != NULL)
        return mele_i_fail(error, MELE_EINVAL, "the data are of a file, which names its columns");
    status = check_all(data->schema, features, targets, classes, error);
    if (status == MELE_OK)
        status = renamed(data->schema, features, targets, classes, &named, error);
    if (status != MELE_OK) {
        if (error != NULL && status == MELE_EDATA)
            error->status = MELE_EINVAL;
        return status == MELE_EDATA ? MELE_EINVAL : status;
    }
    mele_i_schema_free(data->schema);
    data->schema = named;
    return MELE_OK;
}
