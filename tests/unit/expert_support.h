#ifndef TESTS_EXPERT_SUPPORT_H
#define TESTS_EXPERT_SUPPORT_H

/* What the tests of the kinds of experts share: made problems, naive solvers, files. */
#include <criterion/criterion.h>
#include <math.h>
#include <mele/left_out.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/stream.h"
#include "expert/assignment.h"
#include "expert/expert.h"
#include "support/failing_malloc.h"
#include "support/size.h"
#include "unit/engine_support.h"

#define SAME_BITS(a, b, count) cr_assert(memcmp((a), (b), (count) * sizeof(double)) == 0)

/* A problem with K regions; y has m columns, or one of classes. */
typedef struct made {
    size_t n, d, m, clusters, classes;
    double *x, *y, *weight, *log_posterior;
} made;

static inline double *numbers(size_t count)
{
    double *memory = malloc((count + 1) * sizeof *memory);

    cr_assert(memory != NULL);
    for (size_t i = 0; i < count; i++)
        memory[i] = NAN;
    return memory;
}

static inline mele_matrix made_x(const made *p)
{
    return mele_matrix_of(p->x, p->n, p->d);
}

static inline mele_targets made_targets(const made *p)
{
    mele_targets targets = {mele_rows_of_array(p->y, p->n, p->m), p->classes};

    return targets;
}

/* Half of all weights are 1, others 0.5 to 2: the ordinary row's is 1, also of most parts of the rows,
 * so that a ridge is the same in all of them. */
static inline double some_weight(double uniform)
{
    return uniform < 0.25 ? 0.5 + 2 * uniform : uniform < 0.75 ? 1 : 1 + 4 * (uniform - 0.75);
}

/* Features in about -2 .. 2, posteriors that overlap, weights in 0.5 .. 2; targets that are
 * linear in every region with noise, or classes drawn from a softmax. */
static inline made make_problem(size_t n, size_t d, size_t m, size_t clusters, size_t classes)
{
    made p = {n, d, m, clusters, classes, numbers(n * d), numbers(n * m), numbers(n),
              numbers(n * clusters)};
    mele_i_stream s = mele_i_stream_make(7, MELE_I_FOR_TESTS, d, n);

    for (size_t i = 0; i < n; i++) {
        double most = -INFINITY, sum = 0;
        for (size_t j = 0; j < d; j++)
            p.x[i * d + j] = mele_i_stream_normal(&s) + 0.2 * (double)j;
        for (size_t k = 0; k < clusters; k++) {
            double l = 1.5 * cos(1.3 * (double)k) * p.x[i * d] + 0.7 * mele_i_stream_normal(&s);
            p.log_posterior[i * clusters + k] = l;
            sum += exp(l);
            most = fmax(most, l);
        }
        for (size_t k = 0; k < clusters; k++)
            p.log_posterior[i * clusters + k] -= log(sum);
        for (size_t t = 0; t < m; t++) {
            double value = 0.5 * (double)t + 0.3 * mele_i_stream_normal(&s);
            for (size_t j = 0; j < d; j++)
                value += sin(1.1 * (double)(j + 1) * (double)(t + 1) + most) * p.x[i * d + j];
            p.y[i * m + t] = value;
        }
        if (classes > 0) {
            double c = floor(fmod(fabs(1.3 * p.y[i * m] + mele_i_stream_normal(&s)),
                                  (double)classes));
            p.y[i * m] = c;
        }
        p.weight[i] = some_weight(mele_i_stream_uniform(&s));
    }
    return p;
}

static inline void free_problem(made *p)
{
    free(p->x);
    free(p->y);
    free(p->weight);
    free(p->log_posterior);
}

/* mele_experts_fit(), with left-out predictions and their variances in arrays (NULL: not wanted), which a
 * failure leaves alone. */
