/* CSV files of any size, on several threads.
 *
 * The file passes through a window of a few megabytes. Each window begins where a record does
 * and is cut into chunks at line ends near fixed positions; of these, the ones that lie outside
 * quotes when every quote opens or closes a cell. Chunks are parsed in parallel, each as though
 * its cut were right, and delivered in order. A cut is right exactly if the parser of the chunk
 * before it, which began at a true record, ends there between two records. If it does not (a
 * stray quote misled the cutting), everything behind the last complete record of that chunk is
 * parsed again, as one chunk. What columns hold was decided by the first rows before. So results
 * depend on the file alone.
 *
 * What follows the last complete record stays for the next window, which grows when a record does
 * not fit. */
#include "data/csv_chunk.h"
#include "data/csv_first.h"
#include "data/foreign.h"
#include "data/reader.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/quote.h"
#include "engine/pass.h"

#define CHUNK_BYTES ((size_t)1 << 18)
#define CHUNKS 32                     /* in a window */
#define MOST_WINDOW ((size_t)1 << 26) /* so no record is longer than half of it */

typedef struct csv_source {
    mele_i_csv_format format;
    mele_i_column *sampled; /* the columns, all to be inferred */
    bool find_delimiter, told; /* the delimiter is to be found; a line "sep=;" told it */

    /* the window */
    char *window;
    size_t chunk_bytes, room; /* room: chunk_bytes for each chunk */
    size_t start, filled;     /* bytes start .. filled - 1 wait to be parsed */
    bool ended;               /* the file has no bytes beyond the window */
    bool tried;               /* they were looked at, and the window must hold more */
    uint64_t offset;          /* in the file, of the window's end */

    /* its chunks: those from `current` on wait to be delivered, from row `row` on */
    mele_i_csv_chunk chunk[CHUNKS];
    size_t count, current, row;
    bool again;         /* the current chunk begins at `start`, not where it was cut */
    size_t lines;       /* of the file before the current chunk */
    uint64_t delivered; /* bytes before it, less those of the header */
} csv_source;

static void close_csv(void *state)
{
    csv_source *source = state;

    if (source == NULL)
        return;
    for (size_t k = 0; k < CHUNKS; k++)
        mele_i_csv_chunk_free(&source->chunk[k]);
    mele_i_strings_free(&source->format.missing);
    free(source->sampled);
    free(source->window);
    free(source);
}

/* ---- filling the window ---- */

/* One piece of the window, as long as a chunk. */
typedef struct fill_piece {
    size_t got;    /* bytes read */
    size_t quotes; /* in all its bytes */
} fill_piece;

typedef struct fill_run {
    csv_source *source;
    const mele_i_input *input;
    size_t kept; /* bytes that were in the window before */
    fill_piece piece[CHUNKS];
} fill_run;

/* Where reading begins in piece k: behind the bytes kept. */
static size_t fill_from(const fill_run *run, size_t k)
{
    size_t first = k * run->source->chunk_bytes;

    return first < run->kept ? run->kept : first;
}

static size_t fill_to(const fill_run *run, size_t k)
{
    return (k + 1) * run->source->chunk_bytes;
}

static size_t count_quotes(const char *at, size_t length)
{
    const char *end = at + length;
    size_t count = 0;

    while (end - at >= 128) { /* a constant length, which compilers turn into vectors */
        unsigned char block = 0;
        for (int i = 0; i < 128; i++)
            block = (unsigned char)(block + (at[i] == '"'));
        count += block;
        at += 128;
    }
    for (; at < end; at++)
        count += *at == '"';
    return count;
}

/* Count the quotes of piece k; it holds bytes up to `filled`. */
static void count_piece(fill_run *run, size_t k, size_t filled)
{
    size_t first = k * run->source->chunk_bytes;
    size_t last = fill_to(run, k) < filled ? fill_to(run, k) : filled;

    if (first < last)
        run->piece[k].quotes = count_quotes(run->source->window + first, last - first);
}

static mele_status read_piece(void *context, size_t k, mele_engine *engine, mele_error *error)
{
    fill_run *run = context;
    size_t from = fill_from(run, k), to = fill_to(run, k);
    size_t *got = &run->piece[k].got;
    mele_status status = MELE_OK;

    (void)engine;
    if (from < to)
        status = mele_i_input_read_at(run->input, run->source->offset + (from - run->kept),
                                      run->source->window + from, to - from, got, error);
    count_piece(run, k, from < to ? from + *got : to);
    return status;
}

