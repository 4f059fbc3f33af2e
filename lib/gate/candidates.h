#ifndef MELE_GATE_CANDIDATES_H
#define MELE_GATE_CANDIDATES_H

#include <stdbool.h>

#include <mele/gate.h>

#define MELE_I_GATE_AUTO "auto"

bool mele_i_gate_is_auto(const mele_gate_options *options);

/* Whether its training takes much longer than that of the others, for which it is no candidate on more
 * than so many rows. */
#define MELE_I_GATE_LATE_ROWS 5000
bool mele_i_gate_takes_long(const mele_gate_options *options);

/* What "auto" chooses from, by ascending complexity: the options of the i-th candidate in *out, which are
 * those given but for the kind, for what it sees and for a coarse tolerance, unless they say these. False:
 * past the last. */
bool mele_i_gate_candidate(const mele_gate_options *options, size_t i, mele_gate_options *out);

#endif
