/* From a comparison to verdicts. A part of a claim asks one question of two kinds of methods. On
 * each set the difference is tested by the corrected resampled t test (findings.c); what is claimed
 * is judged
 *
 *     over sets   by the signed rank test of the sets' mean differences, in margins;
 *     on each     where sets are few, or named: it is confirmed where it holds on each, and refuted
 *                 where it does not on each, so that the largest p value counts (an intersection of
 *                 unions, which needs no correction);
 *     both ways   by the least of Holm's adjusted p values on each side, and the larger of these;
 *                 against it, if one kind is nowhere worse by the margin, by the largest p value of
 *                 that, of two kinds;
 *     more there  by Student's t (Welch) of the difference on a set less the mean of the others, on
 *                 each.
 *
 * All p values are doubled, as of two-sided tests, and compared with 0.05: a confirmation and a
 * refutation are each false in one of 40 cases at most, and the intervals at 0.95 tell the same. A
 * claim of two parts is confirmed if both are, and refuted by the lesser p value, times two. */
#include "study/judge.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "study/comparison.h"
#include "study/findings.h"
#include "study/kinds.h"
#include "study/resampled_t.h"

#define LEVEL 0.95

typedef struct judging {
    const mele_comparison *comparison;
    const mele_i_claim_part *claim;
    mele_verdict_part *part;
    mele_i_sides *sides; /* of each finding */
} judging;

/* ---- findings ---- */

static bool is_judged(const judging *j, size_t set)
{
    const mele_i_compared_set *s = &j->comparison->set[set];

    switch (j->claim->question == MELE_I_MORE_THERE ? MELE_I_ALL_SETS : j->claim->sets) {
    case MELE_I_CLASSES: return s->classes > 0;
    case MELE_I_OUTPUT_REGIMES: return mele_i_claims_output_regimes(s->name);
    default: return true;
    }
}

static void note_finding(judging *j, size_t set, double margin, const mele_i_sides *sides)
{
    mele_verdict_part *p = j->part;
    mele_finding *f = &p->finding[p->sets];

    *f = (mele_finding){.set = set,
                        .margin = margin,
                        .difference = sides->difference,
                        .p = sides->p,
                        .p_holm = NAN,
                        .p_confirmed = NAN,
                        .p_refuted = NAN};
    if (j->claim->question != MELE_I_BOTH_WAYS)
        mele_i_sides_answer(sides, j->claim->question, &f->p_confirmed, &f->p_refuted);
    j->sides[p->sets++] = *sides;
}

static mele_status find_all(judging *j, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t set = 0; set < j->comparison->sets && status == MELE_OK; set++) {
        const mele_i_inquiry_of_set inquiry = {j->comparison, set, j->claim, LEVEL};
        mele_i_sides sides;
        double margin = NAN;
        bool measured = false;
        if (is_judged(j, set))
            status = mele_i_find(&inquiry, &margin, &sides, &measured, error);
        if (measured && status == MELE_OK)
            note_finding(j, set, margin, &sides);
    }
    return status;
}

/* ---- more there than elsewhere ---- */

/* Mean and variance of the mean of the differences on sets whose regimes are not the output's. */
typedef struct elsewhere {
    double mean, variance;
    size_t sets;
} elsewhere;

static bool is_there(const judging *j, size_t finding)
{
    return mele_i_claims_output_regimes(j->comparison->set[j->part->finding[finding].set].name);
}

static elsewhere measure_elsewhere(const judging *j)
{
    elsewhere e = {0, 0, 0};

    for (size_t i = 0; i < j->part->sets; i++)
        if (!is_there(j, i)) {
            e.mean += j->sides[i].difference.value;
            e.sets++;
        }
    e.mean /= (double)e.sets;
    for (size_t i = 0; i < j->part->sets; i++)
        if (!is_there(j, i)) {
            const double off = j->sides[i].difference.value - e.mean;
            e.variance += off * off / ((double)e.sets - 1) / (double)e.sets;
        }
    return e;
}

/* Welch's t; NaN, and so no answer, where there are no two other sets. */
static mele_i_sides contrast(const mele_i_sides *there, const elsewhere *e)
{
    const double reach = (there->difference.upper - there->difference.lower) / 2;
    const double own = reach / mele_i_t_quantile(LEVEL, there->freedom);
    const double sum = own * own + e->variance, others = (double)e->sets - 1;
    const double freedom = sum * sum
                           / (own * own * own * own / there->freedom
                              + (e->variance > 0 ? e->variance * e->variance / others : 0));

    return mele_i_sides_of_estimate(there->difference.value - e->mean, sqrt(sum), freedom, LEVEL);
}

