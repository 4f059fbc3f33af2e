/* One pass over the rows of a mixture: see expect.h.
 *
 *     log p_k(y | x) = sum_t -(log 2 pi + log s_kt^2 + (y_t - f_kt(x))^2 / s_kt^2) / 2,  or log P_k(class)
 *     log p(y | x) = log sum_k exp(log g_k(x) + log p_k(y | x)),   h_k = g_k p_k / p. */
#include "fit/expect.h"

#include <math.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "engine/rows.h"
#include "expert/experts.h"
#include "expert/predictor.h"

#define BLOCK_WORK ((size_t)1 << 19)
#define LEAST_ROWS 32
#define LOG_TWO_PI 1.8378770664093454836

typedef struct expecting {
    const mele_i_mixture_rows *rows;
    const mele_gate *gate; /* NULL: not asked */
    mele_i_predictor predictor;
    size_t outputs, parts; /* M, and parts of a loss */
    double *shares;
    bool given; /* the shares are there already */
    mele_i_mixture_sums *sums;
    double *mean, *log_gate; /* what is predicted: where it goes, or (said) where it is; NULL: neither */
    bool said;
    const double *variance; /* K x M */
} expecting;

size_t mele_i_mixture_parts(const mele_targets *targets)
{
    return targets->classes > 0 ? 1 : targets->values.cols;
}

/* ---- what one thread works in ---- */

typedef struct room {
    double *log_p, *x, *gate_x, *y; /* of those that are not in memory */
    double *mean, *loss, *joint, *log_sum, *shares;
    void *scratch;
} room;

static room place(const expecting *e, size_t count, unsigned char **at)
{
    const size_t K = e->rows->clusters;
    room r;

    r.log_p = mele_i_carve(at, mele_i_rows_room(&e->rows->log_posteriors, count), sizeof(double));
    r.x = mele_i_carve(at, mele_i_rows_room(&e->rows->x, count), sizeof(double));
    r.gate_x = mele_i_carve(at, mele_i_rows_room(&e->rows->gate_x, count), sizeof(double));
    r.y = mele_i_carve(at, mele_i_rows_room(&e->rows->targets.values, count), sizeof(double));
    r.mean = mele_i_carve(at, count * K * e->outputs, sizeof(double));
    r.loss = mele_i_carve(at, count * K * e->parts, sizeof(double));
    r.joint = mele_i_carve(at, count * K, sizeof(double));
    r.log_sum = mele_i_carve(at, count, sizeof(double));
    r.shares = mele_i_carve(at, e->said ? count * K : 0, sizeof(double));
    r.scratch = *at;
    return r;
}

static size_t room_bytes(const expecting *e, size_t count)
{
    const size_t K = e->rows->clusters;
    const size_t numbers[] = {mele_i_rows_room(&e->rows->log_posteriors, count),
                              mele_i_rows_room(&e->rows->x, count),
                              mele_i_rows_room(&e->rows->gate_x, count),
                              mele_i_rows_room(&e->rows->targets.values, count),
                              count * K * e->outputs, count * K * e->parts, count * K, count,
                              e->said ? count * K : 0};
    size_t bytes = e->said ? 0 : mele_i_predictor_scratch(&e->predictor, count);

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        bytes += mele_i_carved(numbers[i], sizeof(double));
    return bytes;
}

/* ---- a block ---- */

/* The losses of a block's rows, count x K x parts, given what experts say of them. */
static mele_status find_losses(const expecting *e, mele_i_block block, const room *r,
                               const double *said, mele_error *error)
{
    const mele_targets *targets = &e->rows->targets;
    const size_t K = e->rows->clusters, M = e->outputs, parts = e->parts;
    const double *y;
    size_t y_stride;
    mele_status status = mele_i_rows_take(&targets->values, block, r->y, &y, &y_stride, error);

    if (status != MELE_OK)
        return status;
    for (size_t i = 0; i < block.count; i++, y += y_stride)
        for (size_t k = 0; k < K; k++) {
            const double *mean = said + (i * K + k) * M;
            double *loss = r->loss + (i * K + k) * parts;
            for (size_t t = 0; t < parts; t++)
                loss[t] = targets->classes > 0 ? -mean[(size_t)y[0]]
                                               : (y[t] - mean[t]) * (y[t] - mean[t]);
        }
    return MELE_OK;
}

/* log g_k to joint. */
static mele_status weigh(const expecting *e, mele_i_block block, const room *r, mele_error *error)
{
    const mele_rows *all = &e->rows->log_posteriors;
    const mele_gate *gate = e->gate;
    mele_matrix seen = {NULL, block.count, e->rows->gate_x.cols, e->rows->gate_x.cols};
    const double *log_p = NULL;
    mele_status status = MELE_OK;

    if (mele_gate_features(gate) > 0)
        status = mele_i_rows_take(&e->rows->gate_x, block, r->gate_x, &seen.data, &seen.stride, error);
    if (status == MELE_OK && mele_gate_needs_posteriors(gate))
        status = mele_i_rows_take_tight(all, block, r->log_p, &log_p, error);
    return status == MELE_OK ? mele_gate_log_weights(gate, log_p, &seen, block.count, NULL, r->joint,
                                                     error)
                             : status;
}

