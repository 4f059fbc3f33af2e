#ifndef TESTS_VERDICT_SUPPORT_H
#define TESTS_VERDICT_SUPPORT_H

/* Comparisons filled by hand, whose truth is known: losses of splits as Nadeau and Bengio model
 * them. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <mele/verdict.h>

#include "core/stream.h"
#include "study/comparison.h"

/* Who takes part; boosted-me has its options from hand_options(). */
enum hand_contender {
    HAND_MELE,
    HAND_MELE_EM,
    HAND_ME,
    HAND_ME_NETWORKS,
    HAND_ME_EM,
    HAND_ME_REGIONS,
    HAND_LME,
    HAND_NCL,
    HAND_GATED_NCL,
    HAND_MNCE,
    HAND_BOOSTED,
    HAND_BOOSTED_FROZEN,
    HAND_BOOSTED_MEAN,
    HAND_CONTENDERS
};

static const struct {
    const char *name, *family;
    const char *option[2], *value[2];
} hand_contenders[HAND_CONTENDERS] = {
    {"mele", "mele", {NULL}, {NULL}},
    {"mele-em", "mele-em", {NULL}, {NULL}},
    {"me", "me", {NULL}, {NULL}},
    {"me:expert=mlp", "me", {"expert", NULL}, {"mlp", NULL}},
    {"me-em", "me-em", {NULL}, {NULL}},
    {"me-regions", "me-regions", {NULL}, {NULL}},
    {"lme", "lme", {NULL}, {NULL}},
    {"ncl", "ncl", {NULL}, {NULL}},
    {"gated-ncl", "gated-ncl", {NULL}, {NULL}},
    {"mnce:expert=mlp", "mnce", {"expert", NULL}, {"mlp", NULL}},
    {"boosted-me", "boosted-me", {NULL}, {NULL}},
    {"boosted-me:em-iter=0", "boosted-me", {"em-iter", NULL}, {"0", NULL}},
    {"boosted-me:combine=mean", "boosted-me", {"combine", NULL}, {"mean", NULL}},
};

/* Sets: the first two are those whose regimes the output sets, then numbers and classes in turn.
 * quiet: what noise is divided by. */
typedef struct hand_form {
    size_t sets, folds, repeats, seeds;
    double quiet;
} hand_form;

static inline bool hand_is_class(size_t set)
{
    return set >= 2 && set % 2 == 1;
}

static inline void hand_add_set(mele_comparison *c, const hand_form *form, size_t set)
{
    static const char *const accuracy[] = {"accuracy"}, *const rmse[] = {"rmse"};
    char name[32];

    snprintf(name, sizeof name, "set%zu", set);
    const mele_i_set_form f = {.name = set == 0   ? "regimes"
                                       : set == 1 ? "tonedata"
                                                  : name,
                               .target = "y",
                               .rows = 200,
                               .features = 2,
                               .targets = 1,
                               .classes = hand_is_class(set) ? 3 : 0,
                               .folds = form->folds,
                               .repeats = form->repeats,
                               .train_share = 1 - 1 / (double)form->folds,
                               .test_share = 1 / (double)form->folds,
                               .measure = hand_is_class(set) ? accuracy : rmse,
                               .measures = 1};
    cr_assert_eq(mele_i_comparison_add_set(c, &f, NULL), MELE_OK);
}

/* The options of a contender, where it has any. */
static inline void hand_options(mele_i_entry *entry, size_t contender)
{
    for (size_t i = 0; i < 2 && hand_contenders[contender].option[i] != NULL; i++) {
        mele_error error = {0};
        if (entry->options == NULL)
            cr_assert_eq(mele_options_new(&entry->options, NULL), MELE_OK);
        cr_assert_eq(mele_options_set(entry->options, hand_contenders[contender].option[i],
                                      hand_contenders[contender].value[i], &error),
                     MELE_OK, "%s", error.message);
    }
}

