/* Verdicts of comparisons that are filled by hand, so that the truth is known; how often they are
 * false is counted by tests/long/verdicts.c. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include <mele/family.h>

#include "study/claims.h"
#include "study/kinds.h"
#include "support/failing_malloc.h"
#include "support/size.h"
#include "unit/verdict_support.h"

static const hand_form usual = {24, 10, 1, 2, 2}, few = {3, 5, 1, 2, 2};

/* Of 40 draws at 5 % more than 7 are false in less than one case of 500; all claims, once. */
Test(verdict, few_are_false_where_nothing_differs)
{
    const size_t draws = TEST_SIZE(200, 40, 4), most = TEST_SIZE(20, 7, 2);
    const hand_scenario s = hand_equal();
    size_t counts[HAND_CLAIMS][4];

    hand_count(&usual, &s, draws, counts);
    for (size_t h = 0; h < HAND_CLAIMS; h++)
        cr_expect_leq(counts[h][s.mistake[h]], most, "H%zu: %zu of %zu", h + 1,
                      counts[h][s.mistake[h]], draws);
}

static void expect_most(hand_scenario s)
{
    const size_t draws = TEST_SIZE(40, 10, 2);
    size_t counts[HAND_CLAIMS][4];

    hand_count(&usual, &s, draws, counts);
    for (size_t h = 0; h < HAND_CLAIMS; h++)
        if (s.right[h] != MELE_NOT_MEASURED && counts[h][MELE_NOT_MEASURED] == 0)
            cr_expect_geq(counts[h][s.right[h]], draws / 2, "%s, H%zu: %zu of %zu", s.name, h + 1,
                          counts[h][s.right[h]], draws);
}

Test(verdict, what_is_so_is_seen)
{
    expect_most(hand_as_claimed());
    expect_most(hand_contrary());
}

/* A contender that is the other in another name: what is said to be better is refuted, what is said
 * to be as good confirmed, on few sets as on many. */
Test(verdict, the_same_losses_are_as_good)
{
    for (size_t sets = 2; sets <= 16; sets += 7) {
        const hand_form form = {sets, 5, 1, 1, 1};
        mele_comparison *c = hand_new(&form);

        for (size_t s = 0; s < sets; s++)
            for (size_t k = 0; k < HAND_CONTENDERS; k++)
                for (size_t j = 0; j < 5; j++) {
                    const size_t at[] = {s, k, j, 0};
                    hand_put(c, at, 0.1 + 0.01 * (double)j, 1);
                }
        mele_verdicts *v = hand_judge(c);
        cr_expect_eq(hand_verdict(v, "H1")->kind, MELE_REFUTED);
        cr_expect_eq(hand_verdict(v, "H4")->kind, MELE_CONFIRMED);
        cr_expect_eq(hand_verdict(v, "H6")->kind, MELE_REFUTED);
        cr_expect_eq(hand_verdict(v, "H6")->part[0].effect.value, 0);
        cr_expect_eq(hand_verdict(v, "H2")->part[1].kind, MELE_NOT_MEASURED, "one seed");
        mele_verdicts_free(v);
        mele_comparison_free(c);
    }
}

/* Where all are as good and training sets have nothing in common, the loss of what is chosen on
 * other splits is that of any, while the least of three mean losses is lower. */
Test(verdict, a_kind_is_chosen_without_looking)
{
    enum { SETS = 600, SPLITS = 10 };
    const hand_form form = {SETS, 5, 2, 1, 1};
    const mele_i_kind kind = {"three", {{"me", {{0}}}, {"me-em", {{0}}}, {"lme", {{0}}}}};
    mele_i_stream random = mele_i_stream_make(31, MELE_I_FOR_TESTS, 2, 0);
    mele_comparison *c = hand_new(&form);
    double sum = 0, least = 0;

    for (size_t s = 0; s < SETS; s++) {
        double mean[HAND_CONTENDERS] = {0}, loss[HAND_CONTENDERS][SPLITS];
        size_t chosen[SPLITS];
        bool any;
        for (size_t k = 0; k < HAND_CONTENDERS; k++)
            for (size_t j = 0; j < SPLITS; j++) {
                const size_t at[] = {s, k, j, 0};
                hand_put(c, at, loss[k][j] = mele_i_stream_normal(&random), 1);
                mean[k] += loss[k][j] / SPLITS;
            }
        cr_assert_eq(mele_i_kind_choose(c, s, &kind, NULL, chosen, &any, NULL), MELE_OK);
        cr_assert(any);
        for (size_t j = 0; j < SPLITS; j++)
            sum += loss[chosen[j]][j] / SPLITS / SETS;
        least += fmin(fmin(mean[HAND_ME], mean[HAND_ME_EM]), mean[HAND_LME]) / SETS;
    }
    cr_expect_lt(fabs(sum), 4 / sqrt(SETS * SPLITS), "%g", sum);
    cr_expect_lt(least, -0.2, "%g", least);
    mele_comparison_free(c);
}

