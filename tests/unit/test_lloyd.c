/* Lloyd's iteration: every way to find labels against the plain one, bit for bit at every
 * iteration, on data that are kind and data that are not. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/stream.h"
#include "partition/assign.h"
#include "partition/lloyd.h"
#include "support/failing_malloc.h"
#include "support/size.h"

#define MOST_SEEN 60
#define ITERATIONS TEST_SIZE(57, 15, 3)

/* ---- data ---- */

typedef enum kind {
    BLOBS, UNIFORM, GRID, COPIES, OUTLIER, EQUAL, CONSTANT_COLUMN, SORTED
} kind;

typedef struct set {
    char name[24];
    kind kind;
    size_t n, d, clusters;
    double scale, offset;
    char weights; /* ' ': none; 'z': some zero; 'x': from 1e-300 to 1e300; 's': small whole ones */
} set;

/* Each set stands for a class; its rows are enough for that class and no more. An assignment's blocks
 * have 4096 rows here, a tile of a kernel 16 or 32, a group of centres 16. `make check-long` has
 * `more` rows, by which more centres are near one another, and more iterations. */
#define N(more, rows) TEST_SIZE(more, rows, rows)

static const set sets[] = {
    {"blobs", BLOBS, 9001, 5, 7, 1, 0, ' '},               /* three blocks, the last part of a tile */
    {"whole blocks", BLOBS, 8192, 16, 16, 1, 0, ' '},      /* and a whole group of centres */
    {"a group and one", BLOBS, 5000, 3, 17, 1, 0, ' '},    /* of centres; part of a block */
    {"groups", BLOBS, N(12345, 4200), 17, 70, 1, 0, ' '},  /* several; an odd number of columns */
    {"columns", BLOBS, N(4999, 4200), 40, 40, 1, 0, ' '},  /* more than a panel of them */
    {"many groups", BLOBS, N(5003, 4099), 16, 140, 1, 0, ' '}, /* not all are looked at */
    {"d 1000", BLOBS, N(700, 530), 1000, 20, 1, 0, ' '},   /* blocks by numbers, not by rows */
    {"uniform", UNIFORM, N(10000, 4200), 4, 33, 1, 0, ' '}, /* slow to end; rows between centres */
    {"uniform, d 2", UNIFORM, N(20011, 8200), 2, 8, 1, 0, ' '},
    {"1-D", UNIFORM, N(9999, 4200), 1, 6, 1, 0, ' '},
    {"1-D, K 50", UNIFORM, N(6000, 4200), 1, 50, 1, 0, ' '},
    {"sorted", SORTED, 9000, 2, 12, 1, 0, ' '},            /* labels of a run are the same */
    {"grid", GRID, 9000, 2, 9, 1, 0, ' '},                 /* ties */
    {"grid, K 40", GRID, 9000, 3, 40, 1, 0, ' '},
    {"copies", COPIES, 5000, 3, 30, 1, 0, ' '},            /* fewer distinct rows than centres */
    {"equal rows", EQUAL, 5000, 4, 20, 1, 3, ' '},
    {"K = n", UNIFORM, 150, 3, 150, 1, 0, ' '},
    {"K = n - 1", UNIFORM, 150, 3, 149, 1, 0, ' '},
    {"far from 0", BLOBS, 5000, 4, 20, 1, 1e9, ' '},       /* single precision tells nothing */
    {"tiny", BLOBS, 5000, 4, 20, 1e-150, 0, ' '},          /* squares near the least double */
    {"tinier", BLOBS, 5000, 4, 20, 1e-165, 0, ' '},        /* and below it */
    {"small", BLOBS, 5000, 4, 20, 1e-120, 0, ' '},         /* below the least float */
    {"huge", BLOBS, 5000, 4, 20, 1e149, 0, ' '},           /* squares near the largest double */
    {"large", BLOBS, 5000, 4, 20, 1e120, 0, ' '},          /* above the largest float */
    {"outlier", OUTLIER, 5000, 4, 20, 1, 0, ' '},          /* sets the filter's unit alone */
    {"constant column", CONSTANT_COLUMN, 5000, 4, 20, 1, 0, ' '},
    {"weights of zero", BLOBS, N(9000, 4200), 4, 20, 1, 0, 'z'},
    {"extreme weights", BLOBS, 9000, 4, 20, 1, 0, 'x'},
    {"whole weights", UNIFORM, N(9000, 4200), 4, 20, 1, 0, 's'},
};

#define SETS (sizeof sets / sizeof *sets)

static mele_i_stream stream(uint64_t index)
{
    return mele_i_stream_make(11, MELE_I_FOR_TESTS, 0, index);
}

