/* Covariance functions:
 *   squared-exponential  k = exp(-s / 2)                            -2 dk/ds = k
 *   matern52             k = (1 + a + a^2 / 3) exp(-a), a^2 = 5 s   -2 dk/ds = 5/3 (1 + a) exp(-a)
 *
 * Source: Rasmussen, Williams 2006, Gaussian Processes for Machine Learning, (4.9) and (4.17). */
#include "expert/gp_kernel.h"

#include <math.h>
#include <string.h>

#include "engine/kernels.h"

#define FAR 1e6 /* squared: exp(-a) is 0 there, and no infinity meets it */

static double near(double square)
{
    return square < FAR ? square : FAR;
}

static void squared_exponential(double *square, size_t count, double *slope)
{
    for (size_t i = 0; i < count; i++)
        square[i] = -0.5 * near(square[i]);
    mele_i_kernels_best()->exponential(square, count);
    if (slope != NULL)
        memcpy(slope, square, count * sizeof *slope);
}

#define RUN 256 /* distances at a time, so that what is between the steps stays in the cache */

static void matern52(double *square, size_t count, double *slope)
{
    double root[RUN];

    for (size_t first = 0; first < count; first += RUN, square += RUN) {
        const size_t rest = count - first < RUN ? count - first : RUN;
        for (size_t i = 0; i < rest; i++)
            root[i] = sqrt(5 * near(square[i]));
        for (size_t i = 0; i < rest; i++)
            square[i] = -root[i];
        mele_i_kernels_best()->exponential(square, rest);
        if (slope != NULL)
            for (size_t i = 0; i < rest; i++)
                slope[first + i] = 5.0 / 3 * (1 + root[i]) * square[i];
        for (size_t i = 0; i < rest; i++)
            square[i] *= 1 + root[i] + root[i] * root[i] / 3;
    }
}

static const mele_i_gp_kernel gp_kernels[] = {
    {"squared-exponential", squared_exponential},
    {"matern52", matern52},
};

#define KERNELS (sizeof gp_kernels / sizeof *gp_kernels)

const mele_i_gp_kernel *mele_i_gp_kernel_at(size_t i)
{
    return i < KERNELS ? &gp_kernels[i] : NULL;
}

const mele_i_gp_kernel *mele_i_gp_kernel_named(const char *name)
{
    for (size_t i = 0; i < KERNELS; i++)
        if (strcmp(gp_kernels[i].name, name) == 0)
            return &gp_kernels[i];
    return NULL;
}
