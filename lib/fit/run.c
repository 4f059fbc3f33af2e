#include "fit/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/total.h"
#include "engine/rows.h"
#include "fit/report.h"
#include "gate/candidates.h"
#include "model/options.h"
#include "partition/partition.h"
#include "schema/data.h"

#define MOST_HELD ((size_t)1 << 21) /* numbers: 16 MB */

mele_i_run mele_i_run_of(const mele_data *data, const mele_handover *handover,
                         const mele_options *options, mele_engine *engine, mele_report *report,
                         mele_model *model)
{
    mele_i_run run = {.data = data, .options = options, .engine = engine, .report = report,
                      .model = model};

    if (handover != NULL) {
        run.posteriors = handover->posteriors;
        run.given = handover->left_out;
        run.predictions = handover->predictions;
    }
    run.gate = options == NULL ? mele_gate_defaults() : options->gate;
    run.features = mele_i_data_features(data);
    return run;
}

void mele_i_run_left_out_clear(mele_i_run_left_out *left_out)
{
    mele_left_out_free(left_out->all);
    mele_i_left_out_own_free(left_out->own);
    *left_out = (mele_i_run_left_out){NULL, NULL};
}

void mele_i_run_clear(mele_i_run *run)
{
    free(run->labels);
    free(run->constant);
    mele_i_run_left_out_clear(&run->left_out);
    json_decref(run->gate_choice);
    run->gate_choice = NULL;
    mele_i_row_cache_clear(&run->expert_x.cache);
    mele_i_row_cache_clear(&run->gate_x.cache);
    run->labels = NULL;
    run->constant = NULL;
}

size_t mele_i_run_classes(const mele_i_run *run)
{
    return mele_schema_classes(run->model->schema);
}

bool mele_i_run_may_be_global(const mele_i_run *run)
{
    return strcmp(run->gate.kind, "auto") == 0 || strcmp(run->gate.kind, "global") == 0;
}

/* ---- what stages share ---- */

/* Few scaled features that are made in memory are held once they are made many times, as logistic
 * experts and gates on features ask for. */
static void hold_few(mele_i_run_design *design)
{
    const mele_rows *x = &design->rows;

    if (x->data == NULL && design->source.features->windows == NULL
        && x->rows <= MOST_HELD / x->cols)
        design->rows = mele_i_row_cache_make(&design->cache, x);
}

static mele_rows design_of(mele_i_run *run, const mele_i_selection *sees, mele_i_run_design *design)
{
    const mele_model *model = run->model;

    if (design->rows.cols > 0)
        return design->rows;
    design->source = (mele_i_design_rows){mele_i_selection_schema(sees, model->schema),
                                          mele_i_selection_scaling(sees, &model->scaling), NULL,
                                          &run->features, sees->feature};
    design->rows = mele_i_design_rows_of(&design->source);
    hold_few(design);
    return design->rows;
}

mele_rows mele_i_run_expert_x(mele_i_run *run)
{
    return design_of(run, &run->model->expert_features, &run->expert_x);
}

mele_rows mele_i_run_gate_x(mele_i_run *run)
{
    const mele_i_selection *sees = &run->model->gate_features;

    if (mele_i_selection_equal(sees, &run->model->expert_features))
        return mele_i_run_expert_x(run);
    return design_of(run, sees, &run->gate_x);
}

mele_rows mele_i_run_targets(mele_i_run *run)
{
    const mele_model *model = run->model;

    run->targets = (mele_i_scaled_rows){
        &model->target_scaling,
        mele_matrix_of(run->data->targets, run->features.rows, model->schema->targets)};
    return mele_i_run_classes(run) > 0 ? mele_rows_of(&run->targets.matrix)
                                       : mele_i_scaled_rows_of(&run->targets);
}

mele_status mele_i_run_coordinates(mele_i_run *run, bool with_targets, bool hold,
                                   mele_i_coordinates *out, mele_error *error)
{
    const mele_model *model = run->model;
    const mele_i_space *space = &model->space;
    const double *targets = space->target_columns > 0 && with_targets ? run->data->targets : NULL;

    out->owned = NULL;
    out->source = (mele_i_space_rows){space, model->schema, model->scaling.center, &run->features,
                                      targets};
    out->rows = mele_i_space_rows_of(&out->source);
    if (out->rows.data != NULL || run->features.windows != NULL || !hold)
        return MELE_OK;
    out->owned = mele_i_large_array(out->rows.rows, out->rows.cols * sizeof(double));
    if (out->owned == NULL)
        return mele_i_no_memory(error);
    out->rows = mele_i_rows_in_memory(out->owned, out->rows.rows, out->rows.cols);
    return mele_i_space_encode(&out->source, run->engine, out->owned, error);
}

/* ---- posteriors ---- */

