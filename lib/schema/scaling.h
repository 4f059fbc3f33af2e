#ifndef MELE_SCHEMA_SCALING_H
#define MELE_SCHEMA_SCALING_H

#include <jansson.h>
#include <stdbool.h>

#include <mele/status.h>

/* z = (value - center) / scale for each design column. */
typedef struct mele_i_scaling {
    size_t columns;
    double *center, *scale;
} mele_i_scaling;

typedef enum mele_i_scale_kind {
    MELE_I_SCALE_STANDARD, /* weighted mean and standard deviation */
    MELE_I_SCALE_MINMAX,   /* least value and range */
    MELE_I_SCALE_NONE,     /* 0 and 1 */
    MELE_I_SCALE_TARGET    /* standard, constants in the unit of their rounding; not among the names */
} mele_i_scale_kind;

/* The kind by its name in options; false when there is none such. */
bool mele_i_scale_kind_named(const char *name, mele_i_scale_kind *out);

/* The name of the i-th; NULL past the last. */
const char *mele_i_scale_kind_at(size_t i);

mele_status mele_i_scaling_new(size_t columns, mele_i_scaling *out, mele_error *error);
void mele_i_scaling_clear(mele_i_scaling *scaling);

/* What every scaling is made of, of each column: the extremes, the mean, and the root of the mean
 * square of the deviations from it. Missing values and rows of weight 0 are left out; a column
 * without others has low > high. */
typedef struct mele_i_summary {
    size_t columns;
    double *low, *high, *mean, *deviation; /* free(low) */
} mele_i_summary;

void mele_i_summary_clear(mele_i_summary *summary);

/* Whether a column is constant but for rounding, or has no values. */
bool mele_i_summary_is_constant(const mele_i_summary *summary, size_t column);

/* A scaling from a summary. A column that is constant is centred on its value with scale 1; one
 * that is constant but for rounding (core/magnitude.h) on its least value, with its size, at least 1,
 * for the scale. A target: on its least value, with mele_i_constant_unit(). */
mele_status mele_i_scaling_of(const mele_i_summary *summary, mele_i_scale_kind kind,
                              mele_i_scaling *out, mele_error *error);

/* Whether values stay as they are. */
bool mele_i_scales_nothing(const mele_i_scaling *scaling);

json_t *mele_i_scaling_save(const mele_i_scaling *scaling);
mele_status mele_i_scaling_load(const json_t *object, size_t columns, mele_i_scaling *out,
                                mele_error *error);

#endif
