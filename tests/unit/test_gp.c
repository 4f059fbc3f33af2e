#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <pthread.h>

#include "core/cholesky.h"
#include "core/memory.h"
#include "core/stream.h"
#include "expert/gp/subset.h"
#include "expert/gp/likelihood.h"
#include "expert/gp/search.h"
#include "expert/gp/state.h"
#include "expert/kind.h"
#include "support/size.h"
#include "unit/expert_support.h"
#include "unit/gp_reference.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* ---- functions to learn ---- */

static double wave(const double *x)
{
    return sin(3 * x[0]) + 0.5 * x[0];
}

static double branin(const double *x)
{
    const double pi = 3.14159265358979323846, a = x[0], b = x[1];
    const double root = b - 5.1 / (4 * pi * pi) * a * a + 5 / pi * a - 6;

    return root * root + 10 * (1 - 1 / (8 * pi)) * cos(a) + 10;
}

/* Rows first .. of the sequence that tests/ref/gp.py has, and what a function is there. */
static void make_points(const char *function, size_t first, size_t n, double *x, double *y)
{
    static const double steps[] = {0.6180339887498949, 0.4142135623730951};
    const bool one = strcmp(function, "wave") == 0;
    const double low[] = {one ? -2 : -5, 0}, width[] = {one ? 6 : 15, 15};
    const size_t d = one ? 1 : 2;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < d; j++) {
            const double turns = (double)(first + i + 1) * steps[j];
            x[i * d + j] = low[j] + width[j] * (turns - floor(turns));
        }
        y[i] = one ? wave(x + i * d) : branin(x + i * d);
    }
}

/* ---- training one region ---- */

typedef struct trained {
    mele_i_expert_shape shape;
    mele_i_expert expert;
    mele_expert_info info;
    double variance[4];
    double *left_out, *left_out_variance;
} trained;

/* Floors of variances, where nothing is about them. */
static const double least[4] = {DBL_MIN, DBL_MIN, DBL_MIN, DBL_MIN};

static mele_expert_options settled(const char *kernel)
{
    mele_expert_options options = {.kernel = kernel, .terms = 1, .most_rows = 500, .restarts = 1,
                                   .seed = 1};

    return options;
}

static mele_expert_options settled_terms(const char *kernel, size_t terms)
{
    mele_expert_options options = settled(kernel);

    options.terms = terms;
    return options;
}

/* weights NULL: all 1. */
static mele_status try_training(size_t n, size_t d, size_t m, const double *x, const double *y,
                                const double *weights, const mele_expert_options *options,
                                const mele_i_expert *start, mele_engine *engine, trained *out)
{
    size_t *row = malloc(n * sizeof *row);
    double *level = malloc(n * sizeof *level), total = 0;

    for (size_t i = 0; i < n; i++)
        total += weights == NULL ? 1 : weights[i];
    for (size_t i = 0; i < n; i++) {
        row[i] = i;
        level[i] = weights == NULL ? 1 : weights[i] * ((double)n / total);
    }
    const mele_i_expert_rows rows = {n, row, x, y, level, 2, NULL, least};
    mele_i_expert_result result = {&out->expert, &out->info, out->left_out,
                                   out->left_out_variance};
    out->shape = (mele_i_expert_shape){d, m, 0};
    out->expert = (mele_i_expert){.kind = &mele_i_expert_gp, .degree = 1, .own = 1,
                                  .rows = total, .variance = out->variance};
    mele_status status = mele_i_expert_gp.train(&rows, &out->shape, options, start, engine,
                                                &result, NULL);
    free(row);
    free(level);
    return status;
}

static trained train_rows(size_t n, size_t d, size_t m, const double *x, const double *y,
                          const double *weights, const mele_expert_options *options)
{
    trained t = {.left_out = numbers(n * m), .left_out_variance = numbers(n * m)};

    cr_assert(try_training(n, d, m, x, y, weights, options, NULL, NULL, &t) == MELE_OK);
    return t;
}

static void free_trained(trained *t)
{
    mele_i_expert_gp.free(t->expert.state);
    free(t->left_out);
    free(t->left_out_variance);
}

static void predict_rows(const trained *t, const double *x, size_t rows, double *mean,
                         double *variance)
{
    const mele_i_expert *expert = &t->expert;
    const mele_i_expert_group group = {t->shape, 1, &expert, t->shape.outputs};
    void *scratch = mele_i_array(mele_i_expert_gp.scratch(&group, rows), 1);

    mele_i_expert_gp.predict(&group, x, t->shape.columns, rows, mean, variance, scratch);
    free(scratch);
}

/* A process with the hyper-parameters given, of targets in their own units. */
static mele_i_gp *process_of(const char *kernel, size_t terms, size_t n, size_t d, const double *x,
                             const double *y, const double *weights, const double *lengths,
                             const double *shares, double noise, double *signal)
{
    mele_i_gp *gp = mele_i_gp_make(mele_i_gp_kernel_named(kernel), terms, n, d, 1);
    double *factor = numbers(n * (n + MELE_I_GP_BLOCK)), *ones = numbers(n), copies = 0;

    memcpy(gp->x, x, n * d * sizeof *x);
    memcpy(gp->weights, weights, n * sizeof *weights);
    memcpy(gp->length, lengths, terms * d * sizeof *lengths);
    memcpy(gp->share, shares, terms * sizeof *shares);
    memcpy(gp->coefficients + 1, y, n * sizeof *y);
    gp->noise = noise;
    gp->unit[0] = 1;
    gp->least_variance[0] = DBL_MIN;
    for (size_t i = 0; i < n; i++)
        copies += weights[i];
    cr_assert(mele_i_gp_factor(gp, factor, factor + n * n));
    mele_i_gp_solve(factor, n, 1, copies,
                    &(mele_i_gp_solved){gp->coefficients + 1, ones, gp->mean, signal});
    gp->signal[0] = *signal;
    cr_assert(mele_i_gp_finish(gp, factor, NULL) == MELE_OK);
    free(factor);
    free(ones);
    return gp;
}

static void predict_process(const mele_i_gp *gp, const double *x, size_t rows, double *mean,
                            double *variance)
{
    void *scratch = mele_i_array(mele_i_gp_scratch(gp), 1);

    mele_i_gp_predict(gp, &(mele_matrix){x, rows, gp->columns, gp->columns}, mean, variance, 1,
                      scratch);
    free(scratch);
}

/* ---- tests ---- */

Test(gp, covariance_functions_are_what_their_names_say)
{
    static const struct {
        const char *name;
        double square, value;
    } known[] = {
        {"squared-exponential", 2, 0.36787944117144233}, /* exp(-1) */
        {"squared-exponential", 0.5, 0.77880078307140488},
        {"matern52", 1, 0.52399410883182029}, /* (1 + sqrt 5 + 5/3) exp(-sqrt 5) */
        {"matern52", 0, 1},
        {"matern52", INFINITY, 0},
        {"squared-exponential", NAN, 0},
    };

    for (size_t i = 0; i < COUNT(known); i++) {
        double value = known[i].square, slope;
        mele_i_gp_kernel_named(known[i].name)->values(&value, 1, &slope);
        cr_assert(fabs(value - known[i].value) < 1e-15, "%s of %g: %.17g", known[i].name,
                  known[i].square, value);
    }
    for (size_t i = 0; mele_i_gp_kernel_at(i) != NULL; i++)
        for (double s = 0.01; s < 60; s *= 2.3) {
            const double step = 1e-5 * s;
            double pair[] = {s - step, s + step}, at[] = {s}, slope[1];
            mele_i_gp_kernel_at(i)->values(pair, 2, NULL);
            mele_i_gp_kernel_at(i)->values(at, 1, slope);
            const double difference = -2 * (pair[1] - pair[0]) / (2 * step);
            cr_assert(fabs(slope[0] - difference) < 1e-7 * (fabs(slope[0]) + 1e-4),
                      "%s at %g: %g, by differences %g", mele_i_gp_kernel_at(i)->name, s,
                      slope[0], difference);
        }
    cr_assert(mele_i_gp_kernel_named("cosine") == NULL);
}

