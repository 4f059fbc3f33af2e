#ifndef MELE_PARTITION_BOUNDS_H
#define MELE_PARTITION_BOUNDS_H

#include <mele/matrix.h>
#include <mele/rows.h>

#include "partition/filter.h"

/* What is known of every row's distances, so that most rows need not be looked at (see
 * bounds.c). */
typedef struct mele_i_bounds {
    mele_i_filter *filter;
    bool known;       /* all rows have bounds */
    float *y;         /* n narrow rows, once bounds are known; NULL: made when wanted */
    float *upper;     /* n: on the distance to the own centre, before the drifts */
    float *lower;     /* a group: on the distance to any other centre of it, before the falls */
    float *drift;     /* K: how far each centre has moved in all */
    float *lane_drift; /* the same of every lane of the filter's groups */
    float *half;      /* K: half the distance to the nearest other centre, or 0 */
    float *fall;      /* groups: how far at most the centres of each have moved in all */
    double *drift_sum, *fall_sum; /* what drift and fall are rounded up from */
    double *between;  /* distances of MELE_I_GROUP centres to all; NULL: half is not wanted */
} mele_i_bounds;

/* Rows whose label changed, in order, and the labels that they had. */
typedef struct mele_i_changes {
    size_t count;
    uint32_t *row, *from;
} mele_i_changes;

/* Bounds of so many rows, none known; with leave to keep narrow rows, where they are not much beside
 * the rows themselves. Freed with mele_i_bounds_clear() whatever is returned. */
mele_status mele_i_bounds_make(mele_i_bounds *bounds, mele_i_filter *filter, size_t rows, bool keep,
                               mele_error *error);
void mele_i_bounds_clear(mele_i_bounds *bounds);

/* The filter's centres become these. */
void mele_i_bounds_move(mele_i_bounds *bounds, const double *centres);

size_t mele_i_bounds_bytes(const mele_i_bounds *bounds, size_t rows);

/* Rows of a block that are read where they are wanted, each to its place. */
typedef struct mele_i_fetch {
    const mele_rows *rows;
    size_t first; /* of the block */
    double *to;   /* room for the block, without gaps */
    mele_status status;
    mele_error *error;
} mele_i_fetch;

/* Read these rows of the block, which ascend, unless something failed before. */
void mele_i_fetch_rows(mele_i_fetch *fetch, const uint32_t *row, size_t count);

/* Whether labels need few of a block's rows: narrow ones are kept, and all have bounds. */
static inline bool mele_i_bounds_need_few(const mele_i_bounds *bounds)
{
    return bounds->known && bounds->y != NULL;
}

/* Correct the labels of the rows x, the first of which is row `first` (a multiple of MELE_I_GROUP) and
 * has the label *label. Fills changes, unless no bounds are known yet. fetch: NULL; or what reads
 * those of the rows that are wanted to x, where few are needed. Returns how many rows were unclear. */
size_t mele_i_bounds_label(const mele_i_bounds *bounds, const mele_matrix *x, size_t first,
                           uint32_t *label, mele_i_changes *changes, mele_i_fetch *fetch,
                           void *scratch);

#endif
