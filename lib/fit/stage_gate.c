/* Stage 3 of a run: the gate, on left-out predictions of the experts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/normal.h"
#include "engine/pass.h"
#include "fit/experts.h"
#include "fit/report.h"
#include "fit/stages.h"
#include "model/predict.h"
#include "schema/data.h"

#define BLOCK_WORK (1 << 16)

/* Left-out predictions of the model's experts, by training the same ones again. Those that do not
 * come out the same, having started from others or learnt from other rows, are approached from
 * where they are. */
static mele_status need_left_out(mele_i_run *run, mele_error *error)
{
    const mele_expert_options from_nothing = {.start = NULL},
                              from_model = {.start = run->model->experts};
    mele_experts *again = NULL, *nearer = NULL;
    mele_status status;

    if (run->left_out != NULL)
        return MELE_OK;
    status = mele_i_run_need_left_out_room(run, error);
    if (status == MELE_OK)
        status = mele_i_run_train_experts(run, &from_nothing, &again, NULL, error);
    if (status == MELE_OK && !mele_i_experts_equal(run->model->experts, again))
        status = mele_i_run_train_experts(run, &from_model, &nearer, NULL, error);
    mele_experts_free(again);
    mele_experts_free(nearer);
    return status;
}

typedef struct likelihood_context {
    const mele_i_run *run;
    size_t clusters, outputs, targets, classes;
    double *log_likelihoods; /* n x K */
    double *predictions;     /* n x K x M; NULL: not wanted (may be the left-out array itself) */
    double *wanted;          /* n x M; NULL: not wanted */
} likelihood_context;

static double log_likelihood(const likelihood_context *c, size_t i, size_t k)
{
    const double *target = c->run->targets + i * c->targets;
    size_t at = (i * c->clusters + k) * c->outputs;
    double sum = 0;

    if (c->classes > 0)
        return c->run->left_out[at + (size_t)target[0]];
    for (size_t t = 0; t < c->targets; t++) {
        double off = target[t] - c->run->left_out[at + t];
        sum += mele_i_log_normal(off, c->run->left_out_variance[at + t]);
    }
    return sum;
}

static mele_status likelihood_block(void *context, mele_i_block block, void *partial, void *scratch,
                                    mele_error *error)
{
    const likelihood_context *c = context;

    (void)partial;
    (void)scratch;
    (void)error;
    for (size_t i = block.first; i < block.first + block.count; i++)
        for (size_t k = 0; k < c->clusters; k++)
            c->log_likelihoods[i * c->clusters + k] = log_likelihood(c, i, k);
    return MELE_OK;
}

/* For the squared loss on classes: probabilities, and the classes as indicators. */
static mele_status expand_classes(likelihood_context *c, size_t rows, mele_error *error)
{
    size_t count = rows * c->clusters * c->outputs;

    c->predictions = mele_i_large_array(count, sizeof(double));
    c->wanted = mele_i_large_array(rows * c->classes, sizeof(double));
    if (c->predictions == NULL || c->wanted == NULL)
        return mele_i_no_memory(error);
    for (size_t e = 0; e < count; e++)
        c->predictions[e] = exp(c->run->left_out[e]);
    for (size_t i = 0; i < rows; i++)
        for (size_t class = 0; class < c->classes; class++)
            c->wanted[i * c->classes + class] = c->run->targets[i] == (double)class;
    return MELE_OK;
}

static mele_status compute_likelihoods(likelihood_context *c, mele_error *error)
{
    size_t rows = c->run->features.rows;
    mele_i_pass pass = {.rows = rows, .map = likelihood_block, .context = c,
                        .block_rows = mele_i_block_rows(8 * c->clusters * c->outputs, BLOCK_WORK,
                                                        16)};

    c->log_likelihoods = mele_i_large_array(rows * c->clusters, sizeof(double));
    if (c->log_likelihoods == NULL)
        return mele_i_no_memory(error);
    return mele_i_pass_run(c->run->engine, &pass, error);
}

