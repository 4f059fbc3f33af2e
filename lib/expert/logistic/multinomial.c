/* The penalised multinomial problem, by Newton's method.
 *
 * With C classes, p_c(x) ~ exp(b_c' [1 x]). The objective is the weighted negative log-likelihood
 * plus L/2 times the sum of squared slopes of all C classes. At its minimum the coefficients sum
 * to 0 over the classes, so that they are identified and no class is special; b_c can then be
 * written with the C - 1 differences to the last class, a_c = b_c - b_C, of which the penalty is
 * the quadratic form I - 11'/C. Newton runs on the differences, P = (C - 1)(d + 1) of them:
 *     gradient_c = Z' W (p_c - [y = c]) + ...,
 *     Hessian_cb = Z' W diag(p_c ([c = b] - p_b)) Z + ...
 * with steps halved until the objective falls enough (Armijo), and Cholesky's factor of the
 * Hessian, whose diagonal grows when rounding makes it indefinite. With more than MOST_DENSE
 * differences there is no matrix: steps are from conjugate gradients (curvature.c),
 * more exact the nearer the minimum is, which is the same one.
 *
 * L is at least LEAST_RIDGE times the problem's weight, and intercepts (taken at the means of the
 * columns over all rows) have a penalty of INTERCEPT_RIDGE times it: with separable data, and
 * with classes that no row has, everything stays finite; the probability of a missing class is
 * near INTERCEPT_RIDGE times its own logarithm. Other data have a finite solution without, and get
 * it: at the minimum b the penalty's excess E over REFINED_RIDGE is taken away, and if that moves b
 * by little, which Newton's decrement g'H^-1 g tells (g = grad E; next to E it is the relative
 * change of b), the minimum is followed there.
 *
 * A column that is constant in the rows, but for rounding, cannot be told from the intercept, and
 * would share what the intercept carries; where it is not constant, off the region, that would be
 * nonsense. So it is absent, and products with it are: as 0 in all rows, its slopes are 0.
 * Source: Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, 2009, ch. 4.4; Zhu,
 * Hastie 2004, Biostatistics 5 (the symmetric form). */
#include "expert/logistic/multinomial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cholesky.h"
#include "core/error.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "expert/basis.h"
#include "expert/logistic/chunk.h"
#include "expert/logistic/curvature.h"
#include "expert/forms/triangle.h"

#define LEAST_RIDGE 1e-8  /* a unit of weight */
#define INTERCEPT_RIDGE 1e-6
#define REFINED_RIDGE 1e-12
#define LITTLE 1e-3
#define MOST_DENSE 400    /* differences; more would be slower with a matrix */
#define LOOSEST 0.1       /* of the gradient is left by a step of conjugate gradients, */
#define TIGHTEST 1e-3     /* or as little as this */
#define CONVERGED 1e-12   /* Newton's decrement, a unit of weight: then one last full step */
#define STALLED 1e-8      /* the same where rounding hides any fall of the objective */
#define ARMIJO 1e-4
#define MOST_HALVINGS 40
#define BOOSTS 8          /* of an indefinite Hessian's diagonal */
#define FIRST_BOOST 1e-12
#define BOOST_GROWTH 30
#define RANK_GRAM 1e-10   /* of a column's square is left */
#define EXTREME_ROWS 512  /* that are read at once */

/* Widen the extremes by the rows first .. first + count - 1 of the problem. */
static void take_extremes(const mele_i_multinomial *m, const double *x, size_t stride,
                          const size_t *row, size_t first, size_t count)
{
    double *low = m->extremes, *high = low + m->d;

    for (size_t i = 0; i < count; i++) {
        const double *value = x + (row == NULL ? i : row[i]) * stride;
        for (size_t j = 0; j < m->d && !mele_i_multinomial_leaves(m, first + i); j++) {
            low[j] = value[j] < low[j] ? value[j] : low[j];
            high[j] = value[j] > high[j] ? value[j] : high[j];
        }
    }
}

