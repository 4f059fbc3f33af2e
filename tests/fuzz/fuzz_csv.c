/* Text files: however a file is read, also through a temporary file, the same table or the same error
 * comes of it, and the rows before the error with it; and what was read, written as CSV, is read
 * again as the same cells.
 *
 * The first line says how to read: n: no header; i: infinite values are kept; s: skip every other
 * column; c: the columns are categories; x: they are text; the first digit d: chunks of 2^d bytes;
 * the second: rows in a part; one of , ; : | the delimiter; f: it is found; d: decimal commas; the
 * rest after =: what counts as missing. The file follows. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/spill.h"
#include "fuzz/fuzz.h"

enum { ONE_CHUNK = 8192 }; /* bytes: more than an input has */

typedef struct manner {
    mele_table_options table;
    bool skip;
    mele_column_kind kind;
    bool keep_text;
    size_t chunk_bytes;
    size_t part; /* rows at a time; 0: all */
    mele_engine *engine;
} manner;

static manner manner_of(const char *line)
{
    manner m = {
        .table = mele_table_defaults(), .kind = MELE_COLUMN_INFER, .chunk_bytes = 16, .part = 3};
    int digits = 0;

    m.table.delimiter = ',';
    for (; *line != '\0' && *line != '='; line++)
        switch (*line) {
        case 'n': m.table.header = false; break;
        case 'i': m.table.infinite = true; break;
        case 's': m.skip = true; break;
        case 'c': m.kind = MELE_COLUMN_CATEGORY; break;
        case 'x': m.kind = MELE_COLUMN_TEXT; break;
        case 'f': m.table.delimiter = '\0'; break;
        case 'd': m.table.decimal = ','; break;
        case ',':
        case ';':
        case ':':
        case '|': m.table.delimiter = *line; break;
        default:
            if (*line >= '0' && *line <= '9') {
                if (digits++ == 0)
                    m.chunk_bytes = (size_t)1 << (*line - '0');
                else
                    m.part = (size_t)(*line - '0');
            }
        }
    if (*line == '=')
        m.table.missing = line + 1;
    return m;
}

/* A row as text, so that tables with other levels compare. */
static void describe_row(const mele_table *table, size_t i, mele_text *out)
{
    mele_text_number(out, (double)mele_table_line(table, i));
    for (size_t j = 0; j < mele_table_columns(table); j++) {
        const double *values = mele_table_values(table, j);
        size_t length = 0;
        const char *text = mele_table_text(table, i, j, &length);
        if (text != NULL)
            mele_text_cell(out, text, length);
        if (values != NULL && mele_table_kind(table, j) == MELE_COLUMN_CATEGORY
            && !isnan(values[i]))
            fuzz_level(mele_table_level(table, j, (size_t)values[i]), out);
        else if (values != NULL)
            mele_text_number(out, values[i]);
    }
    mele_text_newline(out);
}

static void describe_table(const mele_table *table, mele_text *out)
{
    for (size_t j = 0; j < mele_table_columns(table); j++) {
        size_t levels =
            mele_table_kind(table, j) == MELE_COLUMN_CATEGORY ? mele_table_levels(table, j) : 0;
        for (size_t l = 1; l < levels; l++)
            FUZZ_CHECK(strcmp(mele_table_level(table, j, l - 1), mele_table_level(table, j, l)) < 0,
                       "levels of column %zu are not sorted", j);
    }
    for (size_t i = 0; i < mele_table_rows(table); i++)
        describe_row(table, i, out);
}

/* What reading comes to. */
typedef struct outcome {
    mele_status status;
    mele_error error;
    mele_text *names, *rows;
    size_t columns, count;
} outcome;

static void clear(outcome *o)
{
    mele_text_free(o->names);
    mele_text_free(o->rows);
}

