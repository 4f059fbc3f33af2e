/* How well a partition describes rows: scikit-learn's values, properties, samples, refusals. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/partition.h>

#include "core/memory.h"
#include "core/stream.h"
#include "criteria_reference.h"
#include "partition/silhouette.h"
#include "support/size.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define REFERENCE_TOLERANCE 1e-11
#define SILHOUETTE_TOLERANCE 1e-9 /* scikit-learn's distances of equal rows are not quite 0 */
#define SAME_SUM 1e-12 /* of the same terms in another order */

/* ---- data ---- */

static double *read_set(const char *name, size_t *rows, size_t *cols)
{
    enum { MOST = 512 };
    const size_t d = strcmp(name, "iris") == 0 ? 4 : 2;
    double *x = MELE_I_ARRAY(double, MOST *d);
    char path[512], line[256];
    size_t n = 0;

    snprintf(path, sizeof path, "%s/%s.csv", TEST_DATA, name);
    FILE *file = fopen(path, "r");
    cr_assert(file != NULL && x != NULL && fgets(line, sizeof line, file) != NULL, "%s", path);
    for (; n < MOST && fgets(line, sizeof line, file) != NULL; n++) {
        char *at = line;
        for (size_t j = 0; j < d; j++, at++)
            x[n * d + j] = strtod(at, &at);
    }
    fclose(file);
    for (size_t j = 0; j < d; j++) {
        double mean = 0, square = 0;
        for (size_t i = 0; i < n; i++)
            mean += x[i * d + j] / (double)n;
        for (size_t i = 0; i < n; i++)
            square += (x[i * d + j] - mean) * (x[i * d + j] - mean) / (double)n;
        for (size_t i = 0; i < n; i++)
            x[i * d + j] = (x[i * d + j] - mean) / sqrt(square);
    }
    *rows = n;
    *cols = d;
    return x;
}

/* Rows around K centres on a line, in turn. */
static double *blobs(size_t n, size_t d, size_t clusters, double spread)
{
    mele_i_stream random = mele_i_stream_make(3, MELE_I_FOR_TESTS, n, d);
    double *x = MELE_I_ARRAY(double, n *d);

    cr_assert_not_null(x);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = (double)(i % clusters) + spread * mele_i_stream_normal(&random);
    return x;
}

/* The centres of the reference: rows at equal distances. */
static double *centre_rows(const double *x, size_t n, size_t d, size_t clusters)
{
    double *centres = MELE_I_ARRAY(double, clusters *d);

    cr_assert_not_null(centres);
    for (size_t k = 0; k < clusters; k++)
        memcpy(centres + k * d, x + (2 * k + 1) * n / (2 * clusters) * d, d * sizeof *x);
    return centres;
}

static mele_partition *build(const mele_partition_arrays *parts)
{
    mele_partition *p = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_partition_new(parts, &p, &error), MELE_OK, "%s", error.message);
    return p;
}

static mele_partition *kmeans_of(const double *centres, size_t clusters, size_t d, double variance)
{
    mele_partition_arrays parts = {.method = "kmeans",
                                  .centres = mele_matrix_of(centres, clusters, d),
                                  .covariances = &variance};

    return build(&parts);
}

/* The mixture of tests/ref/criteria.py. */
static mele_partition *gmm_of(const double *centres, size_t clusters, size_t d)
{
    double weights[8], covariances[8 * 16];

    for (size_t k = 0; k < clusters; k++) {
        weights[k] = 2 * (double)(k + 1) / (double)(clusters * (clusters + 1));
        for (size_t e = 0; e < d * d; e++)
            covariances[k * d * d + e] = 0.2 + (e % (d + 1) == 0 ? 0.3 + 0.1 * (double)k : 0);
    }
    mele_partition_arrays parts = {.method = "gmm",
                                  .covariance = "full",
                                  .centres = mele_matrix_of(centres, clusters, d),
                                  .weights = weights,
                                  .covariances = covariances};
    return build(&parts);
}

static mele_criteria measure(const mele_partition *p, const mele_rows *rows, const double *weights,
                             uint64_t seed, mele_engine *engine)
{
    const mele_criteria_options options = {true, seed};
    mele_criteria out;
    mele_error error = {0};

    cr_assert_eq(mele_partition_criteria(p, rows, weights, &options, engine, &out, &error),
                 MELE_OK, "%s", error.message);
    return out;
}

