/* Families trained by EM (fit/em.c has its mathematics).
 *
 * Random starts are of two kinds, in turn. Responsibilities of a row are drawn uniformly from all that sum to one
 * (exponentials over their sum), so that all experts are near the global one at first, and drift apart where
 * that gains most. Or OWN of a row is of the cell of random prototypes that it is in (partition/random.c, of what
 * the gate sees). The first kind comes to better maxima where cells say little (friedman1, ten features); but near
 * the global expert a step gains little, and starts that ended there were most of those of Old Faithful, all ten
 * of seed 1 with K 2 (P -192 at last, for the -98 to which every start from cells comes). So while
 * responsibilities tell less of a row than APART of what they could, no gain above FINE ends a start.
 *
 * Starts compete. Each goes on until a step gains less than ROUGH a unit of weight, which takes a part of
 * the steps; the best goes on to FINE (of fits that are compared, choice.c, to
 * COMPARED and ROUGH). Starts are ranked by the number of experts on a handful of rows
 * (doubtful.c), fewest first, then by the penalised log-likelihood.
 *
 * Steps are cheap. The gate takes GATE_ITERATIONS of Newton's method towards the minimum in each, and linear
 * experts are solved by normal equations until ROUGH, by what --solver says after that. P never falls by
 * either, since a step compares what it has measured, and its maxima are the same, though a start may come to
 * another. concrete (K 8) came to the same one after as many steps; 20000 rows of 16 features, 16 experts, 10
 * steps and refits took 2.0 s in place of 4.5 s. */
#include "family/by_em.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/stream.h"
#include "engine/pass.h"
#include "engine/rows.h"
#include "expert/expert.h"
#include "family/alone.h"
#include "family/doubtful.h"
#include "family/leave_out.h"
#include "family/order.h"
#include "family/parts.h"
#include "fit/refining.h"
#include "fit/report.h"
#include "fit/stages.h"
#include "gate/constant.h"
#include "schema/data.h"

#define STAGE "family"
#define ROUGH 1e-4
#define FINE 1e-7
#define COMPARED 1e-3 /* in place of ROUGH where fits are compared and thrown away, and ROUGH in place of FINE */
#define ROUGH_SOLVER "normal"
#define GATE_ITERATIONS 2
#define GATE_RIDGE 0.1
#define OWN 0.9
#define APART 0.2       /* what responsibilities tell of rows, 0 to 1: experts with less are alike */
#define ALIKE_STEPS 10
#define MANY_NUMBERS ((size_t)1 << 21) /* of responsibilities: starts run in turn, each with all threads */

/* ---- the rows ---- */

/* They are passed over many times: what is not in memory is, once, unless it is too much for it. */
static mele_status hold_rows(mele_i_by_em *by, mele_error *error)
{
    mele_i_mixture_rows *rows = &by->problem.rows;
    mele_engine *engine = by->run->engine;
    const bool same = mele_i_selection_equal(&by->run->model->gate_features,
                                             &by->run->model->expert_features);
    mele_status status = MELE_OK;

    if (by->run->features.windows != NULL)
        return MELE_OK;
    status = mele_i_rows_hold(&rows->x, &by->x, engine, error);
    if (same)
        rows->gate_x = rows->x;
    else if (status == MELE_OK && by->problem.gaussians == NULL)
        status = mele_i_rows_hold(&rows->gate_x, &by->gate_x, engine, error);
    return status == MELE_OK ? mele_i_rows_hold(&rows->targets.values, &by->y, engine, error) : status;
}

/* The Gaussians' points, whose log densities count, too. */
static mele_status find_points(mele_i_by_em *by, mele_error *error)
{
    mele_i_run *run = by->run;
    double *units = NULL;
    mele_status status = mele_i_run_coordinates(run, false, true, &by->points, error);

    by->gaussians = (mele_i_em_gaussians){by->points.rows, run->options->partition};
    by->problem.gaussians = &by->gaussians;
    if (status == MELE_OK)
        status = mele_i_space_units(&run->model->space, &units, error);
    for (size_t j = 0; units != NULL && j < by->points.rows.cols; j++)
        by->units += by->problem.total_weight * log(units[by->points.rows.cols + j]);
    free(units);
    return status;
}

