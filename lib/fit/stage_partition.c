/* Stage 1 of a run: the regions, and schema and scalings before them. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "fit/centres.h"
#include "fit/report.h"
#include "fit/stages.h"
#include "fit/warnings.h"
#include "model/options.h"
#include "partition/partition.h"
#include "schema/data.h"

#define MOST_HELD ((size_t)1 << 21) /* coordinates: 16 MB */

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
        status = mele_i_run_scale_targets(run, error);
    return status;
}

/* Features of which every column is constant. */
static mele_status find_constants(mele_i_run *run, const mele_i_summary *summary, mele_error *error)
{
    const mele_schema *schema = run->model->schema;

    run->constant = MELE_I_ARRAY(bool, schema->features);
    if (run->constant == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0, c = 0; j < schema->features; j++) {
        const size_t columns = mele_i_variable_columns(&schema->feature[j]);
        run->constant[j] = true;
        for (size_t last = c + columns; c < last; c++)
            run->constant[j] = run->constant[j] && mele_i_summary_is_constant(summary, c);
    }
    return MELE_OK;
}

mele_status mele_i_run_start(mele_i_run *run, mele_error *error)
{
    mele_i_summary summary = {0};
    mele_status status = start_model(run, &summary, error);

    if (status == MELE_OK)
        status = find_constants(run, &summary, error);
    mele_i_summary_clear(&summary);
    return status;
}

