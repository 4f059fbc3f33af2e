#ifndef MELE_FIT_RACE_H
#define MELE_FIT_RACE_H

#include <mele/fit.h>

/* A number of regions in a race, and how it came out. */
typedef struct mele_i_racer {
    size_t clusters;
    double loss;  /* mean over the rows left out; NaN: there is none */
    size_t folds; /* that it ran in */
    double gain;   /* how much less it loses than K = 1 in the folds that both ran in, and what */
    double chance; /* chance alone gains in 1 of 20 cases; NaN: K = 1 is no racer, or has no loss */
} mele_i_racer;

/* What the racers ran on. */
typedef struct mele_i_race_course {
    size_t folds; /* racers that were given up, or were the last that was left, have run in fewer. 0:
                     the data are too few to be dealt, and no racer has a loss */
    size_t rows;  /* of the data: all, or a sample of many */
} mele_i_race_course;

/* The cross-validated losses of `count` numbers of regions, by ascending number (race.c); *course is
 * untouched on error. */
mele_status mele_i_race(const mele_data *data, const mele_options *options, mele_i_racer *racers,
                        size_t count, mele_engine *engine, mele_i_race_course *course,
                        mele_error *error);

#endif
