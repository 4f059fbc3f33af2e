/* The gate that is a network: a_k = t log p_k + f_k(z), g = softmax(a), where f has one hidden layer
 * (engine/network.c) and z is what columns.h says. t is as in the softmax gate (softmax/softmax.c): a
 * factor, trained as log t, and 0 where log p is left out. With the outputs' weights 0 it is the
 * posterior gate.
 *
 * With the residuals r_ik = d loss_i / d a_ik, which are what goes back through the network, the
 * gradient by t is sum_ik r_ik log p_ik. */
#include "gate/mlp/mlp.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"

/* Hand a state to its gate. */
static mele_status adopt(mele_gate *gate, mele_i_gate_network *state, mele_error *error)
{
    gate->state = state;
    if (state == NULL)
        return mele_i_no_memory(error);
    mele_i_gate_columns_ask(&state->z, state->temperature, gate);
    return MELE_OK;
}

static mele_status make(mele_gate *gate, const mele_i_gate_training *training, mele_error *error)
{
    const mele_i_gate_input *on = mele_i_gate_input_find(training->options->on);
    mele_i_gate_network *state = mele_i_gate_network_new(
        gate->clusters, on, mele_i_gate_columns_count(on, training->data),
        training->options->hidden);

    if (state != NULL && mele_i_gate_columns_alone(&state->z, training))
        state->temperature = 0;
    return adopt(gate, state, error);
}

static mele_status prepare(mele_gate *gate, const mele_i_gate_training *training,
                           mele_error *error)
{
    mele_i_gate_network *state = gate->state;

    return mele_i_gate_columns_standardise(&state->z, gate->needs, training, error);
}

static bool start(mele_gate *gate, const mele_gate *from)
{
    mele_i_gate_network *state = gate->state;
    const mele_i_gate_network *given = from->state;

    if (given->z.on != state->z.on || given->count != state->count
        || given->network.inputs != state->network.inputs
        || (given->temperature > 0 && !(gate->needs & MELE_I_GATE_POSTERIORS)))
        return false;
    state->temperature = given->temperature;
    state->network = given->network;
    gate->needs = from->needs;
    memcpy(state->weights, given->weights, state->count * sizeof *state->weights);
    mele_i_gate_columns_unfold(&state->z, state->weights, state->network.hidden);
    return true;
}

static void finish(mele_gate *gate)
{
    mele_i_gate_network *state = gate->state;

    mele_i_gate_columns_fold(&state->z, state->weights, state->network.hidden);
}

/* ---- parameters: t unless it is 0, then the weights ---- */

static size_t parameters(const mele_gate *gate, size_t *factors)
{
    const mele_i_gate_network *state = gate->state;

    *factors = state->temperature > 0;
    return *factors + state->count;
}

/* One cluster's output weights say nothing that the others' do not. */
static size_t freedom(const mele_gate *gate)
{
    const mele_i_gate_network *state = gate->state;
    size_t factors;

    return parameters(gate, &factors) - (1 + state->network.hidden);
}

static void get(const mele_gate *gate, double *out)
{
    const mele_i_gate_network *state = gate->state;
    const size_t first = state->temperature > 0;

    if (first == 1)
        out[0] = state->temperature;
    memcpy(out + first, state->weights, state->count * sizeof *out);
}

static void set(mele_gate *gate, const double *in)
{
    mele_i_gate_network *state = gate->state;
    const size_t first = state->temperature > 0;

    if (first == 1)
        state->temperature = in[0];
    memcpy(state->weights, in + first, state->count * sizeof *in);
}

/* ---- forward and backward ---- */

static size_t work(const mele_gate *gate)
{
    const mele_i_gate_network *state = gate->state;

    return state->count + MELE_I_ACTIVATION_WORK * state->network.hidden;
}

static size_t scratch_numbers(const mele_gate *gate, size_t rows, bool backward)
{
    (void)backward;
    return mele_i_gate_network_scratch(gate->state, rows);
}

static void forward(const mele_gate *gate, const mele_i_gate_rows *rows, double *scratch,
                    double *out)
{
    const mele_i_gate_network *state = gate->state;
    const size_t K = gate->clusters, d = state->z.count;
    const double t = state->temperature;
    const mele_i_network_panel panel = mele_i_gate_network_panel(state, rows->count, scratch);

    mele_i_gate_columns_fill(&state->z, rows, scratch);
    mele_i_network_forward(&state->network, &panel,
                           mele_i_network_put(&state->network, &panel, scratch, d, rows->count),
                           state->weights);
    for (size_t i = 0; i < rows->count; i++)
        for (size_t k = 0; k < K; k++)
            out[i * K + k] = panel.output[k * panel.step + i];
    for (size_t i = 0; i < rows->count * K && t > 0; i++)
        out[i] += t * rows->log_posteriors[i];
}

static void backward(const mele_gate *gate, const mele_i_gate_rows *rows, const double *residual,
                     double *scratch, double *gradient)
{
    const mele_i_gate_network *state = gate->state;
    const size_t K = gate->clusters, count = rows->count, filled = (count + 7) / 8 * 8;
    const double *log_p = rows->log_posteriors;
    const mele_i_network_panel panel = mele_i_gate_network_panel(state, count, scratch);

    if (state->temperature > 0) {
        for (size_t i = 0; i < count * K; i++)
            gradient[0] += log_p[i] > -INFINITY ? residual[i] * log_p[i] : 0;
        gradient++;
    }
    for (size_t k = 0; k < K; k++)
        for (size_t i = 0; i < filled; i++)
            panel.output[k * panel.step + i] = i < count ? residual[i * K + k] : 0;
    mele_i_network_backward(&state->network, &panel, filled, state->weights, gradient);
}

/* ---- for people, and the file ---- */

static size_t describe(const mele_gate *gate, char *out, size_t size)
{
    const mele_i_gate_network *state = gate->state;

    return (size_t)snprintf(out, size, "%s on %s, temperature %.4g, %zu hidden units, %zu weights",
                            gate->kind->name, state->z.on->name, state->temperature,
                            state->network.hidden, state->count);
}

static bool save(const mele_gate *gate, json_t *section)
{
    return mele_i_gate_network_save(gate->state, section);
}

static mele_status load(const json_t *section, mele_gate *gate, mele_error *error)
{
    mele_i_gate_network *state = NULL;
    mele_status status = mele_i_gate_network_load(section, gate->clusters, &state, error);

    return status == MELE_OK ? adopt(gate, state, error) : status;
}

const mele_i_gate_kind mele_i_gate_mlp = {
    .name = "mlp", .trained = true, .has_input = true, .bends = true, .make = make, .prepare = prepare,
    .start = start, .train = mele_i_gate_network_train, .finish = finish, .free = mele_i_gate_network_free,
    .parameters = parameters, .freedom = freedom, .get = get, .set = set, .work = work, .scratch = scratch_numbers,
    .forward = forward, .backward = backward,
    .curvature_sums = mele_i_gate_network_curvature_sums,
    .curvature_scratch = mele_i_gate_network_curvature_scratch,
    .curvature = mele_i_gate_network_curvature, .hessian = mele_i_gate_network_hessian,
    .describe = describe, .save = save, .load = load};
