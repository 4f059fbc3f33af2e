/* Running a comparison: each contender outside each fold, as tasks that know nothing of one another. */
#include <stdlib.h>

#include <mele/fit.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "family/fit.h"
#include "family/settle.h"
#include "fit/folds.h"
#include "fit/left_out.h"
#include "fit/report.h"
#include "schema/data.h"
#include "study/anatomy.h"
#include "study/fold_predictions.h"
#include "study/journal.h"
#include "study/sets.h"

#define STAGE "compare"

typedef struct running {
    mele_comparison *comparison;
    mele_i_journal *journal; /* NULL: none */
    mele_i_job *job;         /* those that are to be done */
    size_t jobs, all;
    size_t before, after;    /* jobs of other comparisons of the same work, done and to be done */
} running;

/* ---- what is compared ---- */

/* An option for all at which none looks would be an answer to another question. */
static mele_status check_general(const mele_comparison *c, const mele_i_compared_set *set, mele_error *error)
{
    const char *name;

    for (size_t i = 0; (name = mele_option_name(i)) != NULL; i++) {
        bool looked_at = mele_option_stage_of(name) == MELE_OPTION_DATA || !mele_options_given(set->general, name);
        for (size_t k = 0; k < c->contenders && !looked_at; k++)
            looked_at = c->contender[k].family != NULL && mele_family_looks_at(c->contender[k].family, name);
        if (!looked_at)
            return mele_i_fail(error, MELE_EINVAL, "--%s: none of the families that are compared looks at it", name);
    }
    return MELE_OK;
}

/* What a contender takes on a set, and whether its family takes the set. */
static mele_status make_entry(const mele_comparison *c, const mele_i_compared_set *set, size_t contender,
                              mele_error *error)
{
    const mele_i_contender *who = &c->contender[contender];
    mele_i_entry *entry = &set->entry[contender];
    mele_error refused;
    mele_status status;

    if (who->family == NULL || entry->refusal != NULL)
        return MELE_OK;
    status = mele_i_entry_make(c, (size_t)(set - c->set), contender, error);
    if (status != MELE_OK)
        return status;
    status = mele_i_family_check(set->data, entry->options, &refused);
    if (status == MELE_EINVAL || status == MELE_EDATA)
        return mele_i_entry_refuse(entry, refused.message, error);
    return status == MELE_OK ? MELE_OK : mele_i_fail(error, status, "%s", refused.message);
}

/* Predictions of others that were given for other sets alone. */
static mele_status check_others(const mele_comparison *c, size_t set, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t k = 0; k < c->contenders && status == MELE_OK; k++)
        if (c->contender[k].family == NULL
            && mele_i_comparison_outcome(c, set, k, 0, 0)->state == MELE_I_OUTCOME_MISSING)
            status = mele_i_entry_refuse(&c->set[set].entry[k], "no predictions of this set were given", error);
    return status;
}

static mele_status prepare(mele_comparison *c, mele_error *error)
{
    mele_status status = MELE_OK;

    if (c->sets == 0 || c->contenders == 0)
        return mele_i_fail(error, MELE_EINVAL, c->sets == 0 ? "there is no set to compare on"
                                                            : "there is nobody to compare");
    for (size_t s = 0; s < c->sets && status == MELE_OK; s++) {
        status = check_general(c, &c->set[s], error);
        for (size_t k = 0; k < c->contenders && status == MELE_OK; k++)
            status = make_entry(c, &c->set[s], k, error);
    }
    if (status == MELE_OK)
        status = mele_i_comparison_make_outcomes(c, error);
    for (size_t s = 0; s < c->sets && status == MELE_OK; s++)
        status = check_others(c, s, error);
    return status;
}

/* ---- one job ---- */

static mele_i_outcome *outcome_of(const running *r, const mele_i_job *job)
{
    return mele_i_comparison_outcome(r->comparison, job->set, job->contender, job->split, job->seed);
}

/* With the random streams of the split, as cross-validation has them. */
static mele_status fit(const running *r, const mele_i_job *job, const mele_data *training, mele_engine *engine,
                       mele_model **out, mele_error *error)
{
    mele_options options = *r->comparison->set[job->set].entry[job->contender].options;

    options.seed = (r->comparison->seed + job->seed) & UINT32_MAX;
    options.partition.fold = options.experts.fold = job->split + 1;
    return mele_i_family_fit(training, &options, engine, NULL, out, error);
}

static mele_status measure(const mele_i_compared_set *set, const mele_i_fold *fold,
                           const mele_i_fold_predictions *predicted, mele_i_outcome *outcome, mele_error *error)
{
    mele_metrics *metrics = NULL;
    mele_status status = mele_i_metrics_of_data(set->data, &metrics, error);

    if (status == MELE_OK)
        status = mele_i_fold_measure(fold->left_out, predicted, metrics, error);
    if (status == MELE_OK)
        status = mele_i_outcome_measured(set, metrics, outcome, error);
    mele_metrics_free(metrics);
    return status;
}

static mele_status look_inside(const mele_model *model, const mele_i_fold *fold, mele_engine *engine,
                               mele_i_outcome *outcome, mele_error *error)
{
    mele_i_anatomy found;
    mele_status status = mele_i_anatomy_of(model, fold->training, fold->left_out, engine, &found, error);

    if (status != MELE_OK)
        return status;
    outcome->clusters = found.clusters;
    outcome->dead = found.dead;
    outcome->parameters = found.parameters;
    outcome->gate_entropy = found.gate_entropy;
    outcome->error_correlation = found.error_correlation;
    return MELE_OK;
}

