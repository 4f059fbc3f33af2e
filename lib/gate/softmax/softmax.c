/* The parametric gates, one family:
 *
 *     a_k = t log p_k + sum_j V_kj z_j + b_k,    g = softmax(a)
 *
 * with these parameters free: none (posterior: t = 1, V = 0, b = 0), t (temperature), all
 * (softmax).
 *
 * The temperature is trained as log t, so t > 0, and a log p of -infinity stays a weight of zero
 * at every t. Loss "posteriors" without shares fits the gate to p itself: t = 1,
 * V = 0 would reproduce p without learning anything, so a softmax gate then has t = 0, which leaves
 * log p out of the logits, and starts from equal weights. So has one on features alone where there are no log p.
 *
 * z is clipped to the range that its columns had in the training rows (columns.h): V z is as
 * large outside the data as it was inside, while log p falls without limit, so that far from all
 * data t log p decides, as in the posterior gate. t log p itself is not clipped; the weights are
 * finite and sum to one as the log-softmax subtracts the largest logit.
 *
 * With the residuals r_ik = d loss_i / d a_ik the gradient is
 *     d/dV_kj = sum_i r_ik z_ij,   the same for b with z = 1,   d/dt = sum_ik r_ik log p_ik,
 * where a log p of -infinity has r = 0 and counts for nothing. sum_i r_ik z_ij is a product of two
 * matrices with the rows of the block as the inner dimension, taken panel by panel. */
#include "gate/softmax/softmax.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/kernels.h"

/* Hand a state to its gate. */
static mele_status adopt(mele_gate *gate, mele_i_softmax *state, mele_error *error)
{
    gate->state = state;
    if (state == NULL)
        return mele_i_no_memory(error);
    mele_i_gate_columns_ask(&state->z, state->temperature, gate);
    return MELE_OK;
}

static mele_status make_plain(mele_gate *gate, const mele_i_gate_training *training,
                              mele_error *error)
{
    (void)training;
    return adopt(gate, mele_i_softmax_new(gate->clusters, NULL, 0), error);
}

static mele_status make_softmax(mele_gate *gate, const mele_i_gate_training *training,
                                mele_error *error)
{
    const mele_i_gate_input *on = mele_i_gate_input_find(training->options->on);
    mele_i_softmax *state = mele_i_softmax_new(
        gate->clusters, on, mele_i_gate_columns_count(on, training->data));

    if (state != NULL && mele_i_gate_columns_alone(&state->z, training))
        state->temperature = 0;
    return adopt(gate, state, error);
}

static mele_status prepare(mele_gate *gate, const mele_i_gate_training *training,
                           mele_error *error)
{
    mele_i_softmax *state = gate->state;

    return mele_i_gate_columns_standardise(&state->z, gate->needs, training, error);
}

/* Whether a gate sees log p beside z is taken over. */
static bool start(mele_gate *gate, const mele_gate *from)
{
    mele_i_softmax *state = gate->state;
    const mele_i_softmax *given = from->state;
    const size_t width = 1 + state->z.count;

    if (given->z.on != state->z.on || given->z.count != state->z.count
        || (given->temperature > 0 && !(gate->needs & MELE_I_GATE_POSTERIORS)))
        return false;
    state->temperature = given->temperature;
    gate->needs = from->needs;
    if (state->z.count == 0)
        return true;
    memcpy(state->coefficients, given->coefficients, gate->clusters * width * sizeof(double));
    mele_i_gate_columns_unfold(&state->z, state->coefficients, gate->clusters);
    return true;
}

static void finish(mele_gate *gate)
{
    mele_i_softmax *state = gate->state;

    mele_i_gate_columns_fold(&state->z, state->coefficients, state->clusters);
}

/* ---- parameters: t unless it is 0, then b_k and V_k of every k ---- */

