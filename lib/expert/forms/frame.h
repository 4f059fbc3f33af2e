#ifndef MELE_EXPERT_FRAME_H
#define MELE_EXPERT_FRAME_H

#include <stdbool.h>

#include <mele/engine.h>
#include <mele/matrix.h>
#include <mele/rows.h>

#include "engine/rows.h"
#include "expert/regions.h"

/* The units that experts are trained in: z = scale x - shift for every column. The shift is the
 * column's mean, so that little is lost to a large offset; the scale is 1, or for columns beyond
 * 2^-100 .. 2^100 the power of two that brings their largest value near 1 (a ridge then acts on
 * the scaled column). Columns are those of x, then those of the targets. */
typedef struct mele_i_frame {
    size_t features, columns; /* of x; of both */
    double *shift, *scale;
} mele_i_frame;

/* y NULL: features only. Rows of weight zero have no say. Free with mele_i_frame_free(), also after a
 * failure. */
mele_status mele_i_frame_make(mele_i_frame *frame, const mele_rows *x, const mele_rows *y,
                              const mele_i_regions *regions, mele_engine *engine,
                              mele_error *error);

/* The same without reading all rows: of many rows the shift is the mean of some thousands, spread
 * over all of them, and the scale is 1; the caller, who will read all rows, has to see that every
 * column is ordinary. *guessed: whether it is so. */
mele_status mele_i_frame_guess(mele_i_frame *frame, const mele_rows *x, const mele_rows *y,
                               const mele_i_regions *regions, bool *guessed, mele_engine *engine,
                               mele_error *error);

/* Whether a column with these extremes has a scale of 1. */
bool mele_i_frame_ordinary(double low, double high);

void mele_i_frame_free(mele_i_frame *frame);

/* Rows as they lie in memory, from some row on: x, and y where the frame has targets. */
typedef struct mele_i_frame_source {
    const double *x, *y;
    size_t x_stride, y_stride;
} mele_i_frame_source;

/* Those of a block, in place or read to the scratch memory (mele_i_rows_room() of each). */
static inline mele_status mele_i_frame_take(const mele_rows *x, const mele_rows *y,
                                            mele_i_block block, double *x_scratch,
                                            double *y_scratch, mele_i_frame_source *out,
                                            mele_error *error)
{
    mele_status status = mele_i_rows_take(x, block, x_scratch, &out->x, &out->x_stride, error);

    return status == MELE_OK
               ? mele_i_rows_take(y, block, y_scratch, &out->y, &out->y_stride, error)
               : status;
}

/* The given rows of the source (row NULL: the first `count`) in the frame's units, row-major,
 * frame->columns a row. */
void mele_i_frame_rows(const mele_i_frame *frame, const mele_i_frame_source *source,
                       const size_t *row, size_t count, double *out);

/* The columns [x y 1] of the given rows, row-major, each row times its factor; what is beyond them
 * of the `width` numbers of a row stays as it is. */
void mele_i_frame_pack(const mele_i_frame *frame, const mele_i_frame_source *source,
                       const size_t *row, const double *factor, size_t count, size_t width,
                       double *out);

/* The columns [1 x y] of the given rows (row NULL: the first `count`), column-major, each row times
 * its factor, filled up with zeros to `rows` rows. */
void mele_i_frame_columns(const mele_i_frame *frame, const mele_i_frame_source *source,
                          const size_t *row, const double *factor, size_t count, size_t rows,
                          double *out);

/* The linear function of d features in the frame, intercept first, as one of raw features
 * (times y_scale, plus y_shift); numbers beyond the doubles are cut to the largest. `raw` may
 * be `framed`. */
void mele_i_frame_raw(const mele_i_frame *frame, size_t d, const double *framed, double y_scale,
                      double y_shift, double *raw);

#endif
