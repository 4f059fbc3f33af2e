#ifndef MELE_PARTITION_KMEANS_H
#define MELE_PARTITION_KMEANS_H

#include "partition/kind.h"

/* How much nearer rows are to their own centres than to any other. */
typedef struct mele_i_lead {
    double least; /* in squares, by at least this and by 2^-30 of the larger one; 0: not known */
    double most;  /* no squared distance is larger */
} mele_i_lead;

/* Lloyd's iteration from the attempt's start, or when `iterate` is false the start itself with
 * the rows assigned to it.
 * @param centres  room for options->clusters centres; *clusters of them are left, none empty.
 * @param label    n labels below *clusters (rows of weight zero too).
 * @param lead     what is known of it without another pass; NULL: not wanted.
 * @param info     all of it but `merged`. */
mele_status mele_i_lloyd(const mele_i_attempt *attempt, bool iterate, bool tell, double *centres,
                         size_t *clusters, uint32_t *label, mele_i_lead *lead,
                         mele_partition_info *info, mele_error *error);

#endif
