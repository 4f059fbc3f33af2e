/* How what the experts say becomes one prediction.
 *
 * mean: the mixture. With weights g_k, means f_k and variances s_k^2, in standardised units,
 *     mean     = sum_k g_k f_k
 *     variance = sum_k g_k s_k^2 + sum_k g_k (f_k - mean)^2      (within + between)
 *     log p(y) = log sum_k exp(log g_k + log p_k(y))
 * and a class has the probability sum_k g_k p_kc.
 *
 * Far out, where terms of degree 2 are large, deviations have no squares: they are then scaled before
 * they are summed. An expert whose weight is exactly 0 is left out of every sum, so that it need not
 * have been asked, and nothing that it might say, not even what is no number, changes the blend. */
#include "model/combine.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

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

static mele_i_blend mixture_target(const mele_i_voices *v)
{
    mele_i_blend b = {.mean = weighted_mean(v)};

    if (v->variance == NULL)
        return b;
    for (size_t k = 0; k < v->clusters; k++) {
        const double off = mean_of(v, k) - b.mean;
        b.within += v->weight[k] * variance_of(v, k);
        b.between += v->weight[k] > 0 ? v->weight[k] * off * off : 0;
    }
    b.sd_between = isfinite(b.between) ? sqrt(b.between) : root_between(v, b.mean);
    b.sd = isfinite(b.within + b.between) ? sqrt(b.within + b.between)
                                          : hypot(sqrt(b.within), b.sd_between);
    return b;
}

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
    {"mean", mixture_target, weighted_mean, mixture_log_densities},
};

const mele_i_combine *mele_i_combine_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

const mele_i_combine *mele_i_combine_default(void)
{
    return &table[0];
}
