/* What a page says of each set. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "draw/plots.h"
#include "study/page_parts.h"

#define NAMED 4 /* more than so many contenders are in the table alone */

/* ---- in words ---- */

static void print_facts(mele_i_page *page, const mele_i_compared_set *set)
{
    mele_i_page_print(page, "<p>Target ");
    mele_i_page_text(page, set->target);
    mele_i_page_print(page, set->classes > 0 ? ", %zu classes; " : "; ", set->classes);
    mele_i_page_count(page, set->rows, "row");
    mele_i_page_print(page, ", ");
    mele_i_page_count(page, set->features, "feature");
    mele_i_page_print(page, "; ");
    mele_i_page_count(page, set->splits, "split");
    mele_i_page_print(page, ". The loss is <b>");
    mele_i_page_text(page, set->loss_name);
    mele_i_page_print(page, "</b> of the rows left out.</p>\n");
}

static bool is_other(const mele_i_page *page, size_t set, size_t contender)
{
    return mele_i_page_standing(page, set, contender)->result.has && contender != page->best[set];
}

static size_t count_others(const mele_i_page *page, size_t set, bool worse)
{
    size_t n = 0;

    for (size_t c = 0; c < page->comparison->contenders; c++)
        n += is_other(page, set, c) && mele_i_page_is_worse(page, set, c) == worse;
    return n;
}

/* The others that are worse than the best, or that are not, and what there is before their names;
 * of many the number. */
static void print_others(mele_i_page *page, size_t set, bool worse, const char *before)
{
    const size_t others = count_others(page, set, worse);
    size_t n = 0;

    if (others == 0)
        return;
    mele_i_page_print(page, "%s: ", before);
    if (others > NAMED)
        mele_i_page_print(page, "%zu others", others);
    for (size_t c = 0; c < page->comparison->contenders && others <= NAMED; c++)
        if (is_other(page, set, c) && mele_i_page_is_worse(page, set, c) == worse) {
            mele_i_page_print(page, "%s", n++ == 0 ? "" : "; ");
            mele_i_page_text(page, page->name[c]);
        }
    mele_i_page_print(page, ".");
}

static void print_result(mele_i_page *page, size_t set)
{
    const size_t best = page->best[set];

    if (best == page->comparison->contenders) {
        mele_i_page_print(page, "<p>No contender has a figure on this set.</p>\n");
        return;
    }
    const mele_compared compared = mele_i_page_standing(page, set, best)->result;

    mele_i_page_print(page, "<p>The least mean loss has <b>");
    mele_i_page_text(page, page->name[best]);
    mele_i_page_print(page, "</b>: %s.",
                      mele_i_fixed(compared.loss, mele_i_page_decimals(page, set)).text);
    print_others(page, set, true, " Worse than it (<i>p</i> &lt; 0.05)");
    print_others(page, set, false, " Not shown to be worse");
    mele_i_page_print(page, "</p>\n");
}

/* ---- the table ---- */

/* What is known of some contender, and so has a column. */
typedef struct columns {
    bool spread, times, clusters, parameters, entropy, correlation;
    size_t count; /* of all columns but the contender's */
} columns;

static columns columns_of(const mele_i_page *page, size_t set)
{
    columns shown = {false};

    for (size_t c = 0; c < page->comparison->contenders; c++) {
        const mele_compared one = mele_i_page_standing(page, set, c)->result;
        shown.spread = shown.spread || !isnan(one.spread);
        shown.times = shown.times || (page->times && !isnan(one.seconds_fit));
        shown.clusters = shown.clusters || !isnan(one.clusters);
        shown.parameters = shown.parameters || !isnan(one.parameters);
        shown.entropy = shown.entropy || !isnan(one.gate_entropy);
        shown.correlation = shown.correlation || !isnan(one.error_correlation);
    }
    shown.count = 4 + (size_t)shown.spread + 2 * (size_t)shown.times + 2 * (size_t)shown.clusters
                  + (size_t)shown.parameters + (size_t)shown.entropy + (size_t)shown.correlation;
    return shown;
}

