/* Tests of significance: values from R (tests/ref/significance.R), properties, and what is
 * degenerate. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/significance.h>

#include "core/stream.h"
#include "study/noncentral_t.h"
#include "support/failing_malloc.h"
#include "support/size.h"
#include "unit/significance_reference.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define EQUAL 1e-8 /* to R */

static bool is_near(double a, double b, double tolerance)
{
    return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= tolerance * fmax(1, fabs(b));
}

static void check(double found, double expected, const char *what, size_t row)
{
    cr_expect(is_near(found, expected, EQUAL), "%s of row %zu: %.17g, expected %.17g", what, row,
              found, expected);
}

static mele_test_options options_of(double null, double level, double share)
{
    mele_test_options o = mele_test_defaults();

    o.null = null;
    o.level = level;
    o.share = share;
    return o;
}

static mele_test resampled_t_of(const double *d, size_t count, double null, double share)
{
    const mele_test_options o = options_of(null, 0.95, share);
    mele_test test;

    cr_assert_eq(mele_resampled_t(d, count, &o, &test, NULL), MELE_OK);
    return test;
}

static mele_test signed_rank_of(const double *d, size_t count, double null)
{
    const mele_test_options o = options_of(null, 0.95, 0);
    mele_test test;

    cr_assert_eq(mele_signed_rank(d, count, &o, &test, NULL), MELE_OK);
    return test;
}

/* ---- values ---- */

Test(significance, the_corrected_t_is_that_of_r)
{
    for (size_t i = 0; i < LENGTH(resampled_t); i++) {
        const mele_test_options o =
            options_of(resampled_t[i].null, resampled_t[i].level, resampled_t[i].share);
        const size_t s = resampled_t[i].sample;
        mele_test test;

        cr_assert_eq(mele_resampled_t(samples[s].difference, samples[s].count, &o, &test, NULL),
                     MELE_OK);
        check(test.difference.lower, resampled_t[i].lower, "lower bound", i);
        check(test.difference.upper, resampled_t[i].upper, "upper bound", i);
        check(test.statistic, resampled_t[i].t, "t", i);
        check(test.p, resampled_t[i].p, "p", i);
        check(test.p_below, resampled_t[i].p_below, "p below", i);
        check(test.p_above, resampled_t[i].p_above, "p above", i);
        cr_expect_eq(test.freedom, (double)samples[s].count - 1);
    }
}

Test(significance, the_signed_rank_test_is_that_of_r)
{
    for (size_t i = 0; i < LENGTH(signed_rank); i++) {
        const mele_test_options o = options_of(signed_rank[i].null, signed_rank[i].level, 0);
        const size_t s = signed_rank[i].sample;
        mele_test test;

        cr_assert_eq(mele_signed_rank(samples[s].difference, samples[s].count, &o, &test, NULL),
                     MELE_OK);
        cr_expect_eq(test.count, signed_rank[i].count);
        cr_expect_eq(test.exact, signed_rank[i].exact);
        check(test.statistic, signed_rank[i].v, "V", i);
        check(test.p, signed_rank[i].p, "p", i);
        check(test.p_below, signed_rank[i].p_below, "p below", i);
        check(test.p_above, signed_rank[i].p_above, "p above", i);
        check(test.difference.value, signed_rank[i].estimate, "estimate", i);
        check(test.difference.lower, signed_rank[i].lower, "lower bound", i);
        check(test.difference.upper, signed_rank[i].upper, "upper bound", i);
    }
}

static void check_estimate(mele_estimate found, const double *expected, const char *what,
                           size_t row)
{
    check(found.value, expected[0], what, row);
    check(found.lower, expected[1], what, row);
    check(found.upper, expected[2], what, row);
}

