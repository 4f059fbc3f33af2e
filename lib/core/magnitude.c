#include "core/magnitude.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define ORDINARY 100  /* exponents of two */
#define MOST_SHIFT 1000

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
