/* What networks start from, and their training from there: random weights, or those of another
 * expert. train.c tells why. */
#include "expert/mlp/starts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/pass.h"

/* Without decay there are many minima of very different depths: where it costs little, a start
 * tries more than one draw. */
#define TRIES 20
#define LITTLE_WORK 1e6

/* Of a unit: its bias and the weights of inputs that are not constant, of which `last` is the last,
 * to their places, which are further on; inputs that are constant get 0, and change no draw. */
static void spread_draw(const mele_i_network *n, const mele_i_mlp_sample *s, const double *last,
                        double *out)
{
    for (size_t j = n->inputs; j-- > 0;)
        out[1 + j] = s->of_x[j].spread > 0 ? *last-- : 0;
    out[0] = *last;
}

void mele_i_mlp_draw_start(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s,
                           mele_i_stream *stream, double *weights)
{
    const mele_i_network *n = &p->network;
    double *output = weights + n->hidden * (n->inputs + 1);
    size_t present = 0;

    for (size_t j = 0; j < n->inputs; j++)
        present += s->of_x[j].spread > 0;
    mele_i_network_draw(stream, n->hidden, present, weights);
    for (size_t h = n->hidden; h-- > 0;)
        spread_draw(n, s, weights + h * (present + 1) + present, weights + h * (n->inputs + 1));
    mele_i_network_draw(stream, n->outputs, n->hidden, output);
    for (size_t m = 0; m < n->outputs; m++)
        output[m * (n->hidden + 1)] = 0;
}

bool mele_i_mlp_warm_start(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s, const double *from,
                           double *weights)
{
    const mele_i_network *n = &p->network;
    const size_t d = n->inputs, at = n->hidden * (d + 1);
    mele_i_mlp to = *p->warm;
    bool finite = true;

    memcpy(weights, from, p->weights * sizeof *weights);
    for (size_t j = 0; j < d; j++) {
        const mele_i_units *u = &s->of_x[j];
        const double ratio = u->spread / u->power / to.scale[j];
        const double off = (u->centre / u->power - to.centre[j]) / to.scale[j];
        for (size_t h = 0; h < n->hidden; h++) {
            double *w = weights + h * (d + 1);
            w[0] += w[1 + j] * off;
            w[1 + j] *= ratio;
        }
    }
    for (size_t m = 0; m < n->outputs && !n->classes; m++) {
        const mele_i_units *u = &s->of_y[m];
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
static void constant(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s, double *weights)
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

static bool is_constant(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s)
{
    for (size_t m = 0; m < p->targets; m++)
        if (p->network.classes || s->of_y[m].spread > 0)
            return s->rows.count < 2;
    return true;
}

/* Where tries begin: at the weights of the expert to start from, or (NULL) at random ones. */
typedef struct tries {
    const double *from;
    mele_i_stream stream;
    double *trial; /* room for weights */
} tries;

/* What the weights of a try become; the run's weights are theirs if they are judged better. */
static mele_status try_weights(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s, tries *all,
                               mele_engine *engine, mele_i_mlp_run *r, mele_error *error)
{
    double *trial = all->trial;
    mele_i_training t = {.network = &p->network,
                         .rows = &s->rows,
                         .validation = s->validation_count > 0 ? &s->validation : NULL,
                         .decay = p->decay,
                         .max_epochs = p->options->max_epochs,
                         .batch = p->options->batch,
                         .rate = p->options->rate,
                         .engine = engine,
                         .weights = trial};

    if (all->from == NULL || !mele_i_mlp_warm_start(p, s, all->from, trial))
        mele_i_mlp_draw_start(p, s, &all->stream, trial);
    t.stream = all->stream;
    mele_status status = p->trainer->train(&t, error);
    all->stream = t.stream;
    const double judged = s->validation_count > 0 ? t.loss : t.value;
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
static size_t tries_of(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s)
{
    const double weights = (double)p->weights;

    return p->decay == 0 && s->validation_count == 0
                   && (double)p->rows->count * weights * weights <= LITTLE_WORK
               ? TRIES
               : 1;
}

mele_status mele_i_mlp_train_start(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s,
                                   size_t start, bool warm, mele_engine *engine, mele_i_mlp_run *r,
                                   mele_error *error)
{
    const bool has_warm = warm && p->warm != NULL && start < p->warm->networks;
    tries all = {.from = has_warm ? p->warm->weights + start * p->weights : NULL,
                 .stream = mele_i_mlp_stream(p, MELE_I_MLP_FOR_START, start)};

    r->start = start;
    r->epochs = 0;
    r->judged = INFINITY;
    r->converged = is_constant(p, s);
    constant(p, s, r->weights);
    if (r->converged)
        return MELE_OK;
    all.trial = MELE_I_ARRAY(double, p->weights);
    mele_status status = all.trial == NULL ? mele_i_no_memory(error) : MELE_OK;
    for (size_t i = 0; i < (has_warm ? 1 : tries_of(p, s)) && status == MELE_OK; i++)
        status = try_weights(p, s, &all, engine, r, error);
    free(all.trial);
    return status;
}

/* ---- the networks of an expert ---- */

typedef struct starting {
    const mele_i_mlp_plan *plan;
    const mele_i_mlp_sample *sample;
    mele_i_mlp_run *runs; /* starts */
} starting;

static mele_status run_start(void *context, size_t start, mele_engine *engine, mele_error *error)
{
    const starting *s = context;

    return mele_i_mlp_train_start(s->plan, s->sample, start, true, engine, &s->runs[start], error);
}

static int by_judgement(const void *a, const void *b)
{
    const mele_i_mlp_run *p = a, *q = b;

    if (p->judged != q->judged)
        return p->judged < q->judged ? -1 : 1;
    return (p->start > q->start) - (p->start < q->start);
}

mele_status mele_i_mlp_run_starts(const mele_i_mlp_plan *p, const mele_i_mlp_sample *s,
                                  mele_i_mlp_run *runs, mele_engine *engine, mele_error *error)
{
    starting all = {p, s, runs};
    const mele_i_tasks tasks = {.count = p->starts, .run = run_start, .context = &all};
    mele_status status = mele_i_tasks_run(engine, &tasks, error);

    if (status == MELE_OK)
        qsort(runs, p->starts, sizeof *runs, by_judgement);
    return status;
}
