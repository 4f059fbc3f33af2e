/* The choice of K by the error of the whole mixture on rows left out.
 *
 * The whole fit, scaling and partition included, is made again outside each fold; the folds are the
 * same for all racers. The loss of a row is, for regression, the squared error of each target in
 * units of that target's variance, averaged over targets; for classes -log p of the row's class, p
 * at least 2^-52. A racer that a fold cannot train (fewer rows than K, no weight) has no loss.
 *
 * It is a race: after the first folds, and again after every few more, racers are given up that
 *
 *     have lost so far more than the leader would in all folds at its present rate, or
 *     are behind the leader by more than chance, in a t-test of mean losses by pairs, one-sided, at
 *     5 % divided by how many times the racers are looked at (Bonferroni),
 *
 * the leader being the one with the least loss so far. The pairs are the folds, or of few folds of
 * many rows slices of them, ten in all at least. Who is left alone has won, and need not go on.
 *
 * Many rows are not all needed to tell which K is best: a sample of them races, whole groups and
 * classes evenly, of SAMPLE_ROWS to twice that, of as many more as weights of several sizes take
 * away (the square of their sum over the sum of their squares; Kish 1965, Survey Sampling), and of
 * REGION_ROWS for each of the most regions. doc/methods.md has what that costs.
 *
 * One model for all rows, K = 1, is what the others are measured against at the end, so it is never
 * given up. Chance alone makes another seem better by up to t s sqrt(1/J + n_slice / n_training) in 19
 * of 20 cases, s the standard deviation of the J differences, t the quantile of Student's t: the
 * second term of Nadeau and Bengio counts that the training rows of the folds are mostly the same.
 *
 * Random streams depend on the fold and the restart but not on K, so the partition is that of the
 * same K given. Racers and folds are tasks, the largest K first: it takes the longest.
 *
 * Sources: Maron, Moore 1994, NIPS 6 (races); Kuhn 2014, arXiv:1405.6974 (by tests on folds);
 * Nadeau, Bengio 2003, Machine Learning 52. */
#include "fit/race.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "fit/folds.h"
#include "fit/whole.h"
#include "model/predict.h"
#include "schema/encode.h"

#define MOST_FOLDS 10
#define FOLD_ROWS 10    /* left out at least, as long as there are 2 folds */
#define MANY_ROWS 50000 /* folds times rows at most, as long as there are 2 folds */
#define SAMPLE_ROWS 10000
#define REGION_ROWS 200
#define SAMPLE_GROUPS 100
#define HELD_ROWS 65536 /* of a sample of data in a file */
#define FIRST_FOLDS 3   /* before anyone is given up */
#define MORE_FOLDS 2    /* between one comparison and the next */
#define CHANCE 0.05     /* of giving up a racer that is as good, and of taking one that is no better */
#define LEAST_PAIRS 10
#define LEAST_PROBABILITY 0x1p-52
#define STAGE "clusters"

typedef struct race {
    const mele_data *data;
    const mele_options *options;
    mele_i_racer *racers;
    size_t count;

    size_t folds, slices; /* of a fold, see above */
    size_t *fold_of_row;
    mele_i_scaling targets; /* of regression */
    double *loss, *weight;  /* count x folds x slices: sums over rows; loss NaN: no model */

    size_t *running, left; /* the racers that are not given up, the largest K first */
    size_t first, some;    /* folds of the round */
    size_t fits;           /* before the round */
} race;

static double loss_of(const race *r, const double *truth, const double *predicted, size_t classes)
{
    const size_t targets = r->data->schema->targets;
    double sum = 0;

    if (classes > 0)
        return -log(fmax(predicted[(size_t)truth[0]], LEAST_PROBABILITY));
    for (size_t t = 0; t < targets; t++) {
        double off = (truth[t] - predicted[t]) / r->targets.scale[t];
        sum += off * off;
    }
    return sum / (double)targets;
}

/* Rows of one group are in one slice. */
static size_t slice_of(const race *r, const mele_data *left_out, size_t row)
{
    return (left_out->group == NULL ? row : left_out->group[row]) % r->slices;
}

/* Where the losses of a fold and their weights go, by slices. */
typedef struct sums {
    double *loss, *weight;
} sums;

