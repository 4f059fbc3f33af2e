#ifndef MELE_PARTITION_COVARIANCE_H
#define MELE_PARTITION_COVARIANCE_H

#include <mele/status.h>
#include <stdbool.h>

#include "engine/kernels.h"

/* The kinds of covariance of a Gaussian mixture, as a table. A kind has one matrix a component, or
 * one for all; each is kept as `size` numbers S, and as many that whiten: W with W S W' = I. A new
 * kind is a row of the table in covariance.c. */

/* The components of a mixture as its kind of covariance sees them. */
typedef struct mele_i_components {
    size_t clusters, columns;
    const double *centres;   /* K x d */
    const double *matrices;  /* S, a matrix a component or one for all */
    const double *factors;   /* W, as many */
    const double *constants; /* K: log densities at the centres */
} mele_i_components;

typedef struct mele_i_covariance {
    const char *name;
    bool shared;                     /* one matrix for all components */
    size_t (*size)(size_t columns);  /* numbers of a matrix, which are its free parameters */
    size_t (*whole)(size_t columns); /* the same as users see it */

    /* Second moments about the mean: as many numbers as the kind sums for a matrix. */
    size_t (*moments_size)(size_t columns);
    void (*sum)(const mele_i_components *c, const double *panel, size_t rows,
                const double *weights, const mele_i_moments *out);
    /* moments -= share u u' */
    void (*shift)(double *moments, size_t columns, double share, const double *u);
    /* The likeliest S for these moments with shrinkage, no variance below the floor in any
     * direction; work as below. False: LAPACK gave up. */
    bool (*estimate)(double *moments, size_t columns, double shrinkage, double floor, double *s,
                   double *work);

    /* W of S, and the sum of the logarithms of its diagonal; false: S is not positive definite. */
    bool (*factor)(const double *s, size_t columns, double *w, double *work);
    double (*log_diagonal)(const double *w, size_t columns);

    /* Panels: constants_k - |W (x - m_k)|^2 / 2, a column for each component. Rows: the squares
     * themselves, rows x K. */
    void (*densities)(const mele_i_components *c, const double *panel, size_t rows, double *out);
    void (*squares)(const mele_i_components *c, const double *x, size_t stride, size_t rows,
                    double *out);

    void (*fill)(double *s, size_t columns, double variance); /* S = variance I */

    /* S as users see it, and back; false: not symmetric. */
    void (*expand)(const double *s, size_t columns, double *whole);
    bool (*pack)(const double *whole, size_t columns, double *s);
} mele_i_covariance;

/* The kind by its name, NULL when there is none such. */
const mele_i_covariance *mele_i_covariance_named(const char *name);

/* How many matrices there are, and the numbers of all of them. */
size_t mele_i_covariance_matrices(const mele_i_covariance *c, size_t clusters);
size_t mele_i_covariance_count(const mele_i_covariance *c, size_t clusters, size_t columns);

/* Before anything of that kind is estimated or factored: MELE_ENOMEM when it needs LAPACK, and LAPACK
 * has no room. */
mele_status mele_i_covariance_ready(const mele_i_covariance *c, mele_error *error);

/* Numbers of the work that estimate and factor need; false: too many. */
bool mele_i_covariance_work(const mele_i_covariance *c, size_t columns, size_t *count);

#endif
