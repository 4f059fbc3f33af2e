#include "expert/group.h"

size_t mele_i_group_scratch(const mele_i_expert_group *group, size_t (*bytes)(const void *state))
{
    size_t most = 0;

    for (size_t e = 0; e < group->count; e++) {
        const size_t wanted = bytes(group->expert[e]->state);
        most = wanted > most ? wanted : most;
    }
    return most;
}

void mele_i_group_predict(const mele_i_expert_group *group, mele_i_predict_one *predict,
                          const mele_matrix *x, double *mean, double *variance, void *scratch)
{
    const size_t M = group->shape.outputs;

    for (size_t e = 0; e < group->count; e++)
        predict(group->expert[e]->state, x, mean + e * M,
                variance == NULL ? NULL : variance + e * M, group->stride, scratch);
}
