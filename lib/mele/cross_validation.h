#ifndef MELE_CROSS_VALIDATION_H
#define MELE_CROSS_VALIDATION_H

#include <mele/data.h>
#include <mele/engine.h>
#include <mele/options.h>
#include <mele/posteriors.h>
#include <mele/predict.h>
#include <mele/report.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Cross-validation: the whole fit, scaling and partition included, is made again on the rows outside
 * each fold and predicts the rows inside it, which are left out. So does one global expert, on the
 * same folds. Rows of weight 0 are in no fold: they are neither trained on nor left out. */

/** Which folds, and what is kept. */
typedef struct mele_cv_options {
    size_t folds;   /**< N >= 2: rows are shuffled and dealt to N folds, classes evenly, groups whole.
                         0: the folds are the data's own (mele_data_options.folds,
                         mele_data_set_folds()). Default 10 */
    size_t repeats; /**< R >= 1: so many times, dealt anew each time; 1 (default) with folds that are
                         the data's own. R times N is at most 2^31 */
    const mele_posteriors *posteriors; /**< in place of stage 1, a row per row of the data and of those
                         that were dropped: each row's go with it to either side of a fold. They are
                         the same in every fold, so what made them is not cross-validated. NULL
                         (default): stage 1 is fitted again */
    const mele_predictions *predictions; /**< of outside experts, in place of stages 1 and 2
                         (mele_fit_gate_outside()), a row as of posteriors: the gate alone is trained again.
                         NULL (default): none */
    bool blocks;    /**< folds are runs of consecutive rows, equal in size but for one row, in place of rows that
                         are dealt: for rows in the order of time. With folds N and repeats 1, and groups that
                         lie within them; default false */
    bool rows;      /**< keep the predictions of every row left out; default false */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_cv_options;

MELE_API mele_cv_options mele_cv_defaults(void);

/** What was predicted of rows that were left out: `repeats` times `rows` of them, in the order of the
 *  data's rows within each repeat. NaN: a row without a prediction. M is the number of targets, C that
 *  of classes. */
typedef struct mele_cv_predictions {
    double *mean;        /**< repeats x rows x M, in the data's units; classes: of the likeliest its
                              index */
    double *probability; /**< repeats x rows x C; NULL: regression */
    double *sd;          /**< repeats x rows x M: standard deviations; NULL: classes */
    size_t *cluster;     /**< repeats x rows: the region with the largest posterior, from 0 (without
                              posteriors the expert with the most weight), of the
                              regions of the model outside the row's fold, which are others in every
                              fold; MELE_NO_CLUSTER: a row without a prediction */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_cv_predictions;

#define MELE_NO_CLUSTER ((size_t)-1)

/** The rows left out. */
typedef struct mele_cv_rows {
    size_t *row;      /**< rows: which of the data's rows, from 0, dropped ones counted; ascending */
    size_t *fold;     /**< repeats x rows: 0 .. folds - 1 */
    double *observed; /**< rows x M: targets in the data's units, or class indices */
    mele_cv_predictions model, global;
} mele_cv_rows;

/** What cross-validation found. Everything belongs to the result, which only ever grows at its end. */
typedef struct mele_cv_result {
    size_t folds, repeats;
    char **fold_name;      /**< folds: their values in the data's column; NULL: they are dealt, or of
                                arrays, in the order of the numbers there */
    size_t rows;           /**< left out in each repeat: those of positive weight */
    size_t skipped;        /**< of the repeats x rows predictions of the model, those that are NaN,
                                which no measure counts */
    size_t measures;       /**< how many there are */
    char **name;           /**< of each: mele_metrics says what they are */
    double *model;         /**< measures: pooled over all rows left out in all repeats */
    double *global;        /**< measures: of one global expert on the same folds */
    double *model_repeat;  /**< repeats x measures: pooled over the rows of one repeat */
    double *global_repeat; /**< repeats x measures */
    size_t *clusters;      /**< repeats x folds: regions of the model outside each fold */
    mele_cv_rows *left_out; /**< NULL: not asked for */
} mele_cv_result;

/** Say what mele_cross_validate() would refuse of folds, data and posteriors, before a fit that takes
 *  long.
 * @param cv  NULL: mele_cv_defaults().
 * @return MELE_OK; MELE_EINVAL: no target, fewer than 2 folds, no folds in the data, repeats of those or of
 *         blocks;
 *         MELE_EDATA: more folds than rows or groups, all rows in one fold of the data, a group that is
 *         in two of them or in two blocks, posteriors of other rows, with `rows` an id whose name is one of
 *         mele_cv_write()'s; MELE_ENOMEM. O(n). */
MELE_API mele_status mele_cv_check(const mele_data *data, const mele_cv_options *cv,
                                   mele_error *error);

/** Cross-validate the whole fit and one global expert. A number of regions that is chosen is chosen
 *  anew outside every fold, in folds that are dealt there. The folds depend on the seed and the data,
 *  not on what is fitted, so that results of several fits can be paired row by row.
 * @param options  as for mele_fit(); not NULL.
 * @param cv       NULL: mele_cv_defaults().
 * @param engine   NULL: the calling thread alone; the numbers are the same for any.
 * @param report   where the measures go, too, under "cv"; untouched by a failure, but for the seconds.
 *                 NULL: not wanted.
 * @param out      freed with mele_cv_result_free(); untouched on error. NULL: not wanted.
 * @return MELE_OK; as mele_cv_check() and mele_fit(); MELE_ESTOPPED.
 * Costs folds times repeats fits of the model; folds run in parallel. What is held of all rows is the
 * fold, and what a result with `rows` holds; of each fold under way 8 bytes a row for its place, each
 * target, the weight and the group, and what the fit takes. */
MELE_API mele_status mele_cross_validate(const mele_data *data, const mele_options *options,
                                         const mele_cv_options *cv, mele_engine *engine,
                                         mele_report *report, mele_cv_result **out,
                                         mele_error *error);

/** NULL is nothing. */
MELE_API void mele_cv_result_free(mele_cv_result *result);

/** Write the rows left out as CSV, repeat by repeat in the order of the data: repeat and row (counting
 *  from 1), fold (its value in the data, or its number from 1), the row's id under its column's name
 *  where the data keep it (mele_data_options.keep_id), observed, predicted, sd, cluster (from 1). With
 *  several targets observed_TARGET .., predicted_TARGET .., sd_TARGET ..; for classes observed and
 *  predicted are levels, and prob_LEVEL .. stand in place of sd. A row without a prediction has NA.
 * @param result  with left_out.
 * @param data    what was cross-validated.
 * @return MELE_OK; MELE_EINVAL: no left_out; MELE_ENOMEM; MELE_ESTOPPED. */
MELE_API mele_status mele_cv_write(const mele_cv_result *result, const mele_data *data,
                                   mele_write_fn *write, void *user, mele_error *error);

#ifdef __cplusplus
}
#endif

#endif
