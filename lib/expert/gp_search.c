/* The search for lengths, shares and the noise ratio.
 *
 * What is minimised over the logarithms is the negative log likelihood (gp_likelihood.c) plus the
 * priors' sum (log v - centre)^2 / (2 spread^2): they keep the lengths of inputs without influence
 * from running away, along which the likelihood is flat, and the few rows of a small region from
 * extremes. Lengths are in units of a column's standard deviation; typical distances in d such
 * columns grow as sqrt(d), and so does the prior's centre (Hvarfner, Hellsten, Nardi 2024, ICML).
 *
 * L-BFGS works on u, with log v = middle + half tanh(u / half): whatever u is, lengths stay within
 * LENGTHS, the shares' ratios within RATIO and the noise within NOISE. */
#include "expert/gp_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/pass.h"

typedef struct range {
    double low, high;
} range;

static const range LENGTHS = {1e-2, 1e3}, RATIO = {1e-4, 1e4}, NOISE = {1e-10, 1e2};

typedef struct prior {
    double centre, spread;
} prior;

/* Chosen by 10-fold cross-validation of concrete and mpg, 120 and 500 rows a process. */
static const prior LENGTH_PRIOR = {1, 0.7};   /* of log length - log sqrt(d), of one term */
static const prior SEVERAL_PRIOR = {0, 1};    /* the same, of several */
static const prior RATIO_PRIOR = {-1.4, 2};   /* of a term's log share over the first's */
static const prior NOISE_PRIOR = {-5, 3};     /* of the log ratio */

/* Equal lengths to start from, times sqrt(d): the likelihood of a function that goes up and down
 * often has a second maximum, at which all of it is noise. */
static const double START_LENGTHS[] = {1, 0.3, 0.1, 0.03};

#define START_NOISE 0.01

/* Of several terms the first starts SHORTER, with all others longer and smaller by a step each. */
#define SHORTER 0.7
#define LONGER 4
#define SMALLER 0.25
#define SEVERAL_START_NOISE 0.1

#define MOST_ITERATIONS 100
#define TOLERANCE 0.1 /* of the gradient: log likelihood by log v */
#define MEMORY 10

typedef struct searching {
    const mele_i_gp_search *search;
    double *log; /* restarts x hyper-parameters: starts, then results */
    mele_i_lbfgs_info *info;
} searching;

/* One search under way. */
typedef struct climb {
    const mele_i_gp_data *data;
    mele_i_gp_work work;
    double *log, *room;
} climb;

static size_t count_of(const mele_i_gp_data *data)
{
    return mele_i_gp_hypers(data->terms, data->columns);
}

static range range_of(const mele_i_gp_data *data, size_t j)
{
    return j < data->terms * data->columns ? LENGTHS : j + 1 < count_of(data) ? RATIO : NOISE;
}

static prior prior_of(const mele_i_gp_data *data, size_t j)
{
    if (j >= data->terms * data->columns)
        return j + 1 < count_of(data) ? RATIO_PRIOR : NOISE_PRIOR;
    const prior p = data->terms == 1 ? LENGTH_PRIOR : SEVERAL_PRIOR;
    return (prior){p.centre + 0.5 * log((double)data->columns), p.spread};
}

/* log v, and its derivative by u. */
static double squash(range r, double u, double *slope)
{
    const double middle = 0.5 * log(r.low * r.high), half = 0.5 * log(r.high / r.low);
    const double share = tanh(u / half);

    *slope = 1 - share * share;
    return middle + half * share;
}

/* The u of log v, or of what is well inside the range. */
static double unsquash(range r, double log_value)
{
    const double inside = 0.99;
    const double middle = 0.5 * log(r.low * r.high), half = 0.5 * log(r.high / r.low);

    return half * atanh(fmax(-inside, fmin(inside, (log_value - middle) / half)));
}

/* lbfgs.h's objective: log posterior density, negative. gradient NULL: not wanted. */
static mele_status objective(void *context, const double *u, double *value, double *gradient,
                             mele_error *error)
{
    climb *c = context;
    const size_t count = count_of(c->data);
    double *slope = c->log + count;

    (void)error;
    for (size_t j = 0; j < count; j++)
        c->log[j] = squash(range_of(c->data, j), u[j], &slope[j]);
    if (!mele_i_gp_likelihood(c->data, &c->work, c->log, value, gradient)) {
        *value = INFINITY;
        return MELE_OK;
    }
    for (size_t j = 0; j < count; j++) {
        const prior p = prior_of(c->data, j);
        const double off = (c->log[j] - p.centre) / p.spread;
        *value += 0.5 * off * off;
        if (gradient != NULL)
            gradient[j] = (gradient[j] + off / p.spread) * slope[j];
    }
    return MELE_OK;
}

static mele_status make_climb(climb *c, mele_error *error)
{
    const mele_i_gp_data *data = c->data;
    const size_t count = count_of(data);

    c->log = MELE_I_ARRAY(double, 2 * count);
    c->room = MELE_I_ARRAY(double, mele_i_lbfgs_room(count, MEMORY));
    if (!mele_i_gp_work_make(&c->work, data->terms, data->rows, data->columns, data->outputs)
        || c->log == NULL || c->room == NULL)
        return mele_i_no_memory(error);
    return MELE_OK;
}

