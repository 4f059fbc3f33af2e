#ifndef MELE_PARTITION_START_H
#define MELE_PARTITION_START_H

#include "partition/kind.h"

/* Choose where an attempt starts: options->clusters centres by options->init (NULL: kmeans++) or as given.
 * *found of them are written: fewer when the rows of positive weight, or for k-means++ the
 * distinct ones among them, are fewer. */
mele_status mele_i_start(const mele_i_attempt *attempt, double *centres, size_t *found,
                         mele_error *error);

#endif
