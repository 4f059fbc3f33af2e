#ifndef MELE_FIT_LEFT_OUT_H
#define MELE_FIT_LEFT_OUT_H

#include <jansson.h>

#include "fit/run.h"

/* The measures (mele_metrics) of the run's rows under a gate and the left-out predictions that it was
 * trained on, as an object from name to number; needs the run's left_out, marginal, design and
 * targets. log_likelihoods: rows x K, of the left-out predictions. O(n K (M + d)). */
mele_status mele_i_left_out_measures(const mele_i_run *run, const mele_gate *gate,
                                     const double *log_likelihoods, json_t **out,
                                     mele_error *error);

#endif
