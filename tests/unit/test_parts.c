/* What a partition is made of: from arrays and back, in a model, in fewer columns. */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/stream.h"
#include "partition/kind.h"
#include "partition/partition.h"

enum { N = 240, D = 3, K = 3 };

/* Two kinds of lists: what a partition may be, "" standing for k-means. */
static const char *const covariances[] = {"", "full", "tied", "diagonal", "spherical"};

#define KINDS (sizeof covariances / sizeof *covariances)

static double *blobs(uint64_t index)
{
    mele_i_stream random = mele_i_stream_make(6, MELE_I_FOR_TESTS, 0, index);
    double *x = MELE_I_ARRAY(double, N *D);

    cr_assert_not_null(x);
    for (size_t i = 0; i < N; i++) {
        double along = mele_i_stream_normal(&random);
        for (size_t j = 0; j < D; j++)
            x[i * D + j] = (double)(i % K * (j + 1)) + (j == 0 ? 0.6 : 0.2) * along
                           + 0.3 * mele_i_stream_normal(&random);
    }
    return x;
}

static mele_partition *fitted(const double *x, const char *covariance)
{
    mele_matrix view = mele_matrix_of(x, N, D);
    mele_partition_options o = mele_partition_defaults();
    mele_partition *p = NULL;

    o.method = covariance[0] == '\0' ? "kmeans" : "gmm";
    o.covariance = covariance[0] == '\0' ? "full" : covariance;
    o.clusters = K;
    o.restarts = 2;
    cr_assert_eq(mele_partition_fit(&view, NULL, &o, NULL, &p, NULL, NULL), MELE_OK);
    return p;
}

static char *section_text(const mele_partition *p)
{
    json_t *section = mele_i_partition_save(p);
    char *text = json_dumps(section, JSON_REAL_PRECISION(17));

    cr_assert(section != NULL && text != NULL);
    json_decref(section);
    return text;
}

static mele_partition *loaded(const char *text)
{
    json_t *section = json_loads(text, 0, NULL);
    mele_partition *p = NULL;
    mele_error error;

    cr_assert_eq(mele_i_partition_load(section, &p, &error), MELE_OK, "%s", error.message);
    json_decref(section);
    return p;
}

/* Its parts, of which the arrays are to be freed. */
static mele_partition_arrays taken_apart(const mele_partition *p)
{
    size_t clusters = mele_partition_clusters(p), columns = mele_partition_columns(p);
    double *centres = MELE_I_ARRAY(double, clusters *columns);
    double *weights = MELE_I_ARRAY(double, clusters);
    double *numbers = MELE_I_ARRAY(double, mele_partition_covariance_count(p));

    cr_assert(centres != NULL && weights != NULL && numbers != NULL);
    mele_partition_centres(p, centres);
    mele_partition_weights(p, weights);
    mele_partition_covariances(p, numbers);
    return (mele_partition_arrays){mele_partition_name(p), mele_partition_covariance_kind(p),
                                  mele_matrix_of(centres, clusters, columns), weights, numbers};
}

static void free_parts(const mele_partition_arrays *parts)
{
    free((double *)parts->centres.data);
    free((double *)parts->weights);
    free((double *)parts->covariances);
}

static bool close_to(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * (1 + fabs(b));
}

/* A fit, the same saved and loaded, and the same put together from its parts say the same bytes. */
Test(parts, whichever_way_it_came)
{
    double *x = blobs(1), a[N * K], b[N * K];
    mele_matrix view = mele_matrix_of(x, N, D);

    for (size_t c = 0; c < KINDS; c++) {
        mele_partition *p = fitted(x, covariances[c]), *again[2] = {NULL, NULL};
        char *text = section_text(p);
        mele_partition_arrays parts = taken_apart(p);
        mele_error error;
        cr_assert_eq(mele_partition_new(&parts, &again[0], &error), MELE_OK, "%s", error.message);
        again[1] = loaded(text);
        cr_assert_eq(mele_partition_log_posteriors(p, &view, NULL, a, NULL), MELE_OK);
        for (size_t i = 0; i < 2; i++) {
            char *other = section_text(again[i]);
            cr_assert_str_eq(other, text);
            cr_assert_eq(mele_partition_log_posteriors(again[i], &view, NULL, b, NULL), MELE_OK);
            cr_assert(memcmp(a, b, sizeof a) == 0, "%s", covariances[c]);
            cr_assert_str_eq(mele_partition_name(again[i]), c == 0 ? "kmeans" : "gmm");
            cr_assert_str_eq(mele_partition_covariance_kind(again[i]),
                             c == 0 ? "shared" : covariances[c]);
            mele_partition_free(again[i]);
            free(other);
        }
        free_parts(&parts);
        mele_partition_free(p);
        free(text);
    }
    free(x);
}

