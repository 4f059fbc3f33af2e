#include "fuzz/checks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_NUMBERS ((size_t)1 << 16) /* a row of predictions */
#define SUM_ERROR 1e-9 /* of a row's weights; thousands of regions would still be well within */

char *fuzz_model_text(const mele_model *model)
{
    char *text = NULL;
    mele_error error = {MELE_OK, 0, ""};
    mele_status status = mele_model_text(model, &text, NULL, &error);

    FUZZ_CHECK(status == MELE_OK, "%s", error.message);
    return text;
}

mele_model *fuzz_model_of(const char *text)
{
    mele_model *model = NULL;
    mele_error error = {MELE_OK, 0, ""};
    mele_status status =
        mele_model_read(fuzz_file("model.json", text, strlen(text)), &model, &error);

    FUZZ_CHECK(status == MELE_OK, "a model that was written is not read: %s\n%s", error.message,
               text);
    return model;
}

/* The items that the model can give and that are checked, with the reason as the last. */
static const char *items_of(const mele_model *model)
{
    bool classes = mele_schema_classes(mele_model_schema(model)) > 0;

    if (mele_model_needs_predictions(model))
        return classes ? "class,proba,gate,experts,reason"
                       : "mean,sd,sd-parts,gate,experts,experts-sd,reason";
    if (!mele_model_has_experts(model))
        return "cluster,posteriors,logposteriors,reason";
    if (!mele_model_has_gate(model))
        return classes ? "experts,reason" : "experts,experts-sd,reason";
    return classes ? "class,proba,gate,experts,reason"
                   : "mean,sd,sd-parts,gate,experts,experts-sd,reason";
}

/* What comes with the rows of a model of outside experts. */
typedef struct company {
    mele_posteriors posteriors;
    mele_predictions predictions;
} company;

/* Ordinary numbers and some that are extreme or missing; of no rows where there would be too many. */
static company company_of(const mele_model *model)
{
    static const double values[] = {0.5, 1, 0, 1e3, 1e-9, NAN, 1e150, 1e300};
    const size_t clusters = mele_model_clusters(model), outputs = mele_model_outputs(model);
    const bool classes = mele_schema_classes(mele_model_schema(model)) > 0;
    const size_t count = clusters > MOST_NUMBERS / outputs ? 0 : FUZZ_ROWS * clusters * outputs;
    company c = {{FUZZ_ROWS, clusters, calloc(count + 1, sizeof(double))},
                 {.rows = FUZZ_ROWS, .clusters = clusters, .outputs = outputs,
                  .mean = calloc(count + 1, sizeof(double)),
                  .sd = classes ? NULL : calloc(count + 1, sizeof(double))}};

    for (size_t e = 0; e < count; e++) {
        const size_t row = e / (clusters * outputs);
        c.predictions.mean[e] = row < 8 ? (double)(1 + e % 3) : values[(e + row / 8) % 8];
        if (!classes)
            c.predictions.sd[e] = row < 16 ? (double)(1 + e % 2) : values[e % 8];
    }
    if (count == 0)
        c.posteriors.rows = c.predictions.rows = 0;
    return c;
}

static mele_status predict(const mele_model *model, const char *path, mele_engine *engine,
                           fuzz_text *out, mele_error *error)
{
    mele_predict_options options = mele_predict_defaults(model);
    company c = {.posteriors = {0}};

    options.items = items_of(model);
    options.write = fuzz_gather;
    options.user = out;
    if (mele_model_needs_predictions(model)) {
        c = company_of(model);
        options.posteriors = &c.posteriors;
        options.predictions = &c.predictions;
    }
    const mele_status status = mele_predict_file(model, path, &options, engine, NULL, error);
    mele_posteriors_clear(&c.posteriors);
    mele_predictions_clear(&c.predictions);
    return status;
}

