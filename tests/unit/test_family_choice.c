/* The choice of the number of experts, and of what families sweep, by refits of the whole family. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/mele.h>

#include "core/stream.h"
#include "family/families.h"
#include "model/model.h"
#include "unit/engine_support.h"

enum { ROWS = 120, FEATURES = 2 };

/* What a target is of two features. */
typedef enum target { ONE_PLANE, TWO_PLANES, NOISE_IN_TWENTIES, TWO_CLASSES } target;

static double x[ROWS * FEATURES]; /* the data's, which are a view of it */

/* In twenties: twenty rows are the same one. */
static mele_data *make_data(target which)
{
    double y[ROWS];
    mele_i_stream stream = mele_i_stream_make(11, MELE_I_FOR_TESTS, 2, 0);
    mele_data *data = NULL;

    for (size_t i = 0; i < ROWS; i++) {
        const double a = 2 * mele_i_stream_uniform(&stream) - 1, b = 2 * mele_i_stream_uniform(&stream) - 1;
        const double noise = 0.2 * mele_i_stream_normal(&stream);
        const bool again = which == NOISE_IN_TWENTIES && i % 20 > 0;
        x[i * FEATURES] = again ? x[(i - 1) * FEATURES] : a;
        x[i * FEATURES + 1] = again ? x[(i - 1) * FEATURES + 1] : b;
        y[i] = which == ONE_PLANE      ? a + 2 * b + noise
               : which == TWO_PLANES   ? (a > 0 ? 3 * a + b : 2 - 4 * a - b) + noise
               : which == TWO_CLASSES  ? (double)(a * b + noise > 0)
               : again                 ? y[i - 1]
                                       : noise;
    }
    const mele_matrix mx = mele_matrix_of(x, ROWS, FEATURES), my = mele_matrix_of(y, ROWS, 1);
    cr_assert_eq(mele_data_of_arrays(&mx, &my, which == TWO_CLASSES ? 2 : 0, NULL, &data, NULL), MELE_OK);
    return data;
}

/* NAME VALUE .. NULL */
static mele_options *options_of(const char *const *given)
{
    mele_options *options = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_options_new(&options, NULL), MELE_OK);
    for (; *given != NULL; given += 2)
        cr_assert_eq(mele_options_set(options, given[0], given[1], &error), MELE_OK, "%s", error.message);
    return options;
}

#define OPTIONS(...) options_of((const char *const[]){__VA_ARGS__, NULL})

static mele_model *fit(const mele_data *data, mele_options *options, mele_engine *engine, mele_report *report)
{
    mele_model *model = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_fit(data, options, engine, report, &model, &error), MELE_OK, "%s", error.message);
    return model;
}

static const json_t *record_of(const mele_model *model)
{
    return json_object_get(model->training, "family");
}

static const json_t *candidate(const mele_model *model, size_t i)
{
    return json_array_get(json_object_get(record_of(model), "candidates"), i);
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    cr_assert(json_is_number(value), "%s", key);
    return json_number_value(value);
}

/* ---- K ---- */

static size_t choose(target which, const char *criterion)
{
    mele_data *data = make_data(which);
    mele_options *options = OPTIONS("family", "me-em", "clusters", "1-3", "restarts", "3", "criterion",
                                    criterion);
    mele_model *model = fit(data, options, NULL, NULL);
    const size_t clusters = model->clusters;

    cr_assert_eq(json_array_size(json_object_get(record_of(model), "candidates")), 3);
    cr_assert_str_eq(json_string_value(json_object_get(record_of(model), "criterion")), criterion);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(number(candidate(model, i), "clusters"), i + 1);
        cr_assert_eq(json_is_true(json_object_get(candidate(model, i), "chosen")), i + 1 == clusters);
    }
    mele_model_free(model);
    mele_options_free(options);
    mele_data_free(data);
    return clusters;
}

Test(family_choice, two_planes_have_two_experts_and_one_has_one)
{
    static const char *const criteria[] = {"cv", "nll"};

    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(choose(TWO_PLANES, criteria[i]), 2, "%s", criteria[i]);
        cr_assert_eq(choose(ONE_PLANE, criteria[i]), 1, "%s", criteria[i]);
    }
}

/* A quadratic of two features has 6 coefficients: it knows 6 points by heart, unless all rows of one are left out. */
Test(family_choice, groups_are_left_out_whole)
{
    size_t groups[ROWS];
    double loss[2];

    for (size_t i = 0; i < ROWS; i++)
        groups[i] = i / 20;
    for (size_t grouped = 0; grouped < 2; grouped++) {
        mele_data *data = make_data(NOISE_IN_TWENTIES);
        mele_options *options = OPTIONS("family", "me-em", "degree", "2", "clusters", "1-2");
        if (grouped)
            cr_assert_eq(mele_data_set_groups(data, groups, NULL), MELE_OK);
        mele_model *model = fit(data, options, NULL, NULL);
        loss[grouped] = number(candidate(model, 0), "error");
        mele_model_free(model);
        mele_options_free(options);
        mele_data_free(data);
    }
    cr_assert(loss[0] < 0.05 && loss[1] > 0.5, "%g, %g", loss[0], loss[1]);
}

