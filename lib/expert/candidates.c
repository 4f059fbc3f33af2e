#include "expert/candidates.h"

#define LENGTH(list) (sizeof(list) / sizeof *(list))

/* Simple ones first: they win ties. Networks come last, for they may give up on a region that
 * another candidate does clearly better in. How much more of hidden units and ridge some of them
 * have was chosen by left-out errors on concrete; that of logistic ones is a convention. */
static const mele_i_candidate for_targets[] = {
    {"linear", &mele_i_expert_linear, 1, 1, MELE_RIDGE_GCV},
    {"quadratic", &mele_i_expert_linear, 2, 1, MELE_RIDGE_GCV},
    {"gp", &mele_i_expert_gp, 1, 1, 1},
    {"mlp", &mele_i_expert_mlp, 1, 1, 1},
    {"mlp-decay", &mele_i_expert_mlp, 1, 1, 4},
    {"mlp-wide", &mele_i_expert_mlp, 1, 2, 1},
    {"mlp-wide-decay", &mele_i_expert_mlp, 1, 2, 4},
};

static const mele_i_candidate for_classes[] = {
    {"logistic", &mele_i_expert_logistic, 1, 1, 1},
    {"logistic-decay", &mele_i_expert_logistic, 1, 1, 10},
    {"quadratic", &mele_i_expert_logistic, 2, 1, 1},
    {"quadratic-decay", &mele_i_expert_logistic, 2, 1, 10},
    {"mlp", &mele_i_expert_mlp, 1, 1, 1},
    {"mlp-decay", &mele_i_expert_mlp, 1, 1, 4},
    {"mlp-wide", &mele_i_expert_mlp, 1, 2, 1},
    {"mlp-wide-decay", &mele_i_expert_mlp, 1, 2, 4},
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