static void read_parts(mele_reader *reader, const manner *m, outcome *o)
{
    for (bool more = true; more && o->status == MELE_OK;) {
        mele_table *table = NULL;
        o->status = mele_reader_next(reader, m->part, m->engine, &table, &o->error);
        FUZZ_CHECK((table != NULL) == (o->status == MELE_OK), "a failed call made a table");
        if (table == NULL)
            return;
        more = mele_table_rows(table) > 0;
        o->count += mele_table_rows(table);
        describe_table(table, o->rows);
        mele_table_free(table);
    }
}

static outcome read_file(const char *path, const manner *m)
{
    outcome o = {MELE_OK, {MELE_OK, 0, ""}, NULL, NULL, 0, 0};
    mele_reader *reader = NULL;

    mele_text_new(',', &o.names, NULL);
    mele_text_new(',', &o.rows, NULL);
    o.status = mele_i_reader_open(path, &m->table, m->chunk_bytes, &reader, &o.error);
    o.columns = reader == NULL ? 0 : mele_reader_columns(reader);
    for (size_t j = 0; j < o.columns; j++) {
        const char *name = mele_reader_name(reader, j);
        mele_text_cell(o.names, name, strlen(name));
        mele_column_kind kind = m->skip && j % 2 == 1 ? MELE_COLUMN_SKIP : m->kind;
        mele_reader_want(reader, j, kind, m->keep_text, NULL);
    }
    if (o.status == MELE_OK)
        read_parts(reader, m, &o);
    mele_reader_close(reader);
    fuzz_check_status(o.status, &o.error);
    return o;
}

/* The rows of `other` are the first of `one`, or all. */
static void check_rows(const mele_text *one, const mele_text *other, bool all, const char *what)
{
    size_t length = mele_text_length(other);

    FUZZ_CHECK(
        (all ? length == mele_text_length(one) : length <= mele_text_length(one))
            && (length == 0 || memcmp(mele_text_data(one), mele_text_data(other), length) == 0),
        "%s:\n%.*s---\n%.*s", what, (int)mele_text_length(one), mele_text_data(one), (int)length,
        mele_text_data(other));
}

/* Reading in another manner, against reading row by row. A part with an error is not there. */
static void compare(const outcome *expected, const char *path, const manner *m, const char *what)
{
    outcome o = read_file(path, m);
    bool all = expected->status == MELE_OK;
    size_t count = all            ? expected->count
                   : m->part == 0 ? 0
                                  : expected->count - expected->count % m->part;

    fuzz_check_same(expected->status, &expected->error, o.status, &o.error, what);
    check_rows(expected->names, o.names, true, what);
    check_rows(expected->rows, o.rows, all, what);
    FUZZ_CHECK(o.count == count, "%s: %zu rows, not %zu", what, o.count, count);
    clear(&o);
}

/* All rows, of columns that have numbers: as a table, or of more than `most` rows in a temporary
 * file. */
static mele_status read_all(const char *path, const manner *m, size_t most, mele_reader **reader,
                            mele_table **table, bool *spilled, mele_error *error)
{
    mele_status status = mele_i_reader_open(path, &m->table, m->chunk_bytes, reader, error);

    *spilled = false;
    for (size_t j = 0; status == MELE_OK && j < mele_reader_columns(*reader); j++)
        mele_reader_want(*reader, j, m->skip && j % 2 == 1 ? MELE_COLUMN_SKIP : m->kind, false, NULL);
    if (status == MELE_OK)
        status = mele_i_spill_read(*reader, most, m->engine, table, spilled, error);
    fuzz_check_status(status, error);
    return status;
}

static void check_spilled_row(const mele_table *table, const mele_table *levels,
                              const mele_reader *reader, size_t i)
{
    size_t line = 0;
    double value = 0;

    FUZZ_CHECK(mele_i_reader_line(reader, i, &line, NULL) == MELE_OK
                   && line == mele_table_line(table, i),
               "row %zu: line %zu", i, line);
    for (size_t j = 0; j < mele_table_columns(table); j++) {
        if (mele_table_values(table, j) == NULL)
            continue;
        const double expected = mele_table_values(table, j)[i];
        FUZZ_CHECK(mele_i_reader_numbers(reader, &j, 1, i, 1, &value, NULL) == MELE_OK
                       && (isnan(expected) ? isnan(value) : value == expected),
                   "row %zu, column %zu: %g and %g", i, j, expected, value);
        FUZZ_CHECK(mele_table_kind(table, j) != MELE_COLUMN_CATEGORY || isnan(value)
                       || strcmp(mele_table_level(table, j, (size_t)value),
                                 mele_table_level(levels, j, (size_t)value)) == 0,
                   "row %zu, column %zu: another level", i, j);
    }
}

