#include "data/reader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/quote.h"
#include "engine/pass.h"

static const mele_i_source_kind *const kinds[] = {&mele_i_source_npy, &mele_i_source_csv};

static const mele_i_source_kind *kind_for(const char *path)
{
    size_t length = strlen(path), i = 0;

    for (;; i++) {
        size_t suffix = strlen(kinds[i]->suffix);
        if (suffix == 0
            || (length > suffix && strcmp(path + length - suffix, kinds[i]->suffix) == 0))
            return kinds[i];
    }
}

static mele_status check_names(const mele_i_strings *names, mele_error *error)
{
    mele_i_levels seen = {.exact = true};
    mele_status status = MELE_OK;

    for (size_t j = 0; j < names->count && status == MELE_OK; j++) {
        size_t length, index;
        const char *name = mele_i_strings_at(names, j, &length);
        if (length == 0)
            status = mele_i_fail(error, MELE_EDATA, "column %zu has an empty name", j + 1);
        else if (strlen(name) != length)
            status =
                mele_i_fail(error, MELE_EDATA, "the name of column %zu holds a zero byte", j + 1);
        else if (!mele_i_levels_index(&seen, name, length, &index))
            status = mele_i_no_memory(error);
        else if (index < j)
            status = mele_i_fail(error, MELE_EDATA, "columns %zu and %zu are both called %s",
                                 index + 1, j + 1, mele_i_quote(name, length).text);
    }
    mele_i_levels_free(&seen);
    return status;
}

mele_status mele_i_reader_set_columns(mele_reader *reader, const mele_i_strings *names,
                                      size_t count, mele_error *error)
{
    mele_status status = names == NULL ? MELE_OK : check_names(names, error);

    if (status != MELE_OK)
        return status;
    reader->column = MELE_I_ZEROED(mele_i_column, count);
    if (reader->column == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0; j < count; j++) {
        char numbered[32];
        snprintf(numbered, sizeof numbered, "x%zu", j + 1);
        reader->column[j].kind = MELE_COLUMN_INFER;
        reader->column[j].name =
            mele_i_string(names == NULL ? numbered : mele_i_strings_at(names, j, NULL));
        reader->columns = j + 1;
        if (reader->column[j].name == NULL)
            return mele_i_no_memory(error);
    }
    reader->has_header = names != NULL;
    return MELE_OK;
}

static mele_status check_options(const mele_table_options *options, mele_error *error)
{
    if (options->delimiter != '\0' && strchr("\"\r\n", options->delimiter) != NULL)
        return mele_i_fail(error, MELE_EINVAL,
                           "the delimiter cannot be a quote or the end of a line");
    return MELE_OK;
}

/* The options with every default filled in. */
static mele_table_options complete(const char *path, const mele_table_options *options)
{
    mele_table_options chosen = options == NULL ? mele_table_defaults() : *options;
    size_t length = strlen(path);

    if (chosen.delimiter == '\0')
        chosen.delimiter = length > 4 && strcmp(path + length - 4, ".tsv") == 0 ? '\t' : ',';
    if (chosen.missing == NULL)
        chosen.missing = mele_table_defaults().missing;
    return chosen;
}

mele_status mele_i_reader_open(const char *path, const mele_table_options *options,
                               size_t chunk_bytes, mele_reader **out, mele_error *error)
{
    const mele_table_options chosen = complete(path, options);
    mele_reader *reader = NULL;
    mele_status status = check_options(&chosen, error);

    if (status != MELE_OK)
        return status;
    reader = MELE_I_NEW(mele_reader);
    if (reader == NULL)
        return mele_i_no_memory(error);
    reader->kind = kind_for(path);
    reader->by_position = chosen.by_position;
    reader->chunk_bytes = chunk_bytes;
    reader->stage = "read";
    status = mele_i_input_open(&reader->input, path, error);
    if (status == MELE_OK)
        status = reader->kind->open(reader, &chosen, error);
    if (status == MELE_OK)
        *out = reader;
    else
        mele_reader_close(reader);
    return status;
}

mele_status mele_reader_open(const char *path, const mele_table_options *options, mele_reader **out,
                             mele_error *error)
{
    return mele_i_reader_open(path, options, 0, out, error);
}

void mele_reader_close(mele_reader *reader)
{
    if (reader == NULL)
        return;
    reader->kind->close(reader->source);
    mele_i_input_close(&reader->input);
    for (size_t j = 0; j < reader->columns; j++)
        free(reader->column[j].name);
    free(reader->column);
    free(reader);
}

size_t mele_reader_columns(const mele_reader *reader)
{
    return reader->columns;
}

const char *mele_reader_name(const mele_reader *reader, size_t j)
{
    return reader->column[j].name;
}

bool mele_reader_has_header(const mele_reader *reader)
{
    return reader->has_header;
}

mele_status mele_reader_want(mele_reader *reader, size_t j, mele_column_kind kind, bool keep_text,
                             mele_error *error)
{
    if (j >= reader->columns)
        return mele_i_fail(error, MELE_EINVAL, "column %zu is wanted, the file has %zu", j + 1,
                           reader->columns);
    if (reader->started)
        return mele_i_fail(error, MELE_EINVAL,
                           "columns can be chosen before the first row is read only");
    if (kind < MELE_COLUMN_SKIP || kind > MELE_COLUMN_TEXT)
        return mele_i_fail(error, MELE_EINVAL, "%d is not a kind of column", (int)kind);
    reader->column[j].kind = kind;
    reader->column[j].keep_text = keep_text;
    return MELE_OK;
}

/* A table of the next rows; the kinds settle in the reader as well. */
static mele_status read_table(mele_reader *reader, size_t most, mele_engine *engine,
                              mele_table **out, mele_error *error)
{
    mele_table *table = NULL;
    mele_status status = mele_i_table_new(reader->column, reader->columns, &table, error);

    if (status == MELE_OK)
        status = reader->kind->next(reader, most, engine, table, error);
    if (status == MELE_OK && !mele_i_table_finish(table))
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        *out = table;
    else
        mele_table_free(table);
    return status;
}

mele_status mele_reader_next(mele_reader *reader, size_t most, mele_engine *engine,
                             mele_table **out, mele_error *error)
{
    mele_error *failure = &reader->failure;

    reader->started = true;
    if (failure->status == MELE_OK)
        failure->status = read_table(reader, most, engine, out, failure);
    if (failure->status != MELE_OK && error != NULL)
        *error = *failure;
    return failure->status;
}

mele_status mele_i_reader_progress(mele_reader *reader, mele_engine *engine, size_t done,
                                   size_t total, mele_error *error)
{
    reader->done = done;
    reader->total = total;
    return mele_i_progress(engine, reader->stage, done, total, NAN, error);
}

bool mele_i_reader_seeks(const mele_reader *reader)
{
    return reader->kind->numbers != NULL;
}

size_t mele_i_reader_rows(const mele_reader *reader)
{
    return reader->kind->rows(reader);
}

mele_status mele_i_reader_numbers(const mele_reader *reader, const size_t *column, size_t columns,
                                  size_t first, size_t count, double *out, mele_error *error)
{
    return reader->kind->numbers(reader, column, columns, first, count, out, error);
}

mele_status mele_table_read(const char *path, const mele_table_options *options,
                            mele_engine *engine, mele_table **out, mele_error *error)
{
    mele_reader *reader = NULL;
    mele_status status = mele_reader_open(path, options, &reader, error);

    if (status == MELE_OK)
        status = mele_reader_next(reader, 0, engine, out, error);
    mele_reader_close(reader);
    return status;
}
