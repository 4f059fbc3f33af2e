#ifndef MELE_ENGINE_KERNELS_EXTREME_H
#define MELE_ENGINE_KERNELS_EXTREME_H

#include <stddef.h>

/* log_softmax of a row whose largest logit is infinite; returns its log_sum. One function for the
 * kernels of all widths. */
double mele_i_softmax_extreme(double *row, size_t cols, double largest);

#endif
