#include "core/quote.h"

#include <string.h>

#include "core/escape.h"

#define MOST_BYTES 64 /* of the text itself, so that quotes, dots and the final zero have room */

mele_i_quoted mele_i_quote(const char *text, size_t length)
{
    mele_i_quoted quoted = {"\""};
    const size_t looked_at = length > MOST_BYTES ? MOST_BYTES + 1 : length;
    const size_t whole = mele_i_escape(text, looked_at, "", quoted.text + 1, MOST_BYTES + 1);

    strcat(quoted.text, whole > MOST_BYTES ? "...\"" : "\"");
    return quoted;
}
