#include "schema/roles.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/suggest.h"
#include "data/reader.h"

void mele_i_roles_clear(mele_i_roles *roles)
{
    free(roles->features.column);
    free(roles->targets.column);
    free(roles->categorical);
    memset(roles, 0, sizeof *roles);
}

/* The column with exactly this name, or none. */
static size_t column_named(const mele_i_names *names, const char *text, size_t length)
{
    for (size_t j = 0; j < names->count; j++) {
        const char *name = names->name[j];
        if (name != NULL && strlen(name) == length && memcmp(name, text, length) == 0)
            return j;
    }
    return MELE_I_NO_COLUMN;
}

/* The column that a name or a number from 1 means, or none. */
static size_t find_column(const mele_i_names *names, const char *text, size_t length)
{
    size_t column = column_named(names, text, length), number = 0;

    if (column != MELE_I_NO_COLUMN || length == 0 || length > 9)
        return column;
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)text[i]))
            return MELE_I_NO_COLUMN;
        number = number * 10 + (size_t)(text[i] - '0');
    }
    return number >= 1 && number <= names->count ? number - 1 : MELE_I_NO_COLUMN;
}

/* The columns of one item: a column or a range. */
static bool find_range(const mele_i_names *names, const char *text, size_t length, size_t *first,
                       size_t *last)
{
    *first = *last = find_column(names, text, length);
    if (*first != MELE_I_NO_COLUMN)
        return true;
    for (size_t dash = 1; dash + 1 < length; dash++) {
        if (text[dash] != '-')
            continue;
        *first = find_column(names, text, dash);
        *last = find_column(names, text + dash + 1, length - dash - 1);
        if (*first != MELE_I_NO_COLUMN && *last != MELE_I_NO_COLUMN && *first <= *last)
            return true;
    }
    return false;
}

static bool contains(const mele_i_columns *list, size_t column)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->column[i] == column)
            return true;
    return false;
}

static const char *name_at(size_t j, const void *user)
{
    const mele_i_names *names = user;

    return j >= names->count ? NULL : names->name[j] == NULL ? "" : names->name[j];
}

static mele_status add_item(const mele_i_names *names, const char *item, size_t length,
                            const char *option, mele_i_columns *list, mele_error *error)
{
    size_t first, last;

    if (!find_range(names, item, length, &first, &last))
        return mele_i_fail(error, MELE_EDATA, "%s: there is no %s \"%.*s\"%s", option,
                           names->what == NULL ? "column" : names->what, (int)length, item,
                           mele_i_suggest(item, length, name_at, names).text);
    for (size_t j = first; j <= last; j++) {
        if (contains(list, j))
            return mele_i_fail(error, MELE_EINVAL, "%s: column \"%s\" is named twice", option,
                               names->name[j] == NULL ? "" : names->name[j]);
        list->column[list->count++] = j;
    }
    return MELE_OK;
}

mele_status mele_i_columns_resolve(const mele_i_names *names, const char *list, const char *option,
                                   mele_i_columns *out, mele_error *error)
{
    mele_i_columns found = {0, MELE_I_ARRAY(size_t, names->count)};
    mele_status status = MELE_OK;

    if (found.column == NULL)
        return mele_i_no_memory(error);
    if (list != NULL && column_named(names, list, strlen(list)) != MELE_I_NO_COLUMN) {
        status = add_item(names, list, strlen(list), option, &found, error);
        list = NULL;
    }
    for (const char *item = list; item != NULL && status == MELE_OK;) {
        size_t length = strcspn(item, ",");
        status = add_item(names, item, length, option, &found, error);
        item = item[length] == ',' ? item + length + 1 : NULL;
    }
    if (status != MELE_OK)
        free(found.column);
    else
        *out = found;
    return status;
}

/* The names of a reader's columns; free names->name. */
static mele_status names_of(const mele_reader *reader, mele_i_names *names, mele_error *error)
{
    size_t count = mele_reader_columns(reader);
    const char **name = MELE_I_ARRAY(const char *, count);

    if (name == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0; j < count; j++)
        name[j] = mele_reader_name(reader, j);
    *names = (mele_i_names){count, name, NULL};
    return MELE_OK;
}

