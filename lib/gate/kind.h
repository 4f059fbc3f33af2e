#ifndef MELE_GATE_KIND_H
#define MELE_GATE_KIND_H

#include <jansson.h>
#include <mele/gate.h>

#include "engine/pass.h"

/* What the files of the gate share: the gate itself, the row of the table of kinds, the row of
 * the table of losses. A new kind is a file with its row and a line in gate.c. */

typedef struct mele_i_gate_kind mele_i_gate_kind;
typedef struct mele_i_gate_loss mele_i_gate_loss;

/* How a column of z comes from its raw value:
 * (min(max(raw, lower), upper) - centre) * factor. */
typedef struct mele_i_gate_column {
    double lower, upper, centre, factor;
} mele_i_gate_column;

struct mele_gate {
    const mele_i_gate_kind *kind;
    size_t clusters;
    double temperature; /* t >= 0; 0: log p is left out of the logits */
    bool on_posteriors, on_features;
    size_t features;             /* d; 0 unless on_features */
    size_t columns;              /* of z; 0: no V and no b */
    mele_i_gate_column *column;  /* columns */
    double *coefficients;        /* K x (1 + columns): b_k, then row k of V */
};

/* Some rows of what a gate sees. */
typedef struct mele_i_gate_rows {
    size_t count;
    const double *log_posteriors; /* count x K */
    const double *x;              /* feature j of row i: x[i * stride + j]; NULL: not seen */
    size_t stride;
} mele_i_gate_rows;

/* Checked data and options, and what is derived from them once. */
typedef struct mele_i_gate_training {
    const mele_gate_data *data;
    const mele_gate_options *options;
    const mele_i_gate_loss *loss;
    double total_weight;
    mele_engine *engine;
} mele_i_gate_training;

struct mele_i_gate_kind {
    const char *name;
    bool trained; /* needs what the loss needs; other kinds only report it */
    bool has_columns; /* V and b: sees what the option `on` says */
    mele_status (*fit)(mele_gate *gate, const mele_i_gate_training *training, mele_gate_info *info,
                       mele_error *error);
    /* log g of some rows to out (count x K); z: room for count x columns numbers, left with the
     * rows' z. */
    void (*log_weights)(const mele_gate *gate, const mele_i_gate_rows *rows, double *z,
                        double *out);
    bool (*save)(const mele_gate *gate, json_t *section);
    mele_status (*load)(const json_t *section, mele_gate *gate, mele_error *error);
};

extern const mele_i_gate_kind mele_i_gate_hard, mele_i_gate_posterior, mele_i_gate_temperature,
    mele_i_gate_softmax;

struct mele_i_gate_loss {
    const char *name;
    /* What of data is NULL or of no size, for the message; NULL: nothing is missing. */
    const char *(*missing)(const mele_gate_data *data);
    mele_status (*check)(const mele_gate_data *data, mele_engine *engine, mele_error *error);
    /* The loss of a block's rows under the weights exp(log_g), as sums[0] + sums[1], of which
     * sums[1] does not depend on the gate; and residual_ik = d loss_i / d logit_ik, weights
     * included. work: room for count x (K + 1) numbers. */
    void (*block)(const mele_gate_data *data, mele_i_block block, const double *log_g,
                  double *residual, double *work, double sums[2]);
    bool without_posteriors; /* log p is what the gate must reproduce: t = 0 for a softmax gate */
};

const mele_i_gate_loss *mele_i_gate_loss_find(const char *name);

/* The index of "posteriors", "features" or "both"; -1: none of them. */
int mele_i_gate_input_find(const char *name);

/* Values that are neither NaN nor +infinity, nor -infinity unless that is allowed. */
mele_status mele_i_gate_check_logs(const double *values, size_t rows, size_t cols, const char *name,
                                   bool zero_allowed, mele_engine *engine, mele_error *error);

/* The block's rows of the training data. */
mele_i_gate_rows mele_i_gate_rows_of(const mele_gate_data *data, mele_i_block block);

/* The rows' columns of z, count x columns (columns.c). */
void mele_i_gate_fill_columns(const mele_gate *gate, const mele_i_gate_rows *rows, double *z);

/* The mean loss of a gate on the training data. */
mele_status mele_i_gate_mean_loss(const mele_gate *gate, const mele_i_gate_training *training,
                                  double *loss, mele_error *error);

/* Set the limits, centres and factors of the columns of z from the training rows. */
mele_status mele_i_gate_standardise(mele_gate *gate, const mele_i_gate_training *training,
                                    mele_error *error);

/* Minimise the penalised loss over the temperature (when free) and the coefficients (when the
 * gate has columns), from those it has; the gate is untouched on error. */
mele_status mele_i_gate_train(mele_gate *gate, const mele_i_gate_training *training,
                              bool free_temperature, mele_gate_info *info, mele_error *error);

/* The penalised mean loss and its gradient at theta = (log t when free, coefficients), for
 * mele_i_gate_train() and for its tests. The gate's parameters become those of theta. */
typedef struct mele_i_gate_objective {
    mele_gate *gate;
    const mele_i_gate_training *training;
    bool free_temperature;
    double offset;       /* of the mean loss, left out of the value */
    double *sums;        /* room: 3 + K (1 + columns) */
} mele_i_gate_objective;

mele_status mele_i_gate_evaluate(void *objective, const double *theta, double *value,
                                 double *gradient, mele_error *error);

#endif
