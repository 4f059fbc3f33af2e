/* Predicting and measuring files, a window of rows at a time: read, predict and format run on all
 * threads of the engine, and memory does not grow with the file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/predict.h>
#include <mele/text.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/option.h"
#include "data/reader.h"
#include "engine/pass.h"
#include "model/items.h"
#include "model/options.h"
#include "model/predict.h"
#include "model/said.h"
#include "schema/bind.h"

#define WINDOW_ROWS 16384
#define FORMAT_ROWS 512
#define FORMAT_BLOCKS (WINDOW_ROWS / FORMAT_ROWS)

mele_predict_options mele_predict_defaults(const mele_model *model)
{
    mele_predict_options options = {.items = NULL, .table = mele_table_defaults()};
    mele_options fitted = mele_options_defaults();
    const json_t *record = json_object_get(model->training, "options");

    if (mele_i_options_load(record, &fitted, NULL) == MELE_OK)
        options.table.header = fitted.data.table.header;
    options.table.missing = NULL; /* a string of the record would not outlive the next fit */
    return options;
}

/* What counts as missing, as the model records it. */
static const char *missing_of(const mele_model *model)
{
    const json_t *record = json_object_get(model->training, "options");

    return json_string_value(json_object_get(record, "na"));
}

/* ---- reading rows that follow a model ---- */

typedef struct row_source {
    const mele_model *model;
    const mele_posteriors *posteriors;   /* NULL: the model's partition */
    const mele_predictions *predictions; /* NULL: the model's experts */
    mele_reader *reader;
    mele_i_roles roles;
    mele_table *table;          /* the window */
    size_t first;               /* of the window, in the file */
    const double **column;      /* the window's features */
    double **owned;
} row_source;

static void clear_window(row_source *s)
{
    for (size_t j = 0; s->owned != NULL && j < s->model->schema->features; j++) {
        free(s->owned[j]);
        s->owned[j] = NULL;
    }
    mele_table_free(s->table);
    s->table = NULL;
}

static void close_source(row_source *s)
{
    clear_window(s);
    free(s->owned);
    free(s->column);
    mele_i_roles_clear(&s->roles);
    mele_reader_close(s->reader);
}

/* Open a file; `keep_text` asks for the text of every column, the id for its own. */
static mele_status open_source(const char *path, const mele_table_options *table,
                               const mele_data_options *columns, bool need_targets, bool keep_text,
                               row_source *s, mele_error *error)
{
    const mele_schema *schema = s->model->schema;
    mele_table_options options = *table;
    mele_status status;

    options.infinite = true;
    if (options.missing == NULL)
        options.missing = missing_of(s->model);
    s->column = MELE_I_ZEROED(const double *, schema->features);
    s->owned = MELE_I_ZEROED(double *, schema->features);
    if (s->column == NULL || s->owned == NULL)
        return mele_i_no_memory(error);
    status = mele_reader_open(path, &options, &s->reader, error);
    if (status == MELE_OK)
        s->reader->stage = "predict";
    if (status == MELE_OK)
        status = mele_i_roles_of_schema(s->reader, columns, schema, need_targets, &s->roles, error);
    if (status == MELE_OK)
        status = mele_i_want_columns(s->reader, &s->roles, schema, columns, error);
    for (size_t j = 0; status == MELE_OK && j < mele_reader_columns(s->reader); j++)
        if (keep_text || j == s->roles.id)
            status = mele_i_want_text(s->reader, j, &s->roles, schema, error);
    return status;
}

/* What comes with the rows has as many as the data, of which the window has `count`, the last one 0. */
static mele_status check_rows(const row_source *s, const char *what, size_t rows, size_t count,
                              mele_error *error)
{
    const size_t read = s->first + count;

    if (count == 0 ? rows == read : rows >= read)
        return MELE_OK;
    return mele_i_fail(error, MELE_EDATA, "the %s have %zu rows, the data %s %zu", what, rows,
                       count == 0 ? "have" : "at least", read);
}

/* Read the next window; its rows are 0 after the last. */
static mele_status next_window(row_source *s, mele_engine *engine, size_t *rows, mele_error *error)
{
    mele_status status;

    s->first += s->table == NULL ? 0 : mele_table_rows(s->table);
    clear_window(s);
    status = mele_reader_next(s->reader, WINDOW_ROWS, engine, &s->table, error);
    if (status != MELE_OK)
        return status;
    *rows = mele_table_rows(s->table);
    if (s->posteriors != NULL)
        status = check_rows(s, "posteriors", s->posteriors->rows, *rows, error);
    if (status == MELE_OK && s->predictions != NULL)
        status = check_rows(s, "predictions", s->predictions->rows, *rows, error);
    if (status != MELE_OK)
        return status;
    return mele_i_bind_features(s->table, &s->roles.features, s->model->schema, s->column,
                                s->owned, error);
}

