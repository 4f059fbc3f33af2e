#ifndef MELE_EXPERT_SMALL_H
#define MELE_EXPERT_SMALL_H

#include "expert/kind.h"

/* Say of every region who answers there, by what options.small says of regions that are too small,
 * and set rows, fallback, merged_into and own of all infos. Merged rows change their region in
 * *regions. MELE_EINVAL: rows are to be merged without log posteriors. Regions with fewer rows than options.min_rows are too small: a row of weight 2 counts as
 * two rows, and one of a small weight still as one, since weights may sum to anything. */
mele_status mele_i_small_treat(mele_experts *e, mele_i_regions *regions,
                                const mele_rows *log_posteriors, const mele_expert_options *options,
                                mele_expert_info *info, mele_error *error);

#endif
