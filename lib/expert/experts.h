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

/* Put what `from` has in the place of expert k into this one's; where it has nothing, that stays. */
void mele_i_experts_take(mele_experts *e, const mele_experts *from, size_t k);

/* Region k, in which expert `host` answers, gets what that one has as its own. */
void mele_i_experts_settle(mele_experts *e, size_t k, size_t host);

/* A region without an expert of its own, in which another region's or the global expert answers,
 * takes the variances of the one that answers. */
void mele_i_experts_share_variances(mele_experts *e);

/* Under options->only and ->freeze some experts are to stay as they are in options->start: put those
 * that it has in their places. It is called twice. Before training, for the experts that are not
 * trained; after training (`trained`), for those that had to be trained although they stay, because
 * they answer in a region whose expert is trained. When the expert that answered in a region is gone,
 * the one that answers in the place of that expert does.
 * MELE_EINVAL: the kinds that were asked for differ; MELE_EDATA: no expert is left to answer. */
mele_status mele_i_experts_keep(mele_experts *e, const mele_expert_options *options,
                                const bool *train, bool trained, mele_error *error);

/* MELE_EDATA: where another region's expert is said to answer, there is none of its own. */
mele_status mele_i_experts_check_answers(const mele_experts *e, mele_error *error);

#endif
