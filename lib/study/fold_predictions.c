/* Predicting the rows of a fold, and measuring what was predicted. */
#include "study/fold_predictions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/largest.h"
#include "core/memory.h"
#include "model/predict.h"
#include "schema/data.h"
#include "study/cv.h"

#define WINDOW_ROWS 4096 /* predicted at a time: K posteriors of each are held */

typedef struct window {
    const mele_model *model;
    const mele_data *left_out;
    const mele_posteriors *posteriors;   /* of all rows; NULL: none came from outside */
    const mele_predictions *predictions; /* the same */
    mele_i_fold_predictions *to;
    size_t targets, classes;
    size_t first, count;
    bool by_gate;
    double *regions; /* count x K: the posteriors, or by_gate the weights, whose largest tells the region; NULL:
                        there are none */
    double *given;   /* count x K; NULL: the model's partition */
    mele_predictions said;      /* count of outside experts; no rows: the model's own */
} window;

static mele_status make_room(const window *w, mele_error *error)
{
    mele_i_fold_predictions *to = w->to;
    const size_t rows = w->left_out->rows;

    if (!mele_i_cv_predictions_new(rows, w->targets, w->classes, &to->kept))
        return mele_i_no_memory(error);
    if (w->classes > 0)
        return MELE_OK;
    to->log_density = mele_i_array(rows, w->targets * sizeof(double));
    to->joint_log_density = MELE_I_ARRAY(double, rows);
    return to->log_density == NULL || to->joint_log_density == NULL ? mele_i_no_memory(error) : MELE_OK;
}

void mele_i_fold_predictions_clear(mele_i_fold_predictions *predictions)
{
    mele_i_cv_predictions_clear(&predictions->kept);
    free(predictions->log_density);
    free(predictions->joint_log_density);
    memset(predictions, 0, sizeof *predictions);
}

static double *from_row(double *array, size_t row, size_t width)
{
    return array == NULL ? NULL : array + row * width;
}

/* Each row's own posteriors, of those that came from elsewhere. */
static void gather_given(const window *w)
{
    const mele_posteriors *all = w->posteriors;

    for (size_t i = 0; i < w->count && w->given != NULL; i++) {
        const size_t row = mele_i_data_row(w->left_out, w->first + i);
        memcpy(w->given + i * all->clusters, all->log_posteriors + row * all->clusters,
               all->clusters * sizeof *w->given);
    }
}

/* The same of what outside experts say. */
static void gather_said(const window *w)
{
    const mele_predictions *all = w->predictions;
    const size_t width = w->said.clusters * w->said.outputs;

    for (size_t i = 0; i < w->count && w->said.rows > 0; i++) {
        const size_t row = mele_i_data_row(w->left_out, w->first + i);
        memcpy(w->said.mean + i * width, all->mean + row * width, width * sizeof *w->said.mean);
        if (w->said.sd != NULL)
            memcpy(w->said.sd + i * width, all->sd + row * width, width * sizeof *w->said.sd);
    }
}

static mele_status make_said(window *w, size_t most, mele_error *error)
{
    const mele_predictions *all = w->predictions;

    if (all == NULL)
        return MELE_OK;
    const size_t bytes = all->clusters * all->outputs * sizeof(double);
    w->said = (mele_predictions){.rows = most, .clusters = all->clusters, .outputs = all->outputs,
                                 .mean = mele_i_array(most, bytes),
                                 .sd = all->sd == NULL ? NULL : mele_i_array(most, bytes)};
    return w->said.mean == NULL || (all->sd != NULL && w->said.sd == NULL) ? mele_i_no_memory(error)
                                                                            : MELE_OK;
}

static mele_status predict_window(const window *w, mele_engine *engine, mele_error *error)
{
    const size_t targets = w->targets, clusters = mele_model_clusters(w->model);
    mele_cv_predictions *kept = &w->to->kept;
    mele_i_features features = mele_i_data_features(w->left_out);
    mele_predictions said = w->said;
    const mele_prediction wanted = {
        .mean = from_row(kept->mean, w->first, targets),
        .probability = from_row(kept->probability, w->first, w->classes),
        .sd = from_row(kept->sd, w->first, targets),
        .log_density = from_row(w->to->log_density, w->first, targets),
        .joint_log_density = from_row(w->to->joint_log_density, w->first, 1),
        .log_posteriors = w->by_gate ? NULL : w->regions,
        .log_gate = w->by_gate ? w->regions : NULL,
        .predictions = said.rows > 0 ? &said : NULL,
        .targets = w->left_out->targets + w->first * targets};

    features.row += w->first;
    features.rows = w->count;
    said.rows = said.rows > 0 ? w->count : 0;
    gather_given(w);
    gather_said(w);
    mele_status status = mele_i_model_predict(w->model, &features, w->given, engine, &wanted,
                                              error);
    for (size_t i = 0; i < w->count && status == MELE_OK; i++)
        kept->cluster[w->first + i] = w->regions == NULL || isnan(wanted.mean[i * targets])
                                          ? MELE_NO_CLUSTER
                                          : mele_i_largest(w->regions + i * clusters, clusters);
    return status;
}

mele_status mele_i_fold_predict(const mele_model *model, const mele_data *left_out, const mele_cv_options *with,
                                mele_engine *engine, mele_i_fold_predictions *out, mele_error *error)
{
    const size_t rows = left_out->rows, clusters = mele_model_clusters(model);
    const bool given = with != NULL && with->posteriors != NULL;
    const bool by_gate = mele_i_model_regions_by_gate(model, given);
    const bool known = given || by_gate || mele_model_has_partition(model);
    const size_t most = rows < WINDOW_ROWS ? rows : WINDOW_ROWS;
    window w = {.model = model, .left_out = left_out, .to = out, .targets = left_out->schema->targets,
                .classes = mele_schema_classes(left_out->schema), .posteriors = given ? with->posteriors : NULL,
                .predictions = with != NULL ? with->predictions : NULL, .by_gate = by_gate,
                .regions = known ? mele_i_array(most, clusters * sizeof(double)) : NULL,
                .given = given ? mele_i_array(most, clusters * sizeof(double)) : NULL};
    mele_status status = make_room(&w, error);

    if (status == MELE_OK && ((known && w.regions == NULL) || (given && w.given == NULL)))
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = make_said(&w, most, error);
    for (; w.first < rows && status == MELE_OK; w.first += w.count) {
        w.count = rows - w.first < most ? rows - w.first : most;
        status = predict_window(&w, engine, error);
    }
    free(w.regions);
    free(w.given);
    mele_predictions_clear(&w.said);
    return status;
}

/* ---- measures ---- */

mele_status mele_i_fold_measure(const mele_data *left_out, const mele_i_fold_predictions *predictions,
                                mele_metrics *metrics, mele_error *error)
{
    const mele_cv_predictions *p = &predictions->kept;
    const mele_outcomes outcomes = {left_out->rows, left_out->targets,
                                    p->probability != NULL ? p->probability : p->mean,
                                    predictions->log_density, predictions->joint_log_density,
                                    left_out->weights};

    return mele_metrics_add(metrics, &outcomes, error);
}
