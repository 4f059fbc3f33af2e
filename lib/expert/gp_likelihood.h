#ifndef MELE_EXPERT_GP_LIKELIHOOD_H
#define MELE_EXPERT_GP_LIKELIHOOD_H

#include <stdbool.h>

#include "expert/gp_kernel.h"

/* What the hyper-parameters of a Gaussian process are judged by; everything is standardised. */
typedef struct mele_i_gp_data {
    const mele_i_gp_kernel *kernel;
    size_t rows, columns, outputs; /* >= 1, >= 0, >= 1 */
    const double *x;               /* rows x columns */
    const double *y;               /* outputs x rows: a target after the other, none constant */
    const double *weights;         /* rows, positive: copies of a row */
} mele_i_gp_data;

/* Working memory of an evaluation. */
typedef struct mele_i_gp_work {
    double *covariance, *slope; /* rows x rows */
    double *x;                  /* rows x columns, over the lengths */
    double *solved, *ones;      /* outputs x rows, rows: R^-1 (y - m), R^-1 1 */
    double *signal;             /* outputs */
    double *block;
} mele_i_gp_work;

/* NULL members where memory ran out, which false says; free with mele_i_gp_work_free() then too. */
bool mele_i_gp_work_make(mele_i_gp_work *work, size_t rows, size_t columns, size_t outputs);
void mele_i_gp_work_free(mele_i_gp_work *work);

/* The profiled negative log marginal likelihood at log lengths and the log noise ratio (columns + 1
 * numbers), and its gradient by them (NULL: not wanted). False: the covariance is not positive
 * definite in floating point; nothing is written then. */
bool mele_i_gp_likelihood(const mele_i_gp_data *data, mele_i_gp_work *work, const double *logs,
                          double *value, double *gradient);

/* The lower triangle of the rows x rows covariance of rows that are divided by their lengths, plus
 * noise / weights (NULL: all 1) on the diagonal; slope (NULL: not wanted) as gp_kernel.h has it,
 * below the diagonal. block: MELE_I_GP_BLOCK x rows numbers. */
#define MELE_I_GP_BLOCK 32
void mele_i_gp_covariance(const mele_i_gp_kernel *kernel, const double *x, size_t rows,
                          size_t columns, const double *weights, double noise, double *block,
                          double *out, double *slope);

/* From the factor of R and targets y (outputs x rows), which become R^-1 (y - m): the means m
 * (generalised least squares), the signals s^2, and R^-1 1 to ones. copies: the sum of weights. */
void mele_i_gp_solve(const double *factor, size_t rows, size_t outputs, double copies, double *y,
                     double *ones, double *mean, double *signal);

#endif
