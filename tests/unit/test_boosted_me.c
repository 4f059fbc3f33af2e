/* Boosted mixtures of experts: which rows the filters take; experts against least squares on these, which is done here
 * in closed form; groups; EM from there; data on which boosting has nothing to do. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <mele/mele.h>

#include "core/stream.h"
#include "family/boosted/filters.h"
#include "schema/data.h"

enum { ROWS = 120, EXPERTS = 3 };

typedef struct sample {
    size_t rows;
    double x[ROWS], y[ROWS], weights[ROWS];
    size_t group[ROWS];
} sample;

/* A curve with noise; some rows of weight 0; groups of four rows. */
static sample draw(size_t rows)
{
    mele_i_stream stream = mele_i_stream_make(3, MELE_I_FOR_TESTS, 1, rows);
    sample s = {.rows = rows};

    for (size_t i = 0; i < rows; i++) {
        s.x[i] = 2 * mele_i_stream_uniform(&stream) - 1;
        s.y[i] = sin(3 * s.x[i]) + 0.3 * mele_i_stream_normal(&stream);
        s.weights[i] = i % 11 == 5 ? 0 : 1;
        s.group[i] = i / 4;
    }
    return s;
}

static mele_data *data_of(sample *s, size_t classes, bool weighted, bool grouped)
{
    const mele_matrix x = mele_matrix_of(s->x, s->rows, 1), y = mele_matrix_of(s->y, s->rows, 1);
    mele_data *data = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_data_of_arrays(&x, &y, classes, weighted ? s->weights : NULL, &data, &error), MELE_OK, "%s",
                 error.message);
    if (grouped)
        cr_assert_eq(mele_data_set_groups(data, s->group, NULL), MELE_OK);
    return data;
}

/* ---- the filters ---- */

static mele_i_stream stream_of(uint64_t seed, size_t expert)
{
    return mele_i_stream_make(seed, MELE_I_FOR_FILTERS, 0, expert);
}

Test(boosted_me, a_third_is_of_rows_that_count_and_of_whole_groups)
{
    sample s = draw(ROWS);
    bool first[ROWS], marks[ROWS];

    for (int grouped = 0; grouped < 2; grouped++) {
        mele_data *data = data_of(&s, 0, true, grouped == 1);
        const size_t count = mele_i_filter_all(data, marks);
        cr_assert_eq(count, mele_i_data_count(data));
        for (uint64_t seed = 1; seed < 20; seed++) {
            mele_i_stream stream = stream_of(seed, 0);
            cr_assert_eq(mele_i_filter_third(data, &stream, marks, NULL), MELE_OK);
            const size_t taken = mele_i_filter_count(marks, ROWS), wanted = (count + 2) / 3;
            cr_assert(grouped ? taken >= wanted && taken < wanted + 4 : taken == wanted, "%zu", taken);
            for (size_t i = 0; i < ROWS; i++) {
                cr_assert(!marks[i] || s.weights[i] > 0);
                for (size_t j = i + 1; grouped && j < ROWS && s.group[j] == s.group[i]; j++)
                    cr_assert(marks[i] == marks[j] || s.weights[i] == 0 || s.weights[j] == 0);
            }
            if (seed == 1)
                memcpy(first, marks, sizeof first);
            else
                cr_assert(memcmp(first, marks, sizeof first) != 0, "seed %d", (int)seed);
        }
        mele_data_free(data);
    }
}

