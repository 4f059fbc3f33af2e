#ifndef MELE_DRAW_SHAPE_H
#define MELE_DRAW_SHAPE_H

#include <stddef.h>

#include "core/buffer.h"

/* Inline SVG. A figure has the coordinates of its view box, of which the page makes as much as it
 * has room for, up to its own size. Colours are those of Okabe and Ito (2008), which colour-blind
 * people tell apart; shapes tell things apart in black and white. */

#define MELE_I_FIGURE_WIDTH 480

typedef struct mele_i_figure {
    double width, height;
    const char *title, *description; /* for who cannot see it; escaped here */
} mele_i_figure;

void mele_i_figure_begin(mele_i_buffer *out, const mele_i_figure *figure);
void mele_i_figure_end(mele_i_buffer *out);

/* `attributes` are SVG's, such as stroke="#888". */
void mele_i_draw_line(mele_i_buffer *out, double x0, double y0, double x1, double y1,
                      const char *attributes);
void mele_i_draw_box(mele_i_buffer *out, double x0, double y0, double x1, double y1,
                     const char *attributes);
void mele_i_draw_path(mele_i_buffer *out, const double *x, const double *y, size_t count,
                      const char *attributes);

/* The colour of the index-th of several things, and a light one for areas; both begin again after
 * those there are. */
const char *mele_i_colour(size_t index);
const char *mele_i_tint(size_t index);

/* The sign of the index-th thing, its middle at (x, y): a shape and a colour that no other of the
 * first 42 has both of. The text, if any, is shown when it is pointed at. */
#define MELE_I_MARK_RADIUS 5
void mele_i_draw_mark(mele_i_buffer *out, size_t index, double x, double y, const char *text);

#endif
