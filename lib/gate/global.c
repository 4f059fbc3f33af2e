/* The global gate: the prediction of one model for all rows, the global expert, which whoever blends
 * takes in place of the mixture's. Its weights are the posteriors, for who asks. It has no parameters and
 * no state, and since what it predicts is no blend of the experts, no loss that these tell of. */
#include <string.h>

#include "gate/kind.h"

static void forward(const mele_gate *gate, const mele_i_gate_rows *rows, double *scratch,
                    double *out)
{
    (void)scratch;
    memcpy(out, rows->log_posteriors, rows->count * gate->clusters * sizeof *out);
}

const mele_i_gate_kind mele_i_gate_global = {
    .name = "global", .global = true, .make = mele_i_gate_plain_make, .forward = forward,
    .save = mele_i_gate_plain_save, .load = mele_i_gate_plain_load};
