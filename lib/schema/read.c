/* The rows of a file as data: its table is bound to a schema, which it makes unless there is one, and
 * rows with missing values are left out, filled in or refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "data/spill.h"
#include "engine/pass.h"
#include "schema/bind.h"
#include "schema/data.h"
#include "schema/numbers.h"
#include "schema/options.h"

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
    if (status == MELE_OK && roles->folds != MELE_I_NO_COLUMN)
        status = check_value(check, i, roles->folds, mele_table_values(table, roles->folds)[i],
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
    data->complete = !check->fill;
    if (used == 0)
        return rows == 0 ? mele_i_fail(error, MELE_EDATA, "there are no data rows")
                         : mele_i_fail(error, MELE_EDATA, "every row has a missing value");
    if (used == rows) {
        free(data->row);
        data->row = NULL;
    }
    return MELE_OK;
}

/* The levels of a column at the used rows. */
static size_t *gather_levels(const mele_data *data, size_t column)
{
    const double *level = mele_table_values(data->table, column);
    size_t *out = MELE_I_ARRAY(size_t, data->rows);

    for (size_t i = 0; out != NULL && i < data->rows; i++)
        out[i] = (size_t)level[data->row == NULL ? i : data->row[i]];
    return out;
}

/* Copy targets, weights, groups and folds of the used rows. */
static mele_status gather(const row_check *check, mele_data *data, mele_error *error)
{
    const mele_i_roles *roles = check->roles;
    size_t n = data->rows, targets = roles->targets.count;
    bool weighted = roles->weights != MELE_I_NO_COLUMN;

    if (targets > 0 && (data->targets = MELE_I_ARRAY(double, n * targets)) == NULL)
        return mele_i_no_memory(error);
    if (weighted && (data->weights = MELE_I_ARRAY(double, n)) == NULL)
        return mele_i_no_memory(error);
    if (roles->group != MELE_I_NO_COLUMN
        && (data->group = gather_levels(data, roles->group)) == NULL)
        return mele_i_no_memory(error);
    if (roles->folds != MELE_I_NO_COLUMN
        && (data->fold = gather_levels(data, roles->folds)) == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < n; i++) {
        size_t r = data->row == NULL ? i : data->row[i];
        for (size_t t = 0; t < targets; t++)
            data->targets[i * targets + t] = check->target[t][r];
        if (weighted)
            data->weights[i] = mele_table_values(check->table, roles->weights)[r];
    }
    return mele_i_data_settle_weights(data, error);
}

/* Give back what the data have copies of. */
static void forget_copied(mele_table *table, const mele_i_roles *roles)
{
    for (size_t t = 0; t < roles->targets.count; t++)
        mele_i_table_forget(table, roles->targets.column[t]);
    if (roles->weights != MELE_I_NO_COLUMN)
        mele_i_table_forget(table, roles->weights);
    if (roles->group != MELE_I_NO_COLUMN)
        mele_i_table_forget(table, roles->group);
    if (roles->folds != MELE_I_NO_COLUMN)
        mele_i_table_forget(table, roles->folds);
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
    if (status == MELE_OK)
        forget_copied(data->table, roles);
    for (size_t t = 0; owned_target != NULL && t < schema->targets; t++)
        free(owned_target[t]);
    free(owned_target);
    free(target);
    return status;
}

/* Where the rows of a file are. */
typedef struct placing {
    mele_reader *reader;
    const mele_i_roles *roles;
    const mele_data_options *options;
    mele_engine *engine;
    bool numbers; /* in the file, in any order */
    bool spilled; /* in a temporary file */
} placing;

/* Read the rows, or what of them is not read as numbers, to the table. */
static mele_status read_table(placing *p, mele_table **out, mele_error *error)
{
    const size_t features = p->roles->features.count;
    size_t rows;
    mele_status status = mele_i_numbers_wanted(p->reader, p->roles, &p->numbers, error);

    if (status == MELE_OK && p->numbers)
        status = mele_reader_next(p->reader, 0, p->engine, out, error);
    else if (status == MELE_OK)
        status = mele_i_spill_read(p->reader, mele_i_rows_that_fit(2 * features, p->options->memory),
                                   p->engine, out, &p->spilled, error);
    if (status != MELE_OK)
        return status;
    rows = p->spilled ? mele_i_reader_rows(p->reader) : mele_table_rows(*out);
    return rows > 0 ? MELE_OK : mele_i_fail(error, MELE_EDATA, "there are no data rows");
}

