#ifndef MELE_STUDY_FINDINGS_H
#define MELE_STUDY_FINDINGS_H

#include <mele/verdict.h>

#include "study/claims.h"

/* What a comparison says of two kinds of methods on one set (findings.c). */

/* p values of a difference in margins: that it is 0 (two-sided), above and below each of -1, 0, 1.
 * */
typedef struct mele_i_sides {
    mele_estimate difference;
    double p;
    double below[3], above[3]; /* that it is below, above -1, 0 and 1 */
    double freedom;            /* degrees of freedom, of t */
} mele_i_sides;

/* The place of a null among those three. */
enum { MELE_I_AT_MINUS, MELE_I_AT_ZERO, MELE_I_AT_PLUS };

/* By the corrected resampled t test, and by the signed rank test, which are as mele_resampled_t()
 * and mele_signed_rank(). The estimate of the latter is of all differences, zeros too. */
mele_status mele_i_sides_of_splits(const double *differences, size_t count, double share,
                                   double level, mele_i_sides *out, mele_error *error);
mele_status mele_i_sides_of_sets(const double *differences, size_t count, double level,
                                 mele_i_sides *out, mele_error *error);

/* By Student's t, of an estimate with a standard error. */
mele_i_sides mele_i_sides_of_estimate(double estimate, double error, double freedom, double level);

/* The answers to a question, doubled; NaN where a p value is. Not of MELE_I_BOTH_WAYS. */
void mele_i_sides_answer(const mele_i_sides *sides, mele_i_question question, double *confirmed,
                         double *refuted);

/* What is asked on one set. */
typedef struct mele_i_inquiry_of_set {
    const mele_comparison *comparison;
    size_t set;
    const mele_i_claim_part *part;
    double level;
} mele_i_inquiry_of_set;

/* The margin there, and the sides of the difference in margins. *measured: both kinds have a
 * figure, and what is measured is known on 2 splits at least. MELE_ENOMEM. */
mele_status mele_i_find(const mele_i_inquiry_of_set *inquiry, double *margin, mele_i_sides *sides,
                        bool *measured, mele_error *error);

#endif
