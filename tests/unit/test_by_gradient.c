/* Families whose parts are trained together by gradients: tonedata against mixtools' hmeEM, what
 * no penalty and one expert come to, what must not matter, what they refuse. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <mele/mele.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/stream.h"
#include "expert/expert.h"
#include "family/alone.h"
#include "family/by_gradient.h"
#include "fit/features.h"
#include "fit/stages.h"
#include "gate/constant.h"
#include "gate/gate.h"
#include "support/failing_malloc.h"
#include "support/size.h"
#include "unit/family_support.h"

typedef struct setting {
    const char *name, *value;
} setting;

/* A few iterations: what is compared needs no more. */
static mele_options options_of(const char *family, const char *clusters)
{
    const setting settings[] = {{"family", family}, {"clusters", clusters}, {"max-epochs", "8"}};
    mele_options options = mele_options_defaults();

    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        cr_assert_eq(mele_options_set(&options, settings[i].name, settings[i].value, NULL),
                     MELE_OK);
    return options;
}

static void set(mele_options *options, const char *name, const char *value)
{
    mele_error error = {0};

    cr_assert_eq(mele_options_set(options, name, value, &error), MELE_OK, "%s", error.message);
}

/* ---- a maximum that is known ---- */

/* The log-likelihood that R's mixtools 2.0, hmeEM, comes to. */
Test(by_gradient, tonedata_from_every_seed)
{
    for (uint64_t seed = 1; seed <= TEST_SIZE(100, 20, 3); seed++) {
        mele_options options = options_of("me", "2");
        mele_data *data = read_data("tonedata.csv", "tuned", &options);

        options.seed = seed;
        set(&options, "max-epochs", "1000");
        set(&options, "restarts", "3");
        set(&options, "ridge", "0");
        set(&options, "gate-ridge", "0");
        mele_model *model = fit(data, &options, NULL, NULL);
        cr_assert_float_eq(told(model, "log_likelihood"), 142.848, 1e-3, "seed %u: %.6f",
                           (unsigned)seed, told(model, "log_likelihood"));
        cr_assert_float_eq(told(model, "penalised"), told(model, "log_likelihood"), 1e-9);
        cr_assert_eq(mele_model_parameters(model), 6); /* two lines, one line of logits */
        mele_model_free(model);
        mele_data_free(data);
        mele_options_clear(&options);
    }
}

/* Without a ridge some start puts an expert on a handful of rows, whose likelihood is larger; not that one is
 * kept, and nothing is to be warned of. */
Test(by_gradient, an_expert_on_a_handful_of_rows_does_not_win)
{
    size_t passed_over = 0;

    for (uint64_t seed = 2; seed <= TEST_SIZE(5, 2, 2); seed++) {
        mele_options options = options_of("me", "6");
        mele_data *data = read_data("mcycle.csv", "accel", &options);
        double most = -INFINITY;

        options.seed = seed;
        set(&options, "max-epochs", "300");
        set(&options, "ridge", "0");
        mele_model *model = fit(data, &options, NULL, NULL);
        const json_t *starts = json_object_get(json_object_get(model->training, "family"), "starts");
        for (size_t r = 0; r < json_array_size(starts); r++)
            most = fmax(most, json_number_value(json_array_get(starts, r)));
        cr_assert_eq(json_array_size(starts), 10);
        passed_over += told(model, "penalised") < most - 1;
        mele_model_free(model);
        mele_data_free(data);
        mele_options_clear(&options);
    }
    cr_assert_gt(passed_over, 0);
}

/* ---- what nothing couples ---- */

static const char *const families[] = {"me", "mnce", "ncl", "gated-ncl"};

enum { FAMILIES = sizeof families / sizeof *families };

static void set_lambda(mele_options *options, const char *value)
{
    if (strcmp(options->family.name, "me") != 0)
        set(options, "lambda", value);
}

