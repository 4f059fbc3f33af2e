/* The search for lengths, shares and the noise ratio.
 *
 * What is minimised over the logarithms is the negative log likelihood (likelihood.c) plus the
 * priors' sum (log v - centre)^2 / (2 spread^2): they keep the lengths of inputs without influence
 * from running away, along which the likelihood is flat, and the few rows of a small region from
 * extremes. Lengths are in units of a column's standard deviation; typical distances in d such
 * columns grow as sqrt(d), and so does the prior's centre (Hvarfner, Hellsten, Nardi 2024, ICML).
 *
 * L-BFGS works on u, with log v = middle + half tanh(u / half): whatever u is, lengths stay within
 * LENGTHS and above what the rows tell of (levels.h), the shares' ratios within RATIO and the
 * noise within NOISE.
 *
 * Where rows have levels (levels.h), the largest density can be that of a kernel which memorises
 * them. So the result is judged by what it predicts of left-out levels. When their mean squared
 * error is more than SUSPECT times that of single rows left out, there are rivals: the same sum
 * from a smooth start, and a single kernel from a fixed and from a smooth one. A rival is taken
 * when the best so far has larger errors by more than noise: when the differences of the levels'
 * sums of squares, or of their logarithms, have a sum above its standard error. */
#include "expert/gp/search.h"

#include <float.h>
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

#define CLEAR_OF_BOUND 1.5 /* times a column's shortest length: what starts have at least */

#define SUSPECT 4
#define SMOOTH_NOISE 1e-4 /* of the smooth start, whose lengths are the longest of START_LENGTHS */

/* Where a search begins. */
typedef enum origin {
    GIVEN,  /* where its logarithms are: the caller's start, or drawn ones */
    FIXED,  /* at that of START_LENGTHS with the largest density */
    SMOOTH,
} origin;

typedef struct attempt {
    const mele_i_gp_data *data;
    origin from;
    double *log; /* the start, then the result */
    mele_i_lbfgs_info info;
    double *errors; /* of the result: of the inner levels */
    double excess;  /* of these over errors of single rows, a ratio of mean squares */
} attempt;

/* The restarts, then the rivals. */
typedef struct searching {
    const mele_i_gp_search *search;
    mele_i_gp_data single; /* the data, with one term */
    size_t count, first;   /* of all, the first of those under way */
    attempt *attempts;
    double *log, *errors; /* of the attempts */
} searching;

/* One search under way. */
typedef struct climb {
    const mele_i_gp_data *data;
    const mele_i_gp_levels *levels;
    mele_i_gp_work work;
    double *log, *room;
} climb;

/* ---- one search ---- */

static size_t count_of(const mele_i_gp_data *data)
{
    return mele_i_gp_hypers(data->terms, data->columns);
}

