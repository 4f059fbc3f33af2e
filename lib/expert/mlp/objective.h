#ifndef MELE_EXPERT_MLP_OBJECTIVE_H
#define MELE_EXPERT_MLP_OBJECTIVE_H

#include <mele/engine.h>

#include "engine/network.h"

/* What a network loses on rows that stand in groups of eight, and its derivatives. What its weights
 * are trained by is trainers.h's. */

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

/* Working memory for a panel of rows and what is wanted of them, in one thread; it has as many rows
 * as fit. */
typedef struct mele_i_mlp_panel {
    mele_i_network_panel network;
    double *y, *weight, *logit;
} mele_i_mlp_panel;

size_t mele_i_mlp_panel_bytes(const mele_i_network *network);

/* Lay one out in memory of that size, 64-byte aligned. */
mele_i_mlp_panel mele_i_mlp_panel_in(const mele_i_network *network, void *memory);

/* Put group `from` of the rows at group `to` of the panel. */
void mele_i_mlp_take(const mele_i_network *network, const mele_i_network_rows *rows, size_t from,
                     const mele_i_mlp_panel *panel, size_t to);

/* Forward and back: add the loss of the panel's first rows (a multiple of 8) to *loss, and its
 * gradient (NULL: not wanted) to gradient. */
void mele_i_mlp_learn(const mele_i_network *network, const mele_i_mlp_panel *panel, size_t rows,
                      const double *weights, double *loss, double *gradient);

#endif
