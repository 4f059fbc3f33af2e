/* What a comparison holds, and what is asked of it. */
#include "study/comparison.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "measure/metrics.h"

#define LOSS_DIGITS 10

/* ---- freeing ---- */

void mele_i_outcome_clear(mele_i_outcome *outcome)
{
    free(outcome->message);
    free(outcome->measure);
    free(outcome->moments);
    memset(outcome, 0, sizeof *outcome);
}

static void free_names(char **name, size_t count)
{
    for (size_t i = 0; name != NULL && i < count; i++)
        free(name[i]);
    free(name);
}

static void entry_clear(mele_i_entry *entry)
{
    mele_options_free(entry->options);
    free(entry->refusal);
    memset(entry, 0, sizeof *entry);
}

static void contender_clear(mele_i_contender *contender)
{
    free(contender->name);
    free(contender->family);
    mele_options_free(contender->options);
    memset(contender, 0, sizeof *contender);
}

static void set_clear(mele_i_compared_set *set, size_t contenders, size_t seeds)
{
    for (size_t i = 0; set->outcome != NULL && i < contenders * set->splits * seeds; i++)
        mele_i_outcome_clear(&set->outcome[i]);
    free(set->outcome);
    for (size_t i = 0; set->entry != NULL && i < contenders; i++)
        entry_clear(&set->entry[i]);
    free(set->entry);
    mele_options_free(set->general);
    free_names(set->measure, set->measures);
    free_names(set->fold_name, set->folds);
    free(set->fold_of_row);
    free(set->loss_name);
    free(set->name);
    free(set->target);
    mele_data_free(set->owned);
    free(set->made);
    mele_i_plane_free(set->plane);
}

void mele_comparison_free(mele_comparison *comparison)
{
    if (comparison == NULL)
        return;
    for (size_t s = 0; s < comparison->sets; s++)
        set_clear(&comparison->set[s], comparison->contenders, comparison->seeds);
    for (size_t c = 0; c < comparison->contenders; c++)
        contender_clear(&comparison->contender[c]);
    free(comparison->set);
    free(comparison->contender);
    free(comparison->measure);
    free(comparison->command);
    free(comparison);
}

/* ---- making ---- */

mele_status mele_i_comparison_new(size_t seeds, mele_comparison **out, mele_error *error)
{
    mele_comparison *made = MELE_I_NEW(mele_comparison);

    if (made == NULL)
        return mele_i_no_memory(error);
    made->seeds = seeds;
    made->seed = 1;
    made->protocol = mele_cv_defaults();
    *out = made;
    return MELE_OK;
}

/* What is told of a measure that grows as fits get better is 1 - it. */
static bool is_gain(const char *measure)
{
    return strcmp(measure, "accuracy") == 0 || strncmp(measure, "r2", 2) == 0;
}

/* "error" of accuracy, "1 - r2", and the measure's own name else. */
static char *name_loss(const char *measure)
{
    char name[128];

    if (strcmp(measure, "accuracy") == 0)
        return mele_i_string("error");
    if (!is_gain(measure))
        return mele_i_string(measure);
    snprintf(name, sizeof name, "1 - %s", measure);
    return mele_i_string(name);
}

static bool fill_set(mele_i_compared_set *set, const mele_i_set_form *form, size_t contenders)
{
    *set = (mele_i_compared_set){
        .name = mele_i_string(form->name), .target = mele_i_string(form->target), .rows = form->rows,
        .features = form->features, .targets = form->targets, .classes = form->classes, .folds = form->folds,
        .repeats = form->repeats, .splits = form->folds * form->repeats, .train_share = form->train_share,
        .test_share = form->test_share, .measures = form->measures, .moments = form->moments, .loss = form->loss,
        .gain = is_gain(form->measure[form->loss]), .loss_name = name_loss(form->measure[form->loss]),
        .measure = MELE_I_ZEROED(char *, form->measures), .entry = MELE_I_ZEROED(mele_i_entry, contenders)};
    for (size_t m = 0; set->measure != NULL && m < form->measures; m++)
        if ((set->measure[m] = mele_i_string(form->measure[m])) == NULL)
            return false;
    return set->name != NULL && (set->target != NULL || form->target == NULL) && set->loss_name != NULL
           && set->measure != NULL && set->entry != NULL;
}

