/* Mixtures of experts by EM (Jordan, Jacobs 1994, Neural Comput. 6): experts and a softmax gate on features,
 * from random responsibilities (by_em.c). */
#include "family/by_em.h"
#include "family/family.h"

static mele_status fit(mele_i_run *run, mele_error *error)
{
    return mele_i_family_by_em(run, &run->gate, NULL, error);
}

const mele_i_family mele_i_family_me_em = {
    .help = "experts and a softmax gate that learn together, by EM",
    .takes = MELE_I_FAMILY_EVERYTHING | MELE_I_FAMILY_MIXTURE | MELE_I_FAMILY_NUMBERED,
    .options = MELE_I_FAMILY_LOOKS_AT("restarts", MELE_I_BY_EM_EXPERTS, MELE_I_BY_EM_GATE),
    .experts = MELE_I_FAMILY_EXPERTS("linear", "logistic", "mlp"),
    .gate = "softmax",
    .settle = mele_i_by_em_settle,
    .check = mele_i_by_em_check,
    .fit = fit,
};
