#include "family/train.h"

#include "core/error.h"
#include "expert/options.h"
#include "family/families.h"
#include "family/parts.h"
#include "family/settle.h"
#include "fit/features.h"
#include "fit/report.h"
#include "fit/stages.h"
#include "model/options.h"

/* What a family begins with that is not made of stages. */
static mele_status start(mele_i_run *run, mele_error *error)
{
    mele_status status = mele_i_run_start(run, error);

    run->model->clusters = run->options->partition.clusters;
    if (status == MELE_OK)
        status = mele_i_family_check_clusters(mele_i_family_named(run->options->family.name),
                                              run->model->clusters, run->features.rows, error);
    if (status == MELE_OK)
        status = mele_i_run_select_for_experts(run, error);
    if (status == MELE_OK)
        status = mele_i_run_select_for_gate(run, error);
    if (status == MELE_OK)
        status = mele_i_run_leave_constants(run, error);
    if (status == MELE_OK)
        mele_i_run_start_report(run);
    return status;
}

static bool is_looked_at(const mele_i_family *family, const mele_i_run *run, const char *option)
{
    const bool counts = (family->takes & MELE_I_FAMILY_TRAINS)
                        || mele_i_expert_option_counts(mele_experts_name(run->model->experts), option);

    return counts && mele_i_family_looks_at(family, option)
           && (family->idle == NULL || !mele_i_family_is_listed(family->idle(run->options), option));
}

/* As they were asked for, and none that the family, or its experts, do not look at. */
static mele_status record_options(mele_i_run *run, const mele_i_family *family,
                                  const mele_options *asked, mele_error *error)
{
    mele_i_option_place place;

    run->options = asked;
    mele_status status = mele_i_run_record_options(run, error);
    json_t *record = json_object_get(run->model->training, "options");
    for (size_t i = 0; status == MELE_OK && mele_i_option_at(i, &place); i++)
        if (place.option->name != NULL && place.stage != MELE_OPTION_DATA
            && !is_looked_at(family, run, place.option->name))
            json_object_del(record, place.option->name);
    return status;
}

/* Everything has been checked. */
static mele_status fit_family(mele_i_run *run, const mele_options *asked, mele_error *error)
{
    const mele_i_family *family = mele_i_family_named(run->options->family.name);
    const double began = mele_i_clock();
    mele_status status;

    if (family->takes & MELE_I_FAMILY_STAGES) {
        status = family->fit(run, error);
        if (status == MELE_OK)
            status = mele_i_family_tell(run, error);
    } else {
        status = start(run, error);
        if (status == MELE_OK)
            status = family->fit(run, error);
        if (status == MELE_OK)
            status = record_options(run, family, asked, error);
        mele_report_seconds(run->report, "family", mele_i_clock() - began);
    }
    return status;
}

mele_status mele_i_family_train(const mele_i_family_job *job, mele_engine *engine, mele_report *report,
                                mele_model **out, mele_error *error)
{
    mele_model *model = mele_i_model_new();
    mele_i_run run = mele_i_run_of(job->data, NULL, job->options, engine, report, model);

    run.family_choice = job->choice;
    run.compared = job->compared;
    run.clusters_fixed = mele_i_family_named(job->options->family.name)->fixed;
    mele_status status = model == NULL ? mele_i_no_memory(error) : fit_family(&run, job->asked, error);
    mele_i_run_clear(&run);
    if (status != MELE_OK)
        mele_model_free(model);
    else
        *out = model;
    return status;
}
