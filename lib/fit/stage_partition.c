/* Stage 1 of a run: the regions, and schema and scalings before them. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "fit/centres.h"
#include "fit/clusters.h"
#include "fit/report.h"
#include "fit/stages.h"
#include "fit/warnings.h"
#include "model/options.h"
#include "partition/partition.h"
#include "schema/data.h"

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
    double *centres = NULL, *units = NULL, start = mele_i_clock();
    mele_matrix given;
    mele_status status = mele_i_centres_use(run->options, &run->model->space, &options, &given,
                                            &centres, error);

    options.seed = run->options->seed;
    if (status == MELE_OK)
        status = mele_i_space_units(&run->model->space, &units, error);
    options.center = units;
    options.scale = units == NULL ? NULL : units + rows->cols;
    if (status == MELE_OK)
        status = mele_i_clusters_fit(run->data, rows, run->options, &options, run->engine,
                                     &partition, info, choice, error);
    free(centres);
    free(units);
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
    mele_i_coordinates points = {.owned = NULL};
    mele_status status = mele_i_space_fit(model->schema, summary, run->features.rows,
                                          run->data->targets, run->data->weights,
                                          options->cluster_on, options->scale,
                                          options->target_weight, run->engine, &model->space,
                                          error);

    if (status == MELE_OK)
        status = mele_i_run_coordinates(run, true, false, &points, error);
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
        mele_i_run_start_report(run);
        mele_i_warn_of_regions(run, &summary, &info, sizes);
        status = mele_i_run_record(run, "partition", partition_record(&info, sizes, choice), error);
    }
    if (status == MELE_OK)
        status = mele_i_run_record_options(run, error);
    mele_report_seconds(run->report, "partition", mele_i_clock() - start);
    mele_i_summary_clear(&summary);
    json_decref(choice);
    free(sizes);
    return status;
}
