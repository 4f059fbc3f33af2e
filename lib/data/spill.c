/* Rows in a temporary file: as doubles of this machine, row after row, each the columns that have
 * values, then the row's line in the file that it came from. A category is the number that its level
 * had when the row came; the numbers that levels have in the end are known when all rows are in, and
 * take their place as rows are read. */
#include "data/spill.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "data/temporary.h"
#include "engine/pass.h"

#define BLOCK_NUMBERS 32768 /* written at once */
#define STRIP_NUMBERS 8192  /* read at once: they stay in the nearer caches until they are taken */

#define PART_NUMBERS ((size_t)1 << 20) /* of rows that pass through a table on their way to the file */

typedef struct spill {
    mele_i_temporary temporary; /* -1: the reader has it */
    size_t rows, columns;
    size_t *place;   /* of each column within a row */
    double **number; /* of each column's levels; NULL: it is no category */
    size_t width;    /* numbers in a row; the last one is the line */
} spill;

/* ---- writing ---- */

static void close_spill(void *source)
{
    spill *s = source;

    if (s == NULL)
        return;
    mele_i_temporary_close(&s->temporary);
    for (size_t j = 0; s->number != NULL && j < s->columns; j++)
        free(s->number[j]);
    free(s->number);
    free(s->place);
    free(s);
}

/* An empty one, for the columns of a table that have values. */
static mele_status new_spill(const mele_table *table, spill **out, mele_error *error)
{
    spill *made = MELE_I_NEW(spill);
    mele_status status = MELE_ENOMEM;

    if (made == NULL)
        return mele_i_no_memory(error);
    made->temporary.file = -1;
    made->columns = table->columns;
    made->place = MELE_I_ARRAY(size_t, table->columns);
    made->number = MELE_I_ZEROED(double *, table->columns);
    if (made->place == NULL || made->number == NULL)
        mele_i_no_memory(error);
    else
        status = mele_i_temporary_open(&made->temporary, error);
    if (status != MELE_OK) {
        close_spill(made);
        return status;
    }
    for (size_t j = 0; j < table->columns; j++) {
        made->place[j] = made->width;
        made->width += mele_i_column_has_values(&table->cells[j].column);
    }
    made->width++;
    *out = made;
    return MELE_OK;
}

typedef struct adding {
    const spill *spill;
    const mele_table *table;
} adding;

static mele_status add_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const adding *a = context;
    const spill *s = a->spill;
    const size_t width = s->width;
    double *row = scratch;

    (void)partial;
    for (size_t j = 0; j < s->columns; j++) {
        const double *values = mele_i_column_has_values(&a->table->cells[j].column)
                                   ? a->table->cells[j].values + block.first : NULL;
        for (size_t i = 0; values != NULL && i < block.count; i++)
            row[i * width + s->place[j]] = values[i];
    }
    for (size_t i = 0; i < block.count; i++)
        row[(i + 1) * width - 1] = (double)mele_table_line(a->table, block.first + i);
    return mele_i_temporary_write(&s->temporary,
                                  (uint64_t)(s->rows + block.first) * width * sizeof *row, row,
                                  block.count * width * sizeof *row, error);
}

/* Add a table's rows. Its levels are still numbered as they came, after those of the rows before. */
static mele_status add_rows(spill *s, const mele_table *table, mele_engine *engine,
                            mele_error *error)
{
    adding context = {s, table};
    const size_t block_rows = mele_i_block_rows(s->width, BLOCK_NUMBERS, 1);
    mele_i_pass pass = {.rows = table->rows, .block_rows = block_rows, .map = add_block,
                        .scratch_bytes = block_rows * s->width * sizeof(double),
                        .context = &context};
    mele_status status = mele_i_pass_run(engine, &pass, error);

    if (status == MELE_OK)
        s->rows += table->rows;
    return status;
}

static bool sort_levels(mele_i_levels *levels, double **out)
{
    const size_t count = levels->names.count;
    size_t *sorted = MELE_I_ARRAY(size_t, count);
    double *number = MELE_I_ARRAY(double, count);
    bool done = sorted != NULL && number != NULL && mele_i_levels_sort(levels, sorted);

    for (size_t l = 0; l < count && done; l++)
        number[l] = (double)sorted[l];
    free(sorted);
    if (done)
        *out = number;
    else
        free(number);
    return done;
}

/* All rows are in: sort the table's levels, and go by that order from now on. */
static mele_status finish(spill *s, mele_table *table, mele_error *error)
{
    for (size_t j = 0; j < s->columns; j++) {
        mele_i_cells *cells = &table->cells[j];
        if (cells->column.kind == MELE_COLUMN_CATEGORY
            && !sort_levels(&cells->levels, &s->number[j]))
            return mele_i_no_memory(error);
    }
    return MELE_OK;
}

/* ---- reading ---- */

static size_t rows_of_spill(const mele_reader *reader)
{
    return ((const spill *)reader->source)->rows;
}

/* Numbers first .. first + count - 1 of the file. */
static mele_status read_numbers(const mele_reader *reader, uint64_t first, size_t count, double *out,
                                mele_error *error)
{
    size_t got = 0;
    mele_status status = mele_i_input_read_at(&reader->input, first * sizeof *out, out,
                                              count * sizeof *out, &got, error);

    if (status == MELE_OK && got < count * sizeof *out)
        status = mele_i_fail(error, MELE_EIO, "the temporary file became shorter");
    return status;
}

