/* Training of Gaussian process experts: units, the search, and what is left out.
 *
 * Inputs and targets are standardised in the rows of the subset (subset.c); an input that is
 * constant there has no say in predictions.
 *
 * Left-out predictions of rows of the subset, hyper-parameters as they are and the mean m estimated without
 * the row: y_i - [R^-1 r]_i / Q_ii with Q = R^-1 - R^-1 1 1' R^-1 / 1' R^-1 1; the variance that
 * the others give a row of weight 1 there is s^2 (1 / [R^-1]_ii - e / w_i + e). Other rows were
 * left out anyway. Groups are left out by groups.c.
 *
 * The variance of an expert is the weighted mean of its squared left-out residuals, with the floor
 * of units.h, which predicted variances have, too: where a target is constant in the region, the
 * process is as sure of it as rounding lets it. Of one row there is nothing to leave out: its
 * variance is that floor, which knows nothing of what the expert will meet.
 *
 * Source: Dubrule 1983, Math. Geol. 15; Rasmussen, Williams 2006, (5.12). */
#include "expert/gp/train.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "expert/gp/groups.h"
#include "expert/gp/subset.h"
#include "expert/gp/likelihood.h"
#include "expert/gp/search.h"
#include "expert/gp/state.h"
#include "expert/units.h"

#define RAISE 10 /* of a noise ratio that leaves the covariance indefinite */
#define MOST_RAISES 40

typedef struct training {
    const mele_i_expert_rows *rows;
    const mele_i_expert_shape *shape;
    const mele_expert_options *options;
    const mele_i_expert *start;
    mele_engine *engine;
    mele_i_expert_result *result;

    mele_i_stream stream;
    mele_i_gp_subset subset;
    size_t inputs, *input;   /* columns that are not constant */
    size_t targets, *target; /* outputs that are not constant */
    mele_i_units *of_x, *of_y;
    double *x;             /* subset x inputs, standardised */
    double *y;             /* targets x subset, standardised */
    mele_i_gp_levels levels;
    size_t terms;          /* what the search found best */
    double *log;           /* the hyper-parameters as likelihood.h has them, standardised */
    double *ones;          /* of the subset: R^-1 1 */
    double *mean, *signal; /* targets */
    double *predicted, *predicted_variance; /* count x outputs: left out */
    mele_i_lbfgs_info search;
    mele_i_gp *gp;
} training;

/* ---- units ---- */

static void standardise_inputs(training *t)
{
    const size_t d = t->shape->columns;

    for (size_t j = 0; j < d; j++)
        if (t->of_x[j].spread > 0)
            t->input[t->inputs++] = j;
    for (size_t i = 0; i < t->subset.count; i++)
        for (size_t j = 0; j < t->inputs; j++)
            t->x[i * t->inputs + j] = mele_i_units_standardise(
                &t->of_x[t->input[j]], t->rows->x[t->subset.row[i] * d + t->input[j]]);
}

static void standardise_targets(training *t)
{
    const size_t m = t->shape->outputs;

    for (size_t o = 0; o < m; o++)
        if (t->of_y[o].spread > 0)
            t->target[t->targets++] = o;
    for (size_t o = 0; o < t->targets; o++)
        for (size_t i = 0; i < t->subset.count; i++)
            t->y[o * t->subset.count + i] = mele_i_units_standardise(
                &t->of_y[t->target[o]], t->rows->y[t->subset.row[i] * m + t->target[o]]);
}

static mele_status standardise(training *t, mele_error *error)
{
    const mele_i_gp_subset *h = &t->subset;
    const mele_i_units_rows x = {t->rows->x, t->shape->columns, h->row, h->weights, h->count};
    const mele_i_units_rows y = {t->rows->y, t->shape->outputs, h->row, h->weights, h->count};
    mele_status status =
        mele_i_units_of(&x, mele_i_origin_of_x(t->options), INFINITY, t->of_x, error);

    if (status == MELE_OK)
        status = mele_i_units_of(&y, mele_i_origin_of_y(t->options), INFINITY, t->of_y, error);
    if (status == MELE_OK) {
        standardise_inputs(t);
        standardise_targets(t);
    }
    return status;
}

