#include "study/plane.h"

#include <stdlib.h>

#include "core/memory.h"

#define SIDE 64   /* cells of either side in the plane of two features */
#define ALONG 256 /* cells along one feature */

mele_i_plane *mele_i_plane_new(size_t features, size_t contenders, size_t points)
{
    mele_i_plane *plane = MELE_I_NEW(mele_i_plane);

    if (plane == NULL)
        return NULL;
    plane->features = features;
    plane->contenders = contenders;
    plane->columns = features == 1 ? ALONG : SIDE;
    plane->rows = features == 1 ? 1 : SIDE;
    plane->points = points;
    plane->x = MELE_I_ZEROED(double, points);
    plane->y = MELE_I_ZEROED(double, points);
    plane->region = mele_i_array(contenders, mele_i_plane_cells(plane) * sizeof *plane->region);
    plane->drawn = MELE_I_ZEROED(bool, contenders);
    if (plane->x != NULL && plane->y != NULL && plane->region != NULL && plane->drawn != NULL)
        return plane;
    mele_i_plane_free(plane);
    return NULL;
}

void mele_i_plane_free(mele_i_plane *plane)
{
    if (plane == NULL)
        return;
    free(plane->axis[0]);
    free(plane->axis[1]);
    free(plane->x);
    free(plane->y);
    free(plane->region);
    free(plane->drawn);
    free(plane);
}
