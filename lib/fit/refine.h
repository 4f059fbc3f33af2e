#ifndef MELE_FIT_REFINE_H
#define MELE_FIT_REFINE_H

#include "fit/run.h"

/* Stage 3, and what refines its mixture where the options ask for it: sets the model's gate and, refined,
 * its experts, and the record of both; frees nothing that the model had before. */
mele_status mele_i_run_gate_refined(mele_i_run *run, mele_error *error);

#endif
