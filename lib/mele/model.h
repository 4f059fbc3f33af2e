#ifndef MELE_MODEL_H
#define MELE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <mele/data.h>
#include <mele/engine.h>
#include <mele/matrix.h>
#include <mele/options.h>
#include <mele/predictions.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A model: the schema, and as many of the three stages as were fitted. It predicts alone. A
 *  finished model is never changed, so any number of threads may predict from it at once, each
 *  with an engine of its own or with NULL. */
typedef struct mele_model mele_model;

/** NULL is nothing. */
MELE_API void mele_model_free(mele_model *model);

/** Read a model file (JSON), "-" is standard input.
 * @param out  freed with mele_model_free(); untouched on error.
 * @return MELE_OK; MELE_EINVAL: no path; MELE_EIO; MELE_EDATA: not a model, truncated, another version, an unknown or
 *         missing key, a size that does not fit, NaN; MELE_ENOMEM. */
MELE_API mele_status mele_model_read(const char *path, mele_model **out, mele_error *error);

/** The model as JSON text, ended by a newline, in memory that the caller frees with free(). The
 *  same model gives the same bytes. */
MELE_API mele_status mele_model_text(const mele_model *model, char **out, size_t *length,
                                     mele_error *error);

/** The same of text in memory, such as mele_model_text() gives, of so many bytes.
 * @param out  freed with mele_model_free(); untouched on error.
 * @return as mele_model_read(), but for MELE_EIO and MELE_EINVAL. */
MELE_API mele_status mele_model_of_text(const char *text, size_t length, mele_model **out,
                                        mele_error *error);

/** Write a model to a file, which appears whole or not at all: it is written aside in the same
 *  directory, synced and renamed. A file that was there keeps its mode and, where the system lets it,
 *  its owner and group, but no access control list; of a symbolic link it is the one behind it. What is
 *  no regular file (a device, a pipe) is written directly. A signal that ends the process meanwhile may
 *  leave a file ".mele-PID-N" there.
 * @return MELE_OK; MELE_EINVAL: no path, or "-" (mele_model_text() is for standard output); MELE_EIO:
 *         the message is the system's, and the old file is as it was; MELE_ENOMEM. */
MELE_API mele_status mele_model_write(const mele_model *model, const char *path, mele_error *error);

/** Take the options that a model records; those chosen in *options must agree with them. Strings
 *  are copied: the options may be used whatever becomes of the model, and want
 *  mele_options_clear() in the end.
 * @param options  untouched on error.
 * @return MELE_OK; MELE_EINVAL: one does not agree; MELE_EDATA: the model records an option that this
 *         version does not know, so that no stage can be added to it; MELE_ENOMEM. */
MELE_API mele_status mele_options_inherit(const mele_model *model, mele_options *options,
                                          mele_error *error);

/** What a model has. The schema is the model's, until a fit changes that. */
MELE_API const mele_schema *mele_model_schema(const mele_model *model);
MELE_API size_t mele_model_clusters(const mele_model *model); /**< K */
MELE_API size_t mele_model_outputs(const mele_model *model);  /**< M: targets, or classes */
MELE_API bool mele_model_has_partition(const mele_model *model);
MELE_API bool mele_model_has_experts(const mele_model *model);
MELE_API bool mele_model_has_gate(const mele_model *model);

/** The family that trained its parts, one of mele_family() or of a newer version. */
MELE_API const char *mele_model_family(const mele_model *model);

/** How many of its numbers are free, so that it can be compared with another model of as many: the
 *  coefficients or weights of its experts (of a linear expert with collinear columns the rank; of gp the numbers
 *  of the covariance and of each target, not the rows that it holds), those of its gate (one cluster's a softmax
 *  leaves undetermined; the weights of a constant gate are given), and of a partition whose posteriors the gate
 *  looks at. No variances of noise, no scalings. What does not take part in predictions is not counted: of a global
 *  gate the global expert alone is. */
MELE_API size_t mele_model_parameters(const mele_model *model);

/** Whether its gate stands over outside experts (mele_fit_gate_outside()), whose predictions have to
 *  come with the rows: it has neither stage 1 nor stage 2. */
MELE_API bool mele_model_needs_predictions(const mele_model *model);

/** Whether expert k (from 0) can predict: it, or what answers in its place, was trained. */
MELE_API bool mele_model_has_expert(const mele_model *model, size_t k);

/** What expert k (from 0) of a model with experts is, as one line for people, in out[size]; returns
 *  its length (as snprintf does). */
MELE_API size_t mele_model_expert_text(const mele_model *model, size_t k, char *out, size_t size);

/** What the gate of a model is, and the i-th of the numbers of regions that were tried and what the
 *  criterion said of each, as lines for people in the same way; 0: there is no gate, or no i-th. */
MELE_API size_t mele_model_gate_text(const mele_model *model, char *out, size_t size);
MELE_API size_t mele_model_choice_text(const mele_model *model, size_t i, char *out, size_t size);