/* Read pieces of a file in parallel; what follows the first short one lies beyond the end. */
static mele_status fill_from_file(fill_run *run, mele_engine *engine, mele_error *error)
{
    csv_source *source = run->source;
    uint64_t left = run->input->size > source->offset ? run->input->size - source->offset : 0;
    size_t pieces = (size_t)((run->kept + left) / source->chunk_bytes) + 1;
    mele_i_tasks tasks = {pieces < CHUNKS ? pieces : CHUNKS, read_piece, NULL, run, NULL};
    mele_status status = mele_i_tasks_run(engine, &tasks, error);

    source->ended = false;
    for (size_t k = 0; k < tasks.count && status == MELE_OK && !source->ended; k++) {
        size_t from = fill_from(run, k), to = fill_to(run, k);
        source->filled += run->piece[k].got;
        source->offset += run->piece[k].got;
        source->ended = from < to && run->piece[k].got < to - from;
    }
    return status;
}

static mele_status fill_from_stream(fill_run *run, mele_error *error)
{
    csv_source *source = run->source;
    size_t got = 0;
    mele_status status = MELE_OK;

    if (!source->ended)
        status = mele_i_input_read(run->input, source->window + run->kept, source->room - run->kept,
                                   &got, error);
    source->filled += got;
    source->offset += got;
    source->ended = source->filled < source->room;
    for (size_t k = 0; k < CHUNKS; k++)
        count_piece(run, k, source->filled);
    return status;
}

static mele_status grow_window(csv_source *source, mele_error *error)
{
    size_t chunk_bytes = source->room == 0 ? source->chunk_bytes : 2 * source->chunk_bytes;

    if (chunk_bytes > MOST_WINDOW / CHUNKS)
        return mele_i_fail_at(error, MELE_EDATA, source->lines + 1,
                              "a record of more than %zu bytes begins here: is a quote not closed?",
                              MOST_WINDOW / 2);
    char *window = mele_i_grow(source->window, chunk_bytes * CHUNKS, 1);
    if (window == NULL)
        return mele_i_no_memory(error);
    source->window = window;
    source->chunk_bytes = chunk_bytes;
    source->room = chunk_bytes * CHUNKS;
    return MELE_OK;
}

/* Move what waits to the window's front, fill the rest and count the quotes. Past the end of the
 * file nothing more comes. */
static mele_status fill(csv_source *source, fill_run *run, mele_engine *engine, mele_error *error)
{
    size_t kept = source->filled - source->start;
    mele_status status = MELE_OK;

    if (source->start > 0)
        memmove(source->window, source->window + source->start, kept);
    source->start = 0;
    source->filled = run->kept = kept;
    if (kept == source->room && (source->tried || kept == 0))
        status = grow_window(source, error);
    source->tried = false;
    if (status == MELE_OK)
        status = run->input->positioned ? fill_from_file(run, engine, error)
                                        : fill_from_stream(run, error);
    return status;
}

/* ---- cutting it ---- */

/* Behind the first line end outside quotes in bytes at .. end - 1; 0 when there is none. */
static size_t find_cut(const char *window, size_t at, size_t end, bool within)
{
    for (; at < end; at++) {
        if (window[at] == '"')
            within = !within;
        else if (window[at] == '\n' && !within)
            return at + 1;
    }
    return 0;
}

static void set_chunk(csv_source *source, const mele_i_column *columns, size_t k, size_t from,
                      size_t to)
{
    mele_i_csv_chunk *chunk = &source->chunk[k];

    chunk->format = &source->format;
    chunk->columns = columns;
    chunk->bytes = source->window + from;
    chunk->length = to - from;
    chunk->final = source->ended && to == source->filled;
}

static void cut(csv_source *source, const mele_i_column *columns, const fill_run *run)
{
    size_t from = 0, quotes = 0, bytes = source->chunk_bytes;

    source->count = source->current = source->row = 0;
    for (size_t k = 1; k * bytes < source->filled && k < CHUNKS; k++) {
        size_t end = (k + 1) * bytes < source->filled ? (k + 1) * bytes : source->filled;
        quotes += run->piece[k - 1].quotes;
        size_t to = find_cut(source->window, k * bytes, end, quotes % 2 != 0);
        if (to == 0 || to == source->filled)
            continue;
        set_chunk(source, columns, source->count++, from, to);
        from = to;
    }
    if (from < source->filled)
        set_chunk(source, columns, source->count++, from, source->filled);
}

/* ---- parsing and delivering ---- */

