#ifndef MELE_EXPERT_H
#define MELE_EXPERT_H

#include <stdbool.h>
#include <stdint.h>

#include <mele/assignment.h>
#include <mele/engine.h>
#include <mele/matrix.h>
#include <mele/rows.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Stage 2: one expert per region, each trained on its own region alone, and the global expert,
 *  trained on all rows, that stands in where a region has too few rows. */
typedef struct mele_experts mele_experts;

/** What experts predict of rows that they were not trained on: <mele/left_out.h>. */
typedef struct mele_left_out mele_left_out;

/** What is predicted: for regression `values` has m >= 1 columns; for classification `classes`
 *  >= 1 and `values` has one column of class indices 0 .. classes-1, which are in memory. */
typedef struct mele_targets {
    mele_rows values;
    size_t classes; /**< 0: regression */
} mele_targets;

/** What experts are trained on. All that is pointed to is the caller's, and is not changed. */
typedef struct mele_expert_data {
    mele_rows x;           /**< n x d, scaled, finite; d >= 1. Rows that are read are read block by block
                                in several passes, and nothing of n x d is held; mlp and gp gather the
                                rows of a region */
    mele_targets targets;  /**< n rows; finite, in any scale (the caller's standardised units are best).
                                Rows that are read are read block by block, as those of x */
    const double *weights; /**< n importances >= 0 in any unit (see mele_data_of_arrays()), or NULL: all
                                1 */
    const mele_assignment *assignment; /**< of the n rows to K experts */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_expert_data;

/** A ridge that generalised cross-validation chooses, region by region (linear). */
#define MELE_RIDGE_GCV (-1.0)

/** The kind's own default ridge; mele_expert_info tells it. */
#define MELE_RIDGE_DEFAULT (-2.0)

typedef struct mele_expert_options {
    const char *kind;   /**< one of mele_expert_kind(), or "auto": in each region the candidate of
                             mele_expert_candidate() with the smallest left-out error; NULL
                             (default): linear for regression, else logistic */
    const char *assign; /**< what fits of several stages (fit.h) make of posteriors: "hard" (default),
                             an expert trains on the rows whose largest posterior is its region's, or
                             "soft", on all rows, weighted by posterior. mele_experts_fit() is given
                             its assignment, and does not look at this */
    double ridge;       /**< L >= 0: the sum of squared coefficients without the intercepts, times L
                             (linear; mlp: of all weights without biases), is added to the weighted
                             sum of squares, or times L/2 (logistic: of all classes; mlp for
                             classes) to the negative log-likelihood; columns are taken as scaled.
                             gp: not used. Default MELE_RIDGE_DEFAULT */
    size_t degree;      /**< linear, logistic: 1 (default), or 2: squares and products of the
                             columns too */
    const char *solver; /**< linear: "qr" (default) or "normal" */
    size_t max_iterations; /**< logistic: Newton steps; default 100 */
    size_t hidden;      /**< mlp: hidden units, 1 to 1024; default 8 */
    const char *activation; /**< mlp: "tanh" (default), "logistic" or "relu" */
    const char *trainer; /**< mlp: "lm" (Levenberg-Marquardt, regression only), "bfgs" (limited
                             memory), "adam" (mini-batches); NULL (default): by the rows and the
                             parameters, see methods.md */
    size_t max_epochs;  /**< mlp: passes over the rows (adam), or iterations, at most; 0 (default):
                             the trainer's own */
    size_t batch;       /**< mlp, adam, and family sparse: rows of a mini-batch; default 200 */
    double rate;        /**< mlp, adam: the step size it starts with; default 0.01 */
    double holdout;     /**< mlp: the share of rows that early stopping watches, 0 to 0.5; 0: none;
                             negative (default): 0.1 with many rows, else none, see methods.md */
    const char *kernel; /**< gp: "squared-exponential" or "matern52" (default) */
    size_t terms;       /**< gp: the covariance is the sum of so many kernels, each with its own
                             lengths and variance, 1 to 4, or one where that is found to predict
                             better between the levels of a grid; default 2 */
    size_t most_rows;   /**< gp: rows of a region that are used at most, 2 to 20000; more are thinned
                             out to a random subset; default 500 */
    size_t restarts;    /**< mlp, gp: starts, of which the best is kept; default 1 */
    size_t networks;    /**< mlp: so many networks are kept, of at least as many starts the best,
                             and their outputs averaged; at most 1024; 0 (default): one */
    size_t min_rows;    /**< regions with fewer rows of positive weight, and a smaller sum of
                             weights, are too small; 0 (default): as many as a linear expert has
                             coefficients a target, but not more than 5, chosen on real data */
    const char *small;  /**< what becomes of them: "global" (default): the global expert answers
                             there; "shrink": an own expert, shrunk towards the global one by the
                             rows that are missing; "merge": the rows join the region that is next
                             by posterior, whose expert answers */
    const double *center, *scale; /**< d numbers each: what was measured is center + scale x. Tell
                             what is rounding there, and so which columns are constant but for it;
                             standard errors are in those units. NULL (default): 0 and 1 */
    const double *target_center, *target_scale; /**< the same of the targets (regression): variances
                             are not below their rounding */
    const size_t *groups; /**< n numbers: rows with one number are left out together, by every kind,
                             see methods.md. Where the rows of positive weight are all of one
                             group, left-out predictions and errors are NaN, variances leave out
                             single rows, and auto is its first candidate. NULL (default): every row
                             is left out by itself */
    size_t only;        /**< 1 to K: train this expert alone; the others, the global one too, are
                             those of `start`. What that has not is not there, but for what answers
                             in this region, and the global one where the kind always has it.
                             0 (default): all */
    size_t freeze;      /**< 1 to K: this one stays as it is in `start`. 0 (default): none. Where
                             one that stays was merged into a region that these rows leave without
                             an expert of its own, what answers there, or else the global expert,
                             answers; with neither the fit fails with MELE_EDATA */
    const mele_experts *start; /**< experts of the same shape that mlp, gp and logistic start from
                             where the kinds agree, and that `only` and `freeze` (of the same
                             `kind`) leave as they are; NULL (default): none */
    bool cold;          /**< start from nothing all the same: `start` says only what stays. Default
                             false */
    bool global;        /**< train the global expert also where no region needs it, with left-out
                             predictions of its own: a global gate predicts by it. Of one region,
                             whose expert it is, none beside. Default false */
    bool in_sample;     /**< linear, logistic, mlp: variances are those of the residuals in sample, as
                             maximum likelihood has them, nothing is left out for them, and left-out
                             errors are NaN. Default false */
    size_t folds;       /**< left-out predictions of kinds without a closed form; 2 to 255,
                             default 5 */
    uint64_t seed;      /**< default 1 */
    size_t fold;        /**< part of the random stream's key: 0 outside cross-validation */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_expert_options;

#define MELE_EXPERT_CANDIDATES 16

/** What happened to one expert. A fallback has the errors and the ridge of the global expert. */
typedef struct mele_expert_info {
    const char *kind; /**< of the expert; NULL: it was not trained */
    double rows;     /**< the region's rows: sum of weights (times posteriors when soft), of which
                          the ordinary row's is 1 */
    size_t rank;     /**< of the design, intercept included; mlp: parameters; gp: rows that it
                          holds; 0 for a fallback */
    bool fallback;   /**< too few rows: the global expert answers here */
    size_t merged_into; /**< too few rows: they went to this region, 1 to K; 0: no */
    double own;      /**< share of its own prediction beside the global expert's: 1, or less
                          for a region that is too small, under "shrink" */
    size_t iterations;
    bool converged;
    double error;    /**< training error a row: mean squared error (mean over targets), or mean
                          negative log-likelihood */
    double left_out; /**< the same measure of the left-out predictions; NaN: not computed */
    double ridge;    /**< the ridge used: for logistic experts at least 1e-12 a unit of weight, or
                          1e-8 where classes are separable; gp: NaN */
    size_t candidates; /**< auto: of these left-out errors, in the order of
                          mele_expert_candidate() */
    double candidate[MELE_EXPERT_CANDIDATES];
    size_t chosen;   /**< auto: which it was */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_expert_info;

MELE_API mele_expert_options mele_expert_defaults(void);

/** The name of the i-th kind, NULL past the last. */
MELE_API const char *mele_expert_kind(size_t i);

/** What MELE_RIDGE_DEFAULT stands for in the i-th kind, chosen by cross-validation on real data. */
MELE_API double mele_expert_ridge(size_t i);

/** The name of the i-th candidate of "auto" for targets, or for classes; NULL past the last. */
MELE_API const char *mele_expert_candidate(bool classes, size_t i);

/** Train the experts.
 * @param data            rows, targets, weights, and which rows are whose.
 * @param options         NULL: mele_expert_defaults().
 * @param out             freed with mele_experts_free(); untouched on error.
 * @param left_out        NULL, or what each expert predicts of each row when that row (its fold, for
 *                        kinds without a closed form) was not in the training: what gates are to be
 *                        trained on, see <mele/left_out.h>; with options.groups, when no row of its
 *                        group was. NaN of experts that stay as they are (options.only, .freeze):
 *                        what they have learnt from is not known. Let go of with
 *                        mele_left_out_free(); untouched on error.
 * @param info            NULL, or K + 1 entries, the global expert's last.
 * @return MELE_OK; MELE_EINVAL: an option, shapes; MELE_EDATA: NaN, a class out of range, an
 *         assignment that is not what assignment.h says; MELE_ENOMEM; MELE_ESTOPPED; what reading rows
 *         fails with.
 * Regions never fail a fit: empty, tiny, constant and collinear ones have stated outcomes.
 * Labels are used where they are; shares and weights, too, where they are in memory. Where they are
 * read, they are taken block by block; with options.groups, or where small is "merge", n x K of them
 * are held.
 * linear: O(n d^2 + K d^3), of shares and weights O(n K d^2). logistic: O(n (d C)^2) a step, of shares
 * and weights K times that. */
MELE_API mele_status mele_experts_fit(const mele_expert_data *data,
                                      const mele_expert_options *options, mele_engine *engine,
                                      mele_experts **out, mele_left_out **left_out,
                                      mele_expert_info *info, mele_error *error);

MELE_API void mele_experts_free(mele_experts *experts);

/** Join the experts of fits that trained some of them each (options.only). Each expert comes from
 *  the part that has it; then they are the same as those of one fit.
 * @param parts  count >= 1 of them, of one shape and kind.
 * @param out    freed with mele_experts_free(); untouched on error. It may still lack experts.
 * @return MELE_OK; MELE_EINVAL: shapes or kinds differ; MELE_EDATA: two parts have different experts
 *         for one region; MELE_ENOMEM. */
MELE_API mele_status mele_experts_merge(const mele_experts *const *parts, size_t count,
                                        mele_experts **out, mele_error *error);

/** Whether expert k (from 0) can be asked: it was trained, or what answers in its region was. */
MELE_API bool mele_experts_has(const mele_experts *experts, size_t k);

/** The kind that was asked for: one of mele_expert_kind(), perhaps "auto". */
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
 * @return MELE_OK; MELE_EINVAL: columns differ, or an expert is not there; MELE_EDATA: variances of a
 *         gp expert from a file, whose covariance is not positive definite; MELE_ENOMEM. Failures
 *         write nothing.
 * Thread-safe for the same experts. O(n K d M). */
MELE_API mele_status mele_experts_predict(const mele_experts *experts, const mele_matrix *x,
                                          mele_engine *engine, double *mean, double *variance,
                                          mele_error *error);

/** How likely each row's target is under what each expert predicts of it: what a gate with the loss
 *  "likelihood" is trained on (mele_gate_data), when the predictions are left-out ones.
 * @param targets   n >= 1 rows, in the units of the predictions.
 * @param mean      n x K x M as from mele_experts_fit() or mele_experts_predict(): means, or
 *                  log-probabilities of classes.
 * @param variance  n x K x M, above 0, of those means; classes: not looked at, NULL serves.
 * @param clusters  K >= 1.
 * @param engine    NULL: the calling thread alone; the numbers are the same for any.
 * @param out       n x K: the sum over targets of log N(target; mean, variance), or the log-probability
 *                  of the row's class; NaN where a prediction is NaN.
 * @return MELE_OK; MELE_EINVAL: a pointer is NULL, shapes; MELE_EDATA: a class out of range, a variance
 *         that is not above 0 (a part of out is then written); MELE_ENOMEM. O(n K M). */
MELE_API mele_status mele_expert_log_likelihoods(const mele_targets *targets, const double *mean,
                                                 const double *variance, size_t clusters,
                                                 mele_engine *engine, double *out,
                                                 mele_error *error);

/** The same for rows that need not be in memory. Also fails as x->read does. */
MELE_API mele_status mele_experts_predict_rows(const mele_experts *experts, const mele_rows *x,
                                               mele_engine *engine, double *mean, double *variance,
                                               mele_error *error);

/** The residual variances from left-out predictions, K x M to out, floored above 0; a fallback
 *  has the global expert's. Regression only (classes: nothing is written). */
MELE_API void mele_experts_variances(const mele_experts *experts, double *out);

#ifdef __cplusplus
}
#endif

#endif
