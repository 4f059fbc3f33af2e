#include "schema/data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/check.h"
#include "engine/weights.h"
#include "schema/numbers.h"

mele_data_options mele_data_defaults(void)
{
    mele_data_options options = {.missing = "fail"};

    options.table = mele_table_defaults();
    return options;
}

void mele_data_free(mele_data *data)
{
    if (data == NULL)
        return;
    for (size_t j = 0; data->owned != NULL && j < data->schema->features; j++)
        free(data->owned[j]);
    free(data->owned);
    free(data->column);
    free(data->row);
    free(data->targets);
    free(data->weights);
    free(data->group);
    free(data->matrix);
    mele_i_windows_free(data->windows);
    mele_i_row_set_clear(&data->used);
    mele_table_free(data->table);
    mele_i_schema_free(data->schema);
    free(data);
}

size_t mele_data_rows(const mele_data *data)
{
    return data->rows;
}

size_t mele_data_dropped(const mele_data *data)
{
    return data->dropped;
}

const mele_schema *mele_data_schema(const mele_data *data)
{
    return data->schema;
}

mele_i_features mele_i_data_features(const mele_data *data)
{
    mele_i_features features = {.rows = data->rows, .column = data->column,
                                .stride = data->stride, .row = data->row,
                                .complete = data->complete, .windows = data->windows};
    return features;
}

size_t mele_i_data_row(const mele_data *data, size_t i)
{
    const mele_data *whole = data->whole == NULL ? data : data->whole;

    if (data->windows != NULL)
        return mele_i_windows_row(data->windows, i);
    return mele_i_row_set_at(&whole->used, data->row != NULL ? data->row[i] : i);
}

size_t mele_i_data_count(const mele_data *data)
{
    size_t count = 0;

    for (size_t i = 0; i < data->rows; i++)
        count += mele_i_data_counts(data, i);
    return count;
}

/* ---- binding a table to a schema ---- */

static mele_status translate_levels(const mele_table *table, size_t j,
                                    const mele_i_variable *variable, double **out,
                                    mele_error *error)
{
    size_t rows = mele_table_rows(table), levels = mele_table_levels(table, j);
    const double *code = mele_table_values(table, j);
    double *mapped = MELE_I_ARRAY(double, rows), *index = MELE_I_ARRAY(double, levels);

    if (mapped == NULL || index == NULL) {
        free(mapped);
        free(index);
        return mele_i_no_memory(error);
    }
    for (size_t l = 0; l < levels; l++) {
        size_t found = mele_i_variable_level(variable, mele_table_level(table, j, l));
        index[l] = found < variable->levels ? (double)found : INFINITY;
    }
    for (size_t i = 0; i < rows; i++)
        mapped[i] = isnan(code[i]) ? NAN : index[(size_t)code[i]];
    free(index);
    *out = mapped;
    return MELE_OK;
}

/* Whether the table's levels are the variable's, so that codes need no translation. */
static bool same_levels(const mele_table *table, size_t j, const mele_i_variable *variable)
{
    if (mele_table_levels(table, j) != variable->levels)
        return false;
    for (size_t l = 0; l < variable->levels; l++)
        if (strcmp(mele_table_level(table, j, l), variable->level[l]) != 0)
            return false;
    return true;
}

mele_status mele_i_bind_variable(const mele_table *table, size_t j, const mele_i_variable *variable,
                                 const double **column, double **owned, mele_error *error)
{
    mele_status status;

    *owned = NULL;
    *column = mele_table_values(table, j);
    if (variable->levels == 0 || same_levels(table, j, variable))
        return MELE_OK;
    status = translate_levels(table, j, variable, owned, error);
    *column = *owned;
    return status;
}

mele_status mele_i_bind_features(const mele_table *table, const mele_i_columns *features,
                                 const mele_schema *schema, const double **column, double **owned,
                                 mele_error *error)
{
    mele_status status = MELE_OK;

    memset(owned, 0, schema->features * sizeof *owned);
    for (size_t j = 0; j < schema->features && status == MELE_OK; j++)
        status = mele_i_bind_variable(table, features->column[j], &schema->feature[j], &column[j],
                                      &owned[j], error);
    return status;
}

/* ---- what columns are wanted for ---- */

