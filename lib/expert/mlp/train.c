/* Training of neural network experts: units, starts, early stopping, what is left out.
 *
 * Inputs and targets are standardised by the region's rows, weighted; no row counts as further than
 * 1e4 units of an input, or 1e6 of a target, from the mean (of weights that differ by many powers
 * of ten the deviation knows nothing). An input that is constant has zero weights and keeps them.
 * The objective is sum w loss / sum w + L / W sum v^2, W the sum of the caller's weights, v the
 * weights but biases, half of the last term for classes.
 *
 * A start draws the weights of a layer uniformly from +-sqrt(6 / (inputs + outputs of the layer))
 * (Glorot, Bengio 2010, AISTATS), or takes those of the expert to start from, written in the new
 * units; of small problems without decay it is the best of TRIES draws. Of `restarts` starts the
 * best `networks` are kept, and their outputs averaged.
 *
 * Early stopping: a random share of the rows is for validation; trainers keep the weights with the
 * least loss there. Of groups whole ones are, in a random order those that the share has room for,
 * or else the smallest, if it is at most half of the rows.
 *
 * Left-out predictions. With MANY rows a weight and more, regression corrects the residuals by the
 * mean leverage, y - f becomes (y - f) / (1 - P / n), which is generalised cross-validation and
 * then right to a share P / n; classes take two folds. With fewer rows there are options.folds
 * folds, dealt at random, by class, each fitted from scratch without them, starting from the random
 * weights that the networks kept had started from. n is (sum w)^2 / sum w^2. Groups of rows always
 * take these folds, which keep them whole.
 *
 * Where there is a rival and no restarts to pick from, the first fold is fitted before anything
 * else, and against a rival that is clearly better the expert is given up (folds.c).
 *
 * The variance of an expert is the weighted mean of its squared residuals: of the validation rows
 * where there are any, else of left-out predictions, with the floor of units.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "expert/mlp/errors.h"
#include "expert/mlp/folds.h"

#define MANY 50        /* rows a weight of the network */
#define FEW_FOLDS 2    /* of classes with many rows */
#define MOST_DECAY 1e6 /* more is as good as infinite */

/* Which trainer there is by default, by the multiply-adds of an iteration: Levenberg-Marquardt ends
 * lowest and takes the longest, mini-batches the other way round. */
#define LM_WEIGHTS 500
#define LM_WORK 1e7       /* rows x weights^2 */
#define BFGS_WORK 1e7     /* rows x weights */
#define HOLDOUT_SHARE 0.1 /* for mini-batches, which have many rows */

/* ---- predictions of the rows ---- */

typedef struct predicting {
    const mele_i_mlp_plan *plan;
    const mele_i_mlp *mlp;
    double *out;
} predicting;

static mele_status predict_block(void *context, mele_i_block block, void *partial, void *scratch,
                                 mele_error *error)
{
    const predicting *q = context;
    const size_t d = q->plan->network.inputs, M = q->plan->network.outputs;

    (void)partial;
    (void)error;
    const mele_matrix x = mele_matrix_of(q->plan->rows->x + block.first * d, block.count, d);
    mele_i_mlp_predict(q->mlp, &x, q->out + block.first * M, NULL, M, scratch);
    return MELE_OK;
}

static mele_status predict_rows(const mele_i_mlp_plan *p, const mele_i_mlp *mlp, double *out,
                                mele_engine *engine, mele_error *error)
{
    predicting q = {p, mlp, out};
    const mele_i_pass pass = {.rows = p->rows->count,
                              .map = predict_block,
                              .context = &q,
                              .block_rows =
                                  mele_i_block_rows(mlp->networks * mlp->count, 1 << 20, 64),
                              .scratch_bytes = mele_i_mlp_scratch(mlp)};

    return mele_i_pass_run(engine, &pass, error);
}

/* ---- the expert ---- */

static const mele_i_trainer *trainer_of(const mele_i_mlp_plan *p)
{
    const double rows = (double)p->rows->count, weights = (double)p->weights;
    const mele_i_trainer *asked =
        p->options->trainer == NULL ? NULL : mele_i_trainer_named(p->options->trainer);

    if (asked != NULL && (asked->classes || !p->network.classes)
        && p->weights <= asked->most_weights)
        return asked;
    if (asked == NULL && !p->network.classes && p->weights <= LM_WEIGHTS
        && rows * weights * weights <= LM_WORK)
        return &mele_i_trainer_lm;
    if (asked == NULL && rows * weights > BFGS_WORK)
        return &mele_i_trainer_adam;
    return &mele_i_trainer_bfgs;
}

static double decay_of(const mele_i_mlp_plan *p, double rows)
{
    const double decay = p->options->ridge / rows * (p->network.classes ? 0.5 : 1);

    return decay <= MOST_DECAY ? decay : MOST_DECAY;
}

