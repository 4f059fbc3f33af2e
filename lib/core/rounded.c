/* Numbers rounded for people. */
#include "core/rounded.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a locale has in place of the point, which may be several bytes, becomes one. */
static void set_point(char *text)
{
    const size_t before = strspn(text, "+-0123456789"), mark = strcspn(text + before, "+-0123456789e");

    if (mark == 0)
        return;
    text[before] = '.';
    memmove(text + before + 1, text + before + mark, strlen(text + before + mark) + 1);
}

void mele_i_rounded(double value, int decimals, char *out, size_t size)
{
    if (!isfinite(value)) {
        snprintf(out, size, "%s", isnan(value) ? "NA" : value > 0 ? "inf" : "-inf");
        return;
    }
    if (decimals < 0)
        snprintf(out, size, "%.3e", value);
    else
        snprintf(out, size, "%.*f", decimals, value);
    set_point(out);
}