static inline mele_comparison *hand_new(const hand_form *form)
{
    mele_comparison *c = NULL;

    cr_assert_eq(mele_i_comparison_new(form->seeds, &c, NULL), MELE_OK);
    for (size_t k = 0; k < HAND_CONTENDERS; k++)
        cr_assert_eq(mele_i_comparison_add_contender(c, hand_contenders[k].name,
                                                     hand_contenders[k].family, NULL),
                     MELE_OK);
    for (size_t s = 0; s < form->sets; s++)
        hand_add_set(c, form, s);
    cr_assert_eq(mele_i_comparison_make_outcomes(c, NULL), MELE_OK);
    for (size_t s = 0; s < form->sets; s++)
        for (size_t k = 0; k < HAND_CONTENDERS; k++)
            hand_options(&c->set[s].entry[k], k);
    return c;
}

static inline void hand_put(mele_comparison *c, const size_t at[4], double loss, double seconds)
{
    mele_i_outcome *o = mele_i_comparison_outcome(c, at[0], at[1], at[2], at[3]);

    cr_assert_eq(mele_i_outcome_done(&c->set[at[0]], o, NULL), MELE_OK);
    o->measure[0] = c->set[at[0]].gain ? 1 - loss : loss;
    o->seconds_fit = seconds;
}

/* What is true of a contender on a set: its mean loss less that of most, in margins, its time and
 * its spread over seeds beside theirs. */
typedef struct hand_truth {
    double excess[HAND_CONTENDERS];       /* on sets whose inputs show their regimes */
    double excess_there[HAND_CONTENDERS]; /* on regimes and tonedata */
    double excess_odd[HAND_CONTENDERS];   /* on classes, besides */
    double slow[HAND_CONTENDERS], wild[HAND_CONTENDERS];
} hand_truth;

static inline hand_truth hand_nothing_differs(void)
{
    hand_truth truth;

    memset(&truth, 0, sizeof truth);
    for (size_t k = 0; k < HAND_CONTENDERS; k++)
        truth.slow[k] = truth.wild[k] = 1;
    return truth;
}

static inline double hand_excess(const hand_truth *truth, size_t set, size_t k)
{
    return set < 2 ? truth->excess_there[k]
                   : truth->excess[k] + (hand_is_class(set) ? truth->excess_odd[k] : 0);
}

/* Of a set's losses: 10 to 1000 of numbers, 0.1 to 0.3 of classes; splits differ by 10 %, as they
 * do for all; a contender's loss on a split by `noise` margins, of which test rows over all rows
 * are what the training sets have in common; seeds by a margin. */
static inline void hand_fill_set(mele_comparison *c, const hand_truth *truth, size_t set,
                                 double noise, mele_i_stream *random)
{
    const mele_i_compared_set *s = &c->set[set];
    const double level = hand_is_class(set) ? 0.1 + 0.2 * mele_i_stream_uniform(random)
                                            : pow(10, 1 + 2 * mele_i_stream_uniform(random));
    const double margin = hand_is_class(set) ? 0.01 : 0.02 * level;
    double split[64], common = 0;

    for (size_t j = 0; j < s->splits; j++)
        split[j] = 0.1 * level * mele_i_stream_normal(random);
    for (size_t k = 0; k < c->contenders; k++) {
        common = sqrt(s->test_share) * mele_i_stream_normal(random);
        for (size_t j = 0; j < s->splits; j++) {
            const double own =
                noise * (common + sqrt(s->train_share) * mele_i_stream_normal(random));
            for (size_t seed = 0; seed < c->seeds; seed++) {
                const double wild = truth->wild[k] * mele_i_stream_normal(random);
                const size_t at[] = {set, k, j, seed};
                hand_put(c, at,
                         level + split[j] + margin * (hand_excess(truth, set, k) + own + wild),
                         truth->slow[k] * exp(0.2 * mele_i_stream_normal(random)));
            }
        }
    }
}

