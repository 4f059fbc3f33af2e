/* Multinomial logistic experts: Newton's method in every region and over all rows.
 *
 * With C classes, p_c(x) ~ exp(b_c' [1 x]). The objective is the weighted negative log-likelihood
 * plus L/2 times the sum of squared slopes of all C classes. At its minimum the coefficients sum
 * to 0 over the classes, so that they are identified and no class is special; b_c can then be
 * written with the C - 1 differences to the last class, a_c = b_c - b_C, of which the penalty is
 * the quadratic form I - 11'/C. Newton runs on the differences, P = (C - 1)(d + 1) of them:
 *     gradient_c = Z' W (p_c - [y = c]) + ...,
 *     Hessian_cb = Z' W diag(p_c ([c = b] - p_b)) Z + ...
 * with steps halved until the objective falls enough (Armijo), and Cholesky's factor of the
 * Hessian, whose diagonal grows when rounding makes it indefinite.
 *
 * L is at least LEAST_RIDGE times the region's weight, and intercepts (taken at the means of the
 * columns over all rows) have a penalty of INTERCEPT_RIDGE times it: with separable data, and
 * with classes that a region does not have, everything stays finite; the probability of a
 * missing class is near INTERCEPT_RIDGE times its own logarithm. Left-out predictions come from
 * folds inside the region, stratified by class, each fit starting from the region's own.
 * Source: Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, 2009, ch. 4.4; Zhu,
 * Hastie 2004, Biostatistics 5 (the symmetric form). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cholesky.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/stream.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "expert/affine.h"
#include "expert/frame.h"
#include "expert/kind.h"
#include "expert/triangle.h"

#define LEAST_RIDGE 1e-8  /* a unit of weight */
#define INTERCEPT_RIDGE 1e-6
#define CONVERGED 1e-12   /* Newton's decrement, a unit of weight: then one last full step */
#define STALLED 1e-8      /* the same where rounding hides any fall of the objective */
#define ARMIJO 1e-4
#define MOST_HALVINGS 40
#define BOOSTS 8          /* of an indefinite Hessian's diagonal */
#define FIRST_BOOST 1e-12
#define BOOST_GROWTH 30
#define RANK_GRAM 1e-10   /* of a column's square is left */
#define NO_FOLD 255       /* folds are fewer */

typedef struct fitting {
    mele_experts *experts;
    const mele_i_expert_problem *problem;
    mele_i_frame frame;
    size_t clusters, d, classes, parameters;
    double *differences;        /* (K + 1) x P, in the frame */
    double *folded;             /* (K + 1) x folds x C x (d + 1), raw; NULL: no left-out wanted */
    unsigned char *fold;        /* n (hard) or n x K (soft): the fold of a row in its region */
    unsigned char *global_fold; /* n */
    double *left_out;           /* K + 1: sums of left-out losses */
} fitting;

/* The rows of one region. */
typedef struct sample {
    const fitting *f;
    size_t *row, count;
    double *weight, total; /* scaled */
    unsigned char *fold;   /* NULL: none are left out */
    unsigned left;         /* the fold that is left out now, or NO_FOLD */
    double slope_ridge, intercept_ridge;
} sample;

/* The objective at a point, and where it is accumulated. */
typedef struct objective {
    const sample *s;
    const double *at;     /* P differences */
    double *coefficients; /* C x (d + 1): them, and zeros for the last class */
    double *sums;         /* value, gradient (P), Hessian (P x P) */
} objective;

static size_t class_of(const fitting *f, size_t row)
{
    return (size_t)f->problem->y->data[row * f->problem->y->stride];
}

/* ---- the objective and its derivatives, in one pass ---- */

/* Scratch: one chunk of rows. */
typedef struct chunk {
    size_t rows, *row;
    double *weight, *one, *framed, *logit, *z, *u, *v;
} chunk;

static size_t chunk_rows(const fitting *f)
{
    return mele_i_chunk_rows(2 * (f->d + 1));
}

