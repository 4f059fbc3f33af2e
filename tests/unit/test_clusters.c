/* The choice of K: what is chosen from, what is best, and that the fit is then that of K itself. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/mele.h>

#include "core/stream.h"
#include "fit/clusters.h"
#include "fit/gate_race.h"
#include "model/model.h"
#include "partition/partition.h"
#include "support/failing_malloc.h"
#include "support/size.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static mele_data *read_data(const char *name, const char *target)
{
    mele_data_options options = mele_data_defaults();
    mele_data *data = NULL;
    mele_error error = {0};
    char path[512];

    snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
    options.target = target;
    cr_assert_eq(mele_data_read(path, &options, NULL, NULL, &data, &error), MELE_OK, "%s: %s", name,
                 error.message);
    return data;
}

/* Data from CSV text, as a file. */
static mele_data *data_of(const char *text, const mele_data_options *options)
{
    char path[] = "/tmp/mele-data-XXXXXX";
    int descriptor = mkstemp(path);
    FILE *file = fdopen(descriptor, "w");
    mele_data *data = NULL;
    mele_error error = {0};

    cr_assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    cr_assert_eq(mele_data_read(path, options, NULL, NULL, &data, &error), MELE_OK, "%s",
                 error.message);
    remove(path);
    return data;
}

/* n rows "x,y[,g]" of a curve with noise, or of blobs: see the callers. */
static mele_data *curve(size_t n, double bend, const char *weights, const char *group)
{
    mele_i_stream random = mele_i_stream_make(8, MELE_I_FOR_TESTS, n, 0);
    mele_data_options options = mele_data_defaults();
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);

    fputs("x,y,w,g\n", out);
    for (size_t i = 0; i < n; i++) {
        double x = 4 * mele_i_stream_uniform(&random);
        double y = x + bend * fabs(x - 2) + 0.3 * mele_i_stream_normal(&random);
        fprintf(out, "%.17g,%.17g,%d,%c\n", x, y, i == 3, i % 3 == 0 ? 'a' : 'b');
    }
    fclose(out);
    options.target = "y";
    options.features = "x";
    options.weights = weights;
    options.group = group;
    mele_data *data = data_of(text, &options);
    free(text);
    return data;
}

static mele_options options_of(size_t least, size_t most, const char *criterion)
{
    mele_options options = mele_options_defaults();

    options.gate.kind = "softmax";

    options.clusters_least = least;
    options.clusters_most = most;
    options.criterion = criterion;
    options.partition.restarts = 2;
    return options;
}

static mele_model *partition_of(const mele_data *data, const mele_options *options,
                                mele_engine *engine)
{
    mele_model *model = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_fit_partition(data, options, engine, NULL, &model, &error), MELE_OK, "%s",
                 error.message);
    return model;
}

/* ---- the record of a model ---- */

static const json_t *candidates_of(const mele_model *model)
{
    return json_object_get(json_object_get(model->training, "partition"), "candidates");
}

