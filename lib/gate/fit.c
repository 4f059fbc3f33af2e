/* The flow of a gate's fit: checks, what the kind makes, training, the loss. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/total.h"
#include "engine/pass.h"
#include "engine/rows.h"
#include "engine/weights.h"
#include "gate/gate.h"
#include "gate/joint.h"
#include "gate/options.h"

bool mele_i_gate_does_without(const mele_gate_options *options)
{
    const mele_i_gate_kind *kind = mele_i_gate_kind_find(options->kind);
    const mele_i_gate_loss *loss = mele_i_gate_loss_find(options->loss);
    const mele_i_gate_input *on = mele_i_gate_input_find(options->on);

    return kind != NULL && kind->has_input && on != NULL && !on->posteriors && loss != NULL
           && !(loss->needs & MELE_I_GATE_POSTERIORS);
}

bool mele_i_gate_sees_features(const mele_gate_options *options)
{
    const mele_i_gate_kind *kind = mele_i_gate_kind_find(options->kind);

    return kind == NULL || (kind->has_input && mele_i_gate_input_find(options->on)->features);
}

const char *mele_i_gate_on(const mele_gate_options *options)
{
    const mele_i_gate_kind *kind = mele_i_gate_kind_find(options->kind);

    return kind == NULL || !kind->has_input ? NULL : mele_i_gate_input_find(options->on)->name;
}

bool mele_i_gate_is_trained(const mele_gate_options *options)
{
    const mele_i_gate_kind *kind = mele_i_gate_kind_find(options->kind);

    return kind == NULL || kind->trained;
}

bool mele_i_gate_asks_global(const mele_gate_options *options)
{
    return strcmp(options->kind, mele_i_gate_global.name) == 0;
}

bool mele_i_gate_is_untrained(const mele_gate_options *options, bool blind, mele_gate_options *settled)
{
    const bool trained = mele_i_gate_is_trained(options);
    const bool stays = trained && blind && strcmp(options->loss, "posteriors") != 0;

    *settled = *options;
    if (stays)
        settled->kind = mele_i_gate_posterior.name;
    return !trained || stays;
}

mele_status mele_i_gate_coefficients(const mele_gate_options *options, size_t clusters, size_t columns,
                                     bool posteriors, size_t *out, mele_error *error)
{
    const double there = 0;
    const mele_gate_data data = {
        .rows = 1, .clusters = clusters,
        .log_posteriors = mele_rows_of_array(posteriors ? &there : NULL, 1, clusters),
        .x = mele_rows_of_array(&there, 1, columns)};
    const mele_i_gate_training training = {.data = &data, .options = options,
                                           .loss = mele_i_gate_loss_find(options->loss)};
    mele_gate *gate = mele_i_gate_new(mele_i_gate_kind_find(options->kind), clusters);
    mele_status status = gate == NULL ? mele_i_no_memory(error)
                                      : gate->kind->make(gate, &training, error);
    size_t factors;

    if (status == MELE_OK)
        *out = gate->kind->parameters == NULL ? 0 : gate->kind->parameters(gate, &factors);
    mele_gate_free(gate);
    return status;
}

/* What training and the loss look at must be there; without it a gate that is not trained has a
 * loss that is not known. */
static mele_status find_loss(const mele_gate *gate, const mele_i_gate_training *training,
                             bool *known, mele_error *error)
{
    const mele_i_gate_loss *loss = training->loss;
    const char *missing;

    *known = true;
    if (gate->kind->trained && !mele_i_gate_has(training->data, training->loss_needs, &missing))
        return mele_i_fail(error, MELE_EINVAL, "gate: the loss \"%s\" needs %s", loss->name,
                           missing);
    *known = !gate->kind->global
             && mele_i_gate_has(training->data, training->loss_needs | gate->needs, &missing);
    if (gate->kind->trained && !*known)
        return mele_i_fail(error, MELE_EINVAL, "gate: %s is not there, and the gate \"%s\" on "
                           "\"%s\" needs it", missing, gate->kind->name, mele_i_gate_input_find(training->options->on)->name);
    return MELE_OK;
}