/* The window's part of all predictions of outside experts. */
static mele_predictions part_of(const mele_predictions *all, size_t first, size_t rows)
{
    const size_t at = first * all->clusters * all->outputs;
    mele_predictions part = *all;

    part.rows = rows;
    part.mean = all->mean + at;
    part.sd = all->sd == NULL ? NULL : all->sd + at;
    return part;
}

static mele_status predict_window(const row_source *s, size_t rows, mele_engine *engine,
                                  const mele_prediction *wanted, mele_error *error)
{
    mele_prediction out = *wanted;
    mele_predictions part;
    mele_i_features features = {.rows = rows, .column = s->column, .stride = 1};
    const double *given = s->posteriors == NULL ? NULL
                                                : s->posteriors->log_posteriors
                                                      + s->first * s->model->clusters;

    if (s->predictions != NULL) {
        part = part_of(s->predictions, s->first, rows);
        out.predictions = &part;
    }
    return mele_i_model_predict(s->model, &features, given, engine, &out, error);
}

/* What comes with the rows is the model's. */
static mele_status check_company(const mele_model *model, const mele_posteriors *posteriors,
                                 const mele_predictions *predictions, mele_error *error)
{
    if (posteriors != NULL && posteriors->clusters != model->clusters)
        return mele_i_fail(error, MELE_EDATA, "the posteriors are of %zu regions, the model has "
                           "%zu", posteriors->clusters, model->clusters);
    if (predictions != NULL && model->outside != NULL)
        return mele_i_said_check(model, predictions, false, error);
    return MELE_OK;
}

/* ---- predicting ---- */

typedef struct format_context {
    const row_source *source;
    const mele_predict_options *options;
    mele_i_items items;
    mele_prediction prediction;
    mele_text *text[FORMAT_BLOCKS];
    void *user;
} format_context;

static void add_input_cell(const format_context *c, size_t i, size_t j, mele_text *text)
{
    size_t length;
    const char *cell = mele_table_text(c->source->table, i, j, &length);

    mele_text_cell(text, cell, length);
}

/* The columns that come first: all of the input, or the id. */
static void add_input(const format_context *c, size_t i, mele_text *text)
{
    size_t columns = mele_reader_columns(c->source->reader), id = c->source->roles.id;

    for (size_t j = 0; j < columns && c->options->append; j++)
        add_input_cell(c, i, j, text);
    if (!c->options->append && id != MELE_I_NO_COLUMN)
        add_input_cell(c, i, id, text);
}

static mele_status hand_over(const format_context *c, const mele_text *text, mele_error *error)
{
    if (!c->options->write(mele_text_data(text), mele_text_length(text), c->options->user))
        return mele_i_fail(error, MELE_ESTOPPED, "stopped while writing");
    return MELE_OK;
}

static mele_status write_header(const format_context *c, mele_error *error)
{
    mele_text *text = c->text[0];
    const mele_reader *reader = c->source->reader;
    const bool append = c->options->append;
    size_t id = c->source->roles.id, before = append ? mele_reader_columns(reader)
                                                     : id != MELE_I_NO_COLUMN;

    for (size_t j = 0; j < mele_reader_columns(reader); j++)
        if (append || j == id)
            mele_text_cell(text, mele_reader_name(reader, j),
                           strlen(mele_reader_name(reader, j)));
    mele_i_items_header(&c->items, c->source->model, text);
    mele_text_newline(text);
    mele_status status = mele_text_status(text, error);
    if (status == MELE_OK)
        status = mele_i_items_check_header(text, before, append ? "--append" : "--id", error);
    return status == MELE_OK ? hand_over(c, text, error) : status;
}

static mele_status format_block(void *context, mele_i_block block, void *partial, void *scratch,
                                mele_error *error)
{
    const format_context *c = context;
    mele_text *text = c->text[block.index];

    (void)partial;
    (void)scratch;
    mele_text_clear(text);
    for (size_t i = block.first; i < block.first + block.count; i++) {
        add_input(c, i, text);
        mele_i_items_row(&c->items, c->source->model, &c->prediction, i, text);
        mele_text_newline(text);
    }
    return mele_text_status(text, error);
}

static mele_status write_window(format_context *c, size_t rows, mele_engine *engine,
                                mele_error *error)
{
    mele_i_pass pass = {.rows = rows, .block_rows = FORMAT_ROWS, .map = format_block, .context = c};
    mele_status status = mele_i_pass_run(engine, &pass, error);

    for (size_t b = 0; b * FORMAT_ROWS < rows && status == MELE_OK; b++)
        status = hand_over(c, c->text[b], error);
    return status;
}

