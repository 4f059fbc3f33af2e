#ifndef MELE_PARTITION_OPTIONS_H
#define MELE_PARTITION_OPTIONS_H

#include <mele/partition.h>

#include "core/option.h"

/* The i-th table of the options of stage 1; NULL past the last. */
enum { MELE_I_PARTITION_REGIONS, MELE_I_PARTITION_SEARCH };
const mele_i_option_table *mele_i_partition_options_at(size_t i);

/* The i-th way to start that needs nothing given; NULL past the last. */
const char *mele_i_partition_way(size_t i);

/* MELE_EINVAL: one is not what it may be. */
mele_status mele_i_partition_options_check(const mele_partition_options *options, mele_error *error);

#endif
