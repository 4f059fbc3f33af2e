/* Part of kernels_body.h: panels, which hold a run of rows by columns, and the logarithms of normal
 * densities in them. */

#define PADDED(rows) (((rows) + 31) / 32 * 32)

/* The LANES rows from row i on, as far as there are any; then the last one again. */
INLINE void panel_rows(const double *x, size_t stride, size_t rows, size_t cols, size_t i,
                       double *panel)
{
    const double *row[LANES];

#pragma GCC unroll 8
    for (size_t l = 0; l < LANES; l++)
        row[l] = x + (i + l < rows ? i + l : rows - 1) * stride;
    for (size_t j = 0; j < cols; j += LANES) {
        const size_t left = cols - j;
        vec v[LANES];
#pragma GCC unroll 8
        for (size_t l = 0; l < LANES; l++)
            v[l] = left < LANES ? V_LOAD_FIRST(row[l] + j, left) : V_LOAD(row[l] + j);
        transpose(v);
#pragma GCC unroll 8
        for (size_t l = 0; l < LANES; l++)
            if (l < left)
                V_STORE(panel + (j + l) * MELE_I_PANEL + i, v[l]);
    }
}

TARGET static void to_panel(const double *x, size_t stride, size_t rows, size_t cols, double *panel)
{
    for (size_t i = 0; i < PADDED(rows); i += LANES)
        panel_rows(x, stride, rows, cols, i, panel);
}

/* Column j of ROWS rows minus its mean. */
INLINE void centred(const double *x, size_t j, const double *mean, vec z[SPAN])
{
#pragma GCC unroll 8
    for (size_t r = 0; r < SPAN; r++)
        z[r] = V_SUB(V_LOAD(x + j * MELE_I_PANEL + r * LANES), V_SET(mean[j]));
}

/* total += |y|^2 for `count` rows of y = W (x - m) from first on. */
INLINE void add_whitened(const double *x, const double *mean, const double *triangle, size_t first,
                         const size_t count, vec total[SPAN])
{
    const double *w[GROUP];
    vec y[GROUP][SPAN], z[SPAN];

    set_all(y, count, 0);
#pragma GCC unroll 8
    for (size_t q = 0; q < count; q++)
        w[q] = triangle + (first + q) * (first + q + 1) / 2;
    for (size_t j = 0; j <= first; j++) {
        centred(x, j, mean, z);
#pragma GCC unroll 8
        for (size_t q = 0; q < count; q++)
#pragma GCC unroll 8
            for (size_t r = 0; r < SPAN; r++)
                y[q][r] = V_FMA(V_SET(w[q][j]), z[r], y[q][r]);
    }
#pragma GCC unroll 8
    for (size_t p = 1; p < count; p++) { /* the columns that only the later rows have */
        centred(x, first + p, mean, z);
#pragma GCC unroll 8
        for (size_t q = p; q < count; q++)
#pragma GCC unroll 8
            for (size_t r = 0; r < SPAN; r++)
                y[q][r] = V_FMA(V_SET(w[q][first + p]), z[r], y[q][r]);
    }
#pragma GCC unroll 8
    for (size_t q = 0; q < count; q++)
#pragma GCC unroll 8
        for (size_t r = 0; r < SPAN; r++)
            total[r] = V_FMA(y[q][r], y[q][r], total[r]);
}

/* constant - square / 2; a square that overflowed is no number or infinity: -infinity. */
INLINE void put_densities(const vec square[SPAN], double constant, double *out)
{
    const vec infinite = V_SET(INFINITY);

#pragma GCC unroll 8
    for (size_t r = 0; r < SPAN; r++)
        V_STORE(out + r * LANES,
                V_IF_LESS(square[r], infinite, V_FMA(V_SET(-0.5), square[r], V_SET(constant)),
                          V_SET(-INFINITY)));
}

TARGET static void whitened_densities(const double *panel, size_t rows, size_t cols,
                                      const double *means, const double *whiteners, size_t step,
                                      const double *constants, size_t clusters, double *out)
{
    for (size_t i = 0; i < PADDED(rows); i += ROWS)
        for (size_t k = 0; k < clusters; k++) {
            const double *mean = means + k * cols, *whitener = whiteners + k * step;
            vec total[1][SPAN];
            set_all(total, 1, 0);
#define GROUP_WHITENED(count, first)                                                               \
    add_whitened(panel + i, mean, whitener, (first), (count), total[0])
            FOR_GROUPS(cols, GROUP_WHITENED);
            put_densities(total[0], constants[k], out + k * MELE_I_PANEL + i);
        }
}

TARGET static void scaled_densities(const double *panel, size_t rows, size_t cols,
                                    const double *means, const double *scales,
                                    const double *constants, size_t clusters, double *out)
{
    for (size_t i = 0; i < PADDED(rows); i += ROWS)
        for (size_t k = 0; k < clusters; k++) {
            const double *mean = means + k * cols, *scale = scales + k * cols;
            vec total[1][SPAN], z[SPAN];
            set_all(total, 1, 0);
            for (size_t j = 0; j < cols; j++) {
                centred(panel + i, j, mean, z);
#pragma GCC unroll 8
                for (size_t r = 0; r < SPAN; r++) {
                    const vec y = V_MUL(z[r], V_SET(scale[j]));
                    total[0][r] = V_FMA(y, y, total[0][r]);
                }
            }
            put_densities(total[0], constants[k], out + k * MELE_I_PANEL + i);
        }
}

TARGET static void round_densities(const double *panel, size_t rows, size_t cols,
                                   const double *means, const double *scales,
                                   const double *constants, size_t clusters, double *out)
{
    for (size_t i = 0; i < PADDED(rows); i += ROWS)
        for (size_t k = 0; k < clusters; k++) {
            const double *mean = means + k * cols;
            const vec scale = V_SET(scales[k]);
            vec total[1][SPAN], z[SPAN];
            set_all(total, 1, 0);
            for (size_t j = 0; j < cols; j++) {
                centred(panel + i, j, mean, z);
#pragma GCC unroll 8
                for (size_t r = 0; r < SPAN; r++) {
                    const vec y = V_MUL(z[r], scale);
                    total[0][r] = V_FMA(y, y, total[0][r]);
                }
            }
            put_densities(total[0], constants[k], out + k * MELE_I_PANEL + i);
        }
}