static mele_status predict_windows(format_context *c, row_source *source, mele_engine *engine,
                                   mele_predict_summary *summary, mele_error *error)
{
    mele_status status = mele_i_engine_claim(engine, error);
    size_t rows = 1;

    if (status != MELE_OK)
        return status;
    status = predict_window(source, 0, engine, &c->prediction, error); /* what the model cannot */
    if (status == MELE_OK)
        status = write_header(c, error);
    while (status == MELE_OK) {
        status = next_window(source, engine, &rows, error);
        if (status != MELE_OK || rows == 0)
            break;
        status = predict_window(source, rows, engine, &c->prediction, error);
        for (size_t i = 0; i < rows && status == MELE_OK; i++)
            summary->without += c->prediction.reason[i].kind != MELE_REASON_NONE;
        if (status == MELE_OK)
            status = write_window(c, rows, engine, error);
        summary->rows += rows;
        if (status == MELE_OK)
            status = mele_i_reader_progress(source->reader, engine, source->reader->done,
                                            source->reader->total, error);
    }
    mele_i_engine_release(engine);
    return status;
}

static mele_status make_texts(format_context *c, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t b = 0; b < FORMAT_BLOCKS && status == MELE_OK; b++)
        status = mele_text_new(',', &c->text[b], error);
    return status;
}

mele_status mele_predict_file(const mele_model *model, const char *path,
                              const mele_predict_options *options, mele_engine *engine,
                              mele_predict_summary *summary, mele_error *error)
{
    mele_data_options columns = mele_data_defaults();
    row_source source = {.model = model,
                         .roles = {.weights = MELE_I_NO_COLUMN, .id = MELE_I_NO_COLUMN}};
    format_context c = {.source = &source, .options = options};
    mele_predict_summary count = {0, 0};
    mele_status status;

    if (options == NULL || options->write == NULL)
        return mele_i_fail(error, MELE_EINVAL, "predictions need options, with a function to write "
                           "them with");
    status = mele_i_check_reserved(options->reserved, error);
    if (status == MELE_OK)
        status = mele_i_items_parse(model, options->items, &c.items, error);
    columns.id = options->id;
    source.posteriors = options->posteriors;
    source.predictions = options->predictions;
    if (status == MELE_OK)
        status = check_company(model, options->posteriors, options->predictions, error);
    if (status == MELE_OK)
        status = open_source(path, &options->table, &columns, false, options->append, &source,
                             error);
    if (status == MELE_OK)
        status = make_texts(&c, error);
    if (status == MELE_OK)
        status = mele_i_items_room(&c.items, model, options->posteriors != NULL, WINDOW_ROWS,
                                   &c.prediction, error);
    if (status == MELE_OK)
        status = predict_windows(&c, &source, engine, &count, error);
    if (status == MELE_OK && summary != NULL)
        *summary = count;
    mele_i_items_free_room(&c.prediction);
    for (size_t b = 0; b < FORMAT_BLOCKS; b++)
        mele_text_free(c.text[b]);
    close_source(&source);
    return status;
}

/* ---- measuring ---- */

typedef struct score_context {
    row_source source;
    mele_metrics *metrics;
    mele_prediction prediction;
    double *truth, *weights; /* of the window */
    size_t targets, classes;
} score_context;

/* The window's targets, by the model's levels: a class that it does not know is infinite. An infinite
 * number is as good as missing. */
static mele_status window_truth(score_context *c, size_t rows, mele_error *error)
{
    const mele_schema *schema = c->source.model->schema;
    const mele_table *table = c->source.table;

    for (size_t t = 0; t < c->targets; t++) {
        const double *values;
        double *owned;
        mele_status status = mele_i_bind_variable(table, c->source.roles.targets.column[t],
                                                  &schema->target[t], &values, &owned, error);
        for (size_t i = 0; i < rows && status == MELE_OK; i++)
            c->truth[i * c->targets + t] = isinf(values[i]) && c->classes == 0 ? NAN : values[i];
        free(owned);
        if (status != MELE_OK)
            return status;
    }
    return MELE_OK;
}

static mele_status window_weights(score_context *c, size_t rows, mele_error *error)
{
    size_t column = c->source.roles.weights;

    for (size_t i = 0; i < rows && column != MELE_I_NO_COLUMN; i++) {
        double weight = mele_table_values(c->source.table, column)[i];
        if (!(weight >= 0) || isinf(weight))
            return mele_i_fail_at(error, MELE_EDATA, mele_table_line(c->source.table, i),
                                  "column \"%s\": a weight must be a number from 0",
                                  mele_table_name(c->source.table, column));
        c->weights[i] = weight;
    }
    return MELE_OK;
}

