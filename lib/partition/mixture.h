#ifndef MELE_PARTITION_MIXTURE_H
#define MELE_PARTITION_MIXTURE_H

#include "partition/covariance.h"
#include "partition/kind.h"

/* The shape of a Gaussian mixture: K priors; K constants of the log densities with the logarithm of
 * the prior, and K without; the matrices W, and S. */
size_t mele_i_mixture_count(const mele_i_covariance *c, size_t clusters, size_t columns);
double *mele_i_mixture_priors(const mele_partition *p);
double *mele_i_mixture_joint(const mele_partition *p);
double *mele_i_mixture_own(const mele_partition *p);
double *mele_i_mixture_whiteners(const mele_partition *p);
double *mele_i_mixture_covariances(const mele_partition *p);

/* The mixture as its kind of covariance sees it, with the joint constants. */
mele_i_components mele_i_mixture_components(const mele_partition *p);

/* The constants, of priors and W. */
void mele_i_mixture_constants(mele_partition *p);

/* W and the constants, of priors and S: by the same operations for a fit, a model and arrays.
 * Returns the 1-based number of the first matrix that is not positive definite, 0 when all are.
 * work: see mele_i_covariance_work(). */
size_t mele_i_mixture_finish(mele_partition *p, double *work);

/* The maximisation of EM alone: the mixture whose priors, means and covariances options->responsibilities
 * make of the rows, K and all else as mele_partition_fit_rows() has it, of options that have been checked.
 * *log_density: the mean of log p(x) under it. */
mele_status mele_i_mixture_of_shares(const mele_rows *rows, const double *weights,
                                     const mele_partition_options *options, mele_engine *engine,
                                     mele_partition **out, double *log_density, mele_error *error);

/* The same for priors and S that came from outside, which are checked; MELE_EDATA, MELE_ENOMEM. */
mele_status mele_i_mixture_accept(mele_partition *p, mele_error *error);

/* S of the W that a full mixture has; false: it has no inverse. */
bool mele_i_mixture_from_whiteners(mele_partition *p, double *work);

#endif
