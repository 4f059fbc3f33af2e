#ifndef MELE_EXPERT_NETWORK_H
#define MELE_EXPERT_NETWORK_H

#include <mele/engine.h>

#include "engine/kernels.h"

/* A network with one hidden layer: what it computes, its loss and its derivatives, over rows that
 * stand in groups of eight. What its weights are trained by is trainers.h's. */

typedef struct mele_i_network {
    size_t inputs, hidden;
    size_t outputs; /* M: targets, or logits of classes */
    bool classes;
    mele_i_activation activation; /* of the hidden units */
} mele_i_network;

/* Its weights: hidden x (inputs + 1), then outputs x (hidden + 1), biases first. SIZE_MAX: too
 * many to count. */
size_t mele_i_network_weights(const mele_i_network *network);

/* Rows for one network: number j of row i is x[(i / 8 * inputs + j) * 8 + i % 8], likewise y, which
 * holds M standardised targets or one class. The last group is filled up with copies of the last
 * row of weight 0. */
typedef struct mele_i_network_rows {
    size_t count, groups;
    double *x, *y, *weight;
    double total; /* sum of weights, > 0 */
} mele_i_network_rows;

mele_status mele_i_network_rows_make(mele_i_network_rows *rows, const mele_i_network *network,
                                     size_t count, mele_error *error);
void mele_i_network_rows_free(mele_i_network_rows *rows);

/* Group g: `count` <= 8 rows of x (inputs numbers each), y and weights, without gaps; the last group
 * alone may have fewer than 8. */
void mele_i_network_rows_put(mele_i_network_rows *rows, const mele_i_network *network, size_t g,
                             const double *x, const double *y, const double *weight,
                             size_t count);

/* Where results go. */
typedef struct mele_i_network_result {
    double *value;
    double *gradient; /* as many numbers as there are weights; NULL: not wanted */
    double *matrix;   /* of mele_i_network_normal() alone: weights x weights */
} mele_i_network_result;

/* sum w loss / sum w + decay * (sum of squared weights without biases), with the squared error
 * summed over the targets, or the negative log-likelihood. */
mele_status mele_i_network_objective(const mele_i_network *network,
                                     const mele_i_network_rows *rows, double decay,
                                     const double *weights, mele_engine *engine,
                                     const mele_i_network_result *out, mele_error *error);

/* Regression: that, and half the Gauss-Newton matrix, of which the lower triangle counts: J'WJ /
 * sum w + decay * (1 for weights that are no biases). */
mele_status mele_i_network_normal(const mele_i_network *network, const mele_i_network_rows *rows,
                                  double decay, const double *weights, mele_engine *engine,
                                  const mele_i_network_result *out, mele_error *error);

/* The decay's share of the gradient is decays[i] * weights[i]. */
void mele_i_network_decays(const mele_i_network *network, double decay, double *decays);

/* Working memory for panels of rows, in one thread. */
typedef struct mele_i_network_panel {
    size_t rows, step; /* room for rows (a multiple of 16); from a column to the next */
    double *x, *hidden, *output, *delta; /* x and hidden begin with a column of ones */
    double *y, *weight, *logit;
} mele_i_network_panel;

size_t mele_i_network_panel_rows(const mele_i_network *network);
size_t mele_i_network_panel_bytes(const mele_i_network *network);

/* Lay one out in memory of that size, 64-byte aligned. */
mele_i_network_panel mele_i_network_panel_in(const mele_i_network *network, void *memory);

/* Put group `from` of the rows at group `to` of the panel. */
void mele_i_network_take(const mele_i_network *network, const mele_i_network_rows *rows,
                         size_t from, const mele_i_network_panel *panel, size_t to);

/* The outputs of the panel's first rows (a multiple of 8): hidden and output. */
void mele_i_network_forward(const mele_i_network *network, const mele_i_network_panel *panel,
                            size_t rows, const double *weights);

/* Forward and back: add the loss to *loss, and its gradient (NULL: not wanted) to gradient. */
void mele_i_network_learn(const mele_i_network *network, const mele_i_network_panel *panel,
                          size_t rows, const double *weights, double *loss, double *gradient);

#endif
