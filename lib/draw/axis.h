#ifndef MELE_DRAW_AXIS_H
#define MELE_DRAW_AXIS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"
#include "draw/label.h"
#include "draw/markup.h"

/* From values to places. */
typedef struct mele_i_axis {
    double least, most; /* the values at both ends */
    bool logarithmic;
    double from, to; /* where these are; from > to where values grow upwards */
} mele_i_axis;

typedef enum mele_i_scale { MELE_I_LINEAR, MELE_I_LOGARITHMIC, MELE_I_EITHER } mele_i_scale;

/* An axis that shows all values that are finite (logarithmic: above 0), with some room at its ends.
 * MELE_I_EITHER is logarithmic where all are above 0 and the largest is over 30 times the least. */
mele_i_axis mele_i_axis_of(const double *values, size_t count, mele_i_scale scale, double from,
                           double to);

/* Whether a value has a place on it. */
bool mele_i_axis_shows(const mele_i_axis *axis, double value);

double mele_i_axis_place(const mele_i_axis *axis, double value);

/* Round values on an axis: 1, 2 or 5 times a power of ten; on a logarithmic one powers of ten. */
enum { MELE_I_TICKS_MOST = 12 };
typedef struct mele_i_ticks {
    size_t count;
    double value[MELE_I_TICKS_MOST];
    mele_i_printed text[MELE_I_TICKS_MOST];
    double width; /* of the widest text */
} mele_i_ticks;

/* About `wanted` (2 to 10) of them. None where the ends are too near one another for their size. */
void mele_i_axis_ticks(const mele_i_axis *axis, size_t wanted, mele_i_ticks *out);

/* As many as have room for their texts beside one another. */
void mele_i_axis_ticks_beside(const mele_i_axis *axis, mele_i_ticks *out);

/* What the values are, in lines of at most `width`; of a logarithmic axis with that behind it. */
void mele_i_axis_words(const mele_i_axis *axis, const char *words, double width, mele_i_label *out);

/* Draw a horizontal axis at y, with lines up to `top`, in a figure of some width: ticks, and below
 * them the words; a vertical one at x, with lines to `right`. */
void mele_i_draw_axis_x(mele_i_buffer *out, const mele_i_axis *axis, double y, double top,
                        double width);
void mele_i_draw_axis_y(mele_i_buffer *out, const mele_i_axis *axis, double x, double right);

#define MELE_I_AXIS_HEIGHT 20 /* of a horizontal axis, below its line */

#endif
