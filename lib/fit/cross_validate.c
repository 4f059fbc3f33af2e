/* Cross-validation: the whole fit, scaling and partition included, is made again on the rows
 * outside each fold, and predicts the fold. So is the comparison, the same fit with one region,
 * whose only expert is global. Errors are pooled over the rows of all folds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/fit.h>
#include <mele/measure.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "fit/centres.h"
#include "fit/folds.h"
#include "fit/report.h"
#include "fit/stages.h"
#include "model/options.h"
#include "model/predict.h"
#include "schema/data.h"

/* Left-out predictions of all rows. */
typedef struct predictions {
    double *mean;              /* n x M: means, or probabilities */
    double *log_density;       /* n x m; NULL for classes */
    double *joint_log_density; /* n; NULL for classes */
} predictions;

typedef struct cv_context {
    const mele_data *data;
    const mele_options *options;
    size_t folds, outputs;
    size_t *fold_of_row;
    size_t *clusters; /* of the model of each fold */
    bool *one_group;  /* there is no other outside the fold */
    predictions model, global;
} cv_context;

static bool has_classes(const cv_context *c)
{
    return mele_schema_classes(c->data->schema) > 0;
}

static void predictions_clear(predictions *p)
{
    free(p->mean);
    free(p->log_density);
    free(p->joint_log_density);
}

static mele_status predictions_new(const cv_context *c, size_t rows, predictions *out,
                                   mele_error *error)
{
    size_t targets = c->data->schema->targets;

    out->mean = MELE_I_ARRAY(double, rows * c->outputs);
    if (out->mean == NULL)
        return mele_i_no_memory(error);
    if (has_classes(c))
        return MELE_OK;
    out->log_density = MELE_I_ARRAY(double, rows * targets);
    out->joint_log_density = MELE_I_ARRAY(double, rows);
    return out->log_density == NULL || out->joint_log_density == NULL ? mele_i_no_memory(error)
                                                                      : MELE_OK;
}

/* ---- predictions ---- */

static void scatter(double *to, const double *from, const size_t *rows, size_t count, size_t width)
{
    for (size_t i = 0; to != NULL && i < count; i++)
        memcpy(to + rows[i] * width, from + i * width, width * sizeof *to);
}

/* Predict the left-out rows and put the results where these rows belong. */
static mele_status predict_rows(const cv_context *c, const mele_model *model,
                                const mele_i_fold *fold, const predictions *to,
                                mele_engine *engine, mele_error *error)
{
    const mele_data *left_out = fold->left_out;
    const size_t *rows = fold->rows;
    size_t count = left_out->rows, targets = c->data->schema->targets;
    predictions part = {NULL, NULL, NULL};
    mele_status status = predictions_new(c, count, &part, error);

    if (status == MELE_OK) {
        mele_i_features features = mele_i_data_features(left_out);
        mele_prediction wanted = {.mean = has_classes(c) ? NULL : part.mean,
                                  .probability = has_classes(c) ? part.mean : NULL,
                                  .log_density = part.log_density,
                                  .joint_log_density = part.joint_log_density,
                                  .targets = left_out->targets};
        status = mele_i_model_predict(model, &features, NULL, engine, &wanted, error);
    }
    if (status == MELE_OK) {
        scatter(to->mean, part.mean, rows, count, c->outputs);
        scatter(to->log_density, part.log_density, rows, count, targets);
        scatter(to->joint_log_density, part.joint_log_density, rows, count, 1);
    }
    predictions_clear(&part);
    return status;
}

/* Fit to the rows outside a fold, with the random streams of that fold, and predict the fold. */
static mele_status fit_and_predict(const cv_context *c, size_t index, bool global,
                                   const mele_i_fold *fold, mele_engine *engine, mele_error *error)
{
    mele_options options = *c->options;
    mele_model *model = NULL;

    options.partition.fold = options.experts.fold = index + 1;
    if (global) {
        mele_i_centres_forget(&options);
        options.partition.clusters = 1;
        options.partition.method = "kmeans";
        options.gate.kind = "posterior";
    }
    mele_status status = mele_fit(fold->training, &options, engine, NULL, &model, error);
    if (status == MELE_OK && !global) {
        c->clusters[index] = mele_model_clusters(model);
        c->one_group[index] = mele_i_data_is_one_group(fold->training);
    }
    if (status == MELE_OK)
        status = predict_rows(c, model, fold, global ? &c->global : &c->model, engine, error);
    mele_model_free(model);
    return status;
}

static mele_status run_fold(void *context, size_t index, mele_engine *engine, mele_error *error)
{
    const cv_context *c = context;
    mele_i_fold fold;
    mele_status status = mele_i_fold_make(c->data, c->fold_of_row, index, &fold, error);

    if (status != MELE_OK)
        return status;
    for (int global = 0; global < 2 && status == MELE_OK; global++)
        status = fit_and_predict(c, index, global, &fold, engine, error);
    mele_i_fold_clear(&fold);
    return status;
}

