/* Options, checks and ranks of tests of paired differences. */
#include "study/paired.h"

#include <gsl/gsl_sort_double.h>
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/option.h"

mele_test_options mele_test_defaults(void)
{
    return (mele_test_options){.level = 0.95};
}

mele_status mele_i_test_options(const mele_test_options *options, mele_test_options *out,
                                mele_error *error)
{
    const mele_test_options chosen = options == NULL ? mele_test_defaults() : *options;

    if (mele_i_check_reserved(chosen.reserved, error) != MELE_OK)
        return MELE_EINVAL;
    if (!isfinite(chosen.null))
        return mele_i_fail(error, MELE_EINVAL, "the difference to test against is %g, not a finite "
                           "number", chosen.null);
    if (!(chosen.level > 0 && chosen.level < 1))
        return mele_i_fail(error, MELE_EINVAL, "the level of the interval is %g: take one between 0 "
                           "and 1, such as 0.95", chosen.level);
    if (!(chosen.share >= 0 && isfinite(chosen.share)))
        return mele_i_fail(error, MELE_EINVAL, "the tested rows are %g times those trained on: take 0 "
                           "or more", chosen.share);
    *out = chosen;
    return MELE_OK;
}

mele_status mele_i_check_finite(const double *numbers, size_t count, mele_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (isinf(numbers[i]))
            return mele_i_fail(error, MELE_EDATA, "number %zu of %zu to test is infinite", i + 1,
                               count);
    return MELE_OK;
}

double mele_i_rank(const double *numbers, size_t count, size_t *order, double *rank)
{
    double ties = 0;

    gsl_sort_index(order, numbers, 1, count);
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && numbers[order[end]] == numbers[order[first]];)
            end++;
        const double same = (double)(end - first);
        ties += same * same * same - same;
        for (size_t i = first; i < end; i++)
            rank[order[i]] = (double)first + (same + 1) / 2;
    }
    return ties;
}

static size_t take_sizes(const double *differences, size_t count, double null, double *size,
                         size_t *dropped)
{
    size_t taken = 0;

    for (size_t i = 0; i < count; i++)
        if (differences[i] - null == 0)
            ++*dropped;
        else if (!isnan(differences[i]))
            size[taken++] = fabs(differences[i] - null);
    return taken;
}

static double sum_above(const double *differences, size_t count, double null, const double *rank)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        if (differences[i] - null != 0 && !isnan(differences[i])) {
            sum += differences[i] > null ? *rank : 0;
            rank++;
        }
    return sum;
}

mele_status mele_i_rank_signed(const double *differences, size_t count, double null,
                               mele_i_signed_ranks *out, mele_error *error)
{
    double *size = MELE_I_ARRAY(double, count), *rank = MELE_I_ARRAY(double, count);
    size_t *order = MELE_I_ARRAY(size_t, count);
    mele_status status = MELE_OK;

    if (size == NULL || rank == NULL || order == NULL)
        status = mele_i_no_memory(error);
    else {
        mele_i_signed_ranks ranks = {0, 0, 0, 0};
        ranks.count = take_sizes(differences, count, null, size, &ranks.dropped);
        ranks.ties = mele_i_rank(size, ranks.count, order, rank);
        ranks.above = sum_above(differences, count, null, rank);
        *out = ranks;
    }
    free(size);
    free(rank);
    free(order);
    return status;
}
