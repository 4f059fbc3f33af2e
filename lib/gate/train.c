/* Training of the parametric gates.
 *
 * Minimised is the penalised mean loss
 *     F(theta) = (1 / W) (sum_i w_i loss_i + ridge / 2 (|V|^2 + |b|^2 + (t - 1)^2)),  W = sum w_i,
 * over theta = (u = log t, b_1, V_1, .., b_K, V_K), V and b those of standardised columns of z.
 * With the residuals r_ik = w_i d loss_i / d a_ik (loss.c) the gradient is
 *     dF/dV_kj = (sum_i r_ik z_ij + ridge V_kj) / W,       the same for b with z = 1,
 *     dF/du    = t (sum_ik r_ik log p_ik + ridge (t - 1)) / W,
 * where a log p of -infinity has r = 0 and counts for nothing. Without a free t its part of the
 * penalty is left out.
 *
 * One evaluation is one pass over the rows. sum_i r_ik z_ij is a product of two matrices with the
 * rows of the block as the inner dimension: the kernel for linear forms computes it from the
 * transposed blocks, in row order. Minimised by L-BFGS (engine/lbfgs.c), which never ends above
 * its start. For the likelihood F need not be convex: the result is a local minimum. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/lbfgs.h"
#include "gate/kind.h"

#define BLOCK_WORK ((size_t)1 << 19)
#define LEAST_ROWS 32
#define PAIRS 10 /* of L-BFGS */

/* ---- loss and gradient ---- */

/* Sums over rows: the loss and its constant part, sum r log p, then the gradient of the
 * coefficients as they lie in the gate. */
enum { LOSS, OFFSET, SLOPE, GRADIENT };

static size_t sums_count(const mele_gate *gate)
{
    return GRADIENT + (gate->columns > 0 ? gate->clusters * (1 + gate->columns) : 0);
}

/* What one thread works in, all of one block. */
typedef struct room {
    double *z, *log_g, *residual, *work, *z_turned, *residual_turned, *product;
} room;

static size_t room_numbers(const mele_gate *gate, size_t rows)
{
    size_t q = gate->columns, k = gate->clusters;

    return rows * (2 * q + 4 * k + 1) + k + q * k;
}

static room lay_out(const mele_gate *gate, size_t rows, double *memory)
{
    size_t q = gate->columns, k = gate->clusters;
    room r;

    r.z = memory;
    r.log_g = r.z + rows * q;
    r.residual = r.log_g + rows * k;
    r.work = r.residual + rows * k;
    r.z_turned = r.work + rows * (k + 1);
    r.residual_turned = r.z_turned + rows * q;
    r.product = r.residual_turned + (rows + 1) * k;
    return r;
}

/* to[j * stride + i] = from[i * cols + j] */
static void turn(const double *from, size_t rows, size_t cols, double *to, size_t stride)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            to[j * stride + i] = from[i * cols + j];
}

/* gradient[k (1 + q) + 1 + j] = sum_i r_ik z_ij, and [k (1 + q)] = sum_i r_ik. */
static void multiply(const mele_gate *gate, size_t rows, const room *r, double *gradient)
{
    size_t q = gate->columns, clusters = gate->clusters;

    turn(r->z, rows, q, r->z_turned, rows);
    turn(r->residual, rows, clusters, r->residual_turned + 1, rows + 1);
    for (size_t k = 0; k < clusters; k++) {
        const double *residual = r->residual_turned + k * (rows + 1) + 1;
        for (size_t i = 0; i < rows; i++)
            gradient[k * (1 + q)] += residual[i];
        r->residual_turned[k * (rows + 1)] = 0;
    }
    mele_i_kernels_best()->linear(r->z_turned, rows, q, rows, r->residual_turned, clusters,
                                  r->product, clusters);
    for (size_t k = 0; k < clusters; k++)
        for (size_t j = 0; j < q; j++)
            gradient[k * (1 + q) + 1 + j] = r->product[j * clusters + k];
}

static mele_status map_gradient(void *context, mele_i_block block, void *partial, void *scratch,
                                mele_error *error)
{
    const mele_i_gate_objective *objective = context;
    const mele_i_gate_training *training = objective->training;
    const mele_gate *gate = objective->gate;
    mele_i_gate_rows rows = mele_i_gate_rows_of(training->data, block);
    room r = lay_out(gate, block.count, scratch);
    double *sums = partial;

    (void)error;
    gate->kind->log_weights(gate, &rows, r.z, r.log_g);
    training->loss->block(training->data, block, r.log_g, r.residual, r.work, sums);
    if (objective->free_temperature)
        for (size_t i = 0; i < block.count * gate->clusters; i++)
            sums[SLOPE] += rows.log_posteriors[i] > -INFINITY
                               ? r.residual[i] * rows.log_posteriors[i] : 0;
    if (gate->columns > 0)
        multiply(gate, block.count, &r, sums + GRADIENT);
    return MELE_OK;
}

static void combine_gradient(void *context, const void *partial)
{
    mele_i_gate_objective *objective = context;
    const double *part = partial;

    for (size_t i = 0; i < sums_count(objective->gate); i++)
        objective->sums[i] += part[i];
}