static double number(const set *s, mele_i_stream *random, size_t row, size_t column)
{
    switch (s->kind) {
    case UNIFORM:
        return mele_i_stream_uniform(random);
    case GRID:
        return (double)mele_i_stream_below(random, 7);
    case COPIES:
        return (double)((row % 13 + column * 5) % 13) / 3;
    case OUTLIER:
        return row == s->n / 2 && column == 1 ? 1e12 : mele_i_stream_normal(random);
    case EQUAL:
        return 0;
    case CONSTANT_COLUMN:
        return column == 2 ? 0.1 : mele_i_stream_normal(random);
    case SORTED:
        return (double)row / (double)s->n;
    default:
        return 5 * sin((double)(row * 7 % (s->clusters + 2) + column))
               + mele_i_stream_normal(random);
    }
}

static double *rows_of(const set *s, size_t index)
{
    mele_i_stream random = stream(index);
    double *x = MELE_I_ARRAY(double, s->n *s->d);

    cr_assert_not_null(x);
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < s->d; j++)
            x[i * s->d + j] = s->scale * number(s, &random, i, j) + s->offset;
    return x;
}

static double *weights_of(const set *s, size_t index)
{
    mele_i_stream random = stream(100 + index);
    double *w = MELE_I_ARRAY(double, s->n);

    cr_assert_not_null(w);
    for (size_t i = 0; i < s->n; i++) {
        if (s->weights == 'x')
            w[i] = pow(10, 600 * mele_i_stream_uniform(&random) - 300);
        else
            w[i] = (double)mele_i_stream_below(&random, 4) + (s->weights == 's');
    }
    if (s->weights != ' ')
        return w;
    free(w);
    return NULL;
}

static mele_status read_rows(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    const mele_rows *rows = user;

    (void)error;
    memcpy(out, rows->data + first * rows->cols, count * rows->cols * sizeof *out);
    return MELE_OK;
}

/* ---- fits that are watched ---- */

/* What an assignment was like. */
typedef struct history {
    size_t count, n, numbers;
    uint64_t label[MOST_SEEN], centres[MOST_SEEN]; /* hashes */
    mele_partition_info info;
    size_t clusters, unclear;
} history;

static uint64_t hash(const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < count; i++)
        h = (h ^ at[i]) * 1099511628211u;
    return h;
}

static void remember(void *context, size_t iteration, const double *centres, const uint32_t *label)
{
    history *h = context;

    cr_assert_eq(iteration, h->count);
    cr_assert_lt(h->count, MOST_SEEN);
    h->label[h->count] = hash(label, h->n * sizeof *label);
    h->centres[h->count++] = hash(centres, h->numbers * sizeof *centres);
}

typedef struct way {
    const char *algorithm;
    size_t kernels; /* of mele_i_kernels_at() */
    unsigned threads;
    bool read;
} way;

static mele_status fit_for(const set *s, const double *x, const double *weights, const way *w,
                           size_t iterations, history *h, mele_error *error)
{
    mele_rows all = {s->n, s->d, x, s->d, NULL, NULL}, read = {s->n, s->d, NULL, 0, read_rows, &all};
    mele_partition_options o = mele_partition_defaults();
    mele_engine_options eo = mele_engine_defaults();
    mele_engine *engine = NULL;
    mele_i_sample sample = {.rows = w->read ? read : all, .weights = weights};
    mele_i_lloyd_watch watch = {mele_i_kernels_at(w->kernels), remember, h, 0};
    double *start = MELE_I_ARRAY(double, s->clusters *s->d);
    double *centres = MELE_I_ARRAY(double, s->clusters *s->d);
    uint32_t *label = MELE_I_ARRAY(uint32_t, s->n);
    mele_matrix given = mele_matrix_of(start, s->clusters, s->d);
    mele_i_attempt attempt = {&sample, &o, 0, 1, NULL};
    mele_i_lloyd_result result = {.centres = centres, .label = label};
    mele_status status = MELE_ENOMEM;

    *h = (history){.n = s->n, .numbers = s->clusters * s->d};
    eo.threads = w->threads;
    o.algorithm = w->algorithm;
    o.centres = &given;
    o.clusters = s->clusters;
    o.max_iterations = iterations;
    o.tolerance = 0;
    for (size_t k = 0; k < s->clusters && start != NULL; k++)
        memcpy(start + k * s->d, x + (k * 7919 % s->n) * s->d, s->d * sizeof *x);
    if (start != NULL && centres != NULL && label != NULL
        && (w->threads == 0 || mele_engine_new(&eo, &engine, error) == MELE_OK)) {
        attempt.engine = engine;
        status = mele_i_sample_describe(&sample, engine, error);
    }
    if (status == MELE_OK)
        status = mele_i_lloyd_watched(&attempt, true, false, &watch, &result, error);
    h->clusters = result.clusters;
    h->info = result.info;
    h->unclear = watch.unclear;
    mele_i_sample_clear(&sample);
    mele_engine_free(engine);
    free(start), free(centres), free(label);
    return status;
}