/* All of the fewer, as many of the others, each of these as often as any. */
Test(boosted_me, half_of_a_set_is_wrong)
{
    enum { COUNT = 12, TRIALS = 4000 };
    const bool from[COUNT] = {1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1};
    const bool wrong[COUNT] = {0, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0};
    size_t taken[COUNT] = {0};
    bool other[COUNT], out[COUNT];

    for (uint64_t seed = 0; seed < TRIALS; seed++) {
        mele_i_stream stream = stream_of(seed, 1);
        mele_i_filter_halves(from, wrong, COUNT, &stream, out);
        cr_assert_eq(mele_i_filter_count(out, COUNT), 6);
        for (size_t i = 0; i < COUNT; i++)
            taken[i] += out[i];
    }
    for (size_t i = 0; i < COUNT; i++)
        if (!from[i] || wrong[i])
            cr_assert_eq(taken[i], from[i] ? TRIALS : 0, "%zu", i);
        else
            cr_assert(fabs((double)taken[i] - 3.0 / 7 * TRIALS) < 5 * sqrt(12.0 / 49 * TRIALS), "%zu: %zu", i,
                      taken[i]);
    for (size_t i = 0; i < COUNT; i++)
        other[i] = !wrong[i];
    mele_i_stream stream = stream_of(1, 1);
    mele_i_filter_halves(from, other, COUNT, &stream, out);
    cr_assert_eq(mele_i_filter_count(out, COUNT), 6);
    mele_i_filter_halves(from, from, COUNT, &stream, out);
    cr_assert_eq(mele_i_filter_count(out, COUNT), 0, "nothing is right");
}

Test(boosted_me, a_quarter_is_above_the_threshold)
{
    const bool from[9] = {1, 1, 1, 1, 0, 1, 1, 1, 1};
    const double error[9] = {5, 1, 4, 4, 99, 2, 8, 3, 7};
    double room[9];

    cr_assert_eq(mele_i_filter_quantile(from, error, 9, 0.75, room), 5);
    cr_assert_eq(mele_i_filter_quantile(from, error, 9, 0, room), 1);
    cr_assert_eq(mele_i_filter_quantile(from, error, 9, 1, room), 8);
    cr_assert(isnan(mele_i_filter_quantile(from + 4, error, 1, 0.75, room)));
}

/* ---- who is trained on what ---- */

typedef struct line {
    double slope, intercept, mean, squares, count;
} line;

static line line_of(const sample *s, const bool *member)
{
    line l = {0};
    double y = 0, product = 0;

    for (size_t i = 0; i < s->rows; i++)
        if (member[i]) {
            l.count++;
            l.mean += s->x[i];
            y += s->y[i];
        }
    l.mean /= l.count;
    y /= l.count;
    for (size_t i = 0; i < s->rows; i++)
        if (member[i]) {
            l.squares += (s->x[i] - l.mean) * (s->x[i] - l.mean);
            product += (s->x[i] - l.mean) * (s->y[i] - y);
        }
    l.slope = product / l.squares;
    l.intercept = y - l.slope * l.mean;
    return l;
}

static double at(const line *l, double x)
{
    return l->intercept + l->slope * x;
}

/* The squared residual, of a row that it was trained on that of the line without the row: r / (1 - h). */
static double error_of(const sample *s, const line *l, const bool *member, size_t i)
{
    const double off = s->x[i] - l->mean, r = s->y[i] - at(l, s->x[i]);
    const double h = member[i] ? 1 / l->count + off * off / l->squares : 0;

    return r * r / (1 - h) / (1 - h);
}

static mele_options options_of(void)
{
    mele_options options = mele_options_defaults();

    options.family.name = "boosted-me";
    options.family.em_iterations = 0;
    return options;
}

static mele_model *fit_of(const mele_data *data, const mele_options *options, mele_report **report)
{
    mele_model *model = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_report_new("test", report, NULL), MELE_OK);
    cr_assert_eq(mele_fit(data, options, NULL, *report, &model, &error), MELE_OK, "%s", error.message);
    return model;
}

static double number(const mele_report *report, const char *path)
{
    double value = NAN;

    cr_assert(mele_report_number(report, path, &value), "%s", path);
    return value;
}

/* Every expert is the line of its rows. */
static void check_experts(const sample *s, const mele_model *model, const mele_report *report,
                          bool member[EXPERTS][ROWS])
{
    const mele_matrix x = mele_matrix_of(s->x, s->rows, 1);
    double said[ROWS * EXPERTS];
    const mele_prediction wanted = {.expert_mean = said};
    char path[64];

    cr_assert_eq(mele_model_predict(model, &x, NULL, NULL, &wanted, NULL), MELE_OK);
    for (size_t k = 0; k < EXPERTS; k++) {
        const line l = line_of(s, member[k]);
        snprintf(path, sizeof path, "family.boosted.%zu.rows", k);
        cr_assert_eq(number(report, path), l.count, "%zu: %g, not %g", k, number(report, path), l.count);
        for (size_t i = 0; i < s->rows; i++)
            cr_assert_float_eq(said[i * EXPERTS + k], at(&l, s->x[i]), 1e-10, "expert %zu", k);
    }
}

