#ifndef MELE_CORE_TOTAL_H
#define MELE_CORE_TOTAL_H

#include <stddef.h>

/* The sum of the weights of n rows, in their order; without weights each counts 1. */
static inline double mele_i_total_weight(const double *weights, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n && weights != NULL; i++)
        sum += weights[i];
    return weights == NULL ? (double)n : sum;
}

#endif
