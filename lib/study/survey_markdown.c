/* A survey as a page in Markdown: doc/survey.md is one. What depends on times stands in the last
 * part, so that the rest is the same bytes from run to run. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mele/maker.h>
#include <mele/version.h>

#include "core/error.h"
#include "core/memory.h"
#include "draw/markup.h"
#include "schema/data.h"
#include "study/standing.h"
#include "study/survey_words.h"

typedef struct page {
    mele_i_buffer out;
    const mele_survey *survey;
    const mele_verdicts *verdicts;
    mele_i_standing *standing; /* sets x contenders */
    size_t *best; /* sets: the contender with the least loss; contenders: nobody has a figure */
    mele_i_overall overall;
    bool times;
} page;

#define print(page, ...) mele_i_buffer_print(&(page)->out, __VA_ARGS__)

static const mele_comparison *suite(const page *p)
{
    return p->survey->part[MELE_I_SUITE_PART].comparison;
}

/* ---- verdicts ---- */

static void add_reasons(page *p, const mele_verdict *verdict)
{
    for (size_t i = 0; i < verdict->parts; i++) {
        const mele_verdict_part *part = &verdict->part[i];
        print(p, "- %s: **%s** (%s).", part->question, mele_verdict_name(part->kind), part->reason);
        if (part->kind != MELE_NOT_MEASURED)
            print(p, " %s; against %s.", part->first, part->second);
        print(p, "\n");
    }
}

static void add_verdict(page *p, const mele_verdict *verdict)
{
    if (verdict->timed)
        print(p, "| %s | %s | %s | |\n", verdict->name, verdict->claim,
              p->times ? "see [Times](#times)" : "left out, as times are");
    else {
        print(p, "| %s | %s | **%s** | ", verdict->name, verdict->claim,
              mele_verdict_name(verdict->kind));
        mele_i_add_p(&p->out, verdict->p);
        print(p, " |\n");
    }
}

static void add_verdicts(page *p)
{
    print(p,
          "## Verdicts\n\nOf the claims in Masoudnia and Ebrahimpour's survey of mixtures of "
          "experts (2014), as far "
          "as this suite can tell. MILE: gate and experts learn together; MELE: regions first.\n\n"
          "| | claim | verdict | |\n|---|---|---|---|\n");
    for (size_t i = 0; i < p->verdicts->count; i++)
        add_verdict(p, &p->verdicts->verdict[i]);
    print(p, "\nWhat they rest on. Differences are in margins: ");
    mele_i_add_number(&p->out, 100 * p->verdicts->error_margin, 0);
    print(p, " point of the share of wrong rows, ");
    mele_i_add_number(&p->out, 100 * p->verdicts->loss_margin, 0);
    print(p, " %% of another loss; below 0 the first is better. Margins and rules were fixed "
             "before anything ran "
             "([methods](methods.md#verdicts)).\n");
    for (size_t i = 0; i < p->verdicts->count; i++)
        if (!p->verdicts->verdict[i].timed) {
            print(p, "\n**%s**\n\n", p->verdicts->verdict[i].name);
            add_reasons(p, &p->verdicts->verdict[i]);
        }
}

/* ---- what is compared ---- */

static const char *about(const char *name)
{
    const mele_i_suite_set *set;

    for (size_t i = 0; (set = mele_i_suite_set_at(i)) != NULL; i++)
        if (strcmp(set->name, name) == 0)
            return set->about;
    return "";
}

static void add_set(page *p, const mele_i_compared_set *set)
{
    print(p, "| %s | %s | %zu | %zu | ", set->name, about(set->name), set->rows, set->features);
    if (set->classes > 0)
        print(p, "%zu classes", set->classes);
    else
        print(p, "number");
    print(p, " | %zu |\n", set->splits);
}

static void add_contender(page *p, const mele_i_contender *contender)
{
    const mele_i_suite_contender *at;

    for (size_t i = 0; (at = mele_i_suite_contender_at(i)) != NULL; i++)
        if (strcmp(at->name, contender->name) == 0)
            print(p, "| %s | `%s%s` |\n", at->name, at->family,
                  strcmp(at->name, MELE_I_AS_MANY) == 0 ? ",parameters=..." : "");
}

