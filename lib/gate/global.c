/* The global gate: the prediction of one model for all rows, the global expert, which whoever blends
 * takes in place of the mixture's. Its weights are the posteriors, for who asks. It has no parameters and
 * no state, and since what it predicts is no blend of the experts, no loss that these tell of. */
#include <string.h>

#include "core/json.h"
#include "gate/kind.h"

static mele_status make(mele_gate *gate, const mele_i_gate_training *training, mele_error *error)
{
    (void)training;
    (void)error;
    gate->needs = MELE_I_GATE_POSTERIORS;
    return MELE_OK;
}

static void forward(const mele_gate *gate, const mele_i_gate_rows *rows, double *scratch,
                    double *out)
{
    (void)scratch;
    memcpy(out, rows->log_posteriors, rows->count * gate->clusters * sizeof *out);
}

static bool save(const mele_gate *gate, json_t *section)
{
    (void)gate;
    (void)section;
    return true;
}

static mele_status load(const json_t *section, mele_gate *gate, mele_error *error)
{
    gate->needs = MELE_I_GATE_POSTERIORS;
    return mele_i_json_keys(section, "gate", "kind,clusters", error);
}

const mele_i_gate_kind mele_i_gate_global = {
    .name = "global", .global = true, .make = make, .forward = forward, .save = save, .load = load};
