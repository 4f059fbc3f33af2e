#ifndef MELE_EXPERT_CHOICE_H
#define MELE_EXPERT_CHOICE_H

#include "expert/kind.h"

/* Train every candidate (candidates.h) in the regions that problem->train marks, and keep in each
 * the one with the smallest left-out error, the first of equals; the first of all where nothing can be left out. */
mele_status mele_i_choose_experts(const mele_i_expert_problem *problem, mele_experts *e,
                                  mele_engine *engine, mele_error *error);

#endif
