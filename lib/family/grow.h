#ifndef MELE_FAMILY_GROW_H
#define MELE_FAMILY_GROW_H

#include <jansson.h>

#include "fit/em.h"

/* A hierarchical mixture that grows from one expert (grow.c has its mathematics). */
typedef struct mele_i_growth {
    mele_i_em_problem problem; /* of as many experts as there are */
    size_t steps;              /* of EM at most, after each split */
    mele_i_em em;              /* points to the problem */
    mele_gate *leaf;           /* the tree of one leaf; NULL until it is known */
    double units;              /* what log-likelihoods in the data's units are less */
    json_t *path;              /* of 1, 2, .. experts: the iterations of EM that they took, and where to */
} mele_i_growth;

/* Grow to so many experts: growth->em is then the mixture. problem: for a tree gate, whatever number of
 * experts it says; what it points to outlives the growth. mele_i_growth_clear(), also after a failure. */
mele_status mele_i_grow_tree(const mele_i_em_problem *problem, size_t experts, size_t steps, double units,
                             mele_i_growth *growth, mele_error *error);
void mele_i_growth_clear(mele_i_growth *growth);

#endif
