/* How what the experts say becomes one prediction.
 *
 * mean: the mixture, of MELE and MILE, of bagging and of negative correlation learning. With weights g_k, means f_k and variances s_k^2, in standardised units,
 *     mean     = sum_k g_k f_k
 *     variance = sum_k g_k s_k^2 + sum_k g_k (f_k - mean)^2      (within + between)
 *     log p(y) = log sum_k exp(log g_k + log p_k(y))
 * and a class has the probability sum_k g_k p_kc.
 *
 * Experts of an ensemble all learn the same function, and the errors of each are partly where they differ, which
 * the variance between them counts already: a model may say what share of the s_k^2 is within them,
 *     variance = c sum_k g_k s_k^2 + sum_k g_k (f_k - mean)^2,    0 < c <= 1.
 *
 * And experts that are trained to err apart from one another (negative correlation) may be further apart than the
 * mixture errs: a model may say what share of the variance between them is the mixture's, which is then that of
 * experts that say f + sqrt(b) (f_k - f), f the mean, in place of f_k:
 *     variance = c sum_k g_k s_k^2 + b sum_k g_k (f_k - mean)^2,    0 <= b <= 1,
 * and so is its density.
 *
 * median: of AdaBoost.R2 (Drucker 1997). The least of the f_k at and below which there is half of the
 * weight. The row's density stays the mixture's, so that the variance is about the median,
 *     variance = sum_k g_k s_k^2 + sum_k g_k (f_k - median)^2:
 * the mean square of how far the mixture's y is from what is predicted.
 *
 * vote: of AdaBoost.M1 and SAMME (Zhu, Rosset, Zou, Hastie 2009). Expert k has alpha_k = g_k A votes, all
 * for the class that is its likeliest, of equal ones the first; with S_c the votes for class c
 *     P(c) = (1 + S_c) / (C + A),   A = sum_k alpha_k.
 * The minimum of the exponential loss that SAMME descends has P(c) = exp(S_c) / sum_j exp(S_j), which
 * agrees with that in first order, as long as there are few votes; but A grows with the rounds, whatever
 * is true of the classes (Mease, Wyner 2008), and that P to 0 and 1 with it. This one then becomes the
 * share of the votes, and is never 0.
 *
 * Far out, where terms of degree 2 are large, deviations have no squares: they are then scaled before
 * they are summed. An expert whose weight is exactly 0 is left out of every sum, so that it need not
 * have been asked, and nothing that it might say, not even what is no number, changes the blend. */
#include "model/combine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/largest.h"
#include "engine/kernels.h"

#define AT_ONCE 64 /* rows: the kernel takes as long for one as for some */

/* f_k, and 0 of who has no weight. */
static double mean_of(const mele_i_voices *v, size_t k)
{
    return v->weight[k] > 0 ? v->mean[k * v->stride] : 0;
}

static double variance_of(const mele_i_voices *v, size_t k)
{
    return v->weight[k] > 0 ? v->variance[k * v->stride] : 0;
}

static double weighted_mean(const mele_i_voices *v)
{
    double sum = 0;

    for (size_t k = 0; k < v->clusters; k++)
        sum += v->weight[k] * mean_of(v, k);
    return sum;
}

/* The root of sum_k g_k (f_k - mean)^2, where that sum is no double. */
static double root_between(const mele_i_voices *v, double mean)
{
    double most = 0, sum = 0;

    for (size_t k = 0; k < v->clusters; k++)
        if (v->weight[k] > 0)
            most = fmax(most, fabs(mean_of(v, k) - mean));
    for (size_t k = 0; k < v->clusters; k++) {
        const double off = v->weight[k] > 0 ? (mean_of(v, k) - mean) / most : 0;
        sum += v->weight[k] * off * off;
    }
    return most * sqrt(sum);
}

/* Blended to that number. */
static mele_i_blend mixture_about(const mele_i_voices *v, double mean)
{
    mele_i_blend b = {.mean = mean};

    if (v->variance == NULL)
        return b;
    for (size_t k = 0; k < v->clusters; k++) {
        const double off = mean_of(v, k) - b.mean;
        b.within += v->weight[k] * variance_of(v, k) * v->within;
        b.between += v->weight[k] > 0 ? v->weight[k] * off * off * v->between : 0;
    }
    b.sd_between = isfinite(b.between) ? sqrt(b.between)
                                       : sqrt(v->between) * root_between(v, b.mean);
    b.sd = isfinite(b.within + b.between) ? sqrt(b.within + b.between)
                                          : hypot(sqrt(b.within), b.sd_between);
    return b;
}

static mele_i_blend mixture_target(const mele_i_voices *v)
{
    return mixture_about(v, weighted_mean(v));
}

/* ---- the median ---- */

#define HALF_TOLERANCE 1e-12 /* of half the weight: so much the sum of half the experts may lack by rounding */

/* What some experts say, in any order, with their weights. */
typedef struct said {
    double *value, *weight;
    size_t count;
} said;

