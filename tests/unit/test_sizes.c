/* Which region rows are in: found without posteriors where that is possible, as posteriors have it;
 * and the kernels that find it. */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/largest.h"
#include "core/stream.h"
#include "engine/kernels.h"
#include "partition/assign.h"
#include "partition/kind.h"
#include "partition/partition.h"
#include "support/failing_malloc.h"
#include "support/size.h"
#include "unit/engine_support.h"

static mele_i_stream stream(uint64_t index)
{
    return mele_i_stream_make(5, MELE_I_FOR_TESTS, 0, index);
}

/* Centres in [-1, 1], some of them twice, around a point; one variance. */
static mele_partition *partition_of(const char *method, size_t clusters, size_t cols, double size,
                                    double offset, double variance)
{
    mele_i_stream s = stream(clusters + 1000 * cols);
    double *centres = calloc(clusters * cols, sizeof *centres);
    double *each = calloc(clusters, sizeof *each);
    mele_partition *partition = NULL;

    for (size_t i = 0; i < clusters * cols; i++)
        centres[i] = offset + size * (2 * mele_i_stream_uniform(&s) - 1);
    for (size_t k = 5; k < clusters; k += 7)
        memcpy(centres + k * cols, centres + (k - 3) * cols, cols * sizeof *centres);
    for (size_t k = 0; k < clusters; k++)
        each[k] = variance;
    mele_partition_arrays parts = {.method = method, .covariance = "spherical",
                                  .centres = {centres, clusters, cols, cols}, .covariances = each};
    cr_assert_eq(mele_partition_new(&parts, &partition, NULL), MELE_OK);
    free(each);
    free(centres);
    return partition;
}

/* Rows among the centres, on them, half way between two of them exactly and nearly, and so far that
 * squares are large or overflow. */
static double *rows_for(const mele_partition *p, size_t rows, double size, double offset)
{
    static const double far[] = {1e9, 1e17, 1e40, 1e154, 1e300};
    const size_t d = p->columns, clusters = p->clusters;
    mele_i_stream s = stream(rows);
    double *x = calloc(rows * d, sizeof *x);

    for (size_t i = 0; i < rows; i++) {
        const double *a = p->centres + i % clusters * d, *b = p->centres + i * 7 % clusters * d;
        for (size_t j = 0; j < d; j++) {
            double v = offset + size * (2.4 * mele_i_stream_uniform(&s) - 1.2);
            if (i % 16 == 1)
                v = a[j];
            else if (i % 16 == 2)
                v = (a[j] + b[j]) / 2;
            else if (i % 16 == 3)
                v = (a[j] + b[j]) / 2 * (1 + DBL_EPSILON * (double)(i % 5));
            else if (i % 512 == 4)
                v *= far[i / 512 % 5];
            x[i * d + j] = v;
        }
    }
    return x;
}

static mele_status read_rows(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    const mele_matrix *x = user;

    (void)error;
    memcpy(out, x->data + first * x->cols, count * x->cols * sizeof *out);
    return MELE_OK;
}

static void expect_as_posteriors(const mele_partition *p, const mele_matrix *x)
{
    const size_t clusters = p->clusters;
    double *posteriors = calloc(x->rows * clusters, sizeof *posteriors);
    uint32_t *label = calloc(x->rows, sizeof *label), *again = calloc(x->rows, sizeof *label);
    size_t *sizes = calloc(3 * clusters, sizeof *sizes), wrong = 0;
    mele_engine *one = engine_of(1), *three = engine_of(3);
    const mele_rows rows = {x->rows, x->cols, x->data, x->stride, NULL, NULL};
    const mele_rows read = {x->rows, x->cols, NULL, 0, read_rows, (void *)x};

    cr_assert_eq(mele_partition_log_posteriors(p, x, three, posteriors, NULL), MELE_OK);
    cr_assert_eq(mele_partition_assign(p, &rows, three, label, NULL), MELE_OK);
    cr_assert_eq(mele_partition_assign(p, &read, one, again, NULL), MELE_OK);
    cr_expect_eq(memcmp(label, again, x->rows * sizeof *label), 0);
    cr_assert_eq(mele_partition_sizes(p, &rows, one, sizes, NULL), MELE_OK);
    cr_assert_eq(mele_partition_sizes(p, &read, three, sizes + clusters, NULL), MELE_OK);
    for (size_t i = 0; i < x->rows; i++) {
        size_t best = mele_i_largest(posteriors + i * clusters, clusters);
        wrong += label[i] != best;
        sizes[2 * clusters + best]++;
    }
    cr_expect_eq(wrong, 0, "%s, %zu x %zu, K %zu: %zu labels", mele_partition_name(p), x->rows,
                 x->cols, clusters, wrong);
    for (size_t part = 0; part < 2; part++)
        cr_expect_eq(memcmp(sizes + part * clusters, sizes + 2 * clusters,
                            clusters * sizeof *sizes), 0);
    mele_engine_free(one);
    mele_engine_free(three);
    free(sizes);
    free(label);
    free(again);
    free(posteriors);
}

