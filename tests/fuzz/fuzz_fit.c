/* Options and data from end to end. Any options, as far as they are known, on any small file: the
 * fit fails with a message or makes a model that is the same bytes for any number of threads and
 * stage by stage with a file between the stages; that is read again as the same model, with the
 * same predictions; and of whose predictions everything holds that checks.h says.
 *
 * Lines of "NAME VALUE" (options without their dashes), an empty line, then the file. Options that
 * are not known are passed over, and those that only take time are bounded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/checks.h"

enum { MOST_SIZE = 6000 };

static size_t at_most(size_t value, size_t most)
{
    return value < most ? value : most;
}

/* What only makes a fit longer. */
static void bound_work(mele_options *o)
{
    o->partition.restarts = at_most(o->partition.restarts, 2);
    o->partition.max_iterations = at_most(o->partition.max_iterations, 20);
    o->partition.clusters = at_most(o->partition.clusters, 6);
    o->clusters_most = at_most(o->clusters_most, 3);
    o->clusters_least = at_most(o->clusters_least, 3);
    o->experts.max_iterations = at_most(o->experts.max_iterations, 20);
    o->experts.hidden = at_most(o->experts.hidden, 3);
    o->experts.networks = at_most(o->experts.networks, 2);
    o->experts.restarts = at_most(o->experts.restarts, 2);
    o->experts.max_epochs = o->experts.max_epochs == 0 ? 10 : at_most(o->experts.max_epochs, 10);
    o->experts.most_rows = at_most(o->experts.most_rows, 20);
    o->experts.terms = at_most(o->experts.terms, 2);
    o->gate.max_iterations = at_most(o->gate.max_iterations, 30);
}

/* Set the option that a line names, if there is one. */
static void set_option(mele_options *options, char *line)
{
    char *value = strchr(line, ' ');
    mele_error error = {MELE_OK, 0, ""};

    if (value != NULL)
        *value++ = '\0';
    fuzz_check_status(mele_options_set(options, line, value, &error), &error);
}

/* Take the lines of options from `text`; what follows them. */
static char *take_options(char *text, mele_options *options)
{
    char *end;

    *options = mele_options_defaults();
    while ((end = strchr(text, '\n')) != NULL && end != text) {
        *end = '\0';
        set_option(options, text);
        text = end + 1;
    }
    options->centres_file = NULL;
    if (options->partition.init != NULL && strcmp(options->partition.init, "given") == 0)
        options->partition.init = NULL;
    bound_work(options);
    return end == NULL ? text + strlen(text) : end + 1;
}

/* A model made in some way: its text, or why there is none. */
typedef struct made {
    mele_status status;
    mele_error error;
    char *text;
} made;

static mele_status read_and_fit(const char *path, const mele_options *options, mele_engine *engine,
                                mele_model **model, mele_error *error)
{
    mele_data *data = NULL;
    mele_status status = mele_data_read(path, &options->data, NULL, engine, &data, error);

    if (status == MELE_OK)
        status = mele_fit(data, options, engine, NULL, model, error);
    mele_data_free(data);
    return status;
}

/* The stages one by one, each on the model that the one before wrote. */
static mele_status fit_stages(const char *path, const mele_options *options, mele_engine *engine,
                              mele_model **model, mele_error *error)
{
    mele_data *data = NULL;
    mele_status status = mele_data_read(path, &options->data, NULL, engine, &data, error);

    if (status == MELE_OK)
        status = mele_fit_partition(data, options, engine, NULL, model, error);
    mele_data_free(data);
    for (int stage = 2; stage <= 3 && status == MELE_OK; stage++) {
        char *text = fuzz_model_text(*model);
        mele_options later = mele_options_defaults();
        mele_model_free(*model);
        *model = fuzz_model_of(text);
        free(text);
        data = NULL;
        status = mele_options_inherit(*model, &later, error);
        bound_work(&later);
        if (status == MELE_OK)
            status =
                mele_data_read(path, &later.data, mele_model_schema(*model), engine, &data, error);
        if (status == MELE_OK)
            status = (stage == 2 ? mele_fit_experts : mele_fit_gate)(data, NULL, &later, engine,
                                                                     NULL, *model, error);
        mele_options_clear(&later);
        mele_data_free(data);
    }
    return status;
}

typedef mele_status fit_fn(const char *path, const mele_options *options, mele_engine *engine,
                           mele_model **model, mele_error *error);

static made make(fit_fn *fit, const char *path, const mele_options *options, mele_engine *engine)
{
    made m = {MELE_OK, {MELE_OK, 0, ""}, NULL};
    mele_model *model = NULL;

    m.status = fit(path, options, engine, &model, &m.error);
    fuzz_check_status(m.status, &m.error);
    if (m.status == MELE_OK)
        m.text = fuzz_model_text(model);
    mele_model_free(model);
    return m;
}

static void check_same(const made *one, const made *other, const char *what)
{
    fuzz_check_same(one->status, &one->error, other->status, &other->error, what);
    FUZZ_CHECK(one->status != MELE_OK || strcmp(one->text, other->text) == 0,
               "%s makes another model:\n%s%s", what, one->text, other->text);
}

/* The file's own rows; a target that is missing there does not matter. */
static void check_predictions(const char *text, const char *path)
{
    mele_model *model = fuzz_model_of(text), *again;
    fuzz_text first = {NULL, 0}, second = {NULL, 0};
    mele_error error = {MELE_OK, 0, ""}, again_error = {MELE_OK, 0, ""};
    char *written = fuzz_model_text(model);
    mele_status status = fuzz_predict(model, path, &first, &error);

    FUZZ_CHECK(strcmp(written, text) == 0, "a model that was read is another:\n%s%s", text,
               written);
    again = fuzz_model_of(written);
    fuzz_check_same(status, &error, fuzz_predict(again, path, &second, &again_error), &again_error,
                    "predictions of a model that was read again");
    if (status == MELE_OK) {
        FUZZ_CHECK(strcmp(first.text, second.text) == 0, "other predictions:\n%s%s", first.text,
                   second.text);
        fuzz_check_predictions(&first);
    }
    free(first.text);
    free(second.text);
    free(written);
    mele_model_free(model);
    mele_model_free(again);
}

static void check_score(const char *text, const char *path)
{
    mele_model *model = fuzz_model_of(text);
    mele_metrics *metrics = NULL;
    mele_error error = {MELE_OK, 0, ""};
    mele_status status =
        mele_score_file(model, path, NULL, fuzz_threads(), &metrics, &error);

    fuzz_check_status(status, &error);
    mele_metrics_free(metrics);
    mele_model_free(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mele_options options;

    if (size > MOST_SIZE)
        return 0;
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    const char *rows = take_options(text, &options);
    const char *path = fuzz_file("rows.csv", rows, (size_t)(text + size - rows));
    made alone = make(read_and_fit, path, &options, NULL);
    made threads = make(read_and_fit, path, &options, fuzz_threads());

    check_same(&alone, &threads, "a fit with threads");
    if (alone.status == MELE_OK) {
        made stages = make(fit_stages, path, &options, fuzz_threads());
        check_same(&alone, &stages, "a fit by stages");
        free(stages.text);
        check_predictions(alone.text, path);
        check_score(alone.text, path);
    }
    free(alone.text);
    free(threads.text);
    free(text);
    mele_options_clear(&options);
    return 0;
}
