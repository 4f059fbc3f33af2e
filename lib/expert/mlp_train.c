/* Training of neural network experts: units, starts, early stopping, what is left out.
 *
 * Inputs and targets are standardised by the region's rows, weighted; no row counts as further than
 * 1e4 units of an input, or 1e6 of a target, from the mean (of weights that differ by many powers of
 * ten the deviation knows nothing). An input that is constant has zero weights and keeps them. The
 * objective is
 *     sum w loss / sum w + L / W sum v^2,
 * W the sum of the caller's weights, v the weights but biases, half of the last term for classes.
 *
 * A start draws the weights of a layer uniformly from +-sqrt(6 / (inputs + outputs of the layer))
 * (Glorot, Bengio 2010, AISTATS), or takes those of the expert to start from, written in the new
 * units; of small problems without decay it is the best of TRIES draws. Of `restarts` starts the best
 * `networks` are kept, and their outputs averaged.
 *
 * Early stopping: a random share of the rows is held out; trainers keep the weights with the least
 * loss there.
 *
 * Left-out predictions. With MANY rows a weight and more, regression corrects the residuals by the
 * mean leverage, y - f becomes (y - f) / (1 - P / n), which is generalised cross-validation and
 * then right to a share P / n; classes take two folds. With fewer rows there are options.folds
 * folds, dealt at random, by class, each fitted from scratch without them, starting from the random
 * weights that the networks kept had started from. n is (sum w)^2 / sum w^2.
 *
 * The variance of an expert is the weighted mean of its squared residuals: of the held-out rows
 * where there are any, else of left-out predictions; at least FLOOR times the target's variance in
 * these rows, ROUNDING times its magnitude squared, and the smallest normal double. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "expert/mlp_state.h"
#include "expert/trainers.h"
#include "measure/folds.h"

#define FLOOR 1e-8
#define ROUNDING 0x1p-40
#define MANY 50            /* rows a weight of the network */
#define FEW_FOLDS 2        /* of classes with many rows */
#define FURTHEST_INPUT 1e4 /* units */
#define FURTHEST_TARGET 1e6
#define MOST_DECAY 1e6     /* more is as good as infinite */

/* Which trainer there is by default, by the multiply-adds of an iteration: Levenberg-Marquardt ends
 * lowest and takes the longest, mini-batches the other way round. */
#define LM_WEIGHTS 500
#define LM_WORK 1e8   /* rows x weights^2 */
#define BFGS_WORK 1e7 /* rows x weights */
#define HOLDOUT_SHARE 0.1 /* for mini-batches, which have many rows */

/* Without decay there are many minima of very different depths: where it costs little, a start
 * tries more than one draw. */
#define TRIES 20
#define LITTLE_WORK 1e6

#define NO_FOLD SIZE_MAX

/* A column's units: numbers times power are safe to square. */
typedef struct standard {
    double power, centre, spread, largest; /* spread 0: constant */
} standard;

/* What is to be done, for all fits of an expert. */
typedef struct plan {
    const mele_i_expert_rows *rows;
    const mele_i_expert_shape *shape;
    const mele_expert_options *options;
    const mele_i_mlp *warm; /* NULL: nothing to start from */
    mele_i_network network;
    const mele_i_trainer *trainer;
    size_t weights;   /* of a network */
    size_t targets;   /* columns of y */
    double effective; /* rows */
    double decay, holdout;
    size_t starts, networks;
} plan;

/* The rows of one fit in its units. */
typedef struct sample {
    standard *of_x, *of_y;
    double *centre, *scale; /* of inputs, as mele_i_mlp has them */
    size_t count, held_count, *row; /* the held-out ones first */
    mele_i_network_rows rows, held;
} sample;

/* ---- units ---- */

/* Sums of columns, taken from chunks of rows. */
typedef struct column_sums {
    double *low, *high, *mean, *square; /* a column each */
    double total;                       /* of weights */
} column_sums;

