#ifndef MELE_EXPERT_EXPERT_H
#define MELE_EXPERT_EXPERT_H

#include <jansson.h>
#include <mele/expert.h>

/* The section "experts" of a model: a new reference, NULL when memory ran out. */
json_t *mele_i_experts_save(const mele_experts *experts);
mele_status mele_i_experts_load(const json_t *section, mele_experts **out, mele_error *error);

/* For reports: the M x (d + 1) coefficients (intercept first, scaled units) of expert k, or of
 * the global expert when k is K; a fallback has the global expert's. False for kinds that have
 * none. */
bool mele_i_experts_coefficients(const mele_experts *experts, size_t k, double *out);

/* Whether expert k is a fallback to the global expert. */
bool mele_i_experts_fallback(const mele_experts *experts, size_t k);

#endif
