/* The suite: sets that are different in kind, and contenders with a part in the claims (claims.c)
 * or beside them. doc/methods.md, "The survey", says why these, and what all have in common. */
#include "study/survey_suite.h"

enum { MADE = 300, EXPERTS = 3 };

static const mele_i_suite_set sets[] = {
    {.name = "sunspots",
     .about = "yearly sunspot numbers by the twelve before; folds are runs of years",
     .table = "sunspots",
     .target = "y",
     .lags = 12,
     .blocks = true,
     .quick = true},
    {.name = "mcycle",
     .about = "a dummy's head after a motorcycle crash, over time (Silverman 1985)",
     .table = "mcycle",
     .target = "accel",
     .quick = true},
    {.name = "tonedata",
     .about = "tones that were tuned to stretched overtones, by one of two rules (Cohen 1980)",
     .table = "tonedata",
     .target = "tuned",
     .quick = true},
    {.name = "faithful",
     .about = "Old Faithful: the time to the next eruption by the length of the last one",
     .table = "faithful",
     .target = "waiting",
     .quick = true},
    {.name = "friedman1",
     .about = "ten features, of which five count, smoothly (Friedman 1991)",
     .rows = MADE,
     .quick = true},
    {.name = "friedman2", .about = "the impedance of a circuit (Friedman 1991)", .rows = MADE},
    {.name = "friedman3", .about = "the phase of a circuit (Friedman 1991)", .rows = MADE},
    {.name = "branin",
     .about = "a smooth function of two features with three minima (Branin 1972)",
     .rows = MADE,
     .quick = true},
    {.name = "piecewise",
     .about = "a wave that becomes a line (Gramacy, Lee 2008)",
     .rows = MADE,
     .quick = true},
    {.name = "regimes",
     .about = "two laws by a hidden state, which only the last output shows",
     .rows = MADE,
     .quick = true},
    {.name = "mpg",
     .about = "miles per gallon of cars (Quinlan 1993)",
     .table = "mpg",
     .quick = true,
     .target = "Miles_per_Gallon",
     .category = "Origin"},
    {.name = "concrete",
     .about = "strength of concrete by its mixture and age (Yeh 1998)",
     .table = "concrete",
     .target = "compressive_strength"},
    {.name = "vowels4",
     .about = "four vowels by two formants; folds of speakers (Peterson, Barney 1952)",
     .table = "vowels",
     .target = "Vowel",
     .classes = true,
     .features = "F1,F2",
     .group = "Speaker",
     .only = "aa,ah,ih,iy",
     .quick = true},
    {.name = "speakers",
     .about = "man, woman or child by pitch and formants of a vowel; folds of speakers",
     .table = "vowels",
     .target = "Type",
     .classes = true,
     .features = "F0,F1,F2,F3",
     .group = "Speaker",
     .rows = 2},
    {.name = "iris",
     .about = "three irises by their leaves (Anderson 1935)",
     .table = "iris",
     .target = "Species",
     .classes = true,
     .quick = true},
    {.name = "origin",
     .about = "where a car was built, by its other figures (Quinlan 1993)",
     .table = "mpg",
     .target = "Origin",
     .classes = true},
    {.name = "waveform",
     .about = "three classes of waves at 21 points (Breiman et al. 1984)",
     .rows = MADE},
    {.name = "twonorm",
     .about = "two normal classes side by side in 20 features (Breiman 1996)",
     .rows = MADE,
     .quick = true},
    {.name = "ringnorm",
     .about = "a normal class within a wider one in 20 features (Breiman 1996)",
     .rows = MADE,
     .quick = true},
    {.name = "spirals",
     .about = "two spirals of three turns (Lang, Witbrock 1988)",
     .rows = MADE,
     .quick = true},
};

const mele_i_suite_set *mele_i_suite_set_at(size_t i)
{
    return i < sizeof sets / sizeof *sets ? &sets[i] : NULL;
}

/* What is asked of training is asked of the same gate: choosing one is no part of the claim. */
static const mele_i_suite_contender contenders[] = {
    {.name = "one", .family = "one:k=1", .quick = true},
    {.name = MELE_I_AS_MANY, .family = "one:expert=mlp", .quick = true},
    {.name = "mele", .family = "mele", .seeds = "mele:gate=softmax,on=features", .quick = true},
    {.name = "mele (6)", .family = "mele:k=6", .quick = true},
    {.name = "mele (mlp)",
     .family = "mele:expert=mlp",
     .seeds = "mele:gate=softmax,on=features,expert=mlp",
     .quick = true},
    {.name = "me-em", .family = "me-em", .seeds = "me-em", .quick = true},
    {.name = "me-em (6)", .family = "me-em:k=6"},
    {.name = "me (mlp)",
     .family = "me:expert=mlp,restarts=1",
     .seeds = "me:expert=mlp,restarts=1",
     .quick = true},
    {.name = "me-regions", .family = "me-regions", .quick = true},
    {.name = "me-regions (6)", .family = "me-regions:k=6"},
    {.name = "me-regions (mlp)", .family = "me-regions:expert=mlp", .quick = true},
    {.name = "mele-em", .family = "mele-em", .quick = true},
    {.name = "lme", .family = "lme", .quick = true},
    {.name = "lme (6)", .family = "lme:k=6"},
    {.name = "hme", .family = "hme:k=4"},
    {.name = "sparse", .family = "sparse:expert=mlp,k=6,restarts=1", .quick = true},
    {.name = "ncl", .family = "ncl", .quick = true},
    {.name = "ncl (0.9)", .family = "ncl:lambda=0.9"},
    {.name = "gated-ncl", .family = "gated-ncl", .quick = true},
    {.name = "gated-ncl (0.9)", .family = "gated-ncl:lambda=0.9"},
    {.name = "mnce", .family = "mnce:expert=mlp,restarts=1", .quick = true},
    {.name = "mnce (0.9)", .family = "mnce:expert=mlp,restarts=1,lambda=0.9"},
    {.name = "boosted, mean", .family = "boosted-me:expert=mlp,combine=mean", .quick = true},
    {.name = "boosted, gate", .family = "boosted-me:expert=mlp,em-iter=0", .quick = true},
    {.name = "boosted-me", .family = "boosted-me:expert=mlp", .quick = true},
    {.name = "bagging", .family = "bagging:k=25,expert=mlp", .quick = true},
    {.name = "boosting", .family = "boosting:k=25,expert=mlp", .quick = true},
};

const mele_i_suite_contender *mele_i_suite_contender_at(size_t i)
{
    return i < sizeof contenders / sizeof *contenders ? &contenders[i] : NULL;
}

static const mele_i_suite_option options[] = {
    {"clusters", "3"}, {"hidden", "4"}, {"restarts", "3"}, {"lambda", "0.5"}};

const mele_i_suite_option *mele_i_suite_option_at(size_t i)
{
    return i < sizeof options / sizeof *options ? &options[i] : NULL;
}

size_t mele_i_suite_parameters(size_t columns, size_t classes)
{
    const size_t forms = classes > 0 ? classes - 1 : 1;

    return (EXPERTS * forms + EXPERTS - 1) * (columns + 1);
}
