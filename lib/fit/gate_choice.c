/* The choice of the gate, --gate auto. Where K is chosen, too, stage 1 does both and records the gate
 * (clusters.c); where K is given, the gates that auto tries race here by refits of all stages in folds
 * (race.c). Where whole fits cannot be made again, as with --posteriors of somebody else, they are ranked in
 * folds of the gate alone, on the left-out predictions of experts that stay (gate/choice.c).
 *
 * A gate with more coefficients than half the rows is no racer. */
#include "fit/gate_choice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "fit/centres.h"
#include "fit/gate_race.h"
#include "fit/report.h"
#include "fit/seen.h"
#include "fit/stages.h"
#include "gate/candidates.h"
#include "gate/gate.h"
#include "model/own_options.h"
#include "schema/data.h"

#define ROWS_A_COEFFICIENT 2

/* ---- who races ---- */

/* Who may race with one K. */
typedef struct entry {
    const mele_data *data;
    const mele_options *options;
    size_t clusters;
    bool with_one; /* one model for all rows is to be among them */
} entry;

/* A gate of nearly as many coefficients as there are rows takes long, and does not win. */
static mele_status is_entrant(const entry *e, const mele_gate_options *gate, bool *out,
                              mele_error *error)
{
    size_t coefficients;
    mele_status status = MELE_OK;

    *out = e->with_one;
    if (mele_i_gate_asks_global(gate))
        return MELE_OK;
    *out = e->clusters > 1;
    if (*out)
        status = mele_i_gate_coefficients(gate, e->clusters, mele_schema_columns(e->data->schema), true,
                                          &coefficients, error);
    *out = *out && status == MELE_OK
           && coefficients <= mele_i_data_count(e->data) / ROWS_A_COEFFICIENT;
    return status;
}

/* The racers of one K to `out`, which has room for them all. */
static mele_status list_entrants(const entry *e, mele_i_racer *out, size_t *count, mele_error *error)
{
    mele_gate_options gate = e->options->gate;
    mele_status status = MELE_OK;
    bool enters;

    *count = 0;
    if (!mele_i_gate_is_auto(&gate)) {
        out[(*count)++] = (mele_i_racer){.clusters = e->clusters, .gate = gate,
                                         .one = e->clusters == 1};
        return MELE_OK;
    }
    for (size_t i = 0; status == MELE_OK && mele_i_gate_candidate(&e->options->gate, i, &gate); i++) {
        status = is_entrant(e, &gate, &enters, error);
        if (status == MELE_OK && enters)
            out[(*count)++] = (mele_i_racer){.clusters = e->clusters, .gate = gate,
                                             .one = mele_i_gate_asks_global(&gate),
                                             .late = mele_i_gate_takes_long(&gate)};
    }
    return status;
}

mele_status mele_i_gate_racers(const mele_data *data, const mele_options *options,
                               const size_t *clusters, size_t count, mele_i_racer **out,
                               size_t *racers, mele_error *error)
{
    mele_i_racer *list = mele_i_zeroed(count, MELE_GATE_CANDIDATES * sizeof *list);
    mele_status status = list == NULL ? mele_i_no_memory(error) : MELE_OK;
    size_t some;

    *racers = 0;
    for (size_t k = 0; k < count && status == MELE_OK; k++) {
        const entry e = {data, options, clusters[k], k == 0};
        status = list_entrants(&e, list + *racers, &some, error);
        *racers += status == MELE_OK ? some : 0;
    }
    if (status == MELE_OK)
        *out = list;
    else
        free(list);
    return status;
}

/* ---- by refits ---- */

static const json_t *record_of_partition(const mele_i_run *run)
{
    return json_object_get(run->model->training, "partition");
}

/* Whether stage 1 started from centres that another fit cannot be given: neither the options hold them,
 * nor the record of stage 1. */
static bool has_lost_start(const mele_i_run *run)
{
    const mele_options *options = run->options;

    return mele_i_start_is_given(options) && options->centres == NULL
           && options->partition.centres == NULL
           && json_object_get(record_of_partition(run), MELE_I_START_KEY) == NULL;
}

