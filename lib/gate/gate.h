#ifndef MELE_GATE_GATE_H
#define MELE_GATE_GATE_H

#include <jansson.h>
#include <mele/gate.h>

/* The section "gate" of a model: a new reference, NULL when memory ran out. */
json_t *mele_i_gate_save(const mele_gate *gate);
mele_status mele_i_gate_load(const json_t *section, mele_gate **out, mele_error *error);

/* The feature columns the gate sees; 0: it sees posteriors only. */
size_t mele_i_gate_columns(const mele_gate *gate);

/* As mele_gate_log_weights(), on the calling thread, of log posteriors that are normalised
 * already. */
mele_status mele_i_gate_log_weights(const mele_gate *gate, const double *log_posteriors,
                                    const mele_matrix *x, size_t rows, double *out,
                                    mele_error *error);

#endif
