#ifndef MELE_PARTITION_SHARED_H
#define MELE_PARTITION_SHARED_H

#include "partition/kmeans.h"

/* What kinds have in common whose regions are the rows nearest to centres: the mixture of equal priors
 * and one spherical variance for all (see shared.c), which is the first number of the shape. */

size_t mele_i_shared_count(size_t clusters, size_t columns);

/* Lloyd's iteration, or when `iterate` is false the attempt's start itself, less those of its centres
 * that are nearest to no row; and the variance that belongs to it. */
mele_status mele_i_shared_fit(const mele_i_attempt *attempt, bool iterate, mele_partition *trial,
                              mele_partition_info *info, mele_error *error);

void mele_i_shared_log_joint(const mele_partition *p, const double *x, size_t stride, size_t rows,
                             double *out);
bool mele_i_shared_nearest_is_largest(const mele_partition *p, const mele_i_filter *filter);
void mele_i_shared_keep_order(mele_partition *p, const size_t *order, double *work);
void mele_i_shared_marginal(const mele_partition *from, mele_partition *to);
mele_status mele_i_shared_take(const mele_partition_arrays *arrays, mele_partition *p,
                               mele_error *error);
bool mele_i_shared_save(const mele_partition *p, json_t *section);
mele_status mele_i_shared_load(const json_t *section, mele_partition *p, mele_error *error);

/* The row of a kind that is this mixture, as far as it goes whatever else the kind keeps. */
#define MELE_I_SHARED_VARIANCE                                                                     \
    .spread = "shared", .log_joint = mele_i_shared_log_joint,                                      \
    .nearest_is_largest = mele_i_shared_nearest_is_largest

#endif
