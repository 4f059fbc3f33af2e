#include "schema/numbers.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/check.h"
#include "engine/pass.h"
#include "schema/bind.h"

#define BLOCK_NUMBERS 32768

static bool is_category(const mele_reader *reader, size_t column)
{
    return column != MELE_I_NO_COLUMN && reader->column[column].kind == MELE_COLUMN_CATEGORY;
}

static mele_status skip(mele_reader *reader, size_t column, mele_error *error)
{
    return column == MELE_I_NO_COLUMN || is_category(reader, column)
               ? MELE_OK
               : mele_reader_want(reader, column, MELE_COLUMN_SKIP, false, error);
}

mele_status mele_i_numbers_wanted(mele_reader *reader, const mele_i_roles *roles, bool *out,
                                  mele_error *error)
{
    bool wanted = mele_i_reader_seeks(reader);
    mele_status status = MELE_OK;

    for (size_t j = 0; j < roles->features.count && wanted; j++)
        wanted = !is_category(reader, roles->features.column[j]);
    for (size_t j = 0; j < roles->features.count && wanted && status == MELE_OK; j++)
        status = skip(reader, roles->features.column[j], error);
    for (size_t t = 0; t < roles->targets.count && wanted && status == MELE_OK; t++)
        status = skip(reader, roles->targets.column[t], error);
    if (wanted && status == MELE_OK)
        status = skip(reader, roles->weights, error);
    *out = wanted;
    return status;
}

/* ---- the file's numbers, checked and dealt out ---- */

typedef struct taking {
    const mele_reader *reader;
    const mele_i_roles *roles;
    mele_data *data;
    mele_i_window_columns all; /* features, then targets, then groups, folds and weights, as far as
                                  they are read as numbers */
    size_t features, targets;
    bool grouped, folded, weighted, in_memory, drop, fill;
    const double *class; /* the target when it is classes, of a table; the schema's levels */
    const double *group, *fold; /* of a table */
    mele_i_row_set used;
    size_t missing; /* rows with a missing feature */
} taking;

static mele_status refuse(const taking *t, size_t row, size_t column, const char *what,
                          mele_error *error)
{
    size_t line;
    mele_status status = mele_i_reader_line(t->reader, row, &line, error);

    return status != MELE_OK ? status
                             : mele_i_fail_at(error, MELE_EDATA, line, "column \"%s\": %s",
                                              t->reader->column[column].name, what);
}

/* A level that the model does not know. */
static mele_status refuse_level(const taking *t, size_t row, size_t column, mele_error *error)
{
    size_t line;
    double level;
    mele_status status = mele_i_reader_numbers(t->reader, &column, 1, row, 1, &level, error);

    if (status == MELE_OK)
        status = mele_i_reader_line(t->reader, row, &line, error);
    if (status != MELE_OK)
        return status;
    return mele_i_fail_at(error, MELE_EDATA, line, "column \"%s\": the model does not know the level "
                          "\"%s\"", t->reader->column[column].name,
                          mele_table_level(t->data->table, column, (size_t)level));
}

/* A value that is not finite: *missing, unless that is an error. */
static mele_status judge(const taking *t, size_t row, size_t column, double value, bool *missing,
                         mele_error *error)
{
    if (isinf(value) && is_category(t->reader, column))
        return refuse_level(t, row, column, error);
    if (isinf(value))
        return refuse(t, row, column,
                      value > 0 ? "\"inf\" is not a finite number"
                                : "\"-inf\" is not a finite number", error);
    *missing = *missing || isnan(value);
    return isnan(value) && !t->drop ? refuse(t, row, column, MELE_I_MISSING_VALUE, error) : MELE_OK;
}

static mele_status judge_categories(const taking *t, size_t row, bool *missing, mele_error *error)
{
    const mele_i_roles *roles = t->roles;
    mele_status status = MELE_OK;

    if (t->class != NULL && isinf(t->class[row]))
        return refuse(t, row, roles->targets.column[0], "the model does not know this level",
                      error);
    if (t->class != NULL)
        status = judge(t, row, roles->targets.column[0], t->class[row], missing, error);
    if (status == MELE_OK && t->group != NULL)
        status = judge(t, row, roles->group, t->group[row], missing, error);
    if (status == MELE_OK && t->fold != NULL)
        status = judge(t, row, roles->folds, t->fold[row], missing, error);
    return status;
}