Test(significance, effects_are_those_of_r)
{
    for (size_t i = 0; i < LENGTH(effects); i++) {
        const mele_test_options o = options_of(0, effects[i].level, effects[i].share);
        const size_t s = effects[i].sample, count = samples[s].count;
        double one[60];
        mele_effects found;

        for (size_t j = 0; j < count; j++)
            one[j] = samples[s].other[j] + samples[s].difference[j];
        cr_assert_eq(mele_effects_of(one, samples[s].other, count, &o, &found, NULL), MELE_OK);
        check_estimate(found.standardized, effects[i].standardized, "standardized", i);
        check_estimate(found.percent, effects[i].percent, "percent", i);
        check_estimate(found.rank_biserial, effects[i].rank_biserial, "rank-biserial", i);
    }
}

Test(significance, holms_adjustment_is_that_of_r)
{
    double p[LENGTH(holm_p)];

    memcpy(p, holm_p, sizeof p);
    cr_assert_eq(mele_holm(p, LENGTH(p), p, NULL), MELE_OK);
    for (size_t i = 0; i < LENGTH(p); i++)
        check(p[i], holm_adjusted[i], "p", i);
}

Test(significance, friedmans_test_is_that_of_r)
{
    for (size_t i = 0; i < LENGTH(friedman); i++) {
        double mean_rank[5];
        mele_friedman found;

        cr_assert_eq(mele_friedman_test(friedman[i].losses, friedman[i].sets, friedman[i].methods,
                                        mean_rank, &found, NULL),
                     MELE_OK);
        for (size_t j = 0; j < friedman[i].methods; j++)
            check(mean_rank[j], friedman[i].mean_rank[j], "mean rank", i);
        cr_expect_eq(found.sets, friedman[i].sets);
        check(found.chi_square, friedman[i].chi_square, "chi-square", i);
        check(found.p, friedman[i].p, "p", i);
        check(found.f, friedman[i].f, "F", i);
        check(found.f_p, friedman[i].f_p, "p of F", i);
    }
}

Test(significance, ranges_are_those_of_r)
{
    for (size_t i = 0; i < LENGTH(ranges); i++) {
        check(mele_range_below(ranges[i].q, ranges[i].numbers), ranges[i].below, "chance up to q",
              i);
        check(mele_range_above(ranges[i].q, ranges[i].numbers), ranges[i].above, "chance beyond q",
              i);
    }
    for (size_t i = 0; i < LENGTH(quantiles); i++)
        cr_expect_float_eq(mele_range_quantile(quantiles[i].chance, quantiles[i].numbers),
                           quantiles[i].q, 2e-3);
}

/* Demsar 2006, table 5 (a): 4 methods 2.569, 10 methods 3.164, both over sqrt(2). */
Test(significance, nemenyis_difference_is_as_published)
{
    cr_expect_float_eq(mele_nemenyi_difference(4, 14, 0.05), 2.569 * sqrt(4 * 5 / (6. * 14)), 5e-4);
    cr_expect_float_eq(mele_nemenyi_difference(10, 30, 0.05), 3.164 * sqrt(10 * 11 / (6. * 30)),
                       5e-4);
    cr_expect_float_eq(mele_nemenyi_p(4, 14, mele_nemenyi_difference(4, 14, 0.05)), 0.05, 1e-12);
    cr_expect_eq(mele_nemenyi_p(4, 14, -1.2), mele_nemenyi_p(4, 14, 1.2));
}

/* ---- properties ---- */

/* Of two numbers the range is sqrt(2) times a normal number's size: a closed form, also for chances
 * that a difference from 1 would lose. */
Test(significance, the_range_of_two_is_a_normal_difference)
{
    for (double q = 0.05; q < 50; q *= 1.3) {
        const double above = erfc(q / 2), below = erf(q / 2);
        cr_expect(fabs(mele_range_above(q, 2) - above) <= 1e-11 * above, "beyond %g", q);
        cr_expect(fabs(mele_range_below(q, 2) - below) <= 1e-12 * below, "up to %g", q);
    }
}

