/* Gaussian mixtures: scikit-learn's results for every kind of covariance, what an EM step promises,
 * the ways to start, and data that are hard. */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/stream.h"
#include "gmm_reference.h"
#include "partition/kind.h"
#include "partition/partition.h"

#define REFERENCE_TOLERANCE 1e-6 /* what the issue asks for */
#define STEP_TOLERANCE 1e-11     /* rounding of a log-likelihood, relative */

/* ---- data ---- */

/* The columns of a CSV file that are used. */
static const struct set {
    const char *name;
    size_t cols, column[4];
} sets[] = {{"iris", 4, {0, 1, 2, 3}},
            {"faithful", 2, {0, 1}},
            {"concrete", 4, {0, 3, 5, 6}},
            {"vowels", 4, {5, 6, 7, 8}}};

static void standardise(double *x, size_t n, size_t d)
{
    for (size_t j = 0; j < d; j++) {
        double mean = 0, square = 0;
        for (size_t i = 0; i < n; i++)
            mean += x[i * d + j] / (double)n;
        for (size_t i = 0; i < n; i++)
            square += (x[i * d + j] - mean) * (x[i * d + j] - mean) / (double)n;
        for (size_t i = 0; i < n; i++)
            x[i * d + j] = (x[i * d + j] - mean) / sqrt(square);
    }
}

/* To be freed. */
static double *read_set(const char *name, size_t *rows, size_t *cols)
{
    enum { MOST = 2048, COLUMNS = 16 };
    const struct set *set = sets;
    char path[512], line[256];
    size_t n = 0;

    while (strcmp(set->name, name) != 0)
        set++;
    const size_t d = set->cols;
    double *x = MELE_I_ARRAY(double, MOST *d);
    snprintf(path, sizeof path, "%s/%s.csv", TEST_DATA, name);
    FILE *file = fopen(path, "r");
    cr_assert(file != NULL && x != NULL && fgets(line, sizeof line, file) != NULL, "%s", path);
    for (; n < MOST && fgets(line, sizeof line, file) != NULL; n++) {
        double number[COLUMNS] = {0};
        char *at = line;
        for (size_t j = 0; j < COLUMNS && at != NULL; j++) {
            number[j] = strtod(at, NULL);
            at = strchr(at, ',');
            at = at == NULL ? NULL : at + 1;
        }
        for (size_t j = 0; j < d; j++)
            x[n * d + j] = number[set->column[j]];
    }
    fclose(file);
    standardise(x, n, d);
    *rows = n;
    *cols = d;
    return x;
}

static mele_i_stream stream(uint64_t index)
{
    return mele_i_stream_make(5, MELE_I_FOR_TESTS, 0, index);
}

/* Blobs around K random centres, wider in some columns than in others. */
static double *blobs(size_t n, size_t d, size_t clusters, uint64_t index)
{
    mele_i_stream random = stream(index);
    double *x = MELE_I_ARRAY(double, n *d), *centres = MELE_I_ARRAY(double, clusters *d);

    cr_assert(x != NULL && centres != NULL);
    for (size_t i = 0; i < clusters * d; i++)
        centres[i] = 2 * mele_i_stream_normal(&random);
    for (size_t i = 0; i < n; i++) {
        size_t k = mele_i_stream_below(&random, clusters);
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = centres[k * d + j]
                           + 0.3 * (double)(1 + (j + k) % 3) * mele_i_stream_normal(&random);
    }
    free(centres);
    return x;
}

static double *start_rows(const double *x, size_t n, size_t d, size_t clusters)
{
    double *centres = MELE_I_ARRAY(double, clusters *d);

    cr_assert_not_null(centres);
    for (size_t k = 0; k < clusters; k++)
        memcpy(centres + k * d, x + (2 * k + 1) * n / (2 * clusters) * d, d * sizeof *x);
    return centres;
}

static mele_partition_options options_of(const char *covariance, size_t clusters)
{
    mele_partition_options o = mele_partition_defaults();

    o.method = "gmm";
    o.covariance = covariance;
    o.clusters = clusters;
    o.restarts = 2;
    return o;
}

static mele_partition *fit_or_fail(const double *x, size_t n, size_t d, const double *weights,
                                   const mele_partition_options *options, mele_engine *engine,
                                   mele_partition_info *info)
{
    mele_matrix view = mele_matrix_of(x, n, d);
    mele_partition *p = NULL;
    mele_error error;
    mele_status status = mele_partition_fit(&view, weights, options, engine, &p, info, &error);

    cr_assert_eq(status, MELE_OK, "%s: %s", options->covariance, error.message);
    return p;
}

/* Mean log-likelihood of a row, by the densities of the partition. */
static double log_likelihood(const mele_partition *p, const double *x, size_t n,
                             const double *weights)
{
    mele_matrix view = mele_matrix_of(x, n, mele_partition_columns(p));
    double *density = MELE_I_ARRAY(double, n), sum = 0, total = 0;

    cr_assert_eq(mele_partition_log_density(p, &view, NULL, density, NULL), MELE_OK);
    for (size_t i = 0; i < n; i++) {
        double w = weights == NULL ? 1 : weights[i];
        sum += w > 0 ? w * density[i] : 0;
        total += w;
    }
    free(density);
    return sum / total;
}

