/* Cross-validation against fits that are made by hand of the rows outside each fold. */
#include <criterion/criterion.h>
#include <math.h>
#include <mele/mele.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/stream.h"
#include "support/failing_malloc.h"
#include "support/size.h"

enum { ROWS = 96, COLUMNS = 2, MOST_TARGETS = 2, FOLDS = 4, CLASSES = 3, REGIONS = 3 };

typedef struct made {
    double x[ROWS * COLUMNS], y[ROWS * MOST_TARGETS], class[ROWS], weight[ROWS];
    double log_posteriors[ROWS * REGIONS];
    size_t fold[ROWS], group[ROWS];
} made;

static void make(made *m)
{
    mele_i_stream random = mele_i_stream_make(17, MELE_I_FOR_TESTS, 3, 1);

    for (size_t i = 0; i < ROWS; i++) {
        const double a = 6 * mele_i_stream_uniform(&random), b = mele_i_stream_normal(&random);
        m->x[i * 2] = a;
        m->x[i * 2 + 1] = b;
        m->y[i * 2] = fabs(a - 3) + 0.3 * b + 0.1 * mele_i_stream_normal(&random);
        m->y[i * 2 + 1] = 1000 * (a + b) + 90 * mele_i_stream_normal(&random);
        m->class[i] = (double)((size_t)(a + 0.5 * mele_i_stream_uniform(&random)) % CLASSES);
        m->weight[i] = i % 11 == 5 ? 0 : 1 + (double)(i % 3);
        m->fold[i] = 100 - 10 * (i * 7 % 13 % FOLDS); /* their order is not that of the rows */
        m->group[i] = i / 4;
        for (size_t k = 0; k < REGIONS; k++)
            m->log_posteriors[i * REGIONS + k] = -fabs(a - 1 - 2 * (double)k) - 0.2;
    }
}

/* Which of the folds, in the order of their numbers. */
static size_t fold_index(const made *m, size_t i)
{
    return (m->fold[i] - 70) / 10;
}

typedef enum task { ONE, TWO, LEVELS } task;

/* Some of the rows as data. */
typedef struct part {
    size_t rows, row[ROWS];
    double x[ROWS * COLUMNS], y[ROWS * MOST_TARGETS], weight[ROWS];
    double log_posteriors[ROWS * REGIONS];
    mele_data *data;
} part;

static void make_part(const made *m, task of, bool weighted, size_t outside, size_t inside,
                      part *out)
{
    const size_t targets = of == TWO ? 2 : 1;

    out->rows = 0;
    for (size_t i = 0; i < ROWS; i++) {
        const size_t at = out->rows;
        if (fold_index(m, i) == outside || (inside < FOLDS && fold_index(m, i) != inside)
            || (inside <= FOLDS && weighted && m->weight[i] == 0))
            continue;
        memcpy(out->x + at * COLUMNS, m->x + i * COLUMNS, COLUMNS * sizeof(double));
        out->y[at * targets] = of == LEVELS ? m->class[i] : m->y[i * 2];
        if (of == TWO)
            out->y[at * targets + 1] = m->y[i * 2 + 1];
        out->weight[at] = m->weight[i];
        memcpy(out->log_posteriors + at * REGIONS, m->log_posteriors + i * REGIONS,
               REGIONS * sizeof(double));
        out->row[out->rows++] = i;
    }
    mele_matrix x = mele_matrix_of(out->x, out->rows, COLUMNS);
    mele_matrix y = mele_matrix_of(out->y, out->rows, targets);
    cr_assert_eq(mele_data_of_arrays(&x, &y, of == LEVELS ? CLASSES : 0,
                                     weighted ? out->weight : NULL, &out->data, NULL), MELE_OK);
}

enum { ALL = FOLDS + 1, POSITIVE = FOLDS }; /* as `inside` of make_part() */

static mele_data *all_rows(const made *m, task of, bool weighted, part *out)
{
    make_part(m, of, weighted, SIZE_MAX, ALL, out);
    cr_assert_eq(out->rows, ROWS);
    cr_assert_eq(mele_data_set_folds(out->data, m->fold, NULL), MELE_OK);
    return out->data;
}

static mele_options options_of(size_t regions)
{
    mele_options options = mele_options_defaults();

    options.partition.clusters = regions;
    options.partition.restarts = 2;
    return options;
}

static mele_cv_result *cross_validated(const mele_data *data, const mele_options *options,
                                       const mele_cv_options *cv, mele_engine *engine)
{
    mele_cv_result *result = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_cross_validate(data, options, cv, engine, NULL, &result, &error), MELE_OK,
                 "%s", error.message);
    return result;
}

