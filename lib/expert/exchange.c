/* What EM does with experts: each region gets its own, old and new ones are exchanged. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "expert/expert.h"
#include "expert/experts.h"

mele_status mele_i_experts_separate(const mele_experts *experts, mele_experts **out,
                                    mele_error *error)
{
    mele_experts *e = NULL;
    mele_status status = mele_experts_merge(&experts, 1, &e, error);

    if (status != MELE_OK)
        return status;
    for (size_t k = 0; k < e->clusters; k++) {
        const size_t host = e->expert[k].answers;
        if (host != k)
            mele_i_experts_settle(e, k, host);
    }
    *out = e;
    return MELE_OK;
}

void mele_i_experts_put(mele_experts *experts, const mele_experts *from, const bool *which)
{
    for (size_t k = 0; k <= experts->clusters; k++)
        if (k == experts->clusters || which[k])
            mele_i_experts_take(experts, from, k);
}

mele_status mele_i_experts_reorder(mele_experts *experts, const size_t *order, mele_error *error)
{
    const size_t K = experts->clusters;
    mele_i_expert *was = MELE_I_ARRAY(mele_i_expert, K);
    size_t *now = MELE_I_ARRAY(size_t, K + 1);
    const bool good = was != NULL && now != NULL;

    for (size_t k = 0; k < K && good; k++) {
        was[k] = experts->expert[k];
        now[order[k]] = k;
    }
    for (size_t k = 0; k < K && good; k++) {
        now[K] = K;
        experts->expert[k] = was[order[k]];
        experts->expert[k].answers = now[experts->expert[k].answers];
    }
    free(was);
    free(now);
    return good ? MELE_OK : mele_i_no_memory(error);
}

void mele_i_experts_squares(const mele_experts *experts, size_t k, double *out)
{
    const mele_i_expert *expert = &experts->expert[k];
    const mele_i_expert_shape shape = mele_i_experts_shape(experts, expert->degree);
    const size_t count = experts->classes > 0 ? 1 : experts->outputs;

    memset(out, 0, count * sizeof *out);
    if (expert->state != NULL && expert->kind->squares != NULL)
        expert->kind->squares(expert, &shape, out);
}

bool mele_i_experts_have_variance(const mele_experts *experts, size_t k)
{
    const mele_i_expert *expert = &experts->expert[k];

    return experts->classes == 0 && expert->answers == k && !expert->kind->spreads;
}

void mele_i_experts_set_variances(mele_experts *experts, const double *variance)
{
    for (size_t k = 0; k < experts->clusters; k++)
        memcpy(experts->expert[k].variance, variance + k * experts->outputs,
               experts->outputs * sizeof *variance);
}

void mele_i_experts_variances(const mele_experts *experts, double least, double *out)
{
    const size_t M = experts->outputs;

    for (size_t k = 0; k < experts->clusters; k++)
        for (size_t t = 0; t < M; t++)
            out[k * M + t] = fmax(experts->expert[k].variance[t], least);
}
