#include "core/magnitude.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define ORDINARY 100  /* exponents of two */
#define MOST_SHIFT 1000
#define LEAST_UNIT 1e-140
#define LAST_PLACES 32.25 /* 32, and what bringing numbers to other units has made of it */

double mele_i_power_scale(double number)
{
    if (number == 0)
        return 1;
    int exponent = ilogb(number);
    if (abs(exponent) <= ORDINARY)
        return 1;
    return ldexp(1, exponent < -MOST_SHIFT ? MOST_SHIFT : -exponent);
}

double mele_i_finite(double number)
{
    return number > DBL_MAX ? DBL_MAX : number < -DBL_MAX ? -DBL_MAX : number;
}

static double scale_of(mele_i_origin origin, size_t j)
{
    return origin.scale == NULL ? 1 : origin.scale[j];
}

static double original(mele_i_origin origin, size_t j, double value)
{
    return (origin.center == NULL ? 0 : origin.center[j]) + scale_of(origin, j) * value;
}

double mele_i_original_size(mele_i_origin origin, size_t j, double value)
{
    return mele_i_finite(fabs(original(origin, j, value)) / scale_of(origin, j));
}

bool mele_i_is_constant(mele_i_origin origin, size_t j, double low, double high)
{
    const double size = fmax(fabs(original(origin, j, low)), fabs(original(origin, j, high)));
    const int exponent = size > DBL_MIN ? ilogb(mele_i_finite(size)) : DBL_MIN_EXP - 1;

    return !((high - low) * scale_of(origin, j) > ldexp(LAST_PLACES, exponent - DBL_MANT_DIG + 1));
}

double mele_i_constant_unit(double size)
{
    return fmax(MELE_I_ROUNDING / sqrt(MELE_I_LEAST_VARIANCE) * size, LEAST_UNIT);
}