Test(by_gradient, one_expert_is_that_of_the_family_one)
{
    for (size_t f = 0; f < FAMILIES; f++) {
        mele_options options = options_of("one", "1"), same = options_of(families[f], "1");
        mele_data *data = read_data("mcycle.csv", "accel", &options);

        set(&options, "expert", "mlp");
        set(&same, "expert", "mlp");
        same.data.target = "accel";
        set_lambda(&same, "0.7");
        mele_model *one = fit(data, &options, NULL, NULL), *other = fit(data, &same, NULL, NULL);
        cr_assert(mele_i_experts_equal(one->experts, other->experts), "%s", families[f]);
        mele_model_free(one);
        mele_model_free(other);
        mele_data_free(data);
        mele_options_clear(&options);
        mele_options_clear(&same);
    }
}

/* Networks that stage 2 trains, each alone on all rows. */
static mele_experts *train_alone(const mele_data *data, const mele_options *options)
{
    const size_t K = options->partition.clusters;
    mele_expert_info info[8];
    mele_model *model = mele_i_model_new();
    mele_options settled = *options;
    mele_experts *experts = NULL;

    settled.experts.kind = "mlp";
    mele_i_run run = mele_i_run_of(data, NULL, &settled, NULL, NULL, model);
    cr_assert_eq(mele_i_run_start(&run, NULL), MELE_OK);
    model->clusters = K;
    cr_assert_eq(mele_i_run_select_for_experts(&run, NULL), MELE_OK);
    cr_assert_eq(mele_i_family_alone(&run, true, &experts, info, NULL), MELE_OK);
    mele_i_run_clear(&run);
    mele_model_free(model);
    return experts;
}

/* The same states, whatever their variances. */
static void assert_same_states(const mele_experts *a, const mele_experts *b, const char *what)
{
    mele_experts *pair[2] = {NULL, NULL};
    const size_t count = mele_experts_clusters(a) * mele_experts_outputs(a);
    double *ones = MELE_I_ARRAY(double, count);

    for (size_t i = 0; i < count; i++)
        ones[i] = 1;
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(mele_i_experts_separate(i == 0 ? a : b, &pair[i], NULL), MELE_OK);
        mele_i_experts_set_variances(pair[i], ones);
    }
    cr_assert(mele_i_experts_equal(pair[0], pair[1]), "%s", what);
    mele_experts_free(pair[0]);
    mele_experts_free(pair[1]);
    free(ones);
}

Test(by_gradient, ncl_without_penalty_is_independent_training)
{
    for (size_t f = 2; f < FAMILIES; f++) {
        mele_options options = options_of(families[f], "3");
        mele_data *data = read_data("mcycle.csv", "accel", &options);

        set(&options, "lambda", "0");
        mele_model *model = fit(data, &options, NULL, NULL);
        mele_experts *alone = train_alone(data, &options);
        assert_same_states(model->experts, alone, families[f]);
        set(&options, "lambda", "0.5");
        mele_model *coupled = fit(data, &options, NULL, NULL);
        cr_assert_not(mele_i_experts_equal(coupled->experts, model->experts));
        mele_model_free(coupled);
        mele_model_free(model);
        mele_experts_free(alone);
        mele_data_free(data);
        mele_options_clear(&options);
    }
}

Test(by_gradient, mnce_without_penalty_is_me)
{
    static const struct {
        const char *file, *target, *expert;
    } cases[] = {{"mcycle.csv", "accel", "linear"}, {"mcycle.csv", "accel", "mlp"},
                 {"iris.csv", "Species", "logistic"}};

    for (size_t c = 0; c < 3; c++) {
        mele_options me = options_of("me", "3"), mnce = options_of("mnce", "3");
        mele_data *data = read_data(cases[c].file, cases[c].target, &me);

        set(&me, "expert", cases[c].expert);
        set(&mnce, "expert", cases[c].expert);
        set(&mnce, "lambda", "0");
        mele_model *a = fit(data, &me, NULL, NULL), *b = fit(data, &mnce, NULL, NULL);
        json_t *one = mele_i_gate_save(a->gate), *other = mele_i_gate_save(b->gate);
        cr_assert(mele_i_experts_equal(a->experts, b->experts), "%s", cases[c].expert);
        cr_assert(json_equal(one, other));
        cr_assert_eq(told(a, "log_likelihood"), told(b, "log_likelihood"));
        json_decref(one);
        json_decref(other);
        mele_model_free(a);
        mele_model_free(b);
        mele_data_free(data);
        mele_options_clear(&me);
        mele_options_clear(&mnce);
    }
}

