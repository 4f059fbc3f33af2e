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
