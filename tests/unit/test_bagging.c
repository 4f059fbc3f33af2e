/* Bagging: bootstrap samples, experts against fits to the rows of a sample, out-of-bag estimates against sums
 * by hand, what must not matter, memory. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/mele.h>

#include "core/memory.h"
#include "core/stream.h"
#include "engine_support.h"
#include "family_support.h"
#include "family/bagging/bootstrap.h"
#include "support/failing_malloc.h"

enum { COLS = 2 };

/* ---- data ---- */

typedef struct sample {
    size_t rows, classes;
    double *x, *y, *weights;
    size_t *groups;
} sample;

static sample room_for(size_t rows, size_t classes)
{
    sample s = {rows, classes, MELE_I_ARRAY(double, rows * COLS), MELE_I_ARRAY(double, rows),
                MELE_I_ARRAY(double, rows), NULL};

    cr_assert(s.x != NULL && s.y != NULL && s.weights != NULL);
    return s;
}

static void free_sample(sample *s)
{
    free(s->x);
    free(s->y);
    free(s->weights);
    free(s->groups);
}

/* Every fifth row has no weight. */
static sample draw(size_t rows, size_t classes)
{
    mele_i_stream stream = mele_i_stream_make(31, MELE_I_FOR_TESTS, rows, classes);
    sample s = room_for(rows, classes);

    for (size_t i = 0; i < rows; i++) {
        const double a = s.x[2 * i] = mele_i_stream_normal(&stream);
        const double b = s.x[2 * i + 1] = mele_i_stream_normal(&stream);
        const double y = a + 0.5 * b * fabs(b) + 0.4 * mele_i_stream_normal(&stream);
        s.y[i] = classes == 0 ? y : fmin(fmax(floor(y + (double)classes / 2), 0), (double)classes - 1);
        s.weights[i] = i % 5 == 4 ? 0 : i % 7 == 0 ? 2 : 1;
    }
    return s;
}

static mele_data *data_of(const sample *s)
{
    const mele_matrix x = {s->x, s->rows, COLS, COLS}, y = {s->y, s->rows, 1, 1};
    mele_data *data = NULL;

    cr_assert_eq(mele_data_of_arrays(&x, &y, s->classes, s->weights, &data, NULL), MELE_OK);
    if (s->groups != NULL)
        cr_assert_eq(mele_data_set_groups(data, s->groups, NULL), MELE_OK);
    return data;
}

/* ---- bootstrap samples ---- */

/* The counts, n x K, read in runs of so many rows. */
static double *counts_of(const mele_data *data, size_t clusters, size_t run)
{
    const size_t rows = mele_data_rows(data);
    mele_i_bootstrap bootstrap;
    double *out = MELE_I_ARRAY(double, rows * clusters);

    cr_assert_eq(mele_i_bootstrap_make(&bootstrap, data, clusters, 1, 0, NULL), MELE_OK);
    const mele_rows counts = mele_i_bootstrap_counts(&bootstrap);
    for (size_t first = 0; first < rows; first += run)
        cr_assert_eq(counts.read(counts.user, first, rows - first < run ? rows - first : run,
                                 out + first * clusters, NULL), MELE_OK);
    mele_i_bootstrap_free(&bootstrap);
    return out;
}

/* As many draws as rows that count, of which some third is never drawn, as often as chance has it. */
Test(bagging, samples_have_as_many_rows_as_count)
{
    sample s = draw(1300, 0);
    mele_data *data = data_of(&s);
    const size_t K = 20;
    double *counts = counts_of(data, K, s.rows), never = 0, squares = 0;

    for (size_t k = 0; k < K; k++) {
        double sum = 0;
        for (size_t i = 0; i < s.rows; i++) {
            const double count = counts[i * K + k];
            cr_assert(count == floor(count) && (s.weights[i] > 0 || count == 0));
            sum += count;
            squares += s.weights[i] > 0 ? (count - 1) * (count - 1) : 0;
            never += s.weights[i] > 0 && count == 0;
        }
        cr_assert_eq(sum, 1040);
    }
    cr_assert_float_eq(never / (1040 * (double)K), exp(-1), 0.01);
    cr_assert_float_eq(squares / (1040 * (double)K), 1, 0.04);
    free(counts);
    mele_data_free(data);
    free_sample(&s);
}

