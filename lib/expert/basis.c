#include "expert/basis.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/pass.h"

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
                             "serve (leave columns out, --ignore, or take --degree 1)", columns, terms,
                             MELE_I_MOST_COLUMNS);
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

/* A row's terms are written by the thread that makes them. */
typedef struct expanding {
    const mele_matrix *x;
    size_t terms;
    double *out;
} expanding;

static mele_status expand_block(void *context, mele_i_block block, void *partial, void *scratch,
                                mele_error *error)
{
    const expanding *e = context;

    (void)partial;
    (void)scratch;
    (void)error;
    mele_i_basis_expand(e->x->data + block.first * e->x->stride, e->x->stride, block.count,
                        e->x->cols, e->out + block.first * e->terms);
    return MELE_OK;
}

mele_status mele_i_basis_matrix(const mele_matrix *x, size_t degree, double **memory, mele_matrix *out,
                          mele_engine *engine, mele_error *error)
{
    expanding e = {x, mele_i_basis_columns(x->cols, degree), NULL};

    *out = *x;
    if (degree == 1)
        return MELE_OK;
    mele_status status = mele_i_basis_check(x->cols, degree, error);
    if (status != MELE_OK)
        return status;
    *memory = e.out = mele_i_large_array(x->rows, e.terms * sizeof(double));
    if (*memory == NULL)
        return mele_i_no_memory(error);
    *out = mele_matrix_of(*memory, x->rows, e.terms);
    const mele_i_pass pass = {.rows = x->rows, .map = expand_block, .context = &e,
                              .block_rows = mele_i_block_rows(e.terms, 1 << 16, 16)};
    return mele_i_pass_run(engine, &pass, error);
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
