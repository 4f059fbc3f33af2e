#ifndef MELE_MODEL_EXPERT_INFO_H
#define MELE_MODEL_EXPERT_INFO_H

#include <mele/text.h>

#include "model/model.h"

/* What the experts of a model are, in the data's units. */

/* An array of K objects, null where there is no expert: a new reference, NULL without memory. */
json_t *mele_i_experts_info(const mele_model *model);

/* The rows of the table of coefficients, with its header. */
mele_status mele_i_coefficients_table(const mele_model *model, mele_text *text, mele_error *error);

#endif
