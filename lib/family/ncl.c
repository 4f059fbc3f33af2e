/* Negative correlation learning (Liu, Yao 1999, Neural Netw. 12): networks on all rows, whose mean
 * predicts, each of which is trained on its own error and a penalty for erring like the others
 * (losses.c). Experts that are linear in their parameters all have the same least error, and the
 * same they stay whatever the penalty, so networks it is. */
#include "family/by_gradient.h"
#include "family/family.h"

static mele_status fit(mele_i_run *run, mele_error *error)
{
    return mele_i_family_by_gradient(run, &mele_i_coupled_ncl, run->options->family.lambda, false,
                                     error);
}

const mele_i_family mele_i_family_ncl = {
    .help = "networks on all rows, whose mean predicts, with a penalty for those that err alike",
    .takes = MELE_I_FAMILY_EVERYTHING | MELE_I_FAMILY_NUMBERED,
    .options = MELE_I_FAMILY_LOOKS_AT("lambda", MELE_I_BY_GRADIENT_EXPERTS, MELE_I_BY_GRADIENT_STARTS),
    .experts = MELE_I_FAMILY_EXPERTS("mlp"),
    .clusters = 8,
    .swept = "lambda",
    .sweep = mele_i_by_gradient_sweep,
    .check = mele_i_by_gradient_check,
    .fit = fit,
};
