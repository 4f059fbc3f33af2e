/* Lines without quotes between two records are cut without libcsv (csv_plain). It is fed line by line, so
 * that the line of every record is known, and with CSV_REPALL_NL, so that it tells of every end of a
 * line outside quotes: after a line it told of, the parser
 * stands between two records. libcsv drops spaces and tabs around cells that are not quoted.
 *
 * It is strict, since otherwise text after a closing quote opens the quotes again, which swallows
 * rows up to the next quote. Strict, it also stops at a quote in a cell without quotes, which is
 * harmless: then it goes on, for that one character, as if it were not strict.
 *
 * A row of more or fewer cells than columns is reported before what was wrong with its cells:
 * they are likely to stand in the wrong columns. */
#include "data/csv_chunk.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/quote.h"
#include "data/csv_line.h"
#include "data/csv_plain.h"

typedef struct chunk_column {
    mele_column_kind kind;
    mele_i_levels levels;
    mele_i_strings text;
    bool has_text;
} chunk_column;

/* ---- libcsv ---- */

/* libcsv asks for a little more each time; powers of two make that linear. */
static void *grow_cell(void *memory, size_t size)
{
    size_t room = 1024;

    while (room < size && room <= SIZE_MAX / 2)
        room *= 2;
    return realloc(memory, room < size ? size : room);
}

void mele_i_csv_parser_init(struct csv_parser *parser, char delimiter)
{
    csv_init(parser, CSV_REPALL_NL | CSV_STRICT); /* fails for NULL only */
    csv_set_delim(parser, (unsigned char)delimiter);
    csv_set_realloc_func(parser, grow_cell);
    csv_set_blk_size(parser, 65536);
}

/* The cell whose closing quote is followed by text: its content, and the quote. */
static mele_status refuse_text_after_quote(const struct csv_parser *parser, mele_error *error)
{
    const char *cell = (const char *)parser->entry_buf;
    size_t length = parser->entry_pos - parser->spaces;

    return mele_i_fail(error, MELE_EDATA, "text after the closing quote of %s (a quote within "
                       "quotes is written twice)",
                       mele_i_quote(cell, length > 0 ? length - 1 : 0).text);
}

mele_status mele_i_csv_feed(struct csv_parser *parser, const char *bytes, size_t length,
                            mele_i_csv_cell_fn *cell, mele_i_csv_row_fn *row, void *context,
                            mele_error *error)
{
    size_t done = csv_parse(parser, bytes, length, cell, row, context);

    while (done < length) {
        if (csv_error(parser) != CSV_EPARSE)
            return mele_i_no_memory(error);
        if (parser->quoted)
            return refuse_text_after_quote(parser, error);
        csv_set_opts(parser, CSV_REPALL_NL);
        size_t quote = csv_parse(parser, bytes + done, 1, cell, row, context);
        csv_set_opts(parser, CSV_REPALL_NL | CSV_STRICT);
        if (quote != 1)
            return mele_i_no_memory(error);
        done++;
        done += csv_parse(parser, bytes + done, length - done, cell, row, context);
    }
    return MELE_OK;
}

bool mele_i_csv_parser_finish(struct csv_parser *parser, mele_i_csv_cell_fn *cell,
                              mele_i_csv_row_fn *row, void *context)
{
    csv_set_opts(parser, CSV_REPALL_NL | CSV_STRICT | CSV_STRICT_FINI);
    bool closed = csv_fini(parser, cell, row, context) == 0;
    csv_set_opts(parser, CSV_REPALL_NL | CSV_STRICT);
    return closed;
}

/* ---- cells ---- */

static void run_out_of_memory(mele_i_csv_chunk *chunk)
{
    chunk->status = mele_i_no_memory(&chunk->error);
}

/* The cell is one of a column, or one too many. */
static void refuse_quotes(mele_i_csv_chunk *chunk, const char *what)
{
    const char *name = chunk->cell < chunk->format->columns ? chunk->columns[chunk->cell].name : "";
    mele_error *error = &chunk->error;

    if (name[0] == '\0')
        chunk->status = mele_i_fail_at(error, MELE_EDATA, chunk->record_line, "%s", what);
    else
        chunk->status = mele_i_fail_at(error, MELE_EDATA, chunk->record_line, "column %s: %s",
                                       mele_i_quote(name, strlen(name)).text, what);
}

static const char not_a_number[] = "is not a number";