mele_status mele_i_by_em_make(mele_i_run *run, const mele_gate_options *gate, mele_i_by_em *by,
                              mele_error *error)
{
    *by = (mele_i_by_em){.run = run, .steps = run->options->family.em_iterations};
    mele_status status = MELE_OK;

    mele_i_refining_problem(run, run->options->experts.kind, &by->problem);
    by->problem.tolerance = run->compared ? COMPARED : ROUGH;
    by->problem.gate_iterations = GATE_ITERATIONS;
    if (!mele_options_given(run->options, "solver"))
        by->problem.experts.solver = ROUGH_SOLVER;
    by->units = mele_i_family_units(run);
    if (gate != NULL)
        by->problem.gate = *gate;
    else
        status = find_points(by, error);
    return status == MELE_OK ? hold_rows(by, error) : status;
}

void mele_i_by_em_clear(mele_i_by_em *by)
{
    if (by->em.problem != NULL)
        mele_i_em_clear(&by->em);
    free(by->points.owned);
    free(by->x);
    free(by->gate_x);
    free(by->y);
    free(by->reached);
    json_decref(by->more);
    *by = (mele_i_by_em){.run = NULL};
}

/* ---- doubtful experts ---- */

static size_t count_doubtful(const mele_i_em *em)
{
    const size_t K = em->problem->rows.clusters;
    const mele_i_fitted fitted = {K, mele_i_mixture_parts(&em->problem->rows.targets),
                                  em->sums.weight, em->variance};
    size_t count = 0;

    for (size_t k = 0; k < K && em->variance != NULL; k++)
        count += mele_i_fitted_is_doubtful(&fitted, k, mele_i_experts_facts(em->experts, k).rank);
    return count;
}

/* ---- starts ---- */

static mele_status take_steps(mele_i_em *em, size_t most, mele_engine *engine, mele_error *error)
{
    mele_status status = MELE_OK;

    while (status == MELE_OK && !em->converged && em->steps < most) {
        status = mele_i_em_step(em, error);
        if (status == MELE_OK)
            status = mele_i_progress(engine, STAGE, em->steps, most,
                                     em->sums.log_likelihood, error);
    }
    return status;
}

static void draw_shares(mele_i_stream *stream, size_t rows, size_t clusters, double *out)
{
    for (size_t i = 0; i < rows; i++, out += clusters) {
        double sum = 0;
        for (size_t k = 0; k < clusters; k++)
            sum += out[k] = -log1p(-mele_i_stream_uniform(stream));
        for (size_t k = 0; k < clusters; k++)
            out[k] = sum > 0 ? out[k] / sum : 1 / (double)clusters;
    }
}

void mele_i_by_em_soften(const uint32_t *labels, size_t rows, size_t clusters, double *out)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < clusters; k++)
            *out++ = (1 - OWN) / (double)clusters + (labels[i] == k ? OWN : 0);
}

/* Of several starts: the problem of each, whose passes are its task's. */
typedef struct search {
    mele_i_by_em *by;
    mele_i_em_problem *problem;
    mele_i_em *em; /* problem NULL: not there */
} search;

/* Where the gate looks. */
static mele_rows seen_by_gate(const mele_i_em_problem *problem)
{
    return problem->gaussians != NULL ? problem->gaussians->points : problem->rows.gate_x;
}

/* The cell of every row around prototypes that start r draws. */
static mele_status draw_cells(const mele_i_by_em *by, const mele_i_em_problem *problem, size_t r,
                              uint32_t *labels, mele_error *error)
{
    const mele_rows rows = seen_by_gate(problem);
    mele_partition_options options = mele_partition_defaults();
    mele_partition *cells = NULL;

    options.method = options.init = "random";
    options.clusters = problem->rows.clusters;
    options.restarts = 1;
    options.seed = by->run->options->seed;
    options.fold = ((uint64_t)r << 32) + by->run->options->experts.fold;
    if (problem->gaussians == NULL) {
        options.center = problem->gate_center;
        options.scale = problem->gate_scale;
    }
    mele_status status = mele_partition_fit_rows(&rows, problem->rows.weights, &options,
                                                 problem->engine, &cells, NULL, error);
    if (status == MELE_OK)
        status = mele_partition_assign(cells, &rows, problem->engine, labels, error);
    mele_partition_free(cells);
    return status;
}

static mele_status draw_cell_shares(const mele_i_by_em *by, const mele_i_em_problem *problem, size_t r,
                                    double *out, mele_error *error)
{
    const size_t rows = problem->rows.rows;
    uint32_t *labels = MELE_I_ARRAY(uint32_t, rows);
    mele_status status = labels == NULL ? mele_i_no_memory(error)
                                        : draw_cells(by, problem, r, labels, error);

    if (status == MELE_OK)
        mele_i_by_em_soften(labels, rows, problem->rows.clusters, out);
    free(labels);
    return status;
}

/* Where there are cells to draw. */
static bool begins_with_cells(const mele_i_em_problem *problem, size_t r)
{
    return r % 2 == 1 && seen_by_gate(problem).cols > 0
           && problem->rows.clusters <= problem->rows.rows;
}

