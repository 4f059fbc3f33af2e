/* The end of a page: what it cannot say, and how to make it again. */
#include "study/page_parts.h"

#define FEW_SETS 10

static void print_limit(mele_i_page *page, const char *limit)
{
    mele_i_page_print(page, "<li>%s</li>\n", limit);
}

static void print_few_sets(mele_i_page *page)
{
    const size_t sets = page->overall.sets;

    if (page->overall.contenders >= 2 && sets < FEW_SETS)
        mele_i_page_print(
            page,
            "<li>Ranks rest on %zu set%s. Of so few only large differences can be shown, and "
            "that one was not shown does not say that there is none.</li>\n",
            sets, sets == 1 ? "" : "s");
}

/* Contenders without a figure on some set. */
static void print_missing(mele_i_page *page)
{
    size_t missing = 0;

    for (size_t s = 0; s < page->comparison->sets; s++)
        for (size_t c = 0; c < page->comparison->contenders; c++)
            missing += !mele_i_page_standing(page, s, c)->result.has;
    if (missing > 0)
        mele_i_page_print(
            page,
            "<li>%zu of %zu pairs of a contender and a set have no figure, for the reasons in the "
            "tables of the sets; a contender without a figure on some set is not in the "
            "ranks.</li>\n",
            missing, page->comparison->sets * page->comparison->contenders);
}

void mele_i_page_limits(mele_i_page *page)
{
    mele_i_page_print(page, "<h2 id=\"limits\">What this cannot say</h2>\n<ul>\n");
    print_limit(page, "How contenders do on other data. The sets were not drawn from anything, so "
                      "tests over sets "
                      "speak of sets like these.");
    print_limit(
        page,
        "How families do with other options. A family is what its options make of it, and all but "
        "those that were given are the defaults.");
    print_limit(page, "Exact chances of error. The splits of a set share their training rows; the "
                      "t test is corrected "
                      "for that (Nadeau and Bengio 2003), which is an approximation. Intervals are "
                      "of one comparison "
                      "each and not adjusted; <i>p</i> values are, within a set.");
    print_limit(page, "That the best of a set is the best: it is the one with the least mean loss "
                      "there, so it was "
                      "chosen by the numbers that the others are then tested on, and <i>p</i> "
                      "values beside it are a "
                      "little too small.");
    print_few_sets(page);
    print_missing(page);
    if (page->comparison->seeds == 1)
        print_limit(page, "How much of a loss is the luck of a seed: each split was fitted once "
                          "(<code>--seeds</code> "
                          "fits it with several).");
    if (page->times)
        print_limit(page, "How long fits take elsewhere. Seconds are of one machine, on which "
                          "other fits ran at the "
                          "same time, and differ from run to run.");
    mele_i_page_print(page, "</ul>\n");
}

void mele_i_page_again(mele_i_page *page)
{
    mele_i_page_print(page, "<h2 id=\"again\">How to make it again</h2>\n");
    if (page->comparison->command != NULL) {
        mele_i_page_print(page, "<pre>");
        mele_i_page_text(page, page->comparison->command);
        mele_i_page_print(page, "</pre>\n");
    }
    mele_i_page_print(
        page,
        "<p>The same version of mele%s on the same machine gives the same numbers, for any "
        "number of threads%s.</p>\n</body>\n</html>\n",
        page->comparison->command == NULL ? ", called in the same way" : "",
        page->times ? ", seconds aside" : "");
}
