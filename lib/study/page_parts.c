/* What parts of a page share. */
#include "study/page_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "draw/shape.h"

#define DASH "\xE2\x80\x93"
#define NO_BREAK "\xC2\xA0"

void mele_i_page_text(mele_i_page *page, const char *text)
{
    mele_i_markup_text(&page->out, text);
}

/* Places to break a name at, behind what ends an option or a word of it. */
static void print_breakable(mele_i_page *page, const char *name)
{
    mele_i_buffer *out = &page->out;
    mele_i_buffer escaped = {0};

    mele_i_markup_text(&escaped, name);
    for (size_t i = 0; i < escaped.length && !escaped.failed; i++) {
        mele_i_buffer_add(out, escaped.data + i, 1);
        if (strchr(",:=/-_", escaped.data[i]) != NULL)
            mele_i_buffer_print(out, "<wbr/>");
    }
    out->failed = out->failed || escaped.failed;
    free(escaped.data);
}

void mele_i_page_name(mele_i_page *page, size_t contender)
{
    mele_i_page_print(page, "<svg class=\"sign\" viewBox=\"0 0 12 12\" aria-hidden=\"true\">");
    mele_i_draw_mark(&page->out, contender, 6, 6, NULL);
    mele_i_page_print(page, "</svg>");
    print_breakable(page, page->name[contender]);
}

void mele_i_page_probability(mele_i_page *page, double p)
{
    if (isnan(p))
        mele_i_page_print(page, DASH);
    else if (p < 0.0001)
        mele_i_page_print(page, "&lt;" NO_BREAK "0.0001");
    else
        mele_i_page_print(page, "%s", mele_i_fixed(p, p < 0.01 ? 4 : 3).text);
}

void mele_i_page_p(mele_i_page *page, double p)
{
    mele_i_page_print(page, "<i>p</i> %s", p < 0.0001 ? "" : "= ");
    mele_i_page_probability(page, p);
}

static void cell(mele_i_page *page, double value, mele_i_printed printed)
{
    mele_i_page_print(page, "<td>%s</td>", isfinite(value) ? printed.text : DASH);
}

void mele_i_page_fixed(mele_i_page *page, double value, int decimals)
{
    cell(page, value, mele_i_fixed(value, decimals));
}

void mele_i_page_significant(mele_i_page *page, double value, int digits)
{
    cell(page, value, mele_i_significant(value, digits));
}

int mele_i_page_decimals(const mele_i_page *page, size_t set)
{
    const size_t best = page->best[set];

    if (best == page->comparison->contenders)
        return 0;
    return mele_i_decimals(mele_i_page_standing(page, set, best)->result.loss, 4);
}

void mele_i_page_count(mele_i_page *page, size_t count, const char *thing)
{
    mele_i_page_print(page, "%zu %s%s", count, thing, count == 1 ? "" : "s");
}

bool mele_i_page_is_worse(const mele_i_page *page, size_t set, size_t contender)
{
    return mele_i_page_standing(page, set, contender)->p < 0.05;
}
