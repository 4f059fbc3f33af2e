/* What stage 1 learns of its rows before it starts, and the kernels it does that with. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/stream.h"
#include "engine/columns.h"
#include "partition/kind.h"

static double *uniform(size_t count, double from, double width)
{
    mele_i_stream stream = mele_i_stream_make(7, MELE_I_FOR_TESTS, count, 0);
    double *x = calloc(count, sizeof *x);

    for (size_t i = 0; i < count; i++)
        x[i] = from + width * mele_i_stream_uniform(&stream);
    return x;
}

static mele_status describe(const double *x, size_t rows, size_t cols, const double *weights,
                            unsigned threads, mele_i_sample *out, mele_error *error)
{
    mele_engine_options options = {.threads = threads};
    mele_engine *engine = NULL;

    *out = (mele_i_sample){.rows = mele_i_rows_in_memory(x, rows, cols), .weights = weights};
    cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
    mele_status status = mele_i_sample_describe(out, engine, error);
    mele_engine_free(engine);
    return status;
}

/* The mean variance of the columns in long double, in two passes. */
static double variance_of(const double *x, size_t rows, size_t cols, const double *weights)
{
    long double all = 0, total = 0;

    for (size_t i = 0; i < rows; i++)
        total += weights == NULL ? 1 : weights[i];
    for (size_t j = 0; j < cols; j++) {
        long double mean = 0;
        for (size_t i = 0; i < rows; i++)
            mean += (weights == NULL ? 1 : weights[i]) * (long double)x[i * cols + j];
        mean /= total;
        for (size_t i = 0; i < rows; i++) {
            long double off = x[i * cols + j] - mean;
            all += (weights == NULL ? 1 : weights[i]) * off * off;
        }
    }
    return (double)(all / total / cols);
}

Test(sample, variance_of_rows_far_from_zero)
{
    static const size_t cols[] = {1, 2, 7, 33};

    for (size_t c = 0; c < 4; c++) {
        size_t rows = 40000 / cols[c];
        double *x = uniform(rows * cols[c], 1e9, 1), *weights = uniform(rows, 0, 3);
        for (int weighted = 0; weighted < 2; weighted++) {
            const double *w = weighted ? weights : NULL;
            mele_i_sample sample;
            cr_assert_eq(describe(x, rows, cols[c], w, 2, &sample, NULL), MELE_OK);
            /* the means themselves are known to 1e-16 of 1e9 times the root of a block's rows */
            cr_expect_float_eq(sample.variance / variance_of(x, rows, cols[c], w), 1, 1e-6);
            mele_i_sample_clear(&sample);
        }
        free(weights);
        free(x);
    }
}

Test(sample, extremes_and_threads)
{
    size_t rows = 30011, cols = 5;
    double *x = uniform(rows * cols, -2, 4), *weights = uniform(rows, 0, 1);
    mele_i_sample one, other;

    x[123 * cols + 2] = -77;
    x[30000 * cols + 4] = 55;
    weights[123] = 0;
    cr_assert_eq(describe(x, rows, cols, weights, 1, &one, NULL), MELE_OK);
    cr_expect_eq(one.low[2], -77);
    cr_expect_eq(one.high[4], 55);
    for (unsigned threads = 2; threads <= 8; threads += 3) {
        cr_assert_eq(describe(x, rows, cols, weights, threads, &other, NULL), MELE_OK);
        cr_expect_eq(memcmp(one.room, other.room, (1 + 4 * cols) * sizeof(double)), 0);
        mele_i_sample_clear(&other);
    }
    mele_i_sample_clear(&one);
    free(weights);
    free(x);
}

Test(sample, a_number_that_is_not_finite_is_named)
{
    size_t rows = 20000, cols = 3;
    double *x = uniform(rows * cols, 0, 1);
    mele_i_sample sample;
    mele_error error;

    x[17000 * cols + 1] = NAN;
    cr_expect_eq(describe(x, rows, cols, NULL, 2, &sample, &error), MELE_EDATA);
    cr_expect_str_eq(error.message, "x: row 17001, column 2 is nan, not a finite number");
    x[17000 * cols + 1] = -INFINITY;
    cr_expect_eq(describe(x, rows, cols, NULL, 2, &sample, &error), MELE_EDATA);
    cr_expect_str_eq(error.message, "x: row 17001, column 2 is -inf, not a finite number");
    free(x);
}

Test(sample, rows_of_no_weight_may_be_anywhere)
{
    double x[] = {1, 2, 1.7e308, 3, 1.7e308, 6}, weights[] = {1, 1, 0, 1, 0, 1};
    mele_i_sample sample;

    cr_assert_eq(describe(x, 6, 1, weights, 1, &sample, NULL), MELE_OK);
    cr_expect_float_eq(sample.mean[0], 3, 1e-15);
    cr_expect_float_eq(sample.variance, 3.5, 1e-15);
    cr_expect_eq(sample.total, 4);
    mele_i_sample_clear(&sample);
}

