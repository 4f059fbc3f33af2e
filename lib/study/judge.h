#ifndef MELE_STUDY_JUDGE_H
#define MELE_STUDY_JUDGE_H

#include <mele/verdict.h>

#include "study/claims.h"

/* What judge.c and reasons.c share. */

/* Write the reasons of a part and of a verdict. MELE_ENOMEM. */
mele_status mele_i_reason_of_part(const mele_comparison *comparison, const mele_i_claim_part *claim,
                                  bool times, mele_verdict_part *part, mele_error *error);
mele_status mele_i_reason_of_verdict(mele_verdict *verdict, mele_error *error);

/* Fewer sets than this are too few for a test over sets to tell anything at 0.05: what is claimed
 * has to hold on each. */
enum { MELE_I_LEAST_SETS = 6 };

/* Whether the part is tested over sets, or on each of them. */
bool mele_i_tests_over_sets(const mele_i_claim_part *claim, size_t sets);

#endif
