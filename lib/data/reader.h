#ifndef MELE_DATA_READER_H
#define MELE_DATA_READER_H

#include "data/input.h"
#include "data/typing.h"

/* One reader, a table of source kinds behind it. A kind opens a file far enough to know its
 * columns, then adds rows to tables. */

typedef struct mele_i_source_kind {
    const char *suffix; /* of the paths it is for; "": all others */

    /* Find the columns (mele_i_reader_set_columns()) and leave reader->source. */
    mele_status (*open)(mele_reader *reader, const mele_table_options *options, mele_error *error);

    /* Tally the first rows' cells, an entry a column; NULL: every column is numbers. */
    mele_status (*sample)(mele_reader *reader, mele_engine *engine, mele_i_tally *tally,
                          mele_error *error);

    /* Add the next rows, `most` or (0) all that are left, to an empty table. */
    mele_status (*next)(mele_reader *reader, size_t most, mele_engine *engine, mele_table *table,
                        mele_error *error);

    /* Of a file whose rows can be read in any order (else all are NULL), whatever next() has
     * read: how many rows it has, numbers of it, and the line of a row (NULL: they count from 1). */
    size_t (*rows)(const mele_reader *reader);
    mele_status (*numbers)(const mele_reader *reader, const size_t *column, size_t columns,
                           size_t first, size_t count, double *out, mele_error *error);
    mele_status (*line)(const mele_reader *reader, size_t row, size_t *line, mele_error *error);

    void (*close)(void *source); /* NULL is nothing */
} mele_i_source_kind;

extern const mele_i_source_kind mele_i_source_csv, mele_i_source_npy;

struct mele_reader {
    const mele_i_source_kind *kind;
    void *source;
    mele_i_input input;
    const char *path; /* while it is opened */
    size_t columns;
    mele_i_column *column;
    mele_i_tally *tally; /* of the first rows, an entry a column; NULL: not sampled (yet) */
    mele_i_form form;
    mele_note_fn *note;
    void *note_user;
    bool has_header, by_position, started;
    size_t chunk_bytes; /* of text that a thread takes at once; 0: the source's own */
    mele_error failure; /* of a read: it is repeated; status MELE_OK: none yet */
    const char *stage;  /* what progress calls the reading: "read", or what the reading is for */
    size_t done, total; /* the last that was told; total 0: not known */
};

/* mele_reader_open(), with a size of chunks, which changes no result (0: the usual one). */
mele_status mele_i_reader_open(const char *path, const mele_table_options *options,
                               size_t chunk_bytes, mele_reader **out, mele_error *error);

/* Tell how much of the file was read. */
mele_status mele_i_reader_progress(mele_reader *reader, mele_engine *engine, size_t done,
                                   size_t total, mele_error *error);

/* Find out what the first rows look like, before a row is read; a second call does nothing. Of a
 * file that holds numbers only there is nothing to find out: reader->tally stays NULL. */
mele_status mele_i_reader_sample(mele_reader *reader, mele_engine *engine, mele_error *error);

/* Settle what columns hold that nobody said, before a row is read; a second call does nothing. */
mele_status mele_i_reader_settle(mele_reader *reader, mele_engine *engine, mele_error *error);

/* Refuse ids among the columns that are to be features or targets, by the levels of a table, which came
 * from so many rows. */
mele_status mele_i_reader_check_levels(const mele_reader *reader, const mele_table *table,
                                       size_t rows, mele_error *error);

/* As mele_reader_want(), of a column that is to be a feature or a target: text in it must not be
 * amounts, dates or ids. */
mele_status mele_i_reader_guard(mele_reader *reader, size_t j, mele_column_kind kind,
                                mele_i_guard guard, mele_error *error);

/* Tell the caller something that changes how the file is read. */
void mele_i_reader_note(const mele_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether rows can be read in any order, by the following three. */
bool mele_i_reader_seeks(const mele_reader *reader);

size_t mele_i_reader_rows(const mele_reader *reader);

/* Columns column[0 .. columns - 1] of rows first .. first + count - 1, which the file has, as
 * numbers (of a temporary file, categories are the table's level indices), row after row to out; NaN is
 * missing, infinities are kept. From several threads at once. MELE_EDATA: the file became shorter;
 * MELE_EIO; MELE_ENOMEM. */
mele_status mele_i_reader_numbers(const mele_reader *reader, const size_t *column, size_t columns,
                                  size_t first, size_t count, double *out, mele_error *error);

/* The line on which a row starts, as mele_table_line() has it. MELE_EIO. */
mele_status mele_i_reader_line(const mele_reader *reader, size_t row, size_t *line,
                               mele_error *error);

/* Call the columns by these names, or (NULL) x1, x2, ... MELE_EDATA for a name that is empty,
 * doubled or holds a zero byte; MELE_ENOMEM. */
mele_status mele_i_reader_set_columns(mele_reader *reader, const mele_i_strings *names,
                                      size_t count, mele_error *error);

#endif
