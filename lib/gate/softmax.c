/* The parametric gates, one family:
 *
 *     a_k = t log p_k + sum_j V_kj z_j + b_k,    g = softmax(a)
 *
 * with these parameters free: none (posterior: t = 1, V = 0, b = 0), t (temperature), all
 * (softmax); and hard, the limit t -> infinity.
 *
 * The temperature is trained as log t, so t > 0, and a log p of -infinity stays a weight of zero
 * at every t. Loss "posteriors" fits the gate to p itself: t = 1, V = 0 would reproduce p without
 * learning anything, so a softmax gate then has t = 0, which leaves log p out of the logits, and
 * starts from equal weights.
 *
 * z = log p | x | [log p, x] with two limits, so that V never extrapolates: a log p below
 * log 2^-52 (a posterior of zero, to rounding) enters z as that, and every column is clipped to
 * the range it had in the training rows of positive weight. V z is thus as large outside the
 * data as it was inside, while log p falls without limit: far from all data t log p decides, as
 * in the posterior gate. t log p itself is not clipped; the weights are finite and sum to one as
 * the log-softmax subtracts the largest logit.
 *
 * Training sees standardised columns; afterwards their centres and factors are folded into V and
 * b, which then apply to z in its own units. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/largest.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "gate/kind.h"

typedef struct input {
    const char *name;
    bool posteriors, features;
} input;

static const input inputs[] = {
    {"posteriors", true, false}, {"features", false, true}, {"both", true, true}};

int mele_i_gate_input_find(const char *name)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(inputs[i].name, name) == 0)
            return i;
    return -1;
}

/* ---- weights ---- */

static void parametric_log_weights(const mele_gate *gate, const mele_i_gate_rows *rows, double *z,
                                   double *out)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    size_t count = rows->count * gate->clusters;

    if (gate->columns > 0) {
        mele_i_gate_fill_columns(gate, rows, z);
        kernels->linear(z, gate->columns, rows->count, gate->columns, gate->coefficients,
                        gate->clusters, out, gate->clusters);
    } else {
        memset(out, 0, count * sizeof *out);
    }
    if (gate->temperature > 0)
        for (size_t i = 0; i < count; i++)
            out[i] += gate->temperature * rows->log_posteriors[i];
    kernels->log_softmax(out, rows->count, gate->clusters, NULL);
}

static void hard_log_weights(const mele_gate *gate, const mele_i_gate_rows *rows, double *z,
                             double *out)
{
    size_t clusters = gate->clusters;

    (void)z;
    for (size_t i = 0; i < rows->count; i++, out += clusters) {
        for (size_t k = 0; k < clusters; k++)
            out[k] = -INFINITY;
        out[mele_i_largest(rows->log_posteriors + i * clusters, clusters)] = 0;
    }
}

/* ---- fits ---- */

static mele_status fit_nothing(mele_gate *gate, const mele_i_gate_training *training,
                               mele_gate_info *info, mele_error *error)
{
    (void)gate;
    (void)training;
    (void)error;
    info->iterations = 0;
    info->converged = true;
    return MELE_OK;
}

static mele_status fit_temperature(mele_gate *gate, const mele_i_gate_training *training,
                                   mele_gate_info *info, mele_error *error)
{
    return mele_i_gate_train(gate, training, true, info, error);
}

static bool make_room(mele_gate *gate, const input *on, size_t columns)
{
    gate->on_posteriors = on->posteriors;
    gate->on_features = on->features;
    gate->columns = columns;
    gate->features = columns - (on->posteriors ? gate->clusters : 0);
    gate->column = MELE_I_ZEROED(mele_i_gate_column, columns);
    gate->coefficients = mele_i_zeroed(gate->clusters, (1 + columns) * sizeof(double));
    return gate->column != NULL && gate->coefficients != NULL;
}

