#ifndef MELE_EXPERT_MLP_ERRORS_H
#define MELE_EXPERT_MLP_ERRORS_H

#include "expert/mlp/sample.h"

/* What predictions of the plan's rows (count x M) are off by. The sample is of all rows. */

/* Training error or that of left-out predictions, as mele_expert_info has them. */
double mele_i_mlp_error(const mele_i_mlp_plan *plan, const mele_i_mlp_sample *sample,
                        const double *predicted);

/* What row i's prediction costs: -log p, or the squared errors, each target in its deviations. */
double mele_i_mlp_row_error(const mele_i_mlp_plan *plan, const mele_i_mlp_sample *sample,
                            const double *predicted, size_t i);

/* Residual variances, from predictions of `count` rows that were not trained on (row NULL: all). */
void mele_i_mlp_set_variances(const mele_i_mlp_plan *plan, const mele_i_mlp_sample *sample,
                              const double *predicted, const size_t *row, size_t count,
                              double *variance);

/* Fitted values become left-out ones, by the mean leverage. */
void mele_i_mlp_correct(const mele_i_mlp_plan *plan, const mele_i_mlp_sample *sample,
                        double *predicted);

#endif
