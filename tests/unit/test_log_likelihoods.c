/* How likely targets are under each expert's prediction. */
#include <criterion/criterion.h>
#include <math.h>
#include <mele/expert.h>
#include <stdlib.h>
#include <string.h>

#include "core/stream.h"

enum { ROWS = 4099, REGIONS = 3, TARGETS = 2, CLASSES = 4 };

/* -log(2 pi)/2 - log(s2)/2 - off^2/(2 s2), computed with mpmath. */
Test(log_likelihoods, of_two_targets_are_the_sum_of_both)
{
    const double y[] = {1.5, -2, 7, 0, 3, 7}; /* the third column is between the rows */
    const double mean[] = {1, -2.5, 2.5, 0.25, 0.125, 3, -1, 4};
    const double variance[] = {0.25, 4, 2, 1e-3, 9, 0.5, 1e6, 0.01};
    const double expected[] = {-2.36912706640934548, -2530.2305730171982,
                               -2.59078382035303808, -56.4430477523974358};
    mele_targets targets = {{2, 2, y, 3, NULL, NULL}, 0};
    double out[4];

    cr_assert_eq(mele_expert_log_likelihoods(&targets, mean, variance, 2, NULL, out, NULL), MELE_OK);
    for (int i = 0; i < 4; i++)
        cr_assert(fabs(out[i] - expected[i]) <= 1e-14 * fabs(expected[i]), "%d: %.17g", i, out[i]);
}

static mele_status read_twice(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    const double *y = user;

    (void)error;
    for (size_t i = 0; i < count; i++)
        out[i] = 2 * y[first + i];
    return MELE_OK;
}

Test(log_likelihoods, of_targets_that_are_read)
{
    double y[] = {1, 2, 3}, doubled[] = {2, 4, 6}, mean[] = {0, 1, 2, 3, 4, 5}, in_memory[6], read[6];
    const double variance[] = {1, 2, 3, 1, 2, 3};
    const mele_targets targets = {mele_rows_of_array(doubled, 3, 1), 0};
    const mele_targets made = {{3, 1, NULL, 0, read_twice, y}, 0};

    cr_assert_eq(mele_expert_log_likelihoods(&targets, mean, variance, 2, NULL, in_memory, NULL), MELE_OK);
    cr_assert_eq(mele_expert_log_likelihoods(&made, mean, variance, 2, NULL, read, NULL), MELE_OK);
    cr_assert(memcmp(in_memory, read, sizeof read) == 0);
}

Test(log_likelihoods, of_classes_are_picked)
{
    const double y[] = {2, 0}, log_probability[] = {-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12};
    mele_targets targets = {mele_rows_of_array(y, 2, 1), 3};
    double out[4];

    cr_assert_eq(mele_expert_log_likelihoods(&targets, log_probability, NULL, 2, NULL, out, NULL), MELE_OK);
    cr_assert(out[0] == -3 && out[1] == -6 && out[2] == -7 && out[3] == -10);
}

Test(log_likelihoods, are_the_same_for_any_engine)
{
    static double y[ROWS * TARGETS], mean[ROWS * REGIONS * TARGETS], variance[ROWS * REGIONS * TARGETS];
    static double alone[ROWS * REGIONS], together[ROWS * REGIONS];
    mele_i_stream s = mele_i_stream_make(3, MELE_I_FOR_TESTS, 0, 0);
    mele_engine_options options = mele_engine_defaults();
    mele_targets targets = {mele_rows_of_array(y, ROWS, TARGETS), 0};
    mele_engine *engine;

    for (size_t i = 0; i < ROWS * TARGETS; i++)
        y[i] = mele_i_stream_uniform(&s);
    for (size_t i = 0; i < ROWS * REGIONS * TARGETS; i++) {
        mean[i] = mele_i_stream_uniform(&s);
        variance[i] = 0.1 + mele_i_stream_uniform(&s);
    }
    mean[7] = NAN; /* of the second row's first expert */
    options.threads = 3;
    cr_assert_eq(mele_engine_new(&options, &engine, NULL), MELE_OK);
    mele_expert_log_likelihoods(&targets, mean, variance, REGIONS, NULL, alone, NULL);
    mele_expert_log_likelihoods(&targets, mean, variance, REGIONS, engine, together, NULL);
    mele_engine_free(engine);
    cr_assert(memcmp(alone, together, sizeof alone) == 0);
    for (size_t i = 0; i < ROWS * REGIONS; i++)
        cr_assert_eq(isnan(alone[i]) != 0, i == REGIONS);
}

Test(log_likelihoods, what_is_refused)
{
    double y[] = {1, 2}, mean[12] = {0}, variance[] = {1, 1, 0, 1}, out[4];
    mele_targets numbers = {mele_rows_of_array(y, 2, 1), 0};
    mele_targets classes = {mele_rows_of_array(y, 2, 1), 2};
    mele_targets wide = {mele_rows_of_array(y, 1, 2), 2};
    mele_targets none = {mele_rows_of_array(NULL, 2, 1), 0};
    mele_error error;

#define REFUSED(status, text, ...)                                                                 \
    cr_assert_eq(mele_expert_log_likelihoods(__VA_ARGS__, NULL, out, &error), status);             \
    cr_assert(strstr(error.message, text) != NULL, "%s", error.message)

    REFUSED(MELE_EDATA, "row 2, expert 1: 0 is not above 0", &numbers, mean, variance, 2);
    REFUSED(MELE_EDATA, "row 2 is 2, not a class of 0 to 1", &classes, mean, NULL, 2);
    y[1] = NAN;
    REFUSED(MELE_EDATA, "row 2 is nan", &classes, mean, NULL, 2);
    REFUSED(MELE_EINVAL, "variance is NULL", &numbers, mean, NULL, 2);
    REFUSED(MELE_EINVAL, "targets is NULL", &none, mean, variance, 2);
    REFUSED(MELE_EINVAL, "mean is NULL", &numbers, NULL, variance, 2);
    REFUSED(MELE_EINVAL, "0 clusters", &numbers, mean, variance, 0);
    REFUSED(MELE_EINVAL, "one column", &wide, mean, NULL, 2);
}
