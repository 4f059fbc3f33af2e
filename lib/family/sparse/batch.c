/* A batch of a sparsely gated mixture (Shazeer, Mirhoseini, Maziarz, Davis, Le, Hinton, Dean 2017,
 * ICLR; Fedus, Zoph, Shazeer 2022, J. Mach. Learn. Res. 23, for the penalty). Of row i the gate has
 * logits a_ik, and
 *
 *     T_i = the N experts with the largest a_ik + noise e_ik,    g_i = softmax of a_ik + noise e_ik
 * over T_i,
 *
 * all other weights are 0. Minimised is, with the weights w_i of the batch's rows and their sum W,
 *
 *     (1 / W) sum_i w_i loss_i(g_i, f_k(x_i), k in T_i) + balance K sum_k f_k P_k + the ridges
 *
 * loss_i that of losses.c, which is told of the N experts alone, the ridges as
 * coupled.c has them, and f_k = sum_i w_i [k in T_i] / (N W),    P_k = sum_i w_i p_ik / W,    p_i =
 * softmax of all a_ik. sum_k f_k = sum_k P_k = 1, so that the penalty is `balance` where all
 * experts have the same load. f is taken as it is, as the choice of T has no derivative; so P
 * moves, and with d penalty / d a_ij = balance K w_i / W p_ij (f_j - sum_k f_k p_ik) also the
 * logits of experts that see no row. With N = K, no noise and no penalty the batch of all rows has
 * the objective of coupled.c.
 *
 * e is the sum of four uniform numbers, of variance 1 (the density is a piecewise cubic that a
 * normal one is hardly told from, its kurtosis 2.7 for 3): a word of random bits a number, where
 * normal numbers would take longer than an expert does.
 *
 * A batch is cut into blocks of BLOCK_ROWS rows, two passes over them: the gate, and who sees what;
 * then, as the loads are known, experts, loss and back. In a block every expert is asked of its
 * rows alone, which are put together for it; its outputs are found again for the way back, which
 * takes less than to keep them does: what experts keep of a few rows is as large as that of many.
 */
#include "family/sparse/batch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"

enum { BLOCK_ROWS = 128 };
_Static_assert((int)BLOCK_ROWS <= (int)MELE_I_PANEL_ROWS,
               "an expert's rows of a block are one panel");

/* What one block works in. */
typedef struct block_room {
    /* by the first pass */
    double *gate_x, *gate;          /* rows x columns; what the gate keeps for the way back */
    double *logits, *all;           /* rows x K: with noise; p */
    double *log_gate;               /* rows x N */
    uint32_t *chosen;               /* rows x N, ascending */
    double *loads;                  /* 2 K: sums of f and P */
    double *weights, *y;
    /* by the second */
    double *outputs, *by_output, *by_logit, *work; /* rows x N x M, twice; rows x N; */
    double *residual;                              /* rows x K */
    double *z, *said, *expert;                     /* of an expert's rows */
    uint32_t *start, *pair; /* K + 1; rows x N: row and place, expert by expert */
    double *sums;           /* the loss, the weight, the gradient */
} block_room;

enum { LOSS, WEIGHT, GRADIENT };

static void *carve(unsigned char *memory, size_t *at, size_t count, size_t size)
{
    void *piece = memory == NULL ? NULL : memory + *at;

    *at += (count * size + 63) / 64 * 64;
    return piece;
}

static size_t targets_of(const mele_i_coupled *c)
{
    return c->shape.classes > 0 ? 1 : c->shape.outputs;
}