static bool close_to(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * (1 + fabs(b));
}

static char *section_text(const mele_partition *p)
{
    json_t *section = mele_i_partition_save(p);
    char *text = json_dumps(section, JSON_REAL_PRECISION(17));

    cr_assert(section != NULL && text != NULL);
    json_decref(section);
    return text;
}

/* ---- scikit-learn ---- */

static void check_reference(size_t r)
{
    const size_t clusters = gmm_reference[r].clusters;
    size_t n, d;
    double *x = read_set(gmm_reference[r].set, &n, &d), *start = start_rows(x, n, d, clusters);
    mele_matrix given = mele_matrix_of(start, clusters, d), view = mele_matrix_of(x, n, d);
    mele_partition_options o = options_of(gmm_reference[r].covariance, clusters);
    mele_partition_info info;
    mele_criteria criteria;
    double weights[3], means[12], covariances[48], sum = 0;

    o.centres = &given;
    o.max_iterations = gmm_reference[r].iterations;
    o.tolerance = 0;
    o.covariance_floor = 1e-9;
    mele_partition *p = fit_or_fail(x, n, d, NULL, &o, NULL, &info);
    mele_rows rows = mele_rows_of(&view);
    cr_assert(close_to(info.objective, gmm_reference[r].log_likelihood, REFERENCE_TOLERANCE),
              "%s, %s, %zu: %.12g, %.12g", gmm_reference[r].set, gmm_reference[r].covariance,
              clusters, info.objective, gmm_reference[r].log_likelihood);
    mele_partition_weights(p, weights);
    mele_partition_centres(p, means);
    mele_partition_covariances(p, covariances);
    for (size_t k = 0; k < clusters; k++)
        cr_assert(close_to(weights[k], gmm_reference[r].weights[k], REFERENCE_TOLERANCE));
    for (size_t j = 0; j < clusters * d; j++)
        cr_assert(close_to(means[j], gmm_reference[r].means[j], REFERENCE_TOLERANCE));
    for (size_t j = 0; j < mele_partition_covariance_count(p); j++)
        sum += covariances[j];
    cr_assert(close_to(sum, gmm_reference[r].sum, REFERENCE_TOLERANCE), "%g, %g", sum,
              gmm_reference[r].sum);
    cr_assert_eq(mele_partition_parameters(p), (double)gmm_reference[r].parameters);
    cr_assert_eq(mele_partition_criteria(p, &rows, NULL, NULL, NULL, &criteria, NULL), MELE_OK);
    cr_assert(close_to(criteria.bic, gmm_reference[r].bic, REFERENCE_TOLERANCE));
    cr_assert(close_to(criteria.aic, gmm_reference[r].aic, REFERENCE_TOLERANCE));
    mele_partition_free(p);
    free(x), free(start);
}

Test(gmm, scikit_learn)
{
    for (size_t r = 0; r < sizeof gmm_reference / sizeof *gmm_reference; r++)
        check_reference(r);
}

/* Its own tolerance ends a fit where scikit-learn's ends it, give or take a step of no gain. */
Test(gmm, tolerance)
{
    for (size_t r = 0; r < sizeof gmm_reference / sizeof *gmm_reference; r++) {
        const size_t clusters = gmm_reference[r].clusters;
        size_t n, d;
        double *x = read_set(gmm_reference[r].set, &n, &d), *start = start_rows(x, n, d, clusters);
        mele_matrix given = mele_matrix_of(start, clusters, d);
        mele_partition_options o = options_of(gmm_reference[r].covariance, clusters);
        mele_partition_info info;
        o.centres = &given;
        o.max_iterations = 1000;
        o.tolerance = 1e-10;
        o.covariance_floor = 1e-9;
        mele_partition_free(fit_or_fail(x, n, d, NULL, &o, NULL, &info));
        cr_assert(info.converged && info.iterations + 2 >= gmm_reference[r].iterations
                      && info.iterations <= gmm_reference[r].iterations + 1,
                  "%s, %s, %zu: %zu, %zu", gmm_reference[r].set, gmm_reference[r].covariance,
                  clusters, info.iterations, gmm_reference[r].iterations);
        cr_assert(close_to(info.objective, gmm_reference[r].log_likelihood, 1e-9));
        free(x), free(start);
    }
}

/* ---- what a step promises ---- */

typedef struct hard {
    const char *what;
    size_t rows, cols, clusters;
    double x[24], weights[12]; /* weights all 0: none given */
} hard;

