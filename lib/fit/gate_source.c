/* What gates are trained on and measured by, of all rows of a run: log posteriors of stage 1, and of the
 * experts' left-out predictions f_ik the means, and the log likelihoods log p_k(y_i | x_i) under these means
 * and the experts' variances. They are made block by block in the pass that needs them; or once, and held,
 * where a training looks at them in every iteration, which all gates of one choice then share. Of the squared
 * loss of classes probabilities are held in place of their logarithms. */
#include "fit/gate_source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/rows.h"
#include "gate/gate.h"
#include "schema/data.h"

/* ---- what experts say of rows left out ---- */

/* n x (K M), and the likelihoods, n x K. */
static mele_rows means_of(const mele_i_gate_source *s)
{
    return s->own != NULL ? mele_i_left_out_own_mean(s->own) : mele_left_out_mean(s->all);
}

/* Rows of what a block's likelihoods are made of, in one piece of memory. */
typedef struct likelihood_rows {
    mele_rows rows[3]; /* targets, means, variances (no columns: there are none) */
    const double *taken[3];
    size_t stride[3];
    double *memory;
} likelihood_rows;

static mele_status take_rows(likelihood_rows *l, mele_i_block block, mele_error *error)
{
    size_t room = 0;
    mele_status status = MELE_OK;

    for (size_t r = 0; r < 3; r++)
        room += l->rows[r].cols * block.count;
    l->memory = MELE_I_ARRAY(double, room);
    if (l->memory == NULL)
        return mele_i_no_memory(error);
    double *at = l->memory;
    for (size_t r = 0; r < 3 && status == MELE_OK; at += l->rows[r].cols * block.count, r++)
        if (l->rows[r].cols > 0)
            status = mele_i_rows_take(&l->rows[r], block, at, &l->taken[r], &l->stride[r], error);
    return status;
}

/* A read() of mele_rows: likelihoods of predictions that are there. */
static mele_status read_likelihoods(void *user, size_t first, size_t count, double *out,
                                    mele_error *error)
{
    const mele_i_gate_source *s = user;
    likelihood_rows l = {
        .rows = {s->targets.values, mele_left_out_mean(s->all), mele_left_out_variance(s->all)}};
    mele_status status = take_rows(&l, (mele_i_block){0, first, count}, error);
    const mele_targets targets = {
        {.rows = count, .cols = l.rows[0].cols, .data = l.taken[0], .stride = l.stride[0]},
        s->targets.classes};

    if (status == MELE_OK)
        status = mele_expert_log_likelihoods(&targets, l.taken[1], l.taken[2], s->clusters, NULL, out,
                                             error);
    free(l.memory);
    return status;
}

static mele_rows likelihoods_of(mele_i_gate_source *s)
{
    return s->own != NULL
               ? mele_i_left_out_own_likelihoods(s->own)
               : (mele_rows){s->run->features.rows, s->clusters, NULL, 0, read_likelihoods, s};
}

/* ---- making ---- */

/* Of a source that knows its left-out predictions and what stage 1 says. */
static void complete(mele_i_gate_source *s, const mele_rows *log_posteriors)
{
    mele_i_run *run = s->run;
    const mele_model *model = run->model;
    const mele_i_scaling *scaling = mele_i_selection_scaling(&model->gate_features, &model->scaling);

    s->classes = mele_i_run_classes(run);
    s->outputs = mele_model_outputs(model);
    s->targets = (mele_targets){mele_i_run_targets(run), s->classes};
    s->data = (mele_gate_data){
        .rows = run->features.rows, .clusters = s->clusters, .log_posteriors = *log_posteriors,
        .log_likelihoods = likelihoods_of(s), .predictions = means_of(s),
        .targets = s->targets.values, .x = mele_i_run_gate_x(run),
        .center = scaling->center, .scale = scaling->scale,
        .weights = run->data->weights};
}

