#ifndef MELE_PREDICT_H
#define MELE_PREDICT_H

#include <stdbool.h>

#include <mele/data.h>
#include <mele/engine.h>
#include <mele/measure.h>
#include <mele/model.h>
#include <mele/posteriors.h>
#include <mele/predictions.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mele_predict_options {
    const char *items;  /**< what to predict (mele_predict_item()), comma separated, in the order of
                             their columns; NULL (default): "mean" or "class", for a model without
                             a gate "experts", for one with stage 1 only "cluster" */
    const char *id;     /**< a column of the input, by name or number, to put first; NULL: none */
    bool append;        /**< put all input columns first; none may have a name of the predictions */
    const mele_posteriors *posteriors; /**< in place of stage 1, a row per input row; NULL: none */
    const mele_predictions *predictions; /**< of outside experts, a row per input row; NULL: none */
    mele_table_options table; /**< missing NULL: the model's */
    mele_write_fn *write;     /**< where the text goes; default NULL: there must be one */
    void *user;               /**< handed to write */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_predict_options;

/** What a prediction of a file came to. */
typedef struct mele_predict_summary {
    size_t rows;
    size_t without; /**< rows that got NA: a missing, unknown or non-finite value */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_predict_summary;

/** Defaults for a model: the header of the data it was fitted to, and as table.missing NULL, which
 *  stands for the missing strings of those data. */
MELE_API mele_predict_options mele_predict_defaults(const mele_model *model);

/** The name of the i-th item that can be predicted, NULL past the last; what it is in *help (NULL: not wanted). */
MELE_API const char *mele_predict_item(size_t i, const char **help);

/** Predict a file as CSV: a header, then one row per input row, in constant memory. A row without
 *  a prediction has NA in its cells.
 * @param path     "-" is standard input; a name that ends in .npy is read as NPY.
 * @param options  mele_predict_defaults() with `write`, and what else is wanted.
 * @param engine   NULL: the calling thread alone; the text is the same for any.
 * @param summary  NULL: not wanted; untouched on error.
 * @return MELE_OK; MELE_EINVAL: nothing to write with, an item the model cannot give; MELE_EIO; MELE_EDATA: a ragged row,
 *         text where a number belongs, a column that is not there; MELE_ENOMEM; MELE_ESTOPPED.
 *         Text may have been written before a failure. */
MELE_API mele_status mele_predict_file(const mele_model *model, const char *path,
                                       const mele_predict_options *options, mele_engine *engine,
                                       mele_predict_summary *summary, mele_error *error);

typedef struct mele_score_options {
    const char *weights; /**< the column of row weights; NULL (default): all 1 */
    const mele_posteriors *posteriors; /**< in place of stage 1, a row per input row; NULL: none */
    const mele_predictions *predictions; /**< of outside experts, a row per input row; NULL: none */
    mele_table_options table; /**< missing NULL: the model's */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_score_options;

/** Defaults for a model, as mele_predict_defaults(). */
MELE_API mele_score_options mele_score_defaults(const mele_model *model);

/** Measure a model on a file with targets, in constant memory. Rows without a prediction or
 *  without a target are skipped and counted in the result; rows of a class that the model does not
 *  know count as wrong, with probability 0, and are counted as well.
 * @param options  NULL: mele_score_defaults().
 * @param out      freed with mele_metrics_free(); untouched on error.
 * @return MELE_OK; MELE_EINVAL: the model has no gate, or needs posteriors; otherwise as
 *         mele_predict_file(). */
MELE_API mele_status mele_score_file(const mele_model *model, const char *path,
                                     const mele_score_options *options, mele_engine *engine,
                                     mele_metrics **out, mele_error *error);

/** What a model holds, as JSON text to be freed with free(): columns, centres and scales in the
 *  data's units, coefficients as objects from term to number, the training record. length NULL:
 *  not wanted.
 * @return MELE_OK; MELE_ENOMEM. */
MELE_API mele_status mele_model_info(const mele_model *model, char **out, size_t *length,
                                     mele_error *error);

/** A table of a model as CSV text to be freed with free(): "coefficients" (columns expert, target
 *  or class, term, coefficient, standard_error: NA where there is none), "centres" (cluster,
 *  column, value), "covariances" (cluster, column, with, value: all elements, whatever the kind) or "tree" (of
 *  a gate that is one, for every node but the root: node, parent, expert, NA where it has children, term,
 *  coefficient), in the data's units.
 * @return MELE_OK; MELE_EINVAL: no such table, or not in this model; MELE_ENOMEM. */
MELE_API mele_status mele_model_table(const mele_model *model, const char *table, char **out,
                                      size_t *length, mele_error *error);

#ifdef __cplusplus
}
#endif

#endif
