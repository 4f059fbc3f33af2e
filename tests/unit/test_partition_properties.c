/* Stage 1 from outside: what must hold whatever the data, through the public interface.
 *
 * Everything a user can see of a fit (info, centres, posteriors, density, labels) is kept as one
 * array of numbers, an outcome, so that "the same bytes" is one comparison. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <mele/partition.h>

#include "core/memory.h"
#include "core/stream.h"
#include "support/size.h"

#define ROUNDING 1e-12 /* of centres and objectives that sums in another order lead to */

static const char *const algorithms[] = {"plain", "tiles", "bounds", "auto"};

#define ALGORITHMS (sizeof algorithms / sizeof *algorithms)

/* ---- every way to fit ---- */

/* The i-th of k-means' algorithms, then of gmm's covariances, then of the other methods; false past the
 * last. */
static bool variant(size_t i, mele_partition_options *o)
{
    size_t covariances = 0;

    *o = mele_partition_defaults();
    if (i < ALGORITHMS) {
        o->algorithm = algorithms[i];
        return true;
    }
    i -= ALGORITHMS;
    while (mele_partition_covariance(covariances) != NULL)
        covariances++;
    if (i < covariances) {
        o->method = "gmm";
        o->covariance = mele_partition_covariance(i);
        return true;
    }
    o->method = mele_partition_method(2 + i - covariances); /* after kmeans and gmm */
    return o->method != NULL;
}

static const char *variant_name(const mele_partition_options *o)
{
    return strcmp(o->method, "gmm") == 0      ? o->covariance
           : strcmp(o->method, "kmeans") == 0 ? o->algorithm
                                              : o->method;
}

/* ---- data ---- */

typedef double *maker(mele_i_stream *random, size_t n, size_t d);

static double *room(size_t n, size_t d)
{
    double *x = mele_i_array(n, d * sizeof(double));

    cr_assert_not_null(x);
    return x;
}

static double *normals(mele_i_stream *random, size_t n, size_t d)
{
    double *x = room(n, d);

    for (size_t i = 0; i < n * d; i++)
        x[i] = mele_i_stream_normal(random);
    return x;
}

static double *uniforms(mele_i_stream *random, size_t n, size_t d)
{
    double *x = room(n, d);

    for (size_t i = 0; i < n * d; i++)
        x[i] = mele_i_stream_uniform(random);
    return x;
}

/* Nine groups, of which neighbours overlap. */
static double *groups(mele_i_stream *random, size_t n, size_t d)
{
    double *x = normals(random, n, d), *centres = normals(random, 9, d);

    for (size_t i = 0; i < n; i++) {
        size_t k = mele_i_stream_below(random, 9);
        for (size_t j = 0; j < d; j++)
            x[i * d + j] += 3 * centres[k * d + j];
    }
    free(centres);
    return x;
}

/* Small integers: many rows are as far from one centre as from another. */
static double *lattice(mele_i_stream *random, size_t n, size_t d)
{
    double *x = room(n, d);

    for (size_t i = 0; i < n * d; i++)
        x[i] = (double)mele_i_stream_below(random, 4);
    return x;
}

static double *duplicates(mele_i_stream *random, size_t n, size_t d)
{
    double *x = normals(random, n, d);

    for (size_t i = 1; i < n; i++)
        if (i % 4 != 0)
            memcpy(x + i * d, x + mele_i_stream_below(random, i) * d, d * sizeof *x);
    return x;
}

static double *three_distinct(mele_i_stream *random, size_t n, size_t d)
{
    double *x = normals(random, n, d);

    for (size_t i = 3; i < n; i++)
        memcpy(x + i * d, x + mele_i_stream_below(random, 3) * d, d * sizeof *x);
    return x;
}

static double *all_equal(mele_i_stream *random, size_t n, size_t d)
{
    double *x = normals(random, n, d);

    for (size_t i = 1; i < n; i++)
        memcpy(x + i * d, x, d * sizeof *x);
    return x;
}

static double *constant_column(mele_i_stream *random, size_t n, size_t d)
{
    double *x = groups(random, n, d);

    for (size_t i = 0; i < n; i++)
        x[i * d + d / 2] = 0.3;
    return x;
}

static double *collinear(mele_i_stream *random, size_t n, size_t d)
{
    double *x = groups(random, n, d);

    for (size_t i = 0; i < n; i++)
        for (size_t j = 1; j < d; j++)
            x[i * d + j] = (double)j * x[i * d] - 7;
    return x;
}

