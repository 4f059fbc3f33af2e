#ifndef MELE_FIT_STAGES_H
#define MELE_FIT_STAGES_H

#include "fit/run.h"

/* Schema and scalings: what every model starts with. */
mele_status mele_i_run_start(mele_i_run *run, mele_error *error);

/* Each stage sets its part of run->model and the record of it, and frees nothing that the model
 * had before: the caller, who knows what else shares it, does.
 * keep_left_out: stage 3 will follow on this run, so stage 2 keeps what it needs. */
mele_status mele_i_run_partition(mele_i_run *run, mele_error *error);
mele_status mele_i_run_experts(mele_i_run *run, bool keep_left_out, mele_error *error);
mele_status mele_i_run_gate(mele_i_run *run, mele_error *error);

/* Whether experts take so many columns, before stage 1 works for nothing. */
mele_status mele_i_check_columns(const mele_data *data, const mele_options *options,
                                 mele_error *error);

/* ---- what stage 3 asks of stage 2 ---- */

/* Room for left-out predictions. */
mele_status mele_i_run_need_left_out_room(mele_i_run *run, mele_error *error);

/* Train experts on the run's rows, as the options of the run say but for what `which` says of only,
 * freeze, start and cold; left-out predictions go to the run when there is room. */
mele_status mele_i_run_train_experts(mele_i_run *run, const mele_expert_options *which,
                                     mele_experts **out, mele_expert_info *info,
                                     mele_error *error);

#endif
