/* Refits without the rows of a fold.
 *
 * Parts that are trained together have seen every row, through the responsibilities, in all that they are:
 * the residuals of a mixture's experts at the maximum of the likelihood are too small, and by more than degrees
 * of freedom say, since rows also choose their expert. So the mixture is trained again without each fold, from
 * where it is, and what these say of the rows left out gives variances (fit/said_variances.c). To go on from the
 * whole keeps the experts' numbers, and takes few steps. But which of several maxima the start is near to, the
 * rows that are then left out have said, too: as errors of the mixture these would be too good (waveform, six
 * experts: 0.21 of log loss where fresh rows have 0.52), so none are told; cross-validation measures them.
 *
 * As many folds as experts have for left-out predictions (mele_expert_options.folds); groups are kept whole. */
#include "family/leave_out.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "fit/refine_folds.h"
#include "fit/refining.h"
#include "fit/report.h"
#include "fit/said_variances.h"
#include "schema/data.h"

/* A model of the whole's schema and scalings, whose parts are those of a fold. */
typedef struct part {
    mele_options options;
    mele_model model;
    mele_i_run run;
} part;

static mele_status part_make(const mele_i_run *whole, const mele_data *data, size_t fold,
                             mele_engine *engine, part *p, mele_error *error)
{
    *p = (part){.options = *whole->options, .model = *whole->model};
    p->options.experts.fold = fold;
    p->model.experts = p->model.global = NULL;
    p->model.gate = NULL;
    p->model.joint = p->model.marginal = NULL;
    p->model.training = json_object();
    p->run = mele_i_run_of(data, NULL, &p->options, engine, NULL, &p->model);
    p->run.gate = whole->gate;
    return p->model.training == NULL ? mele_i_no_memory(error) : MELE_OK;
}

/* All else is the whole's. */
static void part_clear(part *p)
{
    mele_i_run_clear(&p->run);
    mele_experts_free(p->model.experts);
    mele_gate_free(p->model.gate);
    if (p->model.marginal != p->model.joint)
        mele_partition_free(p->model.marginal);
    mele_partition_free(p->model.joint);
    json_decref(p->model.training);
}

static mele_status part_predict(part *p, const mele_data *data, mele_engine *engine,
                                const mele_i_mixture_said *out, mele_error *error)
{
    const mele_i_mixture mixture = {p->model.experts, p->model.gate, NULL};
    mele_i_run run = mele_i_run_of(data, NULL, &p->options, engine, NULL, &p->model);
    mele_i_mixture_rows rows;
    mele_status status = mele_i_refining_rows(&run, mixture.gate, &rows, error);

    if (status == MELE_OK)
        status = mele_i_mixture_predict(&rows, &mixture, engine, out, error);
    mele_i_run_clear(&run);
    return status;
}

typedef struct leaving {
    mele_i_run *run;
    mele_i_family_refit *refit;
    const void *context;
    const mele_i_refine_folds *folds;
    mele_i_mixture_said *out;
} leaving;

/* The rows of positive weight that are not the fold's, in their order. */
static mele_status list_training(const leaving *l, size_t fold, size_t **out, mele_error *error)
{
    const size_t n = l->run->features.rows;
    size_t *rows = MELE_I_ARRAY(size_t, n), count = 0;

    if (rows == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < n; i++)
        if (l->folds->fold_of_row[i] != fold && l->folds->fold_of_row[i] != MELE_I_NO_FOLD)
            rows[count++] = i;
    *out = rows;
    return MELE_OK;
}

static mele_status train_without(const leaving *l, size_t index, part *p, mele_error *error)
{
    size_t *rows = NULL;
    mele_status status = list_training(l, index, &rows, error);

    if (status == MELE_OK)
        status = l->refit(l->context, &p->run, rows, error);
    free(rows);
    return status;
}

static mele_status leave_fold(void *context, size_t index, mele_engine *engine, mele_error *error)
{
    const leaving *l = context;
    mele_i_fold fold;
    part p;
    mele_status status = mele_i_fold_make(l->run->data, l->folds->fold_of_row, index, &fold, error);

    if (status != MELE_OK)
        return status;
    const size_t count = mele_data_rows(fold.left_out), K = l->run->model->clusters;
    mele_i_mixture_said said = {.mean = NULL};
    status = part_make(l->run, fold.training, index + 1, engine, &p, error);
    if (status == MELE_OK)
        status = train_without(l, index, &p, error);
    if (status == MELE_OK)
        status = mele_i_mixture_said_make(count, K, mele_model_outputs(l->run->model), &said, error);
    if (status == MELE_OK)
        status = part_predict(&p, fold.left_out, engine, &said, error);
    if (status == MELE_OK)
        mele_i_refine_scatter(&fold, count, K, mele_model_outputs(l->run->model), &said, l->out);
    mele_i_mixture_said_clear(&said);
    part_clear(&p);
    mele_i_fold_clear(&fold);
    return status;
}

mele_status mele_i_family_said_variances(mele_i_run *run, const mele_i_mixture_said *said, double *variance,
                                         mele_error *error)
{
    mele_i_em_problem problem;
    mele_i_mixture_sums sums;

    if (mele_i_run_classes(run) > 0)
        return MELE_OK;
    mele_i_refining_problem(run, run->options->experts.kind, &problem);
    mele_status status = mele_i_mixture_sums_make(problem.rows.clusters,
                                                  mele_i_mixture_parts(&problem.rows.targets), &sums, error);
    if (status == MELE_OK)
        status = mele_i_said_variances(&problem.rows, said, run->engine, variance, &sums, error);
    mele_i_mixture_sums_clear(&sums);
    return status;
}

static mele_status leave_folds(leaving *l, double *variance, mele_error *error)
{
    mele_i_run *run = l->run;
    const size_t n = run->features.rows, K = run->model->clusters, M = mele_model_outputs(run->model);
    const mele_i_tasks tasks = {.count = l->folds->count, .run = leave_fold, .context = l,
                                .stage = "family", .in_turn = run->data->windows != NULL};
    mele_status status = mele_i_mixture_said_make(n, K, M, l->out, error);

    if (status != MELE_OK)
        return status;
    memset(l->out->mean, 0, n * K * M * sizeof(double));
    memset(l->out->log_gate, 0, n * K * sizeof(double));
    status = mele_i_tasks_run(run->engine, &tasks, error);
    return status == MELE_OK ? mele_i_family_said_variances(run, l->out, variance, error) : status;
}

mele_status mele_i_family_leave_out(mele_i_run *run, mele_i_family_refit *refit, const void *context,
                                    bool always, double *variance, mele_i_mixture_said *said,
                                    mele_error *error)
{
    mele_i_refine_folds folds = {.count = 0};
    leaving l = {run, refit, context, &folds, said};

    *said = (mele_i_mixture_said){.mean = NULL};
    if (!always && (variance == NULL || run->options->experts.in_sample))
        return MELE_OK;
    mele_status status = mele_i_refine_folds_deal(run, run->options->experts.folds, &folds, error);
    if (status == MELE_OK && folds.count > 0)
        status = leave_folds(&l, variance, error);
    else if (status == MELE_OK)
        mele_i_report_warn(run->report, "no row can be left out: variances are those of the rows that the "
                           "mixture has seen");
    mele_i_refine_folds_clear(&folds);
    return status;
}
