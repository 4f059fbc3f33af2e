/* Effect sizes of paired differences d_j = a_j - b_j, with intervals.
 *
 * Standardized: d / s. By the corrected resampled t test (resampled_t.c), with c = 1 / J + share, d
 * / (s sqrt(c)) is taken as noncentral t of J - 1 degrees of freedom, whose centre is the true
 * value divided by sqrt(c).
 *
 * Percent: r = mean d / mean b. Fieller's interval has those r for which d_j - r b_j are not told
 * from 0, in
 *
 *     (D - r B)^2 <= q^2 c (s_dd - 2 r s_db + r^2 s_bb),
 *
 * with means D and B, covariances s of the splits and Student's quantile q: between the roots of a
 * quadratic where its leading coefficient, B^2 - q^2 c s_bb, is positive.
 *
 * Rank-biserial: (W+ - W-) / (W+ + W-) with the ranks of the signed rank test. Its standard error
 * where nothing differs, sqrt(n (n + 1) (2 n + 1) / 6) / (n (n + 1) / 2), is taken for that of its
 * area tangent.
 *
 * Sources: Cohen 1988, Statistical Power Analysis for the Behavioral Sciences; Fieller 1954,
 * Journal of the Royal Statistical Society B 16; Kerby 2014, Comprehensive Psychology 3; for the
 * last interval Ben-Shachar, Luedecke, Makowski 2020, Journal of Open Source Software 5
 * (effectsize). */
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "study/noncentral_t.h"
#include "study/paired.h"
#include "study/resampled_t.h"

typedef struct pairs {
    double *one, *other, *difference;
    size_t count;
} pairs;

static mele_status gather(const double *one, const double *other, size_t count, pairs *p,
                          mele_error *error)
{
    p->one = MELE_I_ARRAY(double, count);
    p->other = MELE_I_ARRAY(double, count);
    p->difference = MELE_I_ARRAY(double, count);
    if (p->one == NULL || p->other == NULL || p->difference == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < count; i++)
        if (!isnan(one[i]) && !isnan(other[i])) {
            p->one[p->count] = one[i];
            p->other[p->count] = other[i];
            p->difference[p->count++] = one[i] - other[i];
        }
    return MELE_OK;
}

static mele_estimate standardized(const mele_i_excess *e, const mele_test_options *o)
{
    const double scale = sqrt(1 / e->pairs + o->share), value = e->mean / sqrt(e->variance);

    if (!(e->pairs > 1 && e->variance > 0))
        return (mele_estimate){NAN, NAN, NAN};
    const double t = value / scale, tail = (1 - o->level) / 2;
    return (mele_estimate){value, scale * mele_i_noncentral_t_centre(t, e->pairs - 1, 1 - tail),
                           scale * mele_i_noncentral_t_centre(t, e->pairs - 1, tail)};
}

/* Of the differences and the other's losses, whose means are known. */
static double covariance(const pairs *p, double mean_difference, double mean_other)
{
    double sum = 0;

    for (size_t i = 0; i < p->count; i++)
        sum += (p->difference[i] - mean_difference) * (p->other[i] - mean_other);
    return sum / ((double)p->count - 1);
}

static mele_estimate percent(const pairs *p, const mele_i_excess *d, const mele_test_options *o)
{
    const mele_i_excess b = mele_i_differences(p->other, p->count);
    const double value = 100 * d->mean / b.mean;

    if (p->count == 0 || b.mean == 0)
        return (mele_estimate){NAN, NAN, NAN};
    if (p->count < 2)
        return (mele_estimate){value, NAN, NAN};
    const double q = mele_i_t_quantile(o->level, b.pairs - 1);
    const double factor = q * q * (1 / b.pairs + o->share);
    const double square = b.mean * b.mean - factor * b.variance;
    const double middle = d->mean * b.mean - factor * covariance(p, d->mean, b.mean);
    const double rest = d->mean * d->mean - factor * d->variance;
    const double root = sqrt(fmax(middle * middle - square * rest, 0));
    if (!(square > 0))
        return (mele_estimate){value, -INFINITY, INFINITY};
    return (mele_estimate){value, 100 * (middle - root) / square, 100 * (middle + root) / square};
}

static mele_estimate rank_biserial(const mele_i_signed_ranks *ranks, double level)
{
    const double n = (double)ranks->count, all = n * (n + 1) / 2;
    const double value = 2 * ranks->above / all - 1, inside = 1 - 1 / all;
    const double error = sqrt(all * (2 * n + 1) / 3) / all;
    const double reach = gsl_cdf_ugaussian_Qinv((1 - level) / 2) * error;
    const double turned = atanh(fmin(fmax(value, -inside), inside));

    if (ranks->count == 0)
        return (mele_estimate){NAN, NAN, NAN};
    return (mele_estimate){value, value <= -1 ? -1 : tanh(turned - reach),
                           value >= 1 ? 1 : tanh(turned + reach)};
}

static void set_effects(const pairs *p, const mele_i_signed_ranks *ranks,
                        const mele_test_options *o, mele_effects *out)
{
    const mele_i_excess d = mele_i_differences(p->difference, p->count);

    *out = (mele_effects){.standardized = standardized(&d, o), .percent = percent(p, &d, o),
                          .rank_biserial = rank_biserial(ranks, o->level)};
}

static mele_status measure(const double *one, const double *other, size_t count,
                           const mele_test_options *o, mele_effects *out, mele_error *error)
{
    pairs p = {0};
    mele_i_signed_ranks ranks;
    mele_status status = gather(one, other, count, &p, error);

    if (status == MELE_OK)
        status = mele_i_rank_signed(p.difference, p.count, 0, &ranks, error);
    if (status == MELE_OK)
        set_effects(&p, &ranks, o, out);
    free(p.one);
    free(p.other);
    free(p.difference);
    return status;
}

mele_status mele_effects_of(const double *one, const double *other, size_t count,
                            const mele_test_options *options, mele_effects *out, mele_error *error)
{
    mele_test_options o;
    mele_status status = mele_i_test_options(options, &o, error);

    if (status == MELE_OK)
        status = mele_i_check_finite(one, count, error);
    if (status == MELE_OK)
        status = mele_i_check_finite(other, count, error);
    return status == MELE_OK ? measure(one, other, count, &o, out, error) : status;
}
