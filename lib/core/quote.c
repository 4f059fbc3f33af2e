#include "core/quote.h"

#include <stdbool.h>
#include <string.h>

#define MOST_BYTES 64 /* of the text itself, so that quotes, dots and the final zero have room */

mele_i_quoted mele_i_quote(const char *text, size_t length)
{
    mele_i_quoted quoted;
    bool cut = length > MOST_BYTES;
    char *at = quoted.text;

    if (cut)
        for (length = MOST_BYTES; length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80;)
            length--;
    *at++ = '"';
    for (size_t i = 0; i < length; i++)
        *at++ = (unsigned char)text[i] < ' ' || text[i] == 0x7F ? '?' : text[i];
    strcpy(at, cut ? "...\"" : "\"");
    return quoted;
}
