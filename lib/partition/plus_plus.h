#ifndef MELE_PARTITION_PLUS_PLUS_H
#define MELE_PARTITION_PLUS_PLUS_H

#include "core/stream.h"
#include "partition/kind.h"

/* K centres by k-means++; *found: fewer when the distinct rows of positive weight are fewer. */
mele_status mele_i_plus_plus(const mele_i_attempt *attempt, mele_i_stream *stream, double *centres,
                             size_t *found, mele_error *error);

#endif
