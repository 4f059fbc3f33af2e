#ifndef MELE_EXPERT_REGIONAL_H
#define MELE_EXPERT_REGIONAL_H

#include "expert/kind.h"

/* What kind->fit() is for kinds that train a region on its own: every region is a task, of the rows
 * that are gathered for it. */
mele_status mele_i_regional_fit(const mele_i_expert_kind *kind,
                                const mele_i_expert_problem *problem, mele_i_expert *experts,
                                mele_engine *engine, mele_error *error);

#endif
