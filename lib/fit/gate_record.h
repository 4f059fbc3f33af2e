#ifndef MELE_FIT_GATE_RECORD_H
#define MELE_FIT_GATE_RECORD_H

#include <jansson.h>

#include "fit/race.h"
#include "fit/run.h"

/* What is recorded of the choice of a gate, and who takes what was recorded. The records are objects, new
 * references; NULL: memory ran out. */

#define MELE_I_GATE_CHOICE_KEY "gate" /* of the record of stage 1, where that chose K and the gate */

/* Put how a racer came out into a record. False: memory ran out. */
bool mele_i_racer_put(const mele_i_racer *racer, bool chosen, json_t *object);

/* What was chosen of the gates that raced on as many regions, and of one model. */
json_t *mele_i_gate_choice_record(const mele_i_racer *racers, size_t count, size_t chosen);

/* The same of folds of the gate alone, which came to this gate; run->why_no_refits says why. */
json_t *mele_i_gate_ranks_record(const mele_i_run *run, const mele_gate_options *gate,
                                 const mele_gate_info *info);

/* The record of a gate of some kind. fresh: it was trained on rows that the experts had not seen; sampled: on
 * a sample of so many rows, 0: it was no sample. */
json_t *mele_i_gate_record(const mele_gate_info *info, const char *kind, bool fresh, size_t sampled);

/* The gate of a record, which is taken, becomes the run's. */
void mele_i_run_take_gate(mele_i_run *run, json_t *record);

/* Where run->gate is auto, and stage 1 has recorded what it chose with K, take that. */
void mele_i_run_recall_gate(mele_i_run *run);

/* Put what the run's gate was chosen from into a record of stage 3. False: memory ran out. */
bool mele_i_gate_put_choice(const mele_i_run *run, json_t *object);

#endif
