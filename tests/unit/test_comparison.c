/* What a comparison holds, filled by hand. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "study/comparison.h"

static const char *const regression[] = {"mae", "rmse", "r2", "nll"};
static const char *const classes[] = {"accuracy", "log_loss", "brier"};

static void check(double found, double expected, const char *what)
{
    cr_assert(fabs(found - expected) <= 1e-12 * fabs(expected), "%s: %.17g, expected %.17g", what, found, expected);
}

/* One set of 2 folds, dealt twice, two contenders, two seeds. */
static mele_comparison *make(const char *const *measure, size_t measures, size_t loss)
{
    const mele_i_set_form form = {.name = "cars", .target = "mpg", .rows = 10, .features = 2, .targets = 1,
                                  .classes = measure == classes ? 2 : 0, .folds = 2, .repeats = 2,
                                  .train_share = 0.5, .test_share = 0.5, .measure = measure, .measures = measures,
                                  .moments = 1, .loss = loss};
    mele_comparison *c = NULL;

    cr_assert_eq(mele_i_comparison_new(2, &c, NULL), MELE_OK);
    cr_assert_eq(mele_i_comparison_add_contender(c, "one", "one", NULL), MELE_OK);
    cr_assert_eq(mele_i_comparison_add_set(c, &form, NULL), MELE_OK);
    cr_assert_eq(mele_i_comparison_add_contender(c, "mine", NULL, NULL), MELE_OK);
    cr_assert_eq(mele_i_comparison_make_outcomes(c, NULL), MELE_OK);
    return c;
}

/* value[split][seed] of a contender. */
static void fill(mele_comparison *c, size_t contender, double value[4][2])
{
    mele_i_compared_set *set = &c->set[0];

    for (size_t split = 0; split < 4; split++)
        for (size_t seed = 0; seed < 2; seed++) {
            mele_i_outcome *o = mele_i_comparison_outcome(c, 0, contender, split, seed);
            cr_assert_eq(mele_i_outcome_done(set, o, NULL), MELE_OK);
            o->measure[set->loss] = value[split][seed];
            o->clusters = 2 + seed;
            o->seconds_fit = (double)split;
            o->gate_entropy = split == 0 ? NAN : 0.5;
        }
}

/* Losses over splits 2, 3, 5, 6: mean 4, squares 4 + 1 + 1 + 4, variance 10/3; over seeds variances 2, 0, 0, 2
 * (1 and 3; 3, 3; 5, 5; 5 and 7), mean 1. */
Test(comparison, summary)
{
    mele_comparison *c = make(regression, 4, 1);
    double value[4][2] = {{1, 3}, {3, 3}, {5, 5}, {5, 7}}, loss[4];

    cr_assert_not(mele_i_comparison_has(c, 0, 0));
    fill(c, 0, value);
    cr_assert(mele_i_comparison_has(c, 0, 0));
    mele_i_comparison_losses(c, 0, 0, loss);
    const double expected[] = {2, 3, 5, 6};
    for (size_t i = 0; i < 4; i++)
        check(loss[i], expected[i], "loss");
    const mele_compared s = mele_i_comparison_summary(c, 0, 0);
    check(s.loss, 4, "mean");
    check(s.sd, sqrt(10.0 / 3), "sd");
    check(s.spread, 1, "spread");
    check(s.clusters, 2.5, "clusters");
    check(s.seconds_fit, 1.5, "seconds");
    check(s.gate_entropy, 0.5, "entropy");
    cr_assert(isnan(s.error_correlation) && isnan(s.parameters));
    cr_assert_not(mele_i_comparison_has(c, 0, 1));
    cr_assert(isnan(mele_i_comparison_summary(c, 0, 1).loss));
    mele_comparison_free(c);
}

Test(comparison, gains_become_losses)
{
    mele_comparison *c = make(classes, 3, 0);
    double value[4][2] = {{1, 1}, {0.5, 0.5}, {1, 1}, {1, 1}}, loss[4];

    fill(c, 1, value);
    mele_i_comparison_losses(c, 0, 1, loss);
    check(loss[0], 0, "right");
    check(loss[1], 0.5, "half");
    cr_assert_str_eq(c->set[0].loss_name, "error");
    mele_comparison_free(c);
    c = make(regression, 4, 2);
    cr_assert_str_eq(c->set[0].loss_name, "1 - r2");
    mele_comparison_free(c);
}

Test(comparison, reasons)
{
    mele_comparison *c = make(regression, 4, 3);
    double value[4][2] = {{1, 3}, {3, 3}, {5, 5}, {5, 7}};
    char text[128];

    fill(c, 0, value);
    cr_assert_eq(mele_i_comparison_reason(c, 0, 0, text, sizeof text), 0);
    cr_assert_eq(mele_i_comparison_reason(c, 0, 1, text, sizeof text), 0, "nothing is known yet");
    cr_assert_eq(mele_i_outcome_fail(mele_i_comparison_outcome(c, 0, 0, 3, 1), "no rows", NULL), MELE_OK);
    mele_i_comparison_reason(c, 0, 0, text, sizeof text);
    cr_assert_str_eq(text, "fold 2 of repeat 2 with seed 2: no rows");
    value[2][0] = NAN;
    fill(c, 0, value);
    mele_i_comparison_reason(c, 0, 0, text, sizeof text);
    cr_assert_str_eq(text, "fold 1 of repeat 2 with seed 1: nll is not defined for the rows left out");
    cr_assert_eq(mele_i_entry_refuse(&c->set[0].entry[0], "it takes no numbers", NULL), MELE_OK);
    cr_assert_eq(mele_i_comparison_reason(c, 0, 0, text, 9), strlen("it takes no numbers"));
    cr_assert_str_eq(text, "it takes");
    mele_comparison_free(c);
}

Test(comparison, nothing_is_freed_as_nothing)
{
    mele_comparison_free(NULL);
}