static double *one_huge(mele_i_stream *random, size_t n, size_t d)
{
    double *x = groups(random, n, d);

    x[n / 2 * d] = 1e12;
    return x;
}

static double *shifted(mele_i_stream *random, size_t n, size_t d)
{
    double *x = groups(random, n, d);

    for (size_t i = 0; i < n * d; i++)
        x[i] += 1e9;
    return x;
}

static double *scaled(mele_i_stream *random, size_t n, size_t d, double by)
{
    double *x = groups(random, n, d);

    for (size_t i = 0; i < n * d; i++)
        x[i] *= by;
    return x;
}

static double *tiny(mele_i_stream *random, size_t n, size_t d)
{
    return scaled(random, n, d, 1e-150);
}

static double *large(mele_i_stream *random, size_t n, size_t d)
{
    return scaled(random, n, d, 1e150);
}

static const struct kind_of_data {
    const char *name;
    maker *make;
    size_t distinct; /* rows at most; 0: as many as there are rows, or nearly */
} kinds_of_data[] = {
    {"normal", normals, 0},
    {"uniform", uniforms, 0},
    {"groups", groups, 0},
    {"lattice", lattice, 0},
    {"duplicates", duplicates, 0},
    {"three distinct rows", three_distinct, 3},
    {"all rows equal", all_equal, 1},
    {"constant column", constant_column, 0},
    {"collinear", collinear, 0},
    {"one huge coordinate", one_huge, 0},
    {"shifted", shifted, 0},
    {"tiny", tiny, 0},
    {"large", large, 0},
};

#define KINDS_OF_DATA (sizeof kinds_of_data / sizeof *kinds_of_data)

/* Weights 1/2, 1, 3/2, 2, 0 in turn. */
static double *uneven_weights(size_t n)
{
    double *weights = room(n, 1);

    for (size_t i = 0; i < n; i++)
        weights[i] = 0.5 * (double)((i + 1) % 5);
    return weights;
}

/* K rows apart from each other, or with `twice` the first one given again in place of the last. */
static double *start_rows(const double *x, size_t n, size_t d, size_t clusters, bool twice)
{
    double *centres = room(clusters, d);

    for (size_t k = 0; k < clusters; k++)
        memcpy(centres + k * d, x + (2 * k + 1) * n / (2 * clusters) * d, d * sizeof *x);
    if (twice)
        memcpy(centres + (clusters - 1) * d, centres, d * sizeof *x);
    return centres;
}

static size_t distinct_rows(const double *x, size_t n, size_t d, const double *weights)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < i && ((weights != NULL && weights[j] == 0)
                         || memcmp(x + i * d, x + j * d, d * sizeof *x) != 0))
            j++;
        count += j == i && (weights == NULL || weights[i] > 0);
    }
    return count;
}

/* ---- outcomes ---- */

typedef struct outcome {
    size_t count;
    double *numbers; /* info (6), centres (K x d), for some rows posteriors and density, labels */
} outcome;

enum { INFO = 6, INQUIRED = 48 };

static outcome outcome_of(const mele_partition *p, const mele_partition_info *info,
                          const mele_matrix *x)
{
    size_t clusters = mele_partition_clusters(p), at = INFO + clusters * x->cols;
    mele_matrix some = *x;
    const mele_rows rows = mele_rows_of(x);
    uint32_t *label = MELE_I_ARRAY(uint32_t, x->rows);
    some.rows = x->rows < INQUIRED ? x->rows : INQUIRED;
    outcome o = {.count = at + some.rows * (clusters + 1) + x->rows};
    const double facts[INFO] = {(double)info->iterations, info->objective, info->converged,
                                (double)info->clusters, (double)info->merged,
                                (double)info->repaired};

    o.numbers = room(o.count, 1);
    cr_assert_not_null(label);
    memcpy(o.numbers, facts, sizeof facts);
    mele_partition_centres(p, o.numbers + INFO);
    cr_assert_eq(mele_partition_log_posteriors(p, &some, NULL, o.numbers + at, NULL), MELE_OK);
    at += some.rows * clusters;
    cr_assert_eq(mele_partition_log_density(p, &some, NULL, o.numbers + at, NULL), MELE_OK);
    at += some.rows;
    cr_assert_eq(mele_partition_assign(p, &rows, NULL, label, NULL), MELE_OK);
    for (size_t i = 0; i < x->rows; i++)
        o.numbers[at + i] = (double)label[i];
    free(label);
    return o;
}

