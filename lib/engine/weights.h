#ifndef MELE_ENGINE_WEIGHTS_H
#define MELE_ENGINE_WEIGHTS_H

#include <stddef.h>

#include <mele/status.h>

/* Weights are relative: their unit is the weight of the ordinary row (weights.c), by which they are
 * divided before anything is made of them. */

/* MELE_EDATA: one of n weights is not finite, or negative, or none is positive. NULL passes. */
mele_status mele_i_weights_check(const double *weights, size_t n, mele_error *error);

/* The ordinary row's weight: the weighted median, the least weight such that rows of no more have half
 * of the sum. n >= 1 weights >= 0, one of them positive; no sum need be a double. */
double mele_i_weights_ordinary(const double *weights, size_t n);

/* Check and divide: the ordinary row's weight is then 1, and the sum of all at most about 2 n. NULL
 * passes; what is refused stays. */
mele_status mele_i_weights_divide(double *weights, size_t n, mele_error *error);

/* The same of weights that belong to the caller: *out are they themselves where their unit is that
 * already (or they are NULL), and else divided ones, which *owned holds (or NULL), to be freed. */
mele_status mele_i_weights_relative(const double *weights, size_t n, const double **out,
                                    double **owned, mele_error *error);

#endif
