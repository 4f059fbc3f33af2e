/* Part of kernels_body.h: linear functions. */

INLINE void linear_group(tile *t, const double *coefficients, const size_t count, const bool single,
                         vec sum[][SPAN])
{
    const size_t step = t->cols + 1;

#pragma GCC unroll 8
    for (size_t q = 0; q < count; q++)
#pragma GCC unroll 8
        for (size_t r = 0; r < SPAN; r++)
            sum[q][r] = V_SET(coefficients[q * step]);
    for (size_t first = 0; first == 0 || (!single && first < t->cols); first += CHUNK) {
        if (!single)
            need_columns(t, first);
        for (size_t j = 0; j < t->count; j++) {
            const double *c = coefficients + 1 + first + j;
            vec v[SPAN];
#pragma GCC unroll 8
            for (size_t r = 0; r < SPAN; r++)
                v[r] = V_LOAD(t->number + j * ROWS + r * LANES);
#pragma GCC unroll 8
            for (size_t q = 0; q < count; q++) {
                const vec w = V_SET(c[q * step]);
#pragma GCC unroll 8
                for (size_t r = 0; r < SPAN; r++)
                    sum[q][r] = V_FMA(w, v[r], sum[q][r]);
            }
        }
    }
}

INLINE void linear_in_tile(tile *t, const double *coefficients, size_t outputs, const bool single,
                           shelf *s, double *out, size_t out_stride)
{
    vec sum[GROUP][SPAN];

#define GROUP_LINEAR(count, first)                                                                 \
    do {                                                                                           \
        linear_group(t, coefficients + (first) * (t->cols + 1), (count), single, sum);             \
        put_columns(s, t, sum, (count), (first), outputs, out, out_stride);                        \
    } while (0)
    FOR_GROUPS(outputs, GROUP_LINEAR);
}

TARGET static void linear(const double *x, size_t stride, size_t rows, size_t cols,
                          const double *coefficients, size_t outputs, double *out,
                          size_t out_stride)
{
    tile t;
    shelf s;

    for (size_t i = 0; i < rows; i += ROWS) {
        start_tile(&t, x + i * stride, stride, rows - i, cols);
        if (cols <= CHUNK) {
            load_columns(&t, 0, cols);
            linear_in_tile(&t, coefficients, outputs, true, &s, out + i * out_stride, out_stride);
        } else {
            linear_in_tile(&t, coefficients, outputs, false, &s, out + i * out_stride, out_stride);
        }
    }
}
