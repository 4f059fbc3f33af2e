#ifndef MELE_DRAW_PLOTS_H
#define MELE_DRAW_PLOTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"

/* Whole pictures, each a figure of its own that is as high as its names need. Names are drawn in
 * full, in several lines if need be; of several hundred characters the first (draw/label.h). */

/* What all have: words for who cannot see the picture. */
typedef struct mele_i_words {
    const char *title, *description;
} mele_i_words;

/* Box plots below one another: the box holds the middle half of a row's values, the line in it is
 * the median, whiskers reach the farthest values within 1.5 times the box's length, and what is
 * farther out is a ring. The sign, the one of the row's index in draw/shape.h, is the mean.
 * Quartiles interpolate (type 7 of Hyndman and Fan 1996). The axis is logarithmic where all values
 * are above 0 and the largest is over 30 times the least, and says so. */
typedef struct mele_i_boxes {
    mele_i_words words;
    const char *axis; /* what the values are */
    size_t rows, count;
    const char *const *name; /* rows */
    const double *values;    /* rows x count; what is not finite is left out */
    const char *empty;       /* what stands in a row without values */
} mele_i_boxes;

void mele_i_draw_boxes(mele_i_buffer *out, const mele_i_boxes *boxes);

/* Named points; those with a coordinate that has no place on its axis are left out. The line joins
 * the points that no other is both left of and below. Axes are logarithmic where that of box plots
 * is. */
typedef struct mele_i_scatter {
    mele_i_words words;
    const char *x_axis, *y_axis;
    size_t count;
    const char *const *name;
    const double *x, *y;
} mele_i_scatter;

void mele_i_draw_scatter(mele_i_buffer *out, const mele_i_scatter *scatter);

/* A critical-difference diagram (Demsar 2006): mean ranks on an axis, the best on the left; a bar
 * joins those of which all pairs differ by less than the critical difference. */
typedef struct mele_i_ranks {
    mele_i_words words;
    size_t count;
    const char *const *name;
    const double *rank; /* mean ranks, 1 to the number that have one, 2 at least; NaN: left out */
    double difference;  /* that is critical; NaN: no bars */
} mele_i_ranks;

void mele_i_draw_ranks(mele_i_buffer *out, const mele_i_ranks *ranks);

/* Estimates with their intervals below one another, beside 0 and a margin on both sides of it
 * (dashed). What is farther than all margins and estimates by half is cut, an arrow being there. */
typedef struct mele_i_intervals {
    mele_i_words words;
    const char *axis; /* what the values are */
    size_t rows;
    const char *const *name;
    const double *value, *lower, *upper; /* rows; bounds NaN: no interval */
    const char *const *note;             /* rows: what stands on the right */
    double margin;                       /* above 0 */
} mele_i_intervals;

void mele_i_draw_intervals(mele_i_buffer *out, const mele_i_intervals *intervals);

/* A plane cut into areas: cells with numbers, borders where the numbers differ, each number once in
 * the widest place of its area, and points upon it. */
typedef struct mele_i_map {
    mele_i_words words;
    const char *x_axis, *y_axis;
    double x_least, x_most, y_least, y_most; /* finite, least < most */
    size_t columns, rows;                    /* of cells; row 0 is at y_least */
    const size_t *area; /* rows x columns; shown counted from 1. MELE_I_NO_AREA: left white */
    size_t points;
    const double *x, *y; /* outside the plane: left out */
} mele_i_map;
#define MELE_I_NO_AREA ((size_t)-1)

void mele_i_draw_map(mele_i_buffer *out, const mele_i_map *map);

#endif
