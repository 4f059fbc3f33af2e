/* Whole fits: the same bytes however they are run, known answers, degenerate data, bad models. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mele/mele.h>

#include "core/stream.h"
#include "model/model.h"
#include "support/size.h"
#include "unit/engine_support.h"

static mele_data *read_data(const char *name, const char *target, mele_options *options)
{
    char path[512];
    mele_data *data = NULL;
    mele_error error = {0};

    snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
    options->data.target = target;
    cr_assert_eq(mele_data_read(path, &options->data, NULL, NULL, &data, &error), MELE_OK, "%s: %s",
                 name, error.message);
    return data;
}

static mele_options options_of(size_t clusters)
{
    mele_options options = mele_options_defaults();

    options.partition.clusters = clusters;
    options.partition.restarts = 3;
    return options;
}

static mele_model *fit(const mele_data *data, const mele_options *options, mele_engine *engine)
{
    mele_model *model = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_fit(data, options, engine, NULL, &model, &error), MELE_OK, "%s",
                 error.message);
    return model;
}

static char *text_of(const mele_model *model)
{
    char *text = NULL;

    cr_assert_eq(mele_model_text(model, &text, NULL, NULL), MELE_OK);
    return text;
}

/* Write text to a file and read it as a model. */
static mele_status read_model_text(const char *text, size_t length, mele_model **out,
                                   mele_error *error)
{
    char path[] = "/tmp/mele-model-XXXXXX";
    int descriptor = mkstemp(path);
    mele_error other = {0};
    mele_model *same = NULL;

    cr_assert_geq(descriptor, 0);
    cr_assert_eq(write(descriptor, text, length), (ssize_t)length);
    close(descriptor);
    mele_status status = mele_model_read(path, out, error);
    unlink(path);
    cr_assert_eq(mele_model_of_text(text, length, &same, &other), status);
    if (error != NULL && status != MELE_OK)
        cr_assert_str_eq(other.message, error->message);
    cr_assert_eq(same == NULL, status != MELE_OK);
    mele_model_free(same);
    return status;
}

/* ---- the same bytes ---- */

static const struct {
    const char *file, *target, *method, *on, *gate, *inputs, *assign;
    size_t clusters;
} fits[] = {
    {"mcycle.csv", "accel", "kmeans", "x", "softmax", "posteriors", "hard", 4},
    {"mpg.csv", "Miles_per_Gallon", "gmm", "x", "softmax", "both", "soft", 3},
    {"mpg.csv", "Miles_per_Gallon", "kmeans", "x", "mlp", "features", "hard", 2},
    {"mpg.csv", "Miles_per_Gallon,Acceleration", "kmeans", "xy", "temperature", "posteriors",
     "hard", 3},
    {"iris.csv", "Species", "gmm", "xy", "softmax", "features", "hard", 2},
    {"iris.csv", "Species", "kmeans", "Petal.Length,Petal.Width", "posterior", "posteriors", "soft",
     2},
    {"concrete.csv", "compressive_strength", "kmeans", "x", "hard", "posteriors", "hard", 8},
};

#define FITS (sizeof fits / sizeof *fits)

static mele_options options_of_fit(size_t i)
{
    mele_options options = options_of(fits[i].clusters);

    options.partition.method = fits[i].method;
    options.cluster_on = fits[i].on;
    options.gate.kind = fits[i].gate;
    options.gate.on = fits[i].inputs;
    options.experts.assign = fits[i].assign;
    return options;
}

Test(bytes, a_model_is_the_same_for_any_number_of_threads)
{
    for (size_t i = 0; i < FITS; i++) {
        mele_options options = options_of_fit(i);
        mele_data *data = read_data(fits[i].file, fits[i].target, &options);
        mele_model *model = fit(data, &options, NULL);
        char *expected = text_of(model);
        mele_model_free(model);
        for (unsigned threads = 2; threads <= 5; threads++) {
            mele_engine *engine = engine_of(threads);
            model = fit(data, &options, engine);
            char *text = text_of(model);
            cr_assert_str_eq(text, expected, "fit %zu, %u threads", i, threads);
            free(text);
            mele_model_free(model);
            mele_engine_free(engine);
        }
        free(expected);
        mele_data_free(data);
    }
}

/* Write a model and read it again, as a pipeline does between its programs. */
static mele_model *pass_on(mele_model *model)
{
    char *text = text_of(model);
    mele_model *read = NULL;

    mele_model_free(model);
    cr_assert_eq(read_model_text(text, strlen(text), &read, NULL), MELE_OK);
    free(text);
    return read;
}

