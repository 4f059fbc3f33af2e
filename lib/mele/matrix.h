#ifndef MELE_MATRIX_H
#define MELE_MATRIX_H

#include <mele/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A read-only view of a row-major matrix that somebody else owns: element (i, j) is
 *  data[i * stride + j], stride >= cols. The library never modifies or frees what it views,
 *  and keeps no view beyond the call that was given it, but for the x of mele_data_of_arrays().
 *  Results are written to plain arrays of the caller, row-major without gaps. */
typedef struct mele_matrix {
    const double *data;
    size_t rows, cols, stride;
} mele_matrix;

/** A view of rows x cols numbers that lie without gaps. */
static inline mele_matrix mele_matrix_of(const double *data, size_t rows, size_t cols)
{
    mele_matrix view = {data, rows, cols, cols};
    return view;
}

#ifdef __cplusplus
}
#endif

#endif
