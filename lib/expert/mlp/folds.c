/* Out-of-fold predictions, and when they are not worth their time.
 *
 * Folds take as long as all other training and more. So where there is a rival, another expert's
 * left-out predictions of the same rows, the first fold is fitted before anything else, and its
 * rows' errors are compared with the rival's, row by row. With a mean difference of more than one
 * standard error, sqrt(sum w^2 (difference - mean)^2) / sum w, this expert is given up. Its
 * left-out error is then told as the rival's times the ratio of the two in that fold. What goes on
 * is the same as without a rival: the fold is not fitted again. Fewer than LEAST_TO_COMPARE rows,
 * or fewer that weigh something, (sum w)^2 / sum w^2, tell nothing.
 *
 * Folds keep groups whole, of which there are then as many folds at most; the rows of a group count
 * as one, with its sums, in the comparison. */
#include "expert/mlp/folds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "expert/mlp/errors.h"
#include "measure/folds.h"

#define LEAST_TO_COMPARE 10 /* rows of a fold */

/* ---- folds ---- */

mele_status mele_i_mlp_folding_make(mele_i_mlp_folding *f, const mele_i_mlp_plan *p, size_t folds,
                                    mele_error *error)
{
    const mele_i_expert_rows *rows = p->rows;
    const size_t units = rows->group == NULL ? rows->count : rows->groups;
    mele_i_stream stream = mele_i_mlp_stream(p, MELE_I_MLP_FOR_FOLDS, 0);

    *f = (mele_i_mlp_folding){.plan = p,
                              .count = folds < units ? folds : units,
                              .fold = MELE_I_ARRAY(size_t, rows->count + rows->asked),
                              .of_group = MELE_I_ZEROED(mele_i_mlp_group, rows->groups)};
    if (f->fold == NULL || f->of_group == NULL)
        return mele_i_no_memory(error);
    if (f->count < 2) /* one row: what it says itself */
        f->count = 0;
    if (f->count == 0)
        return MELE_OK;
    mele_status status = mele_i_folds(rows->count, rows->group,
                                      p->network.classes ? rows->y : NULL, f->count, &stream,
                                      f->fold, error);
    for (size_t i = 0; i < rows->count && rows->group != NULL && status == MELE_OK; i++)
        f->of_group[rows->group[i]].fold = f->fold[i];
    for (size_t i = rows->count; i < rows->count + rows->asked && status == MELE_OK; i++)
        f->fold[i] = f->of_group[rows->group[i]].fold;
    return status;
}

void mele_i_mlp_folding_free(mele_i_mlp_folding *f)
{
    free(f->fold);
    free(f->of_group);
    mele_i_mlp_free(f->first);
}

static mele_status predict_fold(const mele_i_mlp_folding *f, size_t fold, const mele_i_mlp *mlp,
                                double *out, mele_error *error)
{
    const mele_i_expert_rows *rows = f->plan->rows;
    const size_t d = f->plan->network.inputs, M = f->plan->network.outputs, count = rows->count;
    void *scratch = mele_i_array(mele_i_mlp_scratch(mlp), 1);

    if (scratch == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < count + rows->asked; i++)
        if (f->fold[i] == fold) {
            const double *row = i < count ? rows->x + i * d : rows->asked_x + (i - count) * d;
            const mele_matrix x = mele_matrix_of(row, 1, d);
            mele_i_mlp_predict(mlp, &x, out + i * M, NULL, M, scratch);
        }
    free(scratch);
    return MELE_OK;
}

/* The networks of the rows without a fold. runs NULL: all starts in their order. */
static mele_status fit_fold(const mele_i_mlp_folding *f, size_t fold, const mele_i_mlp_run *runs,
                            mele_engine *engine, mele_i_mlp **out, mele_error *error)
{
    const mele_i_mlp_plan *p = f->plan;
    mele_i_mlp *mlp = mele_i_mlp_make(&p->network, p->networks);
    mele_i_mlp_sample s = {.count = 0};
    mele_status status =
        mlp == NULL ? mele_i_no_memory(error) : mele_i_mlp_sample_make(p, f->fold, fold, &s, error);

    for (size_t q = 0; q < p->networks && status == MELE_OK; q++) {
        mele_i_mlp_run r = {.weights = mlp->weights + q * p->weights};
        status = mele_i_mlp_train_start(p, &s, runs == NULL ? q : runs[q].start, false, engine, &r,
                                        error);
    }
    if (status == MELE_OK)
        mele_i_mlp_sample_units(p, &s, mlp);
    else
        mele_i_mlp_free(mlp);
    mele_i_mlp_sample_free(&s);
    *out = status == MELE_OK ? mlp : NULL;
    return status;
}

