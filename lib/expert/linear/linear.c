/* Linear experts: least squares in every region and over all rows, in one pass.
 *
 * factors.c reduces every region's rows to a small triangle, or to moments; absent.c
 * finds columns that are constant in a region; reduced.c solves the small problems, as tasks;
 * left_out.c leaves rows out, groups.c groups of them.
 *
 * The rows that generalised cross-validation counts are the region's sum of weights, whose unit is the
 * ordinary row's (engine/weights.h). So weight 2 on one row of many is that row twice; and of a soft
 * region, or of weights of many sizes, rows that weigh next to nothing are next to none, which their
 * number would not know.
 *
 * The variance of an expert is the weighted mean of its squared left-out residuals, with the floor
 * of units.h from the target over all rows: its magnitude is taken as its deviation, its mean and
 * the frame's shift together. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "expert/forms/affine.h"
#include "expert/forms/joint.h"
#include "expert/forms/triangle.h"
#include "expert/linear/fit.h"
#include "expert/linear/standard_errors.h"
#include "expert/units.h"

/* ---- the small problems ---- */

/* Whether the region's rows are of several groups. */
static bool has_groups(const mele_i_linear_fit *f, size_t k)
{
    const mele_i_row_groups *g = f->problem->groups;

    return g != NULL && f->problem->regions->count[k] > 0 && g->alone[k] == g->count;
}

static mele_status solve_region(void *context, size_t k, mele_engine *engine, mele_error *error)
{
    const mele_i_linear_fit *f = context;
    mele_expert_info *info = &f->problem->info[k];
    mele_i_reduced_problem problem =
        mele_i_linear_problem(f, k, f->factor + k * mele_i_linear_factor_size(f),
                              f->problem->options->ridge, f->problem->regions->total[k]);

    (void)engine;
    if ((k < f->clusters && !f->problem->train[k]) || f->solved[k])
        return MELE_OK;
    if (problem.ridge == MELE_RIDGE_GCV && has_groups(f, k)) {
        mele_status status = mele_i_linear_choose_ridge(f, k, &problem.ridge, error);
        if (status != MELE_OK)
            return status;
    }
    if (!mele_i_reduced_solve(&problem, &f->solution[k]))
        return mele_i_no_memory(error);
    f->moments[k] = problem.moments;
    f->solved[k] = !f->solution[k].doubtful;
    info->ridge = f->solution[k].ridge;
    info->rank = f->solution[k].rank;
    info->iterations = 1;
    info->converged = true;
    return MELE_OK;
}

/* All regions. Where moments are doubtful, rows are reduced to triangles after all. */
static mele_status solve(mele_i_linear_fit *f, mele_engine *engine, mele_error *error)
{
    const mele_i_tasks tasks = {
        .count = f->clusters + 1, .run = solve_region, .context = f, .stage = "experts"};
    mele_status status = mele_i_tasks_run(engine, &tasks, error);
    bool doubtful = false;

    for (size_t k = 0; k <= f->clusters; k++)
        doubtful = doubtful || f->solution[k].doubtful;
    if (status == MELE_OK && doubtful)
        status = mele_i_linear_triangles(f, engine, error);
    if (status == MELE_OK && doubtful)
        status = mele_i_tasks_run(engine, &tasks, error);
    return status;
}

/* The coefficients in the units of x. */
static mele_status finish_coefficients(const mele_i_linear_fit *f, mele_error *error)
{
    for (size_t k = 0; k <= f->clusters; k++) {
        mele_i_expert *expert = &f->experts[k];
        if (!f->problem->train[k])
            continue;
        mele_i_affine *state = mele_i_affine_new(&f->problem->shape);
        if (state == NULL)
            return mele_i_no_memory(error);
        for (size_t t = 0; t < f->m; t++)
            mele_i_frame_raw(&f->frame, f->d, f->solution[k].coefficients + t * (f->d + 1),
                             f->frame.scale[f->d + t], f->frame.shift[f->d + t],
                             state->coefficients + t * (f->d + 1));
        expert->state = state;
        expert->rank = f->problem->info[k].rank;
    }
    return MELE_OK;
}

