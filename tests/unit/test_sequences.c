/* The public functions in every order with one options object. A sequence is as safe as one call:
 * under AddressSanitizer nothing is read that was freed, and whatever came before, a model that has
 * all stages is the one that mele_fit() makes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/mele.h>

#include "support/failing_malloc.h"
#include "unit/table_support.h"

/* Two lines of y on x, one of them above; every option that is a string is used. */
enum { ROWS = 24, REGIONS = 2 };

static test_file write_rows(void)
{
    char text[ROWS * 48 + 64];
    int length = snprintf(text, sizeof text, "name,x,kind,trash,weight,day,y\n");

    for (int i = 0; i < ROWS; i++)
        length += snprintf(text + length, sizeof text - (size_t)length, "n%d,%g,%d,%s,%d,d%d,%g\n",
                           i, i % 2 * 10 + i * 0.25, i % 3, i % 5 == 0 ? "none" : "7", 1 + i % 2,
                           i / 2, i % 2 == 0 ? 3.0 * i : 40 - i + 0.5 * (i % 3));
    return test_file_make(text, (size_t)length, ".csv");
}

static const char *const given[][2] = {
    {"target", "y"},        {"features", "x,kind"},  {"weights", "weight"}, {"id", "name"},
    {"group", "day"},       {"categorical", "kind"}, {"na", ",none"},       {"cluster-on", "x"},
    {"task", "regression"}, {"clusters", "2"},       {"restarts", "1"},     {"gate", "softmax"},
    {"max-iter", "20"},     {"ridge", "0.5"},        {"seed", "7"},
};

/* What the calls of a sequence share. */
typedef struct shared {
    test_file rows;
    mele_options options;
    mele_predict_options prediction;
    mele_model *model; /* NULL until a call makes one */
    char *whole;       /* the model of mele_fit() as text */
    bool with_options; /* the options hold those that are given, or inherited them */
} shared;

static void give_options(shared *s)
{
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        cr_assert_eq(mele_options_set(&s->options, given[i][0], given[i][1], NULL),
                     MELE_OK);
    s->with_options = true;
}

/* The data, read as the options say. */
static mele_data *read_rows(const shared *s)
{
    mele_data *data = NULL;
    mele_error error = {0};
    const mele_schema *schema = s->model == NULL ? NULL : mele_model_schema(s->model);
    mele_status status =
        mele_data_read(s->rows.path, &s->options.data, schema, NULL, &data, &error);

    cr_assert_eq(status, MELE_OK, "%s", error.message);
    return data;
}

/* Read anew, so that the model's strings are in other memory than before. */
static void reread(shared *s)
{
    char *text = NULL;
    size_t length;
    mele_error error = {0};

    if (s->model == NULL)
        return;
    cr_assert_eq(mele_model_text(s->model, &text, &length, NULL), MELE_OK);
    test_file file = test_file_make(text, length, ".json");
    mele_model_free(s->model);
    s->model = NULL;
    cr_assert_eq(mele_model_read(file.path, &s->model, &error), MELE_OK, "%s", error.message);
    remove(file.path);
    free(text);
}

static void inherit(shared *s)
{
    mele_error error = {0};

    if (s->model == NULL)
        return;
    cr_assert_eq(mele_options_inherit(s->model, &s->options, &error), MELE_OK, "%s", error.message);
    s->with_options = true;
}

static void clear(shared *s)
{
    mele_options_clear(&s->options);
    s->with_options = false;
}

typedef mele_status fit_new_fn(const mele_data *data, const mele_options *options,
                               mele_engine *engine, mele_report *report, mele_model **out,
                               mele_error *error);

static void fit_new(shared *s, fit_new_fn *stages)
{
    mele_error error = {0};

    if (!s->with_options)
        give_options(s);
    mele_data *data = read_rows(s);
    mele_model_free(s->model);
    s->model = NULL;
    cr_assert_eq(stages(data, &s->options, NULL, NULL, &s->model, &error), MELE_OK, "%s",
                 error.message);
    mele_data_free(data);
}

static void fit_partition(shared *s)
{
    fit_new(s, mele_fit_partition);
}

static void fit_whole(shared *s)
{
    fit_new(s, mele_fit);
}

typedef mele_status fit_later_fn(const mele_data *data, const mele_handover *handover,
                                 const mele_options *options, mele_engine *engine,
                                 mele_report *report, mele_model *model, mele_error *error);

/* Without options a stage would be fitted with the defaults; so it inherits as programs do. */
static void fit_later(shared *s, fit_later_fn *stage, bool possible)
{
    mele_error error = {0};

    if (s->model == NULL)
        return;
    if (!s->with_options)
        inherit(s);
    mele_data *data = read_rows(s);
    cr_assert_eq(stage(data, NULL, &s->options, NULL, NULL, s->model, &error),
                 possible ? MELE_OK : MELE_EINVAL, "%s", error.message);
    mele_data_free(data);
}

static void fit_experts(shared *s)
{
    fit_later(s, mele_fit_experts, true);
}

static void fit_gate(shared *s)
{
    fit_later(s, mele_fit_gate, s->model != NULL && mele_model_has_experts(s->model));
}

static bool count_bytes(const char *text, size_t length, void *user)
{
    (void)text;
    *(size_t *)user += length;
    return true;
}

/* With the options that an earlier call of this kind made, if there was one. */
static void predict(shared *s)
{
    mele_error error = {0};
    size_t bytes = 0;

    if (s->model == NULL)
        return;
    if (s->prediction.items == NULL)
        s->prediction = mele_predict_defaults(s->model);
    s->prediction.items = "cluster";
    s->prediction.id = "name";
    s->prediction.write = count_bytes;
    s->prediction.user = &bytes;
    cr_assert_eq(mele_predict_file(s->model, s->rows.path, &s->prediction, NULL, NULL, &error),
                 MELE_OK, "%s", error.message);
    cr_assert_gt(bytes, ROWS * strlen("n0,1\n"));
}

