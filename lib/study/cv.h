#ifndef MELE_STUDY_CV_H
#define MELE_STUDY_CV_H

#include <mele/cross_validation.h>

/* What the parts of cross-validation share: the flow of it (cross_validate.c) fills a result
 * (cv_result.c), of which the report (cv_report.c) and the rows as CSV (cv_write.c) are made. */

/* A result of so many folds with the names of its measures and room for everything. Freed by
 * mele_cv_result_free(); *out is untouched on error. */
mele_status mele_i_cv_result_new(const mele_data *data, size_t folds, const mele_cv_options *cv,
                                 const mele_measures *measures, mele_cv_result **out,
                                 mele_error *error);

/* Room for `count` rows; M targets, C classes (0: regression). False: no memory; what there is then is
 * freed by mele_i_cv_predictions_clear(). */
bool mele_i_cv_predictions_new(size_t count, size_t targets, size_t classes,
                               mele_cv_predictions *out);
void mele_i_cv_predictions_clear(mele_cv_predictions *predictions);

/* Put a result under "cv". `chosen`: outside every fold the number of regions was chosen.
 * MELE_ENOMEM. */
mele_status mele_i_cv_report(const mele_cv_result *result, bool chosen, mele_report *report,
                             mele_error *error);

/* MELE_EDATA: the ids' column has the name of one that mele_cv_write() writes. */
mele_status mele_i_cv_check_header(const mele_data *data, mele_error *error);

#endif