static void refuse_cell(mele_i_csv_chunk *chunk, size_t j, const char *text, size_t length,
                        const char *what)
{
    const mele_i_column *column = &chunk->columns[j];
    bool is_text = what == not_a_number;
    mele_i_advice advice = {""};

    if (chunk->status != MELE_OK)
        return;
    if (is_text)
        advice = mele_i_advise(column, text, length, chunk->format->form);
    chunk->status = mele_i_fail_at(&chunk->error, MELE_EDATA, chunk->record_line,
                                   "column %s: %s %s%s",
                                   mele_i_quote(column->name, strlen(column->name)).text,
                                   mele_i_quote(text, length).text, what, advice.text);
}

static bool is_missing(const mele_i_csv_format *format, const char *text, size_t length)
{
    if (length > format->missing_longest)
        return false;
    for (size_t i = 0; i < format->missing.count; i++) {
        size_t known;
        const char *missing = mele_i_strings_at(&format->missing, i, &known);
        if (known == length && memcmp(missing, text, length) == 0)
            return true;
    }
    return false;
}

/* The infinity that a number too large, or a word for it, means. */
static double infinity_of(const char *text)
{
    return text[strspn(text, " \t")] == '-' ? -INFINITY : INFINITY;
}

static inline double number_cell(mele_i_csv_chunk *chunk, size_t j, const char *text, size_t length)
{
    double value;

    if (chunk->format->missing_number && is_missing(chunk->format, text, length))
        return NAN;
    mele_i_number_result result =
        mele_i_number_parse_mark(text, length, chunk->format->form.decimal, &value);
    if (result == MELE_I_NUMBER_OK)
        return value;
    if (is_missing(chunk->format, text, length))
        return NAN;
    if (result == MELE_I_NUMBER_INFINITE && chunk->format->infinite)
        return infinity_of(text);
    refuse_cell(chunk, j, text, length,
                result == MELE_I_NUMBER_NOT ? not_a_number : "is not a finite number");
    return NAN;
}

static double category_cell(mele_i_csv_chunk *chunk, size_t j, const char *text, size_t length)
{
    size_t index = 0;

    if (is_missing(chunk->format, text, length))
        return NAN;
    if (memchr(text, '\0', length) != NULL)
        refuse_cell(chunk, j, text, length, "holds a zero byte");
    else if (!mele_i_levels_index(&chunk->column[j].levels, text, length, &index))
        run_out_of_memory(chunk);
    return (double)index;
}

static void tally_cell(mele_i_csv_chunk *chunk, size_t j, const char *text, size_t length)
{
    const mele_i_csv_format *format = chunk->format;

    if (!mele_i_tally_add(&chunk->tally[j], text, length, is_missing(format, text, length),
                          format->form.decimal, chunk->first_line + chunk->record_line))
        run_out_of_memory(chunk);
}

static void on_cell(void *bytes, size_t length, void *context)
{
    mele_i_csv_chunk *chunk = context;
    const char *text = length == 0 ? "" : bytes;
    size_t j = chunk->cell++;

    if (j >= chunk->format->columns || chunk->status != MELE_OK)
        return;
    chunk_column *column = &chunk->column[j];
    double *at = chunk->at;
    chunk->at += chunk->capacity;
    switch (column->kind) {
    case MELE_COLUMN_NUMBER: *at = number_cell(chunk, j, text, length); break;
    case MELE_COLUMN_CATEGORY: *at = category_cell(chunk, j, text, length); break;
    case MELE_COLUMN_INFER: tally_cell(chunk, j, text, length); break;
    case MELE_COLUMN_TEXT:
    case MELE_COLUMN_SKIP: break;
    }
    if (column->has_text && !mele_i_strings_add(&column->text, text, length))
        run_out_of_memory(chunk);
}

/* ---- rows ---- */

static bool add_run(mele_i_csv_chunk *chunk)
{
    size_t count = chunk->run_count;

    if (count > 0) {
        const mele_i_line_run *last = &chunk->runs[count - 1];
        if (chunk->record_line - last->line == chunk->rows - last->row)
            return true;
    }
    if (count == chunk->run_room) {
        size_t room = count + count / 2 + 16;
        mele_i_line_run *runs = mele_i_grow(chunk->runs, room, sizeof *runs);
        if (runs == NULL)
            return false;
        chunk->runs = runs;
        chunk->run_room = room;
    }
    chunk->runs[chunk->run_count++] = (mele_i_line_run){chunk->rows, chunk->record_line};
    return true;
}

