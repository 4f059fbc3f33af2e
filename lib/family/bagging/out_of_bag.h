#ifndef MELE_FAMILY_BAGGING_OUT_OF_BAG_H
#define MELE_FAMILY_BAGGING_OUT_OF_BAG_H

#include <jansson.h>

#include "fit/run.h"

/* What experts that were trained on bootstrap samples say of the rows that are not in theirs. */

/* The residual variances of experts become those of such rows (regression), where they have one for all rows
 * and there are such. counts: n x K, how often each sample has each row. One pass over the rows. */
mele_status mele_i_out_of_bag_variances(mele_i_run *run, const mele_rows *counts, mele_experts *experts,
                                        mele_error *error);

/* What share of the variances of K >= 2 experts is within their blend (mele_model.within), one a target, to out.
 * Regression. One pass over the rows. */
mele_status mele_i_out_of_bag_within(mele_i_run *run, const mele_rows *counts,
                                     const mele_experts *experts, double *out, mele_error *error);

/* The measures (mele_metrics) of the rows, each under the mean of the experts that have not seen it, as an
 * object from name to number, with "rows": how many there are of which that is said. */
mele_status mele_i_out_of_bag_measures(mele_i_run *run, const mele_rows *counts,
                                       const mele_experts *experts, json_t **out, mele_error *error);

#endif