/* Lay a block out in memory; with NULL only tells how many bytes it takes. */
static size_t lay_out(const mele_i_sparse *s, size_t rows, unsigned char *memory, block_room *r)
{
    const mele_i_coupled *c = s->coupled;
    const size_t K = c->shape.clusters, M = c->shape.outputs, N = s->rule.active,
                 wide = sizeof(double);
    size_t at = 0;

    r->gate_x = carve(memory, &at, rows * c->gate_columns, wide);
    r->gate = carve(memory, &at, mele_i_gate_scratch(c->gate, rows, true), wide);
    r->logits = carve(memory, &at, rows * K, wide);
    r->all = carve(memory, &at, rows * K, wide);
    r->log_gate = carve(memory, &at, rows * N, wide);
    r->chosen = carve(memory, &at, rows * N, sizeof *r->chosen);
    r->loads = carve(memory, &at, 2 * K, wide);
    r->weights = carve(memory, &at, rows, wide);
    r->y = carve(memory, &at, rows * targets_of(c), wide);
    r->outputs = carve(memory, &at, rows * N * M, wide);
    r->by_output = carve(memory, &at, rows * N * M, wide);
    r->by_logit = carve(memory, &at, rows * N, wide);
    r->work = carve(memory, &at, 2 * rows * (N + 1), wide);
    r->residual = carve(memory, &at, rows * K, wide);
    r->z = carve(memory, &at, rows * c->joint->rows.shape.columns, wide);
    r->said = carve(memory, &at, rows * M, wide);
    r->expert = carve(memory, &at, c->joint->how->scratch(c->joint->form, 1), wide);
    r->start = carve(memory, &at, K + 2, sizeof *r->start);
    r->pair = carve(memory, &at, rows * N, sizeof *r->pair);
    r->sums = carve(memory, &at, GRADIENT + mele_i_coupled_parts_of(c).count, wide);
    return at;
}

mele_status mele_i_sparse_make(mele_i_coupled *coupled, const mele_i_sparse_rule *rule,
                               size_t most_rows, mele_i_sparse *out, mele_error *error)
{
    const size_t K = coupled->shape.clusters;
    block_room room;

    *out = (mele_i_sparse){.coupled = coupled,
                           .rule = *rule,
                           .most_rows = most_rows,
                           .blocks = (most_rows + BLOCK_ROWS - 1) / BLOCK_ROWS};
    out->block_bytes = lay_out(out, most_rows < BLOCK_ROWS ? most_rows : BLOCK_ROWS, NULL, &room);
    out->memory = mele_i_large_array(out->blocks, out->block_bytes);
    out->loads = MELE_I_ZEROED(double, 3 * K);
    out->ready = mele_i_array(K, coupled->shape.outputs * sizeof *out->ready);
    return out->memory == NULL || out->loads == NULL || out->ready == NULL ? mele_i_no_memory(error) : MELE_OK;
}

void mele_i_sparse_clear(mele_i_sparse *sparse)
{
    free(sparse->memory);
    free(sparse->loads);
    free(sparse->ready);
    *sparse = (mele_i_sparse){.coupled = NULL};
}

const double *mele_i_sparse_loads(const mele_i_sparse *sparse)
{
    return sparse->loads;
}

/* ---- the first pass: who sees what ---- */

typedef struct batch {
    const mele_i_sparse *sparse;
    const mele_i_sparse_rows *rows;
    mele_i_coupled_parts parts;
    const double *theta;
    bool backward;
} batch;

static block_room room_of(const mele_i_sparse *s, size_t index)
{
    const size_t rows = s->most_rows < BLOCK_ROWS ? s->most_rows : BLOCK_ROWS;
    block_room r;

    lay_out(s, rows, s->memory + index * s->block_bytes, &r);
    return r;
}

static void gather(const batch *b, mele_i_block block, const block_room *r)
{
    const mele_i_coupled *c = b->sparse->coupled;
    const size_t q = c->gate_columns, m = targets_of(c);

    for (size_t i = 0; i < block.count; i++) {
        const size_t row = b->rows->row[block.first + i];
        memcpy(r->gate_x + i * q, c->gate_x + row * q, q * sizeof(double));
        memcpy(r->y + i * m, c->joint->rows.y + row * m, m * sizeof(double));
        r->weights[i] = c->joint->rows.weights[row];
    }
}

/* Four uniform numbers of 16 bits, less their mean, over their standard deviation. */
static double bell(uint64_t bits)
{
    const double sum = (double)(bits & 0xffff) + (double)(bits >> 16 & 0xffff)
                       + (double)(bits >> 32 & 0xffff) + (double)(bits >> 48);

    return (sum - 2 * 65535) * (sqrt(3) / 65536);
}

static void add_noise(const batch *b, size_t row, double *logits)
{
    const mele_i_sparse_rows *rows = b->rows;
    mele_i_stream stream =
        mele_i_stream_make(rows->seed, MELE_I_FOR_SPARSE, rows->fold, row);

    for (size_t k = 0; k < b->sparse->coupled->shape.clusters; k++)
        logits[k] += rows->noise * bell(mele_i_stream_bits(&stream));
}

