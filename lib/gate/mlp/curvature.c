/* Second derivatives of losses of an mlp gate (mlp.c), without those of the network: the generalised
 * Gauss-Newton matrix. With c_ikl = d2 loss_i / d a_ik d a_il and h_i0 = z_i0 = 1 (the constants), h_ip
 * = tanh(..) of hidden unit p, s_ip its slope,
 *     d a_k / d v_kp = h_p,   d a_k / d w_pj = v_kp s_p z_j,   d a_k / dt = log p_k,
 * so that the sums over rows are
 *     v_kp, v_lr:  c_kl h_p h_r            w_pj, w_rm:  C_pr z_j z_m,   C_pr = sum_k v_kr s_r D_kp
 *     w_pj, v_kr:  D_kp z_j h_r            D_kp = s_p sum_l v_lp c_kl
 *     t, v_kp:     B_k h_p                 B_k = sum_l c_kl log p_l
 *     t, w_pj:     s_p sum_k v_kp B_k z_j  t, t:  sum_k B_k log p_k
 * where C, D and the last but one are what goes back through the network (engine/network.c) from the
 * columns of D, of c and of B. A log p of -infinity has c = 0 and counts for nothing.
 * Source: Schraudolph 2002, Neural Computation 14. */
#include <math.h>
#include <string.h>

#include "gate/mlp/mlp.h"

static size_t pairs_of(size_t count)
{
    return count * (count + 1) / 2;
}

/* Where the sums are: of t, if it is free, alone, with w and with v; of pairs of hidden units, of pairs
 * of clusters, and of hidden units with clusters, a matrix each. */
typedef struct layout {
    size_t t, t_hidden, t_output, hidden, output, mixed, end;
} layout;

static layout lay_out(const mele_i_gate_network *state)
{
    const size_t free_factor = state->temperature > 0, H = state->network.hidden;
    const size_t K = state->network.outputs, in = 1 + state->network.inputs, out = 1 + H;
    layout at = {.t_hidden = free_factor};

    at.t_output = at.t_hidden + free_factor * H * in;
    at.hidden = at.t_output + free_factor * K * out;
    at.output = at.hidden + pairs_of(H) * in * in;
    at.mixed = at.output + pairs_of(K) * out * out;
    at.end = at.mixed + K * H * in * out;
    return at;
}

size_t mele_i_gate_network_curvature_sums(const mele_gate *gate)
{
    return lay_out(gate->state).end;
}

/* Columns of panels: D, some of c or of D, what they are multiplied by, what goes back, log p. */
size_t mele_i_gate_network_curvature_scratch(const mele_gate *gate)
{
    const mele_i_gate_network *state = gate->state;
    const size_t H = state->network.hidden, K = state->network.outputs, in = state->network.inputs;

    return (K * H + K + 1 + (in > H ? in : H) + H + K) * MELE_I_PANEL;
}

/* A panel of rows on the way, and room. */
typedef struct work {
    const mele_i_gate_network *state;
    mele_i_network_panel panel;
    size_t rows, step; /* rows filled up to a multiple of 8 */
    const double *second;
    double *d, *some, *product, *back, *log_p;
} work;

/* c_kl of the panel's rows. */
static const double *second_of(const work *w, size_t k, size_t l)
{
    return w->second + (k >= l ? pairs_of(k) + l : pairs_of(l) + k) * MELE_I_PANEL;
}

/* to = s_p sum_k v_kp error_k, H columns. */
static void go_back(const work *w, const double *error, double *to)
{
    const mele_i_network *n = &w->state->network;

    mele_i_kernels_best()->layer_back(error, w->step, w->rows, n->outputs,
                                      w->state->weights + mele_i_network_hidden_weights(n),
                                      w->panel.hidden + w->step, n->hidden, n->activation, to);
}

/* out += sum_i factor_i a_ip b_ir, of `down` columns a and `across` columns b. */
static void add_products(const work *w, const double *factor, const double *a, size_t down,
                         const double *b, size_t across, double *out)
{
    for (size_t p = 0; p < down; p++)
        for (size_t i = 0; i < w->rows; i++)
            w->product[p * w->step + i] = factor[i] * a[p * w->step + i];
    mele_i_kernels_best()->products(w->product, down, b, across, w->step, w->rows, out, across);
}

/* D, and the sums of hidden units with clusters. */
static void add_mixed(const work *w, double *sums)
{
    const size_t H = w->state->network.hidden, K = w->state->network.outputs;
    const size_t in = 1 + w->state->network.inputs, out = 1 + H;

    for (size_t k = 0; k < K; k++) {
        double *d = w->d + k * H * w->step;
        for (size_t l = 0; l < K; l++)
            memcpy(w->some + l * w->step, second_of(w, k, l), w->rows * sizeof(double));
        go_back(w, w->some, d);
        for (size_t p = 0; p < H; p++, sums += in * out)
            add_products(w, d + p * w->step, w->panel.x, in, w->panel.hidden, out, sums);
    }
}

