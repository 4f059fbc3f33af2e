/* How often verdicts are false: draws of comparisons whose truth is known. The environment's
 * VERDICT_DRAWS says how many (500). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <mele/mele.h>

#include "unit/verdict_support.h"

static size_t draws(void)
{
    const char *text = getenv("VERDICT_DRAWS");

    return text == NULL ? 500 : (size_t)strtoul(text, NULL, 10);
}

/* 5 % and three standard errors. */
static size_t most_false(void)
{
    const double n = (double)draws();

    return (size_t)(0.05 * n + 3 * sqrt(0.05 * 0.95 * n));
}

static const hand_form forms[] = {{16, 10, 1, 2, 1}, {16, 5, 4, 2, 1}, {4, 10, 1, 2, 1}},
                       quiet = {24, 10, 1, 2, 2};

static void report(const char *what, const hand_form *form, size_t counts[HAND_CLAIMS][4])
{
    printf("# %s; %zu sets, %zu x %zu folds; of %zu confirmed, refuted:", what, form->sets,
           form->repeats, form->folds, draws());
    for (size_t h = 0; h < HAND_CLAIMS; h++)
        printf(" H%zu %zu %zu", h + 1, counts[h][MELE_CONFIRMED], counts[h][MELE_REFUTED]);
    printf("\n");
    fflush(stdout);
}

static void expect_few(const hand_scenario *s, size_t counts[HAND_CLAIMS][4])
{
    for (size_t h = 0; h < HAND_CLAIMS; h++)
        cr_expect(s->mistake[h] == MELE_NOT_MEASURED || counts[h][s->mistake[h]] <= most_false(),
                  "H%zu: %zu false of %zu", h + 1, counts[h][s->mistake[h]], draws());
}

static void count_mistakes(hand_scenario (*scenario)(void))
{
    const hand_scenario s = scenario();

    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        size_t counts[HAND_CLAIMS][4];
        hand_count(&forms[f], &s, draws(), counts);
        report(s.name, &forms[f], counts);
        expect_few(&s, counts);
    }
}

Test(verdicts, where_nothing_differs_few_are_false, .timeout = 3000)
{
    count_mistakes(hand_equal);
}

Test(verdicts, where_all_is_worse_by_the_margin_few_are_false, .timeout = 3000)
{
    count_mistakes(hand_worse_by_the_margin);
}

Test(verdicts, where_all_is_better_by_the_margin_few_are_false, .timeout = 3000)
{
    count_mistakes(hand_better_by_the_margin);
}

Test(verdicts, where_one_kind_is_ahead_few_are_false, .timeout = 3000)
{
    count_mistakes(hand_one_ahead);
}

/* In most draws what is so is seen. */
static void count_seen(hand_scenario (*scenario)(void))
{
    const hand_scenario s = scenario();
    size_t counts[HAND_CLAIMS][4];

    hand_count(&quiet, &s, draws() / 5, counts);
    printf("# %s; of %zu seen:", s.name, draws() / 5);
    for (size_t h = 0; h < HAND_CLAIMS; h++)
        if (s.right[h] != MELE_NOT_MEASURED && counts[h][MELE_NOT_MEASURED] == 0) {
            printf(" H%zu %zu", h + 1, counts[h][s.right[h]]);
            cr_expect_gt(counts[h][s.right[h]], draws() / 5 * 2 / 3, "H%zu", h + 1);
        }
    printf("\n");
    fflush(stdout);
}

Test(verdicts, what_is_as_claimed_is_confirmed, .timeout = 3000)
{
    count_seen(hand_as_claimed);
}

Test(verdicts, what_is_contrary_is_refuted, .timeout = 3000)
{
    count_seen(hand_contrary);
}

/* ---- the tests themselves ---- */

enum { RESAMPLED_T, ANY_BY_HOLM, RANKS, FRIEDMAN, ANY_BY_NEMENYI, NO_WORSE, TESTS };

static const char *const test_names[TESTS] = {
    "corrected resampled t",  "that on any set, by Holm", "signed ranks over sets",
    "Iman and Davenport's F", "any pair, by Nemenyi",     "no worse, being so by the margin"};

