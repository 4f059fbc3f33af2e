/* Experts that are asked only where they have weight: the bits that asking all of them gives, and
 * blends to which who has no weight is nothing. */
#include <criterion/criterion.h>

#include <math.h>
#include <mele/mele.h>
#include <stdlib.h>
#include <string.h>

#include "core/stream.h"
#include "expert/expert.h"
#include "model/combine.h"
#include "model/model.h"
#include "support/failing_malloc.h"

enum { ROWS = 600, MOST_COLUMNS = 12 };

static double x[ROWS * MOST_COLUMNS], y[ROWS];

static double *numbers(size_t count)
{
    double *memory = malloc((count + 1) * sizeof *memory);

    cr_assert_not_null(memory);
    for (size_t i = 0; i < count; i++)
        memory[i] = NAN;
    return memory;
}

typedef struct wanted_case {
    const char *kind, *small, *gate;
    size_t clusters, columns, classes, degree, rows;
    bool work; /* takes long enough to be gathered */
} wanted_case;

static const wanted_case cases[] = {
    {"linear", "global", "hard", 3, 2, 0, 1, 200, false},
    {"linear", "global", "hard", 20, 12, 0, 2, ROWS, true},
    {"linear", "shrink", "posterior", 20, 12, 0, 2, ROWS, true},
    {"linear", "merge", "posterior", 20, 12, 0, 2, ROWS, true},
    {"logistic", "global", "hard", 20, 6, 3, 2, ROWS, true},
    {"logistic", "shrink", "hard", 20, 6, 3, 2, ROWS, true},
    {"mlp", "global", "hard", 16, 6, 0, 1, ROWS, true},
    {"gp", "shrink", "hard", 3, 2, 0, 1, 150, true},
};

static mele_model *fit_case(const wanted_case *c)
{
    mele_i_stream stream = mele_i_stream_make(17, MELE_I_FOR_TESTS, c->columns, c->rows);
    const mele_matrix features = mele_matrix_of(x, c->rows, c->columns);
    const mele_matrix targets = mele_matrix_of(y, c->rows, 1);
    mele_options options = mele_options_defaults();
    mele_data *data = NULL;
    mele_model *model = NULL;
    mele_error error = {0};

    for (size_t i = 0; i < c->rows; i++) {
        double sum = 0.3 * mele_i_stream_normal(&stream);
        for (size_t j = 0; j < c->columns; j++) {
            x[i * c->columns + j] = mele_i_stream_normal(&stream);
            sum += sin(2 * x[i * c->columns + j]);
        }
        y[i] = c->classes > 0 ? fmod(floor(fabs(sum)), (double)c->classes) : sum;
    }
    options.partition.clusters = c->clusters;
    options.partition.restarts = 1;
    options.experts.kind = c->kind;
    options.experts.small = c->small;
    options.experts.degree = c->degree;
    options.experts.min_rows = 40;
    options.experts.hidden = 4;
    options.experts.max_epochs = 5;
    options.gate.kind = c->gate;
    cr_assert_eq(mele_data_of_arrays(&features, &targets, c->classes, NULL, &data, &error), MELE_OK,
                 "%s", error.message);
    cr_assert_eq(mele_fit(data, &options, NULL, NULL, &model, &error), MELE_OK, "%s: %s", c->kind,
                 error.message);
    mele_data_free(data);
    return model;
}

/* Few of a row, half of all, all but one, and experts that nobody asks. */
static void choose(bool *wanted, size_t rows, size_t clusters, size_t pattern)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < clusters; k++)
            wanted[i * clusters + k] = pattern == 0   ? k == i * 7 % clusters
                                       : pattern == 1 ? (i * 13 + k * 29) % 31 < 15
                                       : pattern == 2 ? i != 5 || k != 1
                                                      : k == 1 && i % 3 == 0;
}

