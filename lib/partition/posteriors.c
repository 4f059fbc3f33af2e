/* Log posteriors as rows, made when they are asked for. */
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "partition/kind.h"
#include "partition/partition.h"

#define STRIP_NUMBERS 8192 /* coordinates at a time: a part of the nearest cache */

/* Of rows in memory. */
static mele_status posteriors_of(const mele_i_posterior_rows *p, const double *x, size_t stride,
                                 size_t rows, double *out, mele_error *error)
{
    const mele_matrix view = {x, rows, p->points->cols, stride};

    return mele_partition_log_posteriors(p->partition, &view, NULL, out, error);
}

/* A read() of mele_rows. */
static mele_status read_posteriors(void *user, size_t first, size_t count, double *out,
                                   mele_error *error)
{
    const mele_i_posterior_rows *p = user;
    const mele_rows *points = p->points;
    const size_t most = STRIP_NUMBERS / points->cols + 1, strip = most < count ? most : count;
    mele_status status = MELE_OK;

    if (points->data != NULL)
        return posteriors_of(p, points->data + first * points->stride, points->stride, count, out,
                             error);
    double *x = mele_i_array(strip, points->cols * sizeof(double));
    if (x == NULL)
        return mele_i_no_memory(error);
    for (size_t done = 0, rows; done < count && status == MELE_OK; done += rows) {
        rows = count - done < strip ? count - done : strip;
        status = points->read(points->user, first + done, rows, x, error);
        if (status == MELE_OK)
            status = posteriors_of(p, x, points->cols, rows, out + done * p->partition->clusters,
                                   error);
    }
    free(x);
    return status;
}

mele_rows mele_i_posterior_rows_of(mele_i_posterior_rows *posteriors)
{
    return (mele_rows){.rows = posteriors->points->rows, .cols = posteriors->partition->clusters,
                       .read = read_posteriors, .user = posteriors};
}
