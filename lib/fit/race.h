#ifndef MELE_FIT_RACE_H
#define MELE_FIT_RACE_H

#include <mele/fit.h>

/* A number of regions and a gate on them in a race, and how they came out. */
typedef struct mele_i_racer {
    size_t clusters;
    mele_gate_options gate; /* kind NULL: that of the options */
    bool one;      /* it is one model for all rows, which is never given up */
    bool late;     /* it takes long: it runs where there are few rows, and only with the K of the best of the
                      others, when these are through */
    double loss;   /* mean over the rows left out; NaN: there is none */
    size_t folds;  /* that it ran in */
    double gain;   /* how much less it loses than the one model in the folds that both ran in, and what */
    double chance; /* chance alone gains in 1 of 20 cases; NaN: there is no such racer, or no loss */
    double excess; /* how much more it loses than the one of least loss, and the standard error of that; */
    double error;  /* NaN: not known */
} mele_i_racer;

/* What the racers ran on, and who won. */
typedef struct mele_i_race_course {
    size_t folds;  /* racers that were given up, or were the last that was left, have run in fewer. 0:
                      the data are too few to be dealt, and no racer has a loss */
    size_t rows;   /* of the data: all, or a sample of many */
    size_t chosen; /* the racer that is to be taken; as many as there are: nobody has a loss */
} mele_i_race_course;

/* The cross-validated losses of `count` racers, by ascending numbers of regions and, of one number, by
 * ascending complexity of the gate (race.c); *course is untouched on error. */
mele_status mele_i_race(const mele_data *data, const mele_options *options, mele_i_racer *racers,
                        size_t count, mele_engine *engine, mele_i_race_course *course,
                        mele_error *error);

#endif