static mele_column_kind wanted_kind(const mele_i_variable *variable, bool categorical)
{
    if (variable != NULL)
        return variable->levels > 0 ? MELE_COLUMN_CATEGORY : MELE_COLUMN_NUMBER;
    return categorical ? MELE_COLUMN_CATEGORY : MELE_COLUMN_INFER;
}

static mele_column_kind target_kind(const mele_i_variable *variable, bool categorical,
                                    const char *task)
{
    if (variable == NULL && task != NULL)
        return strcmp(task, "classification") == 0 ? MELE_COLUMN_CATEGORY : MELE_COLUMN_NUMBER;
    return wanted_kind(variable, categorical);
}

static mele_status want(mele_reader *reader, size_t column, mele_column_kind kind,
                        mele_error *error)
{
    return column == MELE_I_NO_COLUMN ? MELE_OK
                                      : mele_reader_want(reader, column, kind, false, error);
}

mele_status mele_i_want_columns(mele_reader *reader, const mele_i_roles *roles,
                                const mele_schema *schema, const mele_data_options *options,
                                mele_error *error)
{
    mele_status status = MELE_OK;
    bool known_targets = schema != NULL && schema->targets > 0;

    for (size_t j = 0; j < mele_reader_columns(reader) && status == MELE_OK; j++)
        status = want(reader, j, MELE_COLUMN_SKIP, error);
    for (size_t i = 0; i < roles->features.count && status == MELE_OK; i++) {
        size_t j = roles->features.column[i];
        bool new = schema == NULL && !roles->categorical[j];
        status = mele_i_reader_guard(reader, j,
                                     wanted_kind(schema == NULL ? NULL : &schema->feature[i],
                                                 roles->categorical[j]),
                                     new ? MELE_I_GUARD_FEATURE : MELE_I_GUARD_NONE, error);
    }
    for (size_t i = 0; i < roles->targets.count && status == MELE_OK; i++) {
        size_t j = roles->targets.column[i];
        bool new = !known_targets && !roles->categorical[j];
        status = mele_i_reader_guard(reader, j,
                                     target_kind(known_targets ? &schema->target[i] : NULL,
                                                 roles->categorical[j], options->task),
                                     new ? MELE_I_GUARD_TARGET : MELE_I_GUARD_NONE, error);
    }
    if (status == MELE_OK)
        status = want(reader, roles->weights, MELE_COLUMN_NUMBER, error);
    if (status == MELE_OK)
        status = want(reader, roles->group, MELE_COLUMN_CATEGORY, error);
    return status;
}

mele_status mele_i_want_text(mele_reader *reader, size_t j, const mele_i_roles *roles,
                             const mele_schema *schema, mele_error *error)
{
    mele_column_kind kind = MELE_COLUMN_TEXT;

    for (size_t i = 0; i < roles->features.count; i++)
        if (roles->features.column[i] == j)
            kind = wanted_kind(&schema->feature[i], false);
    return mele_reader_want(reader, j, kind, true, error);
}

/* ---- the schema of a table ---- */

static mele_status variable_of_column(const mele_table *table, size_t j, mele_i_variable *variable,
                                      mele_error *error)
{
    size_t levels = mele_table_levels(table, j);
    const char **level = MELE_I_ARRAY(const char *, levels);
    mele_status status;

    if (level == NULL)
        return mele_i_no_memory(error);
    for (size_t l = 0; l < levels; l++)
        level[l] = mele_table_level(table, j, l);
    status = mele_i_variable_set(variable, mele_table_name(table, j), j, levels, level, error);
    free(level);
    return status;
}

static mele_status check_targets(const mele_schema *schema, mele_error *error)
{
    for (size_t t = 0; t < schema->targets && schema->targets > 1; t++)
        if (schema->target[t].levels > 0)
            return mele_i_fail(error, MELE_EDATA, "target \"%s\" is text, and of several targets "
                               "all must be numbers", schema->target[t].name);
    return MELE_OK;
}

