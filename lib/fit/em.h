#ifndef MELE_FIT_EM_H
#define MELE_FIT_EM_H

#include <mele/gate.h>

#include "fit/expect.h"

/* EM of a mixture, from experts and a gate that there are (em.c has its mathematics). */

/* What it works on; all that is pointed to outlives it. */
typedef struct mele_i_em_problem {
    mele_i_mixture_rows rows;
    double total_weight;
    mele_expert_options experts; /* kind and ridge settled */
    mele_gate_options gate;
    const double *gate_center, *gate_scale; /* where the columns of gate_x were measured */
    double least_variance; /* of a target */
    mele_engine *engine;
} mele_i_em_problem;

typedef struct mele_i_em {
    const mele_i_em_problem *problem;
    mele_experts *experts; /* an own one in every region */
    mele_gate *gate;
    double *variance;       /* K x M: of maximum likelihood; NULL: classes */
    mele_expert_info *info; /* K + 1: of the last training of each */
    mele_i_mixture_sums sums; /* of the mixture as it is */
    double *shares;           /* n x K: its responsibilities */
    double gate_penalty;
    double objective;       /* the penalised log-likelihood, in the rows' units */
    size_t steps;
    bool converged;         /* a step gained less than rounding */
} mele_i_em;

/* Start from what is given, which is copied. gate: NULL, or of another kind than the problem's: the
 * posterior gate. mele_i_em_clear(), also after a failure. */
mele_status mele_i_em_start(const mele_i_em_problem *problem, const mele_experts *experts,
                            const mele_gate *gate, mele_i_em *em, mele_error *error);

/* One step, unless it has converged. After a failure it can only be cleared. */
mele_status mele_i_em_step(mele_i_em *em, mele_error *error);

void mele_i_em_clear(mele_i_em *em);

#endif
