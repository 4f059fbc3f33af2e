#include "schema/bind.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "data/reader.h"

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
    if (status == MELE_OK)
        status = want(reader, roles->folds, MELE_COLUMN_CATEGORY, error);
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

/* ---- binding a table to a schema ---- */

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

mele_status mele_i_bind_levels(const mele_table *table, size_t j, const mele_i_variable *variable,
                               double **level, mele_error *error)
{
    const size_t levels = mele_table_levels(table, j);
    double *index = NULL;

    if (!same_levels(table, j, variable) && (index = MELE_I_ARRAY(double, levels)) == NULL)
        return mele_i_no_memory(error);
    for (size_t l = 0; l < levels && index != NULL; l++) {
        size_t found = mele_i_variable_level(variable, mele_table_level(table, j, l));
        index[l] = found < variable->levels ? (double)found : INFINITY;
    }
    *level = index;
    return MELE_OK;
}

mele_status mele_i_bind_variable(const mele_table *table, size_t j, const mele_i_variable *variable,
                                 const double **column, double **owned, mele_error *error)
{
    const size_t rows = mele_table_rows(table);
    const double *code = mele_table_values(table, j);
    double *index = NULL, *mapped;
    mele_status status = MELE_OK;

    *owned = NULL;
    *column = code;
    if (variable->levels > 0)
        status = mele_i_bind_levels(table, j, variable, &index, error);
    if (index == NULL)
        return status;
    mapped = MELE_I_ARRAY(double, rows);
    for (size_t i = 0; i < rows && mapped != NULL; i++)
        mapped[i] = isnan(code[i]) ? NAN : index[(size_t)code[i]];
    free(index);
    *column = *owned = mapped;
    return mapped == NULL ? mele_i_no_memory(error) : MELE_OK;
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
