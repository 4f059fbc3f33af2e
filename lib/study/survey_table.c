/* A survey as text for a terminal: the table of the suite, ours beside published figures, and the
 * verdicts last, where the reader is. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "study/survey_words.h"

enum { WIDTH = 98, FIGURE = 12, VERDICT = 18 };

/* The columns that names have beside figures. */
static int name_width(const mele_i_published *published)
{
    int width = WIDTH;

    for (size_t i = 0; i < MELE_I_PUBLISHED_FIGURES && published->figure[i] != NULL; i++)
        width -= FIGURE;
    return width;
}

/* ---- published figures ---- */

static void add_row(mele_i_buffer *out, const mele_i_published *published, const char *name,
                    const double *figure)
{
    mele_i_buffer_print(out, "  %-*.*s", name_width(published), name_width(published), name);
    for (size_t i = 0; i < MELE_I_PUBLISHED_FIGURES && published->figure[i] != NULL; i++) {
        mele_i_buffer cell = {NULL, 0, 0, false};
        mele_i_add_number(&cell, figure[i], published->decimals);
        mele_i_buffer_print(out, "%*.*s", FIGURE, (int)cell.length,
                            cell.data == NULL ? "" : cell.data);
        out->failed = out->failed || cell.failed;
        free(cell.data);
    }
    mele_i_buffer_print(out, "\n");
}

static void add_found(mele_i_buffer *out, const mele_i_survey_part *part)
{
    const size_t best = mele_i_survey_chosen(part);
    char name[160];

    for (size_t f = 0; f < part->families; f++)
        if (part->found[f].contender < part->comparison->contenders) {
            snprintf(name, sizeof name, "%s%s",
                     part->comparison->contender[part->found[f].contender].name,
                     f == best ? " (chosen)" : "");
            add_row(out, part->published, name, part->found[f].figure);
        }
}

static void add_measured(mele_i_buffer *out, const mele_i_survey_part *part)
{
    for (size_t k = 0; k < part->comparison->contenders; k++) {
        const mele_compared result = mele_i_comparison_summary(part->comparison, 0, k);
        const double figure[MELE_I_PUBLISHED_FIGURES] = {part->published->unit * result.loss, NAN,
                                                         NAN};
        if (result.has)
            add_row(out, part->published, part->comparison->contender[k].name, figure);
    }
}

static void add_published(mele_i_buffer *out, const mele_i_survey_part *part)
{
    const mele_i_published *published = part->published;
    char name[160];

    mele_i_buffer_print(out, "%-*s", name_width(published) + 2, published->title);
    for (size_t i = 0; i < MELE_I_PUBLISHED_FIGURES && published->figure[i] != NULL; i++)
        mele_i_buffer_print(out, "%*s", FIGURE, published->short_figure[i]);
    mele_i_buffer_print(out, "\n");
    if (part->found != NULL)
        add_found(out, part);
    else
        add_measured(out, part);
    for (const mele_i_published_row *row = published->row; row->model != NULL; row++) {
        snprintf(name, sizeof name, "* %s (%s)", row->model, row->source);
        add_row(out, published, name, row->figure);
    }
    mele_i_buffer_print(out, "\n");
}

static void add_all_published(const mele_survey *survey, mele_i_buffer *out)
{
    if (survey->parts > MELE_I_OWN_PARTS)
        mele_i_buffer_print(out, "Beside figures that have been published (*)\n\n");
    for (size_t i = MELE_I_OWN_PARTS; i < survey->parts; i++)
        add_published(out, &survey->part[i]);
}

/* ---- verdicts ---- */

static void add_part(mele_i_buffer *out, const mele_verdict_part *part)
{
    mele_i_buffer words = {NULL, 0, 0, false};

    mele_i_buffer_print(&words, "%s: %s (%s)", part->question, mele_verdict_name(part->kind),
                        part->reason);
    mele_i_buffer_add(&words, "", 1);
    mele_i_buffer_print(out, "%*s", VERDICT, "");
    if (!words.failed)
        mele_i_add_wrapped(out, words.data, VERDICT, VERDICT);
    out->failed = out->failed || words.failed;
    free(words.data);
}

static void add_verdicts(const mele_verdicts *verdicts, mele_i_buffer *out)
{
    mele_i_buffer_print(out, "Verdicts. Differences are in margins: ");
    mele_i_add_number(out, 100 * verdicts->error_margin, 0);
    mele_i_buffer_print(out, " point of wrong rows, ");
    mele_i_add_number(out, 100 * verdicts->loss_margin, 0);
    mele_i_buffer_print(out, " %% of another loss; below 0 the first\nis better.\n\n");
    for (size_t i = 0; i < verdicts->count; i++) {
        const mele_verdict *verdict = &verdicts->verdict[i];
        mele_i_buffer_print(out, "  %s %-*s", verdict->name, VERDICT - 5,
                            mele_verdict_name(verdict->kind));
        mele_i_add_wrapped(out, verdict->claim, VERDICT, VERDICT);
        for (size_t j = 0; j < verdict->parts; j++)
            add_part(out, &verdict->part[j]);
    }
}

mele_status mele_survey_table(const mele_survey *survey, bool times, char **out, size_t *length,
                              mele_error *error)
{
    mele_i_buffer text = {NULL, 0, 0, false};
    mele_verdicts *verdicts = NULL;
    char *table = NULL;
    size_t bytes = 0;
    mele_status status = survey->run ? mele_i_survey_judge(survey, times, &verdicts, error)
                                     : mele_i_fail(error, MELE_EINVAL, "the survey was not run");

    if (status == MELE_OK)
        status = mele_comparison_table(survey->part[MELE_I_SUITE_PART].comparison, times, &table,
                                       &bytes, error);
    if (status == MELE_OK) {
        mele_i_buffer_add(&text, table, bytes);
        mele_i_buffer_print(&text, "\n");
        add_all_published(survey, &text);
        add_verdicts(verdicts, &text);
    }
    free(table);
    mele_verdicts_free(verdicts);
    return mele_i_buffer_finish(&text, status, out, length, error);
}