enum { CHUNK = 64 };

/* Calls one of the kernels for all rows: sums and extremes, or squares. */
static void sum_columns(const plan *p, const double *values, size_t columns, const sample *s,
                        bool squares, double *chunk, const column_sums *c)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    double weight[CHUNK];

    for (size_t first = 0; first < s->count; first += CHUNK) {
        const size_t some = s->count - first < CHUNK ? s->count - first : CHUNK;
        for (size_t i = 0; i < some; i++) {
            const size_t row = s->row[first + i];
            memcpy(chunk + i * columns, values + row * columns, columns * sizeof *chunk);
            weight[i] = p->rows->weights[row];
        }
        if (squares)
            kernels->column_squares(chunk, columns, some, columns, weight, c->mean, c->square);
        else
            kernels->column_sums(chunk, columns, some, columns, weight, c->low, c->high, c->mean);
    }
}

/* The same sums of one column whose numbers are so large or small that they need another power. */
static void sum_extreme(const plan *p, const double *values, size_t columns, const sample *s,
                        standard *u, double total, double *square)
{
    const double *weights = p->rows->weights;

    for (size_t i = 0; i < s->count; i++)
        u->centre += weights[s->row[i]] / total * (values[s->row[i] * columns] * u->power);
    for (size_t i = 0; i < s->count; i++) {
        const double off = values[s->row[i] * columns] * u->power - u->centre;
        *square += weights[s->row[i]] * (off * off);
    }
}

static double largest_of(double a, double b)
{
    return a > b ? a : b;
}

/* From the extremes and the mean square. */
static void settle_standard(standard *u, double low, double high, double square, double furthest)
{
    const double above = high * u->power - u->centre, below = u->centre - low * u->power;

    u->spread = largest_of(sqrt(square), largest_of(above, below) / furthest);
    if (!(low < high) || !(u->spread > ROUNDING * (u->largest * u->power))) {
        u->spread = 0;
        u->centre = low < high ? u->centre : low * u->power;
    }
}

static mele_status standards_of(const plan *p, const double *values, size_t columns,
                                const sample *s, double furthest, standard *out,
                                mele_error *error)
{
    double *memory = MELE_I_ZEROED(double, (CHUNK + 4) * columns);
    column_sums c = {memory, memory + columns, memory + 2 * columns, memory + 3 * columns, 0};

    if (memory == NULL)
        return mele_i_no_memory(error);
    for (size_t j = 0; j < columns; j++)
        c.low[j] = c.high[j] = values[s->row[0] * columns + j];
    for (size_t i = 0; i < s->count; i++)
        c.total += p->rows->weights[s->row[i]];
    sum_columns(p, values, columns, s, false, memory + 4 * columns, &c);
    for (size_t j = 0; j < columns; j++) {
        const double largest = largest_of(fabs(c.low[j]), fabs(c.high[j]));
        out[j] = (standard){.power = mele_i_power_scale(largest), .largest = largest};
        c.mean[j] = out[j].power == 1 ? c.mean[j] / c.total : 0;
    }
    sum_columns(p, values, columns, s, true, memory + 4 * columns, &c);
    for (size_t j = 0; j < columns; j++) {
        out[j].centre = c.mean[j];
        if (out[j].power != 1) {
            c.square[j] = 0;
            sum_extreme(p, values + j, columns, s, &out[j], c.total, &c.square[j]);
        }
        settle_standard(&out[j], c.low[j], c.high[j], c.square[j] / c.total, furthest);
    }
    free(memory);
    return MELE_OK;
}

static double standardised(const standard *s, double value)
{
    return s->spread > 0 ? (value * s->power - s->centre) / s->spread : 0;
}

/* Units of inputs, which predictions use too. */
static void set_inputs(const plan *p, sample *s)
{
    for (size_t j = 0; j < p->network.inputs; j++) {
        const standard *u = &s->of_x[j];
        s->centre[j] = u->centre / u->power;
        s->scale[j] = largest_of(u->spread > 0 ? u->spread / u->power : u->largest, DBL_MIN);
    }
}