static bool many_rows(const mele_i_mlp_plan *p)
{
    return p->effective >= MANY * (double)p->weights;
}

static mele_status make_plan(mele_i_mlp_plan *p, const mele_i_expert *expert, mele_error *error)
{
    const mele_expert_options *o = p->options;
    const mele_i_mlp *warm = p->warm;
    double sum = 0, squares = 0;

    for (size_t i = 0; i < p->rows->count; i++) {
        sum += p->rows->weights[i];
        squares += p->rows->weights[i] * p->rows->weights[i];
    }
    p->effective = sum * sum / squares;
    p->targets = p->shape->classes > 0 ? 1 : p->shape->outputs;
    p->network = (mele_i_network){p->shape->columns, o->hidden, p->shape->outputs,
                                  p->shape->classes > 0, MELE_I_TANH};
    mele_i_activation_named(o->activation, &p->network.activation);
    p->weights = mele_i_network_weights(&p->network);
    if (p->weights > SIZE_MAX / 64)
        return mele_i_no_memory(error);
    if (warm != NULL
        && (warm->network.hidden != p->network.hidden
            || warm->network.activation != p->network.activation))
        p->warm = NULL;
    p->trainer = trainer_of(p);
    p->decay = decay_of(p, expert->rows);
    p->networks = o->networks > 0 ? o->networks : 1;
    p->starts = o->restarts > p->networks ? o->restarts : p->networks;
    p->holdout = o->holdout >= 0                      ? o->holdout
                 : p->trainer == &mele_i_trainer_adam ? HOLDOUT_SHARE
                                                      : 0;
    return MELE_OK;
}

/* How left-out predictions are made, if at all. */
typedef enum leaving { NOTHING, BY_LEVERAGE, BY_FOLDS } leaving;

/* Where they are wanted or the variance needs them. */
static leaving leaving_of(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s,
                          const mele_i_expert_result *result)
{
    const bool grouped = p->rows->group != NULL;

    if (p->options->in_sample)
        return NOTHING;
    if (result->left_out == NULL && (p->network.classes || s->validation_count > 0))
        return NOTHING;
    if (grouped && p->rows->groups < 2)
        return NOTHING;
    return many_rows(p) && !p->network.classes && !grouped ? BY_LEVERAGE : BY_FOLDS;
}

/* A fit under way. */
typedef struct fitting {
    const mele_i_mlp_plan *plan;
    const mele_i_mlp_sample *sample;
    mele_i_mlp_run *runs;
    mele_i_mlp *mlp;
    mele_i_expert_result *result;
    double *predicted; /* of all rows, those asked for too */
} fitting;

/* In which fold each row was left out, where there are folds. */
static void give_folds(const mele_i_mlp_plan *p, const mele_i_mlp_folding *f,
                       mele_i_expert_result *result)
{
    for (size_t i = 0; i < p->rows->count + p->rows->asked && f->count > 0 && result->fold != NULL;
         i++)
        result->fold[i] = (unsigned char)(f->fold[i] + 1);
}

/* Left-out predictions in the place of the fitted ones, and what follows from them. */
static mele_status leave_out(const fitting *fit, leaving how, mele_i_mlp_folding *f,
                             mele_engine *engine, mele_error *error)
{
    const mele_i_mlp_plan *p = fit->plan;
    const mele_i_mlp_sample *s = fit->sample;
    mele_i_expert_result *result = fit->result;
    double *predicted = fit->predicted;
    const bool classes = p->network.classes;
    mele_status status = MELE_OK;

    if (p->options->in_sample && !classes)
        mele_i_mlp_set_variances(p, s, predicted, NULL, p->rows->count, result->expert->variance);
    else if (s->validation_count > 0 && !classes)
        mele_i_mlp_set_variances(p, s, predicted, s->row, s->validation_count,
                                 result->expert->variance);
    if (how == NOTHING)
        return MELE_OK;
    if (how == BY_LEVERAGE)
        mele_i_mlp_correct(p, s, predicted);
    else
        status = mele_i_mlp_run_folds(f, fit->runs, predicted, engine, error);
    if (status != MELE_OK)
        return status;
    if (how != BY_LEVERAGE)
        give_folds(p, f, result);
    if (s->validation_count == 0 && !classes)
        mele_i_mlp_set_variances(p, s, predicted, NULL, p->rows->count, result->expert->variance);
    result->info->left_out = mele_i_mlp_error(p, s, predicted);
    return MELE_OK;
}

static void give_left_out(const mele_i_mlp_plan *p, const double *predicted,
                          mele_i_expert_result *result)
{
    const size_t M = p->network.outputs, count = p->rows->count + p->rows->asked;

    if (result->left_out != NULL)
        memcpy(result->left_out, predicted, count * M * sizeof *predicted);
    for (size_t i = 0; i < count && result->left_out_variance != NULL; i++)
        memcpy(result->left_out_variance + i * M, result->expert->variance, M * sizeof(double));
}