/* ---- variances ---- */

enum { GRID = 4000 };

/* What the density of a row, which is integrated over y, has as its mean and variance. */
static void integrate(const mele_model *model, double x, double said[3])
{
    static double rows[GRID], y[GRID], log_density[GRID], mean[GRID], sd[GRID];
    const mele_matrix asked = mele_matrix_of(rows, GRID, 1);
    double low, step;

    for (size_t pass = 0; pass < 2; pass++) {
        low = pass == 0 ? 0 : mean[0] - 12 * sd[0];
        step = pass == 0 ? 0 : 24 * sd[0] / GRID;
        for (size_t i = 0; i < GRID; i++) {
            rows[i] = x;
            y[i] = low + step * (double)i;
        }
        const mele_prediction wanted = {
            .mean = mean, .sd = sd, .targets = y, .log_density = log_density};
        cr_assert_eq(mele_model_predict(model, &asked, NULL, NULL, &wanted, NULL), MELE_OK);
    }
    double total = 0, first = 0, second = 0;
    for (size_t i = 0; i < GRID; i++) {
        const double density = step * exp(log_density[i]), off = y[i] - mean[0];
        total += density;
        first += density * off / sd[0];
        second += density * off * off / (sd[0] * sd[0]);
    }
    said[0] = total;
    said[1] = first;
    said[2] = second;
}

/* Where experts part the density is drawn together with the standard deviation, which is of the size of errors. */
Test(by_gradient, experts_that_are_apart_have_honest_variances)
{
    enum { ROWS = 300 };
    double x[ROWS], y[ROWS], mean[ROWS], sd[ROWS], square = 0;
    mele_i_stream stream = mele_i_stream_make(5, MELE_I_FOR_TESTS, 0, 0);
    mele_options options = options_of("mnce", "4");
    mele_data *data = NULL;
    mele_model *read = NULL;

    for (size_t i = 0; i < ROWS; i++) {
        x[i] = 6 * mele_i_stream_uniform(&stream) - 3;
        y[i] = sin(2 * x[i]) + 0.2 * mele_i_stream_normal(&stream);
    }
    const mele_matrix features = mele_matrix_of(x, ROWS, 1), targets = mele_matrix_of(y, ROWS, 1);
    cr_assert_eq(mele_data_of_arrays(&features, &targets, 0, NULL, &data, NULL), MELE_OK);
    set(&options, "lambda", "0.9");
    set(&options, "max-epochs", "300");
    mele_model *model = fit(data, &options, NULL, NULL);
    cr_assert_not_null(model->between);
    char *text = text_of(model);
    cr_assert_eq(mele_model_of_text(text, strlen(text), &read, NULL), MELE_OK);
    const mele_prediction wanted = {.mean = mean, .sd = sd};
    cr_assert_eq(mele_model_predict(read, &features, NULL, NULL, &wanted, NULL), MELE_OK);
    for (size_t i = 0; i < ROWS; i++)
        square += (y[i] - mean[i]) * (y[i] - mean[i]) / (sd[i] * sd[i]) / ROWS;
    cr_assert(square > 0.6 && square < 1.3, "%g", square);
    for (double at = -2; at <= 2; at += 2)
        for (size_t share = 0; share < 3; share++) {
            double said[3];
            read->between[0] = (double)share / 2;
            integrate(read, at, said);
            cr_assert_float_eq(said[0], 1, 1e-3);
            cr_assert_float_eq(said[1], 0, 1e-3);
            cr_assert_float_eq(said[2], 1, 3e-3);
        }
    free(text);
    mele_model_free(read);
    mele_model_free(model);
    mele_data_free(data);
    mele_options_clear(&options);
}

/* ---- gates ---- */

Test(by_gradient, gated_ncl_has_the_networks_of_ncl)
{
    mele_options ncl = options_of("ncl", "3"), gated = options_of("gated-ncl", "3");
    mele_data *data = read_data("mcycle.csv", "accel", &ncl);

    set(&ncl, "lambda", "0.5");
    set(&gated, "lambda", "0.5");
    mele_model *a = fit(data, &ncl, NULL, NULL), *b = fit(data, &gated, NULL, NULL);
    assert_same_states(a->experts, b->experts, "gated-ncl");
    const double *weights = mele_i_gate_constant_weights(a->gate);
    cr_assert_not_null(weights);
    cr_assert_eq(weights[0], weights[2]);
    cr_assert_str_eq(mele_gate_name(b->gate), "softmax");
    cr_assert_not(mele_gate_needs_posteriors(b->gate));
    mele_model_free(a);
    mele_model_free(b);
    mele_data_free(data);
    mele_options_clear(&ncl);
    mele_options_clear(&gated);
}

