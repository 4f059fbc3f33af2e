/* Bagging (Breiman 1996, Machine Learning 24): K experts of one kind, each trained on a bootstrap sample of the
 * rows; the prediction is their mean, of classes that of their probabilities.
 *
 * A sample is a count of each row, times which its own weight counts: as many rows are drawn as have a positive
 * weight, each as likely as any other, or as many groups, whole. Counts are made when they are asked for
 * (bootstrap.c), and all experts trained in the same passes over the rows.
 *
 * Nothing is left out of a sample where an expert needs it for nothing but its errors: what is not in it tells
 * these (out_of_bag.c). */
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "expert/kinds.h"
#include "family/bagging/bootstrap.h"
#include "family/bagging/out_of_bag.h"
#include "family/family.h"
#include "family/parts.h"
#include "fit/experts.h"
#include "fit/stages.h"
#include "gate/constant.h"

/* Whether experts of these options choose nothing by what is left out of their rows. */
static bool leaves_nothing_out(const mele_expert_options *options)
{
    const mele_i_expert_kind *kind = mele_i_expert_kind_named(options->kind);

    return kind != NULL && kind->in_sample;
}

static mele_status train(mele_i_run *run, const mele_rows *counts, mele_experts **experts,
                         mele_expert_info *info, mele_error *error)
{
    const mele_assignment samples = {.rows = counts->rows, .clusters = counts->cols, .weights = counts};
    mele_expert_data data = mele_i_run_expert_data(run);
    mele_expert_options options = mele_i_run_expert_options(run);

    data.assignment = &samples;
    options.in_sample = leaves_nothing_out(&options);
    mele_status status = mele_experts_fit(&data, &options, run->engine, experts, NULL, info, error);
    return status == MELE_OK ? mele_i_out_of_bag_variances(run, counts, *experts, error) : status;
}

/* Experts that vary err apart from one another, which is no variance within them. */
static mele_status find_within(mele_i_run *run, const mele_rows *counts, const mele_experts *experts,
                               mele_error *error)
{
    mele_model *model = run->model;

    if (mele_experts_classes(experts) > 0 || counts->cols == 1)
        return MELE_OK;
    model->within = MELE_I_ARRAY(double, mele_experts_outputs(experts));
    return model->within == NULL
               ? mele_i_no_memory(error)
               : mele_i_out_of_bag_within(run, counts, experts, model->within, error);
}

/* The counts' samples as a model; on failure *result holds what is to be freed. */
static mele_status make(mele_i_run *run, const mele_rows *counts, mele_expert_info *info,
                        mele_i_family_result *result, mele_error *error)
{
    json_t *measures = NULL;
    mele_status status = train(run, counts, &result->experts, info, error);

    if (status == MELE_OK)
        status = find_within(run, counts, result->experts, error);
    if (status == MELE_OK)
        status = mele_i_gate_constant_make(NULL, counts->cols, &result->gate, error);
    if (status == MELE_OK)
        status = mele_i_out_of_bag_measures(run, counts, result->experts, &measures, error);
    if (status != MELE_OK)
        return status;
    result->more = json_object();
    return mele_i_json_put(result->more, "out_of_bag", measures) ? MELE_OK : mele_i_no_memory(error);
}

static mele_status fit(mele_i_run *run, mele_error *error)
{
    const size_t K = run->model->clusters;
    mele_i_family_result result = {.log_likelihood = NAN};
    mele_expert_info *info = MELE_I_ZEROED(mele_expert_info, K + 1);
    mele_i_bootstrap bootstrap;
    mele_status status = mele_i_bootstrap_make(&bootstrap, run->data, K, run->options->seed,
                                               run->options->experts.fold, error);
    const mele_rows counts = mele_i_bootstrap_counts(&bootstrap);

    if (status == MELE_OK && info == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = make(run, &counts, info, &result, error);
    if (status == MELE_OK) {
        mele_i_warn_of_experts(run->report, info, K, 0, 0);
        result.info = info;
        status = mele_i_family_finish(run, &result, error);
    }
    mele_experts_free(result.experts);
    mele_gate_free(result.gate);
    json_decref(result.more);
    mele_i_bootstrap_free(&bootstrap);
    free(info);
    return status;
}

const mele_i_family mele_i_family_bagging = {
    .help = "experts on bootstrap samples of the rows, whose mean is the prediction",
    .takes = MELE_I_FAMILY_EVERYTHING | MELE_I_FAMILY_ANY_EXPERT,
    .options = MELE_I_FAMILY_LOOKS_AT("expert"),
    .clusters = 25,
    .fit = fit,
};
