/* Losses of a row that couple the experts f_k and the gate g = softmax(a), and their derivatives.
 *
 *   me     -log sum_k g_k exp(-e_k)
 *       e_k = sum_t (log 2 pi s_kt^2 + (y_t - f_kt)^2 / s_kt^2) / 2, or of classes -log p_k(y):
 *       minus the log-likelihood of the mixture (Jacobs, Jordan, Nowlan, Hinton 1991, Neural
 *       Comput. 3, who have s = 1). With h_k = g_k exp(-e_k) / sum_j (..)
 *       d/df_k = h_k (f_k - y) / s_k^2, d/da_k = g_k - h_k; of classes, by the logits,
 *       h_k (p_k - [y]).
 *
 *   ncl    sum_k (f_k - y)^2 / 2 - lambda (f_k - F)^2 / 2,  F = sum_k f_k / K
 *       of each target, whose derivative is (f_k - y) - lambda (f_k - F) (Liu, Yao 1999, Neural
 *       Netw. 12): the deviations f_k - F sum to 0. It is
 *           (1 - lambda) sum_k (f_k - y)^2 / 2 + lambda K (F - y)^2 / 2,
 *       the experts' own error and that of their mean, so that lambda = 0 is independent training,
 *       lambda = 1 that of one large model, and above 1 there is no minimum: experts that part
 *       around the same mean gain without end. Classes blend the two in the same way (Webb,
 *       Reynolds, Chen, Reeve, Iliescu, Lujan, Brown 2020, ECML PKDD), with the mean of the
 *       probabilities that is predicted by:
 *           (1 - lambda) sum_k -log p_k(y) + lambda K (-log P(y)),  P = sum_k p_k / K.
 *
 *   mnce   -log sum_k g_k exp(-(1 - lambda) e_k) + lambda e
 *       e: what e_k is, of the blend f = sum_k g_k f_k with a variance v_t^2 of its own; of classes
 *       -log sum_k g_k p_k(y). This is me with, in the place of each expert's error, that which ncl
 *       has, (1 - lambda) e_k + lambda e, and lambda = 0 is me. The definition is ours: what has
 *       been published of the method is h_k [(f_k - y) - lambda (f_k - f)] as derivative by f_k, f
 *       held constant, h_k [(1 - lambda) (f_k - y) + lambda (f - y)] in other words. No function
 *       has these derivatives; the sum of -lambda h_k (f_k - f)^2 / 2, or with g_k, has no minimum,
 *       since an expert whose weight is small may go anywhere and takes f along. Here the second
 *       term's factor is g_k in the place of h_k:
 *           (1 - lambda) h_k (f_k - y) / s_k^2 + lambda g_k (f - y) / v^2,
 *       which is the same where the gate knows whose a row is.
 *
 * The scales are theta with s^2 = floor + exp(theta): free, and never below the floor. The ridge
 * is a prior in units of the noise, as EM has it (fit/em.c), and in those of the targets, whose
 * variance is 1: its squares are times 1 / s_kt^2 + 1, of mnce times (1 - lambda) / s_kt^2 +
 * lambda / v_t^2 + 1. In units of the noise alone nothing would hold an expert that no row is of:
 * its noise could grow and take the coefficients along, at no cost, until what little weight the
 * gate leaves it is seen in the blend. ncl's squared errors are in the units of the targets, and so
 * is its ridge. */
#include "family/losses.h"

#include <math.h>
#include <string.h>

#include "engine/kernels.h"

/* ---- scales ---- */

typedef mele_i_coupled_scale scale;

static scale scale_of(const mele_i_coupled_shape *shape, double theta)
{
    const double part = exp(theta), square = shape->least_variance + part;

    return (scale){1 / square, part / square, log(2 * M_PI * square)};
}

void mele_i_coupled_variances(const mele_i_coupled_shape *shape, const double *scales, double *out)
{
    for (size_t i = 0; i < shape->clusters * shape->outputs; i++)
        out[i] = shape->least_variance + exp(scales[i]);
}

void mele_i_coupled_ready(const mele_i_coupled_shape *shape, const double *scales, scale *out)
{
    for (size_t i = 0; i < shape->clusters * shape->outputs; i++)
        out[i] = scale_of(shape, scales[i]);
}

static size_t no_scales(const mele_i_coupled_shape *shape)
{
    (void)shape;
    return 0;
}