static const double *labels_of(const outcome *o, size_t n)
{
    return o->numbers + o->count - n;
}

static bool same_bytes(const outcome *a, const outcome *b)
{
    return a->count == b->count && memcmp(a->numbers, b->numbers, a->count * sizeof(double)) == 0;
}

static outcome fit(const mele_matrix *x, const double *weights, const mele_partition_options *o,
                   unsigned threads)
{
    mele_engine_options eo = {threads, NULL, NULL};
    mele_engine *engine = NULL;
    mele_partition *p;
    mele_partition_info info;
    mele_error error;

    if (threads > 1)
        cr_assert_eq(mele_engine_new(&eo, &engine, NULL), MELE_OK);
    mele_status status = mele_partition_fit(x, weights, o, engine, &p, &info, &error);
    cr_assert_eq(status, MELE_OK, "%s: %s", variant_name(o), error.message);
    outcome result = outcome_of(p, &info, x);
    mele_partition_free(p);
    mele_engine_free(engine);
    return result;
}

static bool close_to(double a, double b)
{
    return fabs(a - b) <= ROUNDING * fmax(1, fmax(fabs(a), fabs(b)));
}

/* ---- every algorithm of k-means gives the same bytes ---- */

typedef struct shape {
    size_t n, d, clusters;
} shape;

/* The plain algorithm against the others after 1, 2, 3, ... iterations, and at the end. The centres
 * after an iteration tell of every label in it. */
static void compare_algorithms(const char *name, const mele_matrix *x, const double *weights,
                               const mele_matrix *start, const char *init, size_t most)
{
    static const size_t iterations[] = {1, 2, 3, 7, 300};
    mele_partition_options o = mele_partition_defaults();

    o.clusters = start->rows;
    o.centres = init == NULL ? start : NULL;
    o.init = init == NULL ? o.init : init;
    o.restarts = 2;
    o.tolerance = 0;
    for (size_t t = 0; t < sizeof iterations / sizeof *iterations && iterations[t] <= most; t++) {
        o.max_iterations = iterations[t];
        o.algorithm = "plain";
        outcome plain = fit(x, weights, &o, 1);
        bool ended = plain.numbers[2] != 0;
        for (size_t a = 1; a < ALGORITHMS; a++) {
            o.algorithm = algorithms[a];
            outcome other = fit(x, weights, &o, 1);
            cr_assert(same_bytes(&plain, &other), "%s, %zu x %zu, K %zu, init %s%s, %s: %zu", name,
                      x->rows, x->cols, start->rows, init == NULL ? "given" : init,
                      weights == NULL ? "" : ", weights", algorithms[a], iterations[t]);
            free(other.numbers);
        }
        free(plain.numbers);
        if (ended)
            break;
    }
}

static void compare_on(const struct kind_of_data *kind, const shape *s, uint64_t index,
                       size_t most)
{
    mele_i_stream random = mele_i_stream_make(3, MELE_I_FOR_TESTS, 0, index);
    double *x = kind->make(&random, s->n, s->d), *weights = uneven_weights(s->n);
    double *start = start_rows(x, s->n, s->d, s->clusters, false);
    double *twice = start_rows(x, s->n, s->d, s->clusters, true);
    mele_matrix view = mele_matrix_of(x, s->n, s->d);
    mele_matrix given = mele_matrix_of(start, s->clusters, s->d), again = given;

    again.data = twice;
    compare_algorithms(kind->name, &view, NULL, &given, NULL, most);
    compare_algorithms(kind->name, &view, weights, &again, NULL, most);
    if (index % 3 == 0)
        compare_algorithms(kind->name, &view, NULL, &given, "kmeans++", most);
    if (index % 3 == 1)
        compare_algorithms(kind->name, &view, weights, &given, "random", most);
    free(x), free(weights), free(start), free(twice);
}

