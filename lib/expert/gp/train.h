#ifndef MELE_EXPERT_GP_TRAIN_H
#define MELE_EXPERT_GP_TRAIN_H

#include "expert/kind.h"

/* kind->train() of Gaussian processes. */
mele_status mele_i_gp_train(const mele_i_expert_rows *rows, const mele_i_expert_shape *shape,
                            const mele_expert_options *options, const mele_i_expert *start,
                            mele_engine *engine, mele_i_expert_result *result, mele_error *error);

#endif
