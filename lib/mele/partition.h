#ifndef MELE_PARTITION_H
#define MELE_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include <mele/engine.h>
#include <mele/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Stage 1: regions of the input space, and how likely each is for a row. */
typedef struct mele_partition mele_partition;

typedef struct mele_partition_options {
    const char *method;     /**< "kmeans" (default) or "gmm": a name of mele_partition_method() */
    size_t clusters;        /**< K >= 1; default 8 */
    const char *covariance; /**< gmm: "full" (default) */
    const char *init;       /**< "kmeans++" (default) or "random" */
    const mele_matrix *centres; /**< start from these K x d centres, once, and number the clusters
                                     in their order; NULL: init */
    size_t restarts;        /**< >= 1; default 10; the best objective wins */
    size_t max_iterations;  /**< >= 1; default 300 */
    double tolerance;       /**< default 1e-4; relative to the mean variance of the columns for
                                 k-means (squared shift of the centres), absolute for gmm (mean
                                 log-likelihood a row) */
    double covariance_floor; /**< gmm: > 0; default 1e-2, relative to the mean variance of the
                                  columns: no component's variance is smaller in any direction */
    uint64_t seed;          /**< default 1 */
    size_t fold;            /**< part of the random stream's key: 0 outside cross-validation */
} mele_partition_options;

/** What a fit was like. */
typedef struct mele_partition_info {
    size_t iterations;  /**< of the restart that won */
    double objective;   /**< inertia (k-means), mean log-likelihood a row (gmm) */
    bool converged;
    size_t clusters;    /**< K after merging: fewer when there are fewer distinct rows */
    size_t merged;      /**< clusters asked for and not made */
    size_t repaired;    /**< times an empty cluster was given a new centre */
} mele_partition_info;

MELE_API mele_partition_options mele_partition_defaults(void);

/** The name of the i-th method, NULL past the last. */
MELE_API const char *mele_partition_method(size_t i);

/** Split the rows of x into regions.
 * @param x        n x d, scaled by the caller (no unit), finite; d >= 1.
 * @param weights  n importances >= 0 with a positive sum, or NULL: all 1.
 * @param options  NULL: mele_partition_defaults().
 * @param out      freed with mele_partition_free(); untouched on error.
 * @param info     NULL: not wanted; untouched on error.
 * @return MELE_OK; MELE_EINVAL: an option out of range, shapes; MELE_EDATA: K above n, NaN,
 *         a negative weight, rows too far apart for sums of squares; MELE_ENOMEM; MELE_ESTOPPED.
 * Not converging is a result (info->converged), not an error. Clusters are numbered by the
 * lexicographic order of their centres, or as options->centres are. Rows of weight zero are
 * labelled but change nothing. O(n K d) an iteration (gmm, full: O(n K d^2)).
 * Source: Lloyd 1982, IEEE Trans. Inf. Theory 28; Arthur, Vassilvitskii, SODA 2007; Dempster,
 * Laird, Rubin 1977, J. R. Stat. Soc. B 39. */
MELE_API mele_status mele_partition_fit(const mele_matrix *x, const double *weights,
                                        const mele_partition_options *options,
                                        mele_engine *engine, mele_partition **out,
                                        mele_partition_info *info, mele_error *error);

MELE_API void mele_partition_free(mele_partition *partition);

/** Its method, one of mele_partition_method(). */
MELE_API const char *mele_partition_name(const mele_partition *partition);
MELE_API size_t mele_partition_clusters(const mele_partition *partition);
MELE_API size_t mele_partition_columns(const mele_partition *partition);

/** Copy the K x d centres (means) to out. */
MELE_API void mele_partition_centres(const mele_partition *partition, double *out);

/** log p_k(x_i), n x K to out: each row's log posteriors, whose exponentials sum to 1. Finite or
 *  -infinity, never NaN, for every finite row however far.
 * @return MELE_OK; MELE_EINVAL: x has other columns than the partition; MELE_ENOMEM.
 * A row's numbers depend on that row alone, here and below. Thread-safe for one partition.
 * O(n K d) for k-means, O(n K d^2) for gmm. */
MELE_API mele_status mele_partition_log_posteriors(const mele_partition *partition,
                                                   const mele_matrix *x, mele_engine *engine,
                                                   double *out, mele_error *error);

/** log p(x_i), n numbers to out. For k-means the density of the mixture it is the limit of: equal
 *  priors, shared spherical variance. */
MELE_API mele_status mele_partition_log_density(const mele_partition *partition,
                                                const mele_matrix *x, mele_engine *engine,
                                                double *out, mele_error *error);

/** The index 0..K-1 of the largest posterior, ties to the lowest, n numbers to out. */
MELE_API mele_status mele_partition_assign(const mele_partition *partition, const mele_matrix *x,
                                           mele_engine *engine, size_t *out, mele_error *error);

#ifdef __cplusplus
}
#endif

#endif
