/* Cross-validation: the whole fit, scaling and partition included, is made again on the rows
 * outside each fold, and predicts the fold. So is the comparison, one expert for all rows. Errors are pooled over the rows of all folds and repeats.
 *
 * Folds are lists of rows: their data share the columns of the whole. A fold is measured, and its
 * predictions kept or forgotten, when it is taken, in the order of the folds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/fit.h>
#include <mele/measure.h>

#include "core/error.h"
#include "core/largest.h"
#include "core/memory.h"
#include "core/option.h"
#include "core/stream.h"
#include "engine/pass.h"
#include "family/fit.h"
#include "family/settle.h"
#include "fit/folds.h"
#include "fit/report.h"
#include "fit/whole.h"
#include "model/options.h"
#include "model/predict.h"
#include "schema/data.h"
#include "study/cv.h"

#define STAGE "cv"
#define WINDOW_ROWS 4096        /* predicted at a time: K posteriors of each are held */
#define MOST_FITS ((size_t)1 << 31) /* so that folds within folds have streams of their own */

enum { MODEL, GLOBAL, SIDES };

/* Of the rows of one fold, until it is taken. */
typedef struct fold_result {
    mele_i_fold fold;
    mele_cv_predictions kept[SIDES];
    double *log_density[SIDES];       /* rows x M; NULL for classes */
    double *joint_log_density[SIDES]; /* rows; NULL for classes */
    size_t clusters;                  /* of the model */
    bool one_group;                   /* there is no other outside the fold */
} fold_result;

typedef struct cv_context {
    const mele_data *data;
    const mele_options *options;
    const mele_cv_options *cv;
    size_t targets, classes, folds;
    const char *expert;     /* the kind of the family's experts; NULL: the usual one */
    size_t *level_of_fold;  /* folds of the data: which of their values each is; NULL: dealt */
    size_t *fold_of_row, *place_of_row; /* place: among the rows that are left out */
    size_t repeat;
    fold_result *fold;      /* of the repeat */
    mele_metrics *all[SIDES], *once[SIDES]; /* of all repeats, of this one */
    size_t one_group;       /* folds so far */
    mele_cv_result *result;
    mele_status status;     /* of what was taken */
    mele_error failure;
} cv_context;

mele_cv_options mele_cv_defaults(void)
{
    return (mele_cv_options){.folds = 10, .repeats = 1};
}

/* ---- folds ---- */

/* The values of the data's folds that rows of positive weight have, in their order. */
static mele_status take_levels(cv_context *c, mele_error *error)
{
    const mele_data *data = c->data;
    unsigned char *there = MELE_I_ZEROED(unsigned char, data->folds);
    char text[64];

    c->level_of_fold = MELE_I_ARRAY(size_t, data->folds);
    if (there == NULL || c->level_of_fold == NULL) {
        free(there);
        return mele_i_no_memory(error);
    }
    for (size_t i = 0; i < data->rows; i++)
        if (mele_i_data_counts(data, i))
            there[data->fold[i]] = 1;
    for (size_t level = 0; level < data->folds; level++)
        if (there[level])
            c->level_of_fold[c->folds++] = level;
    free(there);
    if (c->folds >= 2)
        return MELE_OK;
    mele_i_data_fold_text(data, c->level_of_fold[0], text, sizeof text);
    return mele_i_fail(error, MELE_EDATA, "all rows are in one fold, %s: what is left out needs rows "
                       "in another (--cv N deals the rows)", text);
}

/* The data's folds, as this cross-validation counts them. */
static mele_status copy_folds(const cv_context *c, size_t **out, mele_error *error)
{
    const mele_data *data = c->data;
    size_t *fold = MELE_I_ARRAY(size_t, data->rows), *of_level = MELE_I_ARRAY(size_t, data->folds);

    if (fold == NULL || of_level == NULL) {
        free(fold);
        free(of_level);
        return mele_i_no_memory(error);
    }
    for (size_t f = 0; f < c->folds; f++)
        of_level[c->level_of_fold[f]] = f;
    for (size_t i = 0; i < data->rows; i++)
        fold[i] = mele_i_data_counts(data, i) ? of_level[data->fold[i]] : MELE_I_NO_FOLD;
    free(of_level);
    *out = fold;
    return MELE_OK;
}

