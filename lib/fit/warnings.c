/* Warnings of stage 1: none of these is an error, and each has an outcome that doc/methods.md
 * states. */
#include "fit/warnings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/magnitude.h"
#include "core/memory.h"
#include "core/total.h"
#include "engine/pass.h"
#include "fit/report.h"
#include "partition/partition.h"
#include "schema/data.h"

#define BLOCK_NUMBERS (1 << 14)

#define NAME_ROOM 128
#define NEARLY_ALL 0.9 /* of a column's variance */
#define FEW_ROWS 10    /* among which one row may well hold most of it */

/* ---- columns ---- */

typedef enum oddity { NONE, CONSTANT, ONE_ROW } oddity;

/* Of every design column the largest share of its sum of squares that one row has. */
typedef struct shares {
    const mele_i_run *run;
    const mele_i_summary *summary;
    mele_i_scaling units; /* mean and root of the mean square: a column's squares have a mean of 1 */
    double *most;         /* of w z^2 */
} shares;

static mele_status map_shares(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const shares *s = context;
    const mele_i_run *run = s->run;
    const size_t columns = s->units.columns;
    double *most = partial, *z = scratch;
    const mele_i_design_rows design = {run->model->schema, &s->units, NULL, &run->features};
    mele_status status = mele_i_encode_rows(&design, block.first, block.count, z, error);

    for (size_t i = 0; i < block.count && status == MELE_OK; i++)
        for (size_t j = 0; j < columns; j++)
            most[j] = fmax(most[j], run->data->weights[block.first + i] * z[i * columns + j]
                                        * z[i * columns + j]);
    return status;
}

static void combine_shares(void *context, const void *partial)
{
    shares *s = context;
    const double *most = partial;

    for (size_t j = 0; j < s->units.columns; j++)
        s->most[j] = fmax(s->most[j], most[j]);
}

/* The squares of rows that weigh differently, which the extremes do not tell. False: not known. */
static bool weigh_squares(shares *s, mele_error *error)
{
    const size_t columns = s->summary->columns;
    const size_t block_rows = mele_i_block_rows(columns, BLOCK_NUMBERS, 16);
    const mele_i_pass pass = {
        .rows = s->run->features.rows, .block_rows = block_rows, .map = map_shares, .context = s,
        .combine = combine_shares, .partial_bytes = columns * sizeof(double),
        .scratch_bytes = block_rows * columns * sizeof(double)};

    if (mele_i_scaling_new(columns, &s->units, error) != MELE_OK)
        return false;
    for (size_t j = 0; j < columns; j++) {
        s->units.center[j] = s->summary->mean[j];
        s->units.scale[j] = s->summary->deviation[j] > 0 ? s->summary->deviation[j] : 1;
    }
    const bool known = mele_i_pass_run(s->run->engine, &pass, error) == MELE_OK;
    mele_i_scaling_clear(&s->units);
    return known;
}

/* Where all rows weigh the same, the one that is furthest from the mean has most. */
static void square_extremes(shares *s)
{
    for (size_t j = 0; j < s->summary->columns; j++) {
        const double above = s->summary->high[j] - s->summary->mean[j];
        const double below = s->summary->mean[j] - s->summary->low[j];
        const double z = fmax(above, below) / s->summary->deviation[j];
        s->most[j] = z * z;
    }
}

static oddity oddity_of(const shares *s, size_t j, double rows, double weight)
{
    if (mele_i_summary_is_constant(s->summary, j))
        return CONSTANT;
    return rows >= FEW_ROWS && s->most[j] / weight > NEARLY_ALL ? ONE_ROW : NONE;
}

/* Of positive weight. */
static double count_rows(const mele_data *data)
{
    size_t count = 0;

    for (size_t i = 0; i < data->rows; i++)
        count += data->weights == NULL || data->weights[i] > 0;
    return (double)count;
}

/* One line for all columns of a kind: there may be very many. */
static void warn_of_kind(const shares *s, oddity kind, const char *what)
{
    const mele_i_run *run = s->run;
    const mele_i_space *space = &run->model->space;
    const double rows = count_rows(run->data);
    const double weight = mele_i_total_weight(run->data->weights, run->features.rows);
    size_t count = 0;
    char name[NAME_ROOM] = "", others[64] = "";

    for (size_t c = 0; c < space->columns; c++)
        if (oddity_of(s, space->column[c], rows, weight) == kind && count++ == 0)
            mele_i_schema_column_name(run->model->schema, space->column[c], name, sizeof name);
    if (count > 1)
        snprintf(others, sizeof others, " (and %zu more)", count - 1);
    if (count > 0)
        mele_i_report_warn(run->report, "column \"%s\"%s %s", name, others, what);
}

/* A failure here is one of a warning: nothing is said. */
static void warn_of_columns(const mele_i_run *run, const mele_i_summary *summary)
{
    shares s = {.run = run, .summary = summary, .most = MELE_I_ZEROED(double, summary->columns)};
    mele_error unheard;
    bool known = s.most != NULL;

    if (known && run->data->weights != NULL)
        known = weigh_squares(&s, &unheard);
    else if (known)
        square_extremes(&s);
    if (known) {
        warn_of_kind(&s, CONSTANT, "is constant: it tells no regions apart");
        warn_of_kind(&s, ONE_ROW, "has nearly all of its variance from a single row");
    }
    free(s.most);
}

/* ---- rows and regions ---- */

static void warn_of_weights(const mele_i_run *run)
{
    const mele_data *data = run->data;
    size_t without = 0;

    for (size_t i = 0; data->weights != NULL && i < data->rows; i++)
        without += data->weights[i] == 0;
    if (without > 0)
        mele_i_report_warn(run->report, "%zu row%s of weight 0 count%s for nothing", without,
                           without == 1 ? "" : "s", without == 1 ? "s" : "");
}

static void warn_of_sizes(const mele_i_run *run, const size_t *sizes)
{
    size_t single = 0, empty = 0, clusters = run->model->clusters;

    for (size_t k = 0; k < clusters; k++) {
        single += sizes[k] == 1;
        empty += sizes[k] == 0;
    }
    if (single > 0)
        mele_i_report_warn(run->report, "%zu of %zu regions hold%s a single row", single, clusters,
                           single == 1 ? "s" : "");
    if (empty > 0)
        mele_i_report_warn(run->report, "%zu of %zu regions %s the likeliest of no row", empty,
                           clusters, empty == 1 ? "is" : "are");
}

void mele_i_warn_of_regions(const mele_i_run *run, const mele_i_summary *summary,
                            const mele_partition_info *info, const size_t *sizes)
{
    if (run->report == NULL)
        return;
    warn_of_columns(run, summary);
    warn_of_weights(run);
    if (info->merged > 0)
        mele_i_report_warn(run->report, "%zu region%s instead of %zu: %s", info->clusters,
                           info->clusters == 1 ? "" : "s", info->clusters + info->merged,
                           mele_i_partition_why_fewer(run->options->partition.method));
    warn_of_sizes(run, sizes);
    if (!info->converged)
        mele_i_report_unconverged(run->report, "stage 1 did not converge in %zu iteration%s "
                                  "(--max-iter)", info->iterations,
                                  info->iterations == 1 ? "" : "s");
}
