/* Model files: what is read is written again as text that reads back as the same text; it predicts
 * ordinary and extreme rows, numbers or a reason, the same for any number of threads; and whatever
 * can be asked of a model can be asked of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/checks.h"

static void check_writing(const mele_model *model)
{
    char *text = fuzz_model_text(model);
    mele_model *again = fuzz_model_of(text);
    char *other = fuzz_model_text(again);

    FUZZ_CHECK(strcmp(text, other) == 0, "another text:\n%s%s", text, other);
    free(text);
    free(other);
    mele_model_free(again);
}

static void check_questions(const mele_model *model)
{
    static const char *const tables[] = {"coefficients", "centres", "covariances"};
    mele_options options = mele_options_defaults();
    mele_error error = {MELE_OK, 0, ""};
    char *text = NULL, line[256];

    fuzz_check_status(mele_model_info(model, &text, NULL, &error), &error);
    free(text);
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        text = NULL;
        fuzz_check_status(mele_model_table(model, tables[t], &text, NULL, &error), &error);
        free(text);
    }
    const bool has = mele_model_has_experts(model) || mele_model_needs_predictions(model);
    for (size_t k = 0; has && k < mele_model_clusters(model); k++)
        mele_model_expert_text(model, k, line, sizeof line);
    for (size_t i = 0; mele_model_option_text(model, i, line, sizeof line) > 0; i++)
        continue;
    mele_status status = mele_options_inherit(model, &options, &error);
    FUZZ_CHECK(status == MELE_OK || strstr(error.message, "newer version") != NULL, "%s",
               error.message);
    for (size_t i = 0; mele_option_name(i) != NULL; i++)
        mele_options_get(&options, mele_option_name(i), line, sizeof line, NULL, NULL);
    mele_options_clear(&options);
}

/* A cell of a feature: a number that is more extreme row by row, or a level. */
static void add_cell(const mele_schema *schema, size_t j, size_t row, mele_text *rows)
{
    static const double values[] = {0, 1, -2.5, 1e3, -1e9, 1e150, -1e300, 1e-320};
    const size_t levels = mele_schema_levels(schema, j);

    if (levels > 0) {
        const char *level = mele_schema_level(schema, j, row % levels);
        mele_text_cell(rows, level, strlen(level));
    } else {
        mele_text_number(rows, values[(row + j * (row / 8)) % 8]);
    }
}

/* Rows of the model's features, with a header if it wants one. */
static void add_rows(const mele_schema *schema, bool header, mele_text *rows)
{
    const size_t features = mele_schema_features(schema);

    for (size_t j = 0; header && j < features; j++)
        mele_text_cell(rows, mele_schema_feature(schema, j),
                       strlen(mele_schema_feature(schema, j)));
    if (header)
        mele_text_newline(rows);
    for (size_t row = 0; row < FUZZ_ROWS; row++) {
        for (size_t j = 0; j < features; j++)
            add_cell(schema, j, row, rows);
        mele_text_newline(rows);
    }
}

static void check_predictions(const mele_model *model)
{
    mele_text *rows = NULL;
    fuzz_text predictions = {NULL, 0};
    mele_error error = {MELE_OK, 0, ""};

    mele_text_new(',', &rows, NULL);
    add_rows(mele_model_schema(model), mele_predict_defaults(model).table.header, rows);
    const char *path = fuzz_file("rows.csv", mele_text_data(rows), mele_text_length(rows));
    if (fuzz_predict(model, path, &predictions, &error) == MELE_OK)
        fuzz_check_predictions(&predictions);
    free(predictions.text);
    mele_text_free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mele_model *model = NULL;
    mele_error error = {MELE_OK, 0, ""};
    mele_status status = mele_model_read(fuzz_file("model.json", data, size), &model, &error);

    fuzz_check_status(status, &error);
    FUZZ_CHECK((model != NULL) == (status == MELE_OK), "a model with status %d", status);
    if (model == NULL)
        return 0;
    check_writing(model);
    check_questions(model);
    check_predictions(model);
    mele_model_free(model);
    return 0;
}
