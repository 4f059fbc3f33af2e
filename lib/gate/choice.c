/* Training of a gate, and the choice of its kind, "auto", by folds of the gate alone.
 *
 * Each candidate is trained on the rows outside each of up to 10 folds, and measured inside: the loss by
 * which it is ranked is that of the training, or the one that options.rank names. The experts stay, so what
 * they predict has to be left-out predictions; and since their making is not part of the folds, a choice of
 * whole fits (refits in folds) is the better one where it can be had. Of 20000 rows or more a sample of
 * 10000 to 20000 is looked at; networks are candidates with up to 5000 rows. Taken is the simplest within
 * one standard error of the best, and one model for all rows, "global", unless others gain more over it than
 * chance does (measure/contest.c). Where nothing can be left out, of one row or group, the gate is
 * "posterior", or without posteriors the simplest that needs none. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/stream.h"
#include "core/total.h"
#include "engine/pass.h"
#include "engine/rows.h"
#include "engine/weights.h"
#include "gate/candidates.h"
#include "gate/gate.h"
#include "gate/kind.h"
#include "gate/options.h"
#include "measure/contest.h"
#include "measure/folds.h"

#define MOST_FOLDS 10
#define FOLD_ROWS 10 /* left out at least, as long as there are 2 folds */
#define SAMPLE_ROWS 10000

/* ---- some of the rows ---- */

#define OFFSET(member) offsetof(mele_gate_data, member)

static const size_t members[] = {OFFSET(log_posteriors), OFFSET(log_likelihoods), OFFSET(predictions),
                                 OFFSET(shares), OFFSET(targets), OFFSET(x),
                                 OFFSET(global_log_likelihoods), OFFSET(global_predictions)};

static mele_rows *member_of(const mele_gate_data *data, size_t m)
{
    return (mele_rows *)((char *)data + members[m]);
}

enum { MEMBERS = sizeof members / sizeof members[0] };

/* Data of some rows, in memory that is to be freed. */
static mele_status take_rows(const mele_gate_data *all, const size_t *row, size_t count,
                             double **memory, mele_gate_data *out, mele_error *error)
{
    size_t cols = 1;
    mele_status status = MELE_OK;

    for (size_t m = 0; m < MEMBERS; m++)
        cols += mele_i_rows_are_there(member_of(all, m)) ? member_of(all, m)->cols : 0;
    double *at = *memory = mele_i_large_array(count, cols * sizeof(double));
    if (at == NULL)
        return mele_i_no_memory(error);
    *out = *all;
    out->rows = count;
    for (size_t m = 0; m < MEMBERS && status == MELE_OK; m++) {
        mele_rows *rows = member_of(out, m);
        if (!mele_i_rows_are_there(rows))
            continue;
        status = mele_i_rows_gather(member_of(all, m), row, count, at, error);
        *rows = mele_rows_of_array(at, count, rows->cols);
        at += count * rows->cols;
    }
    for (size_t i = 0; i < count; i++)
        at[i] = all->weights == NULL ? 1 : all->weights[row[i]];
    out->weights = at;
    return status;
}

/* ---- the choice ---- */

typedef struct choosing {
    const mele_gate_data *all; /* weights relative */
    mele_gate_options options;
    const mele_i_gate_loss *rank;
    mele_gate_options gate[MELE_GATE_CANDIDATES];
    size_t count;
    size_t folds, slices;
    size_t *row, *group, *fold, rows; /* those that are looked at: their places, groups, folds */
    double *loss, *weight;            /* count x folds x slices */
} choosing;

static void choosing_clear(choosing *c)
{
    free(c->row);
    free(c->group);
    free(c->fold);
    free(c->loss);
    free(c->weight);
}

/* What the global gate is measured by. */
static const mele_rows *global_member(const choosing *c)
{
    return c->rank->needs & MELE_I_GATE_LIKELIHOODS   ? &c->all->global_log_likelihoods
           : c->rank->needs & MELE_I_GATE_PREDICTIONS ? &c->all->global_predictions
                                                      : NULL;
}

