/* The head of a page: how it looks, and what was compared. */
#include <string.h>

#include <mele/version.h>

#include "study/page_parts.h"

static const char *const looks =
    "*{box-sizing:border-box}\n"
    ":root{color-scheme:light}\n"
    "body{margin:0 auto;max-width:74rem;padding:1rem 1.25rem 3rem;color:#222;background:#fff;\n"
    "font:16px/1.5 Helvetica,Arial,'Liberation Sans',sans-serif;overflow-wrap:anywhere}\n"
    "h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0 1rem}\n"
    "h2{font-size:1.3rem;line-height:1.25;margin:2.5rem 0 .5rem;padding-top:.5rem;border-top:2px "
    "solid #ddd}\n"
    "h3{font-size:1.05rem;margin:1.5rem 0 .5rem}\n"
    "p,ul,ol{max-width:46rem;margin:.5rem 0}\n"
    "li{margin:.25rem 0}\n"
    "a{color:#0072B2}\n"
    ".scroll{overflow-x:auto;margin:.25rem 0 1.25rem}\n"
    ".scroll>svg{display:block;height:auto;min-width:30rem}\n"
    "table{border-collapse:collapse;font-size:.875rem;line-height:1.35}\n"
    ".caption{font-size:.875rem;color:#555;margin:1.25rem 0 .25rem;break-after:avoid}\n"
    "th,td{padding:.3rem .6rem;text-align:right;vertical-align:top;border-bottom:1px solid "
    "#e3e3e3;\n"
    "overflow-wrap:normal}\n"
    "thead th{vertical-align:bottom;border-bottom:2px solid #999;font-weight:600}\n"
    "td{white-space:nowrap;font-variant-numeric:tabular-nums}\n"
    "th[scope=row],td.words,th.words{text-align:left;white-space:normal;overflow-wrap:anywhere}\n"
    "th[scope=row]{min-width:10rem;max-width:22rem;font-weight:400}\n"
    "thead th.name{min-width:6.5rem;max-width:9rem;overflow-wrap:anywhere}\n"
    "td.words{min-width:12rem}\n"
    ".best{font-weight:700}\n"
    ".worse{color:#767676}\n"
    ".sign{width:.8em;height:.8em;margin-right:.4em;vertical-align:-.05em;overflow:visible}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr));\n"
    "gap:1.25rem 2.5rem;margin:1rem 0}\n"
    ".maps{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr));\n"
    "gap:1.25rem 1.5rem;margin:1rem 0}\n"
    "figure{margin:0 0 1rem}\n"
    "figure>svg{display:block;height:auto}\n"
    "figcaption{font-size:.875rem;color:#555;margin:0 0 .5rem;max-width:46rem}\n"
    "pre{font-size:.85rem;background:#f5f5f5;padding:.75rem "
    "1rem;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    "@page{margin:14mm}\n"
    "@media print{\n"
    "body{max-width:none;padding:0;font-size:10pt}\n"
    "h2,h3{break-after:avoid}\n"
    ".scroll{overflow:visible}\n"
    ".scroll>svg{min-width:0}\n"
    "table{font-size:7.5pt}\n"
    ".caption,figcaption{font-size:8.5pt}\n"
    "th,td{padding:2pt 4pt}\n"
    "td{white-space:normal}\n"
    "th[scope=row]{min-width:5rem}\n"
    "thead th.name,td.words{min-width:0}\n"
    "thead{display:table-header-group}\n"
    "tr,figure,li{break-inside:avoid}\n"
    ".figures{grid-template-columns:1fr 1fr;gap:12pt}\n"
    ".maps{grid-template-columns:1fr 1fr 1fr;gap:10pt}\n"
    "pre{background:none;border:1px solid #bbb}\n"
    "a{color:inherit;text-decoration:none}\n"
    "}\n";

static void print_title(mele_i_page *page)
{
    const mele_comparison *c = page->comparison;

    mele_i_page_count(page, c->contenders, "contender");
    mele_i_page_print(page, " on ");
    mele_i_page_count(page, c->sets, "data set");
    mele_i_page_print(page, ", compared");
}

static void print_protocol_words(mele_i_page *page)
{
    const mele_comparison *c = page->comparison;

    mele_i_page_print(
        page, "<p>Each contender was fitted to the rows outside a fold and measured on the "
              "rows in it, for each fold in turn (a split); the folds are the same for all. "
              "What a contender chooses \xE2\x80\x93 scaling, number of experts, penalties "
              "\xE2\x80\x93 it chose from the rows that it was fitted to. Losses are smaller "
              "where they are better.");
    if (c->seeds > 1)
        mele_i_page_print(
            page, " Each split was fitted with %zu seeds, and its loss is the mean of theirs.",
            c->seeds);
    mele_i_page_print(page, " Seed %llu, mele %s.</p>\n", (unsigned long long)c->seed,
                      mele_version());
}

static void print_contents(mele_i_page *page)
{
    mele_i_page_print(page, "<p>On this page: <a href=\"#summary\">summary</a>; ");
    if (mele_i_page_has_verdicts(page))
        mele_i_page_print(page, "<a href=\"#verdicts\">claims of the survey</a>; ");
    mele_i_page_print(page, "<a href=\"#sets\">data sets</a>, and then each of them; "
                            "<a href=\"#limits\">what this cannot say</a>; "
                            "<a href=\"#again\">how to make it again</a>.</p>\n");
}

void mele_i_page_head(mele_i_page *page)
{
    mele_i_page_print(page,
                      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                      "<title>");
    print_title(page);
    mele_i_page_print(page, "</title>\n<style>\n");
    mele_i_buffer_add(&page->out, looks, strlen(looks));
    mele_i_page_print(page, "</style>\n</head>\n<body>\n<h1>");
    print_title(page);
    mele_i_page_print(page, "</h1>\n");
    print_contents(page);
    print_protocol_words(page);
}
