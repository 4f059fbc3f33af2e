#ifndef MELE_MEASURE_CONTEST_H
#define MELE_MEASURE_CONTEST_H

#include <stddef.h>

/* Who of some contestants, each measured on the same rows left out in folds, is to be taken (contest.c). */

/* What one loses: sums over the rows of slices of folds, of losses and of weights, in the order of the
 * folds; a weight of 0, or a loss of NaN: the slice tells nothing. */
typedef struct mele_i_losses {
    const double *loss, *weight;
    size_t count; /* slices so far */
} mele_i_losses;

/* Into how many slices each of some folds is cut, so that there are enough pairs. */
size_t mele_i_contest_slices(size_t folds);

/* The rows of a slice, as a share of the rows outside a fold. */
double mele_i_contest_slice(size_t folds, size_t slices);

/* The mean over the rows of all slices; NaN: no rows. */
double mele_i_losses_mean(const mele_i_losses *losses);

/* What one loses more than another: mean and variance of the differences between the means of slices
 * that both have, by their weights. */
typedef struct mele_i_excess {
    double mean, variance;
    double pairs; /* equal slices that tell as much; 1 or less: no variance */
} mele_i_excess;

mele_i_excess mele_i_excess_of(const mele_i_losses *one, const mele_i_losses *other);

/* The standard error of that mean; NaN: not known. */
double mele_i_excess_error(const mele_i_excess *excess);

/* The same where the training rows of what is left out are mostly the same (Nadeau, Bengio). share: the
 * rows of a slice, or of a split, as a share of those trained on. */
double mele_i_excess_resampled_error(const mele_i_excess *excess, double share);

/* By how much one seems worse than another, in 1 of 20 / looks cases, that is as good; NaN: not known. */
double mele_i_excess_bound(const mele_i_excess *excess, size_t looks);

/* The same where the training rows of the folds are mostly the same. slice: the rows of a slice, as a
 * share of the rows outside a fold. */
double mele_i_excess_chance(const mele_i_excess *excess, double slice);

/* The first of the contestants, which come by ascending complexity, that is within one standard error of
 * the best of them and, if the best is, better than `one` by more than chance (slice as above).
 * @param best  the contestant with the least mean loss.
 * @param one   one model for all rows, which is taken when the best is not that much better; NULL: there is
 *              none to protect.
 * Returns the contestant, or `count` for `one`. */
size_t mele_i_contest_choose(const mele_i_losses *contestants, size_t count, size_t best,
                             const mele_i_losses *one, double slice);

#endif
