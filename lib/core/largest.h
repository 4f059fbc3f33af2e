#ifndef MELE_CORE_LARGEST_H
#define MELE_CORE_LARGEST_H

#include <stddef.h>

/* The index of the largest of count >= 1 values, ties to the lowest: which region a row is in. */
static inline size_t mele_i_largest(const double *values, size_t count)
{
    size_t best = 0;

    for (size_t k = 1; k < count; k++)
        if (values[k] > values[best])
            best = k;
    return best;
}

#endif
