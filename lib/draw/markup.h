#ifndef MELE_DRAW_MARKUP_H
#define MELE_DRAW_MARKUP_H

#include "core/buffer.h"

/* What pages and their pictures are written with: text that means nothing to HTML or XML, and
 * numbers that are the same bytes everywhere. */

/* A text between tags or in the double quotes of an attribute: & < > " as references, control
 * characters escaped (core/escape.h), each byte that is not of UTF-8 as U+FFFD. NULL is nothing. */
void mele_i_markup_text(mele_i_buffer *out, const char *text);

typedef struct mele_i_printed {
    char text[48];
} mele_i_printed;

/* Use these as mele_i_pixels(x).text within the call that prints it. */

/* A length on the page: at most two decimals. */
mele_i_printed mele_i_pixels(double value);

/* With that many decimals (0 to 15): 2.50, and no -0.00. What is 2^53 or more in units of
 * the last is written whole. NaN is NA, infinities are inf and -inf. */
mele_i_printed mele_i_fixed(double value, int decimals);

/* The decimals that show `digits` significant digits of a value: 0 to 15. */
int mele_i_decimals(double value, int digits);

/* With that many significant digits (1 to 15), zeros at the end kept: 0.0250; of a whole part all
 * digits: 12345. From 0.0001 to below 1e15; elsewhere with an exponent, 1.23e-07. */
mele_i_printed mele_i_significant(double value, int digits);

#endif