static inline mele_comparison *hand_draw(const hand_form *form, const hand_truth *truth,
                                         uint64_t index)
{
    mele_i_stream random = mele_i_stream_make(31, MELE_I_FOR_TESTS, 1, index);
    mele_comparison *c = hand_new(form);

    for (size_t s = 0; s < form->sets; s++) /* noise from set to set, half a margin to two */
        hand_fill_set(c, truth, s, (0.5 + 1.5 * mele_i_stream_uniform(&random)) / form->quiet,
                      &random);
    return c;
}

static inline mele_verdicts *hand_judge(const mele_comparison *c)
{
    mele_verdicts *v = NULL;
    mele_error error = {0};

    cr_assert_eq(mele_judge(c, true, &v, &error), MELE_OK, "%s", error.message);
    return v;
}

static inline const mele_verdict *hand_verdict(const mele_verdicts *v, const char *name)
{
    for (size_t i = 0; i < v->count; i++)
        if (strcmp(v->verdict[i].name, name) == 0)
            return &v->verdict[i];
    cr_assert_fail("no claim %s", name);
    return NULL;
}
/* ---- truths, and what would be false of each claim ---- */

enum { HAND_CLAIMS = 8 };

typedef struct hand_scenario {
    const char *name;
    hand_truth truth;
    mele_verdict_kind mistake[HAND_CLAIMS], /* the verdict that is false; NOT_MEASURED: none is */
        right[HAND_CLAIMS];                 /* the verdict that is true */
} hand_scenario;

static inline void hand_set(double *of, const enum hand_contender *who, size_t count, double value)
{
    for (size_t i = 0; i < count; i++)
        of[who[i]] = value;
}

static const enum hand_contender hand_mile[] = {HAND_ME, HAND_ME_EM},
                                 hand_hybrid[] = {HAND_ME_REGIONS, HAND_MELE_EM};

static inline hand_scenario hand_equal(void)
{
    static const mele_verdict_kind mistake[] = {MELE_CONFIRMED, MELE_CONFIRMED, MELE_CONFIRMED,
                                                MELE_REFUTED,   MELE_CONFIRMED, MELE_CONFIRMED,
                                                MELE_CONFIRMED, MELE_REFUTED};
    hand_scenario s = {.name = "nothing differs", .truth = hand_nothing_differs()};

    memcpy(s.mistake, mistake, sizeof mistake);
    for (size_t i = 0; i < HAND_CLAIMS; i++)
        s.right[i] = mistake[i] == MELE_CONFIRMED ? MELE_REFUTED : MELE_CONFIRMED;
    return s;
}

/* First kinds are worse by the margin where they are said to be as good; what is said to be equal
 * is worse. */
static inline hand_scenario hand_worse_by_the_margin(void)
{
    hand_scenario s = {.name = "worse by the margin", .truth = hand_nothing_differs()};

    hand_set(s.truth.excess, hand_hybrid, 2, 1);
    hand_set(s.truth.excess_there, hand_hybrid, 2, 1);
    s.truth.excess[HAND_NCL] = s.truth.excess_there[HAND_NCL] = 1;
    s.truth.excess[HAND_BOOSTED_FROZEN] = s.truth.excess_there[HAND_BOOSTED_FROZEN] = 1;
    s.truth.excess[HAND_MNCE] = -2; /* so that H5 hangs on its second part, and H7 likewise */
    s.truth.excess[HAND_BOOSTED] = s.truth.excess_there[HAND_BOOSTED] = -2;
    s.truth.excess[HAND_LME] = -1;
    s.mistake[3] = s.mistake[4] = s.mistake[6] = s.mistake[7] = MELE_CONFIRMED;
    return s;
}

/* First kinds are better by the margin, no more: it would be false to say that they are not. MILE
 * is so on numbers, MELE on classes, and MILE further where the output sets the regimes. */
