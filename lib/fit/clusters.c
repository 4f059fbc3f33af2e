/* The choice of K.
 *
 * Each candidate is fitted as it would be alone, with all restarts, and measured:
 *
 *     bic, icl, aic, silhouette   on the training rows, in the space that is clustered;
 *     cv, nll   by the error, or the log density, of the final mixture on rows left out (race.c): with each
 *               gate that auto tries, so that K and the gate are chosen together.
 *
 * The best value wins, and among equals the smallest K. A candidate without a value is never
 * chosen; when none has one, the smallest K is. By cv and nll, one model for all rows stays when the best
 * gains no more over it than chance does. */
#include "fit/clusters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "fit/gate_choice.h"
#include "fit/gate_race.h"
#include "fit/ladder.h"
#include "fit/report.h"
#include "gate/candidates.h"
#include "partition/partition.h"
#include "schema/data.h"

#define STAGE "clusters"

typedef struct candidate {
    size_t clusters;
    double value;           /* of the criterion; NaN: it has none */
    size_t folds;           /* cv, nll: that the value is of; fewer than others: given up; 0: no value */
    mele_criteria criteria; /* not for cv and nll */
    size_t merged;
    mele_partition *partition; /* between its fit and the next comparison */
    mele_partition_info info;
} candidate;

typedef struct choice {
    const mele_data *data;
    const mele_rows *rows;
    const mele_options *options;
    const mele_i_regions_fit *fit;
    const char *criterion;
    candidate *list; /* by ascending K */
    size_t count, best;
    size_t sample; /* rows that cv is of, where they are not all; else 0 */
    json_t *gates; /* cv, nll: the gate that was chosen with K; NULL: the options name one */
} choice;

static bool is_criterion(const choice *c, const char *name)
{
    return strcmp(c->criterion, name) == 0;
}

static bool has_density(const choice *c)
{
    return mele_i_partition_has_density(c->options->partition.method);
}

static bool is_by_error(const choice *c)
{
    return is_criterion(c, "cv") || is_criterion(c, "nll");
}

/* ---- the candidates ---- */

static mele_status list_candidates(choice *c, mele_error *error)
{
    const mele_criteria unknown = {NAN, NAN, NAN, NAN, NAN, NAN};
    size_t *clusters = NULL;
    mele_status status = mele_i_ladder_make(c->data, c->options, &clusters, &c->count, error);

    if (status == MELE_OK && (c->list = MELE_I_ZEROED(candidate, c->count)) == NULL)
        status = mele_i_no_memory(error);
    for (size_t i = 0; i < c->count && status == MELE_OK; i++) {
        c->list[i].clusters = clusters[i];
        c->list[i].value = NAN;
        c->list[i].criteria = unknown;
    }
    free(clusters);
    return status;
}

/* Whether a value is better than the best so far. Silhouettes are negated before, so that smaller
 * is better. */
static bool is_better(double value, size_t clusters, double best, size_t best_clusters)
{
    if (isnan(value) || isnan(best))
        return isnan(best) && (!isnan(value) || clusters < best_clusters);
    return value < best || (value == best && clusters < best_clusters);
}

static double to_minimise(const choice *c, size_t i)
{
    return is_criterion(c, "silhouette") ? -c->list[i].value : c->list[i].value;
}

static bool beats_best(const choice *c, size_t i)
{
    const candidate *new = &c->list[i], *best = &c->list[c->best];

    if (new->folds != best->folds)
        return new->folds > best->folds;
    return new != best && is_better(to_minimise(c, i), new->clusters, to_minimise(c, c->best),
                                    best->clusters);
}

/* ---- by what a partition says of its rows ---- */

static double value_of(const choice *c, const mele_criteria *criteria)
{
    return is_criterion(c, "bic")   ? criteria->bic
           : is_criterion(c, "icl") ? criteria->icl
           : is_criterion(c, "aic") ? criteria->aic
                                    : criteria->silhouette;
}