Test(gp, predicts_what_scikit_learn_does)
{
    const double tolerance = 1e-6;

    for (size_t c = 0; c < COUNT(predictions); c++) {
        const size_t n = predictions[c].n, d = predictions[c].columns;
        double *x = numbers(n * d), *y = numbers(n), *weights = numbers(n);
        double query[QUERIES * 2], truth[QUERIES], mean[QUERIES], variance[QUERIES], signal;
        make_points(predictions[c].function, 0, n, x, y);
        make_points(predictions[c].function, n, QUERIES, query, truth);
        for (size_t i = 0; i < n; i++)
            weights[i] = predictions[c].weighted ? 0.5 + (double)(i % 4) : 1;
        mele_i_gp *gp = process_of(predictions[c].kernel, predictions[c].terms, n, d, x, y, weights,
                                   predictions[c].lengths, predictions[c].shares,
                                   predictions[c].noise, &signal);
        gp->signal[0] = predictions[c].signal;
        predict_process(gp, query, QUERIES, mean, variance);
        for (size_t i = 0; i < QUERIES; i++) {
            cr_assert(fabs(mean[i] - predictions[c].mean[i]) <= tolerance, "case %zu: %g, not %g",
                      c, mean[i], predictions[c].mean[i]);
            cr_assert(fabs(variance[i] / predictions[c].variance[i] - 1) <= tolerance,
                      "case %zu: %g, not %g", c, variance[i], predictions[c].variance[i]);
        }
        mele_i_gp_free(gp);
        free(x);
        free(y);
        free(weights);
    }
}

/* The likelihood with the signal held at another value than its best. */
static double with_signal(double value, double n, double best, double signal)
{
    return value + 0.5 * n * (log(signal / best) + best / signal - 1);
}

Test(gp, likelihood_is_that_of_scikit_learn)
{
    for (size_t c = 0; c < COUNT(predictions); c++) {
        const size_t n = predictions[c].n, d = predictions[c].columns;
        const size_t terms = predictions[c].terms, count = mele_i_gp_hypers(terms, d);
        double *x = numbers(n * d), *y = numbers(n), *weights = numbers(n), log_values[6] = {0};
        double value, gradient[6];
        mele_i_gp_work work;
        if (predictions[c].weighted)
            goto next;
        make_points(predictions[c].function, 0, n, x, y);
        for (size_t i = 0; i < n; i++)
            weights[i] = 1;
        for (size_t j = 0; j < terms * d; j++)
            log_values[j] = log(predictions[c].lengths[j]);
        if (terms == 2)
            log_values[2 * d] = log(predictions[c].shares[1] / predictions[c].shares[0]);
        log_values[count - 1] = log(predictions[c].noise);
        mele_i_gp_data data = {mele_i_gp_kernel_named(predictions[c].kernel), terms, n, d, 1, x, y,
                               weights};
        cr_assert(mele_i_gp_work_make(&work, terms, n, d, 1));
        cr_assert(mele_i_gp_likelihood(&data, &work, log_values, &value, gradient));
        value = with_signal(value, (double)n, work.signal[0], predictions[c].signal);
        cr_assert(fabs(value + predictions[c].log_likelihood) < 1e-6 * fabs(value),
                  "%.10g, not %.10g", -value, predictions[c].log_likelihood);
        mele_i_gp_work_free(&work);
    next:
        free(x);
        free(y);
        free(weights);
    }
}

/* Rows of two targets with noise, and targets in the layout of gp_likelihood.h. */
static void make_two_targets(size_t n, size_t d, double *x, double *y, double *weights)
{
    mele_i_stream s = mele_i_stream_make(3, MELE_I_FOR_TESTS, d, n);

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = mele_i_stream_normal(&s);
        for (size_t t = 0; t < 2; t++)
            y[t * n + i] = sin(2 * x[i * d] + (double)t) + 0.3 * x[i * d + d - 1]
                           + 0.2 * mele_i_stream_normal(&s);
        weights[i] = 0.25 + 2 * mele_i_stream_uniform(&s);
    }
}

/* The gradient by every logarithm against differences; the rows are more than a block. */
static void check_gradient(const mele_i_gp_data *data, mele_i_gp_work *work, const double *at)
{
    enum { MOST = MELE_I_GP_MOST_TERMS * 4 };
    double gradient[MOST], value, low, high, point[MOST];
    const size_t count = mele_i_gp_hypers(data->terms, data->columns);
    const double step = 1e-5;

    cr_assert(mele_i_gp_likelihood(data, work, at, &value, gradient));
    for (size_t j = 0; j < count; j++) {
        memcpy(point, at, count * sizeof *point);
        point[j] = at[j] - step;
        cr_assert(mele_i_gp_likelihood(data, work, point, &low, NULL));
        point[j] = at[j] + step;
        cr_assert(mele_i_gp_likelihood(data, work, point, &high, NULL));
        const double difference = (high - low) / (2 * step);
        cr_assert(fabs(gradient[j] - difference) < 1e-6 * (1 + fabs(difference)),
                  "%s, %zu terms, variable %zu: %.10g, by differences %.10g", data->kernel->name,
                  data->terms, j, gradient[j], difference);
    }
}

Test(gp, gradient_is_that_of_differences)
{
    enum { N = 60, D = 3 };
    static const double lengths[][4 * D] = {
        {0.1, 0.7, 1.9, 1.1, 1.7, 2.9, -0.4, 0.2, 0.3, 2, 0.1, 1},
        {-1, 2.5, 0.4, 1, 2, 3, 0.3, 0.2, 0.1, 3, 1, 0.5},
        {1, 1.2, 3, -0.5, 0.4, 0.2, 2, 1, 3, 0.7, 0.9, 2}};
    static const double ratios[] = {-1.3, 0.8, -4}, noises[] = {-3, -7, 1.1};
    double x[N * D], y[2 * N], weights[N], at[4 * (D + 1)];
    mele_i_gp_work work;

    make_two_targets(N, D, x, y, weights);
    for (size_t k = 0; mele_i_gp_kernel_at(k) != NULL; k++)
        for (size_t terms = 1; terms <= MELE_I_GP_MOST_TERMS; terms++) {
            const mele_i_gp_data data = {mele_i_gp_kernel_at(k), terms, N, D, 2, x, y, weights};
            cr_assert(mele_i_gp_work_make(&work, terms, N, D, 2));
            for (size_t c = 0; c < COUNT(lengths); c++) {
                memcpy(at, lengths[c], terms * D * sizeof *at);
                memcpy(at + terms * D, ratios, (terms - 1) * sizeof *at);
                at[terms * (D + 1) - 1] = noises[c];
                check_gradient(&data, &work, at);
            }
            mele_i_gp_work_free(&work);
        }
}