/* The same of all rows, which are read some at a time. */
static mele_status read_extremes(const mele_i_multinomial *m, mele_error *error)
{
    const mele_rows *x = m->problem->x;
    const size_t most = m->count < EXTREME_ROWS ? m->count : EXTREME_ROWS;
    double *room = mele_i_array(most, m->d * sizeof(double));
    mele_status status = room == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (size_t at = 0, count; at < m->count && status == MELE_OK; at += count) {
        count = m->count - at < most ? m->count - at : most;
        status = mele_i_rows_gather(x, m->row + at, count, room, error);
        if (status == MELE_OK)
            take_extremes(m, room, m->d, NULL, at, count);
    }
    free(room);
    return status;
}

static mele_status find_absent(mele_i_multinomial *m, mele_error *error)
{
    const mele_rows *x = m->problem->x;
    double *low = m->extremes, *high = low + m->d;
    mele_status status = MELE_OK;

    for (size_t j = 0; j < m->d; j++) {
        low[j] = INFINITY;
        high[j] = -INFINITY;
    }
    if (x->data != NULL)
        take_extremes(m, x->data, x->stride, m->row, 0, m->count);
    else
        status = read_extremes(m, error);
    for (size_t j = 0; j < m->d && status == MELE_OK; j++)
        m->absent[j] = mele_i_is_constant(mele_i_origin_of_term(m->problem, j), j, low[j], high[j]);
    mele_i_basis_absent(m->problem->columns, m->d, m->absent);
    return status;
}

mele_status mele_i_multinomial_leave(mele_i_multinomial *m, unsigned fold, mele_error *error)
{
    m->left = fold;
    m->total = 0;
    for (size_t i = 0; i < m->count; i++)
        if (!mele_i_multinomial_leaves(m, i))
            m->total += m->weight[i];
    m->intercept_ridge = INTERCEPT_RIDGE * m->total;
    m->slope_ridge = fmax(m->ridge, LEAST_RIDGE * m->total);
    return find_absent(m, error);
}

/* ---- the objective and its derivatives, in one pass ---- */

/* The objective at a point, and where it is accumulated. */
typedef struct objective {
    const mele_i_multinomial *m;
    const double *at;     /* P differences */
    double *coefficients; /* C x (d + 1): them, and zeros for the last class */
    double *sums;         /* value, gradient (P), Hessian (P x P) if it is wanted */
    bool dense;
} objective;

/* gradient += Z' W (p_c - [y = c]) for every class but the last; logit holds probabilities. */
static void add_gradient(const mele_i_multinomial *m, const mele_i_multinomial_chunk *c,
                         double *gradient)
{
    const size_t others = m->classes - 1, rows = c->padded;

    for (size_t a = 0; a < others; a++) {
        for (size_t i = 0; i < c->count; i++)
            c->u[i + a * rows] = c->weight[i]
                                 * (c->logit[i * m->classes + a]
                                    - (mele_i_class_of(m->y, c->row[i]) == a));
        memset(c->u + c->count + a * rows, 0, (rows - c->count) * sizeof *c->u);
    }
    mele_i_cross_add(c->z, m->d + 1, c->u, others, rows, gradient, m->d + 1);
}

/* Hessian += Z' W diag(p_a ([a = b] - p_b)) Z for a <= b. */
static void add_hessian(const mele_i_multinomial *m, const mele_i_multinomial_chunk *c,
                        double *hessian)
{
    size_t width = m->d + 1;

    for (size_t b = 0; b + 1 < m->classes; b++)
        for (size_t a = 0; a <= b; a++) {
            for (size_t i = 0; i < c->count; i++) {
                const double *p = c->logit + i * m->classes;
                c->v[i] = c->weight[i] * p[a] * ((a == b) - p[b]);
            }
            mele_i_multinomial_scaled_columns(m, c);
            mele_i_cross_add(c->z, width, c->u, width, c->padded,
                             hessian + a * width + b * width * m->parameters, m->parameters);
        }
}

