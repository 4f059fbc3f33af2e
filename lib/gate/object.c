/* What all gates have. */
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "gate/joint.h"

mele_gate *mele_i_gate_new(const mele_i_gate_kind *kind, size_t clusters)
{
    mele_gate *gate = MELE_I_NEW(mele_gate);

    if (gate != NULL) {
        gate->kind = kind;
        gate->clusters = clusters;
    }
    return gate;
}

void mele_gate_free(mele_gate *gate)
{
    if (gate == NULL)
        return;
    if (gate->kind->free != NULL)
        gate->kind->free(gate->state);
    free(gate);
}

const char *mele_gate_name(const mele_gate *gate)
{
    return gate->kind->name;
}

size_t mele_gate_clusters(const mele_gate *gate)
{
    return gate->clusters;
}

bool mele_gate_needs_posteriors(const mele_gate *gate)
{
    return gate->needs & MELE_I_GATE_POSTERIORS;
}

mele_status mele_i_gate_reorder(mele_gate *gate, const size_t *order, mele_error *error)
{
    if (gate->kind->reorder == NULL || gate->needs & MELE_I_GATE_POSTERIORS)
        return mele_i_fail(error, MELE_EINVAL, "a %s gate has the order of its regions",
                           gate->kind->name);
    return gate->kind->reorder(gate, order, error);
}

size_t mele_gate_features(const mele_gate *gate)
{
    return gate->features;
}