static mele_status start_from(mele_gate *gate, const mele_gate *from, mele_error *error)
{
    const mele_i_gate_kind *kind = from->kind->trained_as == NULL ? from->kind : from->kind->trained_as;

    if (kind == gate->kind && from->clusters == gate->clusters && gate->kind->start != NULL
        && gate->kind->start(gate, from))
        return MELE_OK;
    return mele_i_fail(error, MELE_EINVAL, "gate: the gate to start from (\"%s\", %zu clusters) is "
                       "not of the kind, the clusters and the inputs of the one that is trained "
                       "(\"%s\", %zu clusters)", from->kind->name, from->clusters, gate->kind->name,
                       gate->clusters);
}

/* What training starts from. */
static mele_status prepare(mele_gate *gate, const mele_i_gate_training *training, mele_error *error)
{
    const mele_gate *from = training->options->start;
    mele_status status = MELE_OK;

    if (gate->kind->prepare != NULL)
        status = gate->kind->prepare(gate, training, error);
    return status == MELE_OK && from != NULL ? start_from(gate, from, error) : status;
}

static mele_status minimise(mele_gate *gate, const mele_i_gate_training *training,
                            mele_gate_info *info, mele_error *error)
{
    if (gate->kind->train != NULL)
        return gate->kind->train(gate, training, info, error);
    return mele_i_gate_train(gate, training, mele_i_gate_part_step(gate, training), info,
                             error);
}

static mele_status train(mele_gate *gate, const mele_i_gate_training *training,
                         mele_gate_info *info, mele_error *error)
{
    const mele_i_gate_kind *kind = gate->kind;
    mele_status status = prepare(gate, training, error);

    if (status == MELE_OK && kind->trained && !training->stays)
        status = minimise(gate, training, info, error);
    if (status == MELE_OK && kind->trained)
        status = mele_i_gate_penalty(gate, training, &info->penalty, error);
    if (status == MELE_OK && kind->finish != NULL)
        kind->finish(gate);
    return status;
}

/* Training looks at the posteriors in every iteration, and to make them may take longer than all the
 * rest: those of a gate that is trained are made once. */
static mele_status hold_posteriors(const mele_gate *gate, unsigned needs, mele_gate_data *data,
                                   double **memory, mele_engine *engine, mele_error *error)
{
    const bool wanted = gate->kind->trained && (needs & MELE_I_GATE_POSTERIORS);

    return wanted ? mele_i_rows_hold(&data->log_posteriors, memory, engine, error) : MELE_OK;
}

/* Of training that takes many passes numbers are checked before; of a gate that is not trained in the
 * one pass that its loss takes, since what is read may have to be made. To normalise what is normal
 * changes nothing. *posteriors: see hold_posteriors(). */
static mele_status check(const mele_gate *gate, mele_i_gate_training *training, mele_gate_data *data,
                         double **posteriors, mele_error *error)
{
    const unsigned needs = gate->needs | training->loss_needs;
    mele_status status = mele_i_gate_check_shapes(data, needs, error);

    training->checks = training->normalises = !gate->kind->trained;
    if (status == MELE_OK)
        status = hold_posteriors(gate, needs, data, posteriors, training->engine, error);
    return status == MELE_OK && gate->kind->trained
               ? mele_i_gate_check_numbers(data, needs, training->engine, &training->normalises,
                                           error)
               : status;
}

/* Train the gate that the kind has made. */
static mele_status fit(mele_gate *gate, const mele_i_gate_training *given, mele_gate_info *info,
                       mele_error *error)
{
    mele_i_gate_training training = *given;
    mele_gate_data data = *given->data;
    double *weights = NULL, *posteriors = NULL;
    bool known = false;
    mele_status status = find_loss(gate, given, &known, error);

    training.data = &data;
    if (status == MELE_OK && known)
        status = check(gate, &training, &data, &posteriors, error);
    if (status == MELE_OK)
        status = mele_i_weights_relative(given->data->weights, data.rows, &data.weights, &weights,
                                         error);
    if (status == MELE_OK) {
        training.total_weight = mele_i_total_weight(data.weights, data.rows);
        status = train(gate, &training, info, error);
    }
    if (status == MELE_OK && known)
        status = mele_i_gate_mean_loss(gate, &training, &info->loss, error);
    free(weights);
    free(posteriors);
    return status;
}

