/* Ranks and tests of a comparison. */
#include "study/standing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

#define LEVEL 0.05

/* ---- on one set ---- */

/* Contenders with a figure first, by their loss; of equal ones the earlier. */
static void sort_by_loss(const mele_i_standing *standing, size_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const double loss = standing[i].result.loss;
        size_t at = i;
        while (at > 0 && !isnan(loss)
               && (isnan(standing[order[at - 1]].result.loss) || standing[order[at - 1]].result.loss > loss)) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
}

/* loss: contenders x splits. */
static void rank_splits(const double *loss, size_t contenders, size_t splits, mele_i_standing *standing)
{
    for (size_t k = 0; k < contenders; k++) {
        double sum = 0;
        for (size_t j = 0; j < splits; j++)
            for (size_t other = 0; other < contenders; other++) {
                const double mine = loss[k * splits + j], its = loss[other * splits + j];
                sum += other == k ? 1 : its < mine ? 1 : its == mine ? 0.5 : 0;
            }
        standing[k].rank = standing[k].result.has ? sum / (double)splits : NAN;
    }
}

/* Each against the best. */
static mele_status test_against(const mele_i_compared_set *set, const double *loss, size_t contenders, size_t best,
                                mele_i_standing *standing, double *difference, mele_error *error)
{
    mele_test_options options = mele_test_defaults();
    mele_status status = MELE_OK;
    mele_test test;

    options.share = set->test_share / set->train_share;
    for (size_t k = 0; k < contenders && status == MELE_OK; k++) {
        if (!standing[k].result.has || k == best)
            continue;
        for (size_t j = 0; j < set->splits; j++)
            difference[j] = loss[k * set->splits + j] - loss[best * set->splits + j];
        status = mele_resampled_t(difference, set->splits, &options, &test, error);
        if (status == MELE_OK) {
            standing[k].difference = test.difference;
            standing[k].p = test.p;
        }
    }
    return status;
}

static mele_status adjust(mele_i_standing *standing, size_t contenders, double *p, mele_error *error)
{
    for (size_t k = 0; k < contenders; k++)
        p[k] = standing[k].p;
    mele_status status = mele_holm(p, contenders, p, error);
    for (size_t k = 0; k < contenders && status == MELE_OK; k++)
        standing[k].p = p[k];
    return status;
}

static mele_status test_all(const mele_comparison *c, size_t set, mele_i_standing *standing, size_t best,
                            mele_error *error)
{
    const mele_i_compared_set *s = &c->set[set];
    const size_t most = s->splits > c->contenders ? s->splits : c->contenders;
    double *loss = mele_i_array(c->contenders, s->splits * sizeof *loss), *room = MELE_I_ARRAY(double, most);
    mele_status status = loss == NULL || room == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (size_t k = 0; k < c->contenders && status == MELE_OK; k++)
        mele_i_comparison_losses(c, set, k, loss + k * s->splits);
    if (status == MELE_OK) {
        rank_splits(loss, c->contenders, s->splits, standing);
        status = test_against(s, loss, c->contenders, best, standing, room, error);
    }
    if (status == MELE_OK)
        status = adjust(standing, c->contenders, room, error);
    free(loss);
    free(room);
    return status;
}

mele_status mele_i_standings(const mele_comparison *comparison, size_t set, mele_i_standing *standing, size_t *order,
                             size_t *with, mele_error *error)
{
    *with = 0;
    for (size_t k = 0; k < comparison->contenders; k++) {
        standing[k] = (mele_i_standing){mele_i_comparison_summary(comparison, set, k), NAN, {NAN, NAN, NAN}, NAN};
        *with += standing[k].result.has;
    }
    sort_by_loss(standing, order, comparison->contenders);
    if (*with == 0)
        return MELE_OK;
    standing[order[0]].difference = (mele_estimate){0, 0, 0};
    return test_all(comparison, set, standing, order[0], error);
}

/* ---- over sets ---- */

static bool anybody(const mele_comparison *c, size_t set)
{
    for (size_t k = 0; k < c->contenders; k++)
        if (mele_i_comparison_has(c, set, k))
            return true;
    return false;
}

/* Whether a contender has a figure wherever somebody has. */
static bool everywhere(const mele_comparison *c, size_t contender)
{
    for (size_t s = 0; s < c->sets; s++)
        if (anybody(c, s) && !mele_i_comparison_has(c, s, contender))
            return false;
    return true;
}

/* Losses of those that are tested: sets x contenders, and who has the least. */
static void gather(const mele_comparison *c, mele_i_overall *o, double *loss)
{
    size_t row = 0;

    for (size_t s = 0; s < c->sets; s++) {
        if (!anybody(c, s))
            continue;
        double *of_set = loss + row++ * o->contenders;
        double least = INFINITY;
        for (size_t i = 0; i < o->contenders; i++) {
            of_set[i] = mele_i_comparison_summary(c, s, o->contender[i]).loss;
            least = of_set[i] < least ? of_set[i] : least;
        }
        for (size_t i = 0; i < o->contenders; i++)
            o->wins[i] += of_set[i] == least;
    }
}

/* By mean rank; of equal ones the earlier. */
static void sort_by_rank(mele_i_overall *o)
{
    for (size_t i = 1; i < o->contenders; i++) {
        const size_t contender = o->contender[i], wins = o->wins[i];
        const double rank = o->mean_rank[i];
        size_t at = i;
        for (; at > 0 && o->mean_rank[at - 1] > rank; at--) {
            o->contender[at] = o->contender[at - 1];
            o->mean_rank[at] = o->mean_rank[at - 1];
            o->wins[at] = o->wins[at - 1];
        }
        o->contender[at] = contender;
        o->mean_rank[at] = rank;
        o->wins[at] = wins;
    }
}

static mele_status test_over_sets(const mele_comparison *c, mele_i_overall *o, mele_error *error)
{
    double *loss = mele_i_array(o->sets, o->contenders * sizeof *loss);

    if (loss == NULL)
        return mele_i_no_memory(error);
    gather(c, o, loss);
    mele_status status = mele_friedman_test(loss, o->sets, o->contenders, o->mean_rank, &o->friedman, error);
    free(loss);
    if (status == MELE_OK) {
        o->critical = mele_nemenyi_difference(o->contenders, o->sets, LEVEL);
        sort_by_rank(o);
    }
    return status;
}

mele_status mele_i_overall_of(const mele_comparison *comparison, mele_i_overall *out, mele_error *error)
{
    mele_i_overall o = {.critical = NAN, .contender = MELE_I_ARRAY(size_t, comparison->contenders),
                        .mean_rank = MELE_I_ZEROED(double, comparison->contenders),
                        .wins = MELE_I_ZEROED(size_t, comparison->contenders)};

    *out = o;
    if (o.contender == NULL || o.mean_rank == NULL || o.wins == NULL)
        return mele_i_no_memory(error);
    for (size_t s = 0; s < comparison->sets; s++)
        o.sets += anybody(comparison, s);
    for (size_t k = 0; k < comparison->contenders && o.sets > 0; k++)
        if (everywhere(comparison, k))
            o.contender[o.contenders++] = k;
    mele_status status = o.contenders >= 2 ? test_over_sets(comparison, &o, error) : MELE_OK;
    *out = o;
    return status;
}

void mele_i_overall_clear(mele_i_overall *overall)
{
    free(overall->contender);
    free(overall->mean_rank);
    free(overall->wins);
    memset(overall, 0, sizeof *overall);
}
