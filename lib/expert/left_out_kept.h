#ifndef MELE_EXPERT_LEFT_OUT_KEPT_H
#define MELE_EXPERT_LEFT_OUT_KEPT_H

#include <stdbool.h>

#include <mele/rows.h>

#include "data/npz.h"

/* Means and variances of left-out predictions that stay in their file. */
typedef struct mele_i_left_out_kept {
    mele_i_npz npz;
    size_t rows, width, classes; /* width: K M */
    uint64_t mean, variance;     /* where in the archive they begin */
    size_t unknown;              /* which number of either is the first that is not known; rows times
                                    width: all are */
} mele_i_left_out_kept;

/* A look at numbers, in as many calls as one likes. */
typedef struct mele_i_left_out_looking {
    bool variances, classes;
    size_t seen;
    bool lacks;     /* a number that is not known, the first of which is */
    size_t unknown;
} mele_i_left_out_looking;

/* What can be no prediction is MELE_EDATA; NaN is one that is not known. A mele_i_npz_look_fn of a
 * mele_i_left_out_looking. */
mele_status mele_i_left_out_look(void *looking, const void *numbers, size_t count, mele_error *error);

/* Look at all that an archive of that shape has, once, and find where it is. */
mele_status mele_i_left_out_kept_look(mele_i_left_out_kept *kept, mele_error *error);

/* As rows that are read, by any number of threads. */
mele_rows mele_i_left_out_kept_mean(mele_i_left_out_kept *kept);
mele_rows mele_i_left_out_kept_variance(mele_i_left_out_kept *kept);

/* Close the archive. NULL is nothing. */
void mele_i_left_out_kept_free(mele_i_left_out_kept *kept);

#endif