/* Those for which there is what they and the ranks need. */
static void list_candidates(choosing *c)
{
    const mele_rows *global = global_member(c);
    const bool features = mele_i_rows_are_there(&c->all->x);
    const bool posteriors = mele_i_rows_are_there(&c->all->log_posteriors);
    mele_gate_options one;

    for (size_t i = 0; mele_i_gate_candidate(&c->options, i, &one); i++) {
        if (mele_i_gate_takes_long(&one) && c->all->rows > MELE_I_GATE_LATE_ROWS)
            continue;
        if (mele_i_gate_asks_global(&one)
                ? global != NULL && mele_i_rows_are_there(global)
                : (features || !mele_i_gate_sees_features(&one))
                      && (posteriors || mele_i_gate_does_without(&one)))
            c->gate[c->count++] = one;
    }
}

/* ---- folds ---- */

static mele_i_stream stream_of(const choosing *c, size_t index)
{
    return mele_i_stream_make(c->options.seed, MELE_I_FOR_GATE_ROWS, 1, index);
}

/* The rows of positive weight, of many a sample, with their groups. */
static mele_status list_rows(choosing *c, mele_error *error)
{
    const mele_gate_data *d = c->all;
    mele_i_stream stream = stream_of(c, 0);

    c->row = MELE_I_ARRAY(size_t, d->rows);
    c->group = d->groups == NULL ? NULL : MELE_I_ARRAY(size_t, d->rows);
    c->fold = MELE_I_ARRAY(size_t, d->rows);
    if (c->row == NULL || c->fold == NULL || (d->groups != NULL && c->group == NULL))
        return mele_i_no_memory(error);
    for (size_t i = 0; i < d->rows; i++) {
        if (!(d->weights == NULL || d->weights[i] > 0))
            continue;
        if (d->groups != NULL)
            c->group[c->rows] = d->groups[i];
        c->row[c->rows++] = i;
    }
    const size_t samples = c->rows / SAMPLE_ROWS;
    if (samples < 2
        || mele_i_folds(c->rows, c->group, NULL, samples, &stream, c->fold, NULL) != MELE_OK)
        return MELE_OK;
    size_t kept = 0;
    for (size_t i = 0; i < c->rows; i++)
        if (c->fold[i] == 0) {
            c->row[kept] = c->row[i];
            if (c->group != NULL)
                c->group[kept] = c->group[i];
            kept++;
        }
    c->rows = kept;
    return MELE_OK;
}

/* As many folds as rows, or groups, allow; 0: nothing can be left out. */
static mele_status deal(choosing *c, mele_error *error)
{
    size_t folds = c->rows / FOLD_ROWS < MOST_FOLDS ? c->rows / FOLD_ROWS : MOST_FOLDS;
    mele_status status = MELE_EDATA;

    for (folds = folds < 2 ? 2 : folds; folds >= 2 && status == MELE_EDATA; folds--) {
        mele_i_stream stream = stream_of(c, 1);
        status = mele_i_folds(c->rows, c->group, NULL, folds, &stream, c->fold, error);
        c->folds = status == MELE_OK ? folds : 0;
    }
    c->slices = c->folds > 0 ? mele_i_contest_slices(c->folds) : 1;
    return status == MELE_EDATA ? MELE_OK : status;
}

static size_t slice_of(const choosing *c, size_t i)
{
    return (c->group == NULL ? i : c->group[i]) % c->slices;
}

/* The rows outside a fold, or those of one of its slices (below slices) inside. */
static size_t list_side(const choosing *c, size_t fold, size_t slice, size_t *row)
{
    size_t count = 0;

    for (size_t i = 0; i < c->rows; i++)
        if (slice < c->slices ? c->fold[i] == fold && slice_of(c, i) == slice : c->fold[i] != fold)
            row[count++] = c->row[i];
    return count;
}

/* ---- losses ---- */

/* Of the global gate its one model, as a gate on one region has it. */
static mele_status measure(const choosing *c, const mele_gate *gate, const mele_gate_data *given,
                           double *loss, mele_error *error)
{
    mele_gate_data data = *given;
    double *zeros = NULL;
    mele_gate *one = NULL;
    mele_status status = MELE_OK;

    if (gate->kind->global) {
        zeros = MELE_I_ZEROED(double, data.rows);
        one = mele_i_gate_new(&mele_i_gate_hard, 1);
        if (zeros == NULL || one == NULL) {
            free(zeros);
            mele_gate_free(one);
            return mele_i_no_memory(error);
        }
        one->needs = MELE_I_GATE_POSTERIORS;
        data.clusters = 1;
        data.log_posteriors = mele_rows_of_array(zeros, data.rows, 1);
        data.log_likelihoods = data.global_log_likelihoods;
        data.predictions = data.global_predictions;
    }
    const mele_i_gate_training on = {
        .data = &data, .options = &c->options, .loss = c->rank,
        .loss_needs = mele_i_gate_loss_needs(c->rank, &data), .normalises = true,
        .total_weight = mele_i_total_weight(data.weights, data.rows)};
    status = mele_i_gate_mean_loss(one == NULL ? gate : one, &on, loss, error);
    mele_gate_free(one);
    free(zeros);
    return status;
}

