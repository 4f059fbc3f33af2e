/* The choice of K, and of what a family sweeps, by refits.
 *
 * Each candidate is a whole fit of the family, made again outside each fold of a race (fit/race.c) and measured
 * on the rows inside: the same rows, folds and losses as those of the choice of K by stages; but of a family that
 * votes for classes it is the share of errors, unless the criterion is nll. Numbers of experts climb: the larger ones
 * run as long as they gain. What is swept is at its first value meanwhile, the others then run with the best K.
 *
 * Fits that are compared are cheaper than the one that follows (mele_i_run's `compared`), and have one start, since
 * the folds are as many starts of a candidate already; of FEW_ROWS FEW_ROWS_STARTS, as of these an unlucky one counts.
 *
 * Candidates come by ascending K and, of one K, as the family sweeps them, simplest first; of one expert there is
 * one. The first is taken that is within one standard error of the best. One expert, where it is a candidate, stays
 * unless the best gains more over it than chance does. */
#include "family/choice.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/largest.h"
#include "core/memory.h"
#include "family/families.h"
#include "family/train.h"
#include "fit/gate_record.h"
#include "fit/ladder.h"
#include "fit/race.h"
#include "fit/report.h"
#include "model/options.h"
#include "model/predict.h"
#include "schema/data.h"

#define STAGE "choice"
#define WINDOW_ROWS 4096 /* predicted at a time */
#define FEW_ROWS 500     /* of which a fit that is compared may have */
#define FEW_ROWS_STARTS 3

typedef struct choice {
    const mele_data *data;
    const mele_i_family *family;
    const mele_options *options;
    size_t *clusters, rungs; /* the numbers of experts to choose from */
    size_t values;           /* of what is swept; 0: nothing is */
    mele_i_racer *racers;
    size_t *value, count;    /* of each racer */
    size_t sample;           /* rows that raced, where they are not all; else 0 */
    size_t chosen;
} choice;

/* ---- the candidates ---- */

/* The options of a candidate, made of others of the same fit. */
static void set_candidate(const choice *c, size_t i, mele_options *options)
{
    options->partition.clusters = c->racers[i].clusters;
    if (c->values > 0)
        c->family->sweep(c->value[i], options);
}

static size_t count_values(const mele_i_family *family, const mele_options *given)
{
    mele_options trial = *given;
    size_t count = 0;

    while (family->sweep != NULL && family->sweep(count, &trial)) {
        trial = *given;
        count++;
    }
    return count;
}

static mele_status list_clusters(choice *c, mele_error *error)
{
    if (c->options->partition.clusters == 0)
        return mele_i_ladder_make(c->data, c->options, &c->clusters, &c->rungs, error);
    if ((c->clusters = MELE_I_ARRAY(size_t, 1)) == NULL)
        return mele_i_no_memory(error);
    c->clusters[0] = c->options->partition.clusters;
    c->rungs = 1;
    return MELE_OK;
}

static mele_status list_candidates(choice *c, mele_error *error)
{
    mele_status status = list_clusters(c, error);
    const size_t values = c->values > 0 ? c->values : 1;

    if (status != MELE_OK)
        return status;
    c->racers = mele_i_zeroed(c->rungs, values * sizeof *c->racers);
    c->value = mele_i_array(c->rungs, values * sizeof *c->value);
    if (c->racers == NULL || c->value == NULL)
        return mele_i_no_memory(error);
    for (size_t k = 0; k < c->rungs; k++)
        for (size_t v = 0; v < (c->clusters[k] == 1 ? 1 : values); v++) {
            c->racers[c->count].clusters = c->clusters[k];
            c->racers[c->count].one = c->clusters[k] == 1;
            c->racers[c->count].late = v > 0 && c->rungs > 1;
            c->value[c->count++] = v;
        }
    return MELE_OK;
}

/* ---- one fit ---- */

/* What a window of rows left out is predicted to. */
typedef struct window {
    double *said;    /* rows x M */
    double *density; /* rows; NULL: the loss is an error */
    bool votes;      /* of classes the loss is whether it is an error */
} window;

static double class_loss(const window *w, const double *probability, size_t classes, size_t truth)
{
    if (w->votes)
        return mele_i_largest(probability, classes) == truth ? 0 : 1;
    return mele_i_course_class_loss(probability[truth]);
}

