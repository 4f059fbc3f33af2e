/* What the kinds of stage 1 share. */
#include "partition/kind.h"

#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "engine/pass.h"
#include "partition/mixture.h"

size_t mele_i_partition_block(size_t row_work)
{
    return mele_i_block_rows(row_work, 1 << 19, 512);
}

mele_status mele_i_partition_progress(const mele_i_attempt *attempt, size_t iteration,
                                      double objective, mele_error *error)
{
    const bool several = attempt->restarts > 1; /* a start ends well before its most iterations */

    return mele_i_progress(attempt->engine, "partition", several ? attempt->restart : iteration,
                           several ? attempt->restarts : attempt->options->max_iterations,
                           objective, error);
}

double mele_i_least_shift(const mele_i_sample *sample, size_t clusters)
{
    double size = (double)sample->rows.cols * sample->variance;

    for (size_t j = 0; j < sample->rows.cols; j++)
        size += sample->mean[j] * sample->mean[j];
    return 0x1p-96 * (double)clusters * size;
}

/* Sizes have passed for sizes of arrays. */
static size_t shape_count(const mele_partition *p)
{
    return p->covariance != NULL ? mele_i_mixture_count(p->covariance, p->clusters, p->columns)
                                 : p->kind->shape_count(p->clusters, p->columns);
}

mele_partition *mele_i_partition_room(const mele_i_partition_kind *kind, const char *covariance,
                                      size_t clusters, size_t columns)
{
    mele_partition *p = MELE_I_NEW(mele_partition);
    size_t square, most;

    if (p == NULL)
        return NULL;
    p->kind = kind;
    p->covariance = kind->mixture ? mele_i_covariance_named(covariance) : NULL;
    p->clusters = clusters;
    p->columns = columns;
    /* no kind's shape is larger than K (d + 2)^2 */
    if (!__builtin_mul_overflow(columns + 2, columns + 2, &square)
        && !__builtin_mul_overflow(square, clusters, &most)) {
        p->shape_count = shape_count(p);
        p->centres = mele_i_array(clusters * columns, sizeof(double));
        p->shape = MELE_I_ARRAY(double, p->shape_count);
    }
    if (p->centres == NULL || p->shape == NULL) {
        mele_partition_free(p);
        return NULL;
    }
    return p;
}

void mele_partition_free(mele_partition *partition)
{
    if (partition == NULL)
        return;
    free(partition->centres);
    free(partition->shape);
    free(partition->sizes);
    free(partition);
}