/* The streams of a fit's own folds have the indices 1 and 2 (race.c). */
static mele_status make_folds(const cv_context *c, size_t repeat, size_t **out, mele_error *error)
{
    const mele_i_stream stream = mele_i_stream_make(c->options->seed, MELE_I_FOR_FOLDS, 0,
                                                    repeat == 0 ? 0 : repeat + 2);

    return c->level_of_fold != NULL ? copy_folds(c, out, error)
                                    : mele_i_deal_folds(c->data, c->folds, stream, out, error);
}

static mele_status check_counts(const mele_data *data, const mele_cv_options *cv,
                                mele_error *error)
{
    if (mele_i_check_reserved(cv->reserved, error) != MELE_OK)
        return MELE_EINVAL;
    if (data->schema->targets == 0)
        return mele_i_fail(error, MELE_EINVAL, "there is no target to learn (-t COL)");
    if (cv->folds == 0 && data->fold == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the data have no folds of their own: --folds COL "
                           "names their column, --cv N deals the rows");
    if (cv->folds == 1)
        return mele_i_fail(error, MELE_EINVAL, "1 fold leaves no row to train on: take 2 or more");
    if (cv->repeats == 0 || (cv->folds == 0 && cv->repeats > 1))
        return mele_i_fail(error, MELE_EINVAL, cv->repeats == 0
                           ? "0 repeats leave nothing to measure: take 1 or more"
                           : "folds that the data have are not dealt anew: --repeats goes with "
                             "--cv N");
    return MELE_OK;
}

/* Of a file it was said where its rows were read. */
static mele_status check_groups(const mele_data *data, mele_error *error)
{
    mele_i_fold_clash clash;
    mele_status status = mele_i_data_find_clash(data, &clash, error);

    return status == MELE_OK && clash.found ? mele_i_data_refuse_clash(data, &clash, NULL, error)
                                            : status;
}

/* What comes with the rows, of which there are so many (NULL: it does not), is of all of them. */
static mele_status check_company(const mele_data *data, const char *what, const size_t *count,
                                 mele_error *error)
{
    const size_t rows = data->rows + data->dropped;

    if (count != NULL && *count != rows)
        return mele_i_fail(error, MELE_EDATA, "the %s have %zu rows, the data have %zu", what, *count,
                           rows);
    return MELE_OK;
}

/* Whether the rows, or groups, are as many as the folds that they are dealt to. */
static mele_status check_units(const mele_data *data, size_t folds, mele_error *error)
{
    const char *unit = data->group == NULL ? "row" : "group";
    size_t units;
    mele_status status = mele_i_count_units(data, &units, error);

    if (status != MELE_OK || units >= folds)
        return status;
    if (units == 1)
        return mele_i_fail(error, MELE_EDATA, "1 %s does not fill %zu folds", unit, folds);
    return mele_i_fail(error, MELE_EDATA, "%zu %ss do not fill %zu folds: take %zu at most", units,
                       unit, folds, units);
}

/* What can be refused before anything is fitted; how many folds there are. */
static mele_status prepare(cv_context *c, mele_error *error)
{
    const mele_posteriors *posteriors = c->cv->posteriors;
    const mele_predictions *said = c->cv->predictions;
    mele_status status = check_counts(c->data, c->cv, error);

    c->folds = c->cv->folds;
    if (status == MELE_OK)
        status = c->folds > 0 ? check_units(c->data, c->folds, error) : take_levels(c, error);
    if (status == MELE_OK && c->cv->folds == 0)
        status = check_groups(c->data, error);
    if (status == MELE_OK)
        status = check_company(c->data, "posteriors", posteriors == NULL ? NULL : &posteriors->rows,
                               error);
    if (status == MELE_OK)
        status = check_company(c->data, "predictions", said == NULL ? NULL : &said->rows, error);
    if (status == MELE_OK && c->cv->rows)
        status = mele_i_cv_check_header(c->data, error);
    if (status == MELE_OK && c->cv->repeats > MOST_FITS / c->folds)
        status = mele_i_fail(error, MELE_EINVAL, "%zu folds can be dealt %zu times at most, not %zu",
                             c->folds, MOST_FITS / c->folds, c->cv->repeats);
    return status;
}