Test(sizes, labels_are_those_of_posteriors)
{
    static const size_t clusters[] = {1, 2, 3, 16, 17, 60}, cols[] = {1, 2, 5, 16, 33, 130};
    static const char *const method[] = {"kmeans", "gmm"};

    for (size_t k = 0; k < 6; k++)
        for (size_t c = 0; c < 6; c++)
            for (size_t m = 0; m < 2; m++) {
                const size_t rows = 6000 / cols[c] + 2600;
                mele_partition *p = partition_of(method[m], clusters[k], cols[c], 1, 0, 0.3);
                double *x = rows_for(p, rows, 1, 0);
                const mele_matrix matrix = {x, rows, cols[c], cols[c]};
                expect_as_posteriors(p, &matrix);
                free(x);
                mele_partition_free(p);
            }
}

/* Where densities of all clusters round to the same, vanish, or are infinitely far apart. */
Test(sizes, labels_are_those_of_posteriors_at_any_size)
{
    static const struct {
        double size, offset, variance;
    } table[] = {
        {1, 0, 1e-300},   {1, 0, 1e-30},      {1, 0, 1e5},       {1, 0, 1e8},      {1, 0, 1e10},
        {1, 0, 1e12},     {1, 0, 1e17},       {1, 0, 1e300},     {1, 1e6, 1},      {1, 1e12, 1},
        {1e-3, 1e12, 1},  {1e150, 0, 1e299},  {1e-150, 0, 1e-299}, {1e-150, 0, 1},
        {1e140, 0, 1e-9}, {1e100, 1e110, 1e200}, {1e153, 0, 1e306}, {1e-170, 0, 1e-307},
        {0, 3, 1},
    };

    for (size_t t = 0; t < sizeof table / sizeof *table; t++)
        for (size_t cols = 2; cols < 40; cols += 31) {
            mele_partition *p = partition_of("kmeans", 12, cols, table[t].size, table[t].offset,
                                             table[t].variance);
            double *x = rows_for(p, 3000, table[t].size, table[t].offset);
            const mele_matrix matrix = {x, 3000, cols, cols};
            expect_as_posteriors(p, &matrix);
            free(x);
            mele_partition_free(p);
        }
}

Test(sizes, filter_serves_ordinary_partitions_only)
{
    static const struct {
        double variance;
        bool serves;
    } table[] = {{1e-8, true}, {0.1, true}, {10, true}, {1e12, false}, {1e300, false}};

    for (size_t t = 0; t < sizeof table / sizeof *table; t++) {
        mele_partition *p = partition_of("kmeans", 9, 4, 1, 0, table[t].variance);
        mele_i_assigner a;
        cr_assert_eq(mele_i_assigner_make(&a, p->centres, 9, 4, NULL), MELE_OK);
        cr_expect_eq(p->kind->nearest_is_largest(p, &a.filter), table[t].serves, "%g",
                     table[t].variance);
        mele_i_assigner_clear(&a);
        mele_partition_free(p);
    }
}

Test(sizes, rows_with_gaps_and_none)
{
    mele_partition *p = partition_of("kmeans", 9, 4, 1, 0, 1);
    double *x = rows_for(p, 2000, 1, 0);
    const mele_rows gaps = {1000, 4, x, 8, NULL, NULL}, none = {0, 4, NULL, 0, NULL, NULL};
    mele_engine *engine = engine_of(1);
    uint32_t *label = calloc(1000, sizeof *label), *again = calloc(2000, sizeof *again);
    const mele_rows all = {2000, 4, x, 4, NULL, NULL};

    cr_assert_eq(mele_partition_assign(p, &gaps, engine, label, NULL), MELE_OK);
    cr_assert_eq(mele_partition_assign(p, &all, engine, again, NULL), MELE_OK);
    for (size_t i = 0; i < 1000; i++)
        cr_expect_eq(label[i], again[2 * i]);
    cr_expect_eq(mele_partition_assign(p, &none, engine, label, NULL), MELE_OK);
    free(again);
    free(label);
    free(x);
    mele_engine_free(engine);
    mele_partition_free(p);
}

