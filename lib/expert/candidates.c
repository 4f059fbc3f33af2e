#include "expert/candidates.h"

#define LENGTH(list) (sizeof(list) / sizeof *(list))

/* Simple ones first: they win ties. */
static const mele_i_candidate for_targets[] = {
    {"linear", &mele_i_expert_linear, 1},
    {"quadratic", &mele_i_expert_linear, 2},
    {"mlp", &mele_i_expert_mlp, 1},
    {"gp", &mele_i_expert_gp, 1},
};

static const mele_i_candidate for_classes[] = {
    {"logistic", &mele_i_expert_logistic, 1},
    {"quadratic", &mele_i_expert_logistic, 2},
    {"mlp", &mele_i_expert_mlp, 1},
};

_Static_assert(LENGTH(for_targets) <= MELE_EXPERT_CANDIDATES
                   && LENGTH(for_classes) <= MELE_EXPERT_CANDIDATES,
               "mele_expert_info has room for every candidate");

const mele_i_candidate *mele_i_candidate_at(bool classes, size_t i)
{
    if (classes)
        return i < LENGTH(for_classes) ? &for_classes[i] : NULL;
    return i < LENGTH(for_targets) ? &for_targets[i] : NULL;
}
