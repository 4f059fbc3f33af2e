/* The kernels themselves, once for every width. A file that includes this has defined
 *   TABLE, NAME   what it provides
 *   TARGET        the attribute that lets its functions use the instructions
 *   LANES         rows in a vector;  SPAN  vectors in a tile of rows;  GROUP  centres at once,
 *                 a divisor of 8;  ACROSS  columns whose moments are taken at once
 *   vec, V_...    a vector of doubles and what is done with it
 *   transpose(), power_of_two(), mantissa()
 * and gets the same bits as its siblings, because a lane is a row: nothing here depends on
 * LANES, SPAN or GROUP but which rows are worked on together. Every product that is added to
 * something is a V_FMA, so that no compiler can choose whether to contract it.
 *
 * Rows are transposed in registers to tiles: column j of the tile is ROWS neighbouring numbers.
 * The last tile repeats its last row; what it computes for the repetitions is thrown away. */

#include "engine/kernels_extreme.h"
#include "engine/kernels_tile.h"
#include "engine/kernels_columns.h"
#include "engine/kernels_distance.h"
#include "engine/kernels_near.h"
#include "engine/kernels_filter.h"
#include "engine/kernels_bounds.h"
#include "engine/kernels_density.h"
#include "engine/kernels_panel.h"
#include "engine/kernels_linear.h"
#include "engine/kernels_moments.h"
#include "engine/kernels_softmax.h"
#include "engine/kernels_network.h"
#include "engine/kernels_covariance.h"

const mele_i_kernels TABLE = {NAME,        nearest,     distances,  mahalanobis,
                              tied_mahalanobis, scaled_distances, linear,
                              log_softmax, exponential, accumulate,
                              to_panel, whitened_densities, scaled_densities, round_densities,
                              responsibilities, moments, square_moments,
                              column_sums, column_squares, standardise, leaders,
                              own_distances, transfer,    narrow,     lengths,     group_nearest,
                              lowers,      list_unclear, outside,    tighten,     scan,        sift,
                              near,        add_nearest,
                              layer,       layer_back,  products,   adam,        matern52};
