#ifndef MELE_EXPERT_CANDIDATES_H
#define MELE_EXPERT_CANDIDATES_H

#include "expert/kind.h"

/* What "auto" chooses from: a kind, and what it changes in the options. */
typedef struct mele_i_candidate {
    const char *name;
    const mele_i_expert_kind *kind;
    size_t degree;
    size_t hidden; /* times options.hidden */
    double ridge;  /* times the ridge; MELE_RIDGE_GCV: chosen, unless a ridge is given */
} mele_i_candidate;

/* The i-th candidate for targets, or for classes; NULL past the last. */
const mele_i_candidate *mele_i_candidate_at(bool classes, size_t i);

#endif
