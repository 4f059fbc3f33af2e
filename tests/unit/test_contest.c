/* Who is taken of contestants measured on the same rows left out. Values by hand; quantiles of Student's t,
 * one-sided at 5 %: of 2 degrees of freedom 0.9 / sqrt(0.095), as its distribution is 1/2 + t / 2 sqrt(2 + t^2),
 * of 1 tan(0.45 pi). */
#include <criterion/criterion.h>

#include <math.h>

#include "measure/contest.h"

#define ROUNDED 1e-10 /* relative: quantiles are GSL's */

enum { FOLDS = 3 };

static const double t1 = 6.313751514675043, t2 = 2.919985580353726;
static const double ones[] = {1, 1, 1, 1}, nothing[] = {NAN, NAN, NAN};

static mele_i_losses of(const double *loss)
{
    return (mele_i_losses){loss, ones, FOLDS};
}

static void check(double found, double expected, const char *what)
{
    cr_assert(fabs(found - expected) <= ROUNDED * fabs(expected), "%s: %.17g, expected %.17g", what, found,
              expected);
}

/* Slices of 2, 4 and 1 rows: the mean is over rows, 21 / 7, and differences are of slices: the means of one
 * are 2, 3, 5, of the other 1, 3.5, 2, so 1, -0.5, 3, with shares 2/7, 4/7, 1/7: mean 3/7, as of all rows; from
 * that 4/7, -6.5/7, 18/7, whose squares are 75/49 by shares; they tell as much as 49 / 21 equal slices, so the
 * variance is 75/49 / (1 - 3/7). */
Test(contest, differences_are_by_pairs_of_slices)
{
    const double one[] = {4, 12, 5}, other[] = {2, 14, 2}, rows[] = {2, 4, 1};
    const mele_i_losses a = {one, rows, FOLDS}, b = {other, rows, FOLDS};
    const mele_i_excess e = mele_i_excess_of(&a, &b), back = mele_i_excess_of(&b, &a);

    check(mele_i_losses_mean(&a), 3, "mean");
    check(e.pairs, 7. / 3, "equal slices");
    check(e.mean, 3. / 7, "difference");
    check(e.variance, 75. / 28, "variance");
    check(back.mean, -3. / 7, "difference the other way");
    check(back.variance, 75. / 28, "variance the other way");
    check(mele_i_excess_error(&e), 15. / 14, "standard error");
}

/* One slice that holds nearly all tells no more than itself: another of next to no weight does not make it
 * sure, nor does it count as much. */
Test(contest, a_slice_counts_by_its_weight)
{
    const double one[] = {200, 1e-9}, other[] = {100, 2e-9}, rows[] = {100, 1e-9};
    const mele_i_losses a = {one, rows, 2}, b = {other, rows, 2};
    const mele_i_excess e = mele_i_excess_of(&a, &b);

    check(e.mean, 1 - 2e-11, "difference");
    cr_assert(!(e.mean > mele_i_excess_bound(&e, 1)) && !(e.mean > mele_i_excess_chance(&e, 0.1)));
}

/* Slices without rows are in no sum, and of fewer folds only these are compared. */
Test(contest, only_slices_that_both_have_are_compared)
{
    const double one[] = {1, 0, 4, 9}, other[] = {3, 5, 2, 1}, weights[] = {1, 0, 1, 1};
    const mele_i_losses a = {one, weights, 4}, b = {other, ones, 3};
    const mele_i_excess e = mele_i_excess_of(&a, &b);

    cr_assert_eq(e.pairs, 2);
    check(e.variance, 8, "of -2 and 2");
    cr_assert_eq(e.mean, 0);
    check(mele_i_losses_mean(&a), 14. / 3, "mean");
}

/* Differences 1, 2, 3: mean 2, variance 1. */
Test(contest, chance_is_the_corrected_resampled_t)
{
    const double one[] = {2, 4, 6}, other[] = {1, 2, 3};
    const mele_i_losses a = of(one), b = of(other);
    const mele_i_excess e = mele_i_excess_of(&a, &b), two = {0, 4, 2};

    check(mele_i_excess_bound(&e, 1), t2 / sqrt(3), "bound");
    check(mele_i_excess_bound(&e, 5), 0.98 / sqrt(2 * 0.99 * 0.01) / sqrt(3), "bound, at 1 %");
    check(mele_i_excess_chance(&e, 0.5), t2 * sqrt(1. / 3 + 0.5), "chance");
    check(mele_i_excess_chance(&two, 0.125), t1 * sqrt((0.5 + 0.125) * 4), "chance of two slices");
}

