/* One fold: stages 1 and 2 once, and any number of gates on them. */
#include "fit/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/rows.h"
#include "fit/features.h"
#include "fit/stages.h"
#include "gate/gate.h"
#include "model/predict.h"
#include "schema/data.h"


enum { OUTSIDE, INSIDE, X, GATE_X };

/* ---- the stages ---- */

static mele_status train_regions(mele_i_run *run, mele_error *error)
{
    mele_i_regions_fit fit = {.clusters = 0};
    mele_status status = mele_i_run_space(run, &fit, error);

    if (status == MELE_OK)
        status = mele_i_run_partition(run, &fit, error);
    mele_i_regions_fit_clear(&fit);
    return status;
}

/* Posteriors are looked at by all gates, and made once. */
static mele_status hold_posteriors(mele_i_run *run, double **memory, mele_error *error)
{
    mele_status status = mele_i_run_need_marginal(run, error);

    return status == MELE_OK ? mele_i_rows_hold(&run->marginal.rows, memory, run->engine, error)
                             : status;
}

static mele_status train(mele_i_trial *t, mele_i_trial_needs needs, mele_error *error)
{
    mele_i_run *run = &t->training;
    mele_status status = train_regions(run, error);

    run->gate.kind = needs.global ? "global" : "posterior";
    if (status == MELE_OK)
        status = mele_i_run_experts(run, needs.left_outs ? MELE_I_KEEP_FOR_GATE : MELE_I_KEEP_NONE,
                                    error);
    if (status == MELE_OK)
        status = mele_i_run_select_for_gate(run, error);
    if (status == MELE_OK && needs.left_outs)
        status = hold_posteriors(run, &t->memory[OUTSIDE], error);
    if (status == MELE_OK && needs.left_outs)
        mele_i_gate_source_make(run, &t->outside);
    return status;
}

/* Of what measures look at in every gate. */
static mele_status hold_densities(const mele_i_trial *t, mele_i_gate_source *source, mele_error *error)
{
    return t->course->by_density ? mele_i_rows_hold(&source->data.log_likelihoods,
                                                    &source->log_likelihoods, t->left_out.engine, error)
                                 : MELE_OK;
}

/* What stage 1 and the experts say of the rows inside. */
static mele_status ask(mele_i_trial *t, bool global, mele_error *error)
{
    mele_i_run *run = &t->left_out;
    mele_rows x = mele_i_run_expert_x(run);
    mele_status status = hold_posteriors(run, &t->memory[INSIDE], error);

    if (status == MELE_OK)
        status = mele_i_rows_hold(&x, &t->memory[X], run->engine, error);
    if (status == MELE_OK)
        status = mele_i_left_out_predict(t->model->experts, &x, run->engine, &run->left_out.all, error);
    if (status != MELE_OK)
        return status;
    mele_i_gate_source_make(run, &t->inside);
    status = hold_densities(t, &t->inside, error);
    if (status == MELE_OK)
        status = mele_i_rows_hold(&t->inside.data.x, &t->memory[GATE_X], run->engine, error);
    if (status == MELE_OK && global)
        status = mele_i_gate_source_global(run, &t->has_global, &t->by_one, error);
    if (status == MELE_OK && t->has_global)
        status = hold_densities(t, &t->by_one, error);
    t->x = x.data;
    t->columns = x.cols;
    return status;
}

mele_status mele_i_trial_make(const mele_i_course *course, size_t clusters, size_t fold,
                              mele_i_trial_needs needs, mele_engine *engine, mele_i_trial *out,
                              mele_error *error)
{
    *out = (mele_i_trial){.course = course,
                          .options = mele_i_course_options(course, clusters, fold),
                          .model = mele_i_model_new()};
    mele_status status = out->model == NULL
                             ? mele_i_no_memory(error)
                             : mele_i_fold_make(course->data, course->fold_of_row, fold, &out->rows,
                                                error);

    if (status != MELE_OK)
        return status;
    out->training = mele_i_run_of(out->rows.training, NULL, &out->options, engine, NULL, out->model);
    out->left_out = mele_i_run_of(out->rows.left_out, NULL, &out->options, engine, NULL, out->model);
    status = train(out, needs, error);
    return status == MELE_OK ? ask(out, needs.global, error) : status;
}

