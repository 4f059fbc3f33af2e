/* Ours beside figures that have been published: the comparisons, and what they choose on the
 * sunspots. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mele/fit.h>

#include "core/error.h"
#include "core/memory.h"
#include "schema/data.h"
#include "study/fold_predictions.h"
#include "study/survey.h"
#include "study/tables.h"

static const mele_i_suite_option options[] = {{"restarts", "3"}};

/* ---- ours ---- */

static size_t count_clusters(bool quick)
{
    size_t count = 0;

    while (mele_i_published_clusters(quick, count) > 0)
        count++;
    return count;
}

static size_t count_ridges(bool quick)
{
    size_t count = 0;

    while (mele_i_published_ridge(quick, count) != NULL)
        count++;
    return count;
}

static size_t count_variants(const mele_i_published_ours *ours, bool quick)
{
    return (ours->clusters ? count_clusters(quick) : 1) * (ours->ridges ? count_ridges(quick) : 1);
}

/* A family with variant v of its options: numbers of experts vary slowest. */
static void name_variant(const mele_i_published_ours *ours, bool quick, size_t v, char *out,
                         size_t size)
{
    const size_t ridges = ours->ridges ? count_ridges(quick) : 1;
    const char *mark = strchr(ours->family, ':') == NULL ? ":" : ",";
    size_t length = (size_t)snprintf(out, size, "%s", ours->family);

    if (ours->clusters) {
        length += (size_t)snprintf(out + length, size - length, "%sk=%zu", mark,
                                   mele_i_published_clusters(quick, v / ridges));
        mark = ",";
    }
    if (ours->ridges)
        snprintf(out + length, size - length, "%sridge=%s", mark,
                 mele_i_published_ridge(quick, v % ridges));
}

static mele_status add_ours(const mele_i_published *published, bool quick, mele_i_survey_part *part,
                            mele_error *error)
{
    char name[128];
    mele_status status = MELE_OK;

    for (const mele_i_published_ours *ours = published->ours;
         ours->family != NULL && status == MELE_OK; ours++) {
        if (quick && !ours->quick)
            continue;
        part->families++;
        for (size_t v = 0; v < count_variants(ours, quick) && status == MELE_OK; v++) {
            name_variant(ours, quick, v, name, sizeof name);
            status = mele_i_survey_add_contender(part->comparison, name, name, error);
        }
    }
    return status;
}

/* The rows of sunspots that are trained on. */
static size_t training_rows(void)
{
    return mele_i_sunspot_period[0].last - mele_i_sunspot_period[0].first + 1;
}

mele_status mele_i_survey_publish(const mele_survey *survey, const mele_i_published *published,
                                  mele_i_survey_part *out, mele_error *error)
{
    const bool quick = survey->options.quick,
               sunspots = strcmp(published->name, MELE_I_SUNSPOTS) == 0;
    mele_i_survey_part part = {.name = published->name, .published = published};
    mele_i_suite_set set = published->set;
    mele_compare_options compared = mele_compare_defaults();

    compared.seed = survey->options.seed;
    compared.measure = published->measure;
    compared.protocol.folds = published->folds;
    compared.protocol.repeats = quick ? published->quick_repeats : published->repeats;
    compared.protocol.blocks = set.blocks;
    set.most = sunspots ? training_rows() : 0;
    mele_status status = mele_comparison_new(&compared, &part.comparison, error);
    if (status == MELE_OK)
        status = add_ours(published, quick, &part, error);
    if (status == MELE_OK)
        status = mele_i_survey_add_set(part.comparison, &set, options,
                                       sizeof options / sizeof *options, NULL, error);
    if (status == MELE_OK && sunspots
        && (part.found = MELE_I_ZEROED(mele_i_sunspots_found, part.families)) == NULL)
        status = mele_i_no_memory(error);
    if (status != MELE_OK)
        mele_comparison_free(part.comparison);
    else
        *out = part;
    return status;
}

/* ---- sunspots ---- */

