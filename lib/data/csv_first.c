#include "data/csv_first.h"

#include <string.h>

#include "core/error.h"
#include "data/csv_chunk.h"
#include "data/csv_line.h"

size_t mele_i_csv_mark_length(const char *bytes, size_t length)
{
    return length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

/* Spreadsheets write it, perhaps in quotes, and read it. */
size_t mele_i_csv_separator_line(const char *bytes, size_t length, char *delimiter)
{
    size_t quote = length > 0 && bytes[0] == '"', end = 5 + 2 * quote;

    if (length <= end || memcmp(bytes + quote, "sep=", 4) != 0 || (quote && bytes[end - 1] != '"')
        || strchr("\"\r\n", bytes[4 + quote]) != NULL)
        return 0;
    if (bytes[end] == '\r' && end + 1 < length && bytes[end + 1] == '\n')
        end++;
    if (bytes[end] != '\n' && bytes[end] != '\r')
        return 0;
    *delimiter = bytes[4 + quote];
    return end + 1;
}

#define MOST_LOOKED_AT ((size_t)1 << 16)

static const char delimiters[] = {',', ';', '\t'};

/* Where a line stands while delimiters are counted. A quote opens quotes at the start of a cell only,
 * whichever delimiter it is a cell by. */
typedef struct counting {
    size_t count[3];
    bool quoted, at_start, blank;
} counting;

/* Take a character; true at the end of a line that is not blank. */
static bool count_character(counting *c, char character)
{
    const char *found = memchr(delimiters, character, sizeof delimiters);
    bool line_end = character == '\n' || character == '\r';

    if (c->quoted || (character == '"' && c->at_start)) {
        c->quoted = c->quoted != (character == '"');
        c->at_start = c->blank = false;
        return false;
    }
    if (line_end && !c->blank)
        return true;
    if (line_end)
        *c = (counting){.at_start = true, .blank = true};
    else if (found != NULL)
        c->count[found - delimiters]++;
    c->blank = c->blank && (line_end || character == ' ' || character == '\t');
    c->at_start = line_end || found != NULL || (c->at_start && character == ' ');
    return false;
}

char mele_i_csv_find_delimiter(const char *bytes, size_t length, bool final, bool comma)
{
    const size_t most = length < MOST_LOOKED_AT ? length : MOST_LOOKED_AT;
    counting c = {.at_start = true, .blank = true};
    size_t best = comma ? 0 : 1, i = 0;

    while (i < most && !count_character(&c, bytes[i]))
        i++;
    if (i == length && !final)
        return '\0';
    for (size_t d = best + 1; d < 3; d++)
        if (c.count[d] > c.count[best])
            best = d;
    return delimiters[best];
}

/* ---- the first record ---- */

static void on_cell(void *text, size_t length, void *context)
{
    mele_i_csv_first *record = context;

    if (!mele_i_strings_add(&record->cells, length == 0 ? "" : text, length))
        record->no_memory = true;
}

static void on_row(int terminator, void *context)
{
    mele_i_csv_first *record = context;

    (void)terminator;
    record->ended = true;
    record->complete = record->complete || record->cells.count > 0;
}

static mele_status feed_line(struct csv_parser *parser, mele_i_csv_first *record, const char *line,
                             size_t length, mele_error *error)
{
    mele_status status;

    record->ended = false;
    status = mele_i_csv_feed(parser, line, length, on_cell, on_row, record, error);
    if (status == MELE_EDATA && error != NULL)
        error->line = record->line_from + 1;
    if (status != MELE_OK)
        return status;
    if (record->no_memory)
        return mele_i_no_memory(error);
    record->to += length;
    record->lines_to++;
    if (record->ended && !record->complete) { /* an empty line */
        record->from = record->to;
        record->line_from = record->lines_to;
    }
    return MELE_OK;
}

static mele_status scan(struct csv_parser *parser, mele_i_csv_lines *lines,
                        mele_i_csv_first *record, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t length;
         status == MELE_OK && !record->complete && (length = mele_i_csv_line_length(lines)) > 0;) {
        status = feed_line(parser, record, lines->at, length, error);
        lines->at += length;
    }
    if (status != MELE_OK || record->complete || !lines->final)
        return status;
    if (!mele_i_csv_parser_finish(parser, on_cell, on_row, record))
        return mele_i_fail_at(error, MELE_EDATA, record->line_from + 1,
                              "a quote is opened and not closed");
    if (record->no_memory)
        return mele_i_no_memory(error);
    if (!record->complete)
        return mele_i_fail(error, MELE_EDATA, "the file is empty");
    return MELE_OK;
}

mele_status mele_i_csv_first_scan(const char *bytes, size_t length, bool final, char delimiter,
                                  mele_i_csv_first *record, mele_error *error)
{
    mele_i_csv_lines lines = {bytes + record->to, bytes + length, final, NULL, NULL};
    struct csv_parser parser;
    mele_status status;

    mele_i_csv_parser_init(&parser, delimiter);
    status = scan(&parser, &lines, record, error);
    csv_free(&parser);
    return status;
}
