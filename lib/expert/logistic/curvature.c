/* Newton's steps of many classes, by conjugate gradients.
 *
 * With symmetric coefficients b (multinomial.c), in the space S where they sum to 0 over classes,
 *     (H b)_c = Z' W p_c (t_c - sum_b p_b t_b) + L b_c,    t_c = Z b_c,
 * which takes 2 n C (d + 1) products and additions, where the matrix of the differences has
 * ((C - 1)(d + 1))^2 numbers and takes n / 2 times as many. H maps S to itself, and the gradient
 * lies in it. The preconditioner is made of the diagonal blocks,
 *     B_c = Z' W diag(p_c (1 - p_c)) Z + L,
 * by Cholesky's factors, then the projection onto S. H is at most 2 B, since for every row
 * sum_c p_c v_c^2 - (sum_c p_c v_c)^2 = sum_b sum_c p_b p_c (v_b - v_c)^2 / 2 and (v_b - v_c)^2 is at
 * most 2 v_b^2 + 2 v_c^2.
 * Source: Nocedal, Wright, Numerical Optimization, 2006, ch. 7.1; Lin, Weng, Keerthi 2008, J. Mach.
 * Learn. Res. 9 (both for the truncated solution). */
#include "expert/logistic/curvature.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cholesky.h"
#include "core/error.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "expert/logistic/chunk.h"
#include "expert/forms/triangle.h"

#define MOST 1000 /* multiplications for a step */
#define BOOSTS 8  /* of an indefinite block's diagonal */
#define FIRST_BOOST 1e-12
#define BOOST_GROWTH 30
#define BLOCK_WORK (1 << 20)

/* What a pass multiplies, and where its sums go. */
typedef struct product {
    const mele_i_multinomial *m;
    const mele_i_curvature *curvature;
    const double *by; /* C x (d + 1) */
    double *sums;
    size_t count; /* of the sums */
    void (*take)(void *context, const mele_i_multinomial_chunk *chunk, double *sums);
} product;

static size_t size_of(const mele_i_multinomial *m)
{
    return m->classes * (m->d + 1);
}

mele_status mele_i_curvature_make(mele_i_curvature *curvature, const mele_i_multinomial *m,
                                  mele_error *error)
{
    const size_t width = m->d + 1, size = size_of(m);
    struct {
        double **at;
        size_t rows, columns;
    } array[] = {{&curvature->chance, m->count, m->classes}, {&curvature->factor, size, width},
                 {&curvature->first, width, width},          {&curvature->residual, size, 1},
                 {&curvature->solved, size, 1},              {&curvature->direction, size, 1},
                 {&curvature->product, size, 1}};
    const size_t count = sizeof array / sizeof *array;
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += mele_i_carved(array[i].rows * array[i].columns, sizeof(double));
    unsigned char *at = curvature->memory = mele_i_array(bytes, 1);
    if (at == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < count; i++)
        *array[i].at = mele_i_carve(&at, array[i].rows * array[i].columns, sizeof(double));
    return MELE_OK;
}

void mele_i_curvature_free(mele_i_curvature *curvature)
{
    free(curvature->memory);
}

static mele_status map(void *context, mele_i_block block, void *partial, void *scratch,
                       mele_error *error)
{
    const product *p = context;

    return mele_i_multinomial_chunks(p->m, block, scratch, p->take, context, partial, error);
}

static void combine(void *context, const void *partial)
{
    const product *p = context;
    const double *sums = partial;

    for (size_t i = 0; i < p->count; i++)
        p->sums[i] += sums[i];
}

/* The sums over all rows of what take() adds for a chunk. */
static mele_status run(product *p, size_t row_work, mele_engine *engine, mele_error *error)
{
    const mele_i_multinomial *m = p->m;
    const size_t least = 2 * mele_i_multinomial_chunk_rows(m);
    mele_i_pass pass = {.rows = m->count,
                        .block_rows = mele_i_block_rows(row_work, BLOCK_WORK, least),
                        .map = map,
                        .combine = combine,
                        .context = p,
                        .partial_bytes = p->count * sizeof(double),
                        .scratch_bytes = mele_i_multinomial_chunk_bytes(m)};

    memset(p->sums, 0, p->count * sizeof *p->sums);
    return mele_i_pass_run(engine, &pass, error);
}

