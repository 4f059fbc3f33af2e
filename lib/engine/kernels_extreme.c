#include "engine/kernels_extreme.h"

#include <math.h>

double mele_i_softmax_extreme(double *row, size_t cols, double largest)
{
    size_t shared = 0;

    for (size_t j = 0; j < cols; j++)
        shared += row[j] == largest;
    for (size_t j = 0; j < cols; j++)
        row[j] = isnan(row[j]) ? row[j] : row[j] == largest ? -log((double)shared) : -INFINITY;
    return largest;
}
