/* Stage 1: reference values of scikit-learn, properties, degenerate inputs, model sections. */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/stream.h"
#include "partition/kind.h"
#include "partition/partition.h"
#include "partition_reference.h"

#define SUM_TOLERANCE 1e-12 /* of posteriors that sum to one */

static mele_i_stream stream(uint64_t index)
{
    return mele_i_stream_make(2, MELE_I_FOR_TESTS, 0, index);
}

/* ---- data ---- */

/* The columns of a CSV file that are used: d of them after those that are skipped. */
static const struct set {
    const char *name;
    size_t skip, d;
} sets[] = {{"iris", 0, 4}, {"faithful", 0, 2}, {"concrete", 0, 8}, {"vowels", 5, 4}};

/* n x d to be freed: a set's columns, standardised. */
static double *read_set(const char *name, size_t *rows, size_t *cols)
{
    enum { MOST = 2048 };
    const struct set *set = sets;
    char path[512], line[256];
    size_t n = 0;

    while (strcmp(set->name, name) != 0)
        set++;
    size_t d = set->d;
    double *x = MELE_I_ARRAY(double, MOST *d);
    snprintf(path, sizeof path, "%s/%s.csv", TEST_DATA, name);
    FILE *file = fopen(path, "r");
    cr_assert(file != NULL && x != NULL && fgets(line, sizeof line, file) != NULL, "%s", path);
    for (; n < MOST && fgets(line, sizeof line, file) != NULL; n++) {
        char *at = line;
        for (size_t j = 0; j < set->skip; j++)
            at = strchr(at, ',') + 1;
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

/* Blobs around K random centres. */
static double *blobs(size_t n, size_t d, size_t clusters, double spread, uint64_t index)
{
    mele_i_stream random = stream(index);
    double *x = MELE_I_ARRAY(double, n *d), *centres = MELE_I_ARRAY(double, clusters *d);

    cr_assert(x != NULL && centres != NULL);
    for (size_t i = 0; i < clusters * d; i++)
        centres[i] = mele_i_stream_normal(&random);
    for (size_t i = 0; i < n; i++) {
        size_t k = mele_i_stream_below(&random, clusters);
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = centres[k * d + j] + spread * mele_i_stream_normal(&random);
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

static mele_partition *fit_or_fail(const double *x, size_t n, size_t d, const double *weights,
                                   const mele_partition_options *options, mele_engine *engine,
                                   mele_partition_info *info)
{
    mele_matrix view = mele_matrix_of(x, n, d);
    mele_partition *p = NULL;
    mele_error error;
    mele_status status = mele_partition_fit(&view, weights, options, engine, &p, info, &error);

    cr_assert_eq(status, MELE_OK, "%s", error.message);
    return p;
}

static bool close_to(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * fmax(1, fmax(fabs(a), fabs(b)));
}

/* ---- reference values ---- */

Test(partition, kmeans_as_scikit_learn)
{
    for (size_t r = 0; r < sizeof kmeans_reference / sizeof *kmeans_reference; r++) {
        size_t n, d, clusters = kmeans_reference[r].clusters, iterations, checksum = 0;
        double *x = read_set(kmeans_reference[r].set, &n, &d), sizes[8] = {0};
        uint32_t *label = MELE_I_ARRAY(uint32_t, n);
        double *start = start_rows(x, n, d, clusters);
        mele_matrix centres = mele_matrix_of(start, clusters, d), view = mele_matrix_of(x, n, d);
        mele_partition_options o = mele_partition_defaults();
        mele_partition_info info;
        o.clusters = clusters;
        o.centres = &centres;
        o.tolerance = 0;
        mele_partition *p = fit_or_fail(x, n, d, NULL, &o, NULL, &info);
        iterations = kmeans_reference[r].iterations;
        cr_assert(close_to(info.objective, kmeans_reference[r].inertia, 1e-12), "%s, K %zu: %.17g",
                  kmeans_reference[r].set, clusters, info.objective);
        cr_assert(info.converged && info.merged == 0 && info.clusters == clusters);
        cr_assert_eq(info.iterations, iterations, "%zu", info.iterations);
        const mele_rows rows = mele_rows_of(&view);
        cr_assert_eq(mele_partition_assign(p, &rows, NULL, label, NULL), MELE_OK);
        for (size_t i = 0; i < n; i++) {
            sizes[label[i]]++;
            checksum += (i + 1) * label[i];
        }
        cr_assert(memcmp(sizes, kmeans_reference[r].sizes, sizeof sizes) == 0);
        cr_assert_eq(checksum, kmeans_reference[r].checksum);
        mele_partition_free(p);
        free(start), free(x), free(label);
    }
}

Test(partition, gmm_as_scikit_learn)
{
    for (size_t r = 0; r < sizeof gmm_reference / sizeof *gmm_reference; r++) {
        size_t n, d, clusters = gmm_reference[r].clusters;
        double *x = read_set(gmm_reference[r].set, &n, &d), means[16], sum = 0;
        double *start = start_rows(x, n, d, clusters), *density = MELE_I_ARRAY(double, n);
        mele_matrix centres = mele_matrix_of(start, clusters, d), view = mele_matrix_of(x, n, d);
        mele_partition_options o = mele_partition_defaults();
        mele_partition_info info;
        o.method = "gmm";
        o.clusters = clusters;
        o.centres = &centres;
        o.tolerance = 1e-12;
        o.max_iterations = 100000;
        o.covariance_floor = 1e-12;
        mele_partition *p = fit_or_fail(x, n, d, NULL, &o, NULL, &info);
        cr_assert(close_to(info.objective, gmm_reference[r].log_likelihood, 1e-9),
                  "%s, K %zu: %.17g", gmm_reference[r].set, clusters, info.objective);
        cr_assert(info.converged);
        mele_partition_centres(p, means);
        for (size_t k = 0; k < clusters; k++) {
            cr_assert(close_to(means[k * d], gmm_reference[r].means[k], 1e-6));
            cr_assert(close_to(p->shape[k], gmm_reference[r].weights[k], 1e-6));
        }
        cr_assert_eq(mele_partition_log_density(p, &view, NULL, density, NULL), MELE_OK);
        for (size_t i = 0; i < n; i++)
            sum += density[i];
        cr_assert(close_to(sum / (double)n, info.objective, 1e-12));
        mele_partition_free(p);
        o.max_iterations = 3;
        mele_partition_free(fit_or_fail(x, n, d, NULL, &o, NULL, &info));
        cr_assert(clusters == 1 || info.iterations == 3);
        cr_assert(close_to(info.objective, gmm_reference[r].after_three, 1e-12));
        free(start), free(x), free(density);
    }
}

/* ---- properties ---- */

typedef struct history {
    size_t count, stop_after;
    double value[1000];
} history;

static bool remember(const mele_progress *progress, void *user)
{
    history *h = user;

    if (strcmp(progress->stage, "partition") != 0 || progress->done > progress->total)
        return false;
    if (!isnan(progress->value) && h->count < 1000)
        h->value[h->count++] = progress->value;
    return h->stop_after == 0 || h->count < h->stop_after;
}

/* The objective after every iteration of one restart. */
static history objectives(const char *method, uint64_t seed)
{
    history h = {0};
    double *x = blobs(700, 3, 6, 0.7, seed);
    mele_engine_options eo = {1, remember, &h};
    mele_engine *engine;
    mele_partition_options o = mele_partition_defaults();

    cr_assert_eq(mele_engine_new(&eo, &engine, NULL), MELE_OK);
    o.method = method;
    o.restarts = 1;
    o.tolerance = 0;
    o.seed = seed;
    mele_partition_free(fit_or_fail(x, 700, 3, NULL, &o, engine, NULL));
    mele_engine_free(engine);
    free(x);
    cr_assert_gt(h.count, 3);
    return h;
}

Test(partition, inertia_never_rises)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        history h = objectives("kmeans", seed);
        for (size_t i = 1; i < h.count; i++)
            cr_assert_leq(h.value[i], h.value[i - 1] * (1 + 1e-14));
    }
}

Test(partition, fuzzy_objective_never_rises)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        history h = objectives("fcm", seed);
        cr_assert_gt(h.count, 10);
        for (size_t i = 1; i < h.count; i++)
            cr_assert_leq(h.value[i], h.value[i - 1] * (1 + 1e-14));
    }
}

