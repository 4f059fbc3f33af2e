/* Where contenders stand. The best on a set is the one of the least mean loss there, so it is
 * chosen by the numbers that it is then tested on: p values beside it are a little too small. */
#include "study/standings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

#define LEVEL 0.05

/* ---- beside the best ---- */

static double mean_of(const double *values, size_t count)
{
    double mean = 0;

    for (size_t i = 0; i < count; i++)
        mean += (values[i] - mean) / (double)(i + 1);
    return mean;
}

/* Of losses, contenders x splits; contenders: there is none. */
static size_t best_of(const mele_i_standing *standing, const double *losses, size_t contenders,
                      size_t splits)
{
    size_t best = contenders;
    double least = INFINITY;

    for (size_t c = 0; c < contenders; c++) {
        const double mean = standing[c].has ? mean_of(losses + c * splits, splits) : INFINITY;
        if (mean < least) {
            least = mean;
            best = c;
        }
    }
    return best;
}

static const mele_test not_tested = {.difference = {NAN, NAN, NAN},
                                     .statistic = NAN,
                                     .freedom = NAN,
                                     .p = NAN,
                                     .p_below = NAN,
                                     .p_above = NAN};

/* Test all others against the best; losses of these become differences. */
static mele_status test_others(const mele_i_compared_set *set, size_t best, double *losses,
                               size_t contenders, mele_i_standing *standing, mele_error *error)
{
    const double *least = losses + best * set->splits;
    mele_test_options options = mele_test_defaults();
    mele_status status = MELE_OK;

    options.share = set->test_share / set->train_share;
    for (size_t c = 0; c < contenders && status == MELE_OK; c++) {
        double *difference = losses + c * set->splits;
        if (!standing[c].has || c == best)
            continue;
        for (size_t j = 0; j < set->splits; j++)
            difference[j] -= least[j];
        status = mele_resampled_t(difference, set->splits, &options, &standing[c].behind, error);
    }
    return status;
}

static mele_status adjust(mele_i_standing *standing, size_t contenders, double *p,
                          mele_error *error)
{
    mele_status status;

    for (size_t c = 0; c < contenders; c++)
        p[c] = standing[c].behind.p;
    status = mele_holm(p, contenders, p, error);
    for (size_t c = 0; c < contenders && status == MELE_OK; c++)
        standing[c].p = p[c];
    return status;
}

/* Of one set; room for contenders x splits + contenders numbers. */
static mele_status stand(const mele_comparison *comparison, size_t set, double *room,
                         mele_i_standings *out, mele_error *error)
{
    const mele_i_compared_set *s = &comparison->set[set];
    mele_i_standing *standing = out->standing + set * out->contenders;
    mele_status status = MELE_OK;

    for (size_t c = 0; c < out->contenders; c++) {
        standing[c] = (mele_i_standing){mele_i_comparison_has(comparison, set, c), not_tested, NAN};
        mele_i_comparison_losses(comparison, set, c, room + c * s->splits);
    }
    out->best[set] = best_of(standing, room, out->contenders, s->splits);
    if (out->best[set] < out->contenders)
        status = test_others(s, out->best[set], room, out->contenders, standing, error);
    return status == MELE_OK ? adjust(standing, out->contenders, room, error) : status;
}

/* ---- ranks ---- */

/* The contenders with figures on more than half of the sets, which get rank 0 here and NaN else. */
static void choose_ranked(mele_i_standings *out)
{
    for (size_t c = 0; c < out->contenders; c++) {
        size_t sets = 0;
        for (size_t s = 0; s < out->sets; s++)
            sets += mele_i_standing_at(out, s, c)->has;
        out->rank[c] = 2 * sets > out->sets ? 0 : NAN;
        out->ranked += !isnan(out->rank[c]);
    }
}

/* Mean losses of those that are ranked, sets x ranked; NaN where one has none. */
static mele_status gather(const mele_comparison *comparison, const mele_i_standings *standings,
                          double *out, mele_error *error)
{
    for (size_t s = 0; s < standings->sets; s++) {
        const size_t splits = comparison->set[s].splits;
        double *losses = MELE_I_ARRAY(double, splits);
        if (losses == NULL)
            return mele_i_no_memory(error);
        for (size_t c = 0; c < standings->contenders; c++) {
            if (isnan(standings->rank[c]))
                continue;
            mele_i_comparison_losses(comparison, s, c, losses);
            *out++ = mean_of(losses, splits);
        }
        free(losses);
    }
    return MELE_OK;
}

/* The ranks of those that are ranked, each to its contender; none, where no set ranks them. */
static void hand_out(const double *rank, mele_i_standings *out)
{
    const bool none = out->friedman.sets == 0;
    size_t at = 0;

    for (size_t c = 0; c < out->contenders; c++)
        if (!isnan(out->rank[c]))
            out->rank[c] = none ? NAN : rank[at++];
    if (none)
        out->ranked = 0;
}

static mele_status rank_all(const mele_comparison *comparison, mele_i_standings *out,
                            mele_error *error)
{
    double *losses, *rank;
    mele_status status;

    choose_ranked(out);
    out->friedman = (mele_friedman){0, NAN, NAN, NAN, NAN, {0}};
    out->difference = NAN;
    if (out->ranked < 2) {
        hand_out(NULL, out);
        return MELE_OK;
    }
    losses = mele_i_array(out->ranked, out->sets * sizeof *losses);
    rank = MELE_I_ARRAY(double, out->ranked);
    status = losses == NULL || rank == NULL ? mele_i_no_memory(error)
                                            : gather(comparison, out, losses, error);
    if (status == MELE_OK)
        status = mele_friedman_test(losses, out->sets, out->ranked, rank, &out->friedman, error);
    if (status == MELE_OK) {
        out->difference = mele_nemenyi_difference(out->ranked, out->friedman.sets, LEVEL);
        hand_out(rank, out);
    }
    free(losses);
    free(rank);
    return status;
}

/* ---- all of it ---- */

void mele_i_standings_clear(mele_i_standings *standings)
{
    free(standings->best);
    free(standings->standing);
    free(standings->rank);
    memset(standings, 0, sizeof *standings);
}

static mele_status stand_all(const mele_comparison *comparison, mele_i_standings *out,
                             mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t s = 0; s < out->sets && status == MELE_OK; s++) {
        double *room =
            mele_i_array(out->contenders, (comparison->set[s].splits + 1) * sizeof *room);
        status = room == NULL ? mele_i_no_memory(error) : stand(comparison, s, room, out, error);
        free(room);
    }
    return status;
}

mele_status mele_i_standings_make(const mele_comparison *comparison, mele_i_standings *out,
                                  mele_error *error)
{
    mele_i_standings made = {
        .sets = comparison->sets,
        .contenders = comparison->contenders,
        .best = MELE_I_ARRAY(size_t, comparison->sets),
        .standing = mele_i_zeroed(comparison->sets, comparison->contenders * sizeof *made.standing),
        .rank = MELE_I_ARRAY(double, comparison->contenders)};
    mele_status status = MELE_OK;

    if (made.best == NULL || made.standing == NULL || made.rank == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = stand_all(comparison, &made, error);
    if (status == MELE_OK)
        status = rank_all(comparison, &made, error);
    if (status == MELE_OK)
        *out = made;
    else
        mele_i_standings_clear(&made);
    return status;
}
