/* The sets of a page side by side: what they are, and who lost how much on them. */
#include "study/page_parts.h"

#define COLUMNS 8 /* of contenders in one table of losses, so that it fits on paper */

/* ---- what they are ---- */

static void print_task(mele_i_page *page, const mele_i_compared_set *set)
{
    if (set->classes > 0)
        mele_i_page_print(page, "%zu classes", set->classes);
    else
        mele_i_page_print(page, "regression");
}

static void print_protocol(mele_i_page *page, const mele_i_compared_set *set)
{
    mele_i_page_count(page, set->folds, "fold");
    if (set->fold_name != NULL)
        mele_i_page_print(page, " of the data");
    if (set->repeats > 1)
        mele_i_page_print(page, ", dealt %zu times", set->repeats);
}

static void print_sets(mele_i_page *page)
{
    mele_i_page_print(page, "<div class=\"scroll\"><table>\n<thead><tr>"
                            "<th scope=\"col\" class=\"words\">set</th>"
                            "<th scope=\"col\" class=\"words\">target</th>"
                            "<th scope=\"col\">rows</th><th scope=\"col\">features</th>"
                            "<th scope=\"col\" class=\"words\">task</th>"
                            "<th scope=\"col\" class=\"words\">rows left out in turn</th>"
                            "<th scope=\"col\" class=\"words\">loss</th></tr></thead>\n<tbody>\n");
    for (size_t s = 0; s < page->comparison->sets; s++) {
        const mele_i_compared_set *set = &page->comparison->set[s];
        mele_i_page_print(page, "<tr><th scope=\"row\"><a href=\"#set-%zu\">", s + 1);
        mele_i_page_text(page, set->name);
        mele_i_page_print(page, "</a></th><td class=\"words\">");
        mele_i_page_text(page, set->target);
        mele_i_page_print(page, "</td><td>%zu</td><td>%zu</td><td class=\"words\">", set->rows,
                          set->features);
        print_task(page, set);
        mele_i_page_print(page, "</td><td class=\"words\">");
        print_protocol(page, set);
        mele_i_page_print(page, "</td><td class=\"words\">");
        mele_i_page_text(page, set->loss_name);
        mele_i_page_print(page, "</td></tr>\n");
    }
    mele_i_page_print(page, "</tbody></table></div>\n");
}

/* ---- losses ---- */

static void print_loss(mele_i_page *page, size_t set, size_t contender)
{
    const bool best = page->best[set] == contender;
    const mele_compared compared = mele_i_page_standing(page, set, contender)->result;

    mele_i_page_print(page, "<td%s>%s</td>",
                      best                                         ? " class=\"best\""
                      : mele_i_page_is_worse(page, set, contender) ? " class=\"worse\""
                                                                   : "",
                      compared.has
                          ? mele_i_fixed(compared.loss, mele_i_page_decimals(page, set)).text
                          : "\xE2\x80\x93");
}

/* Contenders first .. last - 1. */
static void print_losses(mele_i_page *page, size_t first, size_t last)
{
    const mele_comparison *c = page->comparison;

    mele_i_page_print(page, "<p class=\"caption\">Mean loss on each set: the best in bold, those "
                            "worse than it in grey</p>\n"
                            "<div class=\"scroll\"><table>\n<thead><tr>"
                            "<th scope=\"col\" class=\"words\">set</th>"
                            "<th scope=\"col\" class=\"words\">loss</th>");
    for (size_t i = first; i < last; i++) {
        mele_i_page_print(page, "<th scope=\"col\" class=\"name\">");
        mele_i_page_name(page, i);
        mele_i_page_print(page, "</th>");
    }
    mele_i_page_print(page, "</tr></thead>\n<tbody>\n");
    for (size_t s = 0; s < c->sets; s++) {
        mele_i_page_print(page, "<tr><th scope=\"row\">");
        mele_i_page_text(page, c->set[s].name);
        mele_i_page_print(page, "</th><td>");
        mele_i_page_text(page, c->set[s].loss_name);
        mele_i_page_print(page, "</td>");
        for (size_t i = first; i < last; i++)
            print_loss(page, s, i);
        mele_i_page_print(page, "</tr>\n");
    }
    mele_i_page_print(page, "</tbody></table></div>\n");
}

void mele_i_page_sets(mele_i_page *page)
{
    const size_t contenders = page->comparison->contenders;
    const size_t tables = (contenders + COLUMNS - 1) / COLUMNS;

    mele_i_page_print(page, "<h2 id=\"sets\">Data sets</h2>\n");
    print_sets(page);
    for (size_t t = 0; t < tables; t++)
        print_losses(page, t * contenders / tables, (t + 1) * contenders / tables);
}