/* A role that one column can have. */
static mele_status resolve_one(const mele_i_names *names, const char *name, const char *option,
                               size_t *out, mele_error *error)
{
    mele_i_columns found;
    mele_status status;

    *out = MELE_I_NO_COLUMN;
    if (name == NULL)
        return MELE_OK;
    status = mele_i_columns_resolve(names, name, option, &found, error);
    if (status != MELE_OK)
        return status;
    if (found.count == 1)
        *out = found.column[0];
    else
        status = mele_i_fail(error, MELE_EINVAL, "%s takes one column, not %zu", option,
                             found.count);
    free(found.column);
    return status;
}

/* Weights, id, group, folds and the categorical flags. */
static mele_status resolve_side_roles(const mele_i_names *names, const mele_data_options *options,
                                      mele_i_roles *roles, mele_error *error)
{
    mele_i_columns categorical = {0, NULL};
    mele_status status = resolve_one(names, options->weights, "--weights", &roles->weights, error);

    if (status == MELE_OK)
        status = resolve_one(names, options->id, "--id", &roles->id, error);
    if (status == MELE_OK)
        status = resolve_one(names, options->group, "--group", &roles->group, error);
    if (status == MELE_OK)
        status = resolve_one(names, options->folds, "--folds", &roles->folds, error);
    if (status == MELE_OK)
        status = mele_i_columns_resolve(names, options->categorical, "--categorical", &categorical,
                                        error);
    if (status == MELE_OK) {
        roles->categorical = MELE_I_ZEROED(bool, names->count);
        if (roles->categorical == NULL)
            status = mele_i_no_memory(error);
    }
    for (size_t i = 0; i < categorical.count && status == MELE_OK; i++)
        roles->categorical[categorical.column[i]] = true;
    free(categorical.column);
    return status;
}

/* No column may be a feature and something else, nor a target and the weights, nor the weights and
 * the group, the folds or the id; and none is a category that is not used. */
static mele_status check_conflicts(const mele_i_names *names, const mele_i_roles *roles,
                                   mele_error *error)
{
    const struct {
        size_t column;
        const char *role;
    } side[] = {
        {roles->weights, "the weights"}, {roles->id, "the id"}, {roles->group, "the group"},
        {roles->folds, "the folds"}};

    for (size_t i = 0; i < roles->targets.count; i++)
        if (contains(&roles->features, roles->targets.column[i]))
            return mele_i_fail(error, MELE_EINVAL, "column \"%s\" is a target and also a feature",
                               names->name[roles->targets.column[i]]);
    for (size_t s = 0; s < sizeof side / sizeof *side; s++) {
        bool feature = contains(&roles->features, side[s].column);
        if (side[s].column != MELE_I_NO_COLUMN
            && (feature || contains(&roles->targets, side[s].column)))
            return mele_i_fail(error, MELE_EINVAL, "column \"%s\" is %s and also a %s",
                               names->name[side[s].column], side[s].role,
                               feature ? "feature" : "target");
    }
    for (size_t s = 1; s < sizeof side / sizeof *side; s++)
        if (side[s].column != MELE_I_NO_COLUMN && side[s].column == roles->weights)
            return mele_i_fail(error, MELE_EINVAL, "column \"%s\" is the weights and also %s",
                               names->name[roles->weights], side[s].role);
    for (size_t j = 0; j < names->count; j++)
        if (roles->categorical[j] && !contains(&roles->features, j)
            && !contains(&roles->targets, j))
            return mele_i_fail(error, MELE_EINVAL, "column \"%s\" is categorical and neither a "
                               "feature nor a target", names->name[j]);
    return MELE_OK;
}

