#ifndef MELE_FAMILY_COUPLED_H
#define MELE_FAMILY_COUPLED_H

#include "expert/joint.h"
#include "family/losses.h"
#include "gate/joint.h"

/* An objective over all experts and the gate, and its minimum (coupled.c has the mathematics). */

typedef struct mele_i_coupled {
    const mele_i_coupled_loss *loss;
    mele_i_coupled_shape shape;
    const mele_i_joint *joint; /* the experts and their rows, of relative weights */
    mele_gate *gate; /* of mele_i_gate_begin(), which becomes what it is asked for; NULL: none */
    const double *gate_x;      /* what it sees of these rows, without gaps */
    size_t gate_columns;
    double ridge, gate_ridge;
    double total_weight;
    size_t max_iterations;
    double tolerance; /* of the gradient, a unit of weight, */
    double gain;      /* and of the value in 20 iterations: see mele_i_lbfgs_problem */
    const char *told; /* the stage that progress is told of */
    mele_engine *engine;

    double *room;   /* of mele_i_coupled_room() numbers */
    double loss_sum; /* of the rows, at the parameters asked for last, without penalties */
    double *weight;  /* K: sums of w h at the minimum, of a loss of targets with a gate; NULL: not wanted */
    bool weighs;     /* they are summed */
} mele_i_coupled;

/* Its parameters: theta is those of the experts (K x P), the loss's scales, those of the gate. */
typedef struct mele_i_coupled_parts {
    size_t scales, gate; /* where these begin */
    size_t count;        /* all */
} mele_i_coupled_parts;

mele_i_coupled_parts mele_i_coupled_parts_of(const mele_i_coupled *coupled);
size_t mele_i_coupled_room(const mele_i_coupled *coupled);

/* The ridges, times W, whose gradient is added. room: mele_i_coupled_room() numbers less 1 + all parameters. */
double mele_i_coupled_add_penalties(const mele_i_coupled *coupled, const double *theta, double *room,
                                    double *gradient);

/* The penalised mean loss and its gradient, for mele_i_lbfgs(). One pass over the rows. */
mele_status mele_i_coupled_evaluate(void *coupled, const double *theta, double *value,
                                    double *gradient, mele_error *error);

typedef struct mele_i_coupled_found {
    double value;       /* of the objective */
    double loss;        /* of the rows, without penalties: a sum with their weights */
    size_t iterations;
    bool converged;
} mele_i_coupled_found;

/* The minimum from theta on, which becomes where it is; so do the gate's parameters. MELE_EDATA:
 * the objective is not finite at the start. */
mele_status mele_i_coupled_minimise(mele_i_coupled *coupled, double *theta,
                                    mele_i_coupled_found *found, mele_error *error);

#endif