Test(partition_properties, algorithms_agree_on_every_kind_of_data)
{
    static const shape shapes[] = {{300, 1, 5},   {150, 3, 17}, {90, 6, 25}, {40, 2, 40},
                                   {16, 1000, 3}, {90, 9, 1},   {1, 3, 1}};
    uint64_t index = 0;

    for (size_t k = 0; k < KINDS_OF_DATA; k++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            compare_on(&kinds_of_data[k], &shapes[s], index++, TEST_SIZE(300, 300, 30));
}

/* More than one block of rows, tiles of rows and of centres that are full and not. */
Test(partition_properties, algorithms_agree_on_many_rows)
{
    static const shape shapes[] = {{1601, 2, 8}, {600, 16, 64}, {150, 33, 40}};
    static const size_t kinds[] = {1, 3};

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            compare_on(&kinds_of_data[kinds[k]], &shapes[s], 101 + 3 * k, 3);
}

/* ---- k-means is Lloyd's iteration ---- */

/* One iteration written out, in long double: labels (ties to the lowest) for the centres, then the
 * means. Returns whether every row is nearer to its centre than to others by more than rounding. */
static bool lloyd_step(const double *x, const shape *s, long double *centres, size_t *label)
{
    long double *sum = calloc(s->clusters * (s->d + 1), sizeof *sum);
    bool clear = true;

    cr_assert_not_null(sum);
    for (size_t i = 0; i < s->n; i++) {
        long double best = INFINITY, second = INFINITY;
        for (size_t k = 0; k < s->clusters; k++) {
            long double square = 0;
            for (size_t j = 0; j < s->d; j++)
                square += powl(x[i * s->d + j] - centres[k * s->d + j], 2);
            if (square < best) {
                second = best;
                best = square;
                label[i] = k;
            } else if (square < second) {
                second = square;
            }
        }
        clear = clear && second - best > 1e-10L * second;
        sum[s->clusters * s->d + label[i]]++;
        for (size_t j = 0; j < s->d; j++)
            sum[label[i] * s->d + j] += x[i * s->d + j];
    }
    for (size_t k = 0; k < s->clusters; k++)
        for (size_t j = 0; j < s->d; j++)
            centres[k * s->d + j] = sum[k * s->d + j] / sum[s->clusters * s->d + k];
    free(sum);
    return clear;
}

/* The labels after every iteration are those of the iteration written out. */
Test(partition_properties, kmeans_is_lloyds_iteration)
{
    static const shape shapes[] = {{700, 2, 7}, {500, 5, 20}, {400, 1, 6}, {200, 17, 9}};

    for (size_t t = 0; t < sizeof shapes / sizeof *shapes; t++) {
        const shape *s = &shapes[t];
        mele_i_stream random = mele_i_stream_make(3, MELE_I_FOR_TESTS, 1, t);
        double *x = uniforms(&random, s->n, s->d);
        double *start = start_rows(x, s->n, s->d, s->clusters, false);
        mele_matrix view = mele_matrix_of(x, s->n, s->d);
        mele_matrix given = mele_matrix_of(start, s->clusters, s->d);
        long double *centres = calloc(s->clusters * s->d, sizeof *centres);
        size_t *label = MELE_I_ARRAY(size_t, s->n);
        mele_partition_options o = mele_partition_defaults();
        cr_assert(centres != NULL && label != NULL);
        for (size_t j = 0; j < s->clusters * s->d; j++)
            centres[j] = start[j];
        o.clusters = s->clusters;
        o.centres = &given;
        o.tolerance = 0;
        lloyd_step(x, s, centres, label);
        for (size_t m = 1; m <= 12; m++) {
            o.max_iterations = m;
            outcome got = fit(&view, NULL, &o, 1);
            for (size_t j = 0; j < s->clusters * s->d; j++)
                cr_assert(close_to(got.numbers[INFO + j], (double)centres[j]));
            cr_assert(lloyd_step(x, s, centres, label), "data that leave a label to rounding");
            for (size_t i = 0; i < s->n; i++)
                cr_assert_eq(labels_of(&got, s->n)[i], (double)label[i], "%zu: row %zu", m, i);
            free(got.numbers);
        }
        free(x), free(start), free(centres), free(label);
    }
}

/* A power of two changes no rounding: centres and objective are scaled, labels stay. */
Test(partition_properties, kmeans_scales_exactly)
{
    enum { N = 500, D = 3, K = 11 };

    for (size_t a = 0; a < ALGORITHMS; a++)
        for (int power = -400; power <= 400; power += 800) {
            mele_i_stream random = mele_i_stream_make(3, MELE_I_FOR_TESTS, 2, a);
            double *x = groups(&random, N, D), *y = room(N, D);
            mele_matrix vx = mele_matrix_of(x, N, D), vy = mele_matrix_of(y, N, D);
            mele_partition_options o = mele_partition_defaults();
            for (size_t i = 0; i < N * D; i++)
                y[i] = ldexp(x[i], power);
            o.clusters = K;
            o.algorithm = algorithms[a];
            o.restarts = 3;
            outcome p = fit(&vx, NULL, &o, 1), q = fit(&vy, NULL, &o, 1);
            cr_assert(p.numbers[0] == q.numbers[0]);
            cr_assert(ldexp(p.numbers[1], 2 * power) == q.numbers[1]);
            for (size_t j = INFO; j < INFO + K * D; j++)
                cr_assert(ldexp(p.numbers[j], power) == q.numbers[j]);
            cr_assert(memcmp(labels_of(&p, N), labels_of(&q, N), N * sizeof(double)) == 0);
            free(p.numbers), free(q.numbers), free(x), free(y);
        }
}

/* ---- rows ---- */

Test(partition_properties, weight_two_is_a_row_given_twice)
{
    enum { N = 260, D = 3, K = 6 };
    mele_i_stream random = mele_i_stream_make(3, MELE_I_FOR_TESTS, 3, 0);
    double *x = groups(&random, N, D), *y = room(2 * N, D), weights[N];
    double *start = start_rows(x, N, D, K, false);
    mele_matrix vx = mele_matrix_of(x, N, D), vy, given = mele_matrix_of(start, K, D);
    mele_partition_options o;
    size_t rows = 0;

    for (size_t i = 0; i < N; i++) {
        weights[i] = i % 4 == 0 ? 2 : 1;
        for (size_t c = 0; c < (i % 4 == 0 ? 2 : 1); c++)
            memcpy(y + rows++ * D, x + i * D, D * sizeof *x);
    }
    vy = mele_matrix_of(y, rows, D);
    for (size_t v = 0; variant(v, &o); v++) {
        o.clusters = K;
        o.centres = &given;
        o.max_iterations = 8;
        o.tolerance = 0;
        outcome a = fit(&vx, weights, &o, 1), b = fit(&vy, NULL, &o, 1);
        for (size_t j = 0; j < INFO + K * D; j++)
            cr_assert(close_to(a.numbers[j], b.numbers[j]), "%s: %zu", variant_name(&o), j);
        for (size_t i = 0, row = 0; i < N; row += (size_t)weights[i], i++)
            cr_assert_eq(labels_of(&a, N)[i], labels_of(&b, rows)[row]);
        free(a.numbers), free(b.numbers);
    }
    free(x), free(y), free(start);
}

Test(partition_properties, permuted_rows_permute_labels)
{
    enum { N = 500, D = 3, K = 7 };
    mele_i_stream random = mele_i_stream_make(3, MELE_I_FOR_TESTS, 4, 0);
    double *x = groups(&random, N, D), *y = room(N, D), *start = start_rows(x, N, D, K, false);
    mele_matrix vx = mele_matrix_of(x, N, D), vy = mele_matrix_of(y, N, D);
    mele_matrix given = mele_matrix_of(start, K, D);
    mele_partition_options o;
    size_t order[N];

    for (size_t i = 0; i < N; i++)
        order[i] = i;
    mele_i_stream_shuffle(&random, order, N);
    for (size_t i = 0; i < N; i++)
        memcpy(y + i * D, x + order[i] * D, D * sizeof *x);
    for (size_t v = 0; variant(v, &o); v++) {
        o.clusters = K;
        o.centres = &given;
        o.max_iterations = 8;
        o.tolerance = 0;
        outcome a = fit(&vx, NULL, &o, 1), b = fit(&vy, NULL, &o, 1);
        for (size_t j = 0; j < INFO + K * D; j++)
            cr_assert(close_to(a.numbers[j], b.numbers[j]), "%s: %zu", variant_name(&o), j);
        for (size_t i = 0; i < N; i++)
            cr_assert_eq(labels_of(&b, N)[i], labels_of(&a, N)[order[i]]);
        free(a.numbers), free(b.numbers);
    }
    free(x), free(y), free(start);
}

/* What lies between the rows of a matrix is not looked at. */
Test(partition_properties, stride_changes_nothing)
{
    enum { N = 300, D = 3, STRIDE = 5 };
    mele_i_stream random = mele_i_stream_make(3, MELE_I_FOR_TESTS, 5, 0);
    double *x = groups(&random, N, D), *apart = room(N, STRIDE);
    mele_matrix together = mele_matrix_of(x, N, D), view = {apart, N, D, STRIDE};
    mele_partition_options o;

    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < STRIDE; j++)
            apart[i * STRIDE + j] = j < D ? x[i * D + j] : NAN;
    for (size_t v = 0; variant(v, &o); v++) {
        o.restarts = 2;
        outcome a = fit(&together, NULL, &o, 1), b = fit(&view, NULL, &o, 1);
        cr_assert(same_bytes(&a, &b), "%s", variant_name(&o));
        free(a.numbers), free(b.numbers);
    }
    free(x), free(apart);
}

