#include "expert/mlp/state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "expert/mlp/trainers.h"

/* Standardised inputs are cut here: far outside everything sums of their products stay finite. */
#define MOST_INPUT 1e100

_Static_assert(offsetof(mele_i_mlp, shared) == 0, "a state begins with who holds it");

mele_i_mlp *mele_i_mlp_make(const mele_i_network *network, size_t networks)
{
    const size_t count = mele_i_network_weights(network);
    mele_i_mlp *mlp = MELE_I_NEW(mele_i_mlp);
    size_t weights;

    if (mlp == NULL || __builtin_mul_overflow(networks, count, &weights)) {
        free(mlp);
        return NULL;
    }
    *mlp = (mele_i_mlp){.network = *network, .networks = networks, .count = count,
                        .centre = MELE_I_ZEROED(double, network->inputs),
                        .scale = MELE_I_ARRAY(double, network->inputs),
                        .shift = MELE_I_ZEROED(double, network->outputs),
                        .unit = MELE_I_ARRAY(double, network->outputs),
                        .weights = MELE_I_ZEROED(double, weights)};
    if (mlp->centre == NULL || mlp->scale == NULL || mlp->shift == NULL || mlp->unit == NULL
        || mlp->weights == NULL) {
        mele_i_mlp_free(mlp);
        return NULL;
    }
    for (size_t j = 0; j < network->inputs; j++)
        mlp->scale[j] = 1;
    for (size_t m = 0; m < network->outputs; m++)
        mlp->unit[m] = 1;
    return mlp;
}

void mele_i_mlp_free(void *state)
{
    mele_i_mlp *mlp = state;

    if (mlp == NULL)
        return;
    free(mlp->centre);
    free(mlp->scale);
    free(mlp->shift);
    free(mlp->unit);
    free(mlp->weights);
    free(mlp);
}

bool mele_i_mlp_equal(const void *state, const void *other, const mele_i_expert_shape *shape)
{
    const mele_i_mlp *a = state, *b = other;
    const mele_i_network *n = &a->network, *m = &b->network;

    return n->hidden == m->hidden && n->activation == m->activation && a->networks == b->networks
           && strcmp(a->trainer, b->trainer) == 0
           && mele_i_same_numbers(a->centre, b->centre, shape->columns)
           && mele_i_same_numbers(a->scale, b->scale, shape->columns)
           && mele_i_same_numbers(a->shift, b->shift, shape->outputs)
           && mele_i_same_numbers(a->unit, b->unit, shape->outputs)
           && mele_i_same_numbers(a->weights, b->weights, a->networks * a->count);
}

/* ---- prediction ---- */

void mele_i_mlp_standardise(const mele_i_mlp *mlp, const double *x, size_t stride, size_t rows,
                            double *z)
{
    const size_t d = mlp->network.inputs;

    mele_i_kernels_best()->standardise(x, stride, rows, d, mlp->centre, mlp->scale, mlp->centre, z);
    for (size_t i = 0; i < rows * d; i++)
        z[i] = z[i] > MOST_INPUT ? MOST_INPUT : z[i] < -MOST_INPUT ? -MOST_INPUT : z[i];
}

typedef struct workspace {
    mele_i_network_panel panel;
    double *z, *sum; /* of a panel's rows: rows x inputs, rows x outputs */
} workspace;

static size_t rows_of_panel(const mele_i_network *network)
{
    return mele_i_network_rows_fit(mele_i_network_columns(network));
}

static size_t numbers_of_panel(const mele_i_network *network)
{
    return mele_i_network_columns(network) * mele_i_network_step(rows_of_panel(network));
}

size_t mele_i_mlp_scratch(const void *state)
{
    const mele_i_mlp *mlp = state;
    const size_t rows = rows_of_panel(&mlp->network);

    return mele_i_carved(numbers_of_panel(&mlp->network), sizeof(double))
           + mele_i_carved(rows * mlp->network.inputs, sizeof(double))
           + mele_i_carved(rows * mlp->network.outputs, sizeof(double));
}

static workspace place_workspace(const mele_i_mlp *mlp, void *scratch)
{
    const mele_i_network *n = &mlp->network;
    const size_t rows = rows_of_panel(n);
    unsigned char *at = scratch;
    workspace w;

    w.panel = mele_i_network_panel_in(n, rows,
                                      mele_i_carve(&at, numbers_of_panel(n), sizeof(double)));
    w.z = mele_i_carve(&at, rows * n->inputs, sizeof *w.z);
    w.sum = mele_i_carve(&at, rows * n->outputs, sizeof *w.sum);
    return w;
}

