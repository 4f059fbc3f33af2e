/* What families do that train experts together: the rows are held, as they are passed over many
 * times, starts are drawn and the best is kept. A start is random experts, scales of 1 and a gate
 * of equal weights. */
#include "family/together.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/total.h"
#include "engine/pass.h"
#include "engine/rows.h"
#include "engine/weights.h"
#include "expert/basis.h"
#include "family/doubtful.h"
#include "fit/refining.h"
#include "fit/stages.h"
#include "gate/constant.h"
#include "schema/data.h"

#define STAGE "family"
#define ITERATIONS 1000    /* unless --max-epochs says */
#define SMALL (-30.0)     /* a logarithm: next to nothing of a least variance */
#define TOLERANCE 1e-6     /* of the gradient, a unit of weight: targets are standardised */
#define ROUGH_GAIN 1e-4 /* of fits that are compared */
#define GAIN                                                                                       \
    1e-5 /* of the objective, in 20 iterations: predictions of rows left out are then what they    \
            will be (see methods.md) */

/* ---- rows ---- */

/* Those of positive weight. */
static mele_status choose_rows(mele_i_together *t, mele_error *error)
{
    const size_t n = t->run->features.rows;
    double *owned;
    const double *weights;
    mele_status status = mele_i_weights_relative(t->run->data->weights, n, &weights, &owned, error);

    if (status != MELE_OK)
        return status;
    t->row = MELE_I_ARRAY(size_t, n);
    t->weights = MELE_I_ARRAY(double, n);
    if (t->row == NULL || t->weights == NULL)
        status = mele_i_no_memory(error);
    for (size_t i = 0; i < n && status == MELE_OK; i++)
        if (weights == NULL || weights[i] > 0) {
            t->weights[t->count] = weights == NULL ? 1 : weights[i];
            t->row[t->count++] = i;
        }
    free(owned);
    if (status == MELE_OK && t->count == 0)
        return mele_i_fail(error, MELE_EDATA, "no row has a weight above 0");
    return status;
}

static mele_status hold(const mele_i_together *t, const mele_rows *rows, double **out,
                        mele_error *error)
{
    *out = mele_i_large_array(t->count, rows->cols * sizeof **out);
    return *out == NULL ? mele_i_no_memory(error)
                        : mele_i_rows_gather(rows, t->row, t->count, *out, error);
}

static mele_status make_joint(mele_i_together *t, const mele_expert_data *data, mele_error *error)
{
    const size_t classes = data->targets.classes;
    mele_rows terms;
    mele_status status = mele_i_basis_rows(&data->x, t->experts.degree, &terms, error);

    if (status == MELE_OK)
        status = hold(t, &terms, &t->x, error);
    if (status == MELE_OK)
        status = hold(t, &data->targets.values, &t->y, error);
    if (status != MELE_OK)
        return status;
    const mele_i_joint_rows rows = {
        .shape = {terms.cols, classes > 0 ? classes : data->targets.values.cols, classes},
        .terms = data->x.cols, .count = t->count, .x = t->x, .y = t->y, .weights = t->weights};
    return mele_i_joint_make(&rows, &t->experts, t->run->engine, &t->joint, error);
}

mele_status mele_i_together_make(mele_i_run *run, const mele_i_coupled_loss *loss, double lambda,
                                 mele_i_together *t, mele_error *error)
{
    const mele_expert_options options = mele_i_run_expert_options(run);
    const mele_expert_data data = mele_i_run_expert_data(run);
    const mele_rows gate_x = mele_i_run_gate_x(run);
    mele_i_em_problem like_em;

    mele_i_refining_problem(run, options.kind, &like_em);
    *t = (mele_i_together){.run = run, .gate_options = run->gate};
    mele_status status =
        mele_i_joint_settle(&options, &data.targets, data.x.cols, &t->experts, error);
    if (!loss->gated)
        t->experts.trainer = NULL; /* it only made the experts that they start from */
    if (status == MELE_OK)
        status = choose_rows(t, error);
    if (status == MELE_OK)
        status = make_joint(t, &data, error);
    if (status == MELE_OK && loss->gated)
        status = hold(t, &gate_x, &t->gate_x, error);
    if (status != MELE_OK)
        return status;
    const mele_i_joint_rows *rows = &t->joint.rows;
    const size_t asked = run->options->experts.max_epochs;
    t->coupled = (mele_i_coupled){
        .loss = loss,
        .shape = {run->model->clusters, rows->shape.outputs, rows->shape.classes, lambda,
                  like_em.least_variance},
        .joint = &t->joint, .gate_x = t->gate_x, .gate_columns = loss->gated ? gate_x.cols : 0,
        .ridge = t->experts.ridge, .gate_ridge = t->gate_options.ridge,
        .total_weight = mele_i_total_weight(t->weights, t->count),
        .max_iterations = asked > 0 ? asked : ITERATIONS,
        .tolerance = TOLERANCE, .gain = run->compared ? ROUGH_GAIN : GAIN, .told = STAGE,
        .engine = run->engine};
    return MELE_OK;
}

