#ifndef MELE_SIGNIFICANCE_H
#define MELE_SIGNIFICANCE_H

#include <mele/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether methods differ that were measured on the same splits of a data set, or on the same data
 * sets (doc/methods.md, "Comparisons"): tests on plain arrays, which know nothing of models.
 *
 * Any number of threads may call them at once. NaN among the numbers means "not measured": that
 * pair, and for several methods that data set, is left out and not counted; an infinity is
 * MELE_EDATA. A number that is not defined is NaN and no error; each function says when. Everything
 * is untouched by a call that fails. */

/** An estimate and the bounds of its interval, which are infinite where nothing bounds it. */
typedef struct mele_estimate {
    double value, lower, upper;
} mele_estimate;

/** What is asked of a test of paired differences. Start from mele_test_defaults(). */
typedef struct mele_test_options {
    double null;  /**< the difference against which is tested; default 0. Losses being smaller where
                       they are better, a method is no worse than another by a margin m > 0 or more
                       where p_below is small at null = m (non-inferiority), and they are as good as
                       equal (equivalence) where p_above at null = -m is small, too */
    double level; /**< of the interval, in (0, 1), two-sided; default 0.95 */
    double share; /**< rows of a split that are tested, divided by those that are trained on, >= 0:
                       1/9 in 10-fold cross-validation. 0, the default: the differences are
                       independent, as those of other data sets are. mele_signed_rank() does not
                       look at it */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_test_options;

MELE_API mele_test_options mele_test_defaults(void);

/** What a test of paired differences found. p is small where the differences do not look as if the
 *  null hypothesis held. */
typedef struct mele_test {
    size_t count;             /**< differences that were not NaN; the signed rank test counts those
                                   beside the null alone */
    mele_estimate difference; /**< in the units of the differences, interval at the level */
    double statistic;         /**< t, or V: the sum of the ranks of differences above the null */
    double freedom;           /**< degrees of freedom of t; NaN: another test */
    bool exact;               /**< p is that of the exact distribution of V */
    double p;                 /**< two-sided */
    double p_below, p_above;  /**< one-sided: that the difference is below, above the null */
    uint64_t reserved[MELE_RESERVED];
} mele_test;

/** The corrected resampled t test of Nadeau and Bengio (2003) for the J differences of two methods
 *  on the splits of one data set, whose training parts overlap: t = (mean - null) / (s sqrt(1 / J +
 *  share)) of J - 1 degrees of freedom. With share 0 it is the paired t test.
 *
 *  Differences that are all 0: estimate and interval are 0, t is NaN, and what is asked is plain: p
 *  is 1 at null 0; beside another one p and the p on its side are 0, the other is 1. Differences
 *  that are all the same otherwise, up to rounding (their mean is over 10^14 times its error), or
 *  fewer than 2: nothing tells their spread, so t, p and the interval are NaN; of none the mean is,
 *  too.
 * @param differences  count.
 * @param options      NULL: the defaults.
 * @return MELE_OK; MELE_EINVAL: an option out of range; MELE_EDATA: an infinite difference.
 * O(count), no memory. */
MELE_API mele_status mele_resampled_t(const double *differences, size_t count,
                                      const mele_test_options *options, mele_test *out,
                                      mele_error *error);

/** The signed rank test of Wilcoxon for the differences of two methods on several data sets, which
 *  agrees with R's wilcox.test(): differences that are the null are dropped; p is exact where fewer
 *  than 50 are left, no two of the same size and none dropped, otherwise of the normal
 *  approximation with corrections for ties and continuity. The estimate is that of Hodges and
 *  Lehmann, the median of the means of all pairs of differences, each with itself, too; the
 *  interval is bounded by two of these means. Of few differences nothing bounds it at a high level
 *  (5 at 0.95), which R tells by a lower level.
 *
 *  No difference beside the null: p is 1, the estimate and its bounds are the null. No difference
 *  at all: NaN.
 * @param differences  count.
 * @param options      NULL: the defaults.
 * @return MELE_OK; MELE_EINVAL; MELE_EDATA: an infinite difference; MELE_ENOMEM.
 * O(count^2 log count) for the estimate, which takes 4 count^2 bytes. */
MELE_API mele_status mele_signed_rank(const double *differences, size_t count,
                                      const mele_test_options *options, mele_test *out,
                                      mele_error *error);

/** How large a difference is, beside whether there is one. */
typedef struct mele_effects {
    mele_estimate standardized; /**< mean difference / standard deviation of the differences; the
                                     interval by the noncentral t distribution, with the correction
                                     for splits that overlap. NaN as t of mele_resampled_t() is */
    mele_estimate percent;      /**< 100 (mean of one - mean of other) / mean of other; the interval
                                     as Fieller's, with the same correction. NaN: the other's mean
                                     is 0; bounds are infinite where its own interval reaches 0 */
    mele_estimate rank_biserial; /**< (ranks of differences above 0 - below 0) / ranks of all, -1 to
                                      1: zeros dropped; the interval by Fisher's transformation, of
                                      -1 and 1 by that of a value half a step inside. NaN: no
                                      difference beside 0 */
    uint64_t reserved[MELE_RESERVED];
} mele_effects;

/** The effects of the differences one - other of two methods that were measured on the same things.
 * @param one, other  count losses; where one of both is NaN the pair is left out.
 * @param options     NULL: the defaults; null is not looked at.
 * @return MELE_OK; MELE_EINVAL; MELE_EDATA: an infinite loss; MELE_ENOMEM. */
MELE_API mele_status mele_effects_of(const double *one, const double *other, size_t count,
                                     const mele_test_options *options, mele_effects *out,
                                     mele_error *error);

/** Holm's adjustment of p values for being several, as R's p.adjust(): each is then to be compared
 *  with the chance of any false one among them. NaN stays NaN and does not count.
 * @param p         count, in [0, 1].
 * @param adjusted  count; may be p.
 * @return MELE_OK; MELE_EDATA: not a probability; MELE_ENOMEM. O(count log count). */
MELE_API mele_status mele_holm(const double *p, size_t count, double *adjusted, mele_error *error);

/** Friedman's test whether several methods differ on several data sets. */
typedef struct mele_friedman {
    size_t sets;        /**< N, those on which all methods were measured */
    double chi_square;  /**< of the ranks, with the correction for ties */
    double p;           /**< by the chi-square distribution of k - 1 degrees of freedom */
    double f;           /**< Iman and Davenport's: (N - 1) chi_square / (N (k - 1) - chi_square);
                             infinite where all sets rank the methods in the same way */
    double f_p;         /**< by the F distribution of k - 1 and (k - 1) (N - 1) degrees of freedom;
                             where f is infinite the chance that all sets agree, k!^(1 - N) */
    uint64_t reserved[MELE_RESERVED];
} mele_friedman;

/** Rank the methods on each data set, 1 the least loss, ties getting their mean rank, and test
 *  whether the mean ranks differ. As R's friedman.test().
 *
 *  All methods tied on every set: chi_square and f are 0, both p 1. No set: NaN. One set: f and f_p
 *  are NaN.
 * @param losses     sets x methods, row-major.
 * @param methods    k, 2 to 1000.
 * @param mean_rank  k; NULL: not wanted.
 * @return MELE_OK; MELE_EINVAL: fewer or more methods; MELE_EDATA: an infinite loss;
 *         MELE_ENOMEM. */
MELE_API mele_status mele_friedman_test(const double *losses, size_t sets, size_t methods,
                                        double *mean_rank, mele_friedman *out, mele_error *error);

/** Nemenyi's critical difference: mean ranks of two of k methods on N sets that differ by more are
 *  different at the level (0.05), whichever two of all they are. NaN: fewer than 2 methods, no set,
 *  a level outside (0, 1). */
MELE_API double mele_nemenyi_difference(size_t methods, size_t sets, double level);

/** The p value of a difference of mean ranks, corrected in the same way. NaN: as above, or the
 *  difference is NaN. */
MELE_API double mele_nemenyi_p(size_t methods, size_t sets, double difference);

/** The distribution of the range of k standard normal numbers, R's ptukey(q, k, Inf): the chance
 *  that it is at most q (0 below 0), or above it. Absolute error below 1e-13, that of `above` is
 *  small beside small values, too. NaN: fewer than 2 numbers, or q is NaN. */
MELE_API double mele_range_below(double q, size_t numbers);
MELE_API double mele_range_above(double q, size_t numbers);

/** The q which the range exceeds with that chance; qtukey(1 - chance, k, Inf). 0 at 1, infinite at
 *  0; NaN: fewer than 2 numbers, no probability. */
MELE_API double mele_range_quantile(double chance, size_t numbers);

#ifdef __cplusplus
}
#endif

#endif
