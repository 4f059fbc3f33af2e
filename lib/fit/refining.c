#include "fit/refining.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/total.h"
#include "engine/rows.h"
#include "fit/stages.h"
#include "gate/gate.h"
#include "schema/data.h"

/* Of a target's variance, as the experts are trained on it: that of a mixture is bounded. */
#define LEAST_VARIANCE 1e-6

/* ---- what EM works on ---- */

/* But for the posteriors. */
static mele_i_mixture_rows rows_of(mele_i_run *run)
{
    return (mele_i_mixture_rows){.rows = run->features.rows, .clusters = run->model->clusters,
                                 .x = mele_i_run_expert_x(run), .gate_x = mele_i_run_gate_x(run),
                                 .targets = {mele_i_run_targets(run), mele_i_run_classes(run)},
                                 .weights = run->data->weights};
}

static double ridge_of(const mele_expert_options *options)
{
    for (size_t i = 0; mele_expert_kind(i) != NULL; i++)
        if (options->ridge == MELE_RIDGE_DEFAULT && strcmp(mele_expert_kind(i), options->kind) == 0)
            return mele_expert_ridge(i);
    return options->ridge;
}

/* As those of stage 2; nothing is left out. */
static mele_expert_options experts_of(const mele_i_run *run, const char *kind)
{
    mele_expert_options options = mele_i_run_expert_options(run);

    options.kind = kind;
    options.ridge = ridge_of(&options);
    options.only = options.freeze = 0;
    options.cold = false;
    options.groups = NULL;
    return options;
}

void mele_i_refining_problem(mele_i_run *run, const char *kind, mele_i_em_problem *out)
{
    const mele_model *model = run->model;
    const mele_i_scaling *sees = mele_i_selection_scaling(&model->gate_features, &model->scaling);

    *out = (mele_i_em_problem){.rows = rows_of(run), .experts = experts_of(run, kind), .gate = run->gate,
                               .gate_center = sees->center, .gate_scale = sees->scale,
                               .total_weight = mele_i_total_weight(run->data->weights, run->data->rows),
                               .least_variance = LEAST_VARIANCE, .engine = run->engine};
}

mele_status mele_i_refining_rows(mele_i_run *run, const mele_gate *gate, mele_i_mixture_rows *out,
                                 mele_error *error)
{
    mele_status status = mele_gate_needs_posteriors(gate) ? mele_i_run_need_marginal(run, error)
                                                          : MELE_OK;

    *out = rows_of(run);
    if (status == MELE_OK && mele_gate_needs_posteriors(gate))
        out->log_posteriors = run->marginal.rows;
    return status;
}

/* Every step looks at the posteriors in many passes. */
mele_status mele_i_refining_start(mele_i_run *run, mele_i_refining *r, mele_error *error)
{
    const mele_model *model = run->model;

    *r = (mele_i_refining){.posteriors = NULL};
    mele_i_refining_problem(run, mele_experts_name(model->experts), &r->problem);
    mele_i_mixture_rows *rows = &r->problem.rows;
    mele_status status = mele_i_refining_rows(run, model->gate, rows, error);
    if (status == MELE_OK && rows->log_posteriors.cols > 0)
        status = mele_i_rows_hold(&rows->log_posteriors, &r->posteriors, run->engine, error);
    return status == MELE_OK
               ? mele_i_em_start(&r->problem, model->experts, model->gate, &r->em, error)
               : status;
}

void mele_i_refining_clear(mele_i_refining *refining)
{
    mele_i_em_clear(&refining->em);
    free(refining->posteriors);
    refining->posteriors = NULL;
}

/* ---- the gate ---- */

bool mele_i_refining_takes(const mele_gate_options *gate)
{
    return strcmp(gate->kind, "softmax") == 0 || strcmp(gate->kind, "mlp") == 0;
}

mele_gate_options mele_i_refining_gate(const mele_gate_options *gate)
{
    mele_gate_options out = *gate;

    if (!mele_i_refining_takes(gate)) {
        out.kind = "softmax";
        out.on = "features";
    }
    return out;
}

/* ---- on a part of the rows ---- */

static mele_status fit_gates(mele_i_refining_part *part, mele_error *error)
{
    const mele_gate_options chosen = part->run.gate;
    mele_status status = MELE_OK;

    if (!mele_i_refining_takes(&chosen)) {
        status = mele_i_run_gate(&part->run, error);
        part->plain = part->model.gate;
        part->model.gate = NULL;
    }
    part->run.gate = mele_i_refining_gate(&chosen);
    return status == MELE_OK ? mele_i_run_gate(&part->run, error) : status;
}

static mele_status fit_part(mele_i_refining_part *part, mele_error *error)
{
    mele_status status = mele_i_run_experts(&part->run, MELE_I_KEEP_FOR_GATE, error);

    if (status == MELE_OK)
        status = fit_gates(part, error);
    if (status == MELE_OK)
        status = mele_i_refining_start(&part->run, &part->refining, error);
    return status;
}

mele_status mele_i_refining_part_start(const mele_i_run *run, const mele_data *data, size_t fold,
                                       mele_engine *engine, mele_i_refining_part *part,
                                       mele_error *error)
{
    const mele_handover handover = {.posteriors = run->posteriors};

    *part = (mele_i_refining_part){.options = *run->options, .model = *run->model};
    part->options.experts.fold = fold;
    part->options.experts.only = part->options.experts.freeze = 0;
    part->options.warm_start = false;
    part->options.gate = run->gate;
    part->model.experts = part->model.global = NULL;
    part->model.gate = NULL;
    part->model.expert_features = part->model.gate_features = (mele_i_selection){.features = 0};
    part->model.training = json_object();
    part->run = mele_i_run_of(data, &handover, &part->options, engine, NULL, &part->model);
    return part->model.training == NULL ? mele_i_no_memory(error) : fit_part(part, error);
}

/* All else is the model's that the part is of. */
void mele_i_refining_part_clear(mele_i_refining_part *part)
{
    mele_i_refining_clear(&part->refining);
    mele_i_run_clear(&part->run);
    mele_experts_free(part->model.experts);
    mele_gate_free(part->model.gate);
    mele_gate_free(part->plain);
    mele_i_selection_clear(&part->model.expert_features);
    mele_i_selection_clear(&part->model.gate_features);
    json_decref(part->model.training);
    part->model.experts = NULL;
    part->model.gate = NULL;
    part->model.training = NULL;
}

mele_status mele_i_refining_part_predict(mele_i_refining_part *part, const mele_data *data,
                                         mele_engine *engine, const mele_i_mixture_said *out,
                                         mele_error *error)
{
    const mele_handover handover = {.posteriors = part->run.posteriors};
    const mele_i_em *em = &part->refining.em;
    const bool plain = part->plain != NULL && em->steps == 0;
    const mele_i_mixture mixture = {em->experts, plain ? part->plain : em->gate, NULL};
    mele_i_run run = mele_i_run_of(data, &handover, &part->options, engine, NULL, &part->model);
    mele_i_mixture_rows rows;
    mele_status status = mele_i_refining_rows(&run, mixture.gate, &rows, error);

    if (status == MELE_OK)
        status = mele_i_mixture_predict(&rows, &mixture, engine, out, error);
    mele_i_run_clear(&run);
    return status;
}