static mele_rows rows_of(const double *x, size_t n, size_t d)
{
    mele_matrix view = mele_matrix_of(x, n, d);

    return mele_rows_of(&view);
}

static bool close_to(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * fmax(1, fmax(fabs(a), fabs(b)));
}

/* ---- reference values ---- */

Test(criteria, gmm_as_scikit_learn)
{
    for (size_t r = 0; r < COUNT(gmm_criteria); r++) {
        size_t n, d, clusters = gmm_criteria[r].clusters;
        double *x = read_set(gmm_criteria[r].set, &n, &d);
        double *centres = centre_rows(x, n, d, clusters);
        mele_partition *p = gmm_of(centres, clusters, d);
        mele_rows rows = rows_of(x, n, d);
        mele_criteria c = measure(p, &rows, NULL, 1, NULL);
        cr_assert(close_to(c.log_likelihood, gmm_criteria[r].log_likelihood, REFERENCE_TOLERANCE));
        cr_assert(close_to(c.bic, gmm_criteria[r].bic, REFERENCE_TOLERANCE), "%.17g", c.bic);
        cr_assert(close_to(c.aic, gmm_criteria[r].aic, REFERENCE_TOLERANCE), "%.17g", c.aic);
        cr_assert(close_to(c.icl, gmm_criteria[r].icl, REFERENCE_TOLERANCE), "%.17g", c.icl);
        mele_partition_free(p);
        free(centres), free(x);
    }
}

Test(criteria, kmeans_as_scikit_learn)
{
    for (size_t r = 0; r < COUNT(kmeans_criteria); r++) {
        size_t n, d, clusters = kmeans_criteria[r].clusters;
        double *x = read_set(kmeans_criteria[r].set, &n, &d);
        double *centres = centre_rows(x, n, d, clusters);
        mele_partition *p = kmeans_of(centres, clusters, d, 0.3);
        mele_rows rows = rows_of(x, n, d);
        mele_criteria c = measure(p, &rows, NULL, 1, NULL);
        double parameters = (double)(clusters * d + 1);
        cr_assert(close_to(c.log_likelihood, kmeans_criteria[r].log_likelihood,
                           REFERENCE_TOLERANCE));
        cr_assert(close_to(c.silhouette, kmeans_criteria[r].silhouette, SILHOUETTE_TOLERANCE),
                  "%.17g", c.silhouette);
        cr_assert_eq(c.parameters, parameters);
        cr_assert(close_to(c.bic, parameters * log((double)n) - 2 * c.log_likelihood, SAME_SUM));
        cr_assert(close_to(c.aic, 2 * parameters - 2 * c.log_likelihood, SAME_SUM));
        mele_partition_free(p);
        free(centres), free(x);
    }
}

/* From the log posteriors, row by row. */
Test(criteria, icl_adds_twice_the_entropy_to_bic)
{
    enum { N = 700, D = 3, K = 4 };
    double *x = blobs(N, D, K, 0.5), *weights = MELE_I_ARRAY(double, N);
    double *log_p = MELE_I_ARRAY(double, N *K), sum = 0;
    double *centres = centre_rows(x, N, D, K);
    mele_partition *p = kmeans_of(centres, K, D, 0.25);
    mele_rows rows = rows_of(x, N, D);
    mele_matrix view = mele_matrix_of(x, N, D);

    for (size_t i = 0; i < N; i++)
        weights[i] = 0.5 * (double)(i % 5);
    cr_assert_eq(mele_partition_log_posteriors(p, &view, NULL, log_p, NULL), MELE_OK);
    for (size_t i = 0; i < N * K; i++)
        sum -= weights[i / K] * exp(log_p[i]) * log_p[i];
    sum /= 1.5; /* the ordinary row's weight: of rows of 0.5, 1, 1.5 is more than half of all weight */
    mele_criteria c = measure(p, &rows, weights, 1, NULL);
    cr_assert(c.icl - c.bic > 100);
    cr_assert(close_to(c.icl - c.bic, 2 * sum, SAME_SUM));
    mele_partition_free(p);
    free(x), free(weights), free(log_p), free(centres);
}