static void take_units(const plan *p, const sample *s, mele_i_mlp *mlp)
{
    memcpy(mlp->centre, s->centre, p->network.inputs * sizeof *s->centre);
    memcpy(mlp->scale, s->scale, p->network.inputs * sizeof *s->scale);
    for (size_t m = 0; m < p->network.outputs && !p->network.classes; m++) {
        const standard *u = &s->of_y[m];
        mlp->shift[m] = u->centre / u->power;
        mlp->unit[m] = largest_of(u->spread / u->power, DBL_MIN);
    }
}

/* ---- the rows of a fit ---- */

enum { FOR_SPLIT, FOR_FOLDS, FOR_START };

/* Streams: one a region, purpose, and number in it. */
static mele_i_stream stream_of(const plan *p, uint64_t what, uint64_t number)
{
    return mele_i_stream_make(p->options->seed, MELE_I_FOR_EXPERTS, p->options->fold,
                              (what << 56) + (number << 32) + p->rows->region);
}

static void free_sample(sample *s)
{
    free(s->of_x);
    free(s->of_y);
    free(s->centre);
    free(s->scale);
    free(s->row);
    mele_i_network_rows_free(&s->rows);
    mele_i_network_rows_free(&s->held);
}

/* The i-th group's rows. */
static void deal_group(const plan *p, const sample *s, const size_t *row, size_t count, double *x,
                       double *y, double *weight)
{
    const size_t d = p->network.inputs, targets = p->targets;

    for (size_t i = 0; i < count; i++) {
        const double *from = p->rows->y + row[i] * targets;
        memcpy(x + i * d, p->rows->x + row[i] * d, d * sizeof *x);
        for (size_t m = 0; m < targets; m++)
            y[i * targets + m] = p->network.classes ? from[m] : standardised(&s->of_y[m], from[m]);
        weight[i] = p->rows->weights[row[i]];
    }
    mele_i_kernels_best()->standardise(x, d, count, d, s->centre, s->scale, s->centre, x);
}

static mele_status deal(const plan *p, const sample *s, const size_t *row, size_t count,
                        mele_i_network_rows *rows, mele_error *error)
{
    enum { GROUP = 8 };
    const size_t d = p->network.inputs;
    double *x = MELE_I_ARRAY(double, GROUP * (d + p->targets)), weight[GROUP];
    mele_status status = mele_i_network_rows_make(rows, &p->network, count, error);

    if (x == NULL && status == MELE_OK)
        status = mele_i_no_memory(error);
    for (size_t g = 0; g < rows->groups && status == MELE_OK; g++) {
        const size_t some = count - g * GROUP < GROUP ? count - g * GROUP : GROUP;
        deal_group(p, s, row + g * GROUP, some, x, x + GROUP * d, weight);
        mele_i_network_rows_put(rows, &p->network, g, x, x + GROUP * d, weight, some);
    }
    free(x);
    return status;
}