void mele_i_trial_clear(mele_i_trial *t)
{
    mele_i_gate_source_clear(&t->outside);
    mele_i_gate_source_clear(&t->inside);
    mele_i_gate_source_clear(&t->by_one);
    mele_i_run_clear(&t->training);
    mele_i_run_clear(&t->left_out);
    for (size_t i = 0; i < sizeof t->memory / sizeof *t->memory; i++)
        free(t->memory[i]);
    mele_model_free(t->model);
    mele_i_fold_clear(&t->rows);
}

/* ---- gates ---- */

mele_status mele_i_trial_gate(mele_i_trial *t, const mele_gate_options *wanted, mele_gate **out,
                              mele_error *error)
{
    const bool blind = mele_i_data_is_one_group(t->rows.training);
    mele_gate_options options = *wanted;
    mele_gate_data data = t->outside.data;
    mele_status status = MELE_OK;

    options.seed = t->options.seed;
    if (mele_i_gate_is_untrained(&options, blind, &options)) {
        data = (mele_gate_data){.rows = t->training.features.rows, .clusters = t->model->clusters};
    } else {
        status = mele_i_gate_source_need(&t->outside, &options, error);
        data = t->outside.data;
        if (blind)
            data.log_likelihoods = data.predictions = (mele_rows){.data = NULL};
    }
    return status == MELE_OK
               ? mele_gate_fit(&data, &options, t->training.engine, out, NULL, error)
               : status;
}

/* ---- losses ---- */

/* What the rows inside are blended of. */
typedef struct blend {
    const mele_i_trial *trial;
    const mele_i_gate_source *source;
    double *log_gate, *gate, *probability, *density; /* n x K, the same, n x K x C of classes, n */
    double *row;                                     /* of one: 2 K numbers, then C of classes */
} blend;

static void blend_clear(blend *b)
{
    free(b->log_gate);
    free(b->gate);
    free(b->probability);
    free(b->density);
    free(b->row);
}

static mele_status blend_make(blend *b, mele_error *error)
{
    const mele_i_gate_source *s = b->source;
    const size_t rows = s->data.rows;

    b->log_gate = mele_i_array(rows, s->clusters * sizeof(double));
    b->gate = mele_i_array(rows, s->clusters * sizeof(double));
    b->density = MELE_I_ARRAY(double, rows);
    b->row = MELE_I_ARRAY(double, 2 * s->clusters + s->classes);
    if (s->classes > 0)
        b->probability = mele_i_array(rows, s->clusters * s->outputs * sizeof(double));
    return b->log_gate == NULL || b->gate == NULL || b->density == NULL
                   || b->row == NULL || (s->classes > 0 && b->probability == NULL)
               ? mele_i_no_memory(error)
               : MELE_OK;
}

/* One region has all weight. */
static mele_status weigh(blend *b, const mele_gate *gate, mele_error *error)
{
    const mele_gate_data *data = &b->source->data;
    const size_t count = data->rows * b->source->clusters;
    const mele_matrix x = {data->x.data, data->rows, data->x.cols, data->x.stride};
    mele_status status = MELE_OK;

    memset(b->log_gate, 0, count * sizeof(double));
    if (b->source->clusters > 1)
        status = mele_gate_log_weights(gate, data->log_posteriors.data, &x, data->rows,
                                       b->trial->left_out.engine, b->log_gate, error);
    if (status != MELE_OK)
        return status;
    memcpy(b->gate, b->log_gate, count * sizeof(double));
    mele_i_kernels_best()->exponential(b->gate, count);
    return MELE_OK;
}

static const double *said_of(const blend *b, size_t row)
{
    return mele_left_out_mean(b->source->all).data + row * b->source->clusters * b->source->outputs;
}

