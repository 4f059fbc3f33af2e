#ifndef MELE_CORE_NORMAL_H
#define MELE_CORE_NORMAL_H

#include <math.h>

/* log N(off; 0, variance), of a variance > 0 whose logarithm is known. */
static inline double mele_i_log_normal_of(double off, double variance, double log_variance)
{
    const double log_two_pi = 1.8378770664093454836;

    return -0.5 * (log_two_pi + log_variance + off * off / variance);
}

static inline double mele_i_log_normal(double off, double variance)
{
    return mele_i_log_normal_of(off, variance, log(variance));
}

#endif
