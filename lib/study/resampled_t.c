/* The corrected resampled t test. The differences d_j of two methods on J splits share most of the
 * rows that the methods were trained on, so the variance of their mean is not s^2 / J. Nadeau and
 * Bengio put its correlation at n_test / (n_test + n_train), which gives
 *
 *     t = (d - null) / sqrt((1 / J + n_test / n_train) s^2),
 *
 * taken as Student's t of J - 1 degrees of freedom; measure/contest.h has the standard error.
 *
 * Source: Nadeau, Bengio 2003, Machine Learning 52, 239-281. */
#include "study/resampled_t.h"

#include <float.h>
#include <gsl/gsl_cdf.h>
#include <math.h>

#include "study/paired.h"

#define ROUNDING (10 * DBL_EPSILON) /* standard error over mean, below which R's t.test() refuses */

mele_i_excess mele_i_differences(const double *differences, size_t count)
{
    mele_i_excess e = {0, 0, 0};
    double squares = 0;

    for (size_t i = 0; i < count; i++)
        if (!isnan(differences[i])) {
            e.mean += differences[i];
            e.pairs++;
        }
    e.mean /= e.pairs;
    for (size_t i = 0; i < count; i++)
        if (!isnan(differences[i]))
            squares += (differences[i] - e.mean) * (differences[i] - e.mean);
    e.variance = squares / (e.pairs - 1);
    if (sqrt(e.variance / e.pairs) < ROUNDING * fabs(e.mean))
        e.variance = 0;
    return e;
}

double mele_i_t_quantile(double level, double freedom)
{
    return gsl_cdf_tdist_Qinv((1 - level) / 2, freedom);
}

/* Nothing differs anywhere, which is no sample of something that does. */
static void set_none(mele_test *test, double null)
{
    test->difference = (mele_estimate){0, 0, 0};
    test->p = null == 0 ? 1 : 0;
    test->p_below = null > 0 ? 0 : 1;
    test->p_above = null < 0 ? 0 : 1;
}

static void set_t(mele_test *test, const mele_i_excess *e, const mele_test_options *o)
{
    const double error = mele_i_excess_resampled_error(e, o->share);
    const double reach = mele_i_t_quantile(o->level, e->pairs - 1) * error;

    test->statistic = (e->mean - o->null) / error;
    test->difference.lower = e->mean - reach;
    test->difference.upper = e->mean + reach;
    test->p = 2 * gsl_cdf_tdist_Q(fabs(test->statistic), e->pairs - 1);
    test->p_below = gsl_cdf_tdist_P(test->statistic, e->pairs - 1);
    test->p_above = gsl_cdf_tdist_Q(test->statistic, e->pairs - 1);
}

mele_status mele_resampled_t(const double *differences, size_t count,
                             const mele_test_options *options, mele_test *out, mele_error *error)
{
    mele_test_options o;
    mele_status status = mele_i_test_options(options, &o, error);

    if (status == MELE_OK)
        status = mele_i_check_finite(differences, count, error);
    if (status != MELE_OK)
        return status;
    const mele_i_excess e = mele_i_differences(differences, count);
    mele_test test = {.count = (size_t)e.pairs, .difference = {e.mean, NAN, NAN}, .statistic = NAN,
                      .freedom = e.pairs > 1 ? e.pairs - 1 : NAN, .p = NAN, .p_below = NAN,
                      .p_above = NAN};
    if (e.pairs > 1 && e.variance > 0)
        set_t(&test, &e, &o);
    else if (e.pairs > 1 && e.mean == 0)
        set_none(&test, o.null);
    *out = test;
    return MELE_OK;
}