static const hard hards[] = {
    {"one row", 1, 2, 1, {3, 4}, {0}},
    {"K = n", 4, 1, 4, {1, 7, 3, 5}, {0}},
    {"all rows equal", 4, 2, 3, {0.1, 0.7, 0.1, 0.7, 0.1, 0.7, 0.1, 0.7}, {0}},
    {"all rows zero", 3, 2, 2, {0}, {0}},
    {"duplicates", 8, 1, 2, {1, 1, 2, 10, 11, 10, 1, 1}, {0}},
    {"constant column", 5, 2, 2, {0, 5, 1, 5, 10, 5, 11, 5, 4, 5}, {0}},
    {"collinear", 6, 2, 2, {0, 1, 1, 3, 2, 5, 7, 15, 8, 17, 10, 21}, {0}},
    {"fewer rows than columns", 3, 4, 2, {1, 2, 3, 4, 2, 9, 1, 5, 7, 7, 1, 2}, {0}},
    {"one row counts", 3, 1, 2, {1, 2, 3}, {0, 2, 0}},
    {"two rows count", 4, 2, 2, {1, 2, 3, 4, 9, 8, 7, 1}, {0.5, 0, 0.25, 0}},
    {"uncounted row far away", 5, 1, 2, {1, 2, 9, 11, 1e300}, {1, 2, 3, 4, 0}},
    {"unequal weights", 6, 2, 2, {0, 1, 1, 3, 2, 4, 7, 15, 8, 17, 10, 2}, {1e-9, 1, 1e9, 3, 1, 2}},
    {"huge", 5, 1, 2, {1e150, 2e150, 11e150, 12e150, 3e150}, {0}},
    {"tiny", 5, 1, 2, {1e-150, 2e-150, 11e-150, 12e-150, 3e-150}, {0}},
    {"too tiny to be squared", 3, 1, 2, {1e-300, 2e-300, 3e-300}, {0}},
    {"one huge coordinate", 6, 2, 2, {1, 2, 2, 2, 1, 3, 4, 4, 5, 1, 1e100, 3}, {0}},
    {"large mean", 6, 1, 2, {1e9, 1e9 + 1, 1e9 + 10, 1e9 + 11, 1e9 + 2, 1e9 + 12}, {0}},
    {"unequal scales",
     6,
     2,
     2,
     {1e-8, 1e8, 2e-8, 2e8, 9e-8, 2e8, 8e-8, 1e8, 7e-8, 3e8, 1e-8, 0},
     {0}},
};

static const double *weights_of(const hard *h)
{
    for (size_t i = 0; i < h->rows; i++)
        if (h->weights[i] > 0)
            return h->weights;
    return NULL;
}

typedef struct first_value {
    double value;
    size_t told;
} first_value;

static bool remember_first(const mele_progress *progress, void *user)
{
    first_value *f = user;

    if (f->told++ == 0)
        f->value = progress->value;
    return true;
}

/* The log-likelihood after one M step from the posteriors of a partition. */
static double after_step(const mele_partition *p, const double *x, size_t n, const double *weights,
                         const mele_partition_options *options)
{
    size_t d = mele_partition_columns(p), clusters = mele_partition_clusters(p);
    double *r = MELE_I_ARRAY(double, n *clusters);
    mele_matrix view = mele_matrix_of(x, n, d), given = mele_matrix_of(r, n, clusters);
    mele_partition_options o = *options;
    first_value first = {NAN, 0};
    mele_engine_options eo = {1, remember_first, &first};
    mele_engine *engine;

    cr_assert_eq(mele_engine_new(&eo, &engine, NULL), MELE_OK);
    cr_assert_eq(mele_partition_log_posteriors(p, &view, NULL, r, NULL), MELE_OK);
    for (size_t i = 0; i < n * clusters; i++)
        r[i] = exp(r[i]);
    o.clusters = clusters;
    o.centres = NULL;
    o.responsibilities = &given;
    o.max_iterations = 1;
    mele_partition_free(fit_or_fail(x, n, d, weights, &o, engine, NULL));
    mele_engine_free(engine);
    free(r);
    return first.value;
}

static void check_steps(const char *what, const double *x, size_t n, size_t d,
                        const double *weights, mele_partition_options o)
{
    /* squared lengths have the covariance's condition for a factor */
    const double rounding = STEP_TOLERANCE + 16 * DBL_EPSILON / o.covariance_floor;

    for (size_t steps = 1; steps <= 4; steps++) {
        o.max_iterations = steps;
        o.tolerance = 0;
        mele_partition_info info;
        mele_partition *p = fit_or_fail(x, n, d, weights, &o, NULL, &info);
        double before = log_likelihood(p, x, n, weights), after = after_step(p, x, n, weights, &o);
        cr_assert(isfinite(info.objective) && close_to(before, info.objective, rounding),
                  "%s, %s: %.17g, %.17g", what, o.covariance, before, info.objective);
        cr_assert(after >= before - rounding * (1 + fabs(before)), "%s, %s: %.17g, %.17g", what,
                  o.covariance, before, after);
        mele_partition_free(p);
    }
}

