/* The ridge of a region where rows belong together. Generalised cross-validation takes rows as
 * independent, so with groups it would choose a ridge far too small. Instead whole groups are dealt
 * to FOLDS folds, or as many as there are groups, and the ridge is the one of a grid with the
 * smallest
 *
 *     sum over folds F, targets t of |R_F (y_t - b_0 - X b)|^2 / spread_t,
 *
 * b from the other folds with that ridge, R_F the triangle of the fold's rows [1 X Y], which has
 * all that there is to know of its residuals. The other folds' triangle is a merger; one SVD a fold
 * serves the whole grid. The folds are unknown to left-out errors, which go by group. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/stream.h"
#include "expert/forms/triangle.h"
#include "expert/linear/fit.h"
#include "measure/folds.h"

#define FOLDS 10
#define GRID 64 /* ridges between LOWEST and HIGHEST times the sum of the columns' squares */
#define LOWEST 1e-14
#define HIGHEST 1e3

typedef struct choosing {
    const mele_i_linear_fit *f;
    size_t k, count, folds;
    size_t *row, *group, *fold, *some; /* count each */
    double *triangle;                  /* folds x q x q */
    double *others, *merging;          /* q x q; room to merge */
    double *numbers;                   /* of a solution */
    double *coefficients;              /* GRID x m x (d + 1) */
    double ridge[GRID], loss[GRID];
} choosing;

static mele_status make_room(choosing *c, mele_error *error)
{
    const mele_i_linear_fit *f = c->f;
    const size_t n = f->problem->x->rows, q = f->q;

    c->row = MELE_I_ARRAY(size_t, n);
    c->group = MELE_I_ARRAY(size_t, n);
    c->fold = MELE_I_ARRAY(size_t, n);
    c->some = MELE_I_ARRAY(size_t, n);
    c->triangle = MELE_I_ARRAY(double, FOLDS *q *q);
    c->others = MELE_I_ARRAY(double, q *q);
    c->merging = MELE_I_ARRAY(double, mele_i_triangle_room(q));
    c->numbers = MELE_I_ARRAY(double, mele_i_reduced_room(f->d, f->m));
    c->coefficients = MELE_I_ARRAY(double, GRID * f->m * (f->d + 1));
    return c->row == NULL || c->group == NULL || c->fold == NULL || c->some == NULL
                   || c->triangle == NULL || c->others == NULL || c->merging == NULL
                   || c->numbers == NULL || c->coefficients == NULL
               ? mele_i_no_memory(error)
               : MELE_OK;
}

static void free_room(choosing *c)
{
    free(c->row);
    free(c->group);
    free(c->fold);
    free(c->some);
    free(c->triangle);
    free(c->others);
    free(c->merging);
    free(c->numbers);
    free(c->coefficients);
}

static mele_status deal(choosing *c, mele_error *error)
{
    const mele_i_expert_problem *p = c->f->problem;
    mele_i_stream stream =
        mele_i_stream_make(p->options->seed, MELE_I_FOR_EXPERTS, p->options->fold, c->k);
    size_t groups;

    for (size_t i = 0; i < p->x->rows; i++)
        if (mele_i_region_weight(p->regions, i, c->k) > 0)
            c->row[c->count++] = i;
    mele_status status =
        mele_i_row_groups_number(p->groups, c->row, c->count, c->group, &groups, error);
    if (status != MELE_OK)
        return status;
    c->folds = groups < FOLDS ? groups : FOLDS;
    return mele_i_folds(c->count, c->group, NULL, c->folds, &stream, c->fold, error);
}

static mele_status make_triangles(choosing *c, mele_error *error)
{
    const size_t size = c->f->q * c->f->q;

    for (size_t fold = 0; fold < c->folds; fold++) {
        size_t some = 0;
        for (size_t i = 0; i < c->count; i++)
            if (c->fold[i] == fold)
                c->some[some++] = c->row[i];
        mele_status status = mele_i_linear_triangle_of(c->f, c->k, c->some, some,
                                                       c->triangle + fold * size, error);
        if (status != MELE_OK)
            return status;
    }
    return MELE_OK;
}

