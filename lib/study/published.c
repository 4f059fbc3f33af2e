/* Figures that have been published of methods that are compared here, with their sources, and the
 * protocols under which ours are found. Where the literature chose by the very figures that it
 * tells, ours are not chosen so. */
#include "study/published.h"

#include <math.h>

/* ---- sunspots ---- */

const mele_i_period mele_i_sunspot_period[MELE_I_PUBLISHED_FIGURES] = {
    {1712, 1920}, {1921, 1955}, {1956, 1979}};
const mele_i_period mele_i_sunspot_record = {1700, 1979};

static const mele_i_published_row sunspots[] = {
    {"MLP 12-8-1", "Weigend, Huberman, Rumelhart 1990", {.082, .086, .35}},
    {"TAR", "Tong 1990", {.097, .097, .28}},
    {"7 linear experts, early stop", "Waterhouse, Robinson 1995", {.061, .089, .27}},
    {"HME of depth 8, ML", "Waterhouse, MacKay, Robinson 1996", {.052, .162, .41}},
    {"HME of depth 8, Bayes", "Waterhouse, MacKay, Robinson 1996", {.079, .089, .26}},
    {NULL, NULL, {0}},
};

static const mele_i_published_ours sunspot_families[] = {
    {"one", false, true, true},
    {"one:expert=mlp,hidden=8", false, true, true},
    {"mele", true, true, true},
    {"mele-em", true, true, false},
    {"me-em", true, true, true},
    {"me-regions", true, true, true},
    {"lme", true, true, false},
    {"hme", true, true, false},
    {"me:expert=mlp,hidden=4,restarts=1", true, true, false},
    {"ncl:hidden=4,lambda=0.5", true, false, false},
    {"bagging:expert=mlp,hidden=8", false, true, true},
    {NULL, false, false, false},
};

/* ---- vowels ---- */

static const mele_i_published_row vowels4[] = {
    {"mixtures of 4 and 8 experts; networks",
     "Jacobs, Jordan, Nowlan, Hinton 1991",
     {10, NAN, NAN}},
    {NULL, NULL, {0}},
};

static const mele_i_published_row vowels10[] = {
    {"mixture of experts", "Nowlan, Hinton 1990", {15.1, NAN, NAN}},
    {"one network", "Nowlan, Hinton 1990", {23.3, NAN, NAN}},
    {NULL, NULL, {0}},
};

static const mele_i_published_ours vowel_families[] = {
    {"one", false, false, true},      {"one:expert=mlp", false, false, true},
    {"mele:k=4", false, false, true}, {"me-em:k=4", false, false, true},
    {"me:k=8", false, false, false},  {"me:expert=mlp,k=4,restarts=1", false, false, true},
    {"lme:k=4", false, false, false}, {"bagging:expert=mlp", false, false, false},
    {NULL, false, false, false},
};

/* ---- cars ---- */

static const mele_i_published_row cars[] = {
    {"Cubist", "Birattari, Bontempi, Bersini 1999", {1.90, NAN, NAN}},
    {"combined local linear models", "Birattari, Bontempi, Bersini 1999", {1.83, NAN, NAN}},
    {NULL, NULL, {0}},
};

static const mele_i_published_ours car_families[] = {
    {"one", false, false, true},
    {"one:expert=mlp", false, false, true},
    {"one:expert=gp", false, false, false},
    {"mele", false, false, true},
    {"mele:k=2,expert=gp", false, false, false},
    {"me-em:k=4", false, false, true},
    {"me:expert=mlp,k=4,restarts=1", false, false, true},
    {"ncl:lambda=0.5", false, false, false},
    {"bagging:expert=mlp", false, false, true},
    {NULL, false, false, false},
};

/* ---- all ---- */

static const mele_i_published table[] = {
    {.name = MELE_I_SUNSPOTS,
     .title = "Sunspots",
     .protocol = "The yearly number by the twelve before it, trained on the targets of 1712 to "
                 "1920 (209 rows). Errors "
                 "are mean squared ones over the variance of the record of 1700 to 1979. Of each "
                 "family the number of "
                 "experts and the ridge are those with the least error in ten folds of consecutive "
                 "years up to 1920, "
                 "and so is the family that is marked: years after 1920 have chosen nothing.",
     .figure = {"1712-1920", "1921-55", "1956-79"},
     .short_figure = {"1712-1920", "1921-55", "1956-79"},
     .set =
         {.name = MELE_I_SUNSPOTS, .table = "sunspots", .target = "y", .lags = 12, .blocks = true},
     .measure = "rmse",
     .unit = 1,
     .decimals = 3,
     .folds = 10,
     .repeats = 1,
     .quick_repeats = 1,
     .row = sunspots,
     .ours = sunspot_families},
    {.name = "vowels4",
     .title = "Four vowels",
     .protocol = "The vowels [i], [I], [a] and [A] by their first two formants. The source trained "
                 "on 50 of 75 "
                 "speakers and tested on 25; here each of three folds of the 76 speakers is left "
                 "out in turn, in each "
                 "of several deals. Nothing is chosen by the figures.",
     .figure = {"errors, %"},
     .short_figure = {"errors, %"},
     .set = {.name = "vowels4",
             .table = "vowels",
             .target = "Vowel",
             .classes = true,
             .features = "F1,F2",
             .group = "Speaker",
             .only = "aa,ah,ih,iy"},
     .measure = "error",
     .unit = 100,
     .decimals = 1,
     .folds = 3,
     .repeats = 5,
     .quick_repeats = 1,
     .row = vowels4,
     .ours = vowel_families},
    {.name = "vowels10",
     .title = "Ten vowels",
     .protocol = "All ten vowels by their first two formants. The source trained on 65 of 75 "
                 "speakers and tested on "
                 "10; here each of eight folds of the 76 speakers is left out in turn. Nothing is "
                 "chosen by the figures.",
     .figure = {"errors, %"},
     .short_figure = {"errors, %"},
     .set = {.name = "vowels10",
             .table = "vowels",
             .target = "Vowel",
             .classes = true,
             .features = "F1,F2",
             .group = "Speaker"},
     .measure = "error",
     .unit = 100,
     .decimals = 1,
     .folds = 8,
     .repeats = 1,
     .quick_repeats = 0,
     .row = vowels10,
     .ours = vowel_families},
    {.name = "mpg",
     .title = "Cars",
     .protocol = "Miles per gallon by the other figures of 392 cars: mean absolute error in ten "
                 "folds. Nothing is "
                 "chosen by the figures.",
     .figure = {"mean absolute error"},
     .short_figure = {"mae"},
     .set = {.name = "mpg", .table = "mpg", .target = "Miles_per_Gallon", .category = "Origin"},
     .measure = "mae",
     .unit = 1,
     .decimals = 2,
     .folds = 10,
     .repeats = 1,
     .quick_repeats = 1,
     .row = cars,
     .ours = car_families},
};

const mele_i_published *mele_i_published_at(size_t i)
{
    return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

size_t mele_i_published_clusters(bool quick, size_t i)
{
    static const size_t clusters[] = {2, 3, 4, 7, 0}, fewer[] = {2, 4, 0};

    return quick ? fewer[i] : clusters[i];
}

const char *mele_i_published_ridge(bool quick, size_t i)
{
    static const char *const ridges[] = {"0.3", "3", NULL}, *const fewer[] = {"3", NULL};

    return quick ? fewer[i] : ridges[i];
}
