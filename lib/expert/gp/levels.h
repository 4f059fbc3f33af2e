#ifndef MELE_EXPERT_GP_LEVELS_H
#define MELE_EXPERT_GP_LEVELS_H

#include <mele/status.h>

#include "expert/gp/likelihood.h"

/* What the values of the inputs can tell of lengths (see levels.c). */
typedef struct mele_i_gp_levels {
    double *shortest; /* a column's least length, 0 where rows ask for none; standardised */
    size_t rows;
    size_t columns; /* those whose levels are left out */
    size_t *level;  /* columns x rows: which of its column's a row has, ascending from 0 */
    size_t *count;  /* columns: how many levels it has */
    size_t inner;   /* of all columns: levels but the first and the last */
} mele_i_gp_levels;

/* Those of standardised rows; O(columns rows log rows). False: no memory. Free with
 * mele_i_gp_levels_free(), then too. */
bool mele_i_gp_levels_find(const double *x, size_t rows, size_t columns, mele_i_gp_levels *out);
void mele_i_gp_levels_free(mele_i_gp_levels *levels);

/* The weighted sums of squared errors of every inner level's rows (inner numbers, all targets
 * together), predicted with these hyper-parameters from rows of other levels, and in *excess their
 * mean over that of rows that are left out one by one. MELE_EDATA: the covariance is not positive
 * definite. inner is not 0; work as for the likelihood. O(n^3) for every fold. */
mele_status mele_i_gp_levels_left_out(const mele_i_gp_levels *levels, const mele_i_gp_data *data,
                                      mele_i_gp_work *work, const double *logs, double *errors,
                                      double *excess, mele_error *error);

#endif