/* The average of the networks' outputs, row by row. */
static void average(const mele_i_mlp *mlp, const workspace *w, size_t rows)
{
    const mele_i_network *n = &mlp->network;
    const size_t M = n->outputs, filled = mele_i_network_put(n, &w->panel, w->z, n->inputs, rows);
    const double share = 1 / (double)mlp->networks;

    memset(w->sum, 0, rows * M * sizeof *w->sum);
    for (size_t q = 0; q < mlp->networks; q++) {
        mele_i_network_forward(n, &w->panel, filled, mlp->weights + q * mlp->count);
        for (size_t i = 0; i < rows; i++)
            for (size_t m = 0; m < M; m++)
                w->sum[i * M + m] += share * w->panel.output[m * w->panel.step + i];
    }
}

void mele_i_mlp_predict(const void *state, const mele_matrix *x, double *mean, double *variance,
                        size_t out_stride, void *scratch)
{
    const mele_i_mlp *mlp = state;
    const workspace w = place_workspace(mlp, scratch);
    const size_t M = mlp->network.outputs;

    (void)variance;
    for (size_t first = 0; first < x->rows; first += w.panel.rows) {
        const size_t some = x->rows - first < w.panel.rows ? x->rows - first
                                                                  : w.panel.rows;
        mele_i_mlp_standardise(mlp, x->data + first * x->stride, x->stride, some, w.z);
        average(mlp, &w, some);
        if (mlp->network.classes)
            mele_i_kernels_best()->log_softmax(w.sum, some, M, NULL);
        for (size_t i = 0; i < some; i++)
            for (size_t m = 0; m < M; m++)
                mean[(first + i) * out_stride + m] =
                    mele_i_finite(mlp->shift[m] + mlp->unit[m] * w.sum[i * M + m]);
    }
}

/* ---- files ---- */

static json_t *matrix_of(const mele_i_mlp *mlp, bool output)
{
    const mele_i_network *n = &mlp->network;
    const size_t rows = output ? n->outputs : n->hidden, cols = output ? n->hidden : n->inputs;
    const size_t at = output ? mele_i_network_hidden_weights(n) : 0;
    json_t *all = json_array();

    for (size_t q = 0; q < mlp->networks && all != NULL; q++) {
        const double *weights = mlp->weights + q * mlp->count + at;
        if (json_array_append_new(all, mele_i_json_matrix(weights, rows, cols + 1)) != 0) {
            json_decref(all);
            all = NULL;
        }
    }
    return all;
}

bool mele_i_mlp_save(const mele_i_mlp *mlp, json_t *object)
{
    const mele_i_network *n = &mlp->network;

    return mele_i_json_put(object, "hidden", json_integer((json_int_t)n->hidden))
           && mele_i_json_put(object, "activation",
                              json_string(mele_i_activation_name(n->activation)))
           && mele_i_json_put(object, "trainer", json_string(mlp->trainer))
           && mele_i_json_put(object, "networks", json_integer((json_int_t)mlp->networks))
           && mele_i_json_put(object, "centre", mele_i_json_numbers(mlp->centre, n->inputs))
           && mele_i_json_put(object, "scale", mele_i_json_numbers(mlp->scale, n->inputs))
           && mele_i_json_put(object, "shift", mele_i_json_numbers(mlp->shift, n->outputs))
           && mele_i_json_put(object, "unit", mele_i_json_numbers(mlp->unit, n->outputs))
           && mele_i_json_put(object, "hidden_weights", matrix_of(mlp, false))
           && mele_i_json_put(object, "output_weights", matrix_of(mlp, true));
}

/* Of every network, before memory is taken for them. */
static mele_status check_sizes(const json_t *object, const mele_i_network *n, size_t networks,
                               mele_error *error)
{
    const json_t *hidden = json_object_get(object, "hidden_weights");
    const json_t *output = json_object_get(object, "output_weights");
    mele_status status = mele_i_json_check_size(object, "centre", n->inputs, error);

    if (status == MELE_OK)
        status = mele_i_json_check_size(object, "shift", n->outputs, error);
    if (status == MELE_OK
        && (json_array_size(hidden) != networks || json_array_size(output) != networks))
        status = mele_i_fail(error, MELE_EDATA, "the weights are not those of %zu networks",
                             networks);
    for (size_t q = 0; q < networks && status == MELE_OK; q++) {
        status = mele_i_json_array_sizes(json_array_get(hidden, q), "hidden_weights", n->hidden,
                                         n->inputs + 1, error);
        if (status == MELE_OK)
            status = mele_i_json_array_sizes(json_array_get(output, q), "output_weights",
                                             n->outputs, n->hidden + 1, error);
    }
    return status;
}

