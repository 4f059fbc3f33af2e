/* A lower triangle stored by rows is an upper triangle stored by columns, which is what LAPACK
 * reads without a copy; the ..._work functions with column-major matrices allocate nothing. */
#include "core/cholesky.h"

#include <lapacke.h>

bool mele_i_cholesky(double *a, size_t n)
{
    return LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', (lapack_int)n, a, (lapack_int)n) == 0;
}

void mele_i_cholesky_solve(const double *l, size_t n, double *b)
{
    LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'U', (lapack_int)n, 1, l, (lapack_int)n, b,
                        (lapack_int)n);
}

double mele_i_cholesky_quadratic(const double *l, size_t n, double *b)
{
    double sum = 0;

    LAPACKE_dtrtrs_work(LAPACK_COL_MAJOR, 'U', 'T', 'N', (lapack_int)n, 1, l, (lapack_int)n, b,
                        (lapack_int)n);
    for (size_t i = 0; i < n; i++)
        sum += b[i] * b[i];
    LAPACKE_dtrtrs_work(LAPACK_COL_MAJOR, 'U', 'N', 'N', (lapack_int)n, 1, l, (lapack_int)n, b,
                        (lapack_int)n);
    return sum;
}

bool mele_i_cholesky_inverse(double *l, size_t n)
{
    return LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'U', (lapack_int)n, l, (lapack_int)n) == 0;
}

bool mele_i_lower_inverse(double *l, size_t n)
{
    return LAPACKE_dtrtri_work(LAPACK_COL_MAJOR, 'U', 'N', (lapack_int)n, l, (lapack_int)n) == 0;
}

bool mele_i_eigen(double *a, size_t n, double *values, double *work)
{
    return LAPACKE_dsyev_work(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)n, a, (lapack_int)n, values,
                              work, 3 * (lapack_int)n)
           == 0;
}
