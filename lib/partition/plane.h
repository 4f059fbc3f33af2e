#ifndef MELE_PARTITION_PLANE_H
#define MELE_PARTITION_PLANE_H

#include "partition/kind.h"

/* The way to start of that name, which draws nothing: all restarts are alike. */
#define MELE_I_PLANE "plane"

/* Units of a map, row after row: R x C = K of them. */
typedef struct mele_i_grid {
    size_t rows, columns;
} mele_i_grid;

/* The grid that the options give, else the one nearest to a square: the largest R with R <= C and
 * R C = K; of data in one column a line, 1 x K. */
mele_i_grid mele_i_grid_of(const mele_partition_options *options, size_t columns);

/* All K centres, on the plane of the first two principal components. */
mele_status mele_i_plane(const mele_i_attempt *attempt, double *centres, size_t *found,
                         mele_error *error);

#endif
