#ifndef MELE_STUDY_SURVEY_WORDS_H
#define MELE_STUDY_SURVEY_WORDS_H

#include "core/buffer.h"
#include "study/survey.h"

/* What the writers of a survey share. */

/* A number with so many decimals; a dash where it is not known. */
void mele_i_add_number(mele_i_buffer *out, double value, int decimals);

/* "p < 0.0001", "p = 0.032", "". */
void mele_i_add_p(mele_i_buffer *out, double p);

/* The median over sets of what `of` says of a contender that has a figure there; NaN: it has none.
 * MELE_ENOMEM. */
mele_status mele_i_survey_median(const mele_comparison *comparison, size_t contender,
                                 double (*of)(const mele_compared *result), double *out,
                                 mele_error *error);

/* Words from `column` on, broken before column 100, further lines indented; ended by a newline. */
void mele_i_add_wrapped(mele_i_buffer *out, const char *words, size_t column, size_t indent);

#endif
