/* The claims of Masoudnia and Ebrahimpour's survey ("Mixture of experts: a literature survey",
 * Artificial Intelligence Review 42, 2014) and of what it cites, in our words. It is qualitative:
 * kinds, sets, questions and margins are ours, and stand here before anything is run. */
#include "study/claims.h"

#include <string.h>

/* Without steps of EM after the stages. */
#define ALONE "refine", "", false

/* Implicitly localized: gate and experts learn together. */
static const mele_i_kind mile = {"MILE", {{"me", {{0}}}, {"me-em", {{0}}}}};

/* Explicitly localized: regions first. */
static const mele_i_kind mele = {"MELE", {{"mele", {{ALONE}}}}};

static const mele_i_kind either = {"MELE or MILE",
                                   {{"mele", {{ALONE}}}, {"me", {{0}}}, {"me-em", {{0}}}}};

/* Regions first, then together. */
static const mele_i_kind hybrid = {
    "hybrid", {{"me-regions", {{0}}}, {"mele-em", {{0}}}, {"mele", {{"refine", "", true}}}}};

/* Of networks, as those of NCL are: with other experts that would be what differs. */
static const mele_i_kind me = {"ME of networks", {{"me", {{"expert", "mlp", false}}}}};
static const mele_i_kind mnce = {"MNCE of networks", {{"mnce", {{"expert", "mlp", false}}}}};
static const mele_i_kind ncl = {"NCL", {{"ncl", {{0}}}}};
static const mele_i_kind gated_ncl = {"gated NCL", {{"gated-ncl", {{0}}}}};

static const mele_i_kind boosted_together = {
    "boosted ME", {{"boosted-me", {{"combine", "gate", false}, {"em-iter", "0", true}}}}};
static const mele_i_kind boosted_frozen = {
    "gate over boosted experts",
    {{"boosted-me", {{"combine", "gate", false}, {"em-iter", "0", false}}}}};
static const mele_i_kind boosted_mean = {"mean of boosted experts",
                                         {{"boosted-me", {{"combine", "mean", false}}}}};

static const mele_i_kind softmax = {"softmax gate", {{"me-em", {{0}}}}};
static const mele_i_kind gaussian = {"Gaussian gate", {{"lme", {{0}}}}};

static const mele_i_claim claims[] = {
    {"H1",
     "Implicit and explicit localization complement each other: neither is the better one "
     "everywhere",
     {{"each has less loss than the other on some set", &mele, &mile, MELE_I_LOSS, MELE_I_ALL_SETS,
       MELE_I_BOTH_WAYS}}},
    {"H2",
     "Explicitly localized mixtures are trained faster, and come out more alike from seed to seed",
     {{"MELE takes less time to train than MILE", &mele, &mile, MELE_I_TIME, MELE_I_ALL_SETS,
       MELE_I_BETTER},
      {"MELE's loss varies less over seeds than MILE's", &mele, &mile, MELE_I_SPREAD,
       MELE_I_ALL_SETS, MELE_I_BETTER}}},
    {"H3",
     "Implicit localization finds regimes that the inputs do not show",
     {{"MILE has less loss than MELE where the output sets the regimes", &mile, &mele, MELE_I_LOSS,
       MELE_I_OUTPUT_REGIMES, MELE_I_BETTER},
      {"MILE is ahead of MELE there by more than elsewhere", &mile, &mele, MELE_I_LOSS,
       MELE_I_OUTPUT_REGIMES, MELE_I_MORE_THERE}}},
    {"H4",
     "A hybrid of both is at least as good as the better of the two",
     {{"a hybrid has no more loss than the better of MELE and MILE", &hybrid, &either, MELE_I_LOSS,
       MELE_I_ALL_SETS, MELE_I_NO_WORSE}}},
    {"H5",
     "Networks that are kept from erring alike inside a mixture (MNCE) classify better than a "
     "mixture (ME); without a gate (NCL) they are about as good as that",
     {{"MNCE errs less than ME", &mnce, &me, MELE_I_LOSS, MELE_I_CLASSES, MELE_I_BETTER, true},
      {"NCL errs about as much as ME", &ncl, &me, MELE_I_LOSS, MELE_I_CLASSES,
       MELE_I_ABOUT_EQUAL, true}}},
    {"H6",
     "Negatively correlated networks do better under a gate than by their mean",
     {{"gated NCL has less loss than NCL", &gated_ncl, &ncl, MELE_I_LOSS, MELE_I_ALL_SETS,
       MELE_I_BETTER, true}}},
    {"H7",
     "Boosted experts that are then trained together with a gate do better than by their mean; a "
     "gate over them as they are does about as well as the mean",
     {{"boosted ME has less loss than the mean of boosted experts", &boosted_together,
       &boosted_mean, MELE_I_LOSS, MELE_I_ALL_SETS, MELE_I_BETTER},
      {"a gate over boosted experts has about the loss of their mean", &boosted_frozen,
       &boosted_mean, MELE_I_LOSS, MELE_I_ALL_SETS, MELE_I_ABOUT_EQUAL}}},
    {"H8",
     "For classes a softmax gate is at least as good as a Gaussian one (Moerland 1997)",
     {{"a softmax gate errs no more than a Gaussian one", &softmax, &gaussian, MELE_I_LOSS,
       MELE_I_CLASSES, MELE_I_NO_WORSE}}},
};

const mele_i_claim *mele_i_claim_at(size_t i)
{
    return i < sizeof claims / sizeof *claims ? &claims[i] : NULL;
}

/* Of "data/tonedata.csv" "tonedata": without directories, and up to what is no letter or digit. */
bool mele_i_claims_output_regimes(const char *set)
{
    static const char *const names[] = {"regimes", "tonedata"};
    const char *slash = strrchr(set, '/');
    const char *name = slash == NULL ? set : slash + 1;
    const size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789");

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
            return true;
    return false;
}

bool mele_i_tests_over_sets(const mele_i_claim_part *claim, size_t sets)
{
    return sets >= MELE_I_LEAST_SETS && claim->sets != MELE_I_OUTPUT_REGIMES;
}