mele_status fuzz_predict(const mele_model *model, const char *path, fuzz_text *out,
                         mele_error *error)
{
    fuzz_text other = {NULL, 0};
    mele_error other_error = {MELE_OK, 0, ""};
    mele_status status = predict(model, path, NULL, out, error);

    fuzz_check_status(status, error);
    fuzz_check_same(status, error, predict(model, path, fuzz_threads(), &other, &other_error),
                    &other_error, "predicting with threads");
    FUZZ_CHECK(status != MELE_OK || strcmp(out->text, other.text) == 0,
               "threads change predictions:\n%s%s", out->text, other.text);
    free(other.text);
    return status;
}

/* ---- what predictions must be ---- */

static bool begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

/* The columns whose names begin so sum to 1 in row i; logarithms: their exponentials do. */
static void check_sum(const mele_table *table, size_t i, const char *with, bool logarithms)
{
    double sum = 0;
    size_t count = 0;

    for (size_t j = 0; j < mele_table_columns(table); j++)
        if (begins(mele_table_name(table, j), with)) {
            double value = mele_table_values(table, j)[i];
            sum += logarithms ? exp(value) : value;
            count++;
            FUZZ_CHECK(logarithms || value >= 0, "row %zu: %s is %g", i, mele_table_name(table, j),
                       value);
        }
    FUZZ_CHECK(count == 0 || fabs(sum - 1) <= SUM_ERROR, "row %zu: %s.. sum to %.17g", i, with,
               sum);
}

/* logpost_ may be -inf, where a region is impossible. */
static void check_numbers(const mele_table *table, size_t i)
{
    for (size_t j = 0; j + 1 < mele_table_columns(table); j++) {
        const char *name = mele_table_name(table, j);
        if (mele_table_kind(table, j) != MELE_COLUMN_NUMBER)
            continue;
        double value = mele_table_values(table, j)[i];
        FUZZ_CHECK(isfinite(value) || (begins(name, "logpost_") && value == -INFINITY),
                   "row %zu: %s is %g without a reason", i, name, value);
        FUZZ_CHECK(!(begins(name, "sd_") || strstr(name, "_sd_") != NULL) || value >= 0,
                   "row %zu: %s is %g", i, name, value);
    }
}

static mele_table *read_predictions(const fuzz_text *predictions)
{
    const char *path = fuzz_file("predictions.csv", predictions->text, predictions->length);
    mele_table_options options = mele_table_defaults();
    mele_reader *reader = NULL;
    mele_table *table = NULL;
    mele_error error = {MELE_OK, 0, ""};

    options.delimiter = ',';
    options.missing = "NA";
    options.infinite = true;
    mele_status status = mele_reader_open(path, &options, &reader, &error);
    for (size_t j = 0; status == MELE_OK && j < mele_reader_columns(reader); j++) {
        const bool last = j + 1 == mele_reader_columns(reader);
        const bool text = last || (j == 0 && strstr(predictions->text, "prob_") != NULL);
        mele_reader_want(reader, j, text ? MELE_COLUMN_TEXT : MELE_COLUMN_NUMBER, last, NULL);
    }
    if (status == MELE_OK)
        status = mele_reader_next(reader, 0, NULL, &table, &error);
    FUZZ_CHECK(status == MELE_OK, "predictions are no CSV: %zu: %s\n%s", error.line, error.message,
               predictions->text);
    mele_reader_close(reader);
    return table;
}

void fuzz_check_predictions(const fuzz_text *predictions)
{
    mele_table *table = read_predictions(predictions);

    for (size_t i = 0; i < mele_table_rows(table); i++) {
        size_t length = 0;
        mele_table_text(table, i, mele_table_columns(table) - 1, &length);
        if (length > 0) /* there is a reason */
            continue;
        check_numbers(table, i);
        check_sum(table, i, "gate_", false);
        check_sum(table, i, "post_", false);
        check_sum(table, i, "logpost_", true);
        check_sum(table, i, "prob_", false);
    }
    mele_table_free(table);
}