Test(partition, log_likelihood_never_falls)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        history h = objectives("gmm", seed);
        for (size_t i = 1; i < h.count; i++)
            cr_assert_geq(h.value[i], h.value[i - 1] - 1e-13 * fabs(h.value[i - 1]));
    }
}

/* Even where the floor holds covariances up: rows on lines and points. */
Test(partition, log_likelihood_never_falls_at_the_floor)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        history h = {0};
        double *x = blobs(300, 4, 5, 0.5, seed);
        mele_engine_options eo = {1, remember, &h};
        mele_engine *engine;
        mele_partition_options o = mele_partition_defaults();
        for (size_t i = 0; i < 300; i++) {
            x[4 * i + 3] = 2 * x[4 * i] - x[4 * i + 1];
            if (i % 3 == 0)
                memcpy(x + 4 * i, x, 4 * sizeof *x);
        }
        cr_assert_eq(mele_engine_new(&eo, &engine, NULL), MELE_OK);
        o.method = "gmm";
        o.restarts = 1;
        o.seed = seed;
        o.covariance_floor = seed % 2 == 0 ? 1e-2 : 1e-6;
        mele_partition_free(fit_or_fail(x, 300, 4, NULL, &o, engine, NULL));
        cr_assert_gt(h.count, 1);
        for (size_t i = 1; i < h.count; i++)
            cr_assert_geq(h.value[i], h.value[i - 1] - 1e-12 * fabs(h.value[i - 1]),
                          "seed %d, iteration %zu: %.17g after %.17g", (int)seed, i, h.value[i],
                          h.value[i - 1]);
        mele_engine_free(engine);
        free(x);
    }
}

/* What the place of a row among the others decides: which are drawn, and that is all of it. */
static bool is_random(const mele_partition_options *o)
{
    return strcmp(o->method, "random") == 0;
}

/* Far enough from each other that every order finds the same clusters. */
Test(partition, permuted_rows_permute_labels)
{
    enum { N = 400, D = 3 };
    double *x = blobs(N, D, 4, 0.02, 3), *y = MELE_I_ARRAY(double, N *D);
    size_t order[N];
    uint32_t label[N], permuted[N];
    const mele_matrix xs = mele_matrix_of(x, N, D), ys = mele_matrix_of(y, N, D);
    const mele_rows vx = mele_rows_of(&xs), vy = mele_rows_of(&ys);
    mele_i_stream random = stream(4);

    for (size_t i = 0; i < N; i++)
        order[i] = i;
    mele_i_stream_shuffle(&random, order, N);
    for (size_t i = 0; i < N; i++)
        memcpy(y + i * D, x + order[i] * D, D * sizeof *x);
    for (size_t m = 0; mele_partition_method(m) != NULL; m++) {
        mele_partition_options o = mele_partition_defaults();
        o.method = mele_partition_method(m);
        o.clusters = 4;
        if (is_random(&o))
            continue;
        mele_partition *p = fit_or_fail(x, N, D, NULL, &o, NULL, NULL);
        mele_partition *q = fit_or_fail(y, N, D, NULL, &o, NULL, NULL);
        cr_assert_eq(mele_partition_assign(p, &vx, NULL, label, NULL), MELE_OK);
        cr_assert_eq(mele_partition_assign(q, &vy, NULL, permuted, NULL), MELE_OK);
        for (size_t i = 0; i < N; i++)
            cr_assert_eq(permuted[i], label[order[i]]);
        mele_partition_free(p);
        mele_partition_free(q);
    }
    free(x), free(y);
}