static chunk place_chunk(const fitting *f, void *scratch)
{
    unsigned char *at = scratch;
    chunk c = {.rows = chunk_rows(f)};

    c.row = mele_i_carve(&at, c.rows, sizeof *c.row);
    c.weight = mele_i_carve(&at, c.rows, sizeof *c.weight);
    c.one = mele_i_carve(&at, c.rows, sizeof *c.one);
    c.framed = mele_i_carve(&at, c.rows * f->d, sizeof *c.framed);
    c.logit = mele_i_carve(&at, c.rows * f->classes, sizeof *c.logit);
    c.z = mele_i_carve(&at, c.rows * (f->d + 1), sizeof *c.z);
    c.u = mele_i_carve(&at, c.rows * (f->d + 1), sizeof *c.u);
    c.v = mele_i_carve(&at, c.rows, sizeof *c.v);
    return c;
}

static size_t chunk_bytes(const fitting *f)
{
    size_t rows = chunk_rows(f), number = sizeof(double);

    return mele_i_carved(rows, sizeof(size_t)) + 3 * mele_i_carved(rows, number)
           + mele_i_carved(rows * f->d, number) + mele_i_carved(rows * f->classes, number)
           + 2 * mele_i_carved(rows * (f->d + 1), number);
}

/* gradient += Z' W (p_c - [y = c]) for every class but the last; logit holds probabilities. */
static void add_gradient(const fitting *f, const chunk *c, size_t count, size_t rows,
                         double *gradient)
{
    for (size_t a = 0; a + 1 < f->classes; a++) {
        for (size_t i = 0; i < count; i++)
            c->v[i] = c->weight[i]
                      * (c->logit[i * f->classes + a] - (class_of(f, c->row[i]) == a));
        memset(c->v + count, 0, (rows - count) * sizeof *c->v);
        mele_i_cross_add(c->z, f->d + 1, c->v, 1, rows, gradient + a * (f->d + 1), f->d + 1);
    }
}

/* Hessian += Z' W diag(p_a ([a = b] - p_b)) Z for a <= b. */
static void add_hessian(const fitting *f, const chunk *c, size_t count, size_t rows,
                        double *hessian)
{
    size_t width = f->d + 1;

    for (size_t b = 0; b + 1 < f->classes; b++)
        for (size_t a = 0; a <= b; a++) {
            for (size_t i = 0; i < count; i++) {
                const double *p = c->logit + i * f->classes;
                c->v[i] = c->weight[i] * p[a] * ((a == b) - p[b]);
            }
            for (size_t j = 0; j < width; j++) {
                for (size_t i = 0; i < count; i++)
                    c->u[i + j * rows] = c->z[i + j * rows] * c->v[i];
                memset(c->u + count + j * rows, 0, (rows - count) * sizeof *c->u);
            }
            mele_i_cross_add(c->z, width, c->u, width, rows,
                             hessian + a * width + b * width * f->parameters, f->parameters);
        }
}

static void add_chunk(const objective *o, const chunk *c, size_t count, double *sums)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const fitting *f = o->s->f;
    size_t rows = (count + MELE_I_LANES - 1) / MELE_I_LANES * MELE_I_LANES;

    mele_i_frame_rows(&f->frame, c->row, count, c->framed);
    kernels->linear(c->framed, f->d, count, f->d, o->coefficients, f->classes, c->logit,
                    f->classes);
    kernels->log_softmax(c->logit, count, f->classes, NULL);
    for (size_t i = 0; i < count; i++)
        sums[0] -= c->weight[i] * c->logit[i * f->classes + class_of(f, c->row[i])];
    kernels->exponential(c->logit, count * f->classes);
    mele_i_frame_columns(&f->frame, c->row, c->one, count, rows, c->z);
    add_gradient(f, c, count, rows, sums + 1);
    add_hessian(f, c, count, rows, sums + 1 + f->parameters);
}