static mele_status start_random(const mele_i_by_em *by, const mele_i_em_problem *problem, size_t r,
                                mele_i_em *em, mele_error *error)
{
    const size_t rows = problem->rows.rows, K = problem->rows.clusters;
    double *shares = mele_i_large_array(rows, K * sizeof *shares);
    mele_status status = shares == NULL ? mele_i_no_memory(error) : MELE_OK;

    if (status == MELE_OK && begins_with_cells(problem, r)) {
        status = draw_cell_shares(by, problem, r, shares, error);
    } else if (status == MELE_OK) {
        mele_i_stream stream = mele_i_stream_make(by->run->options->seed, MELE_I_FOR_EM,
                                                  by->run->options->experts.fold, r);
        draw_shares(&stream, rows, K, shares);
    }
    if (status == MELE_OK)
        status = mele_i_em_start_shares(problem, shares, em, error);
    free(shares);
    return status;
}

/* What a row's responsibilities tell of it, in the mean, as a share of all that they could:
 * sum_i w_i sum_k h_ik log(h_ik / h_k) / (W log K), h_k the mean of h_ik. */
static double told_apart(const mele_i_em *em)
{
    const mele_i_mixture_rows *rows = &em->problem->rows;
    const size_t K = rows->clusters;
    const double *h = em->shares;
    double total = 0, told = 0;

    for (size_t i = 0; i < rows->rows; i++) {
        const double weight = rows->weights == NULL ? 1 : rows->weights[i];
        total += weight;
        for (size_t k = 0; k < K && weight > 0; k++, h++)
            told += *h > 0 ? weight * *h * log(*h) : 0;
        h += weight > 0 ? 0 : K;
    }
    for (size_t k = 0; k < K; k++)
        if (em->sums.weight[k] > 0)
            told -= em->sums.weight[k] * log(em->sums.weight[k] / total);
    return told / (total * log((double)K));
}

/* Steps of a start. Where experts are alike still, little is gained by each, and yet there is more to come. */
static mele_status settle_start(mele_i_em *em, mele_i_em_problem *problem, size_t most,
                                mele_engine *engine, mele_error *error)
{
    const double rough = problem->tolerance;

    for (;;) {
        mele_status status = take_steps(em, most, engine, error);
        if (status != MELE_OK || !em->converged || told_apart(em) >= APART)
            return status;
        em->converged = false;
        problem->tolerance = FINE;
        status = take_steps(em, most - em->steps > ALIKE_STEPS ? em->steps + ALIKE_STEPS : most, engine,
                            error);
        problem->tolerance = rough;
        if (status != MELE_OK || em->converged)
            return status;
    }
}

static mele_status run_start(void *context, size_t r, mele_engine *engine, mele_error *error)
{
    search *all = context;
    mele_i_em_problem *problem = &all->problem[r];

    *problem = all->by->problem;
    problem->engine = engine;
    mele_status status = start_random(all->by, problem, r, &all->em[r], error);
    return status == MELE_OK ? settle_start(&all->em[r], problem, all->by->steps, engine, error)
                             : status;
}

/* The first of the best. */
static void take_start(void *context, size_t r)
{
    search *all = context;
    mele_i_by_em *by = all->by;
    mele_i_em *em = &all->em[r];
    const size_t doubtful = count_doubtful(em);

    by->reached[r] = em->objective;
    if (by->em.problem == NULL || doubtful < by->doubtful
        || (doubtful == by->doubtful && em->objective > by->em.objective)) {
        mele_i_em best = *em;
        *em = by->em;
        by->em = best;
        by->em.problem = &by->problem;
        by->doubtful = doubtful;
    }
    if (em->problem != NULL)
        mele_i_em_clear(em);
}

static bool runs_in_turn(const mele_i_by_em *by)
{
    const mele_i_mixture_rows *rows = &by->problem.rows;

    return by->run->features.windows != NULL || rows->rows > MANY_NUMBERS / rows->clusters;
}

mele_status mele_i_by_em_search(mele_i_by_em *by, size_t starts, mele_error *error)
{
    search all = {by, MELE_I_ZEROED(mele_i_em_problem, starts), MELE_I_ZEROED(mele_i_em, starts)};
    const mele_i_tasks tasks = {.count = starts, .run = run_start, .take = take_start, .context = &all,
                                .stage = starts > 1 ? STAGE : NULL, .in_turn = runs_in_turn(by)};
    mele_status status = MELE_ENOMEM;

    by->starts = starts;
    by->reached = MELE_I_ZEROED(double, starts);
    if (all.problem == NULL || all.em == NULL || by->reached == NULL)
        mele_i_no_memory(error);
    else
        status = mele_i_tasks_run(by->run->engine, &tasks, error);
    for (size_t r = 0; r < starts && all.em != NULL; r++)
        if (all.em[r].problem != NULL)
            mele_i_em_clear(&all.em[r]);
    free(all.problem);
    free(all.em);
    return status;
}

