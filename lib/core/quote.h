#ifndef MELE_CORE_QUOTE_H
#define MELE_CORE_QUOTE_H

#include <stddef.h>

/* Text from outside as it can stand in a message of one line: in double quotes, control
 * characters escaped (escape.h), long text cut at the end of a UTF-8 character and marked by "...". */
typedef struct mele_i_quoted {
    char text[72];
} mele_i_quoted;

/* Use it as mele_i_quote(text, length).text within the call that prints it. */
mele_i_quoted mele_i_quote(const char *text, size_t length);

/* The same as a word of a command that can be typed: as it is, or in single quotes; "..." stands
 * for what is too long for a message, or cannot be typed so. */
mele_i_quoted mele_i_word(const char *text, size_t length);

#endif