/* The N largest, of equal ones the first (as the gate keeps them), in falling order: values and which. */
static void find_largest(const double *logits, size_t clusters, size_t active, double *values,
                         uint32_t *which)
{
    for (size_t j = 0; j < active; j++)
        values[j] = -INFINITY;
    for (size_t k = 0; k < clusters; k++) {
        size_t at = active - 1;
        if (!(logits[k] > values[at]))
            continue;
        for (; at > 0 && values[at - 1] < logits[k]; at--) {
            values[at] = values[at - 1];
            which[at] = which[at - 1];
        }
        values[at] = logits[k];
        which[at] = (uint32_t)k;
    }
}

/* The experts that see a row, ascending, and their logits. */
static void choose(const batch *b, size_t i, const block_room *r)
{
    const mele_i_sparse *s = b->sparse;
    const size_t K = s->coupled->shape.clusters, N = s->rule.active;
    double *slots = r->log_gate + i * N;
    uint32_t *chosen = r->chosen + i * N;

    find_largest(r->logits + i * K, K, N, slots, chosen);
    for (size_t j = 1; j < N; j++) {
        const double value = slots[j];
        const uint32_t k = chosen[j];
        size_t at = j;
        for (; at > 0 && chosen[at - 1] > k; at--) {
            chosen[at] = chosen[at - 1];
            slots[at] = slots[at - 1];
        }
        chosen[at] = k;
        slots[at] = value;
    }
    for (size_t j = 0; j < N; j++)
        r->loads[chosen[j]] += r->weights[i];
}

static void add_probabilities(const batch *b, size_t rows, const block_room *r)
{
    const size_t K = b->sparse->coupled->shape.clusters;

    mele_i_kernels_best()->log_softmax(r->all, rows, K, NULL);
    mele_i_kernels_best()->exponential(r->all, rows * K);
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < K; k++)
            r->loads[K + k] += r->weights[i] * r->all[i * K + k];
}

static mele_status route_block(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const batch *b = context;
    const mele_i_sparse *s = b->sparse;
    const mele_i_coupled *c = s->coupled;
    const size_t K = c->shape.clusters, count = block.count * K;
    const block_room r = room_of(s, block.index);
    const mele_i_gate_rows seen = {.count = block.count, .x = r.gate_x, .stride = c->gate_columns};

    (void)partial;
    (void)scratch;
    gather(b, block, &r);
    memset(r.loads, 0, 2 * K * sizeof(double));
    c->gate->kind->forward(c->gate, &seen, r.gate, r.logits);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(r.logits[i]))
            return mele_i_fail(error, MELE_EDATA,
                               "the gate's logits are not finite: take smaller steps "
                               "(--rate)");
    if (s->rule.balance > 0) {
        memcpy(r.all, r.logits, count * sizeof(double));
        add_probabilities(b, block.count, &r);
    }
    for (size_t i = 0; i < block.count; i++) {
        if (b->rows->noise > 0)
            add_noise(b, b->rows->row[block.first + i], r.logits + i * K);
        choose(b, i, &r);
    }
    mele_i_kernels_best()->log_softmax(r.log_gate, block.count, s->rule.active, NULL);
    return MELE_OK;
}

/* ---- the second pass: experts, loss, and back ---- */

/* Counting sort of rows and places by expert. */
static void sort_pairs(const mele_i_sparse *s, size_t rows, const block_room *r)
{
    const size_t K = s->coupled->shape.clusters, pairs = rows * s->rule.active;

    memset(r->start, 0, (K + 2) * sizeof *r->start);
    for (size_t p = 0; p < pairs; p++)
        r->start[r->chosen[p] + 2]++;
    for (size_t k = 2; k < K + 2; k++)
        r->start[k] += r->start[k - 1];
    for (size_t p = 0; p < pairs; p++)
        r->pair[r->start[r->chosen[p] + 1]++] = (uint32_t)p;
}

