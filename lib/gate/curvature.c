/* The Hessian of the penalised mean loss F of train.c over theta.
 *
 * With S = sum_i w_i sum_kl (d2 loss_i / d a_k d a_l) (d a_k / d parameter) (d a_l / d parameter)',
 * which is all there is where logits a are linear in the parameters, and for other kinds what the
 * Gauss-Newton method takes, W, and u = log t of a factor t,
 *     d2F / d theta d theta' = (T S T + ridge T^2) / W + diag(dF/du),
 * where T is diagonal: t of factors, 1 of all others, and dF/du stands for factors only.
 *
 * Of the likelihood and the squared error it need not be positive semidefinite, and without a ridge a
 * softmax does not tell its logits from the same logits and a number. What is divided by is
 * H + s D with the least of s = SLIGHT, FIRST_SHIFT, FIRST_SHIFT * SHIFT_GROWTH, .. that has a Cholesky
 * factor, D being diagonal, |H_jj| and the mean of |H_jj|: beyond a certain s it has one. It starts from
 * a step below where it ended the last time. SLIGHT is within the rounding of sums of many rows.
 * Source: Nocedal, Wright, Numerical Optimization, 2nd ed. 2006, algorithm 3.3. */
#include "gate/curvature.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cholesky.h"
#include "core/error.h"
#include "core/lapack.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "gate/gate.h"

#define BLOCK_WORK ((size_t)1 << 22)
#define SLIGHT 0x1p-40
#define FIRST_SHIFT 1e-3
#define SHIFT_GROWTH 4.0
#define MOST_SHIFT 1e9

bool mele_i_gate_is_curved(const mele_gate *gate)
{
    return gate->kind->curvature != NULL;
}

double mele_i_gate_curvature_work(const mele_gate *gate)
{
    const double pairs = (double)gate->clusters * (double)(gate->clusters + 1) / 2;

    return (double)gate->kind->curvature_sums(gate) + 4 * pairs;
}

double mele_i_gate_factor_work(const mele_gate *gate)
{
    size_t factors;
    const double count = (double)mele_i_gate_parameters(gate, &factors);

    return count * count * (count / 6 + 4);
}

static size_t sums_of(const mele_i_gate_curvature *c)
{
    return c->objective->gate->kind->curvature_sums(c->objective->gate);
}

mele_status mele_i_gate_curvature_make(mele_i_gate_curvature *c, mele_i_gate_objective *objective,
                                       mele_error *error)
{
    size_t factors;

    *c = (mele_i_gate_curvature){.objective = objective,
                                 .count = mele_i_gate_parameters(objective->gate, &factors)};
    mele_status status = mele_i_lapack_ready(error);
    if (status != MELE_OK)
        return status;
    c->sums = MELE_I_ARRAY(double, sums_of(c));
    c->hessian = mele_i_array(c->count, c->count * sizeof(double));
    c->diagonal = MELE_I_ARRAY(double, c->count);
    return c->sums == NULL || c->hessian == NULL || c->diagonal == NULL ? mele_i_no_memory(error)
                                                                        : MELE_OK;
}

void mele_i_gate_curvature_free(mele_i_gate_curvature *c)
{
    free(c->sums);
    free(c->hessian);
    free(c->diagonal);
}

/* ---- the sums over rows ---- */

/* What one thread works in: of a panel of rows, and what a block is taken to. */
typedef struct room {
    double *log_g, *scratch, *work, *second, *curvature, *taken;
} room;

/* The numbers that it takes; with memory, where they are. */
static size_t lay_out(const mele_i_gate_objective *objective, size_t rows, double *memory, room *r)
{
    const mele_gate *gate = objective->gate;
    const size_t K = gate->clusters, most = MELE_I_PANEL_ROWS, step = MELE_I_PANEL;
    const struct {
        double **at;
        size_t numbers;
    } part[] = {{&r->log_g, most * K},
                {&r->scratch, mele_i_gate_scratch(gate, most, false)},
                {&r->work, (3 * K + 2) * step},
                {&r->second, K * (K + 1) / 2 * step},
                {&r->curvature, gate->kind->curvature_scratch(gate)},
                {&r->taken, mele_i_gate_take_room(objective->training,
                                                  mele_i_gate_needs_of(objective), rows)}};
    size_t numbers = 0;

    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (memory != NULL)
            *part[i].at = memory + numbers;
        numbers += (part[i].numbers + 7) / 8 * 8;
    }
    return numbers;
}

static const double *onwards(const double *rows, size_t numbers)
{
    return rows == NULL ? NULL : rows + numbers;
}

/* The rows first .. first + count - 1 of some. */
static mele_i_gate_rows some_of(const mele_i_gate_rows *rows, size_t first, size_t count,
                                size_t clusters, size_t outputs)
{
    const size_t at = first * clusters;

    return (mele_i_gate_rows){.count = count,
                              .log_posteriors = onwards(rows->log_posteriors, at),
                              .x = onwards(rows->x, first * rows->stride),
                              .stride = rows->stride,
                              .log_likelihoods = onwards(rows->log_likelihoods, at),
                              .predictions = onwards(rows->predictions, at * outputs),
                              .targets = onwards(rows->targets, first * outputs),
                              .shares = onwards(rows->shares, at),
                              .weights = onwards(rows->weights, first)};
}

