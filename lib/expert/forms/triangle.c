/* Householder triangles of tall matrices, a chunk of rows at a time.
 *
 * A chunk X (c x q) under a triangle R (q x q) is reduced column by column with
 * H_j = I - tau (e_j; v_j)(e_j; v_j)', where v_j lives in the chunk alone: the triangle above it
 * keeps its zeros. PANEL reflections are gathered into the compact form I - Y T Y' (Schreiber,
 * Van Loan 1989, SIAM J. Sci. Stat. Comput. 10) before they touch the columns to their right,
 * PAIR of those at a time, so that every number loaded serves several operations.
 *
 * Sums over rows run in eight lanes that are added in one fixed order, without fused operations:
 * the same bits on every machine, whichever of the three builds of the loops below it runs.
 * (Moments of rows have columns for lanes and take row after row, tiled as registers allow.) BLAS
 * would not do here: OpenBLAS splits calls by its own thread count, and with it changes results.
 *
 * Numbers are expected near 1 in size: squares below the smallest normal double count as 0. */
#include "expert/forms/triangle.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define PANEL 4
#define PAIR 2
#define CHUNK_NUMBERS 8192 /* 64 KiB; with the bounds on rows, the best measured for q = 4 .. 258 */
#define LEAST_ROWS 128
#define MOST_ROWS 256
#define GRAM_NUMBERS 2048
#define LEAST_GRAM_ROWS 32

typedef double lanes __attribute__((vector_size(MELE_I_LANES * sizeof(double)), may_alias));

#define INLINE static inline __attribute__((always_inline))

size_t mele_i_chunk_rows(size_t q)
{
    size_t rows = CHUNK_NUMBERS / q / MELE_I_LANES * MELE_I_LANES;

    return rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
}

size_t mele_i_triangle_filled(const double *triangle, size_t q)
{
    size_t filled = 0;

    for (size_t j = q; j-- > filled;)
        for (size_t i = j + 1; i-- > filled;)
            if (triangle[i + j * q] != 0)
                filled = i + 1;
    return filled;
}

INLINE double sum_lanes(const lanes *sum)
{
    const double *a = (const double *)sum;

    return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
}

/* dots[i + j * PANEL] = a_i . b_j for `na` columns of a and `nb` of b, constants at the call. */
INLINE void dots_of(const lanes *a, size_t na, const lanes *b, size_t nb, size_t stride,
                    size_t groups, double *dots)
{
    lanes sum[PANEL * PAIR] = {{0}};

    for (size_t g = 0; g < groups; g++)
        for (size_t i = 0; i < na; i++)
            for (size_t j = 0; j < nb; j++)
                sum[i + j * PANEL] += a[i * stride + g] * b[j * stride + g];
    for (size_t i = 0; i < na; i++)
        for (size_t j = 0; j < nb; j++)
            dots[i + j * PANEL] = sum_lanes(&sum[i + j * PANEL]);
}

/* b_j -= sum_i factor[i + j * PANEL] a_i */
INLINE void subtract(const lanes *a, size_t na, lanes *b, size_t nb, size_t stride, size_t groups,
                     const double *factor)
{
    for (size_t g = 0; g < groups; g++)
        for (size_t j = 0; j < nb; j++) {
            lanes value = b[j * stride + g];
            for (size_t i = 0; i < na; i++)
                value -= a[i * stride + g] * factor[i + j * PANEL];
            b[j * stride + g] = value;
        }
}

/* Turn column v of the chunk, under the diagonal element *top, into a reflection that clears it;
 * returns its tau. */
INLINE double reflection(double *top, lanes *v, size_t groups)
{
    double dots[PANEL * PAIR], alpha = *top;

    dots_of(v, 1, v, 1, groups, groups, dots);
    if (dots[0] < DBL_MIN) {
        memset(v, 0, groups * sizeof *v);
        return 0;
    }
    double beta = -copysign(sqrt(alpha * alpha + dots[0]), alpha), scale = 1 / (alpha - beta);
    for (size_t g = 0; g < groups; g++)
        v[g] *= scale;
    *top = beta;
    return (beta - alpha) / beta;
}

/* Apply the one reflection (tau, v) to the column x under the triangle's element *top. */
INLINE void reflect_one(double tau, const lanes *v, double *top, lanes *x, size_t groups)
{
    double factor[PANEL * PAIR];

    dots_of(v, 1, x, 1, groups, groups, factor);
    factor[0] = tau * (*top + factor[0]);
    *top -= factor[0];
    subtract(v, 1, x, 1, groups, groups, factor);
}

