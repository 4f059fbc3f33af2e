/* The report of a cross-validation: the numbers of its result as JSON, nothing else. */
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "study/cv.h"
#include "fit/report.h"

/* Measures, in the order of result->name, as an object; NULL: memory ran out. */
static json_t *measures_object(const mele_cv_result *result, const double *values)
{
    json_t *object = json_object();

    for (size_t m = 0; m < result->measures; m++)
        if (!mele_i_json_put(object, result->name[m], mele_i_report_real(values[m]))) {
            json_decref(object);
            return NULL;
        }
    return object;
}

/* Measures of the model and of the global expert. */
static bool put_both(json_t *object, const mele_cv_result *result, const double *model,
                     const double *global)
{
    const bool good = mele_i_json_put(object, "model", measures_object(result, model));

    return mele_i_json_put(object, "global", measures_object(result, global)) && good;
}

/* How many regions each fold's model has, repeat by repeat. */
static json_t *clusters_of_folds(const mele_cv_result *result)
{
    json_t *list = json_array();

    for (size_t i = 0; i < result->repeats * result->folds && list != NULL; i++)
        if (json_array_append_new(list, json_integer((json_int_t)result->clusters[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static json_t *each_repeat(const mele_cv_result *result)
{
    json_t *list = json_array();

    for (size_t r = 0; r < result->repeats && list != NULL; r++) {
        json_t *object = json_object();
        const bool good = put_both(object, result, result->model_repeat + r * result->measures,
                                   result->global_repeat + r * result->measures);
        if (json_array_append_new(list, object) != 0 || !good) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

/* The standard deviation of each measure over the repeats. */
static void spread_of(const mele_cv_result *result, const double *of_repeat, double *out)
{
    for (size_t m = 0; m < result->measures; m++) {
        double mean = 0, squares = 0;
        for (size_t r = 0; r < result->repeats; r++) {
            const double off = of_repeat[r * result->measures + m] - mean;
            mean += off / (double)(r + 1);
            squares += off * (of_repeat[r * result->measures + m] - mean);
        }
        out[m] = sqrt(squares / (double)(result->repeats - 1));
    }
}

static json_t *spread(const mele_cv_result *result)
{
    double *sd = mele_i_array(2, result->measures * sizeof(double));
    json_t *object = NULL;

    if (sd == NULL)
        return NULL;
    spread_of(result, result->model_repeat, sd);
    spread_of(result, result->global_repeat, sd + result->measures);
    object = json_object();
    if (!put_both(object, result, sd, sd + result->measures)) {
        json_decref(object);
        object = NULL;
    }
    free(sd);
    return object;
}

mele_status mele_i_cv_report(const mele_cv_result *result, bool chosen, mele_report *report,
                             mele_error *error)
{
    json_t *cv = json_object();
    bool good = mele_i_json_put(cv, "folds", json_integer((json_int_t)result->folds));

    if (result->repeats > 1)
        good = mele_i_json_put(cv, "repeats", json_integer((json_int_t)result->repeats)) && good;
    good = mele_i_json_put(cv, "rows", json_integer((json_int_t)result->rows)) && good;
    if (result->skipped > 0)
        good = mele_i_json_put(cv, "skipped", json_integer((json_int_t)result->skipped)) && good;
    good = put_both(cv, result, result->model, result->global) && good;
    if (chosen)
        good = mele_i_json_put(cv, "clusters", clusters_of_folds(result)) && good;
    if (result->repeats > 1) {
        good = mele_i_json_put(cv, "spread", spread(result)) && good;
        good = mele_i_json_put(cv, "each_repeat", each_repeat(result)) && good;
    }
    if (!good) {
        json_decref(cv);
        return mele_i_no_memory(error);
    }
    mele_i_report_set(report, "cv", cv);
    return MELE_OK;
}