/* The schema that a table makes, its features from `known` where there is one. */
static mele_status make_schema(const mele_table *table, const mele_i_roles *roles,
                               const mele_schema *known, bool header, mele_schema **out,
                               mele_error *error)
{
    mele_schema *schema;
    mele_status status = mele_i_schema_new(roles->features.count, roles->targets.count, &schema,
                                           error);

    if (status != MELE_OK)
        return status;
    schema->header = known != NULL ? known->header : header;
    for (size_t i = 0; i < schema->features && status == MELE_OK; i++) {
        const mele_i_variable *old = known == NULL ? NULL : &known->feature[i];
        status = old == NULL
                     ? variable_of_column(table, roles->features.column[i], &schema->feature[i],
                                          error)
                     : mele_i_variable_set(&schema->feature[i], old->name, old->position,
                                           old->levels, (const char *const *)old->level, error);
    }
    for (size_t i = 0; i < schema->targets && status == MELE_OK; i++)
        status = variable_of_column(table, roles->targets.column[i], &schema->target[i], error);
    if (status == MELE_OK)
        status = check_targets(schema, error);
    if (status == MELE_OK && mele_schema_columns(schema) == 0)
        status = mele_i_fail(error, MELE_EDATA, "no feature tells rows apart: each is a category "
                             "with one level");
    if (status != MELE_OK)
        mele_i_schema_free(schema);
    else
        *out = schema;
    return status;
}

/* ---- missing values and the rows that are used ---- */

typedef struct row_check {
    const mele_data *data;
    const mele_table *table;
    const mele_i_roles *roles;
    const double *const *target; /* bound, one a target */
    bool drop, fill;             /* the policies "drop" and "mean" */
} row_check;

static mele_status refuse(const row_check *check, size_t i, size_t column, const char *what,
                          mele_error *error)
{
    return mele_i_fail_at(error, MELE_EDATA, mele_table_line(check->table, i), "column \"%s\": %s",
                          mele_table_name(check->table, column), what);
}

static mele_status refuse_level(const row_check *check, size_t i, size_t column, mele_error *error)
{
    size_t level = (size_t)mele_table_values(check->table, column)[i];

    return mele_i_fail_at(error, MELE_EDATA, mele_table_line(check->table, i),
                          "column \"%s\": the model does not know the level \"%s\"",
                          mele_table_name(check->table, column),
                          mele_table_level(check->table, column, level));
}

/* One value of row i: sets *drop when the row is to be left out. */
static mele_status check_value(const row_check *check, size_t i, size_t column, double value,
                               bool fill, bool *drop, mele_error *error)
{
    if (isinf(value))
        return refuse_level(check, i, column, error);
    if (!isnan(value) || fill)
        return MELE_OK;
    if (!check->drop)
        return refuse(check, i, column, MELE_I_MISSING_VALUE, error);
    *drop = true;
    return MELE_OK;
}

static mele_status check_row(const row_check *check, size_t i, bool *drop, mele_error *error)
{
    const mele_i_roles *roles = check->roles;
    const mele_table *table = check->table;
    mele_status status = MELE_OK;

    *drop = false;
    for (size_t j = 0; j < roles->features.count && status == MELE_OK; j++)
        status = check_value(check, i, roles->features.column[j], check->data->column[j][i],
                             check->fill, drop, error);
    for (size_t t = 0; t < roles->targets.count && status == MELE_OK; t++)
        status = check_value(check, i, roles->targets.column[t], check->target[t][i], false, drop,
                             error);
    if (status == MELE_OK && roles->group != MELE_I_NO_COLUMN)
        status = check_value(check, i, roles->group, mele_table_values(table, roles->group)[i],
                             false, drop, error);
    if (status != MELE_OK || roles->weights == MELE_I_NO_COLUMN)
        return status;
    double weight = mele_table_values(table, roles->weights)[i];
    status = check_value(check, i, roles->weights, weight, false, drop, error);
    if (status == MELE_OK && weight < 0)
        status = refuse(check, i, roles->weights, "a weight must not be negative", error);
    return status;
}

/* Settle which rows are used. */
static mele_status select_rows(const row_check *check, mele_data *data, mele_error *error)
{
    size_t rows = mele_table_rows(check->table), used = 0;
    mele_status status = MELE_OK;

    data->row = MELE_I_ARRAY(size_t, rows);
    if (data->row == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < rows && status == MELE_OK; i++) {
        bool drop;
        status = check_row(check, i, &drop, error);
        if (!drop)
            data->row[used++] = i;
    }
    if (status != MELE_OK)
        return status;
    data->rows = used;
    data->dropped = rows - used;
    if (used == 0)
        return rows == 0 ? mele_i_fail(error, MELE_EDATA, "there are no data rows")
                         : mele_i_fail(error, MELE_EDATA, "every row has a missing value");
    if (used == rows) {
        free(data->row);
        data->row = NULL;
    }
    return MELE_OK;
}

