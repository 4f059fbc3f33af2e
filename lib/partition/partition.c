/* Stage 1 as its users see it: checks, restarts, the numbering of the clusters. The kinds do the
 * rest.
 *
 * The floor of a kind's variances is a share (gmm's is an option, k-means' a constant) of the size
 * of the data, which is the mean variance of the columns; when the rows do not vary (or by less
 * than can be squared), the mean square of the data; and when that is zero too, 1. Rows that spread
 * so far that their squared distances cannot be summed are refused. */
#include "partition/partition.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/check.h"
#include "engine/pass.h"
#include "engine/weights.h"
#include "partition/kinds.h"
#include "partition/level.h"
#include "partition/mixture.h"
#include "partition/options.h"
#include "partition/plane.h"

#define MOST_ASIDE ((size_t)1 << 22) /* numbers of the rows that restarts share side by side */

/* ---- checks ---- */

static mele_status check_rows(const mele_rows *rows, mele_error *error)
{
    if (rows == NULL || (rows->data == NULL && rows->read == NULL))
        return mele_i_fail(error, MELE_EINVAL, "x is NULL");
    if (rows->rows == 0 || rows->cols == 0)
        return mele_i_fail(error, MELE_EINVAL, "x is %zu x %zu: it needs a row and a column",
                           rows->rows, rows->cols);
    if (rows->data != NULL && rows->stride < rows->cols)
        return mele_i_fail(error, MELE_EINVAL, "x has stride %zu and %zu columns", rows->stride,
                           rows->cols);
    return MELE_OK;
}

/* What a fit may be given to start from. */
static mele_status check_given(const mele_matrix *given, const char *name, size_t rows, size_t cols,
                               mele_engine *engine, mele_error *error)
{
    if (given == NULL)
        return MELE_OK;
    if (given->rows != rows || given->cols != cols)
        return mele_i_fail(error, MELE_EINVAL, "%s is %zu x %zu, where this fit needs %zu x %zu",
                           name, given->rows, given->cols, rows, cols);
    return mele_i_check_matrix(given, name, engine, error);
}

mele_status mele_i_check_clusters(size_t clusters, size_t rows, mele_error *error)
{
    if (clusters <= rows)
        return MELE_OK;
    return mele_i_fail(error, MELE_EDATA,
                       "%zu clusters asked for, the data have %zu row%s: take fewer (--clusters)",
                       clusters, rows, rows == 1 ? "" : "s");
}

/* A maximisation alone has as many clusters as it is given responsibilities of. */
static mele_status check_data(const mele_rows *rows, const mele_partition_options *o,
                              mele_engine *engine, mele_error *error)
{
    mele_status status = check_rows(rows, error);

    if (status == MELE_OK && o->max_iterations > 0)
        status = mele_i_check_clusters(o->clusters, rows->rows, error);
    if (status != MELE_OK)
        return status;
    status = check_given(o->centres, "centres", o->clusters, rows->cols, NULL, error);
    if (status == MELE_OK)
        status = check_given(o->responsibilities, "responsibilities", rows->rows, o->clusters,
                             engine, error);
    return status;
}

static mele_status check_grid(const mele_partition_options *o, mele_error *error)
{
    if (o->grid_rows > 0
        && (o->clusters % o->grid_rows != 0 || o->clusters / o->grid_rows != o->grid_columns))
        return mele_i_fail(error, MELE_EINVAL, "a grid of %zu x %zu is no map of %zu clusters",
                           o->grid_rows, o->grid_columns, o->clusters);
    return MELE_OK;
}

static mele_status check_units(const mele_partition_options *o, size_t cols, mele_error *error)
{
    for (size_t j = 0; j < cols; j++) {
        const double scale = o->scale == NULL ? 1 : o->scale[j];
        if (!isfinite(scale) || !(scale > 0) || (o->center != NULL && !isfinite(o->center[j])))
            return mele_i_fail(error, MELE_EINVAL, "column %zu: the center or the scale is no finite "
                               "number, or the scale is not above 0", j + 1);
    }
    return MELE_OK;
}

static bool comes_before(const mele_partition *p, size_t a, size_t b)
{
    const double *left = p->centres + a * p->columns, *right = p->centres + b * p->columns;

    for (size_t j = 0; j < p->columns; j++)
        if (left[j] != right[j])
            return left[j] < right[j];
    return a < b;
}

/* Heap sort: K may be as large as n, and qsort has no room for the context. */
static void sift(const mele_partition *p, size_t *order, size_t root, size_t end)
{
    for (size_t child; (child = 2 * root + 1) < end; root = child) {
        if (child + 1 < end && comes_before(p, order[child], order[child + 1]))
            child++;
        if (!comes_before(p, order[root], order[child]))
            return;
        size_t index = order[root];
        order[root] = order[child];
        order[child] = index;
    }
}

