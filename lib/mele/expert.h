#ifndef MELE_EXPERT_H
#define MELE_EXPERT_H

#include <stdbool.h>
#include <stdint.h>

#include <mele/engine.h>
#include <mele/matrix.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Stage 2: one expert per region, each trained on its own region alone, and the global expert,
 *  trained on all rows, that stands in where a region has too few rows. */
typedef struct mele_experts mele_experts;

/** What is predicted: for regression `values` has m >= 1 columns; for classification `classes`
 *  >= 1 and `values` has one column of class indices 0 .. classes-1. */
typedef struct mele_targets {
    mele_matrix values;
    size_t classes; /**< 0: regression */
} mele_targets;

/** A ridge that generalised cross-validation chooses, region by region (linear). */
#define MELE_RIDGE_GCV (-1.0)

/** The kind's own default ridge; mele_expert_info tells it. */
#define MELE_RIDGE_DEFAULT (-2.0)

typedef struct mele_expert_options {
    const char *kind;   /**< "linear" or "logistic"; NULL (default): linear for regression, else
                             logistic */
    const char *assign; /**< "hard" (default): an expert trains on the rows whose largest posterior
                             is its region's; "soft": on all rows, weighted by posterior */
    double ridge;       /**< L >= 0: the sum of squared coefficients without the intercepts, times L
                             (linear), is added to the weighted sum of squares, or times L/2
                             (logistic: of all classes) to the negative log-likelihood; columns are
                             taken as scaled. Default MELE_RIDGE_DEFAULT */
    const char *solver; /**< linear: "qr" (default) or "normal" */
    size_t max_iterations; /**< logistic: Newton steps; default 100 */
    size_t min_rows;    /**< regions with fewer rows of positive weight, and a smaller sum of
                             weights, fall back to the global expert;
                             0 (default): as many as an expert has coefficients a target, but not
                             more than 5, chosen on real data */
    size_t folds;       /**< left-out predictions of kinds without a closed form; 2 to 255,
                             default 5 */
    uint64_t seed;      /**< default 1 */
    size_t fold;        /**< part of the random stream's key: 0 outside cross-validation */
} mele_expert_options;

/** What happened to one expert. A fallback has the errors and the ridge of the global expert. */
typedef struct mele_expert_info {
    double rows;     /**< the region's rows: sum of weights (times posteriors when soft) */
    size_t rank;     /**< of the design, intercept included; 0 for a fallback */
    bool fallback;   /**< too few rows: the global expert answers here */
    size_t iterations;
    bool converged;
    double error;    /**< training error a row: mean squared error (mean over targets), or mean
                          negative log-likelihood */
    double left_out; /**< the same measure of the left-out predictions; NaN: not computed */
    double ridge;    /**< the ridge used: for logistic experts at least 1e-8 a unit of weight */
} mele_expert_info;

MELE_API mele_expert_options mele_expert_defaults(void);

/** The name of the i-th kind, NULL past the last. */
MELE_API const char *mele_expert_kind(size_t i);

/** What MELE_RIDGE_DEFAULT stands for in the i-th kind, chosen by cross-validation on real data. */
MELE_API double mele_expert_ridge(size_t i);

/** Train the experts.
 * @param x               n x d, scaled, finite; d >= 1.
 * @param targets         n rows; finite, in any scale (the caller's standardised units are best).
 * @param weights         n importances >= 0, or NULL: all 1.
 * @param log_posteriors  n x K without gaps, from mele_partition_log_posteriors() or elsewhere.
 * @param clusters        K >= 1.
 * @param options         NULL: mele_expert_defaults().
 * @param out             freed with mele_experts_free(); untouched on error.
 * @param left_out        NULL, or n x K x M for what each expert predicts of each row when that
 *                        row (its fold, for kinds without a closed form) was not in the
 *                        training: what gates are to be trained on. M is the number of targets,
 *                        or of classes (log-probabilities).
 * @param left_out_variance  NULL, or n x K x M for the variances of those predictions, noise
 *                        included (regression only).
 * @param info            NULL, or K + 1 entries, the global expert's last.
 * @return MELE_OK; MELE_EINVAL: an option, shapes; MELE_EDATA: NaN, a class out of range;
 *         MELE_ENOMEM; MELE_ESTOPPED.
 * Regions never fail a fit: empty, tiny, constant and collinear ones have stated outcomes.
 * linear: O(n d^2 + K d^3), soft O(n K d^2). logistic: O(n (d C)^2) a step, soft K times that. */
MELE_API mele_status mele_experts_fit(const mele_matrix *x, const mele_targets *targets,
                                      const double *weights, const double *log_posteriors,
                                      size_t clusters, const mele_expert_options *options,
                                      mele_engine *engine, mele_experts **out, double *left_out,
                                      double *left_out_variance, mele_expert_info *info,
                                      mele_error *error);

MELE_API void mele_experts_free(mele_experts *experts);

/** One of mele_expert_kind(). */
MELE_API const char *mele_experts_name(const mele_experts *experts);
MELE_API size_t mele_experts_clusters(const mele_experts *experts);   /**< K */
MELE_API size_t mele_experts_columns(const mele_experts *experts); /**< d */
MELE_API size_t mele_experts_outputs(const mele_experts *experts); /**< M: targets or classes */
MELE_API size_t mele_experts_classes(const mele_experts *experts); /**< 0: regression */

/** What every expert predicts of every row.
 *  Rows are independent: a row's numbers do not depend on the rows around it.
 * @param mean      n x K x M: the means, or log-probabilities.
 * @param variance  NULL, or n x K x M: the total variances, noise included (regression only; for
 *                  classes nothing is written).
 * @return MELE_OK; MELE_EINVAL: columns differ; MELE_ENOMEM.
 * Thread-safe for the same experts. O(n K d M). */
MELE_API mele_status mele_experts_predict(const mele_experts *experts, const mele_matrix *x,
                                          mele_engine *engine, double *mean, double *variance,
                                          mele_error *error);

/** The residual variances from left-out predictions, K x M to out, floored above 0; a fallback
 *  has the global expert's. Regression only (classes: nothing is written). */
MELE_API void mele_experts_variances(const mele_experts *experts, double *out);

#ifdef __cplusplus
}
#endif

#endif
