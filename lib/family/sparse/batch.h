#ifndef MELE_FAMILY_SPARSE_BATCH_H
#define MELE_FAMILY_SPARSE_BATCH_H

#include "family/coupled.h"

/* The objective of a sparsely gated mixture on a batch of rows (batch.c has the mathematics). */

typedef struct mele_i_sparse_rule {
    size_t active;  /* N: so many experts see a row, 1 to K */
    double noise;   /* standard deviation of what is added to the logits */
    double balance; /* factor of the penalty of unequal loads */
} mele_i_sparse_rule;

/* Numbers of one batch after another; what it works in is made once. Of one thread, which its
 * engine helps. */
typedef struct mele_i_sparse {
    mele_i_coupled
        *coupled; /* of a loss with a gate, a softmax under training; its room is there */
    mele_i_sparse_rule rule;
    size_t most_rows, blocks; /* of a batch */
    size_t block_bytes;
    unsigned char *memory; /* of all blocks */
    mele_i_coupled_scale *ready; /* K x M: the loss's scales */
    double *loads;         /* of the last batch, K each: f, P, and K numbers of slopes */
} mele_i_sparse;

/* Batches of up to so many rows. mele_i_sparse_clear(), also after a failure. */
mele_status mele_i_sparse_make(mele_i_coupled *coupled, const mele_i_sparse_rule *rule,
                               size_t most_rows, mele_i_sparse *out, mele_error *error);
void mele_i_sparse_clear(mele_i_sparse *sparse);

/* Rows of the coupled's, and the seed of their noise, of which each has its own stream. */
typedef struct mele_i_sparse_rows {
    const size_t *row;
    size_t count;
    double noise; /* in the place of the rule's: 0 at prediction */
    uint64_t seed, fold;
} mele_i_sparse_rows;

typedef struct mele_i_sparse_value {
    double loss, weight; /* sums over the rows */
    double value;        /* of the objective: the mean loss, the penalty of loads, the ridges */
} mele_i_sparse_value;

/* The objective, and its gradient (NULL: not wanted), at theta. */
mele_status mele_i_sparse_evaluate(mele_i_sparse *sparse, const mele_i_sparse_rows *rows,
                                   const double *theta, mele_i_sparse_value *out, double *gradient,
                                   mele_error *error);

/* Of the last batch: the share of its rows' weight, times N, that each expert saw, f_k (K numbers;
 * sum 1). */
const double *mele_i_sparse_loads(const mele_i_sparse *sparse);

#endif
