#ifndef MELE_STUDY_PAGE_PARTS_H
#define MELE_STUDY_PAGE_PARTS_H

#include <stdbool.h>

#include <mele/verdict.h>

#include "core/buffer.h"
#include "draw/markup.h"
#include "study/comparison.h"
#include "study/standing.h"

/* A page in the making, from what is known of the comparison: parts are added one after another. */
typedef struct mele_i_page {
    mele_i_buffer out;
    const mele_comparison *comparison;
    mele_i_standing *standing; /* sets x contenders */
    size_t *best; /* of sets: the contender of the least loss; contenders: none has a figure */
    mele_i_overall overall;
    double *rank; /* of contenders: over sets; NaN: it is not ranked */
    mele_verdicts *verdicts;
    const char **name; /* of contenders */
    bool times;        /* whether seconds are told */
} mele_i_page;

static inline const mele_i_standing *mele_i_page_standing(const mele_i_page *page, size_t set,
                                                          size_t contender)
{
    return &page->standing[set * page->comparison->contenders + contender];
}

/* ---- words ---- */

/* As printf() does; the text means what it means to HTML. */
#define mele_i_page_print(page, ...) mele_i_buffer_print(&(page)->out, __VA_ARGS__)

/* A text that means nothing to HTML. */
void mele_i_page_text(mele_i_page *page, const char *text);

/* A contender's sign and name. */
void mele_i_page_name(mele_i_page *page, size_t contender);

/* "p = 0.032", "p < 0.0001"; the number alone. What is not known is a dash. */
void mele_i_page_p(mele_i_page *page, double p);
void mele_i_page_probability(mele_i_page *page, double p);

/* A cell with a number of so many decimals, or significant digits; what is not known is a dash. */
void mele_i_page_fixed(mele_i_page *page, double value, int decimals);
void mele_i_page_significant(mele_i_page *page, double value, int digits);

/* How many decimals losses of a set are told with: four digits of the best one's. */
int mele_i_page_decimals(const mele_i_page *page, size_t set);

/* "3 sets", "1 set": with an s unless there is one. */
void mele_i_page_count(mele_i_page *page, size_t count, const char *thing);

/* Whether one is worse than the best of its set: p adjusted below 0.05. */
bool mele_i_page_is_worse(const mele_i_page *page, size_t set, size_t contender);

/* Whether there is a verdict on any claim. */
bool mele_i_page_has_verdicts(const mele_i_page *page);

/* ---- parts, in their order ---- */

void mele_i_page_head(mele_i_page *page);
void mele_i_page_summary(mele_i_page *page);
void mele_i_page_verdicts(mele_i_page *page); /* nothing, where none was measured */
void mele_i_page_sets(mele_i_page *page);
void mele_i_page_each_set(mele_i_page *page);
void mele_i_page_maps(mele_i_page *page, size_t set); /* within that of a set */
void mele_i_page_limits(mele_i_page *page);
void mele_i_page_again(mele_i_page *page);

/* ---- the whole ---- */

/* As mele_comparison_html(), with these verdicts, which it frees; NULL: those on the comparison alone. */
mele_status mele_i_page_of(const mele_comparison *comparison, mele_verdicts *verdicts, bool times,
                           char **out, size_t *length, mele_error *error);

#endif
