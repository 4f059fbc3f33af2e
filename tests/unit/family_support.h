#ifndef MELE_TESTS_FAMILY_SUPPORT_H
#define MELE_TESTS_FAMILY_SUPPORT_H

/* Fits of families to data sets, and what they tell, for tests. */
#include <criterion/criterion.h>
#include <stdio.h>

#include <jansson.h>
#include <mele/mele.h>

#include "model/model.h"

static inline mele_data *read_data(const char *name, const char *target, mele_options *options)
{
    char path[512];
    mele_data *data = NULL;
    mele_error error = {0};

    snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
    options->data.target = target;
    cr_assert_eq(mele_data_read(path, &options->data, NULL, NULL, &data, &error), MELE_OK, "%s",
                 error.message);
    return data;
}

static inline mele_model *fit(const mele_data *data, const mele_options *options, mele_engine *engine,
                              mele_report *report)
{
    mele_model *model = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_fit(data, options, engine, report, &model, &error), MELE_OK, "%s: %s",
                 options->family.name, error.message);
    return model;
}

static inline char *text_of(const mele_model *model)
{
    char *text = NULL;

    cr_assert_eq(mele_model_text(model, &text, NULL, NULL), MELE_OK);
    return text;
}

/* The text of a fit. */
static inline char *fit_text(const mele_data *data, const mele_options *options, mele_engine *engine)
{
    mele_model *model = fit(data, options, engine, NULL);
    char *text = text_of(model);

    mele_model_free(model);
    return text;
}

/* A number of the family's record. */
static inline double told(const mele_model *model, const char *key)
{
    return json_number_value(json_object_get(json_object_get(model->training, "family"), key));
}

#endif