/* Sum the losses of the rows left out, by slices. A row without a prediction is in no sum. */
static mele_status measure_fold(const race *r, const mele_model *model, const mele_data *left_out,
                                mele_engine *engine, const sums *out, mele_error *error)
{
    const size_t classes = mele_schema_classes(r->data->schema);
    const size_t targets = r->data->schema->targets, outputs = classes > 0 ? classes : targets;
    const mele_i_features features = mele_i_data_features(left_out);
    double *predicted = mele_i_array(left_out->rows, outputs * sizeof(double));
    const mele_prediction wanted = {.mean = classes > 0 ? NULL : predicted,
                                    .probability = classes > 0 ? predicted : NULL};
    mele_status status = predicted == NULL ? mele_i_no_memory(error)
                                           : mele_i_model_predict(model, &features, NULL, engine,
                                                                  &wanted, error);

    for (size_t i = 0; i < left_out->rows && status == MELE_OK; i++) {
        double w = left_out->weights == NULL ? 1 : left_out->weights[i];
        if (!(w > 0) || isnan(predicted[i * outputs]))
            continue;
        const size_t slice = slice_of(r, left_out, i);
        out->loss[slice] += w * loss_of(r, left_out->targets + i * targets,
                                       predicted + i * outputs, classes);
        out->weight[slice] += w;
    }
    free(predicted);
    return status;
}

/* The key of the streams of a fold inside the fold `outer`, which is none of those outside. */
static size_t inner_fold(size_t outer, size_t fold)
{
    return outer + ((fold + 1) << (sizeof(size_t) * 4));
}

static mele_status fit_outside_fold(const race *r, size_t clusters, size_t index,
                                    const mele_i_fold *fold, mele_engine *engine,
                                    const sums *out, mele_error *error)
{
    mele_options options = *r->options;
    mele_model *model = NULL;

    options.partition.clusters = clusters;
    options.partition.fold = options.experts.fold = inner_fold(r->options->partition.fold, index);
    mele_status status = mele_i_fit_whole(fold->training, &options, engine, &model, error);
    if (status == MELE_OK)
        status = measure_fold(r, model, fold->left_out, engine, out, error);
    mele_model_free(model);
    return status;
}

/* A fold that cannot train so many regions leaves its sum at NaN. */
static mele_status run_fold(void *context, size_t index, mele_engine *engine, mele_error *error)
{
    const race *r = context;
    const size_t i = r->running[index / r->some], fold = r->first + index % r->some;
    const size_t at = (i * r->folds + fold) * r->slices;
    mele_i_fold rows;
    mele_status status = mele_i_fold_make(r->data, r->fold_of_row, fold, &rows, error);

    if (status == MELE_OK) {
        status = fit_outside_fold(r, r->racers[i].clusters, fold, &rows, engine,
                                  &(sums){&r->loss[at], &r->weight[at]}, error);
        mele_i_fold_clear(&rows);
    }
    if (status != MELE_EDATA)
        return status;
    for (size_t slice = 0; slice < r->slices; slice++)
        r->loss[at + slice] = NAN;
    return MELE_OK;
}

/* ---- who goes on ---- */

static double sum_of(const double *values, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return sum;
}

/* What is kept of racer i, and in how many pairs it has run. */
static const double *losses_of(const race *r, size_t i)
{
    return r->loss + i * r->folds * r->slices;
}

static const double *weights_of(const race *r, size_t i)
{
    return r->weight + i * r->folds * r->slices;
}

static size_t pairs_of(const race *r, size_t i)
{
    return r->racers[i].folds * r->slices;
}

/* The mean loss of a racer in the folds it has run in. */
static double mean_loss(const race *r, size_t i)
{
    const double weight = sum_of(weights_of(r, i), pairs_of(r, i));

    return weight > 0 ? sum_of(losses_of(r, i), pairs_of(r, i)) / weight : NAN;
}

/* Of those that run, the first of the least loss; count: nobody has one. */
static size_t leader_of(const race *r)
{
    size_t best = r->count;

    for (size_t j = r->left; j-- > 0;) {
        const size_t i = r->running[j];
        if (!isnan(r->racers[i].loss)
            && (best == r->count || r->racers[i].loss < r->racers[best].loss))
            best = i;
    }
    return best;
}

/* What racer i loses more than another: mean and variance over the pairs of both. */
typedef struct excess {
    double mean, variance;
    size_t pairs; /* below 2: no variance */
} excess;

static excess excess_of(const race *r, size_t i, size_t other)
{
    const double *loss = losses_of(r, i), *weight = weights_of(r, i);
    const double *least = losses_of(r, other), *of = weights_of(r, other);
    const size_t count = pairs_of(r, r->racers[i].folds < r->racers[other].folds ? i : other);
    excess e = {0, 0, 0};
    double squares = 0;

    for (size_t p = 0; p < count; p++)
        if (weight[p] > 0 && of[p] > 0) {
            const double more = loss[p] / weight[p] - least[p] / of[p], off = more - e.mean;
            e.mean += off / (double)++e.pairs;
            squares += off * (more - e.mean);
        }
    e.variance = e.pairs > 1 ? squares / (double)(e.pairs - 1) : 0;
    return e;
}