Test(contest, of_less_than_two_pairs_nothing_is_known)
{
    const double loss[] = {1, 2};
    const mele_i_losses a = {loss, ones, 1}, b = {loss + 1, ones, 1}, none = {loss, ones, 0};
    const mele_i_excess e = mele_i_excess_of(&a, &b), empty = mele_i_excess_of(&none, &a);

    cr_assert_eq(e.pairs, 1);
    cr_assert_eq(e.mean, -1);
    cr_assert_eq(empty.pairs, 0);
    cr_assert(isnan(mele_i_excess_error(&e)) && isnan(mele_i_excess_bound(&e, 1))
              && isnan(mele_i_excess_chance(&e, 0.1)) && isnan(mele_i_losses_mean(&none)));
}

/* More than the best, 0 in all slices, by d: 0, 1, 2 has mean 1 and standard error 1 / sqrt 3, so it is not
 * near; -1, 0, 2 has mean 1/3, variance 7/3, standard error sqrt 7 / 3 = 0.88. */
Test(contest, the_simplest_within_one_standard_error_of_the_best_is_taken)
{
    const double far[] = {0, 1, 2}, near[] = {-1, 0, 2}, best[] = {0, 0, 0};
    const mele_i_losses all[] = {of(far), of(near), of(best)}, turned[] = {of(best), of(near), of(far)};

    cr_assert_eq(mele_i_contest_choose(all, 3, 2, NULL, 0), 1);
    cr_assert_eq(mele_i_contest_choose(turned, 3, 0, NULL, 0), 0, "nothing is simpler than the best");
    cr_assert_eq(mele_i_contest_choose(all, 1, 0, NULL, 0), 0, "nobody else");
}

/* At the edge: -1, 0, 2 less c has the standard error of -1, 0, 2 and the mean 1/3 - c. */
Test(contest, one_standard_error_is_the_edge)
{
    const double at = sqrt(7) / 3 - 1. / 3, best[] = {0, 0, 0};

    for (int side = -1; side <= 1; side += 2) {
        const double c = at + side * 1e-9, loss[] = {-1 + c, c, 2 + c};
        const mele_i_losses all[] = {of(loss), of(best)};
        cr_assert_eq(mele_i_contest_choose(all, 2, 1, NULL, 0), side < 0 ? 0 : 1);
    }
}

/* The gains over one model are c - 1, c, c + 1: variance 1, chance t2 sqrt(1/3 + slice). */
Test(contest, one_model_stays_unless_others_gain_more_than_chance)
{
    const double slice = 0.25, one[] = {5, 5, 5}, edge = t2 * sqrt(1. / 3 + slice);
    const mele_i_losses least = of(one);

    for (int side = -1; side <= 1; side += 2) {
        const double c = edge * (1 + side * 1e-9), loss[] = {6 - c, 5 - c, 4 - c};
        const mele_i_losses all[] = {of(loss)};
        cr_assert_eq(mele_i_contest_choose(all, 1, 0, &least, slice), side < 0 ? 1 : 0);
        cr_assert_eq(mele_i_contest_choose(all, 1, 0, NULL, slice), 0, "nothing to protect");
    }
}

/* The simpler one is near the best, but not surely better than one model: the best is, and is taken. */
Test(contest, who_is_taken_gains_over_one_model_too)
{
    const double one[] = {5, 5, 5}, simple[] = {0, 2, 7}, best[] = {1, 2, 3};
    const mele_i_losses all[] = {of(simple), of(best)}, least = of(one);

    cr_assert_eq(mele_i_contest_choose(all, 2, 1, NULL, 0), 0, "1 behind, standard error 1.5");
    cr_assert_eq(mele_i_contest_choose(all, 2, 1, &least, 0), 1);
}

/* Equal ones differ by nothing, with no error: the first is taken; one model, where that is equal. */
Test(contest, ties_go_to_the_simplest)
{
    const double loss[] = {1, 2, 3};
    const mele_i_losses all[] = {of(loss), of(loss), of(loss)}, least = of(loss);

    cr_assert_eq(mele_i_contest_choose(all, 3, 1, NULL, 0.1), 0);
    cr_assert_eq(mele_i_contest_choose(all, 3, 1, &least, 0.1), 3);
}

Test(contest, who_has_no_loss_is_not_taken)
{
    const double loss[] = {1, 2, 3}, one[] = {9, 10, 11}, partly[] = {1, NAN, 3};
    const mele_i_losses all[] = {of(nothing), of(partly), of(loss)}, least = of(one);

    cr_assert(isnan(mele_i_losses_mean(&all[0])) && isnan(mele_i_losses_mean(&all[1])));
    cr_assert_eq(mele_i_contest_choose(all, 3, 2, NULL, 0.1), 2);
    cr_assert_eq(mele_i_contest_choose(all, 3, 2, &least, 0.1), 2);
}
