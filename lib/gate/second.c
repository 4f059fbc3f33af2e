/* The second derivatives of the losses (loss.c) of a row with weight w by the logits a_k, a_l:
 *
 *   likelihood   w ((d_kl g_k - g_k g_l) - (d_kl h_k - h_k h_l)),  h_k = g_k exp(L_k) / sum_j (..)
 *   squared      2 w (g_k g_l (e_k'e_l + r'e_k + r'e_l) - d_kl g_k r'e_k),
 *                                                                 e_k = f_k - f, r = y - f
 *   posteriors   w sum_j p_j (d_kl g_k - g_k g_l)
 *
 * with d_kl = [k = l]. The last is positive semidefinite; the others need not be: where an expert other
 * than the gate's favourite is right, the likelihood of a row is not concave in the logits. Then a
 * semidefinite matrix that serves as well where logits are not linear in the parameters is
 *
 *   likelihood   w (g_k - h_k) (g_l - h_l)      the gradient's own square, as of scores
 *   squared      2 w g_k g_l e_k'e_l            the Gauss-Newton matrix
 *
 * Rows are lanes: what belongs to cluster k stands in column k of a panel, and a pair's numbers are made
 * of two columns. */
#include <string.h>

#include "engine/kernels.h"
#include "gate/loss.h"

#define STEP MELE_I_PANEL

/* exp(logs) to a panel, column k being cluster k. */
static void shares(const double *logs, size_t rows, size_t clusters, double *panel)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();

    kernels->to_panel(logs, clusters, rows, clusters, panel);
    for (size_t k = 0; k < clusters; k++)
        kernels->exponential(panel + k * STEP, rows);
}

/* out_kl = v (d_kl g_k - g_k g_l), or that is added to it. */
static void put_softmax(const double *g, const double *v, size_t rows, size_t clusters, double *out)
{
    for (size_t k = 0; k < clusters; k++)
        for (size_t l = 0; l <= k; l++, out += STEP) {
            const double *gk = g + k * STEP, *gl = g + l * STEP;
            for (size_t i = 0; i < rows; i++)
                out[i] = -v[i] * gk[i] * gl[i];
            for (size_t i = 0; i < rows && k == l; i++)
                out[i] += v[i] * gk[i];
        }
}

static void put_weights(const mele_i_gate_rows *rows, double *v)
{
    for (size_t i = 0; i < rows->count; i++)
        v[i] = mele_i_gate_row_weight(rows, i);
}

/* ---- likelihood ---- */

/* The panel of h, and v, the weights of the rows that some gate can explain. */
static void posteriors_of_experts(const mele_i_gate_rows *rows, size_t clusters,
                                  const double *log_g, double *joint, double *h, double *v)
{
    double *log_sum = h; /* until h is there */

    for (size_t i = 0; i < rows->count; i++)
        mele_i_gate_join(rows, i, clusters, log_g, joint + i * clusters);
    mele_i_kernels_best()->log_softmax(joint, rows->count, clusters, log_sum);
    put_weights(rows, v);
    for (size_t i = 0; i < rows->count; i++)
        if (log_sum[i] == -INFINITY && !mele_i_gate_is_possible(rows, i, clusters))
            v[i] = 0;
    shares(joint, rows->count, clusters, h);
}

void mele_i_gate_likelihood_second(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                                   const double *log_g, double *work, double *out)
{
    double *g = work, *h = g + clusters * STEP, *joint = h + clusters * STEP;
    double *v = joint + clusters * STEP;

    (void)outputs;
    posteriors_of_experts(rows, clusters, log_g, joint, h, v);
    shares(log_g, rows->count, clusters, g);
    for (size_t k = 0; k < clusters; k++)
        for (size_t l = 0; l <= k; l++, out += STEP) {
            const double *gk = g + k * STEP, *gl = g + l * STEP;
            const double *hk = h + k * STEP, *hl = h + l * STEP;
            for (size_t i = 0; i < rows->count; i++)
                out[i] = v[i] * (hk[i] * hl[i] - gk[i] * gl[i]);
            for (size_t i = 0; i < rows->count && k == l; i++)
                out[i] += v[i] * (gk[i] - hk[i]);
        }
}

void mele_i_gate_likelihood_near(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                                 const double *log_g, double *work, double *out)
{
    double *g = work, *h = g + clusters * STEP, *joint = h + clusters * STEP;
    double *v = joint + clusters * STEP;

    (void)outputs;
    posteriors_of_experts(rows, clusters, log_g, joint, h, v);
    shares(log_g, rows->count, clusters, g);
    for (size_t k = 0; k < clusters; k++)
        for (size_t i = k * STEP; i < k * STEP + rows->count; i++)
            h[i] = g[i] - h[i];
    for (size_t k = 0; k < clusters; k++)
        for (size_t l = 0; l <= k; l++, out += STEP)
            for (size_t i = 0; i < rows->count; i++)
                out[i] = v[i] * h[k * STEP + i] * h[l * STEP + i];
}