/* ---- properties ---- */

static void expect_same(const mele_criteria *a, const mele_criteria *b, double tolerance)
{
    cr_assert(close_to(a->log_likelihood, b->log_likelihood, tolerance));
    cr_assert(close_to(a->bic, b->bic, tolerance));
    cr_assert(close_to(a->icl, b->icl, tolerance));
    cr_assert(close_to(a->aic, b->aic, tolerance));
    cr_assert(close_to(a->silhouette, b->silhouette, tolerance), "%.17g and %.17g", a->silhouette,
              b->silhouette);
}

/* Weights 0, 1, 2, 3 against rows given no, one, two and three times. */
Test(criteria, weight_two_is_a_row_given_twice)
{
    enum { N = 300, D = 2, K = 3 };
    double *x = blobs(N, D, K, 0.4), *y = MELE_I_ARRAY(double, 3 * N * D), weights[N];
    static const size_t copies[] = {0, 1, 1, 2, 1, 1, 3, 1, 1, 1}; /* 1 is what is ordinary */
    double *centres = centre_rows(x, N, D, K);
    mele_partition *p = kmeans_of(centres, K, D, 0.2);
    size_t count = 0;

    for (size_t i = 0; i < N; i++) {
        weights[i] = (double)copies[i / 7 % 10];
        for (size_t c = 0; c < copies[i / 7 % 10]; c++)
            memcpy(y + count++ * D, x + i * D, D * sizeof *x);
        if (weights[i] == 0)
            x[i * D] += 1000;
    }
    mele_rows rows = rows_of(x, N, D), repeated = rows_of(y, count, D);
    mele_criteria a = measure(p, &rows, weights, 1, NULL), b = measure(p, &repeated, NULL, 1, NULL);
    expect_same(&a, &b, SAME_SUM);
    mele_partition_free(p);
    free(x), free(y), free(centres);
}

static mele_status read_rows(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    const mele_matrix *x = user;

    (void)error;
    for (size_t i = 0; i < count; i++)
        memcpy(out + i * x->cols, x->data + (first + i) * x->stride, x->cols * sizeof *out);
    return MELE_OK;
}

/* Sums, sample and all: enough rows for many blocks. */
Test(criteria, same_bytes_for_threads_and_wherever_the_rows_are)
{
    enum { N = 20000, D = 3, K = 5 };
    double *x = blobs(N, D, K, 0.3), *centres = centre_rows(x, N, D, K);
    mele_partition *p = gmm_of(centres, K, D);
    mele_matrix view = mele_matrix_of(x, N, D);
    mele_rows rows = rows_of(x, N, D), far = {N, D, NULL, 0, read_rows, &view};
    mele_criteria expected = measure(p, &rows, NULL, 4, NULL);

    for (unsigned threads = 1; threads <= 8; threads += threads < 3 ? 1 : 5) {
        mele_engine_options options = {threads, NULL, NULL};
        mele_engine *engine;
        cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
        mele_criteria c = measure(p, &rows, NULL, 4, engine);
        cr_assert(memcmp(&c, &expected, sizeof c) == 0, "%u threads", threads);
        c = measure(p, &far, NULL, 4, engine);
        cr_assert(memcmp(&c, &expected, sizeof c) == 0, "%u threads, read", threads);
        mele_engine_free(engine);
    }
    mele_partition_free(p);
    free(x), free(centres);
}

/* ---- the silhouette ---- */

static double silhouette_of(const double *x, size_t n, size_t d, const uint32_t *label,
                            size_t clusters, const double *weights, uint64_t seed)
{
    mele_rows rows = rows_of(x, n, d);
    double out = NAN;

    const mele_i_labelled all = {&rows, weights, label, clusters};

    cr_assert_eq(mele_i_silhouette(&all, seed, NULL, &out, NULL), MELE_OK);
    return out;
}