/* Leave the ignored columns out of the features; a target cannot be left out. */
static mele_status leave_out(const mele_i_names *names, const mele_i_columns *ignored,
                             mele_i_roles *roles, mele_error *error)
{
    mele_i_columns *features = &roles->features;
    size_t kept = 0;

    for (size_t i = 0; i < ignored->count; i++)
        if (contains(&roles->targets, ignored->column[i]))
            return mele_i_fail(error, MELE_EINVAL, "column \"%s\" is a target and also ignored",
                               names->name[ignored->column[i]]);
    for (size_t i = 0; i < features->count; i++)
        if (!contains(ignored, features->column[i]))
            features->column[kept++] = features->column[i];
    features->count = kept;
    if (kept == 0)
        return mele_i_fail(error, MELE_EDATA, "no column is left to be a feature: there has to be one, if only of zeros");
    return MELE_OK;
}

/* Whether a column is something other than a feature. */
static bool has_role(const mele_i_roles *roles, size_t j)
{
    return j == roles->weights || j == roles->id || j == roles->group || j == roles->folds
           || contains(&roles->targets, j);
}

/* Every column without another role. */
static mele_status default_features(const mele_i_names *names, mele_i_roles *roles,
                                    mele_error *error)
{
    roles->features.column = MELE_I_ARRAY(size_t, names->count);
    if (roles->features.column == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0; j < names->count; j++)
        if (!has_role(roles, j) && (names->idle == NULL || !names->idle[j]))
            roles->features.column[roles->features.count++] = j;
    return MELE_OK;
}

static mele_status roles_of_options(const mele_i_names *names, const mele_data_options *options,
                                    mele_i_roles *out, mele_error *error)
{
    mele_i_roles roles = {.weights = MELE_I_NO_COLUMN};
    mele_i_columns ignored = {0, NULL};
    mele_status status = resolve_side_roles(names, options, &roles, error);

    if (status == MELE_OK)
        status = mele_i_columns_resolve(names, options->target, "--target", &roles.targets, error);
    if (status == MELE_OK)
        status = mele_i_columns_resolve(names, options->ignore, "--ignore", &ignored, error);
    if (status == MELE_OK && options->features != NULL)
        status = mele_i_columns_resolve(names, options->features, "--features", &roles.features,
                                        error);
    else if (status == MELE_OK)
        status = default_features(names, &roles, error);
    if (status == MELE_OK)
        status = leave_out(names, &ignored, &roles, error);
    if (status == MELE_OK)
        status = check_conflicts(names, &roles, error);
    free(ignored.column);
    if (status != MELE_OK)
        mele_i_roles_clear(&roles);
    else
        *out = roles;
    return status;
}

/* Whether a column has no name, also by the word that pandas has for it. */
static bool is_nameless(const mele_i_column *column)
{
    return column->nameless || strncmp(column->name, "Unnamed: ", 9) == 0;
}

/* Which nameless columns say nothing of their rows. */
static mele_status find_idle(mele_reader *reader, mele_engine *engine, bool *idle,
                             mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t j = 0; j < reader->columns && status == MELE_OK; j++) {
        if (!is_nameless(&reader->column[j]))
            continue;
        status = mele_i_reader_sample(reader, engine, error);
        if (status == MELE_OK && reader->tally != NULL)
            idle[j] = mele_i_tally_numbers_rows(&reader->tally[j])
                      || mele_i_tally_is_empty(&reader->tally[j]);
    }
    return status;
}

/* Tell what became of nameless columns that nobody asked for. */
static void tell_of_nameless(const mele_reader *reader, const mele_i_roles *roles,
                             const bool *idle)
{
    for (size_t j = 0; j < reader->columns; j++) {
        const char *name = reader->column[j].name;
        if (!is_nameless(&reader->column[j]) || has_role(roles, j))
            continue;
        if (idle[j])
            mele_i_reader_note(reader, "column %zu has no name and %s: it is left out", j + 1,
                               mele_i_tally_is_empty(&reader->tally[j]) ? "holds nothing"
                                                                        : "only numbers the rows");
        else if (contains(&roles->features, j))
            mele_i_reader_note(reader, "column %zu has no name and is the feature \"%s\" "
                               "(--ignore %zu leaves it out)", j + 1, name, j + 1);
    }
}

