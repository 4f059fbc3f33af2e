#ifndef MELE_EXPERT_GP_LIKELIHOOD_H
#define MELE_EXPERT_GP_LIKELIHOOD_H

#include <stdbool.h>

#include "expert/gp/kernel.h"

/* What the hyper-parameters of a Gaussian process are judged by; everything is standardised. */
typedef struct mele_i_gp_data {
    const mele_i_gp_kernel *kernel;
    size_t terms;                  /* 1 to MELE_I_GP_MOST_TERMS */
    size_t rows, columns, outputs; /* >= 1, >= 0, >= 1 */
    const double *x;               /* rows x columns */
    const double *y;               /* outputs x rows: a target after the other, none constant */
    const double *weights;         /* rows, positive: copies of a row */
} mele_i_gp_data;

/* How many logarithms of hyper-parameters there are: of lengths (terms x columns), of the shares of
 * the terms but the first over the first's, of the noise ratio. */
static inline size_t mele_i_gp_hypers(size_t terms, size_t columns)
{
    return terms * (columns + 1);
}

/* The shares, from those logarithms' terms - 1 numbers, which may be far apart. */
void mele_i_gp_shares(const double *log_ratios, size_t terms, double *shares);

/* Rows as the terms see them. */
typedef struct mele_i_gp_rows {
    const mele_i_gp_kernel *kernel;
    size_t terms, rows, columns;
    const double *shares; /* terms */
    const double *x;      /* terms x rows x columns, over a term's lengths each */
} mele_i_gp_rows;

/* Working memory of an evaluation. */
typedef struct mele_i_gp_work {
    double *covariance;    /* rows x rows */
    double *x;             /* terms x rows x columns, over the lengths */
    double *solved, *ones; /* outputs x rows, rows: R^-1 (y - m), R^-1 1 */
    double *signal;        /* outputs */
    double *block;
} mele_i_gp_work;

/* NULL members where memory ran out, which false says; free with mele_i_gp_work_free() then too. */
bool mele_i_gp_work_make(mele_i_gp_work *work, size_t terms, size_t rows, size_t columns,
                         size_t outputs);
void mele_i_gp_work_free(mele_i_gp_work *work);

/* The profiled negative log marginal likelihood at mele_i_gp_hypers() logarithms, and its gradient
 * by them (NULL: not wanted). False: the covariance is not positive definite in floating point;
 * nothing is written then. */
bool mele_i_gp_likelihood(const mele_i_gp_data *data, mele_i_gp_work *work, const double *logs,
                          double *value, double *gradient);

/* work->covariance: the lower triangle of the rows' covariance at these logarithms. */
void mele_i_gp_likelihood_covariance(const mele_i_gp_data *data, mele_i_gp_work *work,
                                     const double *logs);

/* The lower triangle of the rows x rows covariance, with noise / weights on the diagonal. block:
 * MELE_I_GP_BLOCK x rows numbers. */
#define MELE_I_GP_BLOCK 32
void mele_i_gp_covariance(const mele_i_gp_rows *rows, const double *weights, double noise,
                          double *block, double *out);

/* What the factor of R makes of targets. */
typedef struct mele_i_gp_solved {
    double *y;            /* in: the targets, outputs x rows; out: R^-1 (y - m) */
    double *ones;         /* rows: R^-1 1 */
    double *mean, *signal; /* outputs: the means m (generalised least squares), and s^2 */
} mele_i_gp_solved;

/* copies: the sum of weights. */
void mele_i_gp_solve(const double *factor, size_t rows, size_t outputs, double copies,
                     const mele_i_gp_solved *out);

#endif
