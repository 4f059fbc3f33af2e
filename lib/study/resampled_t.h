#ifndef MELE_STUDY_RESAMPLED_T_H
#define MELE_STUDY_RESAMPLED_T_H

#include <mele/significance.h>

#include "measure/contest.h"

/* Mean and variance of the differences that are not NaN, each counting the same; pairs: how many.
 * A variance that is no more than rounding of the mean is 0. */
mele_i_excess mele_i_differences(const double *differences, size_t count);

/* The upper bound, in standard errors, of a two-sided interval by Student's t. freedom >= 1. */
double mele_i_t_quantile(double level, double freedom);

#endif
