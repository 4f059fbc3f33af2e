#ifndef MELE_FIT_RACE_H
#define MELE_FIT_RACE_H

#include <mele/fit.h>

#include "fit/course.h"

/* A number of regions, and perhaps a gate on them, in a race, and how they came out. */
typedef struct mele_i_racer {
    size_t clusters;
    mele_gate_options gate; /* of a race of gates; kind NULL: that of the options */
    bool one;      /* it is one model for all rows, which is never given up */
    bool late;     /* it runs only with the K of the best of the others, when these are through, and unless numbers
                      climb only where there are few rows */
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

/* Racers that run together in one fold, those of them that are marked `running`. */
typedef struct mele_i_heat {
    const mele_i_course *course;
    const mele_i_racer *racers;
    const bool *running;
    size_t count, fold;
    mele_i_sums sums; /* of the first of them, by the slices of the fold */
    size_t stride;    /* from one's sums to those of the next */
} mele_i_heat;

mele_i_sums mele_i_heat_sums(const mele_i_heat *heat, size_t i);

/* What races, and how. */
typedef struct mele_i_race_rules {
    const mele_data *data;
    const mele_options *options;
    const char *stage; /* of progress */
    bool alone;        /* each racer runs by itself, and the simplest of all, not of those with the K of the best,
                          is taken; false: racers of one K run together, and K is that of the best */

    bool climbs;       /* larger numbers of regions run only as long as they gain; one that has not run has no loss
                          and no folds */

    /* Train those that run of a heat outside its fold, and add what the rows inside lose to their sums. MELE_EDATA:
     * the rows outside cannot be fitted so. */
    mele_status (*run)(void *context, const mele_i_heat *heat, mele_engine *engine, mele_error *error);
    void *context;
} mele_i_race_rules;

/* The cross-validated losses of `count` racers, by ascending numbers of regions and, of one number, by
 * ascending complexity (race.c); *course is untouched on error. */
mele_status mele_i_race(const mele_i_race_rules *rules, mele_i_racer *racers, size_t count,
                        mele_engine *engine, mele_i_race_course *course, mele_error *error);

#endif