static mele_status score_window(score_context *c, size_t rows, mele_engine *engine,
                                mele_error *error)
{
    mele_status status = window_truth(c, rows, error);

    if (status == MELE_OK)
        status = window_weights(c, rows, error);
    if (status == MELE_OK)
        status = predict_window(&c->source, rows, engine, &c->prediction, error);
    if (status != MELE_OK)
        return status;
    bool weighted = c->source.roles.weights != MELE_I_NO_COLUMN;
    mele_outcomes outcomes = {rows, c->truth,
                              c->classes > 0 ? c->prediction.probability : c->prediction.mean,
                              c->prediction.log_density, c->prediction.joint_log_density,
                              weighted ? c->weights : NULL};
    return mele_metrics_add(c->metrics, &outcomes, error);
}

static mele_status score_windows(score_context *c, mele_engine *engine, mele_error *error)
{
    mele_status status = mele_i_engine_claim(engine, error);
    size_t rows = 1;

    if (status != MELE_OK)
        return status;
    while (status == MELE_OK && rows > 0) {
        status = next_window(&c->source, engine, &rows, error);
        if (status == MELE_OK && rows > 0)
            status = score_window(c, rows, engine, error);
    }
    mele_i_engine_release(engine);
    return status;
}

static mele_status score_room(score_context *c, mele_error *error)
{
    const mele_schema *schema = c->source.model->schema;
    const char **names = MELE_I_ARRAY(const char *, schema->targets);
    size_t width = c->classes > 0 ? c->classes : c->targets;
    double *predicted = MELE_I_ARRAY(double, WINDOW_ROWS * width);
    mele_status status = MELE_OK;

    *(c->classes > 0 ? &c->prediction.probability : &c->prediction.mean) = predicted;
    if (c->classes == 0) {
        c->prediction.log_density = MELE_I_ARRAY(double, WINDOW_ROWS * c->targets);
        c->prediction.joint_log_density = MELE_I_ARRAY(double, WINDOW_ROWS);
    }
    c->truth = MELE_I_ARRAY(double, WINDOW_ROWS * c->targets);
    c->weights = MELE_I_ARRAY(double, WINDOW_ROWS);
    c->prediction.targets = c->truth;
    if (names == NULL || predicted == NULL || c->truth == NULL || c->weights == NULL
        || (c->classes == 0 && (c->prediction.log_density == NULL
                                || c->prediction.joint_log_density == NULL)))
        status = mele_i_no_memory(error);
    for (size_t t = 0; t < c->targets && status == MELE_OK; t++)
        names[t] = schema->target[t].name;
    if (status == MELE_OK)
        status = mele_metrics_new(names, c->targets, c->classes, &c->metrics, error);
    free(names);
    return status;
}

static void clear_score(score_context *c)
{
    free(c->prediction.mean);
    free(c->prediction.probability);
    free(c->prediction.log_density);
    free(c->prediction.joint_log_density);
    free(c->truth);
    free(c->weights);
    mele_metrics_free(c->metrics);
    close_source(&c->source);
}

mele_score_options mele_score_defaults(const mele_model *model)
{
    return (mele_score_options){.table = mele_predict_defaults(model).table};
}

mele_status mele_score_file(const mele_model *model, const char *path,
                            const mele_score_options *options, mele_engine *engine,
                            mele_metrics **out, mele_error *error)
{
    const mele_score_options defaults = mele_score_defaults(model);
    const mele_score_options *o = options == NULL ? &defaults : options;
    mele_data_options columns = mele_data_defaults();
    score_context c = {.source = {.model = model, .posteriors = o->posteriors,
                                  .predictions = o->predictions,
                                  .roles = {.weights = MELE_I_NO_COLUMN, .id = MELE_I_NO_COLUMN}},
                       .targets = model->schema->targets,
                       .classes = mele_schema_classes(model->schema)};
    mele_status status = mele_i_check_reserved(o->reserved, error);

    if (status != MELE_OK)
        return status;
    columns.weights = o->weights;
    if (model->gate == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the model has no gate (stage 3) and predicts "
                           "nothing to measure: mele-gate adds it");
    status = check_company(model, o->posteriors, o->predictions, error);
    if (status == MELE_OK)
        status = open_source(path, &o->table, &columns, true, false, &c.source, error);
    if (status == MELE_OK)
        status = score_room(&c, error);
    if (status == MELE_OK)
        status = score_windows(&c, engine, error);
    if (status == MELE_OK) {
        *out = c.metrics;
        c.metrics = NULL;
    }
    clear_score(&c);
    return status;
}