Test(bytes, stages_one_by_one_give_the_model_of_the_whole_fit)
{
    for (size_t i = 0; i < FITS; i++) {
        mele_options options = options_of_fit(i);
        mele_data *data = read_data(fits[i].file, fits[i].target, &options);
        mele_model *whole = fit(data, &options, NULL), *model = NULL;
        mele_error error = {0};

        cr_assert_eq(mele_fit_partition(data, &options, NULL, NULL, &model, NULL), MELE_OK);
        model = pass_on(model);
        cr_assert_eq(mele_fit_experts(data, NULL, &options, NULL, NULL, model, &error), MELE_OK,
                     "%s", error.message);
        model = pass_on(model);
        cr_assert_eq(mele_fit_gate(data, NULL, &options, NULL, NULL, model, &error), MELE_OK, "%s",
                     error.message);
        char *expected = text_of(whole), *text = text_of(model);
        cr_assert_str_eq(text, expected, "fit %zu", i);
        free(text);
        free(expected);
        mele_model_free(model);
        mele_model_free(whole);
        mele_data_free(data);
    }
}

/* ---- predictions ---- */

typedef struct answers {
    double mean[400], within[400], between[400], log_density[400], log_gate[400 * 8];
    double expert_mean[400 * 8], expert_variance[400 * 8];
} answers;

static void predict(const mele_model *model, const mele_matrix *x, const double *y,
                    mele_engine *engine, answers *out)
{
    mele_prediction wanted = {.mean = out->mean, .variance_within = out->within,
                              .variance_between = out->between, .log_density = out->log_density,
                              .log_gate = out->log_gate, .expert_mean = out->expert_mean,
                              .expert_variance = out->expert_variance, .targets = y};
    mele_error error = {0};

    memset(out, 0, sizeof *out);
    cr_assert_eq(mele_model_predict(model, x, NULL, engine, &wanted, &error), MELE_OK, "%s",
                 error.message);
}

/* Two features, two regimes and noise. */
static void make_rows(double *x, double *y, size_t rows)
{
    mele_i_stream stream = mele_i_stream_make(3, MELE_I_FOR_TESTS, 0, 0);

    for (size_t i = 0; i < rows; i++) {
        x[2 * i] = mele_i_stream_normal(&stream) + (i % 2 == 0 ? -3 : 3);
        x[2 * i + 1] = 100 + 20 * mele_i_stream_normal(&stream);
        y[i] = (x[2 * i] < 0 ? 2 * x[2 * i] + 50 : 0.1 * x[2 * i + 1] - x[2 * i])
               + 0.1 * mele_i_stream_normal(&stream);
    }
}

static mele_model *fit_rows(const double *x, const double *y, size_t rows, size_t columns,
                            const mele_options *options)
{
    mele_matrix features = mele_matrix_of(x, rows, columns), targets = mele_matrix_of(y, rows, 1);
    mele_data *data = NULL;

    cr_assert_eq(mele_data_of_arrays(&features, &targets, 0, NULL, &data, NULL), MELE_OK);
    mele_model *model = fit(data, options, NULL);
    mele_data_free(data);
    return model;
}

Test(predict, the_blend_is_what_gate_and_experts_say)
{
    enum { ROWS = 300, K = 3 };
    static double x[ROWS * 2], y[ROWS];
    static answers a;
    mele_options options = options_of(K);

    make_rows(x, y, ROWS);
    mele_model *model = fit_rows(x, y, ROWS, 2, &options);
    mele_matrix view = mele_matrix_of(x, ROWS, 2);
    predict(model, &view, y, NULL, &a);
    for (size_t i = 0; i < ROWS; i++) {
        double sum = 0, mean = 0, within = 0, between = 0, density = 0;
        for (size_t k = 0; k < K; k++) {
            double g = exp(a.log_gate[i * K + k]), f = a.expert_mean[i * K + k];
            double s2 = a.expert_variance[i * K + k];
            sum += g;
            mean += g * f;
            within += g * s2;
            density += g * exp(-0.5 * (y[i] - f) * (y[i] - f) / s2) / sqrt(2 * M_PI * s2);
        }
        for (size_t k = 0; k < K; k++)
            between += exp(a.log_gate[i * K + k]) * pow(a.expert_mean[i * K + k] - mean, 2);
        cr_assert_float_eq(sum, 1, 1e-12);
        cr_assert_float_eq(a.mean[i], mean, 1e-11 * fabs(mean));
        cr_assert_float_eq(a.within[i], within, 1e-11 * within);
        cr_assert_float_eq(a.between[i], between, 1e-9 * (between + within));
        cr_assert_float_eq(a.log_density[i], log(density), 1e-9);
    }
    mele_model_free(model);
}

