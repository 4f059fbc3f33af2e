/* The summary of a page: who stands where over all sets. */
#include <math.h>

#include "draw/plots.h"
#include "study/page_parts.h"

/* ---- ranks ---- */

static void print_tests(mele_i_page *page)
{
    const mele_friedman *f = &page->overall.friedman;

    mele_i_page_print(page, "<p>Whether ranks differ at all: Friedman's \xCF\x87\xC2\xB2 = %s of ",
                      mele_i_significant(f->chi_square, 4).text);
    mele_i_page_count(page, page->overall.contenders - 1, "degree");
    mele_i_page_print(page, " of freedom, ");
    mele_i_page_p(page, f->p);
    if (!isnan(f->f_p)) {
        mele_i_page_print(page, "; Iman and Davenport's F ");
        if (isfinite(f->f))
            mele_i_page_print(page, "= %s of %zu and %zu, ", mele_i_significant(f->f, 4).text,
                              page->overall.contenders - 1,
                              (page->overall.contenders - 1) * (f->sets - 1));
        else
            mele_i_page_print(page, "is infinite, as all sets rank them alike, ");
        mele_i_page_p(page, f->f_p);
    }
    mele_i_page_print(
        page,
        ". Two mean ranks that differ by less than %s are not shown to differ (Nemenyi, 5 %% "
        "over all pairs).</p>\n",
        mele_i_significant(page->overall.critical, 3).text);
}

static void print_unranked(mele_i_page *page)
{
    size_t left = 0;

    for (size_t c = 0; c < page->comparison->contenders; c++)
        if (isnan(page->rank[c])) {
            mele_i_page_print(page, "%s",
                              left++ == 0 ? "<p>Not ranked, having no figure on some set: " : "; ");
            mele_i_page_text(page, page->name[c]);
        }
    if (left > 0)
        mele_i_page_print(page, ".</p>\n");
}

static void draw_ranks(mele_i_page *page)
{
    const mele_i_overall *o = &page->overall;

    mele_i_page_print(
        page,
        "<figure><figcaption>Mean ranks over %zu sets, the best on the left. Contenders "
        "that a bar joins are not shown to differ.</figcaption>\n<div class=\"scroll\">\n",
        o->sets);
    mele_i_draw_ranks(
        &page->out,
        &(mele_i_ranks){{"Critical-difference diagram",
                         "Mean ranks of contenders, which the table below lists, and bars that "
                         "join those that are not shown to differ"},
                        page->comparison->contenders,
                        page->name,
                        page->rank,
                        o->critical});
    mele_i_page_print(page, "</div></figure>\n");
}

static void print_ranks(mele_i_page *page)
{
    const mele_i_overall *o = &page->overall;

    if (o->contenders < 2 || o->sets < 2) {
        mele_i_page_print(
            page, "<p>Ranks over sets need two sets and two contenders with figures on all of "
                  "them.</p>\n");
        return;
    }
    mele_i_page_print(page, "<p>The best mean rank over %zu sets has <b>", o->sets);
    mele_i_page_text(page, page->name[o->contender[0]]);
    mele_i_page_print(page, "</b>: %s of 1 to %zu.</p>\n", mele_i_fixed(o->mean_rank[0], 2).text,
                      o->contenders);
    print_tests(page);
    print_unranked(page);
    draw_ranks(page);
}

/* ---- the table ---- */

typedef struct tally {
    size_t figures, best, worse; /* sets */
    double seconds;
} tally;

static tally count_sets(const mele_i_page *page, size_t contender)
{
    tally t = {0, 0, 0, 0};

    for (size_t s = 0; s < page->comparison->sets; s++) {
        if (!mele_i_page_standing(page, s, contender)->result.has)
            continue;
        t.figures++;
        t.best += mele_i_page_standing(page, s, contender)->result.loss
                  == mele_i_page_standing(page, s, page->best[s])->result.loss; /* all that are equal */
        t.worse += mele_i_page_is_worse(page, s, contender);
        t.seconds += mele_i_page_standing(page, s, contender)->result.seconds_fit;
    }
    return t;
}

static void print_tallies(mele_i_page *page)
{
    mele_i_page_print(page,
                      "<p class=\"caption\">Over all sets; worse: than the best of a set, <i>p</i> "
                      "&lt; 0.05 there (corrected "
                      "resampled t, Holm)</p>\n<div class=\"scroll\"><table>\n<thead><tr>"
                      "<th scope=\"col\" class=\"words\">contender</th><th scope=\"col\" "
                      "class=\"words\">family</th>"
                      "<th scope=\"col\">mean rank</th>"
                      "<th scope=\"col\">best on</th><th scope=\"col\">worse on</th>"
                      "<th scope=\"col\">sets with figures</th>%s</tr></thead>\n<tbody>\n",
                      page->times ? "<th scope=\"col\">seconds of a fit, all sets</th>" : "");
    for (size_t c = 0; c < page->comparison->contenders; c++) {
        const tally t = count_sets(page, c);
        const char *family = page->comparison->contender[c].family;
        mele_i_page_print(page, "<tr><th scope=\"row\">");
        mele_i_page_name(page, c);
        mele_i_page_print(page, "</th><td class=\"words\">");
        mele_i_page_text(page, family == NULL ? "predictions of others" : family);
        mele_i_page_print(page, "</td>");
        mele_i_page_fixed(page, page->rank[c], 2);
        mele_i_page_print(page, "<td>%zu</td><td>%zu</td><td>%zu</td>", t.best, t.worse, t.figures);
        if (page->times)
            mele_i_page_significant(page, t.figures == 0 ? NAN : t.seconds, 3);
        mele_i_page_print(page, "</tr>\n");
    }
    mele_i_page_print(page, "</tbody></table></div>\n");
}

void mele_i_page_summary(mele_i_page *page)
{
    mele_i_page_print(page, "<h2 id=\"summary\">Summary</h2>\n");
    print_ranks(page);
    print_tallies(page);
}