static void print_header(mele_i_page *page, const columns *shown)
{
    mele_i_page_print(
        page,
        "<thead><tr><th scope=\"col\" class=\"words\">contender</th><th scope=\"col\">loss</th>"
        "<th scope=\"col\">sd over splits</th><th scope=\"col\">behind the best [95\xC2\xA0%%]</th>"
        "<th scope=\"col\"><i>p</i> (Holm)</th>%s%s%s%s%s%s</tr></thead>\n<tbody>\n",
        shown->spread ? "<th scope=\"col\">sd over seeds</th>" : "",
        shown->times ? "<th scope=\"col\">fit, seconds</th><th scope=\"col\">predict, seconds</th>"
                     : "",
        shown->clusters ? "<th scope=\"col\">experts</th><th scope=\"col\">dead</th>" : "",
        shown->parameters ? "<th scope=\"col\">parameters</th>" : "",
        shown->entropy ? "<th scope=\"col\">gate entropy</th>" : "",
        shown->correlation ? "<th scope=\"col\">error correlation</th>" : "");
}

static void print_behind(mele_i_page *page, size_t set, size_t contender, int decimals)
{
    const mele_i_standing *standing = mele_i_page_standing(page, set, contender);
    const mele_estimate *d = &standing->difference;

    if (contender == page->best[set]) {
        mele_i_page_print(page, "<td>best</td><td></td>");
        return;
    }
    mele_i_page_print(page, "<td>%s", mele_i_fixed(d->value, decimals).text);
    if (isfinite(d->lower) && isfinite(d->upper))
        mele_i_page_print(page, " [%s,\xC2\xA0%s]", mele_i_fixed(d->lower, decimals).text,
                          mele_i_fixed(d->upper, decimals).text);
    mele_i_page_print(page, "</td><td>");
    mele_i_page_probability(page, standing->p);
    mele_i_page_print(page, "</td>");
}

static void print_numbers(mele_i_page *page, size_t set, size_t contender, const columns *shown)
{
    const mele_compared one = mele_i_page_standing(page, set, contender)->result;
    const int decimals = mele_i_page_decimals(page, set);

    mele_i_page_fixed(page, one.loss, decimals);
    mele_i_page_fixed(page, one.sd, decimals);
    print_behind(page, set, contender, decimals);
    if (shown->spread)
        mele_i_page_fixed(page, one.spread, decimals);
    if (shown->times) {
        mele_i_page_significant(page, one.seconds_fit, 3);
        mele_i_page_significant(page, one.seconds_predict, 3);
    }
    if (shown->clusters) {
        mele_i_page_fixed(page, one.clusters, 1);
        mele_i_page_fixed(page, one.dead, 1);
    }
    if (shown->parameters)
        mele_i_page_fixed(page, one.parameters, 0);
    if (shown->entropy)
        mele_i_page_fixed(page, one.gate_entropy, 2);
    if (shown->correlation)
        mele_i_page_fixed(page, one.error_correlation, 2);
}

static void print_reason(mele_i_page *page, size_t set, size_t contender, size_t width)
{
    char reason[512];
    const size_t length =
        mele_i_comparison_reason(page->comparison, set, contender, reason, sizeof reason);

    mele_i_page_print(page, "<td class=\"words\" colspan=\"%zu\">no figure: ", width);
    mele_i_page_text(page, length == 0 ? "not run" : reason);
    mele_i_page_print(page, "%s</td>", length >= sizeof reason ? "..." : "");
}

static void print_row(mele_i_page *page, size_t set, size_t contender, const columns *shown)
{
    const bool best = page->best[set] == contender;

    mele_i_page_print(page, "<tr%s><th scope=\"row\">",
                      best                                         ? " class=\"best\""
                      : mele_i_page_is_worse(page, set, contender) ? " class=\"worse\""
                                                                   : "");
    mele_i_page_name(page, contender);
    mele_i_page_print(page, "</th>");
    if (mele_i_page_standing(page, set, contender)->result.has)
        print_numbers(page, set, contender, shown);
    else
        print_reason(page, set, contender, shown->count);
    mele_i_page_print(page, "</tr>\n");
}

