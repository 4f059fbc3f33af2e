#ifndef MELE_CORE_MAGNITUDE_H
#define MELE_CORE_MAGNITUDE_H

#include <stdbool.h>
#include <stddef.h>

/* Numbers near the ends of the doubles' range, and near one another. */

/* 1, or the power of two that brings a number beyond 2^-100 .. 2^100 near 1. */
double mele_i_power_scale(double number);

/* The number, or the largest double of its sign. */
double mele_i_finite(double number);

/* The units that columns are in: 0 and 1 of column j are center[j] and center[j] + scale[j] in those
 * that it was measured in. NULL: 0, and 1. */
typedef struct mele_i_origin {
    const double *center, *scale;
} mele_i_origin;

/* How large a number of column j is where it was measured, in its own units. */
double mele_i_original_size(mele_i_origin origin, size_t j, double value);

/* Whether column j, which lies between these extremes, is constant but for rounding: it varies by no
 * more than 32 units in the last place of its magnitude where it was measured (3.3 and 3 * 1.1 are
 * one number; times within a millisecond of a Unix epoch differ by thousands of such units). This is
 * what every stage means by a constant column. */
bool mele_i_is_constant(mele_i_origin origin, size_t j, double low, double high);

/* Of a number's magnitude, what its digits may have lost before it came here. */
#define MELE_I_ROUNDING 0x1p-40

/* The least variance of a target that anything predicts, where its variance is 1. */
#define MELE_I_LEAST_VARIANCE 1e-8

/* The unit of a target that is constant and so large, so that its least variance is the square of its
 * rounding; of one that is next to nothing a unit whose squares still are numbers. */
double mele_i_constant_unit(double size);

#endif