Test(bagging, samples_are_the_same_however_they_are_read)
{
    sample s = draw(700, 0);
    mele_data *data = data_of(&s);
    double *all = counts_of(data, 6, s.rows), *few = counts_of(data, 3, s.rows);

    for (size_t run = 1; run < s.rows; run += 1 + run * 2) {
        double *part = counts_of(data, 6, run);
        cr_assert_arr_eq(part, all, s.rows * 6 * sizeof *all, "run %zu", run);
        free(part);
    }
    for (size_t e = 0; e < s.rows * 3; e++)
        cr_assert_eq(few[e], all[e / 3 * 6 + e % 3]);
    free(all);
    free(few);
    mele_data_free(data);
    free_sample(&s);
}

Test(bagging, groups_are_drawn_whole)
{
    sample s = draw(600, 0);
    const size_t K = 10, of_five = 120, groups = of_five - 20;

    s.groups = MELE_I_ARRAY(size_t, s.rows);
    for (size_t i = 0; i < s.rows; i++) {
        s.groups[i] = 1000 - i % of_five;
        s.weights[i] = i % of_five < 20 ? 0 : 1; /* whole groups without weight */
    }
    mele_data *data = data_of(&s);
    double *counts = counts_of(data, K, 77);
    for (size_t k = 0; k < K; k++) {
        double drawn[120] = {0}, sum = 0;
        for (size_t i = 0; i < s.rows; i++)
            drawn[i % of_five] = fmax(drawn[i % of_five], counts[i * K + k]);
        for (size_t i = 0; i < s.rows; i++)
            cr_assert_eq(counts[i * K + k], s.weights[i] > 0 ? drawn[i % of_five] : 0);
        for (size_t g = 0; g < of_five; g++)
            sum += drawn[g];
        cr_assert_eq(sum, (double)groups);
    }
    free(counts);
    mele_data_free(data);
    free_sample(&s);
}

/* ---- experts ---- */

static mele_options options_of(const char *family, size_t clusters)
{
    mele_options options = mele_options_defaults();

    options.family.name = family;
    options.partition.clusters = clusters;
    return options;
}

static mele_model *fit_of(const sample *s, const mele_options *options, mele_report *report)
{
    mele_data *data = data_of(s);
    mele_model *model = NULL;
    mele_error error;

    cr_assert_eq(mele_fit(data, options, NULL, report, &model, &error), MELE_OK, "%s", error.message);
    mele_data_free(data);
    return model;
}

/* The rows of a sample, as often as it has them, with their weights. */
static sample rows_of(const sample *s, const double *counts, size_t clusters, size_t k)
{
    double sum = 0;

    for (size_t i = 0; i < s->rows; i++)
        sum += counts[i * clusters + k];
    sample out = room_for((size_t)sum, s->classes);
    for (size_t i = 0, at = 0; i < s->rows; i++)
        for (double n = 0; n < counts[i * clusters + k]; n++, at++) {
            memcpy(out.x + at * COLS, s->x + i * COLS, COLS * sizeof *s->x);
            out.y[at] = s->y[i];
            out.weights[at] = s->weights[i];
        }
    return out;
}

/* Without a ridge no scaling matters, so that another fit to other rows says the same. */
Test(bagging, experts_are_those_of_the_rows_of_their_samples)
{
    enum { K = 4 };
    sample s = draw(150, 0);
    mele_options options = options_of("bagging", K);
    mele_data *data = data_of(&s);
    double *counts = counts_of(data, K, s.rows), said[150 * K], by_one[150];
    const mele_matrix x = {s.x, s.rows, COLS, COLS};
    const mele_prediction of_all = {.expert_mean = said}, of_one = {.mean = by_one};

    options.experts.ridge = 0;
    mele_model *model = fit_of(&s, &options, NULL);
    cr_assert_eq(mele_model_predict(model, &x, NULL, NULL, &of_all, NULL), MELE_OK);
    options = options_of("one", 1);
    options.experts.ridge = 0;
    for (size_t k = 0; k < K; k++) {
        sample rows = rows_of(&s, counts, K, k);
        mele_model *one = fit_of(&rows, &options, NULL);
        cr_assert_eq(mele_model_predict(one, &x, NULL, NULL, &of_one, NULL), MELE_OK);
        for (size_t i = 0; i < s.rows; i++)
            cr_assert_float_eq(said[i * K + k], by_one[i], 1e-12, "expert %zu, row %zu", k, i);
        mele_model_free(one);
        free_sample(&rows);
    }
    free(counts);
    mele_data_free(data);
    mele_model_free(model);
    free_sample(&s);
}

