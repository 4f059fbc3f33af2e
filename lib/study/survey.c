/* The survey, made and run: its comparisons, one after the other. */
#include "study/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/option.h"
#include "core/quote.h"
#include "core/suggest.h"
#include "schema/data.h"

enum { FOLDS = 5, REPEATS = 2, SEEDS = 4, QUICK_SEEDS = 3, SEED_FOLDS = 2 };

mele_survey_options mele_survey_defaults(void)
{
    return (mele_survey_options){.seed = 1};
}

/* ---- the suite ---- */

static bool is_listed(const char *list, const char *name)
{
    const size_t length = strlen(name);

    for (const char *at = list; at != NULL;
         at = strchr(at, ',') == NULL ? NULL : strchr(at, ',') + 1)
        if (strcspn(at, ",") == length && memcmp(at, name, length) == 0)
            return true;
    return false;
}

static const char *set_name(size_t i, const void *none)
{
    const mele_i_suite_set *set = mele_i_suite_set_at(i);

    (void)none;
    return set == NULL ? NULL : set->name;
}

static mele_status check_sets(const char *list, mele_error *error)
{
    for (const char *at = list; at != NULL;
         at = strchr(at, ',') == NULL ? NULL : strchr(at, ',') + 1) {
        const size_t length = strcspn(at, ",");
        size_t i = 0;
        while (
            set_name(i, NULL) != NULL
            && (strlen(set_name(i, NULL)) != length || memcmp(set_name(i, NULL), at, length) != 0))
            i++;
        if (set_name(i, NULL) == NULL)
            return mele_i_fail(error, MELE_EINVAL, "the suite has no set %s%s",
                               mele_i_quote(at, length).text,
                               mele_i_suggest(at, length, set_name, NULL).text);
    }
    return MELE_OK;
}

/* The contenders of the suite, or of them those that are compared over seeds. */
static mele_status add_contenders(const mele_survey *survey, bool seeds,
                                  mele_comparison *comparison, mele_error *error)
{
    const mele_i_suite_contender *at;
    mele_status status = MELE_OK;

    for (size_t i = 0; (at = mele_i_suite_contender_at(i)) != NULL && status == MELE_OK; i++) {
        if (!at->quick && survey->options.quick)
            continue;
        if (!seeds)
            status = mele_i_survey_add_contender(comparison, at->name, at->family, error);
        else if (at->seeds != NULL)
            status = mele_i_survey_add_contender(comparison, at->seeds, at->seeds, error);
    }
    return status;
}

/* And its sets. */
static mele_status add_sets(const mele_survey *survey, const char *sets,
                            mele_comparison *comparison, mele_error *error)
{
    mele_i_suite_option option[8];
    size_t options = 0;
    const mele_i_suite_set *set;
    mele_status status = MELE_OK;

    for (const mele_i_suite_option *at; (at = mele_i_suite_option_at(options)) != NULL;)
        option[options++] = *at;
    for (size_t i = 0; (set = mele_i_suite_set_at(i)) != NULL && status == MELE_OK; i++) {
        mele_cv_options protocol = comparison->protocol;
        protocol.blocks = set->blocks;
        protocol.repeats = set->blocks ? 1 : protocol.repeats;
        if (sets != NULL ? is_listed(sets, set->name) : set->quick || !survey->options.quick)
            status = mele_i_survey_add_set(comparison, set, option, options, &protocol, error);
    }
    return status;
}

static mele_status add_part(mele_survey *survey, const char *sets, bool seeds, mele_error *error)
{
    const mele_survey_options *o = &survey->options;
    mele_compare_options options = mele_compare_defaults();
    mele_i_survey_part *part = &survey->part[survey->parts];

    options.seed = o->seed;
    options.seeds = seeds ? o->seeds : 1;
    options.protocol.folds = seeds ? SEED_FOLDS : o->folds;
    options.protocol.repeats = seeds ? 1 : o->repeats;
    part->name = seeds ? "seeds" : "suite";
    mele_status status = mele_comparison_new(&options, &part->comparison, error);
    if (status != MELE_OK)
        return status;
    survey->parts++;
    status = add_contenders(survey, seeds, part->comparison, error);
    return status == MELE_OK ? add_sets(survey, sets, part->comparison, error) : status;
}

/* ---- all of it ---- */

static mele_status add_published(mele_survey *survey, mele_error *error)
{
    const mele_i_published *published;
    mele_status status = MELE_OK;

    for (size_t i = 0; (published = mele_i_published_at(i)) != NULL && status == MELE_OK; i++) {
        if (survey->options.quick && published->quick_repeats == 0)
            continue;
        status = mele_i_survey_publish(survey, published, &survey->part[survey->parts], error);
        survey->parts += status == MELE_OK;
    }
    return status;
}

static mele_status check(const mele_survey_options *options, mele_error *error)
{
    mele_status status = mele_i_check_reserved(options->reserved, error);

    if (status == MELE_OK && options->seed > UINT32_MAX)
        return mele_i_fail(error, MELE_EINVAL, "the seed is larger than 32 bits hold");
    return status == MELE_OK ? check_sets(options->sets, error) : status;
}

