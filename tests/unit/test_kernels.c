/* Every width of the kernels against the plain one, bit for bit, and the plain one against
 * naive sums in long double. */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/stream.h"
#include "engine/kernels.h"

#define GUARD 0x1.23456789abcdfp300 /* what outputs hold where nothing may be written */

static mele_i_stream stream(uint64_t index)
{
    return mele_i_stream_make(1, MELE_I_FOR_TESTS, 0, index);
}

/* Normal numbers; with spread, over so many powers of two each way. */
static double *numbers(mele_i_stream *s, size_t count, int spread)
{
    double *x = MELE_I_ARRAY(double, count);

    cr_assert_not_null(x);
    for (size_t i = 0; i < count; i++) {
        x[i] = mele_i_stream_normal(s);
        if (spread > 0)
            x[i] = ldexp(x[i], (int)mele_i_stream_below(s, 2 * (size_t)spread + 1) - spread);
    }
    return x;
}

static double *guarded(size_t count)
{
    double *x = MELE_I_ARRAY(double, count + 8);

    cr_assert_not_null(x);
    for (size_t i = 0; i < count + 8; i++)
        x[i] = GUARD;
    return x;
}

static void check_guard(const double *x, size_t count, const char *what)
{
    for (size_t i = count; i < count + 8; i++)
        cr_assert_eq(x[i], GUARD, "%s wrote past its output", what);
}

/* Near enough to an exact sum of terms whose absolute values add up to size. */
static bool near(double got, long double exact, long double size, size_t terms)
{
    return fabsl(got - exact) <= (long double)(terms + 2) * DBL_EPSILON * size + 1e-300L;
}

typedef struct shape {
    size_t rows, cols, clusters, stride;
    int spread;
} shape;

/* Odd sizes around every tile, then sizes past the columns of one tile. */
static size_t shapes(shape *out)
{
    static const size_t rows[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33};
    static const size_t cols[] = {1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 40};
    static const size_t clusters[] = {1, 2, 3, 4, 7, 8, 9, 16, 33};
    static const shape large[] = {{19, 127, 9, 130, 0},
                                  {19, 128, 3, 128, 0},
                                  {5, 129, 9, 129, 2},
                                  {18, 300, 10, 301, 0},
                                  {33, 17, 200, 17, 0}};
    size_t count = 0;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t j = 0; j < sizeof cols / sizeof *cols; j++)
            for (size_t k = 0; k < sizeof clusters / sizeof *clusters; k++) {
                int spread = (i + j + k) % 3 == 0 ? 200 : 0;
                out[count++] = (shape){rows[i], cols[j], clusters[k], cols[j] + k % 3, spread};
            }
    memcpy(out + count, large, sizeof large);
    return count + sizeof large / sizeof *large;
}

#define MOST_SHAPES 2048

static void check_distances(const mele_i_kernels *kernels, shape s, mele_i_stream *random)
{
    const mele_i_kernels *plain = mele_i_kernels_at(0);
    double *x = numbers(random, s.rows * s.stride, s.spread);
    double *centres = numbers(random, s.clusters * s.cols, s.spread);
    size_t count = s.rows * s.clusters;
    double *out = guarded(count), *wanted = guarded(count);
    double *distance = guarded(s.rows);
    uint32_t *label = MELE_I_ARRAY(uint32_t, s.rows);

    kernels->distances(x, s.stride, s.rows, s.cols, centres, s.clusters, out);
    plain->distances(x, s.stride, s.rows, s.cols, centres, s.clusters, wanted);
    cr_assert(memcmp(out, wanted, count * sizeof *out) == 0, "%s distances %zu x %zu, K %zu",
              kernels->name, s.rows, s.cols, s.clusters);
    check_guard(out, count, "distances");
    kernels->nearest(x, s.stride, s.rows, s.cols, centres, s.clusters, label, distance);
    check_guard(distance, s.rows, "nearest");
    for (size_t i = 0; i < s.rows; i++) {
        size_t best = 0;
        for (size_t k = 0; k < s.clusters; k++) {
            long double sum = 0;
            for (size_t j = 0; j < s.cols; j++) {
                long double d = (long double)x[i * s.stride + j] - centres[k * s.cols + j];
                sum += d * d;
            }
            cr_assert(near(wanted[i * s.clusters + k], sum, sum, s.cols));
            if (wanted[i * s.clusters + k] < wanted[i * s.clusters + best])
                best = k;
        }
        cr_assert_eq(label[i], best);
        cr_assert_eq(distance[i], wanted[i * s.clusters + best]);
    }
    free(x), free(centres), free(out), free(wanted), free(distance), free(label);
}

/* ---- single precision: what partition/filter.c says of the errors ---- */

/* Rows within [-1, 1] of an origin, and centres among them, laid out for the kernels. */
typedef struct narrowed {
    shape s;
    size_t padded, rows; /* of a narrow row; whole vectors of rows */
    double *x, *origin, *centres, share, floor;
    float *y, *norm, *group, *few;
} narrowed;

static narrowed make_narrowed(const mele_i_kernels *kernels, shape s, mele_i_stream *random)
{
    narrowed n = {.s = s, .padded = (s.cols + 15) / 16 * 16, .rows = (s.rows + 15) / 16 * 16};
    double most = 0;

    n.x = MELE_I_ARRAY(double, s.rows *s.stride);
    n.origin = numbers(random, s.cols, 0);
    n.centres = MELE_I_ARRAY(double, s.clusters *s.cols);
    n.y = MELE_I_ARRAY(float, n.rows *n.padded);
    n.norm = MELE_I_ARRAY(float, n.rows);
    n.group = MELE_I_ZEROED(float, MELE_I_GROUP *(1 + s.cols));
    n.few = MELE_I_ARRAY(float, s.clusters *(1 + s.cols));
    for (size_t i = 0; i < s.rows; i++)
        for (size_t j = 0; j < s.cols; j++)
            n.x[i * s.stride + j] = n.origin[j] + 2 * mele_i_stream_uniform(random) - 1;
    for (size_t k = 0; k < MELE_I_GROUP; k++)
        n.group[k] = 0x1p100f;
    for (size_t k = 0; k < s.clusters; k++) {
        double square = 0;
        for (size_t j = 0; j < s.cols; j++) {
            double c = 2 * mele_i_stream_uniform(random) - 1;
            n.centres[k * s.cols + j] = n.origin[j] + c;
            square += c * c;
            n.group[(1 + j) * MELE_I_GROUP + k] = n.few[k * (1 + s.cols) + 1 + j] = (float)-c;
        }
        n.group[k] = n.few[k * (1 + s.cols)] = (float)(square / 2);
        most = square > most ? square : most;
    }
    n.share = 1.02 * ((double)s.cols + 24) * 0x1p-25;
    n.floor = 2 * n.share * most + 0x1p-60;
    kernels->narrow(n.x, s.stride, NULL, s.rows, s.rows, s.cols, n.origin, 1, n.y, n.padded);
    kernels->lengths(n.y, n.padded, s.rows, n.norm);
    return n;
}