typedef struct next_run {
    mele_reader *reader;
    csv_source *source;
    mele_table *table;
    size_t most;
    mele_status status;
    mele_error error;
} next_run;

static void fail_run(next_run *run, mele_status status, const mele_error *error)
{
    run->status = status;
    run->error = *error;
    run->error.line += status == MELE_EDATA ? run->source->lines + 1 : 0;
}

/* Make room for `count` more rows. When all are wanted, the number that the file will have is
 * guessed from the rows so far. */
static bool reserve(const next_run *run, size_t count)
{
    const mele_table *table = run->table;
    const csv_source *source = run->source;
    size_t rows = table->rows + count, hoped = rows + rows / 2;
    double size = (double)run->reader->input.size;
    double done = (double)(source->delivered + source->chunk[source->current].consumed);

    if (rows <= table->room)
        return true;
    if (run->most > 0 && hoped > run->most)
        hoped = run->most;
    if (run->most == 0 && size > done && done > 0)
        hoped = (size_t)(1.01 * (double)rows * (size / done)) + 1000;
    return mele_i_table_reserve(run->table, rows, hoped);
}

/* Take rows of the current chunk until the table has enough or the chunk is used up. */
static void take_rows(next_run *run)
{
    csv_source *source = run->source;
    mele_i_csv_chunk *chunk = &source->chunk[source->current];
    size_t count = chunk->rows - source->row, wanted = run->most - run->table->rows;

    if (run->most > 0 && wanted < count)
        count = wanted;
    if (count == 0)
        return;
    if (!reserve(run, count)
        || !mele_i_csv_chunk_deliver(chunk, source->row, count, source->lines + 1, run->table))
        run->status = mele_i_no_memory(&run->error);
    source->row += count;
}

/* The current chunk is used up. What follows its last record is the next chunk's, or the next
 * window's; if chunks were cut off behind it, those cuts were wrong. */
static void leave_chunk(csv_source *source)
{
    mele_i_csv_chunk *chunk = &source->chunk[source->current];
    size_t rest = chunk->length - chunk->consumed;

    source->lines += chunk->lines;
    source->delivered += chunk->consumed;
    source->start = (size_t)(chunk->bytes - source->window) + chunk->consumed;
    source->row = 0;
    source->current++;
    if (rest > 0 && source->current < source->count) {
        source->count = source->current + 1;
        source->again = true;
    }
}

static bool is_full(const next_run *run)
{
    return run->most > 0 && run->table->rows == run->most;
}

/* Deliver the current chunk, as far as it can be while others are still being parsed. */
static void deliver(next_run *run)
{
    csv_source *source = run->source;
    mele_i_csv_chunk *chunk = &source->chunk[source->current];

    if (source->again || run->status != MELE_OK || is_full(run))
        return;
    take_rows(run);
    if (run->status != MELE_OK || is_full(run)) /* a failure behind these rows is the next call's */
        return;
    if (chunk->status != MELE_OK)
        fail_run(run, chunk->status, &chunk->error);
    else
        leave_chunk(source);
}

static mele_status parse_chunk(void *context, size_t k, mele_engine *engine, mele_error *error)
{
    next_run *run = context;

    (void)engine;
    (void)error;
    mele_i_csv_chunk_parse(&run->source->chunk[k]);
    return MELE_OK;
}

static void take_chunk(void *context, size_t k)
{
    (void)k; /* it is the current one, unless delivery has stopped */
    deliver(context);
}

/* Deliver what is left of the window, parsing again from where a cut was wrong. */
static void deliver_rest(next_run *run)
{
    csv_source *source = run->source;

    while (source->current < source->count && run->status == MELE_OK && !is_full(run)) {
        if (source->again) {
            set_chunk(source, run->reader->column, source->current, source->start,
                      source->filled);
            mele_i_csv_chunk_parse(&source->chunk[source->current]);
            source->again = false;
        }
        deliver(run);
    }
}

static mele_status parse_window(next_run *run, mele_engine *engine, mele_error *error)
{
    csv_source *source = run->source;
    const mele_i_input *input = &run->reader->input;
    fill_run filling = {source, input, 0, {{0, 0}}};
    mele_status status = fill(source, &filling, engine, error);

    if (status != MELE_OK)
        return status;
    cut(source, run->reader->column, &filling);
    source->tried = true;
    mele_i_tasks tasks = {source->count, parse_chunk, take_chunk, run, NULL};
    status = mele_i_tasks_run(engine, &tasks, error);
    if (status == MELE_OK)
        status = mele_i_reader_progress(run->reader, engine, (size_t)source->offset,
                                        (size_t)input->size, error);
    return status;
}

