/* The options of families: which one, and what only some of them look at. */
#include "model/family_options.h"

#include <stddef.h>

#include "model/families.h"

#define MEMBER(name) MELE_I_MEMBER(mele_family_options, name)
#define DEFAULT "mele"
#define MOST_PARAMETERS 1e9
#define ACTIVE 2 /* of sparse */
#define NOISE 0.3
#define BALANCE 0.3
#define EM_ITERATIONS 500
#define COMBINE "gate"
#define MOST_DEPTH 30 /* levels: of 2^30 experts */

const char *mele_i_family_name(size_t i)
{
#define NAME(identifier, name) name,
    static const char *const names[] = {MELE_I_FAMILIES(NAME)};
#undef NAME

    return i < sizeof names / sizeof *names ? names[i] : NULL;
}

mele_family_options mele_i_family_defaults(void)
{
    return (mele_family_options){.name = DEFAULT, .em_iterations = EM_ITERATIONS,
                                 .lambda = MELE_LAMBDA_AUTO, .active = ACTIVE, .noise = NOISE,
                                 .balance = BALANCE, .combine = COMBINE};
}

/* The i-th way, NULL past the last. */
static const char *combination(size_t i)
{
    static const char *const names[] = {COMBINE, "mean"};

    return i < sizeof names / sizeof *names ? names[i] : NULL;
}

static const mele_i_option rows[] = {
    {.name = "family", .argument = "NAME",
     .help = "how the parts of the model are trained",
     MEMBER(name), .type = MELE_I_CHOICE, .choice = mele_i_family_name, .unsaid = DEFAULT},
    {.name = "lambda", .argument = "L|auto",
     .help = "ncl, mnce, gated-ncl: the penalty for experts that err alike, 0 to 1; auto: by "
     "cross-validation",
     MEMBER(lambda), .type = MELE_I_NUMBER, .least = 0, .most = 1, .word = "auto",
     .word_value = MELE_LAMBDA_AUTO},
    {.name = "active", .argument = "N",
     .help = "sparse: so many experts see a row, those with the largest weights",
     MEMBER(active), .type = MELE_I_WHOLE, .least = 1, .most = 1e9},
    {.name = "noise", .argument = "S",
     .help = "sparse: standard deviation of the noise that training adds to the gate's logits",
     MEMBER(noise), .type = MELE_I_NUMBER, .least = 0, .most = 1e3},
    {.name = "balance", .argument = "L",
     .help = "sparse: weight of the penalty for experts that see unequal shares of the rows",
     MEMBER(balance), .type = MELE_I_NUMBER, .least = 0, .most = 1e6},
    {.name = "parameters", .argument = "N",
     .help = "family one with mlp: as many hidden units as make about N parameters, in place of --hidden",
     MEMBER(parameters), .type = MELE_I_WHOLE, .least = 1, .most = MOST_PARAMETERS, .optional = true},
    {.name = "em-iter", .argument = "N",
     .help = "families trained by EM: its iterations at most; 0: boosted-me without training its parts together",
     MEMBER(em_iterations), .type = MELE_I_WHOLE, .least = 0, .most = 1e9},
    {.name = "combine", .argument = "NAME",
     .help = "boosted-me: what makes one prediction of what the experts say",
     MEMBER(combine), .type = MELE_I_CHOICE, .choice = combination, .unsaid = COMBINE},
    {.name = "depth", .argument = "N",
     .help = "hme: levels of the tree of gates at most, 1 being a flat mixture (default: binary nodes)",
     MEMBER(depth), .type = MELE_I_WHOLE, .least = 1, .most = MOST_DEPTH, .optional = true},
    {.name = "grow",
     .help = "hme: grow the tree from one expert, splitting the worst one",
     MEMBER(grow), .type = MELE_I_FLAG},
};

const mele_i_option_table *mele_i_family_options_at(size_t i)
{
    static const mele_i_option_table table = MELE_I_OPTION_TABLE(rows);

    return i == 0 ? &table : NULL;
}