/* Numbers that no fit made come back as they went in; d = 2, K = 2. */
Test(parts, arrays_come_back)
{
    static const struct {
        const char *method, *covariance;
        size_t count;
        double parameters, covariances[8];
    } all[] = {
        {"gmm", "full", 8, 4 + 1 + 6, {2, 0.5, 0.5, 3, 1e-3, 0, 0, 1e7}},
        {"gmm", "tied", 4, 4 + 1 + 3, {2, -1.25, -1.25, 1}},
        {"gmm", "diagonal", 4, 4 + 1 + 4, {2, 0.1, 1e-9, 7}},
        {"gmm", "spherical", 2, 4 + 1 + 2, {0.3, 17}},
        {"kmeans", NULL, 1, 4 + 1, {0.7}},
    };
    const double centres[] = {1, 5, 77, 3, 4, 88}, weights[] = {0.1, 0.9};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        mele_partition_arrays parts = {.method = all[i].method,
                                      .covariance = all[i].covariance,
                                      .weights = weights,
                                      .covariances = all[i].covariances};
        mele_partition *p = NULL;
        double got[8], sums[2];
        parts.centres = (mele_matrix){centres, 2, 2, 3};
        cr_assert_eq(mele_partition_new(&parts, &p, NULL), MELE_OK);
        cr_assert_eq(mele_partition_covariance_count(p), all[i].count);
        cr_assert_eq(mele_partition_parameters(p), all[i].parameters);
        mele_partition_covariances(p, got);
        cr_assert(memcmp(got, all[i].covariances, all[i].count * sizeof *got) == 0);
        mele_partition_centres(p, got);
        cr_assert(got[0] == 1 && got[1] == 5 && got[2] == 3 && got[3] == 4);
        mele_partition_weights(p, sums);
        cr_assert(i == 4 ? sums[0] == 0.5 && sums[1] == 0.5
                         : memcmp(sums, weights, sizeof sums) == 0);
        mele_partition_free(p);
        parts.weights = NULL;
        cr_assert_eq(mele_partition_new(&parts, &p, NULL), MELE_OK);
        mele_partition_weights(p, sums);
        cr_assert(sums[0] == 0.5 && sums[1] == 0.5);
        mele_partition_free(p);
    }
}

/* log N(x; m, S) of two columns, by the inverse of S = [a b; b c] in long double. */
static double density_by_hand(const double *x, const double *m, double a, double b, double c)
{
    long double u = (long double)x[0] - m[0], v = (long double)x[1] - m[1];
    long double det = (long double)a * c - (long double)b * b;

    return (double)(-logl(2 * acosl(-1)) - logl(det) / 2
                    - (c * u * u - 2 * b * u * v + a * v * v) / det / 2);
}

Test(parts, densities)
{
    static const struct {
        const char *covariance;
        double numbers[8], s[2][3]; /* the covariances as a, b, c */
    } all[] = {
        {"full", {2, 0.5, 0.5, 3, 0.1, -0.2, -0.2, 0.7}, {{2, 0.5, 3}, {0.1, -0.2, 0.7}}},
        {"tied", {2, -1.25, -1.25, 1}, {{2, -1.25, 1}, {2, -1.25, 1}}},
        {"diagonal", {2, 0.1, 0.5, 7}, {{2, 0, 0.1}, {0.5, 0, 7}}},
        {"spherical", {0.3, 17}, {{0.3, 0, 0.3}, {17, 0, 17}}},
        {"", {0.7}, {{0.7, 0, 0.7}, {0.7, 0, 0.7}}},
    };
    const double centres[] = {1, 5, -3, 2}, weights[] = {1, 0};
    double x[38];
    mele_matrix view = mele_matrix_of(x, 19, 2);

    for (size_t i = 0; i < 38; i++)
        x[i] = (double)(i * i % 23) - 9;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const bool kmeans = all[i].covariance[0] == '\0';
        mele_partition_arrays parts = {kmeans ? "kmeans" : "gmm", all[i].covariance,
                                      mele_matrix_of(centres, 2, 2), weights, all[i].numbers};
        mele_partition *p = NULL;
        double own[38], post[38], density[19];
        cr_assert_eq(mele_partition_new(&parts, &p, NULL), MELE_OK);
        cr_assert_eq(mele_partition_log_densities(p, &view, NULL, own, NULL), MELE_OK);
        cr_assert_eq(mele_partition_log_posteriors(p, &view, NULL, post, NULL), MELE_OK);
        cr_assert_eq(mele_partition_log_density(p, &view, NULL, density, NULL), MELE_OK);
        for (size_t r = 0; r < 19; r++) {
            for (size_t k = 0; k < 2; k++) {
                const double *s = all[i].s[k];
                double wanted = density_by_hand(x + 2 * r, centres + 2 * k, s[0], s[1], s[2]);
                cr_assert(close_to(own[2 * r + k], wanted, 1e-13), "%s: %.17g, %.17g",
                          all[i].covariance, own[2 * r + k], wanted);
            }
            if (!kmeans) /* a prior of 0 leaves the component its density, and no posterior */
                cr_assert(post[2 * r] == 0 && post[2 * r + 1] == -INFINITY
                          && close_to(density[r], own[2 * r], 1e-13));
        }
        mele_partition_free(p);
    }
}