Test(sizes, memory_that_runs_out_is_told)
{
    mele_partition *p = partition_of("kmeans", 9, 4, 1, 0, 1);
    double *x = rows_for(p, 500, 1, 0);
    const mele_rows rows = {500, 4, x, 4, NULL, NULL};
    mele_engine *engine = engine_of(1);
    size_t failures = 0;

    for (size_t n = 1;; n++) {
        size_t sizes[9] = {77};
        mele_error error = {0};
        failing_malloc_at(n);
        mele_status status = mele_partition_sizes(p, &rows, engine, sizes, &error);
        bool failed = failing_malloc_end();
        if (!failed) {
            cr_expect_eq(status, MELE_OK);
            break;
        }
        cr_expect_eq(status, MELE_ENOMEM);
        cr_expect_eq(sizes[0], 77);
        failures++;
    }
    cr_expect_geq(failures, 3);
    mele_engine_free(engine);
    free(x);
    mele_partition_free(p);
}

/* ---- the sizes that a fit keeps ---- */

typedef struct fitted_case {
    char what[24];
    size_t rows, cols, clusters, distinct; /* distinct rows; 0: all */
    double offset;
    size_t zeros; /* one weight in so many is zero; 0: no weights */
    char algorithm[8];
    int known; /* whether sizes are: 1, 0, -1 for either */
} fitted_case;

/* Uniform rows. */
static void make_case(const fitted_case *c, double *x, double *weights)
{
    mele_i_stream s = stream(c->rows + 31 * c->clusters);

    for (size_t i = 0; i < c->rows * c->cols; i++)
        x[i] = c->distinct > 0 && i >= c->distinct * c->cols
                   ? x[i - c->distinct * c->cols]
                   : c->offset + mele_i_stream_uniform(&s);
    for (size_t i = 0; i < c->rows; i++)
        weights[i] = c->zeros > 0 && i % c->zeros == 0 ? 0 : 0.25 + mele_i_stream_uniform(&s);
}

/* Whether the fit kept its sizes; they are those of mele_partition_sizes(). */
static bool keeps_true_sizes(const char *what, const mele_rows *rows, const double *weights,
                             const mele_partition_options *options)
{
    mele_engine *engine = engine_of(2);
    mele_partition *p = NULL;
    size_t *sizes = calloc(options->clusters, sizeof *sizes);

    cr_assert_eq(mele_partition_fit_rows(rows, weights, options, engine, &p, NULL, NULL), MELE_OK);
    cr_assert_eq(mele_partition_sizes(p, rows, engine, sizes, NULL), MELE_OK);
    const size_t *fitted = mele_i_partition_fitted_sizes(p);
    const bool kept = fitted != NULL;
    if (kept)
        cr_expect_eq(memcmp(fitted, sizes, p->clusters * sizeof *sizes), 0, "%s", what);
    free(sizes);
    mele_partition_free(p);
    mele_engine_free(engine);
    return kept;
}

