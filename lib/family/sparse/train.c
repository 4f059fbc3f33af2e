/* Adam on mini-batches of a sparse mixture (batch.c has the objective).
 *
 * Each epoch takes the rows in a new random order, in batches that are as nearly alike as can be.
 * The noise falls with the step size, linearly to 0, which is what predictions have. A gate starts
 * from small random coefficients, since of equal logits it would choose the first experts in every
 * row.
 *
 * Rows that are held out, groups of them whole, are watched: after each epoch the loss under the
 * gate of predictions, and after PATIENCE epochs that were no better the search is over. The best
 * epoch's parameters are the result. */
#include "family/sparse/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/adam.h"
#include "engine/pass.h"
#include "fit/refine_folds.h"
#include "gate/joint.h"

#define PATIENCE 20
#define GATE_START 0.1 /* bound of the first coefficients */
#define AGAIN 3        /* of a search that goes on: this part of the epochs, and of the step size */
#define FOR_ORDER ((uint64_t)1 << 63)
#define FOR_START ((uint64_t)3 << 62)

typedef struct search {
    const mele_i_together *together;
    const mele_i_together_moved *moved;
    const mele_i_sparse_training *how;
    mele_i_sparse sparse;
    mele_i_descent adam;
    mele_i_stream order; /* of rows, and */
    uint64_t noise_seed; /* of this epoch */
    size_t *row, count; /* those that are trained on, in their order */
    size_t *watched, watched_count;
    size_t epochs, batches;
    double *best, least; /* parameters, loss; where rows are watched */
    size_t found;        /* its epoch */
} search;

static void clear(search *s)
{
    mele_i_sparse_clear(&s->sparse);
    mele_i_descent_clear(&s->adam);
    free(s->row);
    free(s->watched);
    free(s->best);
    free(s->moved->coupled->room);
    s->moved->coupled->room = NULL;
}

/* ---- rows ---- */

static mele_status split(search *s, mele_error *error)
{
    const mele_i_together *t = s->together;
    mele_i_refine_folds folds = {.count = 0};
    mele_status status = MELE_OK;

    s->row = MELE_I_ARRAY(size_t, t->count);
    s->watched = MELE_I_ARRAY(size_t, t->count);
    if (s->row == NULL || s->watched == NULL)
        return mele_i_no_memory(error);
    if (s->how->holdout > 0)
        status =
            mele_i_refine_folds_deal(t->run, (size_t)round(1 / s->how->holdout), &folds, error);
    for (size_t i = 0; i < t->count && status == MELE_OK; i++)
        if (folds.count > 1 && folds.fold_of_row[t->row[i]] == 0)
            s->watched[s->watched_count++] = i;
        else
            s->row[s->count++] = i;
    mele_i_refine_folds_clear(&folds);
    return status;
}

/* ---- losses of many rows, without noise ---- */

/* In batches, one after the other; what is penalised of loads is their mean. */
static mele_status evaluate(search *s, const size_t *row, size_t count, const double *theta,
                            mele_i_sparse_value *out, mele_error *error)
{
    const size_t most = s->sparse.most_rows;
    mele_status status = MELE_OK;

    *out = (mele_i_sparse_value){0, 0, 0};
    for (size_t at = 0; at < count && status == MELE_OK; at += most) {
        const mele_i_sparse_rows rows = {.row = row + at,
                                         .count = count - at < most ? count - at : most};
        mele_i_sparse_value part;
        status = mele_i_sparse_evaluate(&s->sparse, &rows, theta, &part, NULL, error);
        if (status != MELE_OK)
            break;
        out->loss += part.loss;
        out->weight += part.weight;
        out->value += part.value * part.weight;
    }
    out->value /= out->weight;
    return status;
}

static mele_status watch(search *s, size_t epoch, bool *stop, mele_error *error)
{
    mele_i_sparse_value value;

    if (s->watched_count == 0)
        return MELE_OK;
    mele_status status = evaluate(s, s->watched, s->watched_count, s->adam.x, &value, error);
    if (status != MELE_OK)
        return status;
    if (value.loss < s->least) {
        s->least = value.loss;
        s->found = epoch;
        memcpy(s->best, s->adam.x, s->adam.count * sizeof *s->best);
    }
    *stop = epoch - s->found >= PATIENCE;
    return MELE_OK;
}

/* ---- epochs ---- */

static mele_status run_batch(search *s, size_t index, mele_error *error)
{
    const size_t first = s->count * index / s->batches, last = s->count * (index + 1) / s->batches;
    const double left = 1 - (double)s->adam.step / (double)s->adam.steps;
    const mele_i_sparse_rows rows = {.row = s->row + first,
                                     .count = last - first,
                                     .noise = s->how->rule.noise * left,
                                     .seed = s->noise_seed,
                                     .fold = s->together->experts.fold};
    mele_i_sparse_value value;
    mele_status status =
        mele_i_sparse_evaluate(&s->sparse, &rows, s->adam.x, &value, s->adam.gradient, error);

    if (status == MELE_OK && !isfinite(value.value))
        status = mele_i_fail(error, MELE_EDATA,
                             "training does not stay finite: take smaller steps than "
                             "--rate %g",
                             s->adam.rate);
    if (status == MELE_OK)
        mele_i_descent_step(&s->adam, 1);
    return status;
}

