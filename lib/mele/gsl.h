#ifndef MELE_GSL_H
#define MELE_GSL_H

/* Views between GSL's types and mele's, both ways without a copy. Only a program that includes
 * this header needs GSL's; no type of GSL is part of the library's interface. */

#include <gsl/gsl_matrix.h>
#include <gsl/gsl_vector.h>
#include <mele/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The matrix m as mele sees it; m must outlive the view. */
static inline mele_matrix mele_matrix_of_gsl(const gsl_matrix *m)
{
    mele_matrix view = {m->data, m->size1, m->size2, m->tda};
    return view;
}

/** The vector v as a matrix of one column; v must outlive the view. */
static inline mele_matrix mele_column_of_gsl(const gsl_vector *v)
{
    mele_matrix view = {v->data, v->size, 1, v->stride};
    return view;
}

/** A mele matrix as GSL sees it: pass &result.matrix. It needs rows, cols >= 1, as every GSL
 *  view does. */
static inline _gsl_matrix_const_view mele_matrix_to_gsl(mele_matrix m)
{
    return gsl_matrix_const_view_array_with_tda(m.data, m.rows, m.cols, m.stride);
}

#ifdef __cplusplus
}
#endif

#endif