static mele_status sum_over_rows(mele_i_gate_objective *objective, mele_error *error)
{
    const mele_gate *gate = objective->gate;
    size_t count = sums_count(gate), clusters = gate->clusters, columns = gate->columns;
    size_t outputs = objective->training->data->outputs;
    size_t row_work = clusters * (4 * columns + 24 + 4 * outputs);
    size_t block_rows = mele_i_block_rows(row_work, BLOCK_WORK, LEAST_ROWS);
    const mele_i_pass pass = {
        .rows = objective->training->data->rows, .block_rows = block_rows, .map = map_gradient,
        .combine = combine_gradient, .context = objective,
        .partial_bytes = count * sizeof(double),
        .scratch_bytes = room_numbers(gate, block_rows) * sizeof(double)};

    memset(objective->sums, 0, count * sizeof(double));
    return mele_i_pass_run(objective->training->engine, &pass, error);
}

/* The penalty, whose gradient is added to gradient. */
static double add_penalty(const mele_i_gate_objective *objective, const double *theta,
                          size_t count, double *gradient)
{
    double ridge = objective->training->options->ridge / objective->training->total_weight;
    double t = objective->gate->temperature, sum = 0;
    size_t first = objective->free_temperature;

    if (first == 1) {
        sum = (t - 1) * (t - 1);
        gradient[0] += ridge * (t - 1) * t;
    }
    for (size_t i = first; i < count; i++) {
        sum += theta[i] * theta[i];
        gradient[i] += ridge * theta[i];
    }
    return ridge / 2 * sum;
}

static size_t variables(const mele_gate *gate, bool free_temperature)
{
    return free_temperature + sums_count(gate) - GRADIENT;
}

mele_status mele_i_gate_evaluate(void *context, const double *theta, double *value,
                                 double *gradient, mele_error *error)
{
    mele_i_gate_objective *objective = context;
    mele_gate *gate = objective->gate;
    double weight = objective->training->total_weight, *sums = objective->sums;
    size_t first = objective->free_temperature, count = variables(gate, first == 1);

    if (first == 1)
        gate->temperature = exp(theta[0]);
    if (gate->columns > 0)
        memcpy(gate->coefficients, theta + first, (count - first) * sizeof *theta);
    mele_status status = sum_over_rows(objective, error);
    if (status != MELE_OK)
        return status;
    if (first == 1)
        gradient[0] = gate->temperature * sums[SLOPE] / weight;
    for (size_t i = first; i < count; i++)
        gradient[i] = sums[GRADIENT + i - first] / weight;
    objective->offset = sums[OFFSET] / weight;
    *value = sums[LOSS] / weight + add_penalty(objective, theta, count, gradient);
    return MELE_OK;
}

static mele_status tell(void *context, size_t iteration, double value, mele_error *error)
{
    const mele_i_gate_objective *objective = context;
    const mele_i_gate_training *training = objective->training;

    return mele_i_progress(training->engine, "gate", iteration, training->options->max_iterations,
                           value + objective->offset, error);
}

mele_status mele_i_gate_train(mele_gate *gate, const mele_i_gate_training *training,
                              bool free_temperature, mele_gate_info *info, mele_error *error)
{
    size_t count = variables(gate, free_temperature);
    double *theta = MELE_I_ZEROED(double, count);
    double *memory = MELE_I_ARRAY(double, mele_i_lbfgs_room(count, PAIRS));
    double *sums = MELE_I_ARRAY(double, sums_count(gate));
    mele_i_gate_objective objective = {gate, training, free_temperature, 0, sums};
    const mele_i_lbfgs_problem problem = {
        .count = count, .memory = PAIRS, .max_iterations = training->options->max_iterations,
        .tolerance = training->options->tolerance, .objective = mele_i_gate_evaluate,
        .tell = tell, .context = &objective};
    mele_i_lbfgs_info found;
    mele_status status;

    if (theta == NULL || memory == NULL || sums == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    status = mele_i_lbfgs(&problem, theta, memory, &found, error);
    if (status != MELE_OK)
        goto cleanup;
    if (free_temperature)
        gate->temperature = exp(theta[0]);
    if (gate->columns > 0)
        memcpy(gate->coefficients, theta + free_temperature,
               (count - free_temperature) * sizeof *theta);
    info->iterations = found.iterations;
    info->converged = found.converged;
cleanup:
    free(sums);
    free(memory);
    free(theta);
    return status;
}

mele_status mele_i_gate_mean_loss(const mele_gate *gate, const mele_i_gate_training *training,
                                  double *loss, mele_error *error)
{
    double *sums = MELE_I_ARRAY(double, sums_count(gate));
    mele_gate seen = *gate; /* an objective may set its gate's parameters; this one does not */
    mele_i_gate_objective objective = {&seen, training, false, 0, sums};

    if (sums == NULL)
        return mele_i_no_memory(error);
    mele_status status = sum_over_rows(&objective, error);
    if (status == MELE_OK)
        *loss = (sums[LOSS] + sums[OFFSET]) / training->total_weight;
    free(sums);
    return status;
}
