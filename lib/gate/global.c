/* The global gate: the prediction of one model for all rows, the global expert, which whoever blends
 * takes in place of the mixture's. Its weights are the posteriors, for who asks; of one region that is 1,
 * for which no posteriors are needed. It has no parameters and no state, and since what it predicts is no
 * blend of the experts, no loss that these tell of. */
#include <string.h>

#include "core/json.h"
#include "gate/kind.h"

static void set_needs(mele_gate *gate)
{
    gate->needs = gate->clusters > 1 ? MELE_I_GATE_POSTERIORS : 0;
}

static mele_status make(mele_gate *gate, const mele_i_gate_training *training, mele_error *error)
{
    (void)training;
    (void)error;
    set_needs(gate);
    return MELE_OK;
}

static mele_status load(const json_t *section, mele_gate *gate, mele_error *error)
{
    set_needs(gate);
    return mele_i_json_keys(section, "gate", "kind,clusters", error);
}

static void forward(const mele_gate *gate, const mele_i_gate_rows *rows, double *scratch,
                    double *out)
{
    (void)scratch;
    if (gate->clusters > 1)
        memcpy(out, rows->log_posteriors, rows->count * gate->clusters * sizeof *out);
    else
        memset(out, 0, rows->count * sizeof *out);
}

const mele_i_gate_kind mele_i_gate_global = {
    .name = "global", .global = true, .make = make, .forward = forward,
    .save = mele_i_gate_plain_save, .load = load};