size_t mele_i_survey_best(const mele_i_survey_part *part, size_t from, size_t to, double *error_of)
{
    size_t best = to;

    *error_of = NAN;
    for (size_t c = from; c < to; c++) {
        double pooled;
        if (mele_comparison_measure(part->comparison, 0, c, part->published->measure, &pooled)
            && !(pooled >= *error_of)) {
            *error_of = pooled;
            best = c;
        }
    }
    return best;
}

/* The variance of the record, by which errors are divided. */
static double record_variance(void)
{
    const mele_i_table *table = mele_i_table_named("sunspots");
    double mean = 0, sum = 0;
    size_t count = 0;

    for (size_t i = 0; i < table->rows; i++) {
        const double *row = table->value + i * table->columns;
        if (row[0] < (double)mele_i_sunspot_record.first
            || row[0] > (double)mele_i_sunspot_record.last)
            continue;
        count++;
        const double before = row[1] - mean;
        mean += before / (double)count;
        sum += before * (row[1] - mean);
    }
    return sum / (double)count;
}

/* Of each period, in the unit of errors. The data's first row is that of the first period's first
 * year. */
static void measure(const mele_data *all, const double *predicted,
                    double figure[MELE_I_PUBLISHED_FIGURES])
{
    const double unit = record_variance();

    for (size_t p = 0; p < MELE_I_PUBLISHED_FIGURES; p++) {
        const size_t first = mele_i_sunspot_period[p].first - mele_i_sunspot_period[0].first;
        const size_t last = mele_i_sunspot_period[p].last - mele_i_sunspot_period[0].first;
        double sum = 0;
        for (size_t i = first; i <= last; i++)
            sum += (predicted[i] - all->targets[i]) * (predicted[i] - all->targets[i]);
        figure[p] = sum / (double)(last - first + 1) / unit;
    }
}

/* Fitted to the training years, which are the comparison's data, and asked of all. */
static mele_status fit_and_measure(const mele_i_survey_part *part, const mele_survey *survey,
                                   const mele_data *all, mele_engine *engine,
                                   mele_i_sunspots_found *found, mele_error *error)
{
    const mele_i_compared_set *set = &part->comparison->set[0];
    mele_options chosen = *set->entry[found->contender].options;
    mele_i_fold_predictions predicted = {.log_density = NULL};
    mele_model *model = NULL;

    chosen.seed = survey->options.seed;
    mele_status status = mele_fit(set->data, &chosen, engine, NULL, &model, error);
    if (status == MELE_OK)
        status = mele_i_fold_predict(model, all, NULL, NULL, &predicted, error);
    if (status == MELE_OK)
        measure(all, predicted.kept.mean, found->figure);
    mele_i_fold_predictions_clear(&predicted);
    mele_model_free(model);
    return status;
}

mele_status mele_i_survey_find(mele_i_survey_part *part, const mele_survey *survey,
                               mele_engine *engine, mele_error *error)
{
    const bool quick = survey->options.quick;
    size_t family = 0, first = 0;
    mele_data *all = NULL;
    double *numbers = NULL;
    mele_status status =
        mele_i_suite_data(&part->published->set, survey->options.seed, &all, &numbers, error);

    for (const mele_i_published_ours *ours = part->published->ours;
         ours->family != NULL && status == MELE_OK; ours++) {
        if (quick && !ours->quick)
            continue;
        mele_i_sunspots_found *found = &part->found[family++];
        const size_t past = first + count_variants(ours, quick);
        found->contender = mele_i_survey_best(part, first, past, &found->validated);
        found->validated *= found->validated / record_variance();
        if (found->contender == past)
            found->contender = part->comparison->contenders;
        else
            status = fit_and_measure(part, survey, all, engine, found, error);
        first = past;
    }
    mele_data_free(all);
    free(numbers);
    return status;
}

size_t mele_i_survey_chosen(const mele_i_survey_part *part)
{
    size_t least = 0;

    for (size_t f = 1; f < part->families; f++)
        if (part->found[f].contender < part->comparison->contenders
            && !(part->found[f].validated >= part->found[least].validated))
            least = f;
    return least;
}
