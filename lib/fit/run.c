#include "fit/run.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/total.h"
#include "engine/rows.h"
#include "fit/report.h"
#include "model/options.h"
#include "partition/partition.h"
#include "schema/data.h"

mele_i_run mele_i_run_of(const mele_data *data, const mele_handover *handover,
                         const mele_options *options, mele_engine *engine, mele_report *report,
                         mele_model *model)
{
    mele_i_run run = {.data = data, .options = options, .engine = engine, .report = report,
                      .model = model};

    if (handover != NULL) {
        run.posteriors = handover->posteriors;
        run.given = handover->left_out;
    }
    run.features = mele_i_data_features(data);
    return run;
}

void mele_i_run_clear(mele_i_run *run)
{
    free(run->design);
    free(run->made_targets);
    free(run->made_joint);
    free(run->made_marginal);
    mele_left_out_free(run->left_out);
    run->design = run->made_targets = run->made_joint = run->made_marginal = NULL;
    run->targets = run->joint = run->marginal = NULL;
    run->left_out = NULL;
}

size_t mele_i_run_classes(const mele_i_run *run)
{
    return mele_schema_classes(run->model->schema);
}

/* ---- what stages share ---- */

mele_status mele_i_run_need_design(mele_i_run *run, mele_error *error)
{
    const mele_model *model = run->model;

    if (run->design != NULL)
        return MELE_OK;
    run->design = mele_i_large_array(run->features.rows, model->scaling.columns * sizeof(double));
    if (run->design == NULL)
        return mele_i_no_memory(error);
    return mele_i_encode(model->schema, &model->scaling, NULL, &run->features, run->engine,
                         run->design, error);
}

mele_status mele_i_run_need_targets(mele_i_run *run, mele_error *error)
{
    size_t rows = run->features.rows, targets = run->model->schema->targets;

    if (run->targets != NULL)
        return MELE_OK;
    if (mele_i_run_classes(run) > 0) {
        run->targets = run->data->targets;
        return MELE_OK;
    }
    run->targets = run->made_targets = mele_i_large_array(rows * targets, sizeof(double));
    if (run->made_targets == NULL)
        return mele_i_no_memory(error);
    mele_matrix view = mele_matrix_of(run->data->targets, rows, targets);
    return mele_i_encode_matrix(&run->model->target_scaling, &view, run->engine, run->made_targets,
                                error);
}

mele_status mele_i_run_coordinates(mele_i_run *run, bool with_targets, bool in_memory,
                                   mele_i_coordinates *out, mele_error *error)
{
    const mele_model *model = run->model;
    const mele_i_space *space = &model->space;
    const double *targets = space->target_columns > 0 && with_targets ? run->data->targets : NULL;
    mele_status status = MELE_OK;

    out->owned = NULL;
    out->source = (mele_i_space_rows){space, model->schema, model->scaling.center, &run->features,
                                      targets};
    out->rows = mele_i_space_rows_of(&out->source);
    if (out->rows.data != NULL || (run->features.windows != NULL && !in_memory))
        return MELE_OK;
    if (targets == NULL && mele_i_space_is_design(space, &model->scaling)) {
        status = mele_i_run_need_design(run, error);
        out->rows = mele_i_rows_in_memory(run->design, out->rows.rows, out->rows.cols);
        return status;
    }
    out->owned = mele_i_large_array(out->rows.rows, out->rows.cols * sizeof(double));
    if (out->owned == NULL)
        return mele_i_no_memory(error);
    out->rows = mele_i_rows_in_memory(out->owned, out->rows.rows, out->rows.cols);
    return mele_i_space_encode(space, model->schema, model->scaling.center, &run->features,
                               targets, run->engine, out->owned, error);
}

static mele_status posteriors_of(mele_i_run *run, const mele_partition *partition,
                                 bool with_targets, double **out, mele_error *error)
{
    mele_i_coordinates points;
    mele_status status = mele_i_run_coordinates(run, with_targets, true, &points, error);

    if (status == MELE_OK) {
        *out = mele_i_large_array(run->features.rows * run->model->clusters, sizeof(double));
        status = *out == NULL ? mele_i_no_memory(error) : MELE_OK;
    }
    if (status == MELE_OK) {
        mele_matrix view = {points.rows.data, points.rows.rows, points.rows.cols,
                            points.rows.stride};
        status = mele_partition_log_posteriors(partition, &view, run->engine, *out, error);
    }
    free(points.owned);
    return status;
}

