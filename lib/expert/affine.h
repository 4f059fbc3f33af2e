#ifndef MELE_EXPERT_AFFINE_H
#define MELE_EXPERT_AFFINE_H

#include "expert/kind.h"

/* The part that kinds share whose outputs (targets, or logits of classes) are linear in x: their
 * state is (K + 1) x M x (d + 1) coefficients, intercept first. */

/* The coefficients of expert k. */
double *mele_i_affine_of(const mele_experts *experts, size_t k);

/* Members of the table's row. */
mele_status mele_i_affine_make(mele_experts *experts, mele_error *error);
void mele_i_affine_predict(const mele_experts *experts, const double *x, size_t stride,
                           size_t rows, double *mean);
void mele_i_affine_coefficients(const mele_experts *experts, size_t k, double *out);
bool mele_i_affine_fits(const json_t *object, size_t columns, size_t outputs);
bool mele_i_affine_save(const mele_experts *experts, size_t k, json_t *object);
mele_status mele_i_affine_load(mele_experts *experts, size_t k, const json_t *object,
                               mele_error *error);
void mele_i_affine_settle(mele_experts *experts);

#define MELE_I_AFFINE_KEYS ",coefficients"

#endif
