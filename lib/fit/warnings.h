#ifndef MELE_FIT_WARNINGS_H
#define MELE_FIT_WARNINGS_H

#include "fit/stages.h"
#include "schema/encode.h"

/* Warn of what the rows and the regions made of them have that a user may not have meant.
 * summary: of the design columns. sizes: the rows of each region. */
void mele_i_warn_of_regions(const mele_i_run *run, const mele_i_summary *summary,
                            const mele_partition_info *info, const size_t *sizes);

#endif
