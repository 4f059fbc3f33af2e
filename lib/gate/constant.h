#ifndef MELE_GATE_CONSTANT_H
#define MELE_GATE_CONSTANT_H

#include <mele/gate.h>

/* A gate with the same weights in every row, of kind "constant". weights: K finite numbers >= 0, one of
 * them above 0, in any unit: they are divided by their sum; NULL: equal ones. MELE_ENOMEM. */
mele_status mele_i_gate_constant_make(const double *weights, size_t clusters, mele_gate **out,
                                      mele_error *error);

/* Its K weights, whose sum is 1; NULL: it is of another kind. */
const double *mele_i_gate_constant_weights(const mele_gate *gate);

#endif
