#include "fit/stages.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/largest.h"
#include "core/memory.h"
#include "core/normal.h"
#include "engine/rows.h"
#include "fit/centres.h"
#include "fit/clusters.h"
#include "fit/experts.h"
#include "fit/report.h"
#include "fit/warnings.h"
#include "model/options.h"
#include "model/predict.h"
#include "partition/partition.h"
#include "schema/data.h"
#include "schema/space.h"

#define BLOCK_WORK (1 << 16)

void mele_i_run_clear(mele_i_run *run)
{
    free(run->design);
    free(run->targets);
    if (run->marginal != run->joint)
        free(run->marginal);
    free(run->joint);
    free(run->left_out);
    free(run->left_out_variance);
    run->design = run->targets = run->marginal = run->joint = NULL;
    run->left_out = run->left_out_variance = NULL;
}

static size_t classes(const mele_i_run *run)
{
    return mele_schema_classes(run->model->schema);
}

/* ---- what stages share ---- */

static mele_status need_design(mele_i_run *run, mele_error *error)
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

static mele_status need_targets(mele_i_run *run, mele_error *error)
{
    size_t rows = run->features.rows, targets = run->model->schema->targets;

    if (run->targets != NULL)
        return MELE_OK;
    run->targets = mele_i_large_array(rows * targets, sizeof(double));
    if (run->targets == NULL)
        return mele_i_no_memory(error);
    if (classes(run) > 0) {
        memcpy(run->targets, run->data->targets, rows * sizeof *run->targets);
        return MELE_OK;
    }
    mele_matrix view = mele_matrix_of(run->data->targets, rows, targets);
    mele_i_scale_matrix(&run->model->target_scaling, &view, run->targets);
    return MELE_OK;
}

/* The coordinates of all rows, as stage 1 sees them. */
typedef struct coordinates {
    mele_i_space_rows source;
    mele_rows rows;
    double *owned; /* NULL: they are the design, the data themselves, or in a file */
} coordinates;

/* With in_memory they are not left in the file. */
static mele_status find_coordinates(mele_i_run *run, bool with_targets, bool in_memory,
                                    coordinates *out, mele_error *error)
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
        status = need_design(run, error);
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
    coordinates points;
    mele_status status = find_coordinates(run, with_targets, true, &points, error);

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
    run->joint = mele_i_large_array(rows * clusters, sizeof(double));
    if (run->joint == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < rows; i++) {
        size_t from = mele_i_data_row(run->data, i);
        memcpy(run->joint + i * clusters, given->log_posteriors + from * clusters,
               clusters * sizeof *run->joint);
    }
    run->marginal = run->joint;
    return MELE_OK;
}

static mele_status need_joint(mele_i_run *run, mele_error *error)
{
    mele_model *model = run->model;
    mele_status status;

    if (run->joint != NULL)
        return MELE_OK;
    if (run->posteriors != NULL)
        return take_posteriors(run, error);
    if (model->joint == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the model has no stage 1: it needs --posteriors");
    status = posteriors_of(run, model->joint, true, &run->joint, error);
    if (status == MELE_OK && model->marginal == model->joint)
        run->marginal = run->joint;
    return status;
}

static mele_status need_marginal(mele_i_run *run, mele_error *error)
{
    mele_status status = need_joint(run, error);

    if (status != MELE_OK || run->marginal != NULL)
        return status;
    return posteriors_of(run, run->model->marginal, false, &run->marginal, error);
}

/* ---- what the model records of its training ---- */

static double total_weight(const mele_data *data)
{
    double sum = 0;

    if (data->weights == NULL)
        return (double)data->rows;
    for (size_t i = 0; i < data->rows; i++)
        sum += data->weights[i];
    return sum;
}

/* Set training[key] and the same key of the report, taking the reference. */
static mele_status record(mele_i_run *run, const char *key, json_t *value, mele_error *error)
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
        settled.data.task = classes(run) > 0 ? "classification" : "regression";
    if (run->model->experts == NULL)
        return settled;
    settled.experts.kind = mele_experts_name(run->model->experts);
    for (size_t i = 0; mele_expert_kind(i) != NULL; i++)
        if (settled.experts.ridge == MELE_RIDGE_DEFAULT
            && strcmp(mele_expert_kind(i), settled.experts.kind) == 0)
            settled.experts.ridge = mele_expert_ridge(i);
    return settled;
}