/* Rows in a temporary file, against those of a table. */
static void check_spilling(const char *path, const manner *m)
{
    mele_reader *held = NULL, *reader = NULL;
    mele_table *table = NULL, *levels = NULL;
    mele_error held_error = {MELE_OK, 0, ""}, error = {MELE_OK, 0, ""};
    bool spilled;
    mele_status status = read_all(path, m, SIZE_MAX, &held, &table, &spilled, &held_error);

    fuzz_check_same(status, &held_error,
                    read_all(path, m, m->part, &reader, &levels, &spilled, &error), &error,
                    "through a temporary file");
    if (status == MELE_OK) {
        const size_t rows = mele_table_rows(table);
        FUZZ_CHECK(spilled == (rows > m->part), "%zu rows", rows);
        FUZZ_CHECK(!spilled || mele_i_reader_rows(reader) == rows, "not %zu rows", rows);
        for (size_t i = 0; i < rows && spilled; i++)
            check_spilled_row(table, levels, reader, i);
    }
    mele_table_free(table);
    mele_table_free(levels);
    mele_reader_close(held);
    mele_reader_close(reader);
}

/* Write what was read as text, without the lines' numbers, and read that. */
static void check_writing(const char *path, const manner *like)
{
    manner m = *like;

    m.kind = MELE_COLUMN_TEXT;
    m.skip = false;
    outcome first = read_file(path, &m);
    if (first.status == MELE_OK && first.count > 0) {
        fuzz_text lines = {NULL, 0};
        manner again = m;
        again.table.delimiter = ',';
        again.table.header = false;
        fuzz_gather(mele_text_data(first.rows), mele_text_length(first.rows), &lines);
        outcome second = read_file(fuzz_file("rows.csv", lines.text, lines.length), &again);
        FUZZ_CHECK(second.status == MELE_OK, "%s", second.error.message);
        FUZZ_CHECK(second.count == first.count && second.columns == first.columns + 1,
                   "%zu x %zu became %zu x %zu", first.count, first.columns, second.count,
                   second.columns);
        free(lines.text);
        clear(&second);
    }
    clear(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
    size_t length = end == NULL ? size : (size_t)(end - data);
    char line[64] = "";

    memcpy(line, data, length < sizeof line ? length : sizeof line - 1);
    manner m = manner_of(line);
    const char *path = end == NULL ? fuzz_file("rows.csv", "", 0)
                                   : fuzz_file("rows.csv", end + 1, size - length - 1);
    manner plain = m;
    plain.part = 1;
    outcome expected = read_file(path, &plain);

    compare(&expected, path, &m, "in parts, small chunks");
    m.engine = fuzz_threads();
    compare(&expected, path, &m, "in parts, small chunks, threads");
    m.part = 0;
    compare(&expected, path, &m, "at once, small chunks, threads");
    m.engine = NULL;
    m.chunk_bytes = ONE_CHUNK;
    compare(&expected, path, &m, "at once, one chunk");
    m.part = plain.part;
    m.chunk_bytes = plain.chunk_bytes;
    fuzz_standard_input(path);
    if (strncmp(expected.error.message, "it is ", 6) != 0) /* another format: the file is named */
        compare(&expected, "-", &m, "standard input");
    check_writing(path, &plain);
    if (plain.kind != MELE_COLUMN_TEXT) {
        check_spilling(path, &plain);
        m.part = 5;
        check_spilling(path, &m);
    }
    clear(&expected);
    return 0;
}
