/* Friedman's test on N data sets of k methods with ranks r and mean ranks R,
 *
 *     chi^2 = 12 N^2 sum_j (R_j - (k + 1) / 2)^2 / (N k (k + 1) - sum (t^3 - t) / (k - 1)),
 *     F = (N - 1) chi^2 / (N (k - 1) - chi^2),
 *
 * t being the sizes of groups of methods that are tied on a set; F is the better approximated
 * (Iman, Davenport). Nemenyi: mean ranks that differ by more than q sqrt(k (k + 1) / 12 N) are told
 * apart, q being the quantile of the range of k normal numbers (range.c).
 *
 * Sources: Friedman 1937, Journal of the American Statistical Association 32; Iman, Davenport 1980,
 * Communications in Statistics A 9; Demsar 2006, Journal of Machine Learning Research 7. */
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "study/paired.h"

#define ROUNDING 1e-12 /* of N (k - 1) - chi^2, beside N (k - 1) */

enum { MOST_METHODS = 1000 }; /* so that no incomplete gamma function fails to converge */

typedef struct ranking {
    size_t methods, sets;
    double ties;
    size_t *order; /* methods */
    double *rank, *sum;
} ranking;

static bool is_complete(const double *losses, size_t methods)
{
    for (size_t j = 0; j < methods; j++)
        if (isnan(losses[j]))
            return false;
    return true;
}

static void add_set(ranking *r, const double *losses)
{
    r->ties += mele_i_rank(losses, r->methods, r->order, r->rank);
    r->sets++;
    for (size_t j = 0; j < r->methods; j++)
        r->sum[j] += r->rank[j];
}

static double log_factorial(size_t k)
{
    double sum = 0;

    for (size_t i = 2; i <= k; i++)
        sum += log((double)i);
    return sum;
}

/* Sets that all rank in the same way leave nothing that F could be compared with. */
static void set_f(mele_friedman *out, double k)
{
    const double n = (double)out->sets, rest = n * (k - 1) - out->chi_square;

    if (out->sets < 2)
        return;
    if (rest <= ROUNDING * n * (k - 1)) {
        out->f = INFINITY;
        out->f_p = exp((1 - n) * log_factorial((size_t)k));
    } else {
        out->f = (n - 1) * out->chi_square / rest;
        out->f_p = gsl_cdf_fdist_Q(out->f, k - 1, (k - 1) * (n - 1));
    }
}

static mele_friedman test_of(const ranking *r)
{
    const double n = (double)r->sets, k = (double)r->methods;
    const double spread = n * k * (k + 1) - r->ties / (k - 1); /* 0: all are tied */
    mele_friedman out = {.sets = r->sets, .chi_square = NAN, .p = NAN, .f = NAN, .f_p = NAN};
    double squares = 0;

    if (r->sets == 0)
        return out;
    for (size_t j = 0; j < r->methods; j++)
        squares += (r->sum[j] - n * (k + 1) / 2) * (r->sum[j] - n * (k + 1) / 2);
    out.chi_square = spread > 0 ? 12 * squares / spread : 0;
    out.p = out.chi_square > 0 ? gsl_cdf_chisq_Q(out.chi_square, k - 1) : 1;
    set_f(&out, k);
    return out;
}

static mele_status rank_sets(const double *losses, size_t sets, ranking *r, mele_error *error)
{
    r->order = MELE_I_ARRAY(size_t, r->methods);
    r->rank = MELE_I_ARRAY(double, r->methods);
    r->sum = MELE_I_ZEROED(double, r->methods);
    if (r->order == NULL || r->rank == NULL || r->sum == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < sets; i++)
        if (is_complete(losses + i * r->methods, r->methods))
            add_set(r, losses + i * r->methods);
    return MELE_OK;
}

mele_status mele_friedman_test(const double *losses, size_t sets, size_t methods, double *mean_rank,
                               mele_friedman *out, mele_error *error)
{
    ranking r = {.methods = methods};
    mele_status status;

    if (methods < 2 || methods > MOST_METHODS)
        return mele_i_fail(error, MELE_EINVAL, "%zu methods are not ranked: take 2 to %d", methods,
                           MOST_METHODS);
    status = mele_i_check_finite(losses, sets * methods, error);
    if (status == MELE_OK)
        status = rank_sets(losses, sets, &r, error);
    if (status == MELE_OK) {
        *out = test_of(&r);
        for (size_t j = 0; j < methods && mean_rank != NULL; j++)
            mean_rank[j] = r.sum[j] / (double)r.sets;
    }
    free(r.order);
    free(r.rank);
    free(r.sum);
    return status;
}

static double nemenyi_error(size_t methods, size_t sets)
{
    return sqrt((double)methods * ((double)methods + 1) / (12 * (double)sets));
}

double mele_nemenyi_difference(size_t methods, size_t sets, double level)
{
    if (methods < 2 || sets == 0 || !(level > 0 && level < 1))
        return NAN;
    return mele_range_quantile(level, methods) * nemenyi_error(methods, sets);
}

double mele_nemenyi_p(size_t methods, size_t sets, double difference)
{
    if (methods < 2 || sets == 0)
        return NAN;
    return mele_range_above(fabs(difference) / nemenyi_error(methods, sets), methods);
}
