#ifndef MELE_EXPERT_GP_SEARCH_H
#define MELE_EXPERT_GP_SEARCH_H

#include <mele/engine.h>

#include "core/stream.h"
#include "engine/lbfgs.h"
#include "expert/gp/levels.h"

typedef struct mele_i_gp_search {
    const mele_i_gp_data *data;
    const mele_i_gp_levels *levels;
    size_t restarts;      /* searches, of which the best is kept */
    const double *start;  /* mele_i_gp_hypers() logarithms to start from; NULL: the best of some
                             fixed ones */
    size_t start_terms;   /* of how many terms the start is; others begin at fixed ones */
    mele_i_stream stream; /* for the other starts */
} mele_i_gp_search;

/* The logarithms of the hyper-parameters that maximise the posterior density (see search.c), of
 * as many terms as data has or, where that predicts better, of one: *terms says. Outputs are
 * untouched on error. O(n^3) an evaluation; the searches are tasks, each with a matrix of n^2
 * numbers of its own. */
mele_status mele_i_gp_search_run(const mele_i_gp_search *search, mele_engine *engine,
                                 size_t *terms, double *logs, mele_i_lbfgs_info *info,
                                 mele_error *error);

/* The logarithms that stand where there is nothing to search by. */
void mele_i_gp_search_fixed(const mele_i_gp_search *search, double *logs);

#endif