/* In any units: a power of two changes no digit. The squares of these targets are no doubles. */
Test(predict, standard_deviations_are_right_where_variances_are_no_numbers)
{
    enum { ROWS = 200, K = 3 };
    static const int powers[] = {0, 1000, -1000};
    static double x[ROWS * 2], y[ROWS], scaled[ROWS], sd[3][4][ROWS * K], variance[ROWS];
    mele_options options = options_of(K);
    mele_matrix view = mele_matrix_of(x, ROWS, 2);

    make_rows(x, y, ROWS);
    for (size_t p = 0; p < 3; p++) {
        for (size_t i = 0; i < ROWS; i++)
            scaled[i] = ldexp(y[i], powers[p]);
        mele_model *model = fit_rows(x, scaled, ROWS, 2, &options);
        mele_prediction wanted = {.sd = sd[p][0], .sd_within = sd[p][1], .sd_between = sd[p][2],
                                  .expert_sd = sd[p][3], .variance_within = variance};
        cr_assert_eq(mele_model_predict(model, &view, NULL, NULL, &wanted, NULL), MELE_OK);
        for (size_t i = 0; i < ROWS; i++) {
            for (size_t part = 0; part < 3; part++)
                cr_assert(sd[p][part][i] == ldexp(sd[0][part][i], powers[p]), "%d, %zu: %g, %g",
                          powers[p], part, sd[p][part][i], sd[0][part][i]);
            for (size_t k = 0; k < K; k++)
                cr_assert(sd[p][3][i * K + k] == ldexp(sd[0][3][i * K + k], powers[p]));
            cr_assert_float_eq(hypot(sd[0][1][i], sd[0][2][i]), sd[0][0][i], 1e-14 * sd[0][0][i]);
            if (p == 0) {
                cr_assert_float_eq(sd[0][1][i] * sd[0][1][i], variance[i], 1e-14 * variance[i]);
            } else {
                cr_assert(p == 1 ? isinf(variance[i]) : variance[i] == 0);
            }
        }
        mele_model_free(model);
    }
}

Test(predict, a_row_does_not_depend_on_its_neighbours_nor_on_threads_nor_on_the_file)
{
    enum { ROWS = 257, K = 3 };
    static double x[ROWS * 2], y[ROWS];
    static answers all, one, threaded;
    mele_options options = options_of(K);

    make_rows(x, y, ROWS);
    mele_model *model = fit_rows(x, y, ROWS, 2, &options);
    mele_matrix view = mele_matrix_of(x, ROWS, 2);
    predict(model, &view, y, NULL, &all);
    model = pass_on(model);
    mele_engine *engine = engine_of(3);
    predict(model, &view, y, engine, &threaded);
    cr_assert_arr_eq(&threaded, &all, sizeof all);
    for (size_t i = 0; i < ROWS; i += 16) {
        mele_matrix row = mele_matrix_of(x + 2 * i, 1, 2);
        predict(model, &row, y + i, NULL, &one);
        cr_assert_arr_eq(one.mean, all.mean + i, sizeof(double));
        cr_assert_arr_eq(one.log_gate, all.log_gate + i * K, K * sizeof(double));
    }
    mele_engine_free(engine);
    mele_model_free(model);
}

Test(predict, other_units_change_nothing)
{
    enum { ROWS = 300 };
    static double x[ROWS * 2], y[ROWS], scaled[ROWS * 2], shifted[ROWS];
    static answers a, b;
    mele_options options = options_of(2);

    make_rows(x, y, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        scaled[2 * i] = 1e150 * x[2 * i];
        scaled[2 * i + 1] = 1e-300 * x[2 * i + 1];
        shifted[i] = 1e6 + 1e-3 * y[i];
    }
    mele_model *plain = fit_rows(x, y, ROWS, 2, &options);
    mele_model *other = fit_rows(scaled, shifted, ROWS, 2, &options);
    mele_matrix view = mele_matrix_of(x, ROWS, 2), scaled_view = mele_matrix_of(scaled, ROWS, 2);
    predict(plain, &view, y, NULL, &a);
    predict(other, &scaled_view, shifted, NULL, &b);
    for (size_t i = 0; i < ROWS; i++) {
        cr_assert_float_eq(1e6 + 1e-3 * a.mean[i], b.mean[i], 1e-7, "%.17g", b.mean[i]);
        cr_assert_float_eq(1e-6 * a.within[i], b.within[i], 1e-5 * b.within[i]);
    }
    mele_model_free(other);
    mele_model_free(plain);
}

