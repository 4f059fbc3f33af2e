/* The constant gate: the same weights in every row, whatever the row is,
 *     g_k(x) = w_k,   w_k >= 0,   sum_k w_k = 1.
 * It needs neither posteriors nor features, and nothing is trained: a family that trains its experts
 * without regions says what each of them counts for (equal ones of bagging and of negative correlation
 * learning, the logarithms of odds of boosting). */
#include "gate/constant.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "gate/kind.h"

#define SUM_TOLERANCE 1e-9 /* of the weights in a file */

typedef struct constant {
    double *weight, *logarithm; /* K each */
} constant;

static void free_state(void *memory)
{
    constant *state = memory;

    if (state == NULL)
        return;
    free(state->weight);
    free(state->logarithm);
    free(state);
}

static constant *new_state(size_t clusters)
{
    constant *state = MELE_I_NEW(constant);

    if (state == NULL)
        return NULL;
    state->weight = MELE_I_ARRAY(double, clusters);
    state->logarithm = MELE_I_ARRAY(double, clusters);
    if (state->weight != NULL && state->logarithm != NULL)
        return state;
    free_state(state);
    return NULL;
}

static void take_logarithms(constant *state, size_t clusters)
{
    for (size_t k = 0; k < clusters; k++)
        state->logarithm[k] = log(state->weight[k]);
}

mele_status mele_i_gate_constant_make(const double *weights, size_t clusters, mele_gate **out,
                                      mele_error *error)
{
    mele_gate *gate = mele_i_gate_new(&mele_i_gate_constant, clusters);
    constant *state = gate == NULL ? NULL : new_state(clusters);
    double most = 0, sum = 0;

    if (state == NULL) {
        mele_gate_free(gate);
        return mele_i_no_memory(error);
    }
    for (size_t k = 0; k < clusters && weights != NULL; k++)
        most = fmax(most, weights[k]);
    for (size_t k = 0; k < clusters; k++)
        sum += state->weight[k] = weights == NULL ? 1 : weights[k] / most;
    for (size_t k = 0; k < clusters; k++)
        state->weight[k] /= sum;
    take_logarithms(state, clusters);
    gate->state = state;
    *out = gate;
    return MELE_OK;
}

const double *mele_i_gate_constant_weights(const mele_gate *gate)
{
    return gate->kind == &mele_i_gate_constant ? ((const constant *)gate->state)->weight : NULL;
}

/* There is nothing that it could start from. */
static mele_status refuse(mele_gate *gate, const mele_i_gate_training *training, mele_error *error)
{
    (void)gate;
    (void)training;
    return mele_i_fail(error, MELE_EINVAL, "gate: the weights of a constant gate are set by a family, and "
                       "not trained");
}

static void forward(const mele_gate *gate, const mele_i_gate_rows *rows, double *scratch,
                    double *out)
{
    const constant *state = gate->state;

    (void)scratch;
    for (size_t i = 0; i < rows->count; i++)
        memcpy(out + i * gate->clusters, state->logarithm, gate->clusters * sizeof *out);
}

/* How many there are, and whether they are equal. */
static size_t describe(const mele_gate *gate, char *out, size_t size)
{
    const double *weight = mele_i_gate_constant_weights(gate);
    double least = weight[0], most = weight[0];

    for (size_t k = 1; k < gate->clusters; k++) {
        least = fmin(least, weight[k]);
        most = fmax(most, weight[k]);
    }
    if (least == most)
        return (size_t)snprintf(out, size, "constant, each expert %.3g", most);
    return (size_t)snprintf(out, size, "constant, %.3g to %.3g an expert", least, most);
}

static bool save(const mele_gate *gate, json_t *section)
{
    return mele_i_json_put(section, "weights", mele_i_json_numbers(mele_i_gate_constant_weights(gate),
                                                                   gate->clusters));
}

/* They are not divided by their sum: a model that is read predicts as the one that was written. */
static mele_status read_weights(const json_t *section, size_t clusters, constant *state,
                                mele_error *error)
{
    mele_status status = mele_i_json_get_numbers(section, "weights", state->weight, clusters, error);
    double sum = 0;

    for (size_t k = 0; k < clusters && status == MELE_OK; k++) {
        sum += state->weight[k];
        if (state->weight[k] < 0)
            status = mele_i_fail(error, MELE_EDATA, "\"weights\" of the gate: %g is below 0",
                                 state->weight[k]);
    }
    if (status == MELE_OK && !(fabs(sum - 1) <= SUM_TOLERANCE))
        status = mele_i_fail(error, MELE_EDATA, "\"weights\" of the gate: the sum is %.17g, not 1",
                             sum);
    return status;
}

static mele_status load(const json_t *section, mele_gate *gate, mele_error *error)
{
    mele_status status = mele_i_json_keys(section, "gate", "kind,clusters,weights", error);

    if (status == MELE_OK
        && json_array_size(json_object_get(section, "weights")) != gate->clusters)
        status = mele_i_fail(error, MELE_EDATA, "\"weights\" of the gate is not an array of %zu "
                             "numbers", gate->clusters);
    if (status != MELE_OK)
        return status;
    constant *state = new_state(gate->clusters);
    gate->state = state;
    if (state == NULL)
        return mele_i_no_memory(error);
    status = read_weights(section, gate->clusters, state, error);
    if (status == MELE_OK)
        take_logarithms(state, gate->clusters);
    return status;
}

static mele_status reorder(mele_gate *gate, const size_t *order, mele_error *error)
{
    constant *state = gate->state;
    double *was = MELE_I_ARRAY(double, gate->clusters);

    if (was == NULL)
        return mele_i_no_memory(error);
    memcpy(was, state->weight, gate->clusters * sizeof *was);
    for (size_t k = 0; k < gate->clusters; k++)
        state->weight[k] = was[order[k]];
    take_logarithms(state, gate->clusters);
    free(was);
    return MELE_OK;
}

const mele_i_gate_kind mele_i_gate_constant = {
    .name = "constant", .for_families = true, .make = refuse, .free = free_state, .forward = forward,
    .reorder = reorder, .describe = describe, .save = save, .load = load};