/* The model that cross-validation should have made outside of a fold. */
static mele_model *model_by_hand(const part *outside, mele_options options, size_t fold,
                                 bool posteriors)
{
    const mele_posteriors given = {outside->rows, REGIONS, (double *)outside->log_posteriors};
    const mele_handover handed = {.posteriors = &given};
    mele_model *model = NULL;

    options.partition.fold = options.experts.fold = fold + 1;
    if (!posteriors) {
        cr_assert_eq(mele_fit(outside->data, &options, NULL, NULL, &model, NULL), MELE_OK);
        return model;
    }
    cr_assert_eq(mele_fit_outside(outside->data, &given, &options, NULL, &model, NULL), MELE_OK);
    cr_assert_eq(mele_fit_experts(outside->data, &handed, &options, NULL, NULL, model, NULL),
                 MELE_OK);
    cr_assert_eq(mele_fit_gate(outside->data, &handed, &options, NULL, NULL, model, NULL), MELE_OK);
    return model;
}

/* Sums of what is predicted by hand. */
typedef struct sums {
    double weight, absolute, squared, right;
    size_t rows;
} sums;

static size_t largest(const double *values, size_t count)
{
    size_t best = 0;

    for (size_t k = 1; k < count; k++)
        best = values[k] > values[best] ? k : best;
    return best;
}

/* Compare what is kept of the rows of one fold with predictions by hand, and add to the sums. */
static void compare_fold(const made *m, const mele_cv_result *result, const mele_model *model,
                         const part *inside, size_t fold, bool posteriors, bool weighted, sums *s)
{
    const size_t targets = mele_schema_targets(mele_model_schema(model));
    const size_t classes = mele_schema_classes(mele_model_schema(model));
    const size_t regions = mele_model_clusters(model);
    const mele_cv_rows *kept = result->left_out;
    double mean[ROWS * MOST_TARGETS], sd[ROWS * MOST_TARGETS], probability[ROWS * CLASSES];
    double log_posteriors[ROWS * REGIONS];
    mele_matrix x = mele_matrix_of(inside->x, inside->rows, COLUMNS);
    const mele_prediction wanted = {.mean = mean, .sd = classes > 0 ? NULL : sd,
                                    .probability = classes > 0 ? probability : NULL,
                                    .log_posteriors = log_posteriors};

    cr_assert_eq(mele_model_predict(model, &x, posteriors ? inside->log_posteriors : NULL, NULL,
                                    &wanted, NULL), MELE_OK);
    for (size_t j = 0; j < inside->rows; j++) {
        size_t at = 0;
        while (at < result->rows && kept->row[at] != inside->row[j])
            at++;
        cr_assert_lt(at, result->rows);
        cr_assert_eq(kept->fold[at], fold);
        cr_assert_eq(kept->model.cluster[at], largest(log_posteriors + j * regions, regions));
        const double weight = weighted ? m->weight[inside->row[j]] : 1;
        for (size_t t = 0; t < targets; t++) {
            cr_assert_eq(kept->observed[at * targets + t], inside->y[j * targets + t]);
            cr_assert_eq(kept->model.mean[at * targets + t], mean[j * targets + t]);
            if (classes == 0)
                cr_assert_eq(kept->model.sd[at * targets + t], sd[j * targets + t]);
            const double off = mean[j * targets + t] - inside->y[j * targets + t];
            s->absolute += weight * fabs(off);
            s->squared += weight * off * off;
            s->right += off == 0 ? weight : 0;
        }
        for (size_t c = 0; c < classes; c++)
            cr_assert_eq(kept->model.probability[at * classes + c], probability[j * classes + c]);
        s->weight += weight;
        s->rows++;
    }
}

static double measure(const mele_cv_result *result, const double *values, const char *name)
{
    for (size_t i = 0; i < result->measures; i++)
        if (strcmp(result->name[i], name) == 0)
            return values[i];
    cr_assert_fail("no measure %s", name);
    return NAN;
}

static void assert_near(double value, double expected)
{
    cr_assert_lt(fabs(value - expected), 1e-12 * fabs(expected), "%.17g, not %.17g", value,
                 expected);
}

/* Every row's prediction is, bit for bit, that of the model that a fit of the rows outside its fold
 * makes; rows of weight 0 are in no fold, and the measures are those of the rows by their weights. */