static void add_what(page *p)
{
    const mele_comparison *c = suite(p);
    const mele_i_suite_option *option;

    print(p, "\n## What is compared\n\n| set | | rows | features | target | splits "
             "|\n|---|---|---:|---:|---|---:|\n");
    for (size_t s = 0; s < c->sets; s++)
        add_set(p, &c->set[s]);
    print(p, "\nA split leaves out one fold of %zu; ", p->survey->options.folds);
    if (p->survey->options.repeats > 1)
        print(p, "rows are dealt %zu times, but where folds are runs of rows; ",
              p->survey->options.repeats);
    print(p, "all contenders see the same splits; scalings and all that is chosen are made in the "
             "training part.\n\n"
             "| contender | as `mele-compare --families` takes it |\n|---|---|\n");
    for (size_t k = 0; k < c->contenders; k++)
        add_contender(p, &c->contender[k]);
    print(p, "\nBeside these all have, where they look at it and name no other,");
    for (size_t i = 0; (option = mele_i_suite_option_at(i)) != NULL; i++)
        print(p, "%s `%s=%s`", i == 0 ? "" : ",", option->name, option->value);
    print(p,
          ". Experts are linear, or logistic for classes, where nothing else is said. `%s` has as "
          "many parameters as a "
          "mixture of three such experts under a softmax gate.\n",
          MELE_I_AS_MANY);
}

/* ---- errors ---- */

static void add_loss(page *p, size_t set, size_t k)
{
    const mele_i_standing *standing = p->standing + set * suite(p)->contenders;
    const size_t best = p->best[set];
    const double least = best < suite(p)->contenders ? standing[best].result.loss : NAN;
    const int decimals = mele_i_decimals(least, 3);

    print(p, k == best ? " **" : " ");
    mele_i_add_number(&p->out, standing[k].result.loss, decimals < 4 ? decimals : 4);
    print(p, k == best ? "** |" : standing[k].p < 0.05 ? "\\* |" : " |");
}

static void add_losses(page *p, bool classes)
{
    const mele_comparison *c = suite(p);

    print(p, "\n| %s |", classes ? "share of wrong rows" : "root mean squared error");
    for (size_t s = 0; s < c->sets; s++)
        if ((c->set[s].classes > 0) == classes)
            print(p, " %s |", c->set[s].name);
    print(p, "\n|---|");
    for (size_t s = 0; s < c->sets; s++)
        if ((c->set[s].classes > 0) == classes)
            print(p, "---:|");
    for (size_t k = 0; k < c->contenders; k++) {
        print(p, "\n| %s |", c->contender[k].name);
        for (size_t s = 0; s < c->sets; s++)
            if ((c->set[s].classes > 0) == classes)
                add_loss(p, s, k);
    }
    print(p, "\n");
}

static bool has_kind(const mele_comparison *c, bool classes)
{
    for (size_t s = 0; s < c->sets; s++)
        if ((c->set[s].classes > 0) == classes)
            return true;
    return false;
}

static void add_errors(page *p)
{
    print(p, "\n## Errors\n\nMean over splits of rows left out. **Bold**: the least; \\*: more "
             "than the least by more "
             "than chance (corrected resampled t, Holm over contenders, 5 %%).\n");
    for (int classes = 0; classes < 2; classes++)
        if (has_kind(suite(p), classes != 0))
            add_losses(p, classes != 0);
}

/* ---- ranks ---- */

static void add_test_over_sets(page *p)
{
    print(p, "\nFriedman's test over %zu sets, with Iman and Davenport's F: ",
          p->overall.friedman.sets);
    mele_i_add_p(&p->out, p->overall.friedman.f_p);
    print(p, ". Mean ranks that differ by less than ");
    mele_i_add_number(&p->out, p->overall.critical, 2);
    print(p, " are not told apart (Nemenyi, 5 %%).\n");
}

static double parameters_of(const mele_compared *result)
{
    return result->parameters;
}
static double dead_of(const mele_compared *result)
{
    return result->dead;
}
static double entropy_of(const mele_compared *result)
{
    return result->gate_entropy;
}
static double correlation_of(const mele_compared *result)
{
    return result->error_correlation;
}