static void free_climb(climb *c)
{
    mele_i_gp_work_free(&c->work);
    free(c->log);
    free(c->room);
}

/* In each term equal lengths. */
static void set_equal(const mele_i_gp_data *data, double length, double *out)
{
    const size_t d = data->columns, terms = data->terms;
    const double first = terms == 1 ? length : SHORTER * length;

    for (size_t q = 0; q < terms; q++)
        for (size_t j = 0; j < d; j++)
            out[q * d + j] = log(first) + (double)q * log(LONGER) + 0.5 * log((double)d);
    for (size_t q = 1; q < terms; q++)
        out[terms * d + q - 1] = (double)q * log(SMALLER);
    out[count_of(data) - 1] = log(terms == 1 ? START_NOISE : SEVERAL_START_NOISE);
}

void mele_i_gp_search_fixed(const mele_i_gp_search *search, double *logs)
{
    set_equal(search->data, START_LENGTHS[0], logs);
}

/* What START_LENGTHS has best, as u. trial: as many numbers. */
static mele_status choose_start(climb *c, double *trial, double *u, mele_error *error)
{
    const size_t count = count_of(c->data);
    const size_t lengths = c->data->columns == 0 ? 1 : sizeof START_LENGTHS / sizeof *START_LENGTHS;
    double least = INFINITY, value;
    mele_status status = MELE_OK;

    for (size_t i = 0; i < lengths && status == MELE_OK; i++) {
        set_equal(c->data, START_LENGTHS[i], trial);
        for (size_t j = 0; j < count; j++)
            trial[j] = unsquash(range_of(c->data, j), trial[j]);
        status = objective(c, trial, &value, NULL, error);
        if (i == 0 || value < least) {
            memcpy(u, trial, count * sizeof *u);
            least = value;
        }
    }
    return status;
}

static mele_status climb_from(climb *c, double *u, mele_i_lbfgs_info *info, mele_error *error)
{
    mele_i_lbfgs_problem problem = {
        .count = count_of(c->data), .memory = MEMORY,
        .max_iterations = MOST_ITERATIONS, .tolerance = TOLERANCE,
        .objective = objective, .context = c};
    mele_status status = mele_i_lbfgs(&problem, u, c->room, info, error);

    return status == MELE_EDATA ? MELE_OK : status;
}

/* The first start is the given one or the best of the fixed ones; others have been drawn. A start
 * at which the covariance is not positive definite stays what it is. */
static mele_status search_once(void *context, size_t index, mele_engine *engine, mele_error *error)
{
    const searching *s = context;
    const mele_i_gp_data *data = s->search->data;
    const size_t count = count_of(data);
    double *logs = s->log + index * count, slope;
    climb c = {.data = data};
    mele_status status = make_climb(&c, error);

    (void)engine;
    s->info[index] = (mele_i_lbfgs_info){.value = INFINITY};
    if (status == MELE_OK && index == 0 && s->search->start == NULL)
        status = choose_start(&c, c.room, logs, error);
    else
        for (size_t j = 0; j < count; j++)
            logs[j] = unsquash(range_of(data, j), logs[j]);
    if (status == MELE_OK)
        status = climb_from(&c, logs, &s->info[index], error);
    for (size_t j = 0; j < count; j++)
        logs[j] = squash(range_of(data, j), logs[j], &slope);
    free_climb(&c);
    return status;
}

/* Starts beside the first are drawn from the middle of the priors. */
static void set_starts(searching *s)
{
    const mele_i_gp_data *data = s->search->data;
    const size_t count = count_of(data);
    mele_i_stream stream = s->search->stream;

    for (size_t j = 0; j < count; j++)
        s->log[j] = s->search->start == NULL ? 0 : s->search->start[j];
    for (size_t i = count; i < s->search->restarts * count; i++) {
        const prior p = prior_of(data, i % count);
        s->log[i] = p.centre + p.spread * (2 * mele_i_stream_uniform(&stream) - 1);
    }
}

mele_status mele_i_gp_search_run(const mele_i_gp_search *search, mele_engine *engine, double *logs,
                                 mele_i_lbfgs_info *info, mele_error *error)
{
    const size_t count = count_of(search->data), restarts = search->restarts;
    searching s = {search, MELE_I_ARRAY(double, restarts * count),
                   MELE_I_ZEROED(mele_i_lbfgs_info, restarts)};
    mele_i_tasks tasks = {.count = restarts, .run = search_once, .context = &s};
    mele_status status = s.log == NULL || s.info == NULL ? mele_i_no_memory(error) : MELE_OK;
    size_t best = 0;

    if (status == MELE_OK) {
        set_starts(&s);
        status = mele_i_tasks_run(engine, &tasks, error);
    }
    for (size_t i = 1; i < restarts && status == MELE_OK; i++)
        if (s.info[i].value < s.info[best].value)
            best = i;
    if (status == MELE_OK) {
        memcpy(logs, s.log + best * count, count * sizeof *logs);
        *info = s.info[best];
    }
    free(s.log);
    free(s.info);
    return status;
}
