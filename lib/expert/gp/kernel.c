/* Covariance functions:
 *   squared-exponential  k = exp(-s / 2)                            -2 dk/ds = k
 *   matern52             k = (1 + a + a^2 / 3) exp(-a), a^2 = 5 s   -2 dk/ds = 5/3 (1 + a) exp(-a)
 *
 * Source: Rasmussen, Williams 2006, Gaussian Processes for Machine Learning, (4.9) and (4.17). */
#include "expert/gp/kernel.h"

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

static void matern52(double *square, size_t count, double *slope)
{
    mele_i_kernels_best()->matern52(square, count, slope);
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
