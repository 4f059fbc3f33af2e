/* Gaussian process experts: the rows that are held, the units, the search, and what is left out.
 *
 * Rows that are the same in every number are one row with the sum of their weights, so that
 * weight 2 is the row given twice. Weights above 1 tell the likelihood of copies without any noise
 * between them (gp_likelihood.c), which is not what people mean who give weights in some unit; so
 * their ratios alone matter, and weight 1 is what the ordinary row has: their weighted median, with
 * half of the sum of weights in rows of no more.
 *
 * At most options.most_rows rows of a region are held: a random subset without replacement in which
 * a row's chance grows with its weight (the smallest -log(u) / w of uniform u; Efraimidis, Spirakis
 * 2006, Inf. Process. Lett. 97). Rows of less than NEGLIGIBLE times the largest weight are not held
 * either. Inputs and targets are standardised in the held rows; an input that is constant there has
 * no say in predictions.
 *
 * Left-out predictions of held rows, hyper-parameters as they are and the mean m estimated without
 * the row: y_i - [R^-1 r]_i / Q_ii with Q = R^-1 - R^-1 1 1' R^-1 / 1' R^-1 1; the variance that
 * the others give a row of weight 1 there is s^2 (1 / [R^-1]_ii - e / w_i + e). Other rows were
 * left out anyway.
 *
 * The variance of an expert is the weighted mean of its squared left-out residuals, at least FLOOR
 * times the target's variance in these rows, ROUNDING times its magnitude squared, and the smallest
 * normal double. Of one row there is nothing to leave out: its variance is that floor, which knows
 * nothing of what the expert will meet.
 *
 * Source: Dubrule 1983, Math. Geol. 15; Rasmussen, Williams 2006, (5.12). */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "core/stream.h"
#include "engine/pass.h"
#include "expert/frame.h"
#include "expert/gp_likelihood.h"
#include "expert/gp_search.h"
#include "expert/gp_state.h"
#include "expert/kind.h"

#define FLOOR 1e-8
#define ROUNDING 0x1p-40
#define ALONE 0x1p-26
#define NEGLIGIBLE 1e-10
#define NOT_HELD SIZE_MAX
#define RAISE 10        /* of a noise ratio that leaves the covariance indefinite */
#define MOST_RAISES 40

/* A column in units that sums of squares are safe in: power times its numbers. */
typedef struct standard {
    double power, centre, spread, largest; /* spread 0: constant */
} standard;

typedef struct training {
    const mele_i_expert_rows *rows;
    const mele_i_expert_shape *shape;
    const mele_expert_options *options;
    const mele_i_expert *start;
    mele_engine *engine;
    mele_i_expert_result *result;

    mele_i_stream stream;
    size_t held;          /* rows held */
    size_t *row;          /* their indices in rows, ascending: of the same ones the first */
    size_t *place;        /* count: which of the held rows a row is; NOT_HELD */
    size_t inputs, *input; /* columns that are not constant */
    size_t targets, *target; /* outputs that are not constant */
    standard *of_x, *of_y;
    double *x;            /* held x inputs, standardised */
    double *y;            /* targets x held, standardised */
    double *weights;      /* held */
    double *log;          /* the hyper-parameters as gp_likelihood.h has them, standardised */
    double *ones;         /* held: R^-1 1 */
    double *mean, *signal; /* targets */
    double *predicted, *predicted_variance; /* count x outputs: left out */
    mele_i_lbfgs_info search;
    mele_i_gp *gp;
} training;

static standard standard_of(const double *values, size_t stride, const size_t *row,
                            const double *weights, size_t count)
{
    standard s = {1, 0, 0, 0};
    double sum = 0, squares = 0;

    for (size_t i = 0; i < count; i++)
        s.largest = fmax(s.largest, fabs(values[row[i] * stride]));
    s.power = mele_i_power_scale(s.largest);
    for (size_t i = 0; i < count; i++) {
        s.centre += weights[i] * (values[row[i] * stride] * s.power);
        sum += weights[i];
    }
    s.centre /= sum;
    for (size_t i = 0; i < count; i++) {
        const double off = values[row[i] * stride] * s.power - s.centre;
        squares += weights[i] * (off * off);
    }
    s.spread = sqrt(squares / sum);
    if (!(s.spread > ROUNDING * (s.largest * s.power)))
        s.spread = 0;
    return s;
}