static inline mele_status fit_to_arrays(const mele_expert_data *data,
                                        const mele_expert_options *options, mele_engine *engine,
                                        mele_experts **out, double *left_out, double *variance,
                                        mele_expert_info *info, mele_error *error)
{
    const bool wanted = left_out != NULL || variance != NULL;
    mele_left_out *handed = NULL;
    mele_status status = mele_experts_fit(data, options, engine, out, wanted ? &handed : NULL, info,
                                          error);

    cr_assert((status == MELE_OK && wanted) == (handed != NULL));
    if (handed == NULL)
        return status;
    const mele_rows mean = mele_left_out_mean(handed), spread = mele_left_out_variance(handed);
    cr_assert(mean.rows == data->x.rows);
    cr_assert(mean.cols == data->assignment->clusters * mele_left_out_outputs(handed));
    cr_assert(spread.cols == (data->targets.classes > 0 ? 0 : mean.cols));
    if (left_out != NULL)
        memcpy(left_out, mean.data, mean.rows * mean.cols * sizeof *left_out);
    if (variance != NULL && spread.cols > 0)
        memcpy(variance, spread.data, spread.rows * spread.cols * sizeof *variance);
    mele_left_out_free(handed);
    return status;
}

/* A fit to what options.assign makes of n x K log posteriors. */
static inline mele_status
fit_rows_by_posterior(const mele_rows *x, const mele_targets *targets, const double *weight,
                      const double *log_posterior, size_t clusters,
                      const mele_expert_options *options, mele_engine *engine, mele_experts **out,
                      double *left_out, double *left_out_variance, mele_expert_info *info,
                      mele_error *error)
{
    const mele_rows posteriors = mele_rows_of_array(log_posterior, x->rows, clusters);
    mele_i_assigned assigned;
    const mele_expert_data data = {*x, *targets, weight, &assigned.assignment};
    mele_status status = mele_i_assigned_make(&assigned, &posteriors,
                                              options == NULL ? "hard" : options->assign, engine,
                                              error);

    if (status == MELE_OK)
        status = fit_to_arrays(&data, options, engine, out, left_out, left_out_variance, info, error);
    mele_i_assigned_free(&assigned);
    return status;
}

static inline mele_status
fit_by_posterior(const mele_matrix *x, const mele_targets *targets, const double *weight,
                 const double *log_posterior, size_t clusters, const mele_expert_options *options,
                 mele_engine *engine, mele_experts **out, double *left_out,
                 double *left_out_variance, mele_expert_info *info, mele_error *error)
{
    const mele_rows rows = mele_rows_of(x);

    return fit_rows_by_posterior(&rows, targets, weight, log_posterior, clusters, options, engine,
                                 out, left_out, left_out_variance, info, error);
}

/* The experts of a problem's regions. */
static inline mele_experts *trained_experts(const made *p, const mele_expert_options *options)
{
    const mele_matrix x = made_x(p);
    const mele_targets targets = made_targets(p);
    mele_experts *e = NULL;
    mele_error error = {MELE_OK, 0, ""};
    mele_status status = fit_by_posterior(&x, &targets, p->weight, p->log_posterior, p->clusters,
                                          options, NULL, &e, NULL, NULL, NULL, &error);

    cr_assert(status == MELE_OK, "%s: %s", options->kind, error.message);
    return e;
}

/* All the results of one fit. */
typedef struct fitted {
    mele_experts *experts;
    double *coefficients, *variance, *left_out, *left_out_variance;
    mele_expert_info *info;
    size_t outputs;
} fitted;

static inline fitted fit_with(const made *p, const double *weight,
                              const mele_expert_options *options, mele_engine *engine)
{
    size_t outputs = p->classes > 0 ? p->classes : p->m, size = outputs * (p->d + 1);
    mele_matrix x = made_x(p);
    mele_targets targets = made_targets(p);
    mele_error error = {MELE_OK, 0, ""};
    fitted f = {NULL, numbers((p->clusters + 1) * size), numbers(p->clusters * outputs),
                numbers(p->n * p->clusters * outputs), numbers(p->n * p->clusters * outputs),
                calloc(p->clusters + 1, sizeof(mele_expert_info)), outputs};

    mele_status status = fit_by_posterior(&x, &targets, weight, p->log_posterior, p->clusters,
                                          options, engine, &f.experts, f.left_out,
                                          f.left_out_variance, f.info, &error);
    cr_assert(status == MELE_OK, "%s", error.message);
    for (size_t k = 0; k <= p->clusters; k++)
        cr_assert(mele_i_experts_coefficients(f.experts, k, f.coefficients + k * size));
    mele_experts_variances(f.experts, f.variance);
    return f;
}

