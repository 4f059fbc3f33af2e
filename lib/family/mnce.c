/* Mixtures of negatively correlated experts: NCL's penalty inside the error of a mixture (losses.c
 * has the definition, which is ours). Without penalty it is the family me. */
#include "family/by_gradient.h"
#include "family/family.h"

static mele_status fit(mele_i_run *run, mele_error *error)
{
    const double lambda = run->options->family.lambda;

    return mele_i_family_by_gradient(run, lambda > 0 ? &mele_i_coupled_mnce : &mele_i_coupled_me,
                                     lambda, false, error);
}

const mele_i_family mele_i_family_mnce = {
    .help =
        "experts and a softmax gate that learn together, with a penalty for experts that err alike",
    .takes = MELE_I_FAMILY_EVERYTHING | MELE_I_FAMILY_MIXTURE | MELE_I_FAMILY_NUMBERED | MELE_I_FAMILY_TRAINS,
    .options =
        MELE_I_FAMILY_LOOKS_AT("lambda", MELE_I_BY_GRADIENT_EXPERTS, MELE_I_BY_GRADIENT_GATE),
    .experts = MELE_I_FAMILY_EXPERTS("linear", "logistic", "mlp"),
    .gate = "softmax",
    .swept = "lambda",
    .sweep = mele_i_by_gradient_sweep,
    .settle = mele_i_by_gradient_settle,
    .check = mele_i_by_gradient_check,
    .fit = fit,
};