/* One slice of a fold under all gates. */
static mele_status measure_slice(const choosing *c, size_t fold, size_t slice, mele_gate *const *gate,
                                 size_t *row, mele_error *error)
{
    const size_t count = list_side(c, fold, slice, row), at = fold * c->slices + slice;
    double *memory = NULL;
    mele_gate_data data;
    mele_status status = count == 0 ? MELE_OK : take_rows(c->all, row, count, &memory, &data, error);

    for (size_t g = 0; g < c->count && count > 0 && status == MELE_OK; g++) {
        double *loss = &c->loss[g * c->folds * c->slices + at];
        double *weight = &c->weight[g * c->folds * c->slices + at];
        status = measure(c, gate[g], &data, loss, error);
        *weight = mele_i_total_weight(data.weights, data.rows);
        *loss *= *weight;
    }
    free(memory);
    return status;
}

static mele_status train_all(const choosing *c, size_t fold, size_t *row, mele_engine *engine,
                             mele_gate **gate, mele_error *error)
{
    const size_t count = list_side(c, fold, c->slices, row);
    double *memory = NULL;
    mele_gate_data data;
    mele_status status = take_rows(c->all, row, count, &memory, &data, error);

    for (size_t g = 0; g < c->count && status == MELE_OK; g++)
        status = mele_i_gate_fit(&data, &c->gate[g], engine, &gate[g], NULL, error);
    free(memory);
    return status;
}

static mele_status run_fold(void *context, size_t fold, mele_engine *engine, mele_error *error)
{
    const choosing *c = context;
    mele_gate *gate[MELE_GATE_CANDIDATES] = {NULL};
    size_t *row = MELE_I_ARRAY(size_t, c->rows);
    mele_status status = row == NULL ? mele_i_no_memory(error)
                                     : train_all(c, fold, row, engine, gate, error);

    for (size_t slice = 0; slice < c->slices && status == MELE_OK; slice++)
        status = measure_slice(c, fold, slice, gate, row, error);
    for (size_t g = 0; g < c->count; g++)
        mele_gate_free(gate[g]);
    free(row);
    return status;
}

/* ---- who is taken ---- */

static mele_i_losses losses_of(const choosing *c, size_t g)
{
    const size_t pairs = c->folds * c->slices;

    return (mele_i_losses){c->loss + g * pairs, c->weight + g * pairs, pairs};
}

static size_t judge(const choosing *c, mele_gate_info *info)
{
    const size_t one = mele_i_gate_asks_global(&c->gate[0]) ? 1 : 0; /* how many that is */
    mele_i_losses all[MELE_GATE_CANDIDATES];
    size_t best = 0;

    for (size_t g = 0; g < c->count; g++) {
        all[g] = losses_of(c, g);
        info->candidate[g].loss = mele_i_losses_mean(&all[g]);
        if (info->candidate[g].loss < info->candidate[best].loss)
            best = g;
    }
    for (size_t g = 0; g < c->count; g++) {
        const mele_i_excess e = mele_i_excess_of(&all[g], &all[best]);
        info->candidate[g].excess = g == best ? 0 : e.mean;
        info->candidate[g].standard_error = g == best ? 0 : mele_i_excess_error(&e);
    }
    if (best < one)
        return best;
    const size_t taken = mele_i_contest_choose(all + one, c->count - one, best - one,
                                               one > 0 ? &all[0] : NULL,
                                               mele_i_contest_slice(c->folds, c->slices));
    return taken == c->count - one ? 0 : taken + one;
}

