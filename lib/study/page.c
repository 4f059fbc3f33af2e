/* A comparison as a page: HTML with its looks and pictures in it, which needs no network and no
 * scripts. It is well-formed as XML, but for the document type. */
#include <math.h>
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

/* ---- what is known ---- */

/* Where contenders stand on each set. */
static mele_status stand_on_sets(mele_i_page *page, mele_error *error)
{
    const mele_comparison *c = page->comparison;
    size_t *order = MELE_I_ARRAY(size_t, c->contenders), with;
    mele_status status = MELE_OK;

    page->best = MELE_I_ARRAY(size_t, c->sets);
    page->standing = mele_i_array(c->sets, c->contenders * sizeof *page->standing);
    if (order == NULL || page->best == NULL || page->standing == NULL)
        status = mele_i_no_memory(error);
    for (size_t s = 0; s < c->sets && status == MELE_OK; s++) {
        status = mele_i_standings(c, s, page->standing + s * c->contenders, order, &with, error);
        if (status == MELE_OK)
            page->best[s] = with == 0 ? c->contenders : order[0];
    }
    free(order);
    return status;
}

/* And over all of them. */
static mele_status stand_over_sets(mele_i_page *page, mele_error *error)
{
    const size_t contenders = page->comparison->contenders;
    mele_status status = mele_i_overall_of(page->comparison, &page->overall, error);

    page->rank = MELE_I_ARRAY(double, contenders);
    if (status == MELE_OK && page->rank == NULL)
        status = mele_i_no_memory(error);
    if (status != MELE_OK)
        return status;
    for (size_t c = 0; c < contenders; c++)
        page->rank[c] = NAN;
    for (size_t i = 0; i < page->overall.contenders && page->overall.contenders >= 2; i++)
        page->rank[page->overall.contender[i]] = page->overall.mean_rank[i];
    return MELE_OK;
}

static mele_status learn(mele_i_page *page, mele_error *error)
{
    const mele_comparison *c = page->comparison;
    mele_status status;

    page->name = MELE_I_ARRAY(const char *, c->contenders);
    if (page->name == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < c->contenders; i++)
        page->name[i] = c->contender[i].name;
    status = stand_on_sets(page, error);
    if (status == MELE_OK)
        status = stand_over_sets(page, error);
    if (status == MELE_OK && page->verdicts == NULL)
        status = mele_judge(c, page->times, &page->verdicts, error);
    return status;
}

static void forget(mele_i_page *page)
{
    mele_i_overall_clear(&page->overall);
    mele_verdicts_free(page->verdicts);
    free(page->standing);
    free(page->best);
    free(page->rank);
    free(page->name);
}

mele_status mele_comparison_set_command(mele_comparison *comparison, const char *command,
                                        mele_error *error)
{
    char *copy = mele_i_string(command);

    if (copy == NULL && command != NULL)
        return mele_i_no_memory(error);
    free(comparison->command);
    comparison->command = copy;
    return MELE_OK;
}

mele_status mele_i_page_of(const mele_comparison *comparison, mele_verdicts *verdicts, bool times,
                           char **out, size_t *length, mele_error *error)
{
    mele_i_page page = {.comparison = comparison, .verdicts = verdicts, .times = times};
    mele_status status = learn(&page, error);

    if (status == MELE_OK)
        print_page(&page);
    forget(&page);
    return mele_i_buffer_finish(&page.out, status, out, length, error);
}

mele_status mele_comparison_html(const mele_comparison *comparison, bool times, char **out,
                                 size_t *length, mele_error *error)
{
    if (!mele_i_comparison_is_run(comparison))
        return mele_i_fail(error, MELE_EINVAL, "nothing was compared");
    return mele_i_page_of(comparison, NULL, times, out, length, error);
}
