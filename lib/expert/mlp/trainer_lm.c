/* Levenberg-Marquardt for sums of squares: with A = J'WJ / sum w + decay and the gradient g of the
 * mean squared error, the step s of (A + m I) s = -g / 2, whose damping m follows the ratio of the
 * decrease to the one that the quadratic model promised (Nielsen).
 *
 * GSL's gsl_multilarge_nlinear solves the same problem; it is not used because its allocators call
 * the process-wide error handler when memory runs out, which a library must neither change nor
 * meet. A is summed block by block in a pass and solved by Cholesky's factor.
 * Source: Marquardt 1963, J. SIAM 11; Nielsen 1999, Damping parameter in Marquardt's method, IMM-REP-
 * 1999-05; Hagan, Menhaj 1994, IEEE Trans. Neural Networks 5. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cholesky.h"
#include "core/error.h"
#include "core/memory.h"
#include "expert/mlp/trainers.h"

#define ITERATIONS 400
#define PATIENCE 10
#define MOST_WEIGHTS 4000    /* the matrix then takes 128 MB */
#define FIRST_DAMPING 1e-3   /* of the largest diagonal element */
#define MOST_DAMPING 1e12
#define SLOW 1e-6            /* a relative decrease that is none */
#define SLOW_STEPS 3         /* so often in turn, and it has converged */

typedef struct marquardt {
    mele_i_training *training;
    size_t count;
    double *weights, *trial, *gradient, *step; /* count each */
    double *matrix, *factor;                   /* count x count */
    double value, damping, growth;
    size_t slow; /* iterations in turn that gained nothing much */
} marquardt;

static mele_status make(marquardt *s, mele_i_training *t, mele_error *error)
{
    const size_t P = mele_i_network_weights(t->network);

    *s = (marquardt){.training = t, .count = P, .growth = 2};
    s->weights = MELE_I_ARRAY(double, 4 * P);
    s->matrix = MELE_I_ARRAY(double, 2 * P * P);
    if (s->weights == NULL || s->matrix == NULL)
        return mele_i_no_memory(error);
    s->trial = s->weights + P;
    s->gradient = s->trial + P;
    s->step = s->gradient + P;
    s->factor = s->matrix + P * P;
    memcpy(s->weights, t->weights, P * sizeof *s->weights);
    return MELE_OK;
}

static void release(marquardt *s)
{
    free(s->weights);
    free(s->matrix);
}

static mele_status differentiate(marquardt *s, mele_error *error)
{
    const mele_i_training *t = s->training;

    return mele_i_network_normal(t->network, t->rows, t->decay, s->weights, t->engine,
                                 &(mele_i_network_result){&s->value, s->gradient, s->matrix},
                                 error);
}

/* The damped step; false: the matrix is not positive definite, or not finite. */
static bool solve(marquardt *s)
{
    const size_t P = s->count;

    memcpy(s->factor, s->matrix, P * P * sizeof *s->factor);
    for (size_t i = 0; i < P; i++)
        s->factor[i * P + i] += s->damping;
    if (!mele_i_cholesky(s->factor, P))
        return false;
    for (size_t i = 0; i < P; i++)
        s->step[i] = -0.5 * s->gradient[i];
    mele_i_cholesky_solve(s->factor, P, s->step);
    for (size_t i = 0; i < P; i++) {
        s->trial[i] = s->weights[i] + s->step[i];
        if (!isfinite(s->trial[i]))
            return false;
    }
    return true;
}

/* The decrease that the model promises: s' (m s - g / 2). */
static double promised(const marquardt *s)
{
    double sum = 0;

    for (size_t i = 0; i < s->count; i++)
        sum += s->step[i] * (s->damping * s->step[i] - 0.5 * s->gradient[i]);
    return sum;
}

static void damp_more(marquardt *s)
{
    s->damping *= s->growth;
    s->growth *= 2;
}

/* Steps, until one lowers the objective. *moved: one did. */
static mele_status iterate(marquardt *s, bool *moved, mele_error *error)
{
    const mele_i_training *t = s->training;
    mele_status status = MELE_OK;

    for (*moved = false; status == MELE_OK && !*moved && s->damping < MOST_DAMPING;) {
        double value = INFINITY;
        if (solve(s))
            status = mele_i_network_objective(t->network, t->rows, t->decay, s->trial, t->engine,
                                              &(mele_i_network_result){&value, NULL}, error);
        const double fall = s->value - value, ratio = fall / promised(s);
        *moved = status == MELE_OK && fall > 0;
        if (!*moved) {
            damp_more(s);
            continue;
        }
        const double off = 2 * ratio - 1;
        s->slow = fall <= SLOW * s->value ? s->slow + 1 : 0;
        s->damping *= fmax(1.0 / 3, 1 - off * off * off);
        s->growth = 2;
        memcpy(s->weights, s->trial, s->count * sizeof *s->trial);
    }
    return status;
}

static mele_status start(marquardt *s, mele_error *error)
{
    double most = 0;
    mele_status status = differentiate(s, error);

    if (status != MELE_OK)
        return status;
    if (!isfinite(s->value))
        return mele_i_fail(error, MELE_EDATA, "the objective is not finite at the start");
    for (size_t i = 0; i < s->count; i++)
        most = fmax(most, s->matrix[i * s->count + i]);
    s->damping = FIRST_DAMPING * fmax(most, 1e-6);
    return MELE_OK;
}

static mele_status run(marquardt *s, mele_i_watch *watch, mele_error *error)
{
    mele_i_training *t = s->training;
    const size_t most = t->max_epochs > 0 ? t->max_epochs : ITERATIONS;
    bool moved = true, stop = false;
    size_t epochs = 0;
    mele_status status = start(s, error);

    if (status == MELE_OK)
        status = mele_i_watch_look(watch, s->weights, PATIENCE, &stop, error);
    while (status == MELE_OK && epochs < most && moved && !stop && s->slow < SLOW_STEPS) {
        status = iterate(s, &moved, error);
        epochs += moved;
        if (status == MELE_OK && moved)
            status = mele_i_watch_look(watch, s->weights, PATIENCE, &stop, error);
        if (status == MELE_OK && moved && !stop)
            status = differentiate(s, error);
    }
    if (status == MELE_OK)
        status = mele_i_watch_result(watch, s->weights, t, error);
    if (status == MELE_OK) {
        t->epochs = epochs;
        t->converged = !moved || stop || s->slow >= SLOW_STEPS;
    }
    return status;
}

static mele_status train(mele_i_training *t, mele_error *error)
{
    marquardt s = {.weights = NULL};
    mele_i_watch watch;
    mele_status status = mele_i_watch_make(&watch, t, error);

    if (status == MELE_OK)
        status = make(&s, t, error);
    if (status == MELE_OK)
        status = run(&s, &watch, error);
    release(&s);
    mele_i_watch_free(&watch);
    return status;
}

const mele_i_trainer mele_i_trainer_lm = {"lm", false, MOST_WEIGHTS, train};
