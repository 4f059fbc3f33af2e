/* Who is to be taken of contestants that were measured on the same rows left out.
 *
 * Contestants are compared by pairs: with a_s and b_s the mean losses of two in slice s of the folds,
 * d_s = a_s - b_s, J slices, and s^2 the variance of the d_s about their mean d,
 *
 *     s / sqrt(J)                              is the standard error of d,
 *     t_{J-1} s / sqrt(J)                      what d is above in 1 of 20 cases if both are as good, were
 *                                              the folds independent (t: the quantile of Student's t),
 *     t_{J-1} s sqrt(1 / J + n_slice / n_out)  the same of folds whose training rows, n_out of them, are
 *                                              mostly the same.
 *
 * The simplest is taken that is within one standard error of the best: what is more complex has to gain
 * something that shows. One model for all rows stays unless others gain more over it than chance does.
 *
 * Sources: Breiman, Friedman, Olshen, Stone 1984, Classification and Regression Trees, 3.4.3 (one standard
 * error); Nadeau, Bengio 2003, Machine Learning 52. */
#include "measure/contest.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdbool.h>

#define CHANCE 0.05 /* of taking one that is no better for a better one */

double mele_i_losses_mean(const mele_i_losses *l)
{
    double loss = 0, weight = 0;

    for (size_t i = 0; i < l->count; i++) {
        loss += l->loss[i];
        weight += l->weight[i];
    }
    return weight > 0 ? loss / weight : NAN;
}

mele_i_excess mele_i_excess_of(const mele_i_losses *one, const mele_i_losses *other)
{
    const size_t count = one->count < other->count ? one->count : other->count;
    mele_i_excess e = {0, 0, 0};
    double squares = 0;

    for (size_t p = 0; p < count; p++)
        if (one->weight[p] > 0 && other->weight[p] > 0) {
            const double more = one->loss[p] / one->weight[p] - other->loss[p] / other->weight[p];
            const double off = more - e.mean;
            e.mean += off / (double)++e.pairs;
            squares += off * (more - e.mean);
        }
    e.variance = e.pairs > 1 ? squares / (double)(e.pairs - 1) : 0;
    return e;
}

double mele_i_excess_error(const mele_i_excess *e)
{
    return e->pairs > 1 ? sqrt(e->variance / (double)e->pairs) : NAN;
}

double mele_i_excess_bound(const mele_i_excess *e, size_t looks)
{
    return e->pairs > 1 ? gsl_cdf_tdist_Qinv(CHANCE / (double)looks, (double)(e->pairs - 1))
                              * sqrt(e->variance / (double)e->pairs)
                        : NAN;
}

double mele_i_excess_chance(const mele_i_excess *e, double slice)
{
    return e->pairs > 1 ? gsl_cdf_tdist_Qinv(CHANCE, (double)(e->pairs - 1))
                              * sqrt((1 / (double)e->pairs + slice) * e->variance)
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