/* Tasks count from the largest K down. */
static mele_status run_candidate(void *context, size_t index, mele_engine *engine,
                                 mele_error *error)
{
    const choice *c = context;
    candidate *k = &c->list[c->count - 1 - index];
    const mele_criteria_options wanted = {is_criterion(c, "silhouette"), c->fit->options.seed};
    mele_status status =
        mele_i_fit_regions(c->fit, c->data, k->clusters, engine, &k->partition, &k->info, error);

    if (status == MELE_OK)
        status = mele_partition_criteria(k->partition, c->rows, c->data->weights, &wanted, engine,
                                         &k->criteria, error);
    if (status == MELE_OK) {
        k->value = value_of(c, &k->criteria);
        k->merged = k->info.merged;
    }
    return status;
}

/* Only the best partition is kept. */
static void take_candidate(void *context, size_t index)
{
    choice *c = context;
    size_t i = c->count - 1 - index, loser = i;

    if (index == 0) {
        c->best = i;
        return;
    }
    if (beats_best(c, i)) {
        loser = c->best;
        c->best = i;
    }
    mele_partition_free(c->list[loser].partition);
    c->list[loser].partition = NULL;
}

/* Rows that are read anew in each pass are read by one candidate at a time. */
static mele_status choose_by_criterion(choice *c, mele_engine *engine, mele_error *error)
{
    const mele_i_tasks tasks = {.count = c->count,
                                .run = run_candidate,
                                .take = take_candidate,
                                .context = c,
                                .stage = STAGE,
                                .in_turn = c->rows->data == NULL};

    return mele_i_tasks_run(engine, &tasks, error);
}

/* ---- by the cross-validated error of the mixture ---- */

/* Of the racers on so many regions the least loss in the most folds, or the one that was chosen. */
static void take_value(candidate *k, const mele_i_racer *racers, size_t count, size_t chosen)
{
    for (size_t i = 0; i < count; i++) {
        const mele_i_racer *r = &racers[i];
        if (r->clusters != k->clusters || isnan(r->loss))
            continue;
        if (i == chosen || r->folds > k->folds
            || (r->folds == k->folds && !(r->loss >= k->value))) {
            k->value = r->loss;
            k->folds = r->folds;
        }
        if (i == chosen)
            return;
    }
}

static mele_status take_results(choice *c, const mele_i_racer *racers, size_t count, size_t chosen,
                                mele_error *error)
{
    for (size_t k = 0; k < c->count; k++) {
        take_value(&c->list[k], racers, count, chosen);
        if (chosen < count && racers[chosen].clusters == c->list[k].clusters)
            c->best = k;
    }
    if (!mele_i_gate_is_auto(&c->options->gate))
        return MELE_OK;
    c->gates = mele_i_gate_choice_record(racers, count, chosen);
    return c->gates == NULL ? mele_i_no_memory(error) : MELE_OK;
}

static mele_status choose_by_error(choice *c, mele_engine *engine, mele_error *error)
{
    size_t *clusters = MELE_I_ARRAY(size_t, c->count), count = 0;
    mele_i_racer *racers = NULL;
    mele_i_race_course course = {0, c->data->rows, 0};
    mele_status status = clusters == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (size_t i = 0; i < c->count && status == MELE_OK; i++)
        clusters[i] = c->list[i].clusters;
    if (status == MELE_OK)
        status = mele_i_gate_racers(c->data, c->options, clusters, c->count, &racers, &count, error);
    if (status == MELE_OK)
        status = mele_i_gate_race(c->data, c->options, racers, count, engine, &course, error);
    c->sample = course.rows < c->data->rows ? course.rows : 0;
    if (status == MELE_OK)
        status = take_results(c, racers, count, course.chosen, error);
    free(clusters);
    free(racers);
    return status;
}

/* ---- the record ---- */

static bool put_known(json_t *object, const char *key, double value)
{
    return isnan(value) || mele_i_json_put(object, key, mele_i_report_real(value));
}

