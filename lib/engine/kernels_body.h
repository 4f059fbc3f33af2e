/* The kernels themselves, once for every width. A file that includes this has defined
 *   TABLE, NAME   what it provides
 *   TARGET        the attribute that lets its functions use the instructions
 *   LANES         rows in a vector;  SPAN  vectors in a tile of rows;  GROUP  centres at once
 *   vec, V_...    a vector of doubles and what is done with it
 *   transpose(), power_of_two(), mantissa()
 * and gets the same bits as its siblings, because a lane is a row: nothing here depends on
 * LANES, SPAN or GROUP but which rows are worked on together. Every product that is added to
 * something is a V_FMA, so that no compiler can choose whether to contract it.
 *
 * Rows are transposed in registers to tiles: column j of the tile is ROWS neighbouring numbers.
 * The last tile repeats its last row; what it computes for the repetitions is thrown away.
 *
 * exp and log: x = n ln 2 + r with |r| <= ln 2 / 2 (Cody, Waite 1980, Software Manual for the
 * Elementary Functions) and Taylor's polynomial of degree 13, whose remainder is below 0.06 ulp;
 * log after fdlibm's e_log.c (Ng 1993), with fused operations. */

#define ROWS (SPAN * LANES)
#define CHUNK 128 /* columns in a tile: more are taken in turns */
#define INLINE TARGET static inline __attribute__((always_inline))

typedef struct tile {
    const double *x; /* its first row */
    size_t stride, rows, cols;
    size_t first, count; /* the columns in number[] */
    double number[CHUNK * ROWS];
} tile;

/* Columns first .. first + count - 1 of the tile's rows. */
TARGET static void load_columns(tile *t, size_t first, size_t count)
{
    t->first = first;
    t->count = count;
    for (size_t r = 0; r < ROWS; r += LANES) {
        const double *row[LANES];
        for (size_t l = 0; l < LANES; l++)
            row[l] = t->x + (r + l < t->rows ? r + l : t->rows - 1) * t->stride + first;
        for (size_t j = 0; j < count; j += LANES) {
            vec v[LANES];
            size_t left = count - j < LANES ? count - j : LANES;
            if (left == LANES)
                for (size_t l = 0; l < LANES; l++)
                    v[l] = V_LOAD(row[l] + j);
            else
                for (size_t l = 0; l < LANES; l++)
                    v[l] = V_LOAD_FIRST(row[l] + j, left);
            transpose(v);
            for (size_t l = 0; l < left; l++)
                V_STORE(t->number + (j + l) * ROWS + r, v[l]);
        }
    }
}

/* Make sure that the chunk of columns that starts at first is there. */
INLINE void need_columns(tile *t, size_t first)
{
    if (t->first != first || t->count == 0)
        load_columns(t, first, t->cols - first < CHUNK ? t->cols - first : CHUNK);
}

INLINE void start_tile(tile *t, const double *x, size_t stride, size_t rows, size_t cols)
{
    t->x = x;
    t->stride = stride;
    t->rows = rows < ROWS ? rows : ROWS;
    t->cols = cols;
    t->count = 0;
}

/* out[i * stride + q] = value[q] of row i, for the tile's rows. */
INLINE void store_group(const tile *t, vec value[][SPAN], const size_t count, double *out,
                        size_t stride)
{
    if (count == LANES && t->rows == ROWS) {
        for (size_t r = 0; r < SPAN; r++) {
            vec v[LANES];
            for (size_t l = 0; l < LANES; l++)
                v[l] = value[l][r];
            transpose(v);
            for (size_t l = 0; l < LANES; l++)
                V_STORE(out + (r * LANES + l) * stride, v[l]);
        }
        return;
    }
    for (size_t q = 0; q < count; q++) {
        double number[ROWS];
        for (size_t r = 0; r < SPAN; r++)
            V_STORE(number + r * LANES, value[q][r]);
        for (size_t i = 0; i < t->rows; i++)
            out[i * stride + q] = number[i];
    }
}

/* Call group(count, first) for groups of 0 .. total - 1, with count a constant in each. */
#define FOR_GROUPS(total, group)                                              \
    do {                                                                      \
        size_t at_ = 0, end_ = (total);                                       \
        for (; at_ + GROUP <= end_; at_ += GROUP)                             \
            group(GROUP, at_);                                                \
        for (; at_ + 2 <= end_; at_ += 2)                                     \
            group(2, at_);                                                    \
        if (at_ < end_)                                                       \
            group(1, at_);                                                    \
    } while (0)