/* The rows that are not in a fold, in a random order where it matters, in units of their own. */
static mele_status make_sample(const plan *p, const size_t *fold, size_t without, sample *s,
                               mele_error *error)
{
    const size_t d = p->network.inputs;
    mele_i_stream stream = stream_of(p, FOR_SPLIT, without + 1);

    *s = (sample){.of_x = MELE_I_ARRAY(standard, d), .of_y = MELE_I_ARRAY(standard, p->targets),
                  .centre = MELE_I_ARRAY(double, d), .scale = MELE_I_ARRAY(double, d),
                  .row = MELE_I_ARRAY(size_t, p->rows->count)};
    if (s->of_x == NULL || s->of_y == NULL || s->centre == NULL || s->scale == NULL
        || s->row == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < p->rows->count; i++)
        if (fold == NULL || fold[i] != without)
            s->row[s->count++] = i;
    s->held_count = (size_t)(p->holdout * (double)s->count);
    mele_status status = standards_of(p, p->rows->x, d, s, FURTHEST_INPUT, s->of_x, error);
    if (status == MELE_OK && !p->network.classes)
        status = standards_of(p, p->rows->y, p->targets, s, FURTHEST_TARGET, s->of_y, error);
    if (status != MELE_OK)
        return status;
    set_inputs(p, s);
    if (s->held_count > 0 || p->trainer == &mele_i_trainer_adam)
        mele_i_stream_shuffle(&stream, s->row, s->count);
    status = deal(p, s, s->row + s->held_count, s->count - s->held_count, &s->rows, error);
    if (status == MELE_OK && s->held_count > 0)
        status = deal(p, s, s->row, s->held_count, &s->held, error);
    return status;
}

/* ---- starts ---- */

static void draw(mele_i_stream *stream, size_t units, size_t inputs, double *weights)
{
    const double bound = sqrt(6 / (double)(inputs + units));

    for (size_t i = 0; i < units * (inputs + 1); i++)
        weights[i] = bound * (2 * mele_i_stream_uniform(stream) - 1);
}

/* Inputs that do not vary have no say. */
static void draw_start(const plan *p, const sample *s, mele_i_stream *stream, double *weights)
{
    const mele_i_network *n = &p->network;
    double *output = weights + n->hidden * (n->inputs + 1);

    draw(stream, n->hidden, n->inputs, weights);
    for (size_t h = 0; h < n->hidden; h++)
        for (size_t j = 0; j < n->inputs; j++)
            if (s->of_x[j].spread == 0)
                weights[h * (n->inputs + 1) + 1 + j] = 0;
    draw(stream, n->outputs, n->hidden, output);
    for (size_t m = 0; m < n->outputs; m++)
        output[m * (n->hidden + 1)] = 0;
}

/* The weights of a network of the expert to start from, in this sample's units; false where they
 * are not finite. */
static bool warm_start(const plan *p, const sample *s, const double *from, double *weights)
{
    const mele_i_network *n = &p->network;
    const size_t d = n->inputs, at = n->hidden * (d + 1);
    mele_i_mlp to = *p->warm;
    bool finite = true;

    memcpy(weights, from, p->weights * sizeof *weights);
    for (size_t j = 0; j < d; j++) {
        const standard *u = &s->of_x[j];
        const double ratio = u->spread / u->power / to.scale[j];
        const double off = (u->centre / u->power - to.centre[j]) / to.scale[j];
        for (size_t h = 0; h < n->hidden; h++) {
            double *w = weights + h * (d + 1);
            w[0] += w[1 + j] * off;
            w[1 + j] *= ratio;
        }
    }
    for (size_t m = 0; m < n->outputs && !n->classes; m++) {
        const standard *u = &s->of_y[m];
        double *v = weights + at + m * (n->hidden + 1);
        const double unit = u->spread / u->power;
        v[0] = (v[0] * to.unit[m] + to.shift[m] - u->centre / u->power) / unit;
        for (size_t h = 1; h <= n->hidden; h++)
            v[h] *= to.unit[m] / unit;
    }
    for (size_t i = 0; i < p->weights; i++)
        finite = finite && isfinite(weights[i]);
    return finite;
}

/* What needs no training: the mean, or the classes' shares (as of one more row of each). */
static void constant(const plan *p, const sample *s, double *weights)
{
    const mele_i_network *n = &p->network;
    double *output = weights + n->hidden * (n->inputs + 1);

    memset(weights, 0, p->weights * sizeof *weights);
    if (!n->classes)
        return;
    for (size_t c = 0; c < n->outputs; c++) {
        double sum = 1;
        for (size_t i = 0; i < s->count; i++)
            if ((size_t)p->rows->y[s->row[i]] == c)
                sum += p->rows->weights[s->row[i]];
        output[c * (n->hidden + 1)] = log(sum);
    }
}

