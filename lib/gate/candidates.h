#ifndef MELE_GATE_CANDIDATES_H
#define MELE_GATE_CANDIDATES_H

#include <stdbool.h>

#include <mele/gate.h>

#define MELE_I_GATE_AUTO "auto"

bool mele_i_gate_is_auto(const mele_gate_options *options);

/* What "auto" chooses from, by ascending complexity: the options of the i-th candidate in *out, which are
 * those given but for the kind and, unless they say that, what it sees. False: past the last. */
bool mele_i_gate_candidate(const mele_gate_options *options, size_t i, mele_gate_options *out);

#endif