static void give_expert(const mele_i_mlp_plan *p, const mele_i_mlp_run *runs, mele_i_mlp *mlp,
                        mele_i_expert_result *result)
{
    mele_expert_info *info = result->info;

    result->expert->state = mlp;
    result->expert->rank = info->rank = p->networks * p->weights;
    info->iterations = 0;
    info->converged = true;
    info->ridge = p->options->ridge;
    for (size_t q = 0; q < p->networks; q++) {
        info->iterations = runs[q].epochs > info->iterations ? runs[q].epochs : info->iterations;
        info->converged = info->converged && runs[q].converged;
    }
}

/* All rows' networks, and what they say of them. */
static mele_status fit_all(const fitting *fit, mele_engine *engine, mele_error *error)
{
    const mele_i_mlp_plan *p = fit->plan;
    const mele_i_mlp_run *runs = fit->runs;
    mele_i_mlp *mlp = fit->mlp;
    mele_status status = mele_i_mlp_run_starts(p, fit->sample, fit->runs, engine, error);

    if (status != MELE_OK)
        return status;
    for (size_t q = 0; q < p->networks; q++)
        memcpy(mlp->weights + q * p->weights, runs[q].weights, p->weights * sizeof *mlp->weights);
    mele_i_mlp_sample_units(p, fit->sample, mlp);
    mlp->trainer = p->trainer->name;
    return predict_rows(p, mlp, fit->predicted, engine, error);
}

/* *beaten: the rival is better, and the network is not to be kept. */
static mele_status fit_network(fitting *fit, mele_engine *engine, bool *beaten, mele_error *error)
{
    const mele_i_mlp_plan *p = fit->plan;
    const mele_i_mlp_sample *s = fit->sample;
    mele_i_expert_result *result = fit->result;
    const leaving how = leaving_of(p, s, result);
    const bool few = many_rows(p) && p->rows->group == NULL;
    double *predicted = fit->predicted =
        MELE_I_ARRAY(double, (p->rows->count + p->rows->asked) * p->network.outputs);
    mele_i_mlp_folding f = {.plan = p};
    mele_status status = predicted == NULL ? mele_i_no_memory(error) : MELE_OK;

    if (status == MELE_OK && how == BY_FOLDS)
        status =
            mele_i_mlp_folding_make(&f, p, few ? FEW_FOLDS : p->options->folds, error);
    if (status == MELE_OK && p->rows->rival != NULL && f.count > 0 && p->starts == p->networks)
        status =
            mele_i_mlp_face_rival(&f, s, predicted, engine, beaten, &result->info->left_out, error);
    if (status != MELE_OK || *beaten)
        goto cleanup;
    status = fit_all(fit, engine, error);
    if (status != MELE_OK)
        goto cleanup;
    result->info->error = mele_i_mlp_error(p, s, predicted);
    result->info->left_out = NAN;
    status = leave_out(fit, how, &f, engine, error);
    if (status == MELE_OK) {
        give_left_out(p, predicted, result);
        give_expert(p, fit->runs, fit->mlp, result);
    }

cleanup:
    mele_i_mlp_folding_free(&f);
    free(predicted);
    return status;
}

mele_status mele_i_mlp_train(const mele_i_expert_rows *rows, const mele_i_expert_shape *shape,
                             const mele_expert_options *options, const mele_i_expert *start,
                             mele_engine *engine, mele_i_expert_result *result, mele_error *error)
{
    mele_i_mlp_plan p = {.rows = rows,
                         .shape = shape,
                         .options = options,
                         .warm = start == NULL ? NULL : start->state};
    mele_i_mlp_sample s = {.count = 0};
    mele_i_mlp *mlp = NULL;
    mele_i_mlp_run *runs = NULL;
    double *weights = NULL;
    bool beaten = false;
    mele_status status = make_plan(&p, result->expert, error);

    if (status != MELE_OK)
        return status;
    runs = MELE_I_ZEROED(mele_i_mlp_run, p.starts);
    weights = MELE_I_ZEROED(double, p.starts * p.weights);
    mlp = mele_i_mlp_make(&p.network, p.networks);
    if (runs == NULL || weights == NULL || mlp == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    for (size_t i = 0; i < p.starts; i++)
        runs[i].weights = weights + i * p.weights;
    status = mele_i_mlp_sample_make(&p, NULL, MELE_I_MLP_NO_FOLD, &s, error);
    if (status == MELE_OK)
        status = fit_network(&(fitting){&p, &s, runs, mlp, result, NULL}, engine, &beaten, error);

cleanup:
    if (status != MELE_OK || beaten)
        mele_i_mlp_free(mlp);
    mele_i_mlp_sample_free(&s);
    free(weights);
    free(runs);
    return status;
}
