#ifndef MELE_MODEL_GATE_INFO_H
#define MELE_MODEL_GATE_INFO_H

#include <mele/text.h>

#include "model/model.h"

/* The rows of the table of a gate that is a tree, with its header. */
mele_status mele_i_tree_table(const mele_model *model, mele_text *text, mele_error *error);

#endif