mele_status mele_cv_check(const mele_data *data, const mele_cv_options *cv, mele_error *error)
{
    const mele_cv_options chosen = cv == NULL ? mele_cv_defaults() : *cv;
    cv_context c = {.data = data, .cv = &chosen};
    mele_status status = prepare(&c, error);

    free(c.level_of_fold);
    return status;
}

/* ---- one fold ---- */

static void fold_result_clear(fold_result *f)
{
    mele_i_fold_clear(&f->fold);
    for (int side = 0; side < SIDES; side++) {
        mele_i_cv_predictions_clear(&f->kept[side]);
        free(f->log_density[side]);
        free(f->joint_log_density[side]);
    }
    memset(f, 0, sizeof *f);
}

static mele_status make_room(const cv_context *c, fold_result *f, int side, mele_error *error)
{
    const size_t rows = f->fold.left_out->rows;

    if (!mele_i_cv_predictions_new(rows, c->targets, c->classes, &f->kept[side]))
        return mele_i_no_memory(error);
    if (c->classes > 0)
        return MELE_OK;
    f->log_density[side] = mele_i_array(rows, c->targets * sizeof(double));
    f->joint_log_density[side] = MELE_I_ARRAY(double, rows);
    return f->log_density[side] == NULL || f->joint_log_density[side] == NULL
               ? mele_i_no_memory(error)
               : MELE_OK;
}

/* Predicting the rows of a fold, some at a time. */
typedef struct window {
    const cv_context *c;
    const mele_model *model;
    const mele_data *left_out;
    fold_result *to;
    int side;
    size_t first, count;
    bool by_gate;
    double *regions; /* count x K: the posteriors, or by_gate the weights, whose largest tells the region; NULL:
                        there are none */
    double *given;   /* count x K; NULL: the model's partition */
    mele_predictions said;      /* count of outside experts; no rows: the model's own */
} window;

static double *from_row(double *array, size_t row, size_t width)
{
    return array == NULL ? NULL : array + row * width;
}

/* Each row's own posteriors, of those that came from elsewhere. */
static void gather_given(const window *w)
{
    const mele_posteriors *all = w->c->cv->posteriors;

    for (size_t i = 0; i < w->count && w->given != NULL; i++) {
        const size_t row = mele_i_data_row(w->left_out, w->first + i);
        memcpy(w->given + i * all->clusters, all->log_posteriors + row * all->clusters,
               all->clusters * sizeof *w->given);
    }
}

/* The same of what outside experts say. */
static void gather_said(const window *w)
{
    const mele_predictions *all = w->c->cv->predictions;
    const size_t width = w->said.clusters * w->said.outputs;

    for (size_t i = 0; i < w->count && w->said.rows > 0; i++) {
        const size_t row = mele_i_data_row(w->left_out, w->first + i);
        memcpy(w->said.mean + i * width, all->mean + row * width, width * sizeof *w->said.mean);
        if (w->said.sd != NULL)
            memcpy(w->said.sd + i * width, all->sd + row * width, width * sizeof *w->said.sd);
    }
}

