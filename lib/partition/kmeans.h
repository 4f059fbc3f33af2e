#ifndef MELE_PARTITION_KMEANS_H
#define MELE_PARTITION_KMEANS_H

#include "partition/kind.h"

/* Lloyd's iteration from the attempt's start, or when `iterate` is false the start itself with
 * the rows assigned to it.
 * @param centres  room for options->clusters centres; *clusters of them are left, none empty.
 * @param label    n labels below *clusters (rows of weight zero too).
 * @param info     all of it but `merged`. */
mele_status mele_i_lloyd(const mele_i_attempt *attempt, bool iterate, bool tell, double *centres,
                         size_t *clusters, uint32_t *label, mele_partition_info *info,
                         mele_error *error);

#endif