static void sort_clusters(const mele_partition *p, size_t *order)
{
    for (size_t k = 0; k < p->clusters; k++)
        order[k] = k;
    for (size_t k = p->clusters / 2; k > 0; k--)
        sift(p, order, k - 1, p->clusters);
    for (size_t end = p->clusters; end > 1; end--) {
        size_t index = order[0];
        order[0] = order[end - 1];
        order[end - 1] = index;
        sift(p, order, 0, end - 1);
    }
}

/* Leaves nothing in order[]. */
static void reorder_sizes(mele_partition *p, size_t *order)
{
    for (size_t k = 0; k < p->clusters; k++)
        order[k] = p->sizes[order[k]];
    memcpy(p->sizes, order, p->clusters * sizeof *order);
}

mele_status mele_i_partition_number(mele_partition *p, size_t *which, mele_error *error)
{
    size_t d = p->columns, shape = p->shape_count;
    size_t *order = MELE_I_ARRAY(size_t, p->clusters);
    double *work = MELE_I_ARRAY(double, shape > p->clusters * d ? shape : p->clusters * d);
    mele_status status = MELE_OK;

    if (order == NULL || work == NULL) {
        status = mele_i_no_memory(error);
    } else {
        sort_clusters(p, order);
        if (which != NULL)
            memcpy(which, order, p->clusters * sizeof *order);
        memcpy(work, p->centres, p->clusters * d * sizeof *work);
        for (size_t k = 0; k < p->clusters; k++)
            memcpy(p->centres + k * d, work + order[k] * d, d * sizeof *work);
        p->kind->reorder(p, order, work);
        if (p->sizes != NULL)
            reorder_sizes(p, order);
    }
    free(work);
    free(order);
    return status;
}

/* ---- fitting: restarts are tasks ---- */

typedef struct restarts {
    const mele_i_sample *sample;
    const mele_partition_options *options;
    const mele_i_partition_kind *kind;
    size_t count;
    mele_partition **trial; /* one a restart, NULL once taken */
    mele_partition_info *info;
    mele_partition *best;
    mele_partition_info best_info;
} restarts;

static mele_status run_restart(void *context, size_t index, mele_engine *engine, mele_error *error)
{
    restarts *r = context;
    const mele_i_attempt attempt = {r->sample, r->options, index, r->count, engine};
    mele_partition *trial = mele_i_partition_room(
        r->kind, r->options->covariance, r->options->clusters, r->sample->rows.cols);

    if (trial == NULL)
        return mele_i_no_memory(error);
    mele_status status = r->kind->fit(&attempt, trial, &r->info[index], error);
    if (status == MELE_OK)
        r->trial[index] = trial;
    else
        mele_partition_free(trial);
    return status;
}

/* The first of the best. */
static void take_restart(void *context, size_t index)
{
    restarts *r = context;
    double now = r->info[index].objective, best = r->best_info.objective;

    if (r->best == NULL || (r->kind->larger_is_better ? now > best : now < best)) {
        mele_partition_free(r->best);
        r->best = r->trial[index];
        r->best_info = r->info[index];
    } else {
        mele_partition_free(r->trial[index]);
    }
    r->trial[index] = NULL;
}

static mele_status run_in_turn(restarts *r, mele_engine *engine, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t i = 0; i < r->count && status == MELE_OK; i++) {
        status = run_restart(r, i, engine, error);
        if (status == MELE_OK)
            take_restart(r, i);
    }
    return status;
}

/* Whether restarts run side by side. Many rows keep all threads busy in one restart, which then
 * needs the memory of one and can be stopped at each iteration; rows that are read anew in each
 * pass are read by one at a time in any case. */
static bool run_aside(const restarts *r, unsigned threads)
{
    const mele_rows *rows = &r->sample->rows;

    return rows->data != NULL && rows->rows <= MOST_ASIDE / rows->cols && threads > 1
           && r->count >= threads;
}

static mele_status run_restarts(restarts *r, mele_engine *engine, mele_error *error)
{
    bool aside = run_aside(r, mele_engine_threads(engine));
    mele_i_tasks tasks = {.count = r->count,
                          .run = run_restart,
                          .take = take_restart,
                          .context = r,
                          .stage = "partition"};
    mele_status status = MELE_ENOMEM;

    r->trial = MELE_I_ZEROED(mele_partition *, r->count);
    r->info = MELE_I_ZEROED(mele_partition_info, r->count);
    if (r->trial == NULL || r->info == NULL)
        mele_i_no_memory(error);
    else if (aside)
        status = mele_i_tasks_run(engine, &tasks, error);
    else
        status = run_in_turn(r, engine, error);
    for (size_t i = 0; i < r->count && r->trial != NULL; i++)
        mele_partition_free(r->trial[i]);
    free(r->trial);
    free(r->info);
    return status;
}

