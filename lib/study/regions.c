/* The regions of contenders over the plane of few features: each is fitted once more, to all rows,
 * and says of the cells of a grid which expert is at work there. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/compare.h>

#include "core/error.h"
#include "core/memory.h"
#include "family/fit.h"
#include "schema/data.h"
#include "study/comparison.h"
#include "study/fold_predictions.h"
#include "study/plane.h"

#define POINTS 400  /* rows that are shown, of more some at equal steps */
#define MARGIN 0.03 /* beyond the outermost rows, of the range */

/* ---- the plane of a set ---- */

/* Whether there is a plane of its features: one or two, all numbers. */
static bool has_plane(const mele_i_compared_set *set)
{
    const mele_schema *schema = set->data == NULL ? NULL : set->data->schema;

    if (schema == NULL || schema->features < 1 || schema->features > 2 || schema->targets == 0)
        return false;
    for (size_t j = 0; j < schema->features; j++)
        if (schema->feature[j].levels > 0)
            return false;
    return true;
}

static void set_range(mele_i_plane *plane, size_t axis, double low, double high)
{
    const double room = MARGIN * (high - low);

    plane->least[axis] = low - room;
    plane->most[axis] = high + room;
}

/* The range of the first target as the second axis. */
static void set_target_range(const mele_data *data, mele_i_plane *plane)
{
    double low = INFINITY, high = -INFINITY;

    for (size_t i = 0; i < data->rows; i++) {
        low = fmin(low, data->targets[i * data->schema->targets]);
        high = fmax(high, data->targets[i * data->schema->targets]);
    }
    if (low == high) {
        low -= 1;
        high += 1;
    }
    set_range(plane, 1, low, high);
}

/* The rows that are points: their features, and of one feature the target. */
static mele_status take_points(const mele_data *data, const mele_i_scaling *none,
                               const double *means, mele_i_plane *plane, mele_error *error)
{
    const mele_i_features features = mele_i_data_features(data);
    const mele_i_design_rows rows = {data->schema, none, means, &features, NULL};
    mele_status status = MELE_OK;

    for (size_t i = 0; i < plane->points && status == MELE_OK; i++) {
        const size_t row =
            i * (data->rows / plane->points) + i * (data->rows % plane->points) / plane->points;
        double at[2] = {0, data->targets[row * data->schema->targets]};

        status = mele_i_encode_rows(&rows, row, 1, at, error);
        plane->x[i] = at[0];
        plane->y[i] = at[1];
    }
    return status;
}

/* Names and ranges of the axes, and points. *fits: whether the features differ at all. */
static mele_status lay_out(const mele_data *data, const mele_i_summary *found, mele_i_plane *plane,
                           bool *fits, mele_error *error)
{
    const mele_schema *schema = data->schema;
    mele_i_scaling none = {0};
    mele_status status = MELE_OK;

    *fits = true;
    for (size_t j = 0; j < plane->features; j++) {
        *fits = *fits && found->high[j] > found->low[j] && isfinite(found->high[j] - found->low[j]);
        set_range(plane, j, found->low[j], found->high[j]);
    }
    if (plane->features == 1)
        set_target_range(data, plane);
    plane->axis[0] = mele_i_string(schema->feature[0].name);
    plane->axis[1] =
        mele_i_string(plane->features == 1 ? schema->target[0].name : schema->feature[1].name);
    if (plane->axis[0] == NULL || plane->axis[1] == NULL)
        return mele_i_no_memory(error);
    status = mele_i_scaling_of(found, MELE_I_SCALE_NONE, &none, error);
    if (status == MELE_OK)
        status = take_points(data, &none, found->mean, plane, error);
    mele_i_scaling_clear(&none);
    return status;
}

/* *out is NULL where there is nothing to draw on. */
static mele_status make_plane(const mele_i_compared_set *set, size_t contenders,
                              mele_engine *engine, mele_i_plane **out, mele_error *error)
{
    const mele_data *data = set->data;
    const mele_i_features features = mele_i_data_features(data);
    mele_i_plane *plane = mele_i_plane_new(data->schema->features, contenders,
                                           data->rows < POINTS ? data->rows : POINTS);
    mele_i_summary found = {0};
    bool fits = false;
    mele_status status;

    if (plane == NULL)
        return mele_i_no_memory(error);
    status = mele_i_summarise(data->schema, &features, data->weights, engine, &found, error);
    if (status == MELE_OK)
        status = lay_out(data, &found, plane, &fits, error);
    mele_i_summary_clear(&found);
    if (status != MELE_OK || !fits) {
        mele_i_plane_free(plane);
        plane = NULL;
    }
    *out = plane;
    return status;
}

