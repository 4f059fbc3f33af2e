/* The unit of weights: the ordinary row's; and what every stage makes of weights in other units. */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/mele.h>

#include "core/memory.h"
#include "core/stream.h"
#include "engine/weights.h"
#include "schema/data.h"
#include "support/failing_malloc.h"

typedef struct weighing {
    size_t count;
    double weights[6], ordinary;
} weighing;

static const weighing weighings[] = {
    {1, {3.7}, 3.7},
    {3, {0.1, 0.1, 0.1}, 0.1},
    {4, {1, 2, 1, 1}, 1},
    {4, {4, 1, 3, 2}, 3},
    {2, {1, 9}, 9},
    {2, {5, 5.0000001}, 5.0000001},
    {6, {0, 0, 0, 0, 0, 7}, 7},
    {6, {0, 2, 0, 1, 1, 0}, 1},
    {6, {1e-300, 1e300, 1e-300, 1, 1e-5, 1}, 1e300},
    {5, {DBL_TRUE_MIN, DBL_TRUE_MIN, DBL_TRUE_MIN, DBL_TRUE_MIN, DBL_TRUE_MIN}, DBL_TRUE_MIN},
    {3, {0x1p-1022, 0x1.8p-1022, 0x1.fp-1022}, 0x1.8p-1022},
    {4, {DBL_MAX, DBL_MAX, 1e308, 1e308}, DBL_MAX},
};

Test(weights, the_ordinary_one_is_the_weighted_median)
{
    for (size_t c = 0; c < sizeof weighings / sizeof *weighings; c++) {
        const double found = mele_i_weights_ordinary(weighings[c].weights, weighings[c].count);
        cr_assert(found == weighings[c].ordinary, "case %zu: %g", c, found);
    }
}

Test(weights, divided_once_they_stay)
{
    mele_i_stream stream = mele_i_stream_make(1, MELE_I_FOR_TESTS, 0, 0);
    double weight[101], again[101];

    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < 101; i++)
            weight[i] = exp((round % 10) * mele_i_stream_normal(&stream));
        cr_assert_eq(mele_i_weights_divide(weight, 101, NULL), MELE_OK);
        cr_assert_eq(mele_i_weights_ordinary(weight, 101), 1);
        memcpy(again, weight, sizeof weight);
        cr_assert_eq(mele_i_weights_divide(again, 101, NULL), MELE_OK);
        cr_assert_eq(memcmp(weight, again, sizeof weight), 0);
    }
}

Test(weights, those_that_are_refused)
{
    const double good[] = {0, 3}, negative[] = {1, -1}, none[] = {0, 0}, nan[] = {1, NAN};
    const double infinite[] = {INFINITY, 1}, huge[] = {DBL_MAX, DBL_MAX};
    const double *out = good;
    double *owned;

    cr_assert_eq(mele_i_weights_check(NULL, 2, NULL), MELE_OK);
    cr_assert_eq(mele_i_weights_check(good, 2, NULL), MELE_OK);
    cr_assert_eq(mele_i_weights_check(huge, 2, NULL), MELE_OK);
    cr_assert_eq(mele_i_weights_check(negative, 2, NULL), MELE_EDATA);
    cr_assert_eq(mele_i_weights_check(none, 2, NULL), MELE_EDATA);
    cr_assert_eq(mele_i_weights_check(nan, 2, NULL), MELE_EDATA);
    cr_assert_eq(mele_i_weights_check(infinite, 2, NULL), MELE_EDATA);
    cr_assert_eq(mele_i_weights_relative(none, 2, &out, &owned, NULL), MELE_EDATA);
    cr_assert_eq(out, good);
}

Test(weights, copies_only_where_they_are_needed)
{
    const double ones[] = {1, 1, 3, 1}, twos[] = {2, 2, 6, 2};
    const double *out = NULL;
    double *owned = NULL;
    bool failed = true;

    cr_assert_eq(mele_i_weights_relative(NULL, 4, &out, &owned, NULL), MELE_OK);
    cr_assert(out == NULL && owned == NULL);
    cr_assert_eq(mele_i_weights_relative(ones, 4, &out, &owned, NULL), MELE_OK);
    cr_assert(out == ones && owned == NULL);
    for (size_t n = 0; failed; n++) {
        failing_malloc_at(n);
        mele_status status = mele_i_weights_relative(twos, 4, &out, &owned, NULL);
        failed = failing_malloc_end();
        cr_assert_eq(status, failed ? MELE_ENOMEM : MELE_OK);
        cr_assert(failed ? owned == NULL : out == owned);
    }
    cr_assert_eq(memcmp(out, ones, sizeof ones), 0);
    free(owned);
}
