#include "fit/whole.h"

#include <string.h>

#include "core/error.h"
#include "engine/pass.h"
#include "fit/clusters.h"
#include "fit/gate_choice.h"
#include "fit/refine.h"
#include "fit/stages.h"

mele_status mele_i_check_by_stages(const mele_options *options, mele_error *error)
{
    if (strcmp(options->family.name, mele_options_defaults().family.name) == 0)
        return MELE_OK;
    return mele_i_fail(error, MELE_EINVAL, "the family %s trains all parts in one call, not stage by stage "
                       "(mele-fit, mele_fit()), from DATA alone", options->family.name);
}

mele_status mele_i_run_stage_1(mele_i_run *run, mele_error *error)
{
    mele_i_regions_fit fit = {.clusters = 0};
    mele_status status = mele_i_run_space(run, &fit, error);

    if (status == MELE_OK)
        status = mele_i_choose_clusters(run, &fit, error);
    if (status == MELE_OK)
        status = mele_i_run_partition(run, &fit, error);
    mele_i_regions_fit_clear(&fit);
    return status;
}

/* Stages 2 and 3 of a model that has neither. */
static mele_status run_later_stages(mele_i_run *run, mele_error *error)
{
    mele_experts *old = NULL;
    mele_status status = mele_i_run_choose_gate(run, error);

    if (status == MELE_OK)
        status = mele_i_run_experts(run, MELE_I_KEEP_FOR_GATE, error);
    mele_experts *experts = run->model->experts;
    if (status == MELE_OK)
        status = mele_i_run_gate_refined(run, error);
    if (run->model->experts != experts)
        mele_experts_free(experts);
    if (status == MELE_OK)
        status = mele_i_run_shed(run, &old, error);
    mele_experts_free(old);
    return status;
}

mele_status mele_i_run_all_stages(mele_i_run *run, mele_error *error)
{
    mele_status status = mele_i_run_stage_1(run, error);

    return status == MELE_OK ? run_later_stages(run, error) : status;
}

mele_status mele_i_fit_whole_outside(const mele_data *data, const mele_posteriors *posteriors,
                                     const mele_options *options, mele_engine *engine,
                                     mele_model **out, mele_error *error)
{
    mele_model *model = mele_i_model_new();
    const mele_handover handover = {.posteriors = posteriors};
    mele_i_run run = mele_i_run_of(data, &handover, options, engine, NULL, model);
    mele_status status = model == NULL ? mele_i_no_memory(error) : mele_i_run_start(&run, error);

    if (status == MELE_OK) {
        model->clusters = posteriors->clusters;
        status = run_later_stages(&run, error);
    }
    mele_i_run_clear(&run);
    if (status != MELE_OK)
        mele_model_free(model);
    else
        *out = model;
    return status;
}
