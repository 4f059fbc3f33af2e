/* Boosting: an independent implementation of the formulas (tests/ref/boosting.py), the single expert, weights
 * as rows, how the rounds end, memory. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/mele.h>

#include "core/memory.h"
#include "core/stream.h"
#include "boosting_reference.h"
#include "engine_support.h"
#include "family_support.h"
#include "support/failing_malloc.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { ROUNDS = 8, MOST_COLS = 8 };

/* ---- data ---- */

typedef struct sample {
    size_t rows, cols, classes;
    double *x, *y, *weights;
} sample;

static sample room_for(size_t rows, size_t cols, size_t classes)
{
    sample s = {rows, cols, classes, MELE_I_ARRAY(double, rows * cols), MELE_I_ARRAY(double, rows), NULL};

    cr_assert(s.x != NULL && s.y != NULL);
    return s;
}

static void free_sample(sample *s)
{
    free(s->x);
    free(s->y);
    free(s->weights);
}

/* A table of numbers whose last column is numbers, or one of three species. */
static sample read_sample(const char *name, size_t rows, size_t cols, size_t classes)
{
    static const char *const species[] = {"\"setosa\"", "\"versicolor\"", "\"virginica\""};
    sample s = room_for(rows, cols, classes);
    char path[512], line[512];

    snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    cr_assert_not_null(fgets(line, sizeof line, file));
    for (size_t i = 0; i < rows; i++) {
        char *at = fgets(line, sizeof line, file);
        cr_assert_not_null(at);
        for (size_t j = 0; j < cols; j++, at++)
            s.x[i * cols + j] = strtod(at, &at);
        s.y[i] = classes == 0 ? strtod(at, NULL) : 0;
        for (size_t c = 0; c < classes; c++)
            if (strncmp(at, species[c], 6) == 0)
                s.y[i] = (double)c;
    }
    fclose(file);
    return s;
}

static mele_data *data_of(const sample *s)
{
    const mele_matrix x = {s->x, s->rows, s->cols, s->cols}, y = {s->y, s->rows, 1, 1};
    mele_data *data = NULL;

    cr_assert_eq(mele_data_of_arrays(&x, &y, s->classes, s->weights, &data, NULL), MELE_OK);
    return data;
}

/* ---- fits ---- */

static mele_options options_of(const char *family, const char *kind, size_t clusters)
{
    mele_options options = mele_options_defaults();

    options.family.name = family;
    options.experts.kind = kind;
    options.partition.clusters = clusters;
    return options;
}

static mele_model *fit_of(const sample *s, const mele_options *options, mele_report **report)
{
    mele_data *data = data_of(s);
    mele_model *model = NULL;
    mele_error error;

    cr_assert_eq(mele_report_new("test", report, NULL), MELE_OK);
    cr_assert_eq(mele_fit(data, options, NULL, *report, &model, &error), MELE_OK, "%s", error.message);
    mele_data_free(data);
    return model;
}

/* What it predicts of the sample: of a target mean and standard deviation, of classes their probabilities. */
static double *said_of(const mele_model *model, const sample *s)
{
    const mele_matrix x = {s->x, s->rows, s->cols, s->cols};
    double *out = MELE_I_ZEROED(double, s->rows * (s->classes > 0 ? s->classes : 2));
    const mele_prediction wanted = {.mean = s->classes > 0 ? NULL : out,
                                    .sd = s->classes > 0 ? NULL : out + s->rows,
                                    .probability = s->classes > 0 ? out : NULL};

    cr_assert_eq(mele_model_predict(model, &x, NULL, NULL, &wanted, NULL), MELE_OK);
    return out;
}

static void check_list(const mele_report *report, const char *name, const double *wanted, size_t count)
{
    char path[64];
    double value;

    for (size_t k = 0; k < count; k++) {
        snprintf(path, sizeof path, "family.%s.%zu", name, k);
        cr_assert(mele_report_number(report, path, &value), "%s", path);
        cr_assert_float_eq(value, wanted[k], 1e-10 * (1 + fabs(wanted[k])), "%s: %.17g, not %.17g", path,
                           value, wanted[k]);
    }
}

/* ---- the formulas ---- */

/* Errors and votes of the rounds that there are of eight, and every step-th row's numbers. */
static void check_formulas(sample *s, size_t rounds, const double *errors, const double *votes,
                           const double *said, size_t count, size_t step)
{
    mele_options options = options_of("boosting", NULL, ROUNDS);
    const size_t numbers = s->classes > 0 ? s->classes : 1;
    mele_report *report;

    options.experts.ridge = 0.5;
    mele_model *model = fit_of(s, &options, &report);
    double *out = said_of(model, s);
    check_list(report, "errors", errors, rounds);
    check_list(report, "votes", votes, rounds);
    cr_assert_eq(mele_model_clusters(model), rounds);
    for (size_t e = 0; e < count; e++) {
        const double value = out[e / numbers * step * numbers + e % numbers];
        cr_assert_float_eq(value, said[e], 1e-10 * (1 + fabs(said[e])), "%zu: %.17g, not %.17g", e, value,
                           said[e]);
    }
    free(out);
    mele_report_free(report);
    mele_model_free(model);
    free_sample(s);
}