/* Two terms of the same lengths are one, whatever their shares; so is one of a share of 1. */
Test(gp, equal_terms_are_one)
{
    enum { N = 60, D = 3 };
    static const double one[] = {0.1, 0.7, 1.9, -3};
    static const double two[] = {0.1, 0.7, 1.9, 0.1, 0.7, 1.9, 0.6, -3};
    static const double lonely[] = {0.1, 0.7, 1.9, 4, 4, 4, -60, -3};
    double x[N * D], y[2 * N], weights[N], value, value_of_two, gradient[D + 1], of_two[2 * D + 2];
    mele_i_gp_work work;

    make_two_targets(N, D, x, y, weights);
    cr_assert(mele_i_gp_work_make(&work, 2, N, D, 2));
    for (size_t k = 0; mele_i_gp_kernel_at(k) != NULL; k++) {
        mele_i_gp_data data = {mele_i_gp_kernel_at(k), 1, N, D, 2, x, y, weights};
        cr_assert(mele_i_gp_likelihood(&data, &work, one, &value, gradient));
        data.terms = 2;
        cr_assert(mele_i_gp_likelihood(&data, &work, lonely, &value_of_two, NULL));
        cr_assert(fabs(value_of_two - value) < 1e-9 * fabs(value));
        cr_assert(mele_i_gp_likelihood(&data, &work, two, &value_of_two, of_two));
        cr_assert(fabs(value_of_two - value) < 1e-9 * fabs(value));
        cr_assert(fabs(of_two[2 * D]) < 1e-9, "%g", of_two[2 * D]);
        for (size_t j = 0; j < D; j++)
            cr_assert(fabs(of_two[j] + of_two[D + j] - gradient[j])
                      < 1e-9 * (1 + fabs(gradient[j])));
    }
    mele_i_gp_work_free(&work);
}

Test(gp, shares_have_the_sum_1)
{
    static const struct {
        size_t terms;
        double log_ratios[3], shares[4];
    } known[] = {
        {1, {0}, {1}},
        {2, {1.0986122886681098}, {0.25, 0.75}}, /* log 3 */
        {3, {0, 0.69314718055994531}, {0.25, 0.25, 0.5}},
        {4, {-800, 900, -900}, {0, 0, 1, 0}},
    };
    double shares[4];

    for (size_t c = 0; c < COUNT(known); c++) {
        mele_i_gp_shares(known[c].log_ratios, known[c].terms, shares);
        for (size_t q = 0; q < known[c].terms; q++)
            cr_assert(fabs(shares[q] - known[c].shares[q]) < 1e-15, "case %zu: %g", c, shares[q]);
    }
}

/* Rows with whole weights, and the same rows as often as those say. */
typedef struct copies {
    size_t n, all;
    double x[200], y[200], weights[100], copied_x[400], copied_y[400], ones[200];
} copies;

static copies make_copies(size_t n)
{
    copies c = {.n = n};
    mele_i_stream s = mele_i_stream_make(5, MELE_I_FOR_TESTS, 0, n);

    for (size_t i = 0; i < n; i++) {
        c.x[2 * i] = mele_i_stream_normal(&s);
        c.x[2 * i + 1] = mele_i_stream_normal(&s);
        c.y[i] = sin(2 * c.x[2 * i]) + 0.2 * mele_i_stream_normal(&s);
        c.weights[i] = (double)(1 + i % 3);
        for (size_t k = 0; k < 1 + i % 3; k++) {
            memcpy(c.copied_x + 2 * c.all, c.x + 2 * i, 2 * sizeof(double));
            c.ones[c.all] = 1;
            c.copied_y[c.all++] = c.y[i];
        }
    }
    return c;
}

/* Sizes around the steps by which they are inverted. What lies above the triangle is kept. */
Test(gp, triangles_are_inverted)
{
    static const size_t sizes[] = {1, 2, 31, 32, 33, 40, 47, 64, 65, 100, 203};
    const double above = 7.5;

    for (size_t c = 0; c < sizeof sizes / sizeof *sizes; c++) {
        const size_t n = sizes[c];
        double *l = numbers(n * n), *w = numbers(n * n), *v = numbers(n * n);
        mele_i_stream stream = mele_i_stream_make(3, MELE_I_FOR_TESTS, n, 0);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                l[i * n + j] = j > i    ? above
                               : j == i ? 1 + mele_i_stream_uniform(&stream)
                                        : mele_i_stream_normal(&stream) / sqrt((double)n);
        memcpy(w, l, n * n * sizeof *l);
        memcpy(v, l, n * n * sizeof *l);
        cr_assert(mele_i_lower_inverse(w, n) && mele_i_cholesky_inverse(v, n));
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                long double whole = 0, square = 0;
                for (size_t k = j; k <= i; k++)
                    whole += (long double)w[i * n + k] * l[k * n + j];
                for (size_t k = i; k < n && j <= i; k++)
                    square += (long double)w[k * n + i] * w[k * n + j];
                cr_assert(j <= i || (w[i * n + j] == above && v[i * n + j] == above));
                cr_assert(j > i || fabsl(whole - (i == j)) < 1e-12L, "%zu: %Lg", n, whole);
                cr_assert(j > i || fabsl(v[i * n + j] - square) < 1e-12L * (1 + fabsl(square)));
            }
        free(l);
        free(w);
        free(v);
    }
}

Test(gp, weight_is_copies_of_a_row)
{
    static const double at[] = {0.3, 1.1, -3};
    copies c = make_copies(40);
    double query[] = {0.3, -0.2, 4, 1.5, -1.2, 0.1}, a[3], b[3], va[3], vb[3];
    double value, copied_value, gradient[3], copied_gradient[3];
    mele_i_gp_work work;

    for (size_t k = 0; mele_i_gp_kernel_at(k) != NULL; k++) {
        const mele_i_gp_data data = {mele_i_gp_kernel_at(k), 1, c.n, 2, 1, c.x, c.y, c.weights};
        const mele_i_gp_data all = {mele_i_gp_kernel_at(k), 1, c.all, 2, 1, c.copied_x, c.copied_y,
                                    c.ones};
        cr_assert(mele_i_gp_work_make(&work, 1, c.all, 2, 1));
        cr_assert(mele_i_gp_likelihood(&data, &work, at, &value, gradient));
        cr_assert(mele_i_gp_likelihood(&all, &work, at, &copied_value, copied_gradient));
        cr_assert(fabs(value - copied_value) < 1e-9 * fabs(value), "%.15g, %.15g", value,
                  copied_value);
        for (size_t j = 0; j < 3; j++)
            cr_assert(fabs(gradient[j] - copied_gradient[j]) < 1e-8 * (1 + fabs(gradient[j])));
        mele_i_gp_work_free(&work);

        mele_expert_options options = settled(data.kernel->name);
        trained once = train_rows(c.n, 2, 1, c.x, c.y, c.weights, &options);
        trained often = train_rows(c.all, 2, 1, c.copied_x, c.copied_y, NULL, &options);
        cr_assert(once.info.rank == c.n && often.info.rank == c.n);
        predict_rows(&once, query, 3, a, va);
        predict_rows(&often, query, 3, b, vb);
        for (size_t i = 0; i < 3; i++) {
            cr_assert(fabs(a[i] - b[i]) < 1e-9, "%g, %g", a[i], b[i]);
            cr_assert(fabs(va[i] / vb[i] - 1) < 1e-9, "%g, %g", va[i], vb[i]);
        }
        for (size_t i = 0, copy = 0; i < c.n; copy += (size_t)c.weights[i++])
            cr_assert(fabs(once.left_out[i] - often.left_out[copy]) < 1e-9);
        cr_assert(fabs(once.variance[0] / often.variance[0] - 1) < 1e-9);
        options.most_rows = 20;
        trained few_once = train_rows(c.n, 2, 1, c.x, c.y, c.weights, &options);
        trained few_often = train_rows(c.all, 2, 1, c.copied_x, c.copied_y, NULL, &options);
        SAME_BITS(((mele_i_gp *)few_once.expert.state)->x,
                  ((mele_i_gp *)few_often.expert.state)->x, 40);
        free_trained(&few_once);
        free_trained(&few_often);
        free_trained(&once);
        free_trained(&often);
    }
}