static mele_status make_said(window *w, size_t most, mele_error *error)
{
    const mele_predictions *all = w->c->cv->predictions;

    if (all == NULL || w->side != MODEL)
        return MELE_OK;
    const size_t bytes = all->clusters * all->outputs * sizeof(double);
    w->said = (mele_predictions){.rows = most, .clusters = all->clusters, .outputs = all->outputs,
                                 .mean = mele_i_array(most, bytes),
                                 .sd = all->sd == NULL ? NULL : mele_i_array(most, bytes)};
    return w->said.mean == NULL || (all->sd != NULL && w->said.sd == NULL) ? mele_i_no_memory(error)
                                                                            : MELE_OK;
}

static mele_status predict_window(const window *w, mele_engine *engine, mele_error *error)
{
    const size_t targets = w->c->targets, clusters = mele_model_clusters(w->model);
    mele_cv_predictions *kept = &w->to->kept[w->side];
    mele_i_features features = mele_i_data_features(w->left_out);
    mele_predictions said = w->said;
    const mele_prediction wanted = {
        .mean = from_row(kept->mean, w->first, targets),
        .probability = from_row(kept->probability, w->first, w->c->classes),
        .sd = from_row(kept->sd, w->first, targets),
        .log_density = from_row(w->to->log_density[w->side], w->first, targets),
        .joint_log_density = from_row(w->to->joint_log_density[w->side], w->first, 1),
        .log_posteriors = w->by_gate ? NULL : w->regions,
        .log_gate = w->by_gate ? w->regions : NULL,
        .predictions = said.rows > 0 ? &said : NULL,
        .targets = w->left_out->targets + w->first * targets};

    features.row += w->first;
    features.rows = w->count;
    said.rows = said.rows > 0 ? w->count : 0;
    gather_given(w);
    gather_said(w);
    mele_status status = mele_i_model_predict(w->model, &features, w->given, engine, &wanted,
                                              error);
    for (size_t i = 0; i < w->count && status == MELE_OK; i++)
        kept->cluster[w->first + i] = w->regions == NULL || isnan(wanted.mean[i * targets])
                                          ? MELE_NO_CLUSTER
                                          : mele_i_largest(w->regions + i * clusters, clusters);
    return status;
}

static mele_status predict_fold(const cv_context *c, const mele_model *model, int side,
                                fold_result *to, mele_engine *engine, mele_error *error)
{
    const size_t rows = to->fold.left_out->rows, clusters = mele_model_clusters(model);
    const bool given = c->cv->posteriors != NULL && side == MODEL;
    const bool by_gate = mele_i_model_regions_by_gate(model, given);
    const bool known = given || by_gate || mele_model_has_partition(model);
    const size_t most = rows < WINDOW_ROWS ? rows : WINDOW_ROWS;
    window w = {.c = c, .model = model, .left_out = to->fold.left_out, .to = to, .side = side,
                .by_gate = by_gate, .regions = known ? mele_i_array(most, clusters * sizeof(double)) : NULL,
                .given = given ? mele_i_array(most, clusters * sizeof(double)) : NULL};
    mele_status status = make_room(c, to, side, error);

    if (status == MELE_OK && ((known && w.regions == NULL) || (given && w.given == NULL)))
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = make_said(&w, most, error);
    for (; w.first < rows && status == MELE_OK; w.first += w.count) {
        w.count = rows - w.first < most ? rows - w.first : most;
        status = predict_window(&w, engine, error);
    }
    free(w.regions);
    free(w.given);
    mele_predictions_clear(&w.said);
    return status;
}

/* Fit to the rows outside a fold, with the random streams of that fold, and predict the fold. */
static mele_status fit_and_predict(const cv_context *c, size_t index, int side, fold_result *f,
                                   mele_engine *engine, mele_error *error)
{
    const mele_posteriors *posteriors = side == MODEL ? c->cv->posteriors : NULL;
    mele_options options = *c->options;
    mele_model *model = NULL;

    options.partition.fold = options.experts.fold = c->repeat * c->folds + index + 1;
    if (side == GLOBAL) {
        options.experts.kind = c->expert;
        options.family = mele_options_defaults().family;
        options.family.name = "one";
    }
    const mele_handover handover = {.posteriors = posteriors, .predictions = c->cv->predictions};
    mele_status status =
        side == MODEL && c->cv->predictions != NULL
            ? mele_fit_gate_outside(f->fold.training, &handover, &options, engine, NULL, &model, error)
        : posteriors != NULL
            ? mele_i_fit_whole_outside(f->fold.training, posteriors, &options, engine, &model, error)
            : mele_i_family_fit(f->fold.training, &options, engine, NULL, &model, error);
    if (status == MELE_OK && side == MODEL)
        f->clusters = mele_model_clusters(model);
    if (status == MELE_OK)
        status = predict_fold(c, model, side, f, engine, error);
    mele_model_free(model);
    return status;
}

