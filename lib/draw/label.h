#ifndef MELE_DRAW_LABEL_H
#define MELE_DRAW_LABEL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"

/* Words in a picture. A picture cannot ask how wide the reader's font is, so widths are estimated
 * from the wider of the sans-serif fonts that are found on systems: what is laid out by them does
 * not run into its neighbour with any of those. */

#define MELE_I_TEXT_SIZE 12 /* of the words in a picture, unless there is a reason */

/* The width of a text in a font of that size. */
double mele_i_text_width(const char *text, double size);

typedef enum mele_i_anchor { MELE_I_START, MELE_I_MIDDLE, MELE_I_END } mele_i_anchor;

/* Where x and y of a text are, its base line being at y, and how it looks. */
typedef struct mele_i_text_style {
    double size;
    mele_i_anchor anchor;
    const char *attributes; /* more of SVG's, such as fill="#555"; NULL: none */
} mele_i_text_style;

/* One line of text, as it is. */
void mele_i_draw_text(mele_i_buffer *out, const mele_i_text_style *style, double x, double y,
                      const char *text);

/* A name broken into lines. */
enum { MELE_I_LABEL_LINES = 6, MELE_I_LABEL_BYTES = 256 };
typedef struct mele_i_label {
    const char *name; /* the caller's */
    char line[MELE_I_LABEL_LINES][MELE_I_LABEL_BYTES];
    size_t count;
    double size, width, height; /* of the font; of the widest line; of all lines */
    bool cut; /* not all of the name is there: the last line is "..." and its end */
} mele_i_label;

/* Break a name, control characters escaped, into lines of at most `width`: behind one of
 * , : ; = / - _ or a space where that is possible. Of a name that takes more lines than there are,
 * the middle is left out. An empty name is one empty line. */
void mele_i_label_break(const char *name, double size, double width, mele_i_label *out);

/* The same of several names; to be freed with free(). NULL: no memory. */
mele_i_label *mele_i_labels(const char *const *names, size_t count, double size, double width);

/* Draw it with the middle of its height at y. A label that is cut shows its name when pointed at.
 */
void mele_i_draw_label(mele_i_buffer *out, const mele_i_label *label, mele_i_anchor anchor,
                       double x, double y);

/* Move things of given heights, sorted by where their middles are wanted, so that they do not
 * overlap and lie between top and bottom if there is room, else below top. `middle` is replaced. */
void mele_i_spread(double *middle, const double *heights, size_t count, double top, double bottom);

#endif
