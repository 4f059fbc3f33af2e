/* The mlp gate in a model file. */
#include <stdlib.h>

#include "core/error.h"
#include "core/json.h"
#include "gate/mlp/mlp.h"

#define KEYS                                                                                       \
    "kind,clusters,on,temperature,hidden,activation,hidden_weights,output_weights,lower,upper"

bool mele_i_gate_network_save(const mele_i_gate_network *state, json_t *section)
{
    const mele_i_network *n = &state->network;
    const double *output = state->weights + mele_i_network_hidden_weights(n);

    return mele_i_json_put(section, "on", json_string(state->z.on->name))
           && mele_i_json_put(section, "temperature", json_real(state->temperature))
           && mele_i_json_put(section, "hidden", json_integer((json_int_t)n->hidden))
           && mele_i_json_put(section, "activation",
                              json_string(mele_i_activation_name(n->activation)))
           && mele_i_json_put(section, "hidden_weights",
                              mele_i_json_matrix(state->weights, n->hidden, n->inputs + 1))
           && mele_i_json_put(section, "output_weights",
                              mele_i_json_matrix(output, n->outputs, n->hidden + 1))
           && mele_i_gate_columns_save(&state->z, section);
}

/* What a network will be, before memory is taken for it. */
typedef struct shape {
    const mele_i_gate_input *on;
    size_t columns, hidden;
    mele_i_activation activation;
    double temperature;
} shape;

static mele_status read_shape(const json_t *section, size_t clusters, shape *s, mele_error *error)
{
    const char *name;
    mele_status status = mele_i_gate_read_temperature(section, &s->temperature, error);

    if (status == MELE_OK)
        status = mele_i_gate_columns_read_shape(section, clusters, &s->on, &s->columns, error);
    if (status == MELE_OK)
        status = mele_i_json_get_size(section, "hidden", 1, MELE_I_MOST_HIDDEN, &s->hidden,
                                      error);
    if (status == MELE_OK)
        status = mele_i_json_get_string(section, "activation", &name, error);
    if (status == MELE_OK && !mele_i_activation_named(name, &s->activation))
        status = mele_i_fail(error, MELE_EDATA, "\"activation\" is \"%.80s\", which is none", name);
    if (status == MELE_OK)
        status = mele_i_json_check_sizes(section, "hidden_weights", s->hidden, s->columns + 1,
                                         error);
    return status == MELE_OK ? mele_i_json_check_sizes(section, "output_weights", clusters,
                                                       s->hidden + 1, error)
                             : status;
}

static mele_status read_numbers(const json_t *section, mele_i_gate_network *state,
                                mele_error *error)
{
    const mele_i_network *n = &state->network;
    double *output = state->weights + mele_i_network_hidden_weights(n);
    mele_status status = mele_i_gate_columns_load(section, &state->z, error);

    if (status == MELE_OK)
        status = mele_i_json_get_matrix(section, "hidden_weights", state->weights, n->hidden,
                                        n->inputs + 1, error);
    return status == MELE_OK ? mele_i_json_get_matrix(section, "output_weights", output,
                                                      n->outputs, n->hidden + 1, error)
                             : status;
}

mele_status mele_i_gate_network_load(const json_t *section, size_t clusters,
                                     mele_i_gate_network **out, mele_error *error)
{
    shape s;
    mele_status status = mele_i_json_keys(section, "gate", KEYS, error);

    if (status == MELE_OK)
        status = read_shape(section, clusters, &s, error);
    if (status != MELE_OK)
        return status;
    mele_i_gate_network *state = mele_i_gate_network_new(clusters, s.on, s.columns, s.hidden);
    if (state == NULL)
        return mele_i_no_memory(error);
    state->temperature = s.temperature;
    state->network.activation = s.activation;
    status = read_numbers(section, state, error);
    if (status != MELE_OK)
        mele_i_gate_network_free(state);
    else
        *out = state;
    return status;
}