static size_t parameters(const mele_gate *gate, size_t *factors)
{
    const mele_i_softmax *state = gate->state;

    *factors = state->temperature > 0;
    return *factors + (state->z.count > 0 ? state->clusters * (1 + state->z.count) : 0);
}

/* One cluster's coefficients say nothing that the others' do not. */
static size_t freedom(const mele_gate *gate)
{
    const mele_i_softmax *state = gate->state;
    size_t factors;

    return parameters(gate, &factors) - (state->z.count > 0 ? 1 + state->z.count : 0);
}

static void get(const mele_gate *gate, double *out)
{
    const mele_i_softmax *state = gate->state;
    size_t first, count = parameters(gate, &first);

    if (first == 1)
        out[0] = state->temperature;
    if (count > first)
        memcpy(out + first, state->coefficients, (count - first) * sizeof *out);
}

static void set(mele_gate *gate, const double *in)
{
    mele_i_softmax *state = gate->state;
    size_t first, count = parameters(gate, &first);

    if (first == 1)
        state->temperature = in[0];
    if (count > first)
        memcpy(state->coefficients, in + first, (count - first) * sizeof *in);
}

/* ---- forward and backward ---- */

static size_t work(const mele_gate *gate)
{
    const mele_i_softmax *state = gate->state;

    return state->clusters * state->z.count;
}

/* z, then what backward() works in: panels of [1 z] and of the residuals. */
static size_t scratch_numbers(const mele_gate *gate, size_t rows, bool backward)
{
    const mele_i_softmax *state = gate->state;
    const size_t q = state->z.count, K = state->clusters;

    return rows * q + (backward ? mele_i_softmax_panels(q, K) : 0);
}

static void forward(const mele_gate *gate, const mele_i_gate_rows *rows, double *scratch,
                    double *out)
{
    const mele_i_softmax *state = gate->state;
    const size_t count = rows->count * state->clusters;

    if (state->z.count > 0) {
        mele_i_gate_columns_fill(&state->z, rows, scratch);
        mele_i_kernels_best()->linear(scratch, state->z.count, rows->count, state->z.count,
                                      state->coefficients, state->clusters, out, state->clusters);
    } else {
        memset(out, 0, count * sizeof *out);
    }
    if (state->temperature > 0)
        for (size_t i = 0; i < count; i++)
            out[i] += state->temperature * rows->log_posteriors[i];
}

size_t mele_i_softmax_panels(size_t columns, size_t forms)
{
    return columns > 0 ? (1 + columns + forms) * MELE_I_PANEL : 0;
}

/* A panel of rows at a time: of [1 z] and of the residuals. */
void mele_i_softmax_gradient(const double *z, size_t columns, size_t rows, const double *residual,
                             size_t forms, double *panels, double *gradient)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    double *seen = panels, *r = seen + (1 + columns) * MELE_I_PANEL;

    for (size_t i = 0; i < MELE_I_PANEL_ROWS; i++)
        seen[i] = 1;
    for (size_t first = 0, count; first < rows; first += count) {
        count = rows - first < MELE_I_PANEL_ROWS ? rows - first : MELE_I_PANEL_ROWS;
        const size_t eights = (count + 7) / 8 * 8;
        kernels->to_panel(z + first * columns, columns, count, columns, seen + MELE_I_PANEL);
        kernels->to_panel(residual + first * forms, forms, count, forms, r);
        for (size_t k = 0; k < forms; k++)
            for (size_t i = count; i < eights; i++)
                r[k * MELE_I_PANEL + i] = 0;
        kernels->products(r, forms, seen, 1 + columns, MELE_I_PANEL, eights, gradient, 1 + columns);
    }
}

