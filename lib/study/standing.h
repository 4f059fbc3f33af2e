#ifndef MELE_STUDY_STANDING_H
#define MELE_STUDY_STANDING_H

#include <mele/significance.h>

#include "study/comparison.h"

/* Who is where, and whether that is more than chance: what writers tell. */

/* A contender on a set; NaN where it has no figure. */
typedef struct mele_i_standing {
    mele_compared result;
    double rank;              /* among those with a figure, mean over splits */
    mele_estimate difference; /* of the loss, less the best one's, with its interval at 95 %; 0 of the best */
    double p;                 /* of no difference from the best: corrected resampled t, Holm over those with a figure;
                                 NaN of the best itself */
} mele_i_standing;

/* Of each contender, and their indices from the best on, those without a figure last. `standing` and `order` are of
 * as many as there are contenders. *with: how many have a figure. MELE_ENOMEM. */
mele_status mele_i_standings(const mele_comparison *comparison, size_t set, mele_i_standing *standing, size_t *order,
                             size_t *with, mele_error *error);

/* Over sets, of the contenders that have a figure on each of them. */
typedef struct mele_i_overall {
    size_t contenders;  /* so many; fewer than 2: there is nothing to test */
    size_t sets;        /* on which somebody has a figure */
    size_t *contender;  /* contenders: which, by mean rank */
    double *mean_rank;  /* contenders, in that order */
    size_t *wins;       /* contenders: on so many sets it has the least loss */
    mele_friedman friedman;
    double critical;    /* Nemenyi's critical difference of mean ranks at 5 % */
} mele_i_overall;

/* Cleared with mele_i_overall_clear(), also on error. MELE_ENOMEM. */
mele_status mele_i_overall_of(const mele_comparison *comparison, mele_i_overall *out, mele_error *error);
void mele_i_overall_clear(mele_i_overall *overall);

#endif
