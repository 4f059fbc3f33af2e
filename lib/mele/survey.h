#ifndef MELE_SURVEY_H
#define MELE_SURVEY_H

#include <mele/compare.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The survey: families of models compared on a suite of sets that comes along, to put what has been
 * claimed of them to the test, and beside figures that have been published (doc/methods.md, "The
 * survey"; doc/survey.md is what it says):
 *
 *     mele_survey_new(NULL, &survey, &error);
 *     mele_survey_run(survey, NULL, engine, &error);
 *     mele_survey_markdown(survey, true, &text, NULL, &error);
 *
 * It needs no file: the sets are built in. */

/** What is compared, and what came of it. One thread at a time uses one. */
typedef struct mele_survey mele_survey;

/** Which survey. Start from mele_survey_defaults(). */
typedef struct mele_survey_options {
    bool quick;       /**< fewer sets, contenders and splits, in minutes; default false */
    const char *sets; /**< only these of the suite, comma separated, and nothing that has been
                         published beside them; NULL (default): all */
    size_t folds;     /**< of each set; 0 (default): 5 */
    size_t repeats; /**< the rows are dealt anew so many times; 0 (default): 2, quick 1. Folds that
                       are runs of rows are dealt once */
    size_t seeds;   /**< of the comparison over seeds; 0 (default): 4, quick 3 */
    uint64_t
        seed; /**< of the sets that are made, the folds and the fits; default 1, at most 32 bits */
    uint64_t reserved[MELE_RESERVED]; /**< 0, see MELE_RESERVED */
} mele_survey_options;

MELE_API mele_survey_options mele_survey_defaults(void);

/** A survey that has not been run: its sets are made, its folds dealt.
 * @param options  NULL: mele_survey_defaults(). Copied.
 * @param out      freed with mele_survey_free(); untouched on error.
 * @return MELE_OK; MELE_EINVAL: a set that is not in the suite, one fold, a seed of more than 32
 * bits; MELE_EDATA: more folds than a set can have; MELE_ENOMEM. */
MELE_API mele_status mele_survey_new(const mele_survey_options *options, mele_survey **out,
                                     mele_error *error);

/** NULL is nothing. */
MELE_API void mele_survey_free(mele_survey *survey);

/** Run its comparisons, one after the other.
 * @param journal  as of mele_compare(), which one comparison after the other adds to: the first to
 * the file itself, others to files of that name with a dot and theirs (mele_survey_part()).
 * @return as mele_compare(). */
MELE_API mele_status mele_survey_run(mele_survey *survey, const char *journal, mele_engine *engine,
                                     mele_error *error);

/** Comparison i and its name: 0 is "suite", the next "seeds", then those on which figures have been
 * published. NULL: past the last. The survey's. */
MELE_API mele_comparison *mele_survey_part(mele_survey *survey, size_t i);
MELE_API const char *mele_survey_part_name(const mele_survey *survey, size_t i);

/** What came of it, as text for a terminal (verdicts first) and as a page in Markdown. Text in
 * memory that is freed with free().
 * @param times   whether seconds are told, and the claim that is about them, which differ from run
 * to run.
 * @param length  NULL: not wanted.
 * @return MELE_OK; MELE_EINVAL: it was not run; MELE_ENOMEM. */
MELE_API mele_status mele_survey_table(const mele_survey *survey, bool times, char **out,
                                       size_t *length, mele_error *error);
MELE_API mele_status mele_survey_markdown(const mele_survey *survey, bool times, char **out,
                                          size_t *length, mele_error *error);

/** As mele_comparison_html() of the suite, with the survey's verdicts. Its maps of regions are made by
 *  mele_comparison_regions() of part 0. */
MELE_API mele_status mele_survey_html(const mele_survey *survey, bool times, char **out,
                                      size_t *length, mele_error *error);

#ifdef __cplusplus
}
#endif

#endif
