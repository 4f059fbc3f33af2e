#ifndef MELE_PARTITION_CORESET_H
#define MELE_PARTITION_CORESET_H

#include "core/stream.h"
#include "partition/kind.h"

/* A few weighted rows that stand for many (see coreset.c). */
typedef struct mele_i_coreset {
    mele_i_sample sample; /* of the rows below, described */
    double *rows, *weights;
} mele_i_coreset;

/* Draw so many rows of a sample; *drawn is false, and *out empty, when the rows of the sample
 * are all equal. Two passes. Freed with mele_i_coreset_clear() whatever is returned. */
mele_status mele_i_coreset_draw(const mele_i_sample *sample, size_t rows, mele_i_stream *stream,
                                mele_engine *engine, mele_i_coreset *out, bool *drawn,
                                mele_error *error);
void mele_i_coreset_clear(mele_i_coreset *coreset);

#endif