/* Weights 0, 1, 2 against rows given no, one and two times; from the same centres. */
Test(partition, weight_two_is_a_row_given_twice)
{
    enum { N = 300, D = 3, K = 5 };
    double *x = blobs(N, D, K, 0.6, 5), *y = MELE_I_ARRAY(double, 2 * N * D), weights[N];
    double *start = start_rows(x, N, D, K), a[K * D], b[K * D];
    mele_matrix centres = mele_matrix_of(start, K, D);
    size_t rows = 0;

    for (size_t i = 0; i < N; i++) {
        static const size_t copies[] = {0, 1, 2, 1, 1}; /* 1 is what is ordinary */
        weights[i] = (double)copies[i % 5];
        for (size_t c = 0; c < copies[i % 5]; c++)
            memcpy(y + rows++ * D, x + i * D, D * sizeof *x);
        if (copies[i % 5] == 0)
            x[i * D] += 1000;
    }
    for (size_t m = 0; mele_partition_method(m) != NULL; m++) {
        mele_partition_options o = mele_partition_defaults();
        mele_partition_info weighted, doubled;
        o.method = mele_partition_method(m);
        o.clusters = K;
        o.centres = &centres;
        mele_partition *p = fit_or_fail(x, N, D, weights, &o, NULL, &weighted);
        mele_partition *q = fit_or_fail(y, rows, D, NULL, &o, NULL, &doubled);
        cr_assert(close_to(weighted.objective, doubled.objective, 1e-12), "%s: %.17g, %.17g", o.method,
                  weighted.objective, doubled.objective);
        mele_partition_centres(p, a);
        mele_partition_centres(q, b);
        for (size_t i = 0; i < K * D; i++)
            cr_assert(close_to(a[i], b[i], 1e-10));
        mele_partition_free(p);
        mele_partition_free(q);
    }
    free(x), free(y), free(start);
}

/* Rows without weight, far away or not, leave start, fit and numbering as they are. */
Test(partition, rows_of_weight_zero_change_nothing)
{
    enum { N = 200, D = 2, K = 4 };
    double *x = blobs(N, D, K, 0.3, 6), *y = MELE_I_ARRAY(double, 2 * N * D), weights[2 * N];
    double a[K * D], b[K * D];

    for (size_t i = 0; i < 2 * N; i++) {
        weights[i] = (double)(i % 2);
        memcpy(y + i * D, x + i / 2 * D, D * sizeof *x);
        if (i % 2 == 0)
            y[i * D] = i % 4 == 0 ? 1e300 : -y[i * D];
    }
    for (size_t m = 0; mele_partition_method(m) != NULL; m++)
        for (size_t init = 0; init < 2; init++) {
            mele_partition_options o = mele_partition_defaults();
            mele_partition_info with, without;
            o.method = mele_partition_method(m);
            o.init = init == 0 ? "kmeans++" : "random";
            o.clusters = K;
            o.restarts = 3;
            mele_partition *p = fit_or_fail(y, 2 * N, D, weights, &o, NULL, &with);
            mele_partition *q = fit_or_fail(x, N, D, NULL, &o, NULL, &without);
            cr_assert(close_to(with.objective, without.objective, 1e-12));
            mele_partition_centres(p, a);
            mele_partition_centres(q, b);
            for (size_t i = 0; i < K * D; i++)
                cr_assert(close_to(a[i], b[i], 1e-10));
            mele_partition_free(p);
            mele_partition_free(q);
        }
    free(x), free(y);
}

static char *section_text(const mele_partition *p)
{
    json_t *section = mele_i_partition_save(p);
    cr_assert_not_null(section);
    char *text = json_dumps(section, JSON_SORT_KEYS | JSON_REAL_PRECISION(17));

    cr_assert_not_null(text);
    json_decref(section);
    return text;
}

Test(partition, same_bytes_for_any_engine)
{
    enum { N = 5000, D = 5 };
    static const unsigned threads[] = {1, 2, 3, 8};
    double *x = blobs(N, D, 7, 0.8, 7), *weights = MELE_I_ARRAY(double, N);
    mele_matrix view = mele_matrix_of(x, N, D);
    double *out = MELE_I_ARRAY(double, N * 8), *first = MELE_I_ARRAY(double, N * 8);

    for (size_t i = 0; i < N; i++)
        weights[i] = 0.5 + (double)(i % 5);
    for (size_t m = 0; mele_partition_method(m) != NULL; m++)
        for (size_t restarts = 1; restarts <= 4; restarts += 3) {
            mele_partition_options o = mele_partition_defaults();
            mele_partition_info info, wanted = {0};
            char *reference = NULL;
            o.method = mele_partition_method(m);
            o.restarts = restarts;
            o.max_iterations = 40;
            for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
                mele_engine_options eo = {threads[t], NULL, NULL};
                mele_engine *engine;
                cr_assert_eq(mele_engine_new(&eo, &engine, NULL), MELE_OK);
                mele_partition *p = fit_or_fail(x, N, D, weights, &o, engine, &info);
                cr_assert_eq(mele_partition_log_posteriors(p, &view, engine, out, NULL), MELE_OK);
                char *text = section_text(p);
                if (reference == NULL) {
                    reference = text;
                    wanted = info;
                    memcpy(first, out, N * 8 * sizeof *out);
                } else {
                    cr_assert_str_eq(text, reference);
                    cr_assert(info.objective == wanted.objective
                              && info.iterations == wanted.iterations);
                    cr_assert(memcmp(first, out, N * 8 * sizeof *out) == 0);
                    free(text);
                }
                mele_partition_free(p);
                mele_engine_free(engine);
            }
            free(reference);
        }
    free(x), free(weights), free(out), free(first);
}

