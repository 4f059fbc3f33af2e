/* How design columns are scaled.
 *
 * Standard scaling: z = (v - m) / s with the weighted mean m and the weighted standard deviation s.
 *
 * A column that is constant but for rounding is centred on its least value; it stays in its units,
 * or, where it is larger than 1, is taken relative to its size, so that what rounding leaves of it is
 * next to nothing beside other columns. The unit of a target that is constant is that of its rounding, since
 * least variances are told in units. */
#include "schema/scaling.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/magnitude.h"
#include "core/memory.h"

const char *mele_i_scale_kind_at(size_t i)
{
    static const char *const names[] = {"standard", "minmax", "none"};

    return i < sizeof names / sizeof *names ? names[i] : NULL;
}

bool mele_i_scale_kind_named(const char *name, mele_i_scale_kind *out)
{
    for (size_t i = 0; mele_i_scale_kind_at(i) != NULL; i++)
        if (strcmp(name, mele_i_scale_kind_at(i)) == 0) {
            *out = (mele_i_scale_kind)i;
            return true;
        }
    return false;
}

mele_status mele_i_scaling_new(size_t columns, mele_i_scaling *out, mele_error *error)
{
    mele_i_scaling scaling = {columns, MELE_I_ZEROED(double, columns),
                              MELE_I_ARRAY(double, columns)};

    if (scaling.center == NULL || scaling.scale == NULL) {
        mele_i_scaling_clear(&scaling);
        return mele_i_no_memory(error);
    }
    for (size_t j = 0; j < columns; j++)
        scaling.scale[j] = 1;
    *out = scaling;
    return MELE_OK;
}

void mele_i_scaling_clear(mele_i_scaling *scaling)
{
    free(scaling->center);
    free(scaling->scale);
    memset(scaling, 0, sizeof *scaling);
}

/* ---- made of a summary ---- */

void mele_i_summary_clear(mele_i_summary *summary)
{
    free(summary->low);
    memset(summary, 0, sizeof *summary);
}

bool mele_i_summary_is_constant(const mele_i_summary *summary, size_t column)
{
    return mele_i_is_constant((mele_i_origin){NULL, NULL}, column, summary->low[column],
                              summary->high[column]);
}

static double constant_unit(mele_i_scale_kind kind, double low, double high)
{
    const double size = fmax(fabs(low), fabs(high));

    if (kind == MELE_I_SCALE_TARGET)
        return mele_i_constant_unit(size);
    return low == high ? 1 : fmax(1, size);
}

static void scale_column(const mele_i_summary *summary, size_t j, mele_i_scale_kind kind,
                         double *center, double *scale)
{
    double low = summary->low[j], high = summary->high[j];

    if (kind == MELE_I_SCALE_NONE || low > high)
        return;
    *center = low;
    if (mele_i_summary_is_constant(summary, j)) {
        *scale = constant_unit(kind, low, high);
        return;
    }
    if (kind == MELE_I_SCALE_MINMAX) {
        *scale = fmin(high - low, DBL_MAX);
    } else {
        *center = summary->mean[j];
        *scale = summary->deviation[j];
    }
    if (!(*scale > 0))
        *scale = 1;
}

mele_status mele_i_scaling_of(const mele_i_summary *summary, mele_i_scale_kind kind,
                              mele_i_scaling *out, mele_error *error)
{
    mele_i_scaling scaling;
    mele_status status = mele_i_scaling_new(summary->columns, &scaling, error);

    if (status != MELE_OK)
        return status;
    for (size_t j = 0; j < summary->columns; j++)
        scale_column(summary, j, kind, &scaling.center[j], &scaling.scale[j]);
    *out = scaling;
    return MELE_OK;
}

bool mele_i_scales_nothing(const mele_i_scaling *scaling)
{
    bool found = true;

    for (size_t j = 0; j < scaling->columns && found; j++)
        found = scaling->center[j] == 0 && scaling->scale[j] == 1;
    return found;
}

/* ---- the model's section ---- */

json_t *mele_i_scaling_save(const mele_i_scaling *scaling)
{
    json_t *object = json_object();

    if (mele_i_json_put(object, "center", mele_i_json_numbers(scaling->center, scaling->columns))
        && mele_i_json_put(object, "scale", mele_i_json_numbers(scaling->scale, scaling->columns)))
        return object;
    json_decref(object);
    return NULL;
}

mele_status mele_i_scaling_load(const json_t *object, size_t columns, mele_i_scaling *out,
                                mele_error *error)
{
    mele_i_scaling scaling;
    mele_status status = mele_i_json_keys(object, "a scaling", "center,scale", error);

    if (status == MELE_OK)
        status = mele_i_json_check_size(object, "center", columns, error);
    if (status == MELE_OK)
        status = mele_i_scaling_new(columns, &scaling, error);
    if (status != MELE_OK)
        return status;
    status = mele_i_json_get_numbers(object, "center", scaling.center, columns, error);
    if (status == MELE_OK)
        status = mele_i_json_get_numbers(object, "scale", scaling.scale, columns, error);
    for (size_t j = 0; j < columns && status == MELE_OK; j++)
        if (!(scaling.scale[j] > 0))
            status = mele_i_fail(error, MELE_EDATA, "\"scale\" holds %g: not above 0",
                                 scaling.scale[j]);
    if (status != MELE_OK)
        mele_i_scaling_clear(&scaling);
    else
        *out = scaling;
    return status;
}