static void check_case(const wanted_case *c, const mele_experts *experts)
{
    const mele_matrix view = mele_matrix_of(x, c->rows, c->columns);
    const size_t M = c->classes > 0 ? c->classes : 1, pairs = c->rows * c->clusters;
    double *all = numbers(pairs * M), *variance = numbers(pairs * M);
    double *some = numbers(pairs * M), *its_variance = numbers(pairs * M);
    bool *wanted = malloc(pairs);
    mele_error error = {0};

    cr_assert_eq(mele_i_experts_are_work(experts), c->work, "%s", c->kind);
    cr_assert_eq(mele_experts_predict(experts, &view, NULL, all, variance, &error), MELE_OK);
    for (size_t pattern = 0; pattern < 4; pattern++) {
        choose(wanted, c->rows, c->clusters, pattern);
        cr_assert_eq(mele_i_experts_predict_wanted(experts, &view, wanted, some, its_variance,
                                                   &error), MELE_OK, "%s", error.message);
        for (size_t e = 0; e < pairs; e++) {
            cr_assert(!wanted[e] || memcmp(all + e * M, some + e * M, M * sizeof *all) == 0,
                      "%s, %s, pattern %zu: %zu", c->kind, c->small, pattern, e);
            cr_assert(!wanted[e] || c->classes > 0 || variance[e] == its_variance[e],
                      "%s, %s, pattern %zu: variance %zu", c->kind, c->small, pattern, e);
        }
        cr_assert_eq(mele_i_experts_predict_wanted(experts, &view, wanted, some, NULL, &error),
                     MELE_OK);
        for (size_t e = 0; e < pairs; e++)
            cr_assert(!wanted[e] || memcmp(all + e * M, some + e * M, M * sizeof *all) == 0);
    }
    free(all);
    free(variance);
    free(some);
    free(its_variance);
    free(wanted);
}

/* The mean, or probabilities, alone, beside what every expert says, and of one row. */
static void check_blends(const wanted_case *c, const mele_model *model)
{
    const size_t M = c->classes > 0 ? c->classes : 1;
    const mele_matrix view = mele_matrix_of(x, c->rows, c->columns);
    double *alone = numbers(c->rows * M), *beside = numbers(c->rows * M), one[3];
    double *density = numbers(c->rows), *another = numbers(c->rows);
    double *experts = numbers(c->rows * c->clusters * M);
    mele_prediction few = {.targets = y, .log_density = density};
    mele_prediction many = {.targets = y, .log_density = another, .expert_mean = experts};
    mele_prediction single = {0};

    *(c->classes > 0 ? &few.probability : &few.mean) = alone;
    *(c->classes > 0 ? &many.probability : &many.mean) = beside;
    *(c->classes > 0 ? &single.probability : &single.mean) = one;
    cr_assert_eq(mele_model_predict(model, &view, NULL, NULL, &few, NULL), MELE_OK);
    cr_assert_eq(mele_model_predict(model, &view, NULL, NULL, &many, NULL), MELE_OK);
    cr_assert_eq(memcmp(alone, beside, c->rows * M * sizeof *alone), 0, "%s", c->kind);
    cr_assert_eq(memcmp(density, another, c->rows * sizeof *density), 0, "%s", c->kind);
    for (size_t i = 0; i < c->rows; i += 37) {
        const mele_matrix row = mele_matrix_of(x + i * c->columns, 1, c->columns);
        cr_assert_eq(mele_model_predict(model, &row, NULL, NULL, &single, NULL), MELE_OK);
        cr_assert_eq(memcmp(one, alone + i * M, M * sizeof *one), 0, "%s, row %zu", c->kind, i);
    }
    free(alone);
    free(beside);
    free(density);
    free(another);
    free(experts);
}

Test(wanted, experts_say_the_same_where_they_are_asked)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mele_model *model = fit_case(&cases[i]);
        check_case(&cases[i], model->experts);
        check_blends(&cases[i], model);
        mele_model_free(model);
    }
}

/* When memory runs out at every allocation in turn. */
Test(wanted, without_memory)
{
    const wanted_case *c = &cases[2];
    const mele_matrix view = mele_matrix_of(x, c->rows, c->columns);
    const size_t pairs = c->rows * c->clusters;
    mele_model *model = fit_case(c);
    double *mean = numbers(pairs), *variance = numbers(pairs);
    bool *wanted = malloc(pairs), failed = true;
    size_t n = 0;

    choose(wanted, c->rows, c->clusters, 0);
    for (; failed; n++) {
        failing_malloc_at(n);
        const mele_status status = mele_i_experts_predict_wanted(model->experts, &view, wanted,
                                                                 mean, variance, NULL);
        failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK, "allocation %zu", n);
    }
    cr_assert_gt(n, 5);
    free(mean);
    free(variance);
    free(wanted);
    mele_model_free(model);
}