static size_t table_row(const mele_data *data, size_t i)
{
    return data->row == NULL ? i : data->row[i];
}

/* Copy targets, weights and groups of the used rows. */
static mele_status gather(const row_check *check, mele_data *data, mele_error *error)
{
    const mele_i_roles *roles = check->roles;
    size_t n = data->rows, targets = roles->targets.count;
    bool weighted = roles->weights != MELE_I_NO_COLUMN, grouped = roles->group != MELE_I_NO_COLUMN;

    if (targets > 0 && (data->targets = MELE_I_ARRAY(double, n * targets)) == NULL)
        return mele_i_no_memory(error);
    if (weighted && (data->weights = MELE_I_ARRAY(double, n)) == NULL)
        return mele_i_no_memory(error);
    if (grouped && (data->group = MELE_I_ARRAY(size_t, n)) == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < n; i++) {
        size_t r = table_row(data, i);
        for (size_t t = 0; t < targets; t++)
            data->targets[i * targets + t] = check->target[t][r];
        if (weighted)
            data->weights[i] = mele_table_values(check->table, roles->weights)[r];
        if (grouped)
            data->group[i] = (size_t)mele_table_values(check->table, roles->group)[r];
    }
    return mele_i_weights_divide(data->weights, n, error);
}

/* Bind the table to data->schema and take over what the rows hold. */
static mele_status fill_data(mele_data *data, const mele_i_roles *roles, const char *missing,
                             mele_error *error)
{
    const mele_schema *schema = data->schema;
    const double **target = MELE_I_ZEROED(const double *, schema->targets);
    double **owned_target = MELE_I_ZEROED(double *, schema->targets);
    row_check check = {data, data->table, roles, target, strcmp(missing, "drop") == 0,
                       strcmp(missing, "mean") == 0};
    mele_status status = MELE_OK;

    data->column = MELE_I_ZEROED(const double *, schema->features);
    data->owned = MELE_I_ZEROED(double *, schema->features);
    data->stride = 1;
    if (target == NULL || owned_target == NULL || data->column == NULL || data->owned == NULL)
        status = mele_i_no_memory(error);
    else
        status = mele_i_bind_features(data->table, &roles->features, schema, data->column,
                                      data->owned, error);
    for (size_t t = 0; t < schema->targets && status == MELE_OK; t++)
        status = mele_i_bind_variable(data->table, roles->targets.column[t], &schema->target[t],
                               &target[t], &owned_target[t], error);
    if (status == MELE_OK)
        status = select_rows(&check, data, error);
    if (status == MELE_OK)
        status = gather(&check, data, error);
    for (size_t t = 0; owned_target != NULL && t < schema->targets; t++)
        free(owned_target[t]);
    free(owned_target);
    free(target);
    return status;
}

static mele_status check_options(const mele_data_options *options, mele_error *error)
{
    static const char *const policies[] = {"fail", "drop", "mean"};
    const char *task = options->task;
    bool known = false;

    for (int i = 0; i < 3; i++)
        known = known || strcmp(options->missing, policies[i]) == 0;
    if (!known)
        return mele_i_fail(error, MELE_EINVAL, "--missing is \"%s\", not fail, drop or mean",
                           options->missing);
    if (task != NULL && strcmp(task, "regression") != 0 && strcmp(task, "classification") != 0)
        return mele_i_fail(error, MELE_EINVAL,
                           "--task is \"%s\", not regression or classification", task);
    return MELE_OK;
}

/* Read the rows that the roles ask for and make the data of them, which may keep the reader:
 * *reader is then NULL. */