/* One that is better by far is chosen. */
Test(verdict, a_kind_is_its_best)
{
    const mele_i_kind kind = {"three", {{"me", {{0}}}, {"me-em", {{0}}}, {"lme", {{0}}}}};
    hand_truth truth = hand_nothing_differs();
    size_t chosen[5];
    bool any;

    truth.excess[HAND_ME_EM] = truth.excess_there[HAND_ME_EM] = -20;
    mele_comparison *c = hand_draw(&few, &truth, 0);
    cr_assert_eq(mele_i_kind_choose(c, 0, &kind, NULL, chosen, &any, NULL), MELE_OK);
    for (size_t j = 0; j < 5; j++)
        cr_expect_eq(chosen[j], HAND_ME_EM);
    mele_comparison_free(c);
}

static const mele_verdict_part *part_of(const mele_verdicts *v, const char *claim, size_t part)
{
    return &hand_verdict(v, claim)->part[part];
}

/* One split of many sets, whose losses are given: set s, contender k, split j. */
static mele_comparison *fill(const hand_form *form, double (*loss)(size_t, size_t, size_t))
{
    mele_comparison *c = hand_new(form);

    for (size_t s = 0; s < form->sets; s++)
        for (size_t k = 0; k < HAND_CONTENDERS; k++)
            for (size_t j = 0; j < form->folds * form->repeats; j++)
                for (size_t seed = 0; seed < form->seeds; seed++) {
                    const size_t at[] = {s, k, j, seed};
                    hand_put(c, at, loss(s, k, j), 1 + (double)k);
                }
    return c;
}

/* Gated NCL less NCL: -2, 0, -4, 2 % of 10 on the four splits of set 0, twice that on set 2; points
 * on 3. */
static double steps(size_t set, size_t k, size_t split)
{
    static const double gain[] = {-0.2, 0, -0.4, 0.2};
    const double unit = hand_is_class(set) ? 0.05 : set == 2 ? 2 : 1;

    return (hand_is_class(set) ? 0.3 : 10) + (k == HAND_GATED_NCL ? unit * gain[split] : 0);
}

/* By hand: differences in margins -1, 0, -2, 1: mean -0.5, variance 5 / 3; share 1/3 of 4 splits.
 */
Test(verdict, findings_are_in_margins)
{
    const hand_form form = {4, 4, 1, 1, 1};
    mele_comparison *c = fill(&form, steps);
    mele_verdicts *v = hand_judge(c);
    const mele_verdict_part *p = part_of(v, "H6", 0);
    const double t = -0.5 / sqrt((0.25 + 1. / 3) * 5 / 3);

    cr_assert_eq(p->sets, 4);
    cr_expect_float_eq(p->finding[0].margin, 0.2, 1e-12);
    cr_expect_float_eq(p->finding[0].difference.value, -0.5, 1e-12);
    cr_expect_float_eq(p->finding[2].difference.value, -1, 1e-12);
    cr_expect_float_eq(p->finding[3].margin, 0.01, 1e-12);
    cr_expect_float_eq(p->finding[3].difference.value, -0.5, 1e-12);
    /* Student's t of 3 degrees of freedom in closed form */
    const double x = t / sqrt(3), below = 0.5 + (x / (1 + x * x) + atan(x)) / M_PI;
    cr_expect_float_eq(p->finding[0].p, 2 * below, 1e-10);
    cr_expect_float_eq(p->finding[0].p_confirmed, 2 * below, 1e-10);
    cr_expect_float_eq(p->finding[0].p_holm, fmin(1, 4 * 2 * below), 1e-10);
    cr_expect_float_eq(p->p_confirmed, 2 * below, 1e-10, "4 sets: on each, the largest");
    mele_verdicts_free(v);
    mele_comparison_free(c);
}

/* MILE ahead by 5 margins where the output sets the regimes and by another 5 elsewhere, or by none.
 */
static double ahead_everywhere(size_t set, size_t k, size_t split)
{
    const double wiggle = 0.0001 * (double)((7 * split + 3 * k + 5 * set) % 11);

    return (hand_is_class(set) ? 0.3 : 3) * (1 + wiggle)
           - (k == HAND_ME || k == HAND_ME_EM ? (hand_is_class(set) ? 0.05 : 0.3) : 0);
}

static double ahead_there(size_t set, size_t k, size_t split)
{
    return set < 2 ? ahead_everywhere(set, k, split) : ahead_everywhere(set, HAND_MELE, split + k);
}