mele_status mele_i_roles_of_options(mele_reader *reader, const mele_data_options *options,
                                    mele_engine *engine, mele_i_roles *out, mele_error *error)
{
    bool *idle = MELE_I_ZEROED(bool, mele_reader_columns(reader));
    mele_i_names names = {0, NULL, NULL};
    mele_status status = idle == NULL ? mele_i_no_memory(error) : names_of(reader, &names, error);

    if (status == MELE_OK && options->features == NULL)
        status = find_idle(reader, engine, idle, error);
    names.idle = idle;
    if (status == MELE_OK)
        status = roles_of_options(&names, options, out, error);
    if (status == MELE_OK && options->features == NULL)
        tell_of_nameless(reader, out, idle);
    free((void *)names.name);
    free(idle);
    return status;
}

/* A column that the schema has and the file has not. */
static mele_status miss(const mele_i_names *names, bool by_name, bool has_names,
                        const mele_i_variable *variable, mele_error *error)
{
    if (!by_name)
        return mele_i_fail(error, MELE_EDATA, "%zu columns, and the model needs column %zu, \"%s\"",
                           names->count, variable->position + 1, variable->name);
    if (has_names)
        return mele_i_fail(error, MELE_EDATA, "there is no column \"%s\", which the model needs%s",
                           variable->name, mele_i_suggest(variable->name, strlen(variable->name),
                                                          name_at, names).text);
    return mele_i_fail(error, MELE_EDATA, "there is no column \"%s\": the model was fitted without "
                       "names of columns (arrays, .npy or --no-header); --by-position takes them in "
                       "their order", variable->name);
}

/* The columns of a file that hold these variables; `has_names`: of the schema's own. */
static mele_status match_variables(const mele_i_names *names, bool by_name, bool has_names,
                                   const mele_i_variable *variable, size_t count,
                                   mele_i_columns *out, mele_error *error)
{
    out->column = MELE_I_ARRAY(size_t, count);
    if (out->column == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        size_t column = variable[i].position;
        if (by_name)
            column = column_named(names, variable[i].name, strlen(variable[i].name));
        if (column >= names->count)
            return miss(names, by_name, has_names, &variable[i], error);
        out->column[out->count++] = column;
    }
    return MELE_OK;
}

static mele_status roles_of_schema(const mele_i_names *names, bool by_name,
                                   const mele_data_options *options, const mele_schema *schema,
                                   bool need_targets, mele_i_roles *out, mele_error *error)
{
    mele_i_roles roles = {.weights = MELE_I_NO_COLUMN};
    mele_status status = resolve_side_roles(names, options, &roles, error);

    if (status == MELE_OK)
        status = match_variables(names, by_name, schema->header, schema->feature, schema->features,
                                 &roles.features, error);
    if (status == MELE_OK && need_targets && schema->targets > 0)
        status = match_variables(names, by_name, schema->header, schema->target, schema->targets,
                                 &roles.targets, error);
    else if (status == MELE_OK && need_targets)
        status = mele_i_columns_resolve(names, options->target, "--target", &roles.targets, error);
    if (status == MELE_OK)
        status = check_conflicts(names, &roles, error);
    if (status != MELE_OK)
        mele_i_roles_clear(&roles);
    else
        *out = roles;
    return status;
}

mele_status mele_i_roles_of_schema(const mele_reader *reader, const mele_data_options *options,
                                   const mele_schema *schema, bool need_targets,
                                   mele_i_roles *out, mele_error *error)
{
    bool by_name = mele_reader_has_header(reader) && !reader->by_position;
    mele_i_names names;
    mele_status status = names_of(reader, &names, error);

    if (status != MELE_OK)
        return status;
    status = roles_of_schema(&names, by_name, options, schema, need_targets, out, error);
    free((void *)names.name);
    return status;
}
