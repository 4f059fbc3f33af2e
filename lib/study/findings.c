/* Two kinds of methods on one set: the differences of what is measured on each split, in units of
 * the margin, and the p values of all that may be asked of them. Differences of other sets can be
 * set beside them only so: a loss has the units of its target. */
#include "study/findings.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "study/kinds.h"
#include "study/resampled_t.h"

static const double nulls[] = {[MELE_I_AT_MINUS] = -1, [MELE_I_AT_ZERO] = 0, [MELE_I_AT_PLUS] = 1};

/* ---- tests ---- */

static void take(mele_i_sides *sides, const mele_test *test, size_t at)
{
    if (at == MELE_I_AT_ZERO)
        sides->p = test->p;
    sides->below[at] = test->p_below;
    sides->above[at] = test->p_above;
    sides->freedom = test->freedom;
}

mele_status mele_i_sides_of_splits(const double *differences, size_t count, double share,
                                   double level, mele_i_sides *out, mele_error *error)
{
    mele_status status = MELE_OK;
    mele_test test;

    for (size_t at = 0; at < 3 && status == MELE_OK; at++) {
        const mele_test_options o = {.null = nulls[at], .level = level, .share = share};
        status = mele_resampled_t(differences, count, &o, &test, error);
        if (status == MELE_OK)
            take(out, &test, at);
    }
    if (status == MELE_OK)
        out->difference = test.difference;
    return status;
}

/* The signed rank test drops differences that are the null: the estimate is of a test whose null
 * none is. */
mele_status mele_i_sides_of_sets(const double *differences, size_t count, double level,
                                 mele_i_sides *out, mele_error *error)
{
    mele_test_options o = {.level = level};
    mele_status status = MELE_OK;
    mele_test test;

    for (size_t at = 0; at < 3 && status == MELE_OK; at++) {
        o.null = nulls[at];
        status = mele_signed_rank(differences, count, &o, &test, error);
        if (status == MELE_OK)
            take(out, &test, at);
    }
    for (size_t i = 0; i < count; i++)
        if (differences[i] >= o.null)
            o.null = 2 * differences[i];
    if (status == MELE_OK)
        status = mele_signed_rank(differences, count, &o, &test, error);
    if (status == MELE_OK)
        out->difference = test.difference;
    return status;
}

mele_i_sides mele_i_sides_of_estimate(double estimate, double error, double freedom, double level)
{
    const double reach = error > 0 ? error * mele_i_t_quantile(level, freedom) : NAN;
    mele_i_sides sides = {.difference = {estimate, estimate - reach, estimate + reach},
                          .freedom = freedom};

    for (size_t at = 0; at < 3; at++) {
        const double t = error > 0 ? (estimate - nulls[at]) / error : NAN;
        sides.below[at] = isnan(t) ? NAN : gsl_cdf_tdist_P(t, freedom);
        sides.above[at] = isnan(t) ? NAN : gsl_cdf_tdist_Q(t, freedom);
    }
    sides.p = 2 * fmin(sides.below[MELE_I_AT_ZERO], sides.above[MELE_I_AT_ZERO]);
    return sides;
}

static double twice(double p)
{
    return 2 * p > 1 ? 1 : 2 * p;
}

/* Not fmax() and fmin(), which would take the one that is known. */
static double larger(double a, double b)
{
    return a > b || isnan(a) ? a : b;
}

static double smaller(double a, double b)
{
    return a < b || isnan(a) ? a : b;
}

void mele_i_sides_answer(const mele_i_sides *s, mele_i_question question, double *confirmed,
                         double *refuted)
{
    switch (question) {
    case MELE_I_NO_WORSE:
        *confirmed = twice(s->below[MELE_I_AT_PLUS]);
        *refuted = twice(s->above[MELE_I_AT_PLUS]);
        break;
    case MELE_I_ABOUT_EQUAL:
        *confirmed = twice(larger(s->below[MELE_I_AT_PLUS], s->above[MELE_I_AT_MINUS]));
        *refuted = twice(smaller(s->above[MELE_I_AT_PLUS], s->below[MELE_I_AT_MINUS]));
        break;
    default:
        *confirmed = twice(s->below[MELE_I_AT_ZERO]);
        *refuted = twice(s->above[MELE_I_AT_MINUS]);
        break;
    }
}

/* ---- what is measured ---- */

typedef struct side {
    size_t *chosen;         /* on each split, of the comparison's contenders */
    double *losses, *value; /* of these, splits each */
} side;

static void side_clear(side *s)
{
    free(s->chosen);
    free(s->losses);
    free(s->value);
}

/* The loss on a split of what was chosen for it. */
static double loss_with(const mele_i_inquiry_of_set *q, size_t contender, size_t split, size_t seed)
{
    const mele_i_outcome *o =
        mele_i_comparison_outcome(q->comparison, q->set, contender, split, seed);

    return mele_i_set_loss(&q->comparison->set[q->set], o->measure);
}

static double mean_loss(const mele_i_inquiry_of_set *q, size_t contender, size_t split)
{
    const size_t seeds = q->comparison->seeds;
    double sum = 0;

    for (size_t s = 0; s < seeds; s++)
        sum += loss_with(q, contender, split, s);
    return sum / (double)seeds;
}