/* Why not, as the options of the run say; NULL: stages 1 and 2 can be trained again. */
static const char *why_by_options(const mele_i_run *run)
{
    if (run->model->joint == NULL || run->posteriors != NULL)
        return "the model has no stage 1";
    if (run->options->partition.responsibilities != NULL)
        return "stage 1 starts from responsibilities of all rows";
    if (has_lost_start(run))
        return "the model does not say which centres stage 1 started from";
    return NULL;
}

/* Whether the experts come out the same when they are trained again, from nothing. */
static mele_status compare_experts(mele_i_run *run, bool *same, mele_error *error)
{
    const mele_experts *experts = run->model->experts;
    const mele_expert_options which = {.global = mele_i_experts_have_global(experts)};
    mele_i_run_left_out none = {NULL, NULL};
    mele_experts *again = NULL;
    mele_status status = mele_i_run_train_experts(run, &which, MELE_I_KEEP_NONE, &again, &none, NULL,
                                                  error);

    *same = status == MELE_OK && mele_i_experts_equal(experts, again);
    mele_experts_free(again);
    return status;
}

/* Why not, as the experts say that another run has trained. */
static mele_status find_why_by_experts(mele_i_run *run, const char **why, mele_error *error)
{
    mele_i_seen seen = {.what = MELE_I_SEEN_ALL};
    bool same = true;
    mele_status status = mele_i_seen_find(run, &seen, error);

    if (status == MELE_OK && seen.what == MELE_I_SEEN_ALL)
        status = compare_experts(run, &same, error);
    *why = seen.what == MELE_I_SEEN_UNKNOWN
               ? "the model does not say which rows its experts were trained on"
           : seen.what != MELE_I_SEEN_ALL ? "the experts were trained on other rows"
           : !same                        ? "experts stayed, or started, from an earlier training"
                                          : NULL;
    return status;
}

static mele_status find_why(mele_i_run *run, mele_error *error)
{
    run->why_no_refits = why_by_options(run);
    return run->why_no_refits == NULL && run->model->experts != NULL
               ? find_why_by_experts(run, &run->why_no_refits, error)
               : MELE_OK;
}

static void warn_of_few(const mele_i_run *run)
{
    const bool posteriors = run->predictions == NULL || run->posteriors != NULL;

    mele_i_report_warn(run->report, "%s: there are too few rows, or groups, to leave some out and compare "
                       "gates (--gate names one)",
                       posteriors ? "the gate stays the posteriors" : "the gate is the simplest one");
}

/* Experts that were trained under a gate that was named, or before one that was chosen. */
static bool lacks_global(const mele_model *model)
{
    return model->experts != NULL && !mele_i_experts_have_global(model->experts);
}

/* Racers but for the one model. */
static size_t leave_one_out(mele_i_racer *racers, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (!racers[i].one)
            racers[kept++] = racers[i];
    return kept;
}

/* The options of a refit. start: the centres that the record of stage 1 holds, where the options do not;
 * to be cleared, whatever this returns. */
static mele_status options_of_refits(const mele_i_run *run, mele_options *options, mele_centres *start,
                                     mele_error *error)
{
    const mele_i_space *space = &run->model->space;
    mele_status status = MELE_OK;

    *options = *run->options;
    *start = (mele_centres){0, 0, NULL};
    if (options->partition.clusters == 0 && options->partition.grid_rows > 0)
        options->partition.clusters = options->partition.grid_rows * options->partition.grid_columns;
    else if (options->partition.clusters == 0)
        options->partition.clusters = run->model->clusters;
    if (mele_i_start_is_given(options) && options->centres == NULL && options->partition.centres == NULL)
        status = mele_i_centres_recall(record_of_partition(run), space->columns + space->target_columns,
                                       start, error);
    if (start->clusters > 0)
        options->centres = start;
    return status;
}