/* ---- the errors ---- */

static mele_status measure(const cv_context *c, const predictions *p, json_t **out,
                           size_t *skipped, mele_error *error)
{
    const mele_schema *schema = c->data->schema;
    const char **names = MELE_I_ARRAY(const char *, schema->targets);
    mele_metrics *metrics = NULL;
    mele_status status = MELE_OK;

    if (names == NULL)
        return mele_i_no_memory(error);
    for (size_t t = 0; t < schema->targets; t++)
        names[t] = schema->target[t].name;
    mele_outcomes outcomes = {c->data->rows, c->data->targets, p->mean, p->log_density,
                              p->joint_log_density, c->data->weights};
    status = mele_metrics_new(names, schema->targets, mele_schema_classes(schema), &metrics, error);
    if (status == MELE_OK)
        status = mele_metrics_add(metrics, &outcomes, error);
    if (status == MELE_OK) {
        mele_measures measures = mele_metrics_result(metrics);
        *skipped = measures.skipped;
        if ((*out = mele_i_report_measures(&measures)) == NULL)
            status = mele_i_no_memory(error);
    }
    mele_metrics_free(metrics);
    free(names);
    return status;
}

/* How many regions each fold's model has. */
static json_t *clusters_of_folds(const cv_context *c)
{
    json_t *list = json_array();

    for (size_t fold = 0; fold < c->folds && list != NULL; fold++)
        if (json_array_append_new(list, json_integer((json_int_t)c->clusters[fold])) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static mele_status report_errors(const cv_context *c, mele_report *report, mele_error *error)
{
    json_t *cv = json_object(), *model = NULL, *global = NULL;
    size_t skipped = 0, one_group = 0;
    mele_status status = measure(c, &c->model, &model, &skipped, error);

    if (status == MELE_OK)
        status = measure(c, &c->global, &global, &skipped, error);
    if (status == MELE_OK && skipped > 0)
        mele_i_report_warn(report, "the cross-validated errors leave out %zu of %zu rows, which a "
                           "prediction would answer with NA", skipped, c->data->rows);
    for (size_t fold = 0; fold < c->folds && status == MELE_OK; fold++)
        one_group += c->one_group[fold];
    if (one_group > 0)
        mele_i_report_warn(report, "outside %zu of %zu folds all rows are of one group: the gates there "
                           "are the posteriors (more groups, or more folds, train them)", one_group,
                           c->folds);
    if (status != MELE_OK) {
        json_decref(model);
        json_decref(cv);
        return status;
    }
    bool good = mele_i_json_put(cv, "folds", json_integer((json_int_t)c->folds));
    if (skipped > 0)
        good = mele_i_json_put(cv, "skipped", json_integer((json_int_t)skipped)) && good;
    good = mele_i_json_put(cv, "model", model) && good;
    good = mele_i_json_put(cv, "global", global) && good;
    if (c->options->partition.clusters == 0)
        good = mele_i_json_put(cv, "clusters", clusters_of_folds(c)) && good;
    mele_i_report_set(report, "cv", cv);
    return good ? MELE_OK : mele_i_no_memory(error);
}

mele_status mele_cross_validate(const mele_data *data, const mele_options *options, size_t folds,
                                mele_engine *engine, mele_report *report, mele_error *error)
{
    size_t classes = mele_schema_classes(data->schema), targets = data->schema->targets;
    cv_context c = {.data = data, .options = options, .folds = folds,
                    .outputs = classes > 0 ? classes : targets};
    mele_i_tasks tasks = {.count = folds, .run = run_fold, .context = &c, .stage = "cv"};
    double start = mele_i_clock();
    mele_status status;

    if (targets == 0)
        return mele_i_fail(error, MELE_EINVAL, "there is no target to learn (-t COL)");
    status = mele_i_options_check(options, error);
    if (status == MELE_OK)
        status = mele_i_data_check_options(data, &options->data, error);
    if (status == MELE_OK)
        status = mele_i_check_columns(data, options, error);
    if (status == MELE_OK)
        status = mele_i_deal_folds(data, folds,
                                   mele_i_stream_make(options->seed, MELE_I_FOR_FOLDS, 0, 0),
                                   &c.fold_of_row, error);
    if (status == MELE_OK
        && ((c.clusters = MELE_I_ARRAY(size_t, folds)) == NULL
            || (c.one_group = MELE_I_ZEROED(bool, folds)) == NULL))
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = predictions_new(&c, data->rows, &c.model, error);
    if (status == MELE_OK)
        status = predictions_new(&c, data->rows, &c.global, error);
    if (status == MELE_OK)
        status = mele_i_tasks_run(engine, &tasks, error);
    if (status == MELE_OK)
        status = report_errors(&c, report, error);
    mele_report_seconds(report, "cv", mele_i_clock() - start);
    predictions_clear(&c.model);
    predictions_clear(&c.global);
    free(c.clusters);
    free(c.one_group);
    free(c.fold_of_row);
    return status;
}
