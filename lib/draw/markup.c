#include "draw/markup.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/escape.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/rounded.h"
#include "core/utf8.h"

#define EXACT 9007199254740992.0 /* 2^53 */

/* ---- text ---- */

static void add(mele_i_buffer *out, const char *text)
{
    mele_i_buffer_add(out, text, strlen(text));
}

/* The bytes of the character at `at`, of which the first is not in ASCII; 0: it is not UTF-8. */
static size_t character_bytes(const char *at, size_t left)
{
    char one[5] = "";

    for (size_t n = 2; n <= 4 && n <= left; n++) {
        memcpy(one, at, n);
        if (mele_i_is_utf8(one))
            return n;
    }
    return 0;
}

/* Write the character at `at`; returns its bytes there. */
static size_t put_character(mele_i_buffer *out, const char *at, size_t left)
{
    size_t bytes = 1;

    switch (*at) {
    case '&': add(out, "&amp;"); return 1;
    case '<': add(out, "&lt;"); return 1;
    case '>': add(out, "&gt;"); return 1;
    case '"': add(out, "&quot;"); return 1;
    default: break;
    }
    if ((unsigned char)*at >= 0x80 && (bytes = character_bytes(at, left)) == 0) {
        add(out, "\xEF\xBF\xBD");
        return 1;
    }
    mele_i_buffer_add(out, at, bytes);
    return bytes;
}

void mele_i_markup_text(mele_i_buffer *out, const char *text)
{
    size_t length, shown;
    char *visible;

    if (text == NULL)
        return;
    length = strlen(text);
    shown = mele_i_escape(text, length, "", NULL, 0);
    visible = mele_i_array(shown + 1, 1);
    if (visible == NULL) {
        out->failed = true;
        return;
    }
    mele_i_escape(text, length, "", visible, shown + 1);
    for (size_t at = 0; at < shown;)
        at += put_character(out, visible + at, shown - at);
    free(visible);
}

/* ---- numbers ---- */

static mele_i_printed shortest(double value)
{
    mele_i_printed printed;

    printed.text[mele_i_number_print(value, printed.text)] = '\0';
    return printed;
}

mele_i_printed mele_i_pixels(double value)
{
    if (!(fabs(value) < EXACT / 100))
        return shortest(value);
    return shortest(round(value * 100) / 100 + 0.0); /* and no -0 */
}

mele_i_printed mele_i_fixed(double value, int decimals)
{
    mele_i_printed printed;

    if (!(fabs(value) * pow(10, decimals) < EXACT))
        return shortest(value);
    mele_i_rounded(value, decimals, printed.text, sizeof printed.text);
    if (strspn(printed.text, "-0.") == strlen(printed.text) && printed.text[0] == '-')
        memmove(printed.text, printed.text + 1, strlen(printed.text)); /* no -0 */
    return printed;
}

int mele_i_decimals(double value, int digits)
{
    double decimals;

    if (!isfinite(value) || value == 0)
        return digits - 1;
    decimals = digits - 1 - floor(log10(fabs(value)));
    return decimals < 0 ? 0 : decimals > 15 ? 15 : (int)decimals;
}

mele_i_printed mele_i_significant(double value, int digits)
{
    const double size = fabs(value);
    mele_i_printed mantissa, printed;
    int exponent;

    if (!isfinite(value) || value == 0)
        return mele_i_fixed(value, 0);
    if (size < 1e-300)
        return shortest(value);
    if (size >= 1e-4 && size < 1e15)
        return mele_i_fixed(value, mele_i_decimals(value, digits));
    exponent = (int)floor(log10(size));
    mantissa = mele_i_fixed(value / pow(10, exponent), digits - 1);
    snprintf(printed.text, sizeof printed.text, "%.24se%s%02d", mantissa.text,
             exponent < 0 ? "-" : "+", abs(exponent));
    return printed;
}