/* Medians over sets of what is measured beside the error. */
static mele_status add_beside(page *p, size_t k, mele_error *error)
{
    static double (*const of[])(const mele_compared *) = {parameters_of, dead_of, entropy_of,
                                                          correlation_of};
    static const int decimals[] = {0, 1, 2, 2};
    mele_status status = MELE_OK;

    for (size_t i = 0; i < sizeof of / sizeof *of && status == MELE_OK; i++) {
        double median = NAN;
        status = mele_i_survey_median(suite(p), k, of[i], &median, error);
        print(p, " ");
        mele_i_add_number(&p->out, median, decimals[i]);
        print(p, " |");
    }
    return status;
}

static mele_status add_ranks(page *p, mele_error *error)
{
    const mele_i_overall *o = &p->overall;
    mele_status status = MELE_OK;

    print(p, "\n## Over all sets\n\nBeside the mean rank, medians over sets: free parameters, "
             "experts with next to no "
             "weight, entropy of the gate's weights (0 one expert a row, 1 all alike), correlation "
             "of two experts' "
             "errors.\n\n| contender | mean rank | best on | parameters | dead | entropy | "
             "correlation |\n"
             "|---|---:|---:|---:|---:|---:|---:|\n");
    for (size_t i = 0; i < o->contenders && status == MELE_OK; i++) {
        print(p, "| %s | ", suite(p)->contender[o->contender[i]].name);
        mele_i_add_number(&p->out, o->mean_rank[i], 2);
        print(p, " | %zu |", o->wins[i]);
        status = add_beside(p, o->contender[i], error);
        print(p, "\n");
    }
    if (o->contenders > 1)
        add_test_over_sets(p);
    return status;
}

/* ---- seeds ---- */

static void add_spread(page *p, size_t set)
{
    const mele_comparison *c = p->survey->part[MELE_I_SEEDS_PART].comparison;

    print(p, "| %s |", c->set[set].name);
    for (size_t k = 0; k < c->contenders; k++) {
        const mele_compared result = mele_i_comparison_summary(c, set, k);
        print(p, " ");
        mele_i_add_number(&p->out, result.loss, mele_i_decimals(result.loss, 3));
        print(p, " (");
        mele_i_add_number(&p->out, result.spread, mele_i_decimals(result.loss, 3) + 1);
        print(p, ") |");
    }
    print(p, "\n");
}

static void add_seeds(page *p)
{
    const mele_comparison *c = p->survey->part[MELE_I_SEEDS_PART].comparison;

    print(p,
          "\n## Over seeds\n\nThe same splits, two halves of the rows, fitted with %zu seeds each: "
          "the loss, and in "
          "parentheses its standard deviation over seeds. MELE has the kind of gate that MILE "
          "has, since choosing one is no part of the claim.\n\n| set |",
          c->seeds);
    for (size_t k = 0; k < c->contenders; k++)
        print(p, " %s |", c->contender[k].name);
    print(p, "\n|---|");
    for (size_t k = 0; k < c->contenders; k++)
        print(p, "---:|");
    print(p, "\n");
    for (size_t s = 0; s < c->sets; s++)
        add_spread(p, s);
}

/* ---- published figures ---- */

static void add_figures(page *p, const mele_i_published *published, const double *figure)
{
    for (size_t i = 0; i < MELE_I_PUBLISHED_FIGURES && published->figure[i] != NULL; i++) {
        print(p, " ");
        mele_i_add_number(&p->out, figure[i], published->decimals);
        print(p, " |");
    }
    print(p, "\n");
}

static void add_found(page *p, const mele_i_survey_part *part)
{
    const size_t least = mele_i_survey_chosen(part);

    for (size_t f = 0; f < part->families; f++) {
        if (part->found[f].contender == part->comparison->contenders)
            continue;
        print(p, "| `%s`%s | ", part->comparison->contender[part->found[f].contender].name,
              f == least ? " **(chosen)**" : "");
        mele_i_add_number(&p->out, part->found[f].validated, part->published->decimals);
        print(p, " |");
        add_figures(p, part->published, part->found[f].figure);
    }
}