static double number(const json_t *candidate, const char *key)
{
    const json_t *value = json_object_get(candidate, key);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* The K that is marked as chosen, one exactly. */
static size_t chosen(const mele_model *model)
{
    size_t i, count = 0, clusters = 0;
    json_t *candidate;

    json_array_foreach((json_t *)candidates_of(model), i, candidate)
        if (json_is_true(json_object_get(candidate, "chosen"))) {
            clusters = (size_t)number(candidate, "clusters");
            count++;
        }
    cr_assert_eq(count, 1);
    return clusters;
}

static char *text_of(const mele_model *model)
{
    char *text = NULL;

    cr_assert_eq(mele_model_text(model, &text, NULL, NULL), MELE_OK);
    return text;
}

static char *partition_text(const mele_model *model)
{
    json_t *section = mele_i_partition_save(model->joint);
    char *text = json_dumps(section, JSON_ENCODE_ANY);

    json_decref(section);
    return text;
}

/* ---- what is chosen ---- */

static const struct {
    const char *file, *target, *method, *criterion;
} choices[] = {
    {"faithful.csv", NULL, "kmeans", "bic"},  {"faithful.csv", NULL, "gmm", "bic"},
    {"iris.csv", NULL, "gmm", "icl"},         {"iris.csv", NULL, "kmeans", "silhouette"},
    {"mcycle.csv", NULL, "gmm", "aic"},       {"mcycle.csv", "accel", "kmeans", "cv"},
    {"concrete.csv", "compressive_strength", "kmeans", "cv"}, {"iris.csv", "Species", "gmm", "bic"},
    {"mpg.csv", "Miles_per_Gallon,Acceleration", "kmeans", "cv"},
};

Test(clusters, the_best_is_chosen_and_is_what_it_is_alone)
{
    for (size_t c = 0; c < COUNT(choices); c++) {
        mele_options options = options_of(1, 4, choices[c].criterion);
        mele_data *data = read_data(choices[c].file, choices[c].target);
        bool larger = strcmp(choices[c].criterion, "silhouette") == 0;
        size_t best = 0;
        options.partition.method = choices[c].method;
        mele_model *model = partition_of(data, &options, NULL);
        const json_t *list = candidates_of(model);
        cr_assert_eq(json_array_size(list), 4);
        for (size_t i = 0; i < 4; i++) {
            double value = number(json_array_get(list, i), "criterion");
            double least = number(json_array_get(list, best), "criterion");
            cr_assert_eq(number(json_array_get(list, i), "clusters"), i + 1);
            cr_assert_eq(number(json_array_get(list, i), choices[c].criterion), value);
            if (larger ? value > least : value < least)
                best = i;
        }
        cr_assert_eq(chosen(model), best + 1, "choice %zu", c);
        cr_assert_eq(mele_model_clusters(model), best + 1);
        options.partition.clusters = best + 1;
        mele_model *alone = partition_of(data, &options, NULL);
        char *text = partition_text(model), *expected = partition_text(alone);
        cr_assert_str_eq(text, expected);
        cr_assert_null(candidates_of(alone));
        free(text), free(expected);
        mele_model_free(alone);
        mele_model_free(model);
        mele_data_free(data);
    }
}

/* Where the answer is known: a straight line, one with a bend; eruptions of two kinds. */
Test(clusters, known_answers)
{
    static const struct {
        double bend;
        size_t least, most;
    } curves[] = {{0, 1, 1}, {5, 2, 8}};
    mele_options options = options_of(0, 0, NULL);

    for (size_t c = 0; c < COUNT(curves); c++) {
        mele_data *data = curve(TEST_SIZE(1000, 1000, 400), curves[c].bend, NULL, NULL);
        mele_model *model = partition_of(data, &options, NULL);
        cr_assert_geq(chosen(model), curves[c].least);
        cr_assert_leq(chosen(model), curves[c].most);
        mele_model_free(model);
        mele_data_free(data);
    }
    mele_data *geyser = read_data("faithful.csv", NULL);
    options.partition.method = "gmm";
    for (size_t c = 0; c < 2; c++) {
        options.criterion = c == 0 ? "bic" : "icl";
        mele_model *model = partition_of(geyser, &options, NULL);
        cr_assert_eq(chosen(model), 2);
        mele_model_free(model);
    }
    mele_data_free(geyser);
}

/* ---- the race ---- */

/* One line where x < 0.5, another beyond: two regions at least. What a racer loses, and in how many
 * folds, against a race of its own, which goes through all of them. */
Test(clusters, racers_run_as_they_would_alone_until_they_are_given_up)
{
    enum { MOST = 5 };
    mele_data *data = curve(1000, 5, NULL, NULL);
    mele_options options = options_of(1, MOST, "cv");
    mele_i_racer racers[MOST] = {{.one = true}};
    mele_i_race_course course;
    size_t least = 0;

    for (size_t i = 0; i < MOST; i++)
        racers[i].clusters = i + 1;
    cr_assert_eq(mele_i_gate_race(data, &options, racers, MOST, NULL, &course, NULL), MELE_OK);
    const size_t folds = course.folds;
    cr_assert_eq(folds, 10);
    cr_assert_eq(racers[0].folds, folds, "one model is what others are measured against");
    cr_assert(racers[1].gain > 2 * racers[1].chance, "two lines for two: %g, chance %g",
              racers[1].gain, racers[1].chance);
    for (size_t i = 0; i < MOST; i++) {
        mele_i_racer alone = {.clusters = i + 1, .one = i == 0};
        cr_assert_eq(mele_i_gate_race(data, &options, &alone, 1, NULL, &course, NULL), MELE_OK);
        cr_assert_eq(course.folds, folds);
        cr_assert_eq(alone.folds, folds);
        cr_assert(racers[i].folds == 3 || racers[i].folds % 2 == 1 || racers[i].folds == folds);
        cr_assert(racers[i].folds < folds || racers[i].loss == alone.loss, "K %zu", i + 1);
        if (racers[i].folds == folds
            && (racers[least].folds < folds || racers[i].loss < racers[least].loss))
            least = i;
    }
    cr_assert(racers[least].loss < racers[0].loss);
    mele_model *model = partition_of(data, &options, NULL);
    const json_t *first = json_array_get(candidates_of(model), 0);
    cr_assert_eq(number(first, "folds"), racers[0].folds);
    cr_assert_eq(number(first, "cv"), racers[0].loss);
    mele_model_free(model);
    mele_data_free(data);
}

/* One line is the truth, of few rows and of many, whose few folds come in parts. */
Test(clusters, one_model_stays_unless_more_gain_by_more_than_chance)
{
    static const size_t rows[] = {200, 400, 6000, 30000};

    for (size_t c = 0; c < COUNT(rows); c++) {
        mele_data *data = curve(rows[c], 0, NULL, NULL);
        mele_options options = options_of(1, 3, "cv");
        mele_i_racer racers[3] = {{.clusters = 1, .one = true}, {.clusters = 2}, {.clusters = 3}};
        mele_i_race_course course;
        cr_assert_eq(mele_i_gate_race(data, &options, racers, 3, NULL, &course, NULL), MELE_OK);
        cr_assert_eq(course.rows, rows[c] < 20000 ? rows[c] : 10000);
        cr_assert_eq(course.folds, course.rows > 5000 ? 50000 / course.rows : 10);
        cr_assert(isnan(racers[0].gain));
        mele_model *model = partition_of(data, &options, NULL);
        for (size_t i = 1; i < 3; i++)
            cr_assert(racers[i].chance > 0 && racers[i].gain < racers[i].chance, "%zu rows, K %zu",
                      rows[c], i + 1);
        cr_assert_eq(chosen(model), 1);
        mele_model_free(model);
        mele_data_free(data);
    }
}

/* The errors of K = 1 by hand: folds, standardised least squares and ridge are in there, so only to
 * what these differ by from the variance of the noise, 0.09 of the target's. */
Test(clusters, the_error_is_in_units_of_the_targets_variance)
{
    mele_options options = options_of(1, 2, "cv");
    mele_data *data = curve(2000, 0, NULL, NULL);
    mele_model *model = partition_of(data, &options, NULL);
    double variance = model->target_scaling.scale[0] * model->target_scaling.scale[0];
    double error = number(json_array_get(candidates_of(model), 0), "cv");

    cr_assert(fabs(error * variance / 0.09 - 1) < 0.1, "%g of %g", error, variance);
    mele_model_free(model);
    mele_data_free(data);
}

/* Of many rows a sample races, the same for any threads: of whole groups, as long as there are
 * enough of those, and of rows that have weight. */
Test(clusters, many_rows_send_a_sample)
{
    enum { ROWS = 24000, GROUP = 48 };
    static const struct {
        bool weighted;
        size_t groups, raced;
    } cases[] = {{false, 0, 12000}, {true, 0, ROWS}, {false, ROWS / GROUP, 12000}, {false, 7, ROWS}};
    static double x[ROWS], y[ROWS], weight[ROWS];
    static size_t group[ROWS];
    mele_i_stream random = mele_i_stream_make(8, MELE_I_FOR_TESTS, ROWS, 0);
    const mele_matrix features = {x, ROWS, 1, 1}, targets = {y, ROWS, 1, 1};
    mele_engine *engine = NULL;
    const mele_engine_options three = {3, NULL, NULL};

    cr_assert_eq(mele_engine_new(&three, &engine, NULL), MELE_OK);
    for (size_t i = 0; i < ROWS; i++) {
        x[i] = 4 * mele_i_stream_uniform(&random);
        y[i] = x[i] + fabs(x[i] - 2) + 0.3 * mele_i_stream_normal(&random);
        weight[i] = i % 2 == 0 ? 1 : 0.01; /* as 12000 and a few rows */
    }
    for (size_t c = 0; c < COUNT(cases); c++) {
        mele_options options = options_of(1, 2, "cv");
        mele_data *data = NULL;
        for (size_t i = 0; i < ROWS; i++)
            group[i] = cases[c].groups > 0 ? i % cases[c].groups : 0;
        cr_assert_eq(mele_data_of_arrays(&features, &targets, 0, cases[c].weighted ? weight : NULL,
                                         &data, NULL),
                     MELE_OK);
        if (cases[c].groups > 0)
            cr_assert_eq(mele_data_set_groups(data, group, NULL), MELE_OK);
        mele_model *model = partition_of(data, &options, NULL);
        mele_model *again = partition_of(data, &options, engine);
        const json_t *one = json_object_get(model->training, "partition");
        cr_assert(json_equal(json_object_get(one, "candidates"), candidates_of(again)));
        const json_t *sample = json_object_get(one, "sample");
        cr_assert_eq(sample == NULL ? ROWS : (size_t)json_integer_value(sample), cases[c].raced,
                     "case %zu", c);
        mele_model_free(model);
        mele_model_free(again);
        mele_data_free(data);
    }
    mele_engine_free(engine);
}

/* ---- how many are tried ---- */

Test(clusters, auto_tries_as_many_as_the_rows_allow)
{
    static const struct {
        size_t rows, candidates, most;
    } cases[] = {
        {1, 1, 1}, {2, 1, 1}, {39, 1, 1}, {40, 2, 2}, {79, 3, 3}, {80, 4, 4}, {639, 9, 24},
        {640, 10, 32}, {900, 10, 32},
    };

    for (size_t c = 0; c < COUNT(cases); c++) {
        mele_options options = options_of(0, 0, "bic");
        mele_data *data = curve(cases[c].rows, 1, NULL, NULL);
        mele_model *model = partition_of(data, &options, NULL);
        const json_t *list = candidates_of(model);
        cr_assert_eq(json_array_size(list), cases[c].candidates, "%zu rows", cases[c].rows);
        cr_assert_eq(number(json_array_get(list, cases[c].candidates - 1), "clusters"),
                     cases[c].most);
        mele_model_free(model);
        mele_data_free(data);
    }
}

/* Candidates that cannot be measured have no value; without any the smallest is taken. */
Test(clusters, what_cannot_be_measured)
{
    static const struct {
        size_t rows, least, most;
        const char *weights, *group;
        size_t measured, chosen; /* chosen 0: any of those measured */
    } cases[] = {
        {1, 1, 1, NULL, NULL, 0, 1},   /* no folds */
        {2, 1, 2, NULL, NULL, 1, 1},   /* K 2 has one row to train on */
        {2, 2, 2, NULL, NULL, 0, 2},
        {5, 1, 5, NULL, NULL, 2, 0},   /* two folds of 2 and 3 rows */
        {30, 1, 2, "w", NULL, 0, 1},   /* one row counts: a fold without it has no weight */
        {60, 1, 2, NULL, "g", 2, 0},   /* two groups, two folds */
    };

    for (size_t c = 0; c < COUNT(cases); c++) {
        mele_options options = options_of(cases[c].least, cases[c].most, "cv");
        mele_data *data = curve(cases[c].rows, 1, cases[c].weights, cases[c].group);
        mele_model *model = partition_of(data, &options, NULL);
        const json_t *list = candidates_of(model);
        for (size_t i = 0; i < json_array_size(list); i++)
            cr_assert_eq(isnan(number(json_array_get(list, i), "criterion")),
                         i >= cases[c].measured, "case %zu, candidate %zu", c, i);
        cr_assert(cases[c].chosen == 0 || chosen(model) == cases[c].chosen, "case %zu", c);
        cr_assert(cases[c].chosen != 0 || chosen(model) <= cases[c].measured, "case %zu", c);
        mele_model_free(model);
        mele_data_free(data);
    }
}

/* Three distinct rows: K = 4 and 5 are the partition of K = 3, which as the smallest is taken. */
Test(clusters, merged_candidates_are_told)
{
    mele_data_options data_options = mele_data_defaults();
    mele_data *data = data_of("a,b\n1,1\n2,5\n9,3\n1,1\n2,5\n9,3\n1,1\n", &data_options);
    mele_options options = options_of(1, 5, "bic");
    mele_model *model = partition_of(data, &options, NULL);
    const json_t *list = candidates_of(model);

    cr_assert_eq(chosen(model), 3);
    cr_assert(isnan(number(json_array_get(list, 2), "merged")));
    cr_assert_eq(number(json_array_get(list, 3), "merged"), 1);
    cr_assert_eq(number(json_array_get(list, 4), "merged"), 2);
    cr_assert_eq(number(json_array_get(list, 4), "bic"), number(json_array_get(list, 2), "bic"));
    mele_model_free(model);
    mele_data_free(data);
}

/* ---- the same bytes ---- */

Test(clusters, same_bytes_for_any_number_of_threads)
{
    static const char *const criteria[] = {"bic", "silhouette", "cv"};
    mele_data *data = read_data("mcycle.csv", "accel");

    for (size_t c = 0; c < COUNT(criteria); c++) {
        mele_options options = options_of(0, 0, criteria[c]);
        mele_model *model = partition_of(data, &options, NULL);
        char *expected = text_of(model);
        mele_model_free(model);
        for (unsigned threads = 2; threads <= 8; threads += threads == 3 ? 5 : 1) {
            mele_engine_options engine_options = {threads, NULL, NULL};
            mele_engine *engine;
            cr_assert_eq(mele_engine_new(&engine_options, &engine, NULL), MELE_OK);
            model = partition_of(data, &options, engine);
            char *text = text_of(model);
            cr_assert_str_eq(text, expected, "%s, %u threads", criteria[c], threads);
            free(text);
            mele_model_free(model);
            mele_engine_free(engine);
        }
        free(expected);
    }
    mele_data_free(data);
}

/* Cross-validation chooses anew in every fold, and says what. */
Test(clusters, each_fold_of_a_cross_validation_chooses)
{
    mele_data *data = read_data("mcycle.csv", "accel");
    mele_options options = options_of(1, 3, NULL);
    mele_report *report;
    double value;

    cr_assert_eq(mele_report_new("test", &report, NULL), MELE_OK);
    const mele_cv_options cv = {.folds = 4, .repeats = 1};
    cr_assert_eq(mele_cross_validate(data, &options, &cv, NULL, report, NULL, NULL), MELE_OK);
    for (size_t fold = 0; fold < 5; fold++) {
        char path[32];
        snprintf(path, sizeof path, "cv.clusters.%zu", fold);
        cr_assert_eq(mele_report_number(report, path, &value), fold < 4);
        cr_assert(fold == 4 || (value >= 1 && value <= 3));
    }
    mele_report_free(report);
    mele_data_free(data);
}

/* ---- refusals ---- */

Test(clusters, refusals)
{
    static const struct {
        size_t least, most;
        const char *criterion;
        mele_status status;
        const char *message;
    } cases[] = {
        {1, 273, "bic", MELE_EDATA,
         "273 clusters asked for, the data have 272 rows: take fewer (--clusters)"},
        {0, 3, "bic", MELE_EINVAL, "clusters from 0 to 3 are no range from 1"},
        {4, 3, "bic", MELE_EINVAL, "clusters from 4 to 3 are no range from 1"},
        {1, 3, "cv", MELE_EINVAL, "--criterion cv needs a target (-t COL)"},
        {1, 3, "dic", MELE_EINVAL, "criterion is \"dic\", not one of bic, icl, aic, silhouette, cv, nll"},
    };
    mele_data *data = read_data("faithful.csv", NULL);

    for (size_t c = 0; c < COUNT(cases); c++) {
        mele_options options = options_of(cases[c].least, cases[c].most, cases[c].criterion);
        mele_model *model = NULL;
        mele_error error = {0};
        cr_assert_eq(mele_fit_partition(data, &options, NULL, NULL, &model, &error),
                     cases[c].status);
        cr_assert_str_eq(error.message, cases[c].message);
        cr_assert_null(model);
    }
    mele_data_free(data);
}

typedef struct countdown {
    size_t left, seen;
} countdown;

static bool count_down(const mele_progress *progress, void *user)
{
    countdown *c = user;

    if (strcmp(progress->stage, "clusters") != 0)
        return true;
    c->seen++;
    return c->left == 0 || --c->left > 0;
}

/* The calling thread tells of the tasks that it ran itself: at least of the first. */
Test(clusters, progress_can_stop_the_choice)
{
    static const char *const criteria[] = {"bic", "cv"};
    mele_data *data = read_data("mcycle.csv", "accel");

    for (size_t c = 0; c < COUNT(criteria); c++)
        for (unsigned threads = 1; threads <= 3; threads++) {
            countdown all = {0, 0}, some = {1, 0};
            mele_engine_options engine_options = {threads, count_down, &some};
            mele_options options = options_of(1, 5, criteria[c]);
            mele_engine *engine;
            mele_model *model = NULL;
            cr_assert_eq(mele_engine_new(&engine_options, &engine, NULL), MELE_OK);
            cr_assert_eq(mele_fit_partition(data, &options, engine, NULL, &model, NULL),
                         MELE_ESTOPPED);
            cr_assert_null(model);
            cr_assert_eq(some.seen, 1);
            mele_engine_free(engine);
            engine_options.user = &all;
            cr_assert_eq(mele_engine_new(&engine_options, &engine, NULL), MELE_OK);
            mele_model_free(partition_of(data, &options, engine));
            cr_assert(all.seen >= 1 && (threads > 1 || all.seen >= 5));
            mele_engine_free(engine);
        }
    mele_data_free(data);
}

/* The model, if there is one, is the first that came out, whose text is kept. */
static void check_text(const mele_model *model, char **first)
{
    char *text = model == NULL ? NULL : text_of(model);

    if (*first == NULL) {
        *first = text;
        return;
    }
    if (text != NULL)
        cr_assert_str_eq(text, *first);
    free(text);
}

Test(clusters, memory_that_runs_out)
{
    static const char *const criteria[] = {"silhouette", "cv"};
    mele_data *data = curve(12, 1, NULL, NULL);

    for (size_t c = 0; c < COUNT(criteria); c++) {
        mele_options options = options_of(1, 2, criteria[c]);
        char *text = NULL;
        options.partition.restarts = 1;
        for (size_t n = 0;; n++) {
            mele_model *model = NULL;
            failing_malloc_at(n);
            mele_status status = mele_fit_partition(data, &options, NULL, NULL, &model, NULL);
            const bool failed = failing_malloc_end();
            /* what is held to save time is done without */
            cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM && model == NULL),
                      "allocation %zu", n);
            check_text(model, &text);
            mele_model_free(model);
            if (!failed)
                break;
        }
        free(text);
    }
    mele_data_free(data);
}

