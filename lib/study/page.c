/* A comparison as a page: HTML with its looks and pictures in it, which needs no network and no
 * scripts. It is well-formed as XML, but for the document type. */
#include <stdlib.h>

#include <mele/compare.h>

#include "core/error.h"
#include "core/memory.h"
#include "study/page_parts.h"

static void print_page(mele_i_page *page)
{
    mele_i_page_head(page);
    mele_i_page_summary(page);
    mele_i_page_verdicts(page);
    mele_i_page_sets(page);
    mele_i_page_each_set(page);
    mele_i_page_limits(page);
    mele_i_page_again(page);
}

/* The text with a final zero, handed over; the page keeps nothing. */
static mele_status hand_over(mele_i_page *page, char **out, size_t *length, mele_error *error)
{
    if (!mele_i_buffer_has_room(&page->out, 1))
        return mele_i_no_memory(error);
    page->out.data[page->out.length] = '\0';
    *out = page->out.data;
    if (length != NULL)
        *length = page->out.length;
    page->out = (mele_i_buffer){0};
    return MELE_OK;
}

static mele_status make(mele_i_page *page, mele_i_standings *standings, char **out, size_t *length,
                        mele_error *error)
{
    const mele_comparison *comparison = page->comparison;
    mele_verdicts *verdicts = NULL;
    mele_status status = MELE_OK;

    page->name = MELE_I_ARRAY(const char *, comparison->contenders);
    if (page->name == NULL)
        status = mele_i_no_memory(error);
    for (size_t c = 0; c < comparison->contenders && status == MELE_OK; c++)
        page->name[c] = comparison->contender[c].name;
    if (status == MELE_OK)
        status = mele_i_standings_make(comparison, standings, error);
    if (status == MELE_OK)
        status = mele_judge(comparison, page->times, &verdicts, error);
    if (status != MELE_OK)
        return status;
    page->standings = standings;
    page->verdicts = verdicts;
    print_page(page);
    mele_verdicts_free(verdicts);
    return hand_over(page, out, length, error);
}

mele_status mele_comparison_html(const mele_comparison *comparison, bool times, const char *command,
                                 char **out, size_t *length, mele_error *error)
{
    mele_i_page page = {.comparison = comparison, .command = command, .times = times};
    mele_i_standings standings = {0};
    mele_status status;

    if (comparison->sets == 0 || comparison->contenders == 0)
        return mele_i_fail(error, MELE_EINVAL, "nothing was compared");
    status = make(&page, &standings, out, length, error);
    mele_i_standings_clear(&standings);
    free(page.name);
    free(page.out.data);
    return status;
}
