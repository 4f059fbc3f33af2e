#ifndef MELE_EXPERT_OPTIONS_H
#define MELE_EXPERT_OPTIONS_H

#include "expert/kind.h"

/* The i-th table of the options of stage 2; NULL past the last. */
const mele_i_option_table *mele_i_expert_options_at(size_t i);

/* Whether experts of a kind look at an option when they are trained by stage 2: false of one that is in the table of
 * another kind. kind NULL, or "auto": any may. */
bool mele_i_expert_option_counts(const char *kind, const char *name);

/* The options of a fit (given: NULL: the defaults) with every default settled, for targets and x of
 * so many columns; *kind is NULL for "auto". MELE_EINVAL: an option, or the experts to start from.
 * */
mele_status mele_i_expert_options_settle(const mele_expert_options *given,
                                         const mele_targets *targets, size_t columns,
                                         size_t clusters, mele_expert_options *o,
                                         const mele_i_expert_kind **kind, mele_error *error);

#endif