/* Into an outcome of its own, as nothing of it counts when some of it fails. */
static mele_status fit_and_predict(const running *r, const mele_i_job *job, const mele_i_fold *fold,
                                   mele_engine *engine, mele_i_outcome *out, mele_error *error)
{
    const mele_i_compared_set *set = &r->comparison->set[job->set];
    mele_i_fold_predictions predicted = {.log_density = NULL};
    mele_model *model = NULL;
    const double start = mele_i_clock();
    mele_status status = fit(r, job, fold->training, engine, &model, error);
    const double fitted = mele_i_clock();

    if (status == MELE_OK)
        status = mele_i_fold_predict(model, fold->left_out, NULL, engine, &predicted, error);
    const double seen = mele_i_clock();
    if (status == MELE_OK)
        status = measure(set, fold, &predicted, out, error);
    if (status == MELE_OK)
        status = look_inside(model, fold, engine, out, error);
    out->seconds_fit = fitted - start;
    out->seconds_predict = seen - fitted;
    mele_i_fold_predictions_clear(&predicted);
    mele_model_free(model);
    return status;
}

/* What the data or the options are at fault for is an outcome; all else ends the run. */
static mele_status run_job(void *context, size_t index, mele_engine *engine, mele_error *error)
{
    running *r = context;
    const mele_i_job *job = &r->job[index];
    const mele_i_compared_set *set = &r->comparison->set[job->set];
    const size_t *folds = set->fold_of_row + job->split / set->folds * set->data->rows;
    mele_i_fold fold = {.rows = NULL};
    mele_i_outcome outcome = {.state = MELE_I_OUTCOME_MISSING};
    mele_error told;
    mele_status status = mele_i_fold_make(set->data, folds, job->split % set->folds, &fold, &told);

    if (status == MELE_OK)
        status = fit_and_predict(r, job, &fold, engine, &outcome, &told);
    mele_i_fold_clear(&fold);
    if (status == MELE_EDATA || status == MELE_EINVAL)
        status = mele_i_outcome_fail(&outcome, told.message, &told);
    if (status != MELE_OK) {
        mele_i_outcome_clear(&outcome);
        return mele_i_fail(error, status, "%s", told.message);
    }
    *outcome_of(r, job) = outcome;
    return mele_i_journal_add(r->journal, r->comparison, job, error);
}

/* ---- all of them ---- */

/* Whether there is something to be fitted. */
static bool is_job(const running *r, const mele_i_job *job)
{
    const mele_i_entry *entry = &r->comparison->set[job->set].entry[job->contender];

    return entry->options != NULL && entry->refusal == NULL;
}

/* Contenders side by side, so that what is left takes as long as what was done. */
static void list_jobs(running *r, bool count)
{
    const mele_comparison *c = r->comparison;
    mele_i_job job;

    r->jobs = r->all = 0;
    for (job.set = 0; job.set < c->sets; job.set++)
        for (job.split = 0; job.split < c->set[job.set].splits; job.split++)
            for (job.seed = 0; job.seed < c->seeds; job.seed++)
                for (job.contender = 0; job.contender < c->contenders; job.contender++) {
                    if (!is_job(r, &job))
                        continue;
                    r->all++;
                    if (outcome_of(r, &job)->state != MELE_I_OUTCOME_MISSING)
                        continue;
                    if (!count)
                        r->job[r->jobs] = job;
                    r->jobs++;
                }
}

/* Data in a file are not read by several fits at once: each would hold its own part. */
static bool any_in_file(const mele_comparison *c)
{
    for (size_t s = 0; s < c->sets; s++)
        if (c->set[s].data->windows != NULL)
            return true;
    return false;
}

static mele_status run_jobs(running *r, mele_engine *engine, mele_error *error)
{
    list_jobs(r, true);
    r->job = MELE_I_ARRAY(mele_i_job, r->jobs);
    if (r->job == NULL)
        return mele_i_no_memory(error);
    list_jobs(r, false);
    const mele_i_tasks tasks = {.count = r->jobs, .run = run_job, .context = r, .stage = STAGE,
                                .before = r->before + r->all - r->jobs,
                                .total = r->before + r->all + r->after,
                                .in_turn = any_in_file(r->comparison)};
    mele_status status = mele_i_tasks_run(engine, &tasks, error);
    free(r->job);
    return status;
}

mele_status mele_i_compare_among(mele_comparison *comparison, const char *journal, size_t before, size_t after,
                                 mele_engine *engine, mele_error *error)
{
    running r = {.comparison = comparison, .before = before, .after = after};
    mele_status status = mele_i_engine_claim(engine, error);

    if (status != MELE_OK)
        return status;
    status = prepare(comparison, error);
    if (status == MELE_OK && journal != NULL)
        status = mele_i_journal_open(journal, comparison, &r.journal, error);
    if (status == MELE_OK)
        status = run_jobs(&r, engine, error);
    mele_i_journal_close(r.journal);
    mele_i_engine_release(engine);
    return status;
}

mele_status mele_compare(mele_comparison *comparison, const char *journal, mele_engine *engine, mele_error *error)
{
    return mele_i_compare_among(comparison, journal, 0, 0, engine, error);
}
