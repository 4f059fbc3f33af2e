#ifndef MELE_FIT_FOLDS_H
#define MELE_FIT_FOLDS_H

#include "core/stream.h"
#include "schema/data.h"

/* Folds of data, which cross-validation and the choice of K share. Rows of weight 0 are in no fold:
 * they are neither trained on nor left out, so that nothing which is measured in folds depends on
 * them. */

/* The fold of a row that is in none. */
#define MELE_I_NO_FOLD ((size_t)-1)

/* Deal the rows of positive weight as mele_i_folds() does: by group, else evenly by class, as if
 * there were no others. *out: the fold of each of the data's rows, to be freed; untouched on error. */
mele_status mele_i_deal_folds(const mele_data *data, size_t folds, mele_i_stream stream,
                              size_t **out, mele_error *error);

/* How many groups the rows of positive weight have; of data without groups, how many rows those are. */
mele_status mele_i_count_units(const mele_data *data, size_t *out, mele_error *error);

/* One fold: which of the data's rows are inside it and left out, in their order, and data of the rows
 * on either side. */
typedef struct mele_i_fold {
    size_t *rows;
    mele_data *training, *left_out;
} mele_i_fold;

/* *out is untouched on error, and cleared with mele_i_fold_clear(). */
mele_status mele_i_fold_make(const mele_data *data, const size_t *fold_of_row, size_t fold,
                             mele_i_fold *out, mele_error *error);
void mele_i_fold_clear(mele_i_fold *fold);

#endif