static mele_status race_by(mele_i_run *run, const mele_options *options, json_t **record,
                           mele_error *error)
{
    mele_i_racer *racers = NULL;
    mele_i_race_course course;
    size_t count;
    mele_status status = mele_i_gate_racers(run->data, options, &options->partition.clusters, 1, &racers,
                                            &count, error);

    if (status == MELE_OK && lacks_global(run->model))
        count = leave_one_out(racers, count);
    if (status == MELE_OK)
        status = mele_i_gate_race(run->data, options, racers, count, run->engine, &course, error);
    if (status == MELE_OK && (*record = mele_i_gate_choice_record(racers, count, course.chosen)) == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK && course.chosen == count)
        warn_of_few(run);
    free(racers);
    return status;
}

static mele_status race(mele_i_run *run, json_t **record, mele_error *error)
{
    mele_options options;
    mele_centres start;
    mele_status status = options_of_refits(run, &options, &start, error);

    if (status == MELE_OK)
        status = race_by(run, &options, record, error);
    mele_centres_clear(&start);
    return status;
}

/* One region has all weight under any gate; an outside expert is not the global one. */
static mele_gate_options only_gate(const mele_i_run *run)
{
    mele_gate_options gate = {.kind = run->predictions == NULL ? "global" : "posterior"};

    if (run->predictions != NULL && run->posteriors == NULL)
        gate = (mele_gate_options){.kind = "softmax", .on = "features"};
    return gate;
}

static mele_status take_only(mele_i_run *run, mele_error *error)
{
    const mele_i_racer one = {.clusters = 1, .gate = only_gate(run), .loss = NAN, .excess = 0,
                              .error = 0};
    json_t *record = mele_i_gate_choice_record(&one, 1, 0);

    if (record == NULL)
        return mele_i_no_memory(error);
    mele_i_run_take_gate(run, record);
    return MELE_OK;
}

mele_status mele_i_run_choose_gate(mele_i_run *run, mele_error *error)
{
    const double began = mele_i_clock();
    json_t *record = NULL;

    mele_i_run_recall_gate(run);
    if (!mele_i_gate_is_auto(&run->gate))
        return MELE_OK;
    if (run->model->clusters == 1)
        return take_only(run, error);
    mele_status status = find_why(run, error);
    if (status == MELE_OK && run->why_no_refits == NULL)
        status = race(run, &record, error);
    if (status == MELE_OK && record != NULL)
        mele_i_run_take_gate(run, record);
    mele_report_seconds(run->report, "choice", mele_i_clock() - began);
    return status;
}

/* ---- by folds of the gate alone ---- */

/* The race's criterion as a loss of gates. */
static const char *rank_of(const mele_i_run *run)
{
    const char *criterion = run->options->criterion;

    return mele_i_run_classes(run) > 0 || (criterion != NULL && strcmp(criterion, "nll") == 0)
               ? "likelihood"
               : "squared";
}

mele_status mele_i_run_rank_gates(mele_i_run *run, const mele_i_gate_source *source,
                                  const mele_i_gate_source *global, mele_error *error)
{
    mele_gate_data data = source->data;
    mele_gate_options options = run->gate, settled = run->gate;
    mele_gate_info info;

    options.rank = rank_of(run);
    options.seed = run->options->seed;
    data.groups = source->run->data->group;
    if (global != NULL && mele_i_experts_have_global(run->model->experts)) {
        data.global_log_likelihoods = global->data.log_likelihoods;
        data.global_predictions = global->data.predictions;
    }
    mele_status status = mele_i_gate_choose(&data, &options, run->engine, &settled, &info, error);
    if (status != MELE_OK)
        return status;
    if (info.candidates == 0)
        warn_of_few(run);
    json_t *record = mele_i_gate_ranks_record(run, &settled, &info);
    if (record == NULL)
        return mele_i_no_memory(error);
    mele_i_run_take_gate(run, record);
    return MELE_OK;
}

mele_gate_options mele_i_run_largest_gate(const mele_i_run *run)
{
    mele_gate_options largest = run->gate;

    for (size_t i = 0; mele_i_gate_is_auto(&run->gate) && mele_i_gate_candidate(&run->gate, i, &largest);
         i++)
        ;
    return largest;
}
