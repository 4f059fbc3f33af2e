/* A batch of a sparsely gated mixture: its objective beside that of all experts, derivatives
 * against central differences, and whole fits. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/engine.h>

#include "core/memory.h"
#include "core/stream.h"
#include "coupled_support.h"
#include "family/sparse/batch.h"
#include "gate/joint.h"

static const form mixture = {"me", &mele_i_coupled_me, 0};

static void ask(sample *s, const mele_i_sparse_rule *rule, const mele_i_sparse_rows *rows,
                const double *theta, mele_i_sparse_value *value, double *gradient)
{
    mele_i_sparse sparse;
    mele_error error;

    cr_assert_eq(mele_i_sparse_make(&s->coupled, rule, ROWS, &sparse, &error), MELE_OK);
    cr_assert_eq(mele_i_sparse_evaluate(&sparse, rows, theta, value, gradient, &error), MELE_OK,
                 "%s", error.message);
    mele_i_sparse_clear(&sparse);
}

static void list_rows(size_t *row)
{
    for (size_t i = 0; i < ROWS; i++)
        row[i] = (i * 7) % ROWS; /* another order */
}

/* All experts, no noise, no penalty: the objective of coupled.h, and its gradient. */
Test(sparse, all_experts_are_the_mixture)
{
    size_t row[ROWS];
    const mele_i_sparse_rows rows = {.row = row, .count = ROWS};
    const mele_i_sparse_rule rule = {.active = K};

    list_rows(row);
    for (size_t p = 0; p < COUNT(problems); p++) {
        sample s;
        mele_error error;
        mele_i_sparse_value value;
        double expected;
        make(&s, &problems[p], &mixture, NULL);
        double *gradient = MELE_I_ARRAY(double, s.count), *other = MELE_I_ARRAY(double, s.count);
        ask(&s, &rule, &rows, s.theta, &value, gradient);
        cr_assert_eq(mele_i_coupled_evaluate(&s.coupled, s.theta, &expected, other, &error),
                     MELE_OK);
        cr_expect_float_eq(value.value, expected, 1e-12 * fabs(expected), "%s", problems[p].what);
        for (size_t i = 0; i < s.count; i++)
            cr_expect_float_eq(gradient[i], other[i], 1e-12, "%s: %zu", problems[p].what, i);
        free(gradient);
        free(other);
        clear(&s);
    }
}

/* Of every problem with 1, 2 and 3 experts active, by tests/ref/sparse.py: value, and derivative along cos(i). */
static const double reference[COUNT(problems)][K][2] = {
    {{1.77911885982683, -0.0205201716699429},
     {1.71205058666147, -0.0765369737282597},
     {1.6888075522089, 0.0235951664040001}},
    {{3.16984922360279, -0.0450013782246955},
     {3.04005576348606, 0.0997684523018491},
     {3.02037183204396, 0.0542353665387647}},
    {{1.72051545092992, 0.0194070428731722},
     {1.51356809577467, 0.238786451635973},
     {1.4819348835936, 0.312998211949411}},
    {{1.75789542888047, -0.123993226679129},
     {1.7462359658599, -0.191933381754835},
     {1.67597207528543, -0.104290232851103}},
    {{3.08649302712236, 0.302257744635419},
     {2.91424837779707, 0.198997245957563},
     {2.86869306391543, 0.127771123685668}},
    {{1.50662103386752, -0.104542443144592},
     {1.43861711781467, -0.0882550153426435},
     {1.41900186826535, -0.061252328203287}}};

Test(sparse, values_and_derivatives_are_those_of_another_program)
{
    size_t row[ROWS];
    const mele_i_sparse_rows rows = {.row = row, .count = ROWS};

    list_rows(row);
    for (size_t p = 0; p < COUNT(problems); p++)
        for (size_t active = 1; active <= K; active++) {
            const mele_i_sparse_rule rule = {.active = active, .balance = 0.4};
            const double *expected = reference[p][active - 1];
            mele_i_sparse_value value;
            double slope = 0;
            sample s;
            make(&s, &problems[p], &mixture, NULL);
            double *gradient = MELE_I_ARRAY(double, s.count);
            ask(&s, &rule, &rows, s.theta, &value, gradient);
            for (size_t i = 0; i < s.count; i++)
                slope += gradient[i] * cos((double)i);
            cr_expect_float_eq(value.value, expected[0], 1e-10 * fabs(expected[0]), "%s, %zu: %.15g",
                               problems[p].what, active, value.value);
            cr_expect_float_eq(slope, expected[1], 1e-9, "%s, %zu: %.15g", problems[p].what, active, slope);
            free(gradient);
            clear(&s);
        }
}

