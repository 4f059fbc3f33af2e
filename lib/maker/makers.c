#include "maker/makers.h"

static const char *const two[] = {"class1", "class2", NULL};
static const char *const three[] = {"class1", "class2", "class3", NULL};

/* A data set is a function and a row here. */
static const mele_i_maker table[] = {
    {"friedman1", "ten features, of which five count, smoothly (Friedman 1991)", 1, 10, NULL, NULL, 1,
     mele_i_maker_friedman1},
    {"friedman2", "the impedance of a circuit by four features (Friedman 1991)", 2, 4, NULL, NULL, 125,
     mele_i_maker_friedman2},
    {"friedman3", "the phase of a circuit by four features (Friedman 1991)", 3, 4, NULL, NULL, 0.1,
     mele_i_maker_friedman3},
    {"branin", "a smooth function of two features with three minima (Branin 1972)", 4, 2, NULL, NULL, 0,
     mele_i_maker_branin},
    {"piecewise", "a wave that becomes a line, by one feature (Gramacy, Lee 2008)", 5, 1, NULL, NULL, 0.1,
     mele_i_maker_piecewise},
    {"regimes", "two laws by a hidden state, which only the last output shows", 6, 8, "last", NULL, 0.5,
     mele_i_maker_regimes},
    {"waveform", "three classes of waves at 21 points (Breiman et al. 1984)", 7, 21, NULL, three, 1,
     mele_i_maker_waveform},
    {"twonorm", "two normal classes side by side in 20 features (Breiman 1996)", 8, 20, NULL, two, -1,
     mele_i_maker_twonorm},
    {"ringnorm", "a normal class within a wider one in 20 features (Breiman 1996)", 9, 20, NULL, two, -1,
     mele_i_maker_ringnorm},
    {"spirals", "two spirals of three turns in the plane (Lang, Witbrock 1988)", 10, 2, NULL, two, 0,
     mele_i_maker_spirals},
};

const mele_i_maker *mele_i_maker_at(size_t i)
{
    return i < sizeof table / sizeof *table ? &table[i] : NULL;
}
