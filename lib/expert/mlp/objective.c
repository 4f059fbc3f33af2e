/* What a network with one hidden layer loses on rows, and its derivatives (engine/network.c has the
 * network and its gradient).
 *
 * Loss of a row: sum_m (f_m - y_m)^2, or -log softmax(f)_y; what goes back is e_m = f_m - y_m (of
 * half the squared loss), or p_m - [y = m], times the row's weight. The Jacobian of f_m has the
 * columns delta_h [1 x] (with e = 1 for m alone) and, for the weights of output m, [1 t]; J'WJ is
 * summed from panels of sqrt(weight) J, output by output.
 *
 * The panels' size depends on the network only, so that sums do not depend on threads. */
#include "expert/mlp/objective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/pass.h"

enum { GROUP = 8 };

#define WORK ((size_t)1 << 21)          /* operations in a block, */
#define NORMAL_WORK ((size_t)1 << 25)   /* and in one whose sums are a matrix */

static size_t targets_of(const mele_i_network *n)
{
    return n->classes ? 1 : n->outputs;
}

/* ---- rows ---- */

mele_status mele_i_network_rows_make(mele_i_network_rows *rows, const mele_i_network *n,
                                     size_t count, mele_error *error)
{
    const size_t padded = (count + GROUP - 1) / GROUP * GROUP;
    size_t inputs, targets;

    *rows = (mele_i_network_rows){.count = count, .groups = padded / GROUP};
    if (__builtin_mul_overflow(padded, n->inputs, &inputs)
        || __builtin_mul_overflow(padded, targets_of(n), &targets))
        return mele_i_no_memory(error);
    rows->x = mele_i_large_array(inputs, sizeof *rows->x);
    rows->y = MELE_I_ARRAY(double, targets);
    rows->weight = MELE_I_ARRAY(double, padded);
    if (rows->x == NULL || rows->y == NULL || rows->weight == NULL)
        return mele_i_no_memory(error);
    return MELE_OK;
}

void mele_i_network_rows_free(mele_i_network_rows *rows)
{
    free(rows->x);
    free(rows->y);
    free(rows->weight);
}

/* `count` rows, the last one repeated, column by column. */
static void put_columns(const double *from, size_t columns, size_t count, double *to)
{
    for (size_t j = 0; j < columns; j++)
        for (size_t l = 0; l < GROUP; l++)
            to[j * GROUP + l] = from[(l < count ? l : count - 1) * columns + j];
}

void mele_i_network_rows_put(mele_i_network_rows *rows, const mele_i_network *n, size_t g,
                             const double *x, const double *y, const double *weight, size_t count)
{
    put_columns(x, n->inputs, count, rows->x + g * n->inputs * GROUP);
    put_columns(y, targets_of(n), count, rows->y + g * targets_of(n) * GROUP);
    for (size_t l = 0; l < GROUP; l++) {
        rows->weight[g * GROUP + l] = l < count ? weight[l] : 0;
        rows->total += l < count ? weight[l] : 0;
    }
}

/* ---- panels ---- */

/* Columns of a panel: the network's, targets, weight, logits. */
static size_t panel_columns(const mele_i_network *n)
{
    return mele_i_network_columns(n) + targets_of(n) + 1 + (n->classes ? n->outputs : 0);
}

static size_t panel_rows(const mele_i_network *n)
{
    return mele_i_network_rows_fit(panel_columns(n));
}

size_t mele_i_mlp_panel_bytes(const mele_i_network *n)
{
    return panel_columns(n) * mele_i_network_step(panel_rows(n)) * sizeof(double);
}

static mele_i_mlp_panel lay_out(const mele_i_network *n, size_t rows, void *memory)
{
    mele_i_mlp_panel p = {.network = mele_i_network_panel_in(n, rows, memory)};
    const size_t step = p.network.step;

    p.y = p.network.output + n->outputs * step;
    p.weight = p.y + targets_of(n) * step;
    p.logit = p.weight + step;
    return p;
}