static inline void free_fitted(fitted *f)
{
    mele_experts_free(f->experts);
    free(f->coefficients);
    free(f->variance);
    free(f->left_out);
    free(f->left_out_variance);
    free(f->info);
}

/* Same bytes of everything. */
static inline void assert_same(const made *p, const fitted *a, const fitted *b)
{
    size_t count = p->clusters * a->outputs;

    SAME_BITS(a->coefficients, b->coefficients, (count + a->outputs) * (p->d + 1));
    SAME_BITS(a->left_out, b->left_out, p->n * count);
    if (p->classes == 0) {
        SAME_BITS(a->variance, b->variance, count);
        SAME_BITS(a->left_out_variance, b->left_out_variance, p->n * count);
    }
    for (size_t k = 0; k <= p->clusters; k++) {
        cr_assert(a->info[k].rank == b->info[k].rank);
        SAME_BITS(&a->info[k].error, &b->info[k].error, 1);
        SAME_BITS(&a->info[k].rows, &b->info[k].rows, 1);
    }
}

/* The weight of a row in a region, as the definition has it. */
static inline double weight_in(const made *p, size_t i, size_t k, bool soft)
{
    const double *l = p->log_posterior + i * p->clusters;
    double sum = 0;
    size_t best = 0;

    if (k == p->clusters)
        return 1;
    for (size_t c = 0; c < p->clusters; c++) {
        sum += exp(l[c]);
        best = l[c] > l[best] ? c : best;
    }
    return soft ? exp(l[k]) / sum : best == k;
}

/* Solve the n x n system a z = b (m right sides, row-major) by elimination with pivoting. */
static inline void naive_solve(long double *a, long double *b, size_t n, size_t m)
{
    for (size_t c = 0; c < n; c++) {
        size_t pivot = c;
        for (size_t i = c; i < n; i++)
            if (fabsl(a[i * n + c]) > fabsl(a[pivot * n + c]))
                pivot = i;
        for (size_t j = 0; j < n + m && pivot != c; j++) {
            long double *u = j < n ? &a[c * n + j] : &b[c * m + j - n];
            long double *v = j < n ? &a[pivot * n + j] : &b[pivot * m + j - n];
            long double swapped = *u;
            *u = *v;
            *v = swapped;
        }
        for (size_t i = 0; i < n; i++) {
            long double share = i == c ? 0 : a[i * n + c] / a[c * n + c];
            for (size_t j = 0; j < n && i != c; j++)
                a[i * n + j] -= share * a[c * n + j];
            for (size_t j = 0; j < m && i != c; j++)
                b[i * m + j] -= share * b[c * m + j];
        }
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++)
            b[i * m + j] /= a[i * n + i];
}

/* Read the numbers of a CSV file with one header line; returns the rows. */
static inline size_t read_numbers(const char *name, size_t columns, double *out, size_t most)
{
    char path[512], line[1024];
    size_t rows = 0;

    snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
    FILE *file = fopen(path, "r");
    cr_assert(file != NULL, "%s", path);
    cr_assert(fgets(line, sizeof line, file) != NULL);
    while (rows < most && fgets(line, sizeof line, file) != NULL) {
        char *at = line;
        for (size_t j = 0; j < columns; j++, at += *at == ',')
            out[rows * columns + j] = strtod(at, &at);
        rows++;
    }
    fclose(file);
    return rows;
}

