#ifndef MELE_ENGINE_NORMALISE_H
#define MELE_ENGINE_NORMALISE_H

#include <stdbool.h>
#include <stddef.h>

/* Logarithms of shares whose exponentials sum to 1 in every row: out_ik = in_ik - log sum_j exp in_ij,
 * both rows x cols, apart in memory. Rows that do so within rounding are copied as they are, to the
 * bit, so that it changes nothing to do it twice; so are rows of -infinity only, which no division
 * mends. Returns whether any row was not copied. A row's numbers depend on that row alone. */
bool mele_i_normalise_logs(const double *in, size_t rows, size_t cols, double *out);

#endif
