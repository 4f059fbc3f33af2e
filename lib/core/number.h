#ifndef MELE_CORE_NUMBER_H
#define MELE_CORE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers to text and back, exactly and independent of the locale and of the host's rounding
 * mode: only integers are used (number_parse.c, number_print.c). */

typedef enum mele_i_number_result {
    MELE_I_NUMBER_OK,
    MELE_I_NUMBER_NOT,     /* the text is not a decimal number */
    MELE_I_NUMBER_INFINITE /* it is one, or "inf", and no finite double is near it */
} mele_i_number_result;

/* The double nearest (ties to even) to the decimal number that text[0 .. length) is as a whole:
 * sign, digits with or without a point, exponent; spaces and tabs around it are allowed. Also
 * "inf" and "infinity", with or without sign, in any case. *out is written for OK only. */
mele_i_number_result mele_i_number_parse(const char *text, size_t length, double *out);

/* The same with another character in place of the point. */
mele_i_number_result mele_i_number_parse_mark(const char *text, size_t length, char mark,
                                              double *out);

/* A decimal number exactly: digits * 10^exponent, without zeros at the end of the digits, and all 0
 * for 0. Numbers are equal when all members are. */
typedef struct mele_i_number_key {
    uint64_t digits;
    int64_t exponent;
    bool negative;
} mele_i_number_key;

/* The number that a text spells, so that "0", "0.0" and "-0e5" are one, as are "1e3" and "+1000.",
 * while two integers of 19 digits that one double would stand for are two. False: it is no decimal
 * number, or one of more than 19 significant digits. */
bool mele_i_number_key_of(const char *text, size_t length, mele_i_number_key *out);

/* Room for the longest print, without a final zero; all of it may be written to. */
#define MELE_I_NUMBER_ROOM 40

/* Write the shortest decimal text that reads back as the same double (of those the nearest),
 * without a final zero; returns its length. NaN is written NA, infinities inf and -inf. Like
 * most tools: plain from 0.0001 to below 1e+16, with an exponent of two digits or more elsewhere;
 * whole numbers have no point; -0 keeps its sign. */
size_t mele_i_number_print(double value, char *out);

#endif