Test(gmm, steps_never_lower_the_likelihood)
{
    static const double floors[] = {1e-9, 1e-4, 0.05, 0.7};

    for (size_t c = 0; mele_partition_covariance(c) != NULL; c++)
        for (size_t f = 0; f < sizeof floors / sizeof *floors; f++) {
            for (size_t h = 0; h < sizeof hards / sizeof *hards; h++) {
                mele_partition_options o =
                    options_of(mele_partition_covariance(c), hards[h].clusters);
                o.covariance_floor = floors[f];
                check_steps(hards[h].what, hards[h].x, hards[h].rows, hards[h].cols,
                            weights_of(&hards[h]), o);
            }
            for (uint64_t seed = 0; seed < 6; seed++) {
                size_t n = 40 + 60 * (size_t)seed, d = 1 + (size_t)seed % 5;
                double *x = blobs(n, d, 3, seed), *w = blobs(n, 1, 1, seed + 100);
                mele_partition_options o = options_of(mele_partition_covariance(c), 1 + seed % 4);
                for (size_t i = 0; i < n; i++)
                    w[i] = i % 5 == 0 ? 0 : fabs(w[i]);
                o.covariance_floor = floors[f];
                o.seed = seed;
                check_steps("blobs", x, n, d, seed % 2 == 0 ? NULL : w, o);
                free(x), free(w);
            }
        }
}

/* No variance in any direction is below the floor: of 2 x 2 matrices by their smaller root. */
Test(gmm, covariance_floor)
{
    double *x = blobs(300, 2, 3, 50);

    for (size_t i = 0; i < 300; i++) /* nearly a line */
        x[2 * i + 1] = 3 * x[2 * i] + 1e-6 * x[2 * i + 1];
    for (size_t c = 0; mele_partition_covariance(c) != NULL; c++) {
        mele_partition_options o = options_of(mele_partition_covariance(c), 3);
        double mean[2] = {0}, size = 0, s[12], least = INFINITY;
        o.covariance_floor = 1e-3;
        mele_partition *p = fit_or_fail(x, 300, 2, NULL, &o, NULL, NULL);
        for (size_t i = 0; i < 600; i++)
            mean[i % 2] += x[i] / 300;
        for (size_t i = 0; i < 600; i++)
            size += (x[i] - mean[i % 2]) * (x[i] - mean[i % 2]) / 600;
        mele_partition_covariances(p, s);
        if (c < 2)
            for (size_t k = 0; k < mele_partition_covariance_count(p); k += 4) {
                double middle = (s[k] + s[k + 3]) / 2, half = (s[k] - s[k + 3]) / 2;
                least = fmin(least, middle - sqrt(half * half + s[k + 1] * s[k + 2]));
                cr_assert_eq(s[k + 1], s[k + 2]);
            }
        else
            for (size_t k = 0; k < mele_partition_covariance_count(p); k++)
                least = fmin(least, s[k]);
        cr_assert(least >= 1e-3 * size * (1 - 1e-9), "%s: %g, %g", o.covariance, least, size);
        if (c < 2) /* one direction is at the floor */
            cr_assert(least <= 1e-3 * size * (1 + 1e-9));
        mele_partition_free(p);
    }
    free(x);
}

/* ---- shrinkage ---- */

/* Drawn all the way, full covariances are spheres: the same steps as for spherical ones. */
Test(gmm, full_shrinkage_is_spherical)
{
    enum { N = 400, D = 3, K = 3 };
    double *x = blobs(N, D, K, 60), *start = start_rows(x, N, D, K), a[K * D * D], b[K];
    mele_matrix given = mele_matrix_of(start, K, D);
    mele_partition_options o = options_of("full", K);
    mele_partition_info info, round_info;

    o.centres = &given;
    o.max_iterations = 12;
    o.shrinkage = 1;
    mele_partition *p = fit_or_fail(x, N, D, NULL, &o, NULL, &info);
    o.covariance = "spherical";
    o.shrinkage = 0;
    mele_partition *q = fit_or_fail(x, N, D, NULL, &o, NULL, &round_info);
    mele_partition_covariances(p, a);
    mele_partition_covariances(q, b);
    cr_assert(close_to(info.objective, round_info.objective, 1e-10));
    for (size_t i = 0; i < K * D * D; i++)
        cr_assert(fabs(a[i] - (i % (D * D) % (D + 1) == 0 ? b[i / (D * D)] : 0)) <= 1e-9);
    mele_partition_free(p);
    mele_partition_free(q);
    free(x), free(start);
}

/* (1 - s) S + s (trace S / d) I of the moments S of all rows. */
Test(gmm, shrinkage_of_one_component)
{
    const double x[] = {1, 2, 4, 3, 7, 9, 8, 2}, s = 0.25;
    /* mean (5, 4): S = [30/4, 13/4; 13/4, 34/4] */
    const double wanted[2][4] = {{0.75 * 7.5 + 2, 0.75 * 3.25, 0.75 * 3.25, 0.75 * 8.5 + 2},
                                 {0.75 * 7.5 + 2, 0.75 * 8.5 + 2, 0, 0}};

    for (size_t c = 0; c < 3; c++) {
        mele_partition_options o = options_of(mele_partition_covariance(c), 1);
        double got[4] = {0};
        o.shrinkage = s;
        mele_partition *p = fit_or_fail(x, 4, 2, NULL, &o, NULL, NULL);
        mele_partition_covariances(p, got);
        for (size_t i = 0; i < mele_partition_covariance_count(p); i++)
            cr_assert(close_to(got[i], wanted[c == 2][i], 1e-14), "%zu, %zu: %g", c, i, got[i]);
        mele_partition_free(p);
    }
}