Test(significance, ranges_are_a_distribution)
{
    static const size_t numbers[] = {2, 3, 7, 50, 1000, 1000000};

    for (size_t i = 0; i < LENGTH(numbers); i++)
        for (double q = 0.1; q < 15; q += 0.31) {
            const double below = mele_range_below(q, numbers[i]),
                         above = mele_range_above(q, numbers[i]);
            cr_expect_float_eq(below + above, 1, 1e-12, "%g of %zu", q, numbers[i]);
            cr_expect_geq(mele_range_below(q + 0.01, numbers[i]), below - 1e-14);
            cr_expect_leq(mele_range_below(q, numbers[i] + 1), below + 1e-14);
        }
    for (double chance = 1e-12; chance < 1; chance *= 7)
        cr_expect_float_eq(mele_range_above(mele_range_quantile(chance, 7), 7) / chance, 1, 1e-9);
}

static void draw(double *d, size_t count, uint64_t index)
{
    mele_i_stream random = mele_i_stream_make(5, MELE_I_FOR_TESTS, count, index);

    for (size_t i = 0; i < count; i++)
        d[i] = mele_i_stream_normal(&random) + 0.3;
}

/* Turned around the sides change places; scaled with its null nothing changes; an interval holds
 * what its test does not reject. */
Test(significance, tests_go_both_ways)
{
    enum { MOST = 70 };
    double d[MOST], turned[MOST];

    for (size_t count = 6; count <= MOST; count += 16) {
        draw(d, count, 0);
        for (size_t i = 0; i < count; i++)
            turned[i] = -8 * d[i];
        for (int which = 0; which < 2; which++) {
            mele_test (*of_ranks)(const double *, size_t, double) = signed_rank_of;
            const mele_test a =
                which ? of_ranks(d, count, 0.1) : resampled_t_of(d, count, 0.1, 0.2);
            const mele_test b =
                which ? of_ranks(turned, count, -0.8) : resampled_t_of(turned, count, -0.8, 0.2);
            cr_expect_float_eq(a.p, b.p, 1e-12);
            cr_expect_float_eq(a.p_below, b.p_above, 1e-12);
            cr_expect_float_eq(a.difference.value, b.difference.value / -8, 1e-12);
            cr_expect_float_eq(a.difference.lower, b.difference.upper / -8, 1e-12);
            const mele_estimate e = a.difference;
            for (int side = 0; side < 2; side++) {
                const double bound = side ? e.upper : e.lower, out = bound + (side ? 1e-6 : -1e-6);
                const double in = bound + (side ? -1e-6 : 1e-6);
                cr_expect_lt(
                    (which ? of_ranks(d, count, out) : resampled_t_of(d, count, out, 0.2)).p, 0.05);
                cr_expect_geq(
                    (which ? of_ranks(d, count, in) : resampled_t_of(d, count, in, 0.2)).p, 0.05);
            }
        }
    }
}

/* What is not measured changes nothing. */
Test(significance, pairs_without_a_number_are_left_out)
{
    const double with[] = {NAN, 0.3, -0.1, NAN, 0.4, 0.2, 0.6, NAN},
                 without[] = {0.3, -0.1, 0.4, 0.2, 0.6};
    const double other[] = {1, 1, 2, NAN, 3, 4, 5, NAN}, left[] = {1, 2, 3, 4, 5};
    const mele_test t[] = {resampled_t_of(with, 8, 0, 0.1), resampled_t_of(without, 5, 0, 0.1)};
    const mele_test v[] = {signed_rank_of(with, 8, 0), signed_rank_of(without, 5, 0)};
    mele_effects e[2];

    cr_expect_eq(memcmp(&t[0], &t[1], sizeof *t), 0);
    cr_expect_eq(v[0].p, v[1].p);
    cr_expect_eq(v[0].difference.value, v[1].difference.value);
    cr_expect_eq(v[0].count, 5);
    cr_assert_eq(mele_effects_of(with, other, 8, NULL, &e[0], NULL), MELE_OK);
    cr_assert_eq(mele_effects_of(without, left, 5, NULL, &e[1], NULL), MELE_OK);
    cr_expect_eq(memcmp(&e[0], &e[1], sizeof *e), 0);
}

