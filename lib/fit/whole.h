#ifndef MELE_FIT_WHOLE_H
#define MELE_FIT_WHOLE_H

#include "fit/run.h"

/* Whether a model of these options is trained stage by stage: MELE_EINVAL, the way out being a whole fit. */
mele_status mele_i_check_by_stages(const mele_options *options, mele_error *error);

/* Stage 1, or all three stages in order, of a new model and of options and data that have been checked; K
 * is chosen where the options do not say it. */
mele_status mele_i_run_stage_1(mele_i_run *run, mele_error *error);
mele_status mele_i_run_all_stages(mele_i_run *run, mele_error *error);

/* A model of posteriors in place of stage 1, of options and data that have been checked. */
mele_status mele_i_fit_whole_outside(const mele_data *data, const mele_posteriors *posteriors,
                                     const mele_options *options, mele_engine *engine,
                                     mele_model **out, mele_error *error);

#endif
