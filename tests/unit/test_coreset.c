/* A few weighted rows that stand for many. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/stream.h"
#include "partition/coreset.h"
#include "support/failing_malloc.h"

enum { ROWS = 40000, COLS = 3, DRAWS = 2000, FAR = 12345 };

static double *blobs(void)
{
    mele_i_stream stream = mele_i_stream_make(5, MELE_I_FOR_TESTS, 0, 0);
    double *x = calloc(ROWS * COLS, sizeof *x);

    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < COLS; j++)
            x[i * COLS + j] = 8 * (double)(i % 4 == j) + mele_i_stream_normal(&stream);
    return x;
}

static mele_status read_rows(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    (void)error;
    memcpy(out, (const double *)user + first * COLS, count * COLS * sizeof *out);
    return MELE_OK;
}

static mele_status draw(const mele_rows *rows, const double *weights, unsigned threads,
                        mele_i_coreset *out, bool *drawn)
{
    mele_i_stream stream = mele_i_stream_make(9, MELE_I_FOR_TESTS, 1, 0);
    mele_engine_options options = {.threads = threads};
    mele_i_sample sample = {.rows = *rows, .weights = weights};
    mele_engine *engine = NULL;
    mele_status status = mele_engine_new(&options, &engine, NULL);

    *out = (mele_i_coreset){.rows = NULL};
    if (status == MELE_OK)
        status = mele_i_sample_describe(&sample, engine, NULL);
    if (status == MELE_OK)
        status = mele_i_coreset_draw(&sample, DRAWS, &stream, engine, out, drawn, NULL);
    mele_i_sample_clear(&sample);
    mele_engine_free(engine);
    return status;
}

/* The weighted sum of squared distances to a point. */
static double scatter(const double *x, const double *weights, size_t rows, const double *point)
{
    double sum = 0;

    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < COLS; j++) {
            double off = x[i * COLS + j] - point[j];
            sum += (weights == NULL ? 1 : weights[i]) * off * off;
        }
    return sum;
}

/* 2000 draws tell sums to a few per cent; 8 % is beyond four standard deviations of all of them. */
Test(coreset, sums_are_those_of_all_rows)
{
    static const double points[][COLS] = {{0, 0, 0}, {8, 0, 0}, {-5, 20, 3}};
    double *x = blobs(), *weights = calloc(ROWS, sizeof *weights), total = 0, all = 0;
    mele_rows rows = mele_i_rows_in_memory(x, ROWS, COLS);
    mele_i_coreset core;
    bool drawn;

    for (size_t i = 0; i < ROWS; i++)
        all += weights[i] = (double)(i % 5);
    cr_assert_eq(draw(&rows, weights, 2, &core, &drawn), MELE_OK);
    cr_assert(drawn);
    for (size_t i = 0; i < DRAWS; i++)
        total += core.weights[i];
    cr_expect_float_eq(total / all, 1, 0.08);
    for (size_t p = 0; p < 3; p++)
        cr_expect_float_eq(scatter(core.rows, core.weights, DRAWS, points[p])
                               / scatter(x, weights, ROWS, points[p]),
                           1, 0.08);
    mele_i_coreset_clear(&core);
    free(weights);
    free(x);
}

/* One row that holds half of the scatter is drawn about DRAWS / 4 times; without weight, never. */
Test(coreset, a_row_far_away_is_not_lost)
{
    double *x = blobs(), *weights = calloc(ROWS, sizeof *weights);
    mele_rows rows = mele_i_rows_in_memory(x, ROWS, COLS);

    for (size_t i = 0; i < ROWS; i++)
        weights[i] = 1;
    x[FAR * COLS] = 5000;
    for (int weightless = 0; weightless < 2; weightless++) {
        size_t times = 0;
        mele_i_coreset core;
        bool drawn;
        weights[FAR] = !weightless;
        cr_assert_eq(draw(&rows, weights, 1, &core, &drawn), MELE_OK);
        for (size_t i = 0; i < DRAWS; i++)
            times += core.rows[i * COLS] == 5000;
        if (weightless)
            cr_expect_eq(times, 0);
        else
            cr_expect(times > DRAWS / 5, "%zu times", times);
        mele_i_coreset_clear(&core);
    }
    free(weights);
    free(x);
}

Test(coreset, same_bytes_wherever_rows_are)
{
    double *x = blobs();
    mele_rows memory = mele_i_rows_in_memory(x, ROWS, COLS);
    mele_rows read = {ROWS, COLS, NULL, 0, read_rows, x};
    mele_i_coreset one, other;
    bool drawn;

    cr_assert_eq(draw(&memory, NULL, 1, &one, &drawn), MELE_OK);
    for (unsigned threads = 1; threads <= 8; threads++) {
        cr_assert_eq(draw(threads % 2 == 0 ? &memory : &read, NULL, threads, &other, &drawn),
                     MELE_OK);
        cr_expect_eq(memcmp(one.rows, other.rows, DRAWS * COLS * sizeof(double)), 0);
        cr_expect_eq(memcmp(one.weights, other.weights, DRAWS * sizeof(double)), 0);
        mele_i_coreset_clear(&other);
    }
    mele_i_coreset_clear(&one);
    free(x);
}

Test(coreset, equal_rows_have_none)
{
    double *x = calloc(ROWS * COLS, sizeof *x);
    mele_rows rows = mele_i_rows_in_memory(x, ROWS, COLS);
    mele_i_coreset core;
    bool drawn = true;

    cr_assert_eq(draw(&rows, NULL, 2, &core, &drawn), MELE_OK);
    cr_expect(!drawn);
    mele_i_coreset_clear(&core);
    free(x);
}

/* Rows that a coreset cannot tell: the few distinct ones are found all the same. */
Test(coreset, rare_rows_are_found)
{
    size_t n = 300000;
    double *x = calloc(n, sizeof *x);
    mele_matrix rows = mele_matrix_of(x, n, 1);
    mele_partition_options options = mele_partition_defaults();
    mele_partition_info info;
    mele_partition *p = NULL;

    for (size_t i = 0; i < n; i++)
        x[i] = (double)(i % 2);
    x[777] = 0.5;
    options.clusters = 3;
    options.restarts = 1;
    cr_assert_eq(mele_partition_fit(&rows, NULL, &options, NULL, &p, &info, NULL), MELE_OK);
    cr_expect_eq(info.clusters, 3);
    cr_expect_eq(info.objective, 0);
    mele_partition_free(p);
    free(x);
}

Test(coreset, memory_that_runs_out)
{
    double *x = blobs();
    mele_rows rows = mele_i_rows_in_memory(x, ROWS, COLS);
    bool failed = true;

    for (size_t at = 0; failed; at++) {
        mele_i_coreset core;
        bool drawn;
        failing_malloc_at(at);
        mele_status status = draw(&rows, NULL, 1, &core, &drawn);
        failed = failing_malloc_end();
        cr_expect_eq(status, failed ? MELE_ENOMEM : MELE_OK);
        mele_i_coreset_clear(&core);
    }
    free(x);
}