/* Under the null hypothesis the exact p values of n differences are those of 2^n equal outcomes:
 * counted. */
Test(significance, exact_chances_are_those_of_all_signs)
{
    enum { N = 8 };
    double d[N];
    size_t at_most[2] = {0, 0};

    for (unsigned signs = 0; signs < 1u << N; signs++) {
        for (size_t i = 0; i < N; i++)
            d[i] = (signs >> i & 1 ? -1 : 1) * ((double)i + 0.5 + 0.01 * (double)i);
        const mele_test test = signed_rank_of(d, N, 0);
        at_most[0] += test.p <= 0.05;
        at_most[1] += test.p_below <= 0.05;
        cr_assert(test.exact);
    }
    cr_expect_eq(at_most[0], 10, "%zu of 256: V of 3 or less, or 33 or more", at_most[0]);
    cr_expect_eq(at_most[1], 10, "%zu of 256: V of 5 or less", at_most[1]);
}

/* Its own inverse, and with the centre 0 Student's: of 1 degree of freedom 1/2 + atan(t) / pi. */
Test(significance, the_noncentral_t_distribution)
{
    for (double t = -4; t <= 4; t += 0.7) {
        cr_expect_float_eq(mele_i_noncentral_t(t, 1, 0), 0.5 + atan(t) / M_PI, 1e-13);
        for (double freedom = 1; freedom < 200; freedom *= 3)
            for (double chance = 0.025; chance < 1; chance += 0.19) {
                const double centre = mele_i_noncentral_t_centre(t, freedom, chance);
                cr_expect_float_eq(mele_i_noncentral_t(t, freedom, centre), chance, 1e-12);
            }
    }
    cr_expect_float_eq(mele_i_noncentral_t(0, 9, 1.5), erfc(1.5 / sqrt(2)) / 2, 1e-13);
}

/* F and chi-square of as many sets and methods as there may be: no number is refused by GSL. */
Test(significance, friedman_of_sets_that_agree)
{
    static const size_t methods[] = {2, 3, 12, 100, 1000},
                        sets[] = {1, 2, 5, 100, TEST_SIZE(2000, 500, 200)};

    for (size_t i = 0; i < LENGTH(methods); i++)
        for (size_t j = 0; j < LENGTH(sets); j++) {
            const size_t k = methods[i], n = sets[j];
            double *losses = malloc(k * n * sizeof *losses);
            mele_friedman agree, nearly;

            cr_assert_not_null(losses);
            for (size_t e = 0; e < k * n; e++)
                losses[e] = (double)(e % k);
            cr_assert_eq(mele_friedman_test(losses, n, k, NULL, &agree, NULL), MELE_OK);
            losses[0] = 1.5;
            cr_assert_eq(mele_friedman_test(losses, n, k, NULL, &nearly, NULL), MELE_OK);
            cr_expect_float_eq(agree.chi_square / ((double)n * (double)(k - 1)), 1, 1e-10);
            cr_expect(n == 1 ? isnan(agree.f) : isinf(agree.f));
            cr_expect(n == 1
                      || (agree.f_p >= 0 && agree.f_p <= pow(2, 1 - (double)n) * (1 + 1e-12)));
            cr_expect(n == 1 || (nearly.f_p >= 0 && nearly.f_p <= 1), "%zu x %zu: %g", n, k,
                      nearly.f_p);
            cr_expect(nearly.p >= 0 && nearly.p <= 1);
            free(losses);
        }
}

/* ---- what is degenerate ---- */