/* Columns minus their means over their standard deviations (n - 1), both kept. */
static inline void standardise(double *x, size_t n, size_t d, double *mean, double *scale)
{
    for (size_t j = 0; j < d; j++) {
        mean[j] = scale[j] = 0;
        for (size_t i = 0; i < n; i++)
            mean[j] += x[i * d + j] / (double)n;
        for (size_t i = 0; i < n; i++)
            scale[j] += (x[i * d + j] - mean[j]) * (x[i * d + j] - mean[j]);
        scale[j] = sqrt(scale[j] / (double)(n - 1));
        for (size_t i = 0; i < n; i++)
            x[i * d + j] = (x[i * d + j] - mean[j]) / scale[j];
    }
}

/* The same bytes for any number of threads. */
static inline void check_threads(const made *p, const mele_expert_options *options)
{
    static const unsigned threads[] = {2, 3, 5};
    fitted serial = fit_with(p, p->weight, options, NULL);

    for (size_t i = TEST_SIZE(0, 0, 1); i < TEST_SIZE(3, 3, 2); i++) {
        mele_engine *engine = engine_of(threads[i]);
        fitted parallel = fit_with(p, p->weight, options, engine);
        assert_same(p, &serial, &parallel);
        free_fitted(&parallel);
        mele_engine_free(engine);
    }
    free_fitted(&serial);
}

/* A row on its own is predicted as among the others. */
static inline void check_rows_alone(const made *p, const fitted *f)
{
    mele_matrix x = made_x(p);
    size_t width = p->clusters * f->outputs;
    bool variances = p->classes == 0;
    double *all = numbers(p->n * width), *variance = variances ? numbers(p->n * width) : NULL;
    double *one = numbers(width), *one_variance = variances ? numbers(width) : NULL;

    cr_assert(mele_experts_predict(f->experts, &x, NULL, all, variance, NULL) == MELE_OK);
    for (size_t i = 0; i < p->n; i++) {
        mele_matrix row = mele_matrix_of(p->x + i * p->d, 1, p->d);
        cr_assert(mele_experts_predict(f->experts, &row, NULL, one, one_variance, NULL) == MELE_OK);
        SAME_BITS(one, all + i * width, width);
        if (variances)
            SAME_BITS(one_variance, variance + i * width, width);
    }
    free(all);
    free(variance);
    free(one);
    free(one_variance);
}

/* Let every allocation of a fit fail in turn: it says so and touches nothing. There are more
 * than `least` allocations. */
static inline void check_out_of_memory(const made *p, const double *weight,
                                       const mele_expert_options *options, size_t least)
{
    size_t outputs = p->classes > 0 ? p->classes : p->m, count = p->n * p->clusters * outputs;
    double *left_out = numbers(count), *before = numbers(count);
    mele_matrix x = made_x(p);
    mele_targets targets = made_targets(p);
    size_t failures = 0;

    for (size_t n = 0;; n++) {
        mele_experts *experts = NULL;
        for (size_t i = 0; i < count; i++)
            left_out[i] = before[i] = 0.25;
        failing_malloc_at(n);
        mele_status status =
            fit_by_posterior(&x, &targets, weight, p->log_posterior, p->clusters, options, NULL,
                             &experts, left_out, NULL, NULL, NULL);
        bool failed = failing_malloc_end();
        cr_assert(status == (failed ? MELE_ENOMEM : MELE_OK), "allocation %zu: %d", n, status);
        if (failed) {
            cr_assert(experts == NULL);
            SAME_BITS(left_out, before, count);
        }
        mele_experts_free(experts);
        if (!failed)
            break;
        failures++;
    }
    cr_assert(failures > least, "%zu: the harness does not see the library's allocations",
              failures);
    free(left_out);
    free(before);
}

/* Posteriors of 0 and 1, under which soft regions are the hard ones. */
static inline void make_certain(made *p)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->clusters; k++)
            p->log_posterior[i * p->clusters + k] = i * 7 % p->clusters == k ? 0 : -INFINITY;
}

/* How a saved section is spoiled. */
typedef struct spoiled {
    const char *what;
    void (*spoil)(json_t *section);
} spoiled;

