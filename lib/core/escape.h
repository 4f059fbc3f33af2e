#ifndef MELE_CORE_ESCAPE_H
#define MELE_CORE_ESCAPE_H

#include <stddef.h>

/* Write text with its control characters (C0, DEL, and C1 in UTF-8) as \n, \r, \t, \x1b, \u009b, so
 * that it neither ends the line nor moves a cursor; those in `keep` stay. Cut at the end of a
 * character to fit in size bytes with its final zero (size 0: nothing is written).
 * Returns the length of the whole, without the zero. */
size_t mele_i_escape(const char *text, size_t length, const char *keep, char *out, size_t size);

#endif
