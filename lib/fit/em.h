#ifndef MELE_FIT_EM_H
#define MELE_FIT_EM_H

#include <mele/gate.h>
#include <mele/partition.h>

#include "fit/expect.h"

/* EM of a mixture, from experts and a gate that there are, or from responsibilities (em.c has its
 * mathematics). */

/* Gaussians in place of a trained gate: its weights are their posteriors. */
typedef struct mele_i_em_gaussians {
    mele_rows points; /* n x d */
    mele_partition_options options; /* of a gmm: covariance, floor */
} mele_i_em_gaussians;

/* What it works on; all that is pointed to outlives it. */
typedef struct mele_i_em_problem {
    mele_i_mixture_rows rows;
    double total_weight;
    mele_expert_options experts; /* kind and ridge settled */
    mele_gate_options gate; /* of any kind that is trained; its start: of the first step from
                               responsibilities. Of Gaussians: not looked at */
    size_t gate_iterations; /* of the gate's search at most, a step that goes on from a gate; 0: to its
                               minimum */
    const mele_i_em_gaussians *gaussians; /* NULL: the gate is trained */
    const double *gate_center, *gate_scale; /* where the columns of gate_x were measured */
    double least_variance; /* of a target */
    double tolerance;      /* a step that gains so little a unit of weight is the last; 0: rounding */
    mele_engine *engine;
} mele_i_em_problem;

typedef struct mele_i_em {
    const mele_i_em_problem *problem;
    mele_experts *experts; /* an own one in every region */
    mele_gate *gate;
    mele_partition *partition; /* the Gaussians, and */
    double log_density;        /* sum w log p(x) of them */
    double *variance;       /* K x M: of maximum likelihood; NULL: classes */
    mele_expert_info *info; /* K + 1: of the last training of each */
    mele_i_mixture_sums sums; /* of the mixture as it is */
    double *shares;           /* n x K: its responsibilities */
    double gate_penalty;
    double objective;       /* the penalised log-likelihood, in the rows' units; of Gaussians that of
                               (x, y) */
    size_t steps;
    bool converged;         /* a step gained less than the tolerance */
} mele_i_em;

/* Start from what is given, which is copied. gate: NULL, or of another kind than the problem's: the
 * posterior gate. mele_i_em_clear(), also after a failure. */
mele_status mele_i_em_start(const mele_i_em_problem *problem, const mele_experts *experts,
                            const mele_gate *gate, mele_i_em *em, mele_error *error);

/* Start from responsibilities, n x K, which are copied: experts, gate and variances are what they make.
 * mele_i_em_clear(), also after a failure. */
mele_status mele_i_em_start_shares(const mele_i_em_problem *problem, const double *shares, mele_i_em *em,
                                   mele_error *error);

/* One step, unless it has converged. After a failure it can only be cleared. */
mele_status mele_i_em_step(mele_i_em *em, mele_error *error);

void mele_i_em_clear(mele_i_em *em);

#endif
