#ifndef MELE_CORE_CHOLESKY_H
#define MELE_CORE_CHOLESKY_H

#include <stdbool.h>
#include <stddef.h>

/* Small symmetric matrices, n x n by rows without gaps, through LAPACK. Nothing is allocated.
 * mele_i_lapack_ready() (lapack.h) comes before all of these. */

/* a = L L': the lower triangle of a becomes L (what lies above it is kept). False when a is not
 * positive definite; its lower triangle is then lost. */
bool mele_i_cholesky(double *a, size_t n);

/* b <- (L L')^-1 b, for the L that mele_i_cholesky() left. */
void mele_i_cholesky_solve(const double *l, size_t n, double *b);

/* b <- (L L')^-1 b, and returns what b' (L L')^-1 b was, a sum of squares. */
double mele_i_cholesky_quadratic(const double *l, size_t n, double *b);

/* The lower triangle L becomes that of (L L')^-1 (what lies above it is kept). */
bool mele_i_cholesky_inverse(double *l, size_t n);

/* b <- L b, for `columns` numbers of each of the n rows of b, which are `stride` apart. */
void mele_i_lower_times(const double *l, size_t n, double *b, size_t columns, size_t stride);

/* The lower triangle L becomes that of L' L (what lies above it is kept). */
void mele_i_lower_square(double *l, size_t n);

/* The lower triangle L becomes its inverse, which is lower triangular too. */
bool mele_i_lower_inverse(double *l, size_t n);

/* a = V diag(values) V', values ascending: row i of a becomes the i-th eigenvector. Reads the
 * lower triangle; work has room for 3 n numbers. False when it did not converge. */
bool mele_i_eigen(double *a, size_t n, double *values, double *work);

#endif