/* ---- threads ---- */

/* Rows that a pass cuts into more than one block: their number falls with the work for a row, K d
 * for k-means and K d^2 for gmm, to 512. */
static shape several_blocks(const mele_partition_options *o)
{
    return strcmp(o->method, "gmm") == 0 ? (shape){600, 8, 16} : (shape){600, 64, 16};
}

static void compare_threads(const shape *s, mele_partition_options *o)
{
    static const unsigned threads[] = {2, 3, 8};
    mele_i_stream random = mele_i_stream_make(3, MELE_I_FOR_TESTS, 6, 0);
    double *x = groups(&random, s->n, s->d), *weights = uneven_weights(s->n);
    mele_matrix view = mele_matrix_of(x, s->n, s->d);

    o->clusters = s->clusters;
    for (o->restarts = 1; o->restarts <= 3; o->restarts += 2) {
        outcome one = fit(&view, weights, o, 1);
        for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
            outcome many = fit(&view, weights, o, threads[t]);
            cr_assert(same_bytes(&one, &many), "%s, %u threads", variant_name(o), threads[t]);
            free(many.numbers);
        }
        free(one.numbers);
    }
    free(x), free(weights);
}

Test(partition_properties, same_bytes_for_any_number_of_threads)
{
    static const shape wide = {1500, 128, 3}; /* several blocks for k-means++, too */
    mele_partition_options o;

    for (size_t v = 0; variant(v, &o); v++) {
        shape s = several_blocks(&o);
        o.init = "random";
        o.max_iterations = 2;
        compare_threads(&s, &o);
    }
    o = mele_partition_defaults();
    o.max_iterations = 1;
    compare_threads(&wide, &o);
}

