#ifndef MELE_STUDY_PAIRED_H
#define MELE_STUDY_PAIRED_H

#include <mele/significance.h>

/* What the tests of paired differences share (paired.c). */

/* The options, or the defaults for NULL; MELE_EINVAL: one is out of range. */
mele_status mele_i_test_options(const mele_test_options *options, mele_test_options *out,
                                mele_error *error);

/* MELE_EDATA: one of the numbers is infinite. */
mele_status mele_i_check_finite(const double *numbers, size_t count, mele_error *error);

/* The sizes of differences from something that are not 0, by rank. */
typedef struct mele_i_signed_ranks {
    size_t count;  /* not 0 */
    size_t dropped; /* 0 */
    double above;   /* the sum of the ranks of those above 0 */
    double ties;    /* sum of t^3 - t over groups of t of the same size; 0: no ties */
} mele_i_signed_ranks;

/* Of the differences less the null that are not NaN. MELE_ENOMEM. */
mele_status mele_i_rank_signed(const double *differences, size_t count, double null,
                               mele_i_signed_ranks *out, mele_error *error);

/* Ranks from 1 of count finite numbers, those that are the same getting their mean rank; order has
 * room for count indices. Returns sum of t^3 - t over groups of t that are the same. */
double mele_i_rank(const double *numbers, size_t count, size_t *order, double *rank);

#endif
