/* Wilcoxon's signed rank test. V is the sum of the ranks, by size, of the differences above the
 * null. Under the null hypothesis each sign is a coin's, so that of n differences without ties
 * c_n(v) of the 2^n outcomes have V = v, where
 *
 *     c_n(v) = c_{n-1}(v) + c_{n-1}(v - n),    c_0(0) = 1.
 *
 * Otherwise, or from 50 on, V is taken as normal with mean n (n + 1) / 4 and variance n (n + 1) (2
 * n + 1) / 24 - sum (t^3 - t) / 48 over groups of t of the same size, and is moved by 1/2 towards
 * its mean.
 *
 * V against another null d is the number of means of pairs, each difference with itself, too, that
 * are above d (Tukey). So the d at which it is half its most is their median (Hodges, Lehmann), and
 * the d that are not rejected are between two of them.
 *
 * Sources: Wilcoxon 1945, Biometrics 1; Hodges, Lehmann 1963, Annals of Mathematical Statistics 34;
 * Hollander, Wolfe 1999, Nonparametric Statistical Methods, chapter 3; R's wilcox.test(). */
#include <float.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "study/paired.h"

enum { EXACT_BELOW = 50, MOST_V = EXACT_BELOW * (EXACT_BELOW - 1) / 2 };

static double most_v(size_t n)
{
    return (double)n * ((double)n + 1) / 2;
}

/* ---- the exact distribution, n < EXACT_BELOW ---- */

/* chance[v] of V = v, v up to n (n + 1) / 2. */
static void exact_chances(size_t n, double chance[MOST_V + 1])
{
    memset(chance, 0, (MOST_V + 1) * sizeof *chance);
    chance[0] = 1;
    for (size_t rank = 1, most = 1; rank <= n; rank++, most += rank)
        for (size_t v = most + 1; v-- > 0;)
            chance[v] = (chance[v] + (v >= rank ? chance[v - rank] : 0)) / 2;
}

/* The chance that V <= v. */
static double exact_at_most(const double *chance, double v)
{
    double sum = 0;

    for (size_t i = 0; (double)i <= v; i++)
        sum += chance[i];
    return sum;
}

/* The tails are summed each by itself, from its end: V is symmetric. */
static void set_exact(mele_test *test, const double *chance)
{
    test->exact = true;
    test->p_below = exact_at_most(chance, test->statistic);
    test->p_above = exact_at_most(chance, most_v(test->count) - test->statistic);
    test->p = fmin(2 * fmin(test->p_below, test->p_above), 1);
}

/* Which of the ordered means of pairs bounds the interval from below, counted from 1; 0: none does.
 * */
static size_t exact_bound(const double *chance, double level)
{
    const double tail = (1 - level) / 2 - 10 * DBL_EPSILON; /* as R's qsignrank() */
    double sum = chance[0];
    size_t v = 0;

    while (sum < tail)
        sum += chance[++v];
    return v;
}

/* ---- the normal approximation ---- */

static double variance_of(size_t n, double ties)
{
    return most_v(n) * (2 * (double)n + 1) / 12 - ties / 48;
}

static void set_normal(mele_test *test, double ties)
{
    const double off = test->statistic - most_v(test->count) / 2;
    const double spread = sqrt(variance_of(test->count, ties));
    const double moved = off > 0 ? off - 0.5 : off < 0 ? off + 0.5 : 0;

    test->p_below = gsl_cdf_ugaussian_P((off + 0.5) / spread);
    test->p_above = gsl_cdf_ugaussian_Q((off - 0.5) / spread);
    test->p = 2 * gsl_cdf_ugaussian_Q(fabs(moved) / spread);
}

/* As exact_bound(): V is not rejected from that many means of pairs below the null on. Only
 * differences that are the same are tied there. */
static size_t normal_bound(size_t n, double ties, double level)
{
    const double z = gsl_cdf_ugaussian_Qinv((1 - level) / 2);
    const double first = ceil((most_v(n) - 1) / 2 - z * sqrt(variance_of(n, ties)));

    return first > 0 ? (size_t)first : 0;
}