static mele_status run(search *s, mele_error *error)
{
    mele_engine *engine = s->moved->coupled->engine;
    mele_status status = MELE_OK;
    bool stop = false;
    size_t epoch = 0;

    for (; epoch < s->epochs && !stop && status == MELE_OK; epoch++) {
        mele_i_stream_shuffle(&s->order, s->row, s->count);
        s->noise_seed = mele_i_stream_bits(&s->order);
        for (size_t b = 0; b < s->batches && status == MELE_OK; b++)
            status = run_batch(s, b, error);
        if (status == MELE_OK)
            status = watch(s, epoch, &stop, error);
        if (status == MELE_OK)
            status = mele_i_progress(engine, s->moved->coupled->told, epoch + 1, s->epochs,
                                     s->watched_count > 0 ? s->least : NAN, error);
    }
    s->moved->found->iterations = epoch;
    s->moved->found->converged = true; /* its schedule ends where it ends */
    return status;
}

/* ---- start and end ---- */

static void draw_gate(search *s, double *theta)
{
    const mele_expert_options *options = &s->together->experts;
    const mele_i_coupled_parts parts = mele_i_coupled_parts_of(s->moved->coupled);
    mele_i_stream stream = mele_i_stream_make(options->seed, MELE_I_FOR_SPARSE, options->fold,
                                              FOR_START + s->moved->number);

    for (size_t i = parts.gate; i < parts.count; i++)
        theta[i] = GATE_START * (2 * mele_i_stream_uniform(&stream) - 1);
}

static mele_status prepare(search *s, mele_error *error)
{
    const mele_i_together_moved *m = s->moved;
    const mele_expert_options *options = &s->together->experts;
    const size_t count = mele_i_coupled_parts_of(m->coupled).count, again = m->again ? AGAIN : 1;
    mele_status status = split(s, error);

    if (status != MELE_OK)
        return status;
    const size_t batch = s->how->batch < s->count ? s->how->batch : s->count;
    m->coupled->room = MELE_I_ARRAY(double, mele_i_coupled_room(m->coupled));
    s->best = MELE_I_ARRAY(double, count);
    if (m->coupled->room == NULL || s->best == NULL)
        return mele_i_no_memory(error);
    status = mele_i_sparse_make(m->coupled, &s->how->rule, batch, &s->sparse, error);
    if (status == MELE_OK)
        status = mele_i_descent_make(count, s->how->rate / (double)again, &s->adam, error);
    if (status != MELE_OK)
        return status;
    if (!m->again)
        draw_gate(s, m->theta);
    memcpy(s->adam.x, m->theta, count * sizeof *m->theta);
    s->batches = (s->count + batch - 1) / batch;
    s->epochs = (mele_i_descent_epochs(s->batches, s->how->max_epochs) + again - 1) / again;
    s->adam.steps = s->epochs * s->batches;
    s->order = mele_i_stream_make(options->seed, MELE_I_FOR_SPARSE, options->fold,
                                  FOR_ORDER + 2 * m->number + m->again);
    return MELE_OK;
}

/* Compared are all rows, those that were watched too. */
static mele_status end(search *s, mele_error *error)
{
    const mele_i_together_moved *m = s->moved;
    const mele_i_together *t = s->together;
    const double *result = s->watched_count > 0 ? s->best : s->adam.x;
    mele_i_sparse_value value;

    for (size_t i = 0; i < s->watched_count; i++)
        s->row[s->count + i] = s->watched[i];
    mele_status status = evaluate(s, s->row, t->count, result, &value, error);
    if (status != MELE_OK)
        return status;
    if (!isfinite(value.value))
        return mele_i_fail(error, MELE_EDATA,
                           "training does not stay finite: take smaller steps than "
                           "--rate %g",
                           s->how->rate);
    m->found->loss = value.loss;
    m->found->value = value.value;
    memcpy(m->theta, result, s->adam.count * sizeof *result);
    if (s->how->rule.active < m->coupled->shape.clusters)
        mele_i_gate_make_sparse(m->coupled->gate, s->how->rule.active);
    return MELE_OK;
}

mele_status mele_i_sparse_move(const mele_i_together *together, const mele_i_together_moved *moved,
                               mele_error *error)
{
    search s = {.together = together, .moved = moved, .how = together->context, .least = INFINITY};
    mele_status status = prepare(&s, error);

    if (status == MELE_OK)
        status = run(&s, error);
    if (status == MELE_OK)
        status = end(&s, error);
    clear(&s);
    return status;
}