static mele_status objective_block(void *context, mele_i_block block, void *partial,
                                   void *scratch, mele_error *error)
{
    const objective *o = context;
    const sample *s = o->s;
    chunk c = place_chunk(s->f, scratch);
    size_t count = 0;

    (void)error;
    for (size_t i = 0; i < c.rows; i++)
        c.one[i] = 1;
    for (size_t i = block.first; i < block.first + block.count; i++) {
        c.row[count] = s->row[i];
        c.weight[count] = s->weight[i];
        count += s->left == NO_FOLD || s->fold[i] != s->left;
        if (count == c.rows || (count > 0 && i + 1 == block.first + block.count)) {
            add_chunk(o, &c, count, partial);
            count = 0;
        }
    }
    return MELE_OK;
}

static size_t sums_of(const fitting *f)
{
    return 1 + f->parameters + f->parameters * f->parameters;
}

static void add_sums(void *context, const void *partial)
{
    const objective *o = context;
    const double *sums = partial;

    for (size_t i = 0; i < sums_of(o->s->f); i++)
        o->sums[i] += sums[i];
}

/* The quadratic form of the penalty; returns its value. */
static double add_penalty(const objective *o)
{
    const fitting *f = o->s->f;
    size_t width = f->d + 1, others = f->classes - 1;
    double *gradient = o->sums + 1, *hessian = gradient + f->parameters, value = 0;

    for (size_t j = 0; j < width; j++) {
        double ridge = j == 0 ? o->s->intercept_ridge : o->s->slope_ridge, mean = 0;
        for (size_t a = 0; a < others; a++)
            mean += o->at[a * width + j] / (double)f->classes;
        for (size_t a = 0; a < others; a++) {
            double slope = ridge * (o->at[a * width + j] - mean);
            gradient[a * width + j] += slope;
            value += 0.5 * o->at[a * width + j] * slope;
            for (size_t b = a; b < others; b++)
                hessian[a * width + j + (b * width + j) * f->parameters]
                    += ridge * ((a == b) - 1 / (double)f->classes);
        }
    }
    o->sums[0] += value;
    return value;
}

/* Blocks below the diagonal ones are not filled; the upper triangle (by columns) is whole. */
static mele_status evaluate(objective *o, mele_engine *engine, double *penalty,
                            mele_error *error)
{
    const fitting *f = o->s->f;
    size_t width = f->d + 1, rows = chunk_rows(f);
    mele_i_pass pass = {
        .rows = o->s->count, .map = objective_block, .combine = add_sums, .context = o,
        .block_rows = mele_i_block_rows(f->parameters * f->parameters + width, 1 << 22, 2 * rows),
        .partial_bytes = sums_of(f) * sizeof(double), .scratch_bytes = chunk_bytes(f)};

    memset(o->sums, 0, sums_of(f) * sizeof *o->sums);
    memcpy(o->coefficients, o->at, f->parameters * sizeof *o->at);
    memset(o->coefficients + f->parameters, 0, width * sizeof *o->at);
    mele_status status = mele_i_pass_run(engine, &pass, error);
    *penalty = add_penalty(o);
    return status;
}

/* ---- Newton's method ---- */

typedef struct newton {
    objective now, next;
    double *at, *trial, *step, *factor; /* P, P, P, P x P */
    double *memory;
    double value_penalty;               /* the penalty's part of now's value */
    size_t iterations;
    bool converged;
} newton;

static mele_status make_newton(newton *n, const sample *s, mele_error *error)
{
    const fitting *f = s->f;
    size_t p = f->parameters, coefficients = f->classes * (f->d + 1), sums = sums_of(f);
    double *at = MELE_I_ZEROED(double, 3 * p + p * p + 2 * coefficients + 2 * sums);

    n->memory = at;
    if (at == NULL)
        return mele_i_no_memory(error);
    n->at = at;
    n->trial = n->at + p;
    n->step = n->trial + p;
    n->factor = n->step + p;
    n->now = (objective){s, n->at, n->factor + p * p, n->factor + p * p + coefficients};
    n->next = (objective){s, n->trial, n->now.sums + sums, n->now.sums + sums + coefficients};
    return MELE_OK;
}