static mele_status fit(const set *s, const double *x, const double *weights, const way *w,
                       history *h, mele_error *error)
{
    return fit_for(s, x, weights, w, ITERATIONS, h, error);
}

static void check_same(const set *s, const way *w, const history *got, const history *wanted)
{
    char what[256];

    snprintf(what, sizeof what, "%.23s: %s, %s, %u threads%s", s->name, w->algorithm,
             mele_i_kernels_at(w->kernels)->name, w->threads, w->read ? ", read" : "");
    for (size_t i = 0; i < got->count && i < wanted->count; i++) {
        cr_assert_eq(got->centres[i], wanted->centres[i], "%s: centres %zu", what, i);
        cr_assert_eq(got->label[i], wanted->label[i], "%s: labels %zu", what, i);
    }
    cr_assert_eq(got->count, wanted->count, "%s: %zu assignments, not %zu", what, got->count,
                 wanted->count);
    cr_assert_eq(got->clusters, wanted->clusters, "%s", what);
    cr_assert(memcmp(&got->info, &wanted->info, sizeof got->info) == 0, "%s: info", what);
}

static const way ways[] = {
    {"tiles", 0, 1, false}, {"tiles", 1, 1, false}, {"tiles", 2, 1, false},
    {"bounds", 0, 1, false}, {"bounds", 1, 1, false}, {"bounds", 2, 1, false},
    {"plain", 1, 1, false}, {"plain", 2, 2, false}, {"plain", 2, 3, true}, {"auto", 2, 2, false},
    {"tiles", 2, 2, true}, {"tiles", 2, 8, false},
    {"bounds", 2, 2, false}, {"bounds", 2, 3, true}, {"bounds", 1, 8, true},
};

/* The plain way of plain kernels on one thread says what is right. */
Test(lloyd, every_way_is_plain)
{
    const way plain = {"plain", 0, 1, false};

    for (size_t q = 0; q < SETS; q++) {
        const set *s = &sets[q];
        double *x = rows_of(s, q), *weights = weights_of(s, q);
        history wanted, got;
        cr_assert_eq(fit(s, x, weights, &plain, &wanted, NULL), MELE_OK, "%s", s->name);
        cr_assert(isfinite(wanted.info.objective), "%s", s->name);
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            if (mele_i_kernels_at(ways[i].kernels) == NULL
                || (TEST_THREADS_ALONE && ways[i].threads == 1))
                continue;
            cr_assert_eq(fit(s, x, weights, &ways[i], &got, NULL), MELE_OK);
            check_same(s, &ways[i], &got, &wanted);
        }
        free(x), free(weights);
    }
}

/* The filter and the bounds do what they are for: else all of the above would be empty. */
Test(lloyd, few_rows_are_unclear)
{
    const way fast[] = {{"tiles", 2, 1, false}, {"bounds", 2, 1, false}};

    for (size_t q = 0; q < 8; q++)
        for (size_t i = 0; i < 2; i++) {
            double *x = rows_of(&sets[q], q);
            way w = fast[i];
            history h;
            while (mele_i_kernels_at(w.kernels) == NULL)
                w.kernels--;
            cr_assert_eq(fit(&sets[q], x, NULL, &w, &h, NULL), MELE_OK);
            cr_assert_gt(h.count, 3);
            cr_assert_lt(h.unclear, h.count * sets[q].n / 100, "%s: %zu rows in %zu assignments",
                         sets[q].name, h.unclear, h.count);
            free(x);
        }
}

/* A row of weight 2 is the row given twice, to rounding: here a row and its copy are neighbours, and
 * fit() starts from every 7919th row, which is the same one in both. */
