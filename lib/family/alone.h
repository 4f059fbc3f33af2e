#ifndef MELE_FAMILY_ALONE_H
#define MELE_FAMILY_ALONE_H

#include "fit/run.h"

/* The run's experts, each trained alone on all rows, as stage 2 trains one, from random numbers of
 * its own: one is that of the family one. in_sample: nothing is left out, not for their variances
 * either. out: freed with mele_experts_free(); info: K + 1. Fails as mele_experts_fit(). */
mele_status mele_i_family_alone(mele_i_run *run, bool in_sample, mele_experts **out,
                                mele_expert_info *info, mele_error *error);

#endif