/* A read() of mele_rows: those that came from elsewhere, of the rows that are used. */
static mele_status read_given(void *user, size_t first, size_t count, double *out,
                              mele_error *error)
{
    const mele_i_run *run = user;
    const size_t clusters = run->posteriors->clusters;

    (void)error;
    for (size_t i = 0; i < count; i++)
        memcpy(out + i * clusters,
               run->posteriors->log_posteriors
                   + mele_i_data_row(run->data, first + i) * clusters, clusters * sizeof *out);
    return MELE_OK;
}

static mele_status take_posteriors(mele_i_run *run, mele_rows *out, mele_error *error)
{
    const mele_posteriors *given = run->posteriors;
    const size_t rows = run->features.rows, clusters = run->model->clusters;
    const size_t all = rows + run->data->dropped;

    if (given->rows != all || given->clusters != clusters)
        return mele_i_fail(error, MELE_EDATA, "the posteriors are %zu x %zu, the data have %zu "
                           "rows and the model %zu regions", given->rows, given->clusters, all,
                           clusters);
    for (size_t i = 0; i < rows; i++)
        if (isnan(given->log_posteriors[mele_i_data_row(run->data, i) * clusters]))
            return mele_i_fail(error, MELE_EDATA, "row %zu has no posteriors, which it needs: leave it out "
                               "of the data, too", mele_i_data_row(run->data, i) + 1);
    *out = mele_rows_of_array(given->log_posteriors, rows, clusters);
    if (run->data->dropped > 0)
        *out = (mele_rows){rows, clusters, NULL, 0, read_given, run};
    return MELE_OK;
}

static mele_status make_posteriors(mele_i_run *run, const mele_partition *partition,
                                   bool with_targets, mele_i_run_posteriors *out,
                                   mele_error *error)
{
    mele_status status = mele_i_run_coordinates(run, with_targets, false, &out->points, error);

    if (status != MELE_OK)
        return status;
    out->made = (mele_i_posterior_rows){partition, &out->points.rows};
    out->rows = mele_i_posterior_rows_of(&out->made);
    return MELE_OK;
}

mele_status mele_i_run_need_joint(mele_i_run *run, mele_error *error)
{
    const mele_model *model = run->model;

    if (run->joint.rows.cols > 0)
        return MELE_OK;
    if (run->posteriors != NULL)
        return take_posteriors(run, &run->joint.rows, error);
    if (model->joint == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the model has no stage 1: it needs --posteriors");
    return make_posteriors(run, model->joint, true, &run->joint, error);
}

mele_status mele_i_run_need_marginal(mele_i_run *run, mele_error *error)
{
    const mele_model *model = run->model;
    mele_status status = mele_i_run_need_joint(run, error);

    if (status != MELE_OK || run->marginal.rows.cols > 0)
        return status;
    if (run->posteriors == NULL && model->marginal != model->joint)
        return make_posteriors(run, model->marginal, false, &run->marginal, error);
    run->marginal.rows = run->joint.rows;
    return MELE_OK;
}

mele_status mele_i_run_need_labels(mele_i_run *run, mele_error *error)
{
    mele_status status = mele_i_run_need_joint(run, error);

    if (status != MELE_OK || run->labels != NULL)
        return status;
    uint32_t *labels = mele_i_large_array(run->features.rows, sizeof *labels);
    if (labels == NULL)
        return mele_i_no_memory(error);
    status = run->posteriors != NULL
                 ? mele_assignment_labels(&run->joint.rows, run->engine, labels, error)
                 : mele_partition_assign(run->model->joint, &run->joint.points.rows, run->engine,
                                         labels, error);
    if (status == MELE_OK)
        run->labels = labels;
    else
        free(labels);
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
    return mele_i_scaling_fit_matrix(&view, run->data->weights, MELE_I_SCALE_TARGET, run->engine,
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
    if (settled.gate.on == NULL && !mele_i_gate_is_auto(&settled.gate))
        settled.gate.on = mele_gate_input(0);
    if (run->model->experts == NULL)
        return settled;
    settled.experts.kind = mele_experts_name(run->model->experts);
    for (size_t i = 0; mele_expert_kind(i) != NULL; i++)
        if (settled.experts.ridge == MELE_RIDGE_DEFAULT
            && strcmp(mele_expert_kind(i), settled.experts.kind) == 0)
            settled.experts.ridge = mele_expert_ridge(i);
    return settled;
}

/* Outside experts come of no option of stages 1 and 2. */
static json_t *record_of_options(const mele_i_run *run, const mele_options *options,
                                 mele_option_stage last)
{
    json_t *record = mele_i_options_save(options, last);
    mele_i_option_place place;

    for (size_t i = 0; run->model->outside != NULL && record != NULL && mele_i_option_at(i, &place);
         i++)
        if (place.stage == MELE_OPTION_PARTITION || place.stage == MELE_OPTION_EXPERTS)
            json_object_del(record, place.option->name);
    return record;
}

mele_status mele_i_run_record_options(mele_i_run *run, mele_error *error)
{
    json_t *training = run->model->training;
    mele_option_stage last = mele_i_model_last_stage(run->model);
    mele_options settled = settled_options(run);

    if (!mele_i_json_put(training, "options", record_of_options(run, &settled, last))
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
