#ifndef MELE_EXPERT_AFFINE_H
#define MELE_EXPERT_AFFINE_H

#include "expert/kind.h"

/* What kinds share whose outputs (targets, or logits of classes) are linear in x: their state. */
typedef struct mele_i_affine {
    mele_i_shared shared;
    double *coefficients;    /* M x (columns + 1), intercept first */
    double *standard_errors; /* the same, NaN where there are none */
} mele_i_affine;

/* A state of zeros, without standard errors; freed with free(). NULL: no memory. */
mele_i_affine *mele_i_affine_new(const mele_i_expert_shape *shape);

/* The coefficients of an expert. */
double *mele_i_affine_of(const mele_i_expert *expert);

/* Members of the table's row. */
bool mele_i_affine_equal(const void *state, const void *other, const mele_i_expert_shape *shape);
size_t mele_i_affine_scratch(const mele_i_expert_group *group, size_t rows);
void mele_i_affine_predict(const mele_i_expert_group *group, const double *x, size_t stride,
                           size_t rows, double *mean, double *variance, void *scratch);
size_t mele_i_affine_work(const mele_i_expert *expert, const mele_i_expert_shape *shape);
void mele_i_affine_coefficients(const mele_i_expert *expert, const mele_i_expert_shape *shape,
                                double *out);
void mele_i_affine_standard_errors(const mele_i_expert *expert, const mele_i_expert_shape *shape,
                                   double *out);
void mele_i_affine_squares(const mele_i_expert *expert, const mele_i_expert_shape *shape, double *out);
bool mele_i_affine_save(const mele_i_expert *expert, const mele_i_expert_shape *shape,
                        json_t *object);
mele_status mele_i_affine_load(const json_t *object, const mele_i_expert_shape *shape,
                               mele_i_expert *expert, mele_error *error);

#define MELE_I_AFFINE_KEYS ",coefficients,standard_errors?"

#endif