static double log_seconds(const mele_i_inquiry_of_set *q, size_t contender, size_t split)
{
    const size_t seeds = q->comparison->seeds;
    double sum = 0;

    for (size_t s = 0; s < seeds; s++)
        sum += mele_i_comparison_outcome(q->comparison, q->set, contender, split, s)->seconds_fit;
    return sum > 0 && isfinite(sum) ? log(sum / (double)seeds) : NAN;
}

static double spread(const mele_i_inquiry_of_set *q, size_t contender, size_t split)
{
    const size_t seeds = q->comparison->seeds;
    const double mean = mean_loss(q, contender, split);
    double squares = 0;

    for (size_t s = 0; s < seeds; s++) {
        const double off = loss_with(q, contender, split, s) - mean;
        squares += off * off;
    }
    return seeds > 1 ? sqrt(squares / ((double)seeds - 1)) : NAN;
}

static double measure(const mele_i_inquiry_of_set *q, size_t contender, size_t split)
{
    switch (q->part->measured) {
    case MELE_I_TIME: return log_seconds(q, contender, split);
    case MELE_I_SPREAD: return spread(q, contender, split);
    default: return mean_loss(q, contender, split);
    }
}

static mele_status measure_side(const mele_i_inquiry_of_set *q, const mele_i_kind *kind,
                                const mele_i_kind *other, side *out, bool *any, mele_error *error)
{
    const size_t splits = q->comparison->set[q->set].splits;
    mele_status status;

    out->chosen = MELE_I_ARRAY(size_t, splits);
    out->losses = MELE_I_ARRAY(double, splits);
    out->value = MELE_I_ARRAY(double, splits);
    if (out->chosen == NULL || out->losses == NULL || out->value == NULL)
        return mele_i_no_memory(error);
    status = mele_i_kind_choose(q->comparison, q->set, kind, q->part->any_experts ? NULL : other,
                                out->chosen, any, error);
    for (size_t j = 0; status == MELE_OK && *any && j < splits; j++) {
        out->losses[j] = mean_loss(q, out->chosen[j], j);
        out->value[j] = measure(q, out->chosen[j], j);
    }
    return status;
}

/* ---- margins ---- */

static double mean(const double *values, size_t count)
{
    double sum = 0;

    for (size_t j = 0; j < count; j++)
        sum += values[j];
    return sum / (double)count;
}

static bool begins_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

/* A share of the second's mean loss; where that is nothing, of the first's; where both are,
 * anything does. */
static double loss_margin(const mele_i_compared_set *set, const double *first, const double *second)
{
    const char *name = set->measure[set->loss];
    double loss = fabs(mean(second, set->splits));

    if (strcmp(name, "accuracy") == 0)
        return MELE_I_ERROR_MARGIN;
    if (begins_with(name, "nll") || strcmp(name, "log_loss") == 0)
        return MELE_I_LOG_MARGIN;
    if (loss == 0)
        loss = fabs(mean(first, set->splits));
    return loss == 0 ? 1 : MELE_I_LOSS_MARGIN * loss;
}

static double margin_of(const mele_i_inquiry_of_set *q, const side *first, const side *second)
{
    const mele_i_compared_set *set = &q->comparison->set[q->set];

    switch (q->part->measured) {
    case MELE_I_TIME: return log(MELE_I_TIME_MARGIN);
    case MELE_I_SPREAD:
        return MELE_I_SPREAD_MARGIN * loss_margin(set, first->losses, second->losses);
    default: return loss_margin(set, first->losses, second->losses);
    }
}

/* ---- a set ---- */

static mele_status compare_sides(const mele_i_inquiry_of_set *q, side *first, const side *second,
                                 double *margin, mele_i_sides *sides, bool *measured,
                                 mele_error *error)
{
    const mele_i_compared_set *set = &q->comparison->set[q->set];
    const double m = margin_of(q, first, second);
    size_t known = 0;

    for (size_t j = 0; j < set->splits; j++) {
        first->value[j] = (first->value[j] - second->value[j]) / m;
        known += !isnan(first->value[j]);
    }
    *measured = known > 1;
    *margin = m;
    return known > 1
               ? mele_i_sides_of_splits(first->value, set->splits,
                                        set->test_share / set->train_share, q->level, sides, error)
               : MELE_OK;
}

mele_status mele_i_find(const mele_i_inquiry_of_set *inquiry, double *margin, mele_i_sides *sides,
                        bool *measured, mele_error *error)
{
    const mele_i_kind *one = inquiry->part->first, *other = inquiry->part->second;
    side first = {0}, second = {0};
    bool any[2] = {false, false};
    mele_status status = measure_side(inquiry, one, other, &first, &any[0], error);

    *measured = false;
    if (status == MELE_OK && any[0])
        status = measure_side(inquiry, other, one, &second, &any[1], error);
    if (status == MELE_OK && any[0] && any[1])
        status = compare_sides(inquiry, &first, &second, margin, sides, measured, error);
    side_clear(&first);
    side_clear(&second);
    return status;
}
