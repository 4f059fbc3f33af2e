/* Numbers near the ends of the doubles on their way through stage 1: the answer that ordinary numbers
 * have, or a message that is true. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/partition.h>

#include "core/memory.h"
#include "core/stream.h"
#include "support/failing_malloc.h"

#define ROWS 60

enum { METHODS = 5 };

static const char *const methods[METHODS] = {"kmeans", "gmm", "fcm", "som", "random"};
static const char *const inits[] = {"kmeans++", "random"};

/* Two groups of points. */
static void make_rows(double *x)
{
    mele_i_stream stream = mele_i_stream_make(5, MELE_I_FOR_TESTS, ROWS, 2);

    for (size_t i = 0; i < 2 * ROWS; i++)
        x[i] = mele_i_stream_normal(&stream) + (i / 2 % 2 == 0 ? -4 : 4);
}

static mele_status fit(const double *x, const double *weights, const char *method, const char *init,
                       double *centres, mele_partition_info *info, mele_error *error)
{
    const mele_matrix matrix = mele_matrix_of(x, ROWS, 2);
    mele_partition_options options = mele_partition_defaults();
    mele_partition *partition = NULL;

    options.method = method;
    options.init = init;
    options.clusters = 2;
    mele_status status = mele_partition_fit(&matrix, weights, &options, NULL, &partition, info,
                                            error);
    if (status == MELE_OK)
        mele_partition_centres(partition, centres);
    mele_partition_free(partition);
    return status;
}

/* All in another unit, and one row that outweighs the others: as with a unit, or weights, that are
 * ordinary. */
Test(extremes, weights)
{
    static const double units[] = {1e300, 0x1p1000, 1e-300, 0x1p-1000};
    double x[2 * ROWS], weight[ROWS], centres[4], expected[4];
    mele_partition_info info, plain;

    make_rows(x);
    for (size_t c = 0; c < 8 * METHODS; c++) {
        const char *method = methods[c / 2 % METHODS], *init = inits[c % 2];
        const double unit = units[c / 2 / METHODS];
        for (size_t i = 0; i < ROWS; i++)
            weight[i] = 1 + (double)(i % 3);
        cr_assert(fit(x, weight, method, init, expected, &plain, NULL) == MELE_OK);
        for (size_t i = 0; i < ROWS; i++)
            weight[i] *= unit;
        cr_assert(fit(x, weight, method, init, centres, &info, NULL) == MELE_OK);
        for (size_t j = 0; j < 4; j++)
            cr_expect_float_eq(centres[j], expected[j], 1e-9, "%s %s: %g, not %g", method, init,
                               centres[j], expected[j]);
        cr_expect_float_eq(info.objective, plain.objective, 1e-9 * fabs(plain.objective), "%s %s",
                           method, init);
    }
}

Test(extremes, one_row_outweighs_the_others)
{
    double x[2 * ROWS], weight[ROWS], centres[4];
    mele_partition_info info;

    make_rows(x);
    for (size_t s = 0; s < 2; s++) { /* columns whose unit is what such weights leave of it */
        for (size_t i = 0; i < ROWS; i++)
            weight[i] = i == 7 ? 1e300 : 1;
        for (size_t i = 0; i < 2 * ROWS && s == 1; i++)
            x[i] = (x[i] - x[14 + i % 2]) * 1e140;
        for (size_t c = 0; c < 2 * METHODS; c++) {
            cr_assert(fit(x, weight, methods[c / 2], inits[c % 2], centres, &info, NULL)
                      == MELE_OK);
            cr_expect(isfinite(info.objective));
            for (size_t j = 0; j < 4; j++)
                cr_expect(isfinite(centres[j]), "%s %s", methods[c / 2], inits[c % 2]);
        }
    }
}

/* Their unit is the ordinary row's weight: it needs no sum. */
Test(extremes, weights_without_a_sum)
{
    double x[2 * ROWS], weight[ROWS], centres[4], same[4];
    mele_partition_info info, of_ones;

    make_rows(x);
    for (size_t c = 0; c < METHODS; c++) {
        for (size_t i = 0; i < ROWS; i++)
            weight[i] = 1;
        cr_assert(fit(x, weight, methods[c], "kmeans++", same, &of_ones, NULL) == MELE_OK);
        for (size_t i = 0; i < ROWS; i++)
            weight[i] = 4e307;
        cr_assert(fit(x, weight, methods[c], "kmeans++", centres, &info, NULL) == MELE_OK);
        cr_assert(info.objective == of_ones.objective);
        cr_assert(memcmp(centres, same, sizeof same) == 0);
    }
}

/* Weights in the ordinary row's unit are an array of their own. */
Test(extremes, out_of_memory)
{
    double x[2 * ROWS], weight[ROWS], centres[4];
    size_t failures = 0;

    make_rows(x);
    for (size_t i = 0; i < ROWS; i++)
        weight[i] = i % 2 == 0 ? 1e200 : 1e190;
    for (size_t n = 0;; n++) {
        mele_partition_info info;
        failing_malloc_at(n);
        const mele_status status = fit(x, weight, "kmeans", "random", centres, &info, NULL);
        const bool failed = failing_malloc_end();
        cr_assert(status == (failed ? MELE_ENOMEM : MELE_OK), "allocation %zu: %d", n, status);
        if (!failed)
            break;
        failures++;
    }
    cr_assert(failures > 5);
}