/* What expert k says of its rows, to said. */
static void ask(const batch *b, mele_i_block block, const block_room *r, size_t k)
{
    const mele_i_joint *joint = b->sparse->coupled->joint;
    const size_t d = joint->rows.shape.columns, count = r->start[k + 1] - r->start[k];

    for (size_t j = 0; j < count; j++) {
        const size_t i = r->pair[r->start[k] + j] / b->sparse->rule.active;
        memcpy(r->z + j * d, joint->z + b->rows->row[block.first + i] * d, d * sizeof(double));
    }
    joint->how->forward(joint->form, b->theta + k * joint->parameters, 1, r->z, count, r->expert,
                        r->said);
}

static void ask_experts(const batch *b, mele_i_block block, const block_room *r)
{
    const mele_i_sparse *s = b->sparse;
    const size_t K = s->coupled->shape.clusters, M = s->coupled->shape.outputs;

    for (size_t k = 0; k < K; k++) {
        if (r->start[k + 1] == r->start[k])
            continue;
        ask(b, block, r, k);
        for (size_t j = 0; j < r->start[k + 1] - r->start[k]; j++)
            memcpy(r->outputs + r->pair[r->start[k] + j] * M, r->said + j * M,
                   M * sizeof(double));
    }
}

static void teach_experts(const batch *b, mele_i_block block, const block_room *r, double *gradient)
{
    const mele_i_sparse *s = b->sparse;
    const mele_i_joint *joint = s->coupled->joint;
    const size_t K = s->coupled->shape.clusters, M = s->coupled->shape.outputs;

    for (size_t k = 0; k < K; k++) {
        const size_t count = r->start[k + 1] - r->start[k], at = k * joint->parameters;
        if (count == 0)
            continue;
        ask(b, block, r, k);
        for (size_t j = 0; j < count; j++)
            memcpy(r->said + j * M, r->by_output + r->pair[r->start[k] + j] * M,
                   M * sizeof(double));
        joint->how->backward(joint->form, b->theta + at, 1, count, r->said, r->expert,
                             gradient + at);
    }
}

/* The loss by the logits of those who saw a row, and the penalty by all. */
static void fill_residual(const batch *b, size_t i, const block_room *r)
{
    const mele_i_sparse *s = b->sparse;
    const size_t K = s->coupled->shape.clusters, N = s->rule.active;
    const double *slope = s->loads + 2 * K, *p = r->all + i * K;
    double *residual = r->residual + i * K, mean = 0;

    memset(residual, 0, K * sizeof *residual);
    for (size_t k = 0; k < K && s->rule.balance > 0; k++)
        mean += slope[k] * p[k];
    for (size_t k = 0; k < K && s->rule.balance > 0; k++)
        residual[k] = r->weights[i] * p[k] * (slope[k] - mean);
    for (size_t j = 0; j < N; j++)
        residual[r->chosen[i * N + j]] += r->by_logit[i * N + j];
}

static void teach_gate(const batch *b, mele_i_block block, const block_room *r, double *gradient)
{
    const mele_i_coupled *c = b->sparse->coupled;
    const mele_i_gate_rows seen = {.count = block.count, .x = r->gate_x, .stride = c->gate_columns};

    for (size_t i = 0; i < block.count; i++)
        fill_residual(b, i, r);
    c->gate->kind->backward(c->gate, &seen, r->residual, r->gate, gradient + b->parts.gate);
}

static mele_status learn_block(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const batch *b = context;
    const mele_i_coupled *c = b->sparse->coupled;
    const block_room r = room_of(b->sparse, block.index);
    double *gradient = r.sums + GRADIENT;
    mele_i_coupled_shape shape = c->shape;
    const mele_i_coupled_rows rows = {.count = block.count, .y = r.y, .weights = r.weights,
                                      .outputs = r.outputs, .log_gate = r.log_gate,
                                      .scales = b->theta + b->parts.scales,
                                      .chosen = r.chosen, .ready = b->sparse->ready};
    const mele_i_coupled_slopes slopes = {r.by_output, r.by_logit, gradient + b->parts.scales,
                                          r.work};

    (void)partial;
    (void)scratch;
    (void)error;
    memset(r.sums, 0, (GRADIENT + b->parts.count) * sizeof(double));
    shape.clusters = b->sparse->rule.active;
    sort_pairs(b->sparse, block.count, &r);
    ask_experts(b, block, &r);
    c->loss->block(&shape, &rows, &slopes, &r.sums[LOSS]);
    for (size_t i = 0; i < block.count; i++)
        r.sums[WEIGHT] += r.weights[i];
    if (!b->backward)
        return MELE_OK;
    teach_experts(b, block, &r, gradient);
    teach_gate(b, block, &r, gradient);
    return MELE_OK;
}

