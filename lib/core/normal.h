#ifndef MELE_CORE_NORMAL_H
#define MELE_CORE_NORMAL_H

#include <math.h>

/* log N(off; 0, variance); variance > 0. */
static inline double mele_i_log_normal(double off, double variance)
{
    const double log_two_pi = 1.8378770664093454836;

    return -0.5 * (log_two_pi + log(variance) + off * off / variance);
}

#endif
