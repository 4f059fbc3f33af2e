#ifndef MELE_FIT_WHOLE_H
#define MELE_FIT_WHOLE_H

#include "fit/stages.h"

/* The stages in order, K being known: stage 1, and the others when the whole is wanted. Clears fit
 * when stage 1 is done with it. */
mele_status mele_i_run_stages(mele_i_run *run, mele_i_regions_fit *fit, bool whole,
                              mele_error *error);

/* A model of posteriors in place of stage 1, of options and data that have been checked. */
mele_status mele_i_fit_whole_outside(const mele_data *data, const mele_posteriors *posteriors,
                                     const mele_options *options, mele_engine *engine,
                                     mele_model **out, mele_error *error);

#endif
