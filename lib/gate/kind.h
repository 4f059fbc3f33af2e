#ifndef MELE_GATE_KIND_H
#define MELE_GATE_KIND_H

#include <jansson.h>
#include <mele/gate.h>

#include "engine/pass.h"

/* What the files of the gate share: the gate itself, the row of the table of kinds, the row of
 * the table of losses. A new kind, or a new loss, is a file with its row and a line in kinds.c. */

typedef struct mele_i_gate_kind mele_i_gate_kind;
typedef struct mele_i_gate_loss mele_i_gate_loss;

/* What of the data somebody looks at, as flags. */
enum {
    MELE_I_GATE_POSTERIORS = 1,
    MELE_I_GATE_FEATURES = 2,
    MELE_I_GATE_LIKELIHOODS = 4,
    MELE_I_GATE_PREDICTIONS = 8,
    MELE_I_GATE_TARGETS = 16,
    MELE_I_GATE_SHARES = 64,
    MELE_I_GATE_SIZES = 32 /* log posteriors must be normalised, since adding a number to all of a
                              row would change the weights */
};

struct mele_gate {
    const mele_i_gate_kind *kind;
    size_t clusters;
    unsigned needs;  /* MELE_I_GATE_POSTERIORS, _SIZES, _FEATURES: for its weights */
    size_t features; /* columns of x; 0: it needs none */
    void *state;     /* the kind's own, parameters included; NULL: it has none */
};

/* Some rows, as far as they are needed; the others are NULL. */
typedef struct mele_i_gate_rows {
    size_t count;
    const double *log_posteriors; /* count x K; normalised where sizes are needed, and in training */
    const double *x;              /* feature j of row i: x[i * stride + j] */
    size_t stride;
    const double *log_likelihoods; /* count x K */
    const double *predictions;     /* count x K x M */
    const double *targets;         /* count x M */
    const double *shares;          /* count x K */
    const double *weights;         /* count; NULL also: all 1 */
} mele_i_gate_rows;

/* Checked data and options, and what is derived from them once. */
typedef struct mele_i_gate_training {
    const mele_gate_data *data; /* weights relative */
    const mele_gate_options *options;
    const mele_i_gate_loss *loss;
    unsigned loss_needs; /* what of these data the loss looks at */
    double total_weight;
    bool normalises; /* the log posteriors are to be normalised when they are taken */
    bool stays;      /* the gate is what it starts from */
    bool checks;     /* numbers, features apart, are to be checked when they are taken */
    mele_engine *engine;
} mele_i_gate_training;

/* One row of the table of kinds. What a kind may do without is NULL. */
struct mele_i_gate_kind {
    const char *name;
    bool trained;   /* it needs what the loss needs; other kinds only report the loss */
    bool has_input; /* it sees what the option `on` says */
    bool bends;     /* its logits are not linear in its parameters */
    bool global;    /* the global expert predicts, no blend: the loss is not known */
    bool for_families; /* families train it: who asks for a gate between experts does not choose it */

    /* Set the needs, the features and the state of a gate that is to be trained on these data, of
     * which only sizes, and what is there at all, count: it is the gate that training starts
     * from. mele_gate_free() frees what there is after a failure, too. */
    mele_status (*make)(mele_gate *gate, const mele_i_gate_training *training, mele_error *error);

    /* Look at the rows before they are trained on; make what was trained ready for use. */
    mele_status (*prepare)(mele_gate *gate, const mele_i_gate_training *training,
                           mele_error *error);
    /* From what there is after that; NULL: mele_i_gate_train(). */
    mele_status (*train)(mele_gate *gate, const mele_i_gate_training *training,
                         mele_gate_info *info, mele_error *error);
    void (*finish)(mele_gate *gate);
    void (*free)(void *state);

    const mele_i_gate_kind *trained_as; /* the kind whose training it goes on from; NULL: its own */

    /* Start a gate that is prepared from a finished one of that kind; false: it sees other numbers,
     * and nothing is changed. NULL: a gate that is not trained. */
    bool (*start)(mele_gate *gate, const mele_gate *from);

    /* The parameters that training moves, how many and which. The first *factors are factors, above
     * 0: they are moved as logarithms and the ridge pulls them to 1, all others to 0. NULL: none. */
    size_t (*parameters)(const mele_gate *gate, size_t *factors);
    void (*get)(const mele_gate *gate, double *parameters);
    void (*set)(mele_gate *gate, const double *parameters);

    /* How many of its numbers are free, as a softmax is the same whatever is added to all logits of a row; K is 2
     * at least. NULL: none. */
    size_t (*freedom)(const mele_gate *gate);

