/* NPY files: read in parts, by threads and from windows of the file they are the same rows or the
 * same error, and a partition of rows that stay in the file is that of rows in memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/reader.h"
#include "fuzz/fuzz.h"

enum { MOST_ROWS = 2000, MOST_COLUMNS = 64 }; /* of files that are also clustered */

static void describe_cell(const mele_table *table, size_t i, size_t j, mele_text *out)
{
    size_t length;
    const char *text = mele_table_text(table, i, j, &length);
    const double *values = mele_table_values(table, j);

    if (text != NULL) {
        mele_text_cell(out, text, length);
    } else if (values != NULL && mele_table_kind(table, j) == MELE_COLUMN_CATEGORY
               && !isnan(values[i])) {
        fuzz_level(mele_table_level(table, j, (size_t)values[i]), out);
    } else if (values != NULL) {
        mele_text_number(out, values[i]);
    }
}

static void describe(const mele_table *table, mele_text *out)
{
    for (size_t i = 0; i < mele_table_rows(table); i++) {
        for (size_t j = 0; j < mele_table_columns(table); j++)
            describe_cell(table, i, j, out);
        mele_text_newline(out);
    }
}

typedef struct outcome {
    mele_status status;
    mele_error error;
    mele_text *rows;
    size_t count, columns;
} outcome;

static outcome read_file(const char *path, bool infinite, mele_column_kind kind, size_t part,
                         mele_engine *engine)
{
    mele_table_options options = mele_table_defaults();
    outcome o = {MELE_OK, {MELE_OK, 0, ""}, NULL, 0, 0};
    mele_reader *reader = NULL;

    options.infinite = infinite;
    mele_text_new(',', &o.rows, NULL);
    o.status = mele_reader_open(path, &options, &reader, &o.error);
    o.columns = reader == NULL ? 0 : mele_reader_columns(reader);
    for (size_t j = 0; j < o.columns; j++)
        mele_reader_want(reader, j, j % 3 == 2 ? MELE_COLUMN_SKIP : kind, false, NULL);
    for (bool more = true; more && o.status == MELE_OK;) {
        mele_table *table = NULL;
        o.status = mele_reader_next(reader, part, engine, &table, &o.error);
        if (table == NULL)
            break;
        more = mele_table_rows(table) > 0;
        o.count += mele_table_rows(table);
        describe(table, o.rows);
        mele_table_free(table);
    }
    mele_reader_close(reader);
    fuzz_check_status(o.status, &o.error);
    return o;
}

static void check_same(const outcome *one, const outcome *other, bool rows)
{
    fuzz_check_same(one->status, &one->error, other->status, &other->error, "reading again");
    size_t length = mele_text_length(one->rows);
    FUZZ_CHECK(!rows
                   || (length == mele_text_length(other->rows)
                       && (length == 0
                           || memcmp(mele_text_data(one->rows), mele_text_data(other->rows), length)
                                  == 0)),
               "reading again gives other rows");
}

/* Windows of the file against the rows that were read. */
static void check_windows(const char *path)
{
    mele_table_options options = mele_table_defaults();
    mele_reader *reader = NULL;
    mele_table *table = NULL;
    mele_error error = {MELE_OK, 0, ""};

    options.infinite = true;
    if (mele_reader_open(path, &options, &reader, NULL) != MELE_OK)
        return;
    size_t rows = mele_i_reader_rows(reader), columns = mele_reader_columns(reader);
    mele_status status = mele_reader_next(reader, 0, NULL, &table, &error);
    FUZZ_CHECK(status == MELE_OK && mele_table_rows(table) == rows, "%s", error.message);
    for (size_t first = 0; first < rows; first += 7) {
        size_t count = rows - first < 7 ? rows - first : 7, j = first % columns;
        double window[7];
        status = mele_i_reader_numbers(reader, &j, 1, first, count, window, &error);
        FUZZ_CHECK(status == MELE_OK, "%s", error.message);
        for (size_t i = 0; i < count; i++) {
            double value = mele_table_values(table, j)[first + i];
            FUZZ_CHECK(isnan(value) ? isnan(window[i]) != 0 : value == window[i],
                       "row %zu, column %zu: %g and %g", first + i, j, value, window[i]);
        }
    }
    mele_table_free(table);
    mele_reader_close(reader);
}

/* The partition of a file whose features take at most so much memory, as text. */
static mele_status cluster(const char *path, size_t memory, mele_engine *engine, char **text,
                           mele_error *error)
{
    mele_options options = mele_options_defaults();
    mele_data *data = NULL;
    mele_model *model = NULL;

    options.data.memory = memory;
    options.data.missing = "drop";
    options.partition.clusters = 2;
    options.partition.restarts = 1;
    options.partition.max_iterations = 10;
    mele_status status = mele_data_read(path, &options.data, NULL, engine, &data, error);
    if (status == MELE_OK)
        status = mele_fit_partition(data, &options, engine, NULL, &model, error);
    if (status == MELE_OK)
        status = mele_model_text(model, text, NULL, error);
    mele_model_free(model);
    mele_data_free(data);
    fuzz_check_status(status, error);
    return status;
}

static void check_clusters(const char *path)
{
    char *held = NULL, *windows = NULL;
    mele_error held_error = {MELE_OK, 0, ""}, windows_error = {MELE_OK, 0, ""};
    mele_status status = cluster(path, 0, NULL, &held, &held_error);

    fuzz_check_same(status, &held_error, cluster(path, 1, fuzz_threads(), &windows, &windows_error),
                    &windows_error, "rows that stay in the file");
    FUZZ_CHECK(status != MELE_OK || strcmp(held, windows) == 0, "another partition:\n%s%s", held,
               windows);
    free(held);
    free(windows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const mele_column_kind kinds[] = {MELE_COLUMN_NUMBER, MELE_COLUMN_CATEGORY,
                                             MELE_COLUMN_TEXT};
    const char *path = fuzz_file("rows.npy", data, size);
    outcome first = {MELE_OK};

    for (size_t k = 0; k < 3; k++)
        for (int infinite = 0; infinite < 2; infinite++) {
            outcome whole = read_file(path, infinite, kinds[k], 0, NULL);
            outcome parts = read_file(path, infinite, kinds[k], 3, fuzz_threads());
            check_same(&whole, &parts, whole.status == MELE_OK);
            if (k + (size_t)infinite == 0)
                first = parts;
            mele_text_free(whole.rows);
            mele_text_free(parts.rows);
        }
    check_windows(path);
    if (first.status == MELE_OK && first.count <= MOST_ROWS && first.columns <= MOST_COLUMNS)
        check_clusters(path);
    return 0;
}
