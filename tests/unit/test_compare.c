/* Families compared on arrays, from C. */
#include <criterion/criterion.h>
#include <math.h>
#include <mele/mele.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/stream.h"
#include "fit/folds.h"
#include "study/anatomy.h"
#include "study/comparison.h"
#include "study/journal.h"
#include "support/failing_malloc.h"
#include "support/size.h"

enum { ROWS = 60, FEATURES = 2 };

static double x[ROWS * FEATURES], y[ROWS], kind[ROWS], weight[ROWS];

static mele_data *make_data(bool classes, bool weights)
{
    mele_i_stream stream = mele_i_stream_make(7, MELE_I_FOR_TESTS, 5, 0);
    mele_data *data = NULL;

    for (size_t i = 0; i < ROWS; i++) {
        const double a = 2 * mele_i_stream_uniform(&stream) - 1, b = 2 * mele_i_stream_uniform(&stream) - 1;
        x[i * FEATURES] = a;
        x[i * FEATURES + 1] = b;
        y[i] = (a > 0 ? 3 * a + b : 1 - 2 * a) + 0.2 * mele_i_stream_normal(&stream);
        kind[i] = (a * b > 0) + (a > 0.5);
        weight[i] = i % 7 == 0 ? 0 : 1 + (double)(i % 3);
    }
    const mele_matrix mx = mele_matrix_of(x, ROWS, FEATURES), my = mele_matrix_of(classes ? kind : y, ROWS, 1);
    cr_assert_eq(mele_data_of_arrays(&mx, &my, classes ? 3 : 0, weights ? weight : NULL, &data, NULL), MELE_OK);
    return data;
}

static mele_comparison *make(const mele_data *data, size_t folds, size_t seeds, const char *families)
{
    mele_compare_options options = mele_compare_defaults();
    mele_comparison *c = NULL;
    mele_error error = {0};

    options.protocol.folds = folds;
    options.seeds = seeds;
    cr_assert_eq(mele_comparison_new(&options, &c, NULL), MELE_OK);
    cr_assert_eq(mele_comparison_add_families(c, families, &error), MELE_OK, "%s", error.message);
    cr_assert_eq(mele_comparison_add_data(c, "mine", data, NULL, NULL, &error), MELE_OK, "%s", error.message);
    return c;
}

static void near(double found, double expected, double tolerance, const char *what)
{
    cr_assert(fabs(found - expected) <= tolerance * (1 + fabs(expected)), "%s: %.17g, expected %.17g", what, found,
              expected);
}

/* ---- what is measured ---- */

/* The measures of cross-validation with the same folds; the loss is the mean over folds of theirs. */
static void check_as_cross_validation(bool classes, bool weights)
{
    mele_data *data = make_data(classes, weights);
    mele_comparison *c = make(data, 4, 1, "mele:k=2,gate=softmax,restarts=2");
    const mele_cv_options cv = {.folds = 4, .repeats = 1};
    mele_options *options = NULL;
    mele_cv_result *result = NULL;
    double found, loss[4], sum = 0;

    cr_assert_eq(mele_options_new(&options, NULL), MELE_OK);
    cr_assert_eq(mele_options_set(options, "clusters", "2", NULL), MELE_OK);
    cr_assert_eq(mele_options_set(options, "gate", "softmax", NULL), MELE_OK);
    cr_assert_eq(mele_options_set(options, "restarts", "2", NULL), MELE_OK);
    cr_assert_eq(mele_cross_validate(data, options, &cv, NULL, NULL, &result, NULL), MELE_OK);
    cr_assert_eq(mele_compare(c, NULL, NULL, NULL), MELE_OK);
    for (size_t m = 0; m < result->measures; m++) {
        cr_assert(mele_comparison_measure(c, 0, 0, result->name[m], &found));
        near(found, result->model[m], 1e-13, result->name[m]);
    }
    cr_assert(mele_comparison_losses(c, 0, 0, loss));
    for (size_t i = 0; i < 4; i++)
        sum += loss[i];
    near(mele_comparison_result(c, 0, 0).loss, sum / 4, 1e-14, "loss");
    cr_assert_str_eq(mele_comparison_loss(c, 0), classes ? "error" : "rmse");
    cr_assert_not(mele_comparison_measure(c, 0, 0, "nothing", &found));
    cr_assert_not(mele_comparison_losses(c, 0, 1, loss));
    cr_assert_not(mele_comparison_result(c, 1, 0).has);
    mele_cv_result_free(result);
    mele_options_free(options);
    mele_comparison_free(c);
    mele_data_free(data);
}