Test(sample, columns_have_the_same_bits_in_every_width)
{
    static const size_t cols[] = {1, 3, 8, 31, 32, 45};

    for (size_t c = 0; c < 6; c++) {
        size_t d = cols[c], rows = 100;
        double *x = uniform(rows * d, -1, 3), *w = uniform(rows, 0, 1), plain[4][45];
        for (size_t k = 0; mele_i_kernels_at(k) != NULL; k++) {
            const mele_i_kernels *kernels = mele_i_kernels_at(k);
            double now[4][45];
            for (size_t j = 0; j < d; j++) {
                now[0][j] = INFINITY;
                now[1][j] = -INFINITY;
                now[2][j] = now[3][j] = 1;
            }
            kernels->column_sums(x, d, rows, d, w, now[0], now[1], now[2]);
            kernels->column_squares(x, d, rows, d, w, x, now[3]);
            for (size_t r = 0; r < 4 && k > 0; r++)
                cr_expect_eq(memcmp(plain[r], now[r], d * sizeof(double)), 0, "%s, %zu columns",
                             kernels->name, d);
            if (k == 0)
                memcpy(plain, now, sizeof plain);
        }
        free(w);
        free(x);
    }
}

/* ---- sums of columns ---- */

/* The sums of rows taken in blocks of so many, which are then joined. */
static mele_i_column_sums sums_of(const mele_i_kernels *kernels, const double *x, size_t stride,
                                  size_t rows, size_t cols, const double *weights, size_t block,
                                  double *room)
{
    const size_t size = mele_i_column_sums_count(cols);
    const mele_i_column_sums all = mele_i_column_sums_in(room, cols);
    const mele_i_column_sums more = mele_i_column_sums_in(room + size, cols);

    mele_i_column_sums_start(&all, cols);
    for (size_t i = 0; i < rows; i += block) {
        cr_assert(mele_i_column_sums_take(&more, kernels, x + i * stride, stride,
                                          rows - i < block ? rows - i : block, cols,
                                          weights == NULL ? NULL : weights + i));
        mele_i_column_sums_join(&all, &more, cols);
    }
    return all;
}

/* Against two passes in long double; the same bits in every width and for any stride. */
Test(sample, sums_of_columns)
{
    static const size_t cols[] = {1, 2, 3, 5, 16, 17, 32, 40}, blocks[] = {1, 7, 64, 333, 5000};
    enum { ROWS = 1111, MOST = 400 };

    for (size_t c = 0; c < 40; c++) {
        const size_t d = cols[c % 8], block = blocks[c / 8], numbers = mele_i_column_sums_count(d);
        double *x = uniform(ROWS * d, 1e6, 1), *weights = uniform(ROWS, 0, 2);
        double *gaps = calloc(ROWS * (d + 3), sizeof *gaps), room[MOST], plain[MOST];
        for (size_t i = 0; i < ROWS; i++)
            memcpy(gaps + i * (d + 3), x + i * d, d * sizeof *x);
        for (size_t k = 0; k < 12 && mele_i_kernels_at(k / 4) != NULL; k++) {
            const mele_i_kernels *kernels = mele_i_kernels_at(k / 4);
            const double *w = k % 2 ? weights : NULL;
            const bool wide = k % 4 > 1;
            mele_i_column_sums s = sums_of(kernels, wide ? gaps : x, wide ? d + 3 : d, ROWS, d, w,
                                           block, room);
            if (k < 2)
                memcpy(plain + k * numbers, room, numbers * sizeof *room);
            cr_expect_eq(memcmp(plain + k % 2 * numbers, room, numbers * sizeof *room), 0,
                         "%s, %zu columns, case %zu", kernels->name, d, k % 4);
            for (size_t j = 0; j < d; j++) {
                long double total = 0, mean = 0, squares = 0;
                for (size_t i = 0; i < ROWS; i++) {
                    total += w == NULL ? 1 : w[i];
                    mean += (w == NULL ? 1 : w[i]) * (long double)x[i * d + j];
                }
                mean /= total;
                for (size_t i = 0; i < ROWS; i++)
                    squares += (w == NULL ? 1 : w[i]) * (x[i * d + j] - mean)
                               * (x[i * d + j] - mean);
                cr_expect_float_eq(s.weight[j] / (double)total, 1, 1e-13);
                cr_expect_float_eq(s.mean[j] / (double)mean, 1, 1e-13);
                cr_expect_float_eq(s.squares[j] / (double)squares, 1, 1e-8);
                for (size_t i = 0; i < ROWS; i++)
                    cr_assert(x[i * d + j] >= s.low[j] && x[i * d + j] <= s.high[j]);
            }
        }
        free(gaps);
        free(weights);
        free(x);
    }
}

Test(sample, sums_of_columns_see_what_is_not_finite)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY, DBL_MAX};

    for (size_t b = 0; b < 4; b++)
        for (size_t d = 1; d < 40; d += 6) {
            double *x = uniform(50 * d, 1e308, 0), room[200];
            const mele_i_column_sums s = mele_i_column_sums_in(room, d);
            cr_assert(mele_i_column_sums_take(&s, mele_i_kernels_best(), x, d, 1, d, NULL));
            x[49 * d + d - 1] = bad[b];
            cr_expect_not(mele_i_column_sums_take(&s, mele_i_kernels_best(), x, d, 50, d, NULL));
            free(x);
        }
}

Test(sample, large_arrays)
{
    static const size_t counts[] = {0, 1, 1000, 1 << 20, (1 << 20) + 3, 5 << 20};

    for (size_t c = 0; c < 6; c++) {
        double *array = mele_i_large_array(counts[c], sizeof *array);
        cr_assert_not_null(array);
        cr_expect_eq((uintptr_t)array % 64, 0);
        memset(array, 1, counts[c] * sizeof *array);
        free(array);
    }
    cr_expect_null(mele_i_large_array(SIZE_MAX / 4, 8));
}
