/* Experts and gate that are trained as one. Minimised is
 *
 *     (1 / W) (sum_i w_i loss_i + L / 2 sum_kt c_kt |b_kt|^2 + G / 2 |gate's parameters|^2),
 *
 * W = sum w_i, |b_kt|^2 what the ridge counts of expert k's part t, L and G the ridges of experts
 * and gate, c the factor that the loss gives it (losses.c), over the parameters of all experts, of
 * the gate, and the loss's scales.
 *
 * One evaluation is one pass over the rows. A block goes through in tiles of so many rows that all
 * that is made of them stays in the second-level cache: the experts' outputs and the gate's
 * logits, the loss and its derivatives by these, and back through experts and gate. The minimum is
 * that of L-BFGS (engine/lbfgs.c), a local one: the loss is not convex, whatever experts are. */
#include "family/coupled.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/lbfgs.h"
#include "engine/network.h"

#define BLOCK_WORK ((size_t)1 << 20)
#define LEAST_ROWS 32 /* of a tile; a multiple of it */
#define PAIRS 20
#define LOOK 20

mele_i_coupled_parts mele_i_coupled_parts_of(const mele_i_coupled *c)
{
    mele_i_coupled_parts parts = {.scales = c->shape.clusters * c->joint->parameters};
    size_t factors;

    parts.gate = parts.scales + c->loss->scales(&c->shape);
    parts.count = parts.gate + (c->gate == NULL ? 0 : c->gate->kind->parameters(c->gate, &factors));
    return parts;
}

/* ---- the loss over all rows ---- */

typedef struct summation {
    const mele_i_coupled *coupled;
    mele_i_coupled_parts parts;
    const double *theta;
    size_t tile; /* rows */
    size_t weights; /* K where the sums of w h are wanted, else 0 */
    double *sums; /* the loss, and its gradient by theta; these */
} summation;

/* What one thread works in, all of one tile. */
typedef struct room {
    double *outputs, *log_gate, *by_output, *by_logit, *work, *experts, *gate;
} tile_room;

/* The numbers that it takes; with memory, where they are. */
static size_t lay_out(const mele_i_coupled *c, size_t rows, double *memory, tile_room *r)
{
    const size_t K = c->shape.clusters, outputs = rows * K * c->shape.outputs;
    const size_t work = 2 * rows * (K + 1);
    const size_t experts = c->joint->how->scratch(c->joint->form, K);

    if (memory != NULL) {
        r->experts = memory;
        r->outputs = r->experts + experts;
        r->by_output = r->outputs + outputs;
        r->log_gate = r->by_output + outputs;
        r->by_logit = r->log_gate + rows * K;
        r->work = r->by_logit + rows * K;
        r->gate = r->work + work;
    }
    return experts + 2 * outputs + 2 * rows * K + work
           + (c->gate == NULL ? 0 : mele_i_gate_scratch(c->gate, rows, true));
}

/* After a loss that leaves h in its work. */
static void add_weights(const mele_i_coupled_rows *rows, size_t clusters, const double *h,
                        double *sums)
{
    for (size_t i = 0; i < rows->count; i++)
        for (size_t k = 0; k < clusters; k++)
            sums[k] += rows->weights[i] * h[i * clusters + k];
}

static void learn_tile(const summation *s, size_t first, size_t count, const tile_room *r,
                       double *sums)
{
    const mele_i_coupled *c = s->coupled;
    const mele_i_joint *joint = c->joint;
    const size_t K = c->shape.clusters;
    const size_t targets = c->shape.classes > 0 ? 1 : c->shape.outputs;
    const double *gate_x = c->gate == NULL ? NULL : c->gate_x + first * c->gate_columns;
    const mele_i_gate_rows seen = {.count = count, .x = gate_x, .stride = c->gate_columns};
    const mele_i_coupled_rows rows = {count, joint->rows.y + first * targets,
                                      joint->rows.weights + first, r->outputs, r->log_gate,
                                      s->theta + s->parts.scales};
    double *gradient = sums + 1;
    const mele_i_coupled_slopes slopes = {r->by_output, r->by_logit, gradient + s->parts.scales,
                                          r->work};

    joint->how->forward(joint->form, s->theta, K, joint->z + first * joint->rows.shape.columns,
                        count, r->experts, r->outputs);
    if (c->gate != NULL)
        mele_i_gate_weigh(c->gate, &seen, r->gate, r->log_gate);
    c->loss->block(&c->shape, &rows, &slopes, sums);
    add_weights(&rows, s->weights, r->work, gradient + s->parts.count);
    joint->how->backward(joint->form, s->theta, K, count, r->by_output, r->experts, gradient);
    if (c->gate != NULL)
        c->gate->kind->backward(c->gate, &seen, r->by_logit, r->gate, gradient + s->parts.gate);
}