/* V and b of the standardised columns become V and b of z in its own units. */
static void fold_columns(mele_gate *gate)
{
    for (size_t k = 0; k < gate->clusters; k++) {
        double *b = gate->coefficients + k * (1 + gate->columns);
        for (size_t j = 0; j < gate->columns; j++) {
            b[1 + j] *= gate->column[j].factor;
            b[0] -= b[1 + j] * gate->column[j].centre;
        }
    }
    for (size_t j = 0; j < gate->columns; j++) {
        gate->column[j].centre = 0;
        gate->column[j].factor = 1;
    }
}

static mele_status fit_softmax(mele_gate *gate, const mele_i_gate_training *training,
                               mele_gate_info *info, mele_error *error)
{
    const input *on = &inputs[mele_i_gate_input_find(training->options->on)];
    size_t columns = (on->posteriors ? gate->clusters : 0)
                     + (on->features ? training->data->x.cols : 0);

    if (!make_room(gate, on, columns))
        return mele_i_no_memory(error);
    if (training->loss->without_posteriors)
        gate->temperature = 0;
    mele_status status = mele_i_gate_standardise(gate, training, error);
    if (status == MELE_OK)
        status = mele_i_gate_train(gate, training, !training->loss->without_posteriors, info,
                                   error);
    if (status == MELE_OK)
        fold_columns(gate);
    return status;
}

/* ---- model file ---- */

static bool save_nothing(const mele_gate *gate, json_t *section)
{
    (void)gate;
    (void)section;
    return true;
}

static mele_status load_nothing(const json_t *section, mele_gate *gate, mele_error *error)
{
    (void)gate;
    return mele_i_json_keys(section, "gate", "kind,clusters", error);
}

static bool save_temperature(const mele_gate *gate, json_t *section)
{
    return mele_i_json_put(section, "temperature", json_real(gate->temperature));
}

static mele_status read_temperature(const json_t *section, mele_gate *gate, mele_error *error)
{
    mele_status status = mele_i_json_get_number(section, "temperature", &gate->temperature, error);

    if (status == MELE_OK && !(gate->temperature >= 0))
        status = mele_i_fail(error, MELE_EDATA, "\"temperature\" is %g, not >= 0",
                             gate->temperature);
    return status;
}

static mele_status load_temperature(const json_t *section, mele_gate *gate, mele_error *error)
{
    mele_status status = mele_i_json_keys(section, "gate", "kind,clusters,temperature", error);

    return status != MELE_OK ? status : read_temperature(section, gate, error);
}

