/* Gated negative correlation learning: the networks of ncl, frozen, and in the place of their mean
 * a softmax gate on features, trained on the error of the mixture. It is trained on what networks
 * say of rows that they have not seen: of rows that they have, all of them look better than they
 * are. */
#include "family/by_gradient.h"
#include "family/family.h"

static mele_status fit(mele_i_run *run, mele_error *error)
{
    return mele_i_family_by_gradient(run, &mele_i_coupled_ncl, run->options->family.lambda, true,
                                     error);
}

const mele_i_family mele_i_family_gated_ncl = {
    .help = "the networks of ncl, and a softmax gate that is trained when they are",
    .takes = MELE_I_FAMILY_EVERYTHING | MELE_I_FAMILY_NUMBERED,
    .options = MELE_I_FAMILY_LOOKS_AT("lambda", MELE_I_BY_GRADIENT_EXPERTS, MELE_I_BY_GRADIENT_STARTS,
                                      "gate-ridge", "gate-features", "gate-max-iter"),
    .experts = MELE_I_FAMILY_EXPERTS("mlp"),
    .gate = "softmax",
    .clusters = 8,
    .swept = "lambda",
    .sweep = mele_i_by_gradient_sweep,
    .settle = mele_i_by_gradient_settle_afterwards,
    .check = mele_i_by_gradient_check,
    .fit = fit,
};