/* ---- distances ---- */

/* sum += squared differences over the tile's columns. */
INLINE void add_squares(const tile *t, const double *centres, const size_t count,
                        vec sum[][SPAN])
{
    for (size_t j = 0; j < t->count; j++) {
        const double *centre = centres + t->first + j;
        vec x[SPAN];
#pragma GCC unroll 8
        for (size_t r = 0; r < SPAN; r++)
            x[r] = V_LOAD(t->number + j * ROWS + r * LANES);
#pragma GCC unroll 8
        for (size_t q = 0; q < count; q++) {
            vec c = V_SET(centre[q * t->cols]);
#pragma GCC unroll 8
            for (size_t r = 0; r < SPAN; r++) {
                vec d = V_SUB(x[r], c);
                sum[q][r] = V_FMA(d, d, sum[q][r]);
            }
        }
    }
}

INLINE void set_all(vec sum[][SPAN], const size_t count, double value)
{
#pragma GCC unroll 8
    for (size_t q = 0; q < count; q++)
#pragma GCC unroll 8
        for (size_t r = 0; r < SPAN; r++)
            sum[q][r] = V_SET(value);
}

/* The first chunk stands alone: with no loop around it the sums stay in registers. */
INLINE void squared_distances(tile *t, const double *centres, const size_t count,
                              vec sum[][SPAN])
{
    need_columns(t, 0);
    set_all(sum, count, 0);
    add_squares(t, centres, count, sum);
    if (t->cols > CHUNK)
        for (size_t first = CHUNK; first < t->cols; first += CHUNK) {
            need_columns(t, first);
            add_squares(t, centres, count, sum);
        }
}

TARGET static void nearest(const double *x, size_t stride, size_t rows, size_t cols,
                           const double *centres, size_t clusters, uint32_t *label,
                           double *distance)
{
    tile t;

    for (size_t i = 0; i < rows; i += ROWS) {
        vec best[SPAN], index[SPAN], sum[GROUP][SPAN];
        double number[2][ROWS];
        start_tile(&t, x + i * stride, stride, rows - i, cols);
        for (size_t r = 0; r < SPAN; r++) {
            best[r] = V_SET(INFINITY);
            index[r] = V_SET(0);
        }
#define GROUP_NEAREST(count, first)                                           \
    do {                                                                      \
        squared_distances(&t, centres + (first) * cols, (count), sum);        \
        for (size_t q = 0; q < (count); q++)                                  \
            for (size_t r = 0; r < SPAN; r++) {                               \
                vec k = V_SET((double)((first) + q));                         \
                index[r] = V_IF_LESS(sum[q][r], best[r], k, index[r]);        \
                best[r] = V_IF_LESS(sum[q][r], best[r], sum[q][r], best[r]);  \
            }                                                                 \
    } while (0)
        FOR_GROUPS(clusters, GROUP_NEAREST);
        for (size_t r = 0; r < SPAN; r++) {
            V_STORE(number[0] + r * LANES, index[r]);
            V_STORE(number[1] + r * LANES, best[r]);
        }
        for (size_t l = 0; l < t.rows; l++) {
            label[i + l] = (uint32_t)number[0][l];
            distance[i + l] = number[1][l];
        }
    }
}

TARGET static void distances(const double *x, size_t stride, size_t rows, size_t cols,
                             const double *centres, size_t clusters, double *out)
{
    tile t;

    for (size_t i = 0; i < rows; i += ROWS) {
        vec sum[GROUP][SPAN];
        start_tile(&t, x + i * stride, stride, rows - i, cols);
#define GROUP_DISTANCES(count, first)                                         \
    do {                                                                      \
        squared_distances(&t, centres + (first) * cols, (count), sum);        \
        store_group(&t, sum, (count), out + i * clusters + (first), clusters); \
    } while (0)
        FOR_GROUPS(clusters, GROUP_DISTANCES);
    }
}

/* ---- Mahalanobis distances ---- */

