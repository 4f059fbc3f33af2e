/* The losses of a row with weight w under gate weights g_k = exp(a_k) / sum_j exp(a_j), and their
 * derivatives by the logits a_k:
 *
 *   likelihood   -log sum_k g_k exp(L_k)       w (g_k - h_k),  h_k = g_k exp(L_k) / sum_j (..)
 *   squared      |y - f|^2, f = sum_k g_k f_k  -2 w g_k (y - f)'(f_k - f)
 *   posteriors   -sum_k p_k log g_k            w (g_k sum_j p_j - p_k),  p: the posteriors, or shares
 *
 * The likelihood is taken relative to the row's best expert, max_k L_k, and the cross-entropy to
 * posteriors relative to their entropy: rows that no expert explains would else hide in their rounding
 * what the gate can change. A row whose mixture has density zero under every gate (p_k or
 * exp(L_k) is zero for every k) says nothing about the gate and is left out.
 *
 * Source of the likelihood's gradient: Jacobs, Jordan, Nowlan, Hinton 1991, Neural Comput. 3. */
#include <math.h>
#include <string.h>

#include "engine/kernels.h"
#include "gate/kind.h"

static double weight_of(const mele_i_gate_rows *rows, size_t i)
{
    return rows->weights == NULL ? 1 : rows->weights[i];
}

/* ---- likelihood ---- */

/* log (g_k exp(L_k - best)), and the best L_k; 0 where all are -infinity. */
static double join(const double *log_g, const double *likelihoods, size_t clusters, double *joint)
{
    double best = likelihoods[0];

    for (size_t k = 1; k < clusters; k++)
        best = likelihoods[k] > best ? likelihoods[k] : best;
    best = best == -INFINITY ? 0 : best;
    for (size_t k = 0; k < clusters; k++)
        joint[k] = log_g[k] + (likelihoods[k] - best);
    return best;
}

/* Whether some expert of a row may have said so. A gate that sees no posteriors gives weight to all. */
static bool is_possible(const mele_i_gate_rows *rows, size_t i, size_t clusters)
{
    for (size_t at = i * clusters; at < (i + 1) * clusters; at++)
        if (rows->log_likelihoods[at] > -INFINITY
            && (rows->log_posteriors == NULL || rows->log_posteriors[at] > -INFINITY))
            return true;
    return false;
}

static void likelihood_block(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                             const double *log_g, double *residual, double *work, double sums[2])
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t count = rows->count * clusters;
    double *joint = work, *log_sum = work + count;

    (void)outputs;
    for (size_t i = 0; i < rows->count; i++) {
        size_t at = i * clusters;
        double best = join(log_g + at, rows->log_likelihoods + at, clusters, joint + at);
        sums[1] -= weight_of(rows, i) * best;
    }
    memcpy(residual, log_g, count * sizeof *log_g);
    kernels->log_softmax(joint, rows->count, clusters, log_sum);
    kernels->exponential(joint, count);
    kernels->exponential(residual, count);
    for (size_t i = 0; i < rows->count; i++) {
        size_t at = i * clusters;
        double weight = weight_of(rows, i);
        if (log_sum[i] == -INFINITY && !is_possible(rows, i, clusters))
            weight = log_sum[i] = 0;
        if (weight > 0)
            sums[0] -= weight * log_sum[i];
        for (size_t k = 0; k < clusters; k++)
            residual[at + k] = weight * (residual[at + k] - joint[at + k]);
    }
}

/* ---- squared ---- */

/* The loss of one row; residual receives (y - f)'(f_k - f). */
static double squared_row(const double *weights, const double *predictions, const double *target,
                          size_t clusters, size_t outputs, double *residual)
{
    double loss = 0;

    memset(residual, 0, clusters * sizeof *residual);
    for (size_t m = 0; m < outputs; m++) {
        double blend = 0;
        for (size_t k = 0; k < clusters; k++)
            blend += weights[k] * predictions[k * outputs + m];
        double rest = target[m] - blend;
        loss += rest * rest;
        for (size_t k = 0; k < clusters; k++)
            residual[k] += rest * (predictions[k * outputs + m] - blend);
    }
    return loss;
}

static void squared_block(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                          const double *log_g, double *residual, double *work, double sums[2])
{
    memcpy(work, log_g, rows->count * clusters * sizeof *work);
    mele_i_kernels_best()->exponential(work, rows->count * clusters);
    for (size_t i = 0; i < rows->count; i++) {
        double *g = work + i * clusters, *r = residual + i * clusters;
        double weight = weight_of(rows, i);
        sums[0] += weight * squared_row(g, rows->predictions + i * clusters * outputs,
                                        rows->targets + i * outputs, clusters, outputs, r);
        for (size_t k = 0; k < clusters; k++)
            r[k] *= -2 * weight * g[k];
    }
}

/* ---- posteriors ---- */

static void posteriors_block(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                             const double *log_g, double *residual, double *work, double sums[2])
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t count = rows->count * clusters;
    const bool shares = rows->shares != NULL;
    const double *log_p = rows->log_posteriors;

    (void)outputs;
    memcpy(work, shares ? rows->shares : log_p, count * sizeof *work);
    memcpy(residual, log_g, count * sizeof *residual);
    if (!shares)
        kernels->exponential(work, count);
    kernels->exponential(residual, count);
    for (size_t i = 0; i < rows->count; i++) {
        double weight = weight_of(rows, i), total = 0;
        for (size_t at = i * clusters; at < (i + 1) * clusters; at++) {
            total += work[at];
            if (weight > 0 && work[at] > 0) {
                const double own = shares ? 0 : log_p[at];
                sums[0] += weight * work[at] * (own - log_g[at]);
                sums[1] -= weight * work[at] * own;
            }
        }
        for (size_t at = i * clusters; at < (i + 1) * clusters; at++)
            residual[at] = weight * (total * residual[at] - work[at]);
    }
}

/* ---- the rows of the table ---- */

const mele_i_gate_loss mele_i_gate_likelihood = {"likelihood", MELE_I_GATE_LIKELIHOODS,
                                                 likelihood_block, false};
const mele_i_gate_loss mele_i_gate_squared = {
    "squared", MELE_I_GATE_PREDICTIONS | MELE_I_GATE_TARGETS, squared_block, false};
const mele_i_gate_loss mele_i_gate_cross_entropy = {"posteriors", MELE_I_GATE_POSTERIORS,
                                                    posteriors_block, true};
