#include "schema/space.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/pass.h"

void mele_i_space_clear(mele_i_space *space)
{
    free(space->column);
    mele_i_scaling_clear(&space->scaling);
    mele_i_selection_clear(&space->sees);
    mele_i_scaling_clear(&space->target_scaling);
    memset(space, 0, sizeof *space);
}

/* Mark the design columns of the features that a list names. */
static mele_status mark_list(const mele_schema *schema, const char *list, bool *chosen,
                             mele_error *error)
{
    bool *named = MELE_I_ARRAY(bool, schema->features);
    mele_status status = named == NULL ? mele_i_no_memory(error)
                                       : mele_i_features_named(schema, list, "--cluster-on", named,
                                                               error);

    for (size_t j = 0, column = 0; j < schema->features && status == MELE_OK; j++) {
        const size_t columns = mele_i_variable_columns(&schema->feature[j]);
        memset(chosen + column, named[j], columns * sizeof *chosen);
        column += columns;
    }
    free(named);
    return status;
}

mele_status mele_i_space_choose(const mele_schema *schema, const char *on, size_t **column,
                                size_t *columns, mele_error *error)
{
    size_t all = mele_schema_columns(schema), count = 0;
    bool everything = strcmp(on, "x") == 0 || strcmp(on, "xy") == 0;
    bool *chosen = MELE_I_ZEROED(bool, all);
    size_t *list = MELE_I_ARRAY(size_t, all);
    mele_status status = MELE_OK;

    if (chosen == NULL || list == NULL)
        status = mele_i_no_memory(error);
    else if (!everything)
        status = mark_list(schema, on, chosen, error);
    for (size_t c = 0; c < all && status == MELE_OK; c++)
        if (everything || chosen[c])
            list[count++] = c;
    if (status == MELE_OK && count == 0)
        status = mele_i_fail(error, MELE_EDATA, "--cluster-on \"%s\" leaves no column", on);
    free(chosen);
    if (status != MELE_OK) {
        free(list);
        return status;
    }
    *column = list;
    *columns = count;
    return MELE_OK;
}

/* Targets as columns: themselves, or an indicator a class. */
static void expand_targets(const mele_schema *schema, const double *targets, size_t rows,
                           size_t columns, double *out)
{
    if (mele_schema_classes(schema) == 0) {
        memcpy(out, targets, rows * columns * sizeof *out);
        return;
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < columns; c++)
            out[i * columns + c] = targets[i] == (double)c;
}

static size_t target_columns(const mele_schema *schema)
{
    size_t classes = mele_schema_classes(schema);

    return classes > 0 ? classes : schema->targets;
}

static mele_status fit_target_scaling(const mele_schema *schema, const mele_i_space_plan *plan,
                                      mele_i_scale_kind kind, mele_engine *engine,
                                      mele_i_space *space, mele_error *error)
{
    size_t columns = space->target_columns;
    mele_matrix targets = mele_matrix_of(plan->targets, plan->rows, columns);
    double *expanded = NULL;
    mele_status status;

    if (mele_schema_classes(schema) > 0) {
        expanded = mele_i_array(plan->rows, columns * sizeof(double));
        if (expanded == NULL)
            return mele_i_no_memory(error);
        expand_targets(schema, plan->targets, plan->rows, columns, expanded);
        targets.data = expanded;
    }
    status = mele_i_scaling_fit_matrix(&targets, plan->weights, kind, engine,
                                       &space->target_scaling, error);
    free(expanded);
    return status;
}

/* Columns that are constant leave the space. */
static void leave_constants(const mele_i_summary *summary, mele_i_space *space)
{
    size_t count = 0;

    for (size_t c = 0; c < space->columns; c++)
        count += !mele_i_summary_is_constant(summary, space->column[c]);
    if (count == 0)
        return;
    count = 0;
    for (size_t c = 0; c < space->columns; c++)
        if (!mele_i_summary_is_constant(summary, space->column[c]))
            space->column[count++] = space->column[c];
    space->columns = count;
}