/* Posteriors of rows near and far: they sum to one, are no NaN, and assign() agrees. */
static void check_posteriors(const mele_partition *p)
{
    static const double scales[] = {0, 1, 30, 1e6, 1e12, 1e154, 1e300, DBL_MAX};
    enum { N = 64 };
    size_t d = mele_partition_columns(p), clusters = mele_partition_clusters(p);
    uint32_t label[N];
    double x[N * 8], *out = MELE_I_ARRAY(double, N *clusters), density[N];
    const mele_matrix view = mele_matrix_of(x, N, d);
    const mele_rows rows = mele_rows_of(&view);
    mele_i_stream random = stream(8);

    for (size_t s = 0; s < sizeof scales / sizeof *scales; s++) {
        for (size_t i = 0; i < N * d; i++)
            x[i] = scales[s] * (2 * mele_i_stream_uniform(&random) - 1);
        cr_assert_eq(mele_partition_log_posteriors(p, &view, NULL, out, NULL), MELE_OK);
        cr_assert_eq(mele_partition_log_density(p, &view, NULL, density, NULL), MELE_OK);
        cr_assert_eq(mele_partition_assign(p, &rows, NULL, label, NULL), MELE_OK);
        for (size_t i = 0; i < N; i++) {
            double sum = 0;
            const double *row = out + i * clusters;
            for (size_t k = 0; k < clusters; k++) {
                cr_assert(row[k] <= 0);
                cr_assert(row[k] < row[label[i]] || (row[k] == row[label[i]] && k >= label[i]));
                sum += exp(row[k]);
            }
            cr_assert(fabs(sum - 1) <= SUM_TOLERANCE, "scale %g: %.17g", scales[s], sum);
            cr_assert(density[i] < INFINITY);
        }
    }
    free(out);
}

Test(partition, posteriors_sum_to_one)
{
    double *x = blobs(500, 4, 5, 0.4, 9);

    for (size_t m = 0; mele_partition_method(m) != NULL; m++) {
        mele_partition_options o = mele_partition_defaults();
        o.method = mele_partition_method(m);
        o.clusters = 5;
        mele_partition *p = fit_or_fail(x, 500, 4, NULL, &o, NULL, NULL);
        check_posteriors(p);
        mele_partition_free(p);
    }
    free(x);
}

/* The mixture behind k-means, against its formula in long double. */
Test(partition, kmeans_density)
{
    enum { N = 200, D = 3, K = 4 };
    double *x = blobs(N, D, K, 0.5, 10), centres[K * D], density[N], post[N * K];
    mele_matrix view = mele_matrix_of(x, N, D);
    mele_partition_options o = mele_partition_defaults();
    mele_partition_info info;

    o.clusters = K;
    mele_partition *p = fit_or_fail(x, N, D, NULL, &o, NULL, &info);
    mele_partition_centres(p, centres);
    cr_assert_eq(mele_partition_log_density(p, &view, NULL, density, NULL), MELE_OK);
    cr_assert_eq(mele_partition_log_posteriors(p, &view, NULL, post, NULL), MELE_OK);
    long double v = info.objective / (N * D);
    for (size_t i = 0; i < N; i++) {
        long double part[K], sum = 0;
        for (size_t k = 0; k < K; k++) {
            long double square = 0;
            for (size_t j = 0; j < D; j++)
                square += powl(x[i * D + j] - (long double)centres[k * D + j], 2);
            part[k] = expl(-square / (2 * v)) / K / powl(2 * M_PI * v, D / 2.0L);
            sum += part[k];
        }
        cr_assert(close_to(density[i], (double)logl(sum), 1e-12));
        for (size_t k = 0; k < K; k++)
            cr_assert(close_to(post[i * K + k], (double)logl(part[k] / sum), 1e-12));
    }
    mele_partition_free(p);
    free(x);
}

/* Clusters come in the lexicographic order of their centres, or as given. */
Test(partition, numbering)
{
    enum { N = 500, D = 2, K = 9 };
    double *x = blobs(N, D, K, 0.3, 11), centres[K * D], reversed[K * D];
    mele_matrix given = mele_matrix_of(reversed, K, D);

    for (size_t m = 0; mele_partition_method(m) != NULL; m++) {
        mele_partition_options o = mele_partition_defaults();
        o.method = mele_partition_method(m);
        o.clusters = K;
        mele_partition *p = fit_or_fail(x, N, D, NULL, &o, NULL, NULL);
        mele_partition_centres(p, centres);
        for (size_t k = 1; k < K; k++)
            cr_assert_lt(centres[(k - 1) * D], centres[k * D]);
        for (size_t k = 0; k < K; k++)
            memcpy(reversed + k * D, centres + (K - 1 - k) * D, D * sizeof *x);
        mele_partition_free(p);
        if (strcmp(o.method, "som") == 0) /* where a unit ends is for its neighbours to say, too */
            continue;
        o.centres = &given;
        p = fit_or_fail(x, N, D, NULL, &o, NULL, NULL);
        mele_partition_centres(p, centres);
        for (size_t k = 0; k < K; k++)
            cr_assert(fabs(centres[k * D] - reversed[k * D]) < 0.1);
        mele_partition_free(p);
    }
    free(x);
}

