#ifndef MELE_EXPERT_BASIS_H
#define MELE_EXPERT_BASIS_H

#include <stdbool.h>
#include <stddef.h>

#include <mele/rows.h>

/* The terms that a linear form of degree 2 has beside the intercept: the d columns themselves, then
 * the products of two columns j <= l: 11, 12, .., 1d, 22, 23, .., dd. With degree 1 the columns
 * alone. */

/* Features and targets, or terms: their squares are LAPACK's to index. */
#define MELE_I_MOST_COLUMNS 32000

/* How many; SIZE_MAX: too many to count. */
size_t mele_i_basis_columns(size_t d, size_t degree);

/* MELE_EINVAL: too many terms. */
mele_status mele_i_basis_check(size_t d, size_t degree, mele_error *error);

/* The terms of degree 2 of every row, without gaps. A product beyond the doubles is cut to the
 * largest. */
void mele_i_basis_expand(const double *x, size_t stride, size_t rows, size_t d, double *out);

/* x, or its terms of that degree as rows, made as they are read; x must outlive them. MELE_EINVAL:
 * too many terms. */
mele_status mele_i_basis_rows(const mele_rows *x, size_t degree, mele_rows *out, mele_error *error);

/* The columns j <= l whose product is term t; term t < d: j = t, and d for l. */
void mele_i_basis_factors(size_t d, size_t t, size_t *j, size_t *l);

/* Terms beyond the first d are absent where a factor of theirs is: with a constant c, c z is z again,
 * and what rounding makes of c would tell them apart. */
void mele_i_basis_absent(size_t d, size_t terms, bool *absent);

/* A polynomial in z, z_j = (x_j - center_j) / scale_j, as one in x; intercepts first. The sums are
 * taken in extended precision: an intercept is the difference of what may be much larger. */
void mele_i_basis_raw(size_t d, size_t degree, const double *center, const double *scale,
                      const double *scaled, double *raw);

#endif