static void exchange(const said *s, size_t i, size_t j)
{
    const double value = s->value[i], weight = s->weight[i];

    s->value[i] = s->value[j];
    s->weight[i] = s->weight[j];
    s->value[j] = value;
    s->weight[j] = weight;
}

/* First those below a value, then those at it; *at, *above: where these, and those above it, begin. */
static void part(const said *s, double value, size_t *at, size_t *above)
{
    size_t below = 0, upper = s->count;

    for (size_t i = 0; i < upper;)
        if (s->value[i] < value)
            exchange(s, i++, below++);
        else if (s->value[i] > value)
            exchange(s, i, --upper);
        else
            i++;
    *at = below;
    *above = upper;
}

static double weight_of(const said *s, size_t first, size_t last)
{
    double sum = 0;

    for (size_t i = first; i < last; i++)
        sum += s->weight[i];
    return sum;
}

/* The least value at and below which there is so much weight; the largest, where there is less. */
static double quantile(said s, double wanted)
{
    for (;;) {
        const double value = s.value[s.count / 2];
        size_t at, above;
        part(&s, value, &at, &above);
        const double below = weight_of(&s, 0, at), here = weight_of(&s, at, above);
        if (at > 0 && below >= wanted) {
            s.count = at;
        } else if (below + here >= wanted || above == s.count) {
            return value;
        } else {
            wanted -= below + here;
            s = (said){s.value + above, s.weight + above, s.count - above};
        }
    }
}

/* No number, as the mean, where an expert says none that is finite. */
static mele_i_blend median_target(const mele_i_voices *v)
{
    said s = {v->room, v->room + v->clusters, 0};
    bool finite = true;

    for (size_t k = 0; k < v->clusters; k++)
        if (v->weight[k] > 0) {
            s.value[s.count] = mean_of(v, k);
            finite = finite && isfinite(s.value[s.count]);
            s.weight[s.count++] = v->weight[k];
        }
    const double wanted = 0.5 * (1 - HALF_TOLERANCE) * weight_of(&s, 0, s.count);
    return mixture_about(v, finite ? quantile(s, wanted) : NAN);
}

/* ---- the vote ---- */

static void vote_probabilities(const mele_i_voices *v, size_t classes, double *out)
{
    for (size_t c = 0; c < classes; c++)
        out[c] = 1;
    for (size_t k = 0; k < v->clusters; k++)
        if (v->weight[k] > 0)
            out[mele_i_largest(v->mean + k * v->stride, classes)] += v->weight[k] * v->votes;
    for (size_t c = 0; c < classes; c++)
        out[c] /= (double)classes + v->votes;
}

/* ---- densities of the mixture ---- */

/* Weight added to a row's densities. False: one of them is no number. */
static bool add_weights(const double *log_weight, size_t clusters, double *density)
{
    bool known = true;

    for (size_t k = 0; k < clusters; k++) {
        density[k] = log_weight[k] > -INFINITY ? log_weight[k] + density[k] : -INFINITY;
        known = known && !isnan(density[k]);
    }
    return known;
}

static void mixture_probabilities(const mele_i_voices *v, size_t classes, double *out)
{
    for (size_t c = 0; c < classes; c++) {
        mele_i_voices one = *v;
        one.mean = v->mean + c;
        out[c] = weighted_mean(&one);
    }
}

static void mixture_log_densities(const double *log_weight, size_t rows, size_t clusters,
                                  double *density, double *out)
{
    bool known[AT_ONCE];

    for (size_t first = 0, count; first < rows; first += count) {
        const size_t at = first * clusters;
        count = rows - first < AT_ONCE ? rows - first : AT_ONCE;
        for (size_t i = 0; i < count; i++)
            known[i] = add_weights(log_weight + at + i * clusters, clusters,
                                   density + at + i * clusters);
        mele_i_kernels_best()->log_softmax(density + at, count, clusters, out + first);
        for (size_t i = 0; i < count; i++)
            out[first + i] = known[i] ? out[first + i] : NAN;
    }
}

static const mele_i_combine table[] = {
    {.name = "mean", .target = mixture_target,
     .probabilities = mixture_probabilities, .log_densities = mixture_log_densities},
    {.name = "median", .text = "the median of the experts", .target = median_target,
     .log_densities = mixture_log_densities},
    {.name = "vote", .text = "the experts vote", .votes = true,
     .probabilities = vote_probabilities},
};

#define WAYS (sizeof table / sizeof *table)

const mele_i_combine *mele_i_combine_find(const char *name)
{
    for (size_t i = 0; i < WAYS; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

const mele_i_combine *mele_i_combine_default(void)
{
    return &table[0];
}

size_t mele_i_combine_list(bool classes, char *out, size_t size)
{
    size_t length = 0;

    for (size_t i = 0; i < WAYS; i++)
        if (classes ? table[i].probabilities != NULL : table[i].target != NULL)
            length += (size_t)snprintf(length < size ? out + length : NULL,
                                       length < size ? size - length : 0, "%s%s",
                                       length > 0 ? ", " : "", table[i].name);
    return length;
}
