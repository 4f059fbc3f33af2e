#ifndef MELE_EXPERT_TRAINERS_H
#define MELE_EXPERT_TRAINERS_H

#include <stdbool.h>

#include "core/stream.h"
#include "expert/mlp/objective.h"

/* Ways to train a network, a table of them. Weights start where they stand; what is given back is
 * the best that was seen: by the loss of the validation rows where there are any, else by the
 * objective. */

typedef struct mele_i_training {
    const mele_i_network *network;
    const mele_i_network_rows *rows;
    const mele_i_network_rows *validation; /* what early stopping watches; NULL: nothing */
    double decay;
    size_t max_epochs; /* 0: the trainer's own */
    size_t batch;
    double rate;
    mele_i_stream stream;
    mele_engine *engine;
    double *weights; /* in: the start; out: the result; untouched on error */
    size_t epochs;   /* out: how many it took */
    bool converged;
    double value; /* of the objective */
    double loss;  /* a unit of weight of the validation rows; NaN: there are none */
} mele_i_training;

typedef struct mele_i_trainer {
    const char *name;
    bool classes;         /* trains classes too */
    size_t most_weights;  /* that it can train */
    /* MELE_EDATA: the objective is not finite at the start. */
    mele_status (*train)(mele_i_training *training, mele_error *error);
} mele_i_trainer;

/* The i-th trainer; NULL past the last. */
const mele_i_trainer *mele_i_trainer_at(size_t i);
const mele_i_trainer *mele_i_trainer_named(const char *name);

extern const mele_i_trainer mele_i_trainer_lm;
extern const mele_i_trainer mele_i_trainer_bfgs;
extern const mele_i_trainer mele_i_trainer_adam;

/* ---- what trainers share ---- */

/* Keeps the weights with the least loss of the validation rows, where there are any, and tells of
 * progress. */
typedef struct mele_i_watch {
    const mele_i_training *training;
    double *best; /* weights */
    double least; /* their loss */
    size_t looks, found; /* how often it looked, and when it found them */
} mele_i_watch;

mele_status mele_i_watch_make(mele_i_watch *watch, const mele_i_training *training,
                              mele_error *error);
void mele_i_watch_free(mele_i_watch *watch);

/* After every epoch. *stop: the loss has not become less `patience` times. */
mele_status mele_i_watch_look(mele_i_watch *watch, const double *weights, size_t patience,
                              bool *stop, mele_error *error);

/* The result: the best weights, or these where nothing was watched. */
mele_status mele_i_watch_result(const mele_i_watch *watch, const double *weights,
                                mele_i_training *training, mele_error *error);

#endif
