#ifndef MELE_SCHEMA_OPTIONS_H
#define MELE_SCHEMA_OPTIONS_H

#include <mele/data.h>

#include "core/option.h"

/* The i-th table of the options of data, those of their file among them; NULL past the last. */
const mele_i_option_table *mele_i_data_options_at(size_t i);

/* MELE_EINVAL: one is not what it may be. */
mele_status mele_i_data_options_check(const mele_data_options *options, mele_error *error);

#endif