Test(compare, measures_are_those_of_cross_validation)
{
    check_as_cross_validation(false, false);
    check_as_cross_validation(false, true);
    check_as_cross_validation(true, true);
}

/* Seeds change the fit, not the folds, and the first is what there is without others. */
Test(compare, seeds)
{
    mele_data *data = make_data(false, false);
    mele_comparison *one = make(data, 3, 1, "one,me-em:k=3,restarts=1,em-iter=5");
    mele_comparison *two = make(data, 3, 2, "one,me-em:k=3,restarts=1,em-iter=5");
    bool differs = false;

    cr_assert_eq(mele_compare(one, NULL, NULL, NULL), MELE_OK);
    cr_assert_eq(mele_compare(two, NULL, NULL, NULL), MELE_OK);
    for (size_t k = 0; k < 2; k++)
        for (size_t split = 0; split < 3; split++) {
            const mele_i_outcome *alone = mele_i_comparison_outcome(one, 0, k, split, 0);
            const mele_i_outcome *first = mele_i_comparison_outcome(two, 0, k, split, 0);
            const mele_i_outcome *second = mele_i_comparison_outcome(two, 0, k, split, 1);
            cr_assert_eq(memcmp(alone->measure, first->measure, 4 * sizeof(double)), 0);
            differs = differs || (k == 1 && memcmp(first->measure, second->measure, 4 * sizeof(double)) != 0);
            cr_assert(k == 1 || memcmp(first->measure, second->measure, 4 * sizeof(double)) == 0, "one has no seed");
        }
    cr_assert(differs);
    cr_assert_eq(mele_comparison_result(two, 0, 0).spread, 0);
    cr_assert_gt(mele_comparison_result(two, 0, 1).spread, 0);
    cr_assert(isnan(mele_comparison_result(one, 0, 1).spread));
    mele_comparison_free(one);
    mele_comparison_free(two);
    mele_data_free(data);
}

/* What is known of models, from what they say of each row, by the textbook's formulas. */
static void check_anatomy(const char *family, bool classes)
{
    enum { K = 3 };
    mele_data *data = make_data(classes, true);
    mele_options *options = NULL;
    mele_model *model = NULL;
    mele_i_anatomy a;
    mele_i_fold fold;
    size_t in_fold[ROWS];

    cr_assert_eq(mele_options_new(&options, NULL), MELE_OK);
    cr_assert_eq(mele_options_set(options, "family", family, NULL), MELE_OK);
    cr_assert_eq(mele_options_set(options, "clusters", "3", NULL), MELE_OK);
    for (size_t i = 0; i < ROWS; i++)
        in_fold[i] = weight[i] > 0 ? i % 3 : MELE_I_NO_FOLD;
    cr_assert_eq(mele_i_fold_make(data, in_fold, 1, &fold, NULL), MELE_OK);
    cr_assert_eq(mele_fit(fold.training, options, NULL, NULL, &model, NULL), MELE_OK);
    cr_assert_eq(mele_i_anatomy_of(model, fold.training, fold.left_out, NULL, &a, NULL), MELE_OK);

    const size_t outputs = mele_model_outputs(model);
    double gate[ROWS * K], mean[ROWS * K * 3], error[ROWS][K], w[ROWS], share[K] = {0}, left[K] = {0};
    double sum = 0, all = 0, entropy = 0, squares[K][K] = {{0}}, correlation = 0;
    const mele_matrix mx = mele_matrix_of(x, ROWS, FEATURES);
    const mele_prediction wanted = {.log_gate = gate, .expert_mean = mean};
    cr_assert_eq(mele_model_predict(model, &mx, NULL, NULL, &wanted, NULL), MELE_OK);
    for (size_t i = 0; i < ROWS; i++) {
        w[i] = in_fold[i] == 1 ? weight[i] : 0;
        sum += w[i];
        for (size_t k = 0; k < K; k++) {
            const double g = exp(gate[i * K + k]), *said = mean + (i * K + k) * outputs;
            error[i][k] = classes ? 1 - said[(size_t)kind[i]] : y[i] - said[0];
            share[k] += w[i] > 0 ? 0 : weight[i] * g;
            all += w[i] > 0 ? 0 : weight[i] * g;
            left[k] += w[i] * error[i][k];
            entropy -= w[i] * (g > 0 ? g * log(g) : 0);
        }
    }
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < K; j++)
            for (size_t k = 0; k < K; k++)
                squares[j][k] += w[i] * (error[i][j] - left[j] / sum) * (error[i][k] - left[k] / sum);
    for (size_t j = 0; j < K; j++)
        for (size_t k = j + 1; k < K; k++)
            correlation += squares[j][k] / sqrt(squares[j][j] * squares[k][k]) / 3;
    size_t dead = 0;
    for (size_t k = 0; k < K; k++)
        dead += share[k] < 0.01 / K * all;
    near(a.gate_entropy, entropy / sum / log(K), 1e-9, "entropy");
    near(a.error_correlation, correlation, 1e-9, "correlation");
    cr_assert_eq(a.dead, dead);
    cr_assert_eq(a.clusters, K);
    cr_assert_eq(a.parameters, (double)mele_model_parameters(model));
    mele_model_free(model);
    mele_options_free(options);
    mele_i_fold_clear(&fold);
    mele_data_free(data);
}

