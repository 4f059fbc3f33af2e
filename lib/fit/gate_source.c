#include "fit/gate_source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "schema/data.h"

/* ---- what experts say of rows left out ---- */

/* n x (K M), and the likelihoods, n x K. */
static mele_rows means_of(const mele_i_gate_source *s)
{
    return s->own != NULL ? mele_i_left_out_own_mean(s->own) : mele_left_out_mean(s->all);
}

static mele_rows likelihoods_of(const mele_i_gate_source *s)
{
    return s->own != NULL
               ? mele_i_left_out_own_likelihoods(s->own)
               : mele_rows_of_array(s->log_likelihoods, s->run->features.rows, s->clusters);
}

static mele_status compute_likelihoods(mele_i_gate_source *s, mele_error *error)
{
    mele_i_run *run = s->run;
    const mele_targets targets = {mele_i_run_targets(run), s->classes};

    if (s->own != NULL)
        return MELE_OK;
    s->log_likelihoods = mele_i_large_array(run->features.rows * s->clusters, sizeof(double));
    if (s->log_likelihoods == NULL)
        return mele_i_no_memory(error);
    return mele_expert_log_likelihoods(&targets, mele_left_out_mean(s->all).data,
                                       mele_left_out_variance(s->all).data, s->clusters, run->engine,
                                       s->log_likelihoods, error);
}

/* ---- making ---- */

/* Of a source that knows its left-out predictions and what stage 1 says. */
static mele_status complete(mele_i_gate_source *s, const mele_rows *log_posteriors, mele_error *error)
{
    mele_i_run *run = s->run;
    const mele_model *model = run->model;
    const mele_i_scaling *scaling = mele_i_selection_scaling(&model->gate_features, &model->scaling);

    s->classes = mele_i_run_classes(run);
    s->outputs = mele_model_outputs(model);
    mele_status status = compute_likelihoods(s, error);
    if (status != MELE_OK)
        return status;
    s->data = (mele_gate_data){
        .rows = run->features.rows, .clusters = s->clusters, .log_posteriors = *log_posteriors,
        .log_likelihoods = likelihoods_of(s), .predictions = means_of(s),
        .targets = mele_i_run_targets(run), .x = mele_i_run_gate_x(run),
        .center = scaling->center, .scale = scaling->scale,
        .weights = run->data->weights};
    return MELE_OK;
}

mele_status mele_i_gate_source_make(mele_i_run *run, mele_i_gate_source *out, mele_error *error)
{
    *out = (mele_i_gate_source){.run = run, .clusters = run->model->clusters,
                                .all = run->left_out.all, .own = run->left_out.own};
    return complete(out, &run->marginal.rows, error);
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
    return status == MELE_OK && *known ? complete(out, &certain, error) : status;
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

mele_status mele_i_gate_source_need(mele_i_gate_source *s, const mele_gate_options *options,
                                    mele_error *error)
{
    const size_t rows = s->run->features.rows, count = rows * s->clusters * s->outputs;

    if (s->classes == 0 || strcmp(options->loss, "squared") != 0 || s->predictions != NULL)
        return MELE_OK;
    const double *mean = mele_left_out_mean(s->all).data, *targets = s->run->data->targets;
    s->predictions = mele_i_large_array(count, sizeof(double));
    s->wanted = mele_i_large_array(rows * s->classes, sizeof(double));
    if (s->predictions == NULL || s->wanted == NULL)
        return mele_i_no_memory(error);
    for (size_t e = 0; e < count; e++)
        s->predictions[e] = exp(mean[e]);
    for (size_t i = 0; i < rows; i++)
        for (size_t class = 0; class < s->classes; class++)
            s->wanted[i * s->classes + class] = targets[i] == (double)class;
    s->data.predictions = mele_rows_of_array(s->predictions, rows, s->clusters * s->outputs);
    s->data.targets = mele_rows_of_array(s->wanted, rows, s->classes);
    return MELE_OK;
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