/* The marginal in the first columns has the leading blocks. */
Test(parts, marginals)
{
    double *x = blobs(2);

    for (size_t c = 0; c < KINDS; c++) {
        mele_partition *p = fitted(x, covariances[c]);
        mele_partition_arrays whole = taken_apart(p);
        for (size_t cols = 1; cols < D; cols++) {
            mele_partition *q = NULL;
            cr_assert_eq(mele_i_partition_marginal(p, cols, &q, NULL), MELE_OK);
            mele_partition_arrays part = taken_apart(q);
            cr_assert_str_eq(part.covariance, whole.covariance);
            cr_assert(memcmp(part.weights, whole.weights, K * sizeof(double)) == 0);
            size_t count = mele_partition_covariance_count(q);
            for (size_t i = 0; i < count; i++) {
                size_t square = cols * cols, k = i / square, row = i % square / cols;
                size_t at = c == 1 || c == 2 ? k * D * D + row * D + i % cols
                            : c == 3         ? i / cols * D + i % cols
                                             : i;
                cr_assert_eq(part.covariances[i], whole.covariances[at]);
            }
            /* and, being made of its parts, their densities */
            mele_partition *again = NULL;
            double a[N * K], b[N * K];
            mele_matrix view = {x, N, cols, D};
            cr_assert_eq(mele_partition_new(&part, &again, NULL), MELE_OK);
            cr_assert_eq(mele_partition_log_densities(q, &view, NULL, a, NULL), MELE_OK);
            cr_assert_eq(mele_partition_log_densities(again, &view, NULL, b, NULL), MELE_OK);
            for (size_t i = 0; i < N * K; i++)
                cr_assert(close_to(a[i], b[i], 1e-12));
            free_parts(&part);
            mele_partition_free(again);
            mele_partition_free(q);
        }
        free_parts(&whole);
        mele_partition_free(p);
    }
    free(x);
}

/* ---- refusals ---- */

static const struct {
    const char *what, *message;
    mele_status status;
    const char *method, *covariance;
    double centre, weights[2], covariances[8];
} bad[] = {
    {"method", "method \"ward\" is not known", MELE_EINVAL, "ward", "full", 1, {0.5, 0.5}, {1}},
    {"no method", "method \"\" is not known", MELE_EINVAL, NULL, "full", 1, {0.5, 0.5}, {1}},
    {"kind", "covariance \"round\" is not known", MELE_EINVAL, "gmm", "round", 1, {1}, {1}},
    {"no kind", "covariance \"\" is not known", MELE_EINVAL, "gmm", NULL, 1, {1}, {1}},
    {"centre",
     "centres: row 2, column 1 is nan, not a finite number",
     MELE_EDATA,
     "gmm",
     "tied",
     NAN,
     {0.5, 0.5},
     {1, 0, 0, 1}},
    {"negative prior",
     "\"weights\" has -0.5",
     MELE_EDATA,
     "gmm",
     "spherical",
     1,
     {-0.5, 1.5},
     {1, 1}},
    {"sum of priors",
     "\"weights\" add up to 0.75, not 1",
     MELE_EDATA,
     "gmm",
     "spherical",
     1,
     {0.5, 0.25},
     {1, 1}},
    {"NaN prior", "\"weights\" has nan", MELE_EDATA, "gmm", "spherical", 1, {0.5, NAN}, {1, 1}},
    {"infinite",
     "covariances: element 3 is inf, not a finite number",
     MELE_EDATA,
     "gmm",
     "diagonal",
     1,
     {0.5, 0.5},
     {1, 1, INFINITY, 1}},
    {"not symmetric",
     "covariances: number 2 is not symmetric",
     MELE_EDATA,
     "gmm",
     "full",
     1,
     {0.5, 0.5},
     {1, 0, 0, 1, 1, 0.5, 0.5000001, 1}},
    {"indefinite",
     "\"covariances\": number 2 is not positive definite",
     MELE_EDATA,
     "gmm",
     "full",
     1,
     {0.5, 0.5},
     {1, 0, 0, 1, 1, 2, 2, 1}},
    {"singular",
     "\"covariances\": number 1 is not positive definite",
     MELE_EDATA,
     "gmm",
     "tied",
     1,
     {0.5, 0.5},
     {1, 1, 1, 1}},
    {"zero variance",
     "\"covariances\": number 2 is not positive definite",
     MELE_EDATA,
     "gmm",
     "diagonal",
     1,
     {0.5, 0.5},
     {1, 1, 0, 1}},
    {"negative variance",
     "\"covariances\": number 1 is not positive definite",
     MELE_EDATA,
     "gmm",
     "spherical",
     1,
     {0.5, 0.5},
     {-1, 1}},
    {"variance of k-means",
     "covariances: 0 is not a positive number",
     MELE_EDATA,
     "kmeans",
     NULL,
     1,
     {0.5, 0.5},
     {0}},
};