/* ---- the batch ---- */

static mele_status run(const batch *b,
                       mele_status (*map)(void *, mele_i_block, void *, void *, mele_error *),
                       mele_error *error)
{
    batch context = *b;
    const mele_i_pass pass = {
        .rows = b->rows->count, .block_rows = BLOCK_ROWS, .map = map, .context = &context};

    return mele_i_pass_run(b->sparse->coupled->engine, &pass, error);
}

/* f, P and the slopes of the penalty by P; returns the penalty. */
static double sum_loads(const mele_i_sparse *s, size_t blocks)
{
    const size_t K = s->coupled->shape.clusters;
    double weight[2] = {0, 0}, penalty = 0;

    memset(s->loads, 0, 2 * K * sizeof(double));
    for (size_t b = 0; b < blocks; b++) {
        const block_room r = room_of(s, b);
        for (size_t k = 0; k < 2 * K; k++) {
            s->loads[k] += r.loads[k];
            weight[k / K] += r.loads[k];
        }
    }
    for (size_t k = 0; k < 2 * K; k++)
        s->loads[k] /= weight[k / K] > 0 ? weight[k / K] : 1;
    for (size_t k = 0; k < K; k++) {
        s->loads[2 * K + k] = s->rule.balance * (double)K * s->loads[k];
        penalty += s->loads[2 * K + k] * s->loads[K + k];
    }
    return penalty;
}

static void sum_blocks(const batch *b, size_t blocks, double sums[2], double *gradient)
{
    sums[LOSS] = sums[WEIGHT] = 0;
    for (size_t i = 0; i < b->parts.count && gradient != NULL; i++)
        gradient[i] = 0;
    for (size_t k = 0; k < blocks; k++) {
        const block_room r = room_of(b->sparse, k);
        sums[LOSS] += r.sums[LOSS];
        sums[WEIGHT] += r.sums[WEIGHT];
        for (size_t i = 0; i < b->parts.count && gradient != NULL; i++)
            gradient[i] += r.sums[GRADIENT + i];
    }
}

/* From sums over the rows to the objective. */
static void finish(const batch *b, double penalty, const double sums[2], mele_i_sparse_value *out,
                   double *gradient)
{
    const mele_i_coupled *c = b->sparse->coupled;
    double *ridges = c->room + 1, *room = ridges + b->parts.count;

    memset(ridges, 0, b->parts.count * sizeof *ridges);
    const double ridge = mele_i_coupled_add_penalties(c, b->theta, room, ridges) / c->total_weight;
    *out = (mele_i_sparse_value){sums[LOSS], sums[WEIGHT],
                                 sums[LOSS] / sums[WEIGHT] + penalty + ridge};
    for (size_t i = 0; i < b->parts.count && gradient != NULL; i++)
        gradient[i] = gradient[i] / sums[WEIGHT] + ridges[i] / c->total_weight;
}

mele_status mele_i_sparse_evaluate(mele_i_sparse *s, const mele_i_sparse_rows *rows,
                                   const double *theta, mele_i_sparse_value *out, double *gradient,
                                   mele_error *error)
{
    const batch b = {.sparse = s,
                     .rows = rows,
                     .parts = mele_i_coupled_parts_of(s->coupled),
                     .theta = theta,
                     .backward = gradient != NULL};
    const size_t blocks = (rows->count + BLOCK_ROWS - 1) / BLOCK_ROWS;
    double sums[2];

    if (s->coupled->shape.classes == 0)
        mele_i_coupled_ready(&s->coupled->shape, theta + b.parts.scales, s->ready);
    s->coupled->gate->kind->set(s->coupled->gate, theta + b.parts.gate);
    mele_status status = run(&b, route_block, error);
    if (status != MELE_OK)
        return status;
    const double penalty = sum_loads(s, blocks);
    status = run(&b, learn_block, error);
    if (status != MELE_OK)
        return status;
    sum_blocks(&b, blocks, sums, gradient);
    finish(&b, penalty, sums, out, gradient);
    return MELE_OK;
}