mele_status mele_i_comparison_add_set(mele_comparison *comparison, const mele_i_set_form *form, mele_error *error)
{
    mele_i_compared_set *grown = mele_i_grow(comparison->set, comparison->sets + 1, sizeof *grown);

    if (grown == NULL)
        return mele_i_no_memory(error);
    comparison->set = grown;
    if (!fill_set(&grown[comparison->sets], form, comparison->contenders)) {
        set_clear(&grown[comparison->sets], comparison->contenders, comparison->seeds);
        return mele_i_no_memory(error);
    }
    comparison->sets++;
    return MELE_OK;
}

/* Room for outcomes of one contender more, where there are outcomes. */
static bool grow_outcomes(mele_i_compared_set *set, size_t count, size_t seeds)
{
    const size_t each = set->splits * seeds;
    mele_i_outcome *grown = NULL;

    if (set->outcome == NULL)
        return true;
    if (count > SIZE_MAX / sizeof *grown / each
        || (grown = mele_i_zeroed(count * each, sizeof *grown)) == NULL)
        return false;
    memcpy(grown, set->outcome, (count - 1) * each * sizeof *grown);
    free(set->outcome);
    set->outcome = grown;
    return true;
}

/* Room for one entry more in each set. */
static bool grow_entries(mele_comparison *comparison)
{
    const size_t count = comparison->contenders + 1;

    for (size_t s = 0; s < comparison->sets; s++) {
        mele_i_entry *grown = mele_i_grow(comparison->set[s].entry, count, sizeof *grown);
        if (grown == NULL)
            return false;
        memset(&grown[count - 1], 0, sizeof *grown);
        comparison->set[s].entry = grown;
        if (!grow_outcomes(&comparison->set[s], count, comparison->seeds))
            return false;
    }
    return true;
}

mele_status mele_i_comparison_add_contender(mele_comparison *comparison, const char *name, const char *family,
                                            mele_error *error)
{
    const size_t count = comparison->contenders;
    mele_i_contender *grown = mele_i_grow(comparison->contender, count + 1, sizeof *grown);

    if (grown == NULL)
        return mele_i_no_memory(error);
    comparison->contender = grown;
    grown[count] = (mele_i_contender){mele_i_string(name), mele_i_string(family), NULL};
    if (grown[count].name == NULL || (family != NULL && grown[count].family == NULL)
        || !grow_entries(comparison)) {
        contender_clear(&grown[count]);
        return mele_i_no_memory(error);
    }
    comparison->contenders++;
    return MELE_OK;
}

void mele_i_comparison_drop_set(mele_comparison *comparison)
{
    set_clear(&comparison->set[--comparison->sets], comparison->contenders, comparison->seeds);
}

void mele_i_comparison_drop_contender(mele_comparison *comparison)
{
    const size_t last = --comparison->contenders;

    for (size_t s = 0; s < comparison->sets; s++) {
        mele_i_compared_set *set = &comparison->set[s];
        const size_t each = set->splits * comparison->seeds;
        entry_clear(&set->entry[last]);
        for (size_t i = 0; set->outcome != NULL && i < each; i++)
            mele_i_outcome_clear(&set->outcome[last * each + i]);
    }
    contender_clear(&comparison->contender[last]);
}

mele_status mele_i_comparison_make_outcomes(mele_comparison *comparison, mele_error *error)
{
    for (size_t s = 0; s < comparison->sets; s++) {
        mele_i_compared_set *set = &comparison->set[s];
        size_t each;
        if (set->outcome != NULL)
            continue;
        if (__builtin_mul_overflow(set->splits, comparison->seeds, &each)
            || __builtin_mul_overflow(each, sizeof *set->outcome, &each)
            || (set->outcome = mele_i_zeroed(comparison->contenders, each)) == NULL)
            return mele_i_no_memory(error);
    }
    return MELE_OK;
}

mele_status mele_i_entry_refuse(mele_i_entry *entry, const char *why, mele_error *error)
{
    char *copy = mele_i_string(why);

    if (copy == NULL)
        return mele_i_no_memory(error);
    free(entry->refusal);
    entry->refusal = copy;
    return MELE_OK;
}

mele_status mele_i_outcome_done(const mele_i_compared_set *set, mele_i_outcome *outcome, mele_error *error)
{
    double *measure = MELE_I_ARRAY(double, set->measures), *moments = MELE_I_ARRAY(double, set->moments);

    if (measure == NULL || moments == NULL) {
        free(measure);
        free(moments);
        return mele_i_no_memory(error);
    }
    for (size_t m = 0; m < set->measures; m++)
        measure[m] = NAN;
    for (size_t m = 0; m < set->moments; m++)
        moments[m] = NAN;
    mele_i_outcome_clear(outcome);
    *outcome = (mele_i_outcome){.state = MELE_I_OUTCOME_DONE, .measure = measure, .moments = moments,
                                .seconds_fit = NAN, .seconds_predict = NAN, .parameters = NAN,
                                .gate_entropy = NAN, .error_correlation = NAN};
    return MELE_OK;
}

