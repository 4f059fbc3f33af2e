/* The hard gate, the limit t -> infinity of softmax(t log p): all weight to the largest posterior,
 * of equal ones to the first. It has no parameters and no state. */
#include <math.h>

#include "core/json.h"
#include "core/largest.h"
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
    const size_t clusters = gate->clusters;

    (void)scratch;
    for (size_t i = 0; i < rows->count; i++, out += clusters) {
        for (size_t k = 0; k < clusters; k++)
            out[k] = -INFINITY;
        out[mele_i_largest(rows->log_posteriors + i * clusters, clusters)] = 0;
    }
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

const mele_i_gate_kind mele_i_gate_hard = {
    .name = "hard", .make = make, .forward = forward, .save = save, .load = load};