/* Two contenders on a set, against a null that is a share of the second's mean loss. */
static mele_test test_splits(const mele_comparison *c, size_t set, size_t a, size_t b, double null)
{
    mele_test_options o = mele_test_defaults();
    double one[64], other[64], mean = 0;
    mele_test test;

    mele_i_comparison_losses(c, set, a, one);
    mele_i_comparison_losses(c, set, b, other);
    for (size_t j = 0; j < c->set[set].splits; j++) {
        one[j] -= other[j];
        mean += other[j] / (double)c->set[set].splits;
    }
    o.null = null * mean;
    o.share = c->set[set].test_share / c->set[set].train_share;
    cr_assert_eq(mele_resampled_t(one, c->set[set].splits, &o, &test, NULL), MELE_OK);
    return test;
}

/* Of ME, which is worse by the margin on the first set, and LME where nothing differs. */
static void test_pair(const mele_comparison *c, bool rejected[TESTS])
{
    double p[64], mean[64];
    mele_test test;

    for (size_t s = 0; s < c->sets; s++) {
        test = test_splits(c, s, HAND_MNCE, HAND_LME, 0);
        p[s] = test.p;
        mean[s] = test.difference.value / (c->set[s].classes > 0 ? 0.01 : 1);
    }
    rejected[RESAMPLED_T] = p[0] <= 0.05;
    cr_assert_eq(mele_holm(p, c->sets, p, NULL), MELE_OK);
    for (size_t s = 0; s < c->sets; s++)
        rejected[ANY_BY_HOLM] = rejected[ANY_BY_HOLM] || p[s] <= 0.05;
    cr_assert_eq(mele_signed_rank(mean, c->sets, NULL, &test, NULL), MELE_OK);
    rejected[RANKS] = test.p <= 0.05;
    rejected[NO_WORSE] = test_splits(c, 0, HAND_ME, HAND_LME, 0.02).p_below <= 0.05;
}

/* Of all but ME. */
static void test_all(const mele_comparison *c, bool rejected[TESTS])
{
    enum { METHODS = HAND_CONTENDERS - 1 };
    double losses[64 * METHODS], mean_rank[METHODS], split[64], most = 0;
    mele_friedman f;

    for (size_t s = 0; s < c->sets; s++)
        for (size_t k = 0, m = 0; k < HAND_CONTENDERS; k++)
            if (k != HAND_ME) {
                double *mean = &losses[s * METHODS + m++];
                mele_i_comparison_losses(c, s, k, split);
                *mean = 0;
                for (size_t j = 0; j < c->set[s].splits; j++)
                    *mean += split[j];
            }
    cr_assert_eq(mele_friedman_test(losses, c->sets, METHODS, mean_rank, &f, NULL), MELE_OK);
    for (size_t a = 0; a < METHODS; a++)
        for (size_t b = 0; b < a; b++)
            most = fmax(most, fabs(mean_rank[a] - mean_rank[b]));
    rejected[FRIEDMAN] = f.f_p <= 0.05;
    rejected[ANY_BY_NEMENYI] = most > mele_nemenyi_difference(METHODS, c->sets, 0.05);
}

Test(verdicts, tests_reject_few_where_nothing_differs, .timeout = 3000)
{
    hand_truth truth = hand_nothing_differs();

    truth.excess_there[HAND_ME] = 1;
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        size_t counts[TESTS] = {0};
        for (size_t i = 0; i < draws(); i++) {
            bool rejected[TESTS] = {false};
            mele_comparison *c = hand_draw(&forms[f], &truth, i);
            test_pair(c, rejected);
            test_all(c, rejected);
            mele_comparison_free(c);
            for (size_t t = 0; t < TESTS; t++)
                counts[t] += rejected[t];
        }
        printf("# nothing differs; %zu sets, %zu x %zu folds; of %zu:", forms[f].sets,
               forms[f].repeats, forms[f].folds, draws());
        for (size_t t = 0; t < TESTS; t++) {
            printf(" %s %zu%s", test_names[t], counts[t], t + 1 < TESTS ? "," : "\n");
            cr_expect_leq(counts[t], most_false(), "%s: %zu of %zu", test_names[t], counts[t],
                          draws());
        }
        fflush(stdout);
    }
}

/* ---- real fits ---- */

/* The same method for all contenders, bagging of three experts, with other seeds: whatever the
 * data, nothing differs, and errors of splits have the dependence that they have. Sets are fresh in
 * each draw. */
enum { ROWS = 40, FEATURES = 3, FOLDS = 5, TESTED = ROWS / FOLDS };

