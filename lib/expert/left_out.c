#include "expert/left_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/rows.h"
#include "expert/expert.h"
#include "expert/left_out_kept.h"

mele_status mele_i_left_out_new(size_t rows, size_t clusters, size_t outputs, size_t classes,
                                mele_i_left_out_form form, mele_left_out **out,
                                mele_error *error)
{
    const bool variances = classes == 0 && !form.means;
    mele_left_out *l = MELE_I_NEW(mele_left_out);
    size_t cells, numbers;

    clusters = form.own_only ? 1 : clusters;
    if (l == NULL || __builtin_mul_overflow(rows, clusters, &cells)
        || __builtin_mul_overflow(cells, outputs, &numbers)) {
        free(l);
        return mele_i_no_memory(error);
    }
    l->rows = rows;
    l->clusters = clusters;
    l->outputs = outputs;
    l->classes = classes;
    numbers = form.in_file ? 0 : numbers;
    l->mean = mele_i_large_array(numbers, sizeof *l->mean);
    if (variances) {
        l->variance = mele_i_large_array(numbers, sizeof *l->variance);
        l->units = MELE_I_ARRAY(double, 2 * outputs);
    }
    if (form.folds)
        l->fold = MELE_I_ZEROED(unsigned char, cells);
    if (l->mean == NULL || (variances && (l->variance == NULL || l->units == NULL))
        || (form.folds && l->fold == NULL)) {
        mele_left_out_free(l);
        return mele_i_no_memory(error);
    }
    *out = l;
    return MELE_OK;
}

static mele_status predict_global(const mele_experts *experts, const mele_rows *x,
                                  mele_engine *engine, mele_left_out **out, mele_error *error)
{
    mele_experts *global = NULL;
    mele_status status = mele_i_experts_global(experts, &global, error);

    if (status == MELE_OK)
        status = mele_i_left_out_predict(global, x, engine, out, error);
    mele_experts_free(global);
    return status;
}

mele_status mele_i_left_out_predict(const mele_experts *experts, const mele_rows *x,
                                    mele_engine *engine, mele_left_out **out, mele_error *error)
{
    mele_left_out *l = NULL;
    mele_status status = mele_i_left_out_new(x->rows, mele_experts_clusters(experts),
                                             mele_experts_outputs(experts),
                                             mele_experts_classes(experts),
                                             (mele_i_left_out_form){.folds = false}, &l, error);

    if (status == MELE_OK)
        status = mele_experts_predict_rows(experts, x, engine, l->mean, l->variance, error);
    if (status == MELE_OK && mele_experts_clusters(experts) > 1 && mele_i_experts_have_global(experts))
        status = predict_global(experts, x, engine, &l->global, error);
    if (status == MELE_OK)
        *out = l;
    else
        mele_left_out_free(l);
    return status;
}

mele_status mele_i_left_out_part(const mele_left_out *of, const size_t *row, size_t count,
                                 mele_left_out **out, mele_error *error)
{
    mele_left_out *l = NULL;
    mele_status status = mele_i_left_out_new(count, of->clusters, of->outputs, of->classes,
                                             (mele_i_left_out_form){.folds = false}, &l, error);

    if (status != MELE_OK)
        return status;
    const mele_rows mean = mele_left_out_mean(of), variance = mele_left_out_variance(of);
    status = mele_i_rows_gather(&mean, row, count, l->mean, error);
    if (status == MELE_OK && l->variance != NULL)
        status = mele_i_rows_gather(&variance, row, count, l->variance, error);
    if (l->units != NULL)
        memcpy(l->units, of->units, 2 * of->outputs * sizeof *l->units);
    if (status == MELE_OK && of->global != NULL)
        status = mele_i_left_out_part(of->global, row, count, &l->global, error);
    if (status == MELE_OK)
        *out = l;
    else
        mele_left_out_free(l);
    return status;
}

mele_status mele_i_left_out_check_complete(const mele_left_out *l, mele_error *error)
{
    const size_t width = l->clusters * l->outputs, count = l->rows * width;
    size_t i = 0;

    if (l->file != NULL)
        i = l->file->unknown;
    else
        while (i < count && !isnan(l->mean[i]) && !(l->variance != NULL && isnan(l->variance[i])))
            i++;
    return i >= count ? MELE_OK
                      : mele_i_fail(error, MELE_EDATA,
                                    "%s does not know what expert %zu predicts of row %zu left out: it "
                                    "is of a part of the experts or of the rows",
                                    mele_i_left_out_name(l), i % width / l->outputs + 1, i / width + 1);
}

const mele_left_out *mele_i_left_out_global(const mele_left_out *l)
{
    return l->global;
}

const char *mele_i_left_out_name(const mele_left_out *l)
{
    return l->name == NULL ? "left_out" : l->name;
}

/* Counting is all that is ever written of an object that others may hold. */
mele_left_out *mele_left_out_retain(const mele_left_out *left_out)
{
    mele_left_out *l = (mele_left_out *)left_out;

    if (l != NULL)
        atomic_fetch_add_explicit(&l->others, 1, memory_order_relaxed);
    return l;
}

void mele_left_out_free(mele_left_out *l)
{
    if (l == NULL || atomic_fetch_sub_explicit(&l->others, 1, memory_order_acq_rel) > 0)
        return;
    free(l->mean);
    free(l->variance);
    free(l->fold);
    free(l->group);
    free(l->units);
    mele_left_out_free(l->global);
    mele_experts_free(l->experts);
    mele_i_left_out_kept_free(l->file);
    free(l->name);
    free(l);
}

size_t mele_left_out_rows(const mele_left_out *l)
{
    return l->rows;
}

size_t mele_left_out_clusters(const mele_left_out *l)
{
    return l->clusters;
}

size_t mele_left_out_outputs(const mele_left_out *l)
{
    return l->outputs;
}

size_t mele_left_out_classes(const mele_left_out *l)
{
    return l->classes;
}

mele_rows mele_left_out_mean(const mele_left_out *l)
{
    if (l->file != NULL)
        return mele_i_left_out_kept_mean(l->file);
    return mele_i_rows_in_memory(l->mean, l->rows, l->clusters * l->outputs);
}

mele_rows mele_left_out_variance(const mele_left_out *l)
{
    if (l->file != NULL)
        return mele_i_left_out_kept_variance(l->file);
    return mele_i_rows_in_memory(l->variance, l->rows,
                                 l->variance == NULL ? 0 : l->clusters * l->outputs);
}

size_t mele_left_out_fold(const mele_left_out *l, size_t i, size_t k)
{
    return l->fold == NULL ? 0 : l->fold[i * l->clusters + k];
}

const size_t *mele_left_out_groups(const mele_left_out *l)
{
    return l->group;
}

