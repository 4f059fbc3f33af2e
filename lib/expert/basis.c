#include "expert/basis.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

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

void mele_i_basis_expand(const double *x, size_t stride, size_t rows, size_t d, double *out)
{
    for (size_t i = 0; i < rows; i++, x += stride) {
        memcpy(out, x, d * sizeof *out);
        out += d;
        for (size_t j = 0; j < d; j++)
            for (size_t l = j; l < d; l++)
                *out++ = mele_i_finite(x[j] * x[l]);
    }
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