void mele_i_together_clear(mele_i_together *t)
{
    mele_i_joint_clear(&t->joint);
    mele_gate_free(t->gate);
    free(t->row);
    free(t->x);
    free(t->gate_x);
    free(t->y);
    free(t->weights);
    free(t->theta);
    free(t->reached);
    *t = (mele_i_together){.run = NULL};
}

/* ---- starts ---- */

/* One of them: what it moves. */
typedef struct start {
    double *theta;
    mele_gate *gate;
    mele_i_coupled_found found;
    double *weight;  /* K: of the rows, sums of w h; NULL: not judged */
    size_t doubtful; /* experts on a handful of rows */
} start;

static void clear_start(start *s)
{
    free(s->theta);
    mele_gate_free(s->gate);
    free(s->weight);
    *s = (start){.theta = NULL};
}

/* from: a gate to start from; NULL: equal weights. */
static mele_status begin_gate(const mele_i_together *t, const mele_gate *from, mele_engine *engine,
                              mele_gate **out, mele_error *error)
{
    mele_gate_options options = t->gate_options;
    const mele_i_scaling *scaling =
        mele_i_selection_scaling(&t->run->model->gate_features, &t->run->model->scaling);
    const mele_gate_data data = {
        .rows = t->count, .clusters = t->coupled.shape.clusters,
        .x = mele_rows_of_array(t->gate_x, t->count, t->coupled.gate_columns),
        .center = scaling->center, .scale = scaling->scale, .weights = t->weights};

    options.start = from;
    return mele_i_gate_begin(&data, &options, engine, out, error);
}

/* Minimise from the experts that theta has. */
static mele_status minimise(const mele_i_together *t, start *s, size_t number, bool again,
                            mele_engine *engine, mele_error *error)
{
    mele_i_coupled coupled = t->coupled;
    const mele_i_together_moved moved = {number, again, &coupled, s->theta, &s->found};

    coupled.gate = s->gate;
    coupled.weight = s->weight;
    coupled.engine = engine;
    return t->move == NULL ? mele_i_coupled_minimise(&coupled, s->theta, &s->found, error)
                           : t->move(t, &moved, error);
}

/* Room for theta: zeros, and the gate's parameters. */
static mele_status make_start(const mele_i_together *t, const mele_gate *gate, start *s,
                              mele_engine *engine, mele_error *error)
{
    mele_i_coupled coupled = t->coupled;
    mele_status status =
        coupled.loss->gated ? begin_gate(t, gate, engine, &s->gate, error) : MELE_OK;

    if (status != MELE_OK)
        return status;
    coupled.gate = s->gate;
    const mele_i_coupled_parts parts = mele_i_coupled_parts_of(&coupled);
    s->theta = MELE_I_ZEROED(double, parts.count);
    if (s->theta == NULL)
        return mele_i_no_memory(error);
    if (s->gate != NULL)
        s->gate->kind->get(s->gate, s->theta + parts.gate);
    return MELE_OK;
}

typedef struct search {
    mele_i_together *together;
    start *starts;
    start best; /* theta NULL: none yet */
} search;

/* Whether starts are told apart by experts on a handful of rows, too: there is a likelihood of targets. */
static bool judges(const mele_i_together *t)
{
    return t->coupled.loss->gated && t->coupled.shape.classes == 0 && t->move == NULL;
}

static mele_status judge(const mele_i_together *t, start *s, mele_error *error)
{
    const mele_i_coupled_shape *shape = &t->coupled.shape;
    const size_t K = shape->clusters, rank = t->joint.how->freedom(t->joint.form) / shape->outputs;
    double *variance = mele_i_array(K, shape->outputs * sizeof *variance);
    const mele_i_fitted fitted = {K, shape->outputs, s->weight, variance};

    if (variance == NULL)
        return mele_i_no_memory(error);
    mele_i_coupled_variances(shape, s->theta + K * t->joint.parameters, variance);
    for (size_t k = 0; k < K; k++)
        s->doubtful += mele_i_fitted_is_doubtful(&fitted, k, rank);
    free(variance);
    return MELE_OK;
}

/* A target that is constant tells no experts apart: all have its least variance from the start. */
static void know_constants(const mele_i_together *t, double *theta)
{
    const mele_i_coupled_shape *shape = &t->coupled.shape;
    const size_t count = t->coupled.loss->scales(shape);
    double *scales = theta + shape->clusters * t->joint.parameters;

    for (size_t i = 0; i < count; i++)
        if (t->joint.constant[i % shape->outputs])
            scales[i] = SMALL;
}

static mele_status draw_start(const mele_i_together *t, size_t r, start *s, mele_engine *engine,
                              mele_error *error)
{
    const mele_expert_options *options = &t->experts;
    mele_status status = make_start(t, NULL, s, engine, error);

    for (size_t k = 0; k < t->coupled.shape.clusters && status == MELE_OK; k++) {
        mele_i_stream stream = mele_i_stream_make(options->seed, MELE_I_FOR_JOINT, options->fold,
                                                  ((uint64_t)r << 32) + k);
        t->joint.how->draw(t->joint.form, &stream, s->theta + k * t->joint.parameters);
    }
    if (status == MELE_OK)
        know_constants(t, s->theta);
    return status;
}