/* How many times racers are compared before the last fold. */
static size_t count_looks(const race *r)
{
    return r->folds <= FIRST_FOLDS ? 1 : 1 + (r->folds - FIRST_FOLDS - 1) / MORE_FOLDS;
}

static bool is_behind(const race *r, size_t i, size_t leader)
{
    const excess e = excess_of(r, i, leader);

    return e.pairs > 1
           && e.mean > gsl_cdf_tdist_Qinv(CHANCE / (double)count_looks(r), (double)(e.pairs - 1))
                           * sqrt(e.variance / (double)e.pairs);
}

static bool is_hopeless(const race *r, size_t i, size_t leader)
{
    const size_t folds = r->racers[i].folds;

    return sum_of(losses_of(r, i), pairs_of(r, i))
           > sum_of(losses_of(r, leader), pairs_of(r, leader)) * (double)r->folds / (double)folds;
}

/* Those go on that may still win, and one model for all rows. */
static void give_up(race *r)
{
    const size_t leader = leader_of(r);
    size_t kept = 0;

    for (size_t j = 0; j < r->left; j++) {
        const size_t i = r->running[j];
        if (isnan(r->racers[i].loss)
            || (i != leader && r->racers[i].clusters > 1
                && (is_hopeless(r, i, leader) || is_behind(r, i, leader))))
            continue;
        r->running[kept++] = i;
    }
    r->left = kept;
}

/* ---- folds ---- */

/* As how many rows of one weight the data count. */
static double effective_rows(const mele_data *data)
{
    double sum = 0, squares = 0;

    for (size_t i = 0; i < data->rows && data->weights != NULL; i++) {
        sum += data->weights[i];
        squares += data->weights[i] * data->weights[i];
    }
    return data->weights == NULL ? (double)data->rows : squares > 0 ? sum * sum / squares : 0;
}

/* Into how many samples the rows could be cut. */
static mele_status count_samples(const race *r, size_t *samples, mele_error *error)
{
    const size_t regions = REGION_ROWS * r->racers[r->count - 1].clusters;
    const size_t least = regions > SAMPLE_ROWS ? regions : SAMPLE_ROWS;
    const double effective = effective_rows(r->data);
    mele_status status = MELE_OK;
    size_t groups;

    *samples = effective < (double)r->data->rows ? (size_t)effective / least
                                                 : r->data->rows / least;
    if (*samples < 2 || r->data->group == NULL)
        return MELE_OK;
    if ((status = mele_i_count_units(r->data, &groups, error)) == MELE_OK)
        *samples = groups / SAMPLE_GROUPS < *samples ? groups / SAMPLE_GROUPS : *samples;
    return status;
}

/* Of many rows a sample races: *sample, which r->data then is. */
static mele_status draw_sample(race *r, mele_data **sample, mele_error *error)
{
    const mele_i_stream stream =
        mele_i_stream_make(r->options->seed, MELE_I_FOR_FOLDS, r->options->partition.fold, 2);
    size_t samples, count = 0, *of_row = NULL;
    mele_status status = count_samples(r, &samples, error);

    if (status != MELE_OK || samples < 2)
        return status;
    status = mele_i_deal_folds(r->data, samples, stream, &of_row, error);
    for (size_t i = 0; i < r->data->rows && status == MELE_OK; i++)
        if (of_row[i] == 0)
            of_row[count++] = i;
    if (status == MELE_OK)
        status = mele_i_data_subset(r->data, of_row, count, true, sample, error);
    if (status == MELE_OK && count <= HELD_ROWS)
        status = mele_i_data_hold(*sample, error);
    if (status == MELE_OK)
        r->data = *sample;
    free(of_row);
    return status;
}

/* How many folds: fewer when they would be small, and of many rows, where fewer tell as much for
 * less time. Below 2 (one row, one group) there is nothing to measure. */
static mele_status count_folds(race *r, mele_error *error)
{
    const size_t rows = mele_i_data_count(r->data);
    size_t folds = MOST_FOLDS, units = 0;
    mele_status status = mele_i_count_units(r->data, &units, error);

    folds = rows / FOLD_ROWS < folds ? rows / FOLD_ROWS : folds;
    folds = MANY_ROWS / rows < folds ? MANY_ROWS / rows : folds;
    folds = folds < 2 ? 2 : folds;
    r->folds = units < folds ? units : folds;
    r->slices = r->folds > 0 ? (LEAST_PAIRS + r->folds - 1) / r->folds : 1;
    return status;
}

