/* Adam: steps along gradients of mini-batches, divided by the root of their mean squares.
 *
 * Rows were put into a random order when they were dealt to groups of eight; each epoch takes the
 * groups in a new random order, in batches of a whole number of groups. The step size falls
 * linearly from `rate` to 0 over the epochs, which replaces an average of the last iterates: where
 * it ends is below the noise of any constant step (measured on two smooth functions of 16 inputs, 1e5
 * rows: after 6 epochs the test error that 20 epochs of a constant 1e-3 lead to). Squares are
 * averaged over 100 steps, not 1000: with few epochs that is better by a third. Serial: two experts on
 * two threads take the time of one.
 * Source: Kingma, Ba 2015, ICLR (arXiv:1412.6980). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "expert/mlp/trainers.h"

#define GROUP 8
#define EPOCHS 30     /* its own number of epochs, */
#define STEPS 10000   /* or as many as give so many steps, */
#define MOST_EPOCHS 2000 /* but not more */
#define PATIENCE 20
#define MEAN_SHARE 0.1
#define SQUARE_SHARE 0.01
#define FLOOR 1e-8

typedef struct descent {
    mele_i_training *training;
    size_t count, padded; /* weights */
    size_t batch;         /* groups */
    size_t steps, step;   /* of all epochs; taken */
    size_t *order;
    double *weights, *gradient, *decays, *mean, *square; /* padded */
    void *memory;
    mele_i_mlp_panel panel;
} descent;

static mele_status make_descent(descent *s, mele_i_training *t, mele_error *error)
{
    const size_t groups = t->rows->groups;

    *s = (descent){.training = t, .count = mele_i_network_weights(t->network)};
    s->padded = (s->count + GROUP - 1) / GROUP * GROUP;
    s->batch = t->batch / GROUP + (t->batch % GROUP != 0);
    if (s->batch > groups)
        s->batch = groups;
    s->order = MELE_I_ARRAY(size_t, groups);
    s->weights = MELE_I_ZEROED(double, 5 * s->padded);
    s->memory = mele_i_array(mele_i_mlp_panel_bytes(t->network), 1);
    if (s->order == NULL || s->weights == NULL || s->memory == NULL)
        return mele_i_no_memory(error);
    for (size_t g = 0; g < groups; g++)
        s->order[g] = g;
    s->gradient = s->weights + s->padded;
    s->decays = s->gradient + s->padded;
    s->mean = s->decays + s->padded;
    s->square = s->mean + s->padded;
    memcpy(s->weights, t->weights, s->count * sizeof *s->weights);
    mele_i_network_decays(t->network, t->decay, s->decays);
    s->panel = mele_i_mlp_panel_in(t->network, s->memory);
    return MELE_OK;
}

static void free_descent(descent *s)
{
    free(s->order);
    free(s->weights);
    free(s->memory);
}

/* The gradient of the loss of `count` groups. */
static void learn_batch(descent *s, const size_t *group, size_t count)
{
    const mele_i_training *t = s->training;
    const size_t most = s->panel.network.rows / GROUP;
    double loss = 0;

    memset(s->gradient, 0, s->count * sizeof *s->gradient);
    for (size_t g = 0; g < count; g += most) {
        const size_t some = count - g < most ? count - g : most;
        for (size_t i = 0; i < some; i++)
            mele_i_mlp_take(t->network, t->rows, group[g + i], &s->panel, i);
        mele_i_mlp_learn(t->network, &s->panel, some * GROUP, s->weights, &loss, s->gradient);
    }
}

/* The step from a gradient of `count` groups; means start at 0, which is corrected. */
static void take_step(descent *s, size_t count)
{
    const mele_i_training *t = s->training;
    const double share = (double)count / (double)t->rows->groups * t->rows->total;
    const double left = 1 - (double)s->step / (double)s->steps, age = (double)++s->step;
    const double mean = 1 - pow(1 - MEAN_SHARE, age), square = 1 - pow(1 - SQUARE_SHARE, age);
    const mele_i_adam step = {.scale = (t->network->classes ? 1 : 2) / share,
                              .mean_share = MEAN_SHARE, .square_share = SQUARE_SHARE,
                              .size = t->rate * left * sqrt(square) / mean, .floor = FLOOR};

    mele_i_kernels_best()->adam(&step, s->padded, s->gradient, s->decays, s->weights, s->mean,
                                s->square);
}

static void run_epoch(descent *s)
{
    const size_t groups = s->training->rows->groups;

    mele_i_stream_shuffle(&s->training->stream, s->order, groups);
    for (size_t g = 0; g < groups; g += s->batch) {
        const size_t count = groups - g < s->batch ? groups - g : s->batch;
        learn_batch(s, s->order + g, count);
        take_step(s, count);
    }
}

static size_t epochs_of(const mele_i_training *t, size_t steps)
{
    size_t epochs = (STEPS + steps - 1) / steps;

    epochs = epochs < EPOCHS ? EPOCHS : epochs > MOST_EPOCHS ? MOST_EPOCHS : epochs;
    return t->max_epochs > 0 ? t->max_epochs : epochs;
}

static mele_status run(descent *s, mele_i_watch *watch, mele_error *error)
{
    mele_i_training *t = s->training;
    const size_t steps = (t->rows->groups + s->batch - 1) / s->batch;
    const size_t epochs = epochs_of(t, steps);
    bool stop = false;
    mele_status status = MELE_OK;

    s->steps = epochs * steps;
    for (t->epochs = 0; status == MELE_OK && t->epochs < epochs && !stop; t->epochs++) {
        run_epoch(s);
        status = mele_i_watch_look(watch, s->weights, PATIENCE, &stop, error);
    }
    if (status == MELE_OK)
        status = mele_i_watch_result(watch, s->weights, t, error);
    t->converged = true; /* its schedule ends where it ends */
    return status;
}

static mele_status train(mele_i_training *t, mele_error *error)
{
    descent s = {.training = NULL};
    mele_i_watch watch;
    mele_status status = mele_i_watch_make(&watch, t, error);

    if (status == MELE_OK)
        status = make_descent(&s, t, error);
    if (status == MELE_OK)
        status = run(&s, &watch, error);
    mele_i_watch_free(&watch);
    free_descent(&s);
    return status;
}

const mele_i_trainer mele_i_trainer_adam = {"adam", true, (size_t)1 << 40, train};
