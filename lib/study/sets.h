#ifndef MELE_STUDY_SETS_H
#define MELE_STUDY_SETS_H

#include "study/comparison.h"

/* Set in `to` what was given in `from`: options of the data, and of stages and families those that a family looks at
 * (NULL: all). MELE_ENOMEM: some of them are set. */
mele_status mele_i_options_take(mele_options *to, const mele_options *from, const char *family, mele_error *error);

/* Make what a family takes on a set, where it is not made yet: what all take there, and its own. MELE_ENOMEM. */
mele_status mele_i_entry_make(const mele_comparison *comparison, size_t set, size_t contender, mele_error *error);

#endif