Test(significance, differences_that_are_all_zero)
{
    const double zero[] = {0, 0, 0, 0};
    const mele_test t = resampled_t_of(zero, 4, 0, 0.1), under = resampled_t_of(zero, 4, 0.5, 0.1);
    const mele_test v = signed_rank_of(zero, 4, 0);
    mele_effects e;

    cr_expect(t.p == 1 && t.p_below == 1 && t.p_above == 1 && isnan(t.statistic));
    cr_expect(t.difference.lower == 0 && t.difference.upper == 0);
    cr_expect(under.p == 0 && under.p_below == 0 && under.p_above == 1);
    cr_expect(resampled_t_of(zero, 4, -0.5, 0).p_above == 0);
    cr_expect(v.p == 1 && v.count == 0 && v.statistic == 0 && v.difference.value == 0);
    cr_assert_eq(mele_effects_of(zero, zero, 4, NULL, &e, NULL), MELE_OK);
    cr_expect(isnan(e.standardized.value) && isnan(e.rank_biserial.value)
              && isnan(e.percent.value));
}

/* The same loss of both, everywhere: no percent lie between, though the losses themselves vary. */
Test(significance, losses_that_are_the_same)
{
    const double losses[] = {1.1, 0.7, 1.3, 0.9};
    mele_effects e;

    cr_assert_eq(mele_effects_of(losses, losses, 4, NULL, &e, NULL), MELE_OK);
    cr_expect(e.percent.value == 0 && e.percent.lower == 0 && e.percent.upper == 0);
}

/* No spread, or one difference, tells nothing of chance, however large it is. */
Test(significance, differences_without_a_spread)
{
    const double same[] = {0.3, 0.1 + 0.2, 0.3, 0.3};

    for (size_t count = 1; count <= 4; count += 3) {
        const mele_test t = resampled_t_of(same, count, 0, 0.1);
        cr_expect(isnan(t.p) && isnan(t.p_below) && isnan(t.p_above) && isnan(t.statistic));
        cr_expect(isnan(t.difference.lower) && fabs(t.difference.value - 0.3) < 1e-15);
    }
}

Test(significance, nothing_is_not_a_number)
{
    const double unknown[] = {NAN, NAN};
    const mele_test t = resampled_t_of(unknown, 2, 0, 0), v = signed_rank_of(unknown, 2, 0);
    mele_effects e;
    mele_friedman f;
    double mean_rank[2] = {0, 0};

    cr_expect(isnan(t.p) && isnan(t.difference.value) && t.count == 0);
    cr_expect(isnan(v.p) && isnan(v.difference.value) && v.count == 0);
    cr_assert_eq(mele_effects_of(unknown, unknown, 2, NULL, &e, NULL), MELE_OK);
    cr_expect(isnan(e.percent.value) && isnan(e.standardized.value)
              && isnan(e.rank_biserial.value));
    cr_assert_eq(mele_friedman_test(unknown, 1, 2, mean_rank, &f, NULL), MELE_OK);
    cr_expect(f.sets == 0 && isnan(f.p) && isnan(f.f_p) && isnan(mean_rank[0]));
    cr_expect_eq(mele_holm(NULL, 0, NULL, NULL), MELE_OK);
}

/* Five differences of one sign: the least p is 1/16, and nothing bounds an interval at 0.95. */
Test(significance, few_differences_bound_nothing)
{
    const double d[] = {1, 2, 3, 4, 5.5}, one[] = {2};
    const mele_test test = signed_rank_of(d, 5, 0), single = signed_rank_of(one, 1, 0);

    cr_expect_eq(test.p, 0.0625);
    cr_expect(isinf(test.difference.lower) && isinf(test.difference.upper));
    cr_expect(single.p == 1 && single.difference.value == 2 && single.p_above == 0.5);
}

Test(significance, tied_and_single_sets)
{
    const double tied[] = {1, 1, 1, 2, 2, 2}, one[] = {1, 2, 3};
    mele_friedman f;
    double mean_rank[3];

    cr_assert_eq(mele_friedman_test(tied, 2, 3, mean_rank, &f, NULL), MELE_OK);
    cr_expect(f.chi_square == 0 && f.p == 1 && f.f == 0 && f.f_p == 1 && mean_rank[1] == 2);
    cr_assert_eq(mele_friedman_test(one, 1, 3, mean_rank, &f, NULL), MELE_OK);
    cr_expect(f.chi_square == 2 && isnan(f.f) && isnan(f.f_p) && mean_rank[2] == 3);
}

