#ifndef MELE_FIT_GATE_ROWS_H
#define MELE_FIT_GATE_ROWS_H

#include "fit/run.h"
#include "measure/draw.h"

/* The rows that a gate is trained on: all of a run, or a sample of them, which is then a run of its own.
 * It points into itself and to the run. */
typedef struct mele_i_gate_rows_of {
    mele_i_drawn sample; /* which of the run's; none: all */
    mele_data *data;      /* of the sample */
    mele_i_run part;      /* over that, with the gate's ridge for so many rows */
    mele_i_run *run;      /* of the rows that the gate is trained on: the whole run, or the part */
} mele_i_gate_rows_of;

/* Draw them, for a gate of these options. in_regions: the regions of the rows are known, or can be
 * made, and each has to be in the sample. The sample depends on the seed, the options and the rows alone.
 * Cleared by mele_i_gate_rows_clear(), also after a failure. O(n). */
mele_status mele_i_gate_rows_draw(mele_i_run *run, const mele_gate_options *options, bool in_regions,
                                  mele_i_gate_rows_of *out, mele_error *error);
void mele_i_gate_rows_clear(mele_i_gate_rows_of *rows);

/* Once the run has left-out predictions: those of the sample to the part, unless it has them. Predictions
 * of experts that take long are made now and held. */
mele_status mele_i_gate_rows_hand_on(mele_i_gate_rows_of *rows, mele_i_run *run, mele_error *error);

#endif