/* ---- rows that are read ---- */

typedef struct source {
    const double *x;
    size_t rows, cols;
    atomic_size_t calls;
    size_t fail_at; /* 0: never */
} source;

static mele_status read_rows(void *user, size_t first, size_t count, double *out,
                             mele_error *error)
{
    source *s = user;

    if (atomic_fetch_add(&s->calls, 1) + 1 == s->fail_at) {
        if (error != NULL)
            *error = (mele_error){.status = MELE_EIO, .line = 17, .message = "the disk is gone"};
        return MELE_EIO;
    }
    if (count == 0 || first >= s->rows || count > s->rows - first)
        return MELE_EINVAL; /* not an assertion: this may be another thread */
    memcpy(out, s->x + first * s->cols, count * s->cols * sizeof *out);
    return MELE_OK;
}

static mele_rows rows_of(source *s)
{
    return (mele_rows){s->rows, s->cols, NULL, 0, read_rows, s};
}

/* The three starts, of options that already have a method. */
static void set_start(mele_partition_options *o, size_t i, const mele_matrix *given)
{
    o->clusters = given->rows;
    o->centres = i == 2 ? given : NULL;
    o->init = i == 1 ? "random" : "kmeans++";
    o->restarts = 2;
    o->max_iterations = 4;
}

Test(partition_properties, rows_that_are_read_give_the_same_bytes)
{
    mele_engine_options eo = {2, NULL, NULL};
    mele_engine *engine;
    mele_partition_options o;

    cr_assert_eq(mele_engine_new(&eo, &engine, NULL), MELE_OK);
    for (size_t v = 0; variant(v, &o); v++) {
        shape z = several_blocks(&o);
        mele_i_stream random = mele_i_stream_make(3, MELE_I_FOR_TESTS, 7, 0);
        double *x = groups(&random, z.n, z.d), *weights = uneven_weights(z.n);
        double *start = start_rows(x, z.n, z.d, z.clusters, true);
        mele_matrix view = mele_matrix_of(x, z.n, z.d);
        mele_matrix given = mele_matrix_of(start, z.clusters, z.d);
        for (size_t i = 0; i < 3; i++) {
            source s = {.x = x, .rows = z.n, .cols = z.d};
            mele_rows rows = rows_of(&s);
            mele_partition_info info;
            mele_partition *p;
            mele_error error;
            set_start(&o, i, &given);
            outcome inside = fit(&view, weights, &o, 1);
            cr_assert_eq(mele_partition_fit_rows(&rows, weights, &o, engine, &p, &info, &error),
                         MELE_OK, "%s: %s", variant_name(&o), error.message);
            outcome outside = outcome_of(p, &info, &view);
            cr_assert(same_bytes(&inside, &outside), "%s, start %zu", variant_name(&o), i);
            mele_partition_free(p);
            free(inside.numbers), free(outside.numbers);
        }
        free(x), free(weights), free(start);
    }
    mele_engine_free(engine);
}