/* Of rows that are of one group there are no left-out predictions to train a gate on: then it is the
 * one that training would have started from. */
static mele_gate_options options_of(const mele_i_run *run, bool *blind)
{
    mele_gate_options options = run->options->gate;

    *blind = mele_i_data_is_one_group(run->data);
    if (!*blind || strcmp(options.loss, "posteriors") == 0 || strcmp(options.kind, "hard") == 0
        || strcmp(options.kind, "posterior") == 0)
        return options;
    mele_i_report_warn(run->report, "the gate stays the posteriors: all rows are of one group "
                       "(--group), so there are no left-out predictions to train it on");
    options.kind = "posterior";
    return options;
}

static mele_status train_gate(mele_i_run *run, mele_gate **out, mele_gate_info *info,
                              mele_error *error)
{
    mele_model *model = run->model;
    size_t rows = run->features.rows;
    likelihood_context c = {.run = run, .clusters = model->clusters,
                            .classes = mele_i_run_classes(run),
                            .outputs = mele_model_outputs(model),
                            .targets = model->schema->targets};
    bool blind, expanded = c.classes > 0 && strcmp(run->options->gate.loss, "squared") == 0;
    const mele_gate_options options = options_of(run, &blind);
    mele_status status = compute_likelihoods(&c, error);

    if (status == MELE_OK && expanded)
        status = expand_classes(&c, rows, error);
    mele_gate_data data = {.rows = rows, .clusters = c.clusters, .log_posteriors = run->marginal,
                           .log_likelihoods = c.log_likelihoods,
                           .predictions = expanded ? c.predictions : run->left_out,
                           .targets = expanded ? c.wanted : run->targets, .outputs = c.outputs,
                           .x = mele_matrix_of(run->design, rows, model->scaling.columns),
                           .weights = run->data->weights};
    if (blind)
        data.log_likelihoods = data.predictions = NULL;
    if (status == MELE_OK)
        status = mele_gate_fit(&data, &options, run->engine, out, info, error);
    free(c.log_likelihoods);
    free(c.predictions);
    free(c.wanted);
    return status;
}

static json_t *gate_record(const mele_gate_info *info, const char *kind)
{
    json_t *object = json_object();

    if (mele_i_json_put(object, "kind", json_string(kind))
        && mele_i_json_put(object, "iterations", json_integer((json_int_t)info->iterations))
        && mele_i_json_put(object, "loss", mele_i_report_real(info->loss))
        && mele_i_json_put(object, "converged", json_boolean(info->converged)))
        return object;
    json_decref(object);
    return NULL;
}

mele_status mele_i_run_gate(mele_i_run *run, mele_error *error)
{
    mele_model *model = run->model;
    double start = mele_i_clock();
    mele_gate_info info;
    mele_gate *gate = NULL;
    mele_status status = MELE_OK;

    if (model->experts == NULL)
        return mele_i_fail(error, MELE_EINVAL, "the model has no experts (stage 2) to gate");
    status = mele_i_model_need_experts(model, error);
    if (status != MELE_OK)
        return status;
    if (run->data->schema->targets == 0)
        return mele_i_fail(error, MELE_EINVAL, "there is no target to learn (-t COL)");
    status = mele_i_run_need_marginal(run, error);
    if (status == MELE_OK)
        status = need_left_out(run, error);
    if (status == MELE_OK)
        status = mele_i_run_need_design(run, error);
    if (status == MELE_OK)
        status = mele_i_run_need_targets(run, error);
    if (status == MELE_OK)
        status = train_gate(run, &gate, &info, error);
    if (status == MELE_OK) {
        model->gate = gate;
        mele_i_run_start_report(run);
        if (!info.converged)
            mele_i_report_unconverged(run->report, "the gate did not converge in %zu iterations",
                                      info.iterations);
        status = mele_i_run_record(run, "gate", gate_record(&info, mele_gate_name(gate)), error);
    }
    if (status == MELE_OK)
        status = mele_i_run_record_options(run, error);
    mele_report_seconds(run->report, "gate", mele_i_clock() - start);
    return status;
}