static mele_status read_rows(mele_reader **reader, const mele_i_roles *roles,
                             const mele_data_options *options, const mele_schema *known,
                             mele_engine *engine, mele_data *data, mele_error *error)
{
    bool numbers = false;
    mele_status status = mele_i_want_columns(*reader, roles, known, options, error);

    if (status == MELE_OK)
        status = mele_i_numbers_wanted(*reader, roles, &numbers, error);
    if (status == MELE_OK)
        status = mele_reader_next(*reader, 0, engine, &data->table, error);
    if (status == MELE_OK && mele_table_rows(data->table) == 0)
        status = mele_i_fail(error, MELE_EDATA, "there are no data rows");
    if (status != MELE_OK)
        return status;
    if (known != NULL && known->targets == roles->targets.count)
        status = mele_i_schema_copy(known, &data->schema, error);
    else
        status = make_schema(data->table, roles, known, mele_reader_has_header(*reader),
                             &data->schema, error);
    if (status == MELE_OK)
        status = numbers ? mele_i_numbers_fill(reader, roles, options, engine, data, error)
                         : fill_data(data, roles, options->missing, error);
    return status;
}

mele_status mele_data_read(const char *path, const mele_data_options *options,
                           const mele_schema *schema, mele_engine *engine, mele_data **out,
                           mele_error *error)
{
    mele_data_options chosen = options == NULL ? mele_data_defaults() : *options;
    mele_i_roles roles = {.weights = MELE_I_NO_COLUMN};
    mele_reader *reader = NULL;
    mele_data *data = NULL;
    mele_status status = check_options(&chosen, error);

    if (status == MELE_OK)
        status = mele_reader_open(path, &chosen.table, &reader, error);
    if (status == MELE_OK)
        status = schema == NULL
                     ? mele_i_roles_of_options(reader, &chosen, engine, &roles, error)
                     : mele_i_roles_of_schema(reader, &chosen, schema, true, &roles, error);
    if (status == MELE_OK && (data = MELE_I_NEW(mele_data)) == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = read_rows(&reader, &roles, &chosen, schema, engine, data, error);
    mele_i_roles_clear(&roles);
    mele_reader_close(reader);
    if (status != MELE_OK)
        mele_data_free(data);
    else
        *out = data;
    return status;
}

/* ---- subsets ---- */

static mele_status copy_columns(const mele_data *data, mele_data *subset, mele_error *error)
{
    size_t features = data->schema->features;
    mele_status status = mele_i_schema_copy(data->schema, &subset->schema, error);

    if (status != MELE_OK)
        return status;
    subset->column = MELE_I_ARRAY(const double *, features);
    if (subset->column == NULL)
        return mele_i_no_memory(error);
    memcpy(subset->column, data->column, features * sizeof *subset->column);
    subset->stride = data->stride;
    return MELE_OK;
}

static mele_status copy_rows(const mele_data *data, const size_t *rows, size_t count,
                             mele_data *subset, mele_error *error)
{
    size_t targets = data->schema->targets;

    subset->rows = count;
    subset->dropped = data->rows + data->dropped - count;
    subset->whole = data->whole == NULL ? data : data->whole;
    subset->row = MELE_I_ARRAY(size_t, count);
    subset->targets = MELE_I_ARRAY(double, count * targets);
    subset->weights = data->weights == NULL ? NULL : MELE_I_ARRAY(double, count);
    subset->group = data->group == NULL ? NULL : MELE_I_ARRAY(size_t, count);
    if (subset->row == NULL || subset->targets == NULL
        || (data->weights != NULL && subset->weights == NULL)
        || (data->group != NULL && subset->group == NULL))
        return mele_i_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        subset->row[i] = table_row(data, rows[i]);
        for (size_t t = 0; t < targets; t++)
            subset->targets[i * targets + t] = data->targets[rows[i] * targets + t];
        if (data->weights != NULL)
            subset->weights[i] = data->weights[rows[i]];
        if (data->group != NULL)
            subset->group[i] = data->group[rows[i]];
    }
    return MELE_OK;
}

