#ifndef MELE_FAMILY_AFTERWARDS_H
#define MELE_FAMILY_AFTERWARDS_H

#include <mele/gate.h>

#include "fit/expect.h"
#include "fit/run.h"

/* A gate between experts that have been trained, and stay as they are (afterwards.c). */

/* Train the run's gate on what the experts said of rows that they had not seen (said->mean), and what it says of
 * the rows goes to said->log_gate; variance, K x M, becomes that of these (classes: it is not looked at).
 * *out: freed with mele_gate_free(), untouched on error. */
mele_status mele_i_family_gate_afterwards(mele_i_run *run, const mele_experts *experts,
                                          mele_i_mixture_said *said, double *variance,
                                          mele_gate **out, mele_gate_info *info, mele_error *error);

#endif
