#include "schema/selection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/quote.h"
#include "schema/roles.h"

#define MOST_NAMED 6 /* features, in messages: as many as there is room for */

/* ---- by names ---- */

/* The names of the columns of the file that the schema came from, as far as they are features; free
 * names->name. */
static mele_status names_of(const mele_schema *schema, mele_i_names *names, mele_error *error)
{
    size_t count = 0;

    for (size_t j = 0; j < schema->features; j++)
        if (schema->feature[j].position >= count)
            count = schema->feature[j].position + 1;
    const char **name = MELE_I_ZEROED(const char *, count);
    if (name == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0; j < schema->features; j++)
        name[schema->feature[j].position] = schema->feature[j].name;
    *names = (mele_i_names){.count = count, .name = name, .what = "feature"};
    return MELE_OK;
}

/* Mark the feature that stood in this column of the file. */
static mele_status mark(const mele_schema *schema, size_t position, const char *option, bool *named,
                        mele_error *error)
{
    for (size_t j = 0; j < schema->features; j++)
        if (schema->feature[j].position == position) {
            named[j] = true;
            return MELE_OK;
        }
    return mele_i_fail(error, MELE_EDATA, "%s: column %zu is not a feature", option, position + 1);
}

mele_status mele_i_features_named(const mele_schema *schema, const char *list, const char *option,
                                  bool *named, mele_error *error)
{
    mele_i_names names;
    mele_i_columns found = {0, NULL};
    mele_status status = names_of(schema, &names, error);

    if (status != MELE_OK)
        return status;
    status = mele_i_columns_resolve(&names, list, option, &found, error);
    free((void *)names.name);
    memset(named, false, schema->features * sizeof *named);
    for (size_t i = 0; i < found.count && status == MELE_OK; i++)
        status = mark(schema, found.column[i], option, named, error);
    free(found.column);
    return status;
}

/* ---- made and freed ---- */

void mele_i_selection_clear(mele_i_selection *selection)
{
    free(selection->feature);
    free(selection->column);
    mele_i_schema_free(selection->schema);
    mele_i_scaling_clear(&selection->scaling);
    memset(selection, 0, sizeof *selection);
}

/* Everything of the selection, whose list of features is set; who: what to call it. */
static mele_status complete(mele_i_selection *s, const mele_schema *schema,
                            const mele_i_scaling *scaling, const char *who, mele_error *error)
{
    mele_status status = mele_i_schema_some(schema, s->feature, s->features, &s->schema, error);

    if (status != MELE_OK)
        return status;
    const size_t columns = mele_schema_columns(s->schema);
    if (columns == 0)
        return mele_i_fail(error, MELE_EDATA,
                           "%s leaves no column: a category of one level has none", who);
    status = mele_i_scaling_new(columns, &s->scaling, error);
    if (status == MELE_OK && (s->column = MELE_I_ARRAY(size_t, columns)) == NULL)
        status = mele_i_no_memory(error);
    for (size_t i = 0, c = 0; i < s->features && status == MELE_OK; i++) {
        const size_t first = mele_i_schema_first_column(schema, s->feature[i]);
        for (size_t l = 0; l < mele_i_variable_columns(&s->schema->feature[i]); l++, c++) {
            s->column[c] = first + l;
            s->scaling.center[c] = scaling->center[first + l];
            s->scaling.scale[c] = scaling->scale[first + l];
        }
    }
    return status;
}

/* The selection of those that are marked. */
static mele_status select_marked(const bool *named, const mele_schema *schema,
                                 const mele_i_scaling *scaling, const char *who,
                                 mele_i_selection *out, mele_error *error)
{
    mele_i_selection s = {.feature = MELE_I_ARRAY(size_t, schema->features)};

    if (s.feature == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0; j < schema->features; j++)
        if (named[j])
            s.feature[s.features++] = j;
    if (s.features == schema->features)
        s.features = 0;
    mele_status status = s.features > 0 ? complete(&s, schema, scaling, who, error) : MELE_OK;
    if (status != MELE_OK || s.features == 0)
        mele_i_selection_clear(&s);
    if (status == MELE_OK)
        *out = s;
    return status;
}