static mele_status make_room(training *t, mele_error *error)
{
    const size_t n = t->subset.count, d = t->shape->columns, m = t->shape->outputs;

    t->input = MELE_I_ARRAY(size_t, d);
    t->target = MELE_I_ARRAY(size_t, m);
    t->of_x = MELE_I_ARRAY(mele_i_units, d);
    t->of_y = MELE_I_ARRAY(mele_i_units, m);
    t->x = MELE_I_ARRAY(double, n * d);
    t->y = MELE_I_ARRAY(double, n * m);
    t->log = MELE_I_ARRAY(double, mele_i_gp_hypers(t->options->terms, d));
    t->ones = MELE_I_ARRAY(double, n);
    t->mean = MELE_I_ARRAY(double, 2 * m);
    t->predicted = MELE_I_ARRAY(double, (t->rows->count + t->rows->asked) * m);
    t->predicted_variance = MELE_I_ARRAY(double, (t->rows->count + t->rows->asked) * m);
    if (t->input == NULL || t->target == NULL || t->of_x == NULL || t->of_y == NULL || t->x == NULL
        || t->y == NULL || t->log == NULL || t->ones == NULL || t->mean == NULL
        || t->predicted == NULL || t->predicted_variance == NULL)
        return mele_i_no_memory(error);
    t->signal = t->mean + m;
    return MELE_OK;
}

static void free_training(training *t)
{
    mele_i_gp_subset_free(&t->subset);
    free(t->input);
    free(t->target);
    free(t->of_x);
    free(t->of_y);
    free(t->x);
    free(t->y);
    mele_i_gp_levels_free(&t->levels);
    free(t->log);
    free(t->ones);
    free(t->mean);
    free(t->predicted);
    free(t->predicted_variance);
    mele_i_gp_free(t->gp);
}

/* ---- hyper-parameters ---- */

/* The start's, in this expert's units, if it does not have more terms. */
static const double *start_of(const training *t, double *log_start)
{
    const mele_i_gp *gp = t->start == NULL ? NULL : t->start->state;
    double *to = log_start;

    if (gp == NULL || gp->terms > t->options->terms)
        return NULL;
    for (size_t q = 0; q < gp->terms; q++)
        for (size_t j = 0; j < t->inputs; j++) {
            const mele_i_units *s = &t->of_x[t->input[j]];
            *to++ = log(gp->length[q * gp->columns + t->input[j]]) + log(s->power) - log(s->spread);
        }
    for (size_t q = 1; q < gp->terms; q++)
        *to++ = log(gp->share[q] / gp->share[0]);
    *to = log(gp->noise);
    return log_start;
}

static mele_status search(training *t, mele_error *error)
{
    mele_i_gp_data data = {mele_i_gp_kernel_named(t->options->kernel),
                           t->options->terms,
                           t->subset.count,
                           t->inputs,
                           t->targets,
                           t->x,
                           t->y,
                           t->subset.weights};
    mele_i_gp_search s = {.data = &data,
                          .levels = &t->levels,
                          .restarts = t->options->restarts,
                          .start = start_of(t, t->log),
                          .stream = t->stream};

    if (s.start != NULL)
        s.start_terms = ((const mele_i_gp *)t->start->state)->terms;
    if (!mele_i_gp_levels_find(t->x, t->subset.count, t->inputs, &t->levels))
        return mele_i_no_memory(error);
    t->terms = t->options->terms;
    if (t->targets == 0) {
        mele_i_gp_search_fixed(&s, t->log);
        t->search = (mele_i_lbfgs_info){.converged = true};
        return MELE_OK;
    }
    return mele_i_gp_search_run(&s, t->engine, &t->terms, t->log, &t->search, error);
}

/* ---- the state ---- */

static void set_lengths(const training *t, const double *log_lengths, double *length)
{
    for (size_t j = 0; j < t->shape->columns; j++)
        length[j] = MELE_I_GP_NO_SAY;
    for (size_t j = 0; j < t->inputs; j++) {
        const mele_i_units *s = &t->of_x[t->input[j]];
        length[t->input[j]] =
            fmax(mele_i_finite(exp(log_lengths[j]) * s->spread / s->power), DBL_MIN);
    }
}

static void set_inputs(training *t)
{
    const size_t d = t->shape->columns, terms = t->terms;
    mele_i_gp *gp = t->gp;

    for (size_t i = 0; i < t->subset.count; i++)
        memcpy(gp->x + i * d, t->rows->x + t->subset.row[i] * d, d * sizeof *gp->x);
    memcpy(gp->weights, t->subset.weights, t->subset.count * sizeof *gp->weights);
    for (size_t q = 0; q < terms; q++)
        set_lengths(t, t->log + q * t->inputs, gp->length + q * d);
    mele_i_gp_shares(t->log + terms * t->inputs, terms, gp->share);
    gp->noise = exp(t->log[mele_i_gp_hypers(terms, t->inputs) - 1]);
}