Test(boosting, samme_is_that_of_the_formulas)
{
    sample iris = read_sample("iris.csv", 150, 4, 3);

    check_formulas(&iris, COUNT(samme_errors), samme_errors, samme_votes, samme_probabilities, COUNT(samme_probabilities), 7);
}

/* Of two classes it is AdaBoost.M1, which the reference has as Freund and Schapire wrote it. */
Test(boosting, of_two_classes_it_is_adaboost_m1)
{
    sample concrete = read_sample("concrete.csv", 1030, 8, 0);

    concrete.classes = 2;
    for (size_t i = 0; i < concrete.rows; i++)
        concrete.y[i] = concrete.y[i] > 35;
    check_formulas(&concrete, COUNT(m1_errors), m1_errors, m1_votes, m1_probabilities, COUNT(m1_probabilities), 50);
}

Test(boosting, adaboost_r2_is_that_of_the_formulas)
{
    sample concrete = read_sample("concrete.csv", 1030, 8, 0);

    check_formulas(&concrete, COUNT(r2_errors), r2_errors, r2_votes, r2_medians, COUNT(r2_medians), 50);
}

/* ---- what it comes to ---- */

/* Rows with some noise. */
static sample draw(size_t rows, size_t classes)
{
    mele_i_stream stream = mele_i_stream_make(9, MELE_I_FOR_TESTS, rows, classes);
    sample s = room_for(rows, 2, classes);

    for (size_t i = 0; i < rows; i++) {
        const double a = s.x[2 * i] = mele_i_stream_normal(&stream);
        const double b = s.x[2 * i + 1] = mele_i_stream_normal(&stream);
        const double y = a + 0.5 * b * fabs(b) + 0.4 * mele_i_stream_normal(&stream);
        s.y[i] = classes == 0 ? y : fmin(fmax(floor(y + (double)classes / 2), 0), (double)classes - 1);
    }
    return s;
}

static void check_single(const char *kind, size_t classes)
{
    sample s = draw(60, classes);
    mele_options options = options_of("boosting", kind, 1);
    mele_report *report, *of_one;

    options.experts.max_epochs = 20;
    mele_model *model = fit_of(&s, &options, &report);
    options.family.name = "one";
    mele_model *one = fit_of(&s, &options, &of_one);
    double *said = said_of(model, &s), *by_one = said_of(one, &s);
    for (size_t e = 0; e < s.rows * (classes > 0 ? classes : 2); e++)
        cr_assert_eq(said[e], by_one[e], "%s: %.17g, not %.17g", kind, said[e], by_one[e]);
    free(said);
    free(by_one);
    mele_report_free(report);
    mele_report_free(of_one);
    mele_model_free(model);
    mele_model_free(one);
    free_sample(&s);
}

Test(boosting, of_one_round_it_is_the_single_expert)
{
    check_single("linear", 0);
    check_single("mlp", 0);
    check_single("gp", 0);
    check_single("logistic", 3);
    check_single("mlp", 2);
}

/* Of weights and of rows that are there as often the same comes out. */
static void check_weights(size_t classes)
{
    sample few = draw(80, classes);
    size_t rows = 0;
    mele_options options = options_of("boosting", NULL, 5);
    mele_report *report, *of_many;

    few.weights = MELE_I_ARRAY(double, few.rows);
    for (size_t i = 0; i < few.rows; i++)
        rows += (size_t)(few.weights[i] = (double)(i % 4 == 0 ? 0 : i % 4 == 1 ? 2 : 1));
    sample many = room_for(rows, 2, classes);
    for (size_t i = 0, at = 0; i < few.rows; i++)
        for (double n = 0; n < few.weights[i]; n++, at++) {
            memcpy(many.x + 2 * at, few.x + 2 * i, 2 * sizeof *many.x);
            many.y[at] = few.y[i];
        }
    mele_model *model = fit_of(&few, &options, &report), *other = fit_of(&many, &options, &of_many);
    double *said = said_of(model, &many), *by_other = said_of(other, &many);
    for (size_t e = 0; e < rows * (classes > 0 ? classes : 1); e++) /* variances leave out rows */
        cr_assert_float_eq(said[e], by_other[e], 1e-9, "%.17g, not %.17g", said[e], by_other[e]);
    free(said);
    free(by_other);
    mele_report_free(report);
    mele_report_free(of_many);
    mele_model_free(model);
    mele_model_free(other);
    free_sample(&few);
    free_sample(&many);
}

Test(boosting, weights_are_rows)
{
    check_weights(0);
    check_weights(2);
    check_weights(3);
}