mele_i_mlp_panel mele_i_mlp_panel_in(const mele_i_network *n, void *memory)
{
    return lay_out(n, panel_rows(n), memory);
}

static void take_columns(const double *from, size_t columns, size_t group, double *to, size_t step)
{
    from += group * columns * GROUP;
    for (size_t j = 0; j < columns; j++)
        memcpy(to + j * step, from + j * GROUP, GROUP * sizeof *to);
}

void mele_i_mlp_take(const mele_i_network *n, const mele_i_network_rows *rows, size_t from,
                     const mele_i_mlp_panel *p, size_t to)
{
    const size_t step = p->network.step;

    take_columns(rows->x, n->inputs, from, p->network.x + step + to * GROUP, step);
    take_columns(rows->y, targets_of(n), from, p->y + to * GROUP, step);
    take_columns(rows->weight, 1, from, p->weight + to * GROUP, step);
}

/* The outputs become weighted errors; returns the loss. */
static double square_errors(const mele_i_network *n, const mele_i_mlp_panel *p, size_t rows)
{
    const size_t step = p->network.step;
    double loss = 0;

    for (size_t m = 0; m < n->outputs; m++) {
        double *output = p->network.output + m * step;
        const double *y = p->y + m * step;
        for (size_t i = 0; i < rows; i++) {
            const double off = output[i] - y[i], weighted = p->weight[i] * off;
            loss += weighted * off;
            output[i] = weighted;
        }
    }
    return loss;
}

static double class_errors(const mele_i_network *n, const mele_i_mlp_panel *p, size_t rows)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t C = n->outputs, step = p->network.step;
    double *output = p->network.output, loss = 0;

    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < C; c++)
            p->logit[i * C + c] = output[c * step + i];
    kernels->log_softmax(p->logit, rows, C, NULL);
    for (size_t i = 0; i < rows; i++)
        loss -= p->weight[i] * p->logit[i * C + (size_t)p->y[i]];
    kernels->exponential(p->logit, rows * C);
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < C; c++)
            output[c * step + i] = p->weight[i] * (p->logit[i * C + c] - ((size_t)p->y[i] == c));
    return loss;
}

void mele_i_mlp_learn(const mele_i_network *n, const mele_i_mlp_panel *p, size_t rows,
                      const double *weights, double *loss, double *gradient)
{
    mele_i_network_forward(n, &p->network, rows, weights);
    *loss += n->classes ? class_errors(n, p, rows) : square_errors(n, p, rows);
    if (gradient != NULL)
        mele_i_network_backward(n, &p->network, rows, weights, gradient);
}

/* ---- sums over all rows ---- */

typedef struct summation {
    const mele_i_network *network;
    const mele_i_network_rows *rows;
    const double *weights;
    size_t count, panel_rows;
    bool gradient, normal;
    double *sums; /* loss, gradient (count), matrix (count x count) */
} summation;

static size_t numbers_of(const summation *s)
{
    return 1 + (s->gradient ? s->count : 0) + (s->normal ? s->count * s->count : 0);
}

/* The columns of sqrt(weight) times the Jacobian of output m, hidden weights first. */
static void put_jacobian(const summation *s, const mele_i_mlp_panel *p, size_t rows, size_t m,
                         double *jacobian)
{
    const mele_i_network *n = s->network;
    const mele_i_network_panel *q = &p->network;
    const size_t d = n->inputs, step = q->step, at = mele_i_network_hidden_weights(n);
    const double *root = p->weight; /* its square root already */
    double *own = jacobian + at * step;

    mele_i_kernels_best()->layer_back(root, step, rows, 1, s->weights + at + m * (n->hidden + 1),
                                      q->hidden + step, n->hidden, n->activation, q->delta);
    for (size_t h = 0; h < n->hidden; h++)
        for (size_t j = 0; j <= d; j++) {
            double *to = jacobian + (h * (d + 1) + j) * step;
            const double *delta = q->delta + h * step, *x = q->x + j * step;
            for (size_t i = 0; i < rows; i++)
                to[i] = delta[i] * x[i];
        }
    for (size_t h = 0; h <= n->hidden; h++)
        for (size_t i = 0; i < rows; i++)
            own[h * step + i] = root[i] * q->hidden[h * step + i];
}

