#ifndef MELE_ROWS_H
#define MELE_ROWS_H

#include <mele/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Rows of numbers that need not all be in memory: a matrix, or a function that reads any run of
 *  them, such as a window of a file. Who hands them over keeps them as they are during the call;
 *  nothing is kept beyond it. */
typedef struct mele_rows {
    size_t rows, cols;
    const double *data; /**< element (i, j) is data[i * stride + j]; NULL: read() gives the rows */
    size_t stride;
    /** Write rows first .. first + count - 1, row-major without gaps, to out. The numbers of a row
     *  are the same each time. Called from several threads at once, many times a row; on failure
     *  fills *error (which may be NULL) and returns its status. Runs are short: a few thousand
     *  rows. */
    mele_status (*read)(void *user, size_t first, size_t count, double *out, mele_error *error);
    void *user; /**< handed to read */
} mele_rows;

/** The rows of a matrix. */
static inline mele_rows mele_rows_of(const mele_matrix *matrix)
{
    mele_rows rows = {matrix->rows, matrix->cols, matrix->data, matrix->stride, NULL, NULL};
    return rows;
}

/** The rows of rows x cols numbers that lie without gaps. */
static inline mele_rows mele_rows_of_array(const double *data, size_t rows, size_t cols)
{
    mele_rows all = {rows, cols, data, cols, NULL, NULL};
    return all;
}

#ifdef __cplusplus
}
#endif

#endif
