#ifndef MELE_EXPERT_MULTINOMIAL_H
#define MELE_EXPERT_MULTINOMIAL_H

#include <stdbool.h>

#include "expert/forms/frame.h"
#include "expert/kind.h"

#define MELE_I_NO_FOLD 255 /* folds are fewer */

/* Some rows and their classes, whose logits are linear in the features. What an expert adds to
 * this are the rows: those of a region, perhaps without a fold. */
typedef struct mele_i_multinomial {
    const mele_i_expert_problem *problem; /* that these rows are of */
    const mele_i_frame *frame; /* of the features alone */
    const mele_rows *y;        /* one column in memory: classes 0 .. C - 1 of all rows */
    size_t d, classes;
    size_t parameters;         /* (C - 1)(d + 1) */
    size_t count, *row;        /* which rows these are */
    double *weight;            /* of each, positive; scaled, as is the ridge */
    unsigned char *fold;       /* of each; not read when none is left out */
    double ridge;              /* the slopes' penalty, if it is not too small */
    size_t max_iterations;

    /* Of mele_i_multinomial_leave(): */
    unsigned left;             /* the fold that is left out now, or MELE_I_NO_FOLD */
    double total;              /* the other rows' weight */
    double slope_ridge, intercept_ridge;
    double *extremes;          /* the caller's, 2 d: of the columns in these rows */
    bool *absent;              /* the caller's, d: columns that are constant in these rows */
} mele_i_multinomial;

typedef struct mele_i_multinomial_solution {
    double *differences; /* P, in the frame, the caller's: coefficients minus the last class's */
    size_t *rank;        /* of the design, intercept included; NULL: not wanted */
    double error;        /* the negative log-likelihood, a unit of weight */
    double ridge;        /* of the slopes, scaled */
    size_t iterations;
    bool converged;
} mele_i_multinomial_solution;

static inline size_t mele_i_class_of(const mele_rows *y, size_t row)
{
    return (size_t)y->data[row * y->stride];
}

/* Leave out this fold, or none; its rows have no say until the next call. */
mele_status mele_i_multinomial_leave(mele_i_multinomial *m, unsigned fold, mele_error *error);

/* Minimise from 0, or from the differences `start` (NULL: none) where the objective is lower.
 * Not converged after max_iterations is a result; after a failure the solution is in no
 * particular state. The weight that is left must be positive. */
mele_status mele_i_multinomial_solve(const mele_i_multinomial *m, const double *start,
                                     mele_engine *engine, mele_i_multinomial_solution *solution,
                                     mele_error *error);

/* The coefficients of all C classes, C x (d + 1), of the raw features, that sum to 0. */
void mele_i_multinomial_raw(const mele_i_multinomial *m, const double *differences, double *out);

#endif