/* t (PANEL x PANEL, upper): the product of the panel's reflections is I - Y t Y'. */
INLINE void compact_form(const double *tau, const lanes *v, size_t stride, size_t groups,
                         double t[PANEL][PANEL])
{
    for (size_t j = 0; j < PANEL; j++) {
        double dots[PANEL * PAIR];
        dots_of(v, PANEL, v + j * stride, 1, stride, groups, dots);
        t[j][j] = tau[j];
        for (size_t i = 0; i < j; i++) {
            double sum = 0;
            for (size_t l = i; l < j; l++)
                sum += t[i][l] * dots[l];
            t[i][j] = -tau[j] * sum;
        }
    }
}

/* Apply the panel's reflections to nb columns x under the rows of the triangle at `top`. */
INLINE void reflect_panel(double t[PANEL][PANEL], const lanes *v, double *top, size_t q, lanes *x,
                          size_t nb, size_t stride, size_t groups)
{
    double dots[PANEL * PAIR], factor[PANEL * PAIR];

    dots_of(v, PANEL, x, nb, stride, groups, dots);
    for (size_t j = 0; j < nb; j++) {
        for (size_t i = 0; i < PANEL; i++)
            dots[i + j * PANEL] += top[i + j * q];
        for (size_t i = 0; i < PANEL; i++) {
            double sum = 0;
            for (size_t l = 0; l <= i; l++)
                sum += t[l][i] * dots[l + j * PANEL];
            factor[i + j * PANEL] = sum;
            top[i + j * q] -= sum;
        }
    }
    subtract(v, PANEL, x, nb, stride, groups, factor);
}

/* `triangular`: row i of the chunk starts at column i, so column j needs its first j + 1 rows. A
 * reflection under a row of zeros leaves one dimension less to the chunk's rows (`left`): at none
 * what is in it is rounding. */
INLINE void reduce(double *triangle, size_t q, double *chunk, size_t rows, bool triangular)
{
    lanes *x = (lanes *)chunk;
    const size_t stride = rows / MELE_I_LANES;
    const size_t filled = rows < q ? mele_i_triangle_filled(triangle, q) : q;
    size_t left = rows;

    for (size_t first = 0; first < q && left > 0; first += PANEL) {
        size_t end = first + PANEL < q ? first + PANEL : q;
        size_t groups = triangular && end < rows ? (end - 1) / MELE_I_LANES + 1 : stride;
        double tau[PANEL] = {0}, t[PANEL][PANEL];
        for (size_t j = first; j < end; j++) {
            lanes *v = x + j * stride;
            tau[j - first] = reflection(&triangle[j + j * q], v, groups);
            left -= left > 0 && j >= filled && tau[j - first] != 0;
            for (size_t l = j + 1; l < end; l++)
                reflect_one(tau[j - first], v, &triangle[j + l * q], x + l * stride, groups);
        }
        if (end == q)
            return;
        const lanes *v = x + first * stride;
        double *top = triangle + first;
        size_t l = end;
        compact_form(tau, v, stride, groups, t);
        for (; l + PAIR <= q; l += PAIR)
            reflect_panel(t, v, top + l * q, q, x + l * stride, PAIR, stride, groups);
        for (; l < q; l++)
            reflect_panel(t, v, top + l * q, q, x + l * stride, 1, stride, groups);
    }
}

INLINE void cross(const double *a, size_t na, const double *b, size_t nb, size_t rows, double *out,
                  size_t ld)
{
    const lanes *u = (const lanes *)a, *v = (const lanes *)b;
    size_t groups = rows / MELE_I_LANES;

    for (size_t j = 0; j < nb; j += PAIR)
        for (size_t i = 0; i < na; i += PANEL) {
            size_t height = na - i < PANEL ? na - i : PANEL, width = nb - j < PAIR ? nb - j : PAIR;
            double dots[PANEL * PAIR];
            if (height == PANEL && width == PAIR)
                dots_of(u + i * groups, PANEL, v + j * groups, PAIR, groups, groups, dots);
            else
                dots_of(u + i * groups, height, v + j * groups, width, groups, groups, dots);
            for (size_t l = 0; l < width; l++)
                for (size_t k = 0; k < height; k++)
                    out[i + k + (j + l) * ld] += dots[k + l * PANEL];
        }
}

/* ---- moments of rows: here lanes are columns ---- */

typedef double half __attribute__((vector_size(MELE_I_LANES / 2 * sizeof(double)), may_alias));
typedef double loose __attribute__((vector_size(MELE_I_LANES * sizeof(double)), may_alias,
                                    aligned(sizeof(double))));