static void free_narrowed(narrowed *n)
{
    free(n->x), free(n->origin), free(n->centres), free(n->y), free(n->norm), free(n->group);
    free(n->few);
}

/* The clear rows' labels are right, and the bounds hold. */
static void check_filter(const mele_i_kernels *kernels, shape s, mele_i_stream *random)
{
    if (s.clusters > MELE_I_GROUP || s.spread > 0)
        return;
    narrowed n = make_narrowed(kernels, s, random);
    double *distance = MELE_I_ARRAY(double, s.rows), *all = MELE_I_ARRAY(double, s.rows * s.clusters);
    double *own = MELE_I_ARRAY(double, s.rows);
    uint32_t *label = MELE_I_ARRAY(uint32_t, n.rows), *sifted = MELE_I_ARRAY(uint32_t, n.rows);
    uint32_t *unclear = MELE_I_ARRAY(uint32_t, n.rows + 16);
    float *room = MELE_I_ARRAY(float, 6 * n.rows), *best = room, *second = best + n.rows;
    float *upper = second + n.rows, *lower = upper + n.rows;
    float *low_best = lower + n.rows, *low_second = low_best + n.rows;
    const float share = (float)n.share, floor = (float)n.floor;
    size_t listed, at = 0;

    kernels->nearest(n.x, s.stride, s.rows, s.cols, n.centres, s.clusters, label, distance);
    kernels->distances(n.x, s.stride, s.rows, s.cols, n.centres, s.clusters, all);
    kernels->own_distances(n.x, s.stride, s.rows, s.cols, n.centres, label, own);
    cr_assert(memcmp(own, distance, s.rows * sizeof *own) == 0, "%s", kernels->name);
    kernels->group_nearest(n.y, n.padded, NULL, s.rows, s.cols, n.group, best, second);
    listed = kernels->list_unclear(best, second, n.norm, s.rows, share, floor, upper, lower, unclear);
    kernels->lowers(best, second, n.norm, NULL, s.rows, share, floor, low_best, low_second);
    cr_assert_leq(listed, s.rows / 4 + 1);
    for (size_t i = 0; i < s.rows; i++) {
        uint32_t bits;
        memcpy(&bits, &best[i], sizeof bits);
        cr_assert((double)upper[i] * upper[i] >= distance[i]);
        cr_assert((double)low_best[i] * low_best[i] <= distance[i]);
        cr_assert_eq(low_second[i], lower[i]);
        if (at < listed && unclear[at] == i) {
            at++;
            continue;
        }
        cr_assert_eq(bits % 16, label[i], "%s %zu x %zu", kernels->name, s.rows, s.cols);
        for (size_t k = 0; k < s.clusters; k++)
            cr_assert(k == label[i] || (double)lower[i] * lower[i] <= all[i * s.clusters + k]);
    }
    if (s.cols <= MELE_I_SIFT_COLUMNS) {
        listed = kernels->sift(n.x, s.stride, s.rows, s.cols, n.origin, 1, n.few, s.clusters, share,
                               floor, sifted, unclear);
        cr_assert_leq(listed, s.rows / 4 + 1);
        for (size_t i = 0; i < listed; i++)
            sifted[unclear[i]] = label[unclear[i]];
        cr_assert(memcmp(sifted, label, s.rows * sizeof *label) == 0, "%s sift", kernels->name);
    }
    free_narrowed(&n);
    free(distance), free(all), free(own), free(label), free(sifted), free(unclear), free(room);
}

static void check_mahalanobis(const mele_i_kernels *kernels, shape s, mele_i_stream *random)
{
    size_t packed = s.cols * (s.cols + 1) / 2, count = s.rows * s.clusters;
    double *x = numbers(random, s.rows * s.stride, s.spread / 2);
    double *means = numbers(random, s.clusters * s.cols, s.spread / 2);
    double *whiteners = numbers(random, s.clusters * packed, s.spread / 2);
    double *out = guarded(count), *wanted = guarded(count);

    kernels->mahalanobis(x, s.stride, s.rows, s.cols, means, whiteners, s.clusters, out);
    mele_i_kernels_at(0)->mahalanobis(x, s.stride, s.rows, s.cols, means, whiteners, s.clusters,
                                      wanted);
    cr_assert(memcmp(out, wanted, count * sizeof *out) == 0, "%s mahalanobis %zu x %zu, K %zu",
              kernels->name, s.rows, s.cols, s.clusters);
    check_guard(out, count, "mahalanobis");
    for (size_t i = 0; i < s.rows; i++)
        for (size_t k = 0; k < s.clusters; k++) {
            const double *w = whiteners + k * packed;
            long double sum = 0, size = 0;
            for (size_t r = 0; r < s.cols; w += ++r) {
                long double y = 0, terms = 0;
                for (size_t j = 0; j <= r; j++) {
                    double d = x[i * s.stride + j] - means[k * s.cols + j];
                    y += (long double)w[j] * d;
                    terms += fabsl((long double)w[j] * d);
                }
                sum += y * y;
                size += terms * terms;
            }
            cr_assert(near(wanted[i * s.clusters + k], sum, size, 3 * s.cols));
        }
    free(x), free(means), free(whiteners), free(out), free(wanted);
}

static void check_linear(const mele_i_kernels *kernels, shape s, mele_i_stream *random)
{
    size_t stride = s.clusters + 1, count = (s.rows - 1) * stride + s.clusters;
    double *x = numbers(random, s.rows * s.stride, s.spread);
    double *c = numbers(random, s.clusters * (s.cols + 1), s.spread);
    double *out = guarded(count), *wanted = guarded(count);

    kernels->linear(x, s.stride, s.rows, s.cols, c, s.clusters, out, stride);
    mele_i_kernels_at(0)->linear(x, s.stride, s.rows, s.cols, c, s.clusters, wanted, stride);
    cr_assert(memcmp(out, wanted, count * sizeof *out) == 0, "%s linear %zu x %zu, %zu outputs",
              kernels->name, s.rows, s.cols, s.clusters);
    check_guard(out, count, "linear");
    for (size_t i = 0; i < s.rows; i++)
        for (size_t o = 0; o < s.clusters; o++) {
            const double *f = c + o * (s.cols + 1);
            long double sum = f[0], size = fabs(f[0]);
            for (size_t j = 0; j < s.cols; j++) {
                sum += (long double)f[j + 1] * x[i * s.stride + j];
                size += fabsl((long double)f[j + 1] * x[i * s.stride + j]);
            }
            cr_assert(near(out[i * stride + o], sum, size, s.cols));
        }
    for (size_t i = 0; i + 1 < s.rows; i++)
        cr_assert_eq(out[i * stride + s.clusters], GUARD, "linear wrote between its rows");
    free(x), free(c), free(out), free(wanted);
}

