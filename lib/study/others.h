#ifndef MELE_STUDY_OTHERS_H
#define MELE_STUDY_OTHERS_H

#include "study/comparison.h"

/* Predictions of others: rows that were left out, of all repeats of a set, M targets, C classes (0: regression). */
typedef struct mele_i_others {
    double *predicted;  /* repeats x rows of data x M, classes: x C probabilities; NaN: no prediction, and rows that
                           are in no fold */
    bool sure;          /* classes: which is all that is known; probabilities are 0 and 1 */
} mele_i_others;

/* Read them (columns as mele_comparison_add_predictions() says), and see that they are of the set's rows and folds.
 * *out is cleared with mele_i_others_clear(); untouched on error. MELE_EIO; MELE_EDATA; MELE_ENOMEM. */
mele_status mele_i_others_read(const mele_i_compared_set *set, uint64_t seed, const char *path, mele_engine *engine,
                               mele_i_others *out, mele_error *error);
void mele_i_others_clear(mele_i_others *others);

#endif
