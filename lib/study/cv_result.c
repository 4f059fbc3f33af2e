/* What cross-validation found, as the caller holds it. */
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "study/cv.h"
#include "schema/data.h"

bool mele_i_cv_predictions_new(size_t count, size_t targets, size_t classes,
                               mele_cv_predictions *out)
{
    out->mean = mele_i_array(count, targets * sizeof(double));
    out->probability = classes > 0 ? mele_i_array(count, classes * sizeof(double)) : NULL;
    out->sd = classes > 0 ? NULL : mele_i_array(count, targets * sizeof(double));
    out->cluster = MELE_I_ARRAY(size_t, count);
    return out->mean != NULL && out->cluster != NULL
           && (classes > 0 ? out->probability : out->sd) != NULL;
}

void mele_i_cv_predictions_clear(mele_cv_predictions *predictions)
{
    free(predictions->mean);
    free(predictions->probability);
    free(predictions->sd);
    free(predictions->cluster);
}

static void rows_free(mele_cv_rows *rows)
{
    if (rows == NULL)
        return;
    free(rows->row);
    free(rows->fold);
    free(rows->observed);
    mele_i_cv_predictions_clear(&rows->model);
    mele_i_cv_predictions_clear(&rows->global);
    free(rows);
}

void mele_cv_result_free(mele_cv_result *result)
{
    if (result == NULL)
        return;
    for (size_t m = 0; result->name != NULL && m < result->measures; m++)
        free(result->name[m]);
    free(result->name);
    for (size_t f = 0; result->fold_name != NULL && f < result->folds; f++)
        free(result->fold_name[f]);
    free(result->fold_name);
    free(result->model);
    free(result->global);
    free(result->model_repeat);
    free(result->global_repeat);
    free(result->clusters);
    rows_free(result->left_out);
    free(result);
}

static bool name_measures(mele_cv_result *r, const mele_measures *measures)
{
    r->name = MELE_I_ZEROED(char *, measures->count);
    for (size_t m = 0; r->name != NULL && m < measures->count; m++)
        if ((r->name[m] = mele_i_string(measures->names[m])) == NULL)
            return false;
    return r->name != NULL;
}

static bool make_room(mele_cv_result *r)
{
    r->model = MELE_I_ZEROED(double, r->measures);
    r->global = MELE_I_ZEROED(double, r->measures);
    r->model_repeat = mele_i_zeroed(r->repeats, r->measures * sizeof(double));
    r->global_repeat = mele_i_zeroed(r->repeats, r->measures * sizeof(double));
    r->clusters = mele_i_zeroed(r->repeats, r->folds * sizeof(size_t));
    return r->model != NULL && r->global != NULL && r->model_repeat != NULL
           && r->global_repeat != NULL && r->clusters != NULL;
}

/* Rows that are left out, with what was observed there. */
static mele_cv_rows *rows_new(const mele_data *data, size_t rows, size_t repeats)
{
    const size_t targets = data->schema->targets, classes = mele_schema_classes(data->schema);
    mele_cv_rows *out;
    size_t all, at = 0;

    if (__builtin_mul_overflow(rows, repeats, &all) || (out = MELE_I_NEW(mele_cv_rows)) == NULL)
        return NULL;
    out->row = MELE_I_ARRAY(size_t, rows);
    out->fold = MELE_I_ARRAY(size_t, all);
    out->observed = mele_i_array(rows, targets * sizeof(double));
    if (!mele_i_cv_predictions_new(all, targets, classes, &out->model)
        || !mele_i_cv_predictions_new(all, targets, classes, &out->global) || out->row == NULL
        || out->fold == NULL || out->observed == NULL) {
        rows_free(out);
        return NULL;
    }
    for (size_t i = 0; i < data->rows; i++) {
        if (!mele_i_data_counts(data, i))
            continue;
        out->row[at] = mele_i_data_row(data, i);
        for (size_t t = 0; t < targets; t++)
            out->observed[at * targets + t] = data->targets[i * targets + t];
        at++;
    }
    return out;
}

mele_status mele_i_cv_result_new(const mele_data *data, size_t folds, const mele_cv_options *cv,
                                 const mele_measures *measures, mele_cv_result **out,
                                 mele_error *error)
{
    mele_cv_result *r = MELE_I_NEW(mele_cv_result);
    bool done = r != NULL;

    if (done) {
        r->folds = folds;
        r->repeats = cv->repeats;
        r->rows = mele_i_data_count(data);
        r->measures = measures->count;
        done = name_measures(r, measures) && make_room(r);
    }
    if (done && cv->rows)
        done = (r->left_out = rows_new(data, r->rows, r->repeats)) != NULL;
    if (!done) {
        mele_cv_result_free(r);
        return mele_i_no_memory(error);
    }
    *out = r;
    return MELE_OK;
}
