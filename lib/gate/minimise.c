/* The minimum of the penalised mean loss F (train.c), from the parameters that a gate has.
 *
 * All ways are one search (engine/lbfgs.c), which never ends above its start, and differ in the matrix
 * that it divides gradients by. With p parameters a Hessian takes about p^2 / 2 multiply-adds a row
 * where value and gradient take some 2 p and K exponentials.
 *   Newton   the Hessian of all rows (curvature.c), before every iteration: where it is cheap
 *   part     the Hessian of every m-th row. Newton's method on these rows alone comes first: what it
 *            finds is near the minimum of all rows, where few iterations are left. If F is not lower
 *            there, the search starts where the gate was. The matrix is taken anew every RENEWED
 *            iterations
 *   plain    none: kinds without second derivatives, too many parameters, or so many beside the rows that
 *            the ridge decides most of them
 * For the likelihood and the squared error F need not be convex: the result is a local minimum. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/lbfgs.h"
#include "gate/curvature.h"
#include "gate/kind.h"
#include "gate/part.h"

#define PAIRS 10               /* of L-BFGS */
#define FEW 3
#define RENEWED 15             /* iterations with one matrix of a part */
#define MOST_PARAMETERS 2500   /* with a matrix, of 50 MB */
#define NEWTON_WORK 4e7        /* multiply-adds of a Hessian that is taken of all rows, anyway */
#define LEAST_PART 2           /* rows of a part, a parameter */
#define CONVEX_SHARE 0.12      /* 14 / c, see mele_i_gate_part_step() */
#define OTHER_SHARE 0.035
#define NEWTON_TOLERANCE 1e-10 /* of the gradient, unless the options have one: by all rows, */
#define PART_TOLERANCE 1e-8    /* by a part of them where F is convex, */
#define PLAIN_TOLERANCE 1e-5   /* and else: of F that is not convex it takes long to tell flat from least */
#define FIRST_TOLERANCE 1e-3   /* of the gradient on a part of the rows, whose minimum is another */

/* One search: the objective and, if there is one, what gives its matrix. */
typedef struct search {
    mele_i_gate_objective *objective;
    mele_i_gate_curvature *curvature;
    size_t renewed; /* iterations with one matrix */
    bool first;     /* another search follows: told as its start */
} search;

static mele_status evaluate(void *context, const double *theta, double *value, double *gradient,
                            mele_error *error)
{
    const search *s = context;

    return mele_i_gate_evaluate(s->objective, theta, value, gradient, error);
}

static mele_status tell(void *context, size_t iteration, double value, mele_error *error)
{
    const search *s = context;
    const mele_i_gate_training *training = s->objective->training;

    return mele_i_progress(training->engine, "gate", s->first ? 0 : iteration,
                           training->options->max_iterations, value + s->objective->offset, error);
}

static mele_status curve(void *context, const double *theta, const double *gradient, size_t done,
                         bool *exact, mele_error *error)
{
    const search *s = context;

    if (done % s->renewed != 0)
        return MELE_OK;
    mele_status status = mele_i_gate_curvature_at(s->curvature, theta, gradient, error);
    if (status == MELE_OK && !mele_i_gate_curvature_factor(s->curvature))
        status = mele_i_fail(error, MELE_EDATA, "gate: second derivatives are not finite");
    *exact = s->renewed == 1;
    return status;
}

static void solve(const void *context, double *vector)
{
    const search *s = context;

    mele_i_gate_curvature_solve(s->curvature, vector);
}

static double own_tolerance(const search *s)
{
    if (s->curvature == NULL)
        return PLAIN_TOLERANCE;
    if (s->renewed == 1)
        return NEWTON_TOLERANCE;
    return s->objective->training->loss->is_convex ? PART_TOLERANCE : PLAIN_TOLERANCE;
}

/* least: a tolerance that is enough. */
static mele_status run(search *s, double least, double *theta, double *room,
                       mele_i_lbfgs_info *found, mele_error *error)
{
    const mele_gate *gate = s->objective->gate;
    const double asked = s->objective->training->options->tolerance;
    size_t factors;
    const mele_i_lbfgs_problem problem = {
        .count = mele_i_gate_parameters(gate, &factors), .memory = PAIRS,
        .max_iterations = s->objective->training->options->max_iterations,
        .tolerance = fmax(least, asked > 0 ? asked : own_tolerance(s)), .objective = evaluate, .tell = tell,
        .curve = s->curvature == NULL ? NULL : curve,
        .solve = s->curvature == NULL ? NULL : solve, .context = s};

    return mele_i_lbfgs(&problem, theta, room, found, error);
}

/* ---- the ways ---- */

static mele_status with_all_rows(mele_i_gate_objective *objective, double *theta, double *room,
                                 mele_i_lbfgs_info *found, mele_error *error)
{
    mele_i_gate_curvature curvature;
    search s = {objective, &curvature, 1, false};
    mele_status status = mele_i_gate_curvature_make(&curvature, objective, error);

    if (status == MELE_OK)
        status = run(&s, 0, theta, room, found, error);
    mele_i_gate_curvature_free(&curvature);
    return status;
}

static mele_status without_matrix(mele_i_gate_objective *objective, double *theta, double *room,
                                  mele_i_lbfgs_info *found, mele_error *error)
{
    search s = {objective, NULL, 0, false};

    return run(&s, 0, theta, room, found, error);
}

/* nearer (p numbers, then room for as many) becomes theta where F is not lower there. */
static mele_status start_from_lower(mele_i_gate_objective *objective, size_t count,
                                    const double *theta, double *nearer, mele_error *error)
{
    double *gradient = nearer + count, here, there = 0;
    mele_status status = mele_i_gate_evaluate(objective, theta, &here, gradient, error);

    if (status == MELE_OK)
        status = mele_i_gate_evaluate(objective, nearer, &there, gradient, error);
    if (status == MELE_OK && !(there < here))
        memcpy(nearer, theta, count * sizeof *theta);
    return status;
}