Test(compare, anatomy)
{
    check_anatomy("bagging", false);
    check_anatomy("me-regions", false);
    check_anatomy("me-regions", true);
}

Test(compare, one_expert_has_no_anatomy)
{
    mele_data *data = make_data(false, false);
    mele_comparison *c = make(data, 3, 1, "one,mele:k=3,gate=global,restarts=1");

    cr_assert_eq(mele_compare(c, NULL, NULL, NULL), MELE_OK);
    for (size_t k = 0; k < 2; k++) {
        const mele_compared r = mele_comparison_result(c, 0, k);
        cr_assert(r.has && r.clusters == 1 && r.dead == 0 && isnan(r.gate_entropy) && isnan(r.error_correlation));
    }
    mele_comparison_free(c);
    mele_data_free(data);
}

/* ---- calls ---- */

Test(compare, nothing_is_compared_with_nothing)
{
    mele_data *data = make_data(false, false);
    mele_comparison *c = NULL;
    mele_error error;
    char *text = NULL;

    cr_assert_eq(mele_comparison_new(NULL, &c, NULL), MELE_OK);
    cr_assert_eq(mele_compare(c, NULL, NULL, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message, "there is no set to compare on");
    cr_assert_eq(mele_comparison_add_data(c, "mine", data, NULL, NULL, NULL), MELE_OK);
    cr_assert_eq(mele_compare(c, NULL, NULL, &error), MELE_EINVAL);
    cr_assert_str_eq(error.message, "there is nobody to compare");
    cr_assert_eq(mele_comparison_table(c, true, &text, NULL, NULL), MELE_EINVAL);
    cr_assert_eq(mele_comparison_csv(c, true, &text, NULL, NULL), MELE_EINVAL);
    cr_assert_eq(mele_comparison_json(c, true, &text, NULL, NULL), MELE_EINVAL);
    cr_assert_null(text);
    cr_assert_eq(mele_comparison_add_data(c, NULL, data, NULL, NULL, NULL), MELE_EINVAL);
    cr_assert_eq(mele_comparison_new(&(mele_compare_options){.seeds = 0}, &c, NULL), MELE_EINVAL);
    mele_comparison_free(c);
    mele_data_free(data);
}

/* A list that fails adds nobody; a set that fails is not there. */
Test(compare, what_fails_changes_nothing)
{
    mele_data *data = make_data(false, false);
    mele_comparison *c = make(data, 3, 1, "one");
    const mele_cv_options too_many = {.folds = ROWS + 1, .repeats = 1};

    cr_assert_eq(mele_comparison_add_families(c, "bagging:k=2,mele:k=0", NULL), MELE_EINVAL);
    cr_assert_eq(mele_comparison_contenders(c), 1);
    cr_assert_eq(mele_comparison_add_data(c, "other", data, NULL, &too_many, NULL), MELE_EDATA);
    cr_assert_eq(mele_comparison_sets(c), 1);
    mele_comparison_free(c);
    mele_data_free(data);
}

typedef struct patience {
    size_t calls, most;
} patience;

static bool lose_patience(const mele_progress *progress, void *user)
{
    patience *p = user;

    cr_assert_str_eq(progress->stage, "compare");
    cr_assert(progress->done <= progress->total && progress->total == 6);
    return ++p->calls < p->most;
}

/* A call that is stopped keeps what it has, and the next one does the rest: the same text as of one that was not. */
Test(compare, stopped_and_called_again)
{
    const char *const families = "one,mele:k=2,gate=softmax,restarts=1";
    mele_data *data = make_data(false, false);
    mele_comparison *whole = make(data, 3, 1, families), *c = make(data, 3, 1, families);
    mele_engine_options options = mele_engine_defaults();
    patience p = {.most = 4};
    mele_engine *engine = NULL;
    char *expected = NULL, *found = NULL;
    size_t done = 0;

    options.threads = 1;
    options.progress = lose_patience;
    options.user = &p;
    cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
    cr_assert_eq(mele_compare(whole, NULL, NULL, NULL), MELE_OK);
    cr_assert_eq(mele_compare(c, NULL, engine, NULL), MELE_ESTOPPED);
    for (size_t k = 0; k < 2; k++)
        for (size_t split = 0; split < 3; split++)
            done += mele_i_comparison_outcome(c, 0, k, split, 0)->state == MELE_I_OUTCOME_DONE;
    cr_assert(done > 0 && done < 6, "%zu done", done);
    cr_assert_eq(mele_compare(c, NULL, NULL, NULL), MELE_OK);
    cr_assert_eq(mele_comparison_json(whole, false, &expected, NULL, NULL), MELE_OK);
    cr_assert_eq(mele_comparison_json(c, false, &found, NULL, NULL), MELE_OK);
    cr_assert_str_eq(found, expected);
    free(expected);
    free(found);
    mele_engine_free(engine);
    mele_comparison_free(whole);
    mele_comparison_free(c);
    mele_data_free(data);
}

/* The hash tells data, their order, options, folds and seeds. */
Test(compare, another_comparison_has_another_hash)
{
    mele_data *data = make_data(false, false);
    uint64_t hash[6];

    for (size_t i = 0; i < 6; i++) {
        mele_comparison *c = make(data, i == 1 ? 4 : 3, i == 2 ? 2 : 1, i == 3 ? "one:ridge=1" : i == 4 ? "one,one" : "one");
        cr_assert_eq(mele_compare(c, NULL, NULL, NULL), MELE_OK);
        if (i == 5) { /* two rows that change places */
            const double a = x[0], b = x[1], target = y[0];
            x[0] = x[2];
            x[1] = x[3];
            x[2] = a;
            x[3] = b;
            ((double *)c->set[0].data->targets)[0] = y[1];
            ((double *)c->set[0].data->targets)[1] = target;
        }
        cr_assert_eq(mele_i_comparison_hash(c, &hash[i], NULL), MELE_OK);
        for (size_t j = 0; j < i; j++)
            cr_assert_neq(hash[i], hash[j], "%zu and %zu", i, j);
        mele_comparison_free(c);
    }
    mele_data_free(data);
}

/* ---- memory ---- */

/* A whole comparison, with its journal and all texts. */
static mele_status compare_all(const mele_data *data, const char *journal, char **json)
{
    mele_compare_options options = mele_compare_defaults();
    mele_comparison *c = NULL;
    char *table = NULL, *csv = NULL;
    mele_status status;

    options.protocol.folds = 2;
    status = mele_comparison_new(&options, &c, NULL);
    if (status == MELE_OK)
        status = mele_comparison_add_families(c, "one,mele:k=2,gate=posterior,restarts=1", NULL);
    if (status == MELE_OK)
        status = mele_comparison_add_data(c, "mine", data, NULL, NULL, NULL);
    if (status == MELE_OK)
        status = mele_compare(c, journal, NULL, NULL);
    if (status == MELE_OK)
        status = mele_comparison_table(c, false, &table, NULL, NULL);
    if (status == MELE_OK)
        status = mele_comparison_csv(c, false, &csv, NULL, NULL);
    if (status == MELE_OK)
        status = mele_comparison_json(c, false, json, NULL, NULL);
    free(table);
    free(csv);
    mele_comparison_free(c);
    return status;
}

Test(compare, memory_runs_out)
{
    char path[] = "/tmp/mele-test-XXXXXX", *expected = NULL;
    mele_data *data = make_data(false, false);
    const int file = mkstemp(path);

    if (TEST_THREADS_ALONE)
        cr_skip_test("on one thread");
    cr_assert_geq(file, 0);
    close(file);
    cr_assert_eq(compare_all(data, NULL, &expected), MELE_OK);
    for (size_t n = 0;; n += 1 + n / TEST_SIZE(200, 20, 10)) {
        char *json = NULL;
        cr_assert_eq(truncate(path, 0), 0);
        failing_malloc_at(n);
        const mele_status status = compare_all(data, path, &json);
        const bool failed = failing_malloc_end();
        cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM), "allocation %zu: %d", n, (int)status);
        cr_assert(status != MELE_OK || strcmp(json, expected) == 0, "allocation %zu", n);
        free(json);
        json = NULL;
        cr_assert_eq(compare_all(data, path, &json), MELE_OK, "the journal of allocation %zu", n);
        cr_assert_str_eq(json, expected);
        free(json);
        if (!failed)
            break;
    }
    unlink(path);
    free(expected);
    mele_data_free(data);
}
