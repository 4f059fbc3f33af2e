/* Part of kernels_body.h: moments of the rows of a panel. Eight lanes whatever LANES is, row i in
 * lane i mod 8, summed over the panel and then from eight to one in a fixed order. */

#define PARTS (8 / LANES)

/* Four sums of eight lanes each: sum[q] = part[0 .. PARTS - 1][q]. */
INLINE void fold_four(vec part[PARTS][4], double sum[4])
{
#if LANES == 1
    for (size_t q = 0; q < 4; q++)
        sum[q] = ((part[0][q] + part[4][q]) + (part[2][q] + part[6][q]))
                 + ((part[1][q] + part[5][q]) + (part[3][q] + part[7][q]));
#else
    __m256d v[4];
#pragma GCC unroll 4
    for (size_t q = 0; q < 4; q++)
#if LANES == 4
        v[q] = _mm256_add_pd(part[0][q], part[1][q]);
#else
        v[q] = _mm256_add_pd(_mm512_castpd512_pd256(part[0][q]),
                             _mm512_extractf64x4_pd(part[0][q], 1));
#endif
    __m256d a = _mm256_unpacklo_pd(v[0], v[1]), b = _mm256_unpackhi_pd(v[0], v[1]);
    __m256d c = _mm256_unpacklo_pd(v[2], v[3]), d = _mm256_unpackhi_pd(v[2], v[3]);
    __m256d even =
        _mm256_add_pd(_mm256_permute2f128_pd(a, c, 0x20), _mm256_permute2f128_pd(a, c, 0x31));
    __m256d odd =
        _mm256_add_pd(_mm256_permute2f128_pd(b, d, 0x20), _mm256_permute2f128_pd(b, d, 0x31));
    _mm256_storeu_pd(sum, _mm256_add_pd(even, odd));
#endif
}

/* What a tile of moments is taken of. */
typedef struct moments_of {
    const double *x, *weight; /* the panel and one component's column of weights */
    const double *mean;
    size_t rows; /* rounded up to eights: past the end the weights are 0 */
} moments_of;

/* The sums of w z_a z_b for `down` columns a and `across` columns b, those with a >= b when b - a
 * is at least -3; beside them, in row `down`, the sums of w z_b if `first`, and in the last row
 * the sum of w if `count`. */
INLINE void moments_tile(const moments_of *m, size_t a, const size_t down, size_t b,
                         const size_t across, const int apart, const bool first, const bool count,
                         double sum[6][4])
{
    vec part[6][PARTS][4];

#pragma GCC unroll 8
    for (size_t p = 0; p < PARTS; p++) {
        vec total[4][4], linear[4], number = V_SET(0);
#pragma GCC unroll 8
        for (size_t c = 0; c < 4; c++) {
            linear[c] = V_SET(0);
#pragma GCC unroll 8
            for (size_t q = 0; q < 4; q++)
                total[q][c] = V_SET(0);
        }
        for (size_t i = p * LANES; i < m->rows; i += 8) {
            const vec w = V_LOAD(m->weight + i);
            vec right[4];
#pragma GCC unroll 8
            for (size_t c = 0; c < across; c++) {
                const double *x = m->x + (b + c) * MELE_I_PANEL + i;
                right[c] = V_MUL(w, V_SUB(V_LOAD(x), V_SET(m->mean[b + c])));
                if (first)
                    linear[c] = V_ADD(linear[c], right[c]);
            }
            if (count)
                number = V_ADD(number, w);
#pragma GCC unroll 8
            for (size_t q = 0; q < down; q++) {
                const double *x = m->x + (a + q) * MELE_I_PANEL + i;
                const vec left = V_SUB(V_LOAD(x), V_SET(m->mean[a + q]));
#pragma GCC unroll 8
                for (size_t c = 0; c < across; c++)
                    if ((int)q >= (int)c + apart)
                        total[q][c] = V_FMA(left, right[c], total[q][c]);
            }
        }
#pragma GCC unroll 8
        for (size_t c = 0; c < 4; c++) {
#pragma GCC unroll 8
            for (size_t q = 0; q < 4; q++)
                part[q][p][c] = total[q][c];
            part[4][p][c] = linear[c];
            part[5][p][c] = number;
        }
    }
#pragma GCC unroll 8
    for (size_t q = 0; q < down; q++)
        fold_four(part[q], sum[q]);
    if (first)
        fold_four(part[4], sum[4]);
    if (count)
        fold_four(part[5], sum[5]);
}

