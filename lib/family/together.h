#ifndef MELE_FAMILY_TOGETHER_H
#define MELE_FAMILY_TOGETHER_H

#include "family/coupled.h"
#include "fit/run.h"

/* A run's experts, and gate, that are trained together: its rows, held, and the best parameters so far.
 * Points into itself and into the run. */
typedef struct mele_i_together {
    mele_i_run *run;
    mele_expert_options experts; /* settled */
    mele_gate_options gate_options;
    size_t count;                /* rows of positive weight */
    size_t *row;                 /* which they are */
    double *x, *gate_x, *y, *weights; /* of these */
    mele_i_joint joint;
    mele_i_coupled coupled;      /* without a gate; what each start has of its own is copied */
    size_t parameters;           /* free ones, of a gate those of all clusters but one */
    double *theta;               /* of the best start; NULL: there is none yet */
    mele_gate *gate;             /* of the best start; NULL: none */
    mele_i_coupled_found found;
} mele_i_together;

/* The run's rows for a loss. lambda: of its penalty. mele_i_together_clear(), also after a failure.
 * MELE_EINVAL: experts that are not trained together. */
mele_status mele_i_together_make(mele_i_run *run, const mele_i_coupled_loss *loss, double lambda,
                                 mele_i_together *out, mele_error *error);
void mele_i_together_clear(mele_i_together *together);

/* Minimise from so many random starts, as tasks; the best one is kept. */
mele_status mele_i_together_search(mele_i_together *together, size_t starts, mele_error *error);

/* Minimise from experts that there are. MELE_EINVAL: they cannot be started from. */
mele_status mele_i_together_continue(mele_i_together *together, const mele_experts *experts,
                                     mele_error *error);

/* The experts of the best start, with the variances of the loss's scales, or these where it has none (NULL:
 * 1), and its gate (NULL where the loss has none), which are the caller's then. */
mele_status mele_i_together_finish(mele_i_together *together, const double *variance,
                                   mele_experts **experts, mele_gate **gate, mele_error *error);

#endif