/* ---- the diagonal blocks ---- */

static void take_blocks(void *context, const mele_i_multinomial_chunk *c, double *sums)
{
    const product *p = context;
    const mele_i_multinomial *m = p->m;
    const size_t width = m->d + 1, classes = m->classes;

    mele_i_multinomial_log_chances(m, c, p->by);
    mele_i_kernels_best()->exponential(c->logit, c->count * classes);
    for (size_t i = 0; i < c->count; i++)
        memcpy(p->curvature->chance + c->slot[i] * classes, c->logit + i * classes,
               classes * sizeof *c->logit);
    for (size_t a = 0; a < classes; a++) {
        for (size_t i = 0; i < c->count; i++)
            c->v[i] = c->weight[i] * c->logit[i * classes + a] * (1 - c->logit[i * classes + a]);
        mele_i_multinomial_scaled_columns(m, c);
        mele_i_cross_add(c->z, width, c->u, width, c->padded, sums + a * width * width, width);
    }
}

/* Cholesky's factor of a block and the penalty, with as little added to the diagonal as makes it
 * definite; of what never is, the roots of the diagonal. */
static void factor_block(const mele_i_multinomial *m, double *block, double *room)
{
    const size_t width = m->d + 1;
    double boost = 0;

    for (size_t j = 0; j < width; j++)
        block[j * width + j] += mele_i_multinomial_ridge(m, j);
    memcpy(room, block, width * width * sizeof *block);
    for (int attempt = 0; attempt <= BOOSTS; attempt++) {
        if (mele_i_cholesky(block, width))
            return;
        boost = boost == 0 ? FIRST_BOOST : boost * BOOST_GROWTH;
        memcpy(block, room, width * width * sizeof *block);
        for (size_t j = 0; j < width; j++)
            block[j * width + j] *= 1 + boost;
    }
    memset(block, 0, width * width * sizeof *block);
    for (size_t j = 0; j < width; j++)
        block[j * width + j] = sqrt(room[j * width + j]);
}

mele_status mele_i_curvature_at(mele_i_curvature *curvature, const mele_i_multinomial *m,
                                const double *coefficients, mele_engine *engine, mele_error *error)
{
    const size_t width = m->d + 1, square = width * width;
    product p = {.m = m,
                 .curvature = curvature,
                 .by = coefficients,
                 .sums = curvature->factor,
                 .count = m->classes * square,
                 .take = take_blocks};
    double *room = MELE_I_ARRAY(double, square);
    mele_status status = room == NULL ? mele_i_no_memory(error)
                                      : run(&p, m->classes * square, engine, error);

    if (status == MELE_OK)
        memcpy(curvature->first, curvature->factor, square * sizeof *room);
    for (size_t a = 0; a < m->classes && status == MELE_OK; a++)
        factor_block(m, curvature->factor + a * square, room);
    free(room);
    return status;
}

/* ---- conjugate gradients ---- */

static void take_product(void *context, const mele_i_multinomial_chunk *c, double *sums)
{
    const product *p = context;
    const mele_i_multinomial *m = p->m;
    const size_t width = m->d + 1, classes = m->classes;

    mele_i_kernels_best()->linear(c->framed, m->d, c->count, m->d, p->by, classes, c->logit,
                                  classes);
    for (size_t i = 0; i < c->count; i++) {
        const double *chance = p->curvature->chance + c->slot[i] * classes;
        const double *t = c->logit + i * classes;
        double mean = 0;
        for (size_t a = 0; a < classes; a++)
            mean += chance[a] * t[a];
        for (size_t a = 0; a < classes; a++)
            c->u[i + a * c->padded] = c->weight[i] * chance[a] * (t[a] - mean);
    }
    for (size_t a = 0; a < classes; a++)
        memset(c->u + c->count + a * c->padded, 0, (c->padded - c->count) * sizeof *c->u);
    mele_i_cross_add(c->z, width, c->u, classes, c->padded, sums, width);
}