/* A fit that fails: with which status, and that it left its outputs alone. */
static mele_status failing_fit(const mele_rows *rows, const mele_partition_options *o,
                               mele_engine *engine, mele_error *error)
{
    mele_partition *const before = (mele_partition *)error;
    mele_partition *p = before;
    mele_partition_info info = {.iterations = 77};
    mele_status status = mele_partition_fit_rows(rows, NULL, o, engine, &p, &info, error);

    if (status == MELE_OK)
        mele_partition_free(p);
    else
        cr_assert(p == before && info.iterations == 77);
    return status;
}

/* The first times, then ever more seldom. */
static size_t next_time(size_t k)
{
    return k < 9 ? k + 1 : k + k / 3;
}

/* From each read of a fit that may fail, its status and message come back. */
static void check_failing_reads(source *s, const mele_partition_options *o, mele_engine *engine)
{
    mele_rows rows = rows_of(s);
    mele_status status = MELE_EIO;

    for (size_t k = 1; status != MELE_OK; k = next_time(k)) {
        mele_error error;
        atomic_store(&s->calls, 0);
        s->fail_at = k;
        status = failing_fit(&rows, o, k % 2 == 0 ? engine : NULL, &error);
        size_t calls = atomic_load(&s->calls);
        cr_assert_eq(status, calls < k ? MELE_OK : MELE_EIO, "%s: read %zu of %zu: %d",
                     variant_name(o), k, calls, status);
        cr_assert(status == MELE_OK || (error.status == MELE_EIO && error.line == 17));
        cr_assert(status == MELE_OK || strcmp(error.message, "the disk is gone") == 0);
    }
    cr_assert_gt(atomic_load(&s->calls), 4);
}

Test(partition_properties, a_failing_read_ends_the_fit)
{
    mele_engine_options eo = {2, NULL, NULL};
    mele_engine *engine;
    mele_partition_options o;

    cr_assert_eq(mele_engine_new(&eo, &engine, NULL), MELE_OK);
    for (size_t v = 0; variant(v, &o); v++) {
        shape z = several_blocks(&o);
        mele_i_stream random = mele_i_stream_make(3, MELE_I_FOR_TESTS, 8, 0);
        double *x = groups(&random, z.n, z.d);
        double *start = start_rows(x, z.n, z.d, z.clusters, true);
        mele_matrix given = mele_matrix_of(start, z.clusters, z.d);
        source s = {.x = x, .rows = z.n, .cols = z.d};
        for (size_t i = 0; i < 3; i++) {
            set_start(&o, i, &given);
            o.max_iterations = 2;
            check_failing_reads(&s, &o, engine);
        }
        free(x), free(start);
    }
    mele_engine_free(engine);
}

/* ---- stopping ---- */

typedef struct patience {
    size_t told, stop_at;
} patience;

static bool lose_patience(const mele_progress *progress, void *user)
{
    patience *p = user;

    cr_assert_str_eq(progress->stage, "partition");
    cr_assert(progress->total == 0 || progress->done <= progress->total);
    return ++p->told != p->stop_at;
}

Test(partition_properties, stopping_at_any_time_leaves_nothing)
{
    enum { N = 300, D = 3, K = 5 };
    mele_i_stream random = mele_i_stream_make(3, MELE_I_FOR_TESTS, 9, 0);
    double *x = groups(&random, N, D), *start = start_rows(x, N, D, K, true);
    mele_matrix given = mele_matrix_of(start, K, D);
    mele_rows rows = {N, D, x, D, NULL, NULL};
    mele_partition_options o;

    for (size_t v = 0; variant(v, &o); v++)
        for (size_t i = 0; i < 6; i++) {
            patience p;
            mele_engine_options eo = {(unsigned)(1 + i / 3), lose_patience, &p};
            mele_engine *engine;
            mele_status status = MELE_ESTOPPED;
            mele_error error;
            cr_assert_eq(mele_engine_new(&eo, &engine, NULL), MELE_OK);
            set_start(&o, i % 3, &given);
            for (size_t k = 1; status != MELE_OK; k = next_time(k)) {
                p = (patience){.stop_at = k};
                status = failing_fit(&rows, &o, engine, &error);
                cr_assert_eq(status, p.told < k ? MELE_OK : MELE_ESTOPPED, "%s: %zu of %zu: %d",
                             variant_name(&o), k, p.told, status);
                cr_assert_leq(p.told, k);
            }
            cr_assert(i >= 3 || p.told > 1 || strcmp(o.method, "random") == 0); /* told once a restart */
            mele_engine_free(engine);
        }
    free(x), free(start);
}