/* The command that makes it again, but for the files that it writes. */
static mele_status set_command(const mele_survey *survey, const mele_survey_options *chosen,
                               mele_error *error)
{
    const struct {
        const char *option;
        size_t value;
    } given[] = {{"cv", chosen->folds}, {"repeats", chosen->repeats}, {"seeds", chosen->seeds}};
    mele_i_buffer command = {NULL, 0, 0, false};
    char *text = NULL;

    mele_i_buffer_print(&command, "mele-compare --survey%s", chosen->quick ? " --quick" : "");
    if (chosen->sets != NULL)
        mele_i_buffer_print(&command, " --sets %s", chosen->sets);
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        if (given[i].value > 0)
            mele_i_buffer_print(&command, " --%s %zu", given[i].option, given[i].value);
    if (chosen->seed != mele_survey_defaults().seed)
        mele_i_buffer_print(&command, " --seed %zu", (size_t)chosen->seed);
    mele_status status = mele_i_buffer_finish(&command, MELE_OK, &text, NULL, error);
    if (status == MELE_OK)
        status =
            mele_comparison_set_command(survey->part[MELE_I_SUITE_PART].comparison, text, error);
    free(text);
    return status;
}

static mele_survey_options settle(const mele_survey_options *options)
{
    mele_survey_options settled = *options;

    settled.folds = settled.folds == 0 ? FOLDS : settled.folds;
    settled.repeats = settled.repeats > 0 ? settled.repeats : settled.quick ? 1 : REPEATS;
    settled.seeds = settled.seeds > 0 ? settled.seeds : settled.quick ? QUICK_SEEDS : SEEDS;
    settled.sets = NULL;
    return settled;
}

mele_status mele_survey_new(const mele_survey_options *options, mele_survey **out,
                            mele_error *error)
{
    const mele_survey_options chosen = options == NULL ? mele_survey_defaults() : *options;
    mele_status status = check(&chosen, error);
    mele_survey *made;

    if (status != MELE_OK)
        return status;
    if ((made = MELE_I_NEW(mele_survey)) == NULL)
        return mele_i_no_memory(error);
    made->options = settle(&chosen);
    made->some = chosen.sets != NULL;
    status = add_part(made, chosen.sets, false, error);
    if (status == MELE_OK)
        status = add_part(made, chosen.sets, true, error);
    if (status == MELE_OK && chosen.sets == NULL)
        status = add_published(made, error);
    if (status == MELE_OK)
        status = set_command(made, &chosen, error);
    if (status != MELE_OK)
        mele_survey_free(made);
    else
        *out = made;
    return status;
}

void mele_survey_free(mele_survey *survey)
{
    if (survey == NULL)
        return;
    for (size_t i = 0; i < survey->parts; i++) {
        mele_comparison_free(survey->part[i].comparison);
        free(survey->part[i].found);
    }
    free(survey);
}

/* ---- running ---- */

static size_t count_outcomes(const mele_comparison *comparison)
{
    size_t count = 0;

    for (size_t s = 0; s < comparison->sets; s++)
        count += comparison->set[s].splits * comparison->contenders * comparison->seeds;
    return count;
}

/* Outcomes of parts `from` to before `to`. */
static size_t count_parts(const mele_survey *survey, size_t from, size_t to)
{
    size_t count = 0;

    for (size_t i = from; i < to; i++)
        count += count_outcomes(survey->part[i].comparison);
    return count;
}

/* The journal of a part: the first one's is the file itself. */
static mele_status run_part(mele_survey *survey, size_t i, const char *journal, mele_engine *engine,
                            mele_error *error)
{
    mele_i_survey_part *part = &survey->part[i];
    const size_t room = journal == NULL ? 0 : strlen(journal) + strlen(part->name) + 2;
    char *path = journal == NULL ? NULL : MELE_I_ARRAY(char, room);

    if (journal != NULL && path == NULL)
        return mele_i_no_memory(error);
    if (path != NULL)
        snprintf(path, room, "%s%s%s", journal, i == 0 ? "" : ".", i == 0 ? "" : part->name);
    mele_status status =
        mele_i_compare_among(part->comparison, path, count_parts(survey, 0, i),
                             count_parts(survey, i + 1, survey->parts), engine, error);
    free(path);
    return status == MELE_OK && part->found != NULL
               ? mele_i_survey_find(part, survey, engine, error)
               : status;
}

mele_status mele_survey_run(mele_survey *survey, const char *journal, mele_engine *engine,
                            mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t i = 0; i < survey->parts && status == MELE_OK; i++)
        status = run_part(survey, i, journal, engine, error);
    survey->run = survey->run || status == MELE_OK;
    return status;
}

mele_comparison *mele_survey_part(mele_survey *survey, size_t i)
{
    return i < survey->parts ? survey->part[i].comparison : NULL;
}

const char *mele_survey_part_name(const mele_survey *survey, size_t i)
{
    return i < survey->parts ? survey->part[i].name : NULL;
}
