#ifndef MELE_CORE_ROUNDED_H
#define MELE_CORE_ROUNDED_H

#include <stddef.h>

/* A number for people: so many digits behind the point (decimals < 0: with an exponent, three behind it), whatever the
 * locale; "NA" for NaN, "inf" and "-inf". In out[size], cut to fit. */
void mele_i_rounded(double value, int decimals, char *out, size_t size);

#endif