mele_status mele_i_selection_make(const mele_schema *schema, const mele_i_scaling *scaling,
                                  const char *list, const char *option, mele_i_selection *out,
                                  mele_error *error)
{
    bool *named;
    mele_status status;

    if (list == NULL) {
        *out = (mele_i_selection){.features = 0};
        return MELE_OK;
    }
    if ((named = MELE_I_ARRAY(bool, schema->features)) == NULL)
        return mele_i_no_memory(error);
    status = mele_i_features_named(schema, list, option, named, error);
    if (status == MELE_OK)
        status = select_marked(named, schema, scaling, option, out, error);
    free(named);
    return status;
}

/* Mark the features of which all columns are among these; how many columns those are. */
static size_t mark_whole(const mele_schema *schema, const size_t *column, size_t columns,
                         bool *named)
{
    size_t marked = 0;

    for (size_t j = 0, first = 0, c = 0; j < schema->features; j++) {
        const size_t count = mele_i_variable_columns(&schema->feature[j]), before = c;
        while (c < columns && column[c] < first + count)
            c++;
        named[j] = count > 0 && c - before == count;
        marked += named[j] ? count : 0;
        first += count;
    }
    return marked;
}

mele_status mele_i_selection_of_columns(const mele_schema *schema, const mele_i_scaling *scaling,
                                        const size_t *column, size_t columns,
                                        mele_i_selection *out, mele_error *error)
{
    bool *named = MELE_I_ARRAY(bool, schema->features);
    mele_status status = MELE_OK;

    if (named == NULL)
        return mele_i_no_memory(error);
    if (mark_whole(schema, column, columns, named) == columns)
        status = select_marked(named, schema, scaling, "the space", out, error);
    else
        *out = (mele_i_selection){.features = 0};
    free(named);
    return status;
}

mele_status mele_i_selection_remove(const mele_schema *schema, const mele_i_scaling *scaling,
                                    const bool *marked, mele_i_selection *selection,
                                    mele_error *error)
{
    const size_t before = selection->features > 0 ? selection->features : schema->features;
    bool *named = MELE_I_ZEROED(bool, schema->features);
    mele_i_selection left = {.features = 0};
    mele_status status = MELE_OK;
    size_t count = 0;

    if (named == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < before; i++) {
        const size_t j = selection->features > 0 ? selection->feature[i] : i;
        named[j] = !marked[j];
        count += named[j];
    }
    if (count > 0 && count < before) {
        status = select_marked(named, schema, scaling, "the fit", &left, error);
        if (status == MELE_OK) {
            mele_i_selection_clear(selection);
            *selection = left;
        }
    }
    free(named);
    return status;
}

static void *copy_of(const void *from, size_t bytes)
{
    void *copy = MELE_I_ARRAY(char, bytes);

    if (copy != NULL)
        memcpy(copy, from, bytes);
    return copy;
}

mele_status mele_i_selection_copy(const mele_i_selection *selection, mele_i_selection *out,
                                  mele_error *error)
{
    const size_t columns = selection->scaling.columns;
    mele_i_selection s = {.features = selection->features};
    mele_status status = MELE_OK;

    if (s.features > 0)
        status = mele_i_schema_copy(selection->schema, &s.schema, error);
    if (status == MELE_OK && s.features > 0)
        status = mele_i_scaling_new(columns, &s.scaling, error);
    if (status == MELE_OK && s.features > 0) {
        s.feature = copy_of(selection->feature, s.features * sizeof *s.feature);
        s.column = copy_of(selection->column, columns * sizeof *s.column);
        memcpy(s.scaling.center, selection->scaling.center, columns * sizeof *s.scaling.center);
        memcpy(s.scaling.scale, selection->scaling.scale, columns * sizeof *s.scaling.scale);
        if (s.feature == NULL || s.column == NULL)
            status = mele_i_no_memory(error);
    }
    if (status != MELE_OK)
        mele_i_selection_clear(&s);
    else
        *out = s;
    return status;
}