static void cross_validate(shared *s)
{
    mele_error error = {0};
    mele_report *report = NULL;

    if (!s->with_options)
        return;
    mele_data *data = read_rows(s);
    cr_assert_eq(mele_report_new("test", &report, NULL), MELE_OK);
    const mele_cv_options cv = {.folds = 2, .repeats = 1};
    cr_assert_eq(mele_cross_validate(data, &s->options, &cv, NULL, report, NULL, &error), MELE_OK,
                 "%s", error.message);
    mele_report_free(report);
    mele_data_free(data);
}

static void (*const calls[])(shared *) = {reread,   inherit, clear,     fit_partition, fit_experts,
                                          fit_gate, predict, fit_whole, cross_validate};

enum { CALLS = sizeof calls / sizeof *calls, QUICK = 7 }; /* the first QUICK take little time */

static void assert_whole(const shared *s)
{
    char *text = NULL;

    if (s->model == NULL || !mele_model_has_gate(s->model))
        return;
    cr_assert_eq(mele_model_text(s->model, &text, NULL, NULL), MELE_OK);
    cr_assert_str_eq(text, s->whole);
    free(text);
}

static shared begin(void)
{
    shared s = {.rows = write_rows(), .options = mele_options_defaults()};
    mele_error error = {0};

    give_options(&s);
    mele_data *data = read_rows(&s);
    cr_assert_eq(mele_fit(data, &s.options, NULL, NULL, &s.model, &error), MELE_OK, "%s",
                 error.message);
    cr_assert_eq(mele_model_text(s.model, &s.whole, NULL, NULL), MELE_OK);
    mele_data_free(data);
    return s;
}

static void end(shared *s)
{
    remove(s->rows.path);
    free(s->whole);
    mele_model_free(s->model);
    mele_options_clear(&s->options);
}

/* All sequences of `length` of the first `count` calls, one after the other on the same objects:
 * what one sequence leaves is what the next begins with. */
static void run_sequences(shared *s, size_t count, size_t length)
{
    size_t sequences = 1;

    for (size_t i = 0; i < length; i++)
        sequences *= count;
    for (size_t sequence = 0; sequence < sequences; sequence++) {
        size_t rest = sequence;
        for (size_t i = 0; i < length; i++, rest /= count) {
            calls[rest % count](s);
            assert_whole(s);
        }
    }
}

Test(sequences, calls_in_any_order_are_safe_with_one_options_object)
{
    shared s = begin();

    run_sequences(&s, QUICK, 3);
    run_sequences(&s, CALLS, 2);
    end(&s);
}

/* The text of every option that has one, a line each. */
static void describe(const mele_options *options, char *out, size_t size)
{
    size_t length = 0;

    out[0] = '\0';
    for (size_t i = 0; mele_option_name(i) != NULL; i++) {
        char text[64];
        mele_options_get(options, mele_option_name(i), text, sizeof text, NULL, NULL);
        length += (size_t)snprintf(out + length, size - length, "%s %s\n", mele_option_name(i), text);
    }
}

Test(sequences, options_say_the_same_when_the_model_is_gone)
{
    shared s = begin();
    char before[4096], after[4096];

    clear(&s);
    inherit(&s);
    const char *target = s.options.data.target;
    describe(&s.options, before, sizeof before);
    inherit(&s); /* takes no more memory: the strings are those it has */
    cr_assert_eq(s.options.data.target, target);
    mele_model_free(s.model);
    s.model = NULL;
    describe(&s.options, after, sizeof after);
    cr_assert_str_eq(before, after);
    cr_assert_not_null(strstr(after, "categorical kind\n"));
    fit_whole(&s);
    assert_whole(&s);
    end(&s);
}

/* Strings that the caller set stay the caller's, and are not asked for again. */
Test(sequences, cleared_options_are_the_defaults)
{
    shared s = begin();
    char defaults[4096], cleared[4096];
    mele_options fresh = mele_options_defaults();
    const char *target = s.options.data.target;

    inherit(&s);
    cr_assert_eq(s.options.data.target, target);
    mele_options_clear(&s.options);
    mele_options_clear(&s.options);
    mele_options_clear(NULL);
    describe(&fresh, defaults, sizeof defaults);
    describe(&s.options, cleared, sizeof cleared);
    cr_assert_str_eq(cleared, defaults);
    cr_assert(s.options.chosen[0] == 0 && s.options.owned == NULL);
    end(&s);
}

Test(sequences, options_are_untouched_when_memory_runs_out)
{
    shared s = begin();
    size_t failures = 0;

    clear(&s);
    for (bool failed = true; failed; failures++) {
        mele_options options = mele_options_defaults();
        mele_error error = {0};
        failing_malloc_at(failures);
        mele_status status = mele_options_inherit(s.model, &options, &error);
        failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK);
        cr_assert_eq(options.owned == NULL && options.chosen[0] == 0, failed);
        mele_options_clear(&options);
    }
    cr_assert_geq(failures, 8, "%zu", failures); /* a string each of the eight that are given */
    end(&s);
}

/* A model's missing strings are asked for when a file is read, not kept. */
Test(sequences, prediction_options_outlive_what_a_fit_replaces)
{
    shared s = begin();

    reread(&s);
    predict(&s);
    fit_gate(&s);
    predict(&s);
    reread(&s);
    predict(&s);
    end(&s);
}