mele_status mele_i_outcome_measured(const mele_i_compared_set *set, mele_metrics *metrics, mele_i_outcome *outcome,
                                    mele_error *error)
{
    mele_status status = mele_i_outcome_done(set, outcome, error);

    if (status != MELE_OK)
        return status;
    memcpy(outcome->measure, mele_metrics_result(metrics).values, set->measures * sizeof(double));
    mele_i_metrics_keep(metrics, outcome->moments);
    return MELE_OK;
}

mele_status mele_i_outcome_fail(mele_i_outcome *outcome, const char *why, mele_error *error)
{
    char *copy = mele_i_string(why);

    if (copy == NULL)
        return mele_i_no_memory(error);
    mele_i_outcome_clear(outcome);
    outcome->state = MELE_I_OUTCOME_FAILED;
    outcome->message = copy;
    return MELE_OK;
}

/* ---- asking ---- */

mele_i_outcome *mele_i_comparison_outcome(const mele_comparison *comparison, size_t set, size_t contender,
                                          size_t split, size_t seed)
{
    const mele_i_compared_set *s = &comparison->set[set];

    return &s->outcome[(contender * s->splits + split) * comparison->seeds + seed];
}

bool mele_i_comparison_is_run(const mele_comparison *comparison)
{
    for (size_t s = 0; s < comparison->sets; s++)
        if (comparison->set[s].outcome == NULL)
            return false;
    return comparison->sets > 0 && comparison->contenders > 0;
}

/* The nearest number of LOSS_DIGITS digits. Powers of ten are exact up to 22: beyond the number stays. */
static double to_loss_digits(double value)
{
    const double decimals = LOSS_DIGITS - 1 - floor(log10(fabs(value)));
    const double scale = pow(10, fabs(decimals));

    if (!isfinite(value) || !(fabs(decimals) <= 22))
        return value;
    return decimals < 0 ? round(value / scale) * scale : round(value * scale) / scale;
}

double mele_i_set_loss(const mele_i_compared_set *set, const double *measure)
{
    return to_loss_digits(set->gain ? 1 - measure[set->loss] : measure[set->loss]);
}

/* NaN where it is not done. */
static double loss_of(const mele_i_compared_set *set, const mele_i_outcome *outcome)
{
    return outcome->state == MELE_I_OUTCOME_DONE ? mele_i_set_loss(set, outcome->measure) : NAN;
}

bool mele_i_comparison_has(const mele_comparison *comparison, size_t set, size_t contender)
{
    const mele_i_compared_set *s = &comparison->set[set];
    const size_t count = s->splits * comparison->seeds;

    if (s->entry[contender].refusal != NULL || s->outcome == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(loss_of(s, &s->outcome[contender * count + i])))
            return false;
    return count > 0;
}

/* The mean and the squares about it, of numbers as they come. */
typedef struct moments {
    double count, mean, squares;
} moments;

static void moments_add(moments *m, double value)
{
    const double off = value - m->mean;

    m->count++;
    m->mean += off / m->count;
    m->squares += off * (value - m->mean);
}

/* NaN of one number. */
static double variance_of(const moments *m)
{
    return m->count > 1 ? m->squares / (m->count - 1) : NAN;
}

/* The losses over seeds. */
static moments moments_of_split(const mele_comparison *comparison, size_t set, size_t contender, size_t split)
{
    moments m = {0, 0, 0};

    for (size_t seed = 0; seed < comparison->seeds; seed++)
        moments_add(&m, loss_of(&comparison->set[set],
                                mele_i_comparison_outcome(comparison, set, contender, split, seed)));
    return m;
}

void mele_i_comparison_losses(const mele_comparison *comparison, size_t set, size_t contender, double *out)
{
    const mele_i_compared_set *s = &comparison->set[set];
    const bool has = mele_i_comparison_has(comparison, set, contender);

    for (size_t split = 0; split < s->splits; split++)
        out[split] = has ? moments_of_split(comparison, set, contender, split).mean : NAN;
}