static mele_status multiply(mele_i_curvature *curvature, const mele_i_multinomial *m,
                            mele_engine *engine, mele_error *error)
{
    const size_t width = m->d + 1, size = size_of(m);
    product p = {.m = m,
                 .curvature = curvature,
                 .by = curvature->direction,
                 .sums = curvature->product,
                 .count = size,
                 .take = take_product};
    mele_status status = run(&p, 2 * size, engine, error);

    for (size_t i = 0; i < size; i++)
        curvature->product[i] += mele_i_multinomial_ridge(m, i % width) * curvature->direction[i];
    return status;
}

/* solved = the preconditioner's inverse times the residual; returns their product. */
static double precondition(mele_i_curvature *curvature, const mele_i_multinomial *m)
{
    const size_t width = m->d + 1, size = size_of(m);
    double sum = 0;

    memcpy(curvature->solved, curvature->residual, size * sizeof *curvature->solved);
    for (size_t a = 0; a < m->classes; a++)
        mele_i_cholesky_solve(curvature->factor + a * width * width, width,
                              curvature->solved + a * width);
    for (size_t j = 0; j < width; j++) {
        double mean = 0;
        for (size_t i = j; i < size; i += width)
            mean += curvature->solved[i] / (double)m->classes;
        for (size_t i = j; i < size; i += width)
            curvature->solved[i] -= mean;
    }
    for (size_t i = 0; i < size; i++)
        sum += curvature->solved[i] * curvature->residual[i];
    return sum;
}

static double dot(const double *a, const double *b, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

/* The residual at 0, of all classes: the last class has what makes the sum 0. */
static void start_from(mele_i_curvature *curvature, const mele_i_multinomial *m,
                       const double *gradient)
{
    const size_t width = m->d + 1;
    double *last = curvature->residual + m->parameters;

    memset(last, 0, width * sizeof *last);
    for (size_t i = 0; i < m->parameters; i++) {
        curvature->residual[i] = -gradient[i];
        last[i % width] += gradient[i];
    }
}

/* Move a step along the direction, as differences to the last class. */
static void move(const mele_i_curvature *curvature, const mele_i_multinomial *m, double length,
                 double *step)
{
    const double *last = curvature->direction + m->parameters;

    for (size_t i = 0; i < m->parameters; i++)
        step[i] += length * (curvature->direction[i] - last[i % (m->d + 1)]);
}

mele_status mele_i_curvature_solve(mele_i_curvature *curvature, const mele_i_multinomial *m,
                                   const double *gradient, double tolerance, double *step,
                                   mele_engine *engine, mele_error *error)
{
    const size_t size = size_of(m);
    mele_status status = MELE_OK;

    memset(step, 0, m->parameters * sizeof *step);
    start_from(curvature, m, gradient);
    double left = precondition(curvature, m);
    const double enough = tolerance * tolerance * left;
    memcpy(curvature->direction, curvature->solved, size * sizeof *curvature->solved);
    for (size_t i = 0; i < MOST && left > enough; i++) {
        status = multiply(curvature, m, engine, error);
        if (status == MELE_OK)
            status = mele_i_progress(engine, "logistic", i + 1, MOST, NAN, error);
        if (status != MELE_OK)
            return status;
        const double bend = dot(curvature->direction, curvature->product, size);
        if (!(bend > 0)) { /* by rounding, where next to nothing is left */
            if (i == 0)
                move(curvature, m, 1, step);
            return MELE_OK;
        }
        move(curvature, m, left / bend, step);
        for (size_t j = 0; j < size; j++)
            curvature->residual[j] -= left / bend * curvature->product[j];
        const double next = precondition(curvature, m);
        for (size_t j = 0; j < size; j++)
            curvature->direction[j] =
                curvature->solved[j] + next / left * curvature->direction[j];
        left = next;
    }
    return MELE_OK;
}
