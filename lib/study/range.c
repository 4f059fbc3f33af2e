/* The distribution of the range R of k independent standard normal numbers. With the greatest of
 * them at z the others are all in [z - q, z]:
 *
 *     P(R <= q) = k int phi(z) [Phi(z) - Phi(z - q)]^(k-1) dz,
 *     P(R > q)  = k int phi(z) Phi(z)^(k-1) (1 - [1 - Phi(z - q) / Phi(z)]^(k-1)) dz,
 *
 * the second because k phi Phi^(k-1), the density of the greatest, has the integral 1: so small
 * chances are sums of small numbers rather than differences of large ones. Both integrands are
 * entire functions that fall like exp(-z^2 / 2), for which the trapezoidal rule is exact but for
 * exp(-2 pi^2 s^2 / h^2), s being the width of the narrowest bump: above 0.05 where the integral
 * counts. Beyond z = -9, and 9 above the places where they are largest (0 and q / 2), nothing
 * counts.
 *
 * Sources: Harter 1960, Annals of Mathematical Statistics 31; Trefethen, Weideman 2014, SIAM Review
 * 56. */
#include <mele/significance.h>

#include <math.h>

#define STEP 0.03125
#define REACH 9.0
#define LARGEST 100.0 /* beyond it the chance is 0 in doubles, of any number of numbers */

static double normal_below(double z)
{
    return erfc(-z * M_SQRT1_2) / 2;
}

static double normal_density(double z)
{
    return exp(-z * z / 2) * (M_SQRT1_2 * M_2_SQRTPI / 2);
}

/* log(1 - beyond - above), the latter the chance above z; near 0 of what is missing of 1. */
static double log_rest(double z, double beyond)
{
    return z > 0 ? log1p(-(normal_below(-z) + beyond)) : log(normal_below(z) - beyond);
}

static double all_within(double z, double q, double others)
{
    return normal_density(z) * exp(others * log_rest(z, normal_below(z - q)));
}

static double some_beyond(double z, double q, double others)
{
    const double beyond = normal_below(z - q) / normal_below(z);

    return normal_density(z) * exp(others * log_rest(z, 0)) * -expm1(others * log1p(-beyond));
}

static double integral(double (*at)(double, double, double), double q, size_t numbers)
{
    const double end = q / 2 + REACH;
    double sum = 0;

    for (size_t i = 0; -REACH + STEP * (double)i <= end; i++)
        sum += at(-REACH + STEP * (double)i, q, (double)(numbers - 1));
    return fmin((double)numbers * STEP * sum, 1);
}

double mele_range_below(double q, size_t numbers)
{
    if (numbers < 2 || isnan(q))
        return NAN;
    if (q <= 0)
        return 0;
    return q >= LARGEST ? 1 : integral(all_within, q, numbers);
}

double mele_range_above(double q, size_t numbers)
{
    if (numbers < 2 || isnan(q))
        return NAN;
    if (q <= 0)
        return 1;
    return q >= LARGEST ? 0 : integral(some_beyond, q, numbers);
}

double mele_range_quantile(double chance, size_t numbers)
{
    double low = 0, high = LARGEST;

    if (numbers < 2 || !(chance >= 0 && chance <= 1))
        return NAN;
    if (chance == 0)
        return INFINITY;
    if (chance == 1)
        return 0;
    for (double middle; middle = (low + high) / 2, low < middle && middle < high;)
        if (mele_range_above(middle, numbers) > chance)
            low = middle;
        else
            high = middle;
    return high;
}