Test(cross_validation, is_a_fit_outside_every_fold)
{
    static const struct {
        task of;
        bool weighted, posteriors;
    } cases[] = {{ONE, false, false}, {ONE, true, false},    {TWO, true, false},
                 {LEVELS, true, false}, {ONE, true, true}, {LEVELS, false, true}};
    static made m;
    static part whole, outside, inside;

    make(&m);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const mele_options options = options_of(REGIONS);
        const mele_posteriors given = {ROWS, REGIONS, m.log_posteriors};
        const mele_cv_options cv = {.folds = 0, .repeats = 1, .rows = true,
                                    .posteriors = cases[c].posteriors ? &given : NULL};
        mele_data *data = all_rows(&m, cases[c].of, cases[c].weighted, &whole);
        mele_cv_result *result = cross_validated(data, &options, &cv, NULL);
        sums s = {0};

        cr_assert_eq(result->folds, FOLDS);
        cr_assert_null(result->fold_name);
        for (size_t fold = 0; fold < FOLDS; fold++) {
            make_part(&m, cases[c].of, cases[c].weighted, fold, POSITIVE, &outside);
            make_part(&m, cases[c].of, cases[c].weighted, SIZE_MAX, fold, &inside);
            mele_model *model = model_by_hand(&outside, options, fold, cases[c].posteriors);
            cr_assert_eq(result->clusters[fold], mele_model_clusters(model));
            compare_fold(&m, result, model, &inside, fold, cases[c].posteriors, cases[c].weighted,
                         &s);
            mele_model_free(model);
            mele_data_free(outside.data);
            mele_data_free(inside.data);
        }
        cr_assert_eq(s.rows, result->rows);
        cr_assert_eq(result->rows, cases[c].weighted ? ROWS - (ROWS - 5 + 10) / 11 : ROWS);
        if (cases[c].of == LEVELS)
            assert_near(measure(result, result->model, "accuracy"), s.right / s.weight);
        const double count = cases[c].of == TWO ? 2 : 1;
        if (cases[c].of != LEVELS) {
            assert_near(measure(result, result->model, "mae"), s.absolute / s.weight / count);
            assert_near(measure(result, result->model, "rmse"), sqrt(s.squared / s.weight / count));
        }
        mele_cv_result_free(result);
        mele_data_free(data);
    }
}

/* The global expert is what cross-validation of one region finds: folds do not depend on what is
 * fitted, so results of several fits can be paired. */
Test(cross_validation, folds_do_not_depend_on_the_fit)
{
    static made m;
    static part whole;
    const mele_cv_options cv = {.folds = 5, .repeats = 2, .rows = true};
    mele_options options = options_of(REGIONS);

    make(&m);
    make_part(&m, ONE, true, SIZE_MAX, ALL, &whole);
    mele_cv_result *mixture = cross_validated(whole.data, &options, &cv, NULL);
    options.partition.clusters = 1;
    options.gate.kind = "posterior";
    mele_cv_result *one = cross_validated(whole.data, &options, &cv, NULL);
    const size_t all = one->rows * 2;
    cr_assert_arr_eq(mixture->left_out->fold, one->left_out->fold, all * sizeof(size_t));
    cr_assert_arr_eq(mixture->left_out->global.mean, one->left_out->model.mean,
                     all * sizeof(double));
    cr_assert_arr_eq(mixture->global, one->model, one->measures * sizeof(double));
    cr_assert_arr_neq(mixture->model, one->model, one->measures * sizeof(double));
    mele_cv_result_free(mixture);
    mele_cv_result_free(one);
    mele_data_free(whole.data);
}

/* In every repeat each row is left out once, by other folds, groups whole; the first repeat is the
 * cross-validation without repeats; pooled is pooled over all of them. */