Test(predict, rows_a_million_deviations_away_have_weights_that_sum_to_one)
{
    enum { ROWS = 300, FAR = 8 };
    static double x[ROWS * 2], y[ROWS], far[FAR * 2];
    static answers a;
    const char *const methods[] = {"kmeans", "gmm"}, *const on[] = {"posteriors", "features",
                                                                     "both"};

    make_rows(x, y, ROWS);
    for (size_t i = 0; i < FAR; i++) {
        far[2 * i] = 3.3e6 * cos((double)i);
        far[2 * i + 1] = 20e6 * sin((double)i);
    }
    for (size_t m = 0; m < 6; m++) {
        mele_options options = options_of(3);
        options.partition.method = methods[m % 2];
        options.gate.on = on[m / 2];
        mele_model *model = fit_rows(x, y, ROWS, 2, &options);
        mele_matrix view = mele_matrix_of(far, FAR, 2);
        predict(model, &view, y, NULL, &a);
        for (size_t i = 0; i < FAR; i++) {
            double sum = 0;
            for (size_t k = 0; k < 3; k++)
                sum += exp(a.log_gate[i * 3 + k]);
            cr_assert_float_eq(sum, 1, 1e-12, "%s %s row %zu: %.17g", methods[m % 2], on[m / 2], i,
                               sum);
            cr_assert(isfinite(a.mean[i]));
        }
        mele_model_free(model);
    }
}

Test(predict, rows_without_a_prediction_say_why)
{
    enum { ROWS = 300 };
    static double x[ROWS * 2], y[ROWS];
    const double asked[] = {0, 100, NAN, 100, 0, INFINITY, 1e308, 100};
    mele_options options = options_of(2);
    double mean[4];
    mele_reason reason[4];
    mele_prediction wanted = {.mean = mean, .reason = reason};

    make_rows(x, y, ROWS);
    mele_model *model = fit_rows(x, y, ROWS, 2, &options);
    mele_matrix view = mele_matrix_of(asked, 4, 2);
    cr_assert_eq(mele_model_predict(model, &view, NULL, NULL, &wanted, NULL), MELE_OK);
    cr_assert(isfinite(mean[0]) && isnan(mean[1]) && isnan(mean[2]) && isnan(mean[3]));
    cr_assert_eq(reason[0].kind, MELE_REASON_NONE);
    cr_assert(reason[1].kind == MELE_REASON_MISSING && reason[1].feature == 0);
    cr_assert(reason[2].kind == MELE_REASON_RANGE && reason[2].feature == 1);
    cr_assert(reason[3].kind == MELE_REASON_RANGE && reason[3].feature == 0);
    mele_model_free(model);
}

/* ---- certified values ---- */

/* NIST StRD, linear regression; the certified values stand in data/nist/certified.csv. */
static double certified(const char *problem, const char *term)
{
    char path[512], line[256], key[64];
    snprintf(path, sizeof path, "%s/nist/certified.csv", TEST_DATA);
    FILE *file = fopen(path, "r");
    double value = NAN;

    cr_assert_not_null(file);
    snprintf(key, sizeof key, "%s,%s,", problem, term);
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtod(line + strlen(key), NULL);
    fclose(file);
    return value;
}

static void check_digits(const char *problem, double digits)
{
    char file[64], *table = NULL, *save = NULL;
    mele_options options = options_of(1);
    size_t terms = 0;

    snprintf(file, sizeof file, "nist/%s.csv", problem);
    options.experts.ridge = 0;
    mele_data *data = read_data(file, "y", &options);
    mele_model *model = fit(data, &options, NULL);
    cr_assert_eq(mele_model_table(model, "coefficients", &table, NULL, NULL), MELE_OK);
    strtok_r(table, "\n", &save);
    for (char *row = strtok_r(NULL, "\n", &save); row != NULL; row = strtok_r(NULL, "\n", &save)) {
        char term[32];
        double value;
        cr_assert_eq(sscanf(row, "1,y,%31[^,],%lf", term, &value), 2, "%s", row);
        double known = certified(problem, term);
        double right = -log10(fabs(value - known) / fabs(known));
        cr_assert_geq(right, digits, "%s: %s is %.17g, not %.17g", problem, term, value, known);
        terms++;
    }
    cr_assert_geq(terms, 2);
    free(table);
    mele_model_free(model);
    mele_data_free(data);
}

Test(certified, longley_and_wampler)
{
    check_digits("longley", 10);
    check_digits("wampler1", 8);
    check_digits("norris", 12);
}