static mele_status record_options(mele_i_run *run, mele_error *error)
{
    json_t *training = run->model->training;
    mele_option_stage last = mele_i_model_last_stage(run->model);
    mele_options settled = settled_options(run);

    if (!mele_i_json_put(training, "options", mele_i_options_save(&settled, last))
        || !mele_i_json_put(training, "rows", json_integer((json_int_t)run->features.rows))
        || !mele_i_json_put(training, "weight", json_real(total_weight(run->data))))
        return mele_i_no_memory(error);
    return MELE_OK;
}

static void start_report(const mele_i_run *run)
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

/* ---- stage 1 ---- */

/* The scaling of regression targets, unless the model has it. */
static mele_status scale_targets(mele_i_run *run, mele_error *error)
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

/* Schema and scalings; *summary, of the design columns, is freed by mele_i_summary_clear(),
 * whatever this returns. */
static mele_status start_model(mele_i_run *run, mele_i_summary *summary, mele_error *error)
{
    mele_model *model = run->model;
    mele_status status = mele_i_schema_copy(run->data->schema, &model->schema, error);

    if (status == MELE_OK)
        status = mele_i_summarise(model->schema, &run->features, run->data->weights, run->engine,
                                  summary, error);
    if (status == MELE_OK)
        status = mele_i_scaling_of(summary, MELE_I_SCALE_STANDARD, &model->scaling, error);
    if (status == MELE_OK)
        status = scale_targets(run, error);
    return status;
}

mele_status mele_i_run_start(mele_i_run *run, mele_error *error)
{
    mele_i_summary summary = {0};
    mele_status status = start_model(run, &summary, error);

    mele_i_summary_clear(&summary);
    return status;
}