static bool is_constant(const plan *p, const sample *s)
{
    for (size_t m = 0; m < p->targets; m++)
        if (p->network.classes || s->of_y[m].spread > 0)
            return s->rows.count < 2;
    return true;
}

/* One training run: weights (P), how it went, and what it is judged by. */
typedef struct run {
    double *weights, judged;
    size_t epochs, start;
    bool converged;
} run;

/* What the random weights of a start become, or those of the expert to start from; the run's weights
 * are theirs if they are judged better. */
static mele_status try_weights(const plan *p, const sample *s, const double *from,
                               mele_i_stream *stream, double *trial, mele_engine *engine, run *r,
                               mele_error *error)
{
    mele_i_training t = {.network = &p->network, .rows = &s->rows,
                         .held = s->held_count > 0 ? &s->held : NULL, .decay = p->decay,
                         .max_epochs = p->options->max_epochs, .batch = p->options->batch,
                         .rate = p->options->rate, .engine = engine, .weights = trial};

    if (from == NULL || !warm_start(p, s, from, trial))
        draw_start(p, s, stream, trial);
    t.stream = *stream;
    mele_status status = p->trainer->train(&t, error);
    *stream = t.stream;
    const double judged = s->held_count > 0 ? t.loss : t.value;
    if (status == MELE_EDATA || (status == MELE_OK && !isfinite(judged)))
        return MELE_OK;
    if (status == MELE_OK && judged < r->judged) {
        memcpy(r->weights, trial, p->weights * sizeof *trial);
        r->judged = judged;
        r->epochs = t.epochs;
        r->converged = t.converged;
    }
    return status;
}

/* Random weights that a start tries. */
static size_t tries_of(const plan *p, const sample *s)
{
    const double weights = (double)p->weights;

    return p->decay == 0 && s->held_count == 0
                   && (double)p->rows->count * weights * weights <= LITTLE_WORK
               ? TRIES
               : 1;
}

static mele_status train_start(const plan *p, const sample *s, size_t start, bool warm,
                               mele_engine *engine, run *r, mele_error *error)
{
    mele_i_stream stream = stream_of(p, FOR_START, start);
    const bool has_warm = warm && p->warm != NULL && start < p->warm->networks;
    const double *from = has_warm ? p->warm->weights + start * p->weights : NULL;

    r->start = start;
    r->epochs = 0;
    r->judged = INFINITY;
    r->converged = is_constant(p, s);
    constant(p, s, r->weights);
    if (r->converged)
        return MELE_OK;
    double *trial = MELE_I_ARRAY(double, p->weights);
    mele_status status = trial == NULL ? mele_i_no_memory(error) : MELE_OK;
    for (size_t i = 0; i < (from != NULL ? 1 : tries_of(p, s)) && status == MELE_OK; i++)
        status = try_weights(p, s, from, &stream, trial, engine, r, error);
    free(trial);
    return status;
}

/* ---- the networks of an expert ---- */

typedef struct starting {
    const plan *plan;
    const sample *sample;
    run *runs; /* starts */
} starting;

static mele_status run_start(void *context, size_t start, mele_engine *engine, mele_error *error)
{
    const starting *s = context;

    return train_start(s->plan, s->sample, start, true, engine, &s->runs[start], error);
}

static int by_judgement(const void *a, const void *b)
{
    const run *p = a, *q = b;

    if (p->judged != q->judged)
        return p->judged < q->judged ? -1 : 1;
    return (p->start > q->start) - (p->start < q->start);
}

/* All starts, the best first. */
static mele_status run_starts(const plan *p, const sample *s, run *runs, mele_engine *engine,
                              mele_error *error)
{
    starting all = {p, s, runs};
    const mele_i_tasks tasks = {.count = p->starts, .run = run_start, .context = &all};
    mele_status status = mele_i_tasks_run(engine, &tasks, error);

    if (status == MELE_OK)
        qsort(runs, p->starts, sizeof *runs, by_judgement);
    return status;
}

