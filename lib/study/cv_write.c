/* The rows of a cross-validation as CSV. */
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "data/text.h"
#include "study/cv.h"
#include "model/items.h"
#include "schema/data.h"

#define PIECE_BYTES (1 << 16) /* handed over at a time */

typedef struct writer {
    const mele_cv_result *result;
    const mele_data *data;
    const mele_schema *schema;
    size_t targets, classes;
    mele_text *text;
} writer;

/* ---- the header ---- */

static void add_word(mele_text *text, const char *word)
{
    mele_text_cell(text, word, strlen(word));
}

static void add_id_name(const mele_data *data, mele_text *text)
{
    if (data->keeps_ids)
        add_word(text, mele_table_name(data->table, data->id));
}

/* The column of a word; of several targets one each. */
static void add_target_names(const mele_schema *schema, const char *word, mele_text *text)
{
    char before[16] = "";

    strncat(before, word, sizeof before - 2);
    strcat(before, "_");
    if (schema->targets == 1)
        add_word(text, word);
    for (size_t t = 0; t < schema->targets && schema->targets > 1; t++)
        mele_i_text_name(text, before, schema->target[t].name, "\n\r\t");
}

static void add_place_names(mele_text *text)
{
    add_word(text, "repeat");
    add_word(text, "fold");
    add_word(text, "row");
}

static void add_prediction_names(const mele_schema *schema, mele_text *text)
{
    const size_t classes = mele_schema_classes(schema);

    add_target_names(schema, "observed", text);
    add_target_names(schema, "predicted", text);
    if (classes == 0)
        add_target_names(schema, "sd", text);
    for (size_t c = 0; c < classes; c++)
        mele_i_text_name(text, "prob_", schema->target[0].level[c], "\n\r\t");
    add_word(text, "cluster");
}

mele_status mele_i_cv_check_header(const mele_data *data, mele_error *error)
{
    mele_text *text = NULL;
    mele_status status = mele_text_new(',', &text, error);

    if (status != MELE_OK)
        return status;
    add_id_name(data, text);
    add_place_names(text);
    add_prediction_names(data->schema, text);
    mele_text_newline(text);
    status = mele_text_status(text, error);
    if (status == MELE_OK)
        status = mele_i_items_check_header(text, data->keeps_ids ? 1 : 0, "--id", error);
    mele_text_free(text);
    return status;
}

/* ---- the rows ---- */

/* Numbers of one row, or the level that a class is. */
static void add_values(const writer *w, const double *values)
{
    for (size_t t = 0; t < w->targets; t++)
        if (w->classes == 0 || isnan(values[t]))
            mele_text_number(w->text, values[t]);
        else
            add_word(w->text, w->schema->target[0].level[(size_t)values[t]]);
}

static void add_numbers(const writer *w, const double *values, size_t count)
{
    for (size_t j = 0; j < count; j++)
        mele_text_number(w->text, values[j]);
}

static void add_fold(const writer *w, size_t fold)
{
    if (w->result->fold_name == NULL)
        mele_text_number(w->text, (double)fold + 1);
    else
        add_word(w->text, w->result->fold_name[fold]);
}

static void add_row(const writer *w, size_t repeat, size_t i)
{
    const mele_cv_rows *rows = w->result->left_out;
    const mele_cv_predictions *p = &rows->model;
    const size_t at = repeat * w->result->rows + i;
    const char *id;
    size_t length;

    mele_text_number(w->text, (double)repeat + 1);
    add_fold(w, rows->fold[at]);
    mele_text_number(w->text, (double)rows->row[i] + 1);
    if (w->data->keeps_ids) {
        id = mele_table_text(w->data->table, rows->row[i], w->data->id, &length);
        mele_text_cell(w->text, id, length);
    }
    add_values(w, rows->observed + i * w->targets);
    add_values(w, p->mean + at * w->targets);
    if (w->classes > 0)
        add_numbers(w, p->probability + at * w->classes, w->classes);
    else
        add_numbers(w, p->sd + at * w->targets, w->targets);
    mele_text_number(w->text, p->cluster[at] == MELE_NO_CLUSTER ? NAN
                                                                : (double)p->cluster[at] + 1);
    mele_text_newline(w->text);
}

static mele_status hand_over(const writer *w, mele_write_fn *write, void *user, mele_error *error)
{
    mele_status status = mele_text_status(w->text, error);

    if (status == MELE_OK && !write(mele_text_data(w->text), mele_text_length(w->text), user))
        status = mele_i_fail(error, MELE_ESTOPPED, "stopped while writing");
    mele_text_clear(w->text);
    return status;
}

mele_status mele_cv_write(const mele_cv_result *result, const mele_data *data,
                          mele_write_fn *write, void *user, mele_error *error)
{
    const size_t all = result->repeats * result->rows;
    writer w = {.result = result, .data = data, .schema = data->schema,
                .targets = data->schema->targets, .classes = mele_schema_classes(data->schema)};
    mele_status status = MELE_OK;

    if (result->left_out == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the result has no rows: ask for them "
                           "(mele_cv_options.rows)");
    if ((status = mele_text_new(',', &w.text, error)) != MELE_OK)
        return status;
    add_place_names(w.text);
    add_id_name(data, w.text);
    add_prediction_names(w.schema, w.text);
    mele_text_newline(w.text);
    for (size_t at = 0; at < all && status == MELE_OK; at++) {
        add_row(&w, at / result->rows, at % result->rows);
        if (mele_text_length(w.text) >= PIECE_BYTES)
            status = hand_over(&w, write, user, error);
    }
    if (status == MELE_OK)
        status = hand_over(&w, write, user, error);
    mele_text_free(w.text);
    return status;
}
