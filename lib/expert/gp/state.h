#ifndef MELE_EXPERT_GP_STATE_H
#define MELE_EXPERT_GP_STATE_H

#include <float.h>
#include <pthread.h>

#include "expert/gp/kernel.h"
#include "expert/kind.h"

/* A Gaussian process as it predicts, M targets with shared lengths, shares and noise ratio e:
 *     mean_t(x)     = mean_t + unit_t k(x)' a_t,
 *     variance_t(x) = unit_t^2 signal_t (1 + e - |whitener k(x)|^2),    k_i(x) = K(x, x_i),
 * but at least least_variance_t, where K is a sum of terms (kernel.h). */
typedef struct mele_i_gp {
    mele_i_shared shared;
    const mele_i_gp_kernel *kernel;
    size_t terms, rows, columns, outputs;
    double noise;                 /* e: of noise to signal, for a row of weight 1 */
    double *length;               /* terms x columns; MELE_I_GP_NO_SAY: the column was constant */
    double *share;                /* terms, sum 1 */
    double *mean, *unit, *signal, *least_variance; /* outputs */
    double *x;                    /* rows x columns, as they were given */
    double *weights;              /* rows */
    double *coefficients;         /* outputs x (rows + 1): 0, then a_t */

    /* what follows from these */
    double *centre;   /* columns: of x */
    double *z;        /* terms x rows x columns: x minus centre over a term's lengths */
    double *whitener; /* L^-1, LL' the covariance, in panels of columns (see state.c); NULL:
                         nobody has asked for a variance yet */
    pthread_mutex_t lock; /* of the whitener's making */
} mele_i_gp;

/* Over it every difference of a column is nothing. */
#define MELE_I_GP_NO_SAY DBL_MAX

#define MELE_I_GP_MOST_ROWS 20000

/* Room for one with so many rows; NULL: no memory. Free with mele_i_gp_free(). */
mele_i_gp *mele_i_gp_make(const mele_i_gp_kernel *kernel, size_t terms, size_t rows, size_t columns,
                          size_t outputs);
void mele_i_gp_free(void *state);
bool mele_i_gp_equal(const void *state, const void *other, const mele_i_expert_shape *shape);

/* From x, length, share, weights and noise: centre and z, and the covariance's factor, whose lower
 * triangle goes to `factor` (rows x rows). False: it is not positive definite. block:
 * MELE_I_GP_BLOCK x rows numbers. */
bool mele_i_gp_factor(mele_i_gp *gp, double *factor, double *block);

/* From that factor, which is lost: the whitener. */
mele_status mele_i_gp_finish(mele_i_gp *gp, double *factor, mele_error *error);

/* What variances take, if it is not there yet: the whitener, in O(n^3); before the first of them
 * in every thread, or by who starts the threads. Any number may ask at once: one makes it, the
 * others wait. MELE_EDATA: the covariance is not positive definite. */
mele_status mele_i_gp_prepare(mele_i_gp *gp, mele_error *error);

/* The lower triangle of the covariance's inverse, rows x rows. */
void mele_i_gp_inverse(const mele_i_gp *gp, double *out);

/* The diagonal of the covariance's inverse. */
void mele_i_gp_inverse_diagonal(const mele_i_gp *gp, double *out);

/* Bytes of scratch that predicting takes, however many rows. */
size_t mele_i_gp_scratch(const void *state);

/* Mean and variance (NULL: not wanted) of rows; out_stride from a row of the results to the next.
 * O(n (terms d + M)) a row, with variances O(n^2). */
void mele_i_gp_predict(const void *state, const mele_matrix *x, double *mean, double *variance,
                       size_t out_stride, void *scratch);

/* The process as it is without some of its rows, by what differs: the means, the coefficients, both as
 * mele_i_gp has them, and what is less known, |functions k(x)|^2 (count x (rows + 1), as
 * coefficients). Predicted as by mele_i_gp_predict(), with variances. */
typedef struct mele_i_gp_view {
    const double *mean, *coefficients;
    size_t count; /* at most rows */
    const double *functions;
} mele_i_gp_view;
void mele_i_gp_predict_view(const mele_i_gp *gp, const mele_i_gp_view *view, const mele_matrix *x,
                            double *mean, double *variance, size_t out_stride, void *scratch);

/* A variance in units^2 in the targets' own, above 0 and finite. */
double mele_i_gp_variance(double variance, double unit);

#define MELE_I_GP_KEYS ",kernel,lengths,shares,noise,mean,unit,signal,least_variance,x,"      \
                        "weights?,coefficients"

bool mele_i_gp_save(const mele_i_gp *gp, json_t *object);

/* MELE_EDATA: keys, sizes, numbers out of range. */
mele_status mele_i_gp_load(const json_t *object, size_t columns, size_t outputs, mele_i_gp **out,
                           mele_error *error);

#endif
