#ifndef MELE_MODEL_PREDICTIONS_H
#define MELE_MODEL_PREDICTIONS_H

#include <mele/predictions.h>

#define MELE_I_EXPERT_PREFIX_ROOM 48

/* What the name of a column begins with that has what expert k (from 0) says, before the name of
 * the target or of the class: "expert_1_", "expert_1_prob_" of classes, "expert_1_sd_" of standard
 * deviations. Returns its length. */
size_t mele_i_expert_prefix(bool classes, bool sd, size_t k, char out[MELE_I_EXPERT_PREFIX_ROOM]);

#endif