/* Add log p_k to the logarithms in joint. */
static void add_densities(const expecting *e, size_t count, const room *r)
{
    const size_t K = e->rows->clusters, parts = e->parts;
    const double *variance = e->variance;

    if (e->rows->targets.classes > 0) {
        for (size_t i = 0; i < count * K; i++)
            r->joint[i] -= r->loss[i];
        return;
    }
    for (size_t k = 0; k < K; k++) {
        double constant = 0;
        for (size_t t = 0; t < parts; t++)
            constant += LOG_TWO_PI + log(variance[k * parts + t]);
        for (size_t i = 0; i < count; i++) {
            const double *loss = r->loss + (i * K + k) * parts;
            double sum = constant;
            for (size_t t = 0; t < parts; t++)
                sum += loss[t] / variance[k * parts + t];
            r->joint[i * K + k] -= sum / 2;
        }
    }
}

static double *shares_at(const expecting *e, size_t first, const room *r)
{
    return e->said ? r->shares : e->shares + first * e->rows->clusters;
}

/* The shares of a block's rows, and minus infinity in log_sum for those that are impossible. */
static void share(const expecting *e, mele_i_block block, const room *r)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t K = e->rows->clusters, count = block.count * K;
    double *shares = shares_at(e, block.first, r);

    kernels->log_softmax(r->joint, block.count, K, r->log_sum);
    memcpy(shares, r->joint, count * sizeof *shares);
    kernels->exponential(shares, count);
    for (size_t i = 0; i < block.count; i++)
        for (size_t k = 0; k < K && !(r->log_sum[i] > -INFINITY); k++)
            shares[i * K + k] = 1 / (double)K;
}

enum { LIKELIHOOD, WEIGHTS }; /* then K weights, then K x parts losses */

static void add_block(const expecting *e, mele_i_block block, const room *r, double *sums)
{
    const size_t K = e->rows->clusters, parts = e->parts;
    double *weight = sums + WEIGHTS, *loss = weight + K;

    for (size_t i = 0; i < block.count; i++) {
        const double w = e->rows->weights == NULL ? 1 : e->rows->weights[block.first + i];
        const double *shares = shares_at(e, block.first, r) + i * K;
        if (!(w > 0))
            continue;
        if (!e->given && r->log_sum[i] > -INFINITY)
            sums[LIKELIHOOD] += w * r->log_sum[i];
        for (size_t k = 0; k < K; k++) {
            weight[k] += w * shares[k];
            for (size_t t = 0; t < parts && shares[k] > 0; t++)
                loss[k * parts + t] += w * shares[k] * r->loss[(i * K + k) * parts + t];
        }
    }
}

/* What the experts say, and the gate in joint, of a block's rows: asked, or said before. */
static mele_status ask(const expecting *e, mele_i_block block, const room *r, const double **said,
                       mele_error *error)
{
    const size_t K = e->rows->clusters;
    const double *x;
    size_t stride;

    if (e->said) {
        *said = e->mean + block.first * K * e->outputs;
        memcpy(r->joint, e->log_gate + block.first * K, block.count * K * sizeof *r->joint);
        return MELE_OK;
    }
    mele_status status = mele_i_rows_take(&e->rows->x, block, r->x, &x, &stride, error);
    if (status != MELE_OK)
        return status;
    mele_i_predictor_rows(&e->predictor, x, stride, block.count, r->mean, NULL, r->scratch);
    *said = r->mean;
    return e->given ? MELE_OK : weigh(e, block, r, error);
}

static mele_status map_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const expecting *e = context;
    unsigned char *at = scratch;
    const room r = place(e, block.count, &at);
    const double *said;
    mele_status status = ask(e, block, &r, &said, error);

    if (status == MELE_OK)
        status = find_losses(e, block, &r, said, error);
    if (status != MELE_OK)
        return status;
    if (!e->given) {
        add_densities(e, block.count, &r);
        share(e, block, &r);
    }
    add_block(e, block, &r, partial);
    return MELE_OK;
}

static mele_status predict_block(void *context, mele_i_block block, void *partial, void *scratch,
                                 mele_error *error)
{
    const expecting *e = context;
    const size_t K = e->rows->clusters, each = block.count * K;
    unsigned char *at = scratch;
    const room r = place(e, block.count, &at);
    const double *said;
    mele_status status = ask(e, block, &r, &said, error);

    (void)partial;
    if (status != MELE_OK)
        return status;
    memcpy(e->mean + block.first * K * e->outputs, said, each * e->outputs * sizeof *said);
    memcpy(e->log_gate + block.first * K, r.joint, each * sizeof *r.joint);
    return MELE_OK;
}

static void combine(void *context, const void *partial)
{
    const expecting *e = context;
    const size_t K = e->rows->clusters;
    const double *sums = partial;

    e->sums->log_likelihood += sums[LIKELIHOOD];
    for (size_t k = 0; k < K; k++)
        e->sums->weight[k] += sums[WEIGHTS + k];
    for (size_t i = 0; i < K * e->parts; i++)
        e->sums->loss[i] += sums[WEIGHTS + K + i];
}

