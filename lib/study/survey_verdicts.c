/* The verdicts of a survey: each claim by the comparison that is about it. */
#include "core/error.h"
#include "study/page_parts.h"
#include "study/survey.h"

mele_status mele_i_survey_judge(const mele_survey *survey, bool times, mele_verdicts **out,
                                mele_error *error)
{
    mele_verdicts *suite = NULL, *seeds = NULL;
    mele_status status =
        mele_judge(survey->part[MELE_I_SUITE_PART].comparison, times, &suite, error);

    if (status == MELE_OK)
        status = mele_judge(survey->part[MELE_I_SEEDS_PART].comparison, times, &seeds, error);
    for (size_t i = 0; status == MELE_OK && i < suite->count; i++)
        if (suite->verdict[i]
                .timed) { /* how a family trains, of which only seeds tell more than once */
            const mele_verdict other = suite->verdict[i];
            suite->verdict[i] = seeds->verdict[i];
            seeds->verdict[i] = other;
        }
    mele_verdicts_free(seeds);
    if (status != MELE_OK)
        mele_verdicts_free(suite);
    else
        *out = suite;
    return status;
}

mele_status mele_survey_html(const mele_survey *survey, bool times, char **out, size_t *length,
                             mele_error *error)
{
    mele_verdicts *verdicts = NULL;
    mele_status status = survey->run ? mele_i_survey_judge(survey, times, &verdicts, error)
                                     : mele_i_fail(error, MELE_EINVAL, "the survey was not run");

    return status != MELE_OK ? status
                             : mele_i_page_of(survey->part[MELE_I_SUITE_PART].comparison, verdicts,
                                              times, out, length, error);
}
