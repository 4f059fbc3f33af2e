/* The choice of how many steps of EM refine a mixture.
 *
 * In each fold stages 2 and 3 are made again without it, and refined step by step; after 0, 1, 2, 4, ..
 * steps the rows of the fold are predicted. The loss of a row is, for regression, the squared error of
 * each target in units of that target's variance, averaged over targets; for classes -log p of the
 * row's class, p at least 2^-52. No steps, under the gate that there is without refinement, compete,
 * and the fewest within one standard error of the best are taken, so that a refined mixture is not worse than
 * another by more than noise. The pairs are the folds, or of few folds of many rows slices of them.
 *
 * Fewer folds than FOLDS, 2 at least, where FOLDS times the rows are more than MANY_ROWS. */
#include "fit/refine_steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "fit/refine_folds.h"
#include "fit/report.h"
#include "measure/contest.h"
#include "measure/probability.h"
#include "schema/data.h"

#define FOLDS 10
#define MANY_ROWS 200000

static const size_t schedule[] = {0, 1, 2, 4, 8, 16, 32, 64, 128};

enum { CANDIDATES = sizeof schedule / sizeof *schedule };

/* Sums over the rows of slices of folds. */
typedef struct choosing {
    const mele_i_run *run;
    size_t outputs, clusters, pairs, slices; /* slices: of a fold */
    double *weight;                          /* pairs */
    double *loss;                            /* CANDIDATES x pairs */
} choosing;

/* ---- losses ---- */

static double blend(const choosing *c, const double *mean, const double *log_gate, size_t m,
                    bool logarithms)
{
    double sum = 0;

    for (size_t k = 0; k < c->clusters; k++) {
        const double said = mean[k * c->outputs + m];
        sum += exp(log_gate[k]) * (logarithms ? exp(said) : said);
    }
    return sum;
}

static double loss_of(const choosing *c, const double *y, const double *mean, const double *log_gate)
{
    const mele_i_scaling *scaling = &c->run->model->target_scaling;
    double sum = 0;

    if (mele_i_run_classes(c->run) > 0)
        return -log(fmax(blend(c, mean, log_gate, (size_t)y[0], true), MELE_I_LEAST_PROBABILITY));
    for (size_t t = 0; t < c->outputs; t++) {
        const double off = (y[t] - scaling->center[t]) / scaling->scale[t]
                           - blend(c, mean, log_gate, t, false);
        sum += off * off;
    }
    return sum / (double)c->outputs;
}

/* Add the losses of a fold's rows to its slices. */
static void add_losses(const choosing *c, size_t fold, size_t candidate, const mele_data *data,
                       const mele_i_mixture_said *said)
{
    const size_t count = mele_data_rows(data), targets = c->run->model->schema->targets;

    for (size_t i = 0; i < count; i++) {
        const size_t pair = fold * c->slices + i * c->slices / count;
        const double weight = data->weights == NULL ? 1 : data->weights[i];
        c->loss[candidate * c->pairs + pair] +=
            weight * loss_of(c, data->targets + i * targets, said->mean + i * c->clusters * c->outputs,
                             said->log_gate + i * c->clusters);
        c->weight[pair] += candidate == 0 ? weight : 0;
    }
}

/* Steps up to those of each candidate; what has converged stays as it is. */
static mele_status walk(const choosing *c, mele_i_refining_part *part, const mele_i_fold *fold,
                        size_t index, const mele_i_mixture_said *said, mele_engine *engine,
                        mele_error *error)
{
    mele_i_em *em = &part->refining.em;
    mele_status status = MELE_OK;
    size_t step = 0;

    for (size_t candidate = 0; candidate < CANDIDATES && status == MELE_OK; candidate++) {
        const bool further = candidate == 0 || !em->converged;
        for (; step < schedule[candidate] && status == MELE_OK; step++)
            status = mele_i_em_step(em, error);
        if (status == MELE_OK && further)
            status = mele_i_refining_part_predict(part, fold->left_out, engine, said, error);
        if (status == MELE_OK)
            add_losses(c, index, candidate, fold->left_out, said);
    }
    return status;
}

