#ifndef MELE_MODEL_FAMILY_OPTIONS_H
#define MELE_MODEL_FAMILY_OPTIONS_H

#include <mele/options.h>

#include "core/option.h"

/* The table of the options of families; the structure is mele_family_options. NULL past the last. */
const mele_i_option_table *mele_i_family_options_at(size_t i);

mele_family_options mele_i_family_defaults(void);

/* The i-th name of families.h; NULL past the last. */
const char *mele_i_family_name(size_t i);

#endif
