/* What trained gates have in common in a model file: the columns of z, and the temperature. */
#include <stdlib.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "gate/columns.h"

mele_status mele_i_gate_read_temperature(const json_t *section, double *out, mele_error *error)
{
    mele_status status = mele_i_json_get_number(section, "temperature", out, error);

    if (status == MELE_OK && !(*out >= 0))
        status = mele_i_fail(error, MELE_EDATA, "\"temperature\" is %g, not >= 0", *out);
    return status;
}

static json_t *limits(const mele_i_gate_columns *columns, bool upper)
{
    json_t *array = json_array();

    for (size_t j = 0; j < columns->count && array != NULL; j++) {
        const mele_i_gate_column *column = &columns->column[j];
        if (json_array_append_new(array, json_real(upper ? column->upper : column->lower)) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

bool mele_i_gate_columns_save(const mele_i_gate_columns *columns, json_t *section)
{
    return mele_i_json_put(section, "lower", limits(columns, false))
           && mele_i_json_put(section, "upper", limits(columns, true));
}

mele_status mele_i_gate_columns_read_shape(const json_t *section, size_t clusters,
                                           const mele_i_gate_input **on, size_t *count,
                                           mele_error *error)
{
    const char *name;
    mele_status status = mele_i_json_get_string(section, "on", &name, error);

    if (status != MELE_OK)
        return status;
    if ((*on = mele_i_gate_input_find(name)) == NULL)
        return mele_i_fail(error, MELE_EDATA, "the gate is on \"%s\", which is unknown", name);
    *count = json_array_size(json_object_get(section, "lower"));
    const size_t least = ((*on)->posteriors ? clusters : 0) + (*on)->features;
    if (*count < least || (!(*on)->features && *count > least))
        return mele_i_fail(error, MELE_EDATA, "\"lower\" has %zu numbers, which do not fit a gate "
                           "of %zu clusters on %s", *count, clusters, name);
    return MELE_OK;
}

static mele_status read_limits(const json_t *section, mele_i_gate_columns *columns, double *room,
                               mele_error *error)
{
    const size_t count = columns->count;
    double *lower = room, *upper = room + count;
    mele_status status = mele_i_json_get_numbers(section, "lower", lower, count, error);

    if (status == MELE_OK)
        status = mele_i_json_get_numbers(section, "upper", upper, count, error);
    for (size_t j = 0; j < count && status == MELE_OK; j++) {
        if (lower[j] > upper[j])
            status = mele_i_fail(error, MELE_EDATA, "\"lower\" is above \"upper\" in column %zu",
                                 j + 1);
        columns->column[j] = (mele_i_gate_column){lower[j], upper[j], 0, 1};
    }
    return status;
}

mele_status mele_i_gate_columns_load(const json_t *section, mele_i_gate_columns *columns,
                                     mele_error *error)
{
    double *room = MELE_I_ARRAY(double, 2 * columns->count);

    if (room == NULL)
        return mele_i_no_memory(error);
    const mele_status status = read_limits(section, columns, room, error);
    free(room);
    return status;
}
