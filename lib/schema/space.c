#include "schema/space.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "schema/roles.h"

void mele_i_space_clear(mele_i_space *space)
{
    free(space->column);
    mele_i_scaling_clear(&space->scaling);
    mele_i_scaling_clear(&space->target_scaling);
    memset(space, 0, sizeof *space);
}

/* The names of the columns of the file that the schema came from, as far as it knows them; free
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
    *names = (mele_i_names){count, name};
    return MELE_OK;
}

/* Mark the design columns of the feature that stood in this column of the file. */
static mele_status mark_feature(const mele_schema *schema, size_t position, bool *chosen,
                                mele_error *error)
{
    for (size_t j = 0; j < schema->features; j++)
        if (schema->feature[j].position == position) {
            memset(chosen + mele_i_schema_first_column(schema, j), true,
                   mele_i_variable_columns(&schema->feature[j]) * sizeof *chosen);
            return MELE_OK;
        }
    return mele_i_fail(error, MELE_EDATA, "--cluster-on: column %zu is not a feature",
                       position + 1);
}

static mele_status mark_list(const mele_schema *schema, const char *list, bool *chosen,
                             mele_error *error)
{
    mele_i_names names;
    mele_i_columns found = {0, NULL};
    mele_status status = names_of(schema, &names, error);

    if (status != MELE_OK)
        return status;
    status = mele_i_columns_resolve(&names, list, "--cluster-on", &found, error);
    free((void *)names.name);
    for (size_t i = 0; i < found.count && status == MELE_OK; i++)
        status = mark_feature(schema, found.column[i], chosen, error);
    free(found.column);
    return status;
}

static mele_status choose_columns(const mele_schema *schema, const char *on, mele_i_space *space,
                                  mele_error *error)
{
    size_t all = mele_schema_columns(schema);
    bool everything = strcmp(on, "x") == 0 || strcmp(on, "xy") == 0;
    bool *chosen = MELE_I_ZEROED(bool, all);
    mele_status status = MELE_OK;

    space->column = MELE_I_ARRAY(size_t, all);
    if (chosen == NULL || space->column == NULL)
        status = mele_i_no_memory(error);
    else if (!everything)
        status = mark_list(schema, on, chosen, error);
    for (size_t c = 0; c < all && status == MELE_OK; c++)
        if (everything || chosen[c])
            space->column[space->columns++] = c;
    if (status == MELE_OK && space->columns == 0)
        status = mele_i_fail(error, MELE_EDATA, "--cluster-on \"%s\" leaves no column", on);
    free(chosen);
    return status;
}

/* Targets as columns: themselves, or an indicator a class. */
static double *expand_targets(const mele_schema *schema, const double *targets, size_t rows,
                              size_t columns)
{
    double *out = MELE_I_ARRAY(double, rows * columns);

    if (out == NULL)
        return NULL;
    if (mele_schema_classes(schema) == 0) {
        memcpy(out, targets, rows * columns * sizeof *out);
        return out;
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < columns; c++)
            out[i * columns + c] = targets[i] == (double)c;
    return out;
}

static size_t target_columns(const mele_schema *schema)
{
    size_t classes = mele_schema_classes(schema);

    return classes > 0 ? classes : schema->targets;
}

static mele_status fit_target_scaling(const mele_schema *schema, const double *targets,
                                      const double *weights, size_t rows, mele_i_scale_kind kind,
                                      mele_engine *engine, mele_i_space *space, mele_error *error)
{
    double *expanded = expand_targets(schema, targets, rows, space->target_columns);
    mele_status status;

    if (expanded == NULL)
        return mele_i_no_memory(error);
    mele_matrix view = mele_matrix_of(expanded, rows, space->target_columns);
    status = mele_i_scaling_fit_matrix(&view, weights, kind, engine, &space->target_scaling, error);
    free(expanded);
    return status;
}

mele_status mele_i_space_fit(const mele_schema *schema, const mele_i_features *features,
                             const double *targets, const double *weights, const char *on,
                             const char *scale, double target_weight, mele_engine *engine,
                             mele_i_space *out, mele_error *error)
{
    mele_i_space space = {.target_weight = target_weight};
    mele_i_scale_kind kind;
    mele_status status;

    if (!mele_i_scale_kind_named(scale, &kind))
        return mele_i_fail(error, MELE_EINVAL, "there is no scale \"%s\"", scale);
    if (strcmp(on, "xy") == 0 && targets == NULL)
        return mele_i_fail(error, MELE_EINVAL, "--cluster-on xy needs a target");
    status = choose_columns(schema, on, &space, error);
    if (status == MELE_OK)
        status = mele_i_scaling_fit(schema, features, weights, kind, engine, &space.scaling, error);
    if (status == MELE_OK && strcmp(on, "xy") == 0) {
        space.target_columns = target_columns(schema);
        status = fit_target_scaling(schema, targets, weights, features->rows, kind, engine, &space,
                                    error);
    }
    if (status != MELE_OK)
        mele_i_space_clear(&space);
    else
        *out = space;
    return status;
}

bool mele_i_space_is_design(const mele_i_space *space, const mele_i_scaling *design)
{
    size_t bytes = design->columns * sizeof(double);

    return space->columns == design->columns
           && memcmp(space->scaling.center, design->center, bytes) == 0
           && memcmp(space->scaling.scale, design->scale, bytes) == 0;
}

