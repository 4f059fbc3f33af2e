/* The losses of a row with weight w under gate weights g_k = exp(a_k) / sum_j exp(a_j), and their
 * derivatives by the logits a_k:
 *
 *   likelihood   -log sum_k g_k exp(L_k)       w (g_k - h_k),  h_k = g_k exp(L_k) / sum_j (..)
 *   squared      |y - f|^2, f = sum_k g_k f_k  -2 w g_k (y - f)'(f_k - f)
 *   posteriors   -sum_k p_k log g_k            w (g_k sum_j p_j - p_k)
 *
 * The likelihood is taken relative to the row's best expert, max_k L_k, and the cross-entropy
 * relative to the entropy of p: rows that no expert explains would else hide in their rounding
 * what the gate can change. A row whose mixture has density zero under every gate (p_k or
 * exp(L_k) is zero for every k) says nothing about the gate and is left out.
 *
 * Source of the likelihood's gradient: Jacobs, Jordan, Nowlan, Hinton 1991, Neural Comput. 3. */
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "engine/check.h"
#include "engine/kernels.h"
#include "gate/kind.h"

#define CHECK_WORK ((size_t)1 << 17) /* elementary operations of a block */

/* ---- checks ---- */

typedef struct log_check {
    const double *values;
    size_t cols;
    const char *name;
    bool zero_allowed;
} log_check;

static mele_status check_block(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const log_check *c = context;

    (void)partial;
    (void)scratch;
    for (size_t at = block.first * c->cols; at < (block.first + block.count) * c->cols; at++)
        if (!(c->values[at] < INFINITY) || (c->values[at] == -INFINITY && !c->zero_allowed))
            return mele_i_fail(error, MELE_EDATA, "%s: row %zu, column %zu is %g", c->name,
                               at / c->cols + 1, at % c->cols + 1, c->values[at]);
    return MELE_OK;
}

mele_status mele_i_gate_check_logs(const double *values, size_t rows, size_t cols, const char *name,
                                   bool zero_allowed, mele_engine *engine, mele_error *error)
{
    log_check context = {values, cols, name, zero_allowed};
    const mele_i_pass pass = {.rows = rows, .map = check_block, .context = &context,
                              .block_rows = mele_i_block_rows(cols, CHECK_WORK, 1)};

    return mele_i_pass_run(engine, &pass, error);
}

static double weight_of(const mele_gate_data *data, size_t row)
{
    return data->weights == NULL ? 1 : data->weights[row];
}

/* ---- likelihood ---- */

static const char *missing_likelihoods(const mele_gate_data *data)
{
    return data->log_likelihoods == NULL ? "log_likelihoods" : NULL;
}

static mele_status check_likelihoods(const mele_gate_data *data, mele_engine *engine,
                                     mele_error *error)
{
    return mele_i_gate_check_logs(data->log_likelihoods, data->rows, data->clusters,
                                  "log_likelihoods", true, engine, error);
}

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

static bool is_possible(const double *log_posteriors, const double *likelihoods, size_t clusters)
{
    for (size_t k = 0; k < clusters; k++)
        if (log_posteriors[k] > -INFINITY && likelihoods[k] > -INFINITY)
            return true;
    return false;
}

static void likelihood_block(const mele_gate_data *data, mele_i_block block, const double *log_g,
                             double *residual, double *work, double sums[2])
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    size_t clusters = data->clusters, count = block.count * clusters;
    const double *likelihoods = data->log_likelihoods + block.first * clusters;
    const double *posteriors = data->log_posteriors + block.first * clusters;
    double *joint = work, *log_sum = work + count;

    for (size_t i = 0; i < block.count; i++) {
        size_t at = i * clusters;
        double best = join(log_g + at, likelihoods + at, clusters, joint + at);
        sums[1] -= weight_of(data, block.first + i) * best;
    }
    memcpy(residual, log_g, count * sizeof *log_g);
    kernels->log_softmax(joint, block.count, clusters, log_sum);
    kernels->exponential(joint, count);
    kernels->exponential(residual, count);
    for (size_t i = 0; i < block.count; i++) {
        size_t at = i * clusters;
        double weight = weight_of(data, block.first + i);
        if (log_sum[i] == -INFINITY && !is_possible(posteriors + at, likelihoods + at, clusters))
            weight = log_sum[i] = 0;
        if (weight > 0)
            sums[0] -= weight * log_sum[i];
        for (size_t k = 0; k < clusters; k++)
            residual[at + k] = weight * (residual[at + k] - joint[at + k]);
    }
}

