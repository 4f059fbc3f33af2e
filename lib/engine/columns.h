#ifndef MELE_ENGINE_COLUMNS_H
#define MELE_ENGINE_COLUMNS_H

#include <stdbool.h>

#include "engine/kernels.h"

/* Sums of every column over some rows: the weight, the mean, the squares about the mean, and the
 * extremes. Rows are taken in blocks, and the sums of blocks joined. */
typedef struct mele_i_column_sums {
    double *weight, *mean, *squares, *low, *high;
} mele_i_column_sums;

/* How many numbers they take, and they in a room of so many. */
size_t mele_i_column_sums_count(size_t cols);
mele_i_column_sums mele_i_column_sums_in(double *room, size_t cols);

/* Over no rows: low is infinity, high -infinity, the rest 0. */
void mele_i_column_sums_start(const mele_i_column_sums *sums, size_t cols);

/* Over these rows alone: extremes of all of them, whatever their weights; weights NULL: all 1. The
 * same bits for any stride. False, with the sums in no particular state: there is a number that is
 * not finite, or a sum of a column is not. */
bool mele_i_column_sums_take(const mele_i_column_sums *sums, const mele_i_kernels *kernels,
                             const double *x, size_t stride, size_t rows, size_t cols,
                             const double *weights);

/* Add the rows of `more`, which came after those of `sums`. */
void mele_i_column_sums_join(const mele_i_column_sums *sums, const mele_i_column_sums *more,
                             size_t cols);

#endif