static mele_status next_csv(mele_reader *reader, size_t most, mele_engine *engine,
                            mele_table *table, mele_error *error)
{
    csv_source *source = reader->source;
    next_run run = {reader, source, table, most, MELE_OK, {MELE_OK, 0, ""}};
    mele_status status = MELE_OK;

    deliver_rest(&run);
    while (status == MELE_OK && run.status == MELE_OK && !is_full(&run)
           && (!source->ended || source->start < source->filled)) {
        status = parse_window(&run, engine, error);
        if (status == MELE_OK)
            deliver_rest(&run);
    }
    if (status == MELE_OK && run.status != MELE_OK) {
        status = run.status;
        *error = run.error;
    }
    return status;
}

/* ---- the first rows ---- */

#define MOST_SAMPLE ((size_t)1 << 26) /* bytes; a window no longer than this shows them */

#define BEGINNING 256 /* bytes that tell what a file is */

/* Where the first record can begin, and what delimits cells; false when the window shows too little
 * of the file to know. */
static bool begin(csv_source *source, mele_i_csv_first *record)
{
    const char *bytes = source->window;
    size_t mark = mele_i_csv_mark_length(bytes, source->filled);
    char told = '\0';
    size_t line = mele_i_csv_separator_line(bytes + mark, source->filled - mark, &told);
    size_t from = mark + line;
    mele_i_form *form = &source->format.form;

    record->from = record->to = from;
    record->line_from = record->lines_to = line > 0;
    source->told = source->find_delimiter && line > 0;
    if (source->told)
        form->delimiter = told;
    else if (source->find_delimiter)
        form->delimiter = mele_i_csv_find_delimiter(bytes + from, source->filled - from,
                                                    source->ended, form->decimal != ',');
    return form->delimiter != '\0';
}

static mele_status look_for_first(csv_source *source, const char *path, mele_i_csv_first *record,
                                  mele_error *error)
{
    mele_status status;

    mele_i_strings_clear(&record->cells);
    *record = (mele_i_csv_first){.cells = record->cells};
    source->tried = true;
    if (source->filled < BEGINNING && !source->ended)
        return MELE_OK;
    status = mele_i_refuse_foreign(source->window, source->filled, path, error);
    if (status == MELE_OK && begin(source, record))
        status = mele_i_csv_first_scan(source->window, source->filled, source->ended,
                                       source->format.form.delimiter, record, error);
    source->tried = !record->complete;
    return status;
}

/* The first record, in a window that grows until it holds it. */
static mele_status find_first(csv_source *source, mele_reader *reader, mele_i_csv_first *record,
                              mele_error *error)
{
    mele_status status;

    do {
        fill_run filling = {source, &reader->input, 0, {{0, 0}}};
        status = fill(source, &filling, NULL, error);
        if (status == MELE_OK)
            status = look_for_first(source, reader->path, record, error);
    } while (status == MELE_OK && !record->complete);
    return status;
}

/* Parse the first rows, which the window holds unless they are very long, to tally their cells.
 * What is wrong with a row is for next() to say. */
static mele_status sample_csv(mele_reader *reader, mele_engine *engine, mele_i_tally *tally,
                              mele_error *error)
{
    csv_source *source = reader->source;
    mele_i_csv_chunk sample = {.format = &source->format, .columns = source->sampled,
                               .tally = tally};
    fill_run filling = {source, &reader->input, 0, {{0, 0}}};
    mele_status status = MELE_OK;

    for (;;) {
        sample.bytes = source->window + source->start;
        sample.length = source->filled - source->start;
        sample.final = source->ended;
        sample.first_line = source->lines + 1;
        mele_i_csv_chunk_parse(&sample);
        if (sample.status != MELE_OK || sample.rows >= MELE_I_TYPING_ROWS || source->ended
            || source->room >= MOST_SAMPLE)
            break;
        for (size_t j = 0; j < reader->columns; j++)
            mele_i_tally_clear(&tally[j]);
        source->tried = true;
        status = fill(source, &filling, engine, error);
        if (status != MELE_OK)
            break;
    }
    source->tried = false;
    if (sample.status == MELE_ENOMEM && status == MELE_OK)
        status = mele_i_no_memory(error);
    mele_i_csv_chunk_free(&sample);
    return status;
}

/* ---- opening ---- */