static inline void unknown_key(json_t *s)
{
    json_object_set_new(s, "colour", json_integer(1));
}
static inline void missing_count(json_t *s)
{
    json_object_del(s, "clusters");
}
static inline void wrong_count(json_t *s)
{
    json_object_set_new(s, "clusters", json_integer(77));
}
static inline void wrong_columns(json_t *s)
{
    json_object_set_new(s, "columns", json_integer(31000));
}
static inline void unknown_kind(json_t *s)
{
    json_object_set_new(s, "kind", json_string("oracle"));
}
static inline void no_experts(json_t *s)
{
    json_object_set_new(s, "experts", json_array());
}
static inline void expert_not_object(json_t *s)
{
    json_array_set_new(json_object_get(s, "experts"), 0, json_integer(3));
}
static inline void unknown_expert_key(json_t *s)
{
    json_object_set_new(json_array_get(json_object_get(s, "experts"), 0), "mood", json_null());
}
static inline void large_rank(json_t *s)
{
    json_object_set_new(json_array_get(json_object_get(s, "experts"), 0), "rank",
                        json_integer(1000));
}
static inline void negative_rows(json_t *s)
{
    json_object_set_new(json_array_get(json_object_get(s, "experts"), 0), "rows", json_real(-2));
}
static inline void short_coefficients(json_t *s)
{
    json_t *rows = json_object_get(json_array_get(json_object_get(s, "experts"), 0),
                                   "coefficients");

    json_array_remove(json_array_get(rows, 0), 0);
}
static inline void text_coefficient(json_t *s)
{
    json_t *rows = json_object_get(json_object_get(s, "global"), "coefficients");

    json_array_set_new(json_array_get(rows, 0), 0, json_string("1"));
}
static inline void fallback_global(json_t *s)
{
    json_object_set_new(json_object_get(s, "global"), "fallback", json_true());
}

static const spoiled spoils[] = {
    {"an unknown key", unknown_key},         {"no clusters", missing_count},
    {"a wrong count", wrong_count},          {"wrong columns", wrong_columns},
    {"an unknown kind", unknown_kind},       {"no experts", no_experts},
    {"an expert that is none", expert_not_object}, {"an expert's unknown key", unknown_expert_key},
    {"a rank too large", large_rank},        {"negative rows", negative_rows},
    {"too few coefficients", short_coefficients}, {"text for a coefficient", text_coefficient},
    {"a global fallback", fallback_global},
};

/* A round trip through text predicts the same bits; every spoiled section is refused. */
static inline void check_round_trip(const made *p, const fitted *f)
{
    size_t count = p->n * p->clusters * f->outputs;
    double *before = numbers(2 * count), *after = numbers(2 * count);
    bool variances = p->classes == 0;
    mele_matrix x = made_x(p);
    mele_experts *loaded = NULL;
    json_t *section = mele_i_experts_save(f->experts);
    char *text = json_dumps(section, 0);
    json_t *read = json_loads(text, 0, NULL);
    mele_error error = {MELE_OK, 0, ""};

    cr_assert(mele_i_experts_load(read, &loaded, &error) == MELE_OK, "%s", error.message);
    cr_assert(mele_experts_predict(f->experts, &x, NULL, before, variances ? before + count : NULL,
                                   NULL) == MELE_OK);
    cr_assert(mele_experts_predict(loaded, &x, NULL, after, variances ? after + count : NULL, NULL)
              == MELE_OK);
    SAME_BITS(before, after, variances ? 2 * count : count);
    cr_assert_str_eq(mele_experts_name(loaded), mele_experts_name(f->experts));
    json_t *again = mele_i_experts_save(loaded);
    cr_assert(json_equal(section, again));
    mele_experts_free(loaded);
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        json_t *bad = json_deep_copy(section);
        spoils[i].spoil(bad);
        loaded = (mele_experts *)&error;
        cr_assert(mele_i_experts_load(bad, &loaded, NULL) == MELE_EDATA, "%s", spoils[i].what);
        cr_assert(loaded == (mele_experts *)&error);
        json_decref(bad);
    }
    json_decref(again);
    json_decref(read);
    json_decref(section);
    free(text);
    free(before);
    free(after);
}

#endif