/* ---- what must not matter ---- */

Test(by_gradient, same_bytes_for_any_threads)
{
    mele_engine_options engine_options = mele_engine_defaults();
    mele_engine *engine = NULL;

    engine_options.threads = 3;
    cr_assert_eq(mele_engine_new(&engine_options, &engine, NULL), MELE_OK);
    for (size_t f = 0; f < 2 * FAMILIES; f++) {
        mele_options options = options_of(families[f % FAMILIES], "3");
        mele_data *data = f < FAMILIES ? read_data("mcycle.csv", "accel", &options)
                                       : read_data("iris.csv", "Species", &options);
        set_lambda(&options, f < FAMILIES ? "0.5" : "0.9");
        mele_model *one = fit(data, &options, NULL, NULL), *many = fit(data, &options, engine, NULL);
        char *a = text_of(one), *b = text_of(many);
        cr_assert_str_eq(a, b, "%s", families[f % FAMILIES]);
        free(a);
        free(b);
        mele_model_free(one);
        mele_model_free(many);
        mele_data_free(data);
        mele_options_clear(&options);
    }
    mele_engine_free(engine);
}

/* Lines and a curve, with weights, or each row as often as its weight says (0 to 2). */
static mele_data *weighted_data(bool weights)
{
    enum { ROWS = 60 };
    static double numbers[2][3][2 * ROWS]; /* data point into them */
    double *x = numbers[weights][0], *y = numbers[weights][1], *w = numbers[weights][2];
    size_t count = 0;
    mele_data *data = NULL;

    for (size_t i = 0; i < ROWS; i++) {
        const size_t times = i % 7 == 3 ? 0 : i % 5 == 0 ? 2 : 1;
        for (size_t r = 0; r < (weights ? 1 : times); r++, count++) {
            x[count] = sin((double)(7 * i));
            y[count] = x[count] > 0.1 ? 2 - x[count] + 0.1 * cos((double)i)
                                      : x[count] + 0.2 * sin((double)i);
            w[count] = (double)times;
        }
    }
    const mele_matrix features = mele_matrix_of(x, count, 1), targets = mele_matrix_of(y, count, 1);
    cr_assert_eq(mele_data_of_arrays(&features, &targets, 0, weights ? w : NULL, &data, NULL),
                 MELE_OK);
    return data;
}

Test(by_gradient, a_weight_of_2_is_the_row_twice)
{
    mele_options options = options_of("me", "2");
    mele_data *data = weighted_data(true), *rows = weighted_data(false);

    set(&options, "max-epochs", "400");
    mele_model *a = fit(data, &options, NULL, NULL), *b = fit(rows, &options, NULL, NULL);
    cr_assert_float_eq(told(a, "penalised"), told(b, "penalised"), 1e-4, "%.9g, %.9g",
                       told(a, "penalised"), told(b, "penalised"));
    mele_model_free(a);
    mele_model_free(b);
    mele_data_free(data);
    mele_data_free(rows);
    mele_options_clear(&options);
}

