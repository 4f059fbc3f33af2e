/* What "auto" chooses from: one model for all rows; the posteriors as they are, or the largest of them;
 * one number; a coefficient for each pair of regions, or of a region and a feature; a network of features. */
#include "gate/candidates.h"

#include <string.h>

#include "gate/kind.h"

/* Of training in folds: ranks need no more. */
#define TOLERANCE 1e-4

typedef struct candidate {
    const mele_i_gate_kind *kind;
    const char *on; /* NULL: it sees nothing that could be chosen */
} candidate;

static const candidate table[] = {
    {&mele_i_gate_global, NULL},           {&mele_i_gate_posterior, NULL},
    {&mele_i_gate_hard, NULL},             {&mele_i_gate_temperature, NULL},
    {&mele_i_gate_softmax, "posteriors"},  {&mele_i_gate_softmax, "features"},
    {&mele_i_gate_mlp, "features"},
};

#define COUNT (sizeof table / sizeof table[0])

bool mele_i_gate_is_auto(const mele_gate_options *options)
{
    return strcmp(options->kind, MELE_I_GATE_AUTO) == 0;
}

bool mele_i_gate_takes_long(const mele_gate_options *options)
{
    return strcmp(options->kind, mele_i_gate_mlp.name) == 0;
}

/* With one input for all gates a kind is tried once. */
static bool is_tried(size_t row, bool one_input)
{
    return !one_input || row == 0 || table[row].kind != table[row - 1].kind;
}

bool mele_i_gate_candidate(const mele_gate_options *options, size_t i, mele_gate_options *out)
{
    const bool one = options->on != NULL;

    for (size_t row = 0; row < COUNT; row++)
        if (is_tried(row, one) && i-- == 0) {
            *out = *options;
            out->kind = table[row].kind->name;
            out->on = one ? options->on : table[row].on;
            out->tolerance = options->tolerance > 0 ? options->tolerance : TOLERANCE;
            return true;
        }
    return false;
}
