#ifndef MELE_STUDY_STANDINGS_H
#define MELE_STUDY_STANDINGS_H

#include <mele/significance.h>

#include "study/comparison.h"

/* Where contenders stand: on each set beside the best, and over sets by their ranks. */

/* One contender on one set. */
typedef struct mele_i_standing {
    bool has;         /* it has a figure */
    mele_test behind; /* its loss less that of the best, by the corrected resampled t; of the best
                         itself, and without a figure, all NaN */
    double p;         /* that of `behind`, two-sided, adjusted by Holm for all others on this set */
} mele_i_standing;

typedef struct mele_i_standings {
    size_t sets, contenders;
    size_t *best; /* of sets: the contender of the least mean loss, the first of several;
                     contenders: none has a figure */
    mele_i_standing *standing; /* sets x contenders */
    double *rank;  /* of contenders: mean ranks; NaN: it has figures on no more than half of the
                      sets, or there is nothing to rank */
    size_t ranked; /* contenders with a rank; 0 or 2 at least */
    mele_friedman friedman; /* of these, over the sets on which all of them have figures; NaN:
                               nothing to rank */
    double difference;      /* Nemenyi's of their ranks at 0.05 */
} mele_i_standings;

/* MELE_ENOMEM; *out, freed with mele_i_standings_clear(), is untouched on error. */
mele_status mele_i_standings_make(const mele_comparison *comparison, mele_i_standings *out,
                                  mele_error *error);

void mele_i_standings_clear(mele_i_standings *standings);

static inline const mele_i_standing *mele_i_standing_at(const mele_i_standings *standings,
                                                        size_t set, size_t contender)
{
    return &standings->standing[set * standings->contenders + contender];
}

#endif
