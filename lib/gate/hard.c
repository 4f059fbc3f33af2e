/* The hard gate, the limit t -> infinity of softmax(t log p): all weight to the largest posterior,
 * of equal ones to the first. It has no parameters and no state. */
#include <math.h>

#include "core/largest.h"
#include "gate/kind.h"

static void forward(const mele_gate *gate, const mele_i_gate_rows *rows, double *scratch,
                    double *out)
{
    const size_t clusters = gate->clusters;

    (void)scratch;
    for (size_t i = 0; i < rows->count; i++, out += clusters) {
        for (size_t k = 0; k < clusters; k++)
            out[k] = -INFINITY;
        out[mele_i_largest(rows->log_posteriors + i * clusters, clusters)] = 0;
    }
}

const mele_i_gate_kind mele_i_gate_hard = {
    .name = "hard", .make = mele_i_gate_plain_make, .forward = forward,
    .save = mele_i_gate_plain_save, .load = mele_i_gate_plain_load};