/* ---- the option ---- */

Test(clusters, texts_of_the_option)
{
    static const struct {
        const char *text;
        size_t clusters, least, most;
    } good[] = {
        {"8", 8, 0, 0}, {"auto", 0, 0, 0}, {"2-9", 0, 2, 9}, {"3-3", 0, 3, 3}, {"1", 1, 0, 0},
    };
    static const char *const bad[] = {"0",   "a",   "",    "4-2",  "3-",  "-3",       "0-3",
                                      "2.5", "1-x", "x-3", "1--2", "1-2-3", "1-1000001", "Auto",
                                      "1-1.5"};

    for (size_t c = 0; c < COUNT(good); c++) {
        mele_options options = options_of(5, 6, NULL);
        char text[32];
        options.partition.clusters = 7;
        cr_assert_eq(mele_options_set(&options, "clusters", good[c].text, NULL), MELE_OK, "%s", good[c].text);
        cr_assert(options.partition.clusters == good[c].clusters
                  && options.clusters_least == good[c].least
                  && options.clusters_most == good[c].most);
        mele_options_get(&options, "clusters", text, sizeof text, NULL, NULL);
        cr_assert_str_eq(text, good[c].text);
    }
    for (size_t c = 0; c < COUNT(bad); c++) {
        mele_options options = options_of(5, 6, NULL), before = options;
        cr_assert_eq(mele_options_set(&options, "clusters", bad[c], NULL), MELE_EINVAL, "%s", bad[c]);
        cr_assert(memcmp(&options, &before, sizeof options) == 0);
    }
}