/* The first fold's networks in the order of those that were kept. */
static mele_status order_first(const mele_i_mlp_folding *f, mele_i_mlp **out, mele_error *error)
{
    const mele_i_mlp_plan *p = f->plan;
    const mele_i_mlp *first = f->first;
    mele_i_mlp *mlp = mele_i_mlp_make(&p->network, p->networks);

    *out = mlp;
    if (mlp == NULL)
        return mele_i_no_memory(error);
    memcpy(mlp->centre, first->centre, p->network.inputs * sizeof *mlp->centre);
    memcpy(mlp->scale, first->scale, p->network.inputs * sizeof *mlp->scale);
    memcpy(mlp->shift, first->shift, p->network.outputs * sizeof *mlp->shift);
    memcpy(mlp->unit, first->unit, p->network.outputs * sizeof *mlp->unit);
    for (size_t q = 0; q < p->networks; q++)
        memcpy(mlp->weights + q * p->weights, first->weights + f->runs[q].start * p->weights,
               p->weights * sizeof *mlp->weights);
    return MELE_OK;
}

static mele_status run_fold(void *context, size_t fold, mele_engine *engine, mele_error *error)
{
    const mele_i_mlp_folding *f = context;
    mele_i_mlp *mlp = NULL;
    mele_status status = fold == 0 && f->first != NULL
                             ? order_first(f, &mlp, error)
                             : fit_fold(f, fold, f->runs, engine, &mlp, error);

    if (status == MELE_OK)
        status = predict_fold(f, fold, mlp, f->out, error);
    mele_i_mlp_free(mlp);
    return status;
}

mele_status mele_i_mlp_run_folds(mele_i_mlp_folding *f, const mele_i_mlp_run *runs, double *out,
                                 mele_engine *engine, mele_error *error)
{
    const mele_i_tasks tasks = {.count = f->count, .run = run_fold, .context = f};

    f->runs = runs;
    f->out = out;
    return f->count == 0 ? MELE_OK : mele_i_tasks_run(engine, &tasks, error);
}

/* ---- the rival ---- */

/* Sums of squares over the first fold's groups: of what is off the mean, and of weights. */
static void sum_groups(const mele_i_mlp_folding *f, const mele_i_mlp_sample *s,
                       const double *predicted, double mean, double total, double *squares,
                       double *weights_squared)
{
    const mele_i_mlp_plan *p = f->plan;

    for (size_t g = 0; g < p->rows->groups; g++)
        f->of_group[g].off = f->of_group[g].weight = 0;
    for (size_t i = 0; i < p->rows->count; i++) {
        mele_i_mlp_group *group = &f->of_group[p->rows->group[i]];
        if (f->fold[i] != 0)
            continue;
        group->off += p->rows->weights[i] / total
                      * (mele_i_mlp_row_error(p, s, predicted, i)
                         - mele_i_mlp_row_error(p, s, p->rows->rival, i) - mean);
        group->weight += p->rows->weights[i];
    }
    *squares = *weights_squared = 0;
    for (size_t g = 0; g < p->rows->groups; g++) {
        *squares += f->of_group[g].off * f->of_group[g].off;
        *weights_squared += f->of_group[g].weight * f->of_group[g].weight;
    }
}

/* Whether the predictions of the first fold's rows are clearly worse than the rival's; the ratio of
 * the errors there. */
static bool is_beaten(const mele_i_mlp_folding *f, const mele_i_mlp_sample *s,
                      const double *predicted, double *ratio)
{
    const mele_i_mlp_plan *p = f->plan;
    const double *weights = p->rows->weights;
    double ours = 0, theirs = 0, total = 0, weights_squared = 0, squares = 0;

    for (size_t i = 0; i < p->rows->count; i++) {
        if (f->fold[i] != 0)
            continue;
        ours += weights[i] * mele_i_mlp_row_error(p, s, predicted, i);
        theirs += weights[i] * mele_i_mlp_row_error(p, s, p->rows->rival, i);
        total += weights[i];
        weights_squared += weights[i] * weights[i];
    }
    const double mean = (ours - theirs) / total;
    if (p->rows->group != NULL)
        sum_groups(f, s, predicted, mean, total, &squares, &weights_squared);
    for (size_t i = 0; i < p->rows->count; i++) {
        if (f->fold[i] != 0 || p->rows->group != NULL)
            continue;
        const double difference = mele_i_mlp_row_error(p, s, predicted, i)
                                  - mele_i_mlp_row_error(p, s, p->rows->rival, i);
        const double off = weights[i] / total * (difference - mean);
        squares += off * off;
    }
    *ratio = ours / theirs;
    return total * total >= LEAST_TO_COMPARE * weights_squared && mean > sqrt(squares);
}

/* Above the rival's. */
static double error_of_beaten(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s, double ratio)
{
    const double rival = mele_i_mlp_error(p, s, p->rows->rival), error = rival * ratio;

    return mele_i_finite(error > rival ? error : nextafter(rival, INFINITY));
}

mele_status mele_i_mlp_face_rival(mele_i_mlp_folding *f, const mele_i_mlp_sample *s,
                                  double *predicted, mele_engine *engine, bool *beaten,
                                  double *left_out, mele_error *error)
{
    double ratio;
    mele_status status = fit_fold(f, 0, NULL, engine, &f->first, error);

    if (status == MELE_OK)
        status = predict_fold(f, 0, f->first, predicted, error);
    if (status == MELE_OK) {
        *beaten = is_beaten(f, s, predicted, &ratio);
        if (*beaten)
            *left_out = error_of_beaten(f->plan, s, ratio);
    }
    return status;
}