static double loss_of(const mele_i_course *course, const mele_data *left_out, const window *w, size_t row,
                      size_t at)
{
    const size_t targets = left_out->schema->targets, classes = mele_schema_classes(left_out->schema);
    const double *truth = left_out->targets + row * targets;
    double sum = 0;

    if (classes > 0)
        return class_loss(w, w->said + at * classes, classes, (size_t)truth[0]);
    if (w->density != NULL)
        return -w->density[at];
    for (size_t t = 0; t < targets; t++)
        sum += mele_i_course_square(course, t, truth[t], w->said[at * targets + t]);
    return sum / (double)targets;
}

static bool is_known(const mele_data *left_out, const window *w, size_t at)
{
    const size_t outputs = mele_schema_classes(left_out->schema) > 0
                               ? mele_schema_classes(left_out->schema) : left_out->schema->targets;

    return !isnan(w->said[at * outputs]);
}

/* Rows first .. first + count - 1. */
static mele_status measure_rows(const mele_model *model, const mele_i_heat *h, const mele_data *left_out,
                                size_t first, size_t count, const window *w, mele_engine *engine,
                                mele_error *error)
{
    const bool classes = mele_schema_classes(left_out->schema) > 0;
    const mele_prediction wanted = {.mean = classes ? NULL : w->said,
                                    .probability = classes ? w->said : NULL,
                                    .joint_log_density = w->density,
                                    .targets = left_out->targets + first * left_out->schema->targets};
    mele_i_features features = mele_i_data_features(left_out);

    features.row += first;
    features.rows = count;
    mele_status status = mele_i_model_predict(model, &features, NULL, engine, &wanted, error);
    for (size_t i = 0; i < count && status == MELE_OK; i++)
        if (is_known(left_out, w, i))
            mele_i_course_add(h->course, left_out, first + i,
                              loss_of(h->course, left_out, w, first + i, i), &h->sums);
    return status;
}

static mele_status measure(const mele_model *model, const mele_i_heat *h, const mele_data *left_out,
                           bool votes, mele_engine *engine, mele_error *error)
{
    const size_t rows = left_out->rows, most = rows < WINDOW_ROWS ? rows : WINDOW_ROWS;
    const bool by_density = h->course->by_density && mele_schema_classes(left_out->schema) == 0;
    const window w = {mele_i_array(most, mele_model_outputs(model) * sizeof(double)),
                      by_density ? MELE_I_ARRAY(double, most) : NULL,
                      votes && !h->course->by_density};
    mele_status status = w.said == NULL || (by_density && w.density == NULL) ? mele_i_no_memory(error)
                                                                            : MELE_OK;

    for (size_t first = 0; first < rows && status == MELE_OK; first += most)
        status = measure_rows(model, h, left_out, first, rows - first < most ? rows - first : most, &w,
                              engine, error);
    free(w.said);
    free(w.density);
    return status;
}

static size_t most_starts(const mele_i_course *course)
{
    return course->data->rows <= FEW_ROWS ? FEW_ROWS_STARTS : 1;
}

/* A heat has one racer. */
static mele_status run_candidate(void *context, const mele_i_heat *h, mele_engine *engine,
                                 mele_error *error)
{
    const choice *c = context;
    const size_t i = (size_t)(h->racers - c->racers);
    mele_options options = mele_i_course_options(h->course, h->racers->clusters, h->fold);
    mele_i_fold fold = {NULL};
    mele_model *model = NULL;
    mele_status status = mele_i_fold_make(h->course->data, h->course->fold_of_row, h->fold, &fold, error);

    if (status != MELE_OK)
        return status;
    set_candidate(c, i, &options);
    if (options.partition.restarts > most_starts(h->course))
        options.partition.restarts = most_starts(h->course);
    if (strcmp(options.experts.kind, "auto") != 0) /* which chooses by what is left out */
        options.experts.in_sample = !h->course->by_density;
    const mele_i_family_job job = {fold.training, &options, &options, NULL, true};
    status = mele_i_family_train(&job, engine, NULL, &model, error);
    if (status == MELE_OK)
        status = measure(model, h, fold.left_out, c->family->takes & MELE_I_FAMILY_VOTES, engine, error);
    mele_model_free(model);
    mele_i_fold_clear(&fold);
    return status;
}

