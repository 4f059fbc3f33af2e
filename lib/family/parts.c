#include "family/parts.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/total.h"
#include "fit/experts.h"
#include "fit/gate_record.h"
#include "fit/report.h"
#include "fit/seen.h"
#include "schema/data.h"

#define KEY "family" /* of the record and the report */

/* ---- what is told ---- */

double mele_i_family_units(const mele_i_run *run)
{
    const mele_i_scaling *scaling = &run->model->target_scaling;
    double units = 0;

    for (size_t t = 0; t < scaling->columns; t++)
        units += log(scaling->scale[t]);
    return mele_i_total_weight(run->data->weights, run->features.rows) * units;
}

const char *mele_i_family_fewer(const mele_i_run *run)
{
    return run->clusters_fixed ? "another family has fewer (--family)" : "take fewer (--clusters)";
}

void mele_i_family_warn_idle(mele_i_run *run, const double *weight)
{
    for (size_t k = 0; k < run->model->clusters; k++)
        if (weight[k] < 1)
            mele_i_report_warn(run->report, "no row is of expert %zu (%.3g in all): %s", k + 1,
                               weight[k], mele_i_family_fewer(run));
}

json_t *mele_i_family_starts(const double *reached, size_t count, double factor, double units)
{
    json_t *list = json_array();

    for (size_t r = 0; r < count && list != NULL; r++)
        if (json_array_append_new(list, mele_i_report_real(factor * reached[r] - units)) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

/* named: for the report; the record has the name among the options. */
static json_t *family_object(const mele_i_run *run, const mele_i_family_result *r, bool named)
{
    json_t *object = json_object();
    bool good = object != NULL;

    if (good && named)
        good = mele_i_json_put(object, "name", json_string(run->options->family.name));
    if (good)
        good = mele_i_json_put(object, "parameters",
                               json_integer((json_int_t)mele_model_parameters(run->model)));
    if (good && !isnan(r->log_likelihood))
        good = mele_i_json_put(object, "log_likelihood", mele_i_report_real(r->log_likelihood));
    if (good && r->iterates)
        good = mele_i_json_put(object, "iterations", json_integer((json_int_t)r->iterations))
               && mele_i_json_put(object, "converged", json_boolean(r->converged));
    if (good && run->family_choice != NULL)
        good = json_object_update(object, (json_t *)run->family_choice) == 0;
    if (good && r->more != NULL)
        good = json_object_update(object, r->more) == 0;
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

mele_status mele_i_family_tell(mele_i_run *run, mele_error *error)
{
    const mele_i_family_result nothing = {.log_likelihood = NAN};

    (void)error;
    mele_i_report_set(run->report, KEY, family_object(run, &nothing, true));
    return MELE_OK;
}

static mele_status record_experts(mele_i_run *run, const mele_expert_info *info, mele_error *error)
{
    const size_t clusters = run->model->clusters;
    const bool classes = mele_i_run_classes(run) > 0;
    bool *fresh = MELE_I_ARRAY(bool, clusters);

    if (fresh == NULL)
        return mele_i_no_memory(error);
    for (size_t k = 0; k < clusters; k++)
        fresh[k] = true;
    mele_i_report_set(run->report, "experts",
                      mele_i_experts_record(info, clusters, classes, fresh, NULL, true));
    json_t *record = mele_i_experts_record(info, clusters, classes, fresh, NULL, false);
    free(fresh);
    return mele_i_json_put(run->model->training, "experts", record) ? MELE_OK : mele_i_no_memory(error);
}

static mele_status record_parts(mele_i_run *run, const mele_i_family_result *r, mele_error *error)
{
    mele_status status = mele_i_seen_record(run, false, error);

    if (status == MELE_OK && r->info != NULL)
        status = record_experts(run, r->info, error);
    if (status == MELE_OK && r->gate_info != NULL)
        status = mele_i_run_record(run, "gate", mele_i_gate_record(r->gate_info,
                                                                   mele_gate_name(run->model->gate),
                                                                   false, 0), error);
    if (status == MELE_OK && !mele_i_json_put(run->model->training, KEY, family_object(run, r, false)))
        status = mele_i_no_memory(error);
    mele_i_report_set(run->report, KEY, family_object(run, r, true));
    return status;
}

/* ---- the parts become the model's ---- */

static mele_status take_parts(mele_i_run *run, mele_i_family_result *r, mele_error *error)
{
    mele_model *model = run->model;

    model->experts = r->experts;
    r->experts = NULL;
    mele_status status = mele_i_model_set_gate(model, r->gate, error);
    r->gate = NULL;
    if (mele_gate_features(model->gate) == 0)
        mele_i_selection_clear(&model->gate_features);
    return status;
}

mele_status mele_i_family_finish(mele_i_run *run, mele_i_family_result *r, mele_error *error)
{
    mele_status status = take_parts(run, r, error);

    if (status == MELE_OK)
        status = record_parts(run, r, error);
    if (status == MELE_OK && r->iterates && !r->converged)
        mele_i_report_unconverged(run->report, "the family %s did not converge in %zu iteration%s",
                                  run->options->family.name, r->iterations, r->iterations == 1 ? "" : "s");
    json_decref(r->more);
    r->more = NULL;
    return status;
}
