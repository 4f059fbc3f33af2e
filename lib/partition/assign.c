/* Rows of any origin against centres that stay: the filter lies around the centres, and what is far
 * from them is unclear to it. */
#include "partition/assign.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"

#define UNCLEAR_ROWS 4 /* one in so many: more make the filter useless for the rest */

mele_status mele_i_assigner_make(mele_i_assigner *a, const double *centres, size_t clusters,
                                 size_t columns, mele_error *error)
{
    double radius = 0;

    *a = (mele_i_assigner){.origin = MELE_I_ZEROED(double, columns)};
    if (a->origin == NULL)
        return mele_i_no_memory(error);
    for (size_t k = 0; k < clusters; k++)
        for (size_t j = 0; j < columns; j++)
            a->origin[j] += centres[k * columns + j] / (double)clusters;
    for (size_t k = 0; k < clusters; k++)
        for (size_t j = 0; j < columns; j++)
            radius = fmax(radius, fabs(centres[k * columns + j] - a->origin[j]));
    const mele_i_filter_plan plan = {clusters, columns, a->origin, radius, centres, false};
    return mele_i_filter_make(&a->filter, mele_i_kernels_best(), &plan, error);
}

void mele_i_assigner_clear(mele_i_assigner *a)
{
    mele_i_filter_clear(&a->filter);
    free(a->origin);
    a->origin = NULL;
}

size_t mele_i_assigner_bytes(const mele_i_assigner *a, size_t rows)
{
    const size_t filter = a->filter.usable ? mele_i_filter_bytes(&a->filter) : 0;

    return filter + rows * sizeof(double);
}

void mele_i_assign(const mele_i_assigner *a, const double *x, size_t stride, size_t rows,
                   uint32_t *label, double *distance, void *scratch)
{
    const mele_i_filter *f = &a->filter;
    size_t done = 0, unclear = 0;

    if (f->usable) {
        const mele_i_filter_room r =
            mele_i_filter_room_in(f, (double *)scratch + rows);
        while (done < rows && unclear <= done / UNCLEAR_ROWS) {
            const size_t count = rows - done < f->chunk ? rows - done : f->chunk;
            unclear += mele_i_filter_label(f, x + done * stride, stride, count, label + done, &r);
            done += count;
        }
        if (distance != NULL)
            f->kernels->own_distances(x, stride, done, f->columns, f->centres, label, distance);
    }
    if (done < rows)
        f->kernels->nearest(x + done * stride, stride, rows - done, f->columns, f->centres,
                            f->clusters, label + done,
                            distance == NULL ? scratch : distance + done);
}
