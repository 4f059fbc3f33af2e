#include "expert/basis.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"

size_t mele_i_basis_columns(size_t d, size_t degree)
{
    size_t products;

    if (degree == 1)
        return d;
    if (d >= UINT32_MAX || __builtin_mul_overflow(d, d + 3, &products))
        return SIZE_MAX;
    return products / 2;
}

mele_status mele_i_basis_check(size_t columns, size_t degree, mele_error *error)
{
    const size_t terms = mele_i_basis_columns(columns, degree);

    return terms <= MELE_I_MOST_COLUMNS
               ? MELE_OK
               : mele_i_fail(error, MELE_EINVAL, "%zu columns have %zu terms of degree 2: at most %d "
                             "serve (leave columns out, --expert-features or --ignore, or take "
                             "--degree 1)", columns, terms, MELE_I_MOST_COLUMNS);
}

/* The products of a row. */
static void multiply(const double *x, size_t d, double *out)
{
    for (size_t j = 0; j < d; j++)
        for (size_t l = j; l < d; l++)
            *out++ = mele_i_finite(x[j] * x[l]);
}

void mele_i_basis_expand(const double *x, size_t stride, size_t rows, size_t d, double *out)
{
    const size_t terms = mele_i_basis_columns(d, 2);

    for (size_t i = 0; i < rows; i++, x += stride, out += terms) {
        memcpy(out, x, d * sizeof *out);
        multiply(x, d, out + d);
    }
}

/* A read() of rows. What is to be expanded is read to the end of the room: terms that are written
 * never reach a row that is still to come, and a row's own columns are moved first. */
static mele_status read_terms(void *user, size_t first, size_t count, double *out,
                              mele_error *error)
{
    const mele_rows *x = user;
    const size_t d = x->cols, terms = mele_i_basis_columns(d, 2);
    double *from = out + count * (terms - d);
    mele_status status = x->read(x->user, first, count, from, error);

    for (size_t i = 0; i < count && status == MELE_OK; i++, from += d, out += terms) {
        memmove(out, from, d * sizeof *out);
        multiply(out, d, out + d);
    }
    return status;
}

/* The same of rows in memory. */
static mele_status expand_rows(void *user, size_t first, size_t count, double *out,
                               mele_error *error)
{
    const mele_rows *x = user;

    (void)error;
    mele_i_basis_expand(x->data + first * x->stride, x->stride, count, x->cols, out);
    return MELE_OK;
}

mele_status mele_i_basis_rows(const mele_rows *x, size_t degree, mele_rows *out, mele_error *error)
{
    *out = *x;
    if (degree == 1)
        return MELE_OK;
    *out = (mele_rows){x->rows, mele_i_basis_columns(x->cols, degree), NULL, 0,
                       x->data != NULL ? expand_rows : read_terms, (void *)x};
    return mele_i_basis_check(x->cols, degree, error);
}

void mele_i_basis_factors(size_t d, size_t t, size_t *j, size_t *l)
{
    *j = t;
    *l = d;
    if (t < d)
        return;
    *j = 0;
    for (t -= d; t >= d - *j; ++*j)
        t -= d - *j;
    *l = *j + t;
}

void mele_i_basis_absent(size_t d, size_t terms, bool *absent)
{
    for (size_t t = d; t < terms; t++) {
        size_t j, l;
        mele_i_basis_factors(d, t, &j, &l);
        absent[t] = absent[t] || absent[j] || absent[l];
    }
}

/* Multiplying out b (x_j - c_j)(x_l - c_l) / (s_j s_l) gives four terms. */
void mele_i_basis_raw(size_t d, size_t degree, const double *center, const double *scale,
                      const double *scaled, double *raw)
{
    const double *product = scaled + 1 + d;
    long double intercept = scaled[0];

    for (size_t j = 0; j < d; j++) {
        const double *row = scaled + 1 + d; /* of the products of columns before j */
        long double slope = scaled[1 + j];
        for (size_t l = 0; l < d && degree == 2; l++) {
            size_t first = l < j ? l : j, second = l < j ? j : l;
            const long double b = row[second - first];
            slope -= (l == j ? 2 : 1) * b * center[l] / scale[l];
            if (l < j)
                row += d - l;
        }
        raw[1 + j] = (double)(slope / scale[j]);
        intercept -= (long double)scaled[1 + j] * center[j] / scale[j];
    }
    for (size_t j = 0; j < d && degree == 2; j++)
        for (size_t l = j; l < d; l++, product++) {
            const long double b = (long double)*product / scale[j] / scale[l];
            raw[1 + (size_t)(product - scaled - 1)] = (double)b;
            intercept += b * center[j] * center[l];
        }
    raw[0] = (double)intercept;
}
