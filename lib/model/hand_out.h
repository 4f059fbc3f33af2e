#ifndef MELE_MODEL_HAND_OUT_H
#define MELE_MODEL_HAND_OUT_H

#include <mele/predict.h>

#include "engine/pass.h"
#include "model/model.h"

/* What is asked of many rows, what is found of a block of them, how its rows are handed out. */

/* Variances, or their roots: of the blend, and of experts. */
static inline bool mele_i_wants_variances(const mele_prediction *out)
{
    return out->variance_within != NULL || out->variance_between != NULL || out->sd != NULL
           || out->sd_within != NULL || out->sd_between != NULL;
}

static inline bool mele_i_wants_expert_variances(const mele_prediction *out)
{
    return out->expert_variance != NULL || out->expert_sd != NULL;
}

static inline bool mele_i_wants_experts(const mele_prediction *out)
{
    return out->expert_mean != NULL || mele_i_wants_expert_variances(out);
}

static inline bool mele_i_wants_densities(const mele_prediction *out)
{
    return out->log_density != NULL || out->joint_log_density != NULL;
}

/* What is asked, of which model and rows, and what that needs. */
typedef struct mele_i_request {
    const mele_model *model;
    const mele_i_features *features;
    const double *given;
    const mele_prediction *out;
    bool need_posteriors, need_densities, need_gate, need_experts, need_variances,
        need_blend;
    bool by_weight; /* experts are asked only where they have weight */
    bool faint;     /* a weight whose logarithm is finite counts, though it may be too small for a
                       double */
    size_t columns, space_columns, clusters, outputs, targets, classes;
    size_t blended; /* experts that are blended: K, or 1 where the global one predicts */
} mele_i_request;

/* What of a block experts say that are blended, with their weights: rows x K, and rows x K x M. */
typedef struct mele_i_blended {
    double *log_gate, *gate, *mean, *variance;
    double *probability; /* exp(mean): classes only */
} mele_i_blended;

/* Working memory of one block, and what has been found of its rows. */
typedef struct mele_i_reply {
    const double **column;
    double *value; /* of features that are in a file */
    mele_reason *reason;
    double *expert_design, *gate_design; /* where they are not parts of the next */
    double *design, *space, *log_posteriors, *log_densities, *log_gate, *gate, *mean, *variance;
    double *density, *row_density, *last; /* densities: rows x K, rows, 2 K */
    double *class; /* of one row: C probabilities */
    mele_i_blended blended; /* the experts' above, or the global expert's, of weight 1 */
    double *probability; /* exp(mean): classes only */
    bool *wanted;        /* rows x K: which experts are asked */
} mele_i_reply;

/* Blend the rows of a block and write them to what is wanted: NaN, and the reason, where a row has
 * no prediction. */
void mele_i_hand_out(const mele_i_request *c, const mele_i_reply *w, mele_i_block block);

#endif