/* Weights in some other unit are as good as those of mean 1. */
Test(gp, unit_of_weights_does_not_matter)
{
    static const double units[] = {0.001, 1000};
    copies c = make_copies(40);
    mele_expert_options options = settled("matern52");
    double query[] = {0.3, -0.2}, a, b, va, vb, equal[40];

    trained ones = train_rows(c.n, 2, 1, c.x, c.y, NULL, &options);
    predict_rows(&ones, query, 1, &a, &va);
    cr_assert(ones.info.error > 0.001, "there is noise: %g", ones.info.error);
    for (size_t u = 0; u < COUNT(units); u++) {
        for (size_t i = 0; i < c.n; i++)
            equal[i] = units[u];
        trained few = train_rows(c.n, 2, 1, c.x, c.y, equal, &options);
        predict_rows(&few, query, 1, &b, &vb);
        cr_assert(fabs(a - b) < 1e-6 && fabs(va / vb - 1) < 1e-6, "%g %g, %g %g", a, b, va, vb);
        free_trained(&few);
    }
    free_trained(&ones);
}

/* Leave every row out by hand, with the hyper-parameters and the signal of all rows. */
Test(gp, left_out_predictions_are_brute_force)
{
    enum { N = 40, D = 2 };
    copies c = make_copies(N);

    for (size_t k = 0; k < 4; k++) {
        mele_expert_options options = settled_terms(mele_i_gp_kernel_at(k % 2)->name, 1 + k / 2);
        trained t = train_rows(N, D, 1, c.x, c.y, c.weights, &options);
        const mele_i_gp *gp = t.expert.state;
        double x[N * D], y[N], weights[N], squares = 0, sum = 0;
        for (size_t i = 0; i < N; i++) {
            double mean, variance, ignored;
            for (size_t j = 0, at = 0; j < N; j++)
                if (j != i) {
                    memcpy(x + at * D, c.x + j * D, D * sizeof *x);
                    y[at] = c.y[j];
                    weights[at++] = gp->weights[j];
                }
            mele_i_gp *rest = process_of(options.kernel, options.terms, N - 1, D, x, y, weights,
                                         gp->length, gp->share, gp->noise, &ignored);
            rest->signal[0] = gp->signal[0] * gp->unit[0] * gp->unit[0];
            predict_process(rest, c.x + i * D, 1, &mean, &variance);
            cr_assert(fabs(mean - t.left_out[i]) < 1e-9, "row %zu: %.12g, %.12g", i, mean,
                      t.left_out[i]);
            cr_assert(fabs(variance / t.left_out_variance[i] - 1) < 1e-9);
            squares += c.weights[i] * (c.y[i] - mean) * (c.y[i] - mean);
            sum += c.weights[i];
            mele_i_gp_free(rest);
        }
        cr_assert(fabs(t.variance[0] / (squares / sum) - 1) < 1e-9);
        cr_assert(fabs(t.info.left_out / (squares / sum) - 1) < 1e-9);
        free_trained(&t);
    }
}

Test(gp, training_error_is_that_of_predictions)
{
    copies c = make_copies(60);
    mele_expert_options options = settled("matern52");
    double mean[60], weights[60], squares, sum;

    for (size_t i = 0; i < 60; i++)
        weights[i] = c.weights[i] / 3;
    for (size_t most = 20; most <= 60; most += 20) {
        options.most_rows = most;
        options.terms = most / 20;
        trained t = train_rows(60, 2, 1, c.x, c.y, weights, &options);
        predict_rows(&t, c.x, 60, mean, NULL);
        squares = sum = 0;
        for (size_t i = 0; i < 60; i++) {
            squares += weights[i] * (c.y[i] - mean[i]) * (c.y[i] - mean[i]);
            sum += weights[i];
        }
        cr_assert(fabs(t.info.error / (squares / sum) - 1) < 1e-8, "%g, %g", t.info.error,
                  squares / sum);
        cr_assert(t.info.rank == most && t.expert.rank == most && isnan(t.info.ridge));
        free_trained(&t);
    }
}

/* Read every fifth row of concrete, or Branin; both standardised (population variance). */
static size_t make_set(const char *set, size_t *d, double *x, double *y)
{
    size_t n = 200;

    *d = 2;
    if (strcmp(set, "concrete") == 0) {
        double *all = numbers(1030 * 9);
        *d = 8;
        n = read_numbers("concrete.csv", 9, all, 1030) / 5;
        for (size_t i = 0; i < n; i++) {
            memcpy(x + i * 8, all + 5 * i * 9, 8 * sizeof *x);
            y[i] = all[5 * i * 9 + 8];
        }
        free(all);
    } else {
        make_points(set, 0, n, x, y);
    }
    double mean[8], scale[8];
    const double population = sqrt((double)n / (double)(n - 1));
    standardise(x, n, *d, mean, scale);
    standardise(y, n, 1, mean, scale);
    for (size_t i = 0; i < n * *d; i++)
        x[i] *= population;
    for (size_t i = 0; i < n; i++)
        y[i] *= population;
    return n;
}

/* Starting at scikit-learn's optimum finds nothing better, and the likelihood there is larger by no
 * more than what the priors ask for. */
Test(gp, reaches_the_optimum_of_scikit_learn)
{
    const double prior_asks = 8; /* in log units */

    if (TEST_THREADS_ALONE)
        cr_skip_test("on one thread");
    for (size_t c = 0; c < COUNT(optima); c++) {
        double x[210 * 8], y[210], ones[210], log_values[9], start[9], value;
        size_t d, n = make_set(optima[c].set, &d, x, y), terms;
        mele_i_gp_work work;
        mele_i_lbfgs_info own, theirs;
        cr_assert(n == optima[c].n);
        for (size_t i = 0; i < n; i++)
            ones[i] = 1;
        const mele_i_gp_data data = {mele_i_gp_kernel_named(optima[c].kernel), 1, n, d, 1, x, y,
                                     ones};
        mele_i_gp_levels levels;
        cr_assert(mele_i_gp_levels_find(x, n, d, &levels));
        mele_i_gp_search search = {.data = &data, .levels = &levels, .restarts = 1,
                                   .start_terms = 1};
        cr_assert(mele_i_gp_search_run(&search, NULL, &terms, log_values, &own, NULL) == MELE_OK);
        cr_assert(mele_i_gp_work_make(&work, 1, n, d, 1));
        cr_assert(mele_i_gp_likelihood(&data, &work, log_values, &value, NULL));
        for (size_t j = 0; j <= d; j++)
            start[j] = log(j < d ? optima[c].lengths[j] : optima[c].noise);
        search.start = start;
        cr_assert(mele_i_gp_search_run(&search, NULL, &terms, log_values, &theirs, NULL) == MELE_OK);
        cr_assert(own.converged && own.value <= theirs.value + 0.2, "%g, %g", own.value,
                  theirs.value);
        cr_assert(-value >= optima[c].log_likelihood - prior_asks, "%s %s: %g, not %g",
                  optima[c].kernel, optima[c].set, -value, optima[c].log_likelihood);
        mele_i_gp_work_free(&work);
        mele_i_gp_levels_free(&levels);
    }
}