static mele_status measure_fold(void *context, mele_i_refining_part *part, const mele_i_fold *fold,
                                size_t index, mele_engine *engine, mele_error *error)
{
    const choosing *c = context;
    const size_t count = mele_data_rows(fold->left_out);
    mele_i_mixture_said said;
    mele_status status = mele_i_mixture_said_make(count, c->clusters, c->outputs, &said, error);

    if (status == MELE_OK)
        status = walk(c, part, fold, index, &said, engine, error);
    mele_i_mixture_said_clear(&said);
    return status;
}

/* ---- the choice ---- */

typedef struct choice {
    mele_i_losses losses[CANDIDATES];
    size_t best, chosen;
} choice;

static choice choose(const choosing *c)
{
    choice out = {.best = 0};

    for (size_t i = 0; i < CANDIDATES; i++) {
        out.losses[i] = (mele_i_losses){c->loss + i * c->pairs, c->weight, c->pairs};
        if (mele_i_losses_mean(&out.losses[i]) < mele_i_losses_mean(&out.losses[out.best]))
            out.best = i;
    }
    out.chosen = mele_i_contest_choose(out.losses, CANDIDATES, out.best, NULL, 0);
    return out;
}

static json_t *candidate_record(const choice *all, size_t candidate)
{
    const mele_i_losses *losses = &all->losses[candidate];
    const mele_i_excess excess = mele_i_excess_of(losses, &all->losses[all->best]);
    json_t *object = json_object();

    if (mele_i_json_put(object, "steps", json_integer((json_int_t)schedule[candidate]))
        && mele_i_report_candidate(object, mele_i_losses_mean(losses), excess.mean,
                                   mele_i_excess_error(&excess))
        && (candidate != all->chosen || mele_i_json_put(object, "chosen", json_true())))
        return object;
    json_decref(object);
    return NULL;
}

static json_t *record(const choice *all)
{
    json_t *table = json_array();

    for (size_t i = 0; i < CANDIDATES && table != NULL; i++)
        if (json_array_append_new(table, candidate_record(all, i)) != 0) {
            json_decref(table);
            table = NULL;
        }
    return table;
}

static mele_status measure(choosing *c, const mele_i_refine_folds *folds, mele_error *error)
{
    c->slices = c->run->data->group != NULL ? 1 : mele_i_contest_slices(folds->count);
    c->pairs = folds->count * c->slices;
    c->weight = MELE_I_ZEROED(double, c->pairs);
    c->loss = MELE_I_ZEROED(double, CANDIDATES *c->pairs);
    return c->weight == NULL || c->loss == NULL
               ? mele_i_no_memory(error)
               : mele_i_refine_folds_visit(c->run, folds, measure_fold, c, error);
}

mele_status mele_i_refine_choose(const mele_i_run *run, size_t *steps, json_t **table,
                                 mele_error *error)
{
    const size_t rows = run->features.rows;
    const size_t most = rows > MANY_ROWS / 2 ? 2 : rows > MANY_ROWS / FOLDS ? MANY_ROWS / rows : FOLDS;
    choosing c = {.run = run, .outputs = mele_model_outputs(run->model),
                  .clusters = run->model->clusters};
    mele_i_refine_folds folds;
    choice all = {.chosen = 0};
    json_t *made = NULL;
    mele_status status = mele_i_refine_folds_deal(run, most, &folds, error);

    if (status == MELE_OK && folds.count > 0) {
        status = measure(&c, &folds, error);
        if (status == MELE_OK)
            all = choose(&c);
    }
    if (status == MELE_OK) {
        made = folds.count > 0 ? record(&all) : json_array();
        status = made == NULL ? mele_i_no_memory(error) : MELE_OK;
    }
    if (status == MELE_OK) {
        *steps = schedule[all.chosen];
        *table = made;
    }
    mele_i_refine_folds_clear(&folds);
    free(c.weight);
    free(c.loss);
    return status;
}
