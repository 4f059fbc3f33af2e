#include "expert/choice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "expert/basis.h"
#include "expert/candidates.h"
#include "expert/experts.h"
#include "expert/train.h"

/* A form with more terms than this, of all classes, is no candidate: its cost grows with their
 * square. */
#define MOST_TERMS 1000

/* One candidate's experts beside the best so far. */
typedef struct choosing {
    const mele_i_expert_problem *problem;
    mele_experts *best, *trial;
    mele_expert_info *info;  /* K + 1, of the trial */
    bool *train;             /* K + 1, of the trial */
    double *left_out, *left_out_variance;
    unsigned char *fold, *global_fold; /* NULL: not wanted */
    double *global;          /* n x M, twice: left_out and its variance of the global expert */
    double *memory, *kept;   /* left_out of the best: problem->left_out, or memory's */
    mele_rows expanded[2];   /* x by degree */
} choosing;

static mele_status make_room(choosing *c, mele_error *error)
{
    const mele_experts *best = c->best;
    const size_t count = c->problem->x->rows * best->clusters; /* times M: memory says whether */

    c->info = MELE_I_ZEROED(mele_expert_info, best->clusters + 1);
    c->train = MELE_I_ZEROED(bool, best->clusters + 1);
    c->left_out = mele_i_large_array(count, best->outputs * sizeof(double));
    if (best->classes == 0)
        c->left_out_variance = mele_i_large_array(count, best->outputs * sizeof(double));
    if (c->problem->train[best->clusters])
        c->global = mele_i_large_array(c->problem->x->rows, 2 * best->outputs * sizeof(double));
    if (c->problem->left_out == NULL)
        c->memory = mele_i_large_array(count, best->outputs * sizeof(double));
    if (c->problem->fold != NULL)
        c->fold = MELE_I_ARRAY(unsigned char, count);
    if (c->problem->global_fold != NULL)
        c->global_fold = MELE_I_ARRAY(unsigned char, c->problem->x->rows);
    c->kept = c->problem->left_out == NULL ? c->memory : c->problem->left_out;
    if (c->info == NULL || c->train == NULL || c->left_out == NULL || c->kept == NULL
        || (best->classes == 0 && c->left_out_variance == NULL)
        || (c->problem->fold != NULL && c->fold == NULL)
        || (c->problem->global_fold != NULL && c->global_fold == NULL)
        || (c->problem->train[best->clusters] && c->global == NULL))
        return mele_i_no_memory(error);
    return MELE_OK;
}

/* A trial in the regions as they are. */
static mele_status start_trial(choosing *c, mele_error *error)
{
    const mele_experts *best = c->best;

    mele_experts_free(c->trial);
    mele_status status = mele_i_experts_new(best->clusters, best->columns, best->outputs,
                                            best->classes > 0, &c->trial, error);
    for (size_t k = 0; k <= best->clusters && status == MELE_OK; k++) {
        c->trial->expert[k].rows = best->expert[k].rows;
        c->trial->expert[k].answers = best->expert[k].answers;
        c->trial->expert[k].own = best->expert[k].own;
        c->info[k] = c->problem->info[k];
        c->info[k].left_out = c->info[k].error = NAN;
    }
    return status;
}

/* The candidate's own options. */
static mele_expert_options options_of(const choosing *c, const mele_i_candidate *which)
{
    mele_expert_options options = *c->problem->options;
    const bool given = options.ridge >= 0;

    options.kind = which->kind->name;
    options.hidden *= which->hidden;
    if (which->ridge == MELE_RIDGE_GCV)
        options.ridge = given ? options.ridge : MELE_RIDGE_GCV;
    else
        options.ridge = (given ? options.ridge : which->kind->ridge) * which->ridge;
    return options;
}

/* A candidate that would be the same as one before it, or would take too long, is not tried. */
static bool is_sensible(const choosing *c, const mele_i_candidate *which)
{
    const mele_expert_options *options = c->problem->options;
    const size_t classes = c->best->classes > 0 ? c->best->classes : 1;

    return (which->degree == 1
            || mele_i_basis_columns(c->best->columns, which->degree) <= MOST_TERMS / classes)
           && (options->ridge != 0 || which->ridge == 1 || which->ridge == MELE_RIDGE_GCV)
           && options->hidden * which->hidden <= MELE_I_MOST_HIDDEN;
}

/* Nor is one tried in a region that has fewer rows than it has parameters. */
static void mark_trial(choosing *c, const mele_i_candidate *which,
                       const mele_expert_options *options)
{
    const mele_i_expert_shape shape = {c->expanded[which->degree - 1].cols, c->best->outputs,
                                       c->best->classes};
    const size_t parameters = which->kind->parameters == NULL
                                  ? 0
                                  : which->kind->parameters(&shape, options);

    for (size_t k = 0; k <= c->best->clusters; k++)
        c->train[k] = c->problem->train[k]
                      && c->problem->regions->count[k] >= (double)parameters;
}