Test(gp, holds_a_random_subset)
{
    enum { N = 300, MOST = 50 };
    double x[N], y[N], weights[N], mean[N], variance[N];
    mele_expert_options options = settled("matern52");
    size_t different = 0, heavy = 0;
    double first[MOST];

    make_points("wave", 0, N, x, y);
    for (size_t i = 0; i < N; i++)
        weights[i] = x[i] > 1 ? 1 : 0.02;
    options.most_rows = MOST;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        options.seed = seed;
        trained t = train_rows(N, 1, 1, x, y, seed == 1 ? NULL : weights, &options);
        const mele_i_gp *gp = t.expert.state;
        cr_assert(gp->rows == MOST && t.info.rank == MOST && t.expert.rank == MOST);
        predict_rows(&t, x, N, mean, variance);
        size_t at = 0, others = 0;
        for (size_t i = 0; i < N; i++)
            if (at < MOST && gp->x[at] == x[i]) {
                at++;
            } else {
                cr_assert(t.left_out[i] == mean[i] && t.left_out_variance[i] == variance[i]);
                others++;
            }
        cr_assert(at == MOST && others == N - MOST, "each held row is one of the rows, in order");
        for (size_t i = 0; i < MOST && seed == 1; i++)
            first[i] = gp->x[i];
        for (size_t i = 0; i < MOST && seed == 2; i++) {
            different += gp->x[i] != first[i];
            heavy += gp->x[i] > 1;
        }
        free_trained(&t);
    }
    cr_assert(different > MOST / 2 && heavy > MOST * 3 / 4, "%zu, %zu", different, heavy);
}

/* `heavy` rows of one weight among `rows` rows whose others weigh 1. */
typedef struct drawing {
    const char *what;
    size_t rows, heavy, most;
    double weight;
} drawing;

static const drawing drawings[] = {
    {"half of them ninefold", 400, 200, 100, 9},
    {"one as heavy as 100 others", 400, 1, 50, 100},
    {"a soft region: most are next to nothing", 400, 40, 30, 1e5},
    {"one row too many", 101, 30, 100, 5},
    {"all the same", 300, 150, 20, 1},
};

/* What share of the subset's weights is the heavy rows'. */
static double heavy_share(const drawing *s, const mele_i_expert_rows *rows, uint64_t seed)
{
    const mele_i_expert_shape shape = {1, 1, 0};
    mele_i_stream stream = mele_i_stream_make(seed, MELE_I_FOR_TESTS, 0, 0);
    mele_i_gp_subset subset;
    double heavy = 0, all = 0;

    cr_assert(mele_i_gp_subset_make(rows, &shape, s->most, &stream, &subset, NULL) == MELE_OK);
    cr_assert(subset.count == s->most);
    for (size_t h = 0; h < subset.count; h++) {
        heavy += subset.row[h] < s->heavy ? subset.weights[h] : 0;
        all += subset.weights[h];
    }
    mele_i_gp_subset_free(&subset);
    return heavy / all;
}

/* A row's chance of being in the subset and its weight there are its weight together. */
Test(gp, rows_of_the_subset_weigh_what_all_rows_do)
{
    enum { MOST = 400, DRAWS = 400 };
    double x[MOST], y[MOST] = {0}, weights[MOST];
    size_t row[MOST];

    for (size_t c = 0; c < COUNT(drawings); c++) {
        const drawing *s = &drawings[c];
        const double heavy = (double)s->heavy * s->weight, light = (double)(s->rows - s->heavy);
        const mele_i_expert_rows rows = {s->rows, row, x, y, weights, 0, NULL, least};
        double mean = 0;
        for (size_t i = 0; i < s->rows; i++) {
            x[i] = (double)(row[i] = i);
            weights[i] = (i < s->heavy ? s->weight : 1) * (double)s->rows / (heavy + light);
        }
        for (uint64_t seed = 1; seed <= DRAWS; seed++)
            mean += heavy_share(s, &rows, seed) / DRAWS;
        cr_assert_float_eq(mean, heavy / (heavy + light), 0.01, "%s: %g, not %g", s->what, mean,
                           heavy / (heavy + light));
    }
}

Test(gp, rows_of_no_weight_are_not_held)
{
    double x[40], y[40], weights[40], a[1], b[1], at = 1.7;
    mele_expert_options options = settled("matern52");

    make_points("wave", 0, 40, x, y);
    for (size_t i = 0; i < 40; i++)
        weights[i] = i < 20 ? 1 : 1e-30;
    trained all = train_rows(40, 1, 1, x, y, weights, &options);
    trained half = train_rows(20, 1, 1, x, y, NULL, &options);
    cr_assert(all.info.rank == 20);
    predict_rows(&all, &at, 1, a, NULL);
    predict_rows(&half, &at, 1, b, NULL);
    cr_assert(fabs(a[0] - b[0]) < 1e-9);
    free_trained(&all);
    free_trained(&half);
}

/* Every row says: what it predicts at its first row is about that row's target, or the mean. */
typedef struct degenerate {
    const char *what;
    size_t n, d;
    double x[12], y[6], weights[6];
    double least, most; /* of the prediction at the first row */
    size_t rank;
} degenerate;

static const degenerate degenerates[] = {
    {"one row", 1, 2, {1, 2}, {3.5}, {1}, 3.5, 3.5, 1},
    {"one row at 0", 1, 1, {0}, {0}, {1}, 0, 0, 1},
    {"the same row twice", 2, 1, {4, 4}, {1.5, 1.5}, {1, 1}, 1.5, 1.5, 1},
    {"two targets at one place", 2, 1, {4, 4}, {1, 2}, {1, 1}, 1.5, 1.5, 2},
    {"two rows", 2, 1, {4, 5}, {1, 2}, {1, 1}, 0.99, 1.51, 2},
    {"a constant target", 4, 1, {1, 2, 3, 4}, {7, 7, 7, 7}, {1, 1, 1, 1}, 7, 7, 4},
    {"a target of 0", 4, 1, {1, 2, 3, 4}, {0}, {1, 1, 1, 1}, 0, 0, 4},
    {"constant columns", 4, 2, {1, 5, 1, 5, 1, 5, 1, 5}, {1, 2, 3, 4}, {1, 1, 1, 1}, 2.5, 2.5, 4},
    {"one constant column", 4, 2, {1, 5, 2, 5, 3, 5, 4, 5}, {1, 2, 3, 4}, {1, 1, 1, 1}, 0.9, 2.51,
     4},
    {"more columns than rows", 2, 6, {1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 1}, {1, 2}, {1, 1}, 0.99,
     1.51, 2},
    {"huge inputs", 4, 1, {-1.7e308, -1e308, 1e308, 1.7e308}, {1, 2, 3, 4}, {1, 1, 1, 1}, 0.9, 2.51,
     4},
    {"tiny inputs", 4, 1, {1e-310, 2e-310, 3e-310, 4e-310}, {1, 2, 3, 4}, {1, 1, 1, 1}, 0.9, 2.51,
     4},
    {"huge targets", 4, 1, {1, 2, 3, 4}, {-1.7e308, -1e308, 1e308, 1.7e308}, {1, 1, 1, 1},
     -1.75e308, 1e306, 4},
    {"tiny targets", 4, 1, {1, 2, 3, 4}, {1e-310, 2e-310, 3e-310, 4e-310}, {1, 1, 1, 1}, 0.9e-310,
     2.51e-310, 4},
    {"a large offset", 4, 1, {1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 4}, {1e9 + 1, 1e9 + 2, 1e9 + 3,
     1e9 + 4}, {1, 1, 1, 1}, 1e9 + 0.9, 1e9 + 2.51, 4},
    {"tiny weights", 4, 1, {1, 2, 3, 4}, {1, 2, 3, 4}, {1e-300, 1e-300, 1e-300, 1e-300}, 0.9, 2.51,
     4},
    {"huge weights", 4, 1, {1, 2, 3, 4}, {1, 2, 3, 4}, {1e300, 1e300, 1e300, 1e300}, 0.9, 2.51, 4},
    {"weights of all sizes", 4, 1, {1, 2, 3, 4}, {1, 2, 3, 4}, {1, 1e-300, 1e-5, 0.3}, 0.9, 2.51,
     3},
    {"columns that are one", 4, 2, {1, 1, 2, 2, 3, 3, 4, 4}, {1, 2, 3, 4}, {1, 1, 1, 1}, 0.9, 2.51,
     4},
};

