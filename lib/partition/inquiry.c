/* What a partition says of rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/largest.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "partition/kind.h"

/* ---- what it says of rows ---- */

typedef struct inquiry {
    const mele_partition *p;
    const mele_matrix *x;
    const mele_i_kernels *kernels;
    double *posteriors; /* of these three, the one that is wanted */
    double *density;
    size_t *label;
} inquiry;

static mele_status map_inquiry(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const inquiry *q = context;
    size_t clusters = q->p->clusters;
    double *out = q->posteriors == NULL ? scratch : q->posteriors + block.first * clusters;

    (void)partial;
    (void)error;
    q->p->kind->log_joint(q->p, q->x->data + block.first * q->x->stride, q->x->stride, block.count,
                          out);
    q->kernels->log_softmax(out, block.count, clusters,
                            q->density == NULL ? NULL : q->density + block.first);
    for (size_t i = 0; i < block.count && q->label != NULL; i++)
        q->label[block.first + i] = mele_i_largest(out + i * clusters, clusters);
    return MELE_OK;
}

static mele_status inquire(inquiry *q, mele_engine *engine, mele_error *error)
{
    size_t clusters = q->p->clusters;
    size_t rows = mele_i_block_rows(clusters * (q->p->columns + 16), 1 << 18, 64);
    size_t scratch = q->posteriors == NULL ? rows * clusters * sizeof(double) : 0;
    mele_i_pass pass = {
        .block_rows = rows, .scratch_bytes = scratch, .map = map_inquiry, .context = q};

    if (q->x == NULL || (q->x->rows > 0 && q->x->data == NULL))
        return mele_i_fail(error, MELE_EINVAL, "x is NULL");
    if (q->x->cols != q->p->columns || q->x->stride < q->x->cols)
        return mele_i_fail(error, MELE_EINVAL, "x has %zu columns (stride %zu), the partition %zu",
                           q->x->cols, q->x->stride, q->p->columns);
    q->kernels = mele_i_kernels_best();
    pass.rows = q->x->rows;
    return mele_i_pass_run(engine, &pass, error);
}

mele_status mele_partition_log_posteriors(const mele_partition *partition, const mele_matrix *x,
                                          mele_engine *engine, double *out, mele_error *error)
{
    inquiry q = {.p = partition, .x = x, .posteriors = out};

    return inquire(&q, engine, error);
}

mele_status mele_partition_log_density(const mele_partition *partition, const mele_matrix *x,
                                       mele_engine *engine, double *out, mele_error *error)
{
    inquiry q = {.p = partition, .x = x, .density = out};

    return inquire(&q, engine, error);
}

/* From the posteriors, not the distances, so that it always agrees with who reads those. */
mele_status mele_partition_assign(const mele_partition *partition, const mele_matrix *x,
                                  mele_engine *engine, size_t *out, mele_error *error)
{
    inquiry q = {.p = partition, .x = x, .label = out};

    return inquire(&q, engine, error);
}

