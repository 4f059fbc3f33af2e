/* Cross-validation: the whole fit, scaling and partition included, is made again on the rows
 * outside each fold, and predicts the fold. So is the comparison, one expert for all rows. Errors are pooled over the rows of all folds and repeats.
 *
 * Folds are lists of rows: their data share the columns of the whole. A fold is measured, and its
 * predictions kept or forgotten, when it is taken, in the order of the folds. */
#include <stdlib.h>
#include <string.h>

#include <mele/fit.h>
#include <mele/measure.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/option.h"
#include "engine/pass.h"
#include "family/fit.h"
#include "family/settle.h"
#include "fit/folds.h"
#include "fit/left_out.h"
#include "fit/report.h"
#include "fit/whole.h"
#include "model/options.h"
#include "schema/data.h"
#include "study/cv.h"
#include "study/fold_predictions.h"
#include "study/splits.h"

#define STAGE "cv"

enum { MODEL, GLOBAL, SIDES };

/* Of the rows of one fold, until it is taken. */
typedef struct fold_result {
    mele_i_fold fold;
    mele_i_fold_predictions predicted[SIDES];
    size_t clusters;                  /* of the model */
    bool one_group;                   /* there is no other outside the fold */
} fold_result;

typedef struct cv_context {
    const mele_data *data;
    const mele_options *options;
    const mele_cv_options *cv;
    size_t targets, classes, folds;
    const char *expert;     /* the kind of the family's experts; NULL: the usual one */
    mele_i_splits splits;
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

/* ---- refusals ---- */

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

/* What can be refused before anything is fitted; how many folds there are. */
static mele_status prepare(cv_context *c, mele_error *error)
{
    const mele_posteriors *posteriors = c->cv->posteriors;
    const mele_predictions *said = c->cv->predictions;
    mele_status status = mele_i_check_reserved(c->cv->reserved, error);

    if (status == MELE_OK)
        status = mele_i_splits_make(c->data, c->cv, &c->splits, error);
    c->folds = c->splits.folds;
    if (status == MELE_OK)
        status = check_company(c->data, "posteriors", posteriors == NULL ? NULL : &posteriors->rows,
                               error);
    if (status == MELE_OK)
        status = check_company(c->data, "predictions", said == NULL ? NULL : &said->rows, error);
    if (status == MELE_OK && c->cv->rows)
        status = mele_i_cv_check_header(c->data, error);
    return status;
}

mele_status mele_cv_check(const mele_data *data, const mele_cv_options *cv, mele_error *error)
{
    const mele_cv_options chosen = cv == NULL ? mele_cv_defaults() : *cv;
    cv_context c = {.data = data, .cv = &chosen};
    mele_status status = prepare(&c, error);

    mele_i_splits_clear(&c.splits);
    return status;
}

/* ---- one fold ---- */

static void fold_result_clear(fold_result *f)
{
    mele_i_fold_clear(&f->fold);
    for (int side = 0; side < SIDES; side++)
        mele_i_fold_predictions_clear(&f->predicted[side]);
    memset(f, 0, sizeof *f);
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
        options.family.parameters = c->options->family.parameters; /* of one itself */
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
        status = mele_i_fold_predict(model, f->fold.left_out, side == MODEL ? c->cv : NULL, engine,
                                     &f->predicted[side], error);
    mele_model_free(model);
    return status;
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
    return status == MELE_OK ? MELE_OK : mele_i_splits_tell(&c->splits, index, rows, status, error);
}

/* ---- taking a fold ---- */

static void measure_fold(cv_context *c, const fold_result *f, int side)
{
    mele_metrics *to[] = {c->all[side], c->once[side]};

    for (int i = 0; i < 2 && c->status == MELE_OK; i++)
        c->status = mele_i_fold_measure(f->fold.left_out, &f->predicted[side], to[i], &c->failure);
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
            const mele_cv_predictions *from = &f->predicted[side].kept;
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
    mele_status status = mele_i_splits_deal(&c->splits, c->options->seed, c->repeat, &c->fold_of_row,
                                            error);

    for (int side = 0; side < SIDES && status == MELE_OK; side++)
        status = mele_i_metrics_of_data(c->data, &c->once[side], error);
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

/* Room for what all repeats leave. */
static mele_status make_result(cv_context *c, mele_error *error)
{
    mele_status status = MELE_OK;
    size_t place = 0;

    for (int side = 0; side < SIDES && status == MELE_OK; side++)
        status = mele_i_metrics_of_data(c->data, &c->all[side], error);
    if (status == MELE_OK) {
        const mele_measures measures = mele_metrics_result(c->all[MODEL]);
        status = mele_i_cv_result_new(c->data, c->folds, c->cv, &measures, &c->result, error);
    }
    if (status == MELE_OK)
        status = mele_i_splits_name(&c->splits, &c->result->fold_name, error);
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
    mele_i_splits_clear(&c->splits);
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
