#ifndef MELE_DATA_CSV_CHUNK_H
#define MELE_DATA_CSV_CHUNK_H

#include <csv.h>

#include "data/typing.h"

/* One chunk of a CSV file through one parser of libcsv. Chunks are parsed by several threads at
 * once and before it is certain where records begin, so a chunk keeps to itself whatever it
 * finds, failures included; mele_i_csv_chunk_deliver() then moves rows into a table. */

/* What is the same for all chunks of a file. */
typedef struct mele_i_csv_format {
    size_t columns;
    bool has_header;
    mele_i_form form;
    mele_i_strings missing; /* what counts as missing */
    size_t missing_longest;
    bool missing_number; /* one of them reads as a number */
    bool infinite;       /* infinite values are kept */
} mele_i_csv_format;

typedef struct mele_i_csv_chunk {
    /* set by the owner */
    const mele_i_csv_format *format;
    const mele_i_column *columns; /* none is INFER, but where all are and cells are tallied */
    mele_i_tally *tally;          /* of the cells of the first rows; NULL: rows are wanted */
    size_t first_line;            /* when tallying, of the file */
    const char *bytes;
    size_t length;
    bool final; /* the file ends here */

    /* found by the parser */
    mele_status status;
    mele_error error; /* its line counts from the chunk's first line, 0 */
    size_t rows;      /* complete and without fault */
    size_t consumed;  /* bytes up to the end of the last record */
    size_t lines;     /* lines therein */
    struct chunk_column *column;
    double *values; /* column by column, `capacity` each */
    size_t capacity, values_room;
    mele_i_line_run *runs; /* lines of rows, counting from 0 */
    size_t run_count, run_room;

    /* while parsing */
    struct csv_parser parser;
    bool has_parser;
    size_t cell; /* cells of the record so far */
    double *at;  /* where the next cell's value goes */
    size_t record_line;
    bool ended, row_ended; /* by the line last fed: a record or an empty line; a row */
} mele_i_csv_chunk;

/* Parse the chunk's bytes, from its start, which is taken for the start of a record. The outcome
 * is in the chunk. */
void mele_i_csv_chunk_parse(mele_i_csv_chunk *chunk);

/* Add rows first .. first + count - 1 to a table that has room for them; line: of the chunk's first
 * line. False when memory ran out. */
bool mele_i_csv_chunk_deliver(const mele_i_csv_chunk *chunk, size_t first, size_t count,
                              size_t line, mele_table *table);

void mele_i_csv_chunk_free(mele_i_csv_chunk *chunk);

typedef void mele_i_csv_cell_fn(void *text, size_t length, void *context);
typedef void mele_i_csv_row_fn(int terminator, void *context);

/* Prepare a parser for the delimiter. */
void mele_i_csv_parser_init(struct csv_parser *parser, char delimiter);

/* Feed bytes. MELE_ENOMEM; MELE_EDATA: text follows a closing quote, and the parser is of no more
 * use. */
mele_status mele_i_csv_feed(struct csv_parser *parser, const char *bytes, size_t length,
                            mele_i_csv_cell_fn *cell, mele_i_csv_row_fn *row, void *context,
                            mele_error *error);

/* End a file; false when a quote was not closed. */
bool mele_i_csv_parser_finish(struct csv_parser *parser, mele_i_csv_cell_fn *cell,
                              mele_i_csv_row_fn *row, void *context);

#endif
