#ifndef MELE_FIT_CENTRES_H
#define MELE_FIT_CENTRES_H

#include <mele/options.h>

#include "core/json.h"
#include "schema/space.h"

/* Where stage 1 starts when centres are given in the data's units: sets partition->centres to a
 * view of them as the space scales its rows, whose memory is *owned (free it after the fit; as it
 * was when none are given). MELE_EINVAL: centres of other columns, or said to be given and not
 * there. */
mele_status mele_i_centres_use(const mele_options *options, const mele_i_space *space,
                               mele_partition_options *partition, mele_matrix *view,
                               double **owned, mele_error *error);

/* Leave the start to the fit, which is to make another number of regions than what is given. */
void mele_i_centres_forget(mele_options *options);

/* The record of stage 1 keeps the centres, under this key, for refits of a later stage. */
#define MELE_I_START_KEY "start"

json_t *mele_i_centres_record(const mele_centres *centres);

/* *out is cleared with mele_centres_clear(); it has no clusters where the record holds no centres.
 * MELE_EDATA: what it holds is none. */
mele_status mele_i_centres_recall(const json_t *partition_record, size_t columns, mele_centres *out,
                                  mele_error *error);

#endif
