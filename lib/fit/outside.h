#ifndef MELE_FIT_OUTSIDE_H
#define MELE_FIT_OUTSIDE_H

#include "fit/run.h"

/* What the model says of outside experts, from their predictions (run->predictions) of all rows;
 * and these as left-out ones, to gated->left_out, of the rows that a gate is trained on: those of
 * the run, or a sample. MELE_EINVAL: another shape than the data and the model; MELE_EDATA: a
 * prediction that is missing, infinite or of no use; MELE_ENOMEM; MELE_ESTOPPED. */
mele_status mele_i_run_take_predictions(mele_i_run *run, mele_i_run *gated, mele_error *error);

#endif
