/* Random prototypes (Armano, Hatami 2011, An improved mixture of experts model: divide and conquer using
 * random prototypes, in Ensembles in Machine Learning Applications): K rows drawn at random are the centres, and stay where they are.
 *
 * Successive draws without replacement, each with probability proportional to the weights of the rows that
 * differ from all that were drawn. By one number a row: the i-th has a waiting time -log(u_i) / w_i, and the
 * first K rows that differ from those before them are taken (Efraimidis, Spirakis 2006, Inf. Process. Lett.
 * 97). So in one turn through the rows those are kept that have the least times of all rows so far, of equal
 * rows one, with the least time of all of them; few are looked at: about K log(n / K).
 *
 * The best inertia of the restarts wins; --restarts 1 is one draw. What they stand for is the mixture of
 * shared.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/stream.h"
#include "partition/shared.h"

typedef struct drawing {
    const mele_i_attempt *attempt;
    size_t wanted, count;
    double *centres; /* those kept so far, and room for one more */
    double *time;    /* theirs */
} drawing;

static size_t latest(const drawing *d)
{
    size_t last = 0;

    for (size_t k = 1; k < d->count; k++)
        if (d->time[k] > d->time[last])
            last = k;
    return last;
}

/* The one that is equal to what stands behind the last; count: none is. */
static size_t equal_to_next(const drawing *d, size_t columns)
{
    const double *next = d->centres + d->wanted * columns;

    for (size_t k = 0; k < d->count; k++) {
        size_t j = 0;
        while (j < columns && d->centres[k * columns + j] == next[j])
            j++;
        if (j == columns)
            return k;
    }
    return d->count;
}

/* A row of which the time would do. */
static mele_status offer(drawing *d, size_t row, double time, mele_error *error)
{
    const mele_rows *rows = &d->attempt->sample->rows;
    double *next = d->centres + d->wanted * rows->cols;
    mele_status status = mele_i_rows_copy(rows, row, next, error);

    if (status != MELE_OK)
        return status;
    size_t at = equal_to_next(d, rows->cols);
    if (at < d->count && !(time < d->time[at]))
        return MELE_OK;
    if (at == d->count && d->count == d->wanted)
        at = latest(d);
    else if (at == d->count)
        d->count++;
    d->time[at] = time;
    memcpy(d->centres + at * rows->cols, next, rows->cols * sizeof *next);
    return MELE_OK;
}

static mele_status draw_rows(drawing *d, mele_i_stream *stream, mele_error *error)
{
    const mele_i_sample *sample = d->attempt->sample;
    double bound = INFINITY; /* of the times that would do */
    mele_status status = MELE_OK;

    for (size_t i = 0; i < sample->rows.rows && status == MELE_OK; i++) {
        const double weight = mele_i_weight(sample, i);
        if (!(weight > 0))
            continue;
        const double time = -log(1 - mele_i_stream_uniform(stream)) / weight;
        if (!(time < bound))
            continue;
        status = offer(d, i, time, error);
        if (d->count == d->wanted)
            bound = d->time[latest(d)];
    }
    return status;
}

/* Draw, and fit to the prototypes, which the attempt gets as given centres. */
static mele_status fit_drawn(const mele_i_attempt *attempt, drawing *d, mele_partition *trial,
                             mele_partition_info *info, mele_error *error)
{
    const size_t columns = attempt->sample->rows.cols;
    mele_partition_options options = *attempt->options;
    mele_i_attempt among = *attempt;
    mele_i_stream stream =
        mele_i_stream_make(options.seed, MELE_I_FOR_PARTITION, options.fold, attempt->restart);
    mele_status status = draw_rows(d, &stream, error);

    const mele_matrix drawn = mele_matrix_of(d->centres, d->count, columns);
    options.centres = &drawn;
    options.clusters = d->count;
    among.options = &options;
    return status == MELE_OK ? mele_i_shared_fit(&among, false, trial, info, error) : status;
}

static mele_status fit_prototypes(const mele_i_attempt *attempt, mele_partition *trial,
                                  mele_partition_info *info, mele_error *error)
{
    const size_t wanted = attempt->options->clusters;
    drawing d = {.attempt = attempt, .wanted = wanted};
    mele_status status = MELE_ENOMEM;

    if (attempt->options->centres != NULL
        || strcmp(attempt->options->init, "random") != 0)
        return mele_i_shared_fit(attempt, false, trial, info, error);
    d.centres = mele_i_array(wanted + 1, attempt->sample->rows.cols * sizeof(double));
    d.time = MELE_I_ARRAY(double, wanted);
    if (d.centres == NULL || d.time == NULL)
        mele_i_no_memory(error);
    else
        status = fit_drawn(attempt, &d, trial, info, error);
    free(d.centres);
    free(d.time);
    return status;
}

static mele_status fit(const mele_i_attempt *attempt, mele_partition *trial,
                       mele_partition_info *info, mele_error *error)
{
    mele_partition_info made = {0};
    mele_status status = fit_prototypes(attempt, trial, &made, error);

    if (status == MELE_OK)
        status = mele_i_partition_progress(attempt, 1, made.objective, error);
    if (status != MELE_OK)
        return status;
    made.converged = true; /* nothing moves */
    *info = made;
    return MELE_OK;
}

const mele_i_partition_kind mele_i_partition_random = {
    .name = "random",
    .keys = "kind,clusters,columns,centres,variance",
    .start = "random",
    .why_fewer = "there are not enough distinct rows, or no row is nearest to the other centres",
    MELE_I_SHARED_VARIANCE,
    .shape_count = mele_i_shared_count,
    .fit = fit,
    .reorder = mele_i_shared_keep_order,
    .marginal = mele_i_shared_marginal,
    .take = mele_i_shared_take,
    .save = mele_i_shared_save,
    .load = mele_i_shared_load,
};