mele_status mele_i_data_subset(const mele_data *data, const size_t *rows, size_t count,
                               bool to_train, mele_data **out, mele_error *error)
{
    mele_data *subset = NULL;
    mele_status status = MELE_OK;

    if (data->windows != NULL)
        status = mele_i_fail(error, MELE_ENOMEM, "cross-validation (--cv, or --criterion cv, which "
                             "chooses K where there is a target) needs the data in memory, and "
                             "--memory does not allow it");
    else if ((subset = MELE_I_NEW(mele_data)) == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = copy_columns(data, subset, error);

    if (status == MELE_OK)
        status = copy_rows(data, rows, count, subset, error);
    if (status == MELE_OK && to_train)
        status = mele_i_weights_divide(subset->weights, count, error);
    if (status != MELE_OK)
        mele_data_free(subset);
    else
        *out = subset;
    return status;
}

/* ---- arrays ---- */

static mele_status schema_of_arrays(const mele_matrix *x, size_t targets, size_t classes,
                                    mele_schema **out, mele_error *error)
{
    mele_schema *schema;
    mele_status status = mele_i_schema_new(x->cols, targets, &schema, error);
    char name[32];

    if (status != MELE_OK)
        return status;
    for (size_t j = 0; j < x->cols && status == MELE_OK; j++) {
        snprintf(name, sizeof name, "x%zu", j + 1);
        status = mele_i_variable_set(&schema->feature[j], name, j, 0, NULL, error);
    }
    for (size_t t = 0; t < targets && status == MELE_OK; t++) {
        snprintf(name, sizeof name, targets == 1 ? "y" : "y%zu", t + 1);
        status = mele_i_variable_set(&schema->target[t], name, x->cols + t, 0, NULL, error);
    }
    if (status == MELE_OK && classes > 0)
        status = mele_i_variable_number_levels(&schema->target[0], classes, error);
    if (status != MELE_OK)
        mele_i_schema_free(schema);
    else
        *out = schema;
    return status;
}

static mele_status check_array_targets(const mele_matrix *x, const mele_matrix *y, size_t classes,
                                       mele_error *error)
{
    mele_status status;

    if (y == NULL)
        return MELE_OK;
    status = mele_i_check_matrix(y, "y", NULL, error);
    if (status != MELE_OK)
        return status;
    if (y->rows != x->rows)
        return mele_i_fail(error, MELE_EINVAL, "y has %zu rows, x has %zu", y->rows, x->rows);
    if (classes > 0 && y->cols != 1)
        return mele_i_fail(error, MELE_EINVAL, "classes in %zu columns, one is possible", y->cols);
    for (size_t i = 0; i < y->rows && classes > 0; i++) {
        double value = y->data[i * y->stride];
        if (!(value >= 0 && value < (double)classes) || value != floor(value))
            return mele_i_fail(error, MELE_EDATA, "y: row %zu is %g, not a class 0 to %zu", i + 1,
                               value, classes - 1);
    }
    return MELE_OK;
}

static mele_status take_arrays(const mele_matrix *x, const mele_matrix *y, const double *weights,
                               mele_data *data, mele_error *error)
{
    size_t n = x->rows, targets = y == NULL ? 0 : y->cols;

    data->rows = n;
    data->stride = x->stride;
    data->complete = true;
    data->column = MELE_I_ARRAY(const double *, x->cols);
    if (data->column == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0; j < x->cols; j++)
        data->column[j] = x->data + j;
    if (targets > 0 && (data->targets = MELE_I_ARRAY(double, n * targets)) == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < n && targets > 0; i++)
        memcpy(data->targets + i * targets, y->data + i * y->stride, targets * sizeof(double));
    if (weights != NULL && (data->weights = MELE_I_ARRAY(double, n)) == NULL)
        return mele_i_no_memory(error);
    if (weights != NULL)
        memcpy(data->weights, weights, n * sizeof *weights);
    return mele_i_weights_divide(data->weights, n, error);
}

mele_status mele_data_of_arrays(const mele_matrix *x, const mele_matrix *y, size_t classes,
                                const double *weights, mele_data **out, mele_error *error)
{
    mele_data *data = NULL;
    mele_status status = mele_i_check_matrix(x, "x", NULL, error);

    if (status == MELE_OK)
        status = check_array_targets(x, y, classes, error);
    if (status == MELE_OK)
        status = mele_i_weights_check(weights, x->rows, error);
    if (status == MELE_OK && (data = MELE_I_NEW(mele_data)) == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = schema_of_arrays(x, y == NULL ? 0 : y->cols, y == NULL ? 0 : classes,
                                  &data->schema, error);
    if (status == MELE_OK)
        status = take_arrays(x, y, weights, data, error);
    if (status != MELE_OK)
        mele_data_free(data);
    else
        *out = data;
    return status;
}
