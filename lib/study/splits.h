#ifndef MELE_STUDY_SPLITS_H
#define MELE_STUDY_SPLITS_H

#include <mele/cross_validation.h>

/* The folds of a protocol (mele_cv_options): rows that are dealt, runs of rows in their order, or the data's own.
 * They depend on the data, the protocol and the seed, not on what is fitted. */

#define MELE_I_MOST_FITS ((size_t)1 << 31) /* so that folds within folds have streams of their own */

typedef struct mele_i_splits {
    const mele_data *data;
    size_t folds, repeats;
    bool blocks;           /* runs of rows */
    size_t *level_of_fold; /* of the data's own folds: which of their values each is; NULL: others */
} mele_i_splits;

/* Refuse what can be refused of a protocol before anything is fitted, and count the folds. *out is cleared with
 * mele_i_splits_clear(), and untouched on error. MELE_EINVAL, MELE_EDATA as mele_cv_check(). */
mele_status mele_i_splits_make(const mele_data *data, const mele_cv_options *protocol, mele_i_splits *out,
                               mele_error *error);
void mele_i_splits_clear(mele_i_splits *splits);

/* The fold of each of the data's rows in a repeat, MELE_I_NO_FOLD where its weight is 0; to be freed. */
mele_status mele_i_splits_deal(const mele_i_splits *splits, uint64_t seed, size_t repeat, size_t **out,
                               mele_error *error);

/* The values that folds of a file's column have, folds strings, each and the whole to be freed; NULL: they have
 * none. MELE_ENOMEM. */
mele_status mele_i_splits_name(const mele_i_splits *splits, char ***out, mele_error *error);

/* A failure of the data outside fold `index`, of so many rows, says where: their numbers are not those that the
 * caller counts. Returns `status`. */
mele_status mele_i_splits_tell(const mele_i_splits *splits, size_t index, size_t rows, mele_status status,
                               mele_error *error);

#endif
