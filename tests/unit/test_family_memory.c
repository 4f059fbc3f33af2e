/* Families that are told to stop, and that run out of memory: the status says so, there is no model, and
 * nothing leaks (the sanitizer's part). This walks the table of families. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <mele/mele.h>

#include "core/stream.h"
#include "family/families.h"
#include "family/settle.h"
#include "support/failing_malloc.h"
#include "support/size.h"
#include "unit/engine_support.h"

enum { ROWS = 60, FEATURES = 2 };

/* What an allocation after which more are left untried is followed by; it grows, as there are thousands of
 * the many that a fit repeats, and few of those that it begins and ends with. */
#define NEXT(n, slowly) ((n) + 1 + (n) / (slowly))

static double x[ROWS * FEATURES]; /* the data's, which are a view of it */

static mele_data *make_data(bool classes)
{
    double y[ROWS];
    mele_i_stream stream = mele_i_stream_make(5, MELE_I_FOR_TESTS, 3, 0);
    mele_data *data = NULL;

    for (size_t i = 0; i < ROWS; i++) {
        const double a = 2 * mele_i_stream_uniform(&stream) - 1, b = 2 * mele_i_stream_uniform(&stream) - 1;
        const double noise = mele_i_stream_uniform(&stream) - 0.5;
        x[i * FEATURES] = a;
        x[i * FEATURES + 1] = b;
        y[i] = classes ? (double)(a * b + noise > 0) : (a > 0 ? 3 * a + b : 1 - 2 * a) + noise;
    }
    const mele_matrix mx = mele_matrix_of(x, ROWS, FEATURES), my = mele_matrix_of(y, ROWS, 1);
    cr_assert_eq(mele_data_of_arrays(&mx, &my, classes ? 2 : 0, NULL, &data, NULL), MELE_OK);
    return data;
}

/* Small fits: options are set where the family looks at them. */
static mele_options *options_of(const char *name, const char *clusters)
{
    const char *const wanted[][2] = {{"clusters", clusters}, {"restarts", "2"}, {"max-epochs", "2"},
                                     {"hidden", "2"}, {"em-iter", "2"}, {"lambda", "0.1"}};
    const mele_i_family *family = mele_i_family_named(name);
    mele_options *options = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_options_new(&options, NULL), MELE_OK);
    cr_assert_eq(mele_options_set(options, "family", name, NULL), MELE_OK);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (mele_i_family_looks_at(family, wanted[i][0]) && (i > 0 || !family->fixed))
            cr_assert_eq(mele_options_set(options, wanted[i][0], wanted[i][1], &error), MELE_OK, "%s",
                         error.message);
    if (strcmp(name, "mele-em") == 0)
        cr_assert_eq(mele_options_set(options, "refine", "1", NULL), MELE_OK);
    if (strncmp(name, "mele", 4) == 0)
        cr_assert_eq(mele_options_set(options, "gate", "softmax", NULL), MELE_OK);
    return options;
}

static char *fit_text(const mele_data *data, const mele_options *options)
{
    mele_model *model = NULL;
    char *text = NULL;

    cr_assert_eq(mele_fit(data, options, NULL, NULL, &model, NULL), MELE_OK);
    cr_assert_eq(mele_model_text(model, &text, NULL, NULL), MELE_OK);
    mele_model_free(model);
    return text;
}

/* ---- told to stop ---- */

typedef struct patience {
    size_t calls, most;
} patience;

static bool lose_patience(const mele_progress *progress, void *user)
{
    patience *p = user;

    cr_assert(progress->stage != NULL && (progress->total == 0 || progress->done <= progress->total));
    return ++p->calls < p->most;
}

static mele_engine *engine_with(patience *p)
{
    mele_engine_options options = mele_engine_defaults();
    mele_engine *engine = NULL;

    options.threads = 1;
    options.progress = lose_patience;
    options.user = p;
    cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
    return engine;
}

/* At the first call, and at later ones, and when all is done. */
static void check_stops(const char *family, bool classes, const char *clusters)
{
    mele_data *data = make_data(classes);
    mele_options *options = options_of(family, clusters);
    bool stopped = true;

    for (size_t n = 1; stopped; n = NEXT(n, 2)) {
        patience p = {.most = n};
        mele_engine *engine = engine_with(&p);
        mele_model *model = NULL;
        mele_error error = {0};
        const mele_status status = mele_fit(data, options, engine, NULL, &model, &error);
        stopped = p.calls >= n;
        cr_assert_eq(status, stopped ? MELE_ESTOPPED : MELE_OK, "%s, call %zu: %s", family, n, error.message);
        cr_assert_eq(p.calls, stopped ? n : p.calls, "%s goes on", family);
        cr_assert_eq(model == NULL, stopped);
        cr_assert(n > 1 || stopped, "%s tells nobody", family);
        mele_model_free(model);
        mele_engine_free(engine);
    }
    mele_options_free(options);
    mele_data_free(data);
}

Test(family_memory, they_stop_when_they_are_told_to)
{
    for (size_t i = 0; mele_family(i) != NULL; i++) {
        const unsigned takes = mele_i_family_named(mele_family(i))->takes;
        if (takes & MELE_I_FAMILY_REGRESSION)
            check_stops(mele_family(i), false, "2");
        if (takes & MELE_I_FAMILY_CLASSES)
            check_stops(mele_family(i), true, "1-2");
    }
}

/* ---- out of memory ---- */

/* A cache that there is no memory for is done without: the model is then the one that it would be. */
static void check_memory(const char *family, bool classes, const char *clusters)
{
    mele_data *data = make_data(classes);
    mele_options *options = options_of(family, clusters);
    char *wanted = fit_text(data, options), *text;
    bool failed = true;
    size_t refused = 0;

    for (size_t n = 0; failed; n = NEXT(n, TEST_SIZE(60, 8, 8))) {
        mele_model *model = NULL;
        mele_error error = {0};
        failing_malloc_at(n);
        const mele_status status = mele_fit(data, options, NULL, NULL, &model, &error);
        failed = failing_malloc_end();
        cr_assert(status == MELE_OK || (failed && status == MELE_ENOMEM), "%s, allocation %zu: %s", family, n,
                  error.message);
        cr_assert_eq(model == NULL, status != MELE_OK, "%s, allocation %zu", family, n);
        refused += status == MELE_ENOMEM;
        if (status == MELE_OK) {
            cr_assert_eq(mele_model_text(model, &text, NULL, NULL), MELE_OK);
            cr_assert_str_eq(text, wanted, "%s, allocation %zu", family, n);
            free(text);
        }
        mele_model_free(model);
    }
    cr_assert_gt(refused, 10, "%s", family);
    free(wanted);
    mele_options_free(options);
    mele_data_free(data);
}

/* jansson allocates through malloc of this program, so that it fails too. */
Test(family_memory, runs_out)
{
    json_set_alloc_funcs(malloc, free);
    for (size_t i = 0; mele_family(i) != NULL; i++) {
        const unsigned takes = mele_i_family_named(mele_family(i))->takes;
        if (takes & MELE_I_FAMILY_REGRESSION)
            check_memory(mele_family(i), false, "2");
        if (takes & MELE_I_FAMILY_CLASSES)
            check_memory(mele_family(i), true, "1-2");
    }
}