/* The whole of a mixture in two dimensions by brute force, against its marginal in the first. */
Test(partition, marginal)
{
    enum { N = 400, POINTS = 7 };
    double *x = blobs(N, 2, 3, 0.5, 12);

    for (size_t m = 0; mele_partition_method(m) != NULL; m++) {
        mele_partition_options o = mele_partition_defaults();
        mele_partition *whole, *first;
        o.method = mele_partition_method(m);
        o.clusters = 3;
        if (strcmp(o.method, "fcm") == 0) /* no density: see test_fcm.c */
            continue;
        whole = fit_or_fail(x, N, 2, NULL, &o, NULL, NULL);
        cr_assert_eq(mele_i_partition_marginal(whole, 1, &first, NULL), MELE_OK);
        cr_assert(mele_partition_columns(first) == 1 && mele_partition_clusters(first) == 3);
        for (size_t i = 0; i < POINTS; i++) {
            enum { STEPS = 20000 };
            const double at = (double)i - 3, width = 40.0 / STEPS;
            double sum = 0, part[3] = {0}, density, post[3];
            mele_matrix one = mele_matrix_of(&at, 1, 1);
            for (size_t s = 0; s < STEPS; s++) { /* the trapezium rule, exact for what vanishes */
                const double point[2] = {at, -20 + width * (double)s};
                double joint[3];
                whole->kind->log_joint(whole, point, 2, 1, joint);
                for (size_t k = 0; k < 3; k++) {
                    part[k] += exp(joint[k]) * width;
                    sum += exp(joint[k]) * width;
                }
            }
            cr_assert_eq(mele_partition_log_density(first, &one, NULL, &density, NULL), MELE_OK);
            cr_assert_eq(mele_partition_log_posteriors(first, &one, NULL, post, NULL), MELE_OK);
            cr_assert(fabs(density - log(sum)) < 1e-9, "%.17g, %.17g", density, log(sum));
            for (size_t k = 0; k < 3; k++)
                cr_assert(fabs(exp(post[k]) - part[k] / sum) < 1e-9);
        }
        mele_partition_free(whole);
        mele_partition_free(first);
    }
    free(x);
}

/* One component along the axes, its second variance below the floor: the first stays what it is,
 * the second becomes the floor. */
Test(partition, covariance_floor)
{
    const double x[] = {3, 1e-5, -3, 1e-5, 1, -1e-5, -1, -1e-5}; /* variances 5 and 1e-10 */
    mele_partition_options o = mele_partition_defaults();

    o.method = "gmm";
    o.clusters = 1;
    o.covariance_floor = 1e-4;
    mele_partition *p = fit_or_fail(x, 4, 2, NULL, &o, NULL, NULL);
    const double *whitener = p->shape + 3;
    cr_assert(close_to(whitener[0], 1 / sqrt(5), 1e-14));
    cr_assert(fabs(whitener[1]) < 1e-10);
    cr_assert(close_to(whitener[2], 1 / sqrt(1e-4 * (5 + 1e-10) / 2), 1e-12));
    mele_partition_free(p);
}

/* ---- degenerate input ---- */

typedef struct degenerate {
    const char *what;
    size_t rows, cols, clusters, made; /* clusters asked for and made */
    double inertia;                    /* of k-means, to rounding */
    double x[12], weights[6];          /* weights all 0: none given */
} degenerate;

static const degenerate degenerates[] = {
    {"one row", 1, 2, 1, 1, 0, {3, 4}, {0}},
    {"K = n", 4, 1, 4, 4, 0, {1, 7, 3, 5}, {0}},
    {"all rows equal", 4, 2, 3, 1, 0, {0.1, 0.7, 0.1, 0.7, 0.1, 0.7, 0.1, 0.7}, {0}},
    {"all rows zero", 3, 2, 2, 1, 0, {0}, {0}},
    {"two distinct rows", 5, 1, 4, 2, 0, {0.1, 0.3, 0.1, 0.3, 0.3}, {0}},
    {"duplicates", 6, 1, 2, 2, 4.0 / 3, {1, 1, 2, 10, 11, 10}, {0}},
    {"constant column", 4, 2, 2, 2, 1, {0, 5, 1, 5, 10, 5, 11, 5}, {0}},
    {"constant columns", 3, 2, 3, 1, 0, {4, 5, 4, 5, 4, 5}, {0}},
    {"one row counts", 3, 1, 2, 1, 0, {1, 2, 3}, {0, 2, 0}},
    {"two rows count", 4, 1, 3, 2, 0, {1, 2, 3, 4}, {0.5, 0, 0.25, 0}},
    {"huge", 4, 1, 2, 2, 1e300, {1e150, 2e150, 11e150, 12e150}, {0}},
    {"tiny", 4, 1, 2, 2, 1e-300, {1e-150, 2e-150, 11e-150, 12e-150}, {0}},
    {"too tiny to be squared", 3, 1, 2, 1, 0, {1e-300, 2e-300, 3e-300}, {0}},
    {"one huge coordinate", 3, 1, 2, 2, 0.5, {1, 2, 1e100}, {0}},
    {"large mean", 4, 1, 2, 2, 1, {1e9, 1e9 + 1, 1e9 + 10, 1e9 + 11}, {0}},
};

