#ifndef MELE_EXPERT_MULTINOMIAL_CURVATURE_H
#define MELE_EXPERT_MULTINOMIAL_CURVATURE_H

#include "expert/logistic/multinomial.h"

/* The Hessian of a multinomial problem at a point, to multiply and solve with, not to look at. */
typedef struct mele_i_curvature {
    double *chance;   /* rows x C: probabilities */
    double *factor;   /* C x (d + 1)^2: Cholesky's factors of the diagonal blocks */
    double *first;    /* (d + 1)^2: the first of those blocks without the penalty */
    double *residual, *solved, *direction, *product; /* C x (d + 1) each */
    void *memory;
} mele_i_curvature;

/* Room for a problem; free with mele_i_curvature_free(), also after a failure. */
mele_status mele_i_curvature_make(mele_i_curvature *curvature, const mele_i_multinomial *m,
                                  mele_error *error);

void mele_i_curvature_free(mele_i_curvature *curvature);

/* Take it at these coefficients, C x (d + 1) in the frame, the last class's 0. */
mele_status mele_i_curvature_at(mele_i_curvature *curvature, const mele_i_multinomial *m,
                                const double *coefficients, mele_engine *engine,
                                mele_error *error);

/* step (P differences): -H^-1 gradient (P), until what is left of the gradient is `tolerance` of it
 * in the preconditioner's norm, or MOST multiplications. ESTOPPED: the host says stop. */
mele_status mele_i_curvature_solve(mele_i_curvature *curvature, const mele_i_multinomial *m,
                                   const double *gradient, double tolerance, double *step,
                                   mele_engine *engine, mele_error *error);

#endif