    /* Multiply-adds of forward() a row. */
    size_t (*work)(const mele_gate *gate);

    /* Numbers of working memory for so many rows, also for backward(). */
    size_t (*scratch)(const mele_gate *gate, size_t rows, bool backward);

    /* Logits of some rows to out (count x K), whose softmax is the weights: finite, or -infinity
     * for a weight of 0. A row's numbers depend on that row alone. What backward() wants of it stays
     * in scratch. */
    void (*forward)(const mele_gate *gate, const mele_i_gate_rows *rows, double *scratch,
                    double *out);

    /* Add sum_ik residual_ik d logit_ik / d parameter to gradient, of the rows and the scratch of
     * the last forward(); residual is count x K, and 0 where the logit is -infinity. */
    void (*backward)(const mele_gate *gate, const mele_i_gate_rows *rows, const double *residual,
                     double *scratch, double *gradient);

    /* Second derivatives; kinds without have none of these. Of kinds whose logits are not linear in the
     * parameters they are those without the logits' own, and of a loss made semidefinite (near). curvature() adds to so many sums what some rows, at most MELE_I_PANEL_ROWS, have of
     *     sum_ikl second_ikl (d logit_ik / d parameter_a) (d logit_il / d parameter_b),
     * of the rows and the scratch of the last forward(), with second as a loss makes it and 0 past the
     * rows up to a multiple of 8; room: curvature_scratch() numbers. hessian() makes the whole matrix of
     * the sums, parameters x parameters. */
    size_t (*curvature_sums)(const mele_gate *gate);
    size_t (*curvature_scratch)(const mele_gate *gate);
    void (*curvature)(const mele_gate *gate, const mele_i_gate_rows *rows, const double *second,
                      double *scratch, double *room, double *sums);
    void (*hessian)(const mele_gate *gate, const double *sums, double *out);

    /* The weight of the k-th expert becomes that of the order[k]-th: of gates that see no posteriors.
     * MELE_ENOMEM. NULL: it cannot be done. */
    mele_status (*reorder)(mele_gate *gate, const size_t *order, mele_error *error);

    /* A line for people, as snprintf() writes it; NULL: the name alone. */
    size_t (*describe)(const mele_gate *gate, char *out, size_t size);

    /* The kind's own keys, to and from a section that has "kind" and "clusters". load() sets needs,
     * features and state; sizes are checked before memory is taken for them. */
    bool (*save)(const mele_gate *gate, json_t *section);
    mele_status (*load)(const json_t *section, mele_gate *gate, mele_error *error);
};

extern const mele_i_gate_kind mele_i_gate_global, mele_i_gate_hard, mele_i_gate_posterior,
    mele_i_gate_temperature, mele_i_gate_softmax, mele_i_gate_mlp, mele_i_gate_constant,
    mele_i_gate_tree, mele_i_gate_sparse;

/* Members of kinds without a state, whose weights are made of the posteriors alone (plain.c). */
mele_status mele_i_gate_plain_make(mele_gate *gate, const mele_i_gate_training *training,
                                   mele_error *error);
bool mele_i_gate_plain_save(const mele_gate *gate, json_t *section);
mele_status mele_i_gate_plain_load(const json_t *section, mele_gate *gate, mele_error *error);

/* NULL: there is none of that name. */
const mele_i_gate_kind *mele_i_gate_kind_find(const char *name);

/* A gate without needs and state; NULL: no memory. */
mele_gate *mele_i_gate_new(const mele_i_gate_kind *kind, size_t clusters);

struct mele_i_gate_loss {
    const char *name;
    unsigned needs; /* what of the data it looks at */
    /* The loss of some rows under the weights exp(log_g), added to sums: sums[0] + sums[1], of
     * which sums[1] does not depend on the gate; and residual_ik = d loss_i / d logit_ik, weights
     * included. work: room for count x (K + 1) numbers. */
    void (*block)(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                  const double *log_g, double *residual, double *work, double sums[2]);
    /* The second derivatives of the loss of some rows, at most MELE_I_PANEL_ROWS, weights included:
     * d2 loss_i / d logit_k d logit_l, l <= k, to out[(k (k + 1) / 2 + l) * MELE_I_PANEL + i]. work:
     * room for (3 K + 2) MELE_I_PANEL numbers. */
    void (*second)(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                   const double *log_g, double *work, double *out);
    /* The same of a positive semidefinite matrix that serves in their place. */
    void (*near)(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                 const double *log_g, double *work, double *out);
    bool is_convex;    /* in the logits */
    bool takes_shares; /* it looks at shares where there are any. Without, log p is what the gate must
                          reproduce: its logits leave it out */
};