Test(gp, degenerate_regions_have_finite_outcomes)
{
    static const double far[] = {0, -3, 1e300, -1e300, 1e-300, 1e9};

    for (size_t k = 0; k < 4; k++)
        for (size_t c = 0; c < COUNT(degenerates); c++) {
            const degenerate *s = &degenerates[c];
            mele_expert_options options = settled_terms(mele_i_gp_kernel_at(k % 2)->name,
                                                        1 + k / 2);
            options.restarts = 2;
            trained t = train_rows(s->n, s->d, 1, s->x, s->y, s->weights, &options);
            double mean, variance, row[6];
            predict_rows(&t, s->x, 1, &mean, &variance);
            const double rounding = 1e-13 * fabs(mean);
            cr_assert(mean >= s->least - rounding && mean <= s->most + rounding, "%s: %.17g",
                      s->what, mean);
            cr_assert(isfinite(variance) && variance > 0, "%s: %g", s->what, variance);
            cr_assert(t.info.rank == s->rank, "%s: %zu", s->what, t.info.rank);
            cr_assert(isfinite(t.variance[0]) && t.variance[0] > 0, "%s", s->what);
            cr_assert(isfinite(t.info.error) && isfinite(t.info.left_out), "%s", s->what);
            for (size_t i = 0; i < s->n; i++)
                cr_assert(isfinite(t.left_out[i]) && t.left_out_variance[i] > 0
                          && isfinite(t.left_out_variance[i]), "%s", s->what);
            for (size_t i = 0; i < COUNT(far); i++) {
                for (size_t j = 0; j < s->d; j++)
                    row[j] = far[i];
                predict_rows(&t, row, 1, &mean, &variance);
                cr_assert(isfinite(mean) && isfinite(variance) && variance > 0, "%s at %g",
                          s->what, far[i]);
            }
            json_t *object = json_object();
            cr_assert(mele_i_expert_gp.save(&t.expert, &t.shape, object), "%s", s->what);
            json_decref(object);
            free_trained(&t);
        }
}

/* A column that is constant here has no say, whatever it is elsewhere. */
Test(gp, constant_column_has_no_say)
{
    double x[60], y[30], plain[30], mean[2], variance[2];
    const double rows[] = {1.3, 5, 1.3, 1e6};
    mele_expert_options options = settled("matern52");

    make_points("wave", 0, 30, plain, y);
    for (size_t i = 0; i < 30; i++) {
        x[2 * i] = plain[i];
        x[2 * i + 1] = 5;
    }
    trained t = train_rows(30, 2, 1, x, y, NULL, &options);
    predict_rows(&t, rows, 2, mean, variance);
    cr_assert(mean[0] == mean[1] && variance[0] == variance[1]);
    cr_assert(fabs(mean[0] - wave(rows)) < 0.01);
    free_trained(&t);
}

/* A constant target beside it changes nothing, and two targets are two processes' sum. */
Test(gp, targets_share_lengths)
{
    double x[60], y[60], both[180], a[1], b[3], va[1], vb[3];
    mele_expert_options options = settled("matern52");

    make_points("wave", 0, 60, x, y);
    for (size_t i = 0; i < 60; i++) {
        both[3 * i] = y[i];
        both[3 * i + 1] = 4;
        both[3 * i + 2] = 100 - 10 * y[i];
    }
    trained one = train_rows(60, 1, 1, x, y, NULL, &options);
    trained three = train_rows(60, 1, 3, x, both, NULL, &options);
    predict_rows(&one, x + 7, 1, a, va);
    predict_rows(&three, x + 7, 1, b, vb);
    cr_assert(fabs(a[0] - b[0]) < 1e-4 && b[1] == 4 && fabs(100 - 10 * b[0] - b[2]) < 1e-6,
              "%g: %g %g %g", a[0], b[0], b[1], b[2]);
    cr_assert(fabs(vb[2] / vb[0] - 100) < 1e-6 && vb[1] > 0 && vb[1] < 1e-20);
    free_trained(&one);
    free_trained(&three);
}

Test(gp, units_do_not_matter)
{
    double x[60], y[60], scaled_x[60], scaled_y[60], a, b, va, vb;
    mele_expert_options options = settled("squared-exponential");

    make_points("wave", 0, 60, x, y);
    for (size_t i = 0; i < 60; i++) {
        scaled_x[i] = 1000 + 250 * x[i];
        scaled_y[i] = -30 + 4e-5 * y[i];
    }
    trained plain = train_rows(60, 1, 1, x, y, NULL, &options);
    trained scaled = train_rows(60, 1, 1, scaled_x, scaled_y, NULL, &options);
    const double at = 0.9, scaled_at = 1000 + 250 * at;
    predict_rows(&plain, &at, 1, &a, &va);
    predict_rows(&scaled, &scaled_at, 1, &b, &vb);
    cr_assert(fabs(b - (-30 + 4e-5 * a)) < 1e-8, "%.12g, %.12g", b, -30 + 4e-5 * a);
    cr_assert(fabs(vb / va / 1.6e-9 - 1) < 0.05, "%g", vb / va);
    free_trained(&plain);
    free_trained(&scaled);
}

Test(gp, warm_start_goes_on)
{
    double x[210 * 8], y[210];
    size_t d, n = make_set("concrete", &d, x, y);
    mele_expert_options options = settled("matern52");
    trained again = {0};

    trained first = train_rows(n, d, 1, x, y, NULL, &options);
    cr_assert(try_training(n, d, 1, x, y, NULL, &options, &first.expert, NULL, &again)
              == MELE_OK);
    cr_assert(first.info.iterations > 3 && again.info.iterations <= 1, "%zu, then %zu",
              first.info.iterations, again.info.iterations);
    free_trained(&first);
    free_trained(&again);
}

/* Epochs are those of networks. */
Test(gp, epochs_do_not_end_the_search)
{
    double x[60], y[60];
    mele_expert_options options = settled("matern52");

    make_points("wave", 0, 60, x, y);
    trained as_usual = train_rows(60, 1, 1, x, y, NULL, &options);
    options.max_epochs = 1;
    trained one_epoch = train_rows(60, 1, 1, x, y, NULL, &options);
    cr_assert(as_usual.info.iterations > 3 && one_epoch.info.converged);
    cr_assert(one_epoch.info.iterations == as_usual.info.iterations, "%zu, not %zu",
              one_epoch.info.iterations, as_usual.info.iterations);
    SAME_BITS(as_usual.left_out, one_epoch.left_out, 60);
    free_trained(&as_usual);
    free_trained(&one_epoch);
}

/* One of as many terms is one to go on from; another is none. */
Test(gp, warm_start_needs_as_many_terms)
{
    double x[210 * 8], y[210], cold_mean, warm_mean;
    size_t d, n = make_set("concrete", &d, x, y);
    mele_expert_options options = settled("matern52");
    trained again = {0}, other = {0};

    trained one = train_rows(n, d, 1, x, y, NULL, &options);
    options.terms = 2;
    trained two = train_rows(n, d, 1, x, y, NULL, &options);
    cr_assert(try_training(n, d, 1, x, y, NULL, &options, &two.expert, NULL, &again) == MELE_OK);
    cr_assert(two.info.iterations > 3 && again.info.iterations <= 1, "%zu, then %zu",
              two.info.iterations, again.info.iterations);
    cr_assert(try_training(n, d, 1, x, y, NULL, &options, &one.expert, NULL, &other) == MELE_OK);
    predict_rows(&two, x, 1, &cold_mean, NULL);
    predict_rows(&other, x, 1, &warm_mean, NULL);
    SAME_BITS(&cold_mean, &warm_mean, 1);
    cr_assert(two.info.left_out < one.info.left_out, "%g, %g", two.info.left_out,
              one.info.left_out);
    free_trained(&one);
    free_trained(&two);
    free_trained(&again);
    free_trained(&other);
}