Test(certified, a_collinear_column_changes_no_prediction_and_shows_in_the_rank)
{
    enum { ROWS = 300 };
    static double x[ROWS * 2], y[ROWS], wide[ROWS * 3];
    static answers a, b;
    mele_options options = options_of(1);
    mele_report *report = NULL;
    mele_data *data = NULL;
    mele_model *other = NULL;
    char *text = NULL;

    make_rows(x, y, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        memcpy(wide + 3 * i, x + 2 * i, 2 * sizeof *x);
        wide[3 * i + 2] = 2 * x[2 * i] - 0.5 * x[2 * i + 1] + 7;
    }
    options.experts.ridge = 0;
    mele_model *model = fit_rows(x, y, ROWS, 2, &options);
    mele_matrix narrow_view = mele_matrix_of(x, ROWS, 2), view = mele_matrix_of(wide, ROWS, 3);
    mele_matrix targets = mele_matrix_of(y, ROWS, 1);
    cr_assert_eq(mele_data_of_arrays(&view, &targets, 0, NULL, &data, NULL), MELE_OK);
    cr_assert_eq(mele_report_new("test", &report, NULL), MELE_OK);
    cr_assert_eq(mele_fit(data, &options, NULL, report, &other, NULL), MELE_OK);
    predict(model, &narrow_view, y, NULL, &a);
    predict(other, &view, y, NULL, &b);
    for (size_t i = 0; i < ROWS; i++)
        cr_assert_float_eq(a.mean[i], b.mean[i], 1e-10 * fabs(a.mean[i]));
    cr_assert_eq(mele_report_text(report, &text, NULL, NULL), MELE_OK);
    cr_assert_not_null(strstr(text, "\"rank\":3"), "%s", text);
    free(text);
    mele_report_free(report);
    mele_model_free(other);
    mele_model_free(model);
    mele_data_free(data);
}

/* ---- degenerate data end with finite predictions ---- */

typedef void make_fn(double *x, double *y, size_t i);

static void all_equal(double *x, double *y, size_t i)
{
    (void)i;
    x[0] = x[1] = 3;
    *y = 5;
}

static void duplicates(double *x, double *y, size_t i)
{
    x[0] = (double)(i % 3);
    x[1] = (double)(i % 2);
    *y = (double)(i % 5);
}

static void constant_column(double *x, double *y, size_t i)
{
    x[0] = 7;
    x[1] = (double)i;
    *y = sin((double)i);
}

static void constant_in_one_region(double *x, double *y, size_t i)
{
    x[0] = i < 40 ? 0 : 100 + sin((double)i);
    x[1] = i < 40 ? cos((double)i) : 50 + cos(2.0 * (double)i);
    *y = i < 40 ? x[1] : x[0];
}

static void collinear(double *x, double *y, size_t i)
{
    x[0] = sin((double)i);
    x[1] = 4 * x[0] - 1;
    *y = x[0] + 0.1 * cos(3.0 * (double)i);
}

static void extreme(double *x, double *y, size_t i)
{
    x[0] = 1e150 * sin((double)i);
    x[1] = 1e-300 * cos((double)i);
    *y = 1e150 * (double)i;
}

static void one_huge(double *x, double *y, size_t i)
{
    x[0] = i == 7 ? 1e150 : sin((double)i);
    x[1] = cos((double)i);
    *y = (double)i;
}

Test(degenerate, every_case_ends_with_finite_predictions)
{
    enum { ROWS = 80 };
    static make_fn *const make[] = {all_equal, duplicates, constant_column, constant_in_one_region,
                                    collinear, extreme, one_huge};
    static const char *const methods[] = {"kmeans", "gmm"}, *const scales[] = {"standard", "minmax",
                                                                                "none"};
    static double x[ROWS * 2], y[ROWS];
    static answers a;

    for (size_t c = 0; c < 7 * 12; c++) {
        mele_options options = options_of(c / 84 + 4);
        options.partition.method = methods[c / 7 % 2];
        options.experts.ridge = c / 14 % 2 == 0 ? 0 : options.experts.ridge;
        options.scale = scales[c / 28];
        for (size_t i = 0; i < ROWS; i++)
            make[c % 7](x + 2 * i, y + i, i);
        mele_model *model = fit_rows(x, y, ROWS, 2, &options);
        mele_matrix view = mele_matrix_of(x, ROWS, 2);
        predict(model, &view, y, NULL, &a);
        double most = 0;
        for (size_t i = 0; i < ROWS; i++)
            most = fmax(most, fabs(y[i]));
        for (size_t i = 0; i < ROWS; i++)
            cr_assert(fabs(a.mean[i]) <= 10 * most && a.within[i] >= 0, "case %zu, row %zu: %g",
                      c, i, a.mean[i]);
        mele_model_free(model);
    }
}