/* A fall ends the fit with the best parameters seen, whose log-likelihood is the objective. */
Test(gmm, shrinkage_keeps_the_best)
{
    size_t falls = 0;

    for (uint64_t seed = 0; seed < 12; seed++) {
        enum { N = 200, D = 3 };
        double *x = blobs(N, D, 4, 70 + seed), *start = start_rows(x, N, D, 4), last = -INFINITY;
        mele_matrix given = mele_matrix_of(start, 4, D);
        mele_partition_options o = options_of(mele_partition_covariance(seed % 3), 4);
        o.centres = &given;
        o.shrinkage = 0.1 + 0.05 * (double)seed;
        o.tolerance = 0;
        for (size_t most = 1; most <= 40; most++) {
            mele_partition_info info;
            o.max_iterations = most;
            mele_partition *p = fit_or_fail(x, N, D, NULL, &o, NULL, &info);
            cr_assert(info.objective >= last);
            cr_assert(close_to(log_likelihood(p, x, N, NULL), info.objective, STEP_TOLERANCE));
            falls += info.converged && info.objective == last;
            last = info.objective;
            mele_partition_free(p);
        }
        free(x), free(start);
    }
    cr_assert(falls > 0, "no step ever lowered the log-likelihood: the test shows nothing");
}

/* ---- weights, order, threads, rows that are read ---- */

Test(gmm, weight_two_is_a_row_twice)
{
    enum { N = 300, D = 3, K = 3 };
    double *x = blobs(N, D, K, 80), *twice = MELE_I_ARRAY(double, 2 * N * D), w[N];
    double *start = start_rows(x, N, D, K), means[2][K * D], s[2][K * D * D], priors[2][K];
    mele_matrix given = mele_matrix_of(start, K, D);
    size_t rows = 0;

    for (size_t i = 0; i < N; i++) {
        w[i] = (double)(i % 3);
        for (size_t copy = 0; copy < i % 3; copy++)
            memcpy(twice + rows++ * D, x + i * D, D * sizeof *x);
    }
    for (size_t c = 0; mele_partition_covariance(c) != NULL; c++) {
        mele_partition_options o = options_of(mele_partition_covariance(c), K);
        mele_partition_info info[2];
        o.centres = &given;
        o.max_iterations = 15;
        o.tolerance = 0;
        mele_partition *p[2] = {fit_or_fail(x, N, D, w, &o, NULL, &info[0]),
                                fit_or_fail(twice, rows, D, NULL, &o, NULL, &info[1])};
        for (size_t i = 0; i < 2; i++) {
            mele_partition_centres(p[i], means[i]);
            mele_partition_weights(p[i], priors[i]);
            mele_partition_covariances(p[i], s[i]);
        }
        cr_assert(close_to(info[0].objective, info[1].objective, 1e-12));
        for (size_t i = 0; i < K * D; i++)
            cr_assert(close_to(means[0][i], means[1][i], 1e-9));
        for (size_t i = 0; i < K; i++)
            cr_assert(close_to(priors[0][i], priors[1][i], 1e-9));
        for (size_t i = 0; i < mele_partition_covariance_count(p[0]); i++)
            cr_assert(close_to(s[0][i], s[1][i], 1e-9));
        mele_partition_free(p[0]);
        mele_partition_free(p[1]);
    }
    free(x), free(twice), free(start);
}

Test(gmm, order_of_the_rows)
{
    enum { N = 500, D = 4, K = 3 };
    double *x = blobs(N, D, K, 81), *y = MELE_I_ARRAY(double, N *D),
           *start = start_rows(x, N, D, K);
    mele_matrix given = mele_matrix_of(start, K, D);
    mele_i_stream random = stream(82);
    size_t order[N];

    for (size_t i = 0; i < N; i++)
        order[i] = i;
    mele_i_stream_shuffle(&random, order, N);
    for (size_t i = 0; i < N; i++)
        memcpy(y + i * D, x + order[i] * D, D * sizeof *x);
    for (size_t c = 0; mele_partition_covariance(c) != NULL; c++) {
        mele_partition_options o = options_of(mele_partition_covariance(c), K);
        mele_partition_info a, b;
        double means[2][K * D];
        o.centres = &given;
        o.max_iterations = 10;
        mele_partition *p = fit_or_fail(x, N, D, NULL, &o, NULL, &a);
        mele_partition *q = fit_or_fail(y, N, D, NULL, &o, NULL, &b);
        mele_partition_centres(p, means[0]);
        mele_partition_centres(q, means[1]);
        cr_assert(close_to(a.objective, b.objective, 1e-12) && a.iterations == b.iterations);
        for (size_t i = 0; i < K * D; i++)
            cr_assert(close_to(means[0][i], means[1][i], 1e-9));
        mele_partition_free(p);
        mele_partition_free(q);
    }
    free(x), free(y), free(start);
}