/* ---- blends ---- */

Test(wanted, who_has_no_weight_says_nothing)
{
    static const double nothing[] = {NAN, INFINITY, -INFINITY, 1e300};
    const mele_i_combine *combine = mele_i_combine_find("mean");
    double weight[] = {0.25, 0, 0.75}, mean[] = {2, 0, -1}, variance[] = {0.3, 0, 0.7};
    double room[6], probability;
    const mele_i_voices voices = {3, 1, weight, mean, variance, 0, room, 1, 1};

    cr_assert_eq(combine, mele_i_combine_default());
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        mean[1] = nothing[i];
        variance[1] = fabs(nothing[i]);
        const mele_i_blend b = combine->target(&voices);
        cr_assert_eq(b.mean, -0.25);
        cr_assert_float_eq(b.within, 0.6, 1e-15);
        cr_assert_float_eq(b.between, 0.25 * 2.25 * 2.25 + 0.75 * 0.75 * 0.75, 1e-14);
        cr_assert_float_eq(b.sd * b.sd, b.within + b.between, 1e-14);
        combine->probabilities(&voices, 1, &probability);
        cr_assert_eq(probability, -0.25);
        double density[] = {-1.5, nothing[i], -2.5};
        const double logs[] = {log(0.25), -INFINITY, log(0.75)};
        double together;
        combine->log_densities(logs, 1, 3, density, &together);
        cr_assert_float_eq(together, log(0.25 * exp(-1.5) + 0.75 * exp(-2.5)), 1e-14);
    }
    cr_assert_null(mele_i_combine_find("sum of squares"));
}

/* A row's density does not depend on its neighbours, of which some have none. */
Test(wanted, densities_of_many_rows_are_each_row_s_own)
{
    enum { MANY = 150, K = 3 };
    const mele_i_combine *combine = mele_i_combine_default();
    mele_i_stream stream = mele_i_stream_make(23, MELE_I_FOR_TESTS, MANY, K);
    double log_weight[MANY * K], density[MANY * K], all[MANY], one;

    for (size_t i = 0; i < MANY; i++) {
        const double first = 0.1 + 0.8 * mele_i_stream_uniform(&stream);
        const double weight[K] = {first, i % 5 == 0 ? 0 : (1 - first) / 2,
                                  i % 5 == 0 ? 1 - first : (1 - first) / 2};
        for (size_t k = 0; k < K; k++) {
            log_weight[i * K + k] = log(weight[k]);
            density[i * K + k] = -3 * mele_i_stream_uniform(&stream);
        }
        if (i % 7 == 3)
            density[i * K + i % K] = NAN;
    }
    double again[MANY * K];
    memcpy(again, density, sizeof again);
    combine->log_densities(log_weight, MANY, K, density, all);
    for (size_t i = 0; i < MANY; i++) {
        double sum = 0;
        for (size_t k = 0; k < K; k++)
            if (log_weight[i * K + k] > -INFINITY)
                sum += exp(log_weight[i * K + k] + again[i * K + k]);
        combine->log_densities(log_weight + i * K, 1, K, again + i * K, &one);
        cr_assert(isnan(sum) ? isnan(all[i]) && isnan(one)
                             : one == all[i] && fabs(one - log(sum)) < 1e-13,
                  "row %zu: %.17g, %.17g, %.17g", i, all[i], one, log(sum));
    }
}

/* Deviations without a square: the root of their mean square is a number all the same. */
Test(wanted, deviations_far_out)
{
    double weight[] = {0.5, 0, 0.5}, mean[] = {3e200, NAN, -3e200}, variance[] = {1, NAN, 1};
    const mele_i_voices voices = {3, 1, weight, mean, variance, 0, NULL, 1, 1};
    const mele_i_blend b = mele_i_combine_default()->target(&voices);

    cr_assert_eq(b.mean, 0);
    cr_assert(isinf(b.between));
    cr_assert_float_eq(b.sd_between / 3e200, 1, 1e-15);
    cr_assert_float_eq(b.sd / 3e200, 1, 1e-15);
}