static mele_status learn_block(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const summation *s = context;
    tile_room r;

    (void)error;
    lay_out(s->coupled, s->tile, scratch, &r);
    for (size_t at = 0; at < block.count; at += s->tile)
        learn_tile(s, block.first + at, block.count - at < s->tile ? block.count - at : s->tile, &r,
                   partial);
    return MELE_OK;
}

static void add_sums(void *context, const void *partial)
{
    const summation *s = context;
    const double *sums = partial;

    for (size_t i = 0; i <= s->parts.count; i++)
        s->sums[i] += sums[i];
    for (size_t k = 0; k < s->weights; k++)
        s->coupled->weight[k] += sums[1 + s->parts.count + k];
}

static size_t multiple_of(size_t unit, size_t at_least)
{
    return (at_least + unit - 1) / unit * unit;
}

/* Rows of a tile, and of a block, which is some tiles. */
static size_t tile_rows(const mele_i_coupled *c, size_t *block)
{
    const size_t K = c->shape.clusters;
    const size_t gate = c->gate == NULL ? 0 : mele_i_gate_work(c->gate);
    const size_t work = 4 * (K * c->joint->how->work(c->joint->form) + gate)
                        + K * (48 + 8 * c->shape.outputs);
    const size_t columns = lay_out(c, MELE_I_PANEL_ROWS, NULL, NULL) / MELE_I_PANEL_ROWS + 1;
    const size_t wanted = multiple_of(LEAST_ROWS, mele_i_block_rows(work, BLOCK_WORK, LEAST_ROWS));
    const size_t fit = mele_i_network_rows_fit(columns) / LEAST_ROWS * LEAST_ROWS;
    size_t tile = fit < LEAST_ROWS ? LEAST_ROWS : fit;

    tile = tile < wanted ? tile : wanted;
    *block = multiple_of(tile, wanted);
    return tile;
}

static mele_status sum_rows(const mele_i_coupled *c, const double *theta, double *sums,
                            mele_error *error)
{
    summation s = {.coupled = c, .parts = mele_i_coupled_parts_of(c), .theta = theta, .sums = sums,
                   .weights = c->weighs ? c->shape.clusters : 0};
    mele_i_pass pass = {.rows = c->joint->rows.count, .map = learn_block, .combine = add_sums,
                        .context = &s,
                        .partial_bytes = (1 + s.parts.count + s.weights) * sizeof(double)};

    s.tile = tile_rows(c, &pass.block_rows);
    pass.scratch_bytes = lay_out(c, s.tile, NULL, NULL) * sizeof(double);
    memset(sums, 0, (1 + s.parts.count) * sizeof *sums);
    for (size_t k = 0; k < s.weights; k++)
        c->weight[k] = 0;
    return mele_i_pass_run(c->engine, &pass, error);
}

/* ---- penalties ---- */

static size_t ridge_parts(const mele_i_coupled *c)
{
    return c->shape.classes > 0 ? 1 : c->shape.outputs;
}

/* That of expert k, whose gradient is added; slopes: by the scales, without L / 2. room: 2 numbers
 * a part. */
static double add_ridge(const mele_i_coupled *c, size_t k, const double *theta, double *room,
                        double *slopes, double *gradient)
{
    const mele_i_joint *joint = c->joint;
    const size_t parts = ridge_parts(c), at = k * joint->parameters;
    const double *scales = theta + mele_i_coupled_parts_of(c).scales;
    double *square = room, *factor = room + parts, sum = 0;

    joint->how->squares(joint->form, theta + at, square);
    for (size_t t = 0; t < parts; t++) {
        factor[t] = c->loss->factor == NULL
                        ? 1
                        : c->loss->factor(&c->shape, scales, k, t, square[t], slopes);
        sum += factor[t] * square[t];
        factor[t] *= c->ridge / 2;
    }
    joint->how->add_squares(joint->form, theta + at, factor, gradient + at);
    return c->ridge / 2 * sum;
}