typedef struct source {
    const double *x;
    size_t cols;
} source;

static mele_status read_rows(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    const source *s = user;

    (void)error;
    memcpy(out, s->x + first * s->cols, count * s->cols * sizeof *out);
    return MELE_OK;
}

/* The same bytes for any number of threads, and for rows that are read. */
Test(gmm, threads_and_rows_that_are_read)
{
    enum { N = 9000, D = 5, K = 4 };
    static const unsigned threads[] = {1, 2, 3, 8};
    double *x = blobs(N, D, K, 83), *w = blobs(N, 1, 1, 84);
    source s = {x, D};
    mele_rows rows = {N, D, NULL, 0, read_rows, &s};

    for (size_t i = 0; i < N; i++)
        w[i] = i % 7 == 0 ? 0 : fabs(w[i]);
    for (size_t c = 0; mele_partition_covariance(c) != NULL; c++) {
        mele_partition_options o = options_of(mele_partition_covariance(c), K);
        char *wanted = NULL;
        o.max_iterations = 5;
        for (size_t t = 0; t < 8; t++) {
            mele_engine_options eo = {threads[t / 2], NULL, NULL};
            mele_engine *engine;
            mele_partition *p = NULL;
            cr_assert_eq(mele_engine_new(&eo, &engine, NULL), MELE_OK);
            if (t % 2 == 0)
                p = fit_or_fail(x, N, D, w, &o, engine, NULL);
            else
                cr_assert_eq(mele_partition_fit_rows(&rows, w, &o, engine, &p, NULL, NULL),
                             MELE_OK);
            char *text = section_text(p);
            if (wanted == NULL)
                wanted = text;
            else {
                cr_assert_str_eq(text, wanted, "%s, %u threads", o.covariance, threads[t / 2]);
                free(text);
            }
            mele_partition_free(p);
            mele_engine_free(engine);
        }
        free(wanted);
    }
    free(x), free(w);
}

/* ---- starts from given centres ---- */

/* However far it is from the rows, one centre has them all. */
Test(gmm, far_centres)
{
    static const double far[] = {3e5, 1e10, -1e12, 1e200, -1.7e308};
    enum { N = 200, D = 3 };
    double *x = blobs(N, D, 2, 92), given[D], near_means[D], means[D];

    for (size_t c = 0; mele_partition_covariance(c) != NULL; c++) {
        mele_partition_options o = options_of(mele_partition_covariance(c), 1);
        mele_matrix centre = mele_matrix_of(given, 1, D);
        mele_partition_info near_info, info;
        mele_partition *p = fit_or_fail(x, N, D, NULL, &o, NULL, &near_info);
        mele_partition_centres(p, near_means);
        mele_partition_free(p);
        o.centres = &centre;
        for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
            for (size_t j = 0; j < D; j++)
                given[j] = j == 1 ? 0.5 : far[i];
            p = fit_or_fail(x, N, D, NULL, &o, NULL, &info);
            mele_partition_centres(p, means);
            mele_partition_free(p);
            cr_assert(close_to(info.objective, near_info.objective, 1e-10), "%s, %g: %.17g, %.17g",
                      o.covariance, far[i], info.objective, near_info.objective);
            for (size_t j = 0; j < D; j++)
                cr_assert(close_to(means[j], near_means[j], 1e-10));
        }
    }
    free(x);
}

/* Rows of next to no weight make a component that is where they are, with the size of the data. */
Test(gmm, component_of_no_weight)
{
    enum { N = 120, D = 2, K = 2 };
    double *x = blobs(N, D, 1, 93), w[N], s[K * D * D], priors[K], start[K * D] = {0, 0, 40, 40};
    mele_matrix given = mele_matrix_of(start, K, D);

    for (size_t i = 0; i < N; i++) {
        w[i] = i < 3 ? 1e-20 : 1;
        for (size_t j = 0; j < D && i < 3; j++)
            x[i * D + j] = 40 + 0.1 * (double)i;
    }
    for (size_t c = 0; mele_partition_covariance(c) != NULL; c++) {
        mele_partition_options o = options_of(mele_partition_covariance(c), K);
        mele_partition_info info;
        for (size_t dirt = 0; dirt < 64; dirt++) { /* what is not filled holds this */
            double *room = malloc((dirt + 1) * 16);
            cr_assert_not_null(room);
            memset(room, 0xff, (dirt + 1) * 16);
            free(room);
        }
        o.centres = &given;
        mele_partition *p = fit_or_fail(x, N, D, w, &o, NULL, &info);
        mele_partition_covariances(p, s);
        mele_partition_weights(p, priors);
        cr_assert_eq(info.clusters, K);
        cr_assert(isfinite(info.objective) && priors[1] < 1e-18);
        for (size_t i = 0; i < mele_partition_covariance_count(p); i++)
            cr_assert(isfinite(s[i]) && fabs(s[i]) < 100, "%s: %g", o.covariance, s[i]);
        mele_partition_free(p);
    }
    free(x);
}

/* ---- starts from responsibilities ---- */

/* Those of a partition, in another unit for each row, give the step that follows it; clusters keep
 * the order of the columns. */