/** The gate that is a tree, as lines for people: a node or an expert each, below its parent and indented by its
 *  depth, with the linear form that decides between it and its siblings, in the data's units: weights of siblings are
 *  the softmax of their forms. The columns that count most are named.
 * @param out     freed with free(); empty where the gate is no tree, or has one leaf. Untouched on error.
 * @param length  NULL: not wanted.
 * @return MELE_OK; MELE_ENOMEM. */
MELE_API mele_status mele_model_tree_text(const mele_model *model, char **out, size_t *length,
                                          mele_error *error);

/** Row i (from 0) of the map of a som: its regions from 1, "-" for a unit without one. In the same way; 0: it
 *  is no som, there is no i-th row, or the map has more than 400 units. */
MELE_API size_t mele_model_map_text(const mele_model *model, size_t i, char *out, size_t size);

/** The i-th option that a model records and that experts of its kind look at, as "--name value", in the same way. One that this version does
 *  not know, or not with that choice, because a newer one wrote it, says so; it is kept when the model is written again. */
MELE_API size_t mele_model_option_text(const mele_model *model, size_t i, char *out, size_t size);

/** Why a row has no prediction. */
typedef enum mele_reason_kind {
    MELE_REASON_NONE = 0,
    MELE_REASON_MISSING, /**< a value is missing (NaN) */
    MELE_REASON_LEVEL,   /**< a category's level the model does not know */
    MELE_REASON_RANGE    /**< a value that is infinite, or beyond 1e150 when scaled */
} mele_reason_kind;

typedef struct mele_reason {
    mele_reason_kind kind;
    size_t feature; /**< the first feature it is about; of outside experts perhaps one of their
                         predictions: features + its place in the row's K M means and then K M
                         standard deviations; features + 2 K M: the posteriors that were given */
} mele_reason;

/** Where predictions go: every pointer is an array of the caller, or NULL when not wanted. A row
 *  with a reason gets NaN everywhere. n rows, m targets, K regions, M outputs (m, or the number
 *  of classes). Targets are in the data's units. */
typedef struct mele_prediction {
    double *mean;               /**< n x m: means; for classes the index of the likeliest */
    double *probability;        /**< n x M (classes) */
    double *variance_within;    /**< n x m: sum_k g_k s_k^2 (regression, as the next four). Of
                                     targets beyond about 1e154 a variance may be infinite, and of
                                     those below 1e-154 0, as no double holds it: the standard
                                     deviations are right there, too */
    double *variance_between;   /**< n x m: sum_k g_k (f_k - mean)^2; the sum of the two is the
                                     variance */
    double *sd;                 /**< n x m: the root of the variance */
    double *sd_within;          /**< n x m: the roots of its parts */
    double *sd_between;         /**< n x m */
    double *log_posteriors;     /**< n x K */
    double *log_densities;      /**< n x K: log p(x | k) of the regions' own densities, in the units
                                     clustered in (mele_partition_log_densities()); of stage 1
                                     whatever `given` is */
    double *log_gate;           /**< n x K */
    double *expert_mean;        /**< n x K x M: means, or probabilities */
    double *expert_variance;    /**< n x K x m (regression); infinite or 0 as those above */
    double *expert_sd;          /**< n x K x m (regression): their roots */
    double *log_density;        /**< n x m: log density (for classes: log-probability) of each of
                                     `targets` */
    double *joint_log_density;  /**< n: of all targets at once */
    const double *targets;      /**< n x m, read for the log densities; NaN, and a class that
                                     is none, give NaN; a class is
                                     its index, below the number of classes */
    mele_reason *reason;        /**< n */
    const mele_predictions *predictions; /**< what the experts predict of the n rows, read for a
                                     model whose gate stands over outside ones; else NULL */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_prediction;

/** Predict rows in memory.
 * @param x       n x features in the data's units, in the schema's order; a category is the index
 *                of its level; NaN is missing.
 * @param given   NULL, or n x K log posteriors to use in place of stage 1; a row that begins with
 *                NaN has none, and no prediction if that needs them.
 * @param engine  NULL: the calling thread alone; the numbers are the same for any.
 * @return MELE_OK; MELE_EINVAL: x has other columns, or something is wanted that needs a stage the
 *         model does not have, or that its task does not have (variances of classes, probabilities
 *         of a regression), or log densities without targets; MELE_EDATA: variances of a gp expert
 *         from a file, whose covariance is not positive definite; MELE_ENOMEM: what is wanted may
 *         then be there of some rows. Other failures leave it untouched.
 * A row's numbers depend on that row alone. O(n K (d M + q^2)), q the columns clustered on. */
MELE_API mele_status mele_model_predict(const mele_model *model, const mele_matrix *x,
                                        const double *given, mele_engine *engine,
                                        const mele_prediction *out, mele_error *error);

#ifdef __cplusplus
}
#endif

#endif