static size_t expert_scales(const mele_i_coupled_shape *shape)
{
    return shape->classes > 0 ? 0 : shape->clusters * shape->outputs;
}

static size_t blend_scales(const mele_i_coupled_shape *shape)
{
    return shape->classes > 0 ? 0 : (shape->clusters + 1) * shape->outputs;
}

/* ---- what losses share ---- */

/* The log-probability of its class under expert k, of row i. */
static double own_class(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r, size_t i,
                        size_t k)
{
    return r->outputs[(i * s->clusters + k) * s->outputs + (size_t)r->y[i]];
}

/* Logits become log-probabilities. */
static void normalise(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r)
{
    mele_i_kernels_best()->log_softmax(r->outputs, r->count * s->clusters, s->outputs, NULL);
}

/* Log-probabilities, and the factor of every row and expert, to derivatives by the logits. */
static void class_slopes(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r,
                         const double *factor, double *out)
{
    const size_t K = s->clusters, C = s->outputs;

    memcpy(out, r->outputs, r->count * K * C * sizeof *out);
    mele_i_kernels_best()->exponential(out, r->count * K * C);
    for (size_t i = 0; i < r->count; i++)
        for (size_t k = 0; k < K; k++, out += C) {
            out[(size_t)r->y[i]] -= 1;
            for (size_t c = 0; c < C; c++)
                out[c] *= r->weights[i] * factor[i * K + k];
        }
}

/* log g_k + share log p_k(y) of every row and expert. */
static void join_classes(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r, double share,
                         double *joint)
{
    for (size_t i = 0; i < r->count; i++)
        for (size_t k = 0; k < s->clusters; k++)
            *joint++ = r->log_gate[i * s->clusters + k] + share * own_class(s, r, i, k);
}

/* log g_k - share e_k of every row and expert. */
static void join_targets(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r, double share,
                         double *joint)
{
    const size_t K = s->clusters, M = s->outputs;

    for (size_t i = 0; i < r->count * K; i++)
        joint[i] = 0;
    for (size_t k = 0; k < K; k++)
        for (size_t t = 0; t < M; t++) {
            const scale own = scale_of(s, r->scales[k * M + t]);
            for (size_t i = 0; i < r->count; i++) {
                const double off = r->outputs[(i * K + k) * M + t] - r->y[i * M + t];
                joint[i * K + k] += own.log + off * off * own.inverse;
            }
        }
    for (size_t i = 0; i < r->count * K; i++)
        joint[i] = r->log_gate[i] - share / 2 * joint[i];
}

/* Joint log densities become responsibilities; returns the rows' loss. log_sum: room for a number
 * a row. */
static double respond(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r, double *joint,
                      double *log_sum)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    double loss = 0;

    kernels->log_softmax(joint, r->count, s->clusters, log_sum);
    kernels->exponential(joint, r->count * s->clusters);
    for (size_t i = 0; i < r->count; i++)
        loss -= r->weights[i] * log_sum[i];
    return loss;
}

/* g, then w (g_k - h_k). */
static void gate_slopes(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r,
                        const double *h, double *out)
{
    const size_t K = s->clusters;

    memcpy(out, r->log_gate, r->count * K * sizeof *out);
    mele_i_kernels_best()->exponential(out, r->count * K);
    for (size_t i = 0; i < r->count; i++)
        for (size_t k = 0; k < K; k++)
            out[i * K + k] = r->weights[i] * (out[i * K + k] - h[i * K + k]);
}

/* Of e_k under responsibilities h, all times share. */
static void expert_slopes(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r, double share,
                          const double *h, const mele_i_coupled_slopes *out)
{
    const size_t K = s->clusters, M = s->outputs;

    for (size_t k = 0; k < K; k++)
        for (size_t t = 0; t < M; t++) {
            const scale own = scale_of(s, r->scales[k * M + t]);
            double sum = 0;
            for (size_t i = 0; i < r->count; i++) {
                const double off = r->outputs[(i * K + k) * M + t] - r->y[i * M + t];
                const double weight = share * r->weights[i] * h[i * K + k];
                out->outputs[(i * K + k) * M + t] = weight * off * own.inverse;
                sum += weight * (1 - off * off * own.inverse);
            }
            out->scales[k * M + t] += own.share / 2 * sum;
        }
}

/* ---- mixtures of experts ---- */