static void add_measured(page *p, const mele_i_survey_part *part)
{
    for (size_t k = 0; k < part->comparison->contenders; k++) {
        double figure[MELE_I_PUBLISHED_FIGURES] = {NAN, NAN, NAN};
        const mele_compared result = mele_i_comparison_summary(part->comparison, 0, k);
        if (!result.has)
            continue;
        figure[0] = part->published->unit * result.loss;
        print(p, "| `%s` | ", part->comparison->contender[k].name);
        mele_i_add_number(&p->out, part->published->unit * result.sd, part->published->decimals);
        print(p, " |");
        add_figures(p, part->published, figure);
    }
}

static void add_published(page *p, const mele_i_survey_part *part)
{
    const mele_i_published *published = part->published;

    print(p, "\n### %s\n\n%s\n\n| | %s |", published->title, published->protocol,
          part->found != NULL ? "cross-validated" : "sd over splits");
    for (size_t i = 0; i < MELE_I_PUBLISHED_FIGURES && published->figure[i] != NULL; i++)
        print(p, " %s |", published->figure[i]);
    print(p, "\n|---|---:|");
    for (size_t i = 0; i < MELE_I_PUBLISHED_FIGURES && published->figure[i] != NULL; i++)
        print(p, "---:|");
    print(p, "\n");
    if (part->found != NULL)
        add_found(p, part);
    else
        add_measured(p, part);
    for (const mele_i_published_row *row = published->row; row->model != NULL; row++) {
        print(p, "| %s (%s) | |", row->model, row->source);
        add_figures(p, published, row->figure);
    }
}

static void add_all_published(page *p)
{
    if (p->survey->parts > MELE_I_OWN_PARTS)
        print(p, "\n## Beside figures that have been published\n");
    for (size_t i = MELE_I_OWN_PARTS; i < p->survey->parts; i++)
        add_published(p, &p->survey->part[i]);
}

/* ---- the whole ---- */

static void add_head(page *p)
{
    print(p,
          "# The survey\n\nFamilies of mixtures of experts and what they are compared with, on %zu "
          "sets. Made by `%s%s "
          "--markdown FILE` (mele %s), which makes it again: the same bytes on the same build and "
          "machine%s.\n\n",
          suite(p)->sets, suite(p)->command, p->times ? "" : " --no-times", MELE_VERSION,
          p->times ? ", but for what stands under [Times](#times)" : "");
}

static size_t count_made(const page *p)
{
    size_t count = 0;

    for (size_t s = 0; s < suite(p)->sets; s++)
        count += mele_maker_columns(suite(p)->set[s].name) > 0;
    return count;
}

static void add_limits(page *p)
{
    print(p,
          "\n## What this cannot say\n\n"
          "- **%zu of the %zu sets are made** from formulas, with few rows and no missing or "
          "misleading columns; the real "
          "ones are small and old. What holds here may not hold on other data. Sets of one "
          "formula, or of one table, "
          "are not independent of each other.\n"
          "- **Few sets stand behind a claim**: H5 and H8 are about classes alone, H3 about "
          "sets whose regimes the "
          "output sets. An inconclusive verdict says that this suite cannot tell, not that "
          "there is no difference.\n"
          "- **The numbers of experts are few and fixed** (3, and 6 as a second chance), so "
          "that all families have the "
          "same; regions that are found first often want more. So are four hidden units, and "
          "lambda of 0.5 and 0.9. "
          "What a family would do where all of this is chosen for it is another question, which "
          "each user's own "
          "`mele-compare` with `k=auto` and `lambda=auto` answers.\n"
          "- **Families have their defaults** else, which were found on some of these sets "
          "(concrete, mpg, mcycle, "
          "vowels), if not on these folds. Mixtures of linear experts start three times, "
          "networks once.\n"
          "- **MNCE is our definition** of a method that has been published as a derivative "
          "without a function "
          "([methods](methods.md#experts-that-are-trained-together-by-gradients)). What H5 says "
          "is about ours.\n"
          "- **Times** are those of mele, where a fit is more than its experts: variances and the "
          "gate "
          "of every family come of refits or of rows left out, and networks in regions are trained "
          "by another method than those that learn together.\n"
          "- **A kind of methods is the best of its members**, chosen for each split by the "
          "other splits; with more "
          "members it has more chances.\n"
          "- **Published figures** come of other splits, as told in each case, and of programs "
          "and data that we have "
          "not got: they show the order of size, and no test stands behind a difference.\n",
          count_made(p), suite(p)->sets);
}