static void end_row(mele_i_csv_chunk *chunk)
{
    const mele_i_csv_format *format = chunk->format;

    if (chunk->cell != format->columns && chunk->status != MELE_ENOMEM)
        chunk->status = mele_i_fail_at(
            &chunk->error, MELE_EDATA, chunk->record_line, "%zu cell%s where the %s has %zu%s",
            chunk->cell, chunk->cell == 1 ? "" : "s", format->has_header ? "header" : "first row",
            format->columns, chunk->cell < format->columns || !format->has_header ? ""
                             : " (a column of row names needs a name there; a cell that holds the "
                               "delimiter, quotes)");
    if (chunk->status == MELE_OK && !add_run(chunk))
        run_out_of_memory(chunk);
    chunk->rows += chunk->status == MELE_OK;
}

/* The end of a line outside quotes. After a CR, that of its LF is told of as well, and must not
 * pass for another line. */
static void on_row(int terminator, void *context)
{
    mele_i_csv_chunk *chunk = context;

    (void)terminator;
    chunk->ended = true;
    if (chunk->cell == 0 && chunk->format->columns == 1 && !chunk->row_ended)
        on_cell(NULL, 0, chunk); /* an empty line is an empty cell */
    if (chunk->cell > 0) {
        if (chunk->status == MELE_OK || chunk->cell != chunk->format->columns)
            end_row(chunk);
        chunk->row_ended = true;
    }
    chunk->cell = 0;
    chunk->at = chunk->values + (chunk->capacity > 0 ? chunk->rows : 0);
}

/* ---- the chunk ---- */

/* How many rows the bytes can hold at most: each ends a line, and has a byte for every cell. */
static size_t most_rows(const mele_i_csv_chunk *chunk)
{
    mele_i_csv_lines lines = {chunk->bytes, chunk->bytes + chunk->length, true, NULL, NULL};
    size_t count = 0, most = chunk->length / chunk->format->columns + 1;

    for (size_t length; (length = mele_i_csv_line_length(&lines)) > 0; lines.at += length)
        count++;
    return count < most ? count : most;
}

static bool prepare_columns(mele_i_csv_chunk *chunk)
{
    size_t columns = chunk->format->columns;

    if (chunk->column == NULL)
        chunk->column = MELE_I_ZEROED(chunk_column, columns);
    if (chunk->column == NULL)
        return false;
    for (size_t j = 0; j < columns; j++) {
        chunk_column *column = &chunk->column[j];
        column->kind = chunk->columns[j].kind;
        column->has_text = mele_i_column_has_text(&chunk->columns[j]);
        mele_i_levels_clear(&column->levels);
        mele_i_strings_clear(&column->text);
    }
    return true;
}

static bool prepare_values(mele_i_csv_chunk *chunk)
{
    size_t cells;

    chunk->capacity = chunk->tally == NULL ? most_rows(chunk) : 0;
    if (__builtin_mul_overflow(chunk->capacity, chunk->format->columns, &cells))
        return false;
    if (cells > chunk->values_room || chunk->values == NULL) {
        free(chunk->values);
        chunk->values_room = 0;
        chunk->values = MELE_I_ARRAY(double, cells);
        if (chunk->values == NULL)
            return false;
        chunk->values_room = cells;
    }
    chunk->at = chunk->values;
    return true;
}

static bool prepare(mele_i_csv_chunk *chunk)
{
    chunk->status = MELE_OK;
    chunk->rows = chunk->consumed = chunk->lines = 0;
    chunk->run_count = chunk->cell = chunk->record_line = 0;
    if (!chunk->has_parser)
        mele_i_csv_parser_init(&chunk->parser, chunk->format->form.delimiter);
    chunk->has_parser = true;
    return prepare_columns(chunk) && prepare_values(chunk);
}

/* between: the parser stands between two records. */
static void feed_line(mele_i_csv_chunk *chunk, const char *line, size_t length, bool between)
{
    mele_error error;

    chunk->ended = chunk->row_ended = false;
    if (between && mele_i_csv_is_plain(line, length)) {
        mele_i_csv_plain_line(line, length, chunk->format->form.delimiter, on_cell, on_row, chunk);
        return;
    }
    mele_status status =
        mele_i_csv_feed(&chunk->parser, line, length, on_cell, on_row, chunk, &error);
    if (status == MELE_ENOMEM)
        run_out_of_memory(chunk);
    else if (status != MELE_OK && chunk->status == MELE_OK)
        refuse_quotes(chunk, error.message);
}

static bool wants_more(const mele_i_csv_chunk *chunk)
{
    return chunk->status == MELE_OK
           && (chunk->tally == NULL || chunk->rows < MELE_I_TYPING_ROWS);
}