static bool add_missing(mele_i_csv_format *format, const char *text, size_t length)
{
    double value;

    if (length > format->missing_longest)
        format->missing_longest = length;
    if (mele_i_number_parse(text, length, &value) != MELE_I_NUMBER_NOT)
        format->missing_number = true;
    return mele_i_strings_add(&format->missing, text, length);
}

static bool set_missing(mele_i_csv_format *format, const char *list)
{
    for (;; list++) {
        size_t length = strcspn(list, ",");
        if (!add_missing(format, list, length))
            return false;
        list += length;
        if (*list == '\0')
            return true;
    }
}

/* Take the columns and the place of the first row from the first record. */
static mele_status use_first(mele_reader *reader, csv_source *source,
                             const mele_i_csv_first *record, mele_error *error)
{
    bool header = source->format.has_header;
    size_t columns = record->cells.count;
    mele_status status =
        mele_i_reader_set_columns(reader, header ? &record->cells : NULL, columns, error);

    if (status == MELE_EDATA && error != NULL)
        error->line = record->line_from + 1;
    if (status != MELE_OK)
        return status;
    source->format.columns = columns;
    source->sampled = MELE_I_ARRAY(mele_i_column, columns);
    source->start = header ? record->to : record->from;
    source->lines = header ? record->lines_to : record->line_from;
    if (source->sampled == NULL)
        return mele_i_no_memory(error);
    memcpy(source->sampled, reader->column, columns * sizeof *source->sampled);
    return MELE_OK;
}

/* Whether all names are numbers, so that the first line is data, most likely. */
static bool are_numbers(const mele_i_csv_first *record, char mark)
{
    bool numbers = true;

    for (size_t j = 0; j < record->cells.count && numbers; j++) {
        size_t length;
        double value;
        const char *name = mele_i_strings_at(&record->cells, j, &length);
        numbers = mele_i_number_parse_mark(name, length, mark, &value) == MELE_I_NUMBER_OK;
    }
    return numbers;
}

/* A first line of one cell: what else may delimit cells there. */
static void tell_of_one_cell(const mele_reader *reader, const mele_i_csv_first *record)
{
    size_t length;
    const char *cell = mele_i_strings_at(&record->cells, 0, &length);

    if (reader->form.decimal == ',' && memchr(cell, ',', length) != NULL)
        mele_i_reader_note(reader, "the first line is taken for one cell: with --decimal , it is -d , "
                           "that lets commas delimit cells");
    else if (memchr(cell, '|', length) != NULL)
        mele_i_reader_note(reader, "the first line is taken for one cell: -d '|' lets these delimit "
                           "cells");
}

/* Tell what was found in the first line. */
static void tell(const mele_reader *reader, const csv_source *source,
                 const mele_i_csv_first *record)
{
    const char delimiter[] = {reader->form.delimiter, '\0'};

    if (source->find_delimiter && !source->told && record->cells.count == 1)
        tell_of_one_cell(reader, record);
    else if (source->find_delimiter && delimiter[0] != ',')
        mele_i_reader_note(reader, "the delimiter is %s, as the first line %s (-d says otherwise)",
                           delimiter[0] == ';'    ? "a semicolon"
                           : delimiter[0] == '\t' ? "a tab"
                                                  : mele_i_quote(delimiter, 1).text,
                           source->told ? "says" : "shows");
    if (reader->has_header && are_numbers(record, reader->form.decimal))
        mele_i_reader_note(reader, "the first line is taken for names, which are all numbers; if "
                           "it is data: --no-header");
}

static mele_status open_csv(mele_reader *reader, const mele_table_options *options,
                            mele_error *error)
{
    csv_source *source = MELE_I_NEW(csv_source);
    mele_i_csv_first record = {.to = 0};
    mele_status status;

    if (source == NULL)
        return mele_i_no_memory(error);
    reader->source = source;
    source->chunk_bytes = reader->chunk_bytes == 0 ? CHUNK_BYTES : reader->chunk_bytes;
    source->format.has_header = options->header;
    source->format.form = reader->form;
    source->format.infinite = options->infinite;
    source->find_delimiter = reader->form.delimiter == '\0';
    if (!set_missing(&source->format, options->missing))
        return mele_i_no_memory(error);
    status = find_first(source, reader, &record, error);
    if (status == MELE_OK)
        status = use_first(reader, source, &record, error);
    reader->form = source->format.form;
    if (status == MELE_OK)
        tell(reader, source, &record);
    mele_i_strings_free(&record.cells);
    return status;
}

const mele_i_source_kind mele_i_source_csv = {
    .suffix = "", .open = open_csv, .sample = sample_csv, .next = next_csv, .close = close_csv};
