#ifndef MELE_FAMILY_DOUBTFUL_H
#define MELE_FAMILY_DOUBTFUL_H

#include "fit/run.h"

/* Experts that stand on a handful of rows (doubtful.c says which). */

/* What a mixture of regression was fitted to, by maximum likelihood. */
typedef struct mele_i_fitted {
    size_t clusters, targets;
    const double *weight;   /* K: sum w h */
    const double *variance; /* K x targets */
} mele_i_fitted;

/* Whether expert k is one; rank: of its free parameters, a target. */
bool mele_i_fitted_is_doubtful(const mele_i_fitted *fitted, size_t k, size_t rank);

/* The warning that so many are left, of all starts; 0: none. */
void mele_i_family_warn_of_doubtful(const mele_i_run *run, size_t count);

#endif
