#ifndef MELE_MEASURE_DRAW_H
#define MELE_MEASURE_DRAW_H

#include <stddef.h>
#include <stdint.h>

#include <mele/status.h>

#include "core/stream.h"

/* What rows are drawn from. A stratum is a region with a class. */
typedef struct mele_i_population {
    size_t rows;
    const double *weights;   /* rows, >= 0; those of 0 are not drawn. NULL: all 1 */
    const uint32_t *region;  /* rows, below `regions`; NULL: one region */
    size_t regions;
    const double *class;     /* rows, whole numbers below `classes`; NULL: one class */
    size_t classes;
    const size_t *group;     /* rows, ids: rows of one id are drawn together. NULL: one by one */
} mele_i_population;

/* The rows that were drawn, ascending, with their weights: mele_i_drawn_clear() frees. */
typedef struct mele_i_drawn {
    size_t count;
    size_t *row;     /* NULL: the sample is all there is, nothing was drawn */
    double *weights;
} mele_i_drawn;

/* Draw about so many of the rows of positive weight, without replacement; *out has none where there are
 * no more than that. Each stratum gives a number in proportion to its rows, but no fewer than a quarter
 * of an equal share, or all that it has, and at least one: so there are more rows than wanted where
 * there are more strata, or where groups are drawn, of which the last may be large. A weight is the
 * row's own times what its stratum weighs in all over what it weighs in the sample, so that sums over the
 * sample stand for those over all rows.
 * The same for any number of threads: it depends on the stream and the population alone.
 * MELE_ENOMEM. O(rows). Holds 8 bytes a row drawn twice, and with groups 9 a row and 16 a group. */
mele_status mele_i_draw_rows(const mele_i_population *population, size_t wanted,
                               mele_i_stream stream, mele_i_drawn *out, mele_error *error);
void mele_i_drawn_clear(mele_i_drawn *sample);

#endif
