/* Mixtures of experts by gradients (Jacobs, Jordan, Nowlan, Hinton 1991, Neural Comput. 3):
 * experts and a softmax gate on features, which learn together whose rows are whose. The experts
 * that are the default are linear, or logistic, as those of EM, which maximises the same
 * objective. */
#include "family/by_gradient.h"
#include "family/family.h"

static mele_status fit(mele_i_run *run, mele_error *error)
{
    return mele_i_family_by_gradient(run, &mele_i_coupled_me, 0, false, error);
}

const mele_i_family mele_i_family_me = {
    .help = "experts and a softmax gate that learn together, by gradients",
    .takes = MELE_I_FAMILY_EVERYTHING | MELE_I_FAMILY_MIXTURE | MELE_I_FAMILY_NUMBERED | MELE_I_FAMILY_TRAINS,
    .options = MELE_I_FAMILY_LOOKS_AT(MELE_I_BY_GRADIENT_EXPERTS, MELE_I_BY_GRADIENT_GATE),
    .experts = MELE_I_FAMILY_EXPERTS("linear", "logistic", "mlp"),
    .gate = "softmax",
    .settle = mele_i_by_gradient_settle,
    .check = mele_i_by_gradient_check,
    .fit = fit,
};