static void check_degenerate(const degenerate *g, const char *method, const char *init)
{
    const double *weights = NULL;
    mele_partition_options o = mele_partition_defaults();
    mele_partition_info info;
    double centres[12];

    for (size_t i = 0; i < g->rows; i++)
        if (g->weights[i] > 0)
            weights = g->weights;
    o.method = method;
    o.clusters = g->clusters;
    o.init = init;
    o.restarts = 5;
    mele_partition *p = fit_or_fail(g->x, g->rows, g->cols, weights, &o, NULL, &info);
    cr_assert(info.clusters == g->made && mele_partition_clusters(p) == g->made,
              "%s, %s, %s: %zu clusters", g->what, method, init, info.clusters);
    cr_assert_eq(info.merged, g->clusters - g->made);
    mele_partition_centres(p, centres);
    for (size_t i = 0; i < g->made * g->cols; i++)
        cr_assert(isfinite(centres[i]));
    cr_assert(isfinite(info.objective), "%s, %s", g->what, method);
    if (strcmp(method, "kmeans") == 0)
        cr_assert(fabs(info.objective - g->inertia) <= 1e-7 * g->inertia, "%s, %s: %g", g->what,
                  init, info.objective);
    check_posteriors(p);
    mele_partition_free(p);
}

Test(partition, degenerate_input)
{
    for (size_t i = 0; i < sizeof degenerates / sizeof *degenerates; i++)
        for (size_t m = 0; mele_partition_method(m) != NULL; m++) {
            check_degenerate(&degenerates[i], mele_partition_method(m), "kmeans++");
            check_degenerate(&degenerates[i], mele_partition_method(m), "random");
        }
}

/* Centres far from all rows are empty at first: each is moved to a row of its own. */
Test(partition, empty_clusters_are_repaired)
{
    const double x[] = {0, 30, 60, 100}, start[] = {-10, 1000, 2000};
    mele_matrix given = mele_matrix_of(start, 3, 1);
    mele_partition_options o = mele_partition_defaults();
    mele_partition_info info;
    double centres[3];

    o.clusters = 3;
    o.centres = &given;
    mele_partition *p = fit_or_fail(x, 4, 1, NULL, &o, NULL, &info);
    mele_partition_centres(p, centres);
    cr_assert_eq(info.repaired, 2);
    cr_assert(info.converged && info.clusters == 3 && info.objective == 450);
    cr_assert(centres[0] == 15 && centres[1] == 100 && centres[2] == 60);
    mele_partition_free(p);
}

/* A fit cut short has labels and inertia that fit its centres. */
Test(partition, not_converging_is_a_result)
{
    double *x = blobs(400, 2, 8, 0.9, 13);

    for (size_t m = 0; mele_partition_method(m) != NULL; m++) {
        mele_partition_options o = mele_partition_defaults();
        mele_partition_info info;
        o.method = mele_partition_method(m);
        o.restarts = 1;
        o.max_iterations = 2;
        o.tolerance = 0;
        if (is_random(&o)) /* there is nothing to iterate */
            continue;
        mele_partition *p = fit_or_fail(x, 400, 2, NULL, &o, NULL, &info);
        cr_assert(!info.converged && info.iterations == 2);
        if (m == 0) {
            double sum = 0;
            for (size_t i = 0; i < 400; i++) {
                double best = INFINITY;
                for (size_t k = 0; k < p->clusters; k++)
                    best = fmin(best, pow(x[2 * i] - p->centres[2 * k], 2)
                                          + pow(x[2 * i + 1] - p->centres[2 * k + 1], 2));
                sum += best;
            }
            cr_assert(close_to(sum, info.objective, 1e-13));
        }
        mele_partition_free(p);
    }
    free(x);
}

/* ---- wrong calls ---- */

typedef struct refusal {
    const char *what, *message;
    mele_status status;
    size_t rows, clusters, restarts, iterations;
    const char *method, *covariance, *init;
    double tolerance, floor, element, weight;
} refusal;

static const refusal refusals[] = {
    {"K above n", "8 clusters asked for, the data have 5 rows: take fewer (--clusters)",
     MELE_EDATA, 5, 8, 1, 9, "kmeans",
     "full", "kmeans++", 1e-4, 1e-2, 2, 1},
    {"K = 0", "clusters is 0, not a whole number from 1 to 2147483647", MELE_EINVAL, 5, 0, 1, 9, "kmeans", "full",
     "kmeans++", 1e-4, 1e-2, 2, 1},
    {"method", "method is \"ward\", not one of kmeans, gmm, fcm, som, random", MELE_EINVAL, 5, 2,
     1, 9, "ward", "full", "kmeans++", 1e-4, 1e-6, 2, 1},
    {"covariance",
     "covariance is \"round\", not one of full, tied, diagonal, spherical",
     MELE_EINVAL, 5, 2, 1, 9, "gmm", "round", "kmeans++", 1e-4, 1e-6, 2, 1},
    {"init", "init is \"best\", not one of kmeans++, random, plane", MELE_EINVAL, 5, 2,
     1, 9, "gmm", "full", "best", 1e-4, 1e-6, 2, 1},
    {"no restart", "restarts is 0, not a whole number from 1 to 1000000", MELE_EINVAL, 5, 2, 0, 9,
     "gmm", "full", "random", 1e-4, 1e-6, 2, 1},
    {"no iteration", "max_iterations is 0, not a whole number from 1 to 1000000000", MELE_EINVAL, 5, 2, 1, 0,
     "gmm", "full", "random", 1e-4, 1e-6, 2, 1},
    {"tolerance", "tolerance is -1, not a number from 0", MELE_EINVAL, 5, 2, 1, 9, "kmeans", "full",
     "kmeans++", -1, 1e-2, 2, 1},
    {"NaN tolerance", "tolerance is nan, not a number from 0", MELE_EINVAL, 5, 2, 1, 9, "kmeans",
     "full", "kmeans++", NAN, 1e-2, 2, 1},
    {"floor", "covariance_floor is 0, not a number from 1e-15 to 1", MELE_EINVAL, 5, 2, 1, 9, "kmeans", "full",
     "kmeans++", 0, 0, 2, 1},
    {"infinite", "x: row 3, column 1 is inf, not a finite number", MELE_EDATA, 5, 2, 1, 9, "kmeans",
     "full", "kmeans++", 0, 1e-2, INFINITY, 1},
    {"weights", "weights: row 3 is -2, not a finite number >= 0", MELE_EDATA, 5, 2, 1, 9, "kmeans",
     "full", "kmeans++", 0, 1e-2, 2, -2},
    {"too far", "the rows spread too far for sums of squared distances: scale the data", MELE_EDATA,
     5, 2, 1, 9, "gmm", "full", "kmeans++", 0, 1e-6, 1e200, 1},
    {"no rows", "x is 0 x 2: it needs a row and a column", MELE_EINVAL, 0, 1, 1, 9, "kmeans",
     "full", "kmeans++", 0, 1e-2, 2, 1},
    {"covariance of kmeans", "a kind of covariance is of method gmm, not of kmeans: leave it out, or take that method",
     MELE_EINVAL, 5, 2, 1, 9, "kmeans", "tied", "kmeans++", 0, 1e-2, 2, 1},
    {"covariance of fcm", "a kind of covariance is of method gmm, not of fcm: leave it out, or take that method",
     MELE_EINVAL, 5, 2, 1, 9, "fcm", "diagonal", "kmeans++", 0, 1e-2, 2, 1},
    {"floor of som", "a covariance floor is of method gmm, not of som: leave it out, or take that method",
     MELE_EINVAL, 5, 2, 1, 9, "som", "full", "plane", 0, 1e-6, 2, 1},
};

