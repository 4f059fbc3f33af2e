#ifndef MELE_FAMILY_APART_H
#define MELE_FAMILY_APART_H

#include "fit/expect.h"
#include "fit/run.h"

/* How much of the distance between experts that were trained to err apart is uncertainty (apart.c). What was said
 * of rows that they had not seen, and their variances (K x M), which become those that belong to that: the model of
 * the run gets the share. */
mele_status mele_i_family_apart(mele_i_run *run, const mele_i_mixture_said *said, double *variance,
                                mele_error *error);

#endif