/* Whether columns stand side by side. */
static bool is_run(const spill *s, const size_t *column, size_t columns)
{
    bool found = true;

    for (size_t j = 1; j < columns && found; j++)
        found = s->place[column[j]] == s->place[column[0]] + j;
    return found;
}

/* Take the wanted columns out of whole rows. */
static void take_columns(const spill *s, const size_t *column, size_t columns,
                         const double *row, size_t rows, double *out)
{
    const bool run = is_run(s, column, columns);

    for (size_t i = 0; i < rows; i++, row += s->width, out += columns)
        if (run)
            memcpy(out, row + s->place[column[0]], columns * sizeof *out);
        else
            for (size_t j = 0; j < columns; j++)
                out[j] = row[s->place[column[j]]];
}

static void number_levels(const double *number, size_t rows, size_t stride, double *value)
{
    for (size_t i = 0; i < rows; i++, value += stride)
        if (!isnan(*value))
            *value = number[(size_t)*value];
}

static mele_status numbers_of_spill(const mele_reader *reader, const size_t *column, size_t columns,
                                    size_t first, size_t count, double *out, mele_error *error)
{
    const spill *s = reader->source;
    const size_t fit = STRIP_NUMBERS / s->width + 1, most = fit < count ? fit : count;
    double *strip = mele_i_array(most, s->width * sizeof *strip);
    mele_status status = strip == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (size_t done = 0; done < count && status == MELE_OK; done += most) {
        size_t rows = count - done < most ? count - done : most;
        status = read_numbers(reader, (uint64_t)(first + done) * s->width, rows * s->width,
                              strip, error);
        if (status == MELE_OK)
            take_columns(s, column, columns, strip, rows, out + done * columns);
    }
    for (size_t j = 0; j < columns && status == MELE_OK; j++)
        if (s->number[column[j]] != NULL)
            number_levels(s->number[column[j]], count, columns, out + j);
    free(strip);
    return status;
}

static mele_status line_of_spill(const mele_reader *reader, size_t row, size_t *line,
                                 mele_error *error)
{
    const spill *s = reader->source;
    double number;
    mele_status status = read_numbers(reader, (uint64_t)(row + 1) * s->width - 1, 1, &number,
                                      error);

    if (status == MELE_OK)
        *line = (size_t)number;
    return status;
}

static const mele_i_source_kind source_spill = {.rows = rows_of_spill,
                                                .numbers = numbers_of_spill,
                                                .line = line_of_spill,
                                                .close = close_spill};

/* ---- from one source to the other ---- */

/* Make it the reader's source, in place of the one that the rows came from. */
static void take_over(mele_reader *reader, spill *s)
{
    reader->kind->close(reader->source);
    mele_i_input_close(&reader->input);
    reader->kind = &source_spill;
    reader->source = s;
    reader->input = (mele_i_input){.file = s->temporary.file, .owned = true, .positioned = true};
    s->temporary.file = -1;
}

/* The table's rows go to the file, and then those that follow, some at a time. */
static mele_status pass_on(mele_reader *reader, mele_table *table, spill *s, mele_engine *engine,
                           mele_error *error)
{
    const size_t part = PART_NUMBERS / s->width + 1;
    mele_status status = MELE_OK;

    while (table->rows > 0 && status == MELE_OK) {
        status = add_rows(s, table, engine, error);
        mele_i_table_empty(table, part);
        if (status == MELE_OK)
            status = reader->kind->next(reader, part, engine, table, error);
    }
    return status;
}

mele_status mele_i_spill_table(mele_reader *reader, mele_table *table, mele_engine *engine,
                               mele_error *error)
{
    spill *s = NULL;
    mele_status status = new_spill(table, &s, error);

    if (status == MELE_OK)
        status = pass_on(reader, table, s, engine, error);
    if (status == MELE_OK)
        status = mele_i_reader_check_levels(reader, table, s->rows, error);
    if (status == MELE_OK)
        status = finish(s, table, error);
    if (status == MELE_OK)
        take_over(reader, s);
    else
        close_spill(s);
    return status;
}

mele_status mele_i_spill_read(mele_reader *reader, size_t most, mele_engine *engine,
                              mele_table **out, bool *spilled, mele_error *error)
{
    mele_table *table = NULL;
    mele_status status = mele_i_reader_settle(reader, engine, error);

    reader->started = true;
    if (status == MELE_OK)
        status = mele_i_table_new(reader->column, reader->columns, &table, error);
    if (status == MELE_OK)
        status = reader->kind->next(reader, most < SIZE_MAX ? most + 1 : 0, engine, table, error);
    *spilled = status == MELE_OK && table->rows > most;
    if (*spilled)
        status = mele_i_spill_table(reader, table, engine, error);
    else if (status == MELE_OK)
        status = mele_i_reader_check_levels(reader, table, table->rows, error);
    if (status == MELE_OK && !mele_i_table_finish(table))
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        *out = table;
    else
        mele_table_free(table);
    return status;
}
