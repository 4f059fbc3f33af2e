#ifndef MELE_SCHEMA_SPACE_H
#define MELE_SCHEMA_SPACE_H

#include "schema/encode.h"

/* The space that stage 1 clusters in: some design columns under a scaling of their own and, for
 * --cluster-on xy, the targets after them, times a weight. */
typedef struct mele_i_space {
    size_t columns; /* of x */
    size_t *column; /* which design columns */
    mele_i_scaling scaling; /* of all design columns */
    size_t target_columns;  /* 0: x only; else one a target, or one indicator a class */
    mele_i_scaling target_scaling;
    double target_weight;
} mele_i_space;

/* Build the space of some rows.
 * `on` is "x", "xy", or a comma separated list of features. targets: rows x m, NULL without. */
mele_status mele_i_space_fit(const mele_schema *schema, const mele_i_features *features,
                             const double *targets, const double *weights, const char *on,
                             const char *scale, double target_weight, mele_engine *engine,
                             mele_i_space *out, mele_error *error);
void mele_i_space_clear(mele_i_space *space);

/* Whether the x part is the design matrix under this scaling itself. */
bool mele_i_space_is_design(const mele_i_space *space, const mele_i_scaling *design);

/* Coordinates of rows: rows x (columns + target_columns) to out; with targets NULL only the
 * x part, rows x columns. means: of the design columns, what missing values become. */
mele_status mele_i_space_encode(const mele_i_space *space, const mele_schema *schema,
                                const double *means, const mele_i_features *features,
                                const double *targets, mele_engine *engine, double *out,
                                mele_error *error);

json_t *mele_i_space_save(const mele_i_space *space);
mele_status mele_i_space_load(const json_t *object, const mele_schema *schema, mele_i_space *out,
                              mele_error *error);

#endif