mele_status mele_i_space_fit(const mele_schema *schema, const mele_i_summary *summary,
                             const mele_i_space_plan *plan, mele_engine *engine,
                             mele_i_space *out, mele_error *error)
{
    const bool with_targets = strcmp(plan->on, "xy") == 0;
    mele_i_space space = {.target_weight = plan->target_weight};
    mele_i_scale_kind kind;
    mele_status status;

    if (!mele_i_scale_kind_named(plan->scale, &kind))
        return mele_i_fail(error, MELE_EINVAL, "there is no scale \"%s\"", plan->scale);
    if (with_targets && plan->targets == NULL)
        return mele_i_fail(error, MELE_EINVAL, "--cluster-on xy needs a target");
    status = mele_i_space_choose(schema, plan->on, &space.column, &space.columns, error);
    if (status == MELE_OK && plan->varies)
        leave_constants(summary, &space);
    if (status == MELE_OK)
        status = mele_i_scaling_of(summary, kind, &space.scaling, error);
    if (status == MELE_OK)
        status = mele_i_selection_of_columns(schema, &space.scaling, space.column, space.columns,
                                             &space.sees, error);
    if (status == MELE_OK && with_targets) {
        space.target_columns = target_columns(schema);
        status = fit_target_scaling(schema, plan, kind, engine, &space, error);
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

/* ---- coordinates ---- */

#define STRIP_NUMBERS 16384

static bool has_targets(const mele_i_space_rows *source)
{
    return source->targets != NULL && source->space->target_columns > 0;
}

static size_t width_of(const mele_i_space_rows *source)
{
    return source->space->columns + (has_targets(source) ? source->space->target_columns : 0);
}

/* Write the space's columns of the encoded rows `from`, which have `all` columns, to rows of out, `stride`
 * apart. */
static void gather_columns(const mele_i_space *space, const double *from, size_t all, size_t rows,
                           double *out, size_t stride)
{
    const bool same = all == space->columns;

    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < space->columns; c++)
            out[i * stride + c] = from[i * all + (same ? c : space->column[c])];
}

/* The targets of rows first .. first + rows - 1, scaled, behind the columns; work: rows x target
 * columns. */
static void append_targets(const mele_i_space_rows *source, size_t first, size_t rows, double *work,
                           double *out, size_t stride)
{
    const mele_i_space *space = source->space;
    const size_t columns = space->target_columns, targets = source->schema->targets;
    const mele_matrix view = mele_matrix_of(work, rows, columns);

    expand_targets(source->schema, source->targets + first * targets, rows, columns, work);
    mele_i_scale_matrix(&space->target_scaling, &view, work);
    for (size_t i = 0; i < rows; i++)
        for (size_t t = 0; t < columns; t++)
            out[i * stride + space->columns + t] = work[i * columns + t] * space->target_weight;
}

/* What missing values become, of the columns that are encoded; room: as many numbers. */
static const double *fill_of(const mele_i_space_rows *source, double *room)
{
    const mele_i_selection *sees = &source->space->sees;

    if (sees->features == 0 || source->means == NULL)
        return source->means;
    for (size_t c = 0; c < sees->scaling.columns; c++)
        room[c] = source->means[sees->column[c]];
    return room;
}

/* The same as read_rows(), of rows that are encoded in a strip of `most` rows. */
static mele_status read_strips(const mele_i_space_rows *source, const mele_i_design_rows *design,
                               mele_i_block rows, size_t most, double *strip, double *out,
                               mele_error *error)
{
    const mele_i_space *space = source->space;
    const size_t all = design->scaling->columns, stride = width_of(source);
    mele_status status = MELE_OK;

    for (size_t done = 0; done < rows.count && status == MELE_OK; done += most) {
        const size_t first = rows.first + done, left = rows.count - done;
        const size_t count = left < most ? left : most;
        double *to = out + done * stride;
        status = mele_i_encode_rows(design, first, count, strip, error);
        if (status == MELE_OK)
            gather_columns(space, strip, all, count, to, stride);
        if (status == MELE_OK && has_targets(source))
            append_targets(source, first, count, strip, to, stride);
    }
    return status;
}

/* Coordinates of rows first .. first + count - 1 to out; a read() of mele_rows. */
static mele_status read_rows(void *user, size_t first, size_t count, double *out,
                             mele_error *error)
{
    const mele_i_space_rows *source = user;
    const mele_i_space *space = source->space;
    const mele_i_scaling *scaling = mele_i_selection_scaling(&space->sees, &space->scaling);
    const size_t all = scaling->columns;
    const size_t wider = all > space->target_columns ? all : space->target_columns;
    const size_t fit = STRIP_NUMBERS / wider + 1, most = fit < count ? fit : count;
    const bool direct = space->columns == all && !has_targets(source);
    double *room = mele_i_array(direct ? 1 : most + 1, wider * sizeof(double));

    if (room == NULL)
        return mele_i_no_memory(error);
    const mele_i_design_rows design = {mele_i_selection_schema(&space->sees, source->schema),
                                       scaling, fill_of(source, room), source->features,
                                       space->sees.feature};
    mele_status status =
        direct ? mele_i_encode_rows(&design, first, count, out, error)
               : read_strips(source, &design, (mele_i_block){0, first, count}, most, room + wider,
                             out, error);
    free(room);
    return status;
}

/* Whether the space is some features side by side, as they are. */
static bool is_identity(const mele_i_space_rows *source)
{
    const mele_i_space *space = source->space;
    bool found = !has_targets(source) && source->features->complete
                 && mele_i_features_are_rows(source->schema, source->features);

    for (size_t c = 0; c < space->columns && found; c++)
        found = space->column[c] == space->column[0] + c
                && space->scaling.center[space->column[c]] == 0
                && space->scaling.scale[space->column[c]] == 1;
    return found;
}

mele_rows mele_i_space_rows_of(mele_i_space_rows *source)
{
    const mele_i_features *features = source->features;
    mele_rows rows = {.rows = features->rows, .cols = width_of(source)};

    if (is_identity(source)) {
        rows.data = features->column[source->space->column[0]];
        rows.stride = features->stride;
    } else {
        rows.read = read_rows;
        rows.user = source;
    }
    return rows;
}

typedef struct encode_context {
    mele_i_space_rows source;
    double *out;
} encode_context;

static mele_status encode_block(void *context, mele_i_block block, void *partial, void *scratch,
                                mele_error *error)
{
    encode_context *c = context;

    (void)partial;
    (void)scratch;
    return read_rows(&c->source, block.first, block.count,
                     c->out + block.first * width_of(&c->source), error);
}

mele_status mele_i_space_encode(const mele_i_space_rows *source, mele_engine *engine, double *out,
                                mele_error *error)
{
    encode_context context = {*source, out};
    mele_i_pass pass = {.rows = source->features->rows, .map = encode_block, .context = &context,
                        .block_rows = mele_i_block_rows(source->space->scaling.columns,
                                                        2 * STRIP_NUMBERS, 16)};

    return mele_i_pass_run(engine, &pass, error);
}

static double scale_one(const mele_i_scaling *scaling, size_t column, double value)
{
    mele_i_scaling one = {1, scaling->center + column, scaling->scale + column};
    mele_matrix view = mele_matrix_of(&value, 1, 1);
    double scaled;

    mele_i_scale_matrix(&one, &view, &scaled);
    return scaled;
}

void mele_i_space_scale(const mele_i_space *space, const double *point, double *out)
{
    for (size_t c = 0; c < space->columns; c++)
        out[c] = scale_one(&space->scaling, space->column[c], point[c]);
    for (size_t t = 0; t < space->target_columns; t++) {
        size_t c = space->columns + t;
        out[c] = space->target_weight * scale_one(&space->target_scaling, t, point[c]);
    }
}

double mele_i_space_unit(const mele_i_space *space, size_t c, double *center)
{
    const bool target = c >= space->columns;
    const mele_i_scaling *scaling = target ? &space->target_scaling : &space->scaling;
    const size_t j = target ? c - space->columns : space->column[c];

    *center = scaling->center[j];
    return target && space->target_weight > 0
               ? mele_i_finite(scaling->scale[j] / space->target_weight)
               : scaling->scale[j];
}

mele_status mele_i_space_units(const mele_i_space *space, double **out, mele_error *error)
{
    const size_t all = space->columns + space->target_columns;
    double *center = MELE_I_ARRAY(double, 2 * all);

    if (center == NULL)
        return mele_i_no_memory(error);
    for (size_t c = 0; c < all; c++)
        center[all + c] = mele_i_space_unit(space, c, &center[c]);
    *out = center;
    return MELE_OK;
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
        status = mele_i_selection_of_columns(schema, &space.scaling, space.column, space.columns,
                                             &space.sees, error);
    if (status == MELE_OK)
        status = load_targets(object, schema, &space, error);
    if (status != MELE_OK)
        mele_i_space_clear(&space);
    else
        *out = space;
    return status;
}
