#include "data/reader.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/quote.h"
#include "engine/pass.h"

/* The name of column j, made of its position when the file has none. */
static const char *name_of(const mele_i_strings *names, size_t j, char numbered[32],
                           size_t *length)
{
    const char *name = "";

    *length = 0;
    if (names != NULL)
        name = mele_i_strings_at(names, j, length);
    if (*length > 0)
        return name;
    *length = (size_t)snprintf(numbered, 32, "x%zu", j + 1);
    return numbered;
}

static mele_status check_names(const mele_i_strings *names, mele_error *error)
{
    mele_i_levels seen = {.exact = true};
    mele_status status = MELE_OK;

    for (size_t j = 0; j < names->count && status == MELE_OK; j++) {
        char numbered[32];
        size_t length, index;
        const char *name = name_of(names, j, numbered, &length);
        if (strlen(name) != length)
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
        size_t length;
        const char *name = name_of(names, j, numbered, &length);
        reader->column[j].kind = MELE_COLUMN_INFER;
        reader->column[j].name = mele_i_string(name);
        reader->column[j].nameless = names != NULL && name == numbered;
        reader->columns = j + 1;
        if (reader->column[j].name == NULL)
            return mele_i_no_memory(error);
    }
    reader->has_header = names != NULL;
    return MELE_OK;
}

static void free_tally(mele_reader *reader)
{
    for (size_t j = 0; reader->tally != NULL && j < reader->columns; j++)
        mele_i_tally_clear(&reader->tally[j]);
    free(reader->tally);
    reader->tally = NULL;
}

void mele_reader_close(mele_reader *reader)
{
    if (reader == NULL)
        return;
    reader->kind->close(reader->source);
    mele_i_input_close(&reader->input);
    free_tally(reader);
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

mele_status mele_i_reader_guard(mele_reader *reader, size_t j, mele_column_kind kind,
                                mele_i_guard guard, mele_error *error)
{
    mele_status status = mele_reader_want(reader, j, kind, false, error);

    if (status == MELE_OK)
        reader->column[j].guard = guard;
    return status;
}

void mele_i_reader_note(const mele_reader *reader, const char *format, ...)
{
    char text[MELE_MESSAGE_SIZE];
    va_list arguments;

    if (reader->note == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    reader->note(text, reader->note_user);
}

/* ---- kinds ---- */

mele_status mele_i_reader_sample(mele_reader *reader, mele_engine *engine, mele_error *error)
{
    mele_status status;

    if (reader->tally != NULL || reader->kind->sample == NULL)
        return MELE_OK;
    reader->tally = MELE_I_ZEROED(mele_i_tally, reader->columns);
    if (reader->tally == NULL)
        return mele_i_no_memory(error);
    status = reader->kind->sample(reader, engine, reader->tally, error);
    if (status != MELE_OK)
        free_tally(reader);
    return status;
}

/* Text among numbers is told of, as it may be numbers that went wrong. */
static void tell_of_mixture(const mele_reader *reader, const mele_i_column *column,
                            const mele_i_tally *tally)
{
    mele_i_advice advice;

    if (column->guard == MELE_I_GUARD_NONE || !mele_i_describe_mixture(tally, &advice))
        return;
    mele_i_reader_note(reader, "column %s is taken for text: %s",
                       mele_i_quote(column->name, strlen(column->name)).text, advice.text);
}

static mele_status settle_column(mele_reader *reader, size_t j, mele_error *error)
{
    mele_i_column *column = &reader->column[j];
    mele_status status = MELE_OK;

    if (column->kind != MELE_COLUMN_INFER)
        return MELE_OK;
    column->inferred = true;
    column->kind = reader->tally == NULL ? MELE_COLUMN_NUMBER
                                         : mele_i_tally_kind(&reader->tally[j]);
    if (column->kind == MELE_COLUMN_NUMBER)
        return MELE_OK;
    if (column->guard != MELE_I_GUARD_NONE)
        status = mele_i_refuse_amounts(column, &reader->tally[j], reader->form, error);
    if (status == MELE_OK)
        tell_of_mixture(reader, column, &reader->tally[j]);
    return status;
}

mele_status mele_i_reader_settle(mele_reader *reader, mele_engine *engine, mele_error *error)
{
    bool some = false;
    mele_status status = MELE_OK;

    for (size_t j = 0; j < reader->columns; j++)
        some = some || reader->column[j].kind == MELE_COLUMN_INFER;
    if (some)
        status = mele_i_reader_sample(reader, engine, error);
    for (size_t j = 0; some && j < reader->columns && status == MELE_OK; j++)
        status = settle_column(reader, j, error);
    return status;
}

mele_status mele_i_reader_check_levels(const mele_reader *reader, const mele_table *table,
                                       size_t rows, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t j = 0; j < reader->columns && status == MELE_OK; j++) {
        const mele_i_column *column = &reader->column[j];
        if (column->guard != MELE_I_GUARD_NONE && column->kind == MELE_COLUMN_CATEGORY)
            status = mele_i_refuse_levels(column, reader->tally == NULL ? NULL : &reader->tally[j],
                                          table->cells[j].levels.names.count, rows, error);
    }
    return status;
}

/* A table of the next rows. */
static mele_status read_table(mele_reader *reader, size_t most, mele_engine *engine,
                              mele_table **out, mele_error *error)
{
    mele_table *table = NULL;
    mele_status status = mele_i_reader_settle(reader, engine, error);

    if (status == MELE_OK)
        status = mele_i_table_new(reader->column, reader->columns, &table, error);
    if (status == MELE_OK)
        status = reader->kind->next(reader, most, engine, table, error);
    if (status == MELE_OK)
        status = mele_i_reader_check_levels(reader, table, table->rows, error);
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
    mele_status status = mele_i_engine_claim(engine, error);

    if (status != MELE_OK)
        return status;
    reader->started = true;
    if (failure->status == MELE_OK)
        failure->status = read_table(reader, most, engine, out, failure);
    mele_i_engine_release(engine);
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

mele_status mele_i_reader_line(const mele_reader *reader, size_t row, size_t *line,
                               mele_error *error)
{
    if (reader->kind->line != NULL)
        return reader->kind->line(reader, row, line, error);
    *line = row + 1;
    return MELE_OK;
}
