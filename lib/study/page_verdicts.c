/* What a comparison says of the claims of Masoudnia and Ebrahimpour's survey. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "draw/plots.h"
#include "study/page_parts.h"

static bool is_measured(const mele_verdict *verdict)
{
    return verdict->kind != MELE_NOT_MEASURED;
}

static bool is_part_measured(const mele_verdict_part *part)
{
    return part->kind != MELE_NOT_MEASURED && part->sets > 0;
}

bool mele_i_page_has_verdicts(const mele_i_page *page)
{
    for (size_t i = 0; i < page->verdicts->count; i++)
        if (is_measured(&page->verdicts->verdict[i]))
            return true;
    return false;
}

/* ---- all of them ---- */

static void print_estimate(mele_i_page *page, const mele_estimate *estimate)
{
    if (isnan(estimate->value)) {
        mele_i_page_print(page, "\xE2\x80\x93");
        return;
    }
    mele_i_page_print(page, "%s", mele_i_fixed(estimate->value, 2).text);
    if (isfinite(estimate->lower) || isfinite(estimate->upper))
        mele_i_page_print(page, " [%s,\xC2\xA0%s]", mele_i_fixed(estimate->lower, 2).text,
                          mele_i_fixed(estimate->upper, 2).text);
}

/* The effects of a claim's parts, a line each. */
static void print_effects(mele_i_page *page, const mele_verdict *verdict)
{
    mele_i_page_print(page, "<td>");
    for (size_t i = 0; i < verdict->parts; i++) {
        mele_i_page_print(page, "%s", i == 0 ? "" : "<br/>");
        print_estimate(page, &verdict->part[i].effect);
    }
    mele_i_page_print(page, "</td>");
}

static void print_row(mele_i_page *page, const mele_verdict *verdict)
{
    mele_i_page_print(page, "<tr><th scope=\"row\"><b>%s</b> ", verdict->name);
    mele_i_page_text(page, verdict->claim);
    mele_i_page_print(page, "</th><td class=\"words\"><b>%s</b></td><td>",
                      mele_verdict_name(verdict->kind));
    mele_i_page_probability(page, verdict->p);
    mele_i_page_print(page, "</td>");
    print_effects(page, verdict);
    mele_i_page_print(page, "</tr>\n");
}

static void print_table(mele_i_page *page)
{
    const mele_verdicts *v = page->verdicts;

    mele_i_page_print(
        page,
        "<p class=\"caption\">Verdicts; effects are the first kind of methods less the "
        "second, in margins, with intervals at %s %%</p>\n<div class=\"scroll\">"
        "<table>\n<thead><tr><th scope=\"col\" class=\"words\">claim</th>"
        "<th scope=\"col\" class=\"words\">verdict</th><th scope=\"col\"><i>p</i></th>"
        "<th scope=\"col\">effect</th></tr></thead>\n<tbody>\n",
        mele_i_pixels(100 * v->level).text);
    for (size_t i = 0; i < v->count; i++)
        print_row(page, &v->verdict[i]);
    mele_i_page_print(page, "</tbody></table></div>\n");
}

static void print_margins(mele_i_page *page)
{
    const mele_verdicts *v = page->verdicts;

    mele_i_page_print(
        page,
        "<p>Each claim of the survey of Masoudnia and Ebrahimpour (2014) is a question "
        "of one kind of methods against another, with a margin that was fixed before "
        "anything ran: what differs by less does not matter. The margins are %s of the "
        "share of wrong rows, %s nats of log densities, %s %% of other losses, ",
        mele_i_pixels(v->error_margin).text, mele_i_pixels(v->log_margin).text,
        mele_i_pixels(100 * v->loss_margin).text);
    mele_i_page_print(
        page,
        "a factor of %s of times, and of spreads over seeds %s of the loss's. Effects "
        "are in margins: between -1 and 1 they do not matter, and below 0 the first "
        "kind is the better.</p>\n",
        mele_i_pixels(v->time_margin).text, mele_i_pixels(v->spread_margin).text);
}

/* ---- one ---- */

/* What a picture of findings is made of. */
typedef struct rows {
    const char **name, **note;
    mele_i_printed *printed; /* what notes are */
    double *value, *lower, *upper;
} rows;

static bool make_rows(size_t count, rows *out)
{
    *out = (rows){.name = MELE_I_ARRAY(const char *, count),
                  .note = MELE_I_ARRAY(const char *, count),
                  .printed = MELE_I_ARRAY(mele_i_printed, count),
                  .value = MELE_I_ARRAY(double, count),
                  .lower = MELE_I_ARRAY(double, count),
                  .upper = MELE_I_ARRAY(double, count)};
    return out->name != NULL && out->note != NULL && out->printed != NULL && out->value != NULL
           && out->lower != NULL && out->upper != NULL;
}