static mele_status fit_sample(const mele_i_sample *sample, const mele_partition_options *o,
                              mele_engine *engine, mele_partition **out, mele_partition_info *info,
                              mele_error *error)
{
    const mele_i_partition_kind *kind = mele_i_partition_kind_named(o->method);
    const bool given = o->centres != NULL || (kind->mixture && o->responsibilities != NULL);
    const bool once = given || strcmp(o->init, MELE_I_PLANE) == 0;
    restarts r = {.sample = sample,
                  .options = o,
                  .kind = kind,
                  .count = once ? 1 : o->restarts};
    mele_status status = run_restarts(&r, engine, error);

    if (status == MELE_OK && !given)
        status = mele_i_partition_number(r.best, NULL, error);
    if (status != MELE_OK) {
        mele_partition_free(r.best);
        return status;
    }
    r.best_info.merged = o->clusters - r.best->clusters;
    if (info != NULL)
        *info = r.best_info;
    *out = r.best;
    return MELE_OK;
}

/* Options that have been checked. */
static mele_status fit_checked(const mele_rows *rows, const double *weights,
                               const mele_partition_options *o, mele_engine *engine,
                               mele_partition **out, mele_partition_info *info, mele_error *error)
{
    mele_i_sample sample = {.total = 0};
    mele_partition_options settled = *o;
    double *owned = NULL;
    mele_i_level level = {0};
    mele_status status = check_data(rows, o, engine, error);

    if (status == MELE_OK)
        status = check_units(o, rows->cols, error);
    if (status == MELE_OK)
        status = check_grid(o, error);
    if (status == MELE_OK)
        status = mele_i_weights_relative(weights, rows->rows, &sample.weights, &owned, error);
    if (status != MELE_OK)
        return status;
    sample.rows = *rows;
    settled.init = mele_i_partition_start(o);
    status = mele_i_sample_describe(&sample, engine, error);
    if (status == MELE_OK)
        status = mele_i_level_make(&level, &sample, (mele_i_origin){o->center, o->scale}, engine,
                                   error);
    if (status == MELE_OK)
        status = fit_sample(&sample, &settled, engine, out, info, error);
    mele_i_level_clear(&level);
    mele_i_sample_clear(&sample);
    free(owned);
    return status;
}

mele_status mele_partition_fit_rows(const mele_rows *rows, const double *weights,
                                    const mele_partition_options *options, mele_engine *engine,
                                    mele_partition **out, mele_partition_info *info,
                                    mele_error *error)
{
    const mele_partition_options defaults = mele_partition_defaults();
    const mele_partition_options *chosen = options == NULL ? &defaults : options;
    mele_status status = mele_i_engine_claim(engine, error);

    if (status != MELE_OK)
        return status;
    status = mele_i_partition_options_check(chosen, error);
    if (status == MELE_OK)
        status = fit_checked(rows, weights, chosen, engine, out, info, error);
    mele_i_engine_release(engine);
    return status;
}

mele_status mele_i_mixture_of_shares(const mele_rows *rows, const double *weights,
                                     const mele_partition_options *options, mele_engine *engine,
                                     mele_partition **out, double *log_density, mele_error *error)
{
    mele_partition_options once = *options;
    mele_partition_info info;

    once.method = mele_i_partition_gmm.name;
    once.clusters = options->responsibilities->cols;
    once.max_iterations = 0;
    mele_status status = fit_checked(rows, weights, &once, engine, out, &info, error);
    if (status == MELE_OK)
        *log_density = info.objective;
    return status;
}

mele_status mele_partition_fit(const mele_matrix *x, const double *weights,
                               const mele_partition_options *options, mele_engine *engine,
                               mele_partition **out, mele_partition_info *info, mele_error *error)
{
    if (x == NULL)
        return mele_i_fail(error, MELE_EINVAL, "x is NULL");
    mele_rows rows = mele_rows_of(x);
    return mele_partition_fit_rows(&rows, weights, options, engine, out, info, error);
}

bool mele_i_partition_has_density(const char *method)
{
    return !mele_i_partition_kind_named(method)->no_density;
}

const char *mele_i_partition_why_fewer(const char *method)
{
    return mele_i_partition_kind_named(method)->why_fewer;
}
