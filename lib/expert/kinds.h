#ifndef MELE_EXPERT_KINDS_H
#define MELE_EXPERT_KINDS_H

#include "expert/kind.h"

/* The name of what is no kind, but the choice of one for every region (candidates.h). */
#define MELE_I_AUTO "auto"

/* The i-th kind; NULL past the last. */
const mele_i_expert_kind *mele_i_expert_kind_at(size_t i);

/* The kind of that name; NULL: none, or "auto". */
const mele_i_expert_kind *mele_i_expert_kind_named(const char *name);

#endif
