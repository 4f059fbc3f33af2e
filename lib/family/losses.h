#ifndef MELE_FAMILY_LOSSES_H
#define MELE_FAMILY_LOSSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The losses that experts and a gate are trained on together (losses.c has their mathematics), a
 * table of them. */

/* What of a mixture a loss is of. */
typedef struct mele_i_coupled_shape {
    size_t clusters, outputs, classes; /* K, M; classes 0: regression */
    double lambda;                     /* of the penalty; 0 to 1 */
    double least_variance;
} mele_i_coupled_shape;

/* A scale's square s^2, ready for use. */
typedef struct mele_i_coupled_scale {
    double inverse; /* 1 / s^2 */
    double share;   /* (d s^2 / d theta) / s^2 */
    double log;     /* log 2 pi s^2 */
} mele_i_coupled_scale;

/* Some rows, what is said of them, and the scales: own parameters of the loss. */
typedef struct mele_i_coupled_rows {
    size_t count;
    const double *y;       /* count x M; classes: count indices */
    const double *weights; /* count */
    double *outputs;       /* count x K x M: means, or logits, which become log-probabilities */
    double *log_gate;      /* count x K: log g; losses without a gate do not look at it */
    const double *scales;

    /* Where a row is not of all experts, but of as many as the shape says, which are these: count x K. The
     * loss me knows that; its scales are those of all, made ready. NULL: of all. */
    const uint32_t *chosen;
    const mele_i_coupled_scale *ready;
} mele_i_coupled_rows;

/* Where derivatives of the rows' loss go, weights included. */
typedef struct mele_i_coupled_slopes {
    double *outputs; /* count x K x M */
    double *logits;  /* count x K: by the gate's logits */
    double *scales;  /* added to */
    double *work;    /* room: count x (K + 1) numbers, twice; of targets a loss with a gate leaves the
                        responsibilities there, count x K */
} mele_i_coupled_slopes;

typedef struct mele_i_coupled_loss {
    const char *name;
    bool gated; /* it has a gate; else the weights are equal, and the blend is the mean */

    /* The number of the scales; their start is 0. */
    size_t (*scales)(const mele_i_coupled_shape *shape);

    /* Add the loss of some rows to *sum, and its derivatives. */
    void (*block)(const mele_i_coupled_shape *shape, const mele_i_coupled_rows *rows,
                  const mele_i_coupled_slopes *slopes, double *sum);

    /* What a square that the ridge counts of expert k's part t costs, half the ridge apart:
     * factor; and slope_j = its derivative by the scales (count numbers are added to slopes, times
     * square). NULL: 1. */
    double (*factor)(const mele_i_coupled_shape *shape, const double *scales, size_t k, size_t t,
                     double square, double *slopes);
} mele_i_coupled_loss;

extern const mele_i_coupled_loss mele_i_coupled_me, mele_i_coupled_mnce, mele_i_coupled_ncl;

/* The variances of the experts (K x M) that the scales say; losses without have none. */
void mele_i_coupled_ready(const mele_i_coupled_shape *shape, const double *scales,
                          mele_i_coupled_scale *out); /* the same, K x M */
void mele_i_coupled_variances(const mele_i_coupled_shape *shape, const double *scales, double *out);

#endif
