#ifndef MELE_STUDY_SURVEY_H
#define MELE_STUDY_SURVEY_H

#include <mele/survey.h>
#include <mele/verdict.h>

#include "core/buffer.h"
#include "study/comparison.h"
#include "study/published.h"

/* A survey: comparisons of the suite (survey_suite.h) and on published protocols (published.h),
 * which survey.c makes and runs and the writers only read. */

enum { MELE_I_SUITE_PART, MELE_I_SEEDS_PART, MELE_I_OWN_PARTS, MELE_I_MOST_PARTS = 8 };

/* The best of a family of ours on the sunspots. */
typedef struct mele_i_sunspots_found {
    size_t contender; /* of the comparison; its contenders: the family has no figure */
    double validated; /* its error in the folds of the training years */
    double figure[MELE_I_PUBLISHED_FIGURES];
} mele_i_sunspots_found;

typedef struct mele_i_survey_part {
    const char *name;
    mele_comparison *comparison;
    const mele_i_published *published; /* NULL: the suite's */
    mele_i_sunspots_found
        *found; /* sunspots: of each of published->ours that takes part; else NULL */
    size_t families;
} mele_i_survey_part;

struct mele_survey {
    mele_survey_options options; /* without 0, and without the names of sets */
    bool some;                   /* of the sets were asked for by name */
    size_t parts;
    mele_i_survey_part part[MELE_I_MOST_PARTS];
    bool run;
};

/* ---- making comparisons ---- */

/* Add a contender under a name of its own. MELE_ENOMEM. */
mele_status mele_i_survey_add_contender(mele_comparison *comparison, const char *name,
                                        const char *family, mele_error *error);

/* Add a set of the suite, with options of the suite for all contenders that there are and look at
 * them, of which there are `options`. */
mele_status mele_i_survey_add_set(mele_comparison *comparison, const mele_i_suite_set *set,
                                  const mele_i_suite_option *option, size_t options,
                                  const mele_cv_options *protocol, mele_error *error);

/* The comparison of a published protocol. */
mele_status mele_i_survey_publish(const mele_survey *survey, const mele_i_published *published,
                                  mele_i_survey_part *out, mele_error *error);

/* Fit what the folds of the training years have chosen, and measure it on all years. */
mele_status mele_i_survey_find(mele_i_survey_part *part, const mele_survey *survey,
                               mele_engine *engine, mele_error *error);

/* The least contender `from` .. `to` by its error in the folds; `to`: none has a figure. *error_of:
 * that error. */
size_t mele_i_survey_best(const mele_i_survey_part *part, size_t from, size_t to, double *error_of);

/* ---- telling ---- */

/* Of the families on the sunspots the one with the least error in the folds of the training years.
 */
size_t mele_i_survey_chosen(const mele_i_survey_part *part);

/* All claims, each by the comparison that is about it: that about training by the one over seeds.
 * *out is freed with mele_verdicts_free(), and untouched on error. MELE_ENOMEM. */
mele_status mele_i_survey_judge(const mele_survey *survey, bool times, mele_verdicts **out,
                                mele_error *error);

#endif
