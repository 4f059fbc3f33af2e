#ifndef MELE_MEASURE_PROBABILITY_H
#define MELE_MEASURE_PROBABILITY_H

/* What the probability of a class counts as at least, where its logarithm is taken. */
#define MELE_I_LEAST_PROBABILITY 0x1p-52

#endif
