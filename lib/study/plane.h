#ifndef MELE_STUDY_PLANE_H
#define MELE_STUDY_PLANE_H

#include <stdbool.h>
#include <stddef.h>

/* The regions of contenders on a set of one or two numeric features, to be looked at: over a grid
 * of cells in the plane of both features, or along the one feature, where the plane's other axis is
 * the target. Rows of the data are points in it. */
typedef struct mele_i_plane {
    size_t features, contenders;
    size_t columns, rows;     /* of cells; one row of one feature. Row 0 is the lowest */
    char *axis[2];            /* what they are */
    double least[2], most[2]; /* of both axes, least < most */
    size_t points;
    double *x, *y;  /* of points */
    size_t *region; /* contenders x rows x columns, MELE_NO_CLUSTER: none */
    bool *drawn;    /* contenders: whether there are regions of it, two at least */
} mele_i_plane;

/* Room for all, nothing drawn; NULL: no memory. */
mele_i_plane *mele_i_plane_new(size_t features, size_t contenders, size_t points);

/* NULL is nothing. */
void mele_i_plane_free(mele_i_plane *plane);

static inline size_t mele_i_plane_cells(const mele_i_plane *plane)
{
    return plane->columns * plane->rows;
}

#endif
