/* Who takes part in a mixture, and who errs with whom. Correlations are of weighted rows, from sums of products
 * about the mean that are updated with it (West 1979): with weights w, W their sum so far, e_k the errors of a row
 * and m_k their means before it,
 *
 *     d_k = e_k - m_k,   m_k <- m_k + w d_k / W,   C_jk <- C_jk + w (1 - w / W) d_j d_k. */
#include "study/anatomy.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "model/predict.h"
#include "schema/data.h"

#define WINDOW_ROWS 1024 /* predicted at a time: K M means of each are held */
#define LITTLE 0.01      /* of an equal share of the weight */

/* Walks over rows, with what is known of the experts so far. */
typedef struct walk {
    const mele_model *model;
    size_t clusters, outputs, targets, classes;
    double *log_gate; /* WINDOW_ROWS x K */
    double *mean;     /* WINDOW_ROWS x K x M; NULL: gates alone are looked at */
    double weight;    /* of the rows so far that have a prediction */
    double *share;    /* K: sums of gate weights */
    double entropy;   /* sum over rows */
    double *error;    /* targets x K: of a row, less the mean */
    double *centre;   /* targets x K */
    double *product;  /* targets x K x K, above the diagonal and on it */
} walk;

static void walk_clear(walk *w)
{
    free(w->log_gate);
    free(w->mean);
    free(w->share);
    free(w->error);
    free(w->centre);
    free(w->product);
}

static mele_status walk_make(const mele_model *model, const mele_data *data, size_t rows, bool errors, walk *w,
                             mele_error *error)
{
    const mele_schema *schema = data->schema;
    const size_t k = mele_model_clusters(model);

    *w = (walk){.model = model, .clusters = k, .outputs = mele_model_outputs(model), .targets = schema->targets,
                .classes = mele_schema_classes(schema)};
    w->log_gate = mele_i_array(rows, k * sizeof(double));
    w->share = MELE_I_ZEROED(double, k);
    if (errors) {
        w->mean = mele_i_array(rows, k * w->outputs * sizeof(double));
        w->error = mele_i_zeroed(w->targets, k * sizeof(double));
        w->centre = mele_i_zeroed(w->targets, k * sizeof(double));
        w->product = mele_i_zeroed(w->targets * k, k * sizeof(double));
    }
    return w->log_gate == NULL || w->share == NULL
                   || (errors && (w->mean == NULL || w->error == NULL || w->centre == NULL || w->product == NULL))
               ? mele_i_no_memory(error)
               : MELE_OK;
}

/* ---- one row ---- */

static void add_gate(walk *w, const double *log_gate, double weight)
{
    for (size_t k = 0; k < w->clusters; k++) {
        const double g = exp(log_gate[k]);
        w->share[k] += weight * g;
        w->entropy -= g > 0 ? weight * g * log_gate[k] : 0;
    }
}

/* How far expert k is off in target t. */
static double error_of(const walk *w, const double *mean, const double *truth, size_t k, size_t t)
{
    const double *said = mean + k * w->outputs;

    return w->classes > 0 ? 1 - said[(size_t)truth[0]] : truth[t] - said[t];
}

/* w->weight includes the row's already. */
static void add_errors(walk *w, const double *mean, const double *truth, double weight)
{
    const size_t clusters = w->clusters;
    const double step = weight / w->weight;

    for (size_t t = 0; t < w->targets; t++) {
        double *error = w->error + t * clusters, *centre = w->centre + t * clusters;
        for (size_t k = 0; k < clusters; k++) {
            error[k] = error_of(w, mean, truth, k, t) - centre[k];
            centre[k] += step * error[k];
        }
        for (size_t j = 0; j < clusters; j++) {
            double *product = w->product + (t * clusters + j) * clusters;
            for (size_t k = j; k < clusters; k++)
                product[k] += weight * (1 - step) * error[j] * error[k];
        }
    }
}

static bool has_numbers(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (isnan(values[i]))
            return false;
    return true;
}