static range range_of(const climb *c, size_t j)
{
    const mele_i_gp_data *data = c->data;

    if (j >= data->terms * data->columns)
        return j + 1 < count_of(data) ? RATIO : NOISE;
    return (range){fmax(LENGTHS.low, c->levels->shortest[j % data->columns]), LENGTHS.high};
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
        c->log[j] = squash(range_of(c, j), u[j], &slope[j]);
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

/* In each term equal lengths, but for those that would be near their bound. */
static void set_equal(const mele_i_gp_data *data, const mele_i_gp_levels *levels, double length,
                      double *out)
{
    const size_t d = data->columns, terms = data->terms;
    const double first = terms == 1 ? length : SHORTER * length;

    for (size_t q = 0; q < terms; q++)
        for (size_t j = 0; j < d; j++)
            out[q * d + j] = fmax(log(first) + (double)q * log(LONGER) + 0.5 * log((double)d),
                                  log(CLEAR_OF_BOUND * levels->shortest[j]));
    for (size_t q = 1; q < terms; q++)
        out[terms * d + q - 1] = (double)q * log(SMALLER);
    out[count_of(data) - 1] = log(terms == 1 ? START_NOISE : SEVERAL_START_NOISE);
}

void mele_i_gp_search_fixed(const mele_i_gp_search *search, double *logs)
{
    set_equal(search->data, search->levels, START_LENGTHS[0], logs);
}

/* Whether some input has lengths to start from that are not near their bound. */
static bool is_clear(const climb *c, double length)
{
    const size_t d = c->data->columns;
    bool clear = d == 0;

    for (size_t j = 0; j < d; j++)
        clear |= length * sqrt((double)d) > CLEAR_OF_BOUND * c->levels->shortest[j];
    return clear;
}

/* What START_LENGTHS has best. trial: as many numbers. */
static mele_status choose_start(climb *c, double *trial, double *u, mele_error *error)
{
    const size_t count = count_of(c->data);
    const size_t lengths = c->data->columns == 0 ? 1 : sizeof START_LENGTHS / sizeof *START_LENGTHS;
    double least = INFINITY, value;
    mele_status status = MELE_OK;

    for (size_t i = 0; i < lengths && status == MELE_OK; i++) {
        if (i > 0 && !is_clear(c, START_LENGTHS[i - 1]))
            continue;
        set_equal(c->data, c->levels, START_LENGTHS[i], trial);
        for (size_t j = 0; j < count; j++)
            trial[j] = unsquash(range_of(c, j), trial[j]);
        status = objective(c, trial, &value, NULL, error);
        if (i == 0 || value < least) {
            memcpy(u, trial, count * sizeof *u);
            least = value;
        }
    }
    return status;
}

/* Where the attempt begins, as u. */
static mele_status set_start(climb *c, origin from, double *u, mele_error *error)
{
    const size_t count = count_of(c->data);

    if (from == FIXED)
        return choose_start(c, c->room, u, error);
    if (from == SMOOTH) {
        set_equal(c->data, c->levels, START_LENGTHS[0], u);
        u[count - 1] = log(SMOOTH_NOISE);
    }
    for (size_t j = 0; j < count; j++)
        u[j] = unsquash(range_of(c, j), u[j]);
    return MELE_OK;
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

/* Sets the errors of left-out levels, the largest numbers where there is no process. */
static mele_status judge(climb *c, attempt *a, mele_error *error)
{
    mele_status status = mele_i_gp_levels_left_out(c->levels, c->data, &c->work, a->log, a->errors,
                                                   &a->excess, error);

    if (status != MELE_EDATA)
        return status;
    for (size_t l = 0; l < c->levels->inner; l++)
        a->errors[l] = DBL_MAX;
    a->excess = INFINITY;
    return MELE_OK;
}

/* A start at which the covariance is not positive definite stays what it is. Rivals are judged. */
static mele_status search_once(void *context, size_t index, mele_engine *engine, mele_error *error)
{
    const searching *s = context;
    attempt *a = s->attempts + s->first + index;
    climb c = {.data = a->data, .levels = s->search->levels};
    mele_status status = make_climb(&c, error);
    double slope;

    (void)engine;
    a->info = (mele_i_lbfgs_info){.value = INFINITY};
    if (status == MELE_OK)
        status = set_start(&c, a->from, a->log, error);
    if (status == MELE_OK)
        status = climb_from(&c, a->log, &a->info, error);
    for (size_t j = 0; j < count_of(c.data); j++)
        a->log[j] = squash(range_of(&c, j), a->log[j], &slope);
    if (status == MELE_OK && s->first > 0)
        status = judge(&c, a, error);
    free_climb(&c);
    return status;
}

/* ---- what is searched ---- */

/* Starts beside the first are drawn from the middle of the priors. */
static void draw_start(const mele_i_gp_data *data, mele_i_stream *stream, double *out)
{
    for (size_t j = 0; j < count_of(data); j++) {
        const prior p = prior_of(data, j);
        out[j] = p.centre + p.spread * (2 * mele_i_stream_uniform(stream) - 1);
    }
}

static attempt attempt_of(const searching *s, const mele_i_gp_data *data, origin from, size_t index)
{
    const mele_i_gp_search *search = s->search;
    attempt a = {.data = data, .from = from, .log = s->log + index * count_of(search->data),
                 .errors = s->errors + index * search->levels->inner};

    if (from == FIXED && search->start != NULL && search->start_terms == data->terms) {
        memcpy(a.log, search->start, count_of(data) * sizeof *a.log);
        a.from = GIVEN;
    }
    return a;
}

static void set_attempts(searching *s)
{
    const mele_i_gp_search *search = s->search;
    const size_t restarts = search->restarts;
    mele_i_stream stream = search->stream;

    s->single = *search->data;
    s->single.terms = 1;
    s->attempts[0] = attempt_of(s, search->data, FIXED, 0);
    for (size_t i = 1; i < restarts; i++) {
        s->attempts[i] = attempt_of(s, search->data, GIVEN, i);
        draw_start(search->data, &stream, s->attempts[i].log);
    }
    s->attempts[restarts] = attempt_of(s, search->data, SMOOTH, restarts);
    for (size_t i = restarts + 1; i < s->count; i++)
        s->attempts[i] = attempt_of(s, &s->single, i == restarts + 1 ? FIXED : SMOOTH, i);
}

static mele_status make_searching(const mele_i_gp_search *search, searching *s, mele_error *error)
{
    *s = (searching){.search = search,
                     .count = search->restarts + (search->data->terms == 1 ? 1 : 3)};
    s->attempts = MELE_I_ARRAY(attempt, s->count);
    s->log = MELE_I_ARRAY(double, s->count * count_of(search->data));
    s->errors = MELE_I_ARRAY(double, s->count * search->levels->inner);
    if (s->attempts == NULL || s->log == NULL || s->errors == NULL)
        return mele_i_no_memory(error);
    set_attempts(s);
    return MELE_OK;
}

static void free_searching(searching *s)
{
    free(s->attempts);
    free(s->log);
    free(s->errors);
}

/* ---- the best ---- */

/* Whether numbers are larger than others by more than noise. */
static bool are_larger(const double *numbers, const double *others, size_t count, bool logs)
{
    double sum = 0, squares = 0;

    for (size_t i = 0; i < count; i++) {
        const double more = logs ? log(fmax(numbers[i], DBL_MIN)) - log(fmax(others[i], DBL_MIN))
                                 : numbers[i] - others[i];
        sum += more;
        squares += more * more;
    }
    return sum > 0 && sum * sum * (double)(count - 1) > squares * (double)count - sum * sum;
}

static bool loses_to(const attempt *a, const attempt *rival, size_t levels)
{
    return isfinite(rival->info.value)
           && (!isfinite(a->info.value) || are_larger(a->errors, rival->errors, levels, false)
               || are_larger(a->errors, rival->errors, levels, true));
}

static mele_status run_attempts(searching *s, size_t first, size_t count, mele_engine *engine,
                                mele_error *error)
{
    const mele_i_tasks tasks = {.count = count, .run = search_once, .context = s};

    s->first = first;
    return mele_i_tasks_run(engine, &tasks, error);
}

/* The restart with the largest density, judged if there are levels. */
static mele_status run_restarts(searching *s, mele_engine *engine, attempt **best,
                                mele_error *error)
{
    mele_status status = run_attempts(s, 0, s->search->restarts, engine, error);
    climb c = {.data = s->search->data, .levels = s->search->levels};

    *best = s->attempts;
    for (size_t i = 1; i < s->search->restarts && status == MELE_OK; i++)
        if (s->attempts[i].info.value < (*best)->info.value)
            *best = s->attempts + i;
    if (status != MELE_OK || c.levels->inner == 0)
        return status;
    status = make_climb(&c, error);
    if (status == MELE_OK)
        status = judge(&c, *best, error);
    free_climb(&c);
    return status;
}

mele_status mele_i_gp_search_run(const mele_i_gp_search *search, mele_engine *engine,
                                 size_t *terms, double *logs, mele_i_lbfgs_info *info,
                                 mele_error *error)
{
    const size_t inner = search->levels->inner;
    searching s;
    attempt *best = NULL;
    mele_status status = make_searching(search, &s, error);

    if (status == MELE_OK)
        status = run_restarts(&s, engine, &best, error);
    if (status == MELE_OK && inner > 0 && best->excess > SUSPECT) {
        const size_t first = search->restarts;
        status = run_attempts(&s, first, s.count - first, engine, error);
        for (size_t i = first; i < s.count && status == MELE_OK; i++)
            if (loses_to(best, s.attempts + i, inner))
                best = s.attempts + i;
    }
    if (status == MELE_OK) {
        *terms = best->data->terms;
        memcpy(logs, best->log, count_of(best->data) * sizeof *logs);
        *info = best->info;
    }
    free_searching(&s);
    return status;
}
