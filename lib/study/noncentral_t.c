/* The noncentral t distribution. With W = e^u,
 *
 *     P(T <= t) = int g(u) Phi(t e^u - centre) du,
 *     log g(u) = nu (u - (e^(2u) - 1) / 2) + constant,
 *
 * by the trapezoidal rule, which is next to exact for such an integrand where the step is small
 * beside its narrowest part, 1 / sqrt(2 nu) of g or about 1 / |centre| of Phi. The constant is that
 * which makes the same sum of g alone 1.
 *
 * Source: Johnson, Kotz, Balakrishnan 1995, Continuous Univariate Distributions 2, chapter 31. */
#include "study/noncentral_t.h"

#include <math.h>
#include <stddef.h>

#define FALL 40.0          /* in log g, from its largest: 1e-17 */
#define STEPS_A_WIDTH 12.0
#define MOST_STEPS 20000.0 /* a bound of the work: beyond a centre of about 2000 digits are lost */

double mele_i_noncentral_t(double t, double freedom, double centre)
{
    const double low = -FALL / freedom - sqrt(2 * FALL / freedom);
    const double high = fmin(sqrt(FALL / freedom), log1p(2 * FALL / freedom) / 2 + 1);
    const double narrow = fmin(1 / sqrt(2 * freedom), 1 / (fabs(centre) + 1));
    const double step = fmax(narrow / STEPS_A_WIDTH, (high - low) / MOST_STEPS);
    const size_t steps = (size_t)ceil((high - low) / step);
    double sum = 0, all = 0;

    for (size_t i = 0; i <= steps; i++) {
        const double u = low + (double)i * step, density = exp(freedom * (u - expm1(2 * u) / 2));
        all += density;
        sum += density * erfc((centre - t * exp(u)) * M_SQRT1_2) / 2;
    }
    return sum / all;
}

double mele_i_noncentral_t_centre(double t, double freedom, double chance)
{
    double low = t - 1, high = t + 1;

    for (double reach = 1; mele_i_noncentral_t(t, freedom, low) < chance; reach *= 2)
        low -= reach;
    for (double reach = 1; mele_i_noncentral_t(t, freedom, high) > chance; reach *= 2)
        high += reach;
    for (int i = 0; i < 60; i++) {
        const double middle = low + (high - low) / 2;
        if (mele_i_noncentral_t(t, freedom, middle) > chance)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}
