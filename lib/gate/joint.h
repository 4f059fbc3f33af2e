#ifndef MELE_GATE_JOINT_H
#define MELE_GATE_JOINT_H

#include "gate/kind.h"

/* A gate that is trained together with the experts: whoever has an objective over both moves its
 * parameters, by the members of its kind (parameters, set, forward, backward). */

/* The gate that training would start from on these data, of which log posteriors, x, weights,
 * center and scale are looked at: that of equal weights, or, where log posteriors are there, the
 * posterior gate; or options->start. Options have been checked. Freed with mele_gate_free().
 * MELE_EINVAL: a kind that has no parameters; a start of another kind. */
mele_status mele_i_gate_begin(const mele_gate_data *data, const mele_gate_options *options,
                              mele_engine *engine, mele_gate **out, mele_error *error);

/* A softmax gate, also one that is under training, becomes one of kind sparse: only the `active`
 * largest weights of a row, 1 to all of them, are not 0. */
void mele_i_gate_make_sparse(mele_gate *gate, size_t active);

/* All but the `active` largest of these logits become -infinity; of equal ones the first are kept.
 * room: for `active` numbers. */
void mele_i_gate_keep_largest(double *logits, size_t clusters, size_t active, double *room);

/* Its parameters are what they are to be: make it ready for use. */
void mele_i_gate_end(mele_gate *gate);

/* The weight of the k-th expert becomes that of the order[k]-th. MELE_ENOMEM; MELE_EINVAL: a gate that is
 * made of posteriors. */
mele_status mele_i_gate_reorder(mele_gate *gate, const size_t *order, mele_error *error);

#endif