/* The moments of some rows, and memory that is asked for meanwhile: `share` bytes with every eight
 * sums of a row, so that it comes in all the time. */
typedef struct gram_of {
    const double *rows;
    size_t width, count, share;
    const char *next;
    double *out;
} gram_of;

/* Rows i .. i + tall - 1 of the moments, `across` vectors from column j on. */
INLINE void gram_tile(gram_of *g, size_t i, const size_t tall, size_t j, const size_t across)
{
    const size_t width = g->width, count = g->count, step = tall * across * g->share;
    const char *next = g->next;
    double *out = g->out + i * width + j;
    lanes sum[8];

#pragma GCC unroll 8
    for (size_t a = 0; a < tall; a++)
#pragma GCC unroll 8
        for (size_t b = 0; b < across; b++)
            sum[a * across + b] = *(const lanes *)(out + a * width + b * MELE_I_LANES);
    for (size_t r = 0; r < count; r++) {
        const double *left = g->rows + r * width + i;
        const lanes *right = (const lanes *)(g->rows + r * width + j);
        __builtin_prefetch(next + r * step, 0, 2);
#pragma GCC unroll 8
        for (size_t a = 0; a < tall; a++)
#pragma GCC unroll 8
            for (size_t b = 0; b < across; b++)
                sum[a * across + b] += left[a] * right[b];
    }
#pragma GCC unroll 8
    for (size_t a = 0; a < tall; a++)
#pragma GCC unroll 8
        for (size_t b = 0; b < across; b++)
            *(lanes *)(out + a * width + b * MELE_I_LANES) = sum[a * across + b];
    g->next = next + count * step;
}

/* Eight rows and their own columns. The first four do without the last four columns, which are
 * above the diagonal. */
INLINE void gram_corner(gram_of *g, size_t i)
{
    const size_t width = g->width, count = g->count, step = MELE_I_LANES * g->share;
    const char *next = g->next;
    double *out = g->out + i * width + i;
    half low[4];
    lanes sum[4];

#pragma GCC unroll 8
    for (size_t a = 0; a < 4; a++) {
        low[a] = *(const half *)(out + a * width);
        sum[a] = *(const lanes *)(out + (a + 4) * width);
    }
    for (size_t r = 0; r < count; r++) {
        const double *row = g->rows + r * width + i;
        __builtin_prefetch(next + r * step, 0, 2);
#pragma GCC unroll 8
        for (size_t a = 0; a < 4; a++) {
            low[a] += row[a] * *(const half *)row;
            sum[a] += row[a + 4] * *(const lanes *)row;
        }
    }
#pragma GCC unroll 8
    for (size_t a = 0; a < 4; a++) {
        *(half *)(out + a * width) = low[a];
        *(lanes *)(out + (a + 4) * width) = sum[a];
    }
    g->next = next + count * step;
}

/* The same of all vectors up to the diagonal's: of a few rows several at once, or a sum would wait
 * for itself. `most` sums at once. */
INLINE void gram_strip(gram_of *g, size_t i, const size_t tall, const size_t most)
{
    for (size_t j = 0; j <= i;) {
        const size_t left = i / MELE_I_LANES + 1 - j / MELE_I_LANES;
        if (tall == MELE_I_LANES && left == 1) {
            gram_corner(g, i);
            return;
        }
        if (most >= 4 * tall && left >= 4) {
            gram_tile(g, i, tall, j, 4);
            j += 4 * MELE_I_LANES;
        } else if (most >= 3 * tall && left >= 3) {
            gram_tile(g, i, tall, j, 3);
            j += 3 * MELE_I_LANES;
        } else if (most >= 2 * tall && left >= 2) {
            gram_tile(g, i, tall, j, 2);
            j += 2 * MELE_I_LANES;
        } else {
            gram_tile(g, i, tall, j, 1);
            j += MELE_I_LANES;
        }
    }
}

/* `most`: the sums that the build has registers for. */
INLINE void gram(const double *rows, size_t q, size_t count, double *out, const double *next,
                 size_t ahead, const size_t most)
{
    gram_of g = {rows, mele_i_gram_width(q), count, 0, (const char *)rows, out};
    size_t work = 0, i = 0;

    for (size_t a = 0; a < q; a++)
        work += a / MELE_I_LANES + 1;
    if (ahead > work) { /* else there is more work than memory to wait for */
        g.next = (const char *)next;
        g.share = ahead / work + 1;
    }
    for (; i + most <= q; i += most)
        gram_strip(&g, i, most, most);
    if (most > 4 && i + 4 <= q) {
        gram_strip(&g, i, 4, most);
        i += 4;
    }
    if (i + 2 <= q) {
        gram_strip(&g, i, 2, most);
        i += 2;
    }
    if (i < q)
        gram_strip(&g, i, 1, most);
}

