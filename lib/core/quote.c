#include "core/quote.h"

#include <stdbool.h>
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

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || (c != '\0' && strchr("._/+-,:=@%", c) != NULL);
}

mele_i_quoted mele_i_word(const char *text, size_t length)
{
    mele_i_quoted word = {"..."};
    bool plain = length > 0;

    if (length > MOST_BYTES || memchr(text, '\'', length) != NULL
        || mele_i_escape(text, length, "", NULL, 0) != length)
        return word;
    for (size_t i = 0; i < length; i++)
        plain = plain && is_plain(text[i]);
    memcpy(word.text + !plain, text, length);
    word.text[length + !plain] = '\0';
    if (!plain) {
        word.text[0] = '\'';
        strcpy(word.text + length + 1, "'");
    }
    return word;
}