Test(verdict, being_ahead_everywhere_is_not_about_regimes)
{
    const hand_form form = {10, 5, 1, 1, 1};
    double (*const losses[])(size_t, size_t, size_t) = {ahead_there, ahead_everywhere};

    for (size_t i = 0; i < 2; i++) {
        mele_comparison *c = fill(&form, losses[i]);
        mele_verdicts *v = hand_judge(c);
        cr_expect_eq(part_of(v, "H3", 0)->kind, MELE_CONFIRMED);
        cr_expect_eq(part_of(v, "H3", 0)->sets, 2);
        cr_expect_eq(part_of(v, "H3", 1)->kind, i == 0 ? MELE_CONFIRMED : MELE_REFUTED, "%s",
                     part_of(v, "H3", 1)->reason);
        mele_verdicts_free(v);
        mele_comparison_free(c);
    }
}

static void refuse(mele_comparison *c, size_t contender, size_t first)
{
    for (size_t s = first; s < c->sets; s++)
        for (size_t j = 0; j < c->set[s].splits; j++)
            for (size_t seed = 0; seed < c->seeds; seed++) {
                mele_i_outcome *o = mele_i_comparison_outcome(c, s, contender, j, seed);
                mele_i_outcome_clear(o);
                cr_assert_eq(mele_i_outcome_fail(o, "no", NULL), MELE_OK);
            }
}

Test(verdict, what_is_not_measured_is_said)
{
    const hand_truth truth = hand_nothing_differs();
    const hand_form one = {1, 5, 1, 1, 1};
    mele_comparison *c = hand_draw(&few, &truth, 0), *single = hand_draw(&one, &truth, 0);
    mele_comparison *empty = NULL;
    mele_verdicts *v;

    refuse(c, HAND_MNCE, 0);
    refuse(c, HAND_LME, 1);
    refuse(c, HAND_NCL, 1);
    cr_assert_eq(mele_judge(c, false, &v, NULL), MELE_OK);
    cr_expect_str_eq(part_of(v, "H2", 0)->reason, "times are left out");
    cr_expect(hand_verdict(v, "H2")->timed && !hand_verdict(v, "H1")->timed);
    cr_expect_neq(hand_verdict(v, "H2")->kind, MELE_CONFIRMED, "half of it is not measured");
    cr_expect_str_eq(part_of(v, "H5", 0)->reason,
                     "no set of classes where both have a figure on 2 splits or more");
    cr_expect_eq(hand_verdict(v, "H5")->kind, MELE_NOT_MEASURED);
    cr_expect(isnan(hand_verdict(v, "H5")->p));
    cr_expect_eq(part_of(v, "H6", 0)->sets, 1, "where both have one");
    mele_verdicts_free(v);
    v = hand_judge(single);
    cr_expect_str_eq(part_of(v, "H1", 0)->reason, "one set tells nothing of others");
    cr_expect_str_eq(part_of(v, "H2", 1)->reason, "one seed has no spread (more seeds tell it)");
    mele_verdicts_free(v);
    cr_assert_eq(mele_i_comparison_new(1, &empty, NULL), MELE_OK);
    v = hand_judge(empty);
    cr_expect_str_eq(part_of(v, "H1", 0)->reason, "no contender is a MELE");
    cr_expect_str_eq(part_of(v, "H1", 0)->first, "");
    mele_verdicts_free(v);
    mele_comparison_free(empty);
    mele_comparison_free(single);
    mele_comparison_free(c);
}

/* Losses without a spread, as of errors that differ by one row in each fold, prove nothing. */
static double by_one_row(size_t set, size_t k, size_t split)
{
    return 0.25 + 0.0625 * (double)(split % 2) + (k == HAND_NCL && set == 2 ? 0.125 : 0);
}

Test(verdict, no_spread_is_no_proof)
{
    mele_comparison *c = fill(&few, by_one_row);
    mele_verdicts *v = hand_judge(c);

    cr_expect(isnan(part_of(v, "H6", 0)->finding[2].p));
    cr_expect_neq(hand_verdict(v, "H6")->kind, MELE_CONFIRMED);
    mele_verdicts_free(v);
    mele_comparison_free(c);
}

/* Options tell methods of one family apart. */
Test(verdict, stages_with_steps_of_em_are_a_hybrid)
{
    mele_comparison *c = hand_new(&few);
    const mele_i_claim *hybrids = mele_i_claim_at(3);
    mele_options **options = &c->set[0].entry[HAND_MELE].options;

    cr_expect(mele_i_stands_for(c, 0, HAND_MELE, hybrids->part[0].second));
    cr_expect_not(mele_i_stands_for(c, 0, HAND_MELE, hybrids->part[0].first));
    cr_assert_eq(mele_options_new(options, NULL), MELE_OK);
    cr_expect(mele_i_stands_for(c, 0, HAND_MELE, hybrids->part[0].second));
    cr_assert_eq(mele_options_set(*options, "refine", "auto", NULL), MELE_OK);
    cr_expect(mele_i_stands_for(c, 0, HAND_MELE, hybrids->part[0].first));
    cr_expect_not(mele_i_stands_for(c, 0, HAND_MELE, hybrids->part[0].second));
    mele_comparison_free(c);
}