static void check_log_softmax(const mele_i_kernels *kernels, shape s, mele_i_stream *random)
{
    size_t count = s.rows * s.clusters;
    double *logits = numbers(random, count, s.spread > 0 ? 40 : 3);
    double *out = guarded(count), *wanted = guarded(count);
    double *sum = guarded(s.rows), *wanted_sum = guarded(s.rows);

    for (size_t i = 0; i < count; i++)
        if (mele_i_stream_below(random, 8) == 0)
            logits[i] = -INFINITY;
    memcpy(out, logits, count * sizeof *out);
    memcpy(wanted, logits, count * sizeof *out);
    kernels->log_softmax(out, s.rows, s.clusters, sum);
    mele_i_kernels_at(0)->log_softmax(wanted, s.rows, s.clusters, wanted_sum);
    cr_assert(memcmp(out, wanted, count * sizeof *out) == 0, "%s log_softmax %zu x %zu",
              kernels->name, s.rows, s.clusters);
    cr_assert(memcmp(sum, wanted_sum, s.rows * sizeof *sum) == 0);
    check_guard(out, count, "log_softmax");
    check_guard(sum, s.rows, "log_softmax's sums");
    for (size_t i = 0; i < s.rows; i++) {
        const double *row = logits + i * s.clusters;
        long double most = -INFINITY, total = 0;
        for (size_t k = 0; k < s.clusters; k++)
            most = fmaxl(most, row[k]);
        if (isinf(most))
            continue; /* the test of extremes */
        for (size_t k = 0; k < s.clusters; k++)
            total += expl(row[k] - most);
        long double share = 0;
        for (size_t k = 0; k < s.clusters; k++) {
            long double exact = row[k] - most - logl(total);
            share += expl(out[i * s.clusters + k]);
            cr_assert(isinf(row[k]) ? out[i * s.clusters + k] == -INFINITY
                                    : near(out[i * s.clusters + k], exact, fabsl(exact) + 1, 4));
        }
        cr_assert(near((double)share, 1, 1, s.clusters + 4));
        cr_assert(near(sum[i], most + logl(total), fabsl(most) + 1, s.clusters + 4));
    }
    free(logits), free(out), free(wanted), free(sum), free(wanted_sum);
}

/* A third of the rows without weight; with weights NULL in every other shape. */
static void check_accumulate(const mele_i_kernels *kernels, shape s, mele_i_stream *random)
{
    size_t count = s.clusters * s.cols;
    double *x = numbers(random, s.rows * s.stride, s.spread), *w = numbers(random, s.rows, 0);
    double *centres = numbers(random, count, s.spread), *out = guarded(count);
    double *wanted = guarded(count);
    long double *sum = MELE_I_ZEROED(long double, count), *size = MELE_I_ZEROED(long double, count);
    uint32_t *label = MELE_I_ARRAY(uint32_t, s.rows);
    bool weighted = s.rows % 2 == 0;

    for (size_t i = 0; i < s.rows; i++) {
        label[i] = (uint32_t)mele_i_stream_below(random, s.clusters);
        w[i] = i % 3 == 0 ? 0 : fabs(w[i]);
        for (size_t j = 0; j < s.cols; j++) {
            size_t at = label[i] * s.cols + j;
            long double d = (long double)x[i * s.stride + j] - centres[at];
            d *= weighted ? w[i] : 1;
            sum[at] += d;
            size[at] += fabsl(d);
        }
    }
    memset(out, 0, count * sizeof *out);
    memset(wanted, 0, count * sizeof *out);
    kernels->accumulate(x, s.stride, s.rows, s.cols, centres, label, weighted ? w : NULL, out);
    mele_i_kernels_at(0)->accumulate(x, s.stride, s.rows, s.cols, centres, label,
                                     weighted ? w : NULL, wanted);
    cr_assert(memcmp(out, wanted, count * sizeof *out) == 0, "%s accumulate %zu x %zu, K %zu",
              kernels->name, s.rows, s.cols, s.clusters);
    check_guard(out, count, "accumulate");
    for (size_t i = 0; i < count; i++)
        cr_assert(near(out[i], sum[i], size[i], s.rows));
    free(x), free(w), free(centres), free(out), free(wanted), free(sum), free(size), free(label);
}

/* ---- panels ---- */

/* Columns of a panel hold as many rows as are written: rounded up to 32. */
static double *panel_of(const mele_i_kernels *kernels, const double *x, shape s)
{
    double *panel = guarded(s.cols * MELE_I_PANEL);
    size_t rows = (s.rows + 31) / 32 * 32;

    kernels->to_panel(x, s.stride, s.rows, s.cols, panel);
    for (size_t j = 0; j < s.cols; j++)
        for (size_t i = 0; i < MELE_I_PANEL; i++) {
            double wanted = x[(i < s.rows ? i : s.rows - 1) * s.stride + j];
            cr_assert_eq(panel[j * MELE_I_PANEL + i], i < rows ? wanted : GUARD,
                         "%s: row %zu, column %zu", kernels->name, i, j);
        }
    check_guard(panel, s.cols * MELE_I_PANEL, "to_panel");
    return panel;
}

/* The same bits as the row by row kernels with the constant, whatever the width. */
static void check_densities(const mele_i_kernels *kernels, shape s, mele_i_stream *random)
{
    const mele_i_kernels *plain = mele_i_kernels_at(0);
    size_t packed = s.cols * (s.cols + 1) / 2, count = s.rows * s.clusters;
    double *x = numbers(random, s.rows * s.stride, s.spread / 2);
    double *means = numbers(random, s.clusters * s.cols, s.spread / 2);
    double *whiteners = numbers(random, s.clusters * packed, s.spread / 2);
    double *scales = numbers(random, s.clusters * s.cols, s.spread / 2);
    double *constants = numbers(random, s.clusters, 0), *square = guarded(count);
    double *panel = panel_of(kernels, x, s), *out = guarded(s.clusters * MELE_I_PANEL);

    for (size_t kind = 0; kind < 4; kind++) {
        size_t step = kind == 1 ? 0 : packed;
        if (kind < 2)
            kernels->whitened_densities(panel, s.rows, s.cols, means, whiteners, step, constants,
                                        s.clusters, out);
        else if (kind == 2)
            kernels->scaled_densities(panel, s.rows, s.cols, means, scales, constants, s.clusters,
                                      out);
        else
            kernels->round_densities(panel, s.rows, s.cols, means, scales, constants, s.clusters,
                                     out);
        if (kind == 0)
            plain->mahalanobis(x, s.stride, s.rows, s.cols, means, whiteners, s.clusters, square);
        else if (kind == 1)
            plain->tied_mahalanobis(x, s.stride, s.rows, s.cols, means, whiteners, s.clusters,
                                    square);
        if (kind == 3) { /* a scale for all columns */
            double *all = MELE_I_ARRAY(double, s.clusters * s.cols);
            for (size_t k = 0; k < s.clusters * s.cols; k++)
                all[k] = scales[k / s.cols];
            memcpy(scales, all, s.clusters * s.cols * sizeof *all);
            free(all);
        }
        if (kind >= 2)
            plain->scaled_distances(x, s.stride, s.rows, s.cols, means, scales, s.clusters, square);
        for (size_t i = 0; i < s.rows; i++)
            for (size_t k = 0; k < s.clusters; k++)
                cr_assert_eq(out[k * MELE_I_PANEL + i],
                             fma(-0.5, square[i * s.clusters + k], constants[k]),
                             "%s, kind %zu: %zu x %zu, K %zu", kernels->name, kind, s.rows, s.cols,
                             s.clusters);
        if (kind == 2) /* scales of the last kind: one a component */
            for (size_t k = 0; k < s.clusters; k++)
                scales[k] = constants[k];
    }
    check_guard(out, s.clusters * MELE_I_PANEL, "densities");
    free(x), free(means), free(whiteners), free(scales), free(constants), free(square);
    free(panel), free(out);
}

