/* What all gates are asked by, whatever their kind. */
#include "engine/kernels.h"
#include "gate/kind.h"

size_t mele_i_gate_scratch(const mele_gate *gate, size_t rows, bool backward)
{
    return gate->kind->scratch == NULL ? 0 : gate->kind->scratch(gate, rows, backward);
}

size_t mele_i_gate_work(const mele_gate *gate)
{
    return gate->kind->work == NULL ? 0 : gate->kind->work(gate);
}

void mele_i_gate_weigh(const mele_gate *gate, const mele_i_gate_rows *rows, double *scratch,
                       double *out)
{
    gate->kind->forward(gate, rows, scratch, out);
    mele_i_kernels_best()->log_softmax(out, rows->count, gate->clusters, NULL);
}