static inline hand_scenario hand_better_by_the_margin(void)
{
    hand_scenario s = {.name = "better by the margin", .truth = hand_nothing_differs()};

    hand_set(s.truth.excess, hand_mile, 2, -1);
    hand_set(s.truth.excess_odd, hand_mile, 2, 2);
    hand_set(s.truth.excess_there, hand_mile, 2, -1);
    s.truth.excess_odd[HAND_ME_NETWORKS] = 1;
    s.truth.excess_odd[HAND_NCL] = 1;
    s.truth.excess[HAND_GATED_NCL] = -1;
    s.truth.excess_odd[HAND_GATED_NCL] = 1;
    s.truth.excess_there[HAND_GATED_NCL] = -1;
    s.truth.excess[HAND_BOOSTED] = s.truth.excess_there[HAND_BOOSTED] = -1;
    s.truth.slow[HAND_MELE] = 1 / 1.1;
    s.truth.wild[HAND_MELE] = 0.5;
    for (size_t i = 0; i < 7; i++)
        s.mistake[i] = MELE_REFUTED;
    s.mistake[3] =
        MELE_NOT_MEASURED; /* hybrids are worse than the better of the two, by the margin */
    return s;
}

/* MELE is ahead of MILE everywhere, as of all else, and takes as long. */
static inline hand_scenario hand_one_ahead(void)
{
    hand_scenario s = {.name = "one kind ahead everywhere", .truth = hand_nothing_differs()};

    s.truth.excess[HAND_MELE] = s.truth.excess_there[HAND_MELE] = -2;
    s.mistake[0] = s.mistake[1] = s.mistake[2] = s.mistake[3] = MELE_CONFIRMED;
    return s;
}

/* What is claimed, clearly. */
static inline hand_scenario hand_as_claimed(void)
{
    hand_scenario s = {.name = "as claimed", .truth = hand_nothing_differs()};

    hand_set(s.truth.excess, hand_mile, 2, 3);
    hand_set(s.truth.excess_there, hand_mile, 2, -6);
    s.truth.excess_there[HAND_ME_REGIONS] = -6;
    s.truth.excess[HAND_NCL] = 3;
    s.truth.excess[HAND_ME_NETWORKS] = 3;
    s.truth.excess[HAND_LME] = 3;
    s.truth.slow[HAND_MELE] = 0.6;
    s.truth.wild[HAND_MELE] = 0.1;
    hand_set(s.truth.wild, hand_mile, 2, 3);
    s.truth.excess[HAND_BOOSTED] = s.truth.excess_there[HAND_BOOSTED] = -3;
    for (size_t i = 0; i < HAND_CLAIMS; i++)
        s.right[i] = MELE_CONFIRMED;
    return s;
}

/* The contrary, clearly. */
static inline hand_scenario hand_contrary(void)
{
    hand_scenario s = {.name = "the contrary", .truth = hand_nothing_differs()};

    hand_set(s.truth.excess, hand_mile, 2, -4);
    hand_set(s.truth.excess_there, hand_mile, 2, 6);
    s.truth.excess[HAND_MELE] = -4;
    s.truth.excess[HAND_ME_NETWORKS] = -4;
    s.truth.excess[HAND_ME_EM] = 4;
    s.truth.excess[HAND_GATED_NCL] = 4;
    s.truth.slow[HAND_MELE] = 2;
    s.truth.wild[HAND_MELE] = 3;
    s.truth.excess[HAND_BOOSTED_FROZEN] = s.truth.excess_there[HAND_BOOSTED_FROZEN] = 4;
    for (size_t i = 1; i < HAND_CLAIMS; i++)
        s.right[i] = MELE_REFUTED;
    return s;
}

/* Of so many draws, which verdicts: counts[claim][kind]. */
static inline void hand_count(const hand_form *form, const hand_scenario *s, size_t draws,
                              size_t counts[HAND_CLAIMS][4])
{
    memset(counts, 0, HAND_CLAIMS * sizeof *counts);
    for (size_t i = 0; i < draws; i++) {
        mele_comparison *c = hand_draw(form, &s->truth, i);
        mele_verdicts *v = hand_judge(c);
        cr_assert_eq(v->count, HAND_CLAIMS);
        for (size_t h = 0; h < v->count; h++)
            counts[h][v->verdict[h].kind]++;
        mele_verdicts_free(v);
        mele_comparison_free(c);
    }
}

#endif
