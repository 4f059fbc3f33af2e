/* How many numbers of a model are free: what it takes to be compared with another one of as many. */
#include "expert/expert.h"
#include "gate/gate.h"
#include "model/model.h"

size_t mele_model_parameters(const mele_model *model)
{
    const mele_experts *experts = model->global != NULL ? model->global : model->experts;
    size_t sum = experts == NULL ? 0 : mele_i_experts_freedom(experts);

    if (model->gate == NULL || model->global != NULL || model->clusters == 1)
        return sum;
    if (model->marginal != NULL && mele_gate_needs_posteriors(model->gate))
        sum += (size_t)mele_partition_parameters(model->marginal);
    return sum + mele_i_gate_freedom(model->gate);
}
