/* A lower triangle stored by rows is an upper triangle stored by columns, which is what LAPACK
 * reads without a copy; the ..._work functions with column-major matrices allocate nothing.
 *
 * A large triangle is inverted by halves: what is off the diagonal blocks is -A^-1 B C^-1, two
 * triangular products, which BLAS does at twice the speed of dtrtri, in whose steps of few columns
 * the time is lost. */
#include "core/cholesky.h"

#include <cblas.h>
#include <lapacke.h>

#include "core/lapack.h"

#define LEAF 32 /* dtrtri takes no longer there */

bool mele_i_cholesky(double *a, size_t n)
{
    mele_i_lapack_begin();
    const lapack_int failed = LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', (lapack_int)n, a,
                                                  (lapack_int)n);
    mele_i_lapack_end();
    return failed == 0;
}

void mele_i_cholesky_solve(const double *l, size_t n, double *b)
{
    mele_i_lapack_begin();
    LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'U', (lapack_int)n, 1, l, (lapack_int)n, b,
                        (lapack_int)n);
    mele_i_lapack_end();
}

double mele_i_cholesky_quadratic(const double *l, size_t n, double *b)
{
    double sum = 0;

    mele_i_lapack_begin();
    LAPACKE_dtrtrs_work(LAPACK_COL_MAJOR, 'U', 'T', 'N', (lapack_int)n, 1, l, (lapack_int)n, b,
                        (lapack_int)n);
    for (size_t i = 0; i < n; i++)
        sum += b[i] * b[i];
    LAPACKE_dtrtrs_work(LAPACK_COL_MAJOR, 'U', 'N', 'N', (lapack_int)n, 1, l, (lapack_int)n, b,
                        (lapack_int)n);
    mele_i_lapack_end();
    return sum;
}

/* The upper triangle of n columns that are `stride` numbers apart. */
static bool invert_upper(double *u, size_t n, size_t stride)
{
    const lapack_int step = (lapack_int)stride;

    if (n <= LEAF)
        return LAPACKE_dtrtri_work(LAPACK_COL_MAJOR, 'U', 'N', (lapack_int)n, u, step) == 0;
    const size_t half = n / 2 / 8 * 8; /* columns are aligned alike */
    const int rows = (int)half, columns = (int)(n - half);
    double *b = u + half * stride, *c = b + half;
    if (!invert_upper(u, half, stride) || !invert_upper(c, n - half, stride))
        return false;
    cblas_dtrmm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, rows, columns, -1,
                u, step, b, step);
    cblas_dtrmm(CblasColMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, rows, columns, 1,
                c, step, b, step);
    return true;
}

bool mele_i_lower_inverse(double *l, size_t n)
{
    mele_i_lapack_begin();
    const bool good = invert_upper(l, n, n);
    mele_i_lapack_end();
    return good;
}

void mele_i_lower_times(const double *l, size_t n, double *b, size_t columns, size_t stride)
{
    mele_i_lapack_begin();
    cblas_dtrmm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, (int)n,
                (int)columns, 1, l, (int)n, b, (int)stride);
    mele_i_lapack_end();
}

void mele_i_lower_square(double *l, size_t n)
{
    mele_i_lapack_begin();
    LAPACKE_dlauum_work(LAPACK_COL_MAJOR, 'U', (lapack_int)n, l, (lapack_int)n);
    mele_i_lapack_end();
}

bool mele_i_cholesky_inverse(double *l, size_t n)
{
    if (!mele_i_lower_inverse(l, n))
        return false;
    mele_i_lower_square(l, n);
    return true;
}

bool mele_i_eigen(double *a, size_t n, double *values, double *work)
{
    mele_i_lapack_begin();
    const lapack_int failed = LAPACKE_dsyev_work(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)n, a,
                                                 (lapack_int)n, values, work, 3 * (lapack_int)n);
    mele_i_lapack_end();
    return failed == 0;
}