/* ---- the estimate ---- */

/* The differences beside the null, in ascending order. */
static void take_sorted(const double *differences, size_t count, double null, double *out)
{
    size_t taken = 0;

    for (size_t i = 0; i < count; i++)
        if (!isnan(differences[i]) && differences[i] - null != 0)
            out[taken++] = differences[i];
    gsl_sort(out, 1, taken);
}

static double ties_of(const double *sorted, size_t count)
{
    double ties = 0;

    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && sorted[end] == sorted[first];)
            end++;
        const double same = (double)(end - first);
        ties += same * same * same - same;
    }
    return ties;
}

static void pair_means(const double *sorted, size_t count, double *means)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = i; j < count; j++)
            *means++ = sorted[i] / 2 + sorted[j] / 2;
}

/* bound: which of the means bounds the interval from below. */
static mele_estimate estimate_of(const double *means, size_t count, size_t bound)
{
    const size_t lower = (count - 1) / 2, upper = count / 2;

    return (mele_estimate){.value = means[lower] / 2 + means[upper] / 2,
                           .lower = bound > 0 ? means[bound - 1] : -INFINITY,
                           .upper = bound > 0 ? means[count - bound] : INFINITY};
}

/* chance: of the exact distribution; NULL: the normal one's. */
static mele_status estimate(const double *differences, size_t count, const mele_test_options *o,
                            const double *chance, mele_test *test, mele_error *error)
{
    const size_t n = test->count;
    double *sorted = MELE_I_ARRAY(double, count);
    double *means = mele_i_array(n, (n / 2 + 1) * sizeof *means); /* n (n + 1) / 2 or some more */
    mele_status status = MELE_OK;

    if (sorted == NULL || means == NULL)
        status = mele_i_no_memory(error);
    else {
        const size_t pairs = n * (n + 1) / 2;
        take_sorted(differences, count, o->null, sorted);
        pair_means(sorted, n, means);
        gsl_sort(means, 1, pairs);
        const size_t bound = chance != NULL ? exact_bound(chance, o->level)
                                            : normal_bound(n, ties_of(sorted, n), o->level);
        test->difference = estimate_of(means, pairs, bound);
    }
    free(sorted);
    free(means);
    return status;
}

/* No difference beside the null. */
static mele_test nothing(const mele_i_signed_ranks *ranks, double null)
{
    const double p = ranks->dropped > 0 ? 1 : NAN, at = ranks->dropped > 0 ? null : NAN;

    return (mele_test){.difference = {at, at, at}, .statistic = ranks->dropped > 0 ? 0 : NAN,
                       .freedom = NAN, .p = p, .p_below = p, .p_above = p};
}

static mele_status test_ranks(const double *differences, size_t count, const mele_test_options *o,
                              const mele_i_signed_ranks *ranks, mele_test *test, mele_error *error)
{
    const bool exact = ranks->count < EXACT_BELOW && ranks->dropped == 0 && ranks->ties == 0;
    double chance[MOST_V + 1];

    *test = (mele_test){.count = ranks->count, .statistic = ranks->above, .freedom = NAN};
    if (exact) {
        exact_chances(ranks->count, chance);
        set_exact(test, chance);
    } else {
        set_normal(test, ranks->ties);
    }
    return estimate(differences, count, o, exact ? chance : NULL, test, error);
}

mele_status mele_signed_rank(const double *differences, size_t count,
                             const mele_test_options *options, mele_test *out, mele_error *error)
{
    mele_test_options o;
    mele_i_signed_ranks ranks;
    mele_test test;
    mele_status status = mele_i_test_options(options, &o, error);

    if (status == MELE_OK)
        status = mele_i_check_finite(differences, count, error);
    if (status == MELE_OK)
        status = mele_i_rank_signed(differences, count, o.null, &ranks, error);
    if (status != MELE_OK)
        return status;
    if (ranks.count == 0)
        test = nothing(&ranks, o.null);
    else
        status = test_ranks(differences, count, &o, &ranks, &test, error);
    if (status == MELE_OK)
        *out = test;
    return status;
}