/* By hand: 0 and 1 | 4: s of the rows 3/4, 2/3 and 0. */
Test(silhouette, small_cases)
{
    static const double line[] = {0, 1, 4}, same[] = {2, 2, 2, 2}, heavy[] = {2, 1, 1};
    static const uint32_t two[] = {0, 0, 1}, one[] = {0, 0, 0}, three[] = {2, 0, 1},
                          halves[] = {0, 1, 0, 1};

    cr_assert(close_to(silhouette_of(line, 3, 1, two, 2, NULL, 1), (3. / 4 + 2. / 3) / 3,
                       SAME_SUM));
    /* 0 twice: its own copy is among the others, so a = 1/2 for it, and 1 for the row at 1 */
    cr_assert(close_to(silhouette_of(line, 3, 1, two, 2, heavy, 1), (2 * 7. / 8 + 2. / 3) / 4,
                       SAME_SUM));
    cr_assert_eq(silhouette_of(line, 3, 1, one, 1, NULL, 1), 0);
    cr_assert_eq(silhouette_of(line, 3, 1, one, 5, NULL, 1), 0);
    cr_assert_eq(silhouette_of(line, 3, 1, three, 3, NULL, 1), 0);
    cr_assert_eq(silhouette_of(same, 4, 1, halves, 2, NULL, 1), 0);
}

/* a = inf, b = 3/2; a = b = inf; a = 1, b = inf, twice. */
Test(silhouette, squares_that_overflow)
{
    const double line[] = {0, 1e300, 1, 2};
    const uint32_t label[] = {0, 0, 1, 1};

    cr_assert_eq(silhouette_of(line, 4, 1, label, 2, NULL, 1), (-1 + 0 + 1 + 1) / 4.);
}

Test(silhouette, shares_of_a_sample)
{
    static const struct {
        size_t clusters, sizes[6];
    } cases[] = {
        {1, {4096}},
        {1, {100000}},
        {3, {1, 0, 5000}},
        {4, {3, 1, 2, 1000000}},
        {6, {700, 700, 700, 700, 700, 700}},
        {6, {4097, 1, 4097, 2, 0, 12345}},
        {2, {4095, 2}},
    };

    for (size_t c = 0; c < COUNT(cases); c++) {
        const size_t clusters = cases[c].clusters, *sizes = cases[c].sizes;
        size_t share[6], sum = 0, rows = 0;
        cr_assert_eq(mele_i_silhouette_shares(sizes, clusters, share, NULL), MELE_OK);
        for (size_t k = 0; k < clusters; k++) {
            cr_assert_leq(share[k], sizes[k]);
            cr_assert_geq(share[k], sizes[k] < 2 ? sizes[k] : 2);
            sum += share[k];
            rows += sizes[k];
        }
        cr_assert_eq(sum, rows < MELE_I_SILHOUETTE_ROWS ? rows : MELE_I_SILHOUETTE_ROWS, "%zu",
                     sum);
        for (size_t k = 0; k < clusters; k++) /* 2 for each of the others, 1 of rounding */
            cr_assert_leq(fabs((double)share[k] - (double)sum * (double)sizes[k] / (double)rows),
                          2 * (double)clusters + 1);
    }
}

Test(silhouette, more_regions_than_a_sample_has_room_for)
{
    enum { K = 3000 };
    size_t sizes[K], share[K];

    for (size_t k = 0; k < K; k++)
        sizes[k] = 1 + k % 9;
    cr_assert_eq(mele_i_silhouette_shares(sizes, K, share, NULL), MELE_OK);
    for (size_t k = 0; k < K; k++)
        cr_assert_eq(share[k], k % 9 == 0 ? 1 : 2);
}

/* Rousseeuw's definition as it stands. */
static double plain_silhouette(const double *x, size_t n, const uint32_t *label, size_t clusters)
{
    double total = 0;

    for (size_t i = 0; i < n; i++) {
        double sum[8] = {0}, count[8] = {0}, b = INFINITY;
        for (size_t j = 0; j < n; j++) {
            double off[] = {x[2 * i] - x[2 * j], x[2 * i + 1] - x[2 * j + 1]};
            sum[label[j]] += sqrt(off[0] * off[0] + off[1] * off[1]);
            count[label[j]]++;
        }
        for (size_t l = 0; l < clusters; l++)
            if (l != label[i])
                b = fmin(b, sum[l] / count[l]);
        double a = sum[label[i]] / (count[label[i]] - 1);
        total += (b - a) / fmax(a, b);
    }
    return total / (double)n;
}

