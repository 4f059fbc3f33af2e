/* Warnings of stage 1: none of these is an error, and each has an outcome that doc/methods.md
 * states. */
#include "fit/warnings.h"

#include <stdio.h>

#include "core/magnitude.h"
#include "fit/report.h"
#include "schema/data.h"

#define NAME_ROOM 128
#define NEARLY_ALL 0.9 /* of a column's variance */
#define FEW_ROWS 10    /* among which one row may well hold most of it */

typedef enum oddity { NONE, CONSTANT, ONE_ROW } oddity;

static oddity oddity_of(const mele_i_summary *summary, size_t j, double rows)
{
    const double low = summary->low[j], high = summary->high[j], mean = summary->mean[j];
    const double apart = high - mean > mean - low ? high - mean : mean - low;
    const double share = apart / summary->deviation[j] * (apart / summary->deviation[j]) / rows;

    if (mele_i_is_constant((mele_i_origin){NULL, NULL}, j, low, high))
        return CONSTANT;
    return rows >= FEW_ROWS && share > NEARLY_ALL ? ONE_ROW : NONE;
}

/* One line for all columns of a kind: there may be very many. */
static void warn_of_columns(const mele_i_run *run, const mele_i_summary *summary, oddity kind,
                            const char *what)
{
    const mele_i_space *space = &run->model->space;
    size_t count = 0;
    char name[NAME_ROOM] = "", others[64] = "";

    for (size_t c = 0; c < space->columns; c++)
        if (oddity_of(summary, space->column[c], (double)run->features.rows) == kind
            && count++ == 0)
            mele_i_schema_column_name(run->model->schema, space->column[c], name, sizeof name);
    if (count > 1)
        snprintf(others, sizeof others, " (and %zu more)", count - 1);
    if (count > 0)
        mele_i_report_warn(run->report, "column \"%s\"%s %s", name, others, what);
}

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
    warn_of_columns(run, summary, CONSTANT, "is constant: it tells no regions apart");
    warn_of_columns(run, summary, ONE_ROW, "has nearly all of its variance from a single row");
    warn_of_weights(run);
    if (info->merged > 0)
        mele_i_report_warn(run->report, "%zu region%s instead of %zu: there are not enough distinct "
                           "rows", info->clusters, info->clusters == 1 ? "" : "s",
                           info->clusters + info->merged);
    warn_of_sizes(run, sizes);
    if (!info->converged)
        mele_i_report_unconverged(run->report, "stage 1 did not converge in %zu iteration%s "
                                  "(--max-iter)", info->iterations,
                                  info->iterations == 1 ? "" : "s");
}
