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

/* Numbers of scratch for so many rows: z, then the panel, which those that go back find again; and that
 * panel. */
size_t mele_i_gate_network_scratch(const mele_i_gate_network *state, size_t rows);
mele_i_network_panel mele_i_gate_network_panel(const mele_i_gate_network *state, size_t rows,
                                               double *scratch);

/* kind->curvature_sums() and so on (curvature.c). */
size_t mele_i_gate_network_curvature_sums(const mele_gate *gate);
size_t mele_i_gate_network_curvature_scratch(const mele_gate *gate);
void mele_i_gate_network_curvature(const mele_gate *gate, const mele_i_gate_rows *rows,
                                   const double *second, double *scratch, double *room,
                                   double *sums);
void mele_i_gate_network_hessian(const mele_gate *gate, const double *sums, double *out);

/* kind->train() (train.c). */
mele_status mele_i_gate_network_train(mele_gate *gate, const mele_i_gate_training *training,
                                      mele_gate_info *info, mele_error *error);

/* ---- the model file (section.c) ---- */

bool mele_i_gate_network_save(const mele_i_gate_network *state, json_t *section);
mele_status mele_i_gate_network_load(const json_t *section, size_t clusters,
                                     mele_i_gate_network **out, mele_error *error);

#endif
