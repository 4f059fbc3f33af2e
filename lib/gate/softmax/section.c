/* The softmax gate in a model file. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "gate/softmax/softmax.h"

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

static json_t *coefficient_rows(const double *coefficients, size_t forms, size_t columns)
{
    json_t *rows = json_array();

    for (size_t k = 0; k < forms && rows != NULL; k++) {
        const double *row = coefficients + k * (1 + columns) + 1;
        if (json_array_append_new(rows, mele_i_json_numbers(row, columns)) != 0) {
            json_decref(rows);
            rows = NULL;
        }
    }
    return rows;
}

bool mele_i_softmax_save_forms(const double *coefficients, size_t forms, size_t columns,
                               json_t *section)
{
    return mele_i_json_put(section, "intercept", spaced_numbers(coefficients, forms, 1 + columns))
           && mele_i_json_put(section, "coefficients", coefficient_rows(coefficients, forms, columns));
}

bool mele_i_softmax_save(const mele_i_softmax *state, json_t *section)
{
    return mele_i_json_put(section, "on", json_string(state->z.on->name))
           && mele_i_json_put(section, "temperature", json_real(state->temperature))
           && mele_i_softmax_save_forms(state->coefficients, state->clusters, state->z.count, section)
           && mele_i_gate_columns_save(&state->z, section);
}

mele_status mele_i_softmax_check_forms(const json_t *section, size_t forms, size_t columns,
                                       mele_error *error)
{
    if (json_array_size(json_object_get(section, "intercept")) != forms)
        return mele_i_fail(error, MELE_EDATA, "\"intercept\" is not an array of %zu numbers", forms);
    return mele_i_json_check_sizes(section, "coefficients", forms, columns, error);
}

static mele_status read_forms(const json_t *section, size_t forms, size_t columns, double *room,
                              double *out, mele_error *error)
{
    double *intercept = room, *rows = room + forms;
    mele_status status = mele_i_json_get_numbers(section, "intercept", intercept, forms, error);

    if (status == MELE_OK)
        status = mele_i_json_get_matrix(section, "coefficients", rows, forms, columns, error);
    for (size_t k = 0; k < forms && status == MELE_OK; k++) {
        double *row = out + k * (1 + columns);
        row[0] = intercept[k];
        memcpy(row + 1, rows + k * columns, columns * sizeof *rows);
    }
    return status;
}

mele_status mele_i_softmax_load_forms(const json_t *section, size_t forms, size_t columns, double *out,
                                      mele_error *error)
{
    double *room = mele_i_array(forms, (1 + columns) * sizeof *room);

    if (room == NULL)
        return mele_i_no_memory(error);
    const mele_status status = read_forms(section, forms, columns, room, out, error);
    free(room);
    return status;
}

/* The number of columns is that of the limits; everything else must agree with it. */
static mele_status read_shape(const json_t *section, size_t clusters,
                              const mele_i_gate_input **on, size_t *columns, mele_error *error)
{
    mele_status status = mele_i_gate_columns_read_shape(section, clusters, on, columns, error);

    return status == MELE_OK ? mele_i_softmax_check_forms(section, clusters, *columns, error) : status;
}

static mele_status read_numbers(const json_t *section, mele_i_softmax *state, mele_error *error)
{
    mele_status status = mele_i_gate_columns_load(section, &state->z, error);

    return status == MELE_OK ? mele_i_softmax_load_forms(section, state->clusters, state->z.count,
                                                         state->coefficients, error)
                             : status;
}

mele_status mele_i_softmax_load(const json_t *section, size_t clusters, const char *keys,
                                mele_i_softmax **out, mele_error *error)
{
    double temperature = 0;
    size_t columns = 0;
    const mele_i_gate_input *on = NULL;
    mele_status status = mele_i_json_keys(section, "gate", keys, error);

    if (status == MELE_OK)
        status = mele_i_gate_read_temperature(section, &temperature, error);
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
