#ifndef MELE_ENGINE_ROWS_H
#define MELE_ENGINE_ROWS_H

#include <mele/rows.h>

#include <mele/engine.h>

#include "engine/pass.h"

/* Rows in the blocks of a pass, wherever they are. */

static inline mele_rows mele_i_rows_in_memory(const double *data, size_t rows, size_t cols)
{
    mele_rows all = {rows, cols, data, cols, NULL, NULL};
    return all;
}

/* Whether there are any: rows in memory, or a function that reads them. */
static inline bool mele_i_rows_are_there(const mele_rows *rows)
{
    return rows->data != NULL || rows->read != NULL;
}

/* Numbers of scratch memory that mele_i_rows_take() needs for blocks of so many rows: 0 for rows
 * in memory. */
static inline size_t mele_i_rows_room(const mele_rows *rows, size_t count)
{
    return rows->data != NULL ? 0 : rows->cols * count;
}

/* The rows of a block: *x with rows *stride apart, in place or read to the scratch memory. */
static inline mele_status mele_i_rows_take(const mele_rows *rows, mele_i_block block,
                                           double *scratch, const double **x, size_t *stride,
                                           mele_error *error)
{
    if (rows->data != NULL) {
        *x = rows->data + block.first * rows->stride;
        *stride = rows->stride;
        return MELE_OK;
    }
    *x = scratch;
    *stride = rows->cols;
    return rows->read(rows->user, block.first, block.count, scratch, error);
}

/* The same without gaps: in place, or in memory, which has room for them. */
mele_status mele_i_rows_take_tight(const mele_rows *rows, mele_i_block block, double *memory,
                                   const double **out, mele_error *error);

/* Read rows that are read into memory, once, for who passes over them often: *rows becomes what was
 * read, *memory is to be freed. Rows in memory stay. MELE_ENOMEM, or what reading says: then nothing
 * is changed. */
mele_status mele_i_rows_hold(mele_rows *rows, double **memory, mele_engine *engine,
                             mele_error *error);

/* One row, cols numbers to out. */
static inline mele_status mele_i_rows_copy(const mele_rows *rows, size_t row, double *out,
                                           mele_error *error)
{
    if (rows->data == NULL)
        return rows->read(rows->user, row, 1, out, error);
    for (size_t j = 0; j < rows->cols; j++)
        out[j] = rows->data[row * rows->stride + j];
    return MELE_OK;
}

/* Some rows, in ascending order, to out without gaps. Those that are near one another are read
 * together. */
mele_status mele_i_rows_gather(const mele_rows *rows, const size_t *row, size_t count, double *out,
                               mele_error *error);

#endif