/* The triangle of all folds but one; folds: of all. */
static void merge_others(const choosing *c, size_t without)
{
    const size_t size = c->f->q * c->f->q;

    memset(c->others, 0, size * sizeof *c->others);
    for (size_t fold = 0; fold < c->folds; fold++)
        if (fold != without)
            mele_i_triangle_merge(c->others, c->triangle + fold * size, c->f->q, c->merging);
}

/* The sum of squares of column j of the merged triangle, its mean taken off. */
static double square_of(const choosing *c, size_t j)
{
    const double *column = c->others + j * c->f->q;
    double sum = 0;

    for (size_t i = 1; i <= j; i++)
        sum += column[i] * column[i];
    return sum;
}

static void set_grid(choosing *c)
{
    double columns = 0;

    for (size_t j = 0; j < c->f->d; j++)
        columns += square_of(c, 1 + j);
    for (size_t i = 0; i < GRID; i++)
        c->ridge[i] = columns * LOWEST * pow(HIGHEST / LOWEST, (double)i / (GRID - 1));
}

/* |R (y - X b)|^2 of a target. */
static double residual_of(const choosing *c, const double *triangle, size_t t, const double *b)
{
    const size_t q = c->f->q, d = c->f->d;
    double sum = 0;

    for (size_t i = 0; i <= 1 + d + t; i++) {
        double off = triangle[i + (1 + d + t) * q];
        for (size_t j = i; j <= d; j++)
            off -= triangle[i + j * q] * b[j];
        sum += off * off;
    }
    return sum;
}

/* Add what the rows of a fold lose; spread: of the targets. */
static mele_status try_fold(choosing *c, size_t fold, const double *spread, mele_error *error)
{
    const mele_i_linear_fit *f = c->f;
    const size_t width = f->d + 1;
    mele_i_reduced_problem problem = mele_i_linear_problem(f, c->k, c->others, MELE_RIDGE_GCV, 0);
    mele_i_reduced_solution solution;

    problem.moments = false;
    merge_others(c, fold);
    mele_i_reduced_place(&solution, c->numbers, f->d, f->m);
    if (!mele_i_reduced_path(&problem, &solution, c->ridge, GRID, c->coefficients))
        return mele_i_no_memory(error);
    for (size_t i = 0; i < GRID; i++)
        for (size_t t = 0; t < f->m; t++)
            c->loss[i] += spread[t] > 0 ? residual_of(c, c->triangle + fold * f->q * f->q, t,
                                                      c->coefficients + (i * f->m + t) * width)
                                              / spread[t]
                                        : 0;
    return MELE_OK;
}

static mele_status try_ridges(choosing *c, mele_error *error)
{
    const size_t d = c->f->d, m = c->f->m;
    double *spread = MELE_I_ARRAY(double, m);
    mele_status status = spread == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (size_t t = 0; t < m && status == MELE_OK; t++)
        spread[t] = square_of(c, 1 + d + t);
    for (size_t fold = 0; fold < c->folds && status == MELE_OK; fold++)
        status = try_fold(c, fold, spread, error);
    free(spread);
    return status;
}

mele_status mele_i_linear_choose_ridge(const mele_i_linear_fit *f, size_t k, double *ridge,
                                       mele_error *error)
{
    choosing c = {.f = f, .k = k};
    size_t best = 0;
    mele_status status = make_room(&c, error);

    if (status == MELE_OK)
        status = deal(&c, error);
    if (status == MELE_OK)
        status = make_triangles(&c, error);
    if (status == MELE_OK) {
        merge_others(&c, c.folds);
        set_grid(&c);
        status = try_ridges(&c, error);
    }
    for (size_t i = 1; i < GRID && status == MELE_OK; i++)
        best = c.loss[i] < c.loss[best] ? i : best;
    if (status == MELE_OK)
        *ridge = c.ridge[best] / f->problem->regions->scale;
    free_room(&c);
    return status;
}