Test(degenerate, one_row_and_as_many_regions_as_rows)
{
    const double x[] = {1, 2, 3, 4, 5, 6}, y[] = {1, 4, 2};
    answers a;

    for (size_t rows = 1; rows <= 3; rows++) {
        mele_options options = options_of(rows);
        mele_model *model = fit_rows(x, y, rows, 2, &options);
        mele_matrix view = mele_matrix_of(x, rows, 2);
        predict(model, &view, y, NULL, &a);
        for (size_t i = 0; i < rows; i++)
            cr_assert(isfinite(a.mean[i]));
        mele_model_free(model);
    }
}

/* ---- models that are refused ---- */

/* The text with its first `from` replaced by `to`. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    cr_assert_not_null(at, "%s", from);
    size_t before = (size_t)(at - text);
    char *out = malloc(strlen(text) + strlen(to) + 1);

    memcpy(out, text, before);
    strcpy(out + before, to);
    strcat(out, at + strlen(from));
    return out;
}

Test(models, what_is_not_known_is_refused)
{
    static const struct {
        const char *from, *to, *message;
    } cases[] = {
        {"\"version\": 1", "\"version\": 2", "a model of version 2; this program reads version 1"},
        {"\"format\": \"mele\"", "\"format\": \"lime\"", "not a model of mele: the format is "
         "\"lime\""},
        {"\"format\": \"mele\",", "", "not a model of mele"},
        {"\"version\": 1", "\"version\": 1,\n\"extra\": 0", "the model has the unknown key "
         "\"extra\""},
        {"\"clusters\": 2", "\"clusters\": 3", "\"clusters\" is 3, and there are 2 regions"},
        {"\"clusters\": 2", "\"clusters\": 0", NULL},
        {"\"schema\"", "\"scheme\"", NULL},
        {"\"kind\":\"kmeans\"", "\"kind\":\"nmeans\"", NULL},
        {"\"kind\":\"linear\"", "\"kind\":\"planar\"", NULL},
        {"\"kind\":\"softmax\"", "\"kind\":\"hardmax\"", NULL},
        {"\"center\":[", "\"center\":[1,", NULL},
        {"\"center\":[", "\"center\":[NaN,", NULL},
        {"\"scale\":[", "\"scale\":[\"1\",", NULL},
        {"\"target\":\"accel\"", "\"target\":-1", "the record of option \"target\" has the wrong "
         "type"},
        {"\"tol\":0.0001", "\"tol\":\"0.0001\"", NULL},
    };
    mele_options options = options_of(2);
    mele_data *data = read_data("mcycle.csv", "accel", &options);
    mele_model *model = fit(data, &options, NULL), *read = NULL;
    char *text = text_of(model);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *bad = replaced(text, cases[i].from, cases[i].to);
        mele_error error = {0};
        cr_assert_eq(read_model_text(bad, strlen(bad), &read, &error), MELE_EDATA, "case %zu", i);
        cr_assert_null(read);
        cr_assert_neq(error.message[0], '\0');
        if (cases[i].message != NULL)
            cr_assert_str_eq(error.message, cases[i].message);
        free(bad);
    }
    for (size_t length = 0; length < strlen(text) - 1; length += 97)
        cr_assert_eq(read_model_text(text, length, &read, NULL), MELE_EDATA, "cut at %zu", length);
    free(text);
    mele_model_free(model);
    mele_data_free(data);
}

/* A newer version's option is kept, and the model predicts; it gets no stage and merges with none. */
Test(models, options_of_a_newer_version)
{
    mele_options options = options_of(2), later = mele_options_defaults();
    mele_data *data = read_data("mcycle.csv", "accel", &options);
    mele_model *model = fit(data, &options, NULL), *read = NULL, *merged = NULL;
    char *text = text_of(model), line[64], stages[2][8] = {"experts", "gate"};
    char *newer = replaced(text, "\"options\":{", "\"options\":{\"mood\":[1,\"x\"],\"tone\":\"blue\",");
    mele_error error = {0};

    cr_assert_eq(read_model_text(newer, strlen(newer), &read, &error), MELE_OK, "%s", error.message);
    char *again = text_of(read);
    cr_assert_str_eq(again, newer);
    mele_model_option_text(read, 0, line, sizeof line);
    cr_assert_str_eq(line, "--mood [1,\"x\"] (of a newer version)");
    mele_model_option_text(read, 1, line, sizeof line);
    cr_assert_str_eq(line, "--tone blue (of a newer version)");
    mele_model_option_text(read, 2, line, sizeof line);
    cr_assert_str_eq(line, "--target accel");
    cr_assert_eq(mele_model_option_text(read, 99, line, sizeof line), 0);
    cr_assert_str_eq(line, "");

    cr_assert_eq(mele_options_inherit(read, &later, &error), MELE_EDATA);
    cr_assert(strstr(error.message, "newer version of mele wrote the option \"mood\"") != NULL);
    for (int stage = 0; stage < 2; stage++) {
        error.message[0] = '\0';
        cr_assert_eq((stage == 0 ? mele_fit_experts : mele_fit_gate)(data, NULL, &options, NULL, NULL,
                                                                     read, &error),
                     MELE_EDATA, "%s", stages[stage]);
        cr_assert(strstr(error.message, "mood") != NULL, "%s", error.message);
    }
    cr_assert_eq(mele_model_merge((const mele_model *const *)&read, 1, NULL, &merged, &error),
                 MELE_EDATA);
    free(text);
    free(newer);
    free(again);
    mele_model_free(read);
    mele_model_free(model);
    mele_data_free(data);
}

