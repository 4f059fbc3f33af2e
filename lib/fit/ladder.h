#ifndef MELE_FIT_LADDER_H
#define MELE_FIT_LADDER_H

#include <mele/data.h>
#include <mele/options.h>

/* The numbers of regions, or experts, to choose from, ascending: those of the options' range, or of 1, 2, 3, 4,
 * 6, 8, 12, 16, 24, 32 those for which the data have 20 rows each. *out is freed; both are untouched on error.
 * MELE_EDATA: more than rows; MELE_ENOMEM. */
mele_status mele_i_ladder_make(const mele_data *data, const mele_options *options, size_t **out,
                               size_t *count, mele_error *error);

#endif