/* y[q] += the part of row first_row + q of the triangle times z that lies in the tile. */
INLINE void times_triangle(const tile *z, const double *triangle, size_t first_row,
                           const size_t count, vec y[][SPAN])
{
    const double *w[GROUP];
    size_t end = z->first + z->count, j = z->first;

#pragma GCC unroll 8
    for (size_t q = 0; q < count; q++)
        w[q] = triangle + (first_row + q) * (first_row + q + 1) / 2;
    for (; j < end && j <= first_row; j++) {
        const double *number = z->number + (j - z->first) * ROWS;
#pragma GCC unroll 8
        for (size_t q = 0; q < count; q++)
#pragma GCC unroll 8
            for (size_t r = 0; r < SPAN; r++)
                y[q][r] = V_FMA(V_SET(w[q][j]), V_LOAD(number + r * LANES), y[q][r]);
    }
#pragma GCC unroll 8
    for (size_t q = 0; q < count; q++)
        for (size_t i = j; i < end && i <= first_row + q; i++)
#pragma GCC unroll 8
            for (size_t r = 0; r < SPAN; r++)
                y[q][r] = V_FMA(V_SET(w[q][i]),
                                V_LOAD(z->number + (i - z->first) * ROWS + r * LANES), y[q][r]);
}

/* z = the tile's chunk minus its part of the mean. */
TARGET static void centre_chunk(tile *t, const double *mean, size_t first, tile *z)
{
    need_columns(t, first);
    z->first = first;
    z->count = t->count;
    for (size_t j = 0; j < t->count; j++)
        for (size_t r = 0; r < ROWS; r += LANES)
            V_STORE(z->number + j * ROWS + r,
                    V_SUB(V_LOAD(t->number + j * ROWS + r), V_SET(mean[first + j])));
}

/* total += |y|^2 for `count` rows of the triangle from first_row on. */
INLINE void add_rows(tile *t, tile *z, const double *mean, const double *triangle,
                     size_t first_row, const size_t count, vec total[SPAN])
{
    vec y[GROUP][SPAN];

    for (size_t q = 0; q < count; q++)
        for (size_t r = 0; r < SPAN; r++)
            y[q][r] = V_SET(0);
    for (size_t first = 0; first < first_row + count; first += CHUNK) {
        if (t->cols > CHUNK)
            centre_chunk(t, mean, first, z);
        times_triangle(z, triangle, first_row, count, y);
    }
    for (size_t q = 0; q < count; q++)
        for (size_t r = 0; r < SPAN; r++)
            total[r] = V_FMA(y[q][r], y[q][r], total[r]);
}

TARGET static void mahalanobis(const double *x, size_t stride, size_t rows, size_t cols,
                               const double *means, const double *whiteners, size_t clusters,
                               double *out)
{
    const size_t packed = cols * (cols + 1) / 2;
    tile t, z;

    for (size_t i = 0; i < rows; i += ROWS) {
        start_tile(&t, x + i * stride, stride, rows - i, cols);
        for (size_t k = 0; k < clusters; k++) {
            vec total[1][SPAN];
            for (size_t r = 0; r < SPAN; r++)
                total[0][r] = V_SET(0);
            if (cols <= CHUNK)
                centre_chunk(&t, means + k * cols, 0, &z);
#define GROUP_ROWS(count, first) \
    add_rows(&t, &z, means + k * cols, whiteners + k * packed, (first), (count), total[0])
            FOR_GROUPS(cols, GROUP_ROWS);
            store_group(&t, total, 1, out + i * clusters + k, clusters);
        }
    }
}

/* ---- linear functions ---- */

INLINE void linear_group(tile *t, const double *coefficients, const size_t count,
                         vec sum[][SPAN])
{
    const size_t step = t->cols + 1;

#pragma GCC unroll 8
    for (size_t q = 0; q < count; q++)
#pragma GCC unroll 8
        for (size_t r = 0; r < SPAN; r++)
            sum[q][r] = V_SET(coefficients[q * step]);
    for (size_t first = 0; first < t->cols; first += CHUNK) {
        need_columns(t, first);
        for (size_t j = 0; j < t->count; j++) {
            const double *c = coefficients + 1 + first + j;
#pragma GCC unroll 8
            for (size_t q = 0; q < count; q++)
#pragma GCC unroll 8
                for (size_t r = 0; r < SPAN; r++)
                    sum[q][r] = V_FMA(V_SET(c[q * step]),
                                      V_LOAD(t->number + j * ROWS + r * LANES), sum[q][r]);
        }
    }
}

TARGET static void linear(const double *x, size_t stride, size_t rows, size_t cols,
                          const double *coefficients, size_t outputs, double *out,
                          size_t out_stride)
{
    tile t;

    for (size_t i = 0; i < rows; i += ROWS) {
        vec sum[GROUP][SPAN];
        start_tile(&t, x + i * stride, stride, rows - i, cols);
#define GROUP_LINEAR(count, first)                                                       \
    do {                                                                                 \
        linear_group(&t, coefficients + (first) * (cols + 1), (count), sum);             \
        store_group(&t, sum, (count), out + i * out_stride + (first), out_stride);       \
    } while (0)
        FOR_GROUPS(outputs, GROUP_LINEAR);
    }
}

