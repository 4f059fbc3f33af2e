#ifndef MELE_FAMILY_BY_EM_H
#define MELE_FAMILY_BY_EM_H

#include <jansson.h>

#include "fit/em.h"
#include "fit/run.h"

/* What families do that train experts and gate by EM: a run's rows are held, EM starts from responsibilities,
 * some starts compete, and the best is gone on with (by_em.c has the rules). */

/* A run's rows for EM. Points into itself and into the run. */
typedef struct mele_i_by_em {
    mele_i_run *run;
    mele_i_em_problem problem;
    mele_i_em_gaussians gaussians; /* where the problem has them */
    mele_i_coordinates points;     /* where they are measured */
    double *x, *gate_x, *y;        /* memory of those that are held */
    size_t steps;                  /* at most */
    double units;                  /* what log-likelihoods in the data's units are less */

    mele_i_em em;                  /* the best so far; problem NULL: there is none yet */
    size_t doubtful;               /* experts of it that stand on a handful of rows */
    double *reached;               /* where each start came to: its penalised log-likelihood */
    size_t starts;
    bool trained;                  /* it began with experts, not with responsibilities; so do refits */
    json_t *more;                  /* an object of further keys, of how it began, to be told; NULL: none */
} mele_i_by_em;

/* gate: settled, of a kind that is trained, or NULL: Gaussians in the model's space. mele_i_by_em_clear(), also
 * after a failure. */
mele_status mele_i_by_em_make(mele_i_run *run, const mele_gate_options *gate, mele_i_by_em *out,
                              mele_error *error);
void mele_i_by_em_clear(mele_i_by_em *by);

/* The best of so many random starts, as tasks. */
mele_status mele_i_by_em_search(mele_i_by_em *by, size_t starts, mele_error *error);

/* Responsibilities (n x K) of rows that belong to regions: nine tenths for its expert, the rest for all
 * alike. */
void mele_i_by_em_soften(const uint32_t *labels, size_t rows, size_t clusters, double *out);

/* One start, from these responsibilities (n x K). */
mele_status mele_i_by_em_begin(mele_i_by_em *by, const double *shares, mele_error *error);

/* One start, from experts and a gate, which are copied. */
mele_status mele_i_by_em_begin_with(mele_i_by_em *by, const mele_experts *experts, const mele_gate *gate,
                                    mele_error *error);

/* From there to convergence, or as many steps as there may be. */
mele_status mele_i_by_em_go_on(mele_i_by_em *by, mele_error *error);

/* What there is becomes the model's, its variances those of rows left out (leave_out.c), and is told of. */
mele_status mele_i_by_em_finish(mele_i_by_em *by, mele_error *error);

/* fit() of families with a gate on features; one expert is trained alone. shares: the responsibilities to start
 * from, n x K; NULL: random ones, of --restarts starts. */
mele_status mele_i_family_by_em(mele_i_run *run, const mele_gate_options *gate, const double *shares,
                                mele_error *error);

/* What defaults stand for, and what is refused, in all of them. */
void mele_i_by_em_settle(mele_options *options);
mele_status mele_i_by_em_check(const mele_data *data, const mele_options *options, mele_error *error);

/* The options that they look at beside those of the family. */
#define MELE_I_BY_EM_EXPERTS                                                                       \
    "em-iter", "expert", "degree", "solver", "hidden", "activation", "trainer", "batch", "rate", \
        "ridge", "expert-features"
#define MELE_I_BY_EM_GATE "gate-ridge", "gate-features"

#endif
