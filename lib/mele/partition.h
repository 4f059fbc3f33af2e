#ifndef MELE_PARTITION_H
#define MELE_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include <mele/engine.h>
#include <mele/matrix.h>
#include <mele/rows.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Stage 1: regions of the input space, and how likely each is for a row. */
typedef struct mele_partition mele_partition;

typedef struct mele_partition_options {
    const char *method;     /**< "kmeans" (default), "gmm", "fcm", "som" or "random": a name of
                                 mele_partition_method() */
    size_t clusters;        /**< K >= 1; default 8 */
    const char *covariance; /**< gmm: "full" (default), "tied" (one for all components),
                                 "diagonal" or "spherical": a name of mele_partition_covariance() */
    const char *init;       /**< "kmeans++", "random", or "plane": a grid on the plane of the first two
                                 principal components, once; NULL (default): the method's own, which is
                                 plane for som, random for random and kmeans++ for the others */
    const mele_matrix *centres; /**< start from these K x d centres, once, and number the clusters
                                     in their order; NULL: init */
    const mele_matrix *responsibilities; /**< gmm: start from these n x K numbers >= 0, once, and
                                     number the components in their order (each row is divided by
                                     its sum, which must be positive); NULL: centres or init */
    size_t restarts;        /**< >= 1; default 10; the best objective wins */
    size_t max_iterations;  /**< >= 1; default 300 */
    double tolerance;       /**< default 1e-4; relative to the mean variance of the columns for
                                 k-means, fcm and som (squared shift of the centres), absolute for gmm
                                 (mean log-likelihood a row) */
    double covariance_floor; /**< gmm: > 0; default 1e-2, relative to the mean variance of the
                                  columns: no component's variance is smaller in any direction; others:
                                  the default */
    double shrinkage;       /**< gmm: 0 (default) to 1 (others: 0), how far each covariance S is shrunk towards
                                 the sphere of its size: (1 - s) S + s (trace S / d) I. With s > 0
                                 a step may lower the log-likelihood, which ends the fit */
    double fuzzifier;       /**< fcm: from 1.001 to 100, or 0 (default): 2; others: 0 */
    size_t grid_rows, grid_columns; /**< som: the map, as many units as clusters; 0 and 0 (default): the
                                 most square one, or a line for data in one column; others: 0 */
    const char *algorithm;  /**< of k-means: "auto" (default), "plain", "tiles" or "bounds"; the
                                 results are the same bytes, the time is not */
    bool keep;              /**< of k-means, of rows that are read (mele_partition_fit_rows()): keep them
                                 in single precision where that pays, about 4 d bytes each, so that an
                                 iteration reads few of them. Default false */
    const double *center, *scale; /**< d numbers each: what was measured is center + scale x. Tell
                                 which columns are constant but for rounding, and so are to tell no
                                 rows apart. NULL (default): 0 and 1 */
    uint64_t seed;          /**< default 1 */
    size_t fold;            /**< part of the random stream's key: 0 outside cross-validation */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_partition_options;

/** What a fit was like. */
typedef struct mele_partition_info {
    size_t iterations;  /**< of the restart that won */
    double objective;   /**< inertia (k-means, som, random), mean log-likelihood a row (gmm),
                             sum of w u^m D (fcm) */
    bool converged;
    size_t clusters;    /**< K after merging: fewer when there are fewer distinct rows, units of a som
                             that no row is nearest to, or centres of fcm that came to coincide */
    size_t merged;      /**< clusters asked for and not made */
    size_t repaired;    /**< times an empty cluster was given a new centre */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_partition_info;

MELE_API mele_partition_options mele_partition_defaults(void);

/** The name of the i-th method, NULL past the last. */
MELE_API const char *mele_partition_method(size_t i);

/** The name of the i-th kind of covariance, NULL past the last. */
MELE_API const char *mele_partition_covariance(size_t i);

/** Split the rows of x into regions.
 * @param x        n x d, scaled by the caller (no unit), finite; d >= 1.
 * @param weights  n importances >= 0, one of them positive, in any unit (see mele_data_of_arrays()), or
 *                 NULL: all 1.
 * @param options  NULL: mele_partition_defaults().
 * @param out      freed with mele_partition_free(); untouched on error.
 * @param info     NULL: not wanted; untouched on error.
 * @return MELE_OK; MELE_EINVAL: an option out of range, shapes; MELE_EDATA: K above n, NaN,
 *         a negative weight, rows too far apart for sums of squares; MELE_ENOMEM; MELE_ESTOPPED.
 * Not converging is a result (info->converged), not an error. Clusters are numbered by the
 * lexicographic order of their centres, or as options->centres are. Rows of weight zero are
 * labelled but change nothing. O(n K d) an iteration (gmm, full: O(n K d^2)).
 * Source: Lloyd 1982, IEEE Trans. Inf. Theory 28; Arthur, Vassilvitskii, SODA 2007; Dempster,
 * Laird, Rubin 1977, J. R. Stat. Soc. B 39; Bezdek 1981, Pattern Recognition with Fuzzy Objective
 * Function Algorithms; Kohonen 2001, Self-Organizing Maps; Armano, Hatami 2011, An improved mixture of
 * experts model. */
MELE_API mele_status mele_partition_fit(const mele_matrix *x, const double *weights,
                                        const mele_partition_options *options,
                                        mele_engine *engine, mele_partition **out,
                                        mele_partition_info *info, mele_error *error);

/** The same for rows that need not be in memory: each iteration reads them once, a start with
 *  k-means++ K times, or twice when there are very many rows. Own memory beyond the engine's
 *  windows of a few thousand rows, and a start's coreset of max(65536, 1024 K) rows: k-means at
 *  most 24 bytes a row up to K = 32 (with options->keep those of the rows more), gmm 20 bytes a row. Also fails as rows->read does. */
MELE_API mele_status mele_partition_fit_rows(const mele_rows *rows, const double *weights,
                                             const mele_partition_options *options,
                                             mele_engine *engine, mele_partition **out,
                                             mele_partition_info *info, mele_error *error);

/** What a partition is made of. */
typedef struct mele_partition_arrays {
    const char *method;        /**< a name of mele_partition_method() */
    const char *covariance;    /**< gmm: its kind; others: ignored (NULL) */
    mele_matrix centres;       /**< K x d centres or means */
    const double *weights;     /**< gmm: K priors >= 0 that sum to 1 (within 1e-6); NULL: all 1/K;
                                    others: ignored */
    const double *covariances; /**< full: K x d x d, tied: d x d, diagonal: K x d, spherical: K
                                    variances; kmeans, som, random: one variance; fcm: the least
                                    squared distance that counts */
    double fuzzifier;          /**< fcm: as in mele_partition_options */
    size_t grid_rows, grid_columns; /**< som: the map; 0 and 0: a line */
    const size_t *units;       /**< som: K different units r C + c of the map, r and c from 0; NULL: 0,
                                    1, .. */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_partition_arrays;

/** Build a partition from arrays, which are copied. Clusters keep their order.
 * @param out  freed with mele_partition_free(); untouched on error.
 * @return MELE_OK; MELE_EINVAL: an unknown name, a NULL, shapes; MELE_EDATA: NaN, an infinity,
 *         priors that are negative or do not sum to 1, a covariance that is not symmetric
 *         (within 1e-8 of its size) and positive definite; MELE_ENOMEM. */
MELE_API mele_status mele_partition_new(const mele_partition_arrays *arrays, mele_partition **out,
                                        mele_error *error);

MELE_API void mele_partition_free(mele_partition *partition);

/** Its method, one of mele_partition_method(). */
MELE_API const char *mele_partition_name(const mele_partition *partition);
MELE_API size_t mele_partition_clusters(const mele_partition *partition);
MELE_API size_t mele_partition_columns(const mele_partition *partition);

/** Copy the K x d centres (means) to out. */
MELE_API void mele_partition_centres(const mele_partition *partition, double *out);

/** The kind of its covariances: "full", "tied", "diagonal" or "spherical"; "shared" for k-means, som and
 *  random: one variance for all clusters and columns; "none" for fcm. */
MELE_API const char *mele_partition_covariance_kind(const mele_partition *partition);

/** How many numbers mele_partition_covariances() writes. */
MELE_API size_t mele_partition_covariance_count(const mele_partition *partition);

/** Copy the covariances to out, in the shapes of mele_partition_arrays. */
MELE_API void mele_partition_covariances(const mele_partition *partition, double *out);

/** The fuzzifier of fcm; 0: it is of another method. */
MELE_API double mele_partition_fuzzifier(const mele_partition *partition);

/** The map of a som: rows and columns, and in units[K] (NULL: not wanted) each cluster's unit r C + c, r and
 *  c from 0. Some may belong to no cluster. False: it is of another method. */
MELE_API bool mele_partition_grid(const mele_partition *partition, size_t *rows, size_t *columns,
                                  size_t *units);

/** Copy the K priors, which sum to 1, to out: 1/K but for gmm. */
MELE_API void mele_partition_weights(const mele_partition *partition, double *out);

/** Free parameters of the mixture, as information criteria count them: K d of the means; K - 1
 *  priors (others than gmm: none); covariances: full K d (d + 1) / 2, tied d (d + 1) / 2, diagonal K d,
 *  spherical K, k-means, som and random 1, fcm none. */
MELE_API double mele_partition_parameters(const mele_partition *partition);

/** log p_k(x_i), n x K to out: each row's log posteriors, whose exponentials sum to 1. Finite or
 *  -infinity, never NaN, for every finite row however far.
 * @return MELE_OK; MELE_EINVAL: x has other columns than the partition; MELE_ENOMEM.
 * A row's numbers depend on that row alone, here and below. Thread-safe for one partition.
 * O(n K d), for gmm O(n K d^2). */
MELE_API mele_status mele_partition_log_posteriors(const mele_partition *partition,
                                                   const mele_matrix *x, mele_engine *engine,
                                                   double *out, mele_error *error);

/** log p(x_i), n numbers to out. For k-means the density of the mixture it is the limit of, also for som
 *  and random: equal priors, shared spherical variance. fcm has no density; what stands for it here and
 *  in mele_partition_log_densities() is log sum_k D_k^(-1 / (m - 1)), and its terms: larger where a row is
 *  nearer to the centres. */
MELE_API mele_status mele_partition_log_density(const mele_partition *partition,
                                                const mele_matrix *x, mele_engine *engine,
                                                double *out, mele_error *error);

/** log p(x_i | k), the components' own log densities without their priors, n x K to out. */
MELE_API mele_status mele_partition_log_densities(const mele_partition *partition,
                                                  const mele_matrix *x, mele_engine *engine,
                                                  double *out, mele_error *error);

/** The region 0..K-1 of every row: the index of its largest posterior, ties to the lowest, n numbers
 *  to out. One pass, without the posteriors of rows for which less tells.
 * @param rows  as for mele_partition_fit_rows().
 * @return as for mele_partition_log_posteriors(); what rows->read fails with. */
MELE_API mele_status mele_partition_assign(const mele_partition *partition, const mele_rows *rows,
                                           mele_engine *engine, uint32_t *out, mele_error *error);

/** How many rows have their largest posterior in each region, K numbers to out. */
MELE_API mele_status mele_partition_sizes(const mele_partition *partition, const mele_rows *rows,
                                          mele_engine *engine, size_t *out, mele_error *error);

/** How well a partition describes rows, to choose K by. */
typedef struct mele_criteria {
    double log_likelihood; /**< sum of w log p(x); of fcm, which has none, this and the next three but
                                parameters are NaN */
    double parameters;     /**< mele_partition_parameters() */
    double bic;            /**< parameters log(n) - 2 log_likelihood, n the sum of the weights, of which
                                the ordinary row's is 1;
                                smaller is better, also of the next two */
    double aic;            /**< 2 parameters - 2 log_likelihood */
    double icl;            /**< bic + 2 sum of w H, H the entropy of a row's posteriors */
    double silhouette;     /**< mean over a sample of rows, -1 to 1, larger is better; 0 for
                                K = 1. Weights count as copies of rows: the rows of a region
                                whose weights add up to at most 1 have 0 */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_criteria;

typedef struct mele_criteria_options {
    bool silhouette; /**< whether it is wanted (default: not, and it is NaN): O(m^2 d) for a sample
                          of m rows, which are all up to 4096; beyond that 4096 rows, dealt to the
                          regions in proportion to their sizes (at least 2 each) and drawn within
                          them by the seed */
    uint64_t seed;   /**< default 1 */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_criteria_options;

MELE_API mele_criteria_options mele_criteria_defaults(void);

/** Compute the criteria.
 * @param rows        as for mele_partition_fit_rows().
 * @param weights     importances in any unit, or NULL: all 1.
 * @param options     NULL: mele_criteria_defaults().
 * @param out         untouched on error.
 * @return MELE_OK; MELE_EINVAL: shapes; MELE_EDATA: NaN, a negative weight; MELE_ENOMEM; what
 *         rows->read fails with; MELE_ESTOPPED.
 * Source: Schwarz 1978, Ann. Stat. 6; Akaike 1974, IEEE Trans. Autom. Control 19; Biernacki,
 * Celeux, Govaert 2000, IEEE PAMI 22 (in the form of McLachlan, Peel 2000, Finite Mixture Models);
 * Rousseeuw 1987, J. Comput. Appl. Math. 20. */
MELE_API mele_status mele_partition_criteria(const mele_partition *partition,
                                             const mele_rows *rows, const double *weights,
                                             const mele_criteria_options *options,
                                             mele_engine *engine, mele_criteria *out,
                                             mele_error *error);

#ifdef __cplusplus
}
#endif

#endif
