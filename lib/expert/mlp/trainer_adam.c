/* Adam (engine/adam.c) on mini-batches.
 *
 * Rows were put into a random order when they were dealt to groups of eight; each epoch takes the
 * groups in a new random order, in batches of a whole number of groups. Serial: two experts on
 * two threads take the time of one. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/adam.h"
#include "expert/mlp/trainers.h"

#define GROUP 8
#define PATIENCE 20

typedef struct descent {
    mele_i_training *training;
    mele_i_descent adam; /* x: the weights */
    size_t batch;        /* groups */
    size_t *order;
    void *memory;
    mele_i_mlp_panel panel;
} descent;

static mele_status make_descent(descent *s, mele_i_training *t, mele_error *error)
{
    const size_t groups = t->rows->groups;

    *s = (descent){.training = t};
    s->batch = t->batch / GROUP + (t->batch % GROUP != 0);
    if (s->batch > groups)
        s->batch = groups;
    s->order = MELE_I_ARRAY(size_t, groups);
    s->memory = mele_i_array(mele_i_mlp_panel_bytes(t->network), 1);
    if (s->order == NULL || s->memory == NULL)
        return mele_i_no_memory(error);
    mele_status status = mele_i_descent_make(mele_i_network_weights(t->network), t->rate, &s->adam, error);
    if (status != MELE_OK)
        return status;
    for (size_t g = 0; g < groups; g++)
        s->order[g] = g;
    memcpy(s->adam.x, t->weights, s->adam.count * sizeof *t->weights);
    mele_i_network_decays(t->network, t->decay, s->adam.decay);
    s->panel = mele_i_mlp_panel_in(t->network, s->memory);
    return MELE_OK;
}

static void free_descent(descent *s)
{
    free(s->order);
    mele_i_descent_clear(&s->adam);
    free(s->memory);
}

/* The gradient of the loss of `count` groups. */
static void learn_batch(descent *s, const size_t *group, size_t count)
{
    const mele_i_training *t = s->training;
    const size_t most = s->panel.network.rows / GROUP;
    double loss = 0;

    memset(s->adam.gradient, 0, s->adam.count * sizeof *s->adam.gradient);
    for (size_t g = 0; g < count; g += most) {
        const size_t some = count - g < most ? count - g : most;
        for (size_t i = 0; i < some; i++)
            mele_i_mlp_take(t->network, t->rows, group[g + i], &s->panel, i);
        mele_i_mlp_learn(t->network, &s->panel, some * GROUP, s->adam.x, &loss,
                         s->adam.gradient);
    }
}

/* The step from a gradient of `count` groups. */
static void take_step(descent *s, size_t count)
{
    const mele_i_training *t = s->training;
    const double share = (double)count / (double)t->rows->groups * t->rows->total;

    mele_i_descent_step(&s->adam, (t->network->classes ? 1 : 2) / share);
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

static mele_status run(descent *s, mele_i_watch *watch, mele_error *error)
{
    mele_i_training *t = s->training;
    const size_t steps = (t->rows->groups + s->batch - 1) / s->batch;
    const size_t epochs = mele_i_descent_epochs(steps, t->max_epochs);
    bool stop = false;
    mele_status status = MELE_OK;

    s->adam.steps = epochs * steps;
    for (t->epochs = 0; status == MELE_OK && t->epochs < epochs && !stop; t->epochs++) {
        run_epoch(s);
        status = mele_i_watch_look(watch, s->adam.x, PATIENCE, &stop, error);
    }
    if (status == MELE_OK)
        status = mele_i_watch_result(watch, s->adam.x, t, error);
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
