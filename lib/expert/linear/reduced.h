#ifndef MELE_EXPERT_LINEAR_REDUCED_H
#define MELE_EXPERT_LINEAR_REDUCED_H

#include <stdbool.h>
#include <stddef.h>

/* One region's least squares problem, reduced: the columns are 1, d features, m targets. */
typedef struct mele_i_reduced_problem {
    size_t d, m;
    const double *factor; /* q x q, q = 1 + d + m, column-major: a triangle, or moments */
    bool moments;
    const double *size;   /* d + m: how large the columns are where they were measured, but for
                             their means; in the factor's units */
    const bool *absent;   /* d: columns that have no say; not looked at by mele_i_reduced_suspect() */
    double ridge;         /* >= 0, or MELE_RIDGE_GCV */
    double rows;          /* how many there are, for GCV */
    double scale;         /* weights and ridge are used times it */
} mele_i_reduced_problem;

/* Its solution, in the units of the factor; the arrays are the caller's. */
typedef struct mele_i_reduced_solution {
    double *coefficients; /* m x (d + 1), intercept first */
    double *mean;         /* d + m: weighted means of the columns */
    double *spread;       /* m: weighted variances of the targets */
    double *whitener;     /* lower d x d, packed by rows: |whitener (x - mean)|^2 is the row's part
                             of the hat value beside 1 / weight */
    double *squares;      /* m: weighted sums of squared residuals */
    double trace;         /* sum of the hat values, over rows that count the same */
    double weight;        /* sum of the weights, scaled */
    double ridge;         /* not scaled */
    size_t rank;          /* intercept included */
    bool doubtful;        /* of moments: they have too few digits for this problem */
} mele_i_reduced_solution;

/* Numbers that the arrays of a solution take together, and their layout in such a memory. */
size_t mele_i_reduced_room(size_t d, size_t m);
void mele_i_reduced_place(mele_i_reduced_solution *solution, double *memory, size_t d, size_t m);

/* Which of the d columns vary so little, if at all, that the factor does not tell whether it is by
 * more than rounding. True: some do. */
bool mele_i_reduced_suspect(const mele_i_reduced_problem *problem, bool *suspect);

/* The solutions of a triangle for several ridges above 0, scaled, with one decomposition: count x m x
 * (d + 1) coefficients, as those of a solution, whose arrays are worked in. The problem's ridge is
 * MELE_RIDGE_GCV. False: memory ran out. */
bool mele_i_reduced_path(const mele_i_reduced_problem *problem, mele_i_reduced_solution *scratch,
                       const double *ridges, size_t count, double *coefficients);

/* False: memory ran out. Degenerate problems have a solution; see reduced.c. */
bool mele_i_reduced_solve(const mele_i_reduced_problem *problem, mele_i_reduced_solution *solution);

#endif