static json_t *partition_record(const mele_partition_info *info, const size_t *sizes,
                                json_t *choice)
{
    json_t *object = json_object(), *list = json_array();
    bool good = mele_i_json_put(object, "iterations", json_integer((json_int_t)info->iterations))
                && mele_i_json_put(object, "objective", mele_i_report_real(info->objective))
                && mele_i_json_put(object, "converged", json_boolean(info->converged))
                && mele_i_json_put(object, "merged", json_integer((json_int_t)info->merged))
                && mele_i_json_put(object, "repaired", json_integer((json_int_t)info->repaired));

    for (size_t k = 0; k < info->clusters && good; k++)
        good = json_array_append_new(list, json_integer((json_int_t)sizes[k])) == 0;
    good = mele_i_json_put(object, "sizes", list) && good;
    if (good && choice != NULL)
        good = json_object_update(object, choice) == 0;
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

/* Count the rows of each region by their largest posterior, unless the fit has. */
static mele_status region_sizes(mele_i_run *run, const mele_rows *rows, size_t **out,
                                mele_error *error)
{
    const mele_partition *partition = run->model->joint;
    const size_t *fitted = mele_i_partition_fitted_sizes(partition);
    size_t *sizes = MELE_I_ARRAY(size_t, run->model->clusters);
    mele_status status = MELE_OK;

    if (sizes == NULL)
        status = mele_i_no_memory(error);
    else if (fitted != NULL)
        memcpy(sizes, fitted, run->model->clusters * sizeof *sizes);
    else
        status = mele_partition_sizes(partition, rows, run->engine, sizes, error);
    if (status != MELE_OK)
        free(sizes);
    else
        *out = sizes;
    return status;
}

/* Fit the partition to the rows, which are all there is to time. */
static mele_status fit_regions(mele_i_run *run, const mele_rows *rows, mele_partition_info *info,
                               json_t **choice, mele_error *error)
{
    mele_partition_options options = run->options->partition;
    mele_partition *partition = NULL;
    double *centres = NULL, start = mele_i_clock();
    mele_matrix given;
    mele_status status = mele_i_centres_use(run->options, &run->model->space, &options, &given,
                                            &centres, error);

    options.seed = run->options->seed;
    if (status == MELE_OK)
        status = mele_i_clusters_fit(run->data, rows, run->options, &options, run->engine,
                                     &partition, info, choice, error);
    free(centres);
    mele_report_seconds(run->report, "fit_partition", mele_i_clock() - start);
    if (status != MELE_OK)
        return status;
    return mele_i_model_set_partition(run->model, partition, error);
}

/* The space, and the regions in it with their sizes. */
static mele_status make_regions(mele_i_run *run, const mele_i_summary *summary,
                                mele_partition_info *info, size_t **sizes, json_t **choice,
                                mele_error *error)
{
    const mele_options *options = run->options;
    mele_model *model = run->model;
    coordinates points = {.owned = NULL};
    mele_status status = mele_i_space_fit(model->schema, summary, run->features.rows,
                                          run->data->targets, run->data->weights,
                                          options->cluster_on, options->scale,
                                          options->target_weight, run->engine, &model->space,
                                          error);

    if (status == MELE_OK)
        status = find_coordinates(run, true, false, &points, error);
    if (status == MELE_OK)
        status = fit_regions(run, &points.rows, info, choice, error);
    if (status == MELE_OK)
        status = region_sizes(run, &points.rows, sizes, error);
    free(points.owned);
    return status;
}

mele_status mele_i_run_partition(mele_i_run *run, mele_error *error)
{
    double start = mele_i_clock();
    mele_partition_info info;
    size_t *sizes = NULL;
    json_t *choice = NULL;
    mele_i_summary summary = {0};
    mele_status status = mele_i_options_check(run->options, error);

    if (status == MELE_OK)
        status = start_model(run, &summary, error);
    if (status == MELE_OK)
        status = make_regions(run, &summary, &info, &sizes, &choice, error);
    if (status == MELE_OK) {
        start_report(run);
        mele_i_warn_of_regions(run, &summary, &info, sizes);
        status = record(run, "partition", partition_record(&info, sizes, choice), error);
    }
    if (status == MELE_OK)
        status = record_options(run, error);
    mele_report_seconds(run->report, "partition", mele_i_clock() - start);
    mele_i_summary_clear(&summary);
    json_decref(choice);
    free(sizes);
    return status;
}

/* ---- stage 2 ---- */

/* Room for left-out predictions, as stage 3 needs them. */
static mele_status need_left_out_room(mele_i_run *run, mele_error *error)
{
    size_t rows = run->features.rows * run->model->clusters;
    size_t outputs = mele_model_outputs(run->model), count;

    if (__builtin_mul_overflow(rows, outputs, &count))
        return mele_i_no_memory(error);
    run->left_out = mele_i_large_array(count, sizeof(double));
    if (classes(run) == 0)
        run->left_out_variance = mele_i_large_array(count, sizeof(double));
    if (run->left_out == NULL || (classes(run) == 0 && run->left_out_variance == NULL))
        return mele_i_no_memory(error);
    return MELE_OK;
}

/* Train experts on the run's rows, as the options of the run say but for what `which` says of only,
 * freeze and start; left-out predictions go to the run when there is room. */
static mele_status train_experts(mele_i_run *run, const mele_expert_options *which,
                                 mele_experts **out, mele_expert_info *info, mele_error *error)
{
    mele_model *model = run->model;
    mele_expert_options options = run->options->experts;
    size_t rows = run->features.rows;
    mele_status status = need_joint(run, error);

    options.only = which->only;
    options.freeze = which->freeze;
    options.start = which->start;
    options.seed = run->options->seed;
    options.center = model->scaling.center;
    options.scale = model->scaling.scale;
    if (status == MELE_OK)
        status = need_design(run, error);
    if (status == MELE_OK)
        status = need_targets(run, error);
    if (status != MELE_OK)
        return status;
    mele_matrix design = mele_matrix_of(run->design, rows, model->scaling.columns);
    mele_targets targets = {mele_matrix_of(run->targets, rows, model->schema->targets),
                            classes(run)};
    return mele_experts_fit(&design, &targets, run->data->weights, run->joint, model->clusters,
                            &options, run->engine, out, run->left_out, run->left_out_variance,
                            info, error);
}

/* The model learns of a target that stage 1 did not know. */
static mele_status adopt_targets(mele_i_run *run, mele_error *error)
{
    mele_model *model = run->model;
    mele_schema *schema;

    if (run->data->schema->targets == 0)
        return mele_i_fail(error, MELE_EINVAL, "there is no target to learn (-t COL)");
    if (model->schema->targets == 0) {
        mele_status status = mele_i_schema_copy(run->data->schema, &schema, error);
        if (status != MELE_OK)
            return status;
        model->schema = schema;
    }
    return scale_targets(run, error);
}

/* What a run of stage 2 makes. */
typedef struct expert_results {
    mele_experts *experts;
    mele_expert_info *info; /* K + 1 */
    bool *fresh;            /* K: trained now, or not there before */
} expert_results;

/* Whether there is what is to stay, or to start from. */
static mele_status check_old_experts(const mele_i_run *run, mele_error *error)
{
    const mele_expert_options *options = &run->options->experts;
    const mele_experts *old = run->model->experts;

    if (options->only > 0 && options->freeze > 0)
        return mele_i_fail(error, MELE_EINVAL, "only one expert is trained: none needs to be "
                           "frozen");
    if (old == NULL && (options->freeze > 0 || run->options->warm_start))
        return mele_i_fail(error, MELE_EINVAL, "the model has no experts (stage 2) to %s",
                           options->freeze > 0 ? "freeze" : "start from");
    if (options->freeze > 0 && !mele_experts_has(old, options->freeze - 1))
        return mele_i_fail(error, MELE_EINVAL, "the model has no expert %zu to freeze",
                           options->freeze);
    return MELE_OK;
}

/* Train what is to be trained, and put it together with what stays. */
static mele_status make_experts(mele_i_run *run, expert_results *r, mele_error *error)
{
    const mele_expert_options *options = &run->options->experts;
    const mele_experts *old = run->model->experts;
    const bool warm = run->options->warm_start;
    const mele_expert_options which = {.only = options->only, .freeze = warm ? options->freeze : 0,
                                       .start = warm ? old : NULL};
    mele_status status = check_old_experts(run, error);

    if (status == MELE_OK)
        status = train_experts(run, &which, &r->experts, r->info, error);
    for (size_t k = 0; k < run->model->clusters; k++)
        r->fresh[k] = true;
    if (status == MELE_OK && old != NULL && (options->only > 0 || options->freeze > 0))
        status = mele_i_experts_combine(old, options->only, options->freeze, &r->experts, r->fresh,
                                        error);
    return status;
}

/* The record of experts that are kept is kept. */
static mele_status record_experts(mele_i_run *run, const expert_results *r, mele_error *error)
{
    mele_model *model = run->model;
    json_t *training = model->training;
    const json_t *old = model->experts == NULL ? NULL : json_object_get(training, "experts");

    mele_i_report_set(run->report, "experts",
                      mele_i_experts_record(r->info, model->clusters, classes(run) > 0, r->fresh,
                                            old, true));
    if (!mele_i_json_put(training, "experts",
                         mele_i_experts_record(r->info, model->clusters, classes(run) > 0, r->fresh,
                                               old, false)))
        return mele_i_no_memory(error);
    return MELE_OK;
}

mele_status mele_i_run_experts(mele_i_run *run, bool keep_left_out, mele_error *error)
{
    mele_model *model = run->model;
    double start = mele_i_clock();
    expert_results results = {NULL, MELE_I_ZEROED(mele_expert_info, model->clusters + 1),
                              MELE_I_ZEROED(bool, model->clusters)};
    mele_status status = results.info == NULL || results.fresh == NULL ? mele_i_no_memory(error)
                                                                       : adopt_targets(run, error);

    if (status == MELE_OK && keep_left_out)
        status = need_left_out_room(run, error);
    if (status == MELE_OK)
        status = make_experts(run, &results, error);
    if (status == MELE_OK) {
        start_report(run);
        status = record_experts(run, &results, error);
    }
    if (status == MELE_OK) {
        model->experts = results.experts;
        results.experts = NULL;
        model->gate = NULL;
        json_object_del(model->training, "gate");
        mele_i_warn_of_experts(run->report, results.info, model->clusters,
                               run->options->experts.only);
        status = record_options(run, error);
    }
    mele_report_seconds(run->report, "experts", mele_i_clock() - start);
    mele_experts_free(results.experts);
    free(results.info);
    free(results.fresh);
    return status;
}

/* ---- stage 3 ---- */

/* Left-out predictions of the model's experts, by training the same ones again. Those that do not
 * come out the same, having started from others or learnt from other rows, are approached from
 * where they are. */
static mele_status need_left_out(mele_i_run *run, mele_error *error)
{
    const mele_expert_options from_nothing = {.start = NULL},
                              from_model = {.start = run->model->experts};
    mele_experts *again = NULL, *nearer = NULL;
    mele_status status;

    if (run->left_out != NULL)
        return MELE_OK;
    status = need_left_out_room(run, error);
    if (status == MELE_OK)
        status = train_experts(run, &from_nothing, &again, NULL, error);
    if (status == MELE_OK && !mele_i_experts_equal(run->model->experts, again))
        status = train_experts(run, &from_model, &nearer, NULL, error);
    mele_experts_free(again);
    mele_experts_free(nearer);
    return status;
}

typedef struct likelihood_context {
    const mele_i_run *run;
    size_t clusters, outputs, targets, classes;
    double *log_likelihoods; /* n x K */
    double *predictions;     /* n x K x M; NULL: not wanted (may be the left-out array itself) */
    double *wanted;          /* n x M; NULL: not wanted */
} likelihood_context;

static double log_likelihood(const likelihood_context *c, size_t i, size_t k)
{
    const double *target = c->run->targets + i * c->targets;
    size_t at = (i * c->clusters + k) * c->outputs;
    double sum = 0;

    if (c->classes > 0)
        return c->run->left_out[at + (size_t)target[0]];
    for (size_t t = 0; t < c->targets; t++) {
        double off = target[t] - c->run->left_out[at + t];
        sum += mele_i_log_normal(off, c->run->left_out_variance[at + t]);
    }
    return sum;
}

static mele_status likelihood_block(void *context, mele_i_block block, void *partial, void *scratch,
                                    mele_error *error)
{
    const likelihood_context *c = context;

    (void)partial;
    (void)scratch;
    (void)error;
    for (size_t i = block.first; i < block.first + block.count; i++)
        for (size_t k = 0; k < c->clusters; k++)
            c->log_likelihoods[i * c->clusters + k] = log_likelihood(c, i, k);
    return MELE_OK;
}

/* For the squared loss on classes: probabilities, and the classes as indicators. */
static mele_status expand_classes(likelihood_context *c, size_t rows, mele_error *error)
{
    size_t count = rows * c->clusters * c->outputs;

    c->predictions = mele_i_large_array(count, sizeof(double));
    c->wanted = mele_i_large_array(rows * c->classes, sizeof(double));
    if (c->predictions == NULL || c->wanted == NULL)
        return mele_i_no_memory(error);
    for (size_t e = 0; e < count; e++)
        c->predictions[e] = exp(c->run->left_out[e]);
    for (size_t i = 0; i < rows; i++)
        for (size_t class = 0; class < c->classes; class++)
            c->wanted[i * c->classes + class] = c->run->targets[i] == (double)class;
    return MELE_OK;
}

static mele_status compute_likelihoods(likelihood_context *c, mele_error *error)
{
    size_t rows = c->run->features.rows;
    mele_i_pass pass = {.rows = rows, .map = likelihood_block, .context = c,
                        .block_rows = mele_i_block_rows(8 * c->clusters * c->outputs, BLOCK_WORK,
                                                        16)};

    c->log_likelihoods = mele_i_large_array(rows * c->clusters, sizeof(double));
    if (c->log_likelihoods == NULL)
        return mele_i_no_memory(error);
    return mele_i_pass_run(c->run->engine, &pass, error);
}

static mele_status train_gate(mele_i_run *run, mele_gate **out, mele_gate_info *info,
                              mele_error *error)
{
    mele_model *model = run->model;
    size_t rows = run->features.rows;
    likelihood_context c = {.run = run, .clusters = model->clusters, .classes = classes(run),
                            .outputs = mele_model_outputs(model),
                            .targets = model->schema->targets};
    bool expanded = c.classes > 0 && strcmp(run->options->gate.loss, "squared") == 0;
    mele_status status = compute_likelihoods(&c, error);

    if (status == MELE_OK && expanded)
        status = expand_classes(&c, rows, error);
    mele_gate_data data = {.rows = rows, .clusters = c.clusters, .log_posteriors = run->marginal,
                           .log_likelihoods = c.log_likelihoods,
                           .predictions = expanded ? c.predictions : run->left_out,
                           .targets = expanded ? c.wanted : run->targets, .outputs = c.outputs,
                           .x = mele_matrix_of(run->design, rows, model->scaling.columns),
                           .weights = run->data->weights};
    if (status == MELE_OK)
        status = mele_gate_fit(&data, &run->options->gate, run->engine, out, info, error);
    free(c.log_likelihoods);
    free(c.predictions);
    free(c.wanted);
    return status;
}

static json_t *gate_record(const mele_gate_info *info, const char *kind)
{
    json_t *object = json_object();

    if (mele_i_json_put(object, "kind", json_string(kind))
        && mele_i_json_put(object, "iterations", json_integer((json_int_t)info->iterations))
        && mele_i_json_put(object, "loss", mele_i_report_real(info->loss))
        && mele_i_json_put(object, "converged", json_boolean(info->converged)))
        return object;
    json_decref(object);
    return NULL;
}

mele_status mele_i_run_gate(mele_i_run *run, mele_error *error)
{
    mele_model *model = run->model;
    double start = mele_i_clock();
    mele_gate_info info;
    mele_gate *gate = NULL;
    mele_status status = MELE_OK;

    if (model->experts == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the model has no experts (stage 2) to gate");
    status = mele_i_model_need_experts(model, error);
    if (status != MELE_OK)
        return status;
    if (run->data->schema->targets == 0)
        return mele_i_fail(error, MELE_EINVAL, "there is no target to learn (-t COL)");
    status = need_marginal(run, error);
    if (status == MELE_OK)
        status = need_left_out(run, error);
    if (status == MELE_OK)
        status = need_design(run, error);
    if (status == MELE_OK)
        status = need_targets(run, error);
    if (status == MELE_OK)
        status = train_gate(run, &gate, &info, error);
    if (status == MELE_OK) {
        model->gate = gate;
        start_report(run);
        if (!info.converged)
            mele_i_report_unconverged(run->report, "the gate did not converge in %zu iterations",
                                      info.iterations);
        status = record(run, "gate", gate_record(&info, mele_gate_name(gate)), error);
    }
    if (status == MELE_OK)
        status = record_options(run, error);
    mele_report_seconds(run->report, "gate", mele_i_clock() - start);
    return status;
}
