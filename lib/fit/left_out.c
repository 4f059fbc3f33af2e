/* How well the mixture predicts rows that its experts have not seen.
 *
 * With f_ik the left-out prediction of expert k for row i and s_ik^2 its variance, both there for the
 * gate to be trained on, and g_ik that gate's weights, row i is measured against the mixture
 *     mean = sum_k g_ik f_ik,   density of its target = sum_k g_ik N(y_i; f_ik, s_ik^2),
 * for classes against the probabilities sum_k g_ik p_ik. The experts have not seen the row, but the
 * partition and the gate have: the errors are a little too good, which cross-validation (--cv) is not.
 * Nothing is fitted for them. */
#include "fit/left_out.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "fit/report.h"
#include "schema/data.h"

#define WINDOW 16384
#define BLOCK_WORK (1 << 16)

typedef struct window {
    const mele_i_run *run;
    const double *log_likelihoods; /* of all rows: rows x K */
    size_t first, rows, clusters, outputs, classes;
    double *log_gate;    /* WINDOW x K; turned into log g_ik + log likelihood */
    double *predicted;   /* WINDOW x M */
    double *log_density; /* WINDOW: of all targets at once */
} window;

/* Row i of the window. */
static void blend(const window *w, size_t i)
{
    const size_t K = w->clusters, M = w->outputs;
    const double *each = mele_left_out_mean(w->run->left_out).data + (w->first + i) * K * M;
    const double *likelihood = w->log_likelihoods + (w->first + i) * K;
    const mele_i_scaling *scaling = &w->run->model->target_scaling;
    double *log_gate = w->log_gate + i * K, *out = w->predicted + i * M;

    for (size_t m = 0; m < M; m++)
        out[m] = 0;
    for (size_t k = 0; k < K; k++) {
        const double weight = exp(log_gate[k]);
        for (size_t m = 0; m < M; m++)
            out[m] += weight * (w->classes > 0 ? exp(each[k * M + m]) : each[k * M + m]);
        log_gate[k] += likelihood[k];
    }
    for (size_t m = 0; m < M && w->classes == 0; m++)
        out[m] = scaling->center[m] + scaling->scale[m] * out[m];
}

static mele_status blend_block(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const window *w = context;

    (void)partial;
    (void)scratch;
    (void)error;
    for (size_t i = block.first; i < block.first + block.count; i++)
        blend(w, i);
    mele_i_kernels_best()->log_softmax(w->log_gate + block.first * w->clusters, block.count,
                                       w->clusters, w->log_density + block.first);
    return MELE_OK;
}

static mele_status blend_window(window *w, const mele_gate *gate, mele_error *error)
{
    const mele_i_run *run = w->run;
    const size_t columns = run->model->scaling.columns;
    const mele_matrix x = mele_matrix_of(run->design + w->first * columns, w->rows, columns);
    const size_t work = 16 * w->clusters * (w->outputs + 1);
    const mele_i_pass pass = {.rows = w->rows, .map = blend_block, .context = w,
                              .block_rows = mele_i_block_rows(work, BLOCK_WORK, 16)};
    double units = 0;
    const double *log_p = mele_gate_needs_posteriors(gate) ? run->marginal + w->first * w->clusters
                                                           : NULL;
    mele_status status = mele_gate_log_weights(gate, log_p, &x, w->rows, run->engine, w->log_gate,
                                               error);

    if (status == MELE_OK)
        status = mele_i_pass_run(run->engine, &pass, error);
    for (size_t t = 0; t < run->model->target_scaling.columns; t++)
        units += log(run->model->target_scaling.scale[t]);
    for (size_t i = 0; i < w->rows && status == MELE_OK; i++)
        w->log_density[i] -= units;
    return status;
}

static mele_status add_window(const window *w, mele_metrics *metrics, mele_error *error)
{
    const mele_data *data = w->run->data;
    const size_t targets = data->schema->targets;
    const double *density = w->classes > 0 ? NULL : w->log_density;
    const mele_outcomes outcomes = {
        .rows = w->rows, .truth = data->targets + w->first * targets, .predictions = w->predicted,
        .log_density = targets == 1 ? density : NULL, .joint_log_density = density,
        .weights = data->weights == NULL ? NULL : data->weights + w->first};

    return mele_metrics_add(metrics, &outcomes, error);
}

static mele_status new_metrics(const mele_schema *schema, mele_metrics **out, mele_error *error)
{
    const char **names = MELE_I_ARRAY(const char *, schema->targets);

    if (names == NULL)
        return mele_i_no_memory(error);
    for (size_t t = 0; t < schema->targets; t++)
        names[t] = schema->target[t].name;
    mele_status status = mele_metrics_new(names, schema->targets, mele_schema_classes(schema), out,
                                          error);
    free(names);
    return status;
}

mele_status mele_i_left_out_measures(const mele_i_run *run, const mele_gate *gate,
                                     const double *log_likelihoods, json_t **out,
                                     mele_error *error)
{
    const size_t rows = run->features.rows, K = run->model->clusters;
    const size_t M = mele_model_outputs(run->model), most = rows < WINDOW ? rows : WINDOW;
    window w = {.run = run, .log_likelihoods = log_likelihoods, .clusters = K, .outputs = M,
                .classes = mele_i_run_classes(run),
                .log_gate = mele_i_array(most, K * sizeof(double)),
                .predicted = mele_i_array(most, M * sizeof(double)),
                .log_density = MELE_I_ARRAY(double, most)};
    mele_metrics *metrics = NULL;
    mele_status status = new_metrics(run->data->schema, &metrics, error);

    if (status == MELE_OK && (w.log_gate == NULL || w.predicted == NULL || w.log_density == NULL))
        status = mele_i_no_memory(error);
    for (; w.first < rows && status == MELE_OK; w.first += w.rows) {
        w.rows = rows - w.first < WINDOW ? rows - w.first : WINDOW;
        status = blend_window(&w, gate, error);
        if (status == MELE_OK)
            status = add_window(&w, metrics, error);
    }
    if (status == MELE_OK) {
        const mele_measures measures = mele_metrics_result(metrics);
        if ((*out = mele_i_report_measures(&measures)) == NULL)
            status = mele_i_no_memory(error);
    }
    mele_metrics_free(metrics);
    free(w.log_gate);
    free(w.predicted);
    free(w.log_density);
    return status;
}
