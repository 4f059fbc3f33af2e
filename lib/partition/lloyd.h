#ifndef MELE_PARTITION_LLOYD_H
#define MELE_PARTITION_LLOYD_H

#include "engine/kernels.h"
#include "partition/kmeans.h"

/* Lloyd's iteration as tests want to see it. */
typedef struct mele_i_lloyd_watch {
    const mele_i_kernels *kernels; /* NULL: mele_i_kernels_best() */
    /* Told after every assignment: the centres and the label of every row. NULL: nobody. */
    void (*seen)(void *context, size_t iteration, const double *centres, const uint32_t *label);
    void *context;
    size_t unclear; /* rows that were done again in double precision, in all */
} mele_i_lloyd_watch;

/* mele_i_lloyd() while somebody watches; NULL: nobody does. */
mele_status mele_i_lloyd_watched(const mele_i_attempt *attempt, bool iterate, bool tell,
                                 mele_i_lloyd_watch *watch, mele_i_lloyd_result *result,
                                 mele_error *error);

#endif
