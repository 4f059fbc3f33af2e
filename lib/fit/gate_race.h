#ifndef MELE_FIT_GATE_RACE_H
#define MELE_FIT_GATE_RACE_H

#include "fit/race.h"

/* The race of numbers of regions and gates on them: the whole fit by stages is made again outside each fold
 * (gate_race.c). */
mele_status mele_i_gate_race(const mele_data *data, const mele_options *options, mele_i_racer *racers,
                             size_t count, mele_engine *engine, mele_i_race_course *course,
                             mele_error *error);

#endif