/* ---- the same bytes ---- */

Test(gp, same_bytes_for_any_threads)
{
    enum { N = 150 };
    double x[2 * N], y[N], mean[N], other[N], variance[N], other_variance[N];
    mele_expert_options options = settled("matern52");

    make_points("branin", 0, N, x, y);
    options.terms = 2;
    options.restarts = 4;
    options.most_rows = 90;
    trained serial = train_rows(N, 2, 1, x, y, NULL, &options);
    predict_rows(&serial, x, N, mean, variance);
    for (unsigned threads = 2; threads <= 5; threads += TEST_SIZE(1, 1, 3)) {
        mele_engine *engine = engine_of(threads);
        trained t = {.left_out = numbers(N), .left_out_variance = numbers(N)};
        cr_assert(try_training(N, 2, 1, x, y, NULL, &options, NULL, engine, &t) == MELE_OK);
        predict_rows(&t, x, N, other, other_variance);
        SAME_BITS(mean, other, N);
        SAME_BITS(variance, other_variance, N);
        SAME_BITS(serial.left_out, t.left_out, N);
        SAME_BITS(serial.left_out_variance, t.left_out_variance, N);
        SAME_BITS(serial.variance, t.variance, 1);
        cr_assert(serial.info.iterations == t.info.iterations);
        free_trained(&t);
        mele_engine_free(engine);
    }
    free_trained(&serial);
}

Test(gp, rows_alone_are_predicted_as_among_others)
{
    enum { N = 203 };
    double x[2 * N], y[N], mean[N], variance[N], one, one_variance;
    mele_expert_options options = settled_terms("squared-exponential", 2);

    make_points("branin", 0, N, x, y);
    trained t = train_rows(N, 2, 1, x, y, NULL, &options);
    predict_rows(&t, x, N, mean, variance);
    for (size_t i = 0; i < N; i++) {
        predict_rows(&t, x + 2 * i, 1, &one, &one_variance);
        SAME_BITS(&one, mean + i, 1);
        SAME_BITS(&one_variance, variance + i, 1);
    }
    free_trained(&t);
}

/* ---- the file ---- */

static void no_kernel(json_t *o)
{
    json_object_set_new(o, "kernel", json_string("cubic"));
}
static void negative_length(json_t *o)
{
    json_array_set_new(json_array_get(json_object_get(o, "lengths"), 1), 1, json_real(-0.5));
}
static void few_lengths(json_t *o)
{
    json_array_remove(json_array_get(json_object_get(o, "lengths"), 1), 0);
}
static void no_terms(json_t *o)
{
    json_array_clear(json_object_get(o, "lengths"));
}
static void many_terms(json_t *o)
{
    while (json_array_size(json_object_get(o, "lengths")) <= MELE_I_GP_MOST_TERMS) {
        json_array_append(json_object_get(o, "lengths"),
                          json_array_get(json_object_get(o, "lengths"), 0));
        json_array_append_new(json_object_get(o, "shares"), json_real(1e-12));
    }
}
static void one_share_less(json_t *o)
{
    json_array_remove(json_object_get(o, "shares"), 1);
}
static void shares_of_2(json_t *o)
{
    json_array_set_new(json_object_get(o, "shares"), 0, json_real(1.5));
}
static void negative_share(json_t *o)
{
    json_array_set_new(json_object_get(o, "shares"), 0, json_real(1.5));
    json_array_set_new(json_object_get(o, "shares"), 1, json_real(-0.5));
}
static void zero_noise(json_t *o)
{
    json_object_set_new(o, "noise", json_real(0));
}
static void zero_signal(json_t *o)
{
    json_array_set_new(json_object_get(o, "signal"), 0, json_real(0));
}
static void zero_least_variance(json_t *o)
{
    json_array_set_new(json_object_get(o, "least_variance"), 0, json_real(0));
}
static void text_mean(json_t *o)
{
    json_array_set_new(json_object_get(o, "mean"), 0, json_string("3"));
}
static void no_unit(json_t *o)
{
    json_object_del(o, "unit");
}
static void no_rows(json_t *o)
{
    json_object_set_new(o, "x", json_array());
}
static void ragged_rows(json_t *o)
{
    json_array_remove(json_array_get(json_object_get(o, "x"), 7), 0);
}
static void one_row_less(json_t *o)
{
    json_array_remove(json_object_get(o, "x"), 3);
}
static void negative_weight(json_t *o)
{
    json_array_set_new(json_object_get(o, "weights"), 2, json_real(-1));
}
static void few_coefficients(json_t *o)
{
    json_array_clear(json_object_get(o, "coefficients"));
}
static void null_coefficient(json_t *o)
{
    json_array_set_new(json_array_get(json_object_get(o, "coefficients"), 0), 0, json_null());
}

static const spoiled gp_spoils[] = {
    {"an unknown kernel", no_kernel},     {"a negative length", negative_length},
    {"too few lengths", few_lengths},     {"a noise of 0", zero_noise},
    {"a signal of 0", zero_signal},       {"text for a mean", text_mean},
    {"no unit", no_unit},                 {"no rows", no_rows},
    {"a ragged row", ragged_rows},        {"one row less", one_row_less},
    {"a negative weight", negative_weight}, {"no coefficients", few_coefficients},
    {"a coefficient that is none", null_coefficient}, {"no terms", no_terms},
    {"too many terms", many_terms},       {"one share less", one_share_less},
    {"shares of 2", shares_of_2},         {"a negative share", negative_share},
    {"a least variance of 0", zero_least_variance},
};

Test(gp, saved_process_predicts_the_same_bits)
{
    enum { N = 80 };
    copies c = make_copies(N);
    double mean[N], variance[N], loaded_mean[N], loaded_variance[N];
    mele_expert_options options = settled_terms("matern52", 2);
    trained t = train_rows(N, 2, 1, c.x, c.y, c.weights, &options);
    json_t *object = json_object();

    cr_assert(mele_i_expert_gp.save(&t.expert, &t.shape, object));
    char *text = json_dumps(object, 0);
    json_t *read = json_loads(text, 0, NULL), *again = json_object();
    trained loaded = {.shape = t.shape};
    cr_assert(mele_i_expert_gp.load(read, &t.shape, &loaded.expert, NULL) == MELE_OK);
    predict_rows(&t, c.x, N, mean, variance);
    predict_rows(&loaded, c.x, N, loaded_mean, NULL);
    SAME_BITS(mean, loaded_mean, N);
    cr_assert(((const mele_i_gp *)loaded.expert.state)->whitener == NULL);
    cr_assert(mele_i_expert_gp.prepare(&loaded.expert, NULL) == MELE_OK);
    predict_rows(&loaded, c.x, N, loaded_mean, loaded_variance);
    SAME_BITS(mean, loaded_mean, N);
    SAME_BITS(variance, loaded_variance, N);
    cr_assert(mele_i_expert_gp.save(&loaded.expert, &t.shape, again));
    cr_assert(json_equal(object, again));
    free_trained(&loaded);
    for (size_t i = 0; i < COUNT(gp_spoils); i++) {
        json_t *bad = json_deep_copy(object);
        mele_error error = {MELE_OK, 0, ""};
        gp_spoils[i].spoil(bad);
        loaded.expert.state = &error;
        cr_assert(mele_i_expert_gp.load(bad, &t.shape, &loaded.expert, &error) == MELE_EDATA, "%s",
                  gp_spoils[i].what);
        cr_assert(loaded.expert.state == &error && error.message[0] != '\0');
        json_decref(bad);
    }
    json_decref(object);
    json_decref(again);
    json_decref(read);
    free(text);
    free_trained(&t);
}

