/* The arrays of a caller as data, and what they cannot say by names of columns. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/check.h"
#include "engine/weights.h"
#include "schema/data.h"

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
    return mele_i_data_settle_weights(data, error);
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

/* ---- groups and folds ---- */

static int by_number(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
}

/* Number groups from 0 in the order of their numbers, which may be any, as those of files are: what
 * is made of groups takes as much room as there are groups. False: no memory. */
static bool number_groups(size_t *group, size_t rows, size_t *groups)
{
    size_t *known = MELE_I_ARRAY(size_t, rows), count = 0;

    if (known == NULL)
        return false;
    memcpy(known, group, rows * sizeof *known);
    qsort(known, rows, sizeof *known, by_number);
    for (size_t i = 0; i < rows; i++)
        if (count == 0 || known[i] != known[count - 1])
            known[count++] = known[i];
    for (size_t i = 0; i < rows; i++) {
        const size_t *at = bsearch(&group[i], known, count, sizeof *known, by_number);
        group[i] = (size_t)(at - known);
    }
    free(known);
    *groups = count;
    return true;
}

/* A copy of numbers of any size, numbered from 0; *count: how many there are. NULL: no memory. */
static size_t *numbered_copy(const size_t *numbers, size_t rows, size_t *count)
{
    size_t *copy = MELE_I_ARRAY(size_t, rows);

    if (copy == NULL)
        return NULL;
    memcpy(copy, numbers, rows * sizeof *copy);
    if (number_groups(copy, rows, count))
        return copy;
    free(copy);
    return NULL;
}

mele_status mele_data_set_groups(mele_data *data, const size_t *groups, mele_error *error)
{
    size_t count, *copy = groups == NULL ? NULL : numbered_copy(groups, data->rows, &count);

    if (groups != NULL && copy == NULL)
        return mele_i_no_memory(error);
    free(data->group);
    data->group = copy;
    return MELE_OK;
}

mele_status mele_data_set_folds(mele_data *data, const size_t *folds, mele_error *error)
{
    size_t count = 0, *copy = folds == NULL ? NULL : numbered_copy(folds, data->rows, &count);

    if (folds != NULL && copy == NULL)
        return mele_i_no_memory(error);
    mele_i_data_clear_folds(data);
    data->fold = copy;
    data->folds = count;
    return MELE_OK;
}

bool mele_i_data_is_one_group(const mele_data *data)
{
    size_t first = data->rows;

    for (size_t i = 0; data->group != NULL && i < data->rows; i++) {
        if (data->weights != NULL && !(data->weights[i] > 0))
            continue;
        first = first == data->rows ? i : first;
        if (data->group[i] != data->group[first])
            return false;
    }
    return data->group != NULL && first < data->rows;
}

/* ---- categories ---- */

static mele_status check_levels(const mele_data *data, const size_t *levels, mele_error *error)
{
    const mele_schema *schema = data->schema;

    if (data->table != NULL || data->matrix != NULL || data->windows != NULL)
        return mele_i_fail(error, MELE_EINVAL,
                           "the data were read from a file: name its categories "
                           "in the options (--categorical)");
    for (size_t j = 0; j < schema->features; j++)
        for (size_t i = 0; i < data->rows && levels[j] > 0; i++) {
            const double value = data->column[j][i * data->stride];
            if (!(value >= 0 && value < (double)levels[j]) || value != floor(value))
                return mele_i_fail(error, MELE_EDATA,
                                   "x: row %zu, column %zu is %g, not a level 0 "
                                   "to %zu",
                                   i + 1, j + 1, value, levels[j] - 1);
        }
    return MELE_OK;
}

static mele_status set_levels(mele_i_variable *variable, size_t levels, mele_error *error)
{
    for (size_t l = 0; l < variable->levels; l++)
        free(variable->level[l]);
    free(variable->level);
    variable->level = NULL;
    variable->levels = 0;
    return levels == 0 ? MELE_OK : mele_i_variable_number_levels(variable, levels, error);
}

mele_status mele_data_set_levels(mele_data *data, const size_t *levels, mele_error *error)
{
    mele_schema *schema = NULL;
    mele_status status = check_levels(data, levels, error);

    if (status == MELE_OK)
        status = mele_i_schema_copy(data->schema, &schema, error);
    for (size_t j = 0; status == MELE_OK && j < schema->features; j++)
        status = set_levels(&schema->feature[j], levels[j], error);
    if (status == MELE_OK && mele_schema_columns(schema) == 0)
        status = mele_i_fail(error, MELE_EDATA,
                             "no feature tells rows apart: each is a category "
                             "with one level");
    if (status != MELE_OK) {
        mele_i_schema_free(schema);
        return status;
    }
    mele_i_schema_free(data->schema);
    data->schema = schema;
    return MELE_OK;
}

/* ---- what options say that the data do not ---- */

mele_status mele_i_data_check_options(const mele_data *data, const mele_data_options *options,
                                      mele_error *error)
{
    const bool arrays =
        data->table == NULL && data->matrix == NULL && data->windows == NULL && data->row == NULL;
    size_t categories = 0;

    for (size_t j = 0; j < data->schema->features; j++)
        categories += data->schema->feature[j].levels > 0;
    if (options->group != NULL && data->group == NULL)
        return mele_i_fail(error, MELE_EINVAL,
                           "groups are asked for (--group %s), and the data have "
                           "none: arrays get them by mele_data_set_groups()",
                           options->group);
    if (options->categorical != NULL && arrays && categories == 0)
        return mele_i_fail(error, MELE_EINVAL,
                           "categories are asked for (--categorical %s), and the "
                           "arrays have none: they get them by mele_data_set_levels()",
                           options->categorical);
    if (options->weights != NULL && arrays && !data->weighted)
        return mele_i_fail(error, MELE_EINVAL,
                           "weights are asked for (--weights %s), and the arrays "
                           "came without",
                           options->weights);
    return MELE_OK;
}