/* ---- predictions of the rows ---- */

typedef struct predicting {
    const plan *plan;
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
    mele_i_mlp_predict(q->mlp, q->plan->rows->x + block.first * d, d, block.count,
                       q->out + block.first * M, M, scratch);
    return MELE_OK;
}

static mele_status predict_rows(const plan *p, const mele_i_mlp *mlp, double *out,
                                mele_engine *engine, mele_error *error)
{
    predicting q = {p, mlp, out};
    const mele_i_pass pass = {.rows = p->rows->count, .map = predict_block, .context = &q,
                              .block_rows = mele_i_block_rows(mlp->networks * mlp->count, 1 << 20,
                                                              64),
                              .scratch_bytes = mele_i_mlp_scratch(mlp)};

    return mele_i_pass_run(engine, &pass, error);
}

/* ---- folds ---- */

typedef struct folding {
    const plan *plan;
    const run *runs; /* the networks kept */
    const size_t *fold;
    double *out; /* count x M */
} folding;

static mele_status predict_fold(const folding *f, size_t fold, const mele_i_mlp *mlp,
                                mele_error *error)
{
    const size_t d = f->plan->network.inputs, M = f->plan->network.outputs;
    void *scratch = mele_i_array(mele_i_mlp_scratch(mlp), 1);

    if (scratch == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < f->plan->rows->count; i++)
        if (f->fold[i] == fold)
            mele_i_mlp_predict(mlp, f->plan->rows->x + i * d, d, 1, f->out + i * M, M, scratch);
    free(scratch);
    return MELE_OK;
}

static mele_status run_fold(void *context, size_t fold, mele_engine *engine, mele_error *error)
{
    const folding *f = context;
    const plan *p = f->plan;
    mele_i_mlp *mlp = mele_i_mlp_make(&p->network, p->networks);
    sample s = {.count = 0};
    mele_status status = mlp == NULL ? mele_i_no_memory(error)
                                     : make_sample(p, f->fold, fold, &s, error);

    for (size_t q = 0; q < p->networks && status == MELE_OK; q++) {
        run r = {.weights = mlp->weights + q * p->weights};
        status = train_start(p, &s, f->runs[q].start, false, engine, &r, error);
    }
    if (status == MELE_OK) {
        take_units(p, &s, mlp);
        status = predict_fold(f, fold, mlp, error);
    }
    free_sample(&s);
    mele_i_mlp_free(mlp);
    return status;
}

/* Out-of-fold predictions of all rows. */
static mele_status run_folds(const plan *p, const run *runs, size_t folds, double *out,
                             mele_engine *engine, mele_error *error)
{
    mele_i_stream stream = stream_of(p, FOR_FOLDS, 0);
    size_t *fold = MELE_I_ARRAY(size_t, p->rows->count);
    folding f = {p, runs, fold, out};
    mele_i_tasks tasks = {.count = folds < p->rows->count ? folds : p->rows->count,
                          .run = run_fold, .context = &f};
    mele_status status = fold == NULL ? mele_i_no_memory(error) : MELE_OK;

    if (tasks.count < 2) /* one row: what it says itself */
        tasks.count = 0;
    if (status == MELE_OK && tasks.count > 0)
        status = mele_i_folds(p->rows->count, NULL, p->network.classes ? p->rows->y : NULL,
                              tasks.count, &stream, fold, error);
    if (status == MELE_OK)
        status = mele_i_tasks_run(engine, &tasks, error);
    free(fold);
    return status;
}

/* ---- errors ---- */

