#ifndef MELE_STUDY_CONTENDERS_H
#define MELE_STUDY_CONTENDERS_H

#include "study/comparison.h"

/* Add a contender, whose name is told apart from those that there are. *out: its index. MELE_ENOMEM. */
mele_status mele_i_contender_add(mele_comparison *comparison, const char *name, const char *family, size_t *out,
                                 mele_error *error);

/* The long name of an option that is written so, or by its letter; NULL: there is none. */
const char *mele_i_option_named(const char *written);

/* Set an option of a contender by its long name, or letter; `entry` is what messages call it. MELE_EINVAL: there is
 * no such option, it is not of this family, or that is no value of it. */
mele_status mele_i_contender_set(const char *entry, const char *family, mele_options *options, const char *name,
                                 const char *value, mele_error *error);

#endif
