#ifndef MELE_GATE_OPTIONS_H
#define MELE_GATE_OPTIONS_H

#include <mele/gate.h>

#include "core/option.h"

/* The i-th table of the options of stage 3; NULL past the last. */
const mele_i_option_table *mele_i_gate_options_at(size_t i);

/* MELE_EINVAL: one is not what it may be. */
mele_status mele_i_gate_options_check(const mele_gate_options *options, mele_error *error);

#endif