/* ME of networks counts beside MELE of networks alone. */
Test(verdict, kinds_are_compared_with_the_same_experts)
{
    mele_comparison *c = fill(&few, by_one_row);
    const mele_i_kind *first = mele_i_claim_at(0)->part[0].first,
                      *second = mele_i_claim_at(0)->part[0].second;
    size_t chosen[5];
    bool any;

    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(mele_i_kind_choose(c, 0, second, first, chosen, &any, NULL), MELE_OK);
        cr_expect(any && chosen[0] == (i == 0 ? HAND_ME : HAND_ME_NETWORKS), "%zu", chosen[0]);
        if (c->set[0].entry[HAND_MELE].options == NULL)
            cr_assert_eq(mele_options_new(&c->set[0].entry[HAND_MELE].options, NULL), MELE_OK);
        cr_assert_eq(mele_options_set(c->set[0].entry[HAND_MELE].options, "expert", "mlp", NULL),
                     MELE_OK);
    }
    cr_assert_eq(mele_options_set(c->set[0].entry[HAND_MELE].options, "expert", "gp", NULL),
                 MELE_OK);
    cr_assert_eq(mele_i_kind_choose(c, 0, second, first, chosen, &any, NULL), MELE_OK);
    cr_expect_not(any);
    mele_comparison_free(c);
}

Test(verdict, regimes_of_the_output_are_known_by_name)
{
    cr_expect(mele_i_claims_output_regimes("regimes")
              && mele_i_claims_output_regimes("data/tonedata.csv"));
    cr_expect(mele_i_claims_output_regimes("tonedata:tuned")
              && mele_i_claims_output_regimes("regimes, 500 rows"));
    cr_expect_not(mele_i_claims_output_regimes("regimes2")
                  || mele_i_claims_output_regimes("mpg.csv"));
    cr_expect_not(mele_i_claims_output_regimes("regimes/mpg") || mele_i_claims_output_regimes(""));
}

/* Every claim names families that there are, and options of theirs. */
Test(verdict, kinds_are_of_families_that_there_are)
{
    const mele_i_claim *claim;

    for (size_t i = 0; (claim = mele_i_claim_at(i)) != NULL; i++)
        for (size_t p = 0; p < MELE_I_CLAIM_PARTS && claim->part[p].words != NULL; p++)
            for (size_t side = 0; side < 2; side++) {
                const mele_i_kind *kind = side == 0 ? claim->part[p].first : claim->part[p].second;
                for (size_t s = 0; s < MELE_I_STAND_INS && kind->stand_in[s].family != NULL; s++) {
                    const char *family = kind->stand_in[s].family;
                    bool there = false;
                    for (size_t f = 0; mele_family(f) != NULL; f++)
                        there = there || strcmp(mele_family(f), family) == 0;
                    cr_expect(there, "%s", family);
                    for (size_t o = 0; o < MELE_I_CONDITIONS; o++) {
                        const char *option = kind->stand_in[s].condition[o].option;
                        cr_expect(option == NULL || mele_family_looks_at(family, option),
                                  "%s of %s", option, family);
                    }
                }
            }
}

Test(verdict, the_same_bytes_each_time)
{
    const hand_truth truth = hand_nothing_differs();
    mele_comparison *c = hand_draw(&few, &truth, 3);
    mele_verdicts *v[] = {hand_judge(c), hand_judge(c)};

    for (size_t h = 0; h < v[0]->count; h++)
        cr_expect_str_eq(v[0]->verdict[h].reason, v[1]->verdict[h].reason);
    mele_verdicts_free(v[0]);
    mele_verdicts_free(v[1]);
    mele_verdicts_free(NULL);
    mele_comparison_free(c);
}

Test(verdict, memory_that_runs_out_changes_nothing)
{
    const hand_truth truth = hand_nothing_differs();
    mele_comparison *c = hand_draw(&few, &truth, 0);
    mele_verdicts *v = NULL;

    for (size_t n = 0;; n += 1 + n / TEST_SIZE(1000, 20, 10)) {
        failing_malloc_at(n);
        const mele_status status = mele_judge(c, true, &v, NULL);
        if (!failing_malloc_end()) {
            cr_assert(n > 0 && status == MELE_OK);
            break;
        }
        cr_assert(status == MELE_ENOMEM && v == NULL);
    }
    mele_verdicts_free(v);
    mele_comparison_free(c);
}
