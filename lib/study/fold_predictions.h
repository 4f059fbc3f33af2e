#ifndef MELE_STUDY_FOLD_PREDICTIONS_H
#define MELE_STUDY_FOLD_PREDICTIONS_H

#include <mele/cross_validation.h>

/* What a model predicts of the rows of one fold, which it has not seen, and the measures of that. M targets, C
 * classes (0: regression). */
typedef struct mele_i_fold_predictions {
    mele_cv_predictions kept;
    double *log_density;       /* rows x M; NULL for classes */
    double *joint_log_density; /* rows; NULL for classes */
} mele_i_fold_predictions;

/* Predict the rows left out, some at a time.
 * @param with  posteriors and outside predictions, of which each row's own are taken; NULL: none.
 * @param out   zeroed; cleared with mele_i_fold_predictions_clear(), also after a failure. */
mele_status mele_i_fold_predict(const mele_model *model, const mele_data *left_out, const mele_cv_options *with,
                                mele_engine *engine, mele_i_fold_predictions *out, mele_error *error);
void mele_i_fold_predictions_clear(mele_i_fold_predictions *predictions);

/* Measure predictions of these rows. */
mele_status mele_i_fold_measure(const mele_data *left_out, const mele_i_fold_predictions *predictions,
                                mele_metrics *metrics, mele_error *error);

#endif