static void parse_lines(mele_i_csv_chunk *chunk)
{
    mele_i_csv_lines lines = {chunk->bytes, chunk->bytes + chunk->length, chunk->final, NULL, NULL};
    size_t number = 0;

    for (size_t length;
         wants_more(chunk) && (length = mele_i_csv_line_length(&lines)) > 0;) {
        feed_line(chunk, lines.at, length, lines.at == chunk->bytes + chunk->consumed);
        lines.at += length;
        number++;
        if (chunk->ended) {
            chunk->consumed = (size_t)(lines.at - chunk->bytes);
            chunk->lines = chunk->record_line = number;
        }
    }
}

/* The file ends within a line, or within a quote. */
static void finish_file(mele_i_csv_chunk *chunk)
{
    if (!mele_i_csv_parser_finish(&chunk->parser, on_cell, on_row, chunk))
        chunk->status = mele_i_fail_at(&chunk->error, MELE_EDATA, chunk->record_line,
                                       "a quote is opened and not closed");
    chunk->consumed = chunk->length;
}

void mele_i_csv_chunk_parse(mele_i_csv_chunk *chunk)
{
    if (!prepare(chunk)) {
        run_out_of_memory(chunk);
        return;
    }
    parse_lines(chunk);
    if (chunk->final && wants_more(chunk) && chunk->consumed < chunk->length)
        finish_file(chunk);
    csv_fini(&chunk->parser, NULL, NULL, NULL); /* forget a record that is not complete */
}

void mele_i_csv_chunk_free(mele_i_csv_chunk *chunk)
{
    for (size_t j = 0; chunk->column != NULL && j < chunk->format->columns; j++) {
        mele_i_levels_free(&chunk->column[j].levels);
        mele_i_strings_free(&chunk->column[j].text);
    }
    free(chunk->column);
    free(chunk->values);
    free(chunk->runs);
    if (chunk->has_parser)
        csv_free(&chunk->parser);
}

/* ---- delivery ---- */

/* From the chunk's numbers of levels to the table's; the table learns those that occur. */
static bool deliver_levels(const chunk_column *column, const double *from, size_t count,
                           mele_i_levels *levels, double *to)
{
    size_t known = column->levels.names.count;
    double *number = MELE_I_ARRAY(double, known);
    bool done = number != NULL;

    for (size_t l = 0; l < known && done; l++)
        number[l] = NAN;
    for (size_t i = 0; i < count && done; i++) {
        to[i] = NAN;
        if (isnan(from[i]))
            continue;
        size_t local = (size_t)from[i], length, index = 0;
        if (isnan(number[local])) {
            const char *name = mele_i_strings_at(&column->levels.names, local, &length);
            done = mele_i_levels_index(levels, name, length, &index);
            number[local] = (double)index;
        }
        to[i] = number[local];
    }
    free(number);
    return done;
}

static bool deliver_column(const mele_i_csv_chunk *chunk, size_t j, size_t first, size_t count,
                           mele_table *table)
{
    const chunk_column *column = &chunk->column[j];
    const double *from = chunk->values + j * chunk->capacity + first;
    mele_i_cells *cells = &table->cells[j];
    bool done = true;

    if (column->kind == MELE_COLUMN_CATEGORY)
        done = deliver_levels(column, from, count, &cells->levels, cells->values + table->rows);
    else if (mele_i_column_has_values(&cells->column))
        memcpy(cells->values + table->rows, from, count * sizeof *from);
    if (done && column->has_text)
        done = mele_i_strings_add_all(&cells->text, &column->text, first, count);
    return done;
}

static bool deliver_lines(const mele_i_csv_chunk *chunk, size_t first, size_t count, size_t line,
                          mele_table *table)
{
    size_t last = first + count;
    bool done = true;

    for (size_t r = 0; r < chunk->run_count && done; r++) {
        const mele_i_line_run *run = &chunk->runs[r];
        size_t next = r + 1 < chunk->run_count ? run[1].row : chunk->rows;
        size_t row = run->row < first ? first : run->row;
        if (row < next && row < last)
            done = mele_i_table_add_line(table, table->rows + row - first,
                                         line + run->line + (row - run->row));
    }
    return done;
}

bool mele_i_csv_chunk_deliver(const mele_i_csv_chunk *chunk, size_t first, size_t count,
                              size_t line, mele_table *table)
{
    bool done = deliver_lines(chunk, first, count, line, table);

    for (size_t j = 0; j < table->columns && done; j++)
        done = deliver_column(chunk, j, first, count, table);
    if (done)
        table->rows += count;
    return done;
}
