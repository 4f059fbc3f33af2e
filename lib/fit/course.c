/* The rows, the folds and the loss by which fits of the same data are compared.
 *
 * The loss of a row is, for regression, the squared error of each target in units of that target's
 * variance, averaged over targets; for classes -log p of the row's class, p at least 2^-52. By density
 * (--criterion nll) it is minus the log density of the row's targets together, in the data's units.
 *
 * Many rows are not all needed to tell which fit is best: a sample of them races, whole groups and
 * classes evenly, of SAMPLE_ROWS to twice that, of as many more as weights of several sizes take
 * away (the square of their sum over the sum of their squares; Kish 1965, Survey Sampling), and of
 * REGION_ROWS for each of the most regions. doc/methods.md has what that costs.
 *
 * Of few folds of many rows slices are compared, ten in all at least. */
#include "fit/course.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "measure/contest.h"
#include "measure/probability.h"

#define MOST_FOLDS 10
#define FOLD_ROWS 10    /* left out at least, as long as there are 2 folds */
#define MANY_ROWS 50000 /* folds times rows at most, as long as there are 2 folds */
#define SAMPLE_ROWS 10000
#define REGION_ROWS 200
#define SAMPLE_GROUPS 100
#define HELD_ROWS 65536 /* of a sample of data in a file */

/* ---- the sample ---- */

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
static mele_status count_samples(const mele_i_course *c, size_t most, size_t *samples, mele_error *error)
{
    const size_t regions = REGION_ROWS * most;
    const size_t least = regions > SAMPLE_ROWS ? regions : SAMPLE_ROWS;
    const double effective = effective_rows(c->data);
    mele_status status = MELE_OK;
    size_t groups;

    *samples = effective < (double)c->data->rows ? (size_t)effective / least
                                                 : c->data->rows / least;
    if (*samples < 2 || c->data->group == NULL)
        return MELE_OK;
    if ((status = mele_i_count_units(c->data, &groups, error)) == MELE_OK)
        *samples = groups / SAMPLE_GROUPS < *samples ? groups / SAMPLE_GROUPS : *samples;
    return status;
}

/* Of many rows a sample races: c->data then is it. */
static mele_status draw_sample(mele_i_course *c, size_t most, mele_error *error)
{
    const mele_i_stream stream =
        mele_i_stream_make(c->options->seed, MELE_I_FOR_FOLDS, c->options->partition.fold, 2);
    size_t samples, count = 0, *of_row = NULL;
    mele_status status = count_samples(c, most, &samples, error);

    if (status != MELE_OK || samples < 2)
        return status;
    status = mele_i_deal_folds(c->data, samples, stream, &of_row, error);
    for (size_t i = 0; i < c->data->rows && status == MELE_OK; i++)
        if (of_row[i] == 0)
            of_row[count++] = i;
    if (status == MELE_OK)
        status = mele_i_data_subset(c->data, of_row, count, true, &c->sample, error);
    if (status == MELE_OK && count <= HELD_ROWS)
        status = mele_i_data_hold(c->sample, error);
    if (status == MELE_OK)
        c->data = c->sample;
    free(of_row);
    return status;
}

/* ---- folds ---- */

/* How many folds: fewer when they would be small, and of many rows, where fewer tell as much for
 * less time. Below 2 (one row, one group) there is nothing to measure. */
static mele_status count_folds(mele_i_course *c, mele_error *error)
{
    const size_t rows = mele_i_data_count(c->data);
    size_t folds = MOST_FOLDS, units = 0;
    mele_status status = mele_i_count_units(c->data, &units, error);

    folds = rows / FOLD_ROWS < folds ? rows / FOLD_ROWS : folds;
    folds = MANY_ROWS / rows < folds ? MANY_ROWS / rows : folds;
    folds = folds < 2 ? 2 : folds;
    c->folds = units < folds ? units : folds;
    c->folds = c->folds < 2 ? 0 : c->folds;
    c->slices = c->folds > 0 ? mele_i_contest_slices(c->folds) : 1;
    return status;
}

/* The folds, and the units of regression errors. */
static mele_status deal(mele_i_course *c, mele_engine *engine, mele_error *error)
{
    const mele_data *data = c->data;
    const mele_i_stream stream =
        mele_i_stream_make(c->options->seed, MELE_I_FOR_FOLDS, c->options->partition.fold, 1);
    mele_status status = mele_i_deal_folds(data, c->folds, stream, &c->fold_of_row, error);

    if (status != MELE_OK || mele_schema_classes(data->schema) > 0)
        return status;
    mele_matrix targets = mele_matrix_of(data->targets, data->rows, data->schema->targets);
    return mele_i_scaling_fit_matrix(&targets, data->weights, MELE_I_SCALE_STANDARD, engine,
                                     &c->targets, error);
}

mele_status mele_i_course_make(const mele_data *data, const mele_options *options, size_t most,
                               mele_engine *engine, mele_i_course *out, mele_error *error)
{
    *out = (mele_i_course){.options = options, .data = data};
    out->by_density = options->criterion != NULL && strcmp(options->criterion, "nll") == 0;
    mele_status status = draw_sample(out, most, error);
    if (status == MELE_OK)
        status = count_folds(out, error);
    return status == MELE_OK && out->folds > 0 ? deal(out, engine, error) : status;
}

void mele_i_course_clear(mele_i_course *course)
{
    free(course->fold_of_row);
    mele_i_scaling_clear(&course->targets);
    mele_data_free(course->sample);
    *course = (mele_i_course){.folds = 0};
}

/* ---- one fold ---- */

/* The key of the streams of a fold inside the fold `outer`, which is none of those outside. */
static size_t inner_fold(size_t outer, size_t fold)
{
    return outer + ((fold + 1) << (sizeof(size_t) * 4));
}

mele_options mele_i_course_options(const mele_i_course *course, size_t clusters, size_t fold)
{
    mele_options options = *course->options;

    options.partition.clusters = clusters;
    if (clusters != options.partition.grid_rows * options.partition.grid_columns)
        options.partition.grid_rows = options.partition.grid_columns = 0;
    options.partition.fold = options.experts.fold =
        inner_fold(course->options->partition.fold, fold);
    return options;
}

bool mele_i_course_has_positive_losses(const mele_i_course *c)
{
    return !c->by_density || mele_schema_classes(c->data->schema) > 0;
}

double mele_i_course_slice(const mele_i_course *c)
{
    return mele_i_contest_slice(c->folds, c->slices);
}

static size_t slice_of(const mele_i_course *c, const mele_data *left_out, size_t row)
{
    return (left_out->group == NULL ? row : left_out->group[row]) % c->slices;
}

void mele_i_course_add(const mele_i_course *c, const mele_data *left_out, size_t row, double loss,
                       const mele_i_sums *sums)
{
    const double w = left_out->weights == NULL ? 1 : left_out->weights[row];
    const size_t slice = slice_of(c, left_out, row);

    if (!(w > 0) || isnan(loss))
        return;
    sums->loss[slice] += w * loss;
    sums->weight[slice] += w;
}

/* ---- losses ---- */

double mele_i_course_square(const mele_i_course *c, size_t target, double truth, double said)
{
    const double off = (truth - said) / c->targets.scale[target];

    return off * off;
}

double mele_i_course_class_loss(double probability)
{
    return -log(fmax(probability, MELE_I_LEAST_PROBABILITY));
}