/* Rows without a prediction, and without weight, are passed over. */
static void add_row(walk *w, const mele_data *data, size_t row, size_t i)
{
    const double weight = data->weights == NULL ? 1 : data->weights[row];
    const double *log_gate = w->log_gate + i * w->clusters, *truth = data->targets + row * w->targets;
    const size_t width = w->clusters * w->outputs;

    if (!(weight > 0) || !has_numbers(log_gate, w->clusters)
        || (w->mean != NULL && !has_numbers(w->mean + i * width, width)))
        return;
    w->weight += weight;
    add_gate(w, log_gate, weight);
    if (w->mean != NULL)
        add_errors(w, w->mean + i * width, truth, weight);
}

static mele_status walk_rows(walk *w, const mele_data *data, size_t most, mele_engine *engine, mele_error *error)
{
    const mele_prediction wanted = {.log_gate = w->log_gate, .expert_mean = w->mean};
    mele_status status = MELE_OK;

    for (size_t first = 0, count; first < data->rows && status == MELE_OK; first += count) {
        mele_i_features features = mele_i_data_features(data);
        count = data->rows - first < most ? data->rows - first : most;
        features.row += first;
        features.rows = count;
        status = mele_i_model_predict(w->model, &features, NULL, engine, &wanted, error);
        for (size_t i = 0; i < count && status == MELE_OK; i++)
            add_row(w, data, first + i, i);
    }
    return status;
}

/* ---- what they come to ---- */

static size_t count_dead(const walk *w)
{
    size_t dead = 0;

    for (size_t k = 0; k < w->clusters; k++)
        dead += w->share[k] < LITTLE * w->weight / (double)w->clusters;
    return dead;
}

static double mean_correlation(const walk *w)
{
    const size_t clusters = w->clusters;
    double sum = 0;
    size_t pairs = 0;

    for (size_t t = 0; t < w->targets; t++)
        for (size_t j = 0; j < clusters; j++)
            for (size_t k = j + 1; k < clusters; k++) {
                const double *product = w->product + t * clusters * clusters;
                const double vj = product[j * clusters + j], vk = product[k * clusters + k];
                const double r = product[j * clusters + k] / (sqrt(vj) * sqrt(vk));
                pairs += isfinite(r);
                sum += isfinite(r) ? r : 0;
            }
    return pairs > 0 ? sum / (double)pairs : NAN;
}

/* The rows of one side; `errors`: of the experts, too. */
static mele_status look_at(const mele_model *model, const mele_data *data, bool errors, mele_engine *engine,
                           walk *w, mele_error *error)
{
    const size_t most = data->rows < WINDOW_ROWS ? data->rows : WINDOW_ROWS;
    mele_status status = walk_make(model, data, most, errors, w, error);

    return status == MELE_OK ? walk_rows(w, data, most, engine, error) : status;
}

mele_status mele_i_anatomy_of(const mele_model *model, const mele_data *training, const mele_data *left_out,
                              mele_engine *engine, mele_i_anatomy *out, mele_error *error)
{
    mele_i_anatomy found = {.clusters = model->global != NULL ? 1 : mele_model_clusters(model),
                            .parameters = (double)mele_model_parameters(model), .gate_entropy = NAN,
                            .error_correlation = NAN};
    walk seen = {0}, unseen = {0};
    mele_status status = MELE_OK;

    if (found.clusters > 1) {
        status = look_at(model, training, false, engine, &seen, error);
        if (status == MELE_OK)
            status = look_at(model, left_out, true, engine, &unseen, error);
    }
    if (status == MELE_OK && found.clusters > 1) {
        found.dead = count_dead(&seen);
        found.error_correlation = mean_correlation(&unseen);
        found.gate_entropy = unseen.entropy / unseen.weight / log((double)found.clusters);
    }
    walk_clear(&seen);
    walk_clear(&unseen);
    if (status == MELE_OK)
        *out = found;
    return status;
}