INLINE void pack(const mele_i_packing *p, double *out, size_t width)
{
    const double *x = p->x, *factor = p->factor, *scale = p->scale, *shift = p->shift;
    const size_t *row = p->row, stride = p->stride, count = p->count, d = p->d;

    for (size_t i = 0; i < count; i++, out += width) {
        const double *from = x + row[i] * stride;
        size_t j = 0;
        for (; j + MELE_I_LANES <= d; j += MELE_I_LANES)
            *(loose *)(out + j) = (*(const loose *)(from + j) * *(const loose *)(scale + j)
                                   - *(const loose *)(shift + j)) * factor[i];
        for (; j < d; j++)
            out[j] = (from[j] * scale[j] - shift[j]) * factor[i];
    }
}

/* The same loops built for the widths that processors have. */
#define BUILD(name, target, most)                                                                 \
    target static void reduce_##name(double *triangle, size_t q, double *chunk, size_t rows,      \
                                     bool triangular)                                             \
    {                                                                                             \
        reduce(triangle, q, chunk, rows, triangular);                                             \
    }                                                                                             \
    target static void cross_##name(const double *a, size_t na, const double *b, size_t nb,       \
                                    size_t rows, double *out, size_t ld)                          \
    {                                                                                             \
        cross(a, na, b, nb, rows, out, ld);                                                       \
    }                                                                                             \
    target static void gram_##name(const double *rows, size_t q, size_t count, double *out,       \
                                   const double *next, size_t ahead)                              \
    {                                                                                             \
        gram(rows, q, count, out, next, ahead, most);                                             \
    }                                                                                             \
    target static void pack_##name(const mele_i_packing *packing, double *out, size_t width)      \
    {                                                                                             \
        pack(packing, out, width);                                                                \
    }                                                                                             \
    static const mele_i_triangle_loops loops_##name = {#name, reduce_##name, cross_##name,        \
                                                       gram_##name, pack_##name};

BUILD(plain, , 4)
#if defined(__x86_64__)
BUILD(avx2, __attribute__((target("avx2"))), 4)
BUILD(avx512, __attribute__((target("avx512f"))), 8)
#endif

const mele_i_triangle_loops *mele_i_triangle_loops_at(size_t i)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (i == 1 && __builtin_cpu_supports("avx2"))
        return &loops_avx2;
    if (i == 2 && __builtin_cpu_supports("avx512f"))
        return &loops_avx512;
#endif
    return i == 0 ? &loops_plain : NULL;
}

static const mele_i_triangle_loops *best(void)
{
    for (size_t i = 2; i > 0; i--)
        if (mele_i_triangle_loops_at(i) != NULL)
            return mele_i_triangle_loops_at(i);
    return mele_i_triangle_loops_at(0);
}

void mele_i_triangle_add(double *triangle, size_t q, double *chunk, size_t rows)
{
    best()->reduce(triangle, q, chunk, rows, false);
}

static size_t padded(size_t q)
{
    return (q + MELE_I_LANES - 1) / MELE_I_LANES * MELE_I_LANES;
}

size_t mele_i_triangle_room(size_t q)
{
    return padded(q) * q;
}

void mele_i_triangle_merge(double *triangle, const double *other, size_t q, double *scratch)
{
    const size_t filled = mele_i_triangle_filled(other, q), rows = padded(filled);

    if (filled == 0)
        return;
    for (size_t j = 0; j < q; j++) {
        memcpy(scratch + j * rows, other + j * q, filled * sizeof *other);
        memset(scratch + j * rows + filled, 0, (rows - filled) * sizeof *other);
    }
    best()->reduce(triangle, q, scratch, rows, true);
}

void mele_i_cross_add(const double *a, size_t na, const double *b, size_t nb, size_t rows,
                      double *out, size_t ld)
{
    best()->cross(a, na, b, nb, rows, out, ld);
}

size_t mele_i_gram_width(size_t q)
{
    return padded(q);
}

size_t mele_i_gram_rows(size_t q)
{
    size_t rows = GRAM_NUMBERS / padded(q);

    return rows < LEAST_GRAM_ROWS ? LEAST_GRAM_ROWS : rows;
}

void mele_i_gram_add(const double *rows, size_t q, size_t count, double *out, const double *next,
                     size_t ahead)
{
    best()->gram(rows, q, count, out, next, ahead);
}

void mele_i_pack_rows(const mele_i_packing *packing, double *out, size_t width)
{
    best()->pack(packing, out, width);
}