Test(cross_validation, repeats_deal_anew)
{
    enum { REPEATS = 3 };
    static made m;
    static part whole;
    const mele_cv_options once = {.folds = FOLDS, .repeats = 1},
                          cv = {.folds = FOLDS, .repeats = REPEATS, .rows = true};
    const mele_options options = options_of(2);

    make(&m);
    make_part(&m, ONE, false, SIZE_MAX, ALL, &whole);
    for (size_t grouped = 0; grouped < 2; grouped++) {
        if (grouped)
            cr_assert_eq(mele_data_set_groups(whole.data, m.group, NULL), MELE_OK);
        mele_cv_result *first = cross_validated(whole.data, &options, &once, NULL);
        mele_cv_result *result = cross_validated(whole.data, &options, &cv, NULL);
        const size_t *fold = result->left_out->fold;
        double absolute = 0;
        cr_assert_arr_eq(result->model_repeat, first->model, first->measures * sizeof(double));
        cr_assert_arr_eq(result->global_repeat, first->global, first->measures * sizeof(double));
        for (size_t r = 0; r < REPEATS; r++) {
            size_t rows[FOLDS] = {0}, moved = 0;
            for (size_t i = 0; i < ROWS; i++) {
                rows[fold[r * ROWS + i]]++;
                moved += fold[r * ROWS + i] != fold[(r + 1) % REPEATS * ROWS + i];
                if (grouped && i > 0 && m.group[i] == m.group[i - 1])
                    cr_assert_eq(fold[r * ROWS + i], fold[r * ROWS + i - 1]);
                absolute += fabs(result->left_out->model.mean[r * ROWS + i] - m.y[i * 2]);
            }
            for (size_t f = 0; f < FOLDS; f++)
                cr_assert_eq(rows[f], ROWS / FOLDS);
            cr_assert_gt(moved, ROWS / 2);
        }
        assert_near(measure(result, result->model, "mae"), absolute / (REPEATS * ROWS));
        double mean = 0;
        for (size_t r = 0; r < REPEATS; r++)
            mean += measure(result, result->model_repeat + r * result->measures, "mae") / REPEATS;
        assert_near(mean, absolute / (REPEATS * ROWS));
        mele_cv_result_free(first);
        mele_cv_result_free(result);
    }
    mele_data_free(whole.data);
}

/* ---- the rows as text, for any number of threads ---- */

typedef struct letters {
    size_t length;
    char text[1 << 16];
} letters;

static bool append(const char *text, size_t length, void *user)
{
    letters *to = user;

    if (to->length + length >= sizeof to->text)
        return false;
    memcpy(to->text + to->length, text, length);
    to->length += length;
    to->text[to->length] = '\0';
    return true;
}

static bool refuse(const char *text, size_t length, void *user)
{
    (void)text;
    (void)length;
    (void)user;
    return false;
}

Test(cross_validation, rows_are_the_same_text_for_any_number_of_threads)
{
    static made m;
    static part whole;
    static letters text[3];
    static const char header[] = "repeat,fold,row,observed_y1,observed_y2,predicted_y1,predicted_y2,"
                                 "sd_y1,sd_y2,cluster\n1,";
    const mele_cv_options cv = {.folds = 3, .repeats = 2, .rows = true};
    mele_options options = options_of(0);

    options.clusters_least = 1;
    options.clusters_most = 3;
    make(&m);
    make_part(&m, TWO, true, SIZE_MAX, ALL, &whole);
    for (unsigned threads = 1; threads <= 3; threads++) {
        mele_engine_options wanted = mele_engine_defaults();
        mele_engine *engine = NULL;
        wanted.threads = threads;
        cr_assert_eq(mele_engine_new(&wanted, &engine, NULL), MELE_OK);
        mele_cv_result *result = cross_validated(whole.data, &options, &cv, engine);
        cr_assert_eq(mele_cv_write(result, whole.data, append, &text[threads - 1], NULL), MELE_OK);
        mele_error error = {0};
        cr_assert_eq(mele_cv_write(result, whole.data, refuse, NULL, &error), MELE_ESTOPPED);
        mele_cv_result_free(result);
        mele_engine_free(engine);
    }
    cr_assert_str_eq(text[0].text, text[1].text);
    cr_assert_str_eq(text[0].text, text[2].text);
    cr_assert_eq(strncmp(text[0].text, header, strlen(header)), 0, "%.100s", text[0].text);
    mele_data_free(whole.data);
}

/* ---- what is refused ---- */

static void refused(const mele_data *data, const mele_cv_options *cv, mele_status status,
                    const char *message)
{
    const mele_options options = options_of(2);
    mele_cv_result *result = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_cv_check(data, cv, &error), status, "%s", error.message);
    cr_assert_str_eq(error.message, message);
    memset(&error, 0, sizeof error);
    cr_assert_eq(mele_cross_validate(data, &options, cv, NULL, NULL, &result, &error), status);
    cr_assert_str_eq(error.message, message);
    cr_assert_null(result);
}

