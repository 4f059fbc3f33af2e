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

/* One component against the sums in long double. */
static void check_moments_of(const double *x, shape s, const double *mean, const double *weights,
                             const double *out)
{
    for (size_t a = 0; a <= s.cols; a++)
        for (size_t b = 0; b <= a; b++) { /* column 0 of both stands for the constant 1 */
            long double sum = 0, size = 0;
            for (size_t i = 0; i < s.rows; i++) {
                long double term = weights[i * s.clusters];
                term *= a == 0 ? 1 : x[i * s.stride + a - 1] - mean[a - 1];
                term *= b == 0 ? 1 : x[i * s.stride + b - 1] - mean[b - 1];
                sum += term;
                size += fabsl(term);
            }
            double got = a == 0 ? out[0] : b == 0 ? out[a] : out[1 + a * s.cols + b - 1];
            cr_assert(near(got, sum, size, s.rows + 3), "%zu x %zu: (%zu, %zu)", s.rows, s.cols, a,
                      b);
        }
}

static void check_moments(const mele_i_kernels *kernels, shape s, mele_i_stream *random)
{
    size_t each = 1 + s.cols + s.cols * s.cols, count = s.clusters * each;
    double *x = numbers(random, s.rows * s.stride, s.spread / 2);
    double *means = numbers(random, s.clusters * s.cols, s.spread / 2);
    double *weights = numbers(random, s.rows * s.clusters, 0);
    double *out = guarded(count), *wanted = guarded(count);

    for (size_t i = 0; i < s.rows * s.clusters; i++)
        weights[i] = i % 5 == 0 ? 0 : fabs(weights[i]);
    if (s.cols > 1) /* a row that counts for nothing may be anywhere */
        for (size_t k = 0; k < s.clusters; k++)
            weights[k] = 0;
    memset(out, 0, count * sizeof *out);
    memset(wanted, 0, count * sizeof *out);
    kernels->moments(x, s.stride, s.rows, s.cols, means, weights, s.clusters, out);
    mele_i_kernels_at(0)->moments(x, s.stride, s.rows, s.cols, means, weights, s.clusters, wanted);
    check_guard(out, count, "moments");
    for (size_t k = 0; k < s.clusters; k++) {
        const double *a = out + k * each, *b = wanted + k * each;
        cr_assert(memcmp(a, b, (1 + s.cols) * sizeof *a) == 0);
        for (size_t j = 0; j < s.cols; j++)
            cr_assert(
                memcmp(a + 1 + (j + 1) * s.cols, b + 1 + (j + 1) * s.cols, (j + 1) * sizeof *a)
                    == 0,
                "%s moments %zu x %zu, K %zu", kernels->name, s.rows, s.cols, s.clusters);
        check_moments_of(x, s, means + k * s.cols, weights + k, a);
    }
    free(x), free(means), free(weights), free(out), free(wanted);
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

/* Runs of rows, one after the other, and a row of weight 0 whose differences overflow. */
Test(kernels, moments_of_many_rows)
{
    const shape all[] = {
        {1003, 8, 2, 8, 0}, {600, 17, 1, 17, 0}, {100, 130, 1, 131, 0}, {40, 300, 2, 300, 0}};
    double x[] = {DBL_MAX, 1, 2, 4}, mean[] = {-DBL_MAX}, weights[] = {0, 1, 1, 1};

    for (size_t w = 0; mele_i_kernels_at(w) != NULL; w++) {
        double out[3] = {0};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            mele_i_stream random = stream(i);
            check_moments(mele_i_kernels_at(w), all[i], &random);
        }
        mele_i_kernels_at(w)->moments(x, 1, 1, 1, mean, weights, 1, out);
        cr_assert(out[0] == 0 && out[1] == 0 && out[2] == 0);
        mean[0] = 1;
        mele_i_kernels_at(w)->moments(x, 1, 4, 1, mean, weights, 1, out);
        cr_assert(out[0] == 3 && out[1] == 4 && out[2] == 10);
        mean[0] = -DBL_MAX;
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
