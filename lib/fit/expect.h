#ifndef MELE_FIT_EXPECT_H
#define MELE_FIT_EXPECT_H

#include <mele/gate.h>

#include "expert/expert.h"

/* The E step: how likely rows are under a mixture, and whose they are. */

/* The rows, in the units that experts are trained in. */
typedef struct mele_i_mixture_rows {
    size_t rows, clusters;
    mele_rows log_posteriors; /* n x K, normalised; no columns: the gate does without */
    mele_rows x, gate_x;      /* what the experts see, and the gate */
    mele_targets targets;
    const double *weights;    /* n, relative; NULL: all 1 */
} mele_i_mixture_rows;

/* p(y | x) = sum_k g_k(x) p_k(y | x): of regression p_k is N(y; f_k(x), variance_k), the targets apart. */
typedef struct mele_i_mixture {
    const mele_experts *experts;
    const mele_gate *gate;
    const double *variance; /* K x M; classes: not looked at */
} mele_i_mixture;

/* Sums over rows with their weights w, h the shares. */
typedef struct mele_i_mixture_sums {
    double log_likelihood; /* sum w log p(y | x), in the units of the rows; rows that are impossible
                              count 0 */
    double *weight;        /* K: sum w h */
    double *loss;          /* K x parts: sum w h (y - f)^2 of each target, or, one of classes, minus
                              sum w h log p */
} mele_i_mixture_sums;

/* Parts of an expert's loss: targets, or 1 for classes. */
size_t mele_i_mixture_parts(const mele_targets *targets);

/* Room for so many. mele_i_mixture_sums_clear(), also after a failure. */
mele_status mele_i_mixture_sums_make(size_t clusters, size_t parts, mele_i_mixture_sums *out,
                                     mele_error *error);
void mele_i_mixture_sums_clear(mele_i_mixture_sums *sums);

/* Responsibilities h_k = g_k p_k / sum_j g_j p_j of every row to shares (n x K), and the sums over
 * them. One pass, O(n K (d + K) M). A row that is impossible (density 0 everywhere) has equal shares. */
mele_status mele_i_mixture_expect(const mele_i_mixture_rows *rows, const mele_i_mixture *mixture,
                                  mele_engine *engine, double *shares, mele_i_mixture_sums *sums,
                                  mele_error *error);

/* The sums weight and loss of experts over shares that there are. */
mele_status mele_i_mixture_measure(const mele_i_mixture_rows *rows, const mele_experts *experts,
                                   double *shares, mele_engine *engine,
                                   mele_i_mixture_sums *sums, mele_error *error);

/* What was said of rows: by the experts, n x K x M, and by the gate: log g_k(x), n x K. */
typedef struct mele_i_mixture_said {
    double *mean, *log_gate;
} mele_i_mixture_said;

/* Room for so many rows. mele_i_mixture_said_clear(), also after a failure. */
mele_status mele_i_mixture_said_make(size_t rows, size_t clusters, size_t outputs,
                                     mele_i_mixture_said *out, mele_error *error);
void mele_i_mixture_said_clear(mele_i_mixture_said *said);

/* What a mixture says of every row; the targets, and its variances, are not looked at. */
mele_status mele_i_mixture_predict(const mele_i_mixture_rows *rows, const mele_i_mixture *mixture,
                                   mele_engine *engine, const mele_i_mixture_said *out,
                                   mele_error *error);

/* The sums over the responsibilities under what was said, and these variances. */
mele_status mele_i_mixture_expect_said(const mele_i_mixture_rows *rows,
                                       const mele_i_mixture_said *said, const double *variance,
                                       mele_engine *engine, mele_i_mixture_sums *sums,
                                       mele_error *error);

#endif