/* Room for what is measured, the folds, and the units of regression errors. */
static mele_status prepare_folds(race *r, mele_engine *engine, mele_error *error)
{
    const mele_data *data = r->data;
    const mele_i_stream stream =
        mele_i_stream_make(r->options->seed, MELE_I_FOR_FOLDS, r->options->partition.fold, 1);

    r->loss = mele_i_zeroed(r->count, r->folds * r->slices * sizeof(double));
    r->weight = mele_i_zeroed(r->count, r->folds * r->slices * sizeof(double));
    r->running = MELE_I_ARRAY(size_t, r->count);
    if (r->loss == NULL || r->weight == NULL || r->running == NULL)
        return mele_i_no_memory(error);
    mele_status status = mele_i_deal_folds(data, r->folds, stream, &r->fold_of_row, error);
    if (status != MELE_OK || mele_schema_classes(data->schema) > 0)
        return status;
    mele_matrix targets = mele_matrix_of(data->targets, data->rows, data->schema->targets);
    return mele_i_scaling_fit_matrix(&targets, data->weights, MELE_I_SCALE_STANDARD, engine,
                                     &r->targets, error);
}

static mele_status run_round(race *r, mele_engine *engine, mele_error *error)
{
    const mele_i_tasks tasks = {.count = r->left * r->some, .run = run_fold, .context = r,
                                .stage = STAGE, .before = r->fits,
                                .total = r->fits + r->left * (r->folds - r->first),
                                .in_turn = r->data->windows != NULL};
    mele_status status = mele_i_tasks_run(engine, &tasks, error);

    r->fits += tasks.count;

    for (size_t j = 0; j < r->left && status == MELE_OK; j++) {
        mele_i_racer *racer = &r->racers[r->running[j]];
        racer->folds = r->first + r->some;
        racer->loss = mean_loss(r, r->running[j]);
    }
    r->first += r->some;
    return status;
}

static mele_status run_race(race *r, mele_engine *engine, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t i = r->count; i-- > 0;)
        r->running[r->left++] = i;
    while (r->first < r->folds && (r->left > 1 || r->left == r->count) && status == MELE_OK) {
        const size_t most = r->first == 0 ? FIRST_FOLDS : MORE_FOLDS;
        r->some = r->folds - r->first < most ? r->folds - r->first : most;
        status = run_round(r, engine, error);
        if (status == MELE_OK && r->first < r->folds)
            give_up(r);
    }
    return status;
}

/* What racers gain over one model for all rows, if that is a racer: it is the first then. */
static void measure_gains(race *r)
{
    const double training = 1 - 1 / (double)r->folds; /* share of the rows */

    for (size_t i = 1; i < r->count && r->racers[0].clusters == 1; i++) {
        const excess e = excess_of(r, i, 0);
        const double slice = 1 / (double)(r->folds * r->slices);
        if (e.pairs < 2)
            continue;
        r->racers[i].gain = -e.mean;
        r->racers[i].chance = gsl_cdf_tdist_Qinv(CHANCE, (double)(e.pairs - 1))
                              * sqrt((1 / (double)e.pairs + slice / training) * e.variance);
    }
}

static void race_clear(race *r)
{
    free(r->fold_of_row);
    mele_i_scaling_clear(&r->targets);
    free(r->loss);
    free(r->weight);
    free(r->running);
}

mele_status mele_i_race(const mele_data *data, const mele_options *options, mele_i_racer *racers,
                        size_t count, mele_engine *engine, mele_i_race_course *course,
                        mele_error *error)
{
    race r = {.data = data, .options = options, .racers = racers, .count = count};
    mele_data *sample = NULL;
    mele_status status = draw_sample(&r, &sample, error);

    for (size_t i = 0; i < count; i++) {
        racers[i].loss = racers[i].gain = racers[i].chance = NAN;
        racers[i].folds = 0;
    }
    if (status == MELE_OK)
        status = count_folds(&r, error);
    if (status == MELE_OK && r.folds >= 2) {
        status = prepare_folds(&r, engine, error);
        if (status == MELE_OK)
            status = run_race(&r, engine, error);
        if (status == MELE_OK)
            measure_gains(&r);
    }
    race_clear(&r);
    if (status == MELE_OK)
        *course = (mele_i_race_course){r.folds >= 2 ? r.folds : 0, r.data->rows};
    mele_data_free(sample);
    return status;
}
