/* The public call that makes a gate over outside experts: a model's start, and then stage 3. */
#include <mele/fit.h>

#include <string.h>

#include "core/error.h"
#include "engine/pass.h"
#include "fit/stages.h"
#include "fit/whole.h"
#include "gate/candidates.h"
#include "gate/gate.h"
#include "model/options.h"
#include "schema/data.h"

/* Whether a gate of these options, or one that auto chooses from, does without posteriors. */
static bool does_without(const mele_gate_options *options)
{
    mele_gate_options one;

    if (!mele_i_gate_is_auto(options))
        return mele_i_gate_does_without(options);
    for (size_t i = 0; mele_i_gate_candidate(options, i, &one); i++)
        if (mele_i_gate_does_without(&one))
            return true;
    return false;
}

static mele_status check_call(const mele_data *data, const mele_handover *handover,
                              const mele_options *options, mele_error *error)
{
    mele_status status;

    if (handover == NULL || handover->predictions == NULL)
        return mele_i_fail(error, MELE_EINVAL,
                           "a gate over outside experts needs their predictions");
    if (handover->left_out != NULL || handover->left_out_to != NULL)
        return mele_i_fail(error, MELE_EINVAL,
                           "predictions of outside experts are taken as left-out "
                           "ones: there are no others");
    status = mele_i_options_check(options, error);
    if (status == MELE_OK)
        status = mele_i_check_by_stages(options, error);
    if (status == MELE_OK && strcmp(options->gate.kind, "global") == 0)
        return mele_i_fail(
            error, MELE_EINVAL,
            "the gate \"global\" is that of an expert for all rows, "
            "which outside ones have not: one of them may be it, under another gate");
    if (status == MELE_OK && options->refine > 0)
        return mele_i_fail(error, MELE_EINVAL,
                           "--refine trains the experts as well as the gate, and "
                           "outside ones are trained elsewhere: without it the gate alone is");
    if (status == MELE_OK && handover->posteriors == NULL
        && !does_without(&options->gate))
        return mele_i_fail(
            error, MELE_EINVAL,
            "this gate needs posteriors (--posteriors); one of --gate "
            "softmax or mlp --on features, with another loss than \"posteriors\", stands on the "
            "features alone");
    return status == MELE_OK ? mele_i_data_check_options(data, &options->data, error) : status;
}

/* The model's start, and then stage 3. */
static mele_status run_gate(mele_i_run *run, mele_error *error)
{
    mele_status status = mele_i_engine_claim(run->engine, error);

    if (status != MELE_OK)
        return status;
    status = mele_i_run_start(run, error);
    if (status == MELE_OK)
        status = mele_i_run_scale_targets(run, error);
    run->model->clusters = run->predictions->clusters;
    if (status == MELE_OK)
        status = mele_i_run_gate(run, error);
    mele_i_engine_release(run->engine);
    return status;
}

mele_status mele_fit_gate_outside(const mele_data *data, const mele_handover *handover,
                                  const mele_options *options, mele_engine *engine,
                                  mele_report *report, mele_model **out, mele_error *error)
{
    mele_status status = check_call(data, handover, options, error);

    if (status != MELE_OK)
        return status;
    mele_model *model = mele_i_model_new();
    if (model == NULL)
        return mele_i_no_memory(error);
    mele_i_run run = mele_i_run_of(data, handover, options, engine, report, model);
    status = run_gate(&run, error);
    mele_i_run_clear(&run);
    if (status != MELE_OK)
        mele_model_free(model);
    else
        *out = model;
    return status;
}
