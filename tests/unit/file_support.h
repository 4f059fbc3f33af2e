#ifndef TESTS_UNIT_FILE_SUPPORT_H
#define TESTS_UNIT_FILE_SUPPORT_H

#include <criterion/criterion.h>

#include <stdlib.h>

#include <mele/mele.h>

#include "schema/data.h"
#include "unit/engine_support.h"

/* Fits to a file whose features are in memory, or stay in it. */

#define IN_FILE 1 /* bytes that features may take: none do */

typedef mele_status fit_fn(const mele_data *data, const mele_options *options, mele_engine *engine,
                           mele_report *report, mele_model **out, mele_error *error);

/* The model of a file as text, which the caller frees; memory: 0, or IN_FILE. */
static inline char *fit_file(const char *path, const mele_options *given, fit_fn *fit, size_t memory,
                             unsigned threads)
{
    mele_engine *engine = engine_of(threads);
    mele_options options = *given;
    mele_data *data = NULL;
    mele_model *model = NULL;
    mele_error error = {0};
    char *text = NULL;
    size_t length;

    options.data.memory = memory;
    cr_assert_eq(mele_data_read(path, &options.data, NULL, engine, &data, &error), MELE_OK, "%s",
                 error.message);
    cr_assert_eq(data->windows != NULL, memory == IN_FILE);
    cr_assert_eq(fit(data, &options, engine, NULL, &model, &error), MELE_OK, "%s", error.message);
    cr_assert_eq(mele_model_text(model, &text, &length, NULL), MELE_OK);
    mele_model_free(model);
    mele_data_free(data);
    mele_engine_free(engine);
    return text;
}

/* Both ways give the same bytes. */
static inline void expect_same(const char *path, const mele_options *options, fit_fn *fit,
                               unsigned threads, const char *what)
{
    char *memory = fit_file(path, options, fit, 0, 1);
    char *file = fit_file(path, options, fit, IN_FILE, threads);

    cr_assert_str_eq(memory, file, "%s", what);
    free(memory);
    free(file);
}

#endif
