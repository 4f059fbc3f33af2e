#ifndef MELE_GATE_COLUMNS_H
#define MELE_GATE_COLUMNS_H

#include "gate/kind.h"

/* z, what trained gates see of a row beside t log p: log p | x | [log p, x], with two limits, so that
 * nothing is extrapolated: a log p below log 2^-52 (a posterior of zero, to rounding) enters z as
 * that, and every column is clipped to the range it had in the training rows of positive weight.
 * Training sees standardised columns; afterwards their centres and factors are folded into the
 * coefficients, which then apply to z in its own units. */

/* How a column comes from its raw value: (min(max(raw, lower), upper) - centre) * factor. */
typedef struct mele_i_gate_column {
    double lower, upper, centre, factor;
} mele_i_gate_column;

typedef struct mele_i_gate_columns {
    const mele_i_gate_input *on; /* NULL: nothing is seen, and count is 0 */
    size_t clusters;
    size_t features; /* d; 0 unless they are seen */
    size_t count;
    mele_i_gate_column *column; /* count */
} mele_i_gate_columns;

/* Those of a gate that is to be trained on these data. */
size_t mele_i_gate_columns_count(const mele_i_gate_input *on, const mele_gate_data *data);

/* Room for so many columns, which must be at least the clusters where posteriors are seen. false: no
 * memory. */
bool mele_i_gate_columns_make(mele_i_gate_columns *columns, const mele_i_gate_input *on,
                              size_t clusters, size_t count);
void mele_i_gate_columns_clear(mele_i_gate_columns *columns);

/* A gate that sees them beside t log p, of this t, needs what they are made of. */
void mele_i_gate_columns_ask(const mele_i_gate_columns *columns, double temperature, mele_gate *gate);

/* Whether log p is left out of the logits of a gate that sees them and is to be trained on these
 * data (t = 0). */
bool mele_i_gate_columns_alone(const mele_i_gate_columns *columns,
                               const mele_i_gate_training *training);

/* The rows' z, rows->count x count. */
void mele_i_gate_columns_fill(const mele_i_gate_columns *columns, const mele_i_gate_rows *rows,
                              double *z);

/* Set the limits, centres and factors from the training rows; needs: the gate's. */
mele_status mele_i_gate_columns_standardise(mele_i_gate_columns *columns, unsigned needs,
                                            const mele_i_gate_training *training,
                                            mele_error *error);

/* The centres and factors go into the coefficients of linear forms of z: forms x (1 + count), the
 * constant first. */
void mele_i_gate_columns_fold(mele_i_gate_columns *columns, double *coefficients, size_t forms);

/* The way back: coefficients of z in its own units, for training, become those of the columns as they
 * stand. */
void mele_i_gate_columns_unfold(const mele_i_gate_columns *columns, double *coefficients, size_t forms);

/* ---- the model file (columns_section.c) ---- */

/* The keys "lower" and "upper". */
bool mele_i_gate_columns_save(const mele_i_gate_columns *columns, json_t *section);

/* What they see and how many they are, from the keys "on" and "lower", before memory is taken. */
mele_status mele_i_gate_columns_read_shape(const json_t *section, size_t clusters,
                                           const mele_i_gate_input **on, size_t *count,
                                           mele_error *error);

/* Limits of columns for which there is room. */
mele_status mele_i_gate_columns_load(const json_t *section, mele_i_gate_columns *columns,
                                     mele_error *error);

/* "temperature", a number from 0. */
mele_status mele_i_gate_read_temperature(const json_t *section, double *out, mele_error *error);

#endif
