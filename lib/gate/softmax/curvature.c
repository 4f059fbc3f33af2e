/* Second derivatives of losses of a softmax gate (softmax.c). With c_ikl = d2 loss_i / d a_ik d a_il
 * and z_i0 = 1, of the parameters b_k = V_k0, V_kj and t,
 *     d2 / dV_kj dV_lm = sum_i c_ikl z_ij z_im,
 *     d2 / dt dV_kj = sum_i s_ik z_ij,    d2 / dt2 = sum_ik s_ik log p_ik,    s_ik = sum_l c_ikl log p_il.
 * A log p of -infinity has c = 0 and counts for nothing. The first are symmetric in j and m, too: for
 * each of the K (K + 1) / 2 pairs k >= l they are the weighted moments of z, which the kernel for
 * moments takes, a triangle a pair. */
#include <math.h>
#include <string.h>

#include "engine/kernels.h"
#include "gate/softmax/softmax.h"

/* Where the sums are: of t, if it is free; K x (1 + q) of t and V; of every pair the weights, then z,
 * then the triangles. */
typedef struct layout {
    size_t own, cross, weights, means, triangles, end;
} layout;

static size_t pairs_of(size_t count)
{
    return count * (count + 1) / 2;
}

static layout lay_out(const mele_i_softmax *state)
{
    const size_t K = state->clusters, q = state->z.count, pairs = q > 0 ? pairs_of(K) : 0;
    const size_t free_factor = state->temperature > 0;
    layout at = {.cross = free_factor};

    at.weights = at.cross + (q > 0 ? free_factor * K * (1 + q) : 0);
    at.means = at.weights + pairs;
    at.triangles = at.means + pairs * q;
    at.end = at.triangles + pairs * pairs_of(q);
    return at;
}

size_t mele_i_softmax_curvature_sums(const mele_gate *gate)
{
    return lay_out(gate->state).end;
}

/* Panels of z, of log p and of s, and the zeros that moments are about. */
size_t mele_i_softmax_curvature_scratch(const mele_gate *gate)
{
    const mele_i_softmax *state = gate->state;
    const size_t K = state->clusters, q = state->z.count;

    return (q + 2 * K) * MELE_I_PANEL + pairs_of(K) * q;
}

/* s of every row and its cluster, from the panel of log p; returns sum_ik s_ik log p_ik. */
static double fill_products(size_t rows, size_t clusters, const double *second,
                            const double *log_p, double *s)
{
    double sum = 0;

    memset(s, 0, clusters * MELE_I_PANEL * sizeof *s);
    for (size_t k = 0; k < clusters; k++)
        for (size_t l = 0; l <= k; l++, second += MELE_I_PANEL) {
            double *sk = s + k * MELE_I_PANEL, *sl = s + l * MELE_I_PANEL;
            for (size_t i = 0; i < rows; i++)
                sk[i] += second[i] * log_p[l * MELE_I_PANEL + i];
            for (size_t i = 0; i < rows && l < k; i++)
                sl[i] += second[i] * log_p[k * MELE_I_PANEL + i];
        }
    for (size_t k = 0; k < clusters; k++)
        for (size_t i = 0; i < rows; i++)
            sum += s[k * MELE_I_PANEL + i] * log_p[k * MELE_I_PANEL + i];
    return sum;
}

/* What t has a part in. */
static void add_temperature(const mele_i_softmax *state, const mele_i_gate_rows *rows,
                            const double *second, const double *z, double *room, double *sums)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    const size_t K = state->clusters, q = state->z.count, eights = (rows->count + 7) / 8 * 8;
    const layout at = lay_out(state);
    double *log_p = room, *s = log_p + K * MELE_I_PANEL;

    kernels->to_panel(rows->log_posteriors, K, rows->count, K, log_p);
    for (size_t k = 0; k < K; k++)
        for (size_t i = k * MELE_I_PANEL; i < k * MELE_I_PANEL + rows->count; i++)
            log_p[i] = log_p[i] > -INFINITY ? log_p[i] : 0;
    sums[at.own] += fill_products(rows->count, K, second, log_p, s);
    if (q == 0)
        return;
    for (size_t k = 0; k < K; k++)
        for (size_t i = 0; i < rows->count; i++)
            sums[at.cross + k * (1 + q)] += s[k * MELE_I_PANEL + i];
    kernels->products(s, K, z, q, MELE_I_PANEL, eights, sums + at.cross + 1, 1 + q);
}

void mele_i_softmax_curvature(const mele_gate *gate, const mele_i_gate_rows *rows,
                              const double *second, double *scratch, double *room,
                              double *sums)
{
    const mele_i_softmax *state = gate->state;
    const size_t q = state->z.count, pairs = pairs_of(state->clusters);
    const layout at = lay_out(state);
    const mele_i_moments to = {sums + at.weights, sums + at.means, sums + at.triangles,
                               pairs_of(q)};
    double *zeros = room, *z = zeros + pairs * q;

    if (q > 0) {
        memset(zeros, 0, pairs * q * sizeof *zeros);
        mele_i_kernels_best()->to_panel(scratch, q, rows->count, q, z);
        mele_i_kernels_best()->moments(z, rows->count, q, zeros, second, pairs, &to);
    }
    if (state->temperature > 0)
        add_temperature(state, rows, second, z, z + q * MELE_I_PANEL, sums);
}

/* The square of pair (k, l), which is that of (l, k). */
static void spread_pair(const mele_i_softmax *state, const double *sums, size_t k, size_t l,
                        double *out, size_t size)
{
    const size_t q = state->z.count, pair = pairs_of(k) + l;
    const layout at = lay_out(state);
    const double *mean = sums + at.means + pair * q;
    const double *triangle = sums + at.triangles + pair * pairs_of(q);
    double *block = out + k * (1 + q) * size + l * (1 + q);

    block[0] = sums[at.weights + pair];
    for (size_t j = 0; j < q; j++) {
        block[1 + j] = block[(1 + j) * size] = mean[j];
        for (size_t m = 0; m <= j; m++)
            block[(1 + j) * size + 1 + m] = block[(1 + m) * size + 1 + j] =
                triangle[pairs_of(j) + m];
    }
    for (size_t j = 0; j <= q && l < k; j++)
        for (size_t m = 0; m <= q; m++)
            out[(l * (1 + q) + m) * size + k * (1 + q) + j] = block[j * size + m];
}

void mele_i_softmax_hessian(const mele_gate *gate, const double *sums, double *out)
{
    const mele_i_softmax *state = gate->state;
    const size_t K = state->clusters, q = state->z.count;
    const size_t first = state->temperature > 0;
    const size_t size = first + (q > 0 ? K * (1 + q) : 0);
    const layout at = lay_out(state);

    for (size_t k = 0; k < K && q > 0; k++)
        for (size_t l = 0; l <= k; l++)
            spread_pair(state, sums, k, l, out + first * (size + 1), size);
    if (first == 0)
        return;
    out[0] = sums[at.own];
    for (size_t e = 1; e < size; e++)
        out[e] = out[e * size] = sums[at.cross + e - 1];
}
