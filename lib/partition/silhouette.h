#ifndef MELE_PARTITION_SILHOUETTE_H
#define MELE_PARTITION_SILHOUETTE_H

#include <stdint.h>

#include <mele/engine.h>
#include <mele/rows.h>

/* Rows that are compared with each other when there are more. */
#define MELE_I_SILHOUETTE_ROWS 4096

/* How many rows of each region a sample has: those of all regions when they are few enough; else
 * MELE_I_SILHOUETTE_ROWS in all, at least 2 of each region (or the one it has; together they may
 * then be more), the rest dealt in proportion to what the regions have beyond that, by largest
 * remainders (ties to the lowest region). sizes and out: K numbers. */
mele_status mele_i_silhouette_shares(const size_t *sizes, size_t clusters, size_t *out,
                                     mele_error *error);

/* Rows and the regions they are in. */
typedef struct mele_i_labelled {
    const mele_rows *rows;
    const double *weights; /* NULL: all 1; rows of weight 0 are left out */
    const uint32_t *label; /* of each row, below clusters */
    size_t clusters;
} mele_i_labelled;

/* Their mean silhouette, 0 when fewer than two regions have rows that count. */
mele_status mele_i_silhouette(const mele_i_labelled *all, uint64_t seed, mele_engine *engine,
                              double *out, mele_error *error);

#endif