/* stays: what it starts from is not trained. */
static mele_status fit_gate(const mele_gate_data *data, const mele_gate_options *options,
                            bool stays, mele_engine *engine, mele_gate **out,
                            mele_gate_info *info, mele_error *error)
{
    const mele_gate_options chosen = options == NULL ? mele_gate_defaults() : *options;
    mele_gate_info found = {.loss = NAN, .converged = true};
    mele_status status = mele_i_gate_options_check(&chosen, error);

    if (status != MELE_OK)
        return status;
    if (data == NULL || out == NULL)
        return mele_i_fail(error, MELE_EINVAL, "gate: %s is NULL", data == NULL ? "data" : "out");
    if (data->rows == 0 || data->clusters == 0)
        return mele_i_fail(error, MELE_EINVAL, "gate: %zu rows and %zu clusters: it needs one of "
                           "each", data->rows, data->clusters);
    const mele_i_gate_loss *loss = mele_i_gate_loss_find(chosen.loss);
    const mele_i_gate_training training = {.data = data, .options = &chosen, .loss = loss,
                                           .loss_needs = mele_i_gate_loss_needs(loss, data),
                                           .stays = stays,
                                           .engine = engine};
    mele_gate *gate = mele_i_gate_new(mele_i_gate_kind_find(chosen.kind), data->clusters);
    if (gate == NULL)
        return mele_i_no_memory(error);
    status = gate->kind->make(gate, &training, error);
    if (status == MELE_OK)
        status = fit(gate, &training, &found, error);
    if (status != MELE_OK) {
        mele_gate_free(gate);
        return status;
    }
    if (info != NULL)
        *info = found;
    *out = gate;
    return MELE_OK;
}

static mele_status claim_and_fit(const mele_gate_data *data, const mele_gate_options *options,
                                 bool stays, mele_engine *engine, mele_gate **out,
                                 mele_gate_info *info, mele_error *error)
{
    mele_status status = mele_i_engine_claim(engine, error);

    if (status != MELE_OK)
        return status;
    status = fit_gate(data, options, stays, engine, out, info, error);
    mele_i_engine_release(engine);
    return status;
}

mele_status mele_i_gate_fit(const mele_gate_data *data, const mele_gate_options *options,
                            mele_engine *engine, mele_gate **out, mele_gate_info *info,
                            mele_error *error)
{
    return claim_and_fit(data, options, false, engine, out, info, error);
}

mele_status mele_i_gate_restate(const mele_gate_data *data, const mele_gate_options *options,
                                mele_engine *engine, mele_gate **out, mele_gate_info *info,
                                mele_error *error)
{
    return claim_and_fit(data, options, true, engine, out, info, error);
}

mele_status mele_i_gate_begin(const mele_gate_data *data, const mele_gate_options *options,
                              mele_engine *engine, mele_gate **out, mele_error *error)
{
    const mele_i_gate_loss *loss = mele_i_gate_loss_find(options->loss);
    const mele_i_gate_training training = {
        .data = data, .options = options, .loss = loss,
        .loss_needs = mele_i_gate_loss_needs(loss, data),
        .total_weight = mele_i_total_weight(data->weights, data->rows), .engine = engine};
    mele_gate *gate = mele_i_gate_new(mele_i_gate_kind_find(options->kind), data->clusters);
    mele_status status = gate == NULL ? mele_i_no_memory(error) : MELE_OK;

    if (status == MELE_OK && gate->kind->backward == NULL)
        status = mele_i_fail(error, MELE_EINVAL, "a gate of kind \"%s\" is not trained together with "
                             "experts: \"softmax\" is", options->kind);
    if (status == MELE_OK)
        status = gate->kind->make(gate, &training, error);
    if (status == MELE_OK)
        status = prepare(gate, &training, error);
    if (status == MELE_OK)
        *out = gate;
    else
        mele_gate_free(gate);
    return status;
}

void mele_i_gate_end(mele_gate *gate)
{
    if (gate->kind->finish != NULL)
        gate->kind->finish(gate);
}