/* ---- sums over rows: here lanes are columns, and a sum takes its rows in order ---- */

TARGET static void accumulate(const double *x, size_t stride, size_t rows, size_t cols,
                              const double *centres, const uint32_t *label,
                              const double *weights, double *sums)
{
    const size_t whole = cols / LANES * LANES;

    for (size_t i = 0; i < rows; i++) {
        const double *row = x + i * stride, *centre = centres + label[i] * cols;
        double *sum = sums + label[i] * cols;
        vec w = V_SET(weights == NULL ? 1 : weights[i]);
        if (weights != NULL && weights[i] == 0)
            continue;
        for (size_t j = 0; j < whole; j += LANES)
            V_STORE(sum + j, V_FMA(w, V_SUB(V_LOAD(row + j), V_LOAD(centre + j)),
                                   V_LOAD(sum + j)));
        if (whole < cols) {
            const size_t left = cols - whole;
            vec d = V_SUB(V_LOAD_FIRST(row + whole, left), V_LOAD_FIRST(centre + whole, left));
            V_STORE_FIRST(sum + whole, left, V_FMA(w, d, V_LOAD_FIRST(sum + whole, left)));
        }
    }
}

#define PANEL 128 /* columns of a block of the moments */
#define ROOM 2048 /* numbers in one buffer of rows */
#define SIDE 8    /* moments of so many columns at once: a multiple of every LANES */

/* Rows of weighted and plain differences from the mean, for two panels of columns. */
typedef struct moment_rows {
    size_t count; /* rows in the buffers */
    size_t left_first, left_cols, left_step;    /* panel of the weighted ones */
    size_t right_first, right_cols, right_step; /* steps: columns rounded up to SIDE */
    double left[ROOM], right[ROOM];
} moment_rows;

INLINE vec difference(const double *row, const double *mean, size_t j, size_t cols)
{
    if (j + LANES <= cols)
        return V_SUB(V_LOAD(row + j), V_LOAD(mean + j));
    if (j >= cols)
        return V_SET(0);
    return V_SUB(V_LOAD_FIRST(row + j, cols - j), V_LOAD_FIRST(mean + j, cols - j));
}

INLINE void append_row(moment_rows *m, const double *row, const double *mean, double weight)
{
    double *left = m->left + m->count * m->left_step, *right = m->right + m->count * m->right_step;
    const double *lrow = row + m->left_first, *lmean = mean + m->left_first;
    const double *rrow = row + m->right_first, *rmean = mean + m->right_first;
    const vec w = V_SET(weight);

    for (size_t j = 0; j < m->left_step; j += LANES)
        V_STORE(left + j, V_MUL(w, difference(lrow, lmean, j, m->left_cols)));
    for (size_t j = 0; j < m->right_step; j += LANES)
        V_STORE(right + j, difference(rrow, rmean, j, m->right_cols));
    m->count++;
}

/* out (SIDE x LANES numbers of a matrix with cols columns, as far as they exist) += the buffered
 * rows' products of columns a .. a + SIDE - 1 and b .. b + LANES - 1 of the panels. */
INLINE void add_products(const moment_rows *m, size_t a, size_t b, double *out, size_t cols)
{
    const size_t down = m->left_cols - a < SIDE ? m->left_cols - a : SIDE;
    const size_t across = m->right_cols - b < LANES ? m->right_cols - b : LANES;
    const double *left = m->left + a, *right = m->right + b;
    vec sum[SIDE];

#pragma GCC unroll 8
    for (size_t q = 0; q < SIDE; q++)
        sum[q] = q < down ? V_LOAD_FIRST(out + q * cols, across) : V_SET(0);
    for (size_t i = 0; i < m->count; i++, left += m->left_step, right += m->right_step) {
        const vec z = V_LOAD(right);
#pragma GCC unroll 8
        for (size_t q = 0; q < SIDE; q++)
            sum[q] = V_FMA(V_SET(left[q]), z, sum[q]);
    }
#pragma GCC unroll 8
    for (size_t q = 0; q < SIDE; q++)
        if (q < down)
            V_STORE_FIRST(out + q * cols, across, sum[q]);
}