/* "fold 3", "fold 3 of repeat 2", and which seed where there are several. */
static void name_place(const mele_comparison *comparison, const mele_i_compared_set *set, size_t at, char *out,
                       size_t size)
{
    const size_t split = at / comparison->seeds, fold = split % set->folds;
    char name[64], repeat[48] = "", seed[48] = "";

    if (set->fold_name == NULL)
        snprintf(name, sizeof name, "%zu", fold + 1);
    else
        snprintf(name, sizeof name, "\"%.50s\"", set->fold_name[fold]);
    if (set->repeats > 1)
        snprintf(repeat, sizeof repeat, " of repeat %zu", split / set->folds + 1);
    if (comparison->seeds > 1)
        snprintf(seed, sizeof seed, " with seed %zu", at % comparison->seeds + 1);
    snprintf(out, size, "fold %s%s%s", name, repeat, seed);
}

size_t mele_i_comparison_reason(const mele_comparison *comparison, size_t set, size_t contender, char *out,
                                size_t size)
{
    const mele_i_compared_set *s = &comparison->set[set];
    const size_t count = s->splits * comparison->seeds;
    char place[192];

    if (s->entry[contender].refusal != NULL)
        return (size_t)snprintf(out, size, "%s", s->entry[contender].refusal);
    for (size_t i = 0; s->outcome != NULL && i < count; i++) {
        const mele_i_outcome *outcome = &s->outcome[contender * count + i];
        if (outcome->state == MELE_I_OUTCOME_MISSING || isfinite(loss_of(s, outcome)))
            continue;
        name_place(comparison, s, i, place, sizeof place);
        if (outcome->state == MELE_I_OUTCOME_FAILED)
            return (size_t)snprintf(out, size, "%s: %s", place, outcome->message);
        return (size_t)snprintf(out, size, "%s: %s is not defined for the rows left out%s", place, s->loss_name,
                                comparison->contender[contender].family == NULL
                                    ? " (columns prob_LEVEL are missing)" : "");
    }
    if (size > 0)
        out[0] = '\0';
    return 0;
}

/* Means over outcomes of what is known of models; of entropies and correlations over those that have one. */
static void add_means(const mele_i_outcome *outcome, size_t count, mele_compared *out)
{
    double *const sum[] = {&out->seconds_fit, &out->seconds_predict, &out->clusters, &out->dead, &out->parameters};
    moments entropy = {0, 0, 0}, correlation = {0, 0, 0};

    for (size_t i = 0; i < sizeof sum / sizeof *sum; i++)
        *sum[i] = 0;
    for (const mele_i_outcome *o = outcome; o < outcome + count; o++) {
        const double known = o->clusters > 0 ? 0 : NAN;
        const double value[] = {o->seconds_fit, o->seconds_predict, known + (double)o->clusters,
                                known + (double)o->dead, o->parameters};
        for (size_t i = 0; i < sizeof sum / sizeof *sum; i++)
            *sum[i] += value[i];
        if (!isnan(o->gate_entropy))
            moments_add(&entropy, o->gate_entropy);
        if (!isnan(o->error_correlation))
            moments_add(&correlation, o->error_correlation);
    }
    for (size_t i = 0; i < sizeof sum / sizeof *sum; i++)
        *sum[i] /= (double)count;
    out->gate_entropy = entropy.count > 0 ? entropy.mean : NAN;
    out->error_correlation = correlation.count > 0 ? correlation.mean : NAN;
}

mele_compared mele_i_nothing_compared(void)
{
    return (mele_compared){false, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, {0}};
}

mele_compared mele_i_comparison_summary(const mele_comparison *comparison, size_t set, size_t contender)
{
    const mele_i_compared_set *s = &comparison->set[set];
    const size_t count = s->splits * comparison->seeds;
    mele_compared out = mele_i_nothing_compared();
    moments over_splits = {0, 0, 0};
    double variance = 0;

    if (!mele_i_comparison_has(comparison, set, contender))
        return out;
    for (size_t split = 0; split < s->splits; split++) {
        const moments m = moments_of_split(comparison, set, contender, split);
        moments_add(&over_splits, m.mean);
        variance += variance_of(&m);
    }
    out.has = true;
    out.loss = over_splits.mean;
    out.sd = sqrt(variance_of(&over_splits));
    out.spread = comparison->contender[contender].family == NULL ? NAN : sqrt(variance / (double)s->splits);
    add_means(&s->outcome[contender * count], count, &out);
    return out;
}