/* ---- the record ---- */

/* Put the value of what is swept, as models record it. */
static bool put_value(const choice *c, size_t i, json_t *object)
{
    mele_options options = *c->options;
    bool good = true;

    if (c->values == 0)
        return true;
    set_candidate(c, i, &options);
    json_t *all = mele_i_options_save(&options, MELE_OPTION_FAMILY);
    json_t *value = json_object_get(all, c->family->swept);
    good = all != NULL && (value == NULL || json_object_set(object, c->family->swept, value) == 0);
    json_decref(all);
    return good;
}

static json_t *candidate_record(const choice *c, size_t i)
{
    json_t *object = json_object();

    if (mele_i_json_put(object, "clusters", json_integer((json_int_t)c->racers[i].clusters))
        && put_value(c, i, object) && mele_i_racer_put(&c->racers[i], i == c->chosen, object))
        return object;
    json_decref(object);
    return NULL;
}

/* Where nobody has, all are told. */
static bool has_run(const choice *c, size_t i)
{
    return c->racers[i].folds > 0 || c->racers[0].folds == 0;
}

static json_t *record_of(const choice *c)
{
    const char *criterion = c->options->criterion == NULL ? "cv" : c->options->criterion;
    json_t *object = json_object(), *list = json_array();
    bool good = object != NULL && list != NULL && put_value(c, c->chosen, object);

    for (size_t i = 0; i < c->count && good; i++)
        if (has_run(c, i))
            good = json_array_append_new(list, candidate_record(c, i)) == 0;
    good = mele_i_json_put(object, "criterion", json_string(criterion)) && good;
    good = mele_i_json_put(object, "candidates", list) && good;
    if (good && c->sample > 0)
        good = mele_i_json_put(object, "sample", json_integer((json_int_t)c->sample));
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

/* ---- the whole ---- */

/* The way out names what was to be chosen. */
static void warn_of_few_rows(const choice *c, mele_report *report)
{
    const bool both = c->values > 0 && c->rungs > 1;
    const char *swept = c->values > 0 ? c->family->swept : NULL;
    char ways[64];

    snprintf(ways, sizeof ways, "%s%s%s%s", both || swept == NULL ? "-k K" : "", both ? " and " : "",
             swept == NULL ? "" : "--", swept == NULL ? "" : swept);
    mele_i_report_warn(report, "there are too few rows, or groups, to leave some out and compare fits: the simplest is "
                       "taken, of %zu expert%s (%s name%s another)", c->racers[0].clusters,
                       c->racers[0].clusters == 1 ? "" : "s", ways, both ? "" : "s");
}

static mele_status race(choice *c, mele_engine *engine, mele_report *report, mele_error *error)
{
    const mele_i_race_rules rules = {c->data, c->options, STAGE, true, true, run_candidate, c};
    mele_i_race_course course = {0};
    mele_status status = mele_i_race(&rules, c->racers, c->count, engine, &course, error);

    if (status != MELE_OK)
        return status;
    c->sample = course.rows < c->data->rows ? course.rows : 0;
    c->chosen = course.chosen < c->count ? course.chosen : 0;
    if (course.chosen == c->count)
        warn_of_few_rows(c, report);
    return MELE_OK;
}

static void choice_clear(choice *c)
{
    free(c->clusters);
    free(c->racers);
    free(c->value);
}

mele_status mele_i_family_choose(const mele_data *data, mele_options *options, mele_engine *engine,
                                 mele_report *report, json_t **record, mele_error *error)
{
    const mele_i_family *family = mele_i_family_named(options->family.name);
    choice c = {.data = data, .family = family, .options = options,
                .values = count_values(family, options)};
    const double began = mele_i_clock();

    if ((family->takes & MELE_I_FAMILY_STAGES) || (options->partition.clusters > 0 && c.values == 0))
        return MELE_OK;
    mele_status status = list_candidates(&c, error);
    if (status == MELE_OK)
        status = race(&c, engine, report, error);
    json_t *made = status == MELE_OK ? record_of(&c) : NULL;
    if (status == MELE_OK && made == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK) {
        set_candidate(&c, c.chosen, options);
        *record = made;
    }
    mele_report_seconds(report, STAGE, mele_i_clock() - began);
    choice_clear(&c);
    return status;
}