static void add_panel(const mele_i_gate_objective *objective, const mele_i_gate_rows *rows,
                      const room *r, double *sums)
{
    const mele_gate *gate = objective->gate;
    const mele_i_gate_loss *loss = objective->training->loss;
    const size_t K = gate->clusters, padded = (rows->count + 7) / 8 * 8;

    mele_i_gate_weigh(gate, rows, r->scratch, r->log_g);
    (gate->kind->bends ? loss->near : loss->second)(
        rows, K, mele_i_gate_outputs(objective->training->data), r->log_g, r->work, r->second);
    for (size_t pair = 0; pair < K * (K + 1) / 2; pair++)
        for (size_t i = rows->count; i < padded; i++)
            r->second[pair * MELE_I_PANEL + i] = 0;
    gate->kind->curvature(gate, rows, r->second, r->scratch, r->curvature, sums);
}

static mele_status map_curvature(void *context, mele_i_block block, void *partial, void *scratch,
                                 mele_error *error)
{
    const mele_i_gate_curvature *c = context;
    const mele_i_gate_training *training = c->objective->training;
    const size_t outputs = mele_i_gate_outputs(training->data);
    mele_i_gate_rows rows;
    room r;

    lay_out(c->objective, block.count, scratch, &r);
    mele_status status = mele_i_gate_take(training, mele_i_gate_needs_of(c->objective), block,
                                          r.taken, &rows, error);
    for (size_t at = 0, count; at < block.count && status == MELE_OK; at += count) {
        count = block.count - at < MELE_I_PANEL_ROWS ? block.count - at : MELE_I_PANEL_ROWS;
        const mele_i_gate_rows some =
            some_of(&rows, at, count, c->objective->gate->clusters, outputs);
        add_panel(c->objective, &some, &r, partial);
    }
    return status;
}

static void combine_curvature(void *context, const void *partial)
{
    mele_i_gate_curvature *c = context;
    const double *sums = partial;
    const size_t count = sums_of(c);

    for (size_t i = 0; i < count; i++)
        c->sums[i] += sums[i];
}

static mele_status sum_over_rows(mele_i_gate_curvature *c, mele_error *error)
{
    const mele_i_gate_training *training = c->objective->training;
    const size_t work = (size_t)mele_i_gate_curvature_work(c->objective->gate);
    const size_t rows = mele_i_block_rows(work, BLOCK_WORK, MELE_I_PANEL_ROWS);
    const size_t block_rows = rows / MELE_I_PANEL_ROWS * MELE_I_PANEL_ROWS;
    room r;
    const mele_i_pass pass = {
        .rows = training->data->rows, .block_rows = block_rows, .map = map_curvature,
        .combine = combine_curvature, .context = c, .partial_bytes = sums_of(c) * sizeof(double),
        .scratch_bytes = lay_out(c->objective, block_rows, NULL, &r) * sizeof(double)};

    memset(c->sums, 0, sums_of(c) * sizeof(double));
    return mele_i_pass_run(training->engine, &pass, error);
}

/* ---- the matrix ---- */

mele_status mele_i_gate_curvature_at(mele_i_gate_curvature *c, const double *theta,
                                     const double *gradient, mele_error *error)
{
    mele_i_gate_objective *objective = c->objective;
    const double weight = objective->training->total_weight;
    const double ridge = objective->training->options->ridge;
    const double *at = objective->parameters;
    mele_gate *gate = objective->gate;
    size_t factors;
    const size_t n = mele_i_gate_parameters(gate, &factors);

    mele_i_gate_from_theta(theta, n, factors, objective->parameters);
    gate->kind->set(gate, objective->parameters);
    mele_status status = sum_over_rows(c, error);
    if (status != MELE_OK)
        return status;
    gate->kind->hessian(gate, c->sums, c->hessian);
    for (size_t i = 0; i < n; i++)
        c->hessian[i * n + i] += ridge;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            c->hessian[i * n + j] *= (i < factors ? at[i] : 1) * (j < factors ? at[j] : 1) / weight;
    for (size_t i = 0; i < factors; i++)
        c->hessian[i * n + i] += gradient[i];
    for (size_t i = 0; i < n; i++)
        c->diagonal[i] = c->hessian[i * n + i];
    return MELE_OK;
}

static double mean_diagonal(const mele_i_gate_curvature *c)
{
    double sum = 0;

    for (size_t i = 0; i < c->count; i++)
        sum += fabs(c->diagonal[i]);
    return sum / (double)c->count;
}

/* The lower triangle, made anew of the upper one, becomes the factor. */
static bool factor_shifted(mele_i_gate_curvature *c, double shift, double mean)
{
    const size_t n = c->count;
    double *a = c->hessian;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            a[i * n + j] = a[j * n + i];
        a[i * n + i] = c->diagonal[i] + shift * (fabs(c->diagonal[i]) + mean);
    }
    return mele_i_cholesky(a, n);
}

/* Where nothing bends: steepest descent. */
static void become_identity(mele_i_gate_curvature *c)
{
    memset(c->hessian, 0, c->count * c->count * sizeof *c->hessian);
    for (size_t i = 0; i < c->count; i++)
        c->hessian[i * (c->count + 1)] = 1;
}

bool mele_i_gate_curvature_factor(mele_i_gate_curvature *c)
{
    const double mean = mean_diagonal(c);
    double shift = c->shift / (SHIFT_GROWTH * SHIFT_GROWTH);

    if (!isfinite(mean))
        return false;
    c->shift = 0;
    if (mean == 0) {
        become_identity(c);
        return true;
    }
    if (factor_shifted(c, SLIGHT, mean))
        return true;
    for (shift = fmax(shift, FIRST_SHIFT); shift < MOST_SHIFT; shift *= SHIFT_GROWTH)
        if (factor_shifted(c, shift, mean)) {
            c->shift = shift;
            return true;
        }
    return false;
}

void mele_i_gate_curvature_solve(const mele_i_gate_curvature *c, double *vector)
{
    mele_i_cholesky_solve(c->hessian, c->count, vector);
}
