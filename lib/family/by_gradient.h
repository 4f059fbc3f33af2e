#ifndef MELE_FAMILY_BY_GRADIENT_H
#define MELE_FAMILY_BY_GRADIENT_H

#include <jansson.h>

#include "family/together.h"
#include "fit/run.h"

/* fit() of families whose experts, and a gate where the loss has one, are trained together: from
 * random starts (--restarts), or, of losses without a gate, from experts that are each trained
 * alone. One expert is that of the family one. lambda: of the loss. gates: experts of a loss
 * without a gate get one afterwards, which is trained on what they say of rows left out. */
mele_status mele_i_family_by_gradient(mele_i_run *run, const mele_i_coupled_loss *loss,
                                      double lambda, bool gates, mele_error *error);

/* What a family has of its own that is trained like that. */
typedef struct mele_i_by_gradient_way {
    mele_i_together_move *move; /* its way to minimise */
    const void *context;
    mele_status (*tell)(mele_i_run *run, const mele_gate *gate, json_t *more, mele_error *error); /* further
                                    keys, after training */
} mele_i_by_gradient_way;

mele_status mele_i_family_by_moves(mele_i_run *run, const mele_i_coupled_loss *loss,
                                   const mele_i_by_gradient_way *way, mele_error *error);

/* What defaults stand for in families with a gate, and with one that is trained afterwards; what
 * is refused. */
void mele_i_by_gradient_settle(mele_options *options);
void mele_i_by_gradient_settle_afterwards(mele_options *options);
mele_status mele_i_by_gradient_check(const mele_data *data, const mele_options *options,
                                     mele_error *error);

/* The i-th strength of a penalty that is tried where it is to be chosen: sweep() of their table. */
bool mele_i_by_gradient_sweep(size_t i, mele_options *options);

/* The options that they look at beside those of the family. */
#define MELE_I_BY_GRADIENT_EXPERTS                                                                 \
    "expert", "hidden", "activation", "max-epochs", "ridge", "expert-features"
#define MELE_I_BY_GRADIENT_STARTS "trainer", "batch", "rate", "holdout" /* from experts trained alone */
#define MELE_I_BY_GRADIENT_GATE "restarts", "degree", "gate-ridge", "gate-features"

#endif