/* The weighted mean of squared errors of target m; held NULL: of all rows. */
static double square_error(const plan *p, const double *predicted, size_t m, const size_t *row,
                           size_t count, double power)
{
    const size_t M = p->network.outputs;
    double sum = 0, total = 0;

    for (size_t i = 0; i < count; i++) {
        const size_t at = row == NULL ? i : row[i];
        const double off = power * predicted[at * M + m] - power * p->rows->y[at * M + m];
        sum += p->rows->weights[at] * (off * off);
        total += p->rows->weights[at];
    }
    return sum / total;
}

/* Training error or that of left-out predictions, as mele_expert_info has them. */
static double error_of(const plan *p, const sample *s, const double *predicted)
{
    const size_t M = p->network.outputs;
    double sum = 0, total = 0;

    for (size_t i = 0; i < p->rows->count && p->network.classes; i++) {
        sum -= p->rows->weights[i] * predicted[i * M + (size_t)p->rows->y[i]];
        total += p->rows->weights[i];
    }
    for (size_t m = 0; m < M && !p->network.classes; m++) {
        const double power = s->of_y[m].power;
        total += 1;
        sum += square_error(p, predicted, m, NULL, p->rows->count, power) / power / power;
    }
    return mele_i_finite(sum / total);
}

/* From predictions of rows that were not trained on (row NULL: all). */
static void set_variances(const plan *p, const sample *s, const double *predicted,
                          const size_t *row, size_t count, double *variance)
{
    for (size_t m = 0; m < p->network.outputs; m++) {
        const standard *u = &s->of_y[m];
        const double largest = u->largest * u->power;
        double square = square_error(p, predicted, m, row, count, u->power);
        square = fmax(square, fmax(FLOOR * u->spread * u->spread, ROUNDING * largest * largest));
        variance[m] = mele_i_finite(fmax(square / u->power / u->power, DBL_MIN));
    }
}

/* Fitted values become left-out ones, by the mean leverage. */
static void correct(const plan *p, const sample *s, double *predicted)
{
    const size_t M = p->network.outputs;
    const double rest = 1 - (double)p->weights / p->effective;

    for (size_t i = 0; i < p->rows->count; i++)
        for (size_t m = 0; m < M; m++) {
            const double power = s->of_y[m].power, y = p->rows->y[i * M + m];
            const double off = power * predicted[i * M + m] - power * y;
            predicted[i * M + m] = mele_i_finite((power * y + off / rest) / power);
        }
}

/* ---- the expert ---- */

static const mele_i_trainer *trainer_of(const plan *p)
{
    const double rows = (double)p->rows->count, weights = (double)p->weights;
    const mele_i_trainer *asked = p->options->trainer == NULL
                                      ? NULL
                                      : mele_i_trainer_named(p->options->trainer);

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

static double decay_of(const plan *p, double rows)
{
    const double decay = p->options->ridge / rows * (p->network.classes ? 0.5 : 1);

    return decay <= MOST_DECAY ? decay : MOST_DECAY;
}

static bool many_rows(const plan *p)
{
    return p->effective >= MANY * (double)p->weights;
}

static mele_status make_plan(plan *p, const mele_i_expert *expert, mele_error *error)
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
    mele_i_mlp_activation(o->activation, &p->network.activation);
    p->weights = mele_i_network_weights(&p->network);
    if (p->weights > SIZE_MAX / 64)
        return mele_i_no_memory(error);
    if (warm != NULL && (warm->network.hidden != p->network.hidden
                         || warm->network.activation != p->network.activation))
        p->warm = NULL;
    p->trainer = trainer_of(p);
    p->decay = decay_of(p, expert->rows);
    p->networks = o->networks > 0 ? o->networks : 1;
    p->starts = o->restarts > p->networks ? o->restarts : p->networks;
    p->holdout = o->holdout >= 0 ? o->holdout
                 : p->trainer == &mele_i_trainer_adam ? HOLDOUT_SHARE : 0;
    return MELE_OK;
}

/* Left-out predictions where they are wanted or the variance needs them, to `predicted`, which
 * holds the fitted ones. */