/* A failure says where: the rows are not those that the caller counts. */
static mele_status tell_fold(const cv_context *c, size_t index, size_t rows, mele_status status,
                             mele_error *error)
{
    char fold[64], message[MELE_MESSAGE_SIZE];

    if (status != MELE_EDATA || error == NULL)
        return status;
    if (c->level_of_fold != NULL)
        mele_i_data_fold_text(c->data, c->level_of_fold[index], fold, sizeof fold);
    else
        snprintf(fold, sizeof fold, "%zu of %zu", index + 1, c->folds);
    memcpy(message, error->message, sizeof message);
    return mele_i_fail(error, status, "outside fold %s %s %zu row%s: %s", fold,
                       rows == 1 ? "is" : "are", rows, rows == 1 ? "" : "s", message);
}

static mele_status run_fold(void *context, size_t index, mele_engine *engine, mele_error *error)
{
    const cv_context *c = context;
    fold_result *f = &c->fold[index];
    mele_status status = mele_i_fold_make(c->data, c->fold_of_row, index, &f->fold, error);

    if (status != MELE_OK)
        return status;
    const size_t rows = f->fold.training->rows;
    f->one_group = mele_i_data_is_one_group(f->fold.training);
    for (int side = 0; side < SIDES && status == MELE_OK; side++)
        status = fit_and_predict(c, index, side, f, engine, error);
    mele_data_free(f->fold.training);
    f->fold.training = NULL;
    return status == MELE_OK ? MELE_OK : tell_fold(c, index, rows, status, error);
}

/* ---- taking a fold ---- */

static void measure_fold(cv_context *c, const fold_result *f, int side)
{
    const mele_data *left_out = f->fold.left_out;
    const mele_cv_predictions *p = &f->kept[side];
    const mele_outcomes outcomes = {left_out->rows, left_out->targets,
                                    c->classes > 0 ? p->probability : p->mean,
                                    f->log_density[side], f->joint_log_density[side],
                                    left_out->weights};

    if (c->status == MELE_OK)
        c->status = mele_metrics_add(c->all[side], &outcomes, &c->failure);
    if (c->status == MELE_OK)
        c->status = mele_metrics_add(c->once[side], &outcomes, &c->failure);
}

static void copy_row(double *to, size_t at, const double *from, size_t i, size_t width)
{
    if (to != NULL)
        memcpy(to + at * width, from + i * width, width * sizeof *to);
}

static void keep_rows(const cv_context *c, size_t index, const fold_result *f)
{
    mele_cv_rows *rows = c->result->left_out;
    mele_cv_predictions *to[SIDES] = {&rows->model, &rows->global};

    for (size_t i = 0; i < f->fold.left_out->rows; i++) {
        const size_t at = c->repeat * c->result->rows + c->place_of_row[f->fold.rows[i]];
        rows->fold[at] = index;
        for (int side = 0; side < SIDES; side++) {
            const mele_cv_predictions *from = &f->kept[side];
            copy_row(to[side]->mean, at, from->mean, i, c->targets);
            copy_row(to[side]->probability, at, from->probability, i, c->classes);
            copy_row(to[side]->sd, at, from->sd, i, c->targets);
            to[side]->cluster[at] = from->cluster[i];
        }
    }
}

