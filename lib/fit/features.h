#ifndef MELE_FIT_FEATURES_H
#define MELE_FIT_FEATURES_H

#include "fit/run.h"

/* Which features experts and gates see. */

/* Whether those that the options name are features of the schema, before anything works for nothing:
 * MELE_EDATA, MELE_EINVAL. */
mele_status mele_i_check_features(const mele_schema *schema, const mele_options *options,
                                  mele_error *error);

/* Whether a whole fit can be: experts take so many columns, and a gate that is told what features it
 * sees sees some: MELE_EINVAL. */
mele_status mele_i_check_columns(const mele_data *data, const mele_options *options,
                                 mele_error *error);

/* What the experts of the run's options are to see into the model, which is not what experts of the
 * model see that stay or are started from: MELE_EINVAL. What the model had is the caller's. */
mele_status mele_i_run_select_for_experts(mele_i_run *run, mele_error *error);

/* What a gate of the run's options is to see into the model, in the same way. MELE_EINVAL: it sees no
 * features, or the options name others for the experts than these see. */
mele_status mele_i_run_select_for_gate(mele_i_run *run, mele_error *error);

#endif