Test(gp, is_described)
{
    double x[120], y[60];
    mele_expert_options options = settled_terms("matern52", 2);

    make_points("branin", 0, 60, x, y);
    for (size_t i = 0; i < 60; i++)
        x[2 * i + 1] = -1;
    trained t = train_rows(60, 2, 1, x, y, NULL, &options);
    const mele_i_gp *gp = t.expert.state;
    json_t *object = mele_i_expert_gp.describe(&t.expert, &t.shape);
    cr_assert_str_eq(json_string_value(json_object_get(object, "kernel")), "matern52");
    cr_assert(json_integer_value(json_object_get(object, "rows")) == 60);
    cr_assert(json_real_value(json_object_get(object, "noise")) == gp->noise);
    cr_assert(json_array_size(json_object_get(object, "lengths")) == 2);
    for (size_t q = 0; q < 2; q++) {
        const json_t *lengths = json_array_get(json_object_get(object, "lengths"), q);
        cr_assert(json_real_value(json_array_get(lengths, 0)) == gp->length[2 * q]);
        cr_assert(json_is_null(json_array_get(lengths, 1)));
        cr_assert(json_real_value(json_array_get(json_object_get(object, "shares"), q))
                  == gp->share[q]);
    }
    cr_assert(json_real_value(json_array_get(json_object_get(object, "signal"), 0))
              == gp->signal[0] * gp->unit[0] * gp->unit[0]);
    json_decref(object);
    free_trained(&t);
}

Test(gp, memory_may_run_out)
{
    enum { N = 40 };
    copies c = make_copies(N);
    mele_expert_options options = settled_terms("matern52", 2);
    double before[N];
    size_t failures = 0;

    options.most_rows = 30;
    options.restarts = 2;
    for (size_t i = 0; i < N; i++)
        before[i] = 0.25;
    for (size_t n = 0;; n++) {
        trained t = {.left_out = numbers(N), .left_out_variance = numbers(N)};
        memcpy(t.left_out, before, sizeof before);
        memcpy(t.left_out_variance, before, sizeof before);
        size_t row[N];
        for (size_t i = 0; i < N; i++)
            row[i] = i;
        const mele_i_expert_rows rows = {N, row, c.x, c.y, c.ones, 2, NULL, least};
        mele_i_expert_result result = {&t.expert, &t.info, t.left_out, t.left_out_variance};
        t.shape = (mele_i_expert_shape){2, 1, 0};
        t.expert = (mele_i_expert){.kind = &mele_i_expert_gp, .rows = N, .variance = t.variance};
        failing_malloc_at(n);
        mele_status status = mele_i_expert_gp.train(&rows, &t.shape, &options, NULL, NULL, &result,
                                                    NULL);
        bool failed = failing_malloc_end();
        cr_assert(status == (failed ? MELE_ENOMEM : MELE_OK), "allocation %zu: %d", n, status);
        if (failed) {
            cr_assert(t.expert.state == NULL);
            SAME_BITS(t.left_out, before, N);
            SAME_BITS(t.left_out_variance, before, N);
        }
        free_trained(&t);
        if (!failed)
            break;
        failures++;
    }
    cr_assert(failures > 30, "%zu: the harness does not see the library's allocations", failures);
}

/* A failure leaves it as it was, so that the next one may succeed. */
static void prepare_without_memory(const mele_i_expert *loaded)
{
    for (size_t n = 0, failed = 1; failed; n++) {
        failing_malloc_at(n);
        mele_status status = mele_i_expert_gp.prepare(loaded, NULL);
        failed = failing_malloc_end();
        cr_assert(status == (failed ? MELE_ENOMEM : MELE_OK), "allocation %zu: %d", n, status);
        cr_assert(n >= 2 || failed);
    }
}

Test(gp, memory_may_run_out_when_loading)
{
    copies c = make_copies(20);
    mele_expert_options options = settled_terms("matern52", 2);
    trained t = train_rows(20, 2, 1, c.x, c.y, c.ones, &options);
    json_t *object = json_object();
    size_t failures = 0;

    cr_assert(mele_i_expert_gp.save(&t.expert, &t.shape, object));
    for (size_t n = 0;; n++) {
        mele_i_expert loaded = {.state = NULL};
        failing_malloc_at(n);
        mele_status status = mele_i_expert_gp.load(object, &t.shape, &loaded, NULL);
        bool failed = failing_malloc_end();
        cr_assert(status == (failed ? MELE_ENOMEM : MELE_OK), "allocation %zu: %d", n, status);
        cr_assert((loaded.state == NULL) == failed);
        if (!failed)
            prepare_without_memory(&loaded);
        mele_i_expert_gp.free(loaded.state);
        if (!failed)
            break;
        failures++;
    }
    cr_assert(failures >= 4);
    json_decref(object);
    free_trained(&t);
}

/* The means of a process whose covariance has no factor are there, its variances are an error. */
Test(gp, variances_without_a_factor_are_an_error)
{
    copies c = make_copies(20);
    mele_expert_options options = settled_terms("matern52", 2);
    trained t = train_rows(20, 2, 1, c.x, c.y, c.ones, &options), loaded = {.shape = t.shape};
    json_t *object = json_object(), *x;
    double mean[20];
    mele_error error = {MELE_OK, 0, ""};

    cr_assert(mele_i_expert_gp.save(&t.expert, &t.shape, object));
    x = json_object_get(object, "x"); /* two rows are one, and there is no noise */
    json_array_set(x, 3, json_array_get(x, 4));
    json_object_set_new(object, "noise", json_real(1e-300));
    cr_assert(mele_i_expert_gp.load(object, &t.shape, &loaded.expert, NULL) == MELE_OK);
    predict_rows(&loaded, c.x, 20, mean, NULL);
    for (size_t i = 0; i < 20; i++)
        cr_assert(isfinite(mean[i]));
    for (int again = 0; again < 2; again++) {
        cr_assert(mele_i_expert_gp.prepare(&loaded.expert, &error) == MELE_EDATA);
        cr_assert(strstr(error.message, "not positive definite") != NULL);
    }
    mele_i_expert_gp.free(loaded.expert.state);
    json_decref(object);
    free_trained(&t);
}

typedef struct asking {
    const trained *t;
    const double *x;
    double variance[40];
} asking;

static void *ask(void *argument)
{
    asking *a = argument;
    double mean[40];

    if (mele_i_expert_gp.prepare(&a->t->expert, NULL) == MELE_OK)
        predict_rows(a->t, a->x, 40, mean, a->variance);
    return NULL;
}

/* Threads that ask for the first variances at once get the same bytes. */
Test(gp, threads_may_ask_at_once)
{
    enum { N = 40, THREADS = 8 };
    copies c = make_copies(N);
    mele_expert_options options = settled_terms("matern52", 2);
    trained t = train_rows(N, 2, 1, c.x, c.y, c.ones, &options);
    json_t *object = json_object();

    cr_assert(mele_i_expert_gp.save(&t.expert, &t.shape, object));
    for (size_t round = 0; round < 10; round++) {
        trained loaded = {.shape = t.shape};
        asking asks[THREADS];
        pthread_t thread[THREADS];
        double mean[N], variance[N];
        cr_assert(mele_i_expert_gp.load(object, &t.shape, &loaded.expert, NULL) == MELE_OK);
        for (size_t i = 0; i < THREADS; i++) {
            asks[i] = (asking){.t = &loaded, .x = c.x};
            cr_assert(pthread_create(&thread[i], NULL, ask, &asks[i]) == 0);
        }
        predict_rows(&t, c.x, N, mean, variance);
        for (size_t i = 0; i < THREADS; i++) {
            pthread_join(thread[i], NULL);
            SAME_BITS(variance, asks[i].variance, N);
        }
        mele_i_expert_gp.free(loaded.expert.state);
    }
    json_decref(object);
    free_trained(&t);
}
