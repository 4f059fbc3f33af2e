#ifndef MELE_PARTITION_OPTIONS_H
#define MELE_PARTITION_OPTIONS_H

#include <mele/partition.h>

#include "core/option.h"

/* The fuzzifiers of fcm. */
#define MELE_I_LEAST_FUZZIFIER 1.001
#define MELE_I_USUAL_FUZZIFIER 2
#define MELE_I_MOST_FUZZIFIER 100

/* The i-th table of the options of stage 1; NULL past the last. */
enum { MELE_I_PARTITION_REGIONS, MELE_I_PARTITION_SEARCH };
const mele_i_option_table *mele_i_partition_options_at(size_t i);

/* The i-th way to start that needs nothing given; NULL past the last. */
const char *mele_i_partition_way(size_t i);

/* The way to start that these options come to: theirs, or the method's own. */
const char *mele_i_partition_start(const mele_partition_options *options);

/* MELE_EINVAL: one is not what it may be. */
mele_status mele_i_partition_options_check(const mele_partition_options *options, mele_error *error);

#endif