/* The same as join_targets() and expert_slopes(), of experts that each row has chosen. */
static void join_chosen(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r, double *joint)
{
    const size_t K = s->clusters, M = s->outputs;

    for (size_t i = 0; i < r->count; i++)
        for (size_t k = i * K; k < (i + 1) * K; k++) {
            const scale *own = r->ready + r->chosen[k] * M;
            double sum = 0;
            for (size_t t = 0; t < M; t++) {
                const double off = r->outputs[k * M + t] - r->y[i * M + t];
                sum += own[t].log + off * off * own[t].inverse;
            }
            joint[k] = r->log_gate[k] - sum / 2;
        }
}

static void chosen_slopes(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r,
                          const double *h, const mele_i_coupled_slopes *out)
{
    const size_t K = s->clusters, M = s->outputs;

    for (size_t i = 0; i < r->count; i++)
        for (size_t k = i * K; k < (i + 1) * K; k++) {
            const scale *own = r->ready + r->chosen[k] * M;
            const double weight = r->weights[i] * h[k];
            for (size_t t = 0; t < M; t++) {
                const double off = r->outputs[k * M + t] - r->y[i * M + t];
                out->outputs[k * M + t] = weight * off * own[t].inverse;
                out->scales[r->chosen[k] * M + t] +=
                    own[t].share / 2 * weight * (1 - off * off * own[t].inverse);
            }
        }
}

static void me_block(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r,
                     const mele_i_coupled_slopes *out, double *sum)
{
    double *h = out->work, *log_sum = h + r->count * s->clusters;

    if (s->classes > 0) {
        normalise(s, r);
        join_classes(s, r, 1, h);
    } else if (r->chosen != NULL) {
        join_chosen(s, r, h);
    } else {
        join_targets(s, r, 1, h);
    }
    *sum += respond(s, r, h, log_sum);
    gate_slopes(s, r, h, out->logits);
    if (s->classes > 0)
        class_slopes(s, r, h, out->outputs);
    else if (r->chosen != NULL)
        chosen_slopes(s, r, h, out);
    else
        expert_slopes(s, r, 1, h, out);
}

static double me_factor(const mele_i_coupled_shape *shape, const double *scales, size_t k, size_t t,
                        double square, double *slopes)
{
    if (shape->classes > 0)
        return 1;
    const scale own = scale_of(shape, scales[k * shape->outputs + t]);

    slopes[k * shape->outputs + t] -= square * own.inverse * own.share;
    return own.inverse + 1;
}

const mele_i_coupled_loss mele_i_coupled_me = {"me", true, expert_scales, me_block, me_factor};

/* ---- the same with the penalty ---- */

/* f_t of a row. */
static double blend_of(const mele_i_coupled_shape *s, const double *outputs, const double *g,
                       size_t t)
{
    double f = 0;

    for (size_t k = 0; k < s->clusters; k++)
        f += g[k] * outputs[k * s->outputs + t];
    return f;
}

/* lambda e, of the targets; g: of every row and expert. */
static double add_blend(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r,
                        const double *g, const mele_i_coupled_slopes *out)
{
    const size_t K = s->clusters, M = s->outputs;
    double loss = 0;

    for (size_t t = 0; t < M; t++) {
        const scale own = scale_of(s, r->scales[K * M + t]);
        double sum = 0;
        for (size_t i = 0; i < r->count; i++) {
            const double *f = r->outputs + i * K * M, weight = s->lambda * r->weights[i];
            const double blend = blend_of(s, f, g + i * K, t), off = blend - r->y[i * M + t];
            const double slope = weight * off * own.inverse;
            loss += weight / 2 * (own.log + off * off * own.inverse);
            sum += weight * (1 - off * off * own.inverse);
            for (size_t k = 0; k < K; k++) {
                out->outputs[(i * K + k) * M + t] += slope * g[i * K + k];
                out->logits[i * K + k] += slope * g[i * K + k] * (f[k * M + t] - blend);
            }
        }
        out->scales[K * M + t] += own.share / 2 * sum;
    }
    return loss;
}

static void mnce_targets(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r,
                         const mele_i_coupled_slopes *out, double *sum)
{
    const size_t count = r->count * s->clusters;
    double *h = out->work, *log_sum = h + count, *g = log_sum + r->count;

    join_targets(s, r, 1 - s->lambda, h);
    *sum += respond(s, r, h, log_sum);
    gate_slopes(s, r, h, out->logits);
    expert_slopes(s, r, 1 - s->lambda, h, out);
    memcpy(g, r->log_gate, count * sizeof *g);
    mele_i_kernels_best()->exponential(g, count);
    *sum += add_blend(s, r, g, out);
}

