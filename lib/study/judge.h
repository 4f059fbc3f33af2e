#ifndef MELE_STUDY_JUDGE_H
#define MELE_STUDY_JUDGE_H

#include <mele/verdict.h>

#include "study/claims.h"

/* What judge.c and reasons.c share. */

/* Write the reasons of a part and of a verdict. MELE_ENOMEM. */
mele_status mele_i_reason_of_part(const mele_comparison *comparison, const mele_i_claim_part *claim,
                                  bool times, mele_verdict_part *part, mele_error *error);
mele_status mele_i_reason_of_verdict(mele_verdict *verdict, mele_error *error);

#endif