/* ---- rows out of the bag ---- */

static double number(const mele_report *report, const char *path)
{
    double value = NAN;

    cr_assert(mele_report_number(report, path, &value), "%s", path);
    return value;
}

/* Of the blend's variance that which is not between the experts is a share of theirs: the one of the formula. */
static void check_within(const double *said, const double *sd, const double *blended, size_t rows,
                         size_t clusters, double share)
{
    for (size_t i = 0; i < rows; i++) {
        const double K = (double)clusters;
        double mean = 0, own = 0, between = 0;
        for (size_t k = 0; k < clusters; k++) {
            mean += said[i * clusters + k] / K;
            own += pow(sd[i * clusters + k], 2) / K;
        }
        for (size_t k = 0; k < clusters; k++)
            between += pow(said[i * clusters + k] - mean, 2) / K;
        cr_assert_float_eq(blended[i] * blended[i], share * own + between, 1e-12, "row %zu", i);
    }
}

static void check_out_of_bag(const char *kind)
{
    enum { K = 6, N = 200 };
    sample s = draw(N, 0);
    mele_options options = options_of("bagging", K);
    mele_data *data = data_of(&s);
    double *counts = counts_of(data, K, N), said[N * K], sd[N * K];
    double weight[K] = {0}, square[K] = {0}, all = 0, absolute = 0, squares = 0, rows = 0;
    double blended[N], within = 0, own = 0;
    const mele_matrix x = {s.x, N, COLS, COLS};
    const mele_prediction wanted = {.expert_mean = said, .expert_sd = sd, .sd = blended};
    mele_report *report;

    options.experts.kind = kind;
    options.experts.max_epochs = 50;
    cr_assert_eq(mele_report_new("test", &report, NULL), MELE_OK);
    mele_model *model = fit_of(&s, &options, report);
    cr_assert_eq(mele_model_predict(model, &x, NULL, NULL, &wanted, NULL), MELE_OK);
    for (size_t i = 0; i < N; i++) {
        double mean = 0, unseen = 0;
        for (size_t k = 0; k < K; k++)
            if (counts[i * K + k] == 0) {
                weight[k] += s.weights[i];
                square[k] += s.weights[i] * pow(s.y[i] - said[i * K + k], 2);
                mean += said[i * K + k];
                unseen++;
            }
        if (unseen == 0)
            continue;
        rows++;
        all += s.weights[i];
        absolute += s.weights[i] * fabs(s.y[i] - mean / unseen);
        squares += s.weights[i] * pow(s.y[i] - mean / unseen, 2);
        double variance = 0, between = 0;
        for (size_t k = 0; k < K && unseen > 1; k++)
            if (counts[i * K + k] == 0) {
                variance += sd[i * K + k] * sd[i * K + k] / unseen;
                between += pow(said[i * K + k] - mean / unseen, 2) / (unseen - 1);
            }
        own += s.weights[i] * variance;
        within += unseen > 1 ? s.weights[i] * (pow(s.y[i] - mean / unseen, 2) - between / unseen
                                               + (2.0 / K - 1) * between)
                             : 0;
    }
    cr_assert_eq(within / own < 1, strcmp(kind, "mlp") == 0, "%s: %g", kind, within / own);
    check_within(said, sd, blended, N, K, fmin(1, fmax(0.25, within / own)));
    for (size_t k = 0; k < K; k++)
        cr_assert_float_eq(sd[k], sqrt(square[k] / weight[k]), 1e-12, "expert %zu", k);
    cr_assert_float_eq(number(report, "family.out_of_bag.mae"), absolute / all, 1e-12);
    cr_assert_float_eq(number(report, "family.out_of_bag.rmse"), sqrt(squares / all), 1e-12);
    cr_assert_eq(number(report, "family.out_of_bag.rows"), rows);
    free(counts);
    mele_report_free(report);
    mele_data_free(data);
    mele_model_free(model);
    free_sample(&s);
}

