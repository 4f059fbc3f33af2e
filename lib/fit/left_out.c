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
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/rows.h"
#include "fit/report.h"
#include "schema/data.h"

#define WINDOW 16384
#define BLOCK_WORK (1 << 16)

typedef struct window {
    const mele_i_run *run;
    const mele_i_left_out_view *view;
    size_t first, rows, clusters, outputs, classes;
    double units;        /* see units_of() */
    double *predicted;   /* WINDOW x M */
    double *log_density; /* WINDOW: of all targets at once */
} window;

/* What one thread works in: a block's rows. */
typedef struct room {
    double *log_posteriors, *x, *mean, *log_likelihoods; /* of those that are not in memory */
    double *log_gate;                                    /* turned into log g_ik + log likelihood */
} room;

static size_t room_bytes(const window *w, size_t rows)
{
    const mele_i_left_out_view *v = w->view;
    const size_t numbers[] = {mele_i_rows_room(&v->log_posteriors, rows),
                              mele_i_rows_room(&v->x, rows), mele_i_rows_room(&v->mean, rows),
                              mele_i_rows_room(&v->log_likelihoods, rows), rows * w->clusters};
    size_t bytes = 0;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        bytes += mele_i_carved(numbers[i], sizeof(double));
    return bytes;
}

static room place(const window *w, size_t rows, void *scratch)
{
    const mele_i_left_out_view *v = w->view;
    unsigned char *at = scratch;
    room r;

    r.log_posteriors = mele_i_carve(&at, mele_i_rows_room(&v->log_posteriors, rows),
                                    sizeof(double));
    r.x = mele_i_carve(&at, mele_i_rows_room(&v->x, rows), sizeof(double));
    r.mean = mele_i_carve(&at, mele_i_rows_room(&v->mean, rows), sizeof(double));
    r.log_likelihoods = mele_i_carve(&at, mele_i_rows_room(&v->log_likelihoods, rows),
                                     sizeof(double));
    r.log_gate = mele_i_carve(&at, rows * w->clusters, sizeof(double));
    return r;
}

/* A row of the window: what experts say of it, blended; log_gate is added up with the likelihoods. */
static void blend(const window *w, const double *each, const double *likelihood, double *log_gate,
                  double *out)
{
    const size_t K = w->clusters, M = w->outputs;
    const mele_i_scaling *scaling = &w->run->model->target_scaling;

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

/* The gate's weights of a block of all rows. */
static mele_status weigh(const window *w, mele_i_block rows, const room *r, mele_error *error)
{
    const mele_i_left_out_view *v = w->view;
    const double *log_p = NULL, *x = NULL;
    size_t stride, x_stride = v->x.cols;
    mele_status status = MELE_OK;

    if (v->gate == NULL || mele_gate_needs_posteriors(v->gate))
        status = mele_i_rows_take(&v->log_posteriors, rows, r->log_posteriors, &log_p, &stride,
                                  error);
    if (status == MELE_OK && v->gate == NULL) {
        memcpy(r->log_gate, log_p, rows.count * w->clusters * sizeof *log_p);
        return MELE_OK;
    }
    if (status == MELE_OK && mele_gate_features(v->gate) > 0)
        status = mele_i_rows_take(&v->x, rows, r->x, &x, &x_stride, error);
    if (status != MELE_OK)
        return status;
    const mele_matrix seen = {x, rows.count, v->x.cols, x_stride};
    return mele_gate_log_weights(v->gate, log_p, &seen, rows.count, NULL, r->log_gate, error);
}

/* What the experts say of a block's rows, left out. */
typedef struct said {
    const double *mean, *likelihood;
    size_t mean_stride, stride;
} said;

static mele_status take_said(const window *w, mele_i_block rows, const room *r, said *out,
                             mele_error *error)
{
    const mele_i_left_out_view *v = w->view;
    mele_status status = mele_i_rows_take(&v->mean, rows, r->mean, &out->mean, &out->mean_stride,
                                          error);

    if (status == MELE_OK && v->log_likelihoods.cols > 0)
        return mele_i_rows_take(&v->log_likelihoods, rows, r->log_likelihoods, &out->likelihood,
                                &out->stride, error);
    out->likelihood = out->mean + w->clusters * w->outputs;
    out->stride = out->mean_stride;
    return status;
}

static mele_status blend_block(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const window *w = context;
    const mele_i_block rows = {block.index, w->first + block.first, block.count};
    const size_t K = w->clusters;
    const room r = place(w, block.count, scratch);
    said s;

    (void)partial;
    mele_status status = weigh(w, rows, &r, error);
    if (status == MELE_OK)
        status = take_said(w, rows, &r, &s, error);
    if (status != MELE_OK)
        return status;
    for (size_t i = 0; i < block.count; i++)
        blend(w, s.mean + i * s.mean_stride, s.likelihood + i * s.stride, r.log_gate + i * K,
              w->predicted + (block.first + i) * w->outputs);
    mele_i_kernels_best()->log_softmax(r.log_gate, block.count, K, w->log_density + block.first);
    for (size_t i = 0; i < block.count; i++)
        w->log_density[block.first + i] -= w->units;
    return MELE_OK;
}

static mele_status blend_window(window *w, mele_engine *engine, mele_error *error)
{
    const size_t block = mele_i_block_rows(16 * w->clusters * (w->outputs + 1), BLOCK_WORK, 16);
    const mele_i_pass pass = {.rows = w->rows, .map = blend_block, .context = w,
                              .block_rows = block, .scratch_bytes = room_bytes(w, block)};

    return mele_i_pass_run(engine, &pass, error);
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

mele_status mele_i_metrics_of_data(const mele_data *data, mele_metrics **out, mele_error *error)
{
    const mele_schema *schema = data->schema;
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

/* What log densities of scaled targets are larger by than those of the targets. */
static double units_of(const mele_i_scaling *scaling)
{
    double units = 0;

    for (size_t t = 0; t < scaling->columns; t++)
        units += log(scaling->scale[t]);
    return units;
}

mele_status mele_i_left_out_measures(const mele_i_run *run, const mele_i_left_out_view *view,
                                     json_t **out, mele_error *error)
{
    const size_t rows = run->features.rows, most = rows < WINDOW ? rows : WINDOW;
    const size_t M = mele_model_outputs(run->model);
    window w = {.run = run, .view = view, .clusters = view->clusters, .outputs = M,
                .classes = mele_i_run_classes(run), .units = units_of(&run->model->target_scaling),
                .predicted = mele_i_array(most, M * sizeof(double)),
                .log_density = MELE_I_ARRAY(double, most)};
    mele_metrics *metrics = NULL;
    mele_status status = mele_i_metrics_of_data(run->data, &metrics, error);

    if (status == MELE_OK && (w.predicted == NULL || w.log_density == NULL))
        status = mele_i_no_memory(error);
    for (; w.first < rows && status == MELE_OK; w.first += w.rows) {
        w.rows = rows - w.first < WINDOW ? rows - w.first : WINDOW;
        status = blend_window(&w, run->engine, error);
        if (status == MELE_OK)
            status = add_window(&w, metrics, error);
    }
    if (status == MELE_OK) {
        const mele_measures measures = mele_metrics_result(metrics);
        json_t *object = mele_i_report_measures(&measures);
        if (mele_i_json_put(object, "rows", json_integer((json_int_t)rows)))
            *out = json_incref(object);
        else
            status = mele_i_no_memory(error);
        json_decref(object);
    }
    mele_metrics_free(metrics);
    free(w.predicted);
    free(w.log_density);
    return status;
}