/* A Jacobian, column after column, `step` apart; and some of its columns. */
typedef struct jacobian_panel {
    const double *data;
    size_t step, rows;
} jacobian_panel;

typedef struct strip {
    size_t first, count;
} strip;

/* Add the products of the columns `down` with those `across`. */
static void add_products(const jacobian_panel *j, strip down, strip across, double *out,
                         size_t out_step)
{
    mele_i_kernels_best()->products(j->data + down.first * j->step, down.count,
                                    j->data + across.first * j->step, across.count, j->step,
                                    j->rows, out, out_step);
}

/* J'J of one output: the triangle of the hidden weights, then that output's own rows. */
static void add_normal(const summation *s, const double *jacobian, size_t step, size_t rows,
                       size_t m, double *matrix)
{
    enum { STRIP = 4 };
    const size_t shared = mele_i_network_hidden_weights(s->network), own = s->network->hidden + 1;
    const size_t place = shared + m * own, P = s->count;
    const jacobian_panel j = {jacobian, step, rows};

    for (size_t a = 0; a < shared; a += STRIP) {
        const size_t down = shared - a < STRIP ? shared - a : STRIP;
        add_products(&j, (strip){a, down}, (strip){0, a + down}, matrix + a * P, P);
    }
    for (size_t a = 0; a < own; a += STRIP) {
        const strip down = {shared + a, own - a < STRIP ? own - a : STRIP};
        double *out = matrix + (place + a) * P;
        add_products(&j, down, (strip){0, shared}, out, P);
        add_products(&j, down, (strip){shared, a + down.count}, out + place, P);
    }
}

/* Loss, gradient and J'J of one panel. */
static void learn_normal(const summation *s, const mele_i_mlp_panel *p, size_t rows,
                         double *jacobian, double *sums)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const mele_i_network *n = s->network;
    const size_t shared = mele_i_network_hidden_weights(n), own = n->hidden + 1;
    const size_t step = p->network.step;
    double *gradient = sums + 1, *matrix = gradient + s->count;

    mele_i_network_forward(n, &p->network, rows, s->weights);
    for (size_t i = 0; i < rows; i++)
        p->weight[i] = sqrt(p->weight[i]);
    for (size_t m = 0; m < n->outputs; m++) {
        double *off = p->network.output + m * step;
        const double *y = p->y + m * step;
        for (size_t i = 0; i < rows; i++) {
            off[i] = p->weight[i] * (off[i] - y[i]);
            sums[0] += off[i] * off[i];
        }
        put_jacobian(s, p, rows, m, jacobian);
        kernels->products(jacobian, shared, off, 1, step, rows, gradient, 1);
        kernels->products(jacobian + shared * step, own, off, 1, step, rows,
                          gradient + shared + m * own, 1);
        add_normal(s, jacobian, step, rows, m, matrix);
    }
}

static mele_status sum_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const summation *s = context;
    const mele_i_mlp_panel p = lay_out(s->network, s->panel_rows, scratch);
    double *jacobian = (double *)scratch + panel_columns(s->network) * p.network.step;
    double *sums = partial;
    const size_t most = s->panel_rows / GROUP;

    (void)error;
    for (size_t g = 0; g < block.count; g += most) {
        const size_t groups = block.count - g < most ? block.count - g : most;
        for (size_t i = 0; i < groups; i++)
            mele_i_mlp_take(s->network, s->rows, block.first + g + i, &p, i);
        if (s->normal)
            learn_normal(s, &p, groups * GROUP, jacobian, sums);
        else
            mele_i_mlp_learn(s->network, &p, groups * GROUP, s->weights, sums,
                             s->gradient ? sums + 1 : NULL);
    }
    return MELE_OK;
}