/* Of both sums over experts there are responsibilities. */
static void mnce_classes(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r,
                         const mele_i_coupled_slopes *out, double *sum)
{
    const size_t count = r->count * s->clusters;
    double *h = out->work, *log_sum = h + count, *blend = log_sum + r->count;

    normalise(s, r);
    join_classes(s, r, 1 - s->lambda, h);
    *sum += respond(s, r, h, log_sum);
    join_classes(s, r, 1, blend);
    *sum += s->lambda * respond(s, r, blend, log_sum);
    gate_slopes(s, r, h, out->logits);
    for (size_t i = 0; i < r->count; i++)
        for (size_t k = 0; k < s->clusters; k++) {
            const size_t at = i * s->clusters + k;
            out->logits[at] += s->lambda * r->weights[i] * (exp(r->log_gate[at]) - blend[at]);
            h[at] = (1 - s->lambda) * h[at] + s->lambda * blend[at];
        }
    class_slopes(s, r, h, out->outputs);
}

static void mnce_block(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r,
                       const mele_i_coupled_slopes *out, double *sum)
{
    if (s->classes > 0)
        mnce_classes(s, r, out, sum);
    else
        mnce_targets(s, r, out, sum);
}

static double mnce_factor(const mele_i_coupled_shape *shape, const double *scales, size_t k,
                          size_t t, double square, double *slopes)
{
    const size_t M = shape->outputs, own_at = k * M + t, blend_at = shape->clusters * M + t;
    const double lambda = shape->lambda;

    if (shape->classes > 0)
        return 1;
    const scale own = scale_of(shape, scales[own_at]), blend = scale_of(shape, scales[blend_at]);

    slopes[own_at] -= (1 - lambda) * square * own.inverse * own.share;
    slopes[blend_at] -= lambda * square * blend.inverse * blend.share;
    return (1 - lambda) * own.inverse + lambda * blend.inverse + 1;
}

const mele_i_coupled_loss mele_i_coupled_mnce = {"mnce", true, blend_scales, mnce_block,
                                                 mnce_factor};

/* ---- negative correlation ---- */

static void ncl_targets(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r,
                        const mele_i_coupled_slopes *out, double *sum)
{
    const size_t K = s->clusters, M = s->outputs;
    const double own = 1 - s->lambda, all = s->lambda;

    for (size_t i = 0; i < r->count; i++)
        for (size_t t = 0; t < M; t++) {
            const double *f = r->outputs + i * K * M + t, y = r->y[i * M + t];
            double mean = 0, loss = 0;
            for (size_t k = 0; k < K; k++)
                mean += f[k * M] / (double)K;
            const double off = mean - y;
            for (size_t k = 0; k < K; k++) {
                const double error = f[k * M] - y;
                loss += own * (error * error) + all * (off * off);
                out->outputs[(i * K + k) * M + t] = r->weights[i] * (own * error + all * off);
            }
            *sum += r->weights[i] / 2 * loss;
        }
}

static void ncl_classes(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r,
                        const mele_i_coupled_slopes *out, double *sum)
{
    const size_t K = s->clusters;
    const double count = (double)K;
    double *h = out->work, *log_sum = h + r->count * K;

    normalise(s, r);
    for (size_t i = 0; i < r->count; i++)
        for (size_t k = 0; k < K; k++) {
            h[i * K + k] = own_class(s, r, i, k) - log(count);
            *sum -= (1 - s->lambda) * r->weights[i] * own_class(s, r, i, k);
        }
    *sum += s->lambda * count * respond(s, r, h, log_sum);
    for (size_t i = 0; i < r->count * K; i++)
        h[i] = 1 - s->lambda + s->lambda * count * h[i];
    class_slopes(s, r, h, out->outputs);
}

static void ncl_block(const mele_i_coupled_shape *s, const mele_i_coupled_rows *r,
                      const mele_i_coupled_slopes *out, double *sum)
{
    if (s->classes > 0)
        ncl_classes(s, r, out, sum);
    else
        ncl_targets(s, r, out, sum);
}

const mele_i_coupled_loss mele_i_coupled_ncl = {"ncl", false, no_scales, ncl_block, NULL};
