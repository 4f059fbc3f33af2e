/* What tells one comparison from another. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/memory.h"
#include "schema/data.h"
#include "study/journal.h"

#define WINDOW_ROWS 256 /* of data in a file, read at a time */

static uint64_t hash_string(uint64_t hash, const char *text)
{
    return text == NULL ? mele_i_hash_bits(hash, 0) : mele_i_hash_text(hash, text, strlen(text));
}

static uint64_t hash_sizes(uint64_t hash, const size_t *values, size_t count)
{
    for (size_t i = 0; values != NULL && i < count; i++)
        hash = mele_i_hash_bits(hash, values[i]);
    return mele_i_hash_bits(hash, values == NULL);
}

static uint64_t hash_numbers(uint64_t hash, const double *values, size_t count)
{
    for (size_t i = 0; values != NULL && i < count; i++)
        hash = mele_i_hash_number(hash, values[i]);
    return mele_i_hash_bits(hash, values == NULL);
}

/* ---- data ---- */

static uint64_t hash_schema(uint64_t hash, const mele_schema *schema)
{
    for (size_t j = 0; j < mele_schema_features(schema); j++) {
        hash = hash_string(hash, mele_schema_feature(schema, j));
        for (size_t l = 0; l < mele_schema_levels(schema, j); l++)
            hash = hash_string(hash, mele_schema_level(schema, j, l));
    }
    for (size_t c = 0; c < mele_schema_classes(schema); c++)
        hash = hash_string(hash, mele_schema_class(schema, c));
    return hash;
}

/* Features in memory, row by row. */
static uint64_t hash_features(uint64_t hash, const mele_i_features *f, size_t columns)
{
    for (size_t i = 0; i < f->rows; i++)
        for (size_t j = 0; j < columns; j++)
            hash = mele_i_hash_number(hash, f->column[j][(f->row == NULL ? i : f->row[i]) * f->stride]);
    return hash;
}

/* The same of features in a file. */
static mele_status hash_file(const mele_i_features *f, size_t columns, uint64_t *hash, mele_error *error)
{
    double *read = mele_i_array(WINDOW_ROWS, columns * sizeof *read);
    mele_status status = read == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (size_t first = 0, count; first < f->rows && status == MELE_OK; first += count) {
        count = f->rows - first < WINDOW_ROWS ? f->rows - first : WINDOW_ROWS;
        status = mele_i_windows_read(f->windows, f->row, first, count, read, error);
        if (status == MELE_OK)
            *hash = hash_numbers(*hash, read, count * columns);
    }
    free(read);
    return status;
}

static mele_status hash_data(const mele_data *data, uint64_t *hash, mele_error *error)
{
    const mele_i_features features = mele_i_data_features(data);
    const size_t columns = mele_schema_features(data->schema);
    mele_status status = MELE_OK;

    *hash = hash_schema(*hash, data->schema);
    if (features.windows != NULL)
        status = hash_file(&features, columns, hash, error);
    else
        *hash = hash_features(*hash, &features, columns);
    *hash = hash_numbers(*hash, data->targets, data->rows * data->schema->targets);
    *hash = hash_numbers(*hash, data->weights, data->rows);
    *hash = hash_sizes(*hash, data->group, data->rows);
    return status;
}

/* ---- contenders ---- */

static mele_status hash_options(const mele_options *options, uint64_t *hash, mele_error *error)
{
    const char *name;

    for (size_t i = 0; options != NULL && (name = mele_option_name(i)) != NULL; i++) {
        size_t length;
        if (!mele_options_given(options, name))
            continue;
        mele_options_get(options, name, NULL, 0, &length, NULL);
        char *text = MELE_I_ARRAY(char, length + 1);
        if (text == NULL)
            return mele_i_no_memory(error);
        mele_options_get(options, name, text, length + 1, NULL, NULL);
        *hash = hash_string(hash_string(*hash, name), text);
        free(text);
    }
    return MELE_OK;
}

static mele_status hash_set(const mele_comparison *c, const mele_i_compared_set *set, uint64_t *hash,
                            mele_error *error)
{
    const size_t sizes[] = {set->rows, set->features, set->targets, set->classes, set->folds, set->repeats, set->loss};
    mele_status status = MELE_OK;

    *hash = hash_string(hash_string(*hash, set->name), set->target);
    *hash = hash_sizes(*hash, sizes, sizeof sizes / sizeof *sizes);
    if (set->data != NULL) {
        *hash = hash_sizes(*hash, set->fold_of_row, set->repeats * set->data->rows);
        status = hash_data(set->data, hash, error);
    }
    for (size_t k = 0; k < c->contenders && status == MELE_OK; k++)
        status = hash_options(set->entry[k].options, hash, error);
    return status;
}

mele_status mele_i_comparison_hash(const mele_comparison *comparison, uint64_t *out, mele_error *error)
{
    const size_t sizes[] = {comparison->sets, comparison->contenders, comparison->seeds, (size_t)comparison->seed};
    uint64_t hash = hash_string(MELE_I_HASH_START, PACKAGE_VERSION);
    mele_status status = MELE_OK;

    hash = hash_sizes(hash, sizes, sizeof sizes / sizeof *sizes);
    for (size_t k = 0; k < comparison->contenders; k++)
        hash = hash_string(hash_string(hash, comparison->contender[k].name), comparison->contender[k].family);
    for (size_t s = 0; s < comparison->sets && status == MELE_OK; s++)
        status = hash_set(comparison, &comparison->set[s], &hash, error);
    if (status == MELE_OK)
        *out = mele_i_hash_finish(hash);
    return status;
}