static void take_chunk(void *context, const mele_i_multinomial_chunk *c, double *sums)
{
    const objective *o = context;
    const mele_i_multinomial *m = o->m;

    mele_i_multinomial_log_chances(m, c, o->coefficients);
    for (size_t i = 0; i < c->count; i++)
        sums[0] -= c->weight[i] * c->logit[i * m->classes + mele_i_class_of(m->y, c->row[i])];
    mele_i_kernels_best()->exponential(c->logit, c->count * m->classes);
    add_gradient(m, c, sums + 1);
    if (o->dense)
        add_hessian(m, c, sums + 1 + m->parameters);
}

static mele_status objective_block(void *context, mele_i_block block, void *partial,
                                   void *scratch, mele_error *error)
{
    const objective *o = context;

    return mele_i_multinomial_chunks(o->m, block, scratch, take_chunk, context, partial, error);
}

/* Numbers of the Hessian, where there is one. */
static size_t square_of(const mele_i_multinomial *m, bool dense)
{
    return dense ? m->parameters * m->parameters : 0;
}

static size_t sums_of(const objective *o)
{
    return 1 + o->m->parameters + square_of(o->m, o->dense);
}

static void add_sums(void *context, const void *partial)
{
    const objective *o = context;
    const double *sums = partial;

    for (size_t i = 0; i < sums_of(o); i++)
        o->sums[i] += sums[i];
}

/* The quadratic form of the penalty; returns its value. */
static double add_penalty(const objective *o)
{
    const mele_i_multinomial *m = o->m;
    size_t width = m->d + 1, others = m->classes - 1;
    double *gradient = o->sums + 1, *hessian = gradient + m->parameters, value = 0;

    for (size_t j = 0; j < width; j++) {
        double ridge = mele_i_multinomial_ridge(m, j), mean = 0;
        for (size_t a = 0; a < others; a++)
            mean += o->at[a * width + j] / (double)m->classes;
        for (size_t a = 0; a < others; a++) {
            double slope = ridge * (o->at[a * width + j] - mean);
            gradient[a * width + j] += slope;
            value += 0.5 * o->at[a * width + j] * slope;
            for (size_t b = a; b < others && o->dense; b++)
                hessian[a * width + j + (b * width + j) * m->parameters]
                    += ridge * ((a == b) - 1 / (double)m->classes);
        }
    }
    o->sums[0] += value;
    return value;
}

/* Blocks below the diagonal ones are not filled; the upper triangle (by columns) is whole. */
static mele_status evaluate(objective *o, mele_engine *engine, double *penalty,
                            mele_error *error)
{
    const mele_i_multinomial *m = o->m;
    const size_t width = m->d + 1, rows = mele_i_multinomial_chunk_rows(m);
    const size_t work = (o->dense ? square_of(m, true) : m->parameters) + width;
    mele_i_pass pass = {
        .rows = m->count, .map = objective_block, .combine = add_sums, .context = o,
        .block_rows = mele_i_block_rows(work, 1 << 22, 2 * rows),
        .partial_bytes = sums_of(o) * sizeof(double),
        .scratch_bytes = mele_i_multinomial_chunk_bytes(m)};

    memset(o->sums, 0, sums_of(o) * sizeof *o->sums);
    memcpy(o->coefficients, o->at, m->parameters * sizeof *o->at);
    memset(o->coefficients + m->parameters, 0, width * sizeof *o->at);
    mele_status status = mele_i_pass_run(engine, &pass, error);
    *penalty = add_penalty(o);
    return status;
}

/* ---- Newton's method ---- */

typedef struct newton {
    objective now, next;
    double *at, *trial, *step, *factor; /* P, P, P, P x P if there is a matrix */
    double *memory;
    mele_i_curvature curvature;         /* if there is none */
    double decrement;                   /* of the last step; infinite: there was none */
    double value_penalty;               /* the penalty's part of now's value */
    size_t iterations;
    bool converged;
} newton;

