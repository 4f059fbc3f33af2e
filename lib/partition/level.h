#ifndef MELE_PARTITION_LEVEL_H
#define MELE_PARTITION_LEVEL_H

#include "core/magnitude.h"
#include "partition/kind.h"

/* Some columns are constant but for the rounding of their numbers. Clustering would see differences
 * there that are none, so such a column is taken as one number for all rows. */
typedef struct mele_i_level {
    mele_rows rows; /* as they are */
    size_t count, *column;
    double *value; /* of each of these columns */
} mele_i_level;

/* Where a sample, which has been described, has such columns, its rows become leveled ones, and it
 * is described anew; what `level` holds must then outlive it. mele_i_level_clear() frees that, also
 * after a failure. */
mele_status mele_i_level_make(mele_i_level *level, mele_i_sample *sample, mele_i_origin origin,
                              mele_engine *engine, mele_error *error);
void mele_i_level_clear(mele_i_level *level);

#endif
