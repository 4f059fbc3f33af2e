#ifndef MELE_STUDY_ANATOMY_H
#define MELE_STUDY_ANATOMY_H

#include <mele/data.h>
#include <mele/engine.h>
#include <mele/model.h>

/* What is measured of a mixture beside its error. */
typedef struct mele_i_anatomy {
    size_t clusters;          /* K; 1 where one expert answers for all rows */
    size_t dead;              /* experts whose mean weight in the rows that the model was trained on is below a
                                 hundredth of 1 / K */
    double parameters;        /* mele_model_parameters() */
    double gate_entropy;      /* mean over rows left out of -sum g log g, divided by log K; NaN with K = 1 */
    double error_correlation; /* mean over pairs of experts of the correlation of their errors on rows left out, of
                                 several targets the mean over those; of classes the error is 1 minus the
                                 probability of the row's class. NaN: no pair errs differently from row to row */
} mele_i_anatomy;

/* Of a model with a gate and all experts, trained on `training`. *out is untouched on error. MELE_ENOMEM, and what
 * predictions fail with. O(n K^2) beside the predictions. */
mele_status mele_i_anatomy_of(const mele_model *model, const mele_data *training, const mele_data *left_out,
                              mele_engine *engine, mele_i_anatomy *out, mele_error *error);

#endif
