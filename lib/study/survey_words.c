#include "study/survey_words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "draw/markup.h"

#define WIDTH 100 /* of a line at most */

void mele_i_add_number(mele_i_buffer *out, double value, int decimals)
{
    mele_i_buffer_print(out, "%s", isnan(value) ? "-" : mele_i_fixed(value, decimals).text);
}

void mele_i_add_p(mele_i_buffer *out, double p)
{
    if (p < 0.0001)
        mele_i_buffer_print(out, "p < 0.0001");
    else if (!isnan(p))
        mele_i_buffer_print(out, "p = %s", mele_i_fixed(p, p < 0.01 ? 4 : 3).text);
}

/* Columns that some bytes of text take: their characters. */
static size_t width_of(const char *text, size_t bytes)
{
    size_t width = 0;

    for (size_t i = 0; i < bytes; i++)
        width += ((unsigned char)text[i] & 0xC0) != 0x80;
    return width;
}

void mele_i_add_wrapped(mele_i_buffer *out, const char *words, size_t column, size_t indent)
{
    for (size_t bytes; *words != '\0'; words += bytes + strspn(words + bytes, " ")) {
        bytes = strcspn(words, " ");
        const size_t width = width_of(words, bytes);
        if (column > indent && column + 1 + width > WIDTH) {
            mele_i_buffer_print(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            mele_i_buffer_print(out, " ");
            column++;
        }
        mele_i_buffer_print(out, "%.*s", (int)bytes, words);
        column += width;
    }
    mele_i_buffer_print(out, "\n");
}

static int ascending(const void *a, const void *b)
{
    const double one = *(const double *)a, other = *(const double *)b;

    return (one > other) - (one < other);
}

mele_status mele_i_survey_median(const mele_comparison *comparison, size_t contender,
                                 double (*of)(const mele_compared *result), double *out,
                                 mele_error *error)
{
    double *value = MELE_I_ARRAY(double, comparison->sets);
    size_t count = 0;

    if (value == NULL)
        return mele_i_no_memory(error);
    for (size_t s = 0; s < comparison->sets; s++) {
        const mele_compared result = mele_i_comparison_summary(comparison, s, contender);
        if (result.has && !isnan(of(&result)))
            value[count++] = of(&result);
    }
    qsort(value, count, sizeof *value, ascending);
    *out = count == 0 ? NAN : (value[(count - 1) / 2] + value[count / 2]) / 2;
    free(value);
    return MELE_OK;
}