/* Each row of the K squares against sums in long double; the widths alike. */
static void check_scaled_distances(const mele_i_kernels *kernels, shape s, mele_i_stream *random)
{
    size_t packed = s.cols * (s.cols + 1) / 2, count = s.rows * s.clusters;
    double *x = numbers(random, s.rows * s.stride, s.spread / 2);
    double *means = numbers(random, s.clusters * s.cols, s.spread / 2);
    double *scales = numbers(random, s.clusters * s.cols, s.spread / 2);
    double *whiteners = numbers(random, packed, s.spread / 2);
    double *out = guarded(count), *wanted = guarded(count), *one = guarded(s.rows);

    kernels->scaled_distances(x, s.stride, s.rows, s.cols, means, scales, s.clusters, out);
    mele_i_kernels_at(0)->scaled_distances(x, s.stride, s.rows, s.cols, means, scales, s.clusters,
                                           wanted);
    cr_assert(memcmp(out, wanted, count * sizeof *out) == 0, "%s scaled distances %zu x %zu, K %zu",
              kernels->name, s.rows, s.cols, s.clusters);
    check_guard(out, count, "scaled_distances");
    for (size_t i = 0; i < s.rows; i++)
        for (size_t k = 0; k < s.clusters; k++) {
            long double sum = 0;
            for (size_t j = 0; j < s.cols; j++) {
                long double d = x[i * s.stride + j] - means[k * s.cols + j];
                sum += d * d * scales[k * s.cols + j] * scales[k * s.cols + j];
            }
            cr_assert(near(out[i * s.clusters + k], sum, sum, 2 * s.cols));
        }
    kernels->tied_mahalanobis(x, s.stride, s.rows, s.cols, means, whiteners, s.clusters, out);
    check_guard(out, count, "tied_mahalanobis");
    for (size_t k = 0; k < s.clusters; k++) {
        kernels->mahalanobis(x, s.stride, s.rows, s.cols, means + k * s.cols, whiteners, 1, one);
        for (size_t i = 0; i < s.rows; i++)
            cr_assert_eq(out[i * s.clusters + k], one[i]);
    }
    free(x), free(means), free(scales), free(whiteners), free(out), free(wanted), free(one);
}

/* Against log_softmax and exponential. */
static void check_responsibilities(const mele_i_kernels *kernels, shape s, mele_i_stream *random)
{
    size_t count = s.clusters * MELE_I_PANEL, rows = (s.rows + 31) / 32 * 32;
    double *logits = numbers(random, count, s.spread > 0 ? 9 : 2), *w = numbers(random, s.rows, 0);
    double *out = guarded(count), *wanted = guarded(count), *row = guarded(s.clusters);
    double sum = 0.5, wanted_sum = 0.5, density;
    long double total = 0.5, size = 1;
    bool weighted = s.cols % 2 == 0;

    for (size_t i = 0; i < s.rows; i++)
        w[i] = i % 3 == 0 ? 0 : fabs(w[i]);
    for (size_t i = 0; i < count; i++)
        if (i % 11 == 0)
            logits[i] = -INFINITY;
    for (size_t k = 0; k < s.clusters; k++) /* a row without a density, which does not count */
        logits[k * MELE_I_PANEL] = weighted ? -INFINITY : logits[k * MELE_I_PANEL];
    for (size_t k = 0; !weighted && k < MELE_I_PANEL; k++)
        logits[k] = isinf(logits[k]) ? 1 : logits[k];
    memcpy(out, logits, count * sizeof *out);
    memcpy(wanted, logits, count * sizeof *out);
    if (weighted)
        for (size_t i = 0; i < MELE_I_PANEL; i++)
            out[i] = wanted[i] = logits[i] = i > 0 && isinf(logits[i]) ? 1 : logits[i];
    kernels->responsibilities(out, s.rows, s.clusters, weighted ? w : NULL, &sum);
    mele_i_kernels_at(0)->responsibilities(wanted, s.rows, s.clusters, weighted ? w : NULL,
                                           &wanted_sum);
    cr_assert(sum == wanted_sum, "%s: %.17g, %.17g", kernels->name, sum, wanted_sum);
    check_guard(out, count, "responsibilities");
    for (size_t i = 0; i < rows; i++) {
        double weight = i >= s.rows ? 0 : weighted ? w[i] : 1;
        for (size_t k = 0; k < s.clusters; k++)
            row[k] = logits[k * MELE_I_PANEL + i];
        kernels->log_softmax(row, 1, s.clusters, &density);
        total += weight > 0 ? (long double)weight * density : 0;
        size += weight > 0 ? fabsl((long double)weight * density) + weight : 0;
        for (size_t k = 0; k < s.clusters; k++) {
            double got = out[k * MELE_I_PANEL + i];
            cr_assert_eq(got, wanted[k * MELE_I_PANEL + i]);
            long double share = weight * expl(row[k]), of = 2 + fmin(fabs(row[k]), 800);
            cr_assert(near(got, share, share * of, s.clusters + 6),
                      "%zu x %zu: %g, %g", s.rows, s.clusters, got, row[k]);
        }
    }
    cr_assert(near(sum, total, size, s.rows + s.clusters + 8), "%.17g, %.17Lg", sum, total);
    free(logits), free(w), free(out), free(wanted), free(row);
}

/* One component against the sums in long double; a, b: columns, of which number 0 is the constant
 * 1. */
static void check_moment(const double *x, shape s, const double *mean, const double *weights,
                         size_t a, size_t b, double got)
{
    long double sum = 0, size = 0;

    for (size_t i = 0; i < s.rows; i++) {
        long double term = weights[i];
        term *= a == 0 ? 1 : x[i * s.stride + a - 1] - mean[a - 1];
        term *= b == 0 ? 1 : x[i * s.stride + b - 1] - mean[b - 1];
        sum += term;
        size += fabsl(term);
    }
    cr_assert(near(got, sum, size, s.rows + 3), "%zu x %zu: (%zu, %zu)", s.rows, s.cols, a, b);
}

