#ifndef MELE_ENGINE_LBFGS_H
#define MELE_ENGINE_LBFGS_H

#include <stdbool.h>
#include <stddef.h>

#include <mele/status.h>

/* Minimise a smooth function of many variables (see lbfgs.c for the method). Serial and
 * deterministic: whatever runs in parallel is inside the objective. */

typedef struct mele_i_lbfgs_problem {
    size_t count;          /* variables, >= 1 */
    size_t memory;         /* pairs of steps kept, >= 1; 10 serves */
    size_t max_iterations; /* line searches at most */
    double tolerance;      /* converged when no element of the gradient is larger, */
    size_t look;           /* or, at every look-th iteration, when the value has fallen by no more than */
    double gain;           /* this since the last look; look 0: nobody looks */

    /* The value and the gradient (count numbers) at x. A failure ends the search with its status.
     * A value or gradient that is not finite is no failure: the search turns back. */
    mele_status (*objective)(void *context, const double *x, double *value, double *gradient,
                             mele_error *error);

    /* Told after the start (iteration 0) and every iteration; a failure ends the search. NULL:
     * nobody. */
    mele_status (*tell)(void *context, size_t iteration, double value, mele_error *error);

    /* A positive-definite matrix near the Hessian, for who has one. curve() is asked at x, of this
     * gradient, before iteration `done`, the first one being 0, and may take it anew then; it must the
     * first time. *exact: it is the Hessian at x itself, to which pairs have nothing to add: false unless
     * curve() says so. solve() multiplies a vector (count numbers) by its inverse. Both or neither
     * (NULL). A curve() that fails ends the search. */
    mele_status (*curve)(void *context, const double *x, const double *gradient, size_t done,
                         bool *exact, mele_error *error);
    void (*solve)(const void *context, double *vector);
    void *context;
} mele_i_lbfgs_problem;

typedef struct mele_i_lbfgs_info {
    size_t iterations, evaluations;
    double value;   /* at the result; never above the value at the start (with curve(): but for
                       its rounding) */
    bool converged; /* the gradient is within the tolerance, or the value within its rounding or the gain */
} mele_i_lbfgs_info;

/* The numbers of working memory that a search needs. SIZE_MAX: too many to count. */
size_t mele_i_lbfgs_room(size_t count, size_t memory);

/* Search from x, which receives the result. room: mele_i_lbfgs_room() numbers; nothing else is
 * allocated. x and *info are untouched on error. MELE_EDATA: the objective is not finite at x. */
mele_status mele_i_lbfgs(const mele_i_lbfgs_problem *problem, double *x, double *room,
                         mele_i_lbfgs_info *info, mele_error *error);

#endif