static void add_sums(void *context, const void *partial)
{
    const summation *s = context;
    const double *sums = partial;

    for (size_t i = 0; i < numbers_of(s); i++)
        s->sums[i] += sums[i];
}

static mele_status sum_rows(summation *s, mele_engine *engine, mele_error *error)
{
    const mele_i_network *n = s->network;
    const size_t jacobian = s->normal ? mele_i_network_hidden_weights(n) + n->hidden + 1 : 0;
    const size_t columns = panel_columns(n) + jacobian;
    const size_t work = s->count * (s->normal ? s->count : 4);

    s->panel_rows = mele_i_network_rows_fit(columns);
    const size_t panel = s->panel_rows / GROUP;
    const size_t groups = mele_i_block_rows(GROUP * work, s->normal ? NORMAL_WORK : WORK, 1);
    const size_t numbers = columns * mele_i_network_step(s->panel_rows);
    mele_i_pass pass = {.rows = s->rows->groups, .map = sum_block, .combine = add_sums,
                        .block_rows = (groups + panel - 1) / panel * panel, .context = s,
                        .partial_bytes = numbers_of(s) * sizeof(double),
                        .scratch_bytes = numbers * sizeof(double)};

    memset(s->sums, 0, numbers_of(s) * sizeof *s->sums);
    return mele_i_pass_run(engine, &pass, error);
}

/* ---- the objective ---- */

void mele_i_network_decays(const mele_i_network *n, double decay, double *decays)
{
    for (size_t i = 0; i < mele_i_network_weights(n); i++)
        decays[i] = mele_i_network_is_bias(n, i) ? 0 : 2 * decay;
}

/* Turn the sums to means and add the decay; returns the value. */
static double finish(const summation *s, double decay, double *gradient)
{
    const mele_i_network *n = s->network;
    const double share = 1 / s->rows->total, factor = n->classes ? share : 2 * share;
    double squares = 0;

    for (size_t i = 0; i < s->count; i++) {
        const double weight = mele_i_network_is_bias(n, i) ? 0 : s->weights[i];
        squares += weight * weight;
        if (gradient != NULL)
            gradient[i] = factor * s->sums[1 + i] + 2 * decay * weight;
    }
    return share * s->sums[0] + decay * squares;
}

mele_status mele_i_network_objective(const mele_i_network *network,
                                     const mele_i_network_rows *rows, double decay,
                                     const double *weights, mele_engine *engine,
                                     const mele_i_network_result *out, mele_error *error)
{
    summation s = {.network = network, .rows = rows, .weights = weights,
                   .count = mele_i_network_weights(network), .gradient = out->gradient != NULL};

    s.sums = MELE_I_ARRAY(double, numbers_of(&s));
    mele_status status = s.sums == NULL ? mele_i_no_memory(error) : sum_rows(&s, engine, error);
    if (status == MELE_OK)
        *out->value = finish(&s, decay, out->gradient);
    free(s.sums);
    return status;
}

mele_status mele_i_network_normal(const mele_i_network *network, const mele_i_network_rows *rows,
                                  double decay, const double *weights, mele_engine *engine,
                                  const mele_i_network_result *out, mele_error *error)
{
    summation s = {.network = network, .rows = rows, .weights = weights, .gradient = true,
                   .normal = true, .count = mele_i_network_weights(network)};
    const size_t P = s.count;

    s.sums = MELE_I_ARRAY(double, numbers_of(&s));
    mele_status status = s.sums == NULL ? mele_i_no_memory(error) : sum_rows(&s, engine, error);
    if (status == MELE_OK) {
        *out->value = finish(&s, decay, out->gradient);
        for (size_t i = 0; i < P * P; i++)
            out->matrix[i] = s.sums[1 + P + i] / rows->total;
        for (size_t i = 0; i < P; i++)
            if (!mele_i_network_is_bias(network, i))
                out->matrix[i * P + i] += decay;
    }
    free(s.sums);
    return status;
}