mele_status mele_i_by_em_begin(mele_i_by_em *by, const double *shares, mele_error *error)
{
    return mele_i_em_start_shares(&by->problem, shares, &by->em, error);
}

mele_status mele_i_by_em_begin_with(mele_i_by_em *by, const mele_experts *experts, const mele_gate *gate,
                                    mele_error *error)
{
    by->trained = true;
    return mele_i_em_start(&by->problem, experts, gate, &by->em, error);
}

mele_status mele_i_by_em_go_on(mele_i_by_em *by, mele_error *error)
{
    by->problem.tolerance = by->run->compared ? ROUGH : FINE;
    if (!by->run->compared)
        by->problem.experts.solver = by->run->options->experts.solver;
    by->em.converged = false;
    mele_status status = take_steps(&by->em, by->steps, by->run->engine, error);
    by->doubtful = status == MELE_OK ? count_doubtful(&by->em) : 0;
    return status;
}

/* ---- without the rows of a fold ---- */

/* From the responsibilities of the rows that are left, and from the gate; or from experts and gate. */
static mele_status begin_again(const mele_i_by_em *whole, const size_t *rows, mele_i_by_em *by,
                               mele_error *error)
{
    const size_t count = by->problem.rows.rows, K = by->problem.rows.clusters;

    if (whole->trained)
        return mele_i_by_em_begin_with(by, whole->em.experts, whole->em.gate, error);
    double *shares = mele_i_large_array(count, K * sizeof *shares);
    if (shares == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < count; i++)
        memcpy(shares + i * K, whole->em.shares + rows[i] * K, K * sizeof *shares);
    mele_status status = mele_i_by_em_begin(by, shares, error);
    free(shares);
    return status;
}

/* The parts become a model's. */
static mele_status install(mele_i_em *em, mele_model *model, mele_error *error)
{
    mele_partition *partition = em->partition;

    model->experts = em->experts;
    model->gate = em->gate;
    em->experts = NULL;
    em->gate = NULL;
    em->partition = NULL;
    return partition == NULL ? MELE_OK : mele_i_model_set_partition(model, partition, error);
}

static mele_status refit(const void *context, mele_i_run *run, const size_t *rows, mele_error *error)
{
    const mele_i_by_em *whole = context;
    const bool gaussians = whole->problem.gaussians != NULL;
    mele_i_by_em by;
    mele_status status = mele_i_by_em_make(run, gaussians ? NULL : &whole->problem.gate, &by, error);

    if (!gaussians)
        by.problem.gate.start = whole->em.gate;
    if (status == MELE_OK)
        status = begin_again(whole, rows, &by, error);
    if (status == MELE_OK)
        status = take_steps(&by.em, whole->trained ? whole->steps : whole->em.steps, run->engine, error);
    if (status == MELE_OK)
        status = install(&by.em, run->model, error);
    mele_i_by_em_clear(&by);
    return status;
}

/* ---- what is told ---- */

/* Errors a row, as those of stage 2. */
static void fill_infos(const mele_i_em *em)
{
    const size_t parts = mele_i_mixture_parts(&em->problem->rows.targets);

    for (size_t k = 0; k < em->problem->rows.clusters; k++) {
        mele_expert_info *info = &em->info[k];
        info->rows = em->sums.weight[k];
        info->own = 1;
        info->fallback = false;
        info->error = 0;
        info->left_out = NAN;
        for (size_t t = 0; t < parts; t++)
            info->error += em->sums.loss[k * parts + t] / em->sums.weight[k] / (double)parts;
    }
}

static json_t *more_of(const mele_i_by_em *by)
{
    json_t *object = json_object();

    if (mele_i_json_put(object, "penalised", mele_i_report_real(by->em.objective - by->units))
        && (by->starts == 0 || mele_i_json_put(object, "starts",
                                              mele_i_family_starts(by->reached, by->starts, 1, by->units)))
        && (by->more == NULL || json_object_update(object, by->more) == 0))
        return object;
    json_decref(object);
    return NULL;
}

static void warn(const mele_i_by_em *by)
{
    mele_i_family_warn_idle(by->run, by->em.sums.weight);
    mele_i_family_warn_of_doubtful(by->run, by->doubtful);
}