/* Empty the buffers into the panel's part of the second moments. */
TARGET static void flush_rows(moment_rows *m, double *second, size_t cols)
{
    for (size_t a = 0; a < m->left_cols; a += SIDE)
        for (size_t b = 0; b < m->right_cols; b += LANES)
            if (m->right_first + b < m->left_first + a + SIDE)
                add_products(m, a, b,
                             second + (m->left_first + a) * cols + m->right_first + b, cols);
    m->count = 0;
}

TARGET static void add_panels(moment_rows *m, const double *x, size_t stride, size_t rows,
                              size_t cols, const double *mean, const double *weights, size_t step,
                              double *second)
{
    m->left_cols = cols - m->left_first < PANEL ? cols - m->left_first : PANEL;
    m->right_cols = cols - m->right_first < PANEL ? cols - m->right_first : PANEL;
    m->left_step = (m->left_cols + SIDE - 1) / SIDE * SIDE;
    m->right_step = (m->right_cols + SIDE - 1) / SIDE * SIDE;
    m->count = 0;
    const size_t most = ROOM / (m->left_step > m->right_step ? m->left_step : m->right_step);
    for (size_t i = 0; i < rows; i++) {
        if (weights[i * step] == 0)
            continue;
        append_row(m, x + i * stride, mean, weights[i * step]);
        if (m->count == most)
            flush_rows(m, second, cols);
    }
    flush_rows(m, second, cols);
}

/* The weights' sum and the first moments. */
TARGET static void add_first(const double *x, size_t stride, size_t rows, size_t cols,
                             const double *mean, const double *weights, size_t step, double *out)
{
    for (size_t i = 0; i < rows; i++) {
        const double *row = x + i * stride;
        const double weight = weights[i * step];
        size_t j = 0;
        if (weight == 0)
            continue;
        out[0] += weight;
        for (; j + LANES <= cols; j += LANES)
            V_STORE(out + 1 + j, V_FMA(V_SET(weight), difference(row, mean, j, cols),
                                       V_LOAD(out + 1 + j)));
        if (j < cols)
            V_STORE_FIRST(out + 1 + j, cols - j,
                          V_FMA(V_SET(weight), difference(row, mean, j, cols),
                                V_LOAD_FIRST(out + 1 + j, cols - j)));
    }
}

TARGET static void moments(const double *x, size_t stride, size_t rows, size_t cols,
                           const double *means, const double *weights, size_t clusters,
                           double *out)
{
    moment_rows m;

    for (size_t k = 0; k < clusters; k++, out += 1 + cols + cols * cols) {
        const double *mean = means + k * cols;
        add_first(x, stride, rows, cols, mean, weights + k, clusters, out);
        for (m.left_first = 0; m.left_first < cols; m.left_first += PANEL)
            for (m.right_first = 0; m.right_first <= m.left_first; m.right_first += PANEL)
                add_panels(&m, x, stride, rows, cols, mean, weights + k, clusters,
                           out + 1 + cols);
    }
}

/* ---- exp, log and what is built of them ---- */

/* NaN stays NaN: V_MIN and V_MAX give their second operand when one is. */
INLINE vec exp_of(vec x)
{
    const vec shift = V_SET(0x1.8p52);
    static const double inverse_factorial[] = {
        1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880,
        1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2};

    x = V_MIN(V_SET(710), V_MAX(V_SET(-746), x));
    vec t = V_FMA(x, V_SET(0x1.71547652b82fep0), shift); /* log2 e */
    vec n = V_SUB(t, shift);
    vec r = V_FMA(n, V_SET(-0x1.62e42fefa39efp-1), x); /* ln 2 in two parts */
    r = V_FMA(n, V_SET(-0x1.abc9e3b39803fp-56), r);
    vec p = V_SET(inverse_factorial[0]);
#pragma GCC unroll 16
    for (size_t i = 1; i < 12; i++)
        p = V_FMA(p, r, V_SET(inverse_factorial[i]));
    p = V_ADD(V_SET(1), V_FMA(V_MUL(r, r), p, r));
    /* 2^n in two factors, so that subnormal results are rounded once */
    vec half = V_FMA(n, V_SET(0.5), shift);
    vec rest = V_ADD(V_SUB(n, V_SUB(half, shift)), shift);
    return V_MUL(V_MUL(p, power_of_two(half)), power_of_two(rest));
}