static json_t *record_candidate(const choice *c, size_t i)
{
    const candidate *k = &c->list[i];
    json_t *object = json_object();
    bool good = mele_i_json_put(object, "clusters", json_integer((json_int_t)k->clusters))
                && mele_i_json_put(object, "criterion", mele_i_report_real(k->value))
                && put_known(object, "log_likelihood", k->criteria.log_likelihood)
                && put_known(object, "parameters", k->criteria.parameters)
                && put_known(object, "bic", k->criteria.bic)
                && put_known(object, "icl", k->criteria.icl)
                && put_known(object, "aic", k->criteria.aic)
                && put_known(object, "silhouette", k->criteria.silhouette)
                && (!is_by_error(c) || put_known(object, c->criterion, k->value));

    if (good && k->folds > 0)
        good = mele_i_json_put(object, "folds", json_integer((json_int_t)k->folds));
    if (good && k->merged > 0)
        good = mele_i_json_put(object, "merged", json_integer((json_int_t)k->merged));
    if (good && i == c->best)
        good = mele_i_json_put(object, "chosen", json_true());
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *record_choice(const choice *c)
{
    json_t *object = json_object(), *list = json_array();
    bool good = list != NULL;

    for (size_t i = 0; i < c->count && good; i++)
        good = json_array_append_new(list, record_candidate(c, i)) == 0;
    good = mele_i_json_put(object, "criterion", json_string(c->criterion)) && good;
    good = mele_i_json_put(object, "candidates", list) && good;
    if (good && c->sample > 0)
        good = mele_i_json_put(object, "sample", json_integer((json_int_t)c->sample));
    if (good && c->gates != NULL)
        good = mele_i_json_put(object, MELE_I_GATE_CHOICE_KEY, json_incref(c->gates));
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

/* ---- the whole ---- */

static void choice_clear(choice *c)
{
    for (size_t i = 0; i < c->count && c->list != NULL; i++)
        mele_partition_free(c->list[i].partition);
    free(c->list);
    json_decref(c->gates);
}

/* The best candidate's partition, fitted now if it was not kept. */
static mele_status take_best(choice *c, mele_engine *engine, mele_error *error)
{
    candidate *best = &c->list[c->best];
    mele_status status = MELE_OK;

    if (best->partition == NULL)
        status = mele_i_fit_regions(c->fit, c->data, best->clusters, engine, &best->partition,
                                    &best->info, error);
    if (status == MELE_OK)
        best->merged = best->info.merged;
    return status;
}

static mele_status choose(choice *c, mele_engine *engine, mele_error *error)
{
    const bool by_error = is_by_error(c);
    mele_status status = MELE_OK;

    if (by_error && c->data->schema->targets == 0)
        status = mele_i_fail(error, MELE_EINVAL, "--criterion %s needs a target (-t COL)",
                             c->criterion);
    if (!by_error && !has_density(c) && !is_criterion(c, "silhouette"))
        status = mele_i_fail(error, MELE_EINVAL, "--criterion %s needs a likelihood, and --method %s has "
                             "none (--criterion silhouette, or cv and nll with a target)", c->criterion,
                             c->options->partition.method);
    if (status == MELE_OK)
        status = list_candidates(c, error);
    if (status == MELE_OK)
        status = by_error ? choose_by_error(c, engine, error)
                          : choose_by_criterion(c, engine, error);
    return status == MELE_OK ? take_best(c, engine, error) : status;
}

/* No candidate has a loss, so the least is taken: with gates, under the posteriors. */
static void warn_of_few(const choice *c, mele_report *report)
{
    const bool gates = c->gates != NULL && c->list[0].clusters > 1;

    if (is_by_error(c) && c->list[c->best].folds == 0 && (c->count > 1 || gates))
        mele_i_report_warn(report, "there are too few rows, or groups, to leave some out and compare numbers "
                           "of regions%s", gates ? ", and gates: the least and the posteriors are taken (-k K "
                                                   "and --gate name others)"
                                                 : ": the least is taken (-k K names another)");
}

mele_status mele_i_choose_clusters(const mele_i_run *run, mele_i_regions_fit *fit,
                                   mele_error *error)
{
    choice c = {.data = run->data,
                .rows = &fit->points.rows,
                .options = run->options,
                .fit = fit,
                .criterion = run->options->criterion};
    json_t *record = NULL;

    if (fit->clusters > 0)
        return MELE_OK;
    if (c.criterion == NULL)
        c.criterion = run->data->schema->targets > 0 ? "cv" : has_density(&c) ? "bic" : "silhouette";
    mele_status status = choose(&c, run->engine, error);
    if (status == MELE_OK && (record = record_choice(&c)) == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK) {
        candidate *best = &c.list[c.best];
        fit->clusters = best->clusters;
        fit->partition = best->partition;
        fit->info = best->info;
        fit->choice = record;
        best->partition = NULL;
        warn_of_few(&c, run->report);
    }
    choice_clear(&c);
    return status;
}