Test(lloyd, weight_two_is_a_row_given_twice)
{
    const set single = {"weights", BLOBS, 3000, 3, 20, 1, 0, ' '};
    const double tolerance = 1e-11;
    double *x = rows_of(&single, 1), *weights = MELE_I_ARRAY(double, single.n);
    set twice = single;
    history weighted, doubled;

    cr_assert_not_null(weights);
    for (size_t i = 0; i < single.n; i++)
        weights[i] = i % 2 == 0 ? 2 : 0;
    for (const char *const *a = (const char *const[]){"plain", "tiles", "bounds", NULL}; *a; a++) {
        const way w = {*a, 0, 1, false};
        double *both = MELE_I_ARRAY(double, single.n *single.d);
        cr_assert_not_null(both);
        memcpy(both, x, single.n * single.d * sizeof *x);
        for (size_t i = 1; i < single.n; i += 2)
            memcpy(both + i * single.d, x + (i - 1) * single.d, single.d * sizeof *x);
        cr_assert_eq(fit(&single, both, weights, &w, &weighted, NULL), MELE_OK);
        cr_assert_eq(fit(&twice, both, NULL, &w, &doubled, NULL), MELE_OK);
        cr_assert_eq(weighted.info.iterations, doubled.info.iterations);
        cr_assert_float_eq(weighted.info.objective, doubled.info.objective,
                           tolerance * doubled.info.objective);
        free(both);
    }
    free(x), free(weights);
}

/* A fit that ends early keeps all its clusters, even those that the last assignment emptied: the
 * starts are rows, so that none is empty before. */
Test(lloyd, early_end_keeps_clusters)
{
    const set s = {"early", UNIFORM, 101, 1, 30, 1, 0, ' '};
    size_t repaired = 0;

    for (size_t q = 0; q < 400; q++)
        for (const char *const *a = (const char *const[]){"plain", "tiles", "bounds", NULL}; *a; a++) {
            const way w = {*a, 0, 1, false};
            double *x = rows_of(&s, q);
            history h;
            cr_assert_eq(fit_for(&s, x, NULL, &w, 1, &h, NULL), MELE_OK);
            cr_assert_eq(h.info.iterations, 1);
            cr_assert_eq(h.clusters, s.clusters);
            cr_assert_eq(h.count, 2 + (h.info.repaired > 0));
            repaired += h.info.repaired;
            free(x);
        }
    cr_assert_gt(repaired, 3);
}

/* Rows far from the centres, and NaN, too: the assigner says what nearest() says. */
Test(lloyd, assigner_is_nearest)
{
    for (size_t q = 0; q < SETS; q++) {
        const set *s = &sets[q];
        double *x = rows_of(s, q);
        uint32_t *label = MELE_I_ARRAY(uint32_t, s->n), *wanted = MELE_I_ARRAY(uint32_t, s->n);
        double *distance = MELE_I_ARRAY(double, s->n), *wanted_distance = MELE_I_ARRAY(double, s->n);
        mele_i_assigner a;
        mele_i_stream random = stream(q);
        for (size_t i = 0; i < s->n; i += 97)
            x[i * s->d] = i % 2 == 0 ? 1e300 * mele_i_stream_normal(&random) : INFINITY;
        cr_assert_eq(mele_i_assigner_make(&a, x + s->d, s->clusters - 1, s->d, NULL), MELE_OK);
        void *scratch = mele_i_array(mele_i_assigner_bytes(&a, s->n), 1);
        mele_i_kernels_at(0)->nearest(x, s->d, s->n, s->d, x + s->d, s->clusters - 1, wanted,
                                      wanted_distance);
        mele_i_assign(&a, x, s->d, s->n, label, distance, scratch);
        cr_assert(memcmp(label, wanted, s->n * sizeof *label) == 0, "%s", s->name);
        for (size_t i = 0; i < s->n; i++)
            cr_assert(distance[i] == wanted_distance[i] || isnan(distance[i]));
        memset(label, 255, s->n * sizeof *label);
        mele_i_assign(&a, x, s->d, s->n, label, NULL, scratch);
        cr_assert(memcmp(label, wanted, s->n * sizeof *label) == 0, "%s", s->name);
        mele_i_assigner_clear(&a);
        free(x), free(label), free(wanted), free(distance), free(wanted_distance), free(scratch);
    }
}

/* Memory that runs out anywhere is told, and nothing is lost. */
Test(lloyd, no_memory)
{
    static const char *const algorithms[] = {"plain", "tiles", "bounds"};
    const set s = {"small", BLOBS, 4200, 3, 20, 1, 0, ' '}; /* two blocks */
    double *x = rows_of(&s, 0);

    for (size_t a = 0; a < 3; a++) {
        const way w = {algorithms[a], 0, 0, false};
        for (size_t n = 0;; n++) {
            history h;
            mele_error error = {MELE_OK, 0, ""};
            failing_malloc_at(n);
            mele_status status = fit_for(&s, x, NULL, &w, 3, &h, &error);
            if (!failing_malloc_end()) {
                cr_assert_eq(status, MELE_OK);
                cr_assert_gt(n, 8);
                break;
            }
            cr_assert_eq(status, MELE_ENOMEM, "%s, allocation %zu: %d", w.algorithm, n, status);
        }
    }
    free(x);
}
