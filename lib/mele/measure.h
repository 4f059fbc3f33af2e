#ifndef MELE_MEASURE_H
#define MELE_MEASURE_H

#include <mele/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Error measures, gathered as predictions come, in constant memory.
 *
 *  Regression (everything per unit of weight, in the units of what is given):
 *      mae   mean |y - f|
 *      rmse  sqrt(mean (y - f)^2)
 *      r2    1 - sum (y - f)^2 / sum (y - mean y)^2; NaN when y is constant
 *      nll   -mean log density of y; NaN when densities were not given
 *  With several targets each has its own, named mae_TARGET and so on, and the four pooled names
 *  are: mae the mean over targets, rmse the square root of the mean over targets of squared
 *  errors, r2 the mean over the targets that have one, nll that of the joint density.
 *
 *  Classification:
 *      accuracy  share of rows whose class has the largest probability (ties: the lowest class)
 *      log_loss  -mean log of the class's probability, which is floored at 2^-52
 *      brier     mean over rows of sum over classes of (probability - 1 or 0)^2, 0 to 2 */
typedef struct mele_metrics mele_metrics;

/** What mele_metrics_result() gives; the arrays are the accumulator's, and hold until it is added
 *  to or freed. Without any weight all values are NaN. */
typedef struct mele_measures {
    size_t count;             /**< measures */
    const char *const *names; /**< pooled ones first, then target by target */
    const double *values;     /**< NaN: not defined for these data */
    size_t rows;              /**< rows measured */
    size_t skipped;           /**< rows left out because a number was NaN */
    size_t unknown;           /**< of the rows measured, those of a class that was not known */
    double weight;            /**< sum of the weights of the rows measured */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_measures;

/** Predictions of some rows and what was true. NaN in truth or prediction: the row is skipped. */
typedef struct mele_outcomes {
    size_t rows;
    const double *truth;       /**< rows x M; classification: rows class indices, INFINITY for a class
                                    beside the C, whose probability is 0: the row counts as wrong */
    const double *predictions; /**< rows x M; classification: rows x C probabilities */
    const double *log_density; /**< rows x M: of each target, under the whole prediction; NULL: not
                                    known. Regression only */
    const double *joint_log_density; /**< rows: of all targets at once; NULL: not known. With one
                                          target it is log_density and is not looked at */
    const double *weights;     /**< rows importances >= 0; NULL: all 1 */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_outcomes;

/** Start measuring.
 * @param targets  M >= 1 names of targets; copied. Classification: 1.
 * @param classes  C >= 1 for classification, 0 for regression.
 * @param out      freed with mele_metrics_free(); untouched on error.
 * @return MELE_OK; MELE_EINVAL: no target, several targets with classes; MELE_ENOMEM. */
MELE_API mele_status mele_metrics_new(const char *const *targets, size_t count, size_t classes,
                                      mele_metrics **out, mele_error *error);

/** Add rows, which may come in any number of calls: the results are the same bytes. Densities
 *  are given with every part or with none, else nll is NaN.
 * @return MELE_OK; MELE_EINVAL: a pointer is NULL; MELE_EDATA: a class index out of range, a
 *         negative weight; then nothing was added. */
MELE_API mele_status mele_metrics_add(mele_metrics *metrics, const mele_outcomes *outcomes,
                                      mele_error *error);

/** The measures of all rows so far. */
MELE_API mele_measures mele_metrics_result(mele_metrics *metrics);

MELE_API void mele_metrics_free(mele_metrics *metrics);

#ifdef __cplusplus
}
#endif

#endif