Test(boosted_me, experts_are_trained_on_what_the_filters_take)
{
    sample s = draw(ROWS);
    mele_data *data = data_of(&s, 0, true, false);
    mele_options options = options_of();
    bool all[ROWS], rest[ROWS], wrong[2][ROWS], member[EXPERTS][ROWS];
    double error[2][ROWS], room[ROWS];
    mele_report *report = NULL;

    mele_i_filter_all(data, all);
    for (uint64_t seed = 1; seed < 6; seed++) {
        mele_i_stream stream = stream_of(seed, 0);
        cr_assert_eq(mele_i_filter_third(data, &stream, member[0], NULL), MELE_OK);
        double threshold = 0;
        for (size_t k = 0; k < 2; k++) {
            const line l = line_of(&s, member[k]);
            for (size_t i = 0; i < ROWS; i++) {
                error[k][i] = error_of(&s, &l, member[k], i);
                rest[i] = all[i] && !member[0][i];
            }
            if (k == 0)
                threshold = mele_i_filter_quantile(rest, error[0], ROWS, 0.75, room);
            for (size_t i = 0; i < ROWS; i++)
                wrong[k][i] = error[k][i] > threshold;
            stream = stream_of(seed, 1);
            if (k == 0)
                mele_i_filter_halves(rest, wrong[0], ROWS, &stream, member[1]);
        }
        for (size_t i = 0; i < ROWS; i++)
            member[2][i] = all[i] && wrong[0][i] != wrong[1][i];
        options.seed = seed;
        options.experts.ridge = 0;
        mele_model *model = fit_of(data, &options, &report);
        check_experts(&s, model, report, member);
        mele_model_free(model);
        mele_report_free(report);
    }
    mele_data_free(data);
}

/* The first is of whole groups; what it is judged by is of others. */
Test(boosted_me, groups_stay_whole)
{
    sample s = draw(ROWS);
    mele_data *data = data_of(&s, 0, false, true);
    mele_options options = options_of();
    const mele_matrix x = mele_matrix_of(s.x, ROWS, 1);
    double said[ROWS * EXPERTS];
    const mele_prediction wanted = {.expert_mean = said};
    mele_i_stream stream = stream_of(1, 0);
    mele_report *report = NULL;
    bool member[ROWS];

    options.experts.ridge = 0;
    cr_assert_eq(mele_i_filter_third(data, &stream, member, NULL), MELE_OK);
    mele_model *model = fit_of(data, &options, &report);
    const line l = line_of(&s, member);
    cr_assert_eq(mele_model_predict(model, &x, NULL, NULL, &wanted, NULL), MELE_OK);
    for (size_t i = 0; i < ROWS; i++)
        cr_assert_float_eq(said[i * EXPERTS], at(&l, s.x[i]), 1e-10);
    mele_model_free(model);
    mele_report_free(report);
    mele_data_free(data);
}

/* ---- what becomes of them ---- */

/* Of targets and of classes, the penalised likelihood rises with the iterations. */
Test(boosted_me, training_together_never_falls)
{
    sample s = draw(ROWS);

    for (int classes = 0; classes < 3; classes += 2) {
        for (size_t i = 0; i < ROWS && classes > 0; i++)
            s.y[i] = s.y[i] > 0.2;
        mele_data *data = data_of(&s, (size_t)classes, true, false);
        mele_options options = options_of();
        double last = -INFINITY;
        bool over = false;
        for (size_t most = 1; most < 40 && !over; most += 1 + most / 3) {
            mele_report *report = NULL;
            options.family.em_iterations = most;
            mele_model_free(fit_of(data, &options, &report));
            const double value = number(report, "family.penalised");
            cr_assert_geq(value, last - 1e-9, "%zu: %.12g after %.12g", most, value, last);
            cr_assert_leq(number(report, "family.iterations"), (double)most);
            over = number(report, "family.iterations") < (double)most;
            cr_assert(!over || value >= last);
            last = value;
            mele_report_free(report);
        }
        mele_data_free(data);
    }
}