static void backward(const mele_gate *gate, const mele_i_gate_rows *rows, const double *residual,
                     double *scratch, double *gradient)
{
    const mele_i_softmax *state = gate->state;
    const double *log_p = rows->log_posteriors;
    const size_t q = state->z.count;
    size_t first;

    parameters(gate, &first);
    for (size_t i = 0; i < rows->count * state->clusters && first == 1; i++)
        gradient[0] += log_p[i] > -INFINITY ? residual[i] * log_p[i] : 0;
    if (q > 0)
        mele_i_softmax_gradient(scratch, q, rows->count, residual, state->clusters,
                                scratch + rows->count * q, gradient + first);
}

/* ---- for people, and the file ---- */

static size_t describe(const mele_gate *gate, char *out, size_t size)
{
    const mele_i_softmax *state = gate->state;
    const char *name = gate->kind->name;

    if (state->z.count == 0 && state->temperature == 1)
        return (size_t)snprintf(out, size, "%s", name);
    if (state->z.count == 0)
        return (size_t)snprintf(out, size, "%s %.4g", name, state->temperature);
    return (size_t)snprintf(out, size, "%s on %s, temperature %.4g, %zu coefficients", name,
                            state->z.on->name, state->temperature,
                            state->clusters * (1 + state->z.count));
}

static mele_status load_posterior(const json_t *section, mele_gate *gate, mele_error *error)
{
    mele_status status = mele_i_json_keys(section, "gate", "kind,clusters", error);

    return status != MELE_OK ? status : make_plain(gate, NULL, error);
}

static bool save_temperature(const mele_gate *gate, json_t *section)
{
    const mele_i_softmax *state = gate->state;

    return mele_i_json_put(section, "temperature", json_real(state->temperature));
}

static mele_status load_temperature(const json_t *section, mele_gate *gate, mele_error *error)
{
    double temperature;
    mele_status status = mele_i_json_keys(section, "gate", "kind,clusters,temperature", error);

    if (status == MELE_OK)
        status = mele_i_gate_read_temperature(section, &temperature, error);
    if (status != MELE_OK)
        return status;
    mele_i_softmax *state = mele_i_softmax_new(gate->clusters, NULL, 0);
    if (state != NULL)
        state->temperature = temperature;
    return adopt(gate, state, error);
}

static bool save_softmax(const mele_gate *gate, json_t *section)
{
    return mele_i_softmax_save(gate->state, section);
}

static mele_status load_softmax(const json_t *section, mele_gate *gate, mele_error *error)
{
    mele_i_softmax *state = NULL;
    mele_status status = mele_i_softmax_load(section, gate->clusters, MELE_I_SOFTMAX_KEYS, &state, error);

    return status == MELE_OK ? adopt(gate, state, error) : status;
}

/* ---- the rows of the table ---- */

#define FAMILY                                                                              \
    .free = mele_i_softmax_free, .work = work, .scratch = scratch_numbers, .forward = forward, \
    .describe = describe

#define CURVED                                                                                   \
    .curvature_sums = mele_i_softmax_curvature_sums,                                             \
    .curvature_scratch = mele_i_softmax_curvature_scratch,                                       \
    .curvature = mele_i_softmax_curvature, .hessian = mele_i_softmax_hessian

const mele_i_gate_kind mele_i_gate_posterior = {
    .name = "posterior", .make = make_plain, FAMILY, .save = mele_i_gate_plain_save,
    .load = load_posterior};

const mele_i_gate_kind mele_i_gate_temperature = {
    .name = "temperature", .trained = true, .make = make_plain, .start = start,
    .parameters = parameters, .freedom = freedom, .get = get, .set = set, FAMILY, CURVED,
    .backward = backward, .save = save_temperature, .load = load_temperature};

const mele_i_gate_kind mele_i_gate_softmax = {
    .name = "softmax", .trained = true, .has_input = true, .make = make_softmax,
    .prepare = prepare, .start = start, .finish = finish, .parameters = parameters,
    .freedom = freedom, .get = get, .set = set, FAMILY, CURVED, .backward = backward,
    .reorder = mele_i_softmax_reorder, .save = save_softmax, .load = load_softmax};
