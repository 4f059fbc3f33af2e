/* Which rows a gate is trained on. A gate has few coefficients next to the rows of large data, and what
 * it loses by a sample is, in the mean, about half a unit of log likelihood a coefficient over all rows of
 * the sample: beyond so many for each coefficient more of them only take time, which grows with the
 * square of the coefficients. doc/methods.md has what that costs. */
#include "fit/gate_rows.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/total.h"
#include "engine/weights.h"
#include "expert/expert.h"
#include "gate/gate.h"
#include "schema/data.h"

#define LEAST_ROWS 20000
#define ROWS_A_COEFFICIENT 200
#define MANY_ROWS 200000 /* beyond which there are fewer for each coefficient, but at least */
#define FEW_ROWS_A_COEFFICIENT 50

/* ---- how many ---- */

static size_t times(size_t coefficients, size_t rows)
{
    size_t product;

    return __builtin_mul_overflow(coefficients, rows, &product) ? SIZE_MAX : product;
}

static size_t at_least(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t count_for(size_t coefficients)
{
    const size_t wanted = times(coefficients, ROWS_A_COEFFICIENT);

    return wanted <= MANY_ROWS ? at_least(wanted, LEAST_ROWS)
                               : at_least(times(coefficients, FEW_ROWS_A_COEFFICIENT), MANY_ROWS);
}

/* SIZE_MAX: all. */
static mele_status choose_count(mele_i_run *run, const mele_gate_options *options, bool posteriors,
                                size_t *out, mele_error *error)
{
    const size_t given = run->options->gate_rows;
    size_t coefficients = 0;
    mele_status status = MELE_OK;

    if (given == 0)
        status = mele_i_gate_coefficients(options, run->model->clusters, mele_i_run_gate_x(run).cols,
                                          posteriors, &coefficients, error);
    *out = given > 0 ? given : count_for(coefficients);
    return status;
}

/* ---- drawing ---- */

static mele_status draw(mele_i_run *run, size_t wanted, bool in_regions, mele_i_drawn *out,
                        mele_error *error)
{
    const mele_data *data = run->data;
    const size_t classes = mele_i_run_classes(run);
    mele_status status = in_regions ? mele_i_run_need_labels(run, error) : MELE_OK;
    const mele_i_population all = {
        .rows = data->rows, .weights = data->weights, .group = data->group,
        .region = in_regions ? run->labels : NULL, .regions = run->model->clusters,
        .class = classes > 0 ? data->targets : NULL, .classes = classes};

    return status == MELE_OK
               ? mele_i_draw_rows(&all, wanted,
                                    mele_i_stream_make(run->options->seed, MELE_I_FOR_GATE_ROWS, 0, 0),
                                    out, error)
               : status;
}

/* The sample as data, whose weights stand for all rows. */
static mele_status make_data(const mele_i_run *run, mele_i_gate_rows_of *rows, mele_error *error)
{
    mele_i_drawn *s = &rows->sample;
    mele_status status = mele_i_data_subset(run->data, s->row, s->count, false, &rows->data, error);

    if (status == MELE_OK)
        status = mele_i_data_hold(rows->data, error);
    if (status != MELE_OK)
        return status;
    free(rows->data->weights);
    rows->data->weights = s->weights;
    s->weights = NULL;
    return MELE_OK;
}

/* What the sample weighs of all rows, both by their ordinary row: the penalty of a gate is one number
 * beside the sum over rows, and is to stay what it is beside that over all rows. */
static double share_of(const mele_data *sample, const mele_data *all)
{
    const double *weights = sample->weights;

    return mele_i_total_weight(weights, sample->rows) / mele_i_weights_ordinary(weights, sample->rows)
           / mele_i_total_weight(all->weights, all->rows);
}

mele_status mele_i_gate_rows_draw(mele_i_run *run, const mele_gate_options *options, bool in_regions,
                                  mele_i_gate_rows_of *out, mele_error *error)
{
    mele_status status = MELE_OK;
    size_t wanted = SIZE_MAX;

    *out = (mele_i_gate_rows_of){.run = run};
    if (mele_i_gate_is_trained(options))
        status = choose_count(run, options, in_regions, &wanted, error);
    if (status == MELE_OK && run->data->rows > wanted)
        status = draw(run, wanted, in_regions, &out->sample, error);
    if (status == MELE_OK && out->sample.row != NULL)
        status = make_data(run, out, error);
    if (status != MELE_OK || out->sample.row == NULL)
        return status;
    const mele_handover handover = {.posteriors = run->posteriors};
    out->part = mele_i_run_of(out->data, &handover, run->options, run->engine, NULL, run->model);
    out->part.gate = run->gate;
    out->part.gate.ridge *= share_of(out->data, run->data);
    out->run = &out->part;
    return MELE_OK;
}

void mele_i_gate_rows_clear(mele_i_gate_rows_of *rows)
{
    mele_i_run_clear(&rows->part);
    mele_data_free(rows->data);
    mele_i_drawn_clear(&rows->sample);
}

/* ---- left-out predictions ---- */

/* What takes long to predict is predicted once. */
static mele_status hold(mele_i_run *run, mele_error *error)
{
    mele_i_run_left_out *l = &run->left_out;
    mele_left_out *all = NULL;

    if (l->own == NULL || !mele_i_experts_are_work(run->model->experts))
        return MELE_OK;
    mele_status status = mele_i_left_out_own_hold(l->own, run->engine, &all, error);
    if (status != MELE_OK)
        return status;
    mele_i_run_left_out_clear(l);
    l->all = all;
    return MELE_OK;
}

/* Those of the sample to the part. */
static mele_status take_part(mele_i_gate_rows_of *rows, const mele_i_run *run, mele_error *error)
{
    mele_i_run *part = &rows->part;
    const mele_i_drawn *s = &rows->sample;

    if (run->left_out.own == NULL)
        return mele_i_left_out_part(run->left_out.all, s->row, s->count, &part->left_out.all, error);
    const mele_rows x = mele_i_run_expert_x(part);
    const mele_targets targets = {mele_i_run_targets(part), mele_i_run_classes(part)};
    return mele_i_left_out_own_part(run->left_out.own, &x, &targets, s->row, &part->left_out.own,
                                    error);
}

mele_status mele_i_gate_rows_hand_on(mele_i_gate_rows_of *rows, mele_i_run *run, mele_error *error)
{
    mele_status status = MELE_OK;

    if (rows->run != run && rows->part.left_out.all == NULL)
        status = take_part(rows, run, error);
    return status == MELE_OK ? hold(rows->run, error) : status;
}