/* Where levels make many columns of a table, it may have no room with what is made of it. */
static mele_status spill_wide(placing *p, const mele_schema *schema, mele_table *table,
                              mele_error *error)
{
    const size_t numbers = schema->features + mele_schema_columns(schema);

    if (p->numbers || p->spilled
        || mele_table_rows(table) <= mele_i_rows_that_fit(numbers, p->options->memory))
        return MELE_OK;
    p->spilled = true;
    return mele_i_spill_table(p->reader, table, p->engine, error);
}

/* Keep the ids' text, also where they are the groups or the folds. */
static mele_status want_ids(mele_reader *reader, const mele_i_roles *roles, mele_data *data,
                            mele_error *error)
{
    const bool levels = roles->id == roles->group || roles->id == roles->folds;

    if (roles->id == MELE_I_NO_COLUMN)
        return MELE_OK;
    data->keeps_ids = true;
    data->id = roles->id;
    return mele_reader_want(reader, roles->id, levels ? MELE_COLUMN_CATEGORY : MELE_COLUMN_TEXT,
                            true, error);
}

static mele_status check_folds(const mele_data *data, mele_error *error)
{
    mele_i_fold_clash clash;
    mele_status status = mele_i_data_find_clash(data, &clash, error);

    if (status != MELE_OK || !clash.found)
        return status;
    const size_t line[2] = {mele_table_line(data->table, mele_i_data_row(data, clash.row[0])),
                            mele_table_line(data->table, mele_i_data_row(data, clash.row[1]))};
    return mele_i_data_refuse_clash(data, &clash, line, error);
}

/* Read the rows that the roles ask for and make the data of them, which may keep the reader:
 * p->reader is then NULL. */
static mele_status read_rows(placing *p, const mele_schema *known, mele_data *data,
                             mele_error *error)
{
    const mele_i_roles *roles = p->roles;
    mele_status status = mele_i_want_columns(p->reader, roles, known, p->options, error);

    if (status == MELE_OK && p->options->keep_id)
        status = want_ids(p->reader, roles, data, error);
    if (status == MELE_OK)
        status = read_table(p, &data->table, error);
    if (status != MELE_OK)
        return status;
    if (known != NULL && known->targets == roles->targets.count)
        status = mele_i_schema_copy(known, &data->schema, error);
    else
        status = make_schema(data->table, roles, known, mele_reader_has_header(p->reader),
                             &data->schema, error);
    if (status == MELE_OK && roles->folds != MELE_I_NO_COLUMN)
        status = mele_i_data_name_folds(data, data->table, roles->folds, error);
    if (status == MELE_OK)
        status = spill_wide(p, data->schema, data->table, error);
    if (status == MELE_OK && (p->numbers || p->spilled))
        return mele_i_numbers_fill(&p->reader, p->spilled, roles, p->options, p->engine, data, error);
    if (status == MELE_OK)
        status = fill_data(data, roles, p->options->missing, error);
    return status == MELE_OK ? check_folds(data, error) : status;
}

static mele_status read_data(const char *path, const mele_data_options *options,
                             const mele_schema *schema, mele_engine *engine, mele_data **out,
                             mele_error *error)
{
    mele_data_options chosen = options == NULL ? mele_data_defaults() : *options;
    mele_i_roles roles = {.weights = MELE_I_NO_COLUMN};
    placing p = {.roles = &roles, .options = &chosen, .engine = engine};
    mele_data *data = NULL;
    mele_status status = mele_i_data_options_check(&chosen, error);

    if (status == MELE_OK)
        status = mele_reader_open(path, &chosen.table, &p.reader, error);
    if (status == MELE_OK)
        status = schema == NULL
                     ? mele_i_roles_of_options(p.reader, &chosen, engine, &roles, error)
                     : mele_i_roles_of_schema(p.reader, &chosen, schema, true, &roles, error);
    if (status == MELE_OK && (data = MELE_I_NEW(mele_data)) == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = read_rows(&p, schema, data, error);
    mele_i_roles_clear(&roles);
    mele_reader_close(p.reader);
    if (status != MELE_OK)
        mele_data_free(data);
    else
        *out = data;
    return status;
}

mele_status mele_data_read(const char *path, const mele_data_options *options,
                           const mele_schema *schema, mele_engine *engine, mele_data **out,
                           mele_error *error)
{
    mele_status status = mele_i_engine_claim(engine, error);

    if (status != MELE_OK)
        return status;
    status = read_data(path, options, schema, engine, out, error);
    mele_i_engine_release(engine);
    return status;
}
