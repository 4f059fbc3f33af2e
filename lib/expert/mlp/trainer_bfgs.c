/* The limited-memory quasi-Newton method (engine/lbfgs.h) on the gradient over all rows, which is a
 * pass. With validation rows it stops when their loss has not fallen for a while. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/lbfgs.h"
#include "expert/mlp/trainers.h"

#define PAIRS 20
#define ITERATIONS 1000
#define PATIENCE 30
#define TOLERANCE 1e-6 /* of the gradient: the loss of standardised targets is about 1 at first */

typedef struct quest {
    mele_i_training *training;
    mele_i_watch watch;
    double *tried; /* the weights asked for last */
    size_t count, iterations;
    bool stopped;
} quest;

static mele_status objective(void *context, const double *x, double *value, double *gradient,
                             mele_error *error)
{
    quest *q = context;
    const mele_i_training *t = q->training;

    memcpy(q->tried, x, q->count * sizeof *x);
    return mele_i_network_objective(t->network, t->rows, t->decay, x, t->engine,
                                    &(mele_i_network_result){value, gradient}, error);
}

/* The weights of an iteration are those that were tried last. */
static mele_status tell(void *context, size_t iteration, double value, mele_error *error)
{
    quest *q = context;

    (void)value;
    q->iterations = iteration;
    mele_status status = mele_i_watch_look(&q->watch, q->tried, PATIENCE, &q->stopped, error);
    return status == MELE_OK && q->stopped ? MELE_ESTOPPED : status;
}

static mele_status search(quest *q, mele_error *error)
{
    mele_i_training *t = q->training;
    mele_i_lbfgs_problem problem = {.count = q->count, .memory = PAIRS, .tolerance = TOLERANCE,
                                    .max_iterations = t->max_epochs > 0 ? t->max_epochs
                                                                        : ITERATIONS,
                                    .objective = objective, .tell = tell, .context = q};
    mele_i_lbfgs_info info = {0, 0, 0, true};
    double *room = MELE_I_ARRAY(double, mele_i_lbfgs_room(q->count, PAIRS));
    double *weights = MELE_I_ARRAY(double, q->count);
    mele_status status = room == NULL || weights == NULL ? mele_i_no_memory(error) : MELE_OK;

    if (status == MELE_OK) {
        memcpy(weights, t->weights, q->count * sizeof *weights);
        status = mele_i_lbfgs(&problem, weights, room, &info, error);
        if (q->stopped)
            status = MELE_OK;
    }
    if (status == MELE_OK)
        status = mele_i_watch_result(&q->watch, weights, t, error);
    if (status == MELE_OK) {
        t->epochs = q->iterations;
        t->converged = info.converged;
    }
    free(room);
    free(weights);
    return status;
}

static mele_status train(mele_i_training *t, mele_error *error)
{
    quest q = {.training = t, .count = mele_i_network_weights(t->network)};
    mele_status status = mele_i_watch_make(&q.watch, t, error);

    q.tried = MELE_I_ARRAY(double, q.count);
    if (status == MELE_OK)
        status = q.tried == NULL ? mele_i_no_memory(error) : search(&q, error);
    mele_i_watch_free(&q.watch);
    free(q.tried);
    return status;
}

const mele_i_trainer mele_i_trainer_bfgs = {"bfgs", true, (size_t)1 << 40, train};