/* ---- variances ---- */

/* A target's units over all rows, of which the triangle tells. */
static mele_i_units units_of(const mele_i_linear_fit *f, size_t t)
{
    const mele_i_reduced_solution *all = &f->solution[f->clusters];
    const double power = f->frame.scale[f->d + t], spread = sqrt(all->spread[t]);
    const double mean = all->mean[f->d + t];

    return (mele_i_units){power, mean + f->frame.shift[f->d + t], spread,
                          (spread + fabs(mean) + f->size[f->d + t]) / power};
}

static void finish_variances(const mele_i_linear_fit *f)
{
    const bool in_sample = f->problem->options->in_sample;

    for (size_t k = 0; k <= f->clusters; k++) {
        mele_expert_info *info = &f->problem->info[k];
        if (!f->problem->train[k])
            continue;
        info->error = info->left_out = 0;
        for (size_t t = 0; t < f->m; t++) {
            const double *square = f->square + k * 2 * f->m + t;
            double scale = f->frame.scale[f->d + t], weight = f->solution[k].weight;
            const mele_i_units units = units_of(f, t);
            f->experts[k].variance[t] = mele_i_units_variance(
                &units, square[in_sample ? f->m : 0] / weight, mele_i_units_floor(&units));
            info->left_out += mele_i_finite(square[0] / weight / scale / scale) / (double)f->m;
            info->error += mele_i_finite(square[f->m] / weight / scale / scale) / (double)f->m;
        }
        info->left_out = in_sample ? NAN : info->left_out;
    }
}

/* ---- standard errors ---- */

/* For residuals of variance 1, of the first target. */
static mele_status find_errors(void *context, size_t k, mele_engine *engine, mele_error *error)
{
    const mele_i_linear_fit *f = context;
    const mele_i_expert_problem *p = f->problem;
    const mele_i_standard_errors e = {&f->frame, p->columns,         p->degree,
                                      f->d,      p->options->center, p->options->scale};
    mele_i_affine *state = f->experts[k].state;

    (void)engine;
    if (!p->train[k])
        return MELE_OK;
    return mele_i_standard_errors_of(&e, &f->solution[k], state->standard_errors)
               ? MELE_OK
               : mele_i_no_memory(error);
}

/* Of all targets, from their residuals: s^2 = RSS / (sum w - rank). All are there, or none. */
static void finish_errors(const mele_i_linear_fit *f, size_t k)
{
    const double freedom = f->problem->regions->total[k] - (double)f->solution[k].rank;
    const double *squares = f->square + k * 2 * f->m + f->m;
    double *errors = ((mele_i_affine *)f->experts[k].state)->standard_errors;
    const size_t width = f->d + 1;
    bool finite = freedom > 0;

    for (size_t t = f->m; t-- > 0;) /* the first last: the others are made of it */
        for (size_t j = 0; j < width; j++) {
            errors[t * width + j] =
                errors[j] * sqrt(squares[t] / freedom) / f->frame.scale[f->d + t];
            finite = finite && isfinite(errors[t * width + j]);
        }
    for (size_t j = 0; j < f->m * width && !finite; j++)
        errors[j] = NAN;
}

static mele_status make_fitting(mele_i_linear_fit *f, mele_error *error)
{
    size_t room = mele_i_reduced_room(f->d, f->m), all = f->clusters + 1;

    mele_i_linear_reduce(f);
    f->factor = MELE_I_ARRAY(double, all *mele_i_linear_factor_size(f));
    f->moments = MELE_I_ZEROED(bool, 2 * all + all * f->d);
    f->size = MELE_I_ZEROED(double, f->d + f->m);
    f->low = MELE_I_ARRAY(double, 2 * (f->d + f->m));
    f->known = MELE_I_ZEROED(bool, all);
    f->merging = MELE_I_ARRAY(double, mele_i_triangle_room(f->q));
    f->numbers = MELE_I_ZEROED(double, all * room);
    f->solution = MELE_I_ZEROED(mele_i_reduced_solution, all);
    f->square = MELE_I_ZEROED(double, all * 2 * f->m);
    if (f->factor == NULL || f->merging == NULL || f->numbers == NULL || f->solution == NULL
        || f->square == NULL || f->low == NULL || f->known == NULL || f->moments == NULL
        || f->size == NULL)
        return mele_i_no_memory(error);
    f->solved = f->moments + all;
    f->absent = f->solved + all;
    f->high = f->low + f->d + f->m;
    for (size_t k = 0; k < all; k++)
        mele_i_reduced_place(&f->solution[k], f->numbers + k * room, f->d, f->m);
    return MELE_OK;
}

