/* Localized mixtures of experts (Xu, Jordan, Hinton 1995, NIPS 7): the gate is the posterior of Gaussians in x,
 *
 *     g_k(x) = a_k N(x; m_k, S_k) / sum_j a_j N(x; m_j, S_j),
 *
 * and EM maximises log p(x, y), so that every part of its M step is closed (fit/em.c). It starts as me-em does
 * (by_em.c). The Gaussians are the model's partition, a gmm, under a posterior gate. */
#include "core/error.h"
#include "family/by_em.h"
#include "family/family.h"
#include "fit/stages.h"

static mele_status fit(mele_i_run *run, mele_error *error)
{
    mele_i_by_em by;
    mele_status status = mele_i_run_make_space(run, error);

    if (status != MELE_OK)
        return status;
    if (run->model->clusters == 1)
        return mele_i_family_by_em(run, NULL, NULL, error);
    status = mele_i_by_em_make(run, NULL, &by, error);
    if (status == MELE_OK)
        status = mele_i_by_em_search(&by, run->options->partition.restarts, error);
    if (status == MELE_OK)
        status = mele_i_by_em_go_on(&by, error);
    if (status == MELE_OK)
        status = mele_i_by_em_finish(&by, error);
    mele_i_by_em_clear(&by);
    return status;
}

const mele_i_family mele_i_family_lme = {
    .help = "experts and Gaussians in the features, whose posteriors are the gate, by EM on both",
    .takes = MELE_I_FAMILY_EVERYTHING | MELE_I_FAMILY_MIXTURE | MELE_I_FAMILY_NUMBERED,
    .options = MELE_I_FAMILY_LOOKS_AT("covariance", "covariance-floor", "restarts", MELE_I_BY_EM_EXPERTS),
    .experts = MELE_I_FAMILY_EXPERTS("linear", "logistic", "mlp"),
    .check = mele_i_by_em_check,
    .fit = fit,
};
