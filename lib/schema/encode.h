#ifndef MELE_SCHEMA_ENCODE_H
#define MELE_SCHEMA_ENCODE_H

#include <mele/rows.h>

#include "schema/scaling.h"
#include "schema/schema.h"
#include "schema/windows.h"

/* Rows of features as they lie in memory: value (i, j) is column[j][(row ? row[i] : i) * stride].
 * A number is itself; a category is the index of its level. NaN is missing; an infinity is, for a
 * category, a level the schema does not know, and for a number, itself. Or rows in a file, which are read
 * as such values: row i is then the used row (row ? row[i] : i). */
typedef struct mele_i_features {
    size_t rows;
    const double *const *column;
    size_t stride;
    const size_t *row; /* NULL: all rows in order */
    bool complete;     /* no value is known to be missing or infinite */
    const mele_i_windows *windows; /* not NULL: in a file; there are no column and stride */
} mele_i_features;

/* Summarise the design columns of rows; weights may be NULL. */
mele_status mele_i_summarise(const mele_schema *schema, const mele_i_features *features,
                             const double *weights, mele_engine *engine, mele_i_summary *out,
                             mele_error *error);

/* Both in one: the scaling of the design columns of rows. */
mele_status mele_i_scaling_fit(const mele_schema *schema, const mele_i_features *features,
                               const double *weights, mele_i_scale_kind kind, mele_engine *engine,
                               mele_i_scaling *out, mele_error *error);

/* The same for the columns of a plain matrix without missing values (targets). */
mele_status mele_i_scaling_fit_matrix(const mele_matrix *matrix, const double *weights,
                                      mele_i_scale_kind kind, mele_engine *engine,
                                      mele_i_scaling *out, mele_error *error);

/* Scale a matrix, rows x scaling->columns to out without gaps. */
void mele_i_scale_matrix(const mele_i_scaling *scaling, const mele_matrix *matrix, double *out);

/* The design matrix: rows x scaling->columns to out without gaps. Missing and infinite values
 * become fill[column] (before scaling; NULL: the scaling's centres): the caller decides before
 * whether it wants such rows. */
mele_status mele_i_encode(const mele_schema *schema, const mele_i_scaling *scaling,
                          const double *fill, const mele_i_features *features,
                          mele_engine *engine, double *out, mele_error *error);

/* Rows of the design matrix as they are asked for: parameters of mele_i_encode(). */
typedef struct mele_i_design_rows {
    const mele_schema *schema;
    const mele_i_scaling *scaling;
    const double *fill;
    const mele_i_features *features;
    const size_t *chosen; /* which of the features are those of the schema; NULL: all */
} mele_i_design_rows;

/* Some of them, on the calling thread. */
mele_status mele_i_encode_rows(const mele_i_design_rows *source, size_t first, size_t count,
                               double *out, mele_error *error);

/* As rows: where they lie when the scaling takes values as they are (and they lie as rows), else to
 * be read. What is handed over must outlive the rows. */
mele_rows mele_i_design_rows_of(mele_i_design_rows *source);

/* Rows of a plain matrix, scaled as mele_i_scale_matrix() does, as they are asked for. */
typedef struct mele_i_scaled_rows {
    const mele_i_scaling *scaling;
    mele_matrix matrix;
} mele_i_scaled_rows;

/* As mele_i_design_rows_of(). */
mele_rows mele_i_scaled_rows_of(mele_i_scaled_rows *scaled);

/* Whether all features are numbers that lie side by side in memory, row after row: they are then
 * unscaled design columns as they are, column[0] on, `stride` apart. */
bool mele_i_features_are_rows(const mele_schema *schema, const mele_i_features *features);

/* Whether all features are numbers that lie in columns in memory, and none is known to be missing. */
bool mele_i_features_are_columns(const mele_schema *schema, const mele_i_features *features);

#endif
