#ifndef MELE_GATE_MLP_MLP_H
#define MELE_GATE_MLP_MLP_H

#include "engine/network.h"
#include "gate/columns.h"

/* The state of the kind mlp. */
typedef struct mele_i_gate_network {
    double temperature;     /* t >= 0; 0: log p is left out of the logits */
    mele_i_gate_columns z;  /* what the network sees */
    mele_i_network network; /* z.count inputs, K outputs */
    size_t count;           /* weights */
    double *weights;
} mele_i_gate_network;

/* A state with room for a network of so many columns and hidden units, t = 1 and weights 0. NULL: no
 * memory. */
mele_i_gate_network *mele_i_gate_network_new(size_t clusters, const mele_i_gate_input *on,
                                             size_t columns, size_t hidden);
void mele_i_gate_network_free(void *state);

/* kind->train() (train.c). */
mele_status mele_i_gate_network_train(mele_gate *gate, const mele_i_gate_training *training,
                                      mele_gate_info *info, mele_error *error);

/* ---- the model file (section.c) ---- */

bool mele_i_gate_network_save(const mele_i_gate_network *state, json_t *section);
mele_status mele_i_gate_network_load(const json_t *section, size_t clusters,
                                     mele_i_gate_network **out, mele_error *error);

#endif