static double blend_target(const blend *b, size_t row, size_t target)
{
    const mele_model *model = b->trial->model;
    const size_t K = b->source->clusters, M = b->source->outputs;
    const mele_i_voices voices = {K, M, b->gate + row * K, said_of(b, row) + target, NULL,
                                  model->votes, b->row, 1};

    return model->target_scaling.center[target]
           + model->target_scaling.scale[target] * model->combine->target(&voices).mean;
}

static double squared_error(const blend *b, size_t row)
{
    const double *truth = b->trial->rows.left_out->targets + row * b->source->outputs;
    double sum = 0;

    for (size_t t = 0; t < b->source->outputs; t++)
        sum += mele_i_course_square(b->trial->course, t, truth[t], blend_target(b, row, t));
    return sum / (double)b->source->outputs;
}

static double class_loss(const blend *b, size_t row)
{
    const size_t K = b->source->clusters, C = b->source->classes;
    const size_t class = (size_t)b->trial->rows.left_out->targets[row];
    const mele_model *model = b->trial->model;
    const mele_i_voices voices = {K, C, b->gate + row * K, b->probability + row * K * C, NULL,
                                  model->votes, b->row, 1};

    model->combine->probabilities(&voices, C, b->row + 2 * K);
    return mele_i_course_class_loss(b->row[2 * K + class]);
}

/* Of all rows: the log-probabilities' exponentials, or the log densities in the data's units. */
static void prepare(blend *b)
{
    const mele_i_gate_source *s = b->source;
    const size_t rows = s->data.rows, count = rows * s->clusters;
    const mele_i_scaling *scaling = &b->trial->model->target_scaling;
    double units = 0;

    if (s->classes > 0) {
        memcpy(b->probability, said_of(b, 0), count * s->outputs * sizeof(double));
        mele_i_kernels_best()->exponential(b->probability, count * s->outputs);
    } else if (b->trial->course->by_density) {
        for (size_t e = 0; e < count; e++)
            b->log_gate[e] += s->log_likelihoods[e];
        mele_i_kernels_best()->log_softmax(b->log_gate, rows, s->clusters, b->density);
        for (size_t t = 0; t < s->outputs; t++)
            units += log(scaling->scale[t]);
        for (size_t i = 0; i < rows; i++)
            b->density[i] -= units;
    }
}

static double loss_of(const blend *b, size_t row)
{
    return b->source->classes > 0             ? class_loss(b, row)
           : b->trial->course->by_density ? -b->density[row]
                                          : squared_error(b, row);
}

/* Models tell nothing of rows that are so far out. */
static bool is_beyond(const mele_i_trial *t, size_t row)
{
    bool beyond = false;

    for (size_t j = 0; j < t->columns; j++)
        beyond = beyond || fabs(t->x[row * t->columns + j]) > MELE_I_FARTHEST;
    return beyond;
}

static void add_losses(const blend *b, const mele_i_sums *sums)
{
    const mele_i_trial *t = b->trial;
    const mele_data *left_out = t->rows.left_out;

    for (size_t i = 0; i < left_out->rows; i++)
        if (mele_i_data_counts(left_out, i) && !is_beyond(t, i))
            mele_i_course_add(t->course, left_out, i, loss_of(b, i), sums);
}

mele_status mele_i_trial_measure(mele_i_trial *t, const mele_gate *gate, const mele_i_sums *sums,
                                 mele_error *error)
{
    const bool global = mele_i_gate_is_global(gate);
    blend b = {.trial = t, .source = global ? &t->by_one : &t->inside};
    mele_status status;

    if (global && !t->has_global)
        return mele_i_fail(error, MELE_EINVAL, "a global gate, and no global expert was trained");
    status = blend_make(&b, error);
    if (status == MELE_OK)
        status = weigh(&b, gate, error);
    if (status == MELE_OK) {
        prepare(&b);
        add_losses(&b, sums);
    }
    blend_clear(&b);
    return status;
}