/* For positive normal a; NaN gives NaN. */
INLINE vec log_of(vec a)
{
    static const double odd[] = {6.666666666666735130e-01, 2.857142874366239149e-01,
                                 1.818357216161805012e-01, 1.479819860511658591e-01};
    static const double even[] = {3.999999999940941908e-01, 2.222219843214978396e-01,
                                  1.531383769920937332e-01};
    const vec root2 = V_SET(0x1.6a09e667f3bcdp0);
    vec e, m = mantissa(a, &e);

    e = V_IF_LESS(root2, m, V_ADD(e, V_SET(1)), e);
    m = V_IF_LESS(root2, m, V_MUL(m, V_SET(0.5)), m);
    vec f = V_SUB(m, V_SET(1));
    vec s = V_DIV(f, V_ADD(f, V_SET(2))), z = V_MUL(s, s), w = V_MUL(z, z);
    vec p = V_FMA(V_FMA(V_SET(even[2]), w, V_SET(even[1])), w, V_SET(even[0]));
    vec q = V_FMA(V_SET(odd[3]), w, V_SET(odd[2]));
    q = V_FMA(V_FMA(q, w, V_SET(odd[1])), w, V_SET(odd[0]));
    vec rest = V_FMA(z, q, V_MUL(w, p)), h = V_MUL(f, V_SET(0.5));
    rest = V_FMA(s, V_FMA(h, f, rest), V_MUL(e, V_SET(1.90821492927058770002e-10)));
    f = V_SUB(f, V_FMA(h, f, V_SUB(V_SET(0), rest)));
    f = V_FMA(e, V_SET(6.93147180369123816490e-01), f);
    return V_ADD(f, V_SUB(a, a));
}

TARGET static void exponential(double *x, size_t count)
{
    size_t i = 0;

    for (; i + 4 * LANES <= count; i += 4 * LANES)
#pragma GCC unroll 4
        for (size_t u = 0; u < 4; u++)
            V_STORE(x + i + u * LANES, exp_of(V_LOAD(x + i + u * LANES)));
    for (; i < count; i += LANES) {
        size_t left = count - i < LANES ? count - i : LANES;
        double last[LANES];
        V_STORE(last, exp_of(V_LOAD_FIRST(x + i, left)));
        memcpy(x + i, last, left * sizeof *x);
    }
}

/* The largest logit of each row, and the logarithm of the sum of exp(logit - largest). */
INLINE void row_sums(tile *t, double largest[ROWS], double log_sum[ROWS])
{
    vec most[SPAN], sum[SPAN];

    for (size_t r = 0; r < SPAN; r++) {
        most[r] = V_SET(-INFINITY);
        sum[r] = V_SET(0);
    }
    for (size_t first = 0; first < t->cols; first += CHUNK) {
        need_columns(t, first);
        for (size_t j = 0; j < t->count; j++)
            for (size_t r = 0; r < SPAN; r++)
                most[r] = V_MAX(V_LOAD(t->number + j * ROWS + r * LANES), most[r]);
    }
    for (size_t first = 0; first < t->cols; first += CHUNK) {
        need_columns(t, first);
        for (size_t j = 0; j < t->count; j++)
            for (size_t r = 0; r < SPAN; r++) {
                vec x = V_LOAD(t->number + j * ROWS + r * LANES);
                sum[r] = V_ADD(sum[r], exp_of(V_SUB(x, most[r])));
            }
    }
    for (size_t r = 0; r < SPAN; r++) {
        V_STORE(largest + r * LANES, most[r]);
        V_STORE(log_sum + r * LANES, log_of(sum[r]));
    }
}

TARGET static void log_softmax(double *logits, size_t rows, size_t cols, double *log_sum)
{
    tile t;

    for (size_t i = 0; i < rows; i += ROWS) {
        double largest[ROWS], rest[ROWS];
        start_tile(&t, logits + i * cols, cols, rows - i, cols);
        row_sums(&t, largest, rest);
        for (size_t l = 0; l < t.rows; l++) {
            double *row = logits + (i + l) * cols, most = largest[l], sum = rest[l];
            double total = most + sum;
            if (isinf(most))
                total = mele_i_softmax_extreme(row, cols, most);
            else /* in this order: most + sum would lose sum in rows far from everything */
                for (size_t j = 0; j < cols; j++)
                    row[j] = (row[j] - most) - sum;
            if (log_sum != NULL)
                log_sum[i + l] = total;
        }
    }
}

const mele_i_kernels TABLE = {NAME,        nearest,     distances,  mahalanobis, linear,
                              log_softmax, exponential, accumulate, moments};
