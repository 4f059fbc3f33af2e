/* The softmax gate in a model file. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "gate/softmax/softmax.h"

mele_status mele_i_softmax_read_temperature(const json_t *section, double *out, mele_error *error)
{
    mele_status status = mele_i_json_get_number(section, "temperature", out, error);

    if (status == MELE_OK && !(*out >= 0))
        status = mele_i_fail(error, MELE_EDATA, "\"temperature\" is %g, not >= 0", *out);
    return status;
}

/* Numbers that lie apart in memory: every stride-th number. */
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

static json_t *coefficient_rows(const mele_i_softmax *state)
{
    json_t *rows = json_array();

    for (size_t k = 0; k < state->clusters && rows != NULL; k++) {
        const double *row = state->coefficients + k * (1 + state->columns) + 1;
        if (json_array_append_new(rows, mele_i_json_numbers(row, state->columns)) != 0) {
            json_decref(rows);
            rows = NULL;
        }
    }
    return rows;
}

bool mele_i_softmax_save(const mele_i_softmax *state, json_t *section)
{
    const size_t size = sizeof *state->column / sizeof(double);

    return mele_i_json_put(section, "on", json_string(state->on->name))
           && mele_i_json_put(section, "temperature", json_real(state->temperature))
           && mele_i_json_put(section, "intercept", spaced_numbers(state->coefficients,
                              state->clusters, 1 + state->columns))
           && mele_i_json_put(section, "coefficients", coefficient_rows(state))
           && mele_i_json_put(section, "lower",
                              spaced_numbers(&state->column->lower, state->columns, size))
           && mele_i_json_put(section, "upper",
                              spaced_numbers(&state->column->upper, state->columns, size));
}

/* The number of columns is that of the limits; everything else must agree with it. */
static mele_status read_shape(const json_t *section, size_t clusters,
                              const mele_i_gate_input **on, size_t *columns, mele_error *error)
{
    const char *name;
    mele_status status = mele_i_json_get_string(section, "on", &name, error);

    if (status != MELE_OK)
        return status;
    if ((*on = mele_i_gate_input_find(name)) == NULL)
        return mele_i_fail(error, MELE_EDATA, "the gate is on \"%s\", which is unknown", name);
    *columns = json_array_size(json_object_get(section, "lower"));
    const size_t least = ((*on)->posteriors ? clusters : 0) + (*on)->features;
    if (*columns < least || (!(*on)->features && *columns > least))
        return mele_i_fail(error, MELE_EDATA, "\"lower\" has %zu numbers, which do not fit a gate "
                           "of %zu clusters on %s", *columns, clusters, name);
    if (json_array_size(json_object_get(section, "intercept")) != clusters)
        return mele_i_fail(error, MELE_EDATA, "\"intercept\" is not an array of %zu numbers",
                           clusters);
    return mele_i_json_check_sizes(section, "coefficients", clusters, *columns, error);
}

static mele_status read_limits(const json_t *section, mele_i_softmax *state, double *room,
                               mele_error *error)
{
    size_t columns = state->columns;
    double *lower = room, *upper = room + columns;
    mele_status status = mele_i_json_get_numbers(section, "lower", lower, columns, error);

    if (status == MELE_OK)
        status = mele_i_json_get_numbers(section, "upper", upper, columns, error);
    for (size_t j = 0; j < columns && status == MELE_OK; j++) {
        if (lower[j] > upper[j])
            status = mele_i_fail(error, MELE_EDATA, "\"lower\" is above \"upper\" in column %zu",
                                 j + 1);
        state->column[j] = (mele_i_gate_column){lower[j], upper[j], 0, 1};
    }
    return status;
}

static mele_status read_coefficients(const json_t *section, mele_i_softmax *state, double *room,
                                     mele_error *error)
{
    size_t columns = state->columns, clusters = state->clusters;
    double *intercept = room, *rows = room + clusters;
    mele_status status = mele_i_json_get_numbers(section, "intercept", intercept, clusters, error);

    if (status == MELE_OK)
        status = mele_i_json_get_matrix(section, "coefficients", rows, clusters, columns, error);
    for (size_t k = 0; k < clusters && status == MELE_OK; k++) {
        double *row = state->coefficients + k * (1 + columns);
        row[0] = intercept[k];
        memcpy(row + 1, rows + k * columns, columns * sizeof *rows);
    }
    return status;
}

static mele_status read_numbers(const json_t *section, mele_i_softmax *state, mele_error *error)
{
    double *room = mele_i_array(2 + state->clusters, (1 + state->columns) * sizeof *room);

    if (room == NULL)
        return mele_i_no_memory(error);
    mele_status status = read_limits(section, state, room, error);
    if (status == MELE_OK)
        status = read_coefficients(section, state, room, error);
    free(room);
    return status;
}

mele_status mele_i_softmax_load(const json_t *section, size_t clusters, mele_i_softmax **out,
                                mele_error *error)
{
    double temperature = 0;
    size_t columns = 0;
    const mele_i_gate_input *on = NULL;
    mele_status status = mele_i_json_keys(
        section, "gate", "kind,clusters,on,temperature,intercept,coefficients,lower,upper", error);

    if (status == MELE_OK)
        status = mele_i_softmax_read_temperature(section, &temperature, error);
    if (status == MELE_OK)
        status = read_shape(section, clusters, &on, &columns, error);
    if (status != MELE_OK)
        return status;
    mele_i_softmax *state = mele_i_softmax_new(clusters, on, columns);
    if (state == NULL)
        return mele_i_no_memory(error);
    state->temperature = temperature;
    status = read_numbers(section, state, error);
    if (status != MELE_OK)
        mele_i_softmax_free(state);
    else
        *out = state;
    return status;
}