/* Noise held: the choice of experts does not change within so small a step. f is not
 * differentiated, P is, which is what the value does as long as the choice stays. */
Test(sparse, gradients_are_differences)
{
    size_t row[ROWS];
    const mele_i_sparse_rows rows = {
        .row = row, .count = ROWS - 9, .noise = 0.7, .seed = 3};
    const double step = 1e-6;

    list_rows(row);
    for (size_t p = 0; p < COUNT(problems); p++)
        for (size_t active = 1; active <= K; active++) {
            const mele_i_sparse_rule rule = {.active = active, .noise = 0.7, .balance = 0.4};
            mele_i_sparse_value value, above, below;
            sample s;
            make(&s, &problems[p], &mixture, NULL);
            double *gradient = MELE_I_ARRAY(double, s.count);
            ask(&s, &rule, &rows, s.theta, &value, gradient);
            for (size_t i = 0; i < s.count; i++) {
                const double at = s.theta[i];
                s.theta[i] = at + step;
                ask(&s, &rule, &rows, s.theta, &above, NULL);
                s.theta[i] = at - step;
                ask(&s, &rule, &rows, s.theta, &below, NULL);
                s.theta[i] = at;
                cr_expect_float_eq(gradient[i], (above.value - below.value) / (2 * step), 2e-6,
                                   "%s, %zu active: %zu", problems[p].what, active, i);
            }
            free(gradient);
            clear(&s);
        }
}

Test(sparse, any_threads_give_the_same_numbers)
{
    size_t row[ROWS];
    const mele_i_sparse_rows rows = {.row = row, .count = ROWS, .noise = 1, .seed = 1};
    const mele_i_sparse_rule rule = {.active = 2, .noise = 1, .balance = 0.1};
    mele_engine_options options = mele_engine_defaults();
    mele_engine *engine = NULL;
    mele_i_sparse_value values[2];
    double *gradient[2];
    sample s;
    mele_error error;

    list_rows(row);
    options.threads = 3;
    cr_assert_eq(mele_engine_new(&options, &engine, &error), MELE_OK);
    for (size_t e = 0; e < 2; e++) {
        make(&s, &problems[3], &mixture, e == 0 ? NULL : engine);
        gradient[e] = MELE_I_ARRAY(double, s.count);
        ask(&s, &rule, &rows, s.theta, &values[e], gradient[e]);
        clear(&s);
    }
    cr_expect_eq(values[0].value, values[1].value);
    cr_expect_eq(memcmp(gradient[0], gradient[1], s.count * sizeof(double)), 0);
    free(gradient[0]);
    free(gradient[1]);
    mele_engine_free(engine);
}

Test(sparse, the_largest_are_kept_and_of_equal_ones_the_first)
{
    static const struct {
        double logits[5];
        size_t active;
        const char *kept;
    } rows[] = {{{1, 5, 3, 2, 4}, 2, "01001"}, {{1, 1, 1, 1, 1}, 2, "11000"},
                {{0, 2, 1, 1, 1}, 3, "01110"}, {{-1, -2, -3, -4, -5}, 1, "10000"},
                {{1, 2, 3, 4, 5}, 5, "11111"}, {{2, 1, 2, 1, 2}, 4, "11101"}};

    for (size_t r = 0; r < COUNT(rows); r++) {
        double logits[5], room[5];
        memcpy(logits, rows[r].logits, sizeof logits);
        mele_i_gate_keep_largest(logits, 5, rows[r].active, room);
        for (size_t k = 0; k < 5; k++)
            cr_expect_eq(logits[k], rows[r].kept[k] == '1' ? rows[r].logits[k] : -INFINITY,
                         "%zu: %zu", r, k);
    }
}