/* The step -H^-1 gradient, with as little added to the diagonal as makes H definite; returns
 * Newton's decrement, negative when nothing helps. */
static double newton_step(newton *n)
{
    size_t p = n->now.s->f->parameters;
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
    size_t p = n->now.s->f->parameters;
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
    const sample *s = n->now.s;
    mele_status status = MELE_OK;
    bool fell = true;

    while (fell && n->iterations < most && status == MELE_OK) {
        double decrement = newton_step(n);
        if (decrement < 0)
            return MELE_OK;
        n->iterations++;
        if (decrement <= CONVERGED * s->total) {
            for (size_t i = 0; i < s->f->parameters; i++)
                n->at[i] += n->step[i];
            n->converged = true;
            return MELE_OK;
        }
        status = search_line(n, decrement, engine, &fell, error);
        n->converged = !fell && decrement <= STALLED * s->total;
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

/* The rank of the region's design, from the Hessian at 0, whose first block is a multiple of the
 * moments; the penalty has been added to it. */
static size_t rank_at_zero(newton *n)
{
    const sample *s = n->now.s;
    const fitting *f = s->f;
    size_t width = f->d + 1, p = f->parameters;
    const double *hessian = n->now.sums + 1 + p;
    double part = 1 - 1 / (double)f->classes;

    if (p == 0)
        return 1;
    for (size_t j = 0; j < width; j++) {
        memcpy(n->factor + j * p, hessian + j * p, width * sizeof *hessian);
        n->factor[j + j * p] -= part * (j == 0 ? s->intercept_ridge : s->slope_ridge);
    }
    return rank_of_moments(n->factor, width, p, n->step);
}

/* Minimise from 0 or from `start` (NULL: none), whichever is lower; rank NULL: not wanted. */
static mele_status minimise(newton *n, const double *start, size_t *rank, mele_engine *engine,
                            mele_error *error)
{
    size_t p = n->now.s->f->parameters;
    double penalty = 0;
    mele_status status = evaluate(&n->now, engine, &n->value_penalty, error);

    if (status == MELE_OK && rank != NULL)
        *rank = rank_at_zero(n);
    if (p == 0) { /* one class */
        n->converged = true;
        return status;
    }
    if (status == MELE_OK && start != NULL) {
        memcpy(n->trial, start, p * sizeof *start);
        status = evaluate(&n->next, engine, &penalty, error);
        if (status == MELE_OK && n->next.sums[0] < n->now.sums[0]) {
            n->value_penalty = penalty;
            swap_points(n);
        }
    }
    if (status == MELE_OK)
        status = iterate(n, n->now.s->f->problem->options->max_iterations, engine, error);
    return status;
}

/* ---- a region ---- */

static void set_ridges(sample *s)
{
    const mele_i_expert_problem *problem = s->f->problem;

    s->total = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->left == NO_FOLD || s->fold[i] != s->left)
            s->total += s->weight[i];
    s->intercept_ridge = INTERCEPT_RIDGE * s->total;
    s->slope_ridge = fmax(problem->options->ridge * problem->regions->scale,
                          LEAST_RIDGE * s->total);
}

static mele_status make_sample(sample *s, const fitting *f, size_t k, mele_error *error)
{
    const mele_i_regions *regions = f->problem->regions;
    size_t n = f->problem->x->rows, count = 0;

    for (size_t i = 0; i < n; i++)
        count += mele_i_region_weight(regions, i, k) > 0;
    *s = (sample){.f = f, .left = NO_FOLD, .row = MELE_I_ARRAY(size_t, count),
                  .weight = MELE_I_ARRAY(double, count),
                  .fold = MELE_I_ARRAY(unsigned char, count)};
    if (s->row == NULL || s->weight == NULL || s->fold == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < n; i++) {
        double weight = mele_i_region_weight(regions, i, k);
        if (weight > 0) {
            s->row[s->count] = i;
            s->weight[s->count++] = weight;
        }
    }
    set_ridges(s);
    return MELE_OK;
}

static void free_sample(sample *s)
{
    free(s->row);
    free(s->weight);
    free(s->fold);
}

/* The coefficients of C classes, raw, that sum to 0, from the differences. */
static void raw_coefficients(const fitting *f, const double *differences, double *framed,
                             double *out)
{
    size_t width = f->d + 1;

    for (size_t a = 0; a < f->classes; a++) {
        for (size_t j = 0; j < width; j++) {
            double mean = 0;
            for (size_t b = 0; b + 1 < f->classes; b++)
                mean += differences[b * width + j] / (double)f->classes;
            framed[j] = (a + 1 < f->classes ? differences[a * width + j] : 0) - mean;
        }
        mele_i_frame_raw(&f->frame, f->d, framed, 1, 0, out + a * width);
    }
}

/* Deal the rows of each class, in a random order, to the folds in turn. */
static mele_status deal_folds(sample *s, size_t k, mele_error *error)
{
    const fitting *f = s->f;
    const mele_expert_options *options = f->problem->options;
    mele_i_stream stream = mele_i_stream_make(options->seed, MELE_I_FOR_EXPERTS, options->fold, k);
    size_t *order = MELE_I_ARRAY(size_t, s->count), *start = MELE_I_ZEROED(size_t, f->classes + 1);
    mele_status status = MELE_OK;

    if (order == NULL || start == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    for (size_t i = 0; i < s->count; i++)
        start[class_of(f, s->row[i]) + 1]++;
    for (size_t c = 0; c < f->classes; c++)
        start[c + 1] += start[c];
    for (size_t i = s->count; i-- > 0;) {
        size_t class = class_of(f, s->row[i]);
        order[--start[class + 1]] = i;
    }
    for (size_t c = 0; c < f->classes; c++) {
        size_t end = c + 1 < f->classes ? start[c + 2] : s->count;
        mele_i_stream_shuffle(&stream, order + start[c + 1], end - start[c + 1]);
    }
    for (size_t i = 0; i < s->count; i++)
        s->fold[order[i]] = (unsigned char)(i % options->folds);

cleanup:
    free(order);
    free(start);
    return status;
}

static void keep_folds(const fitting *f, const sample *s, size_t k)
{
    size_t width = f->problem->regions->label != NULL ? 1 : f->clusters;

    for (size_t i = 0; i < s->count; i++)
        if (k == f->clusters)
            f->global_fold[s->row[i]] = s->fold[i];
        else
            f->fold[s->row[i] * width + (width == 1 ? 0 : k)] = s->fold[i];
}

/* One fit for every fold that has rows, without them. */
static mele_status fit_folds(const fitting *f, sample *s, size_t k, mele_engine *engine,
                             mele_error *error)
{
    size_t folds = f->problem->options->folds, size = f->classes * (f->d + 1);
    mele_status status = deal_folds(s, k, error);

    if (status == MELE_OK)
        keep_folds(f, s, k);
    for (size_t fold = 0; fold < folds && fold < s->count && status == MELE_OK; fold++) {
        newton n = {0};
        s->left = (unsigned)fold;
        set_ridges(s);
        status = make_newton(&n, s, error);
        if (status == MELE_OK && s->total > 0)
            status = minimise(&n, f->differences + k * f->parameters, NULL, engine, error);
        if (status == MELE_OK)
            raw_coefficients(f, n.at, n.now.coefficients, f->folded + (k * folds + fold) * size);
        free(n.memory);
    }
    return status;
}

static bool wants_folds(const fitting *f, size_t k)
{
    if (f->problem->left_out == NULL)
        return false;
    for (size_t l = 0; l < f->clusters && k == f->clusters; l++)
        if (f->problem->info[l].fallback)
            return true;
    return k < f->clusters;
}

static mele_status fit_region(void *context, size_t k, mele_engine *engine, mele_error *error)
{
    const fitting *f = context;
    mele_expert_info *info = &f->problem->info[k];
    const double *start = k < f->clusters ? f->differences + f->clusters * f->parameters : NULL;
    newton n = {0};
    sample s;

    if (info->fallback)
        return MELE_OK;
    mele_status status = make_sample(&s, f, k, error);
    if (status == MELE_OK)
        status = make_newton(&n, &s, error);
    if (status == MELE_OK)
        status = minimise(&n, start, &info->rank, engine, error);
    if (status != MELE_OK)
        goto cleanup;
    info->iterations = n.iterations;
    info->converged = n.converged;
    info->error = (n.now.sums[0] - n.value_penalty) / s.total;
    info->ridge = s.slope_ridge / f->problem->regions->scale;
    memcpy(f->differences + k * f->parameters, n.at, f->parameters * sizeof *n.at);
    raw_coefficients(f, n.at, n.now.coefficients, mele_i_affine_of(f->experts, k));
    if (wants_folds(f, k))
        status = fit_folds(f, &s, k, engine, error);

cleanup:
    free(n.memory);
    free_sample(&s);
    return status;
}

/* ---- left-out predictions ---- */

static void predict(const mele_experts *experts, const double *x, size_t stride, size_t rows,
                    double *mean)
{
    mele_i_affine_predict(experts, x, stride, rows, mean);
    mele_i_kernels_best()->log_softmax(mean, rows * experts->clusters, experts->outputs, NULL);
}

/* The log-probabilities of a row from the fit without its fold. */
static void predict_without(const fitting *f, size_t k, size_t row, size_t fold, double *out)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const mele_matrix *x = f->problem->x;
    size_t fit = k * f->problem->options->folds + fold, size = f->classes * (f->d + 1);

    kernels->linear(x->data + row * x->stride, x->stride, 1, f->d, f->folded + fit * size,
                    f->classes, out, f->classes);
    kernels->log_softmax(out, 1, f->classes, NULL);
}

static void leave_out_row(const fitting *f, size_t row, double *loss, double *out)
{
    const mele_i_regions *regions = f->problem->regions;
    size_t class = class_of(f, row), width = regions->label != NULL ? 1 : f->clusters;
    const double *global = NULL;

    for (size_t k = 0; k < f->clusters; k++) {
        double *at = out + k * f->classes, weight = mele_i_region_weight(regions, row, k);
        if (!f->problem->info[k].fallback && weight > 0) {
            predict_without(f, k, row, f->fold[row * width + (width == 1 ? 0 : k)], at);
            loss[k] -= weight * at[class];
        }
        weight = mele_i_region_weight(regions, row, f->clusters);
        if (!f->problem->info[k].fallback || !(weight > 0))
            continue;
        if (global == NULL) {
            predict_without(f, f->clusters, row, f->global_fold[row], at);
            loss[f->clusters] -= weight * at[class];
            global = at;
        } else {
            memcpy(at, global, f->classes * sizeof *at);
        }
    }
}

static mele_status leave_out_block(void *context, mele_i_block block, void *partial, void *scratch,
                                   mele_error *error)
{
    const fitting *f = context;
    const mele_matrix *x = f->problem->x;
    size_t width = f->clusters * f->classes;
    double *out = f->problem->left_out + block.first * width;

    (void)scratch;
    (void)error;
    predict(f->experts, x->data + block.first * x->stride, x->stride, block.count, out);
    for (size_t i = 0; i < block.count; i++)
        leave_out_row(f, block.first + i, partial, out + i * width);
    return MELE_OK;
}

static void add_losses(void *context, const void *partial)
{
    const fitting *f = context;
    const double *loss = partial;

    for (size_t k = 0; k <= f->clusters; k++)
        f->left_out[k] += loss[k];
}

static mele_status leave_out(fitting *f, mele_engine *engine, mele_error *error)
{
    const mele_i_regions *regions = f->problem->regions;
    size_t work = f->clusters * f->classes * (f->d + 1);
    mele_i_pass pass = {.rows = f->problem->x->rows, .map = leave_out_block, .combine = add_losses,
                        .block_rows = mele_i_block_rows(work, 1 << 18, 64), .context = f,
                        .partial_bytes = (f->clusters + 1) * sizeof(double)};
    mele_status status = mele_i_pass_run(engine, &pass, error);

    for (size_t k = 0; k <= f->clusters && status == MELE_OK; k++)
        if (!f->problem->info[k].fallback && wants_folds(f, k))
            f->problem->info[k].left_out = f->left_out[k] / (regions->total[k] * regions->scale);
    return status;
}

/* ---- all regions ---- */

static mele_status make_fitting(fitting *f, mele_engine *engine, mele_error *error)
{
    size_t all = f->clusters + 1, n = f->problem->x->rows, folds = f->problem->options->folds;
    size_t folds_a_row = f->problem->regions->label != NULL ? 1 : f->clusters;
    bool left_out = f->problem->left_out != NULL;

    f->differences = MELE_I_ZEROED(double, all * f->parameters);
    f->left_out = MELE_I_ZEROED(double, all);
    if (left_out) {
        f->folded = MELE_I_ZEROED(double, all * folds * f->classes * (f->d + 1));
        f->fold = MELE_I_ZEROED(unsigned char, n * folds_a_row);
        f->global_fold = MELE_I_ZEROED(unsigned char, n);
    }
    if (f->differences == NULL || f->left_out == NULL
        || (left_out && (f->folded == NULL || f->fold == NULL || f->global_fold == NULL)))
        return mele_i_no_memory(error);
    return mele_i_frame_make(&f->frame, f->problem->x, NULL, f->problem->regions, engine, error);
}

static void free_fitting(fitting *f)
{
    free(f->differences);
    free(f->folded);
    free(f->fold);
    free(f->global_fold);
    free(f->left_out);
    mele_i_frame_free(&f->frame);
}

static mele_status fit(mele_experts *experts, const mele_i_expert_problem *problem,
                       mele_engine *engine, mele_error *error)
{
    size_t d = experts->columns, classes = experts->classes;
    fitting f = {.experts = experts, .problem = problem, .clusters = experts->clusters, .d = d,
                 .classes = classes, .parameters = (classes - 1) * (d + 1)};
    mele_i_tasks tasks = {.count = f.clusters, .run = fit_region, .context = &f,
                          .stage = "experts"};
    mele_status status = make_fitting(&f, engine, error);

    if (status == MELE_OK)
        status = fit_region(&f, f.clusters, engine, error);
    if (status == MELE_OK)
        status = mele_i_tasks_run(engine, &tasks, error);
    for (size_t k = 0; k <= f.clusters && status == MELE_OK; k++)
        experts->summary[k].rank = problem->info[k].rank;
    if (status == MELE_OK) {
        mele_i_affine_settle(experts);
        if (problem->left_out != NULL)
            status = leave_out(&f, engine, error);
    }
    free_fitting(&f);
    return status;
}

const mele_i_expert_kind mele_i_expert_logistic = {
    .name = "logistic",
    .classification = true,
    .ridge = 0.03,
    .make = mele_i_affine_make,
    .free = free,
    .fit = fit,
    .predict = predict,
    .coefficients = mele_i_affine_coefficients,
    .keys = MELE_I_AFFINE_KEYS,
    .fits = mele_i_affine_fits,
    .save = mele_i_affine_save,
    .load = mele_i_affine_load,
    .settle = mele_i_affine_settle,
};
