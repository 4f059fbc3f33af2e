#ifndef MELE_FAMILY_TOGETHER_H
#define MELE_FAMILY_TOGETHER_H

#include "family/coupled.h"
#include "fit/run.h"

typedef struct mele_i_together mele_i_together;

/* One start: what is moved, from where it is to where the objective is least. */
typedef struct mele_i_together_moved {
    size_t number;           /* of the random starts */
    bool again;              /* it goes on from what was trained */
    mele_i_coupled *coupled; /* with its gate and an engine of its own */
    double *theta;
    mele_i_coupled_found *found;
} mele_i_together_moved;

/* A way to minimise; that of coupled.h unless a family has another. Called in several threads at once. */
typedef mele_status mele_i_together_move(const mele_i_together *together, const mele_i_together_moved *moved,
                                         mele_error *error);

/* A run's experts, and gate, that are trained together: its rows, held, and the best parameters so
 * far. Points into itself and into the run. */
struct mele_i_together {
    mele_i_run *run;
    mele_i_together_move *move; /* NULL: that of coupled.h */
    const void *context;        /* of move */
    mele_expert_options experts; /* settled */
    mele_gate_options gate_options;
    size_t count;                /* rows of positive weight */
    size_t *row;                 /* which they are */
    double *x, *gate_x, *y, *weights; /* of these */
    mele_i_joint joint;
    mele_i_coupled coupled;      /* without a gate; what each start has of its own is copied */
    double *theta;               /* of the best start; NULL: there is none yet */
    mele_gate *gate;             /* of the best start; NULL: none */
    mele_i_coupled_found found;
    double *reached; /* the objective that each random start came to; NULL: there were none */
    size_t starts;
};

/* The run's rows for a loss. lambda: of its penalty. mele_i_together_clear(), also after a failure.
 * MELE_EINVAL: experts that are not trained together. */
mele_status mele_i_together_make(mele_i_run *run, const mele_i_coupled_loss *loss, double lambda,
                                 mele_i_together *out, mele_error *error);
void mele_i_together_clear(mele_i_together *together);

/* Minimise from so many random starts, as tasks; the best one is kept: of those with the fewest experts
 * on a handful of rows (doubtful.h) the one with the least objective. */
mele_status mele_i_together_search(mele_i_together *together, size_t starts, mele_error *error);

/* A mixture that has been trained together, to go on from: its experts, the scales of its loss
 * (NULL: 0), its gate, which is finished (NULL: one of equal weights). */
typedef struct mele_i_together_start {
    const mele_experts *experts;
    const double *scales;
    const mele_gate *gate;
} mele_i_together_start;

/* Minimise from there. MELE_EINVAL: experts of another kind or size. */
mele_status mele_i_together_continue(mele_i_together *together, const mele_i_together_start *from,
                                     mele_error *error);

/* The experts of the best start, with the variances of the loss's scales, or 1 where it has none;
 * and its gate, a constant one of equal weights where the loss has none. They are the caller's. */
mele_status mele_i_together_finish(mele_i_together *together, mele_experts **experts,
                                   mele_gate **gate, mele_error *error);

/* The scales of the best start. */
const double *mele_i_together_scales(const mele_i_together *together);

#endif