/* ---- squared ---- */

/* The panels of the squared error: g, the sums r'e_k over outputs, and e of one output. */
typedef struct squares {
    double *g, *along, *e;
    size_t clusters, outputs;
} squares;

/* What output m adds to r'e_k and, in out, to e_k'e_l. */
static void add_output(const mele_i_gate_rows *rows, const squares *s, size_t m, double *out)
{
    const size_t clusters = s->clusters, outputs = s->outputs;

    for (size_t i = 0; i < rows->count; i++) {
        const double *f = rows->predictions + i * clusters * outputs + m;
        double blend = 0;
        for (size_t k = 0; k < clusters; k++)
            blend += s->g[k * STEP + i] * f[k * outputs];
        const double rest = rows->targets[i * outputs + m] - blend;
        for (size_t k = 0; k < clusters; k++) {
            s->e[k * STEP + i] = f[k * outputs] - blend;
            s->along[k * STEP + i] += rest * s->e[k * STEP + i];
        }
    }
    for (size_t k = 0; k < clusters; k++)
        for (size_t l = 0; l <= k; l++, out += STEP)
            for (size_t i = 0; i < rows->count; i++)
                out[i] += s->e[k * STEP + i] * s->e[l * STEP + i];
}

/* The panels g, r'e_k and v, the weights, in work; and e_k'e_l to out. */
static void squares_of_experts(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                               const double *log_g, double *work, double *out)
{
    double *v = work + 2 * clusters * STEP;
    const squares s = {work, work + clusters * STEP, v + STEP, clusters, outputs};
    const size_t pairs = clusters * (clusters + 1) / 2;

    shares(log_g, rows->count, clusters, s.g);
    put_weights(rows, v);
    memset(s.along, 0, clusters * STEP * sizeof *s.along);
    memset(out, 0, pairs * STEP * sizeof *out);
    for (size_t m = 0; m < outputs; m++)
        add_output(rows, &s, m, out);
}

void mele_i_gate_squared_near(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                              const double *log_g, double *work, double *out)
{
    const double *g = work, *v = g + 2 * clusters * STEP;

    squares_of_experts(rows, clusters, outputs, log_g, work, out);
    for (size_t k = 0; k < clusters; k++)
        for (size_t l = 0; l <= k; l++, out += STEP)
            for (size_t i = 0; i < rows->count; i++)
                out[i] *= 2 * v[i] * g[k * STEP + i] * g[l * STEP + i];
}

void mele_i_gate_squared_second(const mele_i_gate_rows *rows, size_t clusters, size_t outputs,
                                const double *log_g, double *work, double *out)
{
    const double *g = work, *along = g + clusters * STEP, *v = along + clusters * STEP;

    squares_of_experts(rows, clusters, outputs, log_g, work, out);
    for (size_t k = 0; k < clusters; k++)
        for (size_t l = 0; l <= k; l++, out += STEP) {
            const double *gk = g + k * STEP, *gl = g + l * STEP;
            const double *ak = along + k * STEP, *al = along + l * STEP;
            for (size_t i = 0; i < rows->count; i++)
                out[i] = 2 * v[i] * gk[i] * gl[i] * (out[i] + ak[i] + al[i]);
            for (size_t i = 0; i < rows->count && k == l; i++)
                out[i] -= 2 * v[i] * gk[i] * ak[i];
        }
}

/* ---- posteriors ---- */

void mele_i_gate_cross_entropy_second(const mele_i_gate_rows *rows, size_t clusters,
                                      size_t outputs, const double *log_g, double *work,
                                      double *out)
{
    double *g = work, *p = g + clusters * STEP, *v = p + clusters * STEP, *total = v + STEP;

    (void)outputs;
    put_weights(rows, v);
    memset(total, 0, rows->count * sizeof *total);
    if (rows->shares != NULL)
        mele_i_kernels_best()->to_panel(rows->shares, clusters, rows->count, clusters, p);
    else
        shares(rows->log_posteriors, rows->count, clusters, p);
    for (size_t k = 0; k < clusters; k++)
        for (size_t i = 0; i < rows->count; i++)
            total[i] += p[k * STEP + i];
    for (size_t i = 0; i < rows->count; i++)
        v[i] *= total[i];
    shares(log_g, rows->count, clusters, g);
    put_softmax(g, v, rows->count, clusters, out);
}