/* A constant target is its mean, give or take its rounding. */
static void set_targets(training *t)
{
    const size_t n = t->subset.count;
    mele_i_gp *gp = t->gp;

    memcpy(gp->least_variance, t->rows->least_variance, gp->outputs * sizeof(double));
    for (size_t o = 0; o < gp->outputs; o++) {
        const mele_i_units *s = &t->of_y[o];
        gp->mean[o] = mele_i_finite(s->centre / s->power);
        gp->unit[o] = fmax(MELE_I_ROUNDING * s->largest, DBL_MIN);
        gp->signal[o] = 1;
    }
    for (size_t i = 0; i < t->targets; i++) {
        const size_t o = t->target[i];
        const mele_i_units *s = &t->of_y[o];
        gp->mean[o] = mele_i_finite((s->centre + s->spread * t->mean[i]) / s->power);
        gp->unit[o] = fmax(s->spread / s->power, DBL_TRUE_MIN);
        gp->signal[o] = t->signal[i];
        memcpy(gp->coefficients + o * (n + 1) + 1, t->y + i * n, n * sizeof *gp->coefficients);
    }
}

static mele_status make_state(training *t, mele_error *error)
{
    const size_t n = t->subset.count;
    double *factor = mele_i_large_array(n * (n + MELE_I_GP_BLOCK), sizeof(double)), copies = 0;
    mele_status status = MELE_OK;
    bool factored = false;

    t->gp = mele_i_gp_make(mele_i_gp_kernel_named(t->options->kernel), t->terms, n,
                           t->shape->columns, t->shape->outputs);
    if (t->gp == NULL || factor == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    set_inputs(t);
    for (size_t raises = 0; raises < MOST_RAISES && !factored; raises++) {
        t->gp->noise *= raises == 0 ? 1 : RAISE;
        factored = mele_i_gp_factor(t->gp, factor, factor + n * n);
    }
    for (size_t i = 0; i < n; i++)
        copies += t->subset.weights[i];
    if (factored)
        mele_i_gp_solve(factor, n, t->targets, copies,
                        &(mele_i_gp_solved){t->y, t->ones, t->mean, t->signal});
    status = factored ? mele_i_gp_finish(t->gp, factor, error)
                      : mele_i_fail(error, MELE_EDATA,
                                    "no covariance of %zu rows is positive definite", n);
    if (status == MELE_OK)
        set_targets(t);

cleanup:
    free(factor);
    return status;
}

/* ---- left-out predictions ---- */

static mele_status predict_block(void *context, mele_i_block block, void *partial, void *scratch,
                                 mele_error *error)
{
    const training *t = context;
    const size_t d = t->shape->columns, m = t->shape->outputs, first = block.first;
    double *variance =
        t->result->left_out_variance == NULL ? NULL : t->predicted_variance + first * m;

    (void)partial;
    (void)error;
    const mele_matrix x = mele_matrix_of(t->rows->x + first * d, block.count, d);
    mele_i_gp_predict(t->gp, &x, t->predicted + first * m, variance, m, scratch);
    return MELE_OK;
}

/* Of rows outside the subset; those in it get theirs later. */
static mele_status predict_others(training *t, mele_error *error)
{
    bool all = true;
    mele_i_pass pass = {.rows = t->rows->count,
                        .block_rows = mele_i_block_rows(t->subset.count * t->subset.count, 1 << 24, 64),
                        .scratch_bytes = mele_i_gp_scratch(t->gp),
                        .map = predict_block,
                        .context = t};

    for (size_t i = 0; i < t->rows->count; i++)
        all &= t->subset.place[i] != MELE_I_GP_OUTSIDE;
    return all ? MELE_OK : mele_i_pass_run(t->engine, &pass, error);
}

/* inverse: [R^-1]_ii */
static void leave_out_members(const training *t, const double *inverse)
{
    const mele_i_gp *gp = t->gp;
    const size_t n = gp->rows, m = gp->outputs;
    double all = 0;

    for (size_t h = 0; h < n; h++)
        all += t->ones[h];
    for (size_t i = 0; i < t->rows->count; i++) {
        const size_t h = t->subset.place[i];
        if (h == MELE_I_GP_OUTSIDE)
            continue;
        const double free =
            fmax(inverse[h] - t->ones[h] * (t->ones[h] / all), MELE_I_ALONE * inverse[h]);
        const double latent = fmax(1 / inverse[h] - gp->noise / gp->weights[h], 0);
        for (size_t o = 0; o < m; o++) {
            const double off = gp->coefficients[o * (n + 1) + 1 + h] / free;
            t->predicted[i * m + o] = mele_i_finite(t->rows->y[i * m + o] - gp->unit[o] * off);
            t->predicted_variance[i * m + o] =
                fmax(mele_i_gp_variance(gp->signal[o] * (latent + gp->noise), gp->unit[o]),
                     gp->least_variance[o]);
        }
    }
}

/* Weighted mean squares of a target's residuals in its standard's units: left out, and in. */
static void mean_squares(const training *t, size_t o, double *left_out, double *in)
{
    const mele_i_gp *gp = t->gp;
    const size_t m = t->shape->outputs, n = gp->rows;
    const mele_i_units *s = &t->of_y[o];
    double sum = 0;

    *left_out = *in = 0;
    for (size_t i = 0; i < t->rows->count; i++) {
        const size_t h = t->subset.place[i];
        const double w = t->rows->weights[i];
        const double off = t->rows->y[i * m + o] * s->power - t->predicted[i * m + o] * s->power;
        double fitted = off;
        if (h != MELE_I_GP_OUTSIDE)
            fitted =
                s->spread * (gp->noise / gp->weights[h]) * gp->coefficients[o * (n + 1) + 1 + h];
        sum += w;
        *left_out += w * (off * off);
        *in += w * (fitted * fitted);
    }
    *left_out /= sum;
    *in /= sum;
}

static void set_result(const training *t)
{
    const size_t m = t->shape->outputs, count = (t->rows->count + t->rows->asked) * m;
    mele_i_expert *expert = t->result->expert;
    mele_expert_info *info = t->result->info;

    info->error = info->left_out = 0;
    for (size_t o = 0; o < m; o++) {
        const mele_i_units *s = &t->of_y[o];
        const double power = s->power;
        double left_out, in;
        mean_squares(t, o, &left_out, &in);
        expert->variance[o] = mele_i_units_variance(s, left_out, t->rows->least_variance[o]);
        info->left_out += mele_i_finite(left_out / power / power) / (double)m;
        info->error += mele_i_finite(in / power / power) / (double)m;
    }
    info->iterations = t->search.iterations;
    info->converged = t->search.converged;
    info->ridge = NAN;
    info->rank = expert->rank = t->subset.count;
    if (t->result->left_out != NULL)
        memcpy(t->result->left_out, t->predicted, count * sizeof(double));
    if (t->result->left_out_variance != NULL)
        memcpy(t->result->left_out_variance, t->predicted_variance, count * sizeof(double));
}

/* Of all rows, by groups or by themselves. */
static mele_status leave_out(training *t, mele_error *error)
{
    const mele_i_gp_leaving leaving = {t->rows, &t->subset,     t->gp,
                                       t->ones, t->predicted, t->predicted_variance};
    mele_status status;

    if (t->rows->group != NULL && t->rows->groups > 1)
        return mele_i_gp_leave_out_groups(&leaving, t->engine, error);
    status = predict_others(t, error);
    if (status == MELE_OK) {
        mele_i_gp_inverse_diagonal(t->gp, t->subset.weights);
        leave_out_members(t, t->subset.weights);
    }
    return status;
}

mele_status mele_i_gp_train(const mele_i_expert_rows *rows, const mele_i_expert_shape *shape,
                            const mele_expert_options *options, const mele_i_expert *start,
                            mele_engine *engine, mele_i_expert_result *result, mele_error *error)
{
    training t = {.rows = rows,
                  .shape = shape,
                  .options = options,
                  .start = start,
                  .engine = engine,
                  .result = result,
                  .stream = mele_i_stream_make(options->seed, MELE_I_FOR_EXPERTS, options->fold,
                                               rows->region)};
    mele_status status = mele_i_gp_subset_make(rows, shape, options->most_rows, &t.stream, &t.subset, error);

    if (status == MELE_OK)
        status = make_room(&t, error);
    if (status == MELE_OK)
        status = standardise(&t, error);
    if (status == MELE_OK)
        status = search(&t, error);
    if (status == MELE_OK)
        status = make_state(&t, error);
    if (status == MELE_OK)
        status = leave_out(&t, error);
    if (status != MELE_OK)
        goto cleanup;
    set_result(&t);
    result->expert->state = t.gp;
    t.gp = NULL;

cleanup:
    free_training(&t);
    return status;
}
