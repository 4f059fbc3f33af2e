#ifndef MELE_GATE_CURVATURE_H
#define MELE_GATE_CURVATURE_H

#include "gate/kind.h"

/* The Hessian of an objective, to divide by. */
typedef struct mele_i_gate_curvature {
    mele_i_gate_objective *objective; /* of whose rows it is */
    size_t count;                     /* parameters */
    double *sums;
    double *hessian;  /* count x count; once it is made positive definite the lower triangle is that
                         factor's */
    double *diagonal; /* of the Hessian */
    double shift;     /* that it took */
} mele_i_gate_curvature;

/* Whether there are second derivatives of this kind. */
bool mele_i_gate_is_curved(const mele_gate *gate);

/* About how many multiply-adds it takes for a row, and once for all rows. */
double mele_i_gate_curvature_work(const mele_gate *gate);
double mele_i_gate_factor_work(const mele_gate *gate);

/* Room for the Hessian of an objective's rows; free with mele_i_gate_curvature_free(), also after a
 * failure. */
mele_status mele_i_gate_curvature_make(mele_i_gate_curvature *curvature,
                                       mele_i_gate_objective *objective, mele_error *error);
void mele_i_gate_curvature_free(mele_i_gate_curvature *curvature);

/* The Hessian at theta, where the objective has this gradient: curvature->hessian, symmetric. The
 * gate's parameters become those of theta. */
mele_status mele_i_gate_curvature_at(mele_i_gate_curvature *curvature, const double *theta,
                                     const double *gradient, mele_error *error);

/* Make it positive definite: its factor is ready for solve(). False: it is not finite. */
bool mele_i_gate_curvature_factor(mele_i_gate_curvature *curvature);

/* vector (count numbers) <- the inverse of what was made positive definite, times it. */
void mele_i_gate_curvature_solve(const mele_i_gate_curvature *curvature, double *vector);

#endif
