#ifndef MELE_TABLE_H
#define MELE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <mele/engine.h>
#include <mele/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reading data files: open a reader, learn the columns' names, say what each column is wanted
 * for, then take the rows, all at once or some at a time. CSV and NPY come through the same
 * reader, and what is read depends on the file alone, never on the number of threads.
 *
 * CSV: any delimiter; lines end with LF, CRLF or CR, the last one also with the file; a byte
 * order mark is skipped. Within double quotes a cell may hold delimiters, line ends and doubled
 * quotes; text after the closing quote is an error. A quote in a cell that does not begin with one
 * is taken for itself. Spaces and tabs around a cell without
 * quotes do not belong to it. Quotes do not make a number a text. A column without a name is
 * called x and its number. A line that is empty, or blank,
 * is no row; in a file of one column it is a row with an empty cell, except before the first
 * record. All lines count, also those and the ones within quotes.
 *
 * NPY: version 1.0 to 3.0, little-endian float64 or float32, either order, 2-D or (as one column)
 * 1-D, in a regular file; NaN is missing. */

/** Told what a reader found out by itself and goes by: the delimiter, columns that are left out,
 *  text among numbers. The text is one line without the file's name, valid during the call only;
 *  it comes from the thread that made the call. */
typedef void mele_note_fn(const char *text, void *user);

/** How text becomes a table. */
typedef struct mele_table_options {
    char delimiter;      /**< 0 (default): whichever of comma, semicolon and tab the first line has
                              most often outside quotes, of several the first in this order; a
                              first line "sep=;" says it and is skipped */
    char decimal;        /**< the decimal mark, '.' or ','; 0 (default): '.'. With ',' a comma
                              delimits cells only if `delimiter` says so */
    bool header;         /**< default true; without, and in .npy, columns are x1, x2, ... */
    const char *missing; /**< what counts as missing, comma separated; default ",NA,NaN,nan,?"
                              (the empty string is the part before the first comma); of CSV */
    bool infinite;       /**< keep infinite values, and numbers beyond all doubles as infinities,
                              instead of refusing them; default false */
    bool by_position;    /**< the columns of a schema are taken by their places in the file that it
                              was made from, whatever they are called here; default false */
    mele_note_fn *note;  /**< default NULL */
    void *note_user;     /**< handed to note */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_table_options;

/** What a column is wanted for. */
typedef enum mele_column_kind {
    MELE_COLUMN_SKIP = 0, /**< not kept; its cells may hold anything */
    MELE_COLUMN_INFER,    /**< number, if at least nine in ten of the cells that are not missing
                               are, of the first thousand rows (or of as many as 64 MB hold), or
                               if all of these are missing; else category. In .npy number */
    MELE_COLUMN_NUMBER,   /**< every cell a finite number or missing; anything else is an error */
    MELE_COLUMN_CATEGORY, /**< text without zero bytes, kept as the index of a level; of .npy the
                               numbers' shortest text. Spellings of one number ("0", "0.0") are one
                               level, called by the first of them */
    MELE_COLUMN_TEXT      /**< cells kept as they are (without their quotes), also the missing
                               ones; of .npy the numbers' shortest text, NA for missing */
} mele_column_kind;

typedef struct mele_reader mele_reader;
typedef struct mele_table mele_table;

MELE_API mele_table_options mele_table_defaults(void);

/** Open a data file and read its header.
 * @param path     "-" is standard input; a name that ends in .npy is read as NPY.
 * @param options  NULL: mele_table_defaults(); strings are copied.
 * @param out      freed with mele_reader_close(); untouched on error.
 * @return MELE_OK; MELE_EIO: no such file, a directory, unreadable; MELE_EDATA: empty file,
 *         a header with a doubled name, a malformed NPY header, an NPY file that is not
 *         as long as its header says, another format (gzip, zip, UTF-16, ...: the message says how
 *         to read it); MELE_EINVAL: the delimiter is a quote or line end, the decimal mark neither
 *         point nor comma; MELE_ENOMEM. */
MELE_API mele_status mele_reader_open(const char *path, const mele_table_options *options,
                                      mele_reader **out, mele_error *error);

MELE_API void mele_reader_close(mele_reader *reader);

MELE_API size_t mele_reader_columns(const mele_reader *reader);

/** The name of column j, owned by the reader. */
MELE_API const char *mele_reader_name(const mele_reader *reader, size_t j);

/** Whether names came from a header; without one, later files match by position. */
MELE_API bool mele_reader_has_header(const mele_reader *reader);

/** Say what column j is wanted for (default MELE_COLUMN_INFER), before the first row is read.
 *  `keep_text` keeps the cells' text as well, for mele_table_text().
 * @return MELE_OK; MELE_EINVAL: j out of range, rows were read, no such kind. */
MELE_API mele_status mele_reader_want(mele_reader *reader, size_t j, mele_column_kind kind,
                                      bool keep_text, mele_error *error);

/** Read the next rows into a new table: `most` rows (0: all that are left). The last table of a
 *  file may have fewer rows; after it comes a table with none, once the file is exhausted.
 *  Infer kinds are settled by the first call and hold for later tables. A table
 *  has the levels that occur in it, sorted bytewise; so the same level may have another index in
 *  the next table. Memory beyond the table's is constant (some megabytes, or twice the longest
 *  record).
 * @param engine  NULL: the calling thread alone; the table is the same for any.
 * @return MELE_OK; MELE_EDATA: ragged row, text in a numeric column, an infinite value, a zero
 *         byte in a category, a quote that is not closed or is followed by text, a record of more
 *         than 32 MiB (which is one, most likely); error->line is the line on which the record starts; MELE_EIO;
 *         MELE_ENOMEM; MELE_ESTOPPED. After a failure every further call fails in the same way.
 * A failure is met when its row is reached: the rows before it can be had
 * by reading a few at a time. */
MELE_API mele_status mele_reader_next(mele_reader *reader, size_t most, mele_engine *engine,
                                      mele_table **out, mele_error *error);

/** Open, read all rows with every column inferred, close. */
MELE_API mele_status mele_table_read(const char *path, const mele_table_options *options,
                                     mele_engine *engine, mele_table **out, mele_error *error);

MELE_API void mele_table_free(mele_table *table);

MELE_API size_t mele_table_rows(const mele_table *table);
MELE_API size_t mele_table_columns(const mele_table *table);
MELE_API const char *mele_table_name(const mele_table *table, size_t j);

/** NUMBER, CATEGORY, TEXT or SKIP; a column whose every cell is missing is a NUMBER. */
MELE_API mele_column_kind mele_table_kind(const mele_table *table, size_t j);

/** The rows numbers of column j: values, or level indices from 0 for a category; NaN where
 *  missing. NULL for TEXT and SKIP. Owned by the table. */
MELE_API const double *mele_table_values(const mele_table *table, size_t j);

/** The levels of a category column, as found in the file, sorted bytewise. */
MELE_API size_t mele_table_levels(const mele_table *table, size_t j);
MELE_API const char *mele_table_level(const mele_table *table, size_t j, size_t level);

/** The text of cell (i, j), its length in *length (it may hold zero bytes, and ends with one);
 *  NULL where text was not kept. */
MELE_API const char *mele_table_text(const mele_table *table, size_t i, size_t j, size_t *length);

/** The line on which row i starts, counting from 1 with the header (for NPY: the row from 1). */
MELE_API size_t mele_table_line(const mele_table *table, size_t i);

#ifdef __cplusplus
}
#endif

#endif