/* All count alike. */
Test(boosted_me, the_mean_is_that_of_the_experts)
{
    sample s = draw(ROWS);
    mele_data *data = data_of(&s, 0, false, false);
    mele_options options = options_of();
    const mele_matrix x = mele_matrix_of(s.x, ROWS, 1);
    double said[ROWS * EXPERTS], mean[ROWS], sd[ROWS], square = 0, variance = 0;
    const mele_prediction wanted = {.expert_mean = said, .mean = mean, .sd = sd};
    mele_report *report = NULL;

    options.family.combine = "mean";
    mele_model *model = fit_of(data, &options, &report);
    cr_assert_eq(mele_model_predict(model, &x, NULL, NULL, &wanted, NULL), MELE_OK);
    for (size_t i = 0; i < ROWS; i++) {
        cr_assert_float_eq(mean[i], (said[3 * i] + said[3 * i + 1] + said[3 * i + 2]) / 3, 1e-12);
        square += (s.y[i] - mean[i]) * (s.y[i] - mean[i]);
        variance += sd[i] * sd[i];
    }
    cr_assert(variance > 0.7 * square && variance < 1.6 * square, "%g, %g", variance, square);
    mele_model_free(model);
    mele_report_free(report);
    mele_data_free(data);
}

/* ---- nothing to boost ---- */

/* Few rows, one group, a constant, a line: a model all the same. */
static void check_odd(sample *s, size_t classes, bool grouped, const char *how)
{
    static const char *const combine[] = {"gate", "mean", "gate"};
    static const size_t iterations[] = {0, 0, 3};

    for (size_t c = 0; c < 3; c++) {
        mele_data *data = data_of(s, classes, false, grouped);
        mele_options options = options_of();
        const mele_matrix x = mele_matrix_of(s->x, s->rows, 1);
        double out[2 * ROWS];
        const mele_prediction wanted = {.mean = classes > 0 ? NULL : out, .probability = classes > 0 ? out : NULL};
        mele_report *report = NULL;
        options.family.combine = combine[c];
        options.family.em_iterations = iterations[c];
        mele_model *model = fit_of(data, &options, &report);
        cr_assert_eq(mele_model_clusters(model), EXPERTS);
        if (how != NULL)
            cr_assert_str_eq(mele_report_string(report, "family.boosted.1.chosen"), how);
        cr_assert_eq(mele_model_predict(model, &x, NULL, NULL, &wanted, NULL), MELE_OK);
        for (size_t i = 0; i < s->rows * (classes > 0 ? classes : 1); i++)
            cr_assert(isfinite(out[i]), "%zu rows, %zu classes: %g", s->rows, classes, out[i]);
        mele_model_free(model);
        mele_report_free(report);
        mele_data_free(data);
    }
}

Test(boosted_me, there_is_a_model_of_any_rows)
{
    for (size_t rows = 1; rows < 14; rows += 1 + rows / 3) {
        sample s = draw(rows);
        check_odd(&s, 0, false, NULL);
        for (size_t i = 0; i < rows; i++)
            s.y[i] = i % 2;
        check_odd(&s, 2, false, NULL);
    }
    sample s = draw(30);
    for (size_t i = 0; i < 30; i++)
        s.group[i] = 7;
    check_odd(&s, 0, true, "all");
    for (size_t i = 0; i < 30; i++)
        s.y[i] = 5;
    check_odd(&s, 0, false, NULL);
    for (size_t i = 0; i < 30; i++)
        s.y[i] = s.x[i] > 0;
    check_odd(&s, 2, false, NULL);
    for (size_t i = 0; i < 30; i++)
        s.y[i] = 0;
    check_odd(&s, 2, false, "unused");
}
