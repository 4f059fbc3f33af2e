/* One expert for all rows, of any kind: what mixtures are compared with. */
#include <math.h>

#include "family/alone.h"
#include "family/family.h"
#include "family/parts.h"
#include "fit/experts.h"

static mele_status fit(mele_i_run *run, mele_error *error)
{
    const mele_gate_data nothing = {.rows = run->features.rows, .clusters = 1};
    mele_gate_options gate = mele_gate_defaults();
    mele_expert_info info[2];
    mele_i_family_result result = {.info = info, .log_likelihood = NAN};
    mele_status status = mele_i_family_alone(run, false, &result.experts, info, error);

    gate.kind = "global";
    if (status == MELE_OK)
        status = mele_gate_fit(&nothing, &gate, run->engine, &result.gate, NULL, error);
    if (status != MELE_OK) {
        mele_experts_free(result.experts);
        return status;
    }
    mele_i_warn_of_experts(run->report, info, 1, 0, 0);
    return mele_i_family_finish(run, &result, error);
}

const mele_i_family mele_i_family_one = {
    .help = "one expert of any kind for all rows, which mixtures are compared with",
    .takes = MELE_I_FAMILY_EVERYTHING | MELE_I_FAMILY_ANY_EXPERT,
    .options = (const char *const[]){"clusters", "parameters", NULL},
    .clusters = 1,
    .fixed = true,
    .fit = fit,
};