static mele_status make_newton(newton *n, const mele_i_multinomial *m, mele_error *error)
{
    const bool dense = m->parameters <= MOST_DENSE;
    const size_t p = m->parameters, coefficients = m->classes * (m->d + 1);
    const size_t square = square_of(m, dense), sums = 1 + p + square;
    double *at = MELE_I_ZEROED(double, 3 * p + square + 2 * coefficients + 2 * sums);

    n->memory = at;
    n->decrement = INFINITY;
    if (at == NULL)
        return mele_i_no_memory(error);
    n->at = at;
    n->trial = n->at + p;
    n->step = n->trial + p;
    n->factor = n->step + p;
    n->now = (objective){m, n->at, n->factor + square, n->factor + square + coefficients, dense};
    n->next = (objective){m, n->trial, n->now.sums + sums, n->now.sums + sums + coefficients,
                          dense};
    return dense ? MELE_OK : mele_i_curvature_make(&n->curvature, m, error);
}

static void free_newton(newton *n)
{
    free(n->memory);
    mele_i_curvature_free(&n->curvature);
}

/* The step -H^-1 gradient, with as little added to the diagonal as makes H definite; returns
 * Newton's decrement, negative when nothing helps. */
static double dense_step(newton *n)
{
    size_t p = n->now.m->parameters;
    const double *gradient = n->now.sums + 1, *hessian = gradient + p;
    double boost = 0;

    for (int attempt = 0; attempt <= BOOSTS; attempt++) {
        for (size_t i = 0; i < p; i++) {
            memcpy(n->factor + i * p, hessian + i * p, p * sizeof *hessian);
            n->factor[i * p + i] *= 1 + boost;
        }
        if (mele_i_cholesky(n->factor, p)) {
            double decrement = 0;
            for (size_t i = 0; i < p; i++)
                n->step[i] = -gradient[i];
            mele_i_cholesky_solve(n->factor, p, n->step);
            for (size_t i = 0; i < p; i++)
                decrement -= gradient[i] * n->step[i];
            if (decrement >= 0)
                return decrement;
        }
        boost = boost == 0 ? FIRST_BOOST : boost * BOOST_GROWTH;
    }
    return -1;
}

/* The same without a matrix. */
static mele_status inexact_step(newton *n, mele_engine *engine, mele_error *error)
{
    const mele_i_multinomial *m = n->now.m;
    const double *gradient = n->now.sums + 1;
    const double near = sqrt(n->decrement / m->total);
    const double tolerance = fmax(TIGHTEST, fmin(LOOSEST, near));
    mele_status status =
        mele_i_curvature_at(&n->curvature, m, n->now.coefficients, engine, error);

    if (status == MELE_OK)
        status = mele_i_curvature_solve(&n->curvature, m, gradient, tolerance, n->step, engine,
                                        error);
    n->decrement = 0;
    for (size_t i = 0; i < m->parameters; i++)
        n->decrement -= gradient[i] * n->step[i];
    return status;
}

static mele_status newton_step(newton *n, mele_engine *engine, mele_error *error)
{
    if (!n->now.dense)
        return inexact_step(n, engine, error);
    n->decrement = dense_step(n);
    return MELE_OK;
}

static void swap_points(newton *n)
{
    objective swapped = n->now;
    double *at = n->at;

    n->now = n->next;
    n->next = swapped;
    n->at = n->trial;
    n->trial = at;
}