static double standardised(const standard *s, double value)
{
    return (value * s->power - s->centre) / s->spread;
}

/* ---- the rows that are held ---- */

/* Rows that are the same. */
typedef struct distinct {
    double weight, key;
    size_t row; /* the first of them */
} distinct;

static int compare_numbers(const double *a, const double *b, size_t count)
{
    for (size_t j = 0; j < count; j++)
        if (a[j] != b[j])
            return a[j] < b[j] ? -1 : 1;
    return 0;
}

static int compare_rows(const training *t, size_t a, size_t b)
{
    const size_t d = t->shape->columns, m = t->shape->outputs;
    int order = compare_numbers(t->rows->x + a * d, t->rows->x + b * d, d);

    return order != 0 ? order : compare_numbers(t->rows->y + a * m, t->rows->y + b * m, m);
}

static int by_numbers(const void *a, const void *b, void *context)
{
    const size_t p = *(const size_t *)a, q = *(const size_t *)b;
    int order = compare_rows(context, p, q);

    return order != 0 ? order : (p > q) - (p < q);
}

static int by_row(const void *a, const void *b)
{
    const distinct *p = a, *q = b;

    return (p->row > q->row) - (p->row < q->row);
}

static int by_key(const void *a, const void *b)
{
    const distinct *p = a, *q = b;

    return p->key != q->key ? (p->key < q->key ? -1 : 1) : by_row(a, b);
}

/* Lists the distinct rows in the order of the first of each, and sets place[] to that row's index.
 * order: count numbers. Returns how many there are. */
static size_t find_distinct(training *t, size_t *order, distinct *list)
{
    const mele_i_expert_rows *rows = t->rows;
    size_t listed = 0;

    for (size_t i = 0; i < rows->count; i++)
        order[i] = i;
    qsort_r(order, rows->count, sizeof *order, by_numbers, t);
    for (size_t i = 0; i < rows->count; i++) {
        if (i == 0 || compare_rows(t, order[i - 1], order[i]) != 0)
            list[listed++] = (distinct){0, 0, order[i]};
        list[listed - 1].weight += rows->weights[order[i]];
        t->place[order[i]] = list[listed - 1].row;
    }
    qsort(list, listed, sizeof *list, by_row);
    return listed;
}

/* Leaves in the list the rows to hold; returns how many. */
static size_t draw_rows(training *t, distinct *list, size_t listed)
{
    double largest = 0;
    size_t count = 0;

    for (size_t i = 0; i < listed; i++)
        largest = fmax(largest, list[i].weight);
    for (size_t i = 0; i < listed; i++)
        if (list[i].weight > NEGLIGIBLE * largest)
            list[count++] = list[i];
    if (count <= t->options->most_rows)
        return count;
    for (size_t i = 0; i < count; i++)
        list[i].key = -log1p(-mele_i_stream_uniform(&t->stream)) / list[i].weight;
    qsort(list, count, sizeof *list, by_key);
    qsort(list, t->options->most_rows, sizeof *list, by_row);
    return t->options->most_rows;
}

/* order, of which it was: the place of every first row. */
static void set_places(training *t, const distinct *list, size_t *place_of)
{
    for (size_t i = 0; i < t->rows->count; i++)
        place_of[i] = NOT_HELD;
    for (size_t h = 0; h < t->held; h++) {
        t->row[h] = list[h].row;
        t->weights[h] = list[h].weight;
        place_of[list[h].row] = h;
    }
    for (size_t i = 0; i < t->rows->count; i++)
        t->place[i] = place_of[t->place[i]];
}

static int by_weight(const void *a, const void *b)
{
    const distinct *p = a, *q = b;

    return (p->weight > q->weight) - (p->weight < q->weight);
}

/* Sorts the list. Halves that differ by rounding are equal ones. */
static double weighted_median(distinct *list, size_t count)
{
    const double half = 0.5 - 1e-9;
    double sum = 0, below = 0;
    size_t i = 0;

    qsort(list, count, sizeof *list, by_weight);
    for (size_t k = 0; k < count; k++)
        sum += list[k].weight;
    for (below = list[0].weight; below < half * sum && i + 1 < count; below += list[i].weight)
        i++;
    return list[i].weight;
}