static double seconds_of(const mele_compared *result)
{
    return result->seconds_fit;
}
static double predicting_of(const mele_compared *result)
{
    return result->seconds_predict;
}

static mele_status add_times(page *p, mele_error *error)
{
    mele_status status = MELE_OK;

    print(p, "\n## Times\n\nThey differ from run to run, and so may this verdict.\n");
    for (size_t i = 0; i < p->verdicts->count; i++)
        if (p->verdicts->verdict[i].timed) {
            const mele_verdict *verdict = &p->verdicts->verdict[i];
            print(p, "\n%s. %s: **%s**", verdict->name, verdict->claim,
                  mele_verdict_name(verdict->kind));
            if (!isnan(verdict->p))
                print(p, ", ");
            mele_i_add_p(&p->out, verdict->p);
            print(p, "\n\n");
            add_reasons(p, verdict);
        }
    print(p, "\nSeconds of a split, medians over sets, while other splits ran beside it:\n\n| "
             "contender | fit | predict "
             "|\n|---|---:|---:|\n");
    for (size_t k = 0; k < suite(p)->contenders && status == MELE_OK; k++) {
        double fit = NAN, predict = NAN;
        status = mele_i_survey_median(suite(p), k, seconds_of, &fit, error);
        if (status == MELE_OK)
            status = mele_i_survey_median(suite(p), k, predicting_of, &predict, error);
        print(p, "| %s | ", suite(p)->contender[k].name);
        mele_i_add_number(&p->out, fit, mele_i_decimals(fit, 2));
        print(p, " | ");
        mele_i_add_number(&p->out, predict, mele_i_decimals(predict, 2));
        print(p, " |\n");
    }
    return status;
}

static mele_status add_all(page *p, mele_error *error)
{
    add_head(p);
    add_verdicts(p);
    add_what(p);
    add_errors(p);
    mele_status status = add_ranks(p, error);
    add_seeds(p);
    add_all_published(p);
    add_limits(p);
    return status == MELE_OK && p->times ? add_times(p, error) : status;
}

/* Where contenders stand. */
static mele_status learn(page *p, mele_error *error)
{
    const mele_comparison *c = suite(p);
    size_t *order = MELE_I_ARRAY(size_t, c->contenders), with;
    mele_status status = MELE_OK;

    p->best = MELE_I_ARRAY(size_t, c->sets);
    p->standing = mele_i_array(c->sets, c->contenders * sizeof *p->standing);
    if (order == NULL || p->best == NULL || p->standing == NULL)
        status = mele_i_no_memory(error);
    for (size_t s = 0; s < c->sets && status == MELE_OK; s++) {
        status = mele_i_standings(c, s, p->standing + s * c->contenders, order, &with, error);
        if (status == MELE_OK)
            p->best[s] = with == 0 ? c->contenders : order[0];
    }
    free(order);
    return status == MELE_OK ? mele_i_overall_of(c, &p->overall, error) : status;
}

mele_status mele_survey_markdown(const mele_survey *survey, bool times, char **out, size_t *length,
                                 mele_error *error)
{
    page p = {.survey = survey, .times = times};
    mele_verdicts *verdicts = NULL;
    mele_status status = survey->run ? mele_i_survey_judge(survey, times, &verdicts, error)
                                     : mele_i_fail(error, MELE_EINVAL, "the survey was not run");

    p.verdicts = verdicts;
    if (status == MELE_OK)
        status = learn(&p, error);
    if (status == MELE_OK)
        status = add_all(&p, error);
    mele_i_overall_clear(&p.overall);
    mele_verdicts_free(verdicts);
    free(p.standing);
    free(p.best);
    return mele_i_buffer_finish(&p.out, status, out, length, error);
}