/* The posteriors that came from elsewhere, of the rows that are used. */
static mele_status take_posteriors(mele_i_run *run, mele_error *error)
{
    const mele_posteriors *given = run->posteriors;
    size_t rows = run->features.rows, clusters = run->model->clusters;
    size_t all = rows + run->data->dropped;

    if (given->rows != all || given->clusters != clusters)
        return mele_i_fail(error, MELE_EDATA, "the posteriors are %zu x %zu, the data have %zu "
                           "rows and the model %zu regions", given->rows, given->clusters, all,
                           clusters);
    if (run->data->dropped == 0) {
        run->marginal = run->joint = given->log_posteriors;
        return MELE_OK;
    }
    run->made_joint = mele_i_large_array(rows * clusters, sizeof(double));
    if (run->made_joint == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < rows; i++) {
        size_t from = mele_i_data_row(run->data, i);
        memcpy(run->made_joint + i * clusters, given->log_posteriors + from * clusters,
               clusters * sizeof *run->made_joint);
    }
    run->marginal = run->joint = run->made_joint;
    return MELE_OK;
}

mele_status mele_i_run_need_joint(mele_i_run *run, mele_error *error)
{
    mele_model *model = run->model;
    mele_status status;

    if (run->joint != NULL)
        return MELE_OK;
    if (run->posteriors != NULL)
        return take_posteriors(run, error);
    if (model->joint == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the model has no stage 1: it needs --posteriors");
    status = posteriors_of(run, model->joint, true, &run->made_joint, error);
    run->joint = run->made_joint;
    if (status == MELE_OK && model->marginal == model->joint)
        run->marginal = run->joint;
    return status;
}

mele_status mele_i_run_need_marginal(mele_i_run *run, mele_error *error)
{
    mele_status status = mele_i_run_need_joint(run, error);

    if (status != MELE_OK || run->marginal != NULL)
        return status;
    status = posteriors_of(run, run->model->marginal, false, &run->made_marginal, error);
    run->marginal = run->made_marginal;
    return status;
}

mele_status mele_i_run_scale_targets(mele_i_run *run, mele_error *error)
{
    mele_model *model = run->model;
    const mele_schema *schema = model->schema;

    if (schema->targets == 0 || mele_schema_classes(schema) > 0
        || model->target_scaling.columns > 0)
        return MELE_OK;
    mele_matrix view = mele_matrix_of(run->data->targets, run->features.rows, schema->targets);
    return mele_i_scaling_fit_matrix(&view, run->data->weights, MELE_I_SCALE_STANDARD, run->engine,
                                     &model->target_scaling, error);
}

/* ---- what the model records of its training ---- */

mele_status mele_i_run_record(mele_i_run *run, const char *key, json_t *value, mele_error *error)
{
    mele_i_report_set(run->report, key, json_incref(value));
    if (!mele_i_json_put(run->model->training, key, value))
        return mele_i_no_memory(error);
    return MELE_OK;
}

/* What defaults stood for, so that a later stage, or a later release, does not take others. */
static mele_options settled_options(const mele_i_run *run)
{
    mele_options settled = *run->options;
    const json_t *partition = json_object_get(run->model->training, "partition");

    if (settled.criterion == NULL)
        settled.criterion = json_string_value(json_object_get(partition, "criterion"));
    if (run->model->schema->targets > 0)
        settled.data.task = mele_i_run_classes(run) > 0 ? "classification" : "regression";
    if (run->model->experts == NULL)
        return settled;
    settled.experts.kind = mele_experts_name(run->model->experts);
    for (size_t i = 0; mele_expert_kind(i) != NULL; i++)
        if (settled.experts.ridge == MELE_RIDGE_DEFAULT
            && strcmp(mele_expert_kind(i), settled.experts.kind) == 0)
            settled.experts.ridge = mele_expert_ridge(i);
    return settled;
}

mele_status mele_i_run_record_options(mele_i_run *run, mele_error *error)
{
    json_t *training = run->model->training;
    mele_option_stage last = mele_i_model_last_stage(run->model);
    mele_options settled = settled_options(run);

    if (!mele_i_json_put(training, "options", mele_i_options_save(&settled, last))
        || !mele_i_json_put(training, "rows", json_integer((json_int_t)run->features.rows))
        || !mele_i_json_put(training, "weight",
                            json_real(mele_i_total_weight(run->data->weights, run->data->rows))))
        return mele_i_no_memory(error);
    return MELE_OK;
}

void mele_i_run_start_report(const mele_i_run *run)
{
    mele_report *report = run->report;

    mele_i_report_set(report, "rows", json_integer((json_int_t)run->features.rows));
    mele_i_report_set(report, "columns", json_integer((json_int_t)run->model->schema->features));
    mele_i_report_set(report, "clusters", json_integer((json_int_t)run->model->clusters));
    mele_i_report_set(report, "seed", json_integer((json_int_t)run->options->seed));
    mele_i_report_set(report, "threads", json_integer(mele_engine_threads(run->engine)));
    if (run->data->dropped > 0)
        mele_i_report_set(report, "dropped", json_integer((json_int_t)run->data->dropped));
}