static mele_status judge_row(const taking *t, size_t row, const double *number, size_t *incomplete,
                             mele_error *error)
{
    const size_t weights = t->all.columns - t->weighted;
    bool missing = false, missing_feature = false;
    mele_status status = MELE_OK;

    for (size_t j = 0; j < weights && status == MELE_OK; j++) {
        if (t->fill && j < t->features && isnan(number[j]))
            missing_feature = true;
        else
            status = judge(t, row, t->all.column[j], number[j], &missing, error);
    }
    if (status == MELE_OK)
        status = judge_categories(t, row, &missing, error);
    if (status == MELE_OK && t->weighted) {
        status = judge(t, row, t->roles->weights, number[weights], &missing, error);
        if (status == MELE_OK && number[weights] < 0)
            status = refuse(t, row, t->roles->weights, "a weight must not be negative", error);
    }
    if (missing)
        mele_i_row_set_drop(&t->used, row);
    *incomplete += missing_feature;
    return status;
}

/* Whether all rows of a block are as they should be, without looking which is not. */
static bool is_clean(const taking *t, mele_i_block block, const double *number)
{
    const size_t columns = t->all.columns;
    bool clean = true;

    for (size_t i = 0; i < block.count * columns; i++)
        clean &= fabs(number[i]) <= DBL_MAX;
    for (size_t i = 0; i < block.count; i++) {
        size_t row = block.first + i;
        clean &= !t->weighted || number[(i + 1) * columns - 1] >= 0;
        clean &= t->class == NULL || isfinite(t->class[row]);
        clean &= t->group == NULL || isfinite(t->group[row]);
        clean &= t->fold == NULL || isfinite(t->fold[row]);
    }
    return clean;
}

/* A missing level is that of no row that is used. */
static size_t level_of(double number)
{
    return isnan(number) ? 0 : (size_t)number;
}

static void deal_out(const taking *t, mele_i_block block, const double *number)
{
    const size_t f = t->features, targets = t->targets, columns = t->all.columns;

    for (size_t i = 0; i < block.count; i++, number += columns) {
        size_t row = block.first + i;
        if (t->in_memory && columns > f)
            memcpy(t->data->matrix + row * f, number, f * sizeof *number);
        if (targets > 0)
            memcpy(t->data->targets + row * targets, number + f, targets * sizeof *number);
        if (t->grouped)
            t->data->group[row] = level_of(number[f + targets]);
        if (t->folded)
            t->data->fold[row] = level_of(number[f + targets + t->grouped]);
        if (t->weighted)
            t->data->weights[row] = number[columns - 1];
    }
}

static mele_status take_block(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const taking *t = context;
    const size_t columns = t->all.columns;
    const bool direct = t->in_memory && columns == t->features;
    double *number = direct ? t->data->matrix + block.first * t->features : scratch;
    mele_status status = mele_i_window_columns_read(t->reader, &t->all, block.first, block.count,
                                                    number, error);

    if (status != MELE_OK)
        return status;
    if (!is_clean(t, block, number))
        for (size_t i = 0; i < block.count && status == MELE_OK; i++)
            status = judge_row(t, block.first + i, number + i * columns, partial, error);
    deal_out(t, block, number);
    return status;
}

static void count_missing(void *context, const void *partial)
{
    ((taking *)context)->missing += *(const size_t *)partial;
}

/* Blocks are whole words of the set of rows. */
static mele_status take_numbers(taking *t, mele_engine *engine, mele_error *error)
{
    const size_t columns = t->all.columns;
    const size_t block_rows = mele_i_block_rows(columns, BLOCK_NUMBERS, 1) / 64 * 64 + 64;
    const bool direct = t->in_memory && columns == t->features;
    mele_i_pass pass = {.rows = mele_i_reader_rows(t->reader),
                        .block_rows = block_rows,
                        .partial_bytes = sizeof(size_t),
                        .scratch_bytes = direct ? 0 : block_rows * columns * sizeof(double),
                        .map = take_block,
                        .combine = count_missing,
                        .context = t};

    return mele_i_pass_run(engine, &pass, error);
}

/* ---- the rows that are used ---- */

static void move_rows(double *values, size_t width, size_t to, size_t from)
{
    if (values != NULL && to != from)
        memcpy(values + to * width, values + from * width, width * sizeof *values);
}

