/* What gates are trained by, whatever their kind and their loss.
 *
 * Minimised (minimise.c) is the penalised mean loss
 *     F(theta) = (1 / W) (sum_i w_i loss_i + ridge / 2 |parameters - rest|^2),  W = sum w_i,
 * over theta: the parameters, with the logarithms u = log t of those that are factors (t > 0). A
 * factor rests at 1, all others at 0. With G = sum_i w_i d loss_i / d parameter, which the kind makes
 * of d loss_i / d logits (loss.c), the gradient is
 *     dF/du = t (G + ridge (t - 1)) / W,    dF/dtheta = (G + ridge theta) / W  of the others.
 *
 * One evaluation is one pass over the rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "gate/kind.h"

#define BLOCK_WORK ((size_t)1 << 19)
#define LEAST_ROWS 32
#define LEAST_FACTOR 1e-300 /* and its inverse the most: a factor of 0 would be none */

/* ---- loss and gradient ---- */

/* Sums over rows: the loss and its constant part, then the gradient of the parameters. */
enum { LOSS, OFFSET, GRADIENT };

size_t mele_i_gate_parameters(const mele_gate *gate, size_t *factors)
{
    *factors = 0;
    return gate->kind->parameters == NULL ? 0 : gate->kind->parameters(gate, factors);
}

static size_t sums_count(const mele_i_gate_objective *objective)
{
    size_t factors;

    return GRADIENT + (objective->backward ? mele_i_gate_parameters(objective->gate, &factors) : 0);
}

unsigned mele_i_gate_needs_of(const mele_i_gate_objective *objective)
{
    return objective->gate->needs | objective->training->loss_needs;
}

/* What one thread works in, all of one block. */
typedef struct room {
    double *log_g, *residual, *work, *scratch, *taken;
} room;

/* The numbers that it takes; with memory, where they are. */
static size_t lay_out(const mele_i_gate_objective *objective, size_t rows, double *memory, room *r)
{
    const mele_gate *gate = objective->gate;
    const size_t logs = rows * gate->clusters, work = logs + rows;
    const size_t scratch = mele_i_gate_scratch(gate, rows, objective->backward);

    if (memory != NULL) {
        r->log_g = memory;
        r->residual = r->log_g + logs;
        r->work = r->residual + logs;
        r->scratch = r->work + work;
        r->taken = r->scratch + scratch;
    }
    return 2 * logs + work + scratch
           + mele_i_gate_take_room(objective->training, mele_i_gate_needs_of(objective), rows);
}

static mele_status map_gradient(void *context, mele_i_block block, void *partial, void *scratch,
                                mele_error *error)
{
    const mele_i_gate_objective *objective = context;
    const mele_i_gate_training *training = objective->training;
    const mele_gate *gate = objective->gate;
    double *sums = partial;
    mele_i_gate_rows rows;
    room r;

    lay_out(objective, block.count, scratch, &r);
    mele_status status = mele_i_gate_take(training, mele_i_gate_needs_of(objective), block, r.taken, &rows,
                                          error);
    if (status != MELE_OK)
        return status;
    mele_i_gate_weigh(gate, &rows, r.scratch, r.log_g);
    training->loss->block(&rows, gate->clusters, mele_i_gate_outputs(training->data), r.log_g,
                          r.residual, r.work, sums);
    if (objective->backward)
        gate->kind->backward(gate, &rows, r.residual, r.scratch, sums + GRADIENT);
    return MELE_OK;
}

static void combine_gradient(void *context, const void *partial)
{
    mele_i_gate_objective *objective = context;
    const double *part = partial;

    const size_t count = sums_count(objective);

    for (size_t i = 0; i < count; i++)
        objective->sums[i] += part[i];
}

static mele_status sum_over_rows(mele_i_gate_objective *objective, mele_error *error)
{
    const mele_gate *gate = objective->gate;
    const mele_gate_data *data = objective->training->data;
    const size_t count = sums_count(objective);
    const size_t row_work =
        4 * mele_i_gate_work(gate) + gate->clusters * (24 + 4 * mele_i_gate_outputs(data));
    const size_t block_rows = mele_i_block_rows(row_work, BLOCK_WORK, LEAST_ROWS);
    const mele_i_pass pass = {
        .rows = data->rows, .block_rows = block_rows, .map = map_gradient,
        .combine = combine_gradient, .context = objective,
        .partial_bytes = count * sizeof(double),
        .scratch_bytes = lay_out(objective, block_rows, NULL, NULL) * sizeof(double)};

    memset(objective->sums, 0, count * sizeof(double));
    return mele_i_pass_run(objective->training->engine, &pass, error);
}

/* The parameters at theta. */
void mele_i_gate_from_theta(const double *theta, size_t count, size_t factors, double *parameters)
{
    memcpy(parameters, theta, count * sizeof *theta);
    for (size_t i = 0; i < factors; i++)
        parameters[i] = fmin(fmax(exp(theta[i]), LEAST_FACTOR), 1 / LEAST_FACTOR);
}

/* The penalty, whose gradient is added to gradient. */
static double add_penalty(const mele_i_gate_objective *objective, size_t count, size_t factors,
                          double *gradient)
{
    const double ridge = objective->training->options->ridge / objective->training->total_weight;
    const double *at = objective->parameters;
    double sum = 0;

    for (size_t i = 0; i < factors; i++) {
        sum += (at[i] - 1) * (at[i] - 1);
        gradient[i] += ridge * (at[i] - 1) * at[i];
    }
    for (size_t i = factors; i < count; i++) {
        sum += at[i] * at[i];
        gradient[i] += ridge * at[i];
    }
    return ridge / 2 * sum;
}

mele_status mele_i_gate_evaluate(void *context, const double *theta, double *value,
                                 double *gradient, mele_error *error)
{
    mele_i_gate_objective *objective = context;
    const double weight = objective->training->total_weight, *sums = objective->sums;
    size_t factors, count = mele_i_gate_parameters(objective->gate, &factors);

    mele_i_gate_from_theta(theta, count, factors, objective->parameters);
    objective->gate->kind->set(objective->gate, objective->parameters);
    mele_status status = sum_over_rows(objective, error);
    if (status != MELE_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        gradient[i] = (i < factors ? objective->parameters[i] : 1) * sums[GRADIENT + i] / weight;
    objective->offset = sums[OFFSET] / weight;
    *value = sums[LOSS] / weight + add_penalty(objective, count, factors, gradient);
    return MELE_OK;
}

mele_status mele_i_gate_mean_loss(const mele_gate *gate, const mele_i_gate_training *training,
                                  double *loss, mele_error *error)
{
    double sums[GRADIENT];
    mele_gate seen = *gate; /* an objective may set its gate's parameters; this one does not */
    mele_i_gate_objective objective = {.gate = &seen, .training = training, .sums = sums};
    mele_status status = sum_over_rows(&objective, error);

    if (status == MELE_OK)
        *loss = (sums[LOSS] + sums[OFFSET]) / training->total_weight;
    return status;
}

mele_status mele_i_gate_penalty(const mele_gate *gate, const mele_i_gate_training *training,
                                double *out, mele_error *error)
{
    size_t factors, count = mele_i_gate_parameters(gate, &factors);
    double *parameters = MELE_I_ARRAY(double, count), sum = 0;

    if (parameters == NULL)
        return mele_i_no_memory(error);
    gate->kind->get(gate, parameters);
    for (size_t i = 0; i < count; i++) {
        const double off = parameters[i] - (i < factors ? 1 : 0);
        sum += off * off;
    }
    free(parameters);
    *out = training->options->ridge / 2 * sum / training->total_weight;
    return MELE_OK;
}