Test(family_choice, of_one_group_is_the_simplest)
{
    const size_t groups[ROWS] = {0};
    mele_data *data = make_data(TWO_PLANES);
    mele_options *options = OPTIONS("family", "me-em", "clusters", "2-3", "restarts", "1");
    mele_report *report = NULL;

    cr_assert_eq(mele_data_set_groups(data, groups, NULL), MELE_OK);
    cr_assert_eq(mele_report_new("test", &report, NULL), MELE_OK);
    mele_model *model = fit(data, options, NULL, report);
    cr_assert_eq(model->clusters, 2);
    cr_assert_not_null(strstr(mele_report_warning(report, 0), "groups"));
    mele_report_free(report);
    mele_model_free(model);
    mele_options_free(options);
    mele_data_free(data);
}

/* A vote is for a class: its shares are no probabilities. */
Test(family_choice, boosting_counts_the_errors_of_its_vote)
{
    mele_data *data = make_data(TWO_CLASSES);
    static const char *const criteria[] = {"cv", "nll"};

    for (size_t c = 0; c < 2; c++) {
        mele_options *options = OPTIONS("family", "boosting", "clusters", "1-3", "criterion", criteria[c]);
        mele_model *model = fit(data, options, NULL, NULL);
        for (size_t i = 0; i < 3; i++) {
            const double errors = number(candidate(model, i), "error") * ROWS;
            cr_assert_eq(fabs(errors - round(errors)) < 1e-9, c == 0, "%s: %g", criteria[c], errors);
        }
        mele_model_free(model);
        mele_options_free(options);
    }
    mele_data_free(data);
}

/* ---- what is swept ---- */

static const char *const swept[] = {"ncl", "gated-ncl", "mnce"};

static void check_same(const mele_model *model, const mele_report *report, size_t count)
{
    double told, chosen = NAN;

    cr_assert(mele_report_number(report, "family.lambda", &told));
    for (size_t i = 0; i < count; i++) {
        char path[64];
        snprintf(path, sizeof path, "family.candidates.%zu.lambda", i);
        double lambda;
        cr_assert(mele_report_number(report, path, &lambda), "%s", path);
        cr_assert_eq(lambda, number(candidate(model, i), "lambda"));
        cr_assert(isfinite(number(candidate(model, i), "error")));
        if (json_is_true(json_object_get(candidate(model, i), "chosen")))
            chosen = lambda;
    }
    cr_assert_eq(told, chosen);
    cr_assert_eq(told, number(record_of(model), "lambda"));
}

static void check_sweep(const char *family, const mele_data *data, mele_engine *three)
{
    mele_options *options = OPTIONS("family", family, "clusters", "2", "expert", "mlp", "hidden", "2",
                                    "max-epochs", "2");
    mele_report *report = NULL;
    char *a, *b;

    if (strcmp(family, "mnce") == 0)
        cr_assert_eq(mele_options_set(options, "restarts", "1", NULL), MELE_OK);
    cr_assert_eq(mele_report_new("test", &report, NULL), MELE_OK);
    mele_model *model = fit(data, options, NULL, report), *again = fit(data, options, three, NULL);
    cr_assert_eq(json_array_size(json_object_get(record_of(model), "candidates")), 5, "%s", family);
    check_same(model, report, 5);
    cr_assert_eq(mele_model_text(model, &a, NULL, NULL), MELE_OK);
    cr_assert_eq(mele_model_text(again, &b, NULL, NULL), MELE_OK);
    cr_assert_str_eq(a, b);
    free(a);
    free(b);
    mele_model_free(model);
    mele_model_free(again);
    mele_report_free(report);
    cr_assert_eq(mele_options_set(options, "lambda", "0.3", NULL), MELE_OK);
    model = fit(data, options, NULL, NULL);
    cr_assert_null(json_object_get(record_of(model), "candidates"), "%s", family);
    mele_model_free(model);
    mele_options_free(options);
}

Test(family_choice, lambda_is_swept_unless_it_is_given)
{
    mele_engine *three = engine_of(3);

    for (size_t i = 0; i < sizeof swept / sizeof *swept; i++)
        for (int classes = 0; classes < 2; classes++) {
            mele_data *data = make_data(classes ? TWO_CLASSES : TWO_PLANES);
            check_sweep(swept[i], data, three);
            mele_data_free(data);
        }
    mele_engine_free(three);
}

/* Of one expert there is nothing to penalise: one candidate; of two all values. */
Test(family_choice, lambda_is_chosen_with_the_number_of_experts)
{
    mele_data *data = make_data(TWO_CLASSES);
    mele_options *options = OPTIONS("family", "mnce", "clusters", "1-2", "restarts", "1", "max-epochs", "2");
    mele_model *model = fit(data, options, NULL, NULL);

    cr_assert_eq(json_array_size(json_object_get(record_of(model), "candidates")), 6);
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(number(candidate(model, i), "clusters"), i == 0 ? 1 : 2);
    mele_model_free(model);
    mele_options_free(options);
    mele_data_free(data);
}