/* Write columns `column[]` of from (width numbers a row) to rows of out, `stride` apart. */
static void gather_columns(const double *from, size_t width, size_t rows, const size_t *column,
                           size_t columns, double *out, size_t stride)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < columns; c++)
            out[i * stride + c] = from[i * width + (column == NULL ? c : column[c])];
}

static mele_status append_targets(const mele_i_space *space, const mele_schema *schema,
                                  const double *targets, size_t rows, double *out,
                                  mele_error *error)
{
    size_t columns = space->target_columns, stride = space->columns + columns;
    double *expanded = expand_targets(schema, targets, rows, columns);
    double *scaled = MELE_I_ARRAY(double, rows * columns);

    if (expanded == NULL || scaled == NULL) {
        free(expanded);
        free(scaled);
        return mele_i_no_memory(error);
    }
    mele_matrix view = mele_matrix_of(expanded, rows, columns);
    mele_i_scale_matrix(&space->target_scaling, &view, scaled);
    for (size_t i = 0; i < rows * columns; i++)
        scaled[i] *= space->target_weight;
    gather_columns(scaled, columns, rows, NULL, columns, out + space->columns, stride);
    free(scaled);
    free(expanded);
    return MELE_OK;
}

mele_status mele_i_space_encode(const mele_i_space *space, const mele_schema *schema,
                                const double *means, const mele_i_features *features,
                                const double *targets, mele_engine *engine, double *out,
                                mele_error *error)
{
    size_t rows = features->rows, all = space->scaling.columns;
    bool with_targets = targets != NULL && space->target_columns > 0;
    size_t stride = space->columns + (with_targets ? space->target_columns : 0);
    double *design;
    mele_status status;

    if (space->columns == all && !with_targets)
        return mele_i_encode(schema, &space->scaling, means, features, engine, out, error);
    design = MELE_I_ARRAY(double, rows * all);
    if (design == NULL)
        return mele_i_no_memory(error);
    status = mele_i_encode(schema, &space->scaling, means, features, engine, design, error);
    if (status == MELE_OK)
        gather_columns(design, all, rows, space->column, space->columns, out, stride);
    if (status == MELE_OK && with_targets)
        status = append_targets(space, schema, targets, rows, out, error);
    free(design);
    return status;
}

/* ---- the model's section ---- */

static json_t *save_columns(const mele_i_space *space)
{
    json_t *array = json_array();

    for (size_t c = 0; c < space->columns && array != NULL; c++)
        if (json_array_append_new(array, json_integer((json_int_t)space->column[c])) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

json_t *mele_i_space_save(const mele_i_space *space)
{
    json_t *object = json_object();
    bool good = mele_i_json_put(object, "columns", save_columns(space))
                && mele_i_json_put(object, "scaling", mele_i_scaling_save(&space->scaling));

    if (good && space->target_columns > 0)
        good = mele_i_json_put(object, "target_scaling",
                               mele_i_scaling_save(&space->target_scaling))
               && mele_i_json_put(object, "target_weight", json_real(space->target_weight));
    if (!good) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static mele_status load_columns(const json_t *array, size_t all, mele_i_space *space,
                                mele_error *error)
{
    size_t count = json_array_size(array);

    if (!json_is_array(array) || count == 0 || count > all)
        return mele_i_fail(error, MELE_EDATA, "\"columns\" of the space is not a list of columns");
    space->column = MELE_I_ARRAY(size_t, count);
    if (space->column == NULL)
        return mele_i_no_memory(error);
    for (size_t c = 0; c < count; c++) {
        const json_t *value = json_array_get(array, c);
        json_int_t column = json_integer_value(value);
        bool ascending = c == 0 || column > (json_int_t)space->column[c - 1];
        if (!json_is_integer(value) || column < 0 || column >= (json_int_t)all || !ascending)
            return mele_i_fail(error, MELE_EDATA,
                               "\"columns\" of the space are not ascending columns");
        space->column[space->columns++] = (size_t)column;
    }
    return MELE_OK;
}

static mele_status load_targets(const json_t *object, const mele_schema *schema,
                                mele_i_space *space, mele_error *error)
{
    const json_t *scaling = json_object_get(object, "target_scaling");

    if (scaling == NULL)
        return MELE_OK;
    space->target_columns = target_columns(schema);
    if (space->target_columns == 0)
        return mele_i_fail(error, MELE_EDATA, "the space has targets, the schema has none");
    mele_status status = mele_i_scaling_load(scaling, space->target_columns,
                                             &space->target_scaling, error);
    if (status == MELE_OK)
        status = mele_i_json_get_number(object, "target_weight", &space->target_weight, error);
    return status;
}

mele_status mele_i_space_load(const json_t *object, const mele_schema *schema, mele_i_space *out,
                              mele_error *error)
{
    size_t all = mele_schema_columns(schema);
    mele_i_space space = {.target_weight = 1};
    mele_status status = mele_i_json_keys(object, "\"space\"",
                                          "columns,scaling,target_scaling?,target_weight?", error);

    if (status == MELE_OK)
        status = load_columns(json_object_get(object, "columns"), all, &space, error);
    if (status == MELE_OK)
        status = mele_i_scaling_load(json_object_get(object, "scaling"), all, &space.scaling,
                                     error);
    if (status == MELE_OK)
        status = load_targets(object, schema, &space, error);
    if (status != MELE_OK)
        mele_i_space_clear(&space);
    else
        *out = space;
    return status;
}