/* The parts of rows that lie apart in memory: every stride-th number. */
static json_t *spaced_numbers(const double *values, size_t count, size_t stride)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count && array != NULL; i++)
        if (json_array_append_new(array, json_real(values[i * stride])) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

static json_t *coefficient_rows(const mele_gate *gate)
{
    json_t *rows = json_array();

    for (size_t k = 0; k < gate->clusters && rows != NULL; k++) {
        const double *row = gate->coefficients + k * (1 + gate->columns) + 1;
        if (json_array_append_new(rows, mele_i_json_numbers(row, gate->columns)) != 0) {
            json_decref(rows);
            rows = NULL;
        }
    }
    return rows;
}

static bool save_softmax(const mele_gate *gate, json_t *section)
{
    const size_t size = sizeof *gate->column / sizeof(double);
    const char *on = inputs[gate->on_features ? 1 + gate->on_posteriors : 0].name;

    return mele_i_json_put(section, "on", json_string(on)) && save_temperature(gate, section)
           && mele_i_json_put(section, "intercept", spaced_numbers(gate->coefficients,
                              gate->clusters, 1 + gate->columns))
           && mele_i_json_put(section, "coefficients", coefficient_rows(gate))
           && mele_i_json_put(section, "lower",
                              spaced_numbers(&gate->column->lower, gate->columns, size))
           && mele_i_json_put(section, "upper",
                              spaced_numbers(&gate->column->upper, gate->columns, size));
}

/* The number of columns is that of the limits; everything else must agree with it. */
static mele_status read_shape(const json_t *section, mele_gate *gate, mele_error *error)
{
    const char *name;
    mele_status status = mele_i_json_get_string(section, "on", &name, error);

    if (status != MELE_OK)
        return status;
    int on = mele_i_gate_input_find(name);
    if (on < 0)
        return mele_i_fail(error, MELE_EDATA, "the gate is on \"%s\", which is unknown", name);
    size_t columns = json_array_size(json_object_get(section, "lower"));
    size_t least = (inputs[on].posteriors ? gate->clusters : 0) + inputs[on].features;
    if (columns < least || (!inputs[on].features && columns > least))
        return mele_i_fail(error, MELE_EDATA, "\"lower\" has %zu numbers, which do not fit a gate "
                           "of %zu clusters on %s", columns, gate->clusters, name);
    if (json_array_size(json_object_get(section, "intercept")) != gate->clusters)
        return mele_i_fail(error, MELE_EDATA, "\"intercept\" is not an array of %zu numbers",
                           gate->clusters);
    status = mele_i_json_check_sizes(section, "coefficients", gate->clusters, columns, error);
    if (status != MELE_OK)
        return status;
    return make_room(gate, &inputs[on], columns) ? MELE_OK : mele_i_no_memory(error);
}

static mele_status read_limits(const json_t *section, mele_gate *gate, double *room,
                               mele_error *error)
{
    size_t columns = gate->columns;
    double *lower = room, *upper = room + columns;
    mele_status status = mele_i_json_get_numbers(section, "lower", lower, columns, error);

    if (status == MELE_OK)
        status = mele_i_json_get_numbers(section, "upper", upper, columns, error);
    for (size_t j = 0; j < columns && status == MELE_OK; j++) {
        if (lower[j] > upper[j])
            status = mele_i_fail(error, MELE_EDATA, "\"lower\" is above \"upper\" in column %zu",
                                 j + 1);
        gate->column[j] = (mele_i_gate_column){lower[j], upper[j], 0, 1};
    }
    return status;
}

static mele_status read_coefficients(const json_t *section, mele_gate *gate, double *room,
                                     mele_error *error)
{
    size_t columns = gate->columns, clusters = gate->clusters;
    double *intercept = room, *rows = room + clusters;
    mele_status status = mele_i_json_get_numbers(section, "intercept", intercept, clusters, error);

    if (status == MELE_OK)
        status = mele_i_json_get_matrix(section, "coefficients", rows, clusters, columns, error);
    for (size_t k = 0; k < clusters && status == MELE_OK; k++) {
        double *row = gate->coefficients + k * (1 + columns);
        row[0] = intercept[k];
        memcpy(row + 1, rows + k * columns, columns * sizeof *rows);
    }
    return status;
}

static mele_status load_softmax(const json_t *section, mele_gate *gate, mele_error *error)
{
    mele_status status = mele_i_json_keys(
        section, "gate", "kind,clusters,on,temperature,intercept,coefficients,lower,upper", error);

    if (status == MELE_OK)
        status = read_temperature(section, gate, error);
    if (status == MELE_OK)
        status = read_shape(section, gate, error);
    if (status != MELE_OK)
        return status;
    double *room = mele_i_array(2 + gate->clusters, (1 + gate->columns) * sizeof *room);
    if (room == NULL)
        return mele_i_no_memory(error);
    status = read_limits(section, gate, room, error);
    if (status == MELE_OK)
        status = read_coefficients(section, gate, room, error);
    free(room);
    return status;
}

const mele_i_gate_kind mele_i_gate_hard = {
    "hard", false, false, fit_nothing, hard_log_weights, save_nothing, load_nothing};
const mele_i_gate_kind mele_i_gate_posterior = {
    "posterior", false, false, fit_nothing, parametric_log_weights, save_nothing, load_nothing};
const mele_i_gate_kind mele_i_gate_temperature = {
    "temperature", true, false, fit_temperature, parametric_log_weights, save_temperature,
    load_temperature};
const mele_i_gate_kind mele_i_gate_softmax = {
    "softmax", true, true, fit_softmax, parametric_log_weights, save_softmax, load_softmax};
