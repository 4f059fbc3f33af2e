#ifndef MELE_CORE_UTF8_H
#define MELE_CORE_UTF8_H

#include <stdbool.h>

/* Whether a text is UTF-8 (RFC 3629: no overlong forms, no surrogates), as JSON wants its
 * strings. */
bool mele_i_is_utf8(const char *text);

#endif
