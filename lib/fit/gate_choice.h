#ifndef MELE_FIT_GATE_CHOICE_H
#define MELE_FIT_GATE_CHOICE_H

#include "fit/gate_record.h"
#include "fit/gate_source.h"

/* The choice of the gate. */

/* The racers for some numbers of regions, ascending: with each gate that auto tries, or the one that the
 * options name. *out is to be freed. MELE_ENOMEM. */
mele_status mele_i_gate_racers(const mele_data *data, const mele_options *options,
                               const size_t *clusters, size_t count, mele_i_racer **out,
                               size_t *racers, mele_error *error);

/* Settle run->gate, if it is auto: as stage 1 has recorded, or else by refits in folds. It stays auto
 * where there are neither; run->why_no_refits then says why. */
mele_status mele_i_run_choose_gate(mele_i_run *run, mele_error *error);

/* Settle it where it is still auto, by folds of the gate alone: source has left-out predictions, global
 * (NULL: there are none) those of the global expert, of the same rows. */
mele_status mele_i_run_rank_gates(mele_i_run *run, const mele_i_gate_source *source,
                                  const mele_i_gate_source *global, mele_error *error);

/* The most complex gate that run->gate may become, where it is auto; else that. */
mele_gate_options mele_i_run_largest_gate(const mele_i_run *run);

#endif