/* Kinds write folds where there are some. */
static void clear_folds(const choosing *c)
{
    if (c->fold != NULL)
        memset(c->fold, 0, c->problem->x->rows * c->best->clusters);
    if (c->global_fold != NULL)
        memset(c->global_fold, 0, c->problem->x->rows);
}

static double *global_variance(const choosing *c)
{
    if (c->global == NULL || c->best->classes > 0)
        return NULL;
    return c->global + c->problem->x->rows * c->best->outputs;
}

static mele_status run_trial(choosing *c, const mele_i_candidate *which, bool first,
                             mele_engine *engine, mele_error *error)
{
    const mele_expert_options options = options_of(c, which);
    mele_i_expert_problem problem = *c->problem;
    mele_rows *x = &c->expanded[which->degree - 1];
    mele_status status = mele_i_basis_rows(c->problem->x, which->degree, x, error);

    if (status != MELE_OK)
        return status;
    mark_trial(c, which, &options);
    clear_folds(c);
    problem.options = &options;
    problem.train = c->train;
    problem.degree = which->degree;
    problem.x = x;
    problem.shape.columns = problem.x->cols;
    problem.left_out = c->left_out;
    problem.left_out_variance = c->left_out_variance;
    problem.global_left_out = c->global;
    problem.global_left_out_variance = global_variance(c);
    problem.fold = c->fold;
    problem.global_fold = c->global_fold;
    problem.rival = first ? NULL : c->kept;
    problem.info = c->info;
    return mele_i_expert_train(which->kind, &problem, c->trial->expert, engine, error);
}

static void copy_columns(const choosing *c, size_t k, const double *from, double *to)
{
    const size_t M = c->best->outputs, K = c->best->clusters, n = c->problem->x->rows;

    for (size_t i = 0; i < n && to != NULL; i++)
        memcpy(to + (i * K + k) * M, from + (i * K + k) * M, M * sizeof *to);
}

static void copy_folds(const choosing *c, size_t k)
{
    const size_t K = c->best->clusters, n = c->problem->x->rows;

    for (size_t i = 0; i < n && c->fold != NULL && k < K; i++)
        c->problem->fold[i * K + k] = c->fold[i * K + k];
    if (c->global_fold != NULL && k == K)
        memcpy(c->problem->global_fold, c->global_fold, n);
}

static void copy_global(const choosing *c, const double *from, double *to)
{
    if (to != NULL)
        memcpy(to, from, c->problem->x->rows * c->best->outputs * sizeof *to);
}

/* Expert k of the trial becomes the best one; what the best was is the trial's to free. */
static void take(choosing *c, size_t k)
{
    mele_i_expert *best = &c->best->expert[k], *trial = &c->trial->expert[k], old = *best;

    *best = *trial;
    best->variance = old.variance;
    if (best->variance != NULL)
        memcpy(best->variance, trial->variance, c->best->outputs * sizeof *best->variance);
    trial->state = old.state;
    trial->kind = old.kind;
    copy_folds(c, k);
    if (k < c->best->clusters) {
        copy_columns(c, k, c->left_out, c->kept);
        copy_columns(c, k, c->left_out_variance, c->problem->left_out_variance);
    } else {
        copy_global(c, c->global, c->problem->global_left_out);
        copy_global(c, global_variance(c), c->problem->global_left_out_variance);
    }
}

/* Compare the trial with the best in every region, and note its left-out errors. */
static void compare(choosing *c, size_t candidate)
{
    for (size_t k = 0; k <= c->best->clusters; k++) {
        mele_expert_info *info = &c->problem->info[k], noted = *info;
        const double error = c->info[k].left_out;
        if (!c->problem->train[k])
            continue;
        if (c->trial->expert[k].state != NULL
            && (c->best->expert[k].state == NULL || error < info->left_out
                || isnan(info->left_out))) {
            take(c, k);
            *info = c->info[k];
            info->chosen = candidate;
        }
        memcpy(info->candidate, noted.candidate, sizeof info->candidate);
        info->candidate[candidate] = error;
        info->candidates = candidate + 1;
    }
}

mele_status mele_i_choose_experts(const mele_i_expert_problem *problem, mele_experts *e,
                                  mele_engine *engine, mele_error *error)
{
    choosing c = {.problem = problem, .best = e};
    const mele_i_candidate *which;
    mele_status status = make_room(&c, error);

    for (size_t i = 0; status == MELE_OK; i++) {
        which = mele_i_candidate_at(e->classes > 0, i);
        if (which == NULL)
            break;
        status = start_trial(&c, error);
        if (status == MELE_OK && is_sensible(&c, which))
            status = run_trial(&c, which, i == 0, engine, error);
        if (status == MELE_OK)
            compare(&c, i);
        if (problem->one_group)
            break;
    }
    mele_experts_free(c.trial);
    free(c.info);
    free(c.train);
    free(c.left_out);
    free(c.left_out_variance);
    free(c.fold);
    free(c.global_fold);
    free(c.memory);
    free(c.global);
    return status;
}