const mele_i_gate_loss *mele_i_gate_loss_find(const char *name);

extern const mele_i_gate_loss mele_i_gate_likelihood, mele_i_gate_squared, mele_i_gate_cross_entropy;

/* What a gate may be made to see: the option `on`. */
typedef struct mele_i_gate_input {
    const char *name;
    bool posteriors, features;
} mele_i_gate_input;

/* NULL: there is none of that name; the first for a name of NULL. */
const mele_i_gate_input *mele_i_gate_input_find(const char *name);

/* ---- the training data (data.c) ---- */

/* What a loss looks at: shares in place of what it needs, where there are any that it takes. */
unsigned mele_i_gate_loss_needs(const mele_i_gate_loss *loss, const mele_gate_data *data);

/* The i-th thing that a flag names; NULL past the last. */
mele_rows *mele_i_gate_part_of(mele_gate_data *data, size_t i, unsigned *flag);

/* Whether all that some flags name is there; if not, *missing is the name of the first that is
 * missing. */
bool mele_i_gate_has(const mele_gate_data *data, unsigned needs, const char **missing);

/* The numbers that an expert predicts: M. */
size_t mele_i_gate_outputs(const mele_gate_data *data);

/* The shapes of what some flags name. */
mele_status mele_i_gate_check_shapes(const mele_gate_data *data, unsigned needs, mele_error *error);

/* Its numbers, in a pass of their own; *normalises: the log posteriors, if they are among it, are not
 * normalised. */
mele_status mele_i_gate_check_numbers(const mele_gate_data *data, unsigned needs, mele_engine *engine,
                                      bool *normalises, mele_error *error);

/* Numbers of memory that mele_i_gate_take() needs for blocks of up to so many rows. */
size_t mele_i_gate_take_room(const mele_i_gate_training *training, unsigned needs, size_t rows);

/* The block's rows of the training data, in place or made in memory. */
mele_status mele_i_gate_take(const mele_i_gate_training *training, unsigned needs,
                             mele_i_block block, double *memory, mele_i_gate_rows *rows,
                             mele_error *error);

/* ---- what kinds are trained and asked by ---- */

/* log g of some rows to out (count x K). */
void mele_i_gate_weigh(const mele_gate *gate, const mele_i_gate_rows *rows, double *scratch,
                       double *out);

/* kind->scratch() and kind->work(), 0 of kinds without. */
size_t mele_i_gate_scratch(const mele_gate *gate, size_t rows, bool backward);
size_t mele_i_gate_work(const mele_gate *gate);

/* The mean loss of a gate on the training data. */
mele_status mele_i_gate_mean_loss(const mele_gate *gate, const mele_i_gate_training *training,
                                  double *loss, mele_error *error);

/* The penalty of a gate that is not finished, a unit of weight. */
mele_status mele_i_gate_penalty(const mele_gate *gate, const mele_i_gate_training *training,
                                double *out, mele_error *error);

/* The number of a gate's parameters, 0 of kinds without. */
size_t mele_i_gate_parameters(const mele_gate *gate, size_t *factors);

/* Minimise the penalised loss over the gate's parameters, from those it has; after a failure they
 * are some or other. step: every how many rows are those whose second derivatives are taken; 1: all; 0:
 * none are. */
mele_status mele_i_gate_train(mele_gate *gate, const mele_i_gate_training *training, size_t step,
                              mele_gate_info *info, mele_error *error);

/* The step that should take least time, which depends on sizes alone. */
size_t mele_i_gate_part_step(const mele_gate *gate, const mele_i_gate_training *training);

/* What passes over an objective's rows look at. */
typedef struct mele_i_gate_objective mele_i_gate_objective;
unsigned mele_i_gate_needs_of(const mele_i_gate_objective *objective);

/* The parameters at theta, their logarithms as far as they are factors. */
void mele_i_gate_from_theta(const double *theta, size_t count, size_t factors, double *parameters);

/* The penalised mean loss and its gradient at theta, the parameters with the logarithms of those
 * that are factors, for mele_i_gate_train() and for its tests. The gate's parameters become those of
 * theta. */
struct mele_i_gate_objective {
    mele_gate *gate;
    const mele_i_gate_training *training;
    bool backward;      /* the gradient, too */
    double offset;      /* of the mean loss, left out of the value */
    double *parameters; /* room: as many as there are */
    double *sums;       /* room: 2 and as many */
};

mele_status mele_i_gate_evaluate(void *objective, const double *theta, double *value,
                                 double *gradient, mele_error *error);

#endif
