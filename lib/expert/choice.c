#include "expert/choice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "expert/basis.h"
#include "expert/candidates.h"
#include "expert/parts.h"

/* A form with more terms than this is no candidate: its cost grows with their square. */
#define MOST_TERMS 1000

/* One candidate's experts beside the best so far. */
typedef struct choosing {
    const mele_i_expert_problem *problem;
    mele_experts *best, *trial;
    mele_expert_info *info; /* K + 1, of the trial */
    double *left_out, *left_out_variance;
} choosing;

static mele_status make_room(choosing *c, mele_error *error)
{
    const mele_experts *best = c->best;
    const size_t count = c->problem->x->rows * best->clusters; /* times M: memory says whether */

    c->info = MELE_I_ZEROED(mele_expert_info, best->clusters + 1);
    c->left_out = mele_i_large_array(count, best->outputs * sizeof(double));
    if (best->classes == 0)
        c->left_out_variance = mele_i_large_array(count, best->outputs * sizeof(double));
    if (c->info == NULL || c->left_out == NULL
        || (best->classes == 0 && c->left_out_variance == NULL))
        return mele_i_no_memory(error);
    return MELE_OK;
}

/* A trial in the regions as they were settled. */
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

static mele_status run_trial(choosing *c, const mele_i_candidate *which, mele_engine *engine,
                             mele_error *error)
{
    mele_i_expert_problem problem = *c->problem;
    mele_expert_options options = *problem.options;
    double *memory = NULL;
    mele_matrix expanded;
    mele_status status = mele_i_expand(problem.x, which->degree, &memory, &expanded, error);

    options.kind = which->kind->name;
    if (options.ridge == MELE_RIDGE_DEFAULT
        || (options.ridge == MELE_RIDGE_GCV && which->kind != &mele_i_expert_linear))
        options.ridge = which->kind->ridge;
    problem.options = &options;
    problem.degree = which->degree;
    problem.x = &expanded;
    problem.shape.columns = expanded.cols;
    problem.left_out = c->left_out;
    problem.left_out_variance = c->left_out_variance;
    problem.info = c->info;
    if (status == MELE_OK)
        status = mele_i_expert_train(which->kind, &problem, c->trial->expert, engine, error);
    free(memory);
    return status;
}

static void copy_columns(const choosing *c, size_t k, const double *from, double *to)
{
    const size_t M = c->best->outputs, K = c->best->clusters;

    for (size_t i = 0; i < c->problem->x->rows && to != NULL && k < K; i++)
        memcpy(to + (i * K + k) * M, from + (i * K + k) * M, M * sizeof *to);
}

/* Expert k of the trial becomes the best one; what the best was is the trial's to free. */
static void take(choosing *c, size_t k)
{
    mele_i_expert *best = &c->best->expert[k], *trial = &c->trial->expert[k], old = *best;
    const size_t column = k < c->best->clusters ? k : c->problem->global_column;

    *best = *trial;
    best->variance = old.variance;
    if (best->variance != NULL)
        memcpy(best->variance, trial->variance, c->best->outputs * sizeof *best->variance);
    trial->state = old.state;
    trial->kind = old.kind;
    copy_columns(c, column, c->left_out, c->problem->left_out);
    copy_columns(c, column, c->left_out_variance, c->problem->left_out_variance);
}

/* Compare the trial with the best in every region, and note its left-out errors. */
static void compare(choosing *c, size_t candidate)
{
    for (size_t k = 0; k <= c->best->clusters; k++) {
        mele_expert_info *info = &c->problem->info[k], noted = *info;
        const double error = c->info[k].left_out;
        if (!c->problem->train[k])
            continue;
        if (c->best->expert[k].state == NULL || error < info->left_out || isnan(info->left_out)) {
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
        if (status == MELE_OK && mele_i_basis_columns(e->columns, which->degree) > MOST_TERMS
            && which->degree > 1)
            compare(&c, i);
        else if (status == MELE_OK && (status = run_trial(&c, which, engine, error)) == MELE_OK)
            compare(&c, i);
    }
    mele_experts_free(c.trial);
    free(c.info);
    free(c.left_out);
    free(c.left_out_variance);
    return status;
}
