#ifndef MELE_FAMILY_SPARSE_TRAIN_H
#define MELE_FAMILY_SPARSE_TRAIN_H

#include "family/sparse/batch.h"
#include "family/together.h"

typedef struct mele_i_sparse_training {
    mele_i_sparse_rule rule;
    size_t batch, max_epochs; /* 0: its own number */
    double rate;              /* the first step size */
    double holdout;           /* share of the rows that early stopping watches */
} mele_i_sparse_training;

/* The move of a sparse mixture; the context is its mele_i_sparse_training. MELE_EDATA: the
 * objective does not stay finite. */
mele_status mele_i_sparse_move(const mele_i_together *together, const mele_i_together_moved *moved,
                               mele_error *error);

#endif
