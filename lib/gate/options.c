/* What is asked of stage 3: defaults, and the table of what may be asked. */
#include "gate/options.h"

#include <float.h>

#include "engine/network.h"
#include "gate/candidates.h"
#include "gate/kind.h"

#define MEMBER(name) MELE_I_MEMBER(mele_gate_options, name)

mele_gate_options mele_gate_defaults(void)
{
    mele_gate_options options = {.kind = MELE_I_GATE_AUTO, .loss = "likelihood", .ridge = 1, .hidden = 8,
                                 .seed = 1, .max_iterations = 500};
    return options;
}

static const char *elsewhere(const char *text)
{
    const mele_i_gate_kind *kind = mele_i_gate_kind_find(text);

    return kind != NULL && kind->for_families
               ? "that is a gate which a family of its own trains (mele-fit --family)"
               : NULL;
}

static const mele_i_option rows[] = {
    {.name = "gate", .argument = "KIND",
     .help = "how posteriors become weights; global: one model for all rows, auto: "
             "the simplest of those that predict rows left out best",
     MEMBER(kind), .type = MELE_I_CHOICE, .choice = mele_gate_kind, .elsewhere = elsewhere},
    {.name = "on", .argument = "INPUT",
     .help = "what the softmax or mlp gate sees (default: posteriors; auto tries features, too)",
     MEMBER(on), .type = MELE_I_CHOICE, .choice = mele_gate_input, .optional = true},
    {.name = "loss", .argument = "LOSS",
     .help = "what the gate minimises",
     MEMBER(loss), .type = MELE_I_CHOICE, .choice = mele_gate_loss},
    {.name = "gate-ridge", .argument = "L",
     .help = "pull of the gate towards the posteriors",
     MEMBER(ridge), .type = MELE_I_NUMBER, .least = 0, .most = DBL_MAX},
    {.name = "gate-hidden", .argument = "N",
     .help = "mlp: hidden units",
     MEMBER(hidden), .type = MELE_I_WHOLE, .least = 1, .most = MELE_I_MOST_HIDDEN},
    {.name = "gate-max-iter", .argument = "N",
     .help = "iterations of the gate's training at most",
     MEMBER(max_iterations), .type = MELE_I_WHOLE, .least = 1, .most = 1e9},
    {MEMBER(rank), .type = MELE_I_CHOICE, .choice = mele_gate_loss, .optional = true},
    {MEMBER(depth), .type = MELE_I_WHOLE, .least = 0, .most = 1e9},
    {MEMBER(tolerance), .type = MELE_I_NUMBER, .least = 0, .most = DBL_MAX},
};

static const mele_i_option_table table = MELE_I_OPTION_TABLE(rows);

const mele_i_option_table *mele_i_gate_options_at(size_t i)
{
    return i == 0 ? &table : NULL;
}

mele_status mele_i_gate_options_check(const mele_gate_options *options, mele_error *error)
{
    const mele_i_gate_kind *kind = options->kind == NULL ? NULL : mele_i_gate_kind_find(options->kind);
    mele_gate_options asked = *options;
    mele_status status = mele_i_check_reserved(options->reserved, error);

    if (kind != NULL && kind->for_families)
        asked.kind = MELE_I_GATE_AUTO;
    return status == MELE_OK ? mele_i_option_check_all(&table, &asked, "gate: ", error) : status;
}