/* shared: all components add to one triangle. */
static void check_moments_with(const mele_i_kernels *kernels, shape s, mele_i_stream *random,
                               bool squares, bool shared)
{
    size_t second = squares ? s.cols : s.cols * (s.cols + 1) / 2;
    size_t count = s.clusters * (1 + s.cols + second);
    double *x = numbers(random, s.rows * s.stride, s.spread / 2);
    double *means = numbers(random, s.clusters * s.cols, s.spread / 2);
    double *weights = numbers(random, s.clusters * MELE_I_PANEL, 0);
    double *out = guarded(count), *wanted = guarded(count), *panel = panel_of(kernels, x, s);
    size_t first = s.clusters, seconds = s.clusters * (1 + s.cols);
    mele_i_moments to = {out, out + first, out + seconds, shared ? 0 : second};
    mele_i_moments other = {wanted, wanted + first, wanted + seconds, shared ? 0 : second};

    for (size_t k = 0; k < s.clusters; k++)
        for (size_t i = 0; i < MELE_I_PANEL; i++) {
            double *w = &weights[k * MELE_I_PANEL + i];
            *w = i >= s.rows || i % 5 == k % 2 || (shared && k > 0) ? 0 : fabs(*w);
        }
    memset(out, 0, count * sizeof *out);
    memset(wanted, 0, count * sizeof *out);
    if (squares) {
        kernels->square_moments(panel, s.rows, s.cols, means, weights, s.clusters, &to);
        mele_i_kernels_at(0)->square_moments(panel, s.rows, s.cols, means, weights, s.clusters,
                                             &other);
    } else {
        kernels->moments(panel, s.rows, s.cols, means, weights, s.clusters, &to);
        mele_i_kernels_at(0)->moments(panel, s.rows, s.cols, means, weights, s.clusters, &other);
    }
    cr_assert(memcmp(out, wanted, count * sizeof *out) == 0, "%s moments %zu x %zu, K %zu",
              kernels->name, s.rows, s.cols, s.clusters);
    check_guard(out, count, "moments");
    for (size_t k = 0; k < (shared ? 1 : s.clusters); k++) {
        const double *mean = means + k * s.cols, *w = weights + k * MELE_I_PANEL;
        const double *all = to.second + k * to.step;
        check_moment(x, s, mean, w, 0, 0, to.count[k]);
        for (size_t j = 1; j <= s.cols; j++) {
            check_moment(x, s, mean, w, j, 0, to.first[k * s.cols + j - 1]);
            for (size_t b = squares ? j : 1; b <= j; b++)
                check_moment(x, s, mean, w, j, b,
                             squares ? all[j - 1] : all[j * (j - 1) / 2 + b - 1]);
        }
    }
    free(x), free(means), free(weights), free(out), free(wanted), free(panel);
}

static void check_moments(const mele_i_kernels *kernels, shape s, mele_i_stream *random)
{
    check_moments_with(kernels, s, random, false, s.rows % 3 == 2);
    check_moments_with(kernels, s, random, true, false);
}

static void over_shapes(void (*check)(const mele_i_kernels *, shape, mele_i_stream *))
{
    static shape all[MOST_SHAPES];
    size_t count = shapes(all);

    for (size_t w = 0; mele_i_kernels_at(w) != NULL; w++)
        for (size_t i = 0; i < count; i++) {
            mele_i_stream random = stream(i);
            check(mele_i_kernels_at(w), all[i], &random);
        }
}

Test(kernels, distances_and_nearest)
{
    over_shapes(check_distances);
}

Test(kernels, filter)
{
    over_shapes(check_filter);
}

/* Rows moved from one sum to another, against the sums themselves, in all widths alike. */
Test(kernels, transfer)
{
    enum { N = 20, D = 11, K = 4 };
    mele_i_stream random = stream(12);
    double *x = numbers(&random, N * D, 0), *c = numbers(&random, K * D, 0), wanted[K * D] = {0};
    double *weights = numbers(&random, N, 0);
    const uint32_t list[] = {1, 2, 7, 19}, from[] = {0, 3, 3, 1};
    uint32_t label[N] = {0};

    label[1] = 2, label[2] = 1, label[7] = 0, label[19] = 3;
    for (size_t i = 0; mele_i_kernels_at(i) != NULL; i++) {
        double sums[K * D] = {0};
        mele_i_kernels_at(i)->transfer(x, D, list, 4, D, c, from, label, weights, sums);
        if (i == 0)
            memcpy(wanted, sums, sizeof sums);
        cr_assert(memcmp(sums, wanted, sizeof sums) == 0);
        for (size_t q = 0; q < 4; q++)
            for (size_t j = 0; j < D; j++) {
                const size_t row = list[q], to = label[row];
                sums[to * D + j] -= weights[row] * (x[row * D + j] - c[to * D + j]);
                sums[from[q] * D + j] += weights[row] * (x[row * D + j] - c[from[q] * D + j]);
            }
        for (size_t j = 0; j < K * D; j++)
            cr_assert_float_eq(sums[j], 0, 1e-14);
    }
    free(x), free(c), free(weights);
}

/* Rows are passed over only when their bounds say so. */
Test(kernels, outside)
{
    enum { N = 37, ROOM = 48, G = 2, K = 20 };
    mele_i_stream random = stream(13);
    float upper[ROOM], lower[ROOM * G], drift[32], half[32], fall[G] = {0.25f, 0.5f};
    uint32_t label[ROOM], list[ROOM + 16];

    for (size_t i = 0; i < ROOM; i++) {
        upper[i] = (float)mele_i_stream_uniform(&random);
        label[i] = (uint32_t)mele_i_stream_below(&random, K);
    }
    for (size_t i = 0; i < ROOM * G; i++)
        lower[i] = 2 * (float)mele_i_stream_uniform(&random);
    for (size_t k = 0; k < 32; k++) {
        drift[k] = (float)mele_i_stream_uniform(&random) / 4;
        half[k] = (float)mele_i_stream_uniform(&random) / 2;
    }
    upper[3] = NAN;
    for (size_t q = 0; mele_i_kernels_at(q) != NULL; q++) {
        size_t count = mele_i_kernels_at(q)->outside(label, upper, lower, N, G, drift, half, fall,
                                                     list), at = 0;
        cr_assert(count > 5 && count < N - 5);
        for (size_t i = 0; i < N; i++) {
            const float *bound = lower + i / 16 * 16 * G + i % 16;
            const float a = bound[0] - fall[0], b = bound[16] - fall[1], most = half[label[i]];
            const bool stays = upper[i] + drift[label[i]] < fmaxf(most, fminf(a, b));
            if (at < count && list[at] == i)
                at++;
            else
                cr_assert(stays, "%s: row %zu", mele_i_kernels_at(q)->name, i);
        }
        cr_assert_eq(at, count);
    }
}

