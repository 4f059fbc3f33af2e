#ifndef MELE_GATE_H
#define MELE_GATE_H

#include <stdbool.h>

#include <mele/engine.h>
#include <mele/matrix.h>
#include <mele/rows.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Stage 3: how much each expert counts for a row.
 *      g(x) = softmax(t log p(x) + V z(x) + b),   z = log p(x) | x | [log p(x), x],
 *  or with a network of z, of one hidden layer, in the place of V z + b. Of a tree, whose leaves are the experts,
 *  g_k(x) is the product of such softmaxes, with t = 0, over the nodes on the way to leaf k.
 *  A log p below log 2^-52 enters z as that, and every column of z is clipped to the range it had
 *  in the training rows of positive weight: nothing is extrapolated, and far from all data
 *  t log p decides. A log p of -infinity is a weight of 0 in every gate with t > 0. Log posteriors
 *  whose exponentials do not sum to 1 in a row are normalised before anything is made of them. */
typedef struct mele_gate mele_gate;

typedef struct mele_gate_options {
    const char *kind;      /**< "hard", "posterior", "temperature", "softmax", "mlp", "global" (the posteriors:
                                whoever blends takes the global expert's prediction) or "auto"
                                (default): the simplest within one standard error of the best by
                                folds of the gate alone; fits of whole models choose by refits; or, of families,
                                "tree" (below) */
    const char *on;        /**< what V multiplies, or the network sees: "posteriors", "features",
                                "both"; NULL (default): posteriors, and auto tries features, too */
    const char *loss;      /**< "likelihood" (default), "squared" or "posteriors" */
    const char *rank;      /**< auto: the loss by which candidates are ranked; NULL (default): that of
                                `loss` */
    double ridge;          /**< default 1; penalty ridge/2 (|V|^2 + |b|^2 + (t-1)^2) on the weighted
                                sum of losses, z's columns taken as standardised; mlp: the squares
                                of all weights in place of |V|^2 + |b|^2 */
    size_t hidden;         /**< mlp: hidden units (tanh); default 8 */
    uint64_t seed;         /**< mlp: of the random weights that training starts from; auto: of the folds, too;
                                default 1 */
    size_t max_iterations; /**< default 500; on all rows, see mele_gate_fit() */
    double tolerance;      /**< the gradient's largest element, a unit of weight; default 0: 1e-10
                                by Newton's method, 1e-8 by second derivatives of some rows where
                                the loss is convex ("posteriors"), 1e-5 else, and for mlp */
    const mele_gate *start; /**< start from this one, of the same kind, clusters and inputs, in place of
                                the posterior gate; NULL (default): none */
    size_t depth;          /**< tree: levels of softmaxes at most; 0 (default): as many as binary nodes need */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_gate_options;

/** What a gate is trained on; pointers are read during the call only. What comes in rows may be in
 *  memory (mele_rows_of_array()), or be made block by block in the block that needs it: then it is
 *  made again in every pass, of which an iteration takes one, and no n x K is held. */
typedef struct mele_gate_data {
    size_t rows, clusters;
    mele_rows log_posteriors;  /**< n x K; rows need not be normalised. May be missing (no data, no
                                    read): for gates that train nothing, whose loss is then not
                                    known, and for on "features", see mele_gate_fit() */
    mele_rows log_likelihoods; /**< n x K: log density of the row's target under each expert's
                                    left-out prediction; for loss "likelihood" */
    mele_rows predictions;     /**< n x (K M) left-out means (or probabilities), the expert varying
                                    slowest; for "squared" */
    mele_rows shares;          /**< n x K numbers >= 0, a row's sum 1 (to 1e-6): what "posteriors" is
                                    the cross-entropy to where they are given. May be missing: then
                                    it is to log_posteriors */
    mele_rows targets;         /**< n x M (or one-hot classes); for "squared" */
    mele_rows x;               /**< n x d scaled features; for on "features" and "both" */
    const double *center, *scale;  /**< d numbers each: what was measured is center + scale x. Tell
                                        which features are constant but for rounding. NULL: 0 and
                                        1 */
    const double *weights;         /**< n in any unit (see mele_data_of_arrays()), or NULL: all 1 */
    const size_t *groups;          /**< n numbers: "auto" keeps rows of one number in one fold. NULL: every
                                        row is dealt by itself */
    mele_rows global_log_likelihoods; /**< n x 1, and */
    mele_rows global_predictions;  /**< n x M: the same left-out predictions of one model for all rows, for
                                        "auto" to measure "global" by; without what the loss needs of
                                        them that is no candidate */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_gate_data;

#define MELE_GATE_CANDIDATES 8

/** One of the gates that "auto" chose from. */
typedef struct mele_gate_candidate {
    const char *kind, *on; /**< on: NULL where there is nothing to choose */
    double loss;           /**< mean over rows left out; NaN: not known */
    double excess;         /**< how much more than the least of them, mean over the folds; */
    double standard_error; /**< and the standard error of that */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_gate_candidate;

typedef struct mele_gate_info {
    size_t iterations;
    double loss; /**< a unit of weight, without the penalty: minus the log-likelihood of the blend,
                      the squared error (summed over outputs), or the cross-entropy to the
                      posteriors or shares; rows that have density 0 under every gate are left out. NaN:
                      not known (hard and posterior gates without what the loss needs) */
    bool converged;
    size_t candidates;     /**< auto: of these, by ascending complexity; 0: nothing could be left out */
    mele_gate_candidate candidate[MELE_GATE_CANDIDATES];
    size_t chosen;         /**< auto: which it was */
    double penalty; /**< a unit of weight: what the ridge adds to the loss where that is minimised */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_gate_info;

MELE_API mele_gate_options mele_gate_defaults(void);

/** The name of the i-th kind that may be asked for, of the i-th loss and of the i-th choice of what a gate
 *  sees (on); NULL past the last. */
MELE_API const char *mele_gate_kind(size_t i);
MELE_API const char *mele_gate_loss(size_t i);
MELE_API const char *mele_gate_input(size_t i);

/** Train a gate with the experts frozen. The hard and posterior gates have nothing to train: they need
 *  none of the data, which are only for info->loss.
 * @param options  NULL: mele_gate_defaults().
 * @param out  freed with mele_gate_free(); untouched on error.
 * @return MELE_OK; MELE_EINVAL: an option, a pointer the loss needs is NULL; MELE_EDATA: NaN;
 *         MELE_ENOMEM; MELE_ESTOPPED.
 * Starts from the posterior gate, or options->start, and never ends with a larger penalised loss. With loss
 * "posteriors" and no shares a softmax or mlp gate has t = 0 and starts from equal weights, for t = 1 would reproduce
 * the posteriors without learning anything; so has one on "features" to which no log_posteriors are
 * given: it stands on x alone, and needs no posteriors to predict. Not converging is a result (info->converged).
 *
 * A tree ("tree") stands on "features" and log_posteriors have no part in it. Its shape is that of options->start, or of
 * options->depth levels, as even as can be: a node has at most ceil(K^(1/depth)) children. It starts from equal
 * weights. Where shares are given every node is trained by itself; else all are by L-BFGS.
 *
 * Minimised by Newton's method where a Hessian takes little: its numbers grow as K^2 d^2 / 2 for every
 * row. Of more rows the Hessian is that of every m-th one; Newton's method on those finds the start, and
 * L-BFGS on all rows, preconditioned by it, goes on from there: info->iterations are these. L-BFGS alone
 * minimises where there are more than 2500 coefficients, and gates without second derivatives.
 * O(n K (K + d)) an iteration of L-BFGS; mlp: O(n H (K + z)), z columns seen, and where n x weights <= 1e6
 * three starts, whose best is taken. */
MELE_API mele_status mele_gate_fit(const mele_gate_data *data, const mele_gate_options *options,
                                   mele_engine *engine, mele_gate **out, mele_gate_info *info,
                                   mele_error *error);

MELE_API void mele_gate_free(mele_gate *gate);

/** Its kind: one of mele_gate_kind(), or one that families make: "tree", and "constant", of a family that sets the
 *  weights itself: the same ones in every row. */
MELE_API const char *mele_gate_name(const mele_gate *gate);
MELE_API size_t mele_gate_clusters(const mele_gate *gate);

/** What its weights need: whether log posteriors, and how many columns of x (0: none). */
MELE_API bool mele_gate_needs_posteriors(const mele_gate *gate);
MELE_API size_t mele_gate_features(const mele_gate *gate);

/** log g_k(x_i), n x K to out; exponentials of a row sum to 1 within rounding.
 * @param log_posteriors  n x K without gaps; rows need not be normalised. NULL is allowed for gates
 *                        that do not need them.
 * @param x               n x d scaled features; NULL is allowed for gates that do not see them.
 * @return MELE_OK; MELE_EINVAL: shapes, log_posteriors or x missing; MELE_ENOMEM.
 * A row's numbers depend on that row alone. Thread-safe for one gate. O(n K (K + d)). */
MELE_API mele_status mele_gate_log_weights(const mele_gate *gate, const double *log_posteriors,
                                           const mele_matrix *x, size_t rows,
                                           mele_engine *engine, double *out, mele_error *error);

#ifdef __cplusplus
}
#endif

#endif
