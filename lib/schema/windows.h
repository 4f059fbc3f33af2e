#ifndef MELE_SCHEMA_WINDOWS_H
#define MELE_SCHEMA_WINDOWS_H

#include <stdint.h>

#include "data/reader.h"

/* Features that stay in their file: any run of the rows that are used can be read, by several
 * threads at once. */
typedef struct mele_i_windows mele_i_windows;

/* Which rows of a file are used: a bit each, and the number of used ones before every group of
 * rows. */
typedef struct mele_i_row_set {
    size_t rows;    /* of the file */
    size_t used;
    uint64_t *bit;  /* NULL: all */
    size_t *before;
} mele_i_row_set;

/* All rows; bits may then be cleared, a block that begins at a multiple of 64 by a thread. False:
 * memory ran out. */
bool mele_i_row_set_new(size_t rows, mele_i_row_set *out);
void mele_i_row_set_clear(mele_i_row_set *set);

static inline void mele_i_row_set_drop(const mele_i_row_set *set, size_t row)
{
    set->bit[row / 64] &= ~(UINT64_C(1) << row % 64);
}

/* The bits are as they should be: count, and forget them where all rows are used. */
void mele_i_row_set_finish(mele_i_row_set *set);

/* The i-th used row. */
size_t mele_i_row_set_at(const mele_i_row_set *set, size_t i);

/* The first used row from `row` on; there must be one. */
size_t mele_i_row_set_next(const mele_i_row_set *set, size_t row);

/* Columns of a reader that seeks, as variables of a schema. */
typedef struct mele_i_window_columns {
    size_t columns;
    size_t *column;
    double **level; /* of each column: what stands for the reader's levels; NULL: nothing else does */
} mele_i_window_columns;

/* Room for so many; false: memory ran out. */
bool mele_i_window_columns_new(size_t columns, mele_i_window_columns *out);
void mele_i_window_columns_clear(mele_i_window_columns *columns);

/* The values of rows first .. first + count - 1 of the file, row after row, as
 * mele_i_reader_numbers() reads them. */
mele_status mele_i_window_columns_read(const mele_reader *reader,
                                       const mele_i_window_columns *columns, size_t first,
                                       size_t count, double *out, mele_error *error);

/* Columns of a file as features. The reader, the columns and the rows are taken over on success, and
 * are then empty. */
mele_status mele_i_windows_new(mele_reader **reader, mele_i_window_columns *columns,
                               mele_i_row_set *rows, mele_i_windows **out, mele_error *error);
void mele_i_windows_free(mele_i_windows *windows);

/* Some of the features, as windows of their own on the same file, which must outlive them; freed with
 * mele_i_windows_free_some(). MELE_ENOMEM. */
mele_status mele_i_windows_some(const mele_i_windows *windows, const size_t *feature,
                                size_t features, mele_i_windows **out, mele_error *error);
void mele_i_windows_free_some(mele_i_windows *some);

/* The row of the file that is the i-th used one. */
size_t mele_i_windows_row(const mele_i_windows *windows, size_t i);

/* Used rows first .. first + count - 1, a number a feature, to out; with a list of used rows, those
 * that stand there at first .. first + count - 1, best in ascending order. Fails as
 * mele_i_reader_numbers() does. */
mele_status mele_i_windows_read(const mele_i_windows *windows, const size_t *row, size_t first,
                                size_t count, double *out, mele_error *error);

#endif