static mele_status compare(choosing *c, mele_engine *engine, mele_gate_info *info, mele_error *error)
{
    const size_t bytes = c->folds * c->slices * sizeof(double);
    const mele_i_tasks tasks = {.count = c->folds, .run = run_fold, .context = c, .stage = "gate"};

    c->loss = mele_i_zeroed(c->count, bytes);
    c->weight = mele_i_zeroed(c->count, bytes);
    if (c->loss == NULL || c->weight == NULL)
        return mele_i_no_memory(error);
    mele_status status = mele_i_tasks_run(engine, &tasks, error);
    if (status != MELE_OK)
        return status;
    info->candidates = c->count;
    for (size_t g = 0; g < c->count; g++) {
        info->candidate[g].kind = c->gate[g].kind;
        info->candidate[g].on = mele_i_gate_on(&c->gate[g]);
    }
    info->chosen = judge(c, info);
    return MELE_OK;
}

/* What is left out must be measured by what is there. */
static mele_status check_ranks(const choosing *c, mele_error *error)
{
    const bool posteriors = mele_i_rows_are_there(&c->all->log_posteriors);
    const unsigned needs = mele_i_gate_loss_needs(c->rank, c->all)
                           | (posteriors ? MELE_I_GATE_POSTERIORS : MELE_I_GATE_FEATURES);
    const char *missing;

    if (mele_i_gate_has(c->all, needs, &missing))
        return mele_i_gate_check_shapes(c->all, needs, error);
    return mele_i_fail(error, MELE_EINVAL, "gate: \"auto\" by the loss \"%s\" needs %s", c->rank->name,
                       missing);
}

static mele_status choose(choosing *c, mele_engine *engine, mele_gate_info *info, mele_error *error)
{
    mele_status status = check_ranks(c, error);

    list_candidates(c);
    if (status == MELE_OK)
        status = list_rows(c, error);
    if (status == MELE_OK && c->rows > 0)
        status = deal(c, error);
    return status == MELE_OK && c->folds > 0 && c->count > 0 ? compare(c, engine, info, error) : status;
}

mele_status mele_i_gate_choose(const mele_gate_data *data, const mele_gate_options *options,
                               mele_engine *engine, mele_gate_options *settled, mele_gate_info *info,
                               mele_error *error)
{
    mele_gate_data all = *data;
    double *weights = NULL;
    choosing c = {.all = &all, .options = *options,
                  .rank = mele_i_gate_loss_find(options->rank == NULL ? options->loss : options->rank)};
    mele_gate_info found = {.loss = NAN};
    mele_status status = mele_i_weights_relative(data->weights, data->rows, &all.weights, &weights,
                                                 error);

    if (status == MELE_OK && data->clusters > 1)
        status = choose(&c, engine, &found, error);
    if (status == MELE_OK) {
        const bool alone = c.count > 0 && !mele_i_rows_are_there(&data->log_posteriors);
        const mele_gate_options *chosen = &c.gate[found.chosen];
        *settled = *options;
        settled->kind = found.candidates > 0 || alone ? chosen->kind : mele_i_gate_posterior.name;
        settled->on = found.candidates > 0 || alone ? chosen->on : options->on;
        *info = found;
    }
    choosing_clear(&c);
    free(weights);
    return status;
}

/* ---- training ---- */

static mele_status choose_and_fit(const mele_gate_data *data, const mele_gate_options *options,
                                  mele_engine *engine, mele_gate **out, mele_gate_info *info,
                                  mele_error *error)
{
    mele_gate_options settled;
    mele_gate_info found, trained;
    mele_status status = mele_i_gate_options_check(options, error);

    if (status == MELE_OK)
        status = mele_i_gate_choose(data, options, engine, &settled, &found, error);
    if (status == MELE_OK)
        status = mele_i_gate_fit(data, &settled, engine, out, &trained, error);
    if (status != MELE_OK || info == NULL)
        return status;
    *info = trained;
    info->candidates = found.candidates;
    info->chosen = found.chosen;
    memcpy(info->candidate, found.candidate, sizeof info->candidate);
    return MELE_OK;
}

mele_status mele_gate_fit(const mele_gate_data *data, const mele_gate_options *options,
                          mele_engine *engine, mele_gate **out, mele_gate_info *info,
                          mele_error *error)
{
    const mele_gate_options chosen = options == NULL ? mele_gate_defaults() : *options;

    if (data == NULL || data->rows == 0 || data->clusters == 0 || out == NULL || chosen.kind == NULL
        || !mele_i_gate_is_auto(&chosen))
        return mele_i_gate_fit(data, &chosen, engine, out, info, error);
    mele_status status = mele_i_engine_claim(engine, error);
    if (status != MELE_OK)
        return status;
    status = choose_and_fit(data, &chosen, engine, out, info, error);
    mele_i_engine_release(engine);
    return status;
}
