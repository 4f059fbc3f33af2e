#ifndef MELE_EXPERT_GP_KERNEL_H
#define MELE_EXPERT_GP_KERNEL_H

#include <stddef.h>

/* Stationary covariance functions k of the squared scaled distance
 *     s(x, x') = sum_j ((x_j - x'_j) / l_j)^2,    k = 1 at s = 0,
 * with a length l_j for every input. A row of the table each. A process has the sum of `terms` of
 * them, of one family, each with its own lengths and its share of the signal's variance:
 *     K(x, x') = sum_t share_t k(s_t(x, x')),    sum_t share_t = 1. */
#define MELE_I_GP_MOST_TERMS 4

typedef struct mele_i_gp_kernel {
    const char *name;

    /* Of `count` squared distances, which it overwrites by k. slope (NULL: not wanted) gets
     * -2 dk / ds, since then dk / d log l_j = slope ((x_j - x'_j) / l_j)^2. A NaN counts as far. */
    void (*values)(double *square, size_t count, double *slope);
} mele_i_gp_kernel;

/* The i-th; NULL past the last. */
const mele_i_gp_kernel *mele_i_gp_kernel_at(size_t i);

/* NULL: there is none of that name. */
const mele_i_gp_kernel *mele_i_gp_kernel_named(const char *name);

#endif