static void free_rows(rows *r)
{
    free(r->name);
    free(r->note);
    free(r->printed);
    free(r->value);
    free(r->lower);
    free(r->upper);
}

static void fill_rows(const mele_i_page *page, const mele_verdict_part *part, rows *r)
{
    for (size_t i = 0; i < part->sets; i++) {
        const mele_finding *finding = &part->finding[i];

        r->name[i] = page->comparison->set[finding->set].name;
        r->value[i] = finding->difference.value;
        r->lower[i] = finding->difference.lower;
        r->upper[i] = finding->difference.upper;
        if (isnan(finding->p_holm))
            r->printed[i].text[0] = '\0';
        else if (finding->p_holm < 0.0001)
            snprintf(r->printed[i].text, sizeof r->printed[i].text, "p < 0.0001");
        else
            snprintf(r->printed[i].text, sizeof r->printed[i].text, "p = %.40s",
                     mele_i_fixed(finding->p_holm, finding->p_holm < 0.01 ? 4 : 3).text);
        r->note[i] = r->printed[i].text;
    }
}

static void draw_findings(mele_i_page *page, const mele_verdict_part *part)
{
    rows r;

    if (!make_rows(part->sets, &r)) {
        page->out.failed = true;
    } else {
        fill_rows(page, part, &r);
        mele_i_draw_intervals(&page->out,
                              &(mele_i_intervals){{part->question, "An interval for each set"},
                                                  "first less second, in margins (dashed)",
                                                  part->sets,
                                                  r.name,
                                                  r.value,
                                                  r.lower,
                                                  r.upper,
                                                  r.note,
                                                  1});
    }
    free_rows(&r);
}

static void print_part(mele_i_page *page, const mele_verdict_part *part)
{
    if (!is_part_measured(part))
        return;
    mele_i_page_print(page, "<figure><figcaption>Whether ");
    mele_i_page_text(page, part->question);
    mele_i_page_print(page, ": %s of ", part->measure);
    mele_i_page_text(page, part->first);
    mele_i_page_print(page, " less that of ");
    mele_i_page_text(page, part->second);
    mele_i_page_print(page,
                      ". Better on %zu, worse on %zu of %zu set%s (<i>p</i> adjusted by Holm)."
                      "</figcaption>\n",
                      part->better, part->worse, part->sets, part->sets == 1 ? "" : "s");
    draw_findings(page, part);
    mele_i_page_print(page, "</figure>\n");
}

/* The reason of each part as a paragraph. */
static void print_reasons(mele_i_page *page, const mele_verdict *verdict)
{
    for (size_t i = 0; i < verdict->parts; i++) {
        const mele_verdict_part *part = &verdict->part[i];

        mele_i_page_print(page, "<p>Whether ");
        mele_i_page_text(page, part->question);
        mele_i_page_print(page, ": <b>%s</b>%s", mele_verdict_name(part->kind),
                          part->kind == MELE_NOT_MEASURED ? ": " : ", by ");
        mele_i_page_text(page, part->reason);
        mele_i_page_print(page, ".</p>\n");
    }
    if (verdict->timed)
        mele_i_page_print(page, "<p>Times differ from run to run.</p>\n");
}

static void print_verdict(mele_i_page *page, const mele_verdict *verdict)
{
    mele_i_page_print(page, "<h3>%s: %s</h3>\n<p><i>", verdict->name,
                      mele_verdict_name(verdict->kind));
    mele_i_page_text(page, verdict->claim);
    mele_i_page_print(page, ".</i></p>\n");
    print_reasons(page, verdict);
    mele_i_page_print(page, "<div class=\"figures\">\n");
    for (size_t i = 0; i < verdict->parts; i++)
        print_part(page, &verdict->part[i]);
    mele_i_page_print(page, "</div>\n");
}

void mele_i_page_verdicts(mele_i_page *page)
{
    const mele_verdicts *v = page->verdicts;

    if (!mele_i_page_has_verdicts(page))
        return;
    mele_i_page_print(page, "<h2 id=\"verdicts\">Claims of the survey</h2>\n");
    print_margins(page);
    print_table(page);
    for (size_t i = 0; i < v->count; i++)
        if (is_measured(&v->verdict[i]))
            print_verdict(page, &v->verdict[i]);
}
