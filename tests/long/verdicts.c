/* How often verdicts are false: draws of comparisons whose truth is known. The environment's
 * VERDICT_DRAWS says how many (500). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

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

static void count_mistakes(hand_scenario (*scenario)(void))
{
    const hand_scenario s = scenario();

    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        size_t counts[HAND_CLAIMS][4];
        hand_count(&forms[f], &s, draws(), counts);
        printf("# %s; %zu sets, %zu x %zu folds; of %zu confirmed, refuted:", s.name, forms[f].sets,
               forms[f].repeats, forms[f].folds, draws());
        for (size_t h = 0; h < HAND_CLAIMS; h++) {
            printf(" H%zu %zu %zu", h + 1, counts[h][MELE_CONFIRMED], counts[h][MELE_REFUTED]);
            cr_expect(s.mistake[h] == MELE_NOT_MEASURED || counts[h][s.mistake[h]] <= most_false(),
                      "H%zu: %zu false of %zu", h + 1, counts[h][s.mistake[h]], draws());
        }
        printf("\n");
        fflush(stdout);
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