/* Few rows, and a target that is constant. */
Test(by_gradient, degenerate_data_have_a_model)
{
    static const struct {
        size_t rows;
        double slope;
    } cases[] = {{1, 0}, {2, 1}, {3, 1}, {20, 0}};

    for (size_t f = 0; f < FAMILIES; f++)
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            const char *clusters = cases[c].rows == 1 ? "1" : cases[c].rows == 2 ? "2" : "3";
            mele_options options = options_of(families[f], clusters);
            double x[20], y[20], said[20];
            mele_data *data = NULL;

            for (size_t i = 0; i < cases[c].rows; i++) {
                x[i] = (double)i;
                y[i] = 5 + cases[c].slope * (double)i;
            }
            const mele_matrix a = mele_matrix_of(x, cases[c].rows, 1),
                              b = mele_matrix_of(y, cases[c].rows, 1);
            cr_assert_eq(mele_data_of_arrays(&a, &b, 0, NULL, &data, NULL), MELE_OK);
            set_lambda(&options, "0.5");
            set(&options, "max-epochs", "200");
            mele_model *model = fit(data, &options, NULL, NULL);
            const mele_prediction wanted = {.mean = said};
            cr_assert_eq(mele_model_predict(model, &a, NULL, NULL, &wanted, NULL), MELE_OK);
            for (size_t i = 0; i < cases[c].rows; i++)
                cr_assert_float_eq(said[i], y[i], 3 * cases[c].slope + 1e-8, "%s, %zu: %g, %g",
                                   families[f], cases[c].rows, said[i], y[i]);
            mele_model_free(model);
            mele_data_free(data);
            mele_options_clear(&options);
        }
}

/* ---- refusals, and no memory ---- */

Test(by_gradient, refuses_by_name)
{
    static const struct {
        const char *family, *option, *value, *named;
    } cases[] = {{"ncl", "expert", "linear", "linear"}, {"ncl", "gate-ridge", "1", "gate-ridge"},
                 {"me", "lambda", "0.5", "lambda"}, {"me", "expert", "gp", "gp"},
                 {"mnce", "ridge", "gcv", "gcv"}, {"me", "gate", "mlp", "gate"}};

    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        mele_options options = options_of(cases[c].family, "2");
        mele_data *data = read_data("mcycle.csv", "accel", &options);
        mele_model *model = NULL;
        mele_error error = {0};

        set(&options, cases[c].option, cases[c].value);
        cr_assert_eq(mele_fit(data, &options, NULL, NULL, &model, &error), MELE_EINVAL, "%zu", c);
        cr_assert(strstr(error.message, cases[c].named) != NULL, "%s", error.message);
        mele_data_free(data);
        mele_options_clear(&options);
    }
}

Test(by_gradient, a_lambda_above_1_is_none)
{
    mele_options options = mele_options_defaults();

    cr_assert_eq(mele_options_set(&options, "lambda", "1.01", NULL), MELE_EINVAL);
    cr_assert_eq(mele_options_set(&options, "lambda", "-0.01", NULL), MELE_EINVAL);
    cr_assert_eq(mele_options_set(&options, "lambda", "auto", NULL), MELE_OK);
    cr_assert_eq(options.family.lambda, MELE_LAMBDA_AUTO);
}

Test(by_gradient, lambda_is_chosen_by_refits)
{
    mele_options options = options_of("mnce", "2");
    mele_data *data = read_data("mcycle.csv", "accel", &options);

    set(&options, "restarts", "1");
    mele_model *model = fit(data, &options, NULL, NULL);
    const json_t *candidates =
        json_object_get(json_object_get(model->training, "family"), "candidates");
    cr_assert_eq(json_array_size(candidates), 5);
    cr_assert(told(model, "lambda") >= 0 && told(model, "lambda") <= 0.9);
    mele_model_free(model);
    mele_data_free(data);
    mele_options_clear(&options);
}

Test(by_gradient, memory_that_runs_out_leaves_nothing_behind)
{
    for (size_t f = 0; f < FAMILIES; f++) {
        mele_options options = options_of(families[f], "2");
        mele_data *data = read_data("mcycle.csv", "accel", &options);
        size_t tried = 0;

        set(&options, "max-epochs", "1");
        set_lambda(&options, "0.5");
        for (size_t n = 0;; n += TEST_SIZE(1, 7, 41), tried++) {
            mele_model *model = NULL;
            failing_malloc_at(n);
            const mele_status status = mele_fit(data, &options, NULL, NULL, &model, NULL);
            if (!failing_malloc_end()) {
                mele_model_free(model);
                break;
            }
            cr_assert(status == MELE_ENOMEM
                      || status == MELE_OK); /* rows are made anew without a cache */
            cr_assert_eq(model == NULL, status == MELE_ENOMEM, "%s: %zu", families[f], n);
            mele_model_free(model);
        }
        cr_assert_gt(tried, 10);
        mele_data_free(data);
        mele_options_clear(&options);
    }
}
