#ifndef MELE_EXPERT_MLP_FOLDS_H
#define MELE_EXPERT_MLP_FOLDS_H

#include "expert/mlp/starts.h"

/* Rows that are left out together. */
typedef struct mele_i_mlp_group {
    size_t fold;
    double off, weight; /* in a comparison */
} mele_i_mlp_group;

/* Left-out predictions by folds. */
typedef struct mele_i_mlp_folding {
    const mele_i_mlp_plan *plan;
    size_t count, *fold; /* of how many each row is in which, those that are asked for too; count 0: a
                            row, or a group, alone */
    mele_i_mlp_group *of_group; /* groups */
    mele_i_mlp *first;   /* of the first fold, networks in the order of starts; NULL: not fitted */
    const mele_i_mlp_run *runs; /* the networks kept */
    double *out;                /* (count + asked) x M */
} mele_i_mlp_folding;

/* Deal the rows to so many folds. Free it, also after a failure. */
mele_status mele_i_mlp_folding_make(mele_i_mlp_folding *folding, const mele_i_mlp_plan *plan,
                                    size_t folds, mele_error *error);
void mele_i_mlp_folding_free(mele_i_mlp_folding *folding);

/* Fit the first fold, and compare it with the rows' rival (see the .c). The sample is of all rows.
 *  predicted  (count + asked) x M numbers to work in
 *  beaten     the expert is to be given up, with the left-out error to tell */
mele_status mele_i_mlp_face_rival(mele_i_mlp_folding *folding, const mele_i_mlp_sample *sample,
                                  double *predicted, mele_engine *engine, bool *beaten,
                                  double *left_out, mele_error *error);

/* Out-of-fold predictions of all rows, those that are asked for too, by networks from the same starts as the runs. */
mele_status mele_i_mlp_run_folds(mele_i_mlp_folding *folding, const mele_i_mlp_run *runs,
                                 double *out, mele_engine *engine, mele_error *error);

#endif