/* ---- bounds ---- */

enum { BOUNDED = 43, BOUNDED_ROOM = 48, BOUNDED_GROUPS = 3, CENTRES = 39, MOST_PADDED = 48 };

/* Rows and centres within [-1, 1], and how far from each other they are. */
typedef struct bounded {
    size_t cols, padded;
    double x[BOUNDED * 40], square[BOUNDED][CENTRES];
    float y[BOUNDED_ROOM * MOST_PADDED], group[BOUNDED_GROUPS * MELE_I_GROUP * 41];
    float centres[CENTRES * MOST_PADDED], lane_drift[BOUNDED_GROUPS * MELE_I_GROUP];
    float drift[BOUNDED_ROOM], half[BOUNDED_ROOM], fall[BOUNDED_GROUPS];
    float upper[BOUNDED_ROOM], lower[BOUNDED_ROOM * BOUNDED_GROUPS], share, floor;
    uint32_t cluster[BOUNDED_GROUPS * MELE_I_GROUP], label[BOUNDED_ROOM];
    mele_i_bounded rows;
} bounded;

/* Cluster k is in lane 47 - k. */
static void make_bounded(bounded *b, const mele_i_kernels *kernels, size_t cols)
{
    static const double origin[40];
    mele_i_stream random = stream(cols);
    double most = 0;

    *b = (bounded){.cols = cols, .padded = (cols + 15) / 16 * 16};
    for (size_t i = 0; i < BOUNDED * cols; i++)
        b->x[i] = 2 * mele_i_stream_uniform(&random) - 1;
    kernels->narrow(b->x, cols, NULL, BOUNDED, BOUNDED, cols, origin, 1, b->y, b->padded);
    for (size_t lane = 0; lane < BOUNDED_GROUPS * MELE_I_GROUP; lane++) {
        const size_t k = 47 - lane;
        float *group = b->group + lane / 16 * 16 * (1 + cols) + lane % 16;
        double square = 0;
        b->cluster[lane] = (uint32_t)k;
        group[0] = 0x1p100f;
        if (k >= CENTRES)
            continue;
        for (size_t j = 0; j < cols; j++) {
            const float c = (float)(2 * mele_i_stream_uniform(&random) - 1);
            b->centres[k * b->padded + j] = c;
            group[(1 + j) * 16] = -c;
            square += (double)c * c;
        }
        group[0] = (float)(square / 2);
        most = square > most ? square : most;
        b->lane_drift[lane] = b->drift[k] = (float)mele_i_stream_uniform(&random) / 4;
        b->half[k] = k % 8 == 0 ? 0.5f : 0;
    }
    for (size_t i = 0; i < BOUNDED; i++)
        for (size_t k = 0; k < CENTRES; k++)
            for (size_t j = 0; j < cols; j++)
                b->square[i][k] += pow(b->x[i * cols + j] - b->centres[k * b->padded + j], 2);
    for (size_t g = 0; g < BOUNDED_GROUPS; g++)
        b->fall[g] = 0.25f * (float)g;
    b->share = (float)(1.02 * ((double)cols + 24) * 0x1p-25);
    b->floor = (float)(2 * b->share * most + 0x1p-60);
    b->rows = (mele_i_bounded){
        .y = b->y, .stride = b->padded, .cols = cols, .groups = BOUNDED_GROUPS, .group = b->group,
        .cluster = b->cluster, .centres = b->centres, .lane_drift = b->lane_drift,
        .drift = b->drift, .half = b->half, .fall = b->fall, .share = b->share,
        .floor = b->floor, .label = b->label, .upper = b->upper, .lower = b->lower};
}

/* What the stored bounds of a row say of a label. */
static double upper_of(const bounded *b, size_t row, size_t k)
{
    return (double)b->upper[row] + b->drift[k];
}

static double lower_of(const bounded *b, size_t row, size_t g)
{
    return (double)b->lower[row / 16 * 16 * BOUNDED_GROUPS + g * 16 + row % 16] - b->fall[g];
}

/* A row whose bounds were taken anew: they hold, and are no wider than they must be. */
static void check_scanned(const bounded *b, size_t row, uint32_t label, bool unclear)
{
    const double room = 1e-2;
    double least[BOUNDED_GROUPS] = {INFINITY, INFINITY, INFINITY}, best = INFINITY;

    for (size_t k = 0; k < CENTRES; k++) {
        const size_t g = (47 - k) / 16;
        best = fmin(best, b->square[row][k]);
        if (k != label)
            least[g] = fmin(least[g], sqrt(b->square[row][k]));
    }
    if (!unclear)
        cr_assert_eq(b->square[row][label], best);
    cr_assert_geq(upper_of(b, row, label), sqrt(best));
    cr_assert_leq(upper_of(b, row, label), sqrt(best) + room);
    for (size_t g = 0; g < BOUNDED_GROUPS; g++) {
        cr_assert_leq(lower_of(b, row, g), least[g]);
        cr_assert(unclear || lower_of(b, row, g) >= least[g] - room);
    }
}

static void check_scan(bounded *b, const mele_i_kernels *kernels, size_t step)
{
    uint32_t row[BOUNDED_ROOM + 16], label[BOUNDED_ROOM + 16], unclear[BOUNDED_ROOM + 16];
    size_t count = 0, at = 0;

    for (size_t i = 0; i < BOUNDED; i += step)
        row[count++] = (uint32_t)i;
    for (size_t i = 0; i < BOUNDED_ROOM; i++)
        b->upper[i] = -7;
    size_t listed = kernels->scan(&b->rows, step == 1 ? NULL : row, step == 1 ? NULL : row, count,
                                  label, unclear);
    cr_assert_lt(listed, 3);
    for (size_t q = 0; q < count; q++) {
        const bool doubtful = at < listed && unclear[at] == q;
        at += doubtful;
        check_scanned(b, row[q], label[q], doubtful);
        b->label[row[q]] = label[q];
    }
    cr_assert_eq(at, listed);
    for (size_t i = 0; i < BOUNDED; i++)
        cr_assert((i % step == 0) == (b->upper[i] != -7));
}