double mele_i_coupled_add_penalties(const mele_i_coupled *c, const double *theta, double *room,
                                    double *gradient)
{
    const mele_i_coupled_parts parts = mele_i_coupled_parts_of(c);
    const size_t scales = parts.gate - parts.scales;
    double *slopes = room + 2 * ridge_parts(c), sum = 0, squares = 0;

    memset(slopes, 0, scales * sizeof *slopes);
    for (size_t k = 0; k < c->shape.clusters; k++)
        sum += add_ridge(c, k, theta, room, slopes, gradient);
    for (size_t i = 0; i < scales; i++)
        gradient[parts.scales + i] += c->ridge / 2 * slopes[i];
    for (size_t i = parts.gate; i < parts.count; i++) {
        squares += theta[i] * theta[i];
        gradient[i] += c->gate_ridge * theta[i];
    }
    return sum + c->gate_ridge / 2 * squares;
}

/* ---- the objective ---- */

size_t mele_i_coupled_room(const mele_i_coupled *c)
{
    const mele_i_coupled_parts parts = mele_i_coupled_parts_of(c);

    return 1 + parts.count + 2 * ridge_parts(c) + (parts.gate - parts.scales);
}

mele_status mele_i_coupled_evaluate(void *coupled, const double *theta, double *value,
                                    double *gradient, mele_error *error)
{
    mele_i_coupled *c = coupled;
    const mele_i_coupled_parts parts = mele_i_coupled_parts_of(c);
    double *sums = c->room;

    if (c->gate != NULL)
        c->gate->kind->set(c->gate, theta + parts.gate);
    mele_status status = sum_rows(c, theta, sums, error);
    if (status != MELE_OK)
        return status;
    c->loss_sum = sums[0];
    *value = sums[0]
             + mele_i_coupled_add_penalties(c, theta, sums + 1 + parts.count, sums + 1);
    *value /= c->total_weight;
    for (size_t i = 0; i < parts.count; i++)
        gradient[i] = sums[1 + i] / c->total_weight;
    return MELE_OK;
}

static mele_status tell(void *context, size_t iteration, double value, mele_error *error)
{
    const mele_i_coupled *c = context;

    return mele_i_progress(c->engine, c->told, iteration, c->max_iterations, value, error);
}

static mele_status search(mele_i_coupled *c, size_t count, double *theta, double *room,
                          mele_i_coupled_found *found, mele_error *error)
{
    const mele_i_lbfgs_problem problem = {.count = count,
                                          .memory = PAIRS,
                                          .tolerance = c->tolerance,
                                          .look = LOOK,
                                          .gain = c->gain,
                                          .max_iterations = c->max_iterations,
                                          .objective = mele_i_coupled_evaluate,
                                          .tell = tell,
                                          .context = c};
    mele_i_lbfgs_info info;
    mele_status status = mele_i_lbfgs(&problem, theta, room, &info, error);

    c->weighs = c->weight != NULL;
    if (status == MELE_OK)
        status = mele_i_coupled_evaluate(c, theta, &found->value, room, error);
    c->weighs = false;
    if (status != MELE_OK)
        return status;
    found->loss = c->loss_sum;
    found->iterations = info.iterations;
    found->converged = info.converged;
    return MELE_OK;
}

mele_status mele_i_coupled_minimise(mele_i_coupled *c, double *theta, mele_i_coupled_found *found,
                                    mele_error *error)
{
    const size_t count = mele_i_coupled_parts_of(c).count;
    double *room = MELE_I_ARRAY(double, mele_i_lbfgs_room(count, PAIRS));
    mele_status status = MELE_ENOMEM;

    c->room = MELE_I_ARRAY(double, mele_i_coupled_room(c));
    if (room == NULL || c->room == NULL)
        mele_i_no_memory(error);
    else
        status = search(c, count, theta, room, found, error);
    free(room);
    free(c->room);
    c->room = NULL;
    return status;
}
