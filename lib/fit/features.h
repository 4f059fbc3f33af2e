#ifndef MELE_FIT_FEATURES_H
#define MELE_FIT_FEATURES_H

#include "fit/run.h"

/* Which features experts and gates see. */

/* Whether those that the options name are features of the schema, before anything works for
 * nothing: MELE_EDATA, MELE_EINVAL. */
mele_status mele_i_check_features(const mele_schema *schema, const mele_options *options,
                                  mele_error *error);

/* How many columns experts of the options see. MELE_EDATA, MELE_ENOMEM. */
mele_status mele_i_count_expert_columns(const mele_schema *schema, const mele_options *options,
                                        size_t *columns, mele_error *error);

/* Whether a gate that is told what features it sees sees some: MELE_EINVAL. Fits that are made on
 * the way, with gates of their own, do not ask. */
mele_status mele_i_check_gate_sees(const mele_options *options, mele_error *error);

/* The same for a whole fit, and whether experts take so many columns: MELE_EINVAL. */
mele_status mele_i_check_columns(const mele_data *data, const mele_options *options,
                                 mele_error *error);

/* Whether experts of the model stay beside those that stage 2 trains, or are what these start from.
 */
bool mele_i_run_builds_on_experts(const mele_i_run *run);

/* What the experts of the run's options are to see into the model, which is not what experts of the
 * model see that stay or are started from: MELE_EINVAL. What the model had is the caller's. */
mele_status mele_i_run_select_for_experts(mele_i_run *run, mele_error *error);

/* Experts and gate of the model no longer see features that are constant, of which nothing can be
 * learnt, unless they see no other: so that these change nothing, not what is drawn for the columns
 * after them, nor the last bit of a sum. After mele_i_run_start(). */
mele_status mele_i_run_leave_constants(mele_i_run *run, mele_error *error);

/* What a gate of the run's options is to see into the model, in the same way. MELE_EINVAL: the
 * options name other features for the experts than these see. */
mele_status mele_i_run_select_for_gate(mele_i_run *run, mele_error *error);

#endif