static const char *const makers[] = {"regimes", "piecewise", "friedman2", "spirals",
                                     "branin",  "twonorm",   "friedman1", "ringnorm"};

typedef struct rows {
    double x[ROWS * FEATURES], y[ROWS];
    size_t count, features;
} rows;

static void make_rows(size_t set, uint64_t seed, rows *out)
{
    mele_maker_options o = mele_maker_defaults();
    const size_t columns = mele_maker_columns(makers[set]);
    double all[ROWS * 32];

    o.seed = seed;
    cr_assert_eq(mele_maker_fill(makers[set], &o, ROWS, all, NULL), MELE_OK);
    out->count = ROWS;
    out->features = columns - 1 < FEATURES ? columns - 1 : FEATURES;
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < out->features; j++)
            out->x[i * out->features + j] = all[i * columns + j];
        out->y[i] = all[i * columns + columns - 1];
    }
}

/* Those in a fold, or beside it. */
static void take_rows(const rows *all, size_t fold, bool inside, rows *out)
{
    out->count = 0;
    out->features = all->features;
    for (size_t i = 0; i < ROWS; i++)
        if ((i % FOLDS == fold) == inside) {
            memcpy(out->x + out->count * all->features, all->x + i * all->features,
                   all->features * sizeof *all->x);
            out->y[out->count++] = all->y[i];
        }
}

static mele_model *fit_rows(const rows *training, size_t classes, uint64_t seed)
{
    const mele_matrix x = mele_matrix_of(training->x, training->count, training->features),
                      y = mele_matrix_of(training->y, training->count, 1);
    mele_options o = mele_options_defaults();
    mele_data *data = NULL;
    mele_model *model = NULL;
    mele_error error = {0};

    o.family.name = "bagging";
    o.partition.clusters = 3;
    o.seed = seed;
    cr_assert_eq(mele_data_of_arrays(&x, &y, classes, NULL, &data, &error), MELE_OK, "%s",
                 error.message);
    cr_assert_eq(mele_fit(data, &o, NULL, NULL, &model, &error), MELE_OK, "%s", error.message);
    mele_data_free(data);
    return model;
}

static double loss_of(const mele_model *model, const rows *tested, size_t classes)
{
    const mele_matrix x = mele_matrix_of(tested->x, tested->count, tested->features);
    double predicted[ROWS], sum = 0;
    const mele_prediction wanted = {.mean = predicted};

    cr_assert_eq(mele_model_predict(model, &x, NULL, NULL, &wanted, NULL), MELE_OK);
    for (size_t i = 0; i < tested->count; i++) {
        const double off = predicted[i] - tested->y[i];
        sum += classes > 0 ? off != 0 : off * off;
    }
    return classes > 0 ? sum / (double)tested->count : sqrt(sum / (double)tested->count);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fit_set(mele_comparison *c, size_t set, uint64_t draw)
{
    const size_t classes = mele_maker_classes(makers[set]);
    rows all, training, tested;

    make_rows(set, draw + 1, &all);
    for (size_t fold = 0; fold < FOLDS; fold++) {
        take_rows(&all, fold, false, &training);
        take_rows(&all, fold, true, &tested);
        for (size_t k = 0; k < HAND_CONTENDERS; k++) {
            const size_t at[] = {set, k, fold, 0};
            const double start = now();
            mele_model *model = fit_rows(&training, classes, draw * HAND_CONTENDERS + k + 1);
            hand_put(c, at, loss_of(model, &tested, classes), now() - start);
            mele_model_free(model);
        }
    }
}

Test(verdicts, of_the_same_method_with_other_seeds_few_are_false, .timeout = 3000)
{
    const hand_form form = {sizeof makers / sizeof *makers, FOLDS, 1, 1, 1};
    const hand_scenario s = hand_equal();
    size_t counts[HAND_CLAIMS][4] = {{0}};

    for (size_t i = 0; i < draws(); i++) {
        mele_comparison *c = hand_new(&form);
        for (size_t set = 0; set < form.sets; set++)
            fit_set(c, set, i);
        mele_verdicts *v = hand_judge(c);
        for (size_t h = 0; h < v->count; h++)
            counts[h][v->verdict[h].kind]++;
        mele_verdicts_free(v);
        mele_comparison_free(c);
    }
    report("bagging with other seeds", &form, counts);
    expect_few(&s, counts);
}