/* ---- squared ---- */

static const char *missing_predictions(const mele_gate_data *data)
{
    return data->outputs == 0           ? "outputs"
           : data->predictions == NULL ? "predictions"
           : data->targets == NULL     ? "targets"
                                       : NULL;
}

static mele_status check_predictions(const mele_gate_data *data, mele_engine *engine,
                                     mele_error *error)
{
    mele_matrix predictions = mele_matrix_of(data->predictions, data->rows,
                                             data->clusters * data->outputs);
    mele_matrix targets = mele_matrix_of(data->targets, data->rows, data->outputs);
    mele_status status = mele_i_check_matrix(&predictions, "predictions", engine, error);

    return status != MELE_OK ? status : mele_i_check_matrix(&targets, "targets", engine, error);
}

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

static void squared_block(const mele_gate_data *data, mele_i_block block, const double *log_g,
                          double *residual, double *work, double sums[2])
{
    size_t clusters = data->clusters, outputs = data->outputs;

    memcpy(work, log_g, block.count * clusters * sizeof *work);
    mele_i_kernels_best()->exponential(work, block.count * clusters);
    for (size_t i = 0; i < block.count; i++) {
        size_t row = block.first + i;
        double *g = work + i * clusters, *r = residual + i * clusters;
        double weight = weight_of(data, row);
        sums[0] += weight * squared_row(g, data->predictions + row * clusters * outputs,
                                        data->targets + row * outputs, clusters, outputs, r);
        for (size_t k = 0; k < clusters; k++)
            r[k] *= -2 * weight * g[k];
    }
}

/* ---- posteriors ---- */

static const char *missing_nothing(const mele_gate_data *data)
{
    (void)data;
    return NULL;
}

/* The posteriors themselves are checked for every loss. */
static mele_status check_nothing(const mele_gate_data *data, mele_engine *engine,
                                 mele_error *error)
{
    (void)data;
    (void)engine;
    (void)error;
    return MELE_OK;
}

static void posteriors_block(const mele_gate_data *data, mele_i_block block, const double *log_g,
                             double *residual, double *work, double sums[2])
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    size_t clusters = data->clusters, count = block.count * clusters;
    const double *log_p = data->log_posteriors + block.first * clusters;

    memcpy(work, log_p, count * sizeof *work);
    memcpy(residual, log_g, count * sizeof *residual);
    kernels->exponential(work, count);
    kernels->exponential(residual, count);
    for (size_t i = 0; i < block.count; i++) {
        double weight = weight_of(data, block.first + i), total = 0;
        for (size_t at = i * clusters; at < (i + 1) * clusters; at++) {
            total += work[at];
            if (weight > 0 && work[at] > 0) {
                sums[0] += weight * work[at] * (log_p[at] - log_g[at]);
                sums[1] -= weight * work[at] * log_p[at];
            }
        }
        for (size_t at = i * clusters; at < (i + 1) * clusters; at++)
            residual[at] = weight * (total * residual[at] - work[at]);
    }
}

/* ---- the table ---- */

static const mele_i_gate_loss losses[] = {
    {"likelihood", missing_likelihoods, check_likelihoods, likelihood_block, false},
    {"squared", missing_predictions, check_predictions, squared_block, false},
    {"posteriors", missing_nothing, check_nothing, posteriors_block, true},
};

const mele_i_gate_loss *mele_i_gate_loss_find(const char *name)
{
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++)
        if (strcmp(losses[i].name, name) == 0)
            return &losses[i];
    return NULL;
}
