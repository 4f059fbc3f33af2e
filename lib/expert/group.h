#ifndef MELE_EXPERT_GROUP_H
#define MELE_EXPERT_GROUP_H

#include "expert/kind.h"

/* Groups of experts of kinds that predict with one after the other. */

/* The scratch of the one that takes most; bytes: of a state. */
size_t mele_i_group_scratch(const mele_i_expert_group *group, size_t (*bytes)(const void *state));

/* kind->predict(), by what predicts with one state: variance may be NULL, out_stride is from a row
 * of the results to the next. */
typedef void mele_i_predict_one(const void *state, const mele_matrix *x, double *mean,
                                double *variance, size_t out_stride, void *scratch);
void mele_i_group_predict(const mele_i_expert_group *group, mele_i_predict_one *predict,
                          const mele_matrix *x, double *mean, double *variance, void *scratch);

#endif