Test(gmm, responsibilities)
{
    enum { N = 400, D = 2, K = 3 };
    double *x = blobs(N, D, K, 90), *start = start_rows(x, N, D, K), r[N * K], swapped[N * K];
    mele_matrix given = mele_matrix_of(start, K, D), view = mele_matrix_of(x, N, D);
    mele_matrix shares = mele_matrix_of(r, N, K), other = mele_matrix_of(swapped, N, K);

    for (size_t c = 0; mele_partition_covariance(c) != NULL; c++) {
        mele_partition_options o = options_of(mele_partition_covariance(c), K);
        mele_partition_info info[3];
        double means[3][K * D];
        o.centres = &given;
        o.tolerance = 0;
        o.max_iterations = 3;
        mele_partition *p = fit_or_fail(x, N, D, NULL, &o, NULL, NULL);
        cr_assert_eq(mele_partition_log_posteriors(p, &view, NULL, r, NULL), MELE_OK);
        mele_partition_free(p);
        for (size_t i = 0; i < N; i++)
            for (size_t k = 0; k < K; k++) {
                r[i * K + k] = exp(r[i * K + k]) * (i % 2 == 0 ? 1e-300 : 1e300);
                swapped[i * K + (k + 1) % K] = r[i * K + k];
            }
        o.max_iterations = 6;
        mele_partition *q[3] = {fit_or_fail(x, N, D, NULL, &o, NULL, &info[0]), NULL, NULL};
        o.centres = NULL;
        o.max_iterations = 2; /* and the one to start with */
        o.responsibilities = &shares;
        q[1] = fit_or_fail(x, N, D, NULL, &o, NULL, &info[1]);
        o.responsibilities = &other;
        q[2] = fit_or_fail(x, N, D, NULL, &o, NULL, &info[2]);
        for (size_t i = 0; i < 3; i++)
            mele_partition_centres(q[i], means[i]);
        cr_assert(close_to(info[1].objective, info[0].objective, 1e-10), "%s: %.17g, %.17g",
                  o.covariance, info[1].objective, info[0].objective);
        for (size_t k = 0; k < K; k++)
            for (size_t j = 0; j < D; j++) {
                cr_assert(close_to(means[1][k * D + j], means[0][k * D + j], 1e-9));
                cr_assert(close_to(means[2][(k + 1) % K * D + j], means[1][k * D + j], 1e-9));
            }
        for (size_t i = 0; i < 3; i++)
            mele_partition_free(q[i]);
    }
    free(x), free(start);
}

/* K-means does not look at them: all its restarts are made, and its clusters numbered. */
Test(gmm, responsibilities_are_not_for_kmeans)
{
    enum { N = 300, D = 2, K = 6 };
    double *x = blobs(N, D, K, 95), r[N * K], with[K * D], without[K * D];
    mele_matrix shares = mele_matrix_of(r, N, K);
    mele_partition_options o = options_of("full", K);

    for (size_t i = 0; i < N * K; i++)
        r[i] = i % K == i / K % K ? 2 : 1;
    o.method = "kmeans";
    mele_partition *p = fit_or_fail(x, N, D, NULL, &o, NULL, NULL);
    mele_partition_centres(p, without);
    mele_partition_free(p);
    o.responsibilities = &shares;
    p = fit_or_fail(x, N, D, NULL, &o, NULL, NULL);
    mele_partition_centres(p, with);
    mele_partition_free(p);
    cr_assert_arr_eq(with, without, sizeof with);
    free(x);
}

/* A component without rows has prior 0, takes no rows, and still has a density of its own. */
Test(gmm, responsibilities_of_nothing)
{
    enum { N = 60, D = 2, K = 3 };
    double *x = blobs(N, D, 2, 91), r[N * K], priors[K], own[N * K], joint[N * K], all[N];
    mele_matrix shares = mele_matrix_of(r, N, K), view = mele_matrix_of(x, N, D);

    for (size_t i = 0; i < N; i++) {
        r[i * K] = i < N / 2 ? 3 : 1;
        r[i * K + 1] = 0;
        r[i * K + 2] = i < N / 2 ? 1 : 5;
    }
    for (size_t c = 0; mele_partition_covariance(c) != NULL; c++) {
        mele_partition_options o = options_of(mele_partition_covariance(c), K);
        mele_partition_info info;
        o.responsibilities = &shares;
        mele_partition *p = fit_or_fail(x, N, D, NULL, &o, NULL, &info);
        mele_partition_weights(p, priors);
        cr_assert(priors[1] == 0 && close_to(priors[0] + priors[2], 1, 1e-12));
        cr_assert(info.clusters == K && info.merged == 0 && isfinite(info.objective));
        cr_assert_eq(mele_partition_log_densities(p, &view, NULL, own, NULL), MELE_OK);
        cr_assert_eq(mele_partition_log_posteriors(p, &view, NULL, joint, NULL), MELE_OK);
        cr_assert_eq(mele_partition_log_density(p, &view, NULL, all, NULL), MELE_OK);
        for (size_t i = 0; i < N; i++)
            for (size_t k = 0; k < K; k++) {
                double post = joint[i * K + k];
                cr_assert(isfinite(own[i * K + k]));
                if (k == 1)
                    cr_assert_eq(post, -INFINITY);
                else
                    cr_assert(close_to(own[i * K + k] + log(priors[k]) - all[i], post, 1e-10));
            }
        mele_partition_free(p);
    }
    free(x);
}