Test(significance, ranges_at_their_ends)
{
    cr_expect(mele_range_below(-1, 3) == 0 && mele_range_above(0, 3) == 1);
    cr_expect(mele_range_below(INFINITY, 3) == 1 && mele_range_above(1e300, 3) == 0);
    cr_expect(isnan(mele_range_below(1, 1)) && isnan(mele_range_above(NAN, 3)));
    cr_expect(mele_range_quantile(1, 3) == 0 && isinf(mele_range_quantile(0, 3)));
    cr_expect(isnan(mele_range_quantile(1.5, 3)) && isnan(mele_range_quantile(NAN, 3)));
    cr_expect(isnan(mele_nemenyi_difference(3, 0, 0.05))
              && isnan(mele_nemenyi_difference(1, 9, 0.05)));
    cr_expect(isnan(mele_nemenyi_difference(3, 9, 0)) && isnan(mele_nemenyi_p(3, 9, NAN)));
}

/* ---- what is refused ---- */

Test(significance, what_is_wrong_is_said)
{
    const double infinite[] = {1, INFINITY}, fine[] = {1, 2}, negative[] = {0.5, -0.1};
    mele_test_options share = options_of(0, 0.95, -1), level = options_of(0, 1, 0),
                      null = options_of(NAN, 0.95, 0);
    mele_test test = {.count = 77};
    mele_effects e;
    mele_friedman f;
    mele_error error;
    double p[2];

    cr_expect_eq(mele_resampled_t(infinite, 2, NULL, &test, &error), MELE_EDATA);
    cr_expect_str_eq(error.message, "number 2 of 2 to test is infinite");
    cr_expect_eq(mele_signed_rank(infinite, 2, NULL, &test, &error), MELE_EDATA);
    cr_expect_eq(mele_effects_of(fine, infinite, 2, NULL, &e, &error), MELE_EDATA);
    cr_expect_eq(mele_resampled_t(fine, 2, &share, &test, &error), MELE_EINVAL);
    cr_expect_eq(mele_signed_rank(fine, 2, &level, &test, &error), MELE_EINVAL);
    cr_expect_eq(mele_effects_of(fine, fine, 2, &null, &e, &error), MELE_EINVAL);
    cr_expect_eq(mele_friedman_test(infinite, 1, 2, NULL, &f, &error), MELE_EDATA);
    cr_expect_eq(mele_friedman_test(fine, 2, 1, NULL, &f, &error), MELE_EINVAL);
    cr_expect_eq(mele_holm(negative, 2, p, &error), MELE_EDATA);
    cr_expect_eq(test.count, 77);
}

static mele_status all_of(size_t which, void *out)
{
    const double d[] = {0.1, 0.3, -0.2, 0.7}, other[] = {1, 2, 3, 4};
    double p[4];

    switch (which) {
    case 0: return mele_signed_rank(d, 4, NULL, out, NULL);
    case 1: return mele_effects_of(d, other, 4, NULL, out, NULL);
    case 2: return mele_friedman_test(d, 2, 2, NULL, out, NULL);
    default: return mele_holm(other + 3, 0, p, NULL);
    }
}

Test(significance, memory_that_runs_out_changes_nothing)
{
    union {
        mele_test test;
        mele_effects effects;
        mele_friedman friedman;
    } out, before;

    memset(&before, 0x5a, sizeof before);
    for (size_t which = 0; which < 4; which++)
        for (size_t n = 0;; n++) {
            memcpy(&out, &before, sizeof out);
            failing_malloc_at(n);
            const mele_status status = all_of(which, &out);
            if (!failing_malloc_end()) {
                cr_assert(n > 0 && status == MELE_OK);
                break;
            }
            cr_assert(status == MELE_ENOMEM && memcmp(&out, &before, sizeof out) == 0);
        }
}