static mele_status choose_rows(training *t, mele_error *error)
{
    const size_t count = t->rows->count;
    distinct *list = MELE_I_ARRAY(distinct, count);
    size_t *order = MELE_I_ARRAY(size_t, count);
    mele_status status = MELE_OK;

    t->place = MELE_I_ARRAY(size_t, count);
    if (list == NULL || order == NULL || t->place == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    t->held = draw_rows(t, list, find_distinct(t, order, list));
    t->row = MELE_I_ARRAY(size_t, t->held);
    t->weights = MELE_I_ARRAY(double, t->held);
    if (t->row == NULL || t->weights == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    set_places(t, list, order);
    const double unit = weighted_median(list, t->held);
    for (size_t h = 0; h < t->held; h++)
        t->weights[h] /= unit;

cleanup:
    free(list);
    free(order);
    return status;
}

/* ---- units ---- */

static void standardise_inputs(training *t)
{
    const size_t d = t->shape->columns;

    for (size_t j = 0; j < d; j++) {
        t->of_x[j] = standard_of(t->rows->x + j, d, t->row, t->weights, t->held);
        if (t->of_x[j].spread > 0)
            t->input[t->inputs++] = j;
    }
    for (size_t i = 0; i < t->held; i++)
        for (size_t j = 0; j < t->inputs; j++)
            t->x[i * t->inputs + j] = standardised(&t->of_x[t->input[j]],
                                                   t->rows->x[t->row[i] * d + t->input[j]]);
}

static void standardise_targets(training *t)
{
    const size_t m = t->shape->outputs;

    for (size_t o = 0; o < m; o++) {
        t->of_y[o] = standard_of(t->rows->y + o, m, t->row, t->weights, t->held);
        if (t->of_y[o].spread > 0)
            t->target[t->targets++] = o;
    }
    for (size_t o = 0; o < t->targets; o++)
        for (size_t i = 0; i < t->held; i++)
            t->y[o * t->held + i] = standardised(&t->of_y[t->target[o]],
                                                 t->rows->y[t->row[i] * m + t->target[o]]);
}

static mele_status make_room(training *t, mele_error *error)
{
    const size_t n = t->held, d = t->shape->columns, m = t->shape->outputs;

    t->input = MELE_I_ARRAY(size_t, d);
    t->target = MELE_I_ARRAY(size_t, m);
    t->of_x = MELE_I_ARRAY(standard, d);
    t->of_y = MELE_I_ARRAY(standard, m);
    t->x = MELE_I_ARRAY(double, n * d);
    t->y = MELE_I_ARRAY(double, n * m);
    t->log = MELE_I_ARRAY(double, mele_i_gp_hypers(t->options->terms, d));
    t->ones = MELE_I_ARRAY(double, n);
    t->mean = MELE_I_ARRAY(double, 2 * m);
    t->predicted = MELE_I_ARRAY(double, t->rows->count * m);
    t->predicted_variance = MELE_I_ARRAY(double, t->rows->count * m);
    if (t->input == NULL || t->target == NULL || t->of_x == NULL || t->of_y == NULL || t->x == NULL
        || t->y == NULL || t->log == NULL || t->ones == NULL
        || t->mean == NULL || t->predicted == NULL || t->predicted_variance == NULL)
        return mele_i_no_memory(error);
    t->signal = t->mean + m;
    return MELE_OK;
}

static void free_training(training *t)
{
    free(t->row);
    free(t->place);
    free(t->input);
    free(t->target);
    free(t->of_x);
    free(t->of_y);
    free(t->x);
    free(t->y);
    free(t->weights);
    free(t->log);
    free(t->ones);
    free(t->mean);
    free(t->predicted);
    free(t->predicted_variance);
    mele_i_gp_free(t->gp);
}

/* ---- hyper-parameters ---- */

/* The start's, in this expert's units, if it has as many terms. */
static const double *start_of(const training *t, double *log_start)
{
    const mele_i_gp *gp = t->start == NULL ? NULL : t->start->state;
    double *to = log_start;

    if (gp == NULL || gp->terms != t->options->terms)
        return NULL;
    for (size_t q = 0; q < gp->terms; q++)
        for (size_t j = 0; j < t->inputs; j++) {
            const standard *s = &t->of_x[t->input[j]];
            *to++ = log(gp->length[q * gp->columns + t->input[j]]) + log(s->power)
                    - log(s->spread);
        }
    for (size_t q = 1; q < gp->terms; q++)
        *to++ = log(gp->share[q] / gp->share[0]);
    *to = log(gp->noise);
    return log_start;
}

static mele_status search(training *t, mele_error *error)
{
    mele_i_gp_data data = {mele_i_gp_kernel_named(t->options->kernel), t->options->terms, t->held,
                           t->inputs, t->targets, t->x, t->y, t->weights};
    mele_i_gp_search s = {.data = &data, .restarts = t->options->restarts,
                          .most_iterations = t->options->max_epochs,
                          .start = start_of(t, t->log), .stream = t->stream};

    if (t->targets == 0) {
        mele_i_gp_search_fixed(&s, t->log);
        t->search = (mele_i_lbfgs_info){.converged = true};
        return MELE_OK;
    }
    return mele_i_gp_search_run(&s, t->engine, t->log, &t->search, error);
}

/* ---- the state ---- */

static void set_lengths(const training *t, const double *log_lengths, double *length)
{
    for (size_t j = 0; j < t->shape->columns; j++)
        length[j] = MELE_I_GP_NO_SAY;
    for (size_t j = 0; j < t->inputs; j++) {
        const standard *s = &t->of_x[t->input[j]];
        length[t->input[j]]
            = fmax(mele_i_finite(exp(log_lengths[j]) * s->spread / s->power), DBL_MIN);
    }
}

static void set_inputs(training *t)
{
    const size_t d = t->shape->columns, terms = t->options->terms;
    mele_i_gp *gp = t->gp;

    for (size_t i = 0; i < t->held; i++)
        memcpy(gp->x + i * d, t->rows->x + t->row[i] * d, d * sizeof *gp->x);
    memcpy(gp->weights, t->weights, t->held * sizeof *gp->weights);
    for (size_t q = 0; q < terms; q++)
        set_lengths(t, t->log + q * t->inputs, gp->length + q * d);
    mele_i_gp_shares(t->log + terms * t->inputs, terms, gp->share);
    gp->noise = exp(t->log[mele_i_gp_hypers(terms, t->inputs) - 1]);
}

/* A constant target is its mean, give or take its rounding. */
static void set_targets(training *t)
{
    const size_t n = t->held;
    mele_i_gp *gp = t->gp;

    for (size_t o = 0; o < gp->outputs; o++) {
        const standard *s = &t->of_y[o];
        gp->mean[o] = mele_i_finite(s->centre / s->power);
        gp->unit[o] = fmax(ROUNDING * s->largest, DBL_MIN);
        gp->signal[o] = 1;
    }
    for (size_t i = 0; i < t->targets; i++) {
        const size_t o = t->target[i];
        const standard *s = &t->of_y[o];
        gp->mean[o] = mele_i_finite((s->centre + s->spread * t->mean[i]) / s->power);
        gp->unit[o] = fmax(s->spread / s->power, DBL_TRUE_MIN);
        gp->signal[o] = t->signal[i];
        memcpy(gp->coefficients + o * (n + 1) + 1, t->y + i * n, n * sizeof *gp->coefficients);
    }
}

static mele_status make_state(training *t, mele_error *error)
{
    const size_t n = t->held;
    double *factor = mele_i_large_array(n * (n + MELE_I_GP_BLOCK), sizeof(double)), copies = 0;
    mele_status status = MELE_OK;
    bool factored = false;

    t->gp = mele_i_gp_make(mele_i_gp_kernel_named(t->options->kernel), t->options->terms, n,
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
        copies += t->weights[i];
    if (factored)
        mele_i_gp_solve(factor, n, t->targets, copies, t->y, t->ones, t->mean, t->signal);
    if (!factored || !mele_i_gp_finish(t->gp, factor))
        status = mele_i_fail(error, MELE_EDATA, "no covariance of %zu rows is positive definite",
                             n);
    else
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
    double *variance = t->result->left_out_variance == NULL ? NULL
                                                            : t->predicted_variance + first * m;

    (void)partial;
    (void)error;
    mele_i_gp_predict(t->gp, t->rows->x + first * d, d, block.count, t->predicted + first * m,
                      variance, m, scratch);
    return MELE_OK;
}

/* Of rows that are not held; those that are get theirs later. */
static mele_status predict_others(training *t, mele_error *error)
{
    bool all = true;
    mele_i_pass pass = {.rows = t->rows->count,
                        .block_rows = mele_i_block_rows(t->held * t->held, 1 << 24, 64),
                        .scratch_bytes = mele_i_gp_scratch(t->gp), .map = predict_block,
                        .context = t};

    for (size_t i = 0; i < t->rows->count; i++)
        all &= t->place[i] != NOT_HELD;
    return all ? MELE_OK : mele_i_pass_run(t->engine, &pass, error);
}

/* inverse: [R^-1]_ii */
static void leave_out_held(const training *t, const double *inverse)
{
    const mele_i_gp *gp = t->gp;
    const size_t n = gp->rows, m = gp->outputs;
    double all = 0;

    for (size_t h = 0; h < n; h++)
        all += t->ones[h];
    for (size_t i = 0; i < t->rows->count; i++) {
        const size_t h = t->place[i];
        if (h == NOT_HELD)
            continue;
        const double free = fmax(inverse[h] - t->ones[h] * (t->ones[h] / all), ALONE * inverse[h]);
        const double latent = fmax(1 / inverse[h] - gp->noise / gp->weights[h], 0);
        for (size_t o = 0; o < m; o++) {
            const double off = gp->coefficients[o * (n + 1) + 1 + h] / free;
            t->predicted[i * m + o] = mele_i_finite(t->rows->y[i * m + o] - gp->unit[o] * off);
            t->predicted_variance[i * m + o]
                = mele_i_gp_variance(gp->signal[o] * (latent + gp->noise), gp->unit[o]);
        }
    }
}

/* Weighted mean squares of a target's residuals in its standard's units: left out, and in. */
static void mean_squares(const training *t, size_t o, double *left_out, double *in)
{
    const mele_i_gp *gp = t->gp;
    const size_t m = t->shape->outputs, n = gp->rows;
    const standard *s = &t->of_y[o];
    double sum = 0;

    *left_out = *in = 0;
    for (size_t i = 0; i < t->rows->count; i++) {
        const size_t h = t->place[i];
        const double w = t->rows->weights[i];
        const double off = t->rows->y[i * m + o] * s->power - t->predicted[i * m + o] * s->power;
        double fitted = off;
        if (h != NOT_HELD)
            fitted = s->spread * (gp->noise / gp->weights[h])
                     * gp->coefficients[o * (n + 1) + 1 + h];
        sum += w;
        *left_out += w * (off * off);
        *in += w * (fitted * fitted);
    }
    *left_out /= sum;
    *in /= sum;
}

static void set_result(const training *t)
{
    const size_t m = t->shape->outputs, count = t->rows->count * m;
    mele_i_expert *expert = t->result->expert;
    mele_expert_info *info = t->result->info;

    info->error = info->left_out = 0;
    for (size_t o = 0; o < m; o++) {
        const standard *s = &t->of_y[o];
        const double rounding = ROUNDING * (s->largest * s->power), power = s->power;
        double left_out, in;
        mean_squares(t, o, &left_out, &in);
        double variance = fmax(left_out, fmax(FLOOR * s->spread * s->spread, rounding * rounding));
        expert->variance[o] = mele_i_finite(fmax(variance / power / power, DBL_MIN));
        info->left_out += mele_i_finite(left_out / power / power) / (double)m;
        info->error += mele_i_finite(in / power / power) / (double)m;
    }
    info->iterations = t->search.iterations;
    info->converged = t->search.converged;
    info->ridge = NAN;
    info->rank = expert->rank = t->held;
    if (t->result->left_out != NULL)
        memcpy(t->result->left_out, t->predicted, count * sizeof(double));
    if (t->result->left_out_variance != NULL)
        memcpy(t->result->left_out_variance, t->predicted_variance, count * sizeof(double));
}

static mele_status train(const mele_i_expert_rows *rows, const mele_i_expert_shape *shape,
                         const mele_expert_options *options, const mele_i_expert *start,
                         mele_engine *engine, mele_i_expert_result *result, mele_error *error)
{
    training t = {.rows = rows, .shape = shape, .options = options, .start = start,
                  .engine = engine, .result = result,
                  .stream = mele_i_stream_make(options->seed, MELE_I_FOR_EXPERTS, options->fold,
                                               rows->region)};
    mele_status status = choose_rows(&t, error);

    if (status == MELE_OK)
        status = make_room(&t, error);
    if (status != MELE_OK)
        goto cleanup;
    standardise_inputs(&t);
    standardise_targets(&t);
    status = search(&t, error);
    if (status == MELE_OK)
        status = make_state(&t, error);
    if (status == MELE_OK)
        status = predict_others(&t, error);
    if (status != MELE_OK)
        goto cleanup;
    mele_i_gp_inverse_diagonal(t.gp, t.weights);
    leave_out_held(&t, t.weights);
    set_result(&t);
    result->expert->state = t.gp;
    t.gp = NULL;

cleanup:
    free_training(&t);
    return status;
}

/* ---- the table's row ---- */

static size_t scratch(const mele_i_expert_group *group, size_t rows)
{
    size_t most = 0;

    (void)rows;
    for (size_t e = 0; e < group->count; e++) {
        const size_t bytes = mele_i_gp_scratch(group->expert[e]->state);
        most = bytes > most ? bytes : most;
    }
    return most;
}

static void predict(const mele_i_expert_group *group, const double *x, size_t stride, size_t rows,
                    double *mean, double *variance, void *scratch)
{
    const size_t m = group->shape.outputs;

    for (size_t e = 0; e < group->count; e++)
        mele_i_gp_predict(group->expert[e]->state, x, stride, rows, mean + e * m,
                          variance == NULL ? NULL : variance + e * m, group->stride, scratch);
}

static size_t work(const mele_i_expert *expert, const mele_i_expert_shape *shape)
{
    const mele_i_gp *gp = expert->state;

    return gp->rows * (gp->rows / 2 + gp->terms * (shape->columns + 16) + shape->outputs);
}

/* A term's; null: the column was constant. */
static json_t *lengths_of(const mele_i_gp *gp, size_t term)
{
    const double *length = gp->length + term * gp->columns;
    json_t *array = json_array();

    for (size_t j = 0; j < gp->columns && array != NULL; j++)
        if (json_array_append_new(array, length[j] == MELE_I_GP_NO_SAY ? json_null()
                                                                       : json_real(length[j]))
            != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

static json_t *describe(const mele_i_expert *expert, const mele_i_expert_shape *shape)
{
    const mele_i_gp *gp = expert->state;
    json_t *object = json_object(), *signal = json_array(), *lengths = json_array();
    bool ok = object != NULL && mele_i_json_put(object, "kernel", json_string(gp->kernel->name));

    for (size_t q = 0; q < gp->terms && ok; q++)
        ok = json_array_append_new(lengths, lengths_of(gp, q)) == 0;
    for (size_t o = 0; o < shape->outputs && ok; o++)
        ok = json_array_append_new(signal, json_real(mele_i_gp_variance(gp->signal[o],
                                                                        gp->unit[o]))) == 0;
    ok = ok && mele_i_json_put(object, "lengths", json_incref(lengths))
         && mele_i_json_put(object, "shares", mele_i_json_numbers(gp->share, gp->terms))
         && mele_i_json_put(object, "noise", json_real(gp->noise))
         && mele_i_json_put(object, "mean", mele_i_json_numbers(gp->mean, gp->outputs))
         && mele_i_json_put(object, "signal", json_incref(signal))
         && mele_i_json_put(object, "rows", json_integer((json_int_t)gp->rows));
    json_decref(lengths);
    json_decref(signal);
    if (!ok) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static bool save(const mele_i_expert *expert, const mele_i_expert_shape *shape, json_t *object)
{
    (void)shape;
    return mele_i_gp_save(expert->state, object);
}

static mele_status load(const json_t *object, const mele_i_expert_shape *shape,
                        mele_i_expert *expert, mele_error *error)
{
    mele_i_gp *gp = NULL;
    mele_status status = mele_i_gp_load(object, shape->columns, shape->outputs, &gp, error);

    if (status == MELE_OK)
        expert->state = gp;
    return status;
}

const mele_i_expert_kind mele_i_expert_gp = {
    .name = "gp",
    .regression = true,
    .ridge = NAN,
    .train = train,
    .free = mele_i_gp_free,
    .scratch = scratch,
    .predict = predict,
    .work = work,
    .describe = describe,
    .keys = MELE_I_GP_KEYS,
    .save = save,
    .load = load,
};
