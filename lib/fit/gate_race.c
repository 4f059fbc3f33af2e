/* The choice of K, and of the gate, by the error of the whole mixture on rows left out.
 *
 * The whole fit, scaling and partition included, is made again outside each fold; a racer is a number of
 * regions K with a gate on them. Stages 1 and 2 are trained once a fold and K (trial.c), for all gates. The one
 * model for all rows is K = 1, or the global gate; those that come late are networks. */
#include "fit/gate_race.h"

#include "fit/trial.h"
#include "gate/gate.h"

#define STAGE "clusters"

static mele_gate_options gate_of(const mele_i_heat *h, size_t i)
{
    return h->racers[i].gate.kind == NULL ? h->course->options->gate : h->racers[i].gate;
}

static mele_i_trial_needs needs_of(const mele_i_heat *h)
{
    mele_i_trial_needs needs = {false, false};

    for (size_t i = 0; i < h->count; i++) {
        const mele_gate_options gate = gate_of(h, i);
        needs.left_outs = needs.left_outs || (h->running[i] && mele_i_gate_is_trained(&gate));
        needs.global = needs.global || (h->running[i] && mele_i_gate_asks_global(&gate));
    }
    needs.left_outs = needs.left_outs && h->racers[0].clusters > 1;
    return needs;
}

/* All gates of one K say the same, the posterior gate being one of them. */
static void set_kind(const mele_i_heat *h, size_t i, mele_gate_options *options)
{
    if (h->racers[i].clusters == 1 && !mele_i_gate_asks_global(options))
        options->kind = "posterior";
}

static mele_status measure_racer(const mele_i_heat *h, size_t i, mele_i_trial *trial, mele_error *error)
{
    const mele_i_sums sums = mele_i_heat_sums(h, i);
    mele_gate_options options = gate_of(h, i);
    mele_gate *gate = NULL;

    set_kind(h, i, &options);
    mele_status status = mele_i_trial_gate(trial, &options, &gate, error);
    if (status == MELE_OK)
        status = mele_i_trial_measure(trial, gate, &sums, error);
    mele_gate_free(gate);
    return status;
}

static mele_status run_trial(void *context, const mele_i_heat *h, mele_engine *engine, mele_error *error)
{
    mele_i_trial trial;
    mele_status status = mele_i_trial_make(h->course, h->racers[0].clusters, h->fold, needs_of(h), engine,
                                           &trial, error);

    (void)context;
    for (size_t i = 0; i < h->count && status == MELE_OK; i++)
        if (h->running[i])
            status = measure_racer(h, i, &trial, error);
    mele_i_trial_clear(&trial);
    return status;
}

mele_status mele_i_gate_race(const mele_data *data, const mele_options *options, mele_i_racer *racers,
                             size_t count, mele_engine *engine, mele_i_race_course *course,
                             mele_error *error)
{
    const mele_i_race_rules rules = {.data = data, .options = options, .stage = STAGE, .run = run_trial};

    return mele_i_race(&rules, racers, count, engine, course, error);
}
