#ifndef MELE_GATE_SOFTMAX_SOFTMAX_H
#define MELE_GATE_SOFTMAX_SOFTMAX_H

#include "gate/kind.h"

/* How a column of z comes from its raw value:
 * (min(max(raw, lower), upper) - centre) * factor. */
typedef struct mele_i_gate_column {
    double lower, upper, centre, factor;
} mele_i_gate_column;

/* The state of the kinds posterior, temperature and softmax. */
typedef struct mele_i_softmax {
    size_t clusters;
    double temperature;          /* t >= 0; 0: log p is left out of the logits */
    const mele_i_gate_input *on; /* what V sees; NULL: there is no V and no b */
    size_t features;             /* d; 0 unless V sees them */
    size_t columns;              /* of z; 0: no V and no b */
    mele_i_gate_column *column;  /* columns */
    double *coefficients;        /* K x (1 + columns): b_k, then row k of V */
} mele_i_softmax;

/* The rows' columns of z, count x columns (columns.c). */
void mele_i_softmax_fill(const mele_i_softmax *state, const mele_i_gate_rows *rows, double *z);

/* Set the limits, centres and factors of the columns of z from the training rows. */
mele_status mele_i_softmax_standardise(mele_i_softmax *state, unsigned needs,
                                       const mele_i_gate_training *training, mele_error *error);

/* The columns' centres and factors go into V and b, which then apply to z in its own units. */
void mele_i_softmax_fold(mele_i_softmax *state);

/* ---- the model file (section.c) ---- */

bool mele_i_softmax_save(const mele_i_softmax *state, json_t *section);
mele_status mele_i_softmax_load(const json_t *section, size_t clusters, mele_i_softmax **out,
                                mele_error *error);

/* "temperature", a number from 0. */
mele_status mele_i_softmax_read_temperature(const json_t *section, double *out, mele_error *error);

/* A state with room for so many columns of what V sees (NULL: there is no V), V and b 0. NULL: no
 * memory. */
mele_i_softmax *mele_i_softmax_new(size_t clusters, const mele_i_gate_input *on, size_t columns);
void mele_i_softmax_free(void *state);

#endif