/* In place of the findings those of the sets there, less what is found elsewhere. */
static void set_against_others(judging *j)
{
    const elsewhere e = measure_elsewhere(j);
    const size_t all = j->part->sets;

    j->part->sets = 0;
    for (size_t i = 0; i < all; i++) {
        const mele_finding f = j->part->finding[i];
        if (!mele_i_claims_output_regimes(j->comparison->set[f.set].name))
            continue;
        const mele_i_sides sides = contrast(&j->sides[i], &e);
        note_finding(j, f.set, f.margin, &sides);
    }
}

/* ---- answers ---- */

static mele_status adjust(judging *j, mele_error *error)
{
    mele_verdict_part *part = j->part;
    double *p = MELE_I_ARRAY(double, part->sets);
    mele_status status = MELE_OK;

    if (p == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < part->sets; i++)
        p[i] = part->finding[i].p;
    status = mele_holm(p, part->sets, p, error);
    for (size_t i = 0; i < part->sets && status == MELE_OK; i++) {
        part->finding[i].p_holm = p[i];
        if (p[i] <= 1 - LEVEL)
            *(part->finding[i].difference.value < 0 ? &part->better : &part->worse) += 1;
    }
    free(p);
    return status;
}

/* The larger; of what is not known 1, which confirms nothing. */
static double largest_p(double a, double b)
{
    return isnan(b) ? 1 : fmax(a, b);
}

static void answer_on_each(mele_verdict_part *part)
{
    part->p_confirmed = part->p_refuted = 0;
    for (size_t i = 0; i < part->sets; i++) {
        part->p_confirmed = largest_p(part->p_confirmed, part->finding[i].p_confirmed);
        part->p_refuted = largest_p(part->p_refuted, part->finding[i].p_refuted);
    }
}

static void answer_both_ways(const judging *j)
{
    mele_verdict_part *part = j->part;
    double better = 1, worse = 1, no_worse = 0, no_better = 0;

    for (size_t i = 0; i < part->sets; i++) {
        double *side = part->finding[i].difference.value < 0 ? &better : &worse;
        *side = fmin(*side, part->finding[i].p_holm);
        no_worse = largest_p(no_worse, j->sides[i].below[MELE_I_AT_PLUS]);
        no_better = largest_p(no_better, j->sides[i].above[MELE_I_AT_MINUS]);
    }
    part->p_confirmed = fmax(better, worse);
    part->p_refuted = fmin(1, 4 * fmin(no_worse, no_better)); /* doubled, for one of two kinds */
}

/* Of the mean differences on the sets. */
static mele_status test_over_sets(const judging *j, mele_i_sides *out, mele_error *error)
{
    double *differences = MELE_I_ARRAY(double, j->part->sets);
    mele_status status;

    if (differences == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < j->part->sets; i++)
        differences[i] = j->part->finding[i].difference.value;
    status = mele_i_sides_of_sets(differences, j->part->sets, LEVEL, out, error);
    free(differences);
    return status;
}

static mele_verdict_kind kind_of(double p_confirmed, double p_refuted)
{
    if (p_confirmed <= 1 - LEVEL)
        return MELE_CONFIRMED;
    return p_refuted <= 1 - LEVEL ? MELE_REFUTED : MELE_INCONCLUSIVE;
}

static mele_status answer(judging *j, mele_error *error)
{
    mele_verdict_part *part = j->part;
    mele_i_sides sides;
    mele_status status = adjust(j, error);

    if (status == MELE_OK)
        status = test_over_sets(j, &sides, error);
    if (status != MELE_OK)
        return status;
    part->effect = part->sets == 1 ? part->finding[0].difference : sides.difference;
    if (j->claim->question == MELE_I_BOTH_WAYS)
        answer_both_ways(j);
    else if (mele_i_tests_over_sets(j->claim, part->sets))
        mele_i_sides_answer(&sides, j->claim->question, &part->p_confirmed, &part->p_refuted);
    else
        answer_on_each(part);
    part->kind = kind_of(part->p_confirmed, part->p_refuted);
    return MELE_OK;
}

/* ---- parts and claims ---- */

/* How many sets a question needs: neither kind is the better one on all data of one set. */
static size_t least_sets(const mele_i_claim_part *claim)
{
    return claim->question == MELE_I_BOTH_WAYS ? 2 : 1;
}

static mele_status find_and_answer(judging *j, bool times, mele_error *error)
{
    mele_status status = MELE_OK;

    if (j->claim->measured != MELE_I_TIME || times)
        status = find_all(j, error);
    if (j->claim->question == MELE_I_MORE_THERE)
        set_against_others(j);
    return status == MELE_OK && j->part->sets >= least_sets(j->claim) ? answer(j, error) : status;
}