/* Move the used rows of all that is in memory together. */
static mele_status gather(taking *t, mele_error *error)
{
    mele_data *data = t->data;
    const size_t used = t->used.used, width = t->class != NULL ? 1 : t->targets;

    if ((t->group != NULL && (data->group = MELE_I_ARRAY(size_t, used)) == NULL)
        || (t->fold != NULL && (data->fold = MELE_I_ARRAY(size_t, used)) == NULL))
        return mele_i_no_memory(error);
    if (t->class != NULL)
        memcpy(data->targets, t->class, t->used.rows * sizeof *data->targets);
    for (size_t i = 0, row = 0; i < used; i++, row++) {
        row = mele_i_row_set_next(&t->used, row);
        move_rows(data->matrix, t->features, i, row);
        move_rows(data->targets, width, i, row);
        move_rows(data->weights, 1, i, row);
        if (t->group != NULL)
            data->group[i] = (size_t)t->group[row];
        else if (t->grouped)
            data->group[i] = data->group[row];
        if (t->fold != NULL)
            data->fold[i] = (size_t)t->fold[row];
        else if (t->folded)
            data->fold[i] = data->fold[row];
    }
    return mele_i_data_settle_weights(data, error);
}

static mele_status use_rows(taking *t, mele_error *error)
{
    mele_data *data = t->data;

    mele_i_row_set_finish(&t->used);
    data->rows = t->used.used;
    data->dropped = t->used.rows - t->used.used;
    if (data->rows == 0)
        return mele_i_fail(error, MELE_EDATA, "every row has a missing value");
    if (t->used.bit == NULL && t->class == NULL && t->group == NULL && t->fold == NULL)
        return mele_i_data_settle_weights(data, error);
    return gather(t, error);
}

static mele_status check_folds(const taking *t, mele_error *error)
{
    mele_i_fold_clash clash;
    size_t line[2] = {0, 0};
    mele_status status = mele_i_data_find_clash(t->data, &clash, error);

    for (int r = 0; r < 2 && status == MELE_OK && clash.found; r++)
        status = mele_i_reader_line(t->reader, mele_i_row_set_at(&t->used, clash.row[r]), &line[r],
                                    error);
    return status == MELE_OK && clash.found
               ? mele_i_data_refuse_clash(t->data, &clash, line, error)
               : status;
}

/* ---- the whole ---- */

/* Addresses that a program takes without data, with what linear algebra works in (core/lapack.h). */
#define WITHOUT_DATA (192.0 * (1 << 20))

/* What data may take: half of the machine's memory, or of the addresses that the process may have for
 * them; with very few some, all the same. */
static double default_memory(void)
{
    struct rlimit limit;
    double pages = (double)sysconf(_SC_PHYS_PAGES), memory = pages * (double)sysconf(_SC_PAGESIZE);

    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        memory = fmin(memory, fmax((double)limit.rlim_cur - WITHOUT_DATA, (double)limit.rlim_cur / 8));
    return memory / 2;
}

size_t mele_i_rows_that_fit(size_t numbers, size_t memory)
{
    double room = memory > 0 ? (double)memory : default_memory();
    double rows = room / (sizeof(double) * (double)numbers);

    return rows < (double)SIZE_MAX ? (size_t)rows : SIZE_MAX;
}

/* Whether rows and the matrix that is made of them have room. */
static bool fits_memory(const taking *t, size_t memory)
{
    return mele_i_reader_rows(t->reader) <= mele_i_rows_that_fit(2 * t->features, memory);
}

static void list_columns(taking *t)
{
    size_t count = 0;

    for (size_t j = 0; j < t->features; j++)
        t->all.column[count++] = t->roles->features.column[j];
    for (size_t j = 0; j < t->targets; j++)
        t->all.column[count++] = t->roles->targets.column[j];
    if (t->grouped)
        t->all.column[count++] = t->roles->group;
    if (t->folded)
        t->all.column[count++] = t->roles->folds;
    if (t->weighted)
        t->all.column[count] = t->roles->weights;
}

/* What stands for the levels of column j, where the schema has others than the file. */
static mele_status bind_levels(taking *t, mele_error *error)
{
    const mele_schema *schema = t->data->schema;
    mele_status status = MELE_OK;

    for (size_t j = 0; j < t->features + t->targets && status == MELE_OK; j++)
        if (is_category(t->reader, t->all.column[j]))
            status = mele_i_bind_levels(t->data->table, t->all.column[j],
                                        j < t->features ? &schema->feature[j]
                                                        : &schema->target[j - t->features],
                                        &t->all.level[j], error);
    return status;
}

