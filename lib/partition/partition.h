#ifndef MELE_PARTITION_PARTITION_H
#define MELE_PARTITION_PARTITION_H

#include <jansson.h>
#include <mele/partition.h>

/* MELE_EDATA where there are fewer rows than clusters. */
mele_status mele_i_check_clusters(size_t clusters, size_t rows, mele_error *error);

/* The section "partition" of a model: a new reference, NULL when memory ran out. */
json_t *mele_i_partition_save(const mele_partition *partition);
mele_status mele_i_partition_load(const json_t *section, mele_partition **out, mele_error *error);

/* What makes log posteriors of rows, wherever those are. */
typedef struct mele_i_posterior_rows {
    const mele_partition *partition;
    const mele_rows *points; /* in the partition's columns */
} mele_i_posterior_rows;

/* The log posteriors as rows of K numbers, made when they are asked for: those of
 * mele_partition_log_posteriors(). What is handed over must outlive them. */
mele_rows mele_i_posterior_rows_of(mele_i_posterior_rows *posteriors);

/* The sizes that mele_partition_sizes() gives for the rows of the fit, where it has found them;
 * else NULL. */
const size_t *mele_i_partition_fitted_sizes(const mele_partition *partition);

/* Number the clusters by the lexicographic order of their centres. which (K): what each of them was before;
 * NULL: not wanted. MELE_ENOMEM: nothing is changed. */
mele_status mele_i_partition_number(mele_partition *partition, size_t *which, mele_error *error);

/* Whether a method of that name has a likelihood, and why it may have made fewer clusters than were
 * asked for. */
bool mele_i_partition_has_density(const char *method);
const char *mele_i_partition_why_fewer(const char *method);

/* The same regions seen through the first cols columns only: the marginal of the mixture. */
mele_status mele_i_partition_marginal(const mele_partition *partition, size_t cols,
                                      mele_partition **out, mele_error *error);

#endif