Test(cross_validation, what_is_refused)
{
    static made m;
    static part whole;
    size_t one[ROWS];
    const mele_posteriors few = {ROWS - 1, REGIONS, m.log_posteriors};
    const mele_cv_options own = {.folds = 0, .repeats = 1};

    make(&m);
    make_part(&m, ONE, true, SIZE_MAX, ALL, &whole);
    refused(whole.data, &own, MELE_EINVAL,
            "the data have no folds of their own: --folds COL names their column, --cv N deals the "
            "rows");
    refused(whole.data, &(mele_cv_options){.folds = 1, .repeats = 1}, MELE_EINVAL,
            "1 fold leaves no row to train on: take 2 or more");
    refused(whole.data, &(mele_cv_options){.folds = 2, .repeats = 0}, MELE_EINVAL,
            "0 repeats leave nothing to measure: take 1 or more");
    refused(whole.data, &(mele_cv_options){.folds = 90, .repeats = 1}, MELE_EDATA,
            "87 rows do not fill 90 folds: take 87 at most");
    refused(whole.data, &(mele_cv_options){.folds = SIZE_MAX, .repeats = 1}, MELE_EDATA,
            "87 rows do not fill 18446744073709551615 folds: take 87 at most");
    refused(whole.data, &(mele_cv_options){.folds = 2, .repeats = SIZE_MAX}, MELE_EINVAL,
            "2 folds can be dealt 1073741824 times at most, not 18446744073709551615");
    refused(whole.data, &(mele_cv_options){.folds = 2, .repeats = 1, .posteriors = &few},
            MELE_EDATA, "the posteriors have 95 rows, the data have 96");
    for (size_t i = 0; i < ROWS; i++)
        one[i] = m.weight[i] > 0 ? 8 : i; /* the others are in no fold */
    cr_assert_eq(mele_data_set_folds(whole.data, one, NULL), MELE_OK);
    refused(whole.data, &own, MELE_EDATA,
            "all rows are in one fold, 2: what is left out needs rows in another (--cv N deals the "
            "rows)");
    cr_assert_eq(mele_data_set_folds(whole.data, m.fold, NULL), MELE_OK);
    refused(whole.data, &(mele_cv_options){.folds = 0, .repeats = 2}, MELE_EINVAL,
            "folds that the data have are not dealt anew: --repeats goes with --cv N");
    cr_assert_eq(mele_data_set_groups(whole.data, m.group, NULL), MELE_OK);
    refused(whole.data, &own, MELE_EDATA,
            "row 2 is in fold 1, and row 1, which is of the same group, in fold 4: a group must be "
            "in one fold");
    mele_data_free(whole.data);
}

/* A fit that fails says outside which fold. */
Test(cross_validation, a_fold_that_fails_is_named)
{
    static made m;
    static part whole;
    const mele_options options = options_of(ROWS - 10);
    mele_error error = {0};

    make(&m);
    make_part(&m, ONE, false, SIZE_MAX, ALL, &whole);
    cr_assert_eq(mele_cross_validate(whole.data, &options, &(mele_cv_options){.folds = 4,
                                     .repeats = 1}, NULL, NULL, NULL, &error), MELE_EDATA);
    cr_assert_str_eq(error.message, "outside fold 1 of 4 are 72 rows: 86 clusters asked for, the data "
                     "have 72 rows: take fewer (--clusters)");
    cr_assert_eq(mele_cross_validate(whole.data, &options, &(mele_cv_options){.folds = 4,
                                     .repeats = 1}, NULL, NULL, NULL, NULL), MELE_EDATA);
    mele_data_free(whole.data);
}

/* ---- memory ---- */

Test(cross_validation, memory_runs_out_at_every_allocation)
{
    static made m;
    static part whole;
    static letters text, first; /* first: of the first run that came through */
    mele_options options = options_of(1);
    const mele_cv_options cv = {.folds = 0, .repeats = 1, .rows = true};
    size_t n = 0;

    if (TEST_THREADS_ALONE)
        cr_skip_test("on one thread");
    options.partition.restarts = 1;
    options.gate.kind = "posterior";
    make(&m);
    mele_data *data = all_rows(&m, ONE, true, &whole);
    for (;; n++) {
        mele_cv_result *result = NULL;
        mele_report *report = NULL;
        cr_assert_eq(mele_report_new("test", &report, NULL), MELE_OK);
        text.length = 0;
        failing_malloc_at(n);
        mele_status status = mele_cross_validate(data, &options, &cv, NULL, report, &result, NULL);
        if (status == MELE_OK)
            status = mele_cv_write(result, data, append, &text, NULL);
        const bool failed = failing_malloc_end();
        if (status == MELE_OK && mele_report_status(report, NULL) != MELE_OK)
            status = MELE_ENOMEM;
        /* what is held to save time is done without */
        cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM), "allocation %zu", n);
        if (status == MELE_OK && first.length == 0)
            first = text;
        if (status == MELE_OK)
            cr_assert(text.length == first.length
                      && memcmp(text.text, first.text, text.length) == 0, "allocation %zu", n);
        mele_cv_result_free(result);
        mele_report_free(report);
        if (!failed)
            break;
    }
    cr_assert_gt(n, 100);
    mele_data_free(data);
}
