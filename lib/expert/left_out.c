#include "expert/left_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/rows.h"
#include "expert/predictor.h"

/* ---- places ---- */

static size_t size_of(const mele_i_left_out *l)
{
    return l->rows * l->clusters * l->outputs;
}

/* Whether a region's column is made of what the global expert says. */
static bool needs_global(const mele_experts *e, const mele_i_row_groups *groups, const bool *train)
{
    bool needed = mele_i_row_groups_any_alone(groups, e->clusters, train);

    for (size_t k = 0; k < e->clusters; k++)
        needed = needed || e->expert[k].answers == e->clusters
                 || (train[k] && e->expert[k].own < 1);
    return needed && train[e->clusters];
}

/* Rows of no weight are in nobody's training, so that no kind writes of them for the global
 * expert. */
static bool is_idle(const mele_i_regions *regions, size_t i)
{
    return !(mele_i_region_weight(regions, i, regions->clusters) > 0);
}

static bool has_idle_rows(const mele_i_regions *regions)
{
    bool idle = false;

    for (size_t i = 0; i < regions->rows && regions->weights != NULL; i++)
        idle = idle || is_idle(regions, i);
    return idle;
}

/* Which rows those are: with groups those of groups that nobody was trained on. NULL: no memory. */
static bool *find_idle_rows(const mele_i_regions *regions, const mele_i_row_groups *groups)
{
    bool *idle = MELE_I_ARRAY(bool, regions->rows);

    for (size_t i = 0; i < regions->rows && idle != NULL; i++)
        idle[i] = is_idle(regions, i);
    for (size_t g = 0; groups != NULL && g < groups->count && idle != NULL; g++) {
        bool all = true;
        for (size_t r = groups->start[g]; r < groups->start[g + 1]; r++)
            all = all && idle[groups->row[r]];
        for (size_t r = groups->start[g]; r < groups->start[g + 1]; r++)
            idle[groups->row[r]] = all;
    }
    return idle;
}

static mele_status make_global(mele_i_left_out *l, mele_error *error)
{
    const size_t count = l->rows * l->outputs;

    l->global = mele_i_large_array(count, 2 * sizeof *l->global);
    if (l->global == NULL)
        return mele_i_no_memory(error);
    l->global_mean = l->global;
    l->global_variance = l->variance == NULL ? NULL : l->global + count;
    return MELE_OK;
}

/* Columns of experts that are not trained stay as they are. */
static mele_status put_aside(mele_i_left_out *l, mele_error *error)
{
    const size_t count = size_of(l);

    l->aside = mele_i_large_array(count, 2 * sizeof *l->aside);
    if (l->aside == NULL)
        return mele_i_no_memory(error);
    l->mean = memcpy(l->aside, l->mean, count * sizeof *l->mean);
    if (l->variance != NULL)
        l->variance = memcpy(l->aside + count, l->variance, count * sizeof *l->variance);
    return MELE_OK;
}

mele_status mele_i_left_out_make(mele_i_left_out *l, const mele_experts *e,
                                 const mele_i_regions *regions, const mele_i_row_groups *groups,
                                 const bool *train, bool late, double *mean, double *variance,
                                 mele_error *error)
{
    const bool global = mean != NULL && needs_global(e, groups, train);
    mele_status status = MELE_OK;

    *l = (mele_i_left_out){.rows = regions->rows, .clusters = e->clusters, .outputs = e->outputs,
                           .mean = mean, .variance = variance, .given_mean = mean,
                           .given_variance = variance};
    if (global)
        status = make_global(l, error);
    if (status == MELE_OK && mean != NULL && (late || (global && has_idle_rows(regions))))
        status = put_aside(l, error);
    return status;
}

/* ---- columns ---- */