void mele_i_gate_source_make(mele_i_run *run, mele_i_gate_source *out)
{
    *out = (mele_i_gate_source){.run = run, .clusters = run->model->clusters,
                                .all = run->left_out.all, .own = run->left_out.own};
    complete(out, &run->marginal.rows);
}

/* A read() of mele_rows: the log posteriors of one region. */
static mele_status read_certainty(void *user, size_t first, size_t count, double *out,
                                  mele_error *error)
{
    (void)user;
    (void)first;
    (void)error;
    memset(out, 0, count * sizeof *out);
    return MELE_OK;
}

mele_status mele_i_gate_source_global(mele_i_run *run, bool *known, mele_i_gate_source *out,
                                      mele_error *error)
{
    const mele_rows certain = {run->features.rows, 1, NULL, 0, read_certainty, NULL};
    mele_status status = MELE_OK;

    *out = (mele_i_gate_source){.run = run, .clusters = 1};
    if (run->model->clusters == 1) {
        out->all = run->left_out.all;
        out->own = run->left_out.own;
    } else if (run->left_out.own != NULL) {
        status = mele_i_left_out_own_global(run->left_out.own, &out->global, error);
        out->all = out->global;
    } else {
        out->all = mele_i_left_out_global(run->left_out.all);
    }
    *known = out->all != NULL || out->own != NULL;
    if (status == MELE_OK && *known)
        complete(out, &certain);
    return status;
}

void mele_i_gate_source_clear(mele_i_gate_source *s)
{
    mele_left_out_free(s->global);
    free(s->log_likelihoods);
    free(s->predictions);
    free(s->wanted);
    *s = (mele_i_gate_source){.clusters = 0};
}

/* ---- for losses and measures ---- */

/* Probabilities of the experts, and the classes as indicators. */
static mele_status expand_classes(mele_i_gate_source *s, mele_error *error)
{
    const size_t rows = s->run->features.rows, width = s->clusters * s->outputs;
    const double *mean = s->data.predictions.data, *targets = s->run->data->targets;

    if (s->predictions == NULL)
        s->predictions = mele_i_large_array(rows, width * sizeof(double));
    s->wanted = mele_i_large_array(rows, s->classes * sizeof(double));
    if (s->predictions == NULL || s->wanted == NULL)
        return mele_i_no_memory(error);
    for (size_t e = 0; e < rows * width; e++)
        s->predictions[e] = exp(mean[e]);
    for (size_t i = 0; i < rows; i++)
        for (size_t class = 0; class < s->classes; class++)
            s->wanted[i * s->classes + class] = targets[i] == (double)class;
    s->data.predictions = mele_rows_of_array(s->predictions, rows, width);
    s->data.targets = mele_rows_of_array(s->wanted, rows, s->classes);
    return MELE_OK;
}

mele_status mele_i_gate_source_need(mele_i_gate_source *s, const mele_gate_options *options,
                                    mele_error *error)
{
    const bool trained = mele_i_gate_is_trained(options);
    const bool squared = strcmp(options->loss, "squared") == 0;
    mele_engine *engine = s->run->engine;
    mele_status status = MELE_OK;

    if (trained && strcmp(options->loss, "likelihood") == 0)
        status = mele_i_rows_hold(&s->data.log_likelihoods, &s->log_likelihoods, engine, error);
    if (status == MELE_OK && squared && (trained || s->classes > 0))
        status = mele_i_rows_hold(&s->data.predictions, &s->predictions, engine, error);
    return status == MELE_OK && squared && s->classes > 0 && s->wanted == NULL
               ? expand_classes(s, error)
               : status;
}

mele_i_left_out_view mele_i_gate_source_view(const mele_i_gate_source *s, const mele_gate *gate)
{
    mele_i_left_out_view view = {gate, s->clusters, s->data.log_posteriors, s->data.x, means_of(s),
                                 s->data.log_likelihoods};

    if (s->own != NULL) {
        view.mean = mele_i_left_out_own_both(s->own);
        view.log_likelihoods = (mele_rows){.data = NULL};
    }
    return view;
}
