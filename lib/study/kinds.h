#ifndef MELE_STUDY_KINDS_H
#define MELE_STUDY_KINDS_H

#include <stdbool.h>

#include "study/claims.h"
#include "study/comparison.h"

/* Which contenders stand for a kind of methods, and which one does so on each split (kinds.c). */

bool mele_i_stands_for(const mele_comparison *comparison, size_t set, size_t contender,
                       const mele_i_kind *kind);

/* The names of those that do on any set, comma separated; freed with free(). NULL: no memory. */
char *mele_i_kind_members(const mele_comparison *comparison, const mele_i_kind *kind);

/* On each split the contender of the kind with the least mean loss on the other splits of the same
 * repeat, the first of several: `splits` indices. *any: there is one that has a figure on the set;
 * else nothing is chosen. MELE_ENOMEM. */
mele_status mele_i_kind_choose(const mele_comparison *comparison, size_t set,
                               const mele_i_kind *kind, size_t *chosen, bool *any,
                               mele_error *error);

#endif