static void add_output(const work *w, double *sums)
{
    const size_t K = w->state->network.outputs, out = 1 + w->state->network.hidden;

    for (size_t k = 0; k < K; k++)
        for (size_t l = 0; l <= k; l++, sums += out * out)
            add_products(w, second_of(w, k, l), w->panel.hidden, out, w->panel.hidden, out, sums);
}

static void add_hidden(const work *w, double *sums)
{
    const size_t H = w->state->network.hidden, K = w->state->network.outputs;
    const size_t in = 1 + w->state->network.inputs;

    for (size_t p = 0; p < H; p++) {
        for (size_t k = 0; k < K; k++)
            memcpy(w->some + k * w->step, w->d + (k * H + p) * w->step, w->rows * sizeof(double));
        go_back(w, w->some, w->back);
        for (size_t r = 0; r <= p; r++, sums += in * in)
            add_products(w, w->back + r * w->step, w->panel.x, in, w->panel.x, in, sums);
    }
}

/* log p of the rows, 0 where it is -infinity or there is no row; and B, to some. Returns sum B log p. */
static double fill_temperature(const work *w, const mele_i_gate_rows *rows)
{
    const size_t K = w->state->network.outputs;
    double sum = 0;

    for (size_t k = 0; k < K; k++)
        for (size_t i = 0; i < w->rows; i++) {
            const double log_p = i < rows->count ? rows->log_posteriors[i * K + k] : 0;
            w->log_p[k * w->step + i] = log_p > -INFINITY ? log_p : 0;
            w->some[k * w->step + i] = 0;
        }
    for (size_t k = 0; k < K; k++) {
        double *b = w->some + k * w->step;
        for (size_t l = 0; l < K; l++) {
            const double *second = second_of(w, k, l), *log_p = w->log_p + l * w->step;
            for (size_t i = 0; i < w->rows; i++)
                b[i] += second[i] * log_p[i];
        }
        for (size_t i = 0; i < w->rows; i++)
            sum += b[i] * w->log_p[k * w->step + i];
    }
    return sum;
}

static void add_temperature(const work *w, const mele_i_gate_rows *rows, double *sums)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const mele_i_network *n = &w->state->network;
    const layout at = lay_out(w->state);

    sums[at.t] += fill_temperature(w, rows);
    go_back(w, w->some, w->back);
    kernels->products(w->back, n->hidden, w->panel.x, 1 + n->inputs, w->step, w->rows,
                      sums + at.t_hidden, 1 + n->inputs);
    kernels->products(w->some, n->outputs, w->panel.hidden, 1 + n->hidden, w->step, w->rows,
                      sums + at.t_output, 1 + n->hidden);
}

void mele_i_gate_network_curvature(const mele_gate *gate, const mele_i_gate_rows *rows,
                                   const double *second, double *scratch, double *room,
                                   double *sums)
{
    const mele_i_gate_network *state = gate->state;
    const layout at = lay_out(state);
    const size_t H = state->network.hidden, K = state->network.outputs, in = state->network.inputs;
    work w = {.state = state, .rows = (rows->count + 7) / 8 * 8, .second = second};

    w.panel = mele_i_gate_network_panel(state, rows->count, scratch);
    w.step = w.panel.step;
    w.d = room;
    w.some = w.d + K * H * w.step;
    w.product = w.some + K * w.step;
    w.back = w.product + (1 + (in > H ? in : H)) * w.step;
    w.log_p = w.back + H * w.step;
    add_mixed(&w, sums + at.mixed);
    add_output(&w, sums + at.output);
    add_hidden(&w, sums + at.hidden);
    if (state->temperature > 0)
        add_temperature(&w, rows, sums);
}

/* ---- the matrix ---- */

/* A matrix of rows x cols at (row, col) of the whole one, and turned at (col, row). */
typedef struct place {
    double *out;
    size_t size;
} place;

static void spread(place to, size_t row, size_t col, size_t rows, size_t cols, const double *from)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            to.out[(row + i) * to.size + col + j] = to.out[(col + j) * to.size + row + i] =
                from[i * cols + j];
}

void mele_i_gate_network_hessian(const mele_gate *gate, const double *sums, double *out)
{
    const mele_i_gate_network *state = gate->state;
    const size_t H = state->network.hidden, K = state->network.outputs;
    const size_t in = 1 + state->network.inputs, width = 1 + H;
    const size_t first = state->temperature > 0, output = first + H * in;
    const layout at = lay_out(state);
    const place to = {out, first + state->count};

    if (first == 1)
        spread(to, 0, 0, 1, to.size, sums + at.t);
    for (size_t p = 0; p < H; p++)
        for (size_t r = 0; r <= p; r++)
            spread(to, first + p * in, first + r * in, in, in,
                   sums + at.hidden + (pairs_of(p) + r) * in * in);
    for (size_t k = 0; k < K; k++)
        for (size_t l = 0; l <= k; l++)
            spread(to, output + k * width, output + l * width, width, width,
                   sums + at.output + (pairs_of(k) + l) * width * width);
    for (size_t k = 0; k < K; k++)
        for (size_t p = 0; p < H; p++)
            spread(to, first + p * in, output + k * width, in, width,
                   sums + at.mixed + (k * H + p) * in * width);
}