static void take_fold(void *context, size_t index)
{
    cv_context *c = context;
    fold_result *f = &c->fold[index];

    for (int side = 0; side < SIDES; side++)
        measure_fold(c, f, side);
    if (c->result->left_out != NULL)
        keep_rows(c, index, f);
    c->result->clusters[c->repeat * c->folds + index] = f->clusters;
    c->one_group += f->one_group;
    fold_result_clear(f);
}

/* ---- all of it ---- */

static mele_status start_metrics(const mele_data *data, mele_metrics **out, mele_error *error)
{
    const mele_schema *schema = data->schema;
    const char **names = MELE_I_ARRAY(const char *, schema->targets);

    if (names == NULL)
        return mele_i_no_memory(error);
    for (size_t t = 0; t < schema->targets; t++)
        names[t] = schema->target[t].name;
    mele_status status = mele_metrics_new(names, schema->targets, mele_schema_classes(schema), out,
                                          error);
    free(names);
    return status;
}

static void store(mele_metrics *metrics, double *out)
{
    const mele_measures measures = mele_metrics_result(metrics);

    memcpy(out, measures.values, measures.count * sizeof *out);
}

static mele_status run_repeat(cv_context *c, mele_engine *engine, mele_error *error)
{
    const size_t fits = c->folds * c->cv->repeats;
    const mele_i_tasks tasks = {.count = c->folds, .run = run_fold, .take = take_fold, .context = c,
                                .stage = STAGE, .before = c->repeat * c->folds, .total = fits,
                                .in_turn = c->data->windows != NULL};
    double *of_repeat[SIDES] = {c->result->model_repeat, c->result->global_repeat};
    mele_status status = make_folds(c, c->repeat, &c->fold_of_row, error);

    for (int side = 0; side < SIDES && status == MELE_OK; side++)
        status = start_metrics(c->data, &c->once[side], error);
    if (status == MELE_OK)
        status = mele_i_tasks_run(engine, &tasks, error);
    if (status == MELE_OK && c->status != MELE_OK)
        status = mele_i_fail(error, c->status, "%s", c->failure.message);
    for (int side = 0; side < SIDES; side++) {
        if (status == MELE_OK)
            store(c->once[side], of_repeat[side] + c->repeat * c->result->measures);
        mele_metrics_free(c->once[side]);
        c->once[side] = NULL;
    }
    free(c->fold_of_row);
    c->fold_of_row = NULL;
    return status;
}

/* The values that folds of a file's column have. */
static mele_status name_folds(const cv_context *c, mele_error *error)
{
    char **value = c->data->fold_name, **name;

    if (value == NULL)
        return MELE_OK;
    c->result->fold_name = name = MELE_I_ZEROED(char *, c->folds);
    for (size_t f = 0; name != NULL && f < c->folds; f++)
        if ((name[f] = mele_i_string(value[c->level_of_fold[f]])) == NULL)
            return mele_i_no_memory(error);
    return name == NULL ? mele_i_no_memory(error) : MELE_OK;
}

/* Room for what all repeats leave. */
static mele_status make_result(cv_context *c, mele_error *error)
{
    mele_status status = MELE_OK;
    size_t place = 0;

    for (int side = 0; side < SIDES && status == MELE_OK; side++)
        status = start_metrics(c->data, &c->all[side], error);
    if (status == MELE_OK) {
        const mele_measures measures = mele_metrics_result(c->all[MODEL]);
        status = mele_i_cv_result_new(c->data, c->folds, c->cv, &measures, &c->result, error);
    }
    if (status == MELE_OK && c->level_of_fold != NULL)
        status = name_folds(c, error);
    if (status == MELE_OK
        && ((c->fold = MELE_I_ZEROED(fold_result, c->folds)) == NULL
            || (c->place_of_row = MELE_I_ARRAY(size_t, c->data->rows)) == NULL))
        status = mele_i_no_memory(error);
    for (size_t i = 0; i < c->data->rows && status == MELE_OK; i++)
        c->place_of_row[i] = mele_i_data_counts(c->data, i) ? place++ : MELE_I_NO_FOLD;
    return status;
}