static mele_status run_start(void *context, size_t r, mele_engine *engine, mele_error *error)
{
    const search *all = context;
    const mele_i_together *t = all->together;
    start *s = &all->starts[r];
    mele_status status = draw_start(t, r, s, engine, error);

    if (status == MELE_OK && judges(t)) {
        s->weight = MELE_I_ARRAY(double, t->coupled.shape.clusters);
        status = s->weight == NULL ? mele_i_no_memory(error) : MELE_OK;
    }
    if (status == MELE_OK)
        status = minimise(t, s, r, false, engine, error);
    return status == MELE_OK && judges(t) ? judge(t, s, error) : status;
}

/* The first of the best. */
static bool is_better(const start *s, const start *best)
{
    return best->theta == NULL || s->doubtful < best->doubtful
           || (s->doubtful == best->doubtful && s->found.value < best->found.value);
}

static void take_start(void *context, size_t r)
{
    search *all = context;
    start *s = &all->starts[r];

    all->together->reached[r] = s->found.value;
    if (is_better(s, &all->best)) {
        clear_start(&all->best);
        all->best = *s;
        *s = (start){.theta = NULL};
    }
    clear_start(s);
}

static void keep(mele_i_together *t, start *s)
{
    free(t->theta);
    mele_gate_free(t->gate);
    t->theta = s->theta;
    t->gate = s->gate;
    t->found = s->found;
    free(s->weight);
    *s = (start){.theta = NULL};
}

mele_status mele_i_together_search(mele_i_together *t, size_t starts, mele_error *error)
{
    search all = {.together = t, .starts = MELE_I_ZEROED(start, starts)};
    const mele_i_tasks tasks = {.count = starts,
                                .run = run_start,
                                .take = take_start,
                                .context = &all,
                                .stage = starts > 1 ? STAGE : NULL};
    mele_status status = MELE_ENOMEM;

    t->starts = starts;
    t->reached = MELE_I_ARRAY(double, starts);
    if (all.starts == NULL || t->reached == NULL)
        mele_i_no_memory(error);
    else
        status = mele_i_tasks_run(t->run->engine, &tasks, error);
    if (status == MELE_OK)
        keep(t, &all.best);
    clear_start(&all.best);
    for (size_t r = 0; r < starts && all.starts != NULL; r++)
        clear_start(&all.starts[r]);
    free(all.starts);
    return status;
}

mele_status mele_i_together_continue(mele_i_together *t, const mele_i_together_start *from,
                                     mele_error *error)
{
    const size_t at = t->coupled.shape.clusters * t->joint.parameters;
    start s = {.theta = NULL};
    mele_status status = make_start(t, from->gate, &s, t->run->engine, error);

    if (status == MELE_OK && !mele_i_joint_start(&t->joint, from->experts, s.theta))
        status = mele_i_fail(error, MELE_EINVAL,
                             "experts of another kind or size cannot be gone on from");
    if (status == MELE_OK && from->scales != NULL)
        memcpy(s.theta + at, from->scales,
               t->coupled.loss->scales(&t->coupled.shape) * sizeof *s.theta);
    if (status == MELE_OK)
        status = minimise(t, &s, 0, true, t->run->engine, error);
    if (status == MELE_OK)
        keep(t, &s);
    clear_start(&s);
    return status;
}

/* ---- the parts ---- */

const double *mele_i_together_scales(const mele_i_together *t)
{
    return t->theta + t->coupled.shape.clusters * t->joint.parameters;
}

static mele_status make_experts(const mele_i_together *t, double *numbers, mele_experts **out,
                                mele_error *error)
{
    const mele_i_coupled_shape *shape = &t->coupled.shape;
    const size_t K = shape->clusters;
    double *weight = numbers, *variance = numbers + K;

    for (size_t k = 0; k < K; k++)
        weight[k] = t->coupled.total_weight;
    for (size_t i = 0; i < K * shape->outputs; i++)
        variance[i] = 1;
    if (t->coupled.loss->scales(shape) > 0)
        mele_i_coupled_variances(shape, mele_i_together_scales(t), variance);
    return mele_i_joint_experts(&t->joint, K, t->theta, weight, variance, out, error);
}

mele_status mele_i_together_finish(mele_i_together *t, mele_experts **experts, mele_gate **gate,
                                   mele_error *error)
{
    const mele_i_coupled_shape *shape = &t->coupled.shape;
    double *numbers = MELE_I_ARRAY(double, shape->clusters * (1 + shape->outputs));
    mele_experts *made = NULL;
    mele_status status =
        numbers == NULL ? mele_i_no_memory(error) : make_experts(t, numbers, &made, error);

    free(numbers);
    if (status == MELE_OK && t->gate == NULL)
        status = mele_i_gate_constant_make(NULL, shape->clusters, &t->gate, error);
    else if (status == MELE_OK)
        mele_i_gate_end(t->gate);
    if (status != MELE_OK) {
        mele_experts_free(made);
        return status;
    }
    *experts = made;
    *gate = t->gate;
    t->gate = NULL;
    return MELE_OK;
}