/* Every third row, of narrow rows side by side: those listed may change, the others may not. */
static void check_tighten(bounded *b, const mele_i_kernels *kernels)
{
    uint32_t row[BOUNDED_ROOM + 16], alive[BOUNDED_ROOM + 16];
    size_t count = 0, at = 0;
    float y[BOUNDED_ROOM * MOST_PADDED];

    for (size_t i = 0; i < BOUNDED; i += 3) {
        memcpy(y + count * b->padded, b->y + i * b->padded, b->padded * sizeof *y);
        b->upper[i] = 100;
        if (i % 2 == 0)
            b->label[i] = (uint32_t)(i % CENTRES);
        row[count++] = (uint32_t)i;
    }
    b->rows.y = y;
    size_t listed = kernels->tighten(&b->rows, NULL, row, count, alive);
    b->rows.y = b->y;
    cr_assert(listed > 2 && listed < count - 2, "%zu of %zu", listed, count);
    for (size_t q = 0; q < count; q++) {
        const size_t i = row[q], k = b->label[i];
        const double upper = upper_of(b, i, k), own = sqrt(b->square[i][k]);
        double least = INFINITY;
        for (size_t g = 0; g < BOUNDED_GROUPS; g++)
            least = fmin(least, lower_of(b, i, g));
        cr_assert(upper >= own && upper <= own + 1e-2);
        if (at < listed && alive[at] == q)
            at++;
        else
            cr_assert_lt(own, fmax(least, b->half[k]));
    }
    cr_assert_eq(at, listed);
}

Test(kernels, bounds)
{
    static const size_t cols[] = {1, 3, 16, 17, 40};
    static bounded b;

    for (size_t q = 0; mele_i_kernels_at(q) != NULL; q++)
        for (size_t c = 0; c < sizeof cols / sizeof *cols; c++) {
            make_bounded(&b, mele_i_kernels_at(q), cols[c]);
            check_scan(&b, mele_i_kernels_at(q), 1);
            check_scan(&b, mele_i_kernels_at(q), 5);
            check_tighten(&b, mele_i_kernels_at(q));
        }
}

Test(kernels, mahalanobis)
{
    over_shapes(check_mahalanobis);
}

Test(kernels, linear)
{
    over_shapes(check_linear);
}

Test(kernels, accumulate)
{
    over_shapes(check_accumulate);
}

Test(kernels, moments)
{
    over_shapes(check_moments);
}

Test(kernels, scaled_distances)
{
    over_shapes(check_scaled_distances);
}

Test(kernels, densities_in_panels)
{
    over_shapes(check_densities);
}

Test(kernels, responsibilities)
{
    over_shapes(check_responsibilities);
}

/* Full panels, and as many columns as several groups have. */
Test(kernels, whole_panels)
{
    const shape all[] = {{MELE_I_PANEL_ROWS, 8, 2, 8, 0},
                         {MELE_I_PANEL_ROWS - 1, 19, 3, 19, 0},
                         {100, 67, 1, 68, 0}};

    for (size_t w = 0; mele_i_kernels_at(w) != NULL; w++)
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            mele_i_stream random = stream(i);
            check_moments(mele_i_kernels_at(w), all[i], &random);
            check_densities(mele_i_kernels_at(w), all[i], &random);
            check_responsibilities(mele_i_kernels_at(w), all[i], &random);
        }
}

/* Rows without a density and rows that do not count. */
Test(kernels, extremes_of_responsibilities)
{
    enum { ROWS = 6 };
    const double inf = INFINITY, weights[ROWS] = {2, 0, 3, 0.5, 1, 0};
    const double in[ROWS][3] = {{-inf, -1e308, -inf}, {-inf, -inf, -inf}, {0, -inf, -800},
                                {1e6, 1e6, -1e6},     {5, 5, 5},          {-1e308, -1e308, -inf}};
    const double out[ROWS][3] = {{0, 2, 0},       {0, 0, 0},       {3, 0, 0},
                                 {0.25, 0.25, 0}, {1. / 3, 1. / 3, 1. / 3}, {0, 0, 0}};
    double logits[3 * MELE_I_PANEL] = {0};

    for (size_t w = 0; mele_i_kernels_at(w) != NULL; w++) {
        double sum = 0, none[1] = {0};
        for (size_t k = 0; k < 3; k++)
            for (size_t i = 0; i < ROWS; i++)
                logits[k * MELE_I_PANEL + i] = in[i][k];
        mele_i_kernels_at(w)->responsibilities(logits, ROWS, 3, weights, &sum);
        cr_assert_eq(sum, -INFINITY); /* 2 times -1e308 */
        for (size_t k = 0; k < 3; k++)
            for (size_t i = 0; i < ROWS; i++)
                cr_assert(fabs(logits[k * MELE_I_PANEL + i] - out[i][k]) <= 1e-15, "%zu, %zu: %g",
                          i, k, logits[k * MELE_I_PANEL + i]);
        for (size_t k = 0; k < 3; k++)
            logits[k * MELE_I_PANEL] = -INFINITY;
        mele_i_kernels_at(w)->responsibilities(logits, 1, 3, NULL, none);
        cr_assert(none[0] == -INFINITY && fabs(logits[0] - 1. / 3) <= 1e-15);
    }
}

/* Squares that overflow have no density; a component of prior 0 has none anywhere. */
Test(kernels, extremes_of_densities)
{
    const double x[] = {1e200, 1, -1e308}, mean[] = {0, 0}, w[] = {1e200, 1};
    const double constants[] = {3, -INFINITY};
    double panel[MELE_I_PANEL], out[2 * MELE_I_PANEL];

    for (size_t v = 0; mele_i_kernels_at(v) != NULL; v++) {
        mele_i_kernels_at(v)->to_panel(x, 1, 3, 1, panel);
        mele_i_kernels_at(v)->whitened_densities(panel, 3, 1, mean, w, 1, constants, 2, out);
        cr_assert(out[0] == -INFINITY && out[2] == -INFINITY && isinf(out[1]));
        for (size_t i = 0; i < 3; i++)
            cr_assert_eq(out[MELE_I_PANEL + i], -INFINITY);
    }
}

Test(kernels, log_softmax)
{
    over_shapes(check_log_softmax);
}

Test(kernels, widths)
{
    cr_assert_str_eq(mele_i_kernels_at(0)->name, "plain");
    size_t count = 1;
    while (mele_i_kernels_at(count) != NULL)
        count++;
    cr_assert_eq(mele_i_kernels_best(), mele_i_kernels_at(count - 1));
}

Test(kernels, ties_go_to_the_lowest)
{
    double x[17], centres[] = {2, -2, 2, -2, 0.5, -0.5, 0.5, 4, 0.5, -0.5};
    uint32_t label[17];
    double distance[17];

    memset(x, 0, sizeof x);
    for (size_t w = 0; mele_i_kernels_at(w) != NULL; w++) {
        mele_i_kernels_at(w)->nearest(x, 1, 17, 1, centres, 10, label, distance);
        for (size_t i = 0; i < 17; i++)
            cr_assert(label[i] == 4 && distance[i] == 0.25);
        mele_i_kernels_at(w)->nearest(x, 1, 17, 1, centres, 4, label, distance);
        for (size_t i = 0; i < 17; i++)
            cr_assert(label[i] == 0 && distance[i] == 4);
    }
}