/* Add the tile's sums: rows of the packed triangle, the first moments and the count. */
INLINE void add_tile(const moments_of *m, size_t a, const size_t down, size_t b,
                     const size_t across, const int apart, const bool first, const bool count,
                     const mele_i_moments *out)
{
    double sum[6][4];

    moments_tile(m, a, down, b, across, apart, first, count, sum);
#pragma GCC unroll 8
    for (size_t q = 0; q < down; q++) {
        double *to = out->second + (a + q) * (a + q + 1) / 2 + b;
#pragma GCC unroll 8
        for (size_t c = 0; c < across; c++)
            if ((int)q >= (int)c + apart)
                to[c] += sum[q][c];
    }
    for (size_t c = 0; first && c < across; c++)
        out->first[b + c] += sum[4][c];
    if (count)
        out->count[0] += sum[5][0];
}

/* The columns a .. a + down - 1 against all up to themselves. */
INLINE void moments_strip(const moments_of *m, size_t a, const size_t down,
                          const mele_i_moments *out)
{
    size_t b = 0;

    for (; b + ACROSS <= a; b += ACROSS)
        add_tile(m, a, down, b, ACROSS, -8, false, false, out);
    if (ACROSS > 2 && b + 2 <= a) {
        add_tile(m, a, down, b, 2, -8, false, false, out);
        b += 2;
    }
    if (down <= ACROSS) {
        if (a == 0)
            add_tile(m, a, down, a, down, 0, true, true, out);
        else
            add_tile(m, a, down, a, down, 0, true, false, out);
    } else { /* 4 down, 2 across */
        if (a == 0)
            add_tile(m, a, down, a, 2, 0, true, true, out);
        else
            add_tile(m, a, down, a, 2, 0, true, false, out);
        add_tile(m, a, down, a + 2, 2, 2, true, false, out);
    }
}

TARGET static void moments(const double *panel, size_t rows, size_t cols, const double *means,
                           const double *weights, size_t clusters, const mele_i_moments *out)
{
    for (size_t k = 0; k < clusters; k++) {
        const moments_of m = {panel, weights + k * MELE_I_PANEL, means + k * cols,
                              (rows + 7) / 8 * 8};
        const mele_i_moments to = {out->count + k, out->first + k * cols,
                                   out->second + k * out->step, 0};
        size_t a = 0;
        for (; a + 4 <= cols; a += 4)
            moments_strip(&m, a, 4, &to);
        if (a + 2 <= cols) {
            moments_strip(&m, a, 2, &to);
            a += 2;
        }
        if (a < cols)
            moments_strip(&m, a, 1, &to);
    }
}

/* Of `across` columns: the sums of w z and w z^2, and of w if `count`. */
INLINE void add_squares_of(const moments_of *m, size_t b, const size_t across, const bool count,
                           const mele_i_moments *out)
{
    vec part[3][PARTS][4];
    double sum[3][4];

#pragma GCC unroll 8
    for (size_t p = 0; p < PARTS; p++) {
        vec square[4], linear[4], number = V_SET(0);
#pragma GCC unroll 8
        for (size_t c = 0; c < 4; c++)
            square[c] = linear[c] = V_SET(0);
        for (size_t i = p * LANES; i < m->rows; i += 8) {
            const vec w = V_LOAD(m->weight + i);
#pragma GCC unroll 8
            for (size_t c = 0; c < across; c++) {
                const double *x = m->x + (b + c) * MELE_I_PANEL + i;
                const vec z = V_SUB(V_LOAD(x), V_SET(m->mean[b + c])), right = V_MUL(w, z);
                linear[c] = V_ADD(linear[c], right);
                square[c] = V_FMA(z, right, square[c]);
            }
            if (count)
                number = V_ADD(number, w);
        }
#pragma GCC unroll 8
        for (size_t c = 0; c < 4; c++) {
            part[0][p][c] = linear[c];
            part[1][p][c] = square[c];
            part[2][p][c] = number;
        }
    }
    for (size_t s = 0; s < (count ? 3 : 2); s++)
        fold_four(part[s], sum[s]);
    for (size_t c = 0; c < across; c++) {
        out->first[b + c] += sum[0][c];
        out->second[b + c] += sum[1][c];
    }
    if (count)
        out->count[0] += sum[2][0];
}

TARGET static void square_moments(const double *panel, size_t rows, size_t cols,
                                  const double *means, const double *weights, size_t clusters,
                                  const mele_i_moments *out)
{
    for (size_t k = 0; k < clusters; k++) {
        const moments_of m = {panel, weights + k * MELE_I_PANEL, means + k * cols,
                              (rows + 7) / 8 * 8};
        const mele_i_moments to = {out->count + k, out->first + k * cols,
                                   out->second + k * out->step, 0};
        size_t b = 0;
        for (; b + 4 <= cols; b += 4)
            if (b == 0)
                add_squares_of(&m, b, 4, true, &to);
            else
                add_squares_of(&m, b, 4, false, &to);
        for (; b < cols; b++)
            if (b == 0)
                add_squares_of(&m, b, 1, true, &to);
            else
                add_squares_of(&m, b, 1, false, &to);
    }
}
