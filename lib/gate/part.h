#ifndef MELE_GATE_PART_H
#define MELE_GATE_PART_H

#include "gate/kind.h"

/* A part of the training rows, held in memory: every step-th. Its ridge is that of all rows in
 * proportion to the weight, so that its penalised mean loss is near that of all rows. */
typedef struct mele_i_gate_part {
    mele_i_gate_training training;
    mele_gate_data data;
    mele_gate_options options;
    double *memory, *weights;
} mele_i_gate_part;

/* needs: what of the data is looked at. Free with mele_i_gate_part_free(), also after a failure. The
 * weight of a part may be 0. */
mele_status mele_i_gate_part_make(mele_i_gate_part *part, const mele_i_gate_training *training,
                                  unsigned needs, size_t step, mele_error *error);
void mele_i_gate_part_free(mele_i_gate_part *part);

#endif
