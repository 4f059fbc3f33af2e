#include "expert/train.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "expert/regional.h"

/* Where experts of this kind and degree may start from. */
static mele_status find_starts(const mele_i_expert_problem *problem,
                               const mele_i_expert_kind *kind, mele_i_expert **out,
                               mele_error *error)
{
    const size_t all = problem->regions->clusters + 1;

    *out = problem->start == NULL ? NULL : MELE_I_ARRAY(mele_i_expert, all);
    if (problem->start == NULL)
        return MELE_OK;
    if (*out == NULL)
        return mele_i_no_memory(error);
    memcpy(*out, problem->start, all * sizeof **out);
    for (size_t k = 0; k < all; k++)
        if ((*out)[k].kind != kind || (*out)[k].degree != problem->degree)
            (*out)[k].state = NULL;
    return MELE_OK;
}

mele_status mele_i_expert_train(const mele_i_expert_kind *kind,
                                const mele_i_expert_problem *problem, mele_i_expert *experts,
                                mele_engine *engine, mele_error *error)
{
    mele_i_expert_problem own = *problem;
    mele_i_expert *start = NULL;
    mele_status status = find_starts(problem, kind, &start, error);

    if (status != MELE_OK)
        return status;
    own.start = start;
    for (size_t k = 0; k <= problem->regions->clusters; k++)
        if (problem->train[k]) {
            experts[k].kind = kind;
            experts[k].degree = problem->degree;
            problem->info[k].kind = kind->name;
        }
    status = kind->fit != NULL ? kind->fit(&own, experts, engine, error)
                               : mele_i_regional_fit(kind, &own, experts, engine, error);
    free(start);
    return status;
}
