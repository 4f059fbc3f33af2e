#ifndef MELE_SCHEMA_SPACE_H
#define MELE_SCHEMA_SPACE_H

#include <mele/rows.h>

#include "schema/selection.h"

/* The space that stage 1 clusters in: some design columns under a scaling of their own and, for
 * --cluster-on xy, the targets after them, times a weight. */
typedef struct mele_i_space {
    size_t columns; /* of x */
    size_t *column; /* which design columns */
    mele_i_scaling scaling; /* of all design columns */
    mele_i_selection sees;  /* the features that these columns are all of; none: see all */
    size_t target_columns;  /* 0: x only; else one a target, or one indicator a class */
    mele_i_scaling target_scaling;
    double target_weight;
} mele_i_space;

/* The design columns that `on` (as below) chooses, ascending; free(*column). Untouched on error. */
mele_status mele_i_space_choose(const mele_schema *schema, const char *on, size_t **column,
                                size_t *columns, mele_error *error);

/* What a space is built of, besides the design columns. */
typedef struct mele_i_space_plan {
    const char *on; /* "x", "xy", or a comma separated list of features */
    const char *scale;
    double target_weight;
    size_t rows;
    const double *targets; /* rows x m; NULL without */
    const double *weights; /* rows; NULL: all 1 */
    bool varies; /* without columns that are constant, unless there are no others */
} mele_i_space_plan;

/* Build the space of some rows, whose design columns the summary describes. */
mele_status mele_i_space_fit(const mele_schema *schema, const mele_i_summary *summary,
                             const mele_i_space_plan *plan, mele_engine *engine,
                             mele_i_space *out, mele_error *error);
void mele_i_space_clear(mele_i_space *space);

/* Whether the x part is the design matrix under this scaling itself. */
bool mele_i_space_is_design(const mele_i_space *space, const mele_i_scaling *design);

/* Rows in the space, as they are asked for. */
typedef struct mele_i_space_rows {
    const mele_i_space *space;
    const mele_schema *schema;
    const double *means; /* of the design columns, what missing values become; NULL: the centres */
    const mele_i_features *features;
    const double *targets; /* NULL: only the x part is wanted */
} mele_i_space_rows;

/* Coordinates of all rows: rows x (columns + target_columns) to out, without targets rows x
 * columns. */
mele_status mele_i_space_encode(const mele_i_space_rows *source, mele_engine *engine, double *out,
                                mele_error *error);

/* The coordinates as rows: where they lie when the space takes values as they are (and they lie
 * as rows), else to be read. What is handed over must outlive the rows. */
mele_rows mele_i_space_rows_of(mele_i_space_rows *source);

/* A point of the space in the data's units, columns + target_columns numbers, scaled to out. */
void mele_i_space_scale(const mele_i_space *space, const double *point, double *out);

/* What a unit of a coordinate (of the columns, then of the targets) is in the data's units, and where
 * its 0 lies. */
double mele_i_space_unit(const mele_i_space *space, size_t c, double *center);

/* The same of all of them: as many centres, then as many units; free(*out). Untouched on error. */
mele_status mele_i_space_units(const mele_i_space *space, double **out, mele_error *error);

json_t *mele_i_space_save(const mele_i_space *space);
mele_status mele_i_space_load(const json_t *object, const mele_schema *schema, mele_i_space *out,
                              mele_error *error);

#endif
