#ifndef MELE_FIT_OUTSIDE_H
#define MELE_FIT_OUTSIDE_H

#include "fit/run.h"

/* The predictions of outside experts (run->predictions) as left-out ones of the rows that are used, in
 * run->left_out; and what the model says of these experts.
 * MELE_EINVAL: another shape than the data and the model; MELE_EDATA: a prediction that is missing,
 * infinite or of no use; MELE_ENOMEM; MELE_ESTOPPED. */
mele_status mele_i_run_take_predictions(mele_i_run *run, mele_error *error);

#endif
