#ifndef MELE_EXPERT_MLP_STATE_H
#define MELE_EXPERT_MLP_STATE_H

#include "expert/kind.h"
#include "engine/network.h"

/* A trained network, or the average of several: outputs shift + unit f(z) of z = (x - centre) /
 * scale; of classes the logits, whose average is that of the log-probabilities but for a
 * constant. */
typedef struct mele_i_mlp {
    mele_i_shared shared;
    mele_i_network network;
    size_t networks, count;  /* networks; weights of one */
    const char *trainer;     /* what trained it */
    double *centre, *scale;  /* inputs */
    double *shift, *unit;    /* outputs; classes: 0 and 1 */
    double *weights;         /* networks x count */
} mele_i_mlp;

/* Room for one; NULL: no memory. Freed with mele_i_mlp_free(). */
mele_i_mlp *mele_i_mlp_make(const mele_i_network *network, size_t networks);
void mele_i_mlp_free(void *state);
bool mele_i_mlp_equal(const void *state, const void *other, const mele_i_expert_shape *shape);

/* z of rows, clamped to what sums can take; without gaps. */
void mele_i_mlp_standardise(const mele_i_mlp *mlp, const double *x, size_t stride, size_t rows,
                            double *z);

/* Bytes of scratch that predicting takes, however many rows. */
size_t mele_i_mlp_scratch(const void *state);

/* Means, or log-probabilities, out_stride from a row to the next; variances stay as they are. */
void mele_i_mlp_predict(const void *state, const mele_matrix *x, double *mean, double *variance,
                        size_t out_stride, void *scratch);

#define MELE_I_MLP_KEYS                                                                            \
    ",hidden,activation,trainer,networks,centre,scale,shift,unit,hidden_weights,output_weights"

bool mele_i_mlp_save(const mele_i_mlp *mlp, json_t *object);

/* MELE_EDATA: keys, sizes, numbers out of range. */
mele_status mele_i_mlp_load(const json_t *object, const mele_i_expert_shape *shape,
                            mele_i_mlp **out, mele_error *error);

/* kind->train(); its method is told in train.c. */
mele_status mele_i_mlp_train(const mele_i_expert_rows *rows, const mele_i_expert_shape *shape,
                             const mele_expert_options *options, const mele_i_expert *start,
                             mele_engine *engine, mele_i_expert_result *result,
                             mele_error *error);

#endif
