#include "expert/parts.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "expert/expert.h"
#include "expert/frame.h"
#include "expert/predictor.h"

static const mele_i_expert_kind *const kinds[] = {&mele_i_expert_linear, &mele_i_expert_logistic,
                                                  &mele_i_expert_mlp, &mele_i_expert_gp};

#define KINDS (sizeof kinds / sizeof *kinds)

const char *mele_expert_kind(size_t i)
{
    return i < KINDS ? kinds[i]->name : i == KINDS ? MELE_I_AUTO : NULL;
}

double mele_expert_ridge(size_t i)
{
    return i < KINDS ? kinds[i]->ridge : MELE_RIDGE_DEFAULT;
}

const mele_i_expert_kind *mele_i_expert_kind_named(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

/* ---- a whole ---- */

mele_status mele_i_experts_new(size_t clusters, size_t columns, size_t outputs, bool classes,
                               mele_experts **out, mele_error *error)
{
    mele_experts *e = MELE_I_NEW(mele_experts);
    size_t variances;

    *out = e;
    if (e == NULL || __builtin_mul_overflow(clusters + 1, outputs, &variances))
        return mele_i_no_memory(error);
    e->clusters = clusters;
    e->columns = columns;
    e->outputs = outputs;
    e->classes = classes ? outputs : 0;
    e->expert = MELE_I_ZEROED(mele_i_expert, clusters + 1);
    e->variance = classes ? NULL : MELE_I_ZEROED(double, variances);
    if (e->expert == NULL || (!classes && e->variance == NULL))
        return mele_i_no_memory(error);
    for (size_t k = 0; k <= clusters; k++) {
        e->expert[k].answers = k;
        e->expert[k].own = 1;
        e->expert[k].variance = classes ? NULL : e->variance + k * outputs;
    }
    return MELE_OK;
}

void mele_experts_free(mele_experts *experts)
{
    if (experts == NULL)
        return;
    for (size_t k = 0; experts->expert != NULL && k <= experts->clusters; k++)
        if (experts->expert[k].state != NULL)
            experts->expert[k].kind->free(experts->expert[k].state);
    free(experts->expert);
    free(experts->variance);
    free(experts);
}

void mele_i_experts_settle(mele_experts *e)
{
    for (size_t k = 0; k < e->clusters && e->variance != NULL; k++)
        if (e->expert[k].answers != k)
            memcpy(e->expert[k].variance, e->expert[e->expert[k].answers].variance,
                   e->outputs * sizeof *e->variance);
}

mele_status mele_i_experts_keep(mele_experts *e, const mele_experts *from, const bool *train,
                                mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t k = 0; k <= e->clusters && status == MELE_OK; k++) {
        if (train[k])
            continue;
        json_t *object = mele_i_expert_save(from, k);
        if (json_is_object(object)) { /* whatever these rows would have made of it */
            e->expert[k].answers = k;
            e->expert[k].own = 1;
        }
        status = object == NULL ? mele_i_no_memory(error) : mele_i_expert_load(e, k, object, error);
        json_decref(object);
    }
    return status;
}

/* ---- regions whose experts are drawn towards the global one ---- */

static mele_status draw_region(const mele_experts *e, size_t k, const mele_matrix *x,
                               const mele_i_regions *regions, const mele_i_predictor *global,
                               double *left_out, double *left_out_variance, mele_error *error)
{
    const size_t M = e->outputs;
    const double own = e->expert[k].own;
    const size_t scratch = mele_i_predictor_scratch(global, 1);
    unsigned char *memory = mele_i_array(1, scratch + 2 * mele_i_carved(M, sizeof(double)));

    if (memory == NULL)
        return mele_i_no_memory(error);
    unsigned char *cursor = memory;
    double *mean = mele_i_carve(&cursor, M, sizeof *mean);
    double *variance = mele_i_carve(&cursor, M, sizeof *variance);
    for (size_t i = 0; i < x->rows; i++) {
        const size_t at = (i * e->clusters + k) * M;
        if (!(mele_i_region_weight(regions, i, k) > 0))
            continue;
        mele_i_predictor_rows(global, x->data + i * x->stride, x->stride, 1, mean,
                              left_out_variance == NULL ? NULL : variance, cursor);
        mele_i_draw(own, mean, M, e->classes > 0, left_out + at);
        if (left_out_variance != NULL)
            mele_i_draw(own, variance, M, false, left_out_variance + at);
    }
    free(memory);
    return MELE_OK;
}

mele_status mele_i_draw_left_out(const mele_experts *e, const mele_matrix *x,
                                 const mele_i_regions *regions, const bool *train,
                                 double *left_out, double *left_out_variance, mele_error *error)
{
    mele_i_expert alone[2] = {e->expert[e->clusters], e->expert[e->clusters]};
    mele_i_predictor global = {.asked = NULL};
    mele_status status = MELE_OK;

    alone[0].answers = alone[1].answers = 0;
    for (size_t k = 0; k < e->clusters && status == MELE_OK; k++) {
        if (e->expert[k].own == 1 || !train[k])
            continue;
        if (global.asked == NULL)
            status = mele_i_predictor_make(&global, alone, 1, e->columns, e->outputs, e->classes, 1,
                                           error);
        if (status == MELE_OK)
            status = draw_region(e, k, x, regions, &global, left_out, left_out_variance, error);
    }
    mele_i_predictor_free(&global);
    return status;
}
