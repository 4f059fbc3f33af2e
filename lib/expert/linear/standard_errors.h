#ifndef MELE_EXPERT_STANDARD_ERRORS_H
#define MELE_EXPERT_STANDARD_ERRORS_H

#include <stdbool.h>

#include "expert/forms/frame.h"
#include "expert/linear/reduced.h"

/* Designs of more columns have none: they cost the cube of that. */
#define MELE_I_MOST_WITH_ERRORS 300

/* In which units coefficients are told. */
typedef struct mele_i_standard_errors {
    const mele_i_frame *frame;     /* of the terms */
    size_t columns, degree, terms; /* columns of x, and how many terms of that degree they have */
    const double *center, *scale;  /* columns numbers each; NULL: 0, 1 */
} mele_i_standard_errors;

/* The standard errors of a solution's coefficients in raw units (terms + 1, the intercept first)
 * for residuals of variance 1. All NaN where the design has not full rank, or terms are too many.
 * False: memory ran out. */
bool mele_i_standard_errors_of(const mele_i_standard_errors *e, const mele_i_reduced_solution *s,
                               double *out);

#endif