/* Halve the step until the objective falls enough; false: it never does. */
static mele_status search_line(newton *n, double decrement, mele_engine *engine, bool *fell,
                               mele_error *error)
{
    size_t p = n->now.m->parameters;
    double length = 1;

    *fell = false;
    for (int halving = 0; halving <= MOST_HALVINGS && !*fell; halving++, length /= 2) {
        double penalty;
        for (size_t i = 0; i < p; i++)
            n->trial[i] = n->at[i] + length * n->step[i];
        mele_status status = evaluate(&n->next, engine, &penalty, error);
        if (status != MELE_OK)
            return status;
        if (n->next.sums[0] <= n->now.sums[0] - ARMIJO * length * decrement) {
            n->value_penalty = penalty;
            swap_points(n);
            *fell = true;
        }
    }
    return MELE_OK;
}

/* From n->at, whose objective is known. */
static mele_status iterate(newton *n, size_t most, mele_engine *engine, mele_error *error)
{
    const mele_i_multinomial *m = n->now.m;
    mele_status status = MELE_OK;
    bool fell = true;

    while (fell && n->iterations < most && status == MELE_OK) {
        status = newton_step(n, engine, error);
        const double decrement = n->decrement;
        if (status != MELE_OK || !(decrement >= 0))
            return status;
        n->iterations++;
        if (decrement <= CONVERGED * m->total) {
            for (size_t i = 0; i < m->parameters; i++)
                n->at[i] += n->step[i];
            n->converged = true;
            return MELE_OK;
        }
        status = search_line(n, decrement, engine, &fell, error);
        n->converged = !fell && decrement <= STALLED * m->total;
    }
    return status;
}

/* How many columns of [1 X] are independent, the first one first, by Cholesky's factor of their
 * moments with the largest remaining column next; `moments` (n x n, upper by columns) is
 * destroyed, `scratch` has n numbers. */
static size_t rank_of_moments(double *moments, size_t n, size_t ld, double *scratch)
{
    size_t rank = 0;

    for (size_t j = 0; j < n; j++) {
        scratch[j] = moments[j + j * ld];
        for (size_t i = 0; i < j; i++)
            moments[j + i * ld] = moments[i + j * ld];
    }
    for (; rank < n; rank++) {
        size_t best = n;
        for (size_t j = 0; j < n; j++) {
            double left = scratch[j] > 0 ? moments[j + j * ld] / scratch[j] : 0;
            if (left > RANK_GRAM && (best == n || left > moments[best + best * ld] / scratch[best]))
                best = j;
            if (rank == 0)
                break;
        }
        if (best == n)
            return rank;
        for (size_t j = 0; j < n; j++) {
            double share = moments[best + j * ld] / moments[best + best * ld];
            for (size_t i = 0; i < n && j != best; i++)
                moments[i + j * ld] -= share * moments[i + best * ld];
        }
        scratch[best] = 0;
    }
    return rank;
}

/* The rank of the rows' design, from the Hessian at 0, whose first block is a multiple of the
 * moments; the penalty has been added to it. */
static size_t rank_at_zero(newton *n)
{
    const mele_i_multinomial *m = n->now.m;
    size_t width = m->d + 1, p = m->parameters;
    const double *hessian = n->now.sums + 1 + p;
    double part = 1 - 1 / (double)m->classes;

    if (p == 0)
        return 1;
    if (!n->now.dense)
        return rank_of_moments(n->curvature.first, width, width, n->step);
    for (size_t j = 0; j < width; j++) {
        memcpy(n->factor + j * p, hessian + j * p, width * sizeof *hessian);
        n->factor[j + j * p] -= part * mele_i_multinomial_ridge(m, j);
    }
    return rank_of_moments(n->factor, width, p, n->step);
}

/* From the minimum, follow it to the one with as little ridge as `finer` has, if it is near; else
 * stay. `kept`: room for P numbers. */