static mele_status run_pass(expecting *e, mele_engine *engine, mele_error *error)
{
    const size_t K = e->rows->clusters, rows = e->rows->rows;
    const size_t asked = e->said ? 0 : mele_i_predictor_work(&e->predictor);
    const bool sums = e->sums != NULL;
    size_t block = mele_i_block_rows(asked + K * (8 * e->outputs + 40), BLOCK_WORK, LEAST_ROWS);

    block = block < rows ? block : rows;
    const mele_i_pass pass = {
        .rows = rows, .block_rows = block > 0 ? block : 1, .map = sums ? map_block : predict_block,
        .combine = sums ? combine : NULL, .context = e, .scratch_bytes = room_bytes(e, block),
        .partial_bytes = sums ? (WEIGHTS + K + K * e->parts) * sizeof(double) : 0};
    return mele_i_pass_run(engine, &pass, error);
}

static mele_status ask_experts(expecting *e, const mele_experts *experts, mele_engine *engine,
                               mele_error *error)
{
    const mele_i_expert_shape shape = {experts->columns, experts->outputs, experts->classes};

    e->outputs = experts->outputs;
    e->parts = experts->classes > 0 ? 1 : experts->outputs;
    mele_status status = mele_i_predictor_make(&e->predictor, experts->expert, e->rows->clusters,
                                               shape, 1, error);
    if (status == MELE_OK)
        status = run_pass(e, engine, error);
    mele_i_predictor_free(&e->predictor);
    return status;
}

static void clear(const mele_i_mixture_rows *rows, mele_i_mixture_sums *sums)
{
    sums->log_likelihood = 0;
    memset(sums->weight, 0, rows->clusters * sizeof(double));
    memset(sums->loss, 0,
           rows->clusters * mele_i_mixture_parts(&rows->targets) * sizeof(double));
}

mele_status mele_i_mixture_expect(const mele_i_mixture_rows *rows, const mele_i_mixture *mixture,
                                  mele_engine *engine, double *shares, mele_i_mixture_sums *sums,
                                  mele_error *error)
{
    expecting e = {.rows = rows, .gate = mixture->gate, .variance = mixture->variance,
                   .shares = shares, .sums = sums};

    clear(rows, sums);
    return ask_experts(&e, mixture->experts, engine, error);
}

mele_status mele_i_mixture_measure(const mele_i_mixture_rows *rows, const mele_experts *experts,
                                   double *shares, mele_engine *engine,
                                   mele_i_mixture_sums *sums, mele_error *error)
{
    expecting e = {.rows = rows, .shares = shares, .given = true, .sums = sums};

    clear(rows, sums);
    return ask_experts(&e, experts, engine, error);
}

mele_status mele_i_mixture_sums_make(size_t clusters, size_t parts, mele_i_mixture_sums *out,
                                     mele_error *error)
{
    *out = (mele_i_mixture_sums){.weight = MELE_I_ARRAY(double, clusters),
                                 .loss = mele_i_array(clusters, parts * sizeof(double))};
    return out->weight == NULL || out->loss == NULL ? mele_i_no_memory(error) : MELE_OK;
}

void mele_i_mixture_sums_clear(mele_i_mixture_sums *sums)
{
    free(sums->weight);
    free(sums->loss);
    *sums = (mele_i_mixture_sums){.weight = NULL};
}

mele_status mele_i_mixture_said_make(size_t rows, size_t clusters, size_t outputs,
                                     mele_i_mixture_said *out, mele_error *error)
{
    out->mean = mele_i_large_array(rows, clusters * outputs * sizeof(double));
    out->log_gate = mele_i_large_array(rows, clusters * sizeof(double));
    return out->mean == NULL || out->log_gate == NULL ? mele_i_no_memory(error) : MELE_OK;
}

void mele_i_mixture_said_clear(mele_i_mixture_said *said)
{
    free(said->mean);
    free(said->log_gate);
    *said = (mele_i_mixture_said){.mean = NULL};
}

mele_status mele_i_mixture_predict(const mele_i_mixture_rows *rows, const mele_i_mixture *mixture,
                                   mele_engine *engine, const mele_i_mixture_said *out,
                                   mele_error *error)
{
    expecting e = {.rows = rows, .gate = mixture->gate, .mean = out->mean, .log_gate = out->log_gate};

    return ask_experts(&e, mixture->experts, engine, error);
}

mele_status mele_i_mixture_expect_said(const mele_i_mixture_rows *rows,
                                       const mele_i_mixture_said *said, const double *variance,
                                       mele_engine *engine, mele_i_mixture_sums *sums,
                                       mele_error *error)
{
    const mele_targets *targets = &rows->targets;
    expecting e = {.rows = rows, .variance = variance, .mean = said->mean,
                   .log_gate = said->log_gate, .said = true, .sums = sums,
                   .outputs = targets->classes > 0 ? targets->classes : targets->values.cols,
                   .parts = mele_i_mixture_parts(targets)};

    clear(rows, sums);
    return run_pass(&e, engine, error);
}