Test(models, a_failed_stage_leaves_the_model_as_it_was)
{
    mele_options options = options_of(3);
    mele_data *data = read_data("mcycle.csv", "accel", &options), *other = NULL;
    mele_model *model = NULL;
    const double labels[] = {0};
    mele_posteriors wrong = {1, 3, (double *)labels};

    cr_assert_eq(mele_fit_partition(data, &options, NULL, NULL, &model, NULL), MELE_OK);
    char *before = text_of(model);
    cr_assert_eq(mele_fit_gate(data, NULL, &options, NULL, NULL, model, NULL), MELE_EINVAL);
    const mele_handover handover = {.posteriors = &wrong};
    cr_assert_eq(mele_fit_experts(data, &handover, &options, NULL, NULL, model, NULL), MELE_EDATA);
    options.data.target = NULL;
    options.data.features = "times";
    other = read_data("mcycle.csv", NULL, &options);
    cr_assert_eq(mele_fit_experts(other, NULL, &options, NULL, NULL, model, NULL), MELE_EINVAL);
    char *after = text_of(model);
    cr_assert_str_eq(after, before);
    free(after);
    free(before);
    mele_model_free(model);
    mele_data_free(other);
    mele_data_free(data);
}

Test(models, data_of_another_shape_are_refused)
{
    static double x[2 * 60], y[2 * 60];
    mele_options options = options_of(2);
    mele_data *data[3];
    mele_model *model = NULL;
    mele_error error = {0};

    make_rows(x, y, 60);
    mele_matrix wide = mele_matrix_of(x, 60, 2), narrow = mele_matrix_of(x, 60, 1);
    mele_matrix one = mele_matrix_of(y, 60, 1), two = mele_matrix_of(y, 60, 2);
    cr_assert_eq(mele_data_of_arrays(&wide, &two, 0, NULL, &data[0], NULL), MELE_OK);
    cr_assert_eq(mele_data_of_arrays(&narrow, &two, 0, NULL, &data[1], NULL), MELE_OK);
    cr_assert_eq(mele_data_of_arrays(&wide, &one, 0, NULL, &data[2], NULL), MELE_OK);
    cr_assert_eq(mele_fit_partition(data[0], &options, NULL, NULL, &model, NULL), MELE_OK);
    for (int i = 1; i < 3; i++) {
        cr_assert_eq(mele_fit_experts(data[i], NULL, &options, NULL, NULL, model, &error),
                     MELE_EINVAL);
        cr_assert_str_eq(error.message, i == 1 ? "the data have 1 features, the model 2"
                                               : "the data have 1 targets, the model 2");
    }
    cr_assert_eq(mele_fit_experts(data[0], NULL, NULL, NULL, NULL, model, &error), MELE_EINVAL);
    cr_assert_eq(mele_fit(data[0], NULL, NULL, NULL, &model, &error), MELE_EINVAL);
    for (int i = 0; i < 3; i++)
        mele_data_free(data[i]);
    mele_model_free(model);
}

