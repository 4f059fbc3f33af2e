#ifndef MELE_STUDY_KINDS_H
#define MELE_STUDY_KINDS_H

#include <stdbool.h>

#include "study/claims.h"
#include "study/comparison.h"

/* Which contenders stand for a kind of methods, and which one does so on each split (kinds.c). */

bool mele_i_stands_for(const mele_comparison *comparison, size_t set, size_t contender,
                       const mele_i_kind *kind);

/* Whether any contender does, on any set. */
bool mele_i_kind_is_there(const mele_comparison *comparison, const mele_i_kind *kind);

/* A contender counts where it stands for the kind and has a figure, and the other kind has one with
 * the same experts (other NULL: with any). The names of those that count on any set, comma
 * separated; freed with free(). NULL: no memory. */
char *mele_i_kind_members(const mele_comparison *comparison, const mele_i_kind *kind,
                          const mele_i_kind *other);

/* On each split the contender that counts with the least mean loss on the other splits of the same
 * repeat, the first of several: `splits` indices. *any: there is one; else nothing is chosen.
 * MELE_ENOMEM. */
mele_status mele_i_kind_choose(const mele_comparison *comparison, size_t set,
                               const mele_i_kind *kind, const mele_i_kind *other, size_t *chosen,
                               bool *any, mele_error *error);

#endif
