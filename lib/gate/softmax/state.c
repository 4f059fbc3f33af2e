/* The state of a softmax gate. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "gate/softmax/softmax.h"

void mele_i_softmax_free(void *memory)
{
    mele_i_softmax *state = memory;

    if (state == NULL)
        return;
    mele_i_gate_columns_clear(&state->z);
    free(state->coefficients);
    free(state);
}

mele_i_softmax *mele_i_softmax_new(size_t clusters, const mele_i_gate_input *on, size_t columns)
{
    mele_i_softmax *state = MELE_I_NEW(mele_i_softmax);

    if (state == NULL)
        return NULL;
    state->clusters = clusters;
    state->temperature = 1;
    if (on == NULL)
        return state;
    state->coefficients = mele_i_zeroed(clusters, (1 + columns) * sizeof(double));
    if (!mele_i_gate_columns_make(&state->z, on, clusters, columns) || state->coefficients == NULL) {
        mele_i_softmax_free(state);
        return NULL;
    }
    return state;
}

mele_status mele_i_softmax_reorder(mele_gate *gate, const size_t *order, mele_error *error)
{
    mele_i_softmax *state = gate->state;
    const size_t width = 1 + state->z.count, bytes = width * sizeof(double);
    double *was = mele_i_array(state->clusters, bytes);

    if (was == NULL)
        return mele_i_no_memory(error);
    memcpy(was, state->coefficients, state->clusters * bytes);
    for (size_t k = 0; k < state->clusters; k++)
        memcpy(state->coefficients + k * width, was + order[k] * width, bytes);
    free(was);
    return MELE_OK;
}
