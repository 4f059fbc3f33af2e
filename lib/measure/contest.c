/* Who is to be taken of contestants that were measured on the same rows left out.
 *
 * Contestants are compared by pairs: with a_s and b_s the mean losses of two in slice s of the folds, which
 * holds the share p_s of the weight, d_s = a_s - b_s, d = sum p_s d_s, J = 1 / sum p_s^2 the number of slices,
 * or of as many equal ones as tell as much, and s^2 = sum p_s (d_s - d)^2 / (1 - 1 / J),
 *
 *     s / sqrt(J)                              is the standard error of d,
 *     t_{J-1} s / sqrt(J)                      what d is above in 1 of 20 cases if both are as good, were
 *                                              the folds independent (t: the quantile of Student's t),
 *     t_{J-1} s sqrt(1 / J + n_slice / n_out)  the same of folds whose training rows, n_out of them, are
 *                                              mostly the same.
 *
 * So d is the difference of the mean losses over all rows, also where groups make some folds much larger
 * than others: a fold of one row tells as little as that row does.
 *
 * The simplest is taken that is within one standard error of the best: what is more complex has to gain
 * something that shows. One model for all rows stays unless others gain more over it than chance does, the best
 * of them being asked. That is one comparison's chance, not divided by how many others there are: where one
 * model is as good as can be, others gain less than nothing on average, as they have more to estimate, and the
 * third bound is cautious; planes with normal noise were taken for mixtures in none of 240 draws
 * (doc/methods.md has figures).
 *
 * Sources: Breiman, Friedman, Olshen, Stone 1984, Classification and Regression Trees, 3.4.3 (one standard
 * error); Nadeau, Bengio 2003, Machine Learning 52. */
#include "measure/contest.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdbool.h>

#define CHANCE 0.05 /* of taking one that is no better for a better one */
#define LEAST_PAIRS 10

size_t mele_i_contest_slices(size_t folds)
{
    return (LEAST_PAIRS + folds - 1) / folds;
}

double mele_i_contest_slice(size_t folds, size_t slices)
{
    const double training = 1 - 1 / (double)folds; /* share of the rows */

    return 1 / (double)(folds * slices) / training;
}

double mele_i_losses_mean(const mele_i_losses *l)
{
    double loss = 0, weight = 0;

    for (size_t i = 0; i < l->count; i++) {
        loss += l->loss[i];
        weight += l->weight[i];
    }
    return weight > 0 ? loss / weight : NAN;
}

/* Whether slice p tells something of both. */
static bool is_pair(const mele_i_losses *one, const mele_i_losses *other, size_t p)
{
    return one->weight[p] > 0 && other->weight[p] > 0;
}

static double difference(const mele_i_losses *one, const mele_i_losses *other, size_t p)
{
    return one->loss[p] / one->weight[p] - other->loss[p] / other->weight[p];
}

mele_i_excess mele_i_excess_of(const mele_i_losses *one, const mele_i_losses *other)
{
    const size_t count = one->count < other->count ? one->count : other->count;
    mele_i_excess e = {0, 0, 0};
    double weight = 0, weights_squared = 0, squares = 0;

    for (size_t p = 0; p < count; p++)
        if (is_pair(one, other, p)) {
            const double off = difference(one, other, p) - e.mean, share = one->weight[p];
            weight += share;
            weights_squared += share * share;
            e.mean += off * (share / weight);
            squares += share * off * (difference(one, other, p) - e.mean);
        }
    if (weight > 0)
        e.pairs = weight * weight / weights_squared;
    if (e.pairs > 1)
        e.variance = squares / weight / (1 - 1 / e.pairs);
    return e;
}

double mele_i_excess_error(const mele_i_excess *e)
{
    return e->pairs > 1 ? sqrt(e->variance / e->pairs) : NAN;
}

double mele_i_excess_resampled_error(const mele_i_excess *e, double share)
{
    return e->pairs > 1 ? sqrt((1 / e->pairs + share) * e->variance) : NAN;
}

double mele_i_excess_bound(const mele_i_excess *e, size_t looks)
{
    return e->pairs > 1 ? gsl_cdf_tdist_Qinv(CHANCE / (double)looks, e->pairs - 1)
                              * sqrt(e->variance / e->pairs)
                        : NAN;
}

double mele_i_excess_chance(const mele_i_excess *e, double slice)
{
    return e->pairs > 1 ? gsl_cdf_tdist_Qinv(CHANCE, e->pairs - 1)
                              * mele_i_excess_resampled_error(e, slice)
                        : NAN;
}

/* Whether somebody gains more over `one` than chance does; what is not known is no reason to stay. */
static bool gains(const mele_i_losses *who, const mele_i_losses *one, double slice)
{
    const mele_i_excess e = mele_i_excess_of(who, one);

    return !(-e.mean <= mele_i_excess_chance(&e, slice));
}

static bool is_near(const mele_i_losses *who, const mele_i_losses *best)
{
    const mele_i_excess e = mele_i_excess_of(who, best);

    return e.mean <= mele_i_excess_error(&e);
}

size_t mele_i_contest_choose(const mele_i_losses *contestants, size_t count, size_t best,
                             const mele_i_losses *one, double slice)
{
    if (one != NULL && !gains(&contestants[best], one, slice))
        return count;
    for (size_t i = 0; i < count; i++)
        if (i == best
            || (is_near(&contestants[i], &contestants[best])
                && (one == NULL || gains(&contestants[i], one, slice))))
            return i;
    return best;
}