/* What the global expert says of rows of no weight. */
static mele_status fill_idle_rows(const mele_i_left_out *l, const mele_experts *e,
                                  const mele_rows *x, const mele_i_regions *regions,
                                  const mele_i_row_groups *groups, mele_error *error)
{
    bool *idle = find_idle_rows(regions, groups);
    mele_i_expert alone[2] = {e->expert[e->clusters], e->expert[e->clusters]};
    mele_i_predictor global;

    alone[0].answers = alone[1].answers = 0;
    mele_status status = mele_i_predictor_make(&global, alone, 1, e->columns, e->outputs,
                                               e->classes, 1, error);
    double *row = MELE_I_ARRAY(double, x->cols);
    void *scratch = status != MELE_OK ? NULL
                                      : mele_i_array(1, mele_i_predictor_scratch(&global, 1) + 1);

    if (status == MELE_OK && (scratch == NULL || idle == NULL || row == NULL))
        status = mele_i_no_memory(error);
    if (status == MELE_OK && l->global_variance != NULL)
        status = mele_i_predictor_prepare(&global, error);
    for (size_t i = 0; i < l->rows && status == MELE_OK; i++) {
        if (!idle[i])
            continue;
        status = mele_i_rows_copy(x, i, row, error);
        if (status == MELE_OK)
            mele_i_predictor_rows(&global, row, x->cols, 1, l->global_mean + i * l->outputs,
                                  l->global_variance == NULL ? NULL
                                                             : l->global_variance + i * l->outputs,
                                  scratch);
    }
    free(idle);
    free(row);
    free(scratch);
    mele_i_predictor_free(&global);
    return status;
}

static double *at(const mele_i_left_out *l, double *matrix, size_t row, size_t k)
{
    return matrix + (row * l->clusters + k) * l->outputs;
}

/* Nobody knows which rows an expert that was kept has learnt from. */
static void void_column(const mele_i_left_out *l, size_t k)
{
    for (size_t i = 0; i < l->rows; i++)
        for (size_t o = 0; o < l->outputs; o++) {
            at(l, l->mean, i, k)[o] = NAN;
            if (l->variance != NULL)
                at(l, l->variance, i, k)[o] = NAN;
        }
}

/* Every row was the global expert's to train on, so those outside the region are drawn to what it
 * says without them, too. */
static void draw_column(const mele_i_left_out *l, const mele_experts *e, size_t k)
{
    const double own = e->expert[k].own;
    const size_t M = l->outputs;

    for (size_t i = 0; i < l->rows; i++) {
        mele_i_draw(own, l->global_mean + i * M, M, e->classes > 0, at(l, l->mean, i, k));
        if (l->variance != NULL)
            mele_i_draw(own, l->global_variance + i * M, M, false, at(l, l->variance, i, k));
    }
}

/* To column `to` what the global expert says, or another region's column. */
static void copy_column(const mele_i_left_out *l, size_t from, size_t to, const double *global,
                        double *matrix)
{
    const size_t M = l->outputs;

    for (size_t i = 0; i < l->rows && matrix != NULL; i++)
        memcpy(at(l, matrix, i, to), from == l->clusters ? global + i * M : at(l, matrix, i, from),
               M * sizeof *matrix);
}

mele_status mele_i_left_out_settle(const mele_i_left_out *l, const mele_experts *e,
                                   const mele_rows *x, const mele_i_regions *regions,
                                   const mele_i_row_groups *groups, const bool *train,
                                   mele_error *error)
{
    mele_status status = MELE_OK;

    if (l->mean == NULL)
        return MELE_OK;
    if (l->global_mean != NULL && has_idle_rows(regions))
        status = fill_idle_rows(l, e, x, regions, groups, error);
    for (size_t k = 0; k < e->clusters && status == MELE_OK; k++)
        if (train[k] && e->expert[k].own < 1)
            draw_column(l, e, k);
        else if (!train[k] && e->expert[k].answers == k)
            void_column(l, k);
    for (size_t k = 0; k < e->clusters && status == MELE_OK; k++) {
        const size_t from = e->expert[k].answers;
        if (from == e->clusters && l->global_mean == NULL) {
            void_column(l, k);
        } else if (from != k) {
            copy_column(l, from, k, l->global_mean, l->mean);
            copy_column(l, from, k, l->global_variance, l->variance);
        }
    }
    return status;
}

void mele_i_left_out_give(const mele_i_left_out *l)
{
    const size_t bytes = l->aside == NULL ? 0 : size_of(l) * sizeof(double);

    if (bytes > 0)
        memcpy(l->given_mean, l->mean, bytes);
    if (bytes > 0 && l->variance != NULL)
        memcpy(l->given_variance, l->variance, bytes);
}

void mele_i_left_out_free(mele_i_left_out *l)
{
    free(l->aside);
    free(l->global);
    l->aside = l->global = NULL;
}
