#ifndef MELE_CORE_MAGNITUDE_H
#define MELE_CORE_MAGNITUDE_H

/* Numbers near the ends of the doubles' range. */

/* 1, or the power of two that brings a number beyond 2^-100 .. 2^100 near 1. */
double mele_i_power_scale(double number);

/* The number, or the largest double of its sign. */
double mele_i_finite(double number);

#endif