Test(sizes, of_the_fit_are_those_of_posteriors)
{
    static const fitted_case table[] = {
        {"ordinary", 8000, 16, 64, 0, 0, 0, "auto", 1},
        {"many clusters", 6000, 5, 200, 0, 0, 0, "bounds", 1},
        {"two", 5000, 3, 2, 0, 0, 0, "bounds", 1},
        {"one", 5000, 3, 1, 0, 0, 0, "bounds", -1},
        {"wide", 3000, 70, 20, 0, 0, 0, "bounds", 1},
        {"weights", 8000, 16, 33, 0, 0, 7, "auto", 1},
        {"hardly any weight", 6000, 4, 17, 0, 0, 1, "auto", 0},
        {"far from zero", 6000, 4, 24, 0, 1e6, 3, "bounds", -1},
        {"copies", 6000, 4, 20, 300, 0, 0, "bounds", 1},
        {"fewer rows than K", 6000, 4, 40, 25, 0, 3, "bounds", -1},
        {"as many rows as K", 6000, 4, 25, 25, 0, 3, "bounds", -1},
        {"tiles", 6000, 2, 5, 0, 0, 0, "tiles", -1},
        {"plain", 6000, 4, 20, 0, 0, 0, "plain", 0},
    };

    for (size_t t = 0; t < sizeof table / sizeof *table; t++) {
        const fitted_case *c = &table[t];
        double *x = calloc(c->rows * c->cols, sizeof *x), *weights = calloc(c->rows, sizeof *x);
        const mele_matrix matrix = {x, c->rows, c->cols, c->cols};
        make_case(c, x, weights);
        if (c->zeros == 1)
            weights[0] = weights[c->rows / 2] = 1;
        for (size_t restarts = 1; restarts < TEST_SIZE(4, 4, 2); restarts += 2)
            for (size_t iterations = 3; iterations < TEST_SIZE(300, 300, 4); iterations *= 20) {
                mele_partition_options options = mele_partition_defaults();
                options.clusters = c->clusters;
                options.restarts = restarts;
                options.max_iterations = iterations;
                options.algorithm = c->algorithm;
                const double *w = c->zeros == 0 ? NULL : weights;
                const mele_rows rows = mele_rows_of(&matrix);
                const mele_rows read = {c->rows, c->cols, NULL, 0, read_rows, (void *)&matrix};
                const bool kept = keeps_true_sizes(c->what, &rows, w, &options);
                if (c->known >= 0)
                    cr_expect_eq(kept, c->known, "%s, %zu iterations", c->what, iterations);
                cr_expect_eq(keeps_true_sizes(c->what, &read, w, &options), kept, "%s", c->what);
            }
        free(weights);
        free(x);
    }
}

/* Two mirrored squares of rows, and rows without weight half way between them, or nearly: which
 * number a cluster gets decides ties only. */
Test(sizes, of_the_fit_are_not_those_of_ties)
{
    enum { ROWS = 4096 + 40 };
    static const double beside[] = {0, 1e-13, 1e-6, -1e-6};
    double x[2 * ROWS], weights[ROWS];
    const mele_matrix matrix = {x, ROWS, 2, 2};
    const mele_rows rows = mele_rows_of(&matrix);

    for (size_t b = 0; b < 4; b++)
        for (uint64_t seed = 1; seed < 7; seed++) {
            mele_partition_options options = mele_partition_defaults();
            for (size_t i = 0; i < ROWS; i++) {
                const bool middle = i >= 4096;
                x[2 * i] = middle ? beside[b] : (i & 1 ? 4 : -4) + (i & 2 ? 1 : -1);
                x[2 * i + 1] = middle ? 0.25 * (double)(i % 8) : i & 4 ? 1 : -1;
                weights[i] = !middle;
            }
            options.clusters = 2;
            options.restarts = 1;
            options.algorithm = "bounds";
            options.seed = seed;
            cr_expect_eq(keeps_true_sizes("mirrored", &rows, weights, &options),
                         fabs(beside[b]) > 1e-9, "%g", beside[b]);
        }
}

/* Given centres beyond the distinct rows of positive weight, which rows without are nearest to. */
Test(sizes, of_the_fit_hold_where_clusters_are_dropped)
{
    enum { ROWS = 4000 };
    static const double given[] = {9, 0, 1, 2, 7, 3}, place[] = {0, 1, 2, 3, 6.5, 9};
    double x[ROWS], weights[ROWS];
    const mele_matrix matrix = {x, ROWS, 1, 1}, centres = {given, 6, 1, 1};
    const mele_rows rows = mele_rows_of(&matrix);
    mele_partition_options options = mele_partition_defaults();

    for (size_t i = 0; i < ROWS; i++) {
        x[i] = place[i % 6];
        weights[i] = i % 6 < 4;
    }
    options.clusters = 6;
    options.centres = &centres;
    options.algorithm = "bounds";
    keeps_true_sizes("dropped", &rows, weights, &options);
}