Test(kernels, distances_that_overflow)
{
    const double x[] = {1e200, -1e200}, centres[] = {-1e200, 2e200, 1e200, 5};
    double distance[2];
    uint32_t label[2];

    for (size_t w = 0; mele_i_kernels_at(w) != NULL; w++) {
        mele_i_kernels_at(w)->nearest(x, 1, 2, 1, centres, 2, label, distance);
        cr_assert(label[0] == 0 && distance[0] == INFINITY);
        cr_assert(label[1] == 0 && distance[1] == 0);
        mele_i_kernels_at(w)->nearest(x, 1, 2, 1, centres, 4, label, distance);
        cr_assert(label[0] == 2 && distance[0] == 0);
    }
}

Test(kernels, extremes_of_log_softmax)
{
    const double inf = INFINITY, third = -log(3), half = -log(2);
    const struct {
        double in[3], out[3], sum;
    } rows[] = {
        {{-inf, -inf, -inf}, {third, third, third}, -inf},
        {{inf, 5, -inf}, {0, -inf, -inf}, inf},
        {{inf, 5, inf}, {half, -inf, half}, inf},
        {{-inf, -1e308, -inf}, {-inf, 0, -inf}, -1e308},
        {{1e308, -1e308, 0}, {0, -inf, -1e308}, 1e308},
        {{-1e12, -1e12, -inf}, {half, half, -inf}, -1e12 + log(2)},
        {{3.5, -inf, -inf}, {0, -inf, -inf}, 3.5},
    };

    for (size_t w = 0; mele_i_kernels_at(w) != NULL; w++) {
        double x[7][3], sum[7];
        for (size_t i = 0; i < 7; i++)
            memcpy(x[i], rows[i].in, sizeof x[i]);
        mele_i_kernels_at(w)->log_softmax(x[0], 7, 3, sum);
        for (size_t i = 0; i < 7; i++) {
            cr_assert_eq(sum[i], rows[i].sum, "row %zu: sum %g", i, sum[i]);
            for (size_t j = 0; j < 3; j++)
                cr_assert(x[i][j] == rows[i].out[j] || fabs(x[i][j] - rows[i].out[j]) <= 1e-15,
                          "row %zu, column %zu: %g", i, j, x[i][j]);
        }
        mele_i_kernels_at(w)->log_softmax(x[0], 7, 3, NULL);
    }
}

/* At most one unit in the last place from exp in long double, which is exact enough here. */
static void check_exp(double x, double got)
{
    long double exact = expl((long double)x);
    double next = nextafter((double)exact, INFINITY) - (double)exact;

    if (exact > DBL_MAX)
        cr_assert_eq(got, INFINITY, "exp(%a) is %a", x, got);
    else
        cr_assert(fabsl(got - exact) <= next, "exp(%a) is %a, not %La", x, got, exact);
}

Test(kernels, exponential)
{
    const size_t count = 200003;
    mele_i_stream random = stream(1);
    double *x = numbers(&random, count, 0), *out = guarded(count), *wanted = guarded(count);
    const double special[] = {0.0,    -0.0,      1,        -1,    709.78, 709.79,   -745.1, -745.2,
                              -708.5, -INFINITY, INFINITY, 1e308, -1e308, 4.9e-324, -1e-17, NAN};

    for (size_t i = 0; i < count; i++)
        x[i] = i % 2 == 0 ? x[i] : 1500 * mele_i_stream_uniform(&random) - 750;
    memcpy(x, special, sizeof special);
    for (size_t w = 0; mele_i_kernels_at(w) != NULL; w++) {
        memcpy(out, x, count * sizeof *x);
        mele_i_kernels_at(w)->exponential(out, count);
        if (w == 0)
            memcpy(wanted, out, count * sizeof *x);
        check_guard(out, count, "exponential");
        for (size_t i = 0; i < count; i++) {
            if (isnan(x[i])) {
                cr_assert(isnan(out[i]));
                continue;
            }
            cr_assert(memcmp(&out[i], &wanted[i], sizeof *out) == 0);
            check_exp(x[i], out[i]);
        }
    }
    cr_assert_eq(wanted[0], 1);
    free(x), free(out), free(wanted);
}

/* Against the formula in long double: near it, and the same bits at every width, count and without
 * slopes. */
Test(kernels, matern52)
{
    const double special[] = {0, -0.0, 1e-300, 4.9e-324, 1e5, 9.9e5, 1e6, 1e300, INFINITY, NAN};
    const size_t most = 3000;
    mele_i_stream random = stream(1);
    double *x = numbers(&random, most, 0), *wanted = guarded(most), *wanted_slope = guarded(most);

    for (size_t i = 0; i < most; i++)
        x[i] = exp(12 * mele_i_stream_uniform(&random) - 7);
    memcpy(x, special, sizeof special);
    memcpy(wanted, x, most * sizeof *x);
    mele_i_kernels_at(0)->matern52(wanted, most, wanted_slope);
    for (size_t i = 0; i < most; i++) {
        const long double a = sqrtl(5 * (x[i] < 1e6 ? x[i] : 1e6L)), e = expl(-a);
        const long double k = (1 + a + a * a / 3) * e, slope = 5 / 3.0L * (1 + a) * e;
        cr_assert(near(wanted[i], k, (1 + a) * k, 1)); /* the rounding of exp's argument is in it */
        cr_assert(near(wanted_slope[i], slope, (1 + a) * slope, 1));
    }
    cr_assert_eq(wanted[0], 1);
    cr_assert_eq(wanted[9], 0);
    for (size_t w = 0; mele_i_kernels_at(w) != NULL; w++)
        for (size_t count = 0; count <= most; count += count < 70 ? 1 : 293) {
            double *out = guarded(count), *slope = guarded(count);
            memcpy(out, x, count * sizeof *x);
            mele_i_kernels_at(w)->matern52(out, count, slope);
            check_guard(out, count, "matern52");
            check_guard(slope, count, "matern52's slope");
            cr_assert(memcmp(out, wanted, count * sizeof *out) == 0);
            cr_assert(memcmp(slope, wanted_slope, count * sizeof *out) == 0);
            memcpy(out, x, count * sizeof *x);
            mele_i_kernels_at(w)->matern52(out, count, NULL);
            cr_assert(memcmp(out, wanted, count * sizeof *out) == 0);
            free(out), free(slope);
        }
    free(x), free(wanted), free(wanted_slope);
}

/* Any count, without touching what lies behind. */
Test(kernels, exponential_of_a_few)
{
    for (size_t w = 0; mele_i_kernels_at(w) != NULL; w++)
        for (size_t count = 0; count <= 70; count++) {
            double *x = guarded(count);
            for (size_t i = 0; i < count; i++)
                x[i] = (double)i / 7;
            mele_i_kernels_at(w)->exponential(x, count);
            check_guard(x, count, "exponential");
            for (size_t i = 0; i < count; i++)
                check_exp((double)i / 7, x[i]);
            free(x);
        }
}