static mele_status make_room(taking *t, mele_error *error)
{
    const size_t rows = mele_i_reader_rows(t->reader), targets = t->roles->targets.count;
    mele_data *data = t->data;
    bool done = mele_i_row_set_new(rows, &t->used);

    done = done && mele_i_window_columns_new(t->features + t->targets + t->grouped + t->folded
                                                 + t->weighted, &t->all);
    if (done && t->in_memory)
        done = (data->matrix = mele_i_large_array(rows, t->features * sizeof(double))) != NULL;
    if (done && targets > 0)
        done = (data->targets = mele_i_large_array(rows, targets * sizeof(double))) != NULL;
    if (done && t->grouped)
        done = (data->group = MELE_I_ARRAY(size_t, rows)) != NULL;
    if (done && t->folded)
        done = (data->fold = MELE_I_ARRAY(size_t, rows)) != NULL;
    if (done && t->weighted)
        done = (data->weights = mele_i_large_array(rows, sizeof(double))) != NULL;
    return done ? MELE_OK : mele_i_no_memory(error);
}

/* The class of every row of a table, by the schema's levels; *owned as for mele_i_bind_variable(). */
static mele_status bind_categories(taking *t, double **owned, mele_error *error)
{
    const mele_i_roles *roles = t->roles;
    const mele_data *data = t->data;

    if (roles->group != MELE_I_NO_COLUMN)
        t->group = mele_table_values(data->table, roles->group);
    if (roles->folds != MELE_I_NO_COLUMN)
        t->fold = mele_table_values(data->table, roles->folds);
    if (mele_schema_classes(data->schema) == 0)
        return MELE_OK;
    t->targets = 0;
    return mele_i_bind_variable(data->table, roles->targets.column[0], &data->schema->target[0],
                                &t->class, owned, error);
}

/* Hand the rows to the data: where they are in memory, or who reads them. */
static mele_status finish(taking *t, mele_reader **reader, mele_error *error)
{
    mele_data *data = t->data;

    if (!data->keeps_ids) {
        mele_table_free(data->table);
        data->table = NULL;
    }
    data->complete = t->missing == 0;
    if (!t->in_memory) {
        t->all.columns = t->features;
        return mele_i_windows_new(reader, &t->all, &t->used, &data->windows, error);
    }
    data->column = MELE_I_ARRAY(const double *, t->features);
    if (data->column == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0; j < t->features; j++)
        data->column[j] = data->matrix + j;
    data->stride = t->features;
    data->used = t->used;
    t->used.bit = NULL;
    t->used.before = NULL;
    return MELE_OK;
}

mele_status mele_i_numbers_fill(mele_reader **reader, bool spilled, const mele_i_roles *roles,
                                const mele_data_options *options, mele_engine *engine,
                                mele_data *data, mele_error *error)
{
    double *owned = NULL;
    taking t = {.reader = *reader, .roles = roles, .data = data,
                .features = roles->features.count, .targets = roles->targets.count,
                .grouped = spilled && roles->group != MELE_I_NO_COLUMN,
                .folded = spilled && roles->folds != MELE_I_NO_COLUMN,
                .weighted = roles->weights != MELE_I_NO_COLUMN,
                .drop = strcmp(options->missing, "drop") == 0,
                .fill = strcmp(options->missing, "mean") == 0};
    mele_status status = spilled ? MELE_OK : bind_categories(&t, &owned, error);

    t.in_memory = !spilled && fits_memory(&t, options->memory);
    if (status == MELE_OK)
        status = make_room(&t, error);
    if (status == MELE_OK) {
        list_columns(&t);
        status = bind_levels(&t, error);
    }
    if (status == MELE_OK)
        status = take_numbers(&t, engine, error);
    if (status == MELE_OK)
        status = use_rows(&t, error);
    if (status == MELE_OK)
        status = check_folds(&t, error);
    if (status == MELE_OK)
        status = finish(&t, reader, error);
    mele_i_row_set_clear(&t.used);
    mele_i_window_columns_clear(&t.all);
    free(owned);
    return status;
}
