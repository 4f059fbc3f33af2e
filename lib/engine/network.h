#ifndef MELE_ENGINE_NETWORK_H
#define MELE_ENGINE_NETWORK_H

#include <stdbool.h>

#include "core/stream.h"
#include "engine/kernels.h"

/* A network with one hidden layer: its weights, what it computes, and its derivatives, on panels of
 * rows. Losses, and what weights are trained by, are those of who has a network. */

#define MELE_I_MOST_HIDDEN 1024 /* units that are asked for, or in a file */
#define MELE_I_ACTIVATION_WORK 12 /* what a hidden unit's activation takes, in multiply-adds */

typedef struct mele_i_network {
    size_t inputs, hidden;
    size_t outputs;
    bool classes;                 /* the outputs are logits of classes, to its loss */
    mele_i_activation activation; /* of the hidden units */
} mele_i_network;

/* Its weights: hidden x (inputs + 1), then outputs x (hidden + 1), biases first. SIZE_MAX: too
 * many to count. */
size_t mele_i_network_weights(const mele_i_network *network);

/* Those of the hidden units, which is where the others begin. */
size_t mele_i_network_hidden_weights(const mele_i_network *network);

bool mele_i_network_is_bias(const mele_i_network *network, size_t weight);

/* Random weights of `units` units, biases included: uniform in +-sqrt(6 / (inputs + units))
 * (Glorot, Bengio 2010, AISTATS). */
void mele_i_network_draw(mele_i_stream *stream, size_t units, size_t inputs, double *weights);

/* The activation of that name (false: there is none); its name; the i-th name, NULL past the
 * last. */
bool mele_i_activation_named(const char *name, mele_i_activation *out);
const char *mele_i_activation_name(mele_i_activation activation);
const char *mele_i_activation_at(size_t i);

/* Working memory for a panel of rows, in one thread: columns next to one another, each with the
 * rows one after the other. */
typedef struct mele_i_network_panel {
    size_t rows, step; /* room for rows; from a column to the next */
    double *x, *hidden, *delta, *output; /* x and hidden begin with a column of ones */
} mele_i_network_panel;

/* The columns of a panel. */
size_t mele_i_network_columns(const mele_i_network *network);

/* How many rows so many columns should have to stay in the second-level cache: a multiple of 16
 * that depends on nothing else. */
size_t mele_i_network_rows_fit(size_t columns);

/* From a column of a panel of so many rows, a multiple of 16, to the next. */
size_t mele_i_network_step(size_t rows);

/* Lay one out in memory for columns x step numbers. */
mele_i_network_panel mele_i_network_panel_in(const mele_i_network *network, size_t rows,
                                             double *memory);

/* Put `rows` rows of x, `stride` from one to the next, into the panel, filled up with copies of the
 * last; returns how many there are then, a multiple of 8. */
size_t mele_i_network_put(const mele_i_network *network, const mele_i_network_panel *panel,
                          const double *x, size_t stride, size_t rows);

/* The outputs of the panel's first rows (a multiple of 8): hidden and output. */
void mele_i_network_forward(const mele_i_network *network, const mele_i_network_panel *panel,
                            size_t rows, const double *weights);

/* Back: where output holds d loss / d output of these rows, add d loss / d weight to gradient. */
void mele_i_network_backward(const mele_i_network *network, const mele_i_network_panel *panel,
                             size_t rows, const double *weights, double *gradient);

#endif