Test(models, a_class_that_is_none_has_no_density)
{
    mele_options options = options_of(2);
    mele_data *data = read_data("iris.csv", "Species", &options);
    mele_model *model = fit(data, &options, NULL);
    const double x[3 * 4] = {5, 3, 1, 0, 6, 3, 5, 2, 6, 3, 5, 2}, y[3] = {0, 3, -1};
    double density[3];
    mele_prediction wanted = {.log_density = density, .targets = y};
    mele_matrix view = mele_matrix_of(x, 3, 4);

    cr_assert_eq(mele_model_predict(model, &view, NULL, NULL, &wanted, NULL), MELE_OK);
    cr_assert(isfinite(density[0]) && isnan(density[1]) && isnan(density[2]));
    view.stride = 3;
    cr_assert_eq(mele_model_predict(model, &view, NULL, NULL, &wanted, NULL), MELE_EINVAL);
    mele_model_free(model);
    mele_data_free(data);
}

Test(models, a_target_may_come_with_stage_2)
{
    mele_options first = options_of(3), second = options_of(3);
    first.data.features = "times";
    mele_data *without = read_data("mcycle.csv", NULL, &first), *with = NULL;
    mele_model *model = NULL;
    char path[512];

    snprintf(path, sizeof path, "%s/mcycle.csv", TEST_DATA);
    cr_assert_eq(mele_fit_partition(without, &first, NULL, NULL, &model, NULL), MELE_OK);
    second.data.target = "accel";
    cr_assert_eq(mele_data_read(path, &second.data, mele_model_schema(model), NULL, &with, NULL),
                 MELE_OK);
    cr_assert_eq(mele_fit_experts(with, NULL, &second, NULL, NULL, model, NULL), MELE_OK);
    cr_assert_eq(mele_fit_gate(with, NULL, &second, NULL, NULL, model, NULL), MELE_OK);
    cr_assert_eq(mele_schema_targets(mele_model_schema(model)), 1);
    model = pass_on(model);
    mele_model_free(model);
    mele_data_free(with);
    mele_data_free(without);
}

/* ---- cross-validation ---- */

Test(cv, errors_are_better_than_one_expert_and_the_same_for_any_number_of_threads)
{
    mele_options options = options_of(4);
    mele_data *data = read_data("mpg.csv", "Miles_per_Gallon", &options);
    mele_cv_options cv = {.folds = 5, .repeats = 1};
    double first = NAN;

    options.gate.kind = TEST_SIZE("auto", "auto", "softmax");
    for (unsigned threads = 1; threads <= 3; threads++) {
        mele_engine *engine = engine_of(threads);
        mele_report *report = NULL;
        double model = NAN, global = NAN;
        cr_assert_eq(mele_report_new("test", &report, NULL), MELE_OK);
        cr_assert_eq(mele_cross_validate(data, &options, &cv, engine, report, NULL, NULL), MELE_OK);
        cr_assert(mele_report_number(report, "cv.model.mae", &model));
        cr_assert(mele_report_number(report, "cv.global.mae", &global));
        cr_assert_lt(model, 0.9 * global);
        cr_assert(threads == 1 || model == first);
        first = model;
        mele_report_free(report);
        mele_engine_free(engine);
    }
    mele_error error = {0};
    cv.folds = 1;
    cr_assert_eq(mele_cross_validate(data, &options, &cv, NULL, NULL, NULL, &error), MELE_EINVAL);
    cv.folds = 1000;
    cr_assert_eq(mele_cross_validate(data, &options, &cv, NULL, NULL, NULL, &error), MELE_EDATA);
    mele_data_free(data);
}

/* ---- options ---- */

Test(options, later_stages_inherit_and_must_agree)
{
    mele_options options = options_of(3), later = mele_options_defaults();
    mele_data *data = read_data("mcycle.csv", "accel", &options);
    mele_model *model = NULL;
    mele_error error = {0};

    options.seed = 9;
    cr_assert_eq(mele_fit_partition(data, &options, NULL, NULL, &model, NULL), MELE_OK);
    cr_assert_eq(mele_options_set(&later, "ridge", "2", NULL), MELE_OK);
    cr_assert_eq(mele_options_set(&later, "seed", "9", NULL), MELE_OK);
    cr_assert_eq(mele_options_inherit(model, &later, &error), MELE_OK, "%s", error.message);
    cr_assert(later.partition.clusters == 3 && later.experts.ridge == 2 && later.seed == 9);
    cr_assert_str_eq(later.data.target, "accel");
    mele_options_clear(&later);
    later = mele_options_defaults();
    cr_assert_eq(mele_options_set(&later, "clusters", "4", NULL), MELE_OK);
    cr_assert_eq(mele_options_inherit(model, &later, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message, "--clusters is \"4\", but the model was made with \"3\": leave it out, or "
                     "begin again from stage 1 with it");
    mele_options_clear(&later);
    mele_model_free(model);
    mele_data_free(data);
}
