#ifndef MELE_ENGINE_CHECK_H
#define MELE_ENGINE_CHECK_H

#include <mele/engine.h>
#include <mele/matrix.h>
#include <mele/rows.h>

/* What every stage asks of its input, said in one way. `name` is the argument's name. */

/* A matrix with data, rows, cols >= 1, stride >= cols and finite elements; MELE_EINVAL for the
 * shape, MELE_EDATA for the first element (by row) that is NaN or infinite. */
mele_status mele_i_check_matrix(const mele_matrix *matrix, const char *name, mele_engine *engine,
                                mele_error *error);

/* The same of rows wherever they are, which are read; and of their shape alone. */
mele_status mele_i_check_rows(const mele_rows *rows, const char *name, mele_engine *engine,
                              mele_error *error);
mele_status mele_i_check_shape(const mele_rows *rows, const char *name, mele_error *error);

#endif
