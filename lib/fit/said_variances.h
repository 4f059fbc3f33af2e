#ifndef MELE_FIT_SAID_VARIANCES_H
#define MELE_FIT_SAID_VARIANCES_H

#include "fit/expect.h"
#include "fit/run.h"

/* What is made of what mixtures say of rows that they have not seen. */

/* The variances (K x M, from those given; NULL: classes) that make it likeliest; sums: over the
 * responsibilities then. Some passes over the rows, of which only targets and weights are looked at. */
mele_status mele_i_said_variances(const mele_i_mixture_rows *rows, const mele_i_mixture_said *said,
                                  mele_engine *engine, double *variance, mele_i_mixture_sums *sums,
                                  mele_error *error);

/* The log densities of the rows' targets (n x K) under what the experts said of them, and these variances, as
 * rows that are read; the structure and what it points to outlive them. */
typedef struct mele_i_said_densities {
    const mele_i_mixture_rows *rows;
    const double *mean, *variance; /* variance of classes: not looked at */
} mele_i_said_densities;

mele_rows mele_i_said_densities_of(mele_i_said_densities *densities);

/* Its measures under these variances, to the run's report, if there is one. */
mele_status mele_i_said_measures(const mele_i_run *run, const mele_i_mixture_rows *rows,
                                 const mele_i_mixture_said *said, const double *variance,
                                 mele_error *error);

#endif
