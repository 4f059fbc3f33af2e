#ifndef MELE_GATE_LOSS_H
#define MELE_GATE_LOSS_H

#include <math.h>

#include "gate/kind.h"

/* What the first and the second derivatives of the losses share. */

static inline double mele_i_gate_row_weight(const mele_i_gate_rows *rows, size_t i)
{
    return rows->weights == NULL ? 1 : rows->weights[i];
}

/* log (g_k exp(L_k - best)) of row i to joint (K), and the best L_k; 0 where all are -infinity. */
static inline double mele_i_gate_join(const mele_i_gate_rows *rows, size_t i, size_t clusters,
                                      const double *log_g, double *joint)
{
    const double *likelihoods = rows->log_likelihoods + i * clusters;
    double best = likelihoods[0];

    for (size_t k = 1; k < clusters; k++)
        best = likelihoods[k] > best ? likelihoods[k] : best;
    best = best == -INFINITY ? 0 : best;
    for (size_t k = 0; k < clusters; k++)
        joint[k] = log_g[i * clusters + k] + (likelihoods[k] - best);
    return best;
}

/* Whether some expert of a row may have said so. A gate that sees no posteriors gives weight to all. */
static inline bool mele_i_gate_is_possible(const mele_i_gate_rows *rows, size_t i, size_t clusters)
{
    for (size_t at = i * clusters; at < (i + 1) * clusters; at++)
        if (rows->log_likelihoods[at] > -INFINITY
            && (rows->log_posteriors == NULL || rows->log_posteriors[at] > -INFINITY))
            return true;
    return false;
}

void mele_i_gate_likelihood_second(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                                   const double *log_g, double *work, double *out);
void mele_i_gate_likelihood_near(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                                 const double *log_g, double *work, double *out);
void mele_i_gate_squared_near(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                              const double *log_g, double *work, double *out);
void mele_i_gate_squared_second(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                                const double *log_g, double *work, double *out);
void mele_i_gate_cross_entropy_second(const mele_i_gate_rows *rows, size_t clusters,
                                      size_t outputs, const double *log_g, double *work,
                                      double *out);

#endif