/* Regions of 1/2, 1/4, 1/8 and 1/8 of the rows, and one of 5 that a sample must not overrate. */
Test(silhouette, a_sample_stands_for_all_rows)
{
    enum { N = 9000, K = 5 };
    if (TEST_SIZE(false, false, true))
        cr_skip_test("a statistical property");
    double *x = blobs(N, 2, 1, 0.6), all, mean = 0, samples[20];
    uint32_t *label = MELE_I_ARRAY(uint32_t, N);

    for (size_t i = 0; i < N; i++) {
        label[i] = i < 5 ? 4 : i % 8 < 4 ? 0 : i % 8 < 6 ? 1 : i % 8 < 7 ? 2 : 3;
        x[2 * i] += 2 * label[i];
    }
    all = plain_silhouette(x, N, label, K);
    for (size_t s = 0; s < COUNT(samples); s++) {
        samples[s] = silhouette_of(x, N, 2, label, K, NULL, s);
        mean += samples[s] / (double)COUNT(samples);
        cr_assert(fabs(samples[s] - all) < 0.01, "%g, %g of all rows", samples[s], all);
        cr_assert(s == 0 || samples[s] != samples[s - 1]);
    }
    cr_assert(fabs(mean - all) < 0.002, "%g, %g of all rows", mean, all);
    free(x), free(label);
}

/* ---- refusals ---- */

static mele_status fail_to_read(void *user, size_t first, size_t count, double *out,
                                mele_error *error)
{
    (void)user;
    (void)first;
    (void)out;
    (void)count;
    if (error != NULL)
        snprintf(error->message, sizeof error->message, "the disk is gone");
    return MELE_EIO;
}

Test(criteria, refusals_leave_the_output_alone)
{
    double x[] = {1, 2, 3, 4, 5, 6}, gaps[] = {1, 2, NAN, 4, 5, 6};
    double far[] = {1, 2, 3, 4, INFINITY, 6};
    double negative[] = {1, -1, 1}, none[] = {0, 0, 0}, centres[] = {0, 0, 1, 1};
    const struct {
        mele_rows rows;
        const double *weights;
        mele_status status;
        const char *message;
    } cases[] = {
        {rows_of(x, 2, 3), NULL, MELE_EINVAL,
         "the rows have 3 columns (stride 3), the partition 2"},
        {rows_of(x, 0, 2), NULL, MELE_EINVAL, "there are no rows"},
        {rows_of(NULL, 3, 2), NULL, MELE_EINVAL, "rows is NULL or has neither data nor read"},
        {rows_of(gaps, 3, 2), NULL, MELE_EDATA,
         "x: row 2, column 1 is nan, not a finite number"},
        {rows_of(far, 3, 2), NULL, MELE_EDATA, "x: row 3, column 1 is inf, not a finite number"},
        {rows_of(x, 3, 2), negative, MELE_EDATA, NULL},
        {rows_of(x, 3, 2), none, MELE_EDATA, NULL},
        {{3, 2, NULL, 0, fail_to_read, NULL}, NULL, MELE_EIO, "the disk is gone"},
    };
    mele_partition *p = kmeans_of(centres, 2, 2, 1);

    for (size_t i = 0; i < COUNT(cases); i++) {
        mele_criteria out, before;
        mele_error error = {0};
        memset(&out, 7, sizeof out);
        before = out;
        cr_assert_eq(mele_partition_criteria(p, &cases[i].rows, cases[i].weights,
                                             &(mele_criteria_options){true, 1}, NULL, &out,
                                             &error), cases[i].status, "%zu", i);
        cr_assert(cases[i].message == NULL || strcmp(error.message, cases[i].message) == 0, "%s",
                  error.message);
        cr_assert(memcmp(&out, &before, sizeof out) == 0);
    }
    mele_partition_free(p);
}

Test(criteria, a_silhouette_that_is_not_wanted_is_nan)
{
    double x[] = {1, 2, 3, 4}, centres[] = {1, 4};
    mele_partition *p = kmeans_of(centres, 2, 1, 0.5);
    mele_rows rows = rows_of(x, 4, 1);
    mele_criteria c;

    cr_assert_eq(mele_partition_criteria(p, &rows, NULL, NULL, NULL, &c, NULL), MELE_OK);
    cr_assert(isnan(c.silhouette) && isfinite(c.bic));
    mele_partition_free(p);
}