/* The record has the option as it was given, and what the criterion was. */
Test(clusters, the_record_holds_what_was_asked)
{
    static const struct {
        const char *text, *target, *recorded, *criterion;
    } cases[] = {
        {"auto", NULL, "\"auto\"", "bic"},
        {"1-3", "accel", "\"1-3\"", "cv"},
        {"4", "accel", "4", NULL},
    };

    for (size_t c = 0; c < COUNT(cases); c++) {
        mele_options options = mele_options_defaults(), later = mele_options_defaults();
        mele_data *data = read_data("mcycle.csv", cases[c].target);
        mele_error error = {0};
        cr_assert_eq(mele_options_set(&options, "clusters", cases[c].text, NULL),
                     MELE_OK);
        mele_model *model = partition_of(data, &options, NULL);
        const json_t *record = json_object_get(model->training, "options");
        char *text = json_dumps(json_object_get(record, "clusters"), JSON_ENCODE_ANY);
        const char *criterion = json_string_value(json_object_get(record, "criterion"));
        cr_assert_str_eq(text, cases[c].recorded);
        cr_assert(cases[c].criterion == NULL ? criterion == NULL
                                             : strcmp(criterion, cases[c].criterion) == 0);
        cr_assert_eq(mele_options_set(&later, "clusters", cases[c].text, NULL),
                     MELE_OK);
        cr_assert_eq(mele_options_inherit(model, &later, &error), MELE_OK, "%s", error.message);
        mele_options_clear(&later);
        cr_assert_eq(mele_options_set(&later, "clusters", "2-5", NULL), MELE_OK);
        cr_assert_eq(mele_options_inherit(model, &later, &error), MELE_EINVAL);
        free(text);
        mele_model_free(model);
        mele_data_free(data);
    }
}