/* Few iterations from a gate are to better it: it is nearer than what a part of the rows would find. */
static bool is_near(const mele_gate_options *options)
{
    return options->start != NULL && options->max_iterations <= FEW;
}

/* nearer: room for 2 p numbers. */
static mele_status search_by_part(mele_i_gate_objective *objective, mele_i_gate_curvature *curvature,
                                  double *theta, double *nearer, double *room,
                                  mele_i_lbfgs_info *found, mele_error *error)
{
    const size_t count = curvature->count;
    search part = {curvature->objective, curvature, 1, true};
    search all = {objective, curvature, RENEWED, false};

    const bool near = is_near(objective->training->options);
    memcpy(nearer, theta, count * sizeof *theta);
    mele_status status =
        near ? MELE_OK : run(&part, FIRST_TOLERANCE, nearer, room, found, error);
    if (status == MELE_OK && !near)
        status = start_from_lower(objective, count, theta, nearer, error);
    if (status == MELE_OK)
        status = run(&all, 0, nearer, room, found, error);
    if (status == MELE_OK)
        memcpy(theta, nearer, count * sizeof *theta);
    return status;
}

static mele_status with_part(mele_i_gate_objective *objective, size_t step, double *theta,
                             double *room, mele_i_lbfgs_info *found, mele_error *error)
{
    mele_i_gate_curvature curvature = {0};
    mele_i_gate_part part;
    mele_i_gate_objective of_part = *objective;
    double *nearer = NULL;
    mele_status status = mele_i_gate_part_make(&part, objective->training,
                                               mele_i_gate_needs_of(objective), step, error);

    of_part.training = &part.training;
    if (status == MELE_OK)
        status = mele_i_gate_curvature_make(&curvature, &of_part, error);
    if (status == MELE_OK && (nearer = MELE_I_ARRAY(double, 2 * curvature.count)) == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK && part.training.total_weight > 0)
        status = search_by_part(objective, &curvature, theta, nearer, room, found, error);
    else if (status == MELE_OK)
        status = without_matrix(objective, theta, room, found, error);
    free(nearer);
    mele_i_gate_curvature_free(&curvature);
    mele_i_gate_part_free(&part);
    return status;
}

/* With m the step, R what a Hessian costs in evaluations and r = n / p, some 7 Hessians of n / m rows
 * come first, and c (m / r)^(1/2) iterations follow: together they take least for
 * m = (14 R / c)^(2/3) r^(1/3). Measured to a gradient of 1e-8, with p from 144 to 401 and r from 70 to
 * 1800: by cross-entropy, which is convex, parts of 5 p to 20 p rows were best, by likelihood of 50 p. */
size_t mele_i_gate_part_step(const mele_gate *gate, const mele_i_gate_training *training)
{
    const mele_gate_data *data = training->data;
    size_t factors;
    const double count = (double)mele_i_gate_parameters(gate, &factors);
    const double rows = (double)data->rows;
    const double pass = 4 * (double)mele_i_gate_work(gate)
                        + (double)gate->clusters * (24 + 4 * (double)mele_i_gate_outputs(data));

    if (!mele_i_gate_is_curved(gate) || count > MOST_PARAMETERS || rows < LEAST_PART * count)
        return 0;
    const double work = mele_i_gate_curvature_work(gate);
    if (rows * work + mele_i_gate_factor_work(gate) <= NEWTON_WORK)
        return 1;
    const double share = training->loss->is_convex ? CONVEX_SHARE : OTHER_SHARE;
    const double step = cbrt(pow(share * work / pass, 2) * rows / count);
    return (size_t)fmax(1, fmin(step, rows / (LEAST_PART * count)));
}

static mele_status minimise(mele_i_gate_objective *objective, size_t step, double *theta, double *room,
                            mele_gate_info *info, mele_error *error)
{
    mele_gate *gate = objective->gate;
    size_t factors, count = mele_i_gate_parameters(gate, &factors);
    mele_i_lbfgs_info found;

    gate->kind->get(gate, theta);
    for (size_t i = 0; i < factors; i++)
        theta[i] = log(theta[i]);
    mele_status status = step == 0   ? without_matrix(objective, theta, room, &found, error)
                         : step == 1 ? with_all_rows(objective, theta, room, &found, error)
                                     : with_part(objective, step, theta, room, &found, error);
    if (status != MELE_OK)
        return status;
    mele_i_gate_from_theta(theta, count, factors, objective->parameters);
    gate->kind->set(gate, objective->parameters);
    info->iterations = found.iterations;
    info->converged = found.converged;
    return MELE_OK;
}

mele_status mele_i_gate_train(mele_gate *gate, const mele_i_gate_training *training, size_t step,
                              mele_gate_info *info, mele_error *error)
{
    size_t factors, count = mele_i_gate_parameters(gate, &factors);
    double *theta = MELE_I_ARRAY(double, 2 * count);
    double *memory = MELE_I_ARRAY(double, mele_i_lbfgs_room(count, PAIRS));
    double *sums = MELE_I_ARRAY(double, 2 + count);
    mele_i_gate_objective objective = {.gate = gate, .training = training, .backward = true,
                                       .sums = sums};
    mele_status status;

    if (theta == NULL || memory == NULL || sums == NULL) {
        status = mele_i_no_memory(error);
    } else {
        objective.parameters = theta + count;
        status = minimise(&objective, step, theta, memory, info, error);
    }
    free(sums);
    free(memory);
    free(theta);
    return status;
}
