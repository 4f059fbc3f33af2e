#ifndef MELE_EXPERT_KIND_H
#define MELE_EXPERT_KIND_H

#include <jansson.h>
#include <mele/expert.h>

#include "expert/regions.h"

/* What every kind of expert has in common; region K is the global expert. */
typedef struct mele_i_expert_summary {
    double rows; /* sum of weights */
    size_t rank;
    bool fallback;
} mele_i_expert_summary;

typedef struct mele_i_expert_kind mele_i_expert_kind;

struct mele_experts {
    const mele_i_expert_kind *kind;
    size_t clusters, columns, outputs, classes;
    mele_i_expert_summary *summary; /* K + 1 */
    double *variance;               /* (K + 1) x M, a fallback's that of the global expert; classes:
                                       NULL */
    void *state;                    /* the kind's own */
};

/* What a kind trains on; everything is checked. */
typedef struct mele_i_expert_problem {
    const mele_matrix *x, *y;
    size_t classes;
    const mele_i_regions *regions;
    const mele_expert_options *options; /* kind, assign, ridge and min_rows settled */
    double *left_out;                   /* n x K x M; NULL: not wanted */
    mele_expert_info *info;             /* K + 1; rows and fallback are set, the rest is to do */
} mele_i_expert_problem;

/* One row of the table of kinds. Adding a kind is a file with such a row, and its name in
 * expert.c. */
struct mele_i_expert_kind {
    const char *name;
    bool regression, classification;
    double ridge; /* what MELE_RIDGE_DEFAULT stands for */

    /* Room for the state of all experts. */
    mele_status (*make)(mele_experts *experts, mele_error *error);
    void (*free)(void *state);

    /* Train every region that is no fallback, and region K; set rank and variance, info, and
     * left_out last of all, when nothing can fail any more. A fallback's left-out predictions
     * are those of the global expert. */
    mele_status (*fit)(mele_experts *experts, const mele_i_expert_problem *problem,
                       mele_engine *engine, mele_error *error);

    /* What all K experts predict of a block of rows: rows x K x M. */
    void (*predict)(const mele_experts *experts, const double *x, size_t stride, size_t rows,
                    double *mean);

    /* M x (d + 1) numbers, for reports; NULL: the kind has none. */
    void (*coefficients)(const mele_experts *experts, size_t k, double *out);

    /* Expert k's own keys, to and from its JSON object; `keys` lists them, "," first. Fallbacks
     * are neither saved nor loaded: settle() is told when all others have been. */
    const char *keys;
    bool (*fits)(const json_t *object, size_t columns, size_t outputs); /* sizes it claims are
                                            there: asked before memory is taken for them */
    bool (*save)(const mele_experts *experts, size_t k, json_t *object);
    mele_status (*load)(mele_experts *experts, size_t k, const json_t *object, mele_error *error);
    void (*settle)(mele_experts *experts);
};

extern const mele_i_expert_kind mele_i_expert_linear;
extern const mele_i_expert_kind mele_i_expert_logistic;

#endif
