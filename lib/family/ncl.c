/* Negative correlation learning (Liu, Yao 1999, Neural Netw. 12): networks on all rows, whose mean
 * predicts, each of which is trained on its own error and a penalty for erring like the others
 * (losses.c). Experts that are linear in their parameters all have the same least error, and the
 * same they stay whatever the penalty, so networks it is.
 *
 * Gated: the networks stay as they are, and in the place of their mean comes a softmax gate on
 * features (afterwards.c). */
#include "family/by_gradient.h"
#include "family/family.h"

static mele_status fit(mele_i_run *run, mele_error *error)
{
    const bool gates = run->options->gate.on != NULL;

    return mele_i_family_by_gradient(run, &mele_i_coupled_ncl, run->options->family.lambda, gates,
                                     error);
}

/* What both have. */
#define NETWORKS                                                                                   \
    .experts = MELE_I_FAMILY_EXPERTS("mlp"), .clusters = 8,                                        \
    .swept = "lambda", .sweep = mele_i_by_gradient_sweep, .check = mele_i_by_gradient_check,        \
    .fit = fit
#define NETWORKS_LOOK_AT "lambda", MELE_I_BY_GRADIENT_EXPERTS, MELE_I_BY_GRADIENT_STARTS

const mele_i_family mele_i_family_ncl = {
    NETWORKS,
    .takes = MELE_I_FAMILY_EVERYTHING | MELE_I_FAMILY_NUMBERED,
    .help = "networks on all rows, whose mean predicts, with a penalty for those that err alike",
    .options = MELE_I_FAMILY_LOOKS_AT(NETWORKS_LOOK_AT),
};

const mele_i_family mele_i_family_gated_ncl = {
    NETWORKS,
    .takes = MELE_I_FAMILY_EVERYTHING | MELE_I_FAMILY_MIXTURE | MELE_I_FAMILY_NUMBERED,
    .help = "the networks of ncl, and a softmax gate that is trained when they are",
    .options = MELE_I_FAMILY_LOOKS_AT(NETWORKS_LOOK_AT, "gate-ridge", "gate-features", "gate-max-iter"),
    .gate = "softmax",
    .settle = mele_i_by_gradient_settle_afterwards,
};
