#include "engine/normalise.h"

#include <math.h>
#include <string.h>

#include "engine/kernels.h"

#define AT_ONCE 64            /* rows */
#define ROUNDING 0x1p-50      /* of a sum of 1, for each of its terms */

bool mele_i_normalise_logs(const double *in, size_t rows, size_t cols, double *out)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    double log_sum[AT_ONCE];
    bool changed = false;

    memcpy(out, in, rows * cols * sizeof *out);
    for (size_t first = 0; first < rows; first += AT_ONCE) {
        const size_t count = rows - first < AT_ONCE ? rows - first : AT_ONCE;
        kernels->log_softmax(out + first * cols, count, cols, log_sum);
        for (size_t i = 0; i < count; i++) {
            const size_t at = (first + i) * cols;
            if (log_sum[i] == -INFINITY || fabs(log_sum[i]) <= ROUNDING * (double)cols)
                memcpy(out + at, in + at, cols * sizeof *out);
            else
                changed = true;
        }
    }
    return changed;
}