/* Experts of random starts are numbered by what they are, last of all. */
static mele_status number(mele_i_by_em *by, mele_error *error)
{
    mele_i_em *em = &by->em;
    const mele_i_family_exchangeable parts = {.experts = em->experts, .gate = em->gate,
                                              .partition = em->partition, .info = em->info};
    mele_status status =
        by->starts == 0 ? MELE_OK : mele_i_family_number(by->run, &parts, error);

    for (size_t k = 0; k < em->problem->rows.clusters; k++)
        em->sums.weight[k] = em->info[k].rows;
    return status;
}

/* The variances become those of rows left out, and all is what the model and the report are to have. */
static mele_status settle(mele_i_by_em *by, mele_i_mixture_said *said, mele_error *error)
{
    mele_i_em *em = &by->em;
    double *variance = em->variance;
    mele_status status = mele_i_family_leave_out(by->run, refit, by, false, variance, said, error);

    if (status != MELE_OK)
        return status;
    fill_infos(em);
    if (variance != NULL)
        mele_i_experts_set_variances(em->experts, variance);
    status = number(by, error);
    if (status == MELE_OK)
        warn(by);
    return status;
}

static mele_status finish(mele_i_by_em *by, mele_i_mixture_said *said, mele_error *error)
{
    mele_i_em *em = &by->em;
    mele_i_family_result result = {
        .info = em->info, .iterates = true, .iterations = em->steps, .converged = em->converged,
        .log_likelihood = em->sums.log_likelihood + em->log_density - by->units,
        .more = more_of(by)};
    mele_status status = result.more == NULL ? mele_i_no_memory(error) : settle(by, said, error);

    if (status != MELE_OK) {
        json_decref(result.more);
        return status;
    }
    status = install(em, by->run->model, error);
    result.experts = by->run->model->experts;
    result.gate = by->run->model->gate;
    by->run->model->experts = NULL;
    by->run->model->gate = NULL;
    if (status == MELE_OK)
        return mele_i_family_finish(by->run, &result, error);
    mele_experts_free(result.experts);
    mele_gate_free(result.gate);
    json_decref(result.more);
    return status;
}

mele_status mele_i_by_em_finish(mele_i_by_em *by, mele_error *error)
{
    mele_i_mixture_said said = {.mean = NULL};
    mele_status status = finish(by, &said, error);

    mele_i_mixture_said_clear(&said);
    return status;
}

/* ---- families with a gate on features ---- */

/* The expert of the family one. */
static mele_status fit_one(mele_i_run *run, mele_error *error)
{
    mele_expert_info info[2];
    mele_i_family_result result = {.info = info, .log_likelihood = NAN};
    mele_status status = mele_i_family_alone(run, false, &result.experts, info, error);

    if (status == MELE_OK)
        status = mele_i_gate_constant_make(NULL, 1, &result.gate, error);
    if (status == MELE_OK)
        return mele_i_family_finish(run, &result, error);
    mele_experts_free(result.experts);
    return status;
}

mele_status mele_i_family_by_em(mele_i_run *run, const mele_gate_options *gate, const double *shares,
                                mele_error *error)
{
    const size_t K = run->model->clusters;
    mele_i_by_em by;
    mele_status status;

    if (K == 1)
        return fit_one(run, error);
    status = mele_i_by_em_make(run, gate, &by, error);
    if (status == MELE_OK)
        status = shares == NULL
                     ? mele_i_by_em_search(&by, run->options->partition.restarts, error)
                     : mele_i_by_em_begin(&by, shares, error);
    if (status == MELE_OK)
        status = mele_i_by_em_go_on(&by, error);
    if (status == MELE_OK)
        status = mele_i_by_em_finish(&by, error);
    mele_i_by_em_clear(&by);
    return status;
}

/* ---- options ---- */

void mele_i_by_em_settle(mele_options *options)
{
    if (!mele_options_given(options, "gate-ridge"))
        options->gate.ridge = GATE_RIDGE;
}

mele_status mele_i_by_em_check(const mele_data *data, const mele_options *options, mele_error *error)
{
    (void)data;
    if (options->family.em_iterations == 0)
        return mele_i_fail(error, MELE_EINVAL, "--em-iter 0 leaves the family %s where it starts: give at least 1",
                           options->family.name);
    if (options->experts.ridge == MELE_RIDGE_GCV)
        return mele_i_fail(error, MELE_EINVAL, "the family %s maximises one penalised likelihood, and --ridge gcv "
                           "is a penalty that changes from step to step: give a number", options->family.name);
    return MELE_OK;
}