static mele_status load_sizes(const json_t *object, const mele_i_expert_shape *shape,
                              mele_i_network *n, size_t *networks, mele_error *error)
{
    const char *name;
    mele_status status = mele_i_json_get_size(object, "hidden", 1, MELE_I_MOST_HIDDEN,
                                              &n->hidden, error);

    if (status == MELE_OK)
        status = mele_i_json_get_size(object, "networks", 1, MELE_I_MOST_NETWORKS, networks,
                                      error);
    if (status == MELE_OK)
        status = mele_i_json_get_string(object, "activation", &name, error);
    if (status != MELE_OK)
        return status;
    if (!mele_i_activation_named(name, &n->activation))
        return mele_i_fail(error, MELE_EDATA, "\"activation\" is \"%s\", which is none", name);
    n->inputs = shape->columns;
    n->outputs = shape->outputs;
    n->classes = shape->classes > 0;
    return check_sizes(object, n, *networks, error);
}

/* The q-th matrix of an array of them. */
static mele_status load_matrix(const json_t *object, const char *key, size_t q, double *out,
                               size_t rows, size_t cols, mele_error *error)
{
    return mele_i_json_array_matrix(json_array_get(json_object_get(object, key), q), key, out, rows,
                                    cols, error);
}

/* Log-probabilities are in no units: with others their sum would not be 1. */
static mele_status check_class_units(const mele_i_mlp *mlp, mele_error *error)
{
    for (size_t c = 0; c < mlp->network.outputs; c++)
        if (mlp->shift[c] != 0 || mlp->unit[c] != 1)
            return mele_i_fail(error, MELE_EDATA, "\"shift\" and \"unit\" of class %zu are %g and "
                               "%g, not 0 and 1", c + 1, mlp->shift[c], mlp->unit[c]);
    return MELE_OK;
}

static mele_status load_numbers(const json_t *object, mele_i_mlp *mlp, mele_error *error)
{
    const mele_i_network *n = &mlp->network;
    mele_status status = mele_i_json_get_numbers(object, "centre", mlp->centre, n->inputs, error);

    if (status == MELE_OK)
        status = mele_i_json_get_numbers(object, "scale", mlp->scale, n->inputs, error);
    if (status == MELE_OK)
        status = mele_i_json_get_numbers(object, "shift", mlp->shift, n->outputs, error);
    if (status == MELE_OK)
        status = mele_i_json_get_numbers(object, "unit", mlp->unit, n->outputs, error);
    for (size_t q = 0; q < mlp->networks && status == MELE_OK; q++) {
        double *weights = mlp->weights + q * mlp->count;
        status = load_matrix(object, "hidden_weights", q, weights, n->hidden, n->inputs + 1, error);
        if (status == MELE_OK)
            status = load_matrix(object, "output_weights", q,
                                 weights + mele_i_network_hidden_weights(n), n->outputs,
                                 n->hidden + 1, error);
    }
    if (status == MELE_OK)
        status = mele_i_json_check_positive(mlp->scale, n->inputs, "scale", error);
    if (status == MELE_OK && n->classes)
        return check_class_units(mlp, error);
    return status == MELE_OK ? mele_i_json_check_positive(mlp->unit, n->outputs, "unit", error) : status;
}

mele_status mele_i_mlp_load(const json_t *object, const mele_i_expert_shape *shape,
                            mele_i_mlp **out, mele_error *error)
{
    mele_i_network network = {.inputs = 0};
    const char *name;
    size_t networks;
    mele_status status = load_sizes(object, shape, &network, &networks, error);

    if (status == MELE_OK)
        status = mele_i_json_get_string(object, "trainer", &name, error);
    if (status != MELE_OK)
        return status;
    const mele_i_trainer *trainer = mele_i_trainer_named(name);
    if (trainer == NULL)
        return mele_i_fail(error, MELE_EDATA, "\"trainer\" is \"%s\", which is none", name);
    mele_i_mlp *mlp = mele_i_mlp_make(&network, networks);
    if (mlp == NULL)
        return mele_i_no_memory(error);
    mlp->trainer = trainer->name;
    status = load_numbers(object, mlp, error);
    if (status != MELE_OK)
        mele_i_mlp_free(mlp);
    else
        *out = mlp;
    return status;
}