static mele_status refine(newton *n, const mele_i_multinomial *finer, double *kept,
                          mele_engine *engine, mele_error *error)
{
    const mele_i_multinomial *m = n->now.m;
    const size_t p = m->parameters, iterations = n->iterations;
    const double value = n->now.sums[0], penalty = n->value_penalty;
    double rest;

    memcpy(kept, n->at, p * sizeof *kept);
    n->now.m = n->next.m = finer;
    mele_status status = evaluate(&n->now, engine, &rest, error);
    if (status != MELE_OK)
        return status;
    n->decrement = LITTLE * m->total; /* a step that tells it well enough */
    status = newton_step(n, engine, error);
    n->value_penalty = rest;
    n->converged = false;
    if (status == MELE_OK && n->decrement >= 0 && n->decrement <= LITTLE * (penalty - rest))
        status = iterate(n, m->max_iterations, engine, error);
    if (status != MELE_OK || n->converged)
        return status;
    memcpy(n->at, kept, p * sizeof *kept);
    n->now.m = n->next.m = m;
    n->now.sums[0] = value;
    n->value_penalty = penalty;
    n->iterations = iterations;
    n->converged = true;
    return MELE_OK;
}

/* Whether a parameter is the slope of a column that is absent. */
static bool is_absent(const mele_i_multinomial *m, size_t parameter)
{
    const size_t column = parameter % (m->d + 1);

    return column > 0 && m->absent[column - 1];
}

/* Minimise from 0 or from `start` (NULL: none), whichever is lower; rank NULL: not wanted. */
static mele_status minimise(newton *n, const double *start, size_t *rank, mele_engine *engine,
                            mele_error *error)
{
    size_t p = n->now.m->parameters;
    double penalty = 0;
    mele_status status = evaluate(&n->now, engine, &n->value_penalty, error);

    if (status == MELE_OK && rank != NULL && !n->now.dense)
        status = mele_i_curvature_at(&n->curvature, n->now.m, n->now.coefficients, engine, error);
    if (status == MELE_OK && rank != NULL)
        *rank = rank_at_zero(n);
    if (p == 0) { /* one class */
        n->converged = true;
        return status;
    }
    if (status == MELE_OK && start != NULL) {
        for (size_t i = 0; i < p; i++)
            n->trial[i] = is_absent(n->now.m, i) ? 0 : start[i];
        status = evaluate(&n->next, engine, &penalty, error);
        if (status == MELE_OK && n->next.sums[0] < n->now.sums[0]) {
            n->value_penalty = penalty;
            swap_points(n);
        }
    }
    if (status == MELE_OK)
        status = iterate(n, n->now.m->max_iterations, engine, error);
    return status;
}

mele_status mele_i_multinomial_solve(const mele_i_multinomial *m, const double *start,
                                     mele_engine *engine, mele_i_multinomial_solution *solution,
                                     mele_error *error)
{
    newton n = {0};
    mele_i_multinomial finer = *m;
    mele_status status = make_newton(&n, m, error);

    finer.slope_ridge = fmax(m->ridge, REFINED_RIDGE * m->total);
    finer.intercept_ridge = REFINED_RIDGE * m->total;
    if (status == MELE_OK)
        status = minimise(&n, start, solution->rank, engine, error);
    if (status == MELE_OK && n.converged && m->parameters > 0)
        status = refine(&n, &finer, solution->differences, engine, error);
    if (status == MELE_OK) {
        memcpy(solution->differences, n.at, m->parameters * sizeof *n.at);
        solution->ridge = n.now.m->slope_ridge;
        solution->error = (n.now.sums[0] - n.value_penalty) / m->total;
        solution->iterations = n.iterations;
        solution->converged = n.converged;
    }
    free_newton(&n);
    return status;
}

void mele_i_multinomial_raw(const mele_i_multinomial *m, const double *differences, double *out)
{
    size_t width = m->d + 1;

    for (size_t a = 0; a < m->classes; a++, out += width) {
        for (size_t j = 0; j < width; j++) {
            double mean = 0;
            for (size_t b = 0; b + 1 < m->classes; b++)
                mean += differences[b * width + j] / (double)m->classes;
            out[j] = (a + 1 < m->classes ? differences[a * width + j] : 0) - mean;
        }
        mele_i_frame_raw(m->frame, m->d, out, 1, 0, out);
    }
}