static mele_status judge_part(const mele_comparison *comparison, const mele_i_claim_part *claim,
                              bool times, mele_verdict_part *part, mele_error *error)
{
    const mele_i_kind *first = claim->any_experts ? NULL : claim->first,
                      *second = claim->any_experts ? NULL : claim->second;
    static const char *const measures[] = {"loss", "log of seconds to fit", "spread over seeds"};
    judging j = {comparison, claim, part, MELE_I_ARRAY(mele_i_sides, comparison->sets)};
    mele_status status = MELE_OK;

    *part = (mele_verdict_part){.question = claim->words,
                                .measure = measures[claim->measured],
                                .effect = {NAN, NAN, NAN},
                                .p_confirmed = NAN,
                                .p_refuted = NAN,
                                .first = mele_i_kind_members(comparison, claim->first, second),
                                .second = mele_i_kind_members(comparison, claim->second, first),
                                .finding = MELE_I_ARRAY(mele_finding, comparison->sets)};
    if (j.sides == NULL || part->first == NULL || part->second == NULL || part->finding == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = find_and_answer(&j, times, error);
    if (status == MELE_OK)
        status = mele_i_reason_of_part(comparison, claim, times, part, error);
    free(j.sides);
    return status;
}

static void conclude(mele_verdict *verdict)
{
    double confirmed = 0, refuted = 1;
    size_t measured = 0;

    for (size_t i = 0; i < verdict->parts; i++) {
        const mele_verdict_part *part = &verdict->part[i];
        measured += part->kind != MELE_NOT_MEASURED;
        confirmed = largest_p(confirmed, part->p_confirmed);
        refuted = fmin(refuted, part->p_refuted);
    }
    refuted = fmin(1, (double)measured * refuted);
    verdict->kind = measured == 0 ? MELE_NOT_MEASURED : kind_of(confirmed, refuted);
    verdict->p = measured == 0 ? NAN : verdict->kind == MELE_REFUTED ? refuted : confirmed;
}

static mele_status judge_claim(const mele_comparison *comparison, const mele_i_claim *claim,
                               bool times, mele_verdict *verdict, mele_error *error)
{
    mele_status status = MELE_OK;

    *verdict = (mele_verdict){.name = claim->name,
                              .claim = claim->words,
                              .part = MELE_I_ZEROED(mele_verdict_part, MELE_I_CLAIM_PARTS)};
    if (verdict->part == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < MELE_I_CLAIM_PARTS && claim->part[i].words != NULL && status == MELE_OK;
         i++) {
        verdict->timed = verdict->timed || claim->part[i].measured == MELE_I_TIME;
        verdict->parts++;
        status = judge_part(comparison, &claim->part[i], times, &verdict->part[i], error);
    }
    if (status != MELE_OK)
        return status;
    conclude(verdict);
    return mele_i_reason_of_verdict(verdict, error);
}

static mele_status judge_all(const mele_comparison *comparison, bool times, mele_verdicts *verdicts,
                             mele_error *error)
{
    const mele_i_claim *claim;
    mele_status status = MELE_OK;
    size_t count = 0;

    while (mele_i_claim_at(count) != NULL)
        count++;
    verdicts->verdict = MELE_I_ZEROED(mele_verdict, count);
    if (verdicts->verdict == NULL)
        return mele_i_no_memory(error);
    while (status == MELE_OK && (claim = mele_i_claim_at(verdicts->count)) != NULL)
        status =
            judge_claim(comparison, claim, times, &verdicts->verdict[verdicts->count++], error);
    return status;
}

mele_status mele_judge(const mele_comparison *comparison, bool times, mele_verdicts **out,
                       mele_error *error)
{
    mele_verdicts *verdicts = MELE_I_NEW(mele_verdicts);

    if (verdicts == NULL)
        return mele_i_no_memory(error);
    *verdicts = (mele_verdicts){.level = LEVEL,
                                .error_margin = MELE_I_ERROR_MARGIN,
                                .log_margin = MELE_I_LOG_MARGIN,
                                .loss_margin = MELE_I_LOSS_MARGIN,
                                .time_margin = MELE_I_TIME_MARGIN,
                                .spread_margin = MELE_I_SPREAD_MARGIN};
    const mele_status status = judge_all(comparison, times, verdicts, error);
    if (status != MELE_OK) {
        mele_verdicts_free(verdicts);
        return status;
    }
    *out = verdicts;
    return MELE_OK;
}

static void part_clear(mele_verdict_part *part)
{
    free(part->first);
    free(part->second);
    free(part->reason);
    free(part->finding);
}

void mele_verdicts_free(mele_verdicts *verdicts)
{
    for (size_t i = 0; verdicts != NULL && i < verdicts->count; i++) {
        mele_verdict *v = &verdicts->verdict[i];
        for (size_t k = 0; k < v->parts; k++)
            part_clear(&v->part[k]);
        free(v->part);
        free(v->reason);
    }
    if (verdicts != NULL)
        free(verdicts->verdict);
    free(verdicts);
}
