#ifndef MELE_EXPERT_EXPERTS_H
#define MELE_EXPERT_EXPERTS_H

#include "expert/kind.h"

/* Experts as a whole: their making, and what the files of this room do with them. */

/* K + 1 experts that are not trained; each answers for itself. Freed with mele_experts_free(), also
 * after a failure. */
mele_status mele_i_experts_new(size_t clusters, size_t columns, size_t outputs, bool classes,
                               mele_experts **out, mele_error *error);

/* The same for experts that come from elsewhere: only those that `own` (K + 1) marks have variances
 * of their own. Memory is K + M times the number of these. */
mele_status mele_i_experts_new_owned(size_t clusters, size_t columns, size_t outputs, bool classes,
                                     const bool *own, mele_experts **out, mele_error *error);

/* The sizes of those that are trained on an expansion of that degree. */
mele_i_expert_shape mele_i_experts_shape(const mele_experts *e, size_t degree);

/* Where another answers, its variances hold too. */
void mele_i_experts_share_variances(mele_experts *e);

/* Under options->only and ->freeze: hold the experts of options->start in the places of
 * those that stay, as far as it has them. Once for those that are not trained, and, after training,
 * once for those that were trained all the same (`trained`), as they answer for one that is. Where
 * one was to answer that does not any more, what answers in its place does.
 * MELE_EINVAL: the kinds that were asked for differ; MELE_EDATA: nothing does. */
mele_status mele_i_experts_keep(mele_experts *e, const mele_expert_options *options,
                                const bool *train, bool trained, mele_error *error);

/* MELE_EDATA: where another region's expert is said to answer, there is none of its own. */
mele_status mele_i_experts_check_answers(const mele_experts *e, mele_error *error);

#endif