static mele_status leave_out(const plan *p, const sample *s, const run *runs, double *predicted,
                             mele_engine *engine, mele_i_expert_result *result, mele_error *error)
{
    const bool classes = p->network.classes, many = many_rows(p);
    mele_status status = MELE_OK;

    if (s->held_count > 0 && !classes)
        set_variances(p, s, predicted, s->row, s->held_count, result->expert->variance);
    if (result->left_out == NULL && (classes || s->held_count > 0))
        return MELE_OK;
    if (many && !classes)
        correct(p, s, predicted);
    else
        status = run_folds(p, runs, many ? FEW_FOLDS : p->options->folds, predicted, engine, error);
    if (status != MELE_OK)
        return status;
    if (s->held_count == 0 && !classes)
        set_variances(p, s, predicted, NULL, p->rows->count, result->expert->variance);
    result->info->left_out = error_of(p, s, predicted);
    return MELE_OK;
}

static void give_left_out(const plan *p, const double *predicted, mele_i_expert_result *result)
{
    const size_t M = p->network.outputs, count = p->rows->count;

    if (result->left_out != NULL)
        memcpy(result->left_out, predicted, count * M * sizeof *predicted);
    for (size_t i = 0; i < count && result->left_out_variance != NULL; i++)
        memcpy(result->left_out_variance + i * M, result->expert->variance, M * sizeof(double));
}

static void give_expert(const plan *p, const run *runs, mele_i_mlp *mlp,
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

static mele_status fit(const plan *p, run *runs, const sample *s, mele_i_mlp *mlp,
                       mele_engine *engine, mele_i_expert_result *result, mele_error *error)
{
    double *predicted = MELE_I_ARRAY(double, p->rows->count * p->network.outputs);
    mele_status status = predicted == NULL ? mele_i_no_memory(error)
                                           : run_starts(p, s, runs, engine, error);

    if (status == MELE_OK) {
        for (size_t q = 0; q < p->networks; q++)
            memcpy(mlp->weights + q * p->weights, runs[q].weights,
                   p->weights * sizeof *mlp->weights);
        take_units(p, s, mlp);
        mlp->trainer = p->trainer->name;
        status = predict_rows(p, mlp, predicted, engine, error);
    }
    if (status == MELE_OK) {
        result->info->error = error_of(p, s, predicted);
        result->info->left_out = NAN;
        status = leave_out(p, s, runs, predicted, engine, result, error);
    }
    if (status == MELE_OK) {
        give_left_out(p, predicted, result);
        give_expert(p, runs, mlp, result);
    }
    free(predicted);
    return status;
}

mele_status mele_i_mlp_train(const mele_i_expert_rows *rows, const mele_i_expert_shape *shape,
                             const mele_expert_options *options, const mele_i_expert *start,
                             mele_engine *engine, mele_i_expert_result *result, mele_error *error)
{
    plan p = {.rows = rows, .shape = shape, .options = options,
              .warm = start == NULL ? NULL : start->state};
    sample s = {.count = 0};
    mele_i_mlp *mlp = NULL;
    run *runs = NULL;
    double *weights = NULL;
    mele_status status = make_plan(&p, result->expert, error);

    if (status != MELE_OK)
        return status;
    runs = MELE_I_ZEROED(run, p.starts);
    weights = MELE_I_ZEROED(double, p.starts * p.weights);
    mlp = mele_i_mlp_make(&p.network, p.networks);
    if (runs == NULL || weights == NULL || mlp == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    for (size_t i = 0; i < p.starts; i++)
        runs[i].weights = weights + i * p.weights;
    status = make_sample(&p, NULL, NO_FOLD, &s, error);
    if (status == MELE_OK)
        status = fit(&p, runs, &s, mlp, engine, result, error);

cleanup:
    if (status != MELE_OK)
        mele_i_mlp_free(mlp);
    free_sample(&s);
    free(weights);
    free(runs);
    return status;
}