/* The variances are those of rows as they come, not of D, which is largest where an expert errs. */
Test(boosting, variances_are_of_the_rows)
{
    sample s = draw(400, 0);
    mele_options options = options_of("boosting", "linear", 6);
    mele_report *report;
    mele_model *model = fit_of(&s, &options, &report);
    const mele_matrix x = {s.x, s.rows, 2, 2};
    double *mean = MELE_I_ARRAY(double, s.rows * 6), *sd = MELE_I_ARRAY(double, s.rows * 6);
    const mele_prediction wanted = {.expert_mean = mean, .expert_sd = sd};

    cr_assert_eq(mele_model_predict(model, &x, NULL, NULL, &wanted, NULL), MELE_OK);
    for (size_t k = 0; k < 6; k++) {
        double sum = 0;
        for (size_t i = 0; i < s.rows; i++)
            sum += pow(s.y[i] - mean[i * 6 + k], 2) / (double)s.rows;
        cr_assert_float_eq(sd[k] / sqrt(sum), 1.06, 0.06, "expert %zu: %g, %g", k, sd[k], sqrt(sum));
    }
    free(mean);
    free(sd);
    mele_report_free(report);
    mele_model_free(model);
    free_sample(&s);
}

/* ---- how it ends ---- */

static void check_end(sample *s, size_t rounds, const char *ended, size_t clusters, const char *warning)
{
    mele_options options = options_of("boosting", NULL, rounds);
    mele_report *report;

    options.experts.ridge = 1e-3;
    mele_model *model = fit_of(s, &options, &report);
    cr_assert_str_eq(mele_report_string(report, "family.ended"), ended);
    cr_assert_eq(mele_model_clusters(model), clusters, "%zu", mele_model_clusters(model));
    cr_assert(warning == NULL ? mele_report_warning(report, 0) == NULL
                              : strstr(mele_report_warning(report, 0), warning) != NULL);
    mele_report_free(report);
    mele_model_free(model);
    free_sample(s);
}

/* Classes that an expert tells apart: it is the first and the last. */
Test(boosting, an_expert_without_error_is_the_last)
{
    sample s = draw(50, 2);

    for (size_t i = 0; i < s.rows; i++) {
        s.y[i] = s.x[2 * i] > 0.3;
        s.x[2 * i] += s.y[i] > 0 ? 1 : -1;
    }
    check_end(&s, 9, "no error", 1, NULL);
}

/* Two classes in the corners of a square, each in two that face one another: a plane knows nothing. */
Test(boosting, a_first_expert_no_better_than_chance_stays_alone)
{
    sample s = draw(40, 2);

    for (size_t i = 0; i < s.rows; i++) {
        s.x[2 * i] = i % 4 < 2;
        s.x[2 * i + 1] = i % 2;
        s.y[i] = i % 4 == 0 || i % 4 == 3;
    }
    check_end(&s, 9, "chance", 1, "no better than chance");
}

/* Experts that are pulled but little end there. */
Test(boosting, a_later_expert_no_better_than_chance_is_left_out)
{
    sample iris = read_sample("iris.csv", 150, 4, 3);

    check_end(&iris, 60, "chance", 3, NULL);
}

/* ---- what must not matter ---- */

static void check_text(const mele_model *model, const char *wanted)
{
    char *text;

    cr_assert_eq(mele_model_text(model, &text, NULL, NULL), MELE_OK);
    cr_assert_str_eq(text, wanted);
    free(text);
}

Test(boosting, threads_do_not_matter)
{
    sample s = draw(3000, 3);
    const mele_options options = options_of("boosting", NULL, 6);
    mele_data *data = data_of(&s);
    char *alone = fit_text(data, &options, NULL);

    for (unsigned t = 2; t < 4; t++) {
        mele_engine *engine = engine_of(t);
        char *text = fit_text(data, &options, engine);
        cr_assert_str_eq(text, alone);
        free(text);
        mele_engine_free(engine);
    }
    free(alone);
    mele_data_free(data);
    free_sample(&s);
}

Test(boosting, without_memory)
{
    for (size_t classes = 0; classes < 3; classes += 2) {
        sample s = draw(12, classes);
        const mele_options options = options_of("boosting", NULL, 3);
        mele_data *data = data_of(&s);
        char *usual = fit_text(data, &options, NULL);
        bool failed = true;
        size_t n = 0;
        for (; failed; n++) {
            mele_model *model = NULL;
            failing_malloc_at(n);
            const mele_status status = mele_fit(data, &options, NULL, NULL, &model, NULL);
            failed = failing_malloc_end();
            cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM && model == NULL));
            if (status == MELE_OK)
                check_text(model, usual);
            mele_model_free(model);
        }
        cr_assert_gt(n, 30);
        free(usual);
        mele_data_free(data);
        free_sample(&s);
    }
}