Test(sizes, of_the_fit_are_not_saved)
{
    enum { ROWS = 6000 };
    double *x = calloc(4 * ROWS, sizeof *x);
    const fitted_case c = {"saved", ROWS, 4, 20, 0, 0, 0, "bounds", 1};
    double *weights = calloc(ROWS, sizeof *weights);
    const mele_matrix matrix = {x, ROWS, 4, 4};
    mele_partition_options options = mele_partition_defaults();
    mele_partition *p = NULL, *loaded = NULL, *marginal = NULL;
    mele_engine *engine = engine_of(1);

    make_case(&c, x, weights);
    options.clusters = 20;
    cr_assert_eq(mele_partition_fit(&matrix, NULL, &options, engine, &p, NULL, NULL), MELE_OK);
    cr_assert_not_null(mele_i_partition_fitted_sizes(p));
    json_t *section = mele_i_partition_save(p);
    cr_assert_eq(mele_i_partition_load(section, &loaded, NULL), MELE_OK);
    cr_assert_eq(mele_i_partition_marginal(p, 2, &marginal, NULL), MELE_OK);
    cr_expect_null(mele_i_partition_fitted_sizes(loaded));
    cr_expect_null(mele_i_partition_fitted_sizes(marginal));
    json_decref(section);
    mele_partition_free(marginal);
    mele_partition_free(loaded);
    mele_partition_free(p);
    mele_engine_free(engine);
    free(weights);
    free(x);
}

/* ---- the kernel ---- */

Test(sizes, leaders_are_the_largest_and_clear)
{
    static const size_t cols[] = {1, 2, 7, 16, 128, 129, 300};
    enum { ROWS = 75 };

    for (size_t c = 0; c < 7; c++) {
        const size_t d = cols[c];
        double *values = calloc(ROWS * d, sizeof *values);
        mele_i_stream s = stream(d);
        for (size_t i = 0; i < ROWS * d; i++)
            values[i] = i % 11 == 3 ? -INFINITY : floor(8 * mele_i_stream_uniform(&s)) - 9;
        for (size_t j = 0; j < d; j++)
            values[4 * d + j] = -INFINITY;
        for (size_t k = 0; mele_i_kernels_at(k) != NULL; k++) {
            uint32_t label[ROWS], list[ROWS];
            size_t count = mele_i_kernels_at(k)->leaders(values, ROWS, d, 1e-9, label, list);
            size_t at = 0;
            for (size_t i = 0; i < ROWS; i++) {
                const double *row = values + i * d;
                const size_t best = mele_i_largest(row, d);
                bool clear = row[best] > -INFINITY; /* numbers are equal or 1 apart */
                for (size_t j = 0; j < d; j++)
                    clear = clear && (j == best || row[j] < row[best]);
                cr_expect_eq(label[i], best, "%s, row %zu", mele_i_kernels_at(k)->name, i);
                if (!clear)
                    cr_expect(at < count && list[at++] == i, "%s, row %zu of %zu columns",
                              mele_i_kernels_at(k)->name, i, d);
            }
            cr_expect_eq(at, count);
        }
        free(values);
    }
}

Test(sizes, leaders_know_their_slack)
{
    double values[] = {-1e6, -1e6 - 9e-4, -1e6, -1e6 - 1.1e-3, 0, -0.9e-9, 0, -1.1e-9};

    for (size_t k = 0; mele_i_kernels_at(k) != NULL; k++) {
        uint32_t label[4], list[4];
        cr_expect_eq(mele_i_kernels_at(k)->leaders(values, 4, 2, 1e-9, label, list), 2);
        cr_expect_eq(list[0], 0);
        cr_expect_eq(list[1], 2);
    }
}

/* ---- log posteriors as rows ---- */

Test(sizes, posteriors_as_rows_are_those_of_all_rows)
{
    enum { N = 3000, D = 4, K = 9 };
    mele_partition *p = partition_of("gmm", K, D, 1, 0, 1);
    double *x = rows_for(p, N, 1, 0), *all = calloc(N * K, sizeof *all), *some = calloc(N * K, sizeof *some);
    const mele_matrix matrix = mele_matrix_of(x, N, D);
    const mele_rows points[] = {mele_rows_of(&matrix), {N, D, NULL, 0, read_rows, (void *)&matrix}};

    cr_assert_eq(mele_partition_log_posteriors(p, &matrix, NULL, all, NULL), MELE_OK);
    for (size_t w = 0; w < 2; w++) {
        mele_i_posterior_rows source = {p, &points[w]};
        const mele_rows rows = mele_i_posterior_rows_of(&source);
        cr_expect(rows.rows == N && rows.cols == K && rows.data == NULL);
        for (size_t at = 0, count = 1; at < N; at += count, count = 2 * count + 1) {
            count = N - at < count ? N - at : count;
            cr_assert_eq(rows.read(rows.user, at, count, some + at * K, NULL), MELE_OK);
        }
        cr_expect(memcmp(some, all, N * K * sizeof *all) == 0);
    }
    free(x);
    free(all);
    free(some);
    mele_partition_free(p);
}
