#ifndef MELE_PARTITION_SUMS_H
#define MELE_PARTITION_SUMS_H

#include "engine/kernels.h"
#include "partition/bounds.h"
#include "partition/kind.h"

/* Counts, weights and sums of the rows of every cluster (see sums.c). */
typedef struct mele_i_sums {
    const mele_i_kernels *kernels;
    size_t clusters, columns;
    bool anew;          /* the pass adds all rows, not only those whose label changed */
    double changed;     /* of the pass: rows of positive weight whose label changed */
    double least, most; /* positive weights; 0: none seen */
    double *count;      /* K: rows of positive weight */
    double *weight, *weight_low; /* K: their sum and what it lacks */
    double *sum, *sum_low;       /* K x d: of weighted differences from the reference, likewise */
    double *reference;           /* K x d: the centres when sums were last taken anew */
    double *room;
} mele_i_sums;

/* Room for the sums. Freed with mele_i_sums_clear() whatever is returned. */
mele_status mele_i_sums_make(mele_i_sums *sums, const mele_i_kernels *kernels, size_t clusters,
                             size_t columns, mele_error *error);
void mele_i_sums_clear(mele_i_sums *sums);

/* Begin a pass over n rows: all are added, with these centres for reference, when that was asked
 * for or many labels changed in the last one; else those that change. */
void mele_i_sums_begin(mele_i_sums *sums, size_t rows, const double *centres, bool anew);

/* The numbers of a block's partial sums. */
size_t mele_i_sums_size(const mele_i_sums *sums);

/* Add the rows x of a block to its partial sums; label, weights (NULL: all 1): of the first of them. Changes that
 * are of weight 0 are taken out. */
void mele_i_sums_block(const mele_i_sums *sums, const mele_matrix *x, const uint32_t *label,
                       const double *weights, mele_i_changes *changes, double *partial);

void mele_i_sums_combine(mele_i_sums *sums, const double *partial);

/* The mean of a cluster that has rows. */
void mele_i_sums_mean(const mele_i_sums *sums, size_t cluster, double *out);

#endif
