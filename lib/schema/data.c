#include "schema/data.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/weights.h"

void mele_i_data_clear_folds(mele_data *data)
{
    for (size_t f = 0; data->fold_name != NULL && f < data->folds; f++)
        free(data->fold_name[f]);
    free(data->fold_name);
    free(data->fold);
    data->fold_name = NULL;
    data->fold = NULL;
    data->folds = 0;
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
    mele_i_data_clear_folds(data);
    free(data->matrix);
    if (data->whole == NULL)
        mele_i_windows_free(data->windows);
    mele_i_row_set_clear(&data->used);
    free(data->place);
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
    const size_t place = data->row != NULL ? data->row[i] : i;

    if (data->windows != NULL)
        return mele_i_windows_row(data->windows, place);
    return whole->place != NULL ? whole->place[place] : mele_i_row_set_at(&whole->used, place);
}

size_t mele_i_data_count(const mele_data *data)
{
    size_t count = 0;

    for (size_t i = 0; i < data->rows; i++)
        count += mele_i_data_counts(data, i);
    return count;
}

/* ---- subsets ---- */

static mele_status copy_columns(const mele_data *data, mele_data *subset, mele_error *error)
{
    size_t features = data->schema->features;
    mele_status status = mele_i_schema_copy(data->schema, &subset->schema, error);

    subset->windows = data->windows;
    if (status != MELE_OK || data->windows != NULL)
        return status;
    subset->column = MELE_I_ARRAY(const double *, features);
    if (subset->column == NULL)
        return mele_i_no_memory(error);
    memcpy(subset->column, data->column, features * sizeof *subset->column);
    subset->stride = data->stride;
    return MELE_OK;
}

static size_t table_row(const mele_data *data, size_t i)
{
    return data->row == NULL ? i : data->row[i];
}

static mele_status copy_rows(const mele_data *data, const size_t *rows, size_t count,
                             mele_data *subset, mele_error *error)
{
    size_t targets = data->schema->targets;

    subset->rows = count;
    subset->weighted = data->weighted;
    subset->dropped = data->rows + data->dropped - count;
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

mele_status mele_i_data_settle_weights(mele_data *data, mele_error *error)
{
    mele_status status = mele_i_weights_divide(data->weights, data->rows, error);
    bool equal = true;

    data->weighted = data->weighted || data->weights != NULL;
    if (status != MELE_OK)
        return status;
    for (size_t i = 0; i < data->rows && data->weights != NULL && equal; i++)
        equal = data->weights[i] == 1;
    if (equal) {
        free(data->weights);
        data->weights = NULL;
    }
    return MELE_OK;
}

mele_status mele_i_data_subset(const mele_data *data, const size_t *rows, size_t count,
                               bool to_train, mele_data **out, mele_error *error)
{
    mele_data *subset = MELE_I_NEW(mele_data);
    mele_status status;

    if (subset == NULL)
        return mele_i_no_memory(error);
    subset->whole = data->whole == NULL ? data : data->whole;
    status = copy_columns(data, subset, error);
    if (status == MELE_OK)
        status = copy_rows(data, rows, count, subset, error);
    if (status == MELE_OK && to_train)
        status = mele_i_data_settle_weights(subset, error);
    if (status != MELE_OK)
        mele_data_free(subset);
    else
        *out = subset;
    return status;
}

/* ---- a part that is held ---- */

mele_status mele_i_data_hold(mele_data *part, mele_error *error)
{
    const size_t features = part->schema->features;
    double *matrix;
    const double **column;
    mele_status status;

    if (part->windows == NULL)
        return MELE_OK;
    matrix = mele_i_array(part->rows, features * sizeof *matrix);
    column = MELE_I_ARRAY(const double *, features);
    status = matrix == NULL || column == NULL
                 ? mele_i_no_memory(error)
                 : mele_i_windows_read(part->windows, part->row, 0, part->rows, matrix, error);
    if (status != MELE_OK) {
        free(matrix);
        free(column);
        return status;
    }
    for (size_t j = 0; j < features; j++)
        column[j] = matrix + j;
    for (size_t i = 0; i < part->rows; i++)
        part->row[i] = mele_i_windows_row(part->windows, part->row[i]);
    part->place = part->row;
    part->row = NULL;
    part->matrix = matrix;
    part->column = column;
    part->stride = features;
    part->windows = NULL;
    part->whole = NULL;
    return MELE_OK;
}