Test(parts, refusals)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const double centres[] = {1, 2, bad[i].centre, 4};
        mele_partition_arrays parts = {bad[i].method, bad[i].covariance,
                                      mele_matrix_of(centres, 2, 2), bad[i].weights,
                                      bad[i].covariances};
        mele_partition *p = NULL;
        mele_error error;
        cr_assert_eq(mele_partition_new(&parts, &p, &error), bad[i].status, "%s", bad[i].what);
        cr_assert_str_eq(error.message, bad[i].message);
        cr_assert_null(p);
    }
}

Test(parts, nothing)
{
    const double centres[] = {1, 2}, variance = 1;
    mele_partition_arrays parts = {"kmeans", NULL, mele_matrix_of(centres, 2, 1), NULL, NULL};
    mele_partition *p = NULL;

    cr_assert_eq(mele_partition_new(NULL, &p, NULL), MELE_EINVAL);
    cr_assert_eq(mele_partition_new(&parts, &p, NULL), MELE_EINVAL);
    parts.covariances = &variance;
    parts.centres.data = NULL;
    cr_assert_eq(mele_partition_new(&parts, &p, NULL), MELE_EINVAL);
    parts.centres = mele_matrix_of(centres, 0, 1);
    cr_assert_eq(mele_partition_new(&parts, &p, NULL), MELE_EINVAL);
    cr_assert_null(p);
}

/* ---- sections ---- */

#define SECTION(rest)                                                                              \
    "{\"kind\":\"gmm\",\"clusters\":2,\"columns\":2,\"centres\":[[1,2],[3,4]]," rest "}"

/* Models without a kind of covariance are full; once they had the whiteners. */
Test(parts, models_of_before)
{
    const char *const texts[] = {
        SECTION("\"weights\":[0.5,0.5],\"covariances\":[[4,2,5],[1,0,1]]"),
        /* L = [2 0; 1 2], W = [0.5 0; -0.25 0.5] */
        SECTION("\"weights\":[0.5,0.5],\"whiteners\":[[0.5,-0.25,0.5],[1,0,1]]"),
    };
    const double wanted[] = {4, 2, 2, 5, 1, 0, 0, 1};

    for (size_t i = 0; i < 2; i++) {
        mele_partition *p = loaded(texts[i]);
        double got[8];
        cr_assert_str_eq(mele_partition_covariance_kind(p), "full");
        mele_partition_covariances(p, got);
        for (size_t j = 0; j < 8; j++)
            cr_assert(close_to(got[j], wanted[j], 1e-15));
        mele_partition_free(p);
    }
}

static const struct {
    const char *text, *message;
} bad_sections[] = {
    {SECTION("\"covariance\":\"round\",\"weights\":[1,0],\"covariances\":[[1],[1]]"),
     "\"covariance\" is of the unknown kind \"round\""},
    {SECTION("\"covariance\":7,\"weights\":[1,0],\"covariances\":[[1],[1]]"),
     "\"covariance\" is not a string"},
    {SECTION("\"covariance\":\"spherical\",\"weights\":[1,0]"),
     "\"covariances\" is not an array of 2 rows"},
    {SECTION("\"covariance\":\"tied\",\"weights\":[1,0],\"covariances\":[[1,0,1],[1,0,1]]"),
     "\"covariances\" is not an array of 1 rows"},
    {SECTION("\"covariance\":\"full\",\"weights\":[1,0],\"whiteners\":[[1,0,1],[1,0,1]],"
             "\"covariances\":[[1,0,1],[1,0,1]]"),
     "\"partition\" has the unknown key \"whiteners\""},
    {SECTION("\"covariance\":\"diagonal\",\"weights\":[1,0],\"covariances\":[[1,1],[1,-1]]"),
     "\"covariances\": number 2 is not positive definite"},
    {SECTION("\"covariance\":\"diagonal\",\"weights\":[1,1],\"covariances\":[[1,1],[1,1]]"),
     "\"weights\" add up to 2, not 1"},
};

Test(parts, refuses_bad_sections)
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