/* ---- the grid ---- */

/* The middles of cells as rows to predict: what their targets are is not looked at. */
static mele_status make_grid(const mele_i_plane *plane, const mele_data *of, double *x, double *y,
                             mele_data **out, mele_error *error)
{
    const size_t cells = mele_i_plane_cells(plane), d = plane->features,
                 targets = of->schema->targets;
    const mele_matrix features = mele_matrix_of(x, cells, d),
                      zeros = mele_matrix_of(y, cells, targets);

    for (size_t i = 0; i < cells; i++) {
        const double place[2] = {((double)(i % plane->columns) + 0.5) / (double)plane->columns,
                                 ((double)(i / plane->columns) + 0.5) / (double)plane->rows};
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = plane->least[j] + place[j] * (plane->most[j] - plane->least[j]);
    }
    return mele_data_of_arrays(&features, &zeros, mele_schema_classes(of->schema), NULL, out,
                               error);
}

/* Two regions at least. */
static bool has_regions(const size_t *region, size_t cells)
{
    for (size_t i = 1; i < cells; i++)
        if (region[i] != region[0])
            return true;
    return false;
}

static mele_status ask(const mele_model *model, const mele_data *grid, mele_engine *engine,
                       size_t *region, bool *drawn, mele_error *error)
{
    mele_i_fold_predictions predicted = {.log_density = NULL};
    mele_status status = mele_i_fold_predict(model, grid, NULL, engine, &predicted, error);

    if (status == MELE_OK) {
        memcpy(region, predicted.kept.cluster, grid->rows * sizeof *region);
        *drawn = has_regions(region, grid->rows);
    }
    mele_i_fold_predictions_clear(&predicted);
    return status;
}

/* A contender that cannot be fitted to all rows has no regions. */
static mele_status draw_contender(const mele_comparison *comparison, size_t set, size_t contender,
                                  const mele_data *grid, mele_engine *engine, mele_error *error)
{
    const mele_i_compared_set *s = &comparison->set[set];
    mele_options options = *s->entry[contender].options;
    mele_model *model = NULL;
    mele_error told;
    mele_status status;

    options.seed = comparison->seed & UINT32_MAX;
    status = mele_i_family_fit(s->data, &options, engine, NULL, &model, &told);
    if (status == MELE_OK)
        status = ask(model, grid, engine, s->plane->region + contender * grid->rows,
                     &s->plane->drawn[contender], &told);
    mele_model_free(model);
    if (status == MELE_OK || status == MELE_EDATA || status == MELE_EINVAL)
        return MELE_OK;
    return mele_i_fail(error, status, "%s", told.message);
}

static mele_status draw_all(const mele_comparison *comparison, size_t set, mele_engine *engine,
                            mele_error *error)
{
    const mele_i_compared_set *s = &comparison->set[set];
    const size_t cells = mele_i_plane_cells(s->plane);
    double *x = MELE_I_ZEROED(double, cells * s->plane->features);
    double *y = MELE_I_ZEROED(double, cells * s->data->schema->targets);
    mele_data *grid = NULL;
    mele_status status = x == NULL || y == NULL ? mele_i_no_memory(error)
                                                : make_grid(s->plane, s->data, x, y, &grid, error);

    for (size_t c = 0; c < comparison->contenders && status == MELE_OK; c++)
        if (s->entry[c].options != NULL && mele_i_comparison_has(comparison, set, c))
            status = draw_contender(comparison, set, c, grid, engine, error);
    mele_data_free(grid);
    free(x);
    free(y);
    return status;
}

mele_status mele_comparison_regions(mele_comparison *comparison, mele_engine *engine,
                                    mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t s = 0; s < comparison->sets && status == MELE_OK; s++) {
        mele_i_compared_set *set = &comparison->set[s];
        if (set->plane != NULL || !has_plane(set))
            continue;
        status = make_plane(set, comparison->contenders, engine, &set->plane, error);
        if (status == MELE_OK && set->plane != NULL)
            status = draw_all(comparison, s, engine, error);
        if (status != MELE_OK) {
            mele_i_plane_free(set->plane);
            set->plane = NULL;
        }
    }
    return status;
}
