#ifndef MELE_EXPERT_TRAIN_H
#define MELE_EXPERT_TRAIN_H

#include "expert/kind.h"

/* Train the experts of one kind that problem->train marks. problem->start, of any kind: only experts
 * of this kind and degree start from theirs. */
mele_status mele_i_expert_train(const mele_i_expert_kind *kind,
                                const mele_i_expert_problem *problem, mele_i_expert *experts,
                                mele_engine *engine, mele_error *error);

#endif