Test(gmm, responsibilities_that_are_none)
{
    static const struct {
        double r[6];
        size_t rows, cols;
        mele_status status;
        const char *message;
    } bad[] = {
        {{1, 2, 0.5, -0.25, 1, 1},
         3,
         2,
         MELE_EDATA,
         "responsibilities: row 2, column 2 is -0.25, below 0"},
        {{1, 2, 3, 4, 0, 0}, 3, 2, MELE_EDATA, "responsibilities: row 3 is all 0"},
        {{1, 2, NAN, 4, 1, 0},
         3,
         2,
         MELE_EDATA,
         "responsibilities: row 2, column 1 is nan, not a finite number"},
        {{1, 2, 3, 4, 1, 1},
         2,
         3,
         MELE_EINVAL,
         "responsibilities is 2 x 3, where this fit needs 3 x 2"},
    };
    const double x[] = {1, 4, 9};
    mele_matrix view = mele_matrix_of(x, 3, 1);

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mele_matrix shares = mele_matrix_of(bad[i].r, bad[i].rows, bad[i].cols);
        mele_partition_options o = options_of("full", 2);
        mele_partition *p = NULL;
        mele_error error;
        o.responsibilities = &shares;
        cr_assert_eq(mele_partition_fit(&view, NULL, &o, NULL, &p, NULL, &error), bad[i].status);
        cr_assert_str_eq(error.message, bad[i].message);
        cr_assert_null(p);
    }
}

/* ---- hard data ---- */

static void check_hard(const hard *h, const char *covariance)
{
    mele_partition_options o = options_of(covariance, h->clusters);
    mele_matrix view = mele_matrix_of(h->x, h->rows, h->cols);
    mele_partition_info info;
    double numbers[64], post[48], own[48], far[48], sum;

    mele_partition *p = fit_or_fail(h->x, h->rows, h->cols, weights_of(h), &o, NULL, &info);
    const size_t clusters = mele_partition_clusters(p);
    cr_assert(isfinite(info.objective), "%s, %s: %g", h->what, covariance, info.objective);
    mele_partition_covariances(p, numbers);
    for (size_t i = 0; i < mele_partition_covariance_count(p); i++)
        cr_assert(isfinite(numbers[i]));
    mele_partition_centres(p, numbers);
    for (size_t i = 0; i < clusters * h->cols; i++)
        cr_assert(isfinite(numbers[i]));
    cr_assert_eq(mele_partition_log_posteriors(p, &view, NULL, post, NULL), MELE_OK);
    cr_assert_eq(mele_partition_log_densities(p, &view, NULL, own, NULL), MELE_OK);
    for (size_t i = 0; i < h->rows; i++) {
        sum = 0;
        for (size_t k = 0; k < clusters; k++) {
            cr_assert(own[i * clusters + k] < INFINITY && post[i * clusters + k] <= 1e-12);
            sum += exp(post[i * clusters + k]);
        }
        cr_assert(fabs(sum - 1) < 1e-12, "%s, %s: row %zu: %g", h->what, covariance, i, sum);
    }
    for (size_t i = 0; i < h->cols; i++)
        far[i] = i % 2 == 0 ? 1.7e308 : -1.7e308;
    mele_matrix away = mele_matrix_of(far, 1, h->cols);
    cr_assert_eq(mele_partition_log_density(p, &away, NULL, &sum, NULL), MELE_OK);
    cr_assert(sum == -INFINITY || isfinite(sum), "%s, %s", h->what, covariance);
    cr_assert_eq(mele_partition_log_posteriors(p, &away, NULL, post, NULL), MELE_OK);
    for (size_t k = 0; k < clusters; k++)
        cr_assert(!isnan(post[k]));
    mele_partition_free(p);
}

Test(gmm, hard_data)
{
    for (size_t c = 0; mele_partition_covariance(c) != NULL; c++)
        for (size_t h = 0; h < sizeof hards / sizeof *hards; h++)
            check_hard(&hards[h], mele_partition_covariance(c));
}

/* Many columns: compact shapes, all of the panel's groups. */
Test(gmm, many_columns)
{
    enum { N = 90, D = 150, K = 2 };
    double *x = blobs(N, D, K, 95);

    for (size_t c = 0; mele_partition_covariance(c) != NULL; c++) {
        mele_partition_options o = options_of(mele_partition_covariance(c), K);
        mele_partition_info info;
        o.max_iterations = 3;
        mele_partition *p = fit_or_fail(x, N, D, NULL, &o, NULL, &info);
        cr_assert(close_to(log_likelihood(p, x, N, NULL), info.objective, 1e-10));
        mele_partition_free(p);
    }
    free(x);
}