/* ---- degenerate data ---- */

/* Everything finite but logarithms of posteriors that are zero; posteriors sum to one. */
static void check_outcome(const char *what, const mele_partition_options *options,
                          const outcome *o, const mele_matrix *x)
{
    size_t clusters = (size_t)o->numbers[3], some = x->rows < INQUIRED ? x->rows : INQUIRED;
    const double *posterior = o->numbers + INFO + clusters * x->cols;
    const double *density = posterior + some * clusters, *label = labels_of(o, x->rows);

    for (size_t j = 0; j < INFO + clusters * x->cols; j++)
        cr_assert(isfinite(o->numbers[j]), "%s, %s: %zu", what, variant_name(options), j);
    for (size_t i = 0; i < some; i++) {
        double sum = 0;
        for (size_t k = 0; k < clusters; k++)
            sum += exp(posterior[i * clusters + k]);
        cr_assert(fabs(sum - 1) <= ROUNDING, "%s, %s: row %zu: %g", what, variant_name(options),
                  i, sum);
        cr_assert(isfinite(density[i]), "%s, %s: row %zu", what, variant_name(options), i);
    }
    for (size_t i = 0; i < x->rows; i++)
        cr_assert_lt(label[i], (double)clusters);
}

static void check_degenerate(const struct kind_of_data *kind, const shape *s, uint64_t index)
{
    mele_i_stream random = mele_i_stream_make(3, MELE_I_FOR_TESTS, 10, index);
    double *x = kind->make(&random, s->n, s->d), *uneven = uneven_weights(s->n);
    const double *weights = index % 2 == 1 ? uneven : NULL;
    double *start = start_rows(x, s->n, s->d, s->clusters, false);
    size_t distinct = distinct_rows(x, s->n, s->d, weights);
    mele_matrix view = mele_matrix_of(x, s->n, s->d);
    mele_matrix given = mele_matrix_of(start, s->clusters, s->d);
    mele_partition_options o;
    double squares = 0;

    for (size_t i = 0; i < s->n * s->d; i++)
        squares += x[i] * x[i];
    for (size_t v = 0; variant(v, &o); v++)
        for (size_t i = 0; i < 3; i++) {
            set_start(&o, i, &given);
            o.max_iterations = 50;
            outcome got = fit(&view, weights, &o, 1);
            double made = got.numbers[3], most = (double)(distinct < s->clusters ? distinct
                                                                                 : s->clusters);
            check_outcome(kind->name, &o, &got, &view);
            cr_assert_eq(made + got.numbers[4], (double)s->clusters);
            cr_assert(made >= 1 && made <= most, "%s, %zu x %zu, K %zu, %s: %g", kind->name, s->n,
                      s->d, s->clusters, variant_name(&o), made);
            if (strcmp(o.method, "kmeans") == 0)
                cr_assert_eq(made, most, "%s, %zu x %zu, K %zu, start %zu, %s: %g", kind->name,
                             s->n, s->d, s->clusters, i, variant_name(&o), made);
            if (strcmp(o.method, "kmeans") == 0 && distinct <= s->clusters)
                cr_assert(got.numbers[1] <= (i == 0 ? 0 : 1e-28 * squares), "%s, %zu x %zu, K %zu, "
                          "start %zu, %s: %g", kind->name, s->n, s->d, s->clusters, i,
                          variant_name(&o), got.numbers[1]);
            free(got.numbers);
        }
    free(x), free(uneven), free(start);
}

Test(partition_properties, degenerate_data_have_an_outcome)
{
    static const shape shapes[] = {{60, 1, 5}, {80, 3, 12}, {12, 2, 12}, {9, 14, 3}, {1, 3, 1}};
    uint64_t index = 0;

    for (size_t k = 0; k < KINDS_OF_DATA; k++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            if (kinds_of_data[k].distinct == 0 || shapes[s].n > kinds_of_data[k].distinct)
                check_degenerate(&kinds_of_data[k], &shapes[s], index++);
}
