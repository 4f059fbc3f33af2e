/* The state of an mlp gate. */
#include <stdlib.h>

#include "core/memory.h"
#include "gate/mlp/mlp.h"

void mele_i_gate_network_free(void *memory)
{
    mele_i_gate_network *state = memory;

    if (state == NULL)
        return;
    mele_i_gate_columns_clear(&state->z);
    free(state->weights);
    free(state);
}

mele_i_gate_network *mele_i_gate_network_new(size_t clusters, const mele_i_gate_input *on,
                                             size_t columns, size_t hidden)
{
    mele_i_gate_network *state = MELE_I_NEW(mele_i_gate_network);

    if (state == NULL)
        return NULL;
    state->temperature = 1;
    state->network = (mele_i_network){.inputs = columns, .hidden = hidden, .outputs = clusters,
                                      .classes = true, .activation = MELE_I_TANH};
    state->count = mele_i_network_weights(&state->network);
    state->weights = MELE_I_ZEROED(double, state->count);
    if (!mele_i_gate_columns_make(&state->z, on, clusters, columns) || state->weights == NULL) {
        mele_i_gate_network_free(state);
        return NULL;
    }
    return state;
}

/* Rows of a panel for a block. */
static size_t panel_rows(size_t rows)
{
    return (rows + 15) / 16 * 16;
}

size_t mele_i_gate_network_scratch(const mele_i_gate_network *state, size_t rows)
{
    return rows * state->z.count
           + mele_i_network_columns(&state->network) * mele_i_network_step(panel_rows(rows));
}

mele_i_network_panel mele_i_gate_network_panel(const mele_i_gate_network *state, size_t rows,
                                               double *scratch)
{
    return mele_i_network_panel_in(&state->network, panel_rows(rows),
                                   scratch + rows * state->z.count);
}
