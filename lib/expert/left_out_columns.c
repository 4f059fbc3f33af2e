/* Left-out predictions while experts are trained: where they go, and what becomes of them. */
#include "expert/left_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "expert/experts.h"
#include "expert/predictor.h"

/* ---- places ---- */

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

bool mele_i_left_out_has_idle_rows(const mele_i_regions *regions)
{
    bool idle = false;

    for (size_t i = 0; i < regions->rows && regions->weights != NULL; i++)
        idle = idle || is_idle(regions, i);
    return idle;
}

bool *mele_i_left_out_idle_rows(const mele_i_regions *regions, const mele_i_row_groups *groups)
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

static mele_status make_global(mele_i_left_out_columns *l, mele_error *error)
{
    const mele_left_out *own = l->own;

    l->global_mean = mele_i_large_array(own->rows, own->outputs * sizeof(double));
    if (own->variance != NULL)
        l->global_variance = mele_i_large_array(own->rows, own->outputs * sizeof(double));
    if (own->fold != NULL)
        l->global_fold = MELE_I_ZEROED(unsigned char, own->rows);
    return l->global_mean == NULL || (own->variance != NULL && l->global_variance == NULL)
                   || (own->fold != NULL && l->global_fold == NULL)
               ? mele_i_no_memory(error)
               : MELE_OK;
}

mele_status mele_i_left_out_columns_make(mele_i_left_out_columns *l, const mele_experts *e,
                                         const mele_i_regions *regions,
                                         const mele_i_row_groups *groups, const bool *train,
                                         mele_i_left_out_form form, mele_error *error)
{
    *l = (mele_i_left_out_columns){NULL};
    mele_status status = mele_i_left_out_new(regions->rows, e->clusters, e->outputs, e->classes, form,
                                             &l->own, error);

    if (status == MELE_OK
        && (needs_global(e, groups, train) || (form.global && train[e->clusters])))
        status = make_global(l, error);
    return status;
}

/* ---- columns ---- */

/* What the global expert says of a row. */
static void put_global(void *context, size_t row, const double *mean, const double *variance)
{
    const mele_i_left_out_columns *l = context;
    const size_t M = l->own->outputs;

    memcpy(l->global_mean + row * M, mean, M * sizeof *mean);
    if (variance != NULL)
        memcpy(l->global_variance + row * M, variance, M * sizeof *variance);
}

mele_status mele_i_left_out_fill_global(const mele_i_left_out_columns *l, const mele_experts *e,
                                        const mele_rows *x, const mele_i_regions *regions,
                                        const mele_i_row_groups *groups, mele_error *error)
{
    const bool variances = l->global_variance != NULL;
    bool *idle = mele_i_left_out_idle_rows(regions, groups);
    mele_i_expert alone[2] = {e->expert[e->clusters], e->expert[e->clusters]};
    mele_i_predictor global;

    alone[0].answers = alone[1].answers = 0;
    mele_status status = mele_i_predictor_make(&global, alone, 1, mele_i_experts_shape(e, 1), 1,
                                               error);
    if (status == MELE_OK && idle == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK && variances)
        status = mele_i_predictor_prepare(&global, error);
    if (status == MELE_OK)
        status = mele_i_predictor_marked(&global, x, idle, variances, put_global, (void *)l, error);
    free(idle);
    mele_i_predictor_free(&global);
    return status;
}

static double *at(const mele_left_out *l, double *matrix, size_t row, size_t k)
{
    return matrix + (row * l->clusters + k) * l->outputs;
}

static void void_cell(mele_left_out *l, size_t i, size_t k)
{
    for (size_t o = 0; o < l->outputs; o++) {
        at(l, l->mean, i, k)[o] = NAN;
        if (l->variance != NULL)
            at(l, l->variance, i, k)[o] = NAN;
    }
    if (l->fold != NULL)
        l->fold[i * l->clusters + k] = 0;
}

