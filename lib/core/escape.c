#include "core/escape.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 8 }; /* of one character, escaped, with a zero */

/* The character that starts at text, of `left` bytes, as it is written; returns its bytes there.
 * What is not UTF-8 is taken byte by byte. */
static size_t next(const char *text, size_t left, const char *keep, char *written)
{
    const unsigned char *at = (const unsigned char *)text;
    const bool c1 = left > 1 && at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0;
    size_t length = 1;

    if (c1) {
        snprintf(written, MOST, "\\u%04x", at[1]);
        return 2;
    }
    if ((*at == '\0' || strchr(keep, *text) == NULL) && (*at < ' ' || *at == 0x7F)) {
        const char *named = *at == '\0' ? NULL : strchr("\nn\rr\tt", *text);
        if (named != NULL)
            snprintf(written, MOST, "\\%c", named[1]);
        else
            snprintf(written, MOST, "\\x%02x", *at);
        return 1;
    }
    while (*at >= 0xC2 && length < left && length < 4 && (at[length] & 0xC0) == 0x80)
        length++;
    memcpy(written, text, length);
    written[length] = '\0';
    return length;
}

size_t mele_i_escape(const char *text, size_t length, const char *keep, char *out, size_t size)
{
    char written[MOST];
    size_t total = 0, end = 0;
    bool fits = true;

    for (size_t at = 0; at < length;) {
        at += next(text + at, length - at, keep, written);
        const size_t bytes = strlen(written);
        fits = fits && total + bytes < size;
        if (fits) {
            memcpy(out + total, written, bytes);
            end = total + bytes;
        }
        total += bytes;
    }
    if (size > 0)
        out[end] = '\0';
    return total;
}
