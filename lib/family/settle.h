#ifndef MELE_FAMILY_SETTLE_H
#define MELE_FAMILY_SETTLE_H

#include "family/family.h"

/* What a whole fit refuses of data and options before any work: no target, options that its family does not
 * look at, a kind of expert, classes, targets or weights that it does not take, and what its check() does.
 * MELE_EINVAL, and MELE_EDATA of data that do not go with the options. */
mele_status mele_i_family_check(const mele_data *data, const mele_options *options, mele_error *error);

/* MELE_EDATA: more experts than rows, of a mixture; also of a part of the rows. */
mele_status mele_i_family_check_clusters(const mele_i_family *family, size_t clusters, size_t rows,
                                         mele_error *error);

/* *out: options with what defaults stand for, the kind of expert, K unless it is yet to be chosen, and with the
 * hidden units that --parameters asks for. MELE_EDATA: features that there are not; MELE_ENOMEM. */
mele_status mele_i_family_settle(const mele_data *data, const mele_options *options, mele_options *out,
                                 mele_error *error);

#endif