/* Nobody knows which rows an expert that was kept has learnt from. */
static void void_column(const mele_i_left_out_columns *l, size_t k)
{
    for (size_t i = 0; i < l->own->rows; i++)
        void_cell(l->own, i, k);
}

/* Every row was the global expert's to train on, so those outside the region are shrunk to what it
 * says without them, too. */
static void shrink_column(const mele_i_left_out_columns *l, const mele_experts *e, size_t k)
{
    const double share = e->expert[k].own;
    const mele_left_out *own = l->own;
    const size_t M = own->outputs;

    for (size_t i = 0; i < own->rows; i++) {
        mele_i_shrink(share, l->global_mean + i * M, M, e->classes > 0, at(own, own->mean, i, k));
        if (own->variance != NULL)
            mele_i_shrink(share, l->global_variance + i * M, M, false,
                          at(own, own->variance, i, k));
    }
}

/* To column `to` what the global expert says, or another region's column. */
static void copy_column(const mele_i_left_out_columns *l, size_t from, size_t to)
{
    const mele_left_out *own = l->own;
    const size_t M = own->outputs, K = own->clusters, bytes = M * sizeof(double);
    const bool global = from == K;

    for (size_t i = 0; i < own->rows; i++) {
        memcpy(at(own, own->mean, i, to),
               global ? l->global_mean + i * M : at(own, own->mean, i, from), bytes);
        if (own->variance != NULL)
            memcpy(at(own, own->variance, i, to),
                   global ? l->global_variance + i * M : at(own, own->variance, i, from), bytes);
        if (own->fold != NULL)
            own->fold[i * K + to] = global ? l->global_fold[i] : own->fold[i * K + from];
    }
}

mele_status mele_i_left_out_columns_complete(const mele_i_left_out_columns *l,
                                             const mele_experts *e, const mele_rows *x,
                                             const mele_i_regions *regions,
                                             const mele_i_row_groups *groups, const bool *train,
                                             mele_error *error)
{
    mele_status status = MELE_OK;

    if (l->global_mean != NULL && mele_i_left_out_has_idle_rows(regions))
        status = mele_i_left_out_fill_global(l, e, x, regions, groups, error);
    for (size_t k = 0; k < e->clusters && status == MELE_OK; k++)
        if (train[k] && e->expert[k].own < 1)
            shrink_column(l, e, k);
        else if (!train[k] && e->expert[k].answers == k)
            void_column(l, k);
    for (size_t k = 0; k < e->clusters && status == MELE_OK; k++) {
        const size_t from = e->expert[k].answers;
        if (from == e->clusters && l->global_mean == NULL) {
            void_column(l, k);
        } else if (from != k) {
            copy_column(l, from, k);
        }
    }
    return status;
}

mele_status mele_i_left_out_columns_global(mele_i_left_out_columns *l, mele_error *error)
{
    mele_left_out *own = l->own, *global = MELE_I_NEW(mele_left_out);

    if (global == NULL)
        return mele_i_no_memory(error);
    *global = (mele_left_out){.rows = own->rows, .clusters = 1, .outputs = own->outputs,
                              .classes = own->classes, .mean = l->global_mean,
                              .variance = l->global_variance, .fold = l->global_fold};
    own->global = global;
    l->global_mean = l->global_variance = NULL;
    l->global_fold = NULL;
    return MELE_OK;
}

void mele_i_left_out_columns_void(const mele_i_left_out_columns *l, const size_t *group,
                                  size_t only)
{
    for (size_t i = 0; i < l->own->rows; i++)
        for (size_t k = 0; k < l->own->clusters && group[i] == only; k++)
            void_cell(l->own, i, k);
}

void mele_i_left_out_columns_free(mele_i_left_out_columns *l)
{
    mele_left_out_free(l->own);
    free(l->global_mean);
    free(l->global_variance);
    free(l->global_fold);
    *l = (mele_i_left_out_columns){NULL};
}