Test(partition, refusals)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const refusal *r = &refusals[i];
        double x[10] = {1, 2, 3, 4, r->element, 6, 7, 8, 9, 10}, w[5] = {1, 1, r->weight, 1, 1};
        mele_matrix view = mele_matrix_of(x, r->rows, 2);
        mele_partition_options o = mele_partition_defaults();
        mele_partition *p = (mele_partition *)&o;
        mele_partition_info info = {.iterations = 77};
        mele_error error;
        o.method = r->method;
        o.clusters = r->clusters;
        o.restarts = r->restarts;
        o.max_iterations = r->iterations;
        o.covariance = r->covariance;
        o.init = r->init;
        o.tolerance = r->tolerance;
        o.covariance_floor = r->floor;
        cr_assert_eq(mele_partition_fit(&view, w, &o, NULL, &p, &info, &error), r->status, "%s",
                     r->what);
        cr_assert_str_eq(error.message, r->message);
        cr_assert(p == (mele_partition *)&o && info.iterations == 77, "%s", r->what);
    }
}

Test(partition, centres_of_another_shape)
{
    const double x[] = {1, 2, 3, 4, 5, 6};
    mele_matrix view = mele_matrix_of(x, 3, 2), given = mele_matrix_of(x, 2, 1);
    mele_partition_options o = mele_partition_defaults();
    mele_partition *p = NULL;
    mele_error error;

    o.clusters = 2;
    o.centres = &given;
    cr_assert_eq(mele_partition_fit(&view, NULL, &o, NULL, &p, NULL, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message, "centres is 2 x 1, where this fit needs 2 x 2");
    cr_assert_null(p);
}

/* A progress function that says stop ends the fit, whether restarts run in turn or at once. */
Test(partition, stopping)
{
    double *x = blobs(600, 3, 6, 0.9, 14);
    mele_matrix view = mele_matrix_of(x, 600, 3);

    for (unsigned threads = 1; threads <= 2; threads++)
        for (size_t m = 0; mele_partition_method(m) != NULL; m++) {
            history h = {.stop_after = 3};
            mele_engine_options eo = {threads, remember, &h};
            mele_partition_options o = mele_partition_defaults();
            mele_partition *p = NULL;
            mele_engine *engine;
            mele_error error;
            o.method = mele_partition_method(m);
            o.restarts = is_random(&o) ? 5 : 1;
            if (is_random(&o) && threads > 1) /* restarts at once tell of no objective */
                continue;
            cr_assert_eq(mele_engine_new(&eo, &engine, NULL), MELE_OK);
            cr_assert_eq(mele_partition_fit(&view, NULL, &o, engine, &p, NULL, &error),
                         MELE_ESTOPPED);
            cr_assert(p == NULL && h.count == 3);
            mele_engine_free(engine);
        }
    free(x);
}

Test(partition, other_columns)
{
    double *x = blobs(50, 3, 2, 0.5, 15), out[100] = {7};
    mele_matrix view = mele_matrix_of(x, 50, 2);
    mele_partition_options o = mele_partition_defaults();
    mele_error error;

    o.clusters = 2;
    mele_partition *p = fit_or_fail(x, 50, 3, NULL, &o, NULL, NULL);
    cr_assert_eq(mele_partition_log_posteriors(p, &view, NULL, out, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message, "x has 2 columns (stride 2), the partition 3");
    cr_assert_eq(out[0], 7);
    mele_partition_free(p);
    free(x);
}

/* ---- model sections ---- */

Test(partition, loads_what_it_saved)
{
    enum { N = 300, D = 3 };
    double *x = blobs(N, D, 4, 0.5, 16), *a = MELE_I_ARRAY(double, N * 4);
    double *b = MELE_I_ARRAY(double, N * 4);
    mele_matrix view = mele_matrix_of(x, N, D);

    for (size_t m = 0; mele_partition_method(m) != NULL; m++) {
        mele_partition_options o = mele_partition_defaults();
        mele_partition *p, *q = NULL;
        mele_error error;
        o.method = mele_partition_method(m);
        o.clusters = 4;
        p = fit_or_fail(x, N, D, NULL, &o, NULL, NULL);
        char *text = section_text(p);
        json_t *section = json_loads(text, 0, NULL);
        cr_assert_eq(mele_i_partition_load(section, &q, &error), MELE_OK, "%s", error.message);
        cr_assert_str_eq(mele_partition_name(q), o.method);
        cr_assert_eq(mele_partition_log_posteriors(p, &view, NULL, a, NULL), MELE_OK);
        cr_assert_eq(mele_partition_log_posteriors(q, &view, NULL, b, NULL), MELE_OK);
        cr_assert(memcmp(a, b, N * 4 * sizeof *a) == 0);
        char *again = section_text(q);
        cr_assert_str_eq(text, again);
        json_decref(section);
        mele_partition_free(p);
        mele_partition_free(q);
        free(text), free(again);
    }
    free(x), free(a), free(b);
}

#define KMEANS_SECTION(rest) "{\"kind\":\"kmeans\",\"clusters\":2,\"columns\":1," rest "}"
#define GMM_SECTION(rest)                                                                          \
    "{\"kind\":\"gmm\",\"clusters\":2,\"columns\":1,\"centres\":[[1],[2]]," rest "}"

static const struct {
    const char *text, *message;
} bad_sections[] = {
    {"[]", "\"partition\" is not an object"},
    {"{\"kind\":\"ward\"}", "\"partition\" is of the unknown kind \"ward\""},
    {"{\"clusters\":2}", "\"kind\" is not a string"},
    {KMEANS_SECTION("\"centres\":[[1],[2]]"), "\"partition\" has no key \"variance\""},
    {KMEANS_SECTION("\"centres\":[[1],[2]],\"variance\":1,\"x\":1"),
     "\"partition\" has the unknown key \"x\""},
    {KMEANS_SECTION("\"centres\":[[1],[2]],\"variance\":0"),
     "\"variance\" is 0, not a positive number"},
    {KMEANS_SECTION("\"centres\":[[1],[2]],\"variance\":-1.5"),
     "\"variance\" is -1.5, not a positive number"},
    {KMEANS_SECTION("\"centres\":[[1]],\"variance\":1"), "\"centres\" is not an array of 2 rows"},
    {KMEANS_SECTION("\"centres\":[[1],[2,3]],\"variance\":1"),
     "\"centres\" has 2 numbers where 1 belong"},
    {KMEANS_SECTION("\"centres\":[[1],[null]],\"variance\":1"),
     "\"centres\" is not an array of numbers"},
    {"{\"kind\":\"kmeans\",\"clusters\":0,\"columns\":1,\"centres\":[],\"variance\":1}",
     "\"clusters\" is 0, not within 1 to 2147483647"},
    {GMM_SECTION("\"weights\":[0.5,0.5],\"whiteners\":[[1],[0]]"),
     "\"whiteners\" has 0 on the diagonal of cluster 2"},
    {GMM_SECTION("\"weights\":[0.5,0.25],\"whiteners\":[[1],[2]]"),
     "\"weights\" add up to 0.75, not 1"},
    {GMM_SECTION("\"weights\":[1.5,-0.5],\"whiteners\":[[1],[2]]"), "\"weights\" has -0.5"},
    {GMM_SECTION("\"weights\":[0.5,0.5],\"whiteners\":[[1],[2,3]]"),
     "\"whiteners\" has 2 numbers where 1 belong"},
};

Test(partition, refuses_bad_sections)
{
    for (size_t i = 0; i < sizeof bad_sections / sizeof *bad_sections; i++) {
        json_t *section = json_loads(bad_sections[i].text, 0, NULL);
        mele_partition *p = NULL;
        mele_error error;
        cr_assert_not_null(section, "%s", bad_sections[i].text);
        cr_assert_eq(mele_i_partition_load(section, &p, &error), MELE_EDATA);
        cr_assert_str_eq(error.message, bad_sections[i].message);
        cr_assert_null(p);
        json_decref(section);
    }
}

/* Means that are summed about a centre far from all rows are rough: they are taken once more. */
Test(partition, given_centres_far_from_the_rows)
{
    static const double far[] = {1e6, 1e12, 1e14};
    double x[400], mean[2] = {0, 0}, centre[2];
    mele_i_stream stream = mele_i_stream_make(3, MELE_I_FOR_TESTS, 0, 0);
    mele_matrix rows = mele_matrix_of(x, 200, 2);

    for (size_t i = 0; i < 400; i++) {
        x[i] = mele_i_stream_uniform(&stream) + (i % 4 == 2 ? 5 : 0);
        mean[i % 2] += x[i] / 200;
    }
    for (size_t f = 0; f < 3; f++) {
        double given[2] = {-far[f], far[f]};
        mele_matrix start = mele_matrix_of(given, 1, 2);
        mele_partition_options options = mele_partition_defaults();
        mele_partition *p = NULL;
        options.clusters = 1;
        options.centres = &start;
        options.tolerance = 0;
        cr_assert_eq(mele_partition_fit(&rows, NULL, &options, NULL, &p, NULL, NULL), MELE_OK);
        mele_partition_centres(p, centre);
        cr_expect_float_eq(centre[0], mean[0], 1e-13, "%g: %.17g", far[f], centre[0]);
        cr_expect_float_eq(centre[1], mean[1], 1e-13);
        mele_partition_free(p);
    }
}