static void print_table(mele_i_page *page, size_t set)
{
    const columns shown = columns_of(page, set);

    mele_i_page_print(page,
                      "<p class=\"caption\">Means over splits%s; the best in bold, those worse "
                      "than it in grey</p>\n"
                      "<div class=\"scroll\"><table>\n",
                      page->comparison->seeds > 1 ? " and seeds" : "");
    print_header(page, &shown);
    for (size_t c = 0; c < page->comparison->contenders; c++)
        print_row(page, set, c, &shown);
    mele_i_page_print(page, "</tbody></table></div>\n");
}

/* ---- pictures ---- */

static void draw_losses(mele_i_page *page, size_t set, double *losses)
{
    const mele_i_compared_set *s = &page->comparison->set[set];
    char axis[192];

    for (size_t c = 0; c < page->comparison->contenders; c++)
        mele_i_comparison_losses(page->comparison, set, c, losses + c * s->splits);
    snprintf(axis, sizeof axis, "%.150s of a split", s->loss_name);
    mele_i_page_print(
        page, "<figure><figcaption>Losses of the splits. A box holds the middle half, its line is "
              "the median, the sign the mean; rings are farther from the box than 1.5 times its "
              "length.</figcaption>\n");
    mele_i_draw_boxes(&page->out,
                      &(mele_i_boxes){{"Losses of the splits by contender",
                                       "Box plots of the losses whose means are in the table"},
                                      axis,
                                      page->comparison->contenders,
                                      s->splits,
                                      page->name,
                                      losses,
                                      "no figure"});
    mele_i_page_print(page, "</figure>\n");
}

static bool has_times(const mele_i_page *page, size_t set)
{
    return page->times && columns_of(page, set).times;
}

/* Seconds and losses of contenders; 0 seconds have no place on a logarithmic axis. */
static void draw_times(mele_i_page *page, size_t set, double *seconds, double *losses)
{
    char axis[192];

    for (size_t c = 0; c < page->comparison->contenders; c++) {
        const mele_compared one = mele_i_page_standing(page, set, c)->result;
        seconds[c] = one.seconds_fit;
        losses[c] = one.loss;
    }
    snprintf(axis, sizeof axis, "mean %.150s", page->comparison->set[set].loss_name);
    mele_i_page_print(
        page,
        "<figure><figcaption>Loss against the time of a fit, which depends on the machine. The "
        "dashed line joins contenders that none beats in both.</figcaption>\n");
    mele_i_draw_scatter(&page->out,
                        &(mele_i_scatter){{"Loss against the time of a fit",
                                           "A point for each contender, as in the table"},
                                          "seconds of a fit",
                                          axis,
                                          page->comparison->contenders,
                                          page->name,
                                          seconds,
                                          losses});
    mele_i_page_print(page, "</figure>\n");
}

static void draw_pictures(mele_i_page *page, size_t set)
{
    const size_t contenders = page->comparison->contenders;
    const size_t splits = page->comparison->set[set].splits;
    double *room = mele_i_array(contenders, (splits + 2) * sizeof *room);

    if (room == NULL) {
        page->out.failed = true;
        return;
    }
    mele_i_page_print(page, "<div class=\"figures\">\n");
    draw_losses(page, set, room);
    if (has_times(page, set))
        draw_times(page, set, room, room + contenders);
    mele_i_page_print(page, "</div>\n");
    free(room);
}

static void print_set(mele_i_page *page, size_t set)
{
    mele_i_page_print(page, "<h2 id=\"set-%zu\">", set + 1);
    mele_i_page_text(page, page->comparison->set[set].name);
    mele_i_page_print(page, "</h2>\n");
    print_facts(page, &page->comparison->set[set]);
    print_result(page, set);
    print_table(page, set);
    if (page->best[set] == page->comparison->contenders)
        return;
    draw_pictures(page, set);
    mele_i_page_maps(page, set);
}

void mele_i_page_each_set(mele_i_page *page)
{
    for (size_t s = 0; s < page->comparison->sets; s++)
        print_set(page, s);
}
