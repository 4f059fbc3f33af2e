/* The unit of weights.
 *
 * A ridge, a least number of rows, a criterion that counts rows, all take a row of weight 1 for one row.
 * What people give are weights in some unit: shares that sum to 1, numbers of persons, reciprocal
 * variances. So the unit is the ordinary row's weight, the weighted median. Where most rows weigh the
 * same it is what they weigh: weight 2 among ones is the row given twice, and a few rows that weigh
 * very much or next to nothing change nothing. With all weights times a power of two the quotients have
 * the same bits.
 *
 * The weighted median is found digit by digit: positive doubles are in the order of their bits. Sums are
 * of weights times a power of two, so that none overflows. Halves that differ by rounding are equal. */
#include "engine/weights.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"

#define HALF (0.5 - 1e-9)

mele_status mele_i_weights_check(const double *weights, size_t n, mele_error *error)
{
    bool positive = weights == NULL;

    for (size_t i = 0; i < n && weights != NULL; i++) {
        if (!isfinite(weights[i]) || weights[i] < 0)
            return mele_i_fail(error, MELE_EDATA, "weights: row %zu is %g, not a finite number "
                               ">= 0", i + 1, weights[i]);
        positive = positive || weights[i] > 0;
    }
    return positive ? MELE_OK : mele_i_fail(error, MELE_EDATA, "the weights add up to 0");
}

static uint64_t bits_of(double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof bits);
    return bits;
}

/* The power of two that makes the largest weight, and the sum, ordinary numbers. */
static double scale_of(const double *weights, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++)
        most = weights[i] > most ? weights[i] : most;
    return mele_i_power_scale(most);
}

/* Whether it is 1, in one look at the weights. */
static bool is_ordinary(const double *weights, size_t n, double scale)
{
    double below = 0, equal = 0, above = 0;

    for (size_t i = 0; i < n; i++) {
        below += weights[i] < 1 ? weights[i] * scale : 0;
        equal += weights[i] == 1 ? scale : 0;
        above += weights[i] > 1 ? weights[i] * scale : 0;
    }
    const double half = HALF * (below + equal + above);
    return below < half && below + equal >= half;
}

double mele_i_weights_ordinary(const double *weights, size_t n)
{
    enum { DIGIT = 8, VALUES = 1 << DIGIT };
    const double scale = scale_of(weights, n);
    double total = 0, below = 0, median;
    uint64_t bits = 0;

    if (is_ordinary(weights, n, scale))
        return 1;
    for (size_t i = 0; i < n; i++)
        total += weights[i] * scale;
    for (unsigned shift = 64; shift > 0; shift -= DIGIT) {
        double sum[VALUES] = {0};
        uint64_t digit = 0, last = 0;
        for (size_t i = 0; i < n; i++) {
            const uint64_t own = bits_of(weights[i]);
            if (!(weights[i] > 0) || (shift < 64 && (own ^ bits) >> shift != 0))
                continue;
            digit = own >> (shift - DIGIT) & (VALUES - 1);
            last = digit > last ? digit : last;
            sum[digit] += weights[i] * scale;
        }
        for (digit = 0; digit < last && below + sum[digit] < HALF * total; digit++)
            below += sum[digit];
        bits |= digit << (shift - DIGIT);
    }
    memcpy(&median, &bits, sizeof median);
    return median;
}

/* Divided weights to out, which may be the weights. Rows of no more than the unit have half of the sum:
 * no quotient, and no sum of them, is above 2 n (and a little). */
static void divide(const double *weights, size_t n, double *out)
{
    const double unit = mele_i_weights_ordinary(weights, n);

    for (size_t i = 0; i < n; i++)
        out[i] = weights[i] / unit;
}

mele_status mele_i_weights_divide(double *weights, size_t n, mele_error *error)
{
    mele_status status = mele_i_weights_check(weights, n, error);

    if (status == MELE_OK && weights != NULL)
        divide(weights, n, weights);
    return status;
}

mele_status mele_i_weights_relative(const double *weights, size_t n, const double **out,
                                    double **owned, mele_error *error)
{
    mele_status status = mele_i_weights_check(weights, n, error);

    *owned = NULL;
    if (status != MELE_OK)
        return status;
    if (weights == NULL || mele_i_weights_ordinary(weights, n) == 1) {
        *out = weights;
        return MELE_OK;
    }
    *owned = mele_i_large_array(n, sizeof **owned);
    if (*owned == NULL)
        return mele_i_no_memory(error);
    divide(weights, n, *owned);
    *out = *owned;
    return MELE_OK;
}
