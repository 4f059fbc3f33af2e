/* The losses of a row with weight w under gate weights g_k = exp(a_k) / sum_j exp(a_j), and their
 * derivatives by the logits a_k (the second ones are in second.c):
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
#include "gate/loss.h"

/* ---- likelihood ---- */

static void likelihood_block(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                             const double *log_g, double *residual, double *work, double sums[2])
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t count = rows->count * clusters;
    double *joint = work, *log_sum = work + count;

    (void)outputs;
    for (size_t i = 0; i < rows->count; i++)
        sums[1] -= mele_i_gate_row_weight(rows, i)
                   * mele_i_gate_join(rows, i, clusters, log_g, joint + i * clusters);
    memcpy(residual, log_g, count * sizeof *log_g);
    kernels->log_softmax(joint, rows->count, clusters, log_sum);
    kernels->exponential(joint, count);
    kernels->exponential(residual, count);
    for (size_t i = 0; i < rows->count; i++) {
        size_t at = i * clusters;
        double weight = mele_i_gate_row_weight(rows, i);
        if (log_sum[i] == -INFINITY && !mele_i_gate_is_possible(rows, i, clusters))
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
        double weight = mele_i_gate_row_weight(rows, i);
        sums[0] += weight * squared_row(g, rows->predictions + i * clusters * outputs,
                                        rows->targets + i * outputs, clusters, outputs, r);
        for (size_t k = 0; k < clusters; k++)
            r[k] *= -2 * weight * g[k];
    }
}

/* ---- posteriors ---- */

/* sum_k p_k (own_k - log g_k) of one row, own NULL: 0. What has no part, p_k = 0, may be infinite. */
static double cross_entropy(const double *p, const double *own, const double *log_g, size_t clusters)
{
    double sum = 0;

    for (size_t k = 0; k < clusters; k++)
        sum += p[k] * ((own == NULL ? 0 : own[k]) - log_g[k]);
    if (isfinite(sum))
        return sum;
    sum = 0;
    for (size_t k = 0; k < clusters; k++)
        sum += p[k] > 0 ? p[k] * ((own == NULL ? 0 : own[k]) - log_g[k]) : 0;
    return sum;
}

/* sum_k p_k log p_k. */
static double entropy(const double *p, const double *log_p, size_t clusters)
{
    double sum = 0;

    for (size_t k = 0; k < clusters; k++)
        sum += p[k] > 0 ? p[k] * log_p[k] : 0;
    return sum;
}

static void posteriors_block(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                             const double *log_g, double *residual, double *work, double sums[2])
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t count = rows->count * clusters;
    const double *p = rows->shares != NULL ? rows->shares : work;
    const double *log_p = rows->shares != NULL ? NULL : rows->log_posteriors;

    (void)outputs;
    if (log_p != NULL) {
        memcpy(work, log_p, count * sizeof *work);
        kernels->exponential(work, count);
    }
    memcpy(residual, log_g, count * sizeof *residual);
    kernels->exponential(residual, count);
    for (size_t i = 0; i < rows->count; i++) {
        const size_t first = i * clusters;
        const double weight = mele_i_gate_row_weight(rows, i);
        const double *own = log_p == NULL ? NULL : log_p + first;
        double total = 0;
        for (size_t at = first; at < first + clusters; at++)
            total += p[at];
        if (weight > 0) {
            sums[0] += weight * cross_entropy(p + first, own, log_g + first, clusters);
            sums[1] -= own == NULL ? 0 : weight * entropy(p + first, own, clusters);
        }
        for (size_t at = first; at < first + clusters; at++)
            residual[at] = weight * (total * residual[at] - p[at]);
    }
}

/* ---- the rows of the table ---- */

const mele_i_gate_loss mele_i_gate_likelihood = {
    .name = "likelihood", .needs = MELE_I_GATE_LIKELIHOODS, .block = likelihood_block,
    .second = mele_i_gate_likelihood_second, .near = mele_i_gate_likelihood_near};
const mele_i_gate_loss mele_i_gate_squared = {
    .name = "squared", .needs = MELE_I_GATE_PREDICTIONS | MELE_I_GATE_TARGETS,
    .block = squared_block, .second = mele_i_gate_squared_second,
    .near = mele_i_gate_squared_near};
const mele_i_gate_loss mele_i_gate_cross_entropy = {
    .name = "posteriors", .needs = MELE_I_GATE_POSTERIORS, .block = posteriors_block,
    .second = mele_i_gate_cross_entropy_second, .near = mele_i_gate_cross_entropy_second,
    .is_convex = true, .takes_shares = true};