static void free_fitting(mele_i_linear_fit *f)
{
    free(f->factor);
    free(f->moments);
    free(f->size);
    free(f->low);
    free(f->known);
    free(f->merging);
    free(f->numbers);
    free(f->solution);
    free(f->square);
    mele_i_frame_free(&f->frame);
}

/* The variances of left-out predictions. */
static void fill_variances(const mele_i_linear_fit *f)
{
    const mele_i_expert_problem *p = f->problem;

    for (size_t i = 0; i < p->x->rows && p->left_out_variance != NULL; i++)
        for (size_t k = 0; k <= f->clusters; k++) {
            double *out = p->train[k] ? mele_i_left_out_variance_of(p, i, k) : NULL;
            const size_t from = mele_i_row_groups_alone(p->groups, i, k) ? f->clusters : k;
            if (out != NULL)
                memcpy(out, f->experts[from].variance, f->m * sizeof *out);
        }
}

static mele_status fit(const mele_i_expert_problem *problem, mele_i_expert *experts,
                       mele_engine *engine, mele_error *error)
{
    size_t d = problem->shape.columns, m = problem->shape.outputs, q = 1 + d + m;
    mele_i_linear_fit f = {.experts = experts,
                           .problem = problem,
                           .clusters = problem->regions->clusters,
                           .d = d,
                           .m = m,
                           .q = q};
    mele_i_tasks errors = {.count = f.clusters + 1, .run = find_errors, .context = &f};
    mele_status status = make_fitting(&f, error);

    if (status == MELE_OK)
        status = mele_i_linear_factor(&f, engine, error);
    if (status == MELE_OK)
        status = mele_i_linear_find_absent(&f, engine, error);
    if (status == MELE_OK)
        status = solve(&f, engine, error);
    if (status == MELE_OK)
        status = finish_coefficients(&f, error);
    if (status == MELE_OK)
        status = mele_i_tasks_run(engine, &errors, error);
    if (status == MELE_OK)
        status = problem->groups == NULL ? mele_i_linear_leave_out(&f, engine, error)
                                         : mele_i_linear_leave_out_groups(&f, engine, error);
    if (status == MELE_OK) {
        finish_variances(&f);
        fill_variances(&f);
        for (size_t k = 0; k <= f.clusters; k++)
            if (problem->train[k])
                finish_errors(&f, k);
    }
    free_fitting(&f);
    return status;
}

static const mele_i_option options[] = {
    {.name = "solver", .argument = "NAME", .help = "linear: of least squares",
     MELE_I_EXPERT_MEMBER(solver), .type = MELE_I_CHOICE, .choice = mele_i_linear_solver},
};

const mele_i_expert_kind mele_i_expert_linear = {
    .name = "linear",
    .regression = true,
    .expands = true,
    .convex = true,
    .in_sample = true,
    .checks = true,
    .ridge = 0.1,
    .options = MELE_I_OPTION_TABLE(options),
    .fit = fit,
    .free = free,
    .equal = mele_i_affine_equal,
    .scratch = mele_i_affine_scratch,
    .predict = mele_i_affine_predict,
    .work = mele_i_affine_work,
    .coefficients = mele_i_affine_coefficients,
    .squares = mele_i_affine_squares,
    .joint = &mele_i_affine_joint,
    .standard_errors = mele_i_affine_standard_errors,
    .keys = MELE_I_AFFINE_KEYS,
    .save = mele_i_affine_save,
    .load = mele_i_affine_load,
};
