#ifndef MELE_FIT_CROSS_VALIDATE_H
#define MELE_FIT_CROSS_VALIDATE_H

#include <mele/fit.h>

#include "core/stream.h"
#include "schema/data.h"

/* What cross-validation of a fit and the choice of K share. */

/* Deal the data's rows to folds as mele_i_folds() does: by group, else evenly by class. *out: n
 * folds, to be freed. */
mele_status mele_i_deal_folds(const mele_data *data, size_t folds, mele_i_stream stream,
                              size_t **out, mele_error *error);

/* One fold: the rows inside it, which are left out, and data of the rows on either side. */
typedef struct mele_i_fold {
    size_t *rows;
    mele_data *training, *left_out;
} mele_i_fold;

/* *out is untouched on error, and cleared with mele_i_fold_clear(). MELE_EDATA: the training rows
 * have no weight. */
mele_status mele_i_fold_make(const mele_data *data, const size_t *fold_of_row, size_t fold,
                             mele_i_fold *out, mele_error *error);
void mele_i_fold_clear(mele_i_fold *fold);

#endif
