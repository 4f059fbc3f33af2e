/* What stage 1 learns of its rows before it starts, and the kernels it does that with. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/stream.h"
#include "engine/kernels.h"
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