Test(bagging, what_is_out_of_the_bag_tells_variances_and_errors)
{
    check_out_of_bag("linear"); /* of which, by chance, more than all is within */
    check_out_of_bag("mlp");
}

/* Of classes the probabilities are averaged, over those who have not seen a row. */
Test(bagging, what_is_out_of_the_bag_of_classes)
{
    enum { K = 5, N = 180, C = 3 };
    sample s = draw(N, C);
    const mele_options options = options_of("bagging", K);
    mele_data *data = data_of(&s);
    double *counts = counts_of(data, K, N), said[N * K * C], blended[N * C], loss = 0, all = 0;
    const mele_matrix x = {s.x, N, COLS, COLS};
    const mele_prediction wanted = {.expert_mean = said, .probability = blended};
    mele_report *report;

    cr_assert_eq(mele_report_new("test", &report, NULL), MELE_OK);
    mele_model *model = fit_of(&s, &options, report);
    cr_assert_eq(mele_model_predict(model, &x, NULL, NULL, &wanted, NULL), MELE_OK);
    for (size_t i = 0; i < N; i++) {
        double mean = 0, unseen = 0, of_all = 0;
        for (size_t k = 0; k < K; k++) {
            const double p = said[(i * K + k) * C + (size_t)s.y[i]];
            of_all += p / K;
            mean += counts[i * K + k] == 0 ? p : 0;
            unseen += counts[i * K + k] == 0;
        }
        cr_assert_float_eq(blended[i * C + (size_t)s.y[i]], of_all, 1e-14);
        loss -= unseen > 0 ? s.weights[i] * log(mean / unseen) : 0;
        all += unseen > 0 ? s.weights[i] : 0;
    }
    cr_assert_float_eq(number(report, "family.out_of_bag.log_loss"), loss / all, 1e-12);
    free(counts);
    mele_report_free(report);
    mele_data_free(data);
    mele_model_free(model);
    free_sample(&s);
}

/* ---- what must not matter, memory ---- */

Test(bagging, threads_do_not_matter)
{
    sample s = draw(3000, 0);
    mele_data *data = data_of(&s);
    mele_options options = options_of("bagging", 5);
    mele_engine *engine = engine_of(3);

    for (size_t c = 0; c < 2; c++) {
        options.experts.kind = c == 0 ? "linear" : "mlp";
        options.experts.max_epochs = 5;
        char *alone = fit_text(data, &options, NULL), *text = fit_text(data, &options, engine);
        cr_assert_str_eq(text, alone);
        free(alone);
        free(text);
    }
    mele_engine_free(engine);
    mele_data_free(data);
    free_sample(&s);
}

Test(bagging, without_memory)
{
    for (size_t classes = 0; classes < 3; classes += 2) {
        sample s = draw(15, classes);
        const mele_options options = options_of("bagging", 3);
        s.groups = classes > 0 ? MELE_I_ZEROED(size_t, s.rows) : NULL;
        for (size_t i = 0; i < s.rows && classes > 0; i++)
            s.groups[i] = i / 2;
        mele_data *data = data_of(&s);
        char *usual = fit_text(data, &options, NULL), *text;
        bool failed = true;
        size_t n = 0;
        for (; failed; n++) {
            mele_model *model = NULL;
            failing_malloc_at(n);
            const mele_status status = mele_fit(data, &options, NULL, NULL, &model, NULL);
            failed = failing_malloc_end();
            cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM && model == NULL));
            if (status != MELE_OK)
                continue;
            cr_assert_eq(mele_model_text(model, &text, NULL, NULL), MELE_OK);
            cr_assert_str_eq(text, usual);
            free(text);
            mele_model_free(model);
        }
        cr_assert_gt(n, 30);
        free(usual);
        mele_data_free(data);
        free_sample(&s);
    }
}
