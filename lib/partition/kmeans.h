#ifndef MELE_PARTITION_KMEANS_H
#define MELE_PARTITION_KMEANS_H

#include "partition/kind.h"

/* How much nearer rows are to their own centres than to any other. */
typedef struct mele_i_lead {
    double least; /* in squares, by at least this and by 2^-30 of the larger one; 0: not known */
    double most;  /* no squared distance is larger */
} mele_i_lead;

typedef struct mele_i_lloyd_result {
    double *centres;  /* room for options->clusters of them, the caller's */
    size_t clusters;  /* how many are left, none empty */
    uint32_t *label;  /* n, the caller's: labels below clusters (rows of weight zero too) */
    bool wants_lead;
    mele_i_lead lead; /* if it is wanted: what is known of it without another pass */
    mele_partition_info info; /* all of it but `merged` */
} mele_i_lloyd_result;

/* Lloyd's iteration from the attempt's start, or when `iterate` is false the start itself with the
 * rows assigned to it. */
mele_status mele_i_lloyd(const mele_i_attempt *attempt, bool iterate, bool tell,
                         mele_i_lloyd_result *result, mele_error *error);

#endif