static mele_status run_repeats(cv_context *c, mele_engine *engine, mele_error *error)
{
    mele_status status = make_result(c, error);

    for (c->repeat = 0; c->repeat < c->cv->repeats && status == MELE_OK; c->repeat++)
        status = run_repeat(c, engine, error);
    if (status != MELE_OK)
        return status;
    store(c->all[MODEL], c->result->model);
    store(c->all[GLOBAL], c->result->global);
    c->result->skipped = mele_metrics_result(c->all[MODEL]).skipped;
    return MELE_OK;
}

static void warn(const cv_context *c, mele_report *report)
{
    const size_t folds = c->folds * c->cv->repeats;

    if (c->result->skipped > 0)
        mele_i_report_warn(report, "the cross-validated errors leave out %zu of %zu rows, which a "
                           "prediction would answer with NA", c->result->skipped,
                           c->result->rows * c->cv->repeats);
    if (c->one_group > 0 && c->cv->predictions == NULL)
        mele_i_report_warn(report, "outside %zu of %zu folds all rows are of one group: the gates there "
                           "are the posteriors (more groups, or more folds, train them)", c->one_group,
                           folds);
    if (c->cv->predictions != NULL)
        mele_i_report_warn(report, "experts are not cross-validated: their predictions are the same in every "
                           "fold, and the gate alone is trained again");
    else if (c->cv->posteriors != NULL)
        mele_i_report_warn(report, "stage 1 is not cross-validated: the posteriors are the same in every "
                           "fold, whatever rows they were made from");
}

static void context_clear(cv_context *c)
{
    for (size_t f = 0; f < c->folds && c->fold != NULL; f++)
        fold_result_clear(&c->fold[f]);
    free(c->fold);
    for (int side = 0; side < SIDES; side++)
        mele_metrics_free(c->all[side]);
    free(c->level_of_fold);
    free(c->place_of_row);
    mele_cv_result_free(c->result);
}

/* The kind of expert that the one for all rows is to be of. */
static mele_status find_expert(cv_context *c, mele_error *error)
{
    mele_options settled;
    mele_status status = mele_i_family_settle(c->data, c->options, &settled, error);

    c->expert = status == MELE_OK ? settled.experts.kind : NULL;
    return status;
}

mele_status mele_cross_validate(const mele_data *data, const mele_options *options,
                                const mele_cv_options *cv, mele_engine *engine,
                                mele_report *report, mele_cv_result **out, mele_error *error)
{
    const mele_cv_options chosen = cv == NULL ? mele_cv_defaults() : *cv;
    cv_context c = {.data = data, .options = options, .cv = &chosen,
                    .targets = data->schema->targets, .classes = mele_schema_classes(data->schema)};
    const bool chooses = options->partition.clusters == 0 && chosen.posteriors == NULL
                         && chosen.predictions == NULL;
    const double start = mele_i_clock();
    mele_status status = mele_i_engine_claim(engine, error);

    if (status != MELE_OK)
        return status;
    status = prepare(&c, error);
    if (status == MELE_OK)
        status = mele_i_family_check(data, options, error);
    if (status == MELE_OK)
        status = find_expert(&c, error);
    if (status == MELE_OK && (chosen.posteriors != NULL || chosen.predictions != NULL))
        status = mele_i_check_by_stages(options, error);
    if (status == MELE_OK)
        status = run_repeats(&c, engine, error);
    mele_i_engine_release(engine);
    if (status == MELE_OK && report != NULL)
        status = mele_i_cv_report(c.result, chooses, report, error);
    if (status == MELE_OK)
        warn(&c, report);
    mele_report_seconds(report, STAGE, mele_i_clock() - start);
    if (status == MELE_OK && out != NULL) {
        *out = c.result;
        c.result = NULL;
    }
    context_clear(&c);
    return status;
}