/* start: the centres that are given; NULL: none are. */
static json_t *partition_record(const mele_i_regions_fit *fit, const size_t *sizes,
                                const mele_centres *start)
{
    const mele_partition_info *info = &fit->info;
    json_t *object = json_object(), *list = json_array();
    bool good = mele_i_json_put(object, "iterations", json_integer((json_int_t)info->iterations))
                && mele_i_json_put(object, "objective", mele_i_report_real(info->objective))
                && mele_i_json_put(object, "converged", json_boolean(info->converged))
                && mele_i_json_put(object, "merged", json_integer((json_int_t)info->merged))
                && mele_i_json_put(object, "repaired", json_integer((json_int_t)info->repaired));

    for (size_t k = 0; k < info->clusters && good; k++)
        good = json_array_append_new(list, json_integer((json_int_t)sizes[k])) == 0;
    good = mele_i_json_put(object, "sizes", list) && good;
    if (good && start != NULL)
        good = mele_i_json_put(object, MELE_I_START_KEY, mele_i_centres_record(start));
    if (good && fit->choice != NULL)
        good = json_object_update(object, fit->choice) == 0;
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

/* ---- before the number of regions is known ---- */

/* K where nothing is to be chosen, else 0. */
static size_t known_clusters(const mele_partition_options *options)
{
    return options->clusters > 0               ? options->clusters
           : options->grid_rows > 0            ? options->grid_rows * options->grid_columns
           : options->centres != NULL          ? options->centres->rows
           : options->responsibilities != NULL ? options->responsibilities->cols
                                               : 0;
}

mele_status mele_i_check_grid(const mele_options *options, mele_error *error)
{
    const mele_partition_options *o = &options->partition;
    const size_t units = o->grid_rows * o->grid_columns;

    if (units == 0 || o->clusters == units || (o->clusters == 0 && options->clusters_most == 0))
        return MELE_OK;
    return mele_i_fail(error, MELE_EINVAL, "--grid %zux%zu says that there are %zu regions: leave out -k",
                       o->grid_rows, o->grid_columns, units);
}

/* The options of a partition in the model's space. */
static mele_status make_options(const mele_i_run *run, mele_i_regions_fit *fit, mele_error *error)
{
    const mele_i_space *space = &run->model->space;
    mele_status status;

    fit->options = run->options->partition;
    status = mele_i_check_grid(run->options, error);
    if (status != MELE_OK)
        return status;
    status = mele_i_centres_use(run->options, space, &fit->options, &fit->given, &fit->centres,
                                error);
    fit->options.keep = run->features.windows == NULL;
    fit->options.seed = run->options->seed;
    if (status == MELE_OK)
        status = mele_i_space_units(space, &fit->units, error);
    fit->options.center = fit->units;
    fit->options.scale = fit->units == NULL ? NULL : fit->units + fit->points.rows.cols;
    fit->clusters = known_clusters(&fit->options);
    return status;
}

/* Whether the coordinates of data in memory are made at once. Many of them would take as much again as
 * the data: k-means keeps these in single precision and reads few in an iteration, so that they are made
 * in the end only if there are many iterations. */
static bool holds_coordinates(const mele_i_run *run)
{
    const mele_i_space *space = &run->model->space;

    return strcmp(run->options->partition.method, "kmeans") != 0
           || run->features.rows <= MOST_HELD / (space->columns + space->target_columns);
}

/* varies: see mele_i_space_plan. */
static mele_status fit_space(mele_i_run *run, const mele_i_summary *summary, bool varies,
                             mele_error *error)
{
    const mele_options *options = run->options;
    mele_model *model = run->model;
    const mele_i_space_plan plan = {options->cluster_on, options->scale, options->target_weight,
                                    run->features.rows, run->data->targets, run->data->weights,
                                    varies};

    return mele_i_space_fit(model->schema, summary, &plan, run->engine, &model->space, error);
}

mele_status mele_i_run_make_space(mele_i_run *run, mele_error *error)
{
    mele_i_summary summary = {0};
    mele_status status = mele_i_summarise(run->model->schema, &run->features, run->data->weights,
                                          run->engine, &summary, error);

    if (status == MELE_OK)
        status = fit_space(run, &summary, true, error);
    mele_i_summary_clear(&summary);
    return status;
}

mele_status mele_i_run_space(mele_i_run *run, mele_i_regions_fit *fit, mele_error *error)
{
    mele_status status;

    *fit = (mele_i_regions_fit){.began = mele_i_clock()};
    status = mele_i_options_check(run->options, error);
    if (status == MELE_OK)
        status = start_model(run, &fit->summary, error);
    if (status == MELE_OK)
        status = fit_space(run, &fit->summary, false, error);
    if (status == MELE_OK)
        status = mele_i_run_coordinates(run, true, holds_coordinates(run), &fit->points, error);
    if (status == MELE_OK && fit->points.rows.data == NULL && run->features.windows == NULL)
        fit->points.rows = mele_i_row_cache_make(&fit->cache, &fit->points.rows);
    fit->fit_began = mele_i_clock();
    return status == MELE_OK ? make_options(run, fit, error) : status;
}

void mele_i_regions_fit_clear(mele_i_regions_fit *fit)
{
    mele_i_summary_clear(&fit->summary);
    free(fit->points.owned);
    mele_i_row_cache_clear(&fit->cache);
    free(fit->centres);
    free(fit->units);
    mele_partition_free(fit->partition);
    json_decref(fit->choice);
    *fit = (mele_i_regions_fit){.clusters = 0};
}

/* ---- the regions ---- */

mele_status mele_i_fit_regions(const mele_i_regions_fit *fit, const mele_data *data,
                               size_t clusters, mele_engine *engine, mele_partition **out,
                               mele_partition_info *info, mele_error *error)
{
    mele_partition_options options = fit->options;

    options.clusters = clusters;
    return mele_partition_fit_rows(&fit->points.rows, data->weights, &options, engine, out, info,
                                   error);
}

/* The model's partition: the one that the choice of K left, else one that is fitted now. */
static mele_status set_regions(mele_i_run *run, mele_i_regions_fit *fit, mele_error *error)
{
    mele_partition *partition = fit->partition;
    mele_status status = MELE_OK;

    if (partition == NULL)
        status = mele_i_fit_regions(fit, run->data, fit->clusters, run->engine, &partition,
                                    &fit->info, error);
    mele_report_seconds(run->report, "fit_partition", mele_i_clock() - fit->fit_began);
    if (status != MELE_OK)
        return status;
    fit->partition = NULL;
    return mele_i_model_set_partition(run->model, partition, error);
}

mele_status mele_i_run_partition(mele_i_run *run, mele_i_regions_fit *fit, mele_error *error)
{
    size_t *sizes = NULL;
    mele_status status = set_regions(run, fit, error);

    if (status == MELE_OK)
        status = region_sizes(run, &fit->points.rows, &sizes, error);
    if (status == MELE_OK) {
        mele_i_run_start_report(run);
        mele_i_warn_of_regions(run, &fit->summary, &fit->info, sizes);
        status = mele_i_run_record(run, "partition",
                                   partition_record(fit, sizes, run->options->centres), error);
    }
    if (status == MELE_OK)
        status = mele_i_run_record_options(run, error);
    mele_report_seconds(run->report, "partition", mele_i_clock() - fit->began);
    free(sizes);
    return status;
}