/* ---- asked ---- */

bool mele_i_selection_equal(const mele_i_selection *a, const mele_i_selection *b)
{
    return a->features == b->features
           && (a->features == 0
               || memcmp(a->feature, b->feature, a->features * sizeof *a->feature) == 0);
}

void mele_i_selection_text(const mele_i_selection *selection, char out[MELE_I_SELECTION_ROOM])
{
    const size_t all = selection->features, named = all > MOST_NAMED ? MOST_NAMED : all;
    size_t length = 0;

    snprintf(out, MELE_I_SELECTION_ROOM, "all");
    for (size_t j = 0; j < named; j++) {
        const char *name = selection->schema->feature[j].name;
        length += (size_t)snprintf(out + length, MELE_I_SELECTION_ROOM - length, "%s%s",
                                   j == 0 ? "" : ", ", mele_i_quote(name, strlen(name)).text);
    }
    if (named < all)
        snprintf(out + length, MELE_I_SELECTION_ROOM - length, " and %zu more", all - named);
}

static bool side_by_side(const mele_i_selection *s)
{
    return s->column[s->scaling.columns - 1] - s->column[0] == s->scaling.columns - 1;
}

size_t mele_i_selection_room(const mele_i_selection *s, size_t rows)
{
    return s->features == 0 || side_by_side(s) ? 0 : rows * s->scaling.columns;
}

mele_matrix mele_i_selection_pick(const mele_i_selection *s, const mele_matrix *design,
                                  double *room)
{
    const size_t columns = s->scaling.columns;

    if (s->features == 0)
        return *design;
    if (side_by_side(s))
        return (mele_matrix){design->data + s->column[0], design->rows, columns, design->stride};
    for (size_t i = 0; i < design->rows; i++)
        for (size_t c = 0; c < columns; c++)
            room[i * columns + c] = design->data[i * design->stride + s->column[c]];
    return mele_matrix_of(room, design->rows, columns);
}

/* ---- in a model's sections ---- */

json_t *mele_i_selection_save(const mele_i_selection *selection)
{
    json_t *array = json_array();

    for (size_t j = 0; j < selection->features && array != NULL; j++)
        if (json_array_append_new(array, json_string(selection->schema->feature[j].name)) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

/* Mark those of an array of names, which are in the order of the schema. */
static mele_status mark_names(const json_t *names, const mele_schema *schema, bool *named,
                              mele_error *error)
{
    const json_t *one;
    size_t i, j = 0;

    memset(named, false, schema->features * sizeof *named);
    json_array_foreach(names, i, one)
    {
        const char *name = json_string_value(one);
        if (name == NULL)
            return mele_i_fail(error, MELE_EDATA, "\"features\" is not a list of names");
        while (j < schema->features && strcmp(schema->feature[j].name, name) != 0)
            j++;
        if (j == schema->features)
            return mele_i_fail(error, MELE_EDATA,
                               "\"features\" has %s, which is no feature of the "
                               "schema, or not in its order",
                               mele_i_quote(name, strlen(name)).text);
        named[j++] = true;
    }
    return MELE_OK;
}

mele_status mele_i_selection_load(const json_t *names, const mele_schema *schema,
                                  const mele_i_scaling *scaling, mele_i_selection *out,
                                  mele_error *error)
{
    bool *named;
    mele_status status;

    if (names == NULL) {
        *out = (mele_i_selection){.features = 0};
        return MELE_OK;
    }
    if (!json_is_array(names) || json_array_size(names) == 0)
        return mele_i_fail(error, MELE_EDATA, "\"features\" is not a list of names");
    if ((named = MELE_I_ARRAY(bool, schema->features)) == NULL)
        return mele_i_no_memory(error);
    status = mark_names(names, schema, named, error);
    if (status == MELE_OK)
        status = select_marked(named, schema, scaling, "\"features\"", out, error);
    free(named);
    return status;
}
