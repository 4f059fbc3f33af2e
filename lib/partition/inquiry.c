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
    double *posteriors; /* of these four, the one that is wanted */
    double *densities;
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

/* log p(x | k). */
static mele_status map_densities(void *context, mele_i_block block, void *partial, void *scratch,
                                 mele_error *error)
{
    const inquiry *q = context;
    const mele_partition *p = q->p;
    const double *x = q->x->data + block.first * q->x->stride;
    double *out = q->densities + block.first * p->clusters;

    (void)partial;
    (void)scratch;
    (void)error;
    if (p->kind->log_densities != NULL) {
        p->kind->log_densities(p, x, q->x->stride, block.count, out);
        return MELE_OK;
    }
    p->kind->log_joint(p, x, q->x->stride, block.count, out);
    for (size_t i = 0; i < block.count * p->clusters; i++)
        out[i] += log((double)p->clusters);
    return MELE_OK;
}

static mele_status inquire(inquiry *q, mele_engine *engine, mele_error *error)
{
    size_t clusters = q->p->clusters;
    size_t rows = mele_i_block_rows(clusters * (q->p->columns + 16), 1 << 18, 64);
    bool joint = q->posteriors == NULL && q->densities == NULL; /* needs room of its own */
    mele_i_pass pass = {.block_rows = rows,
                        .scratch_bytes = joint ? rows * clusters * sizeof(double) : 0,
                        .map = q->densities == NULL ? map_inquiry : map_densities,
                        .context = q};

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

mele_status mele_partition_log_densities(const mele_partition *partition, const mele_matrix *x,
                                         mele_engine *engine, double *out, mele_error *error)
{
    inquiry q = {.p = partition, .x = x, .densities = out};

    return inquire(&q, engine, error);
}

/* From the posteriors, not the distances, so that it always agrees with who reads those. */
mele_status mele_partition_assign(const mele_partition *partition, const mele_matrix *x,
                                  mele_engine *engine, size_t *out, mele_error *error)
{
    inquiry q = {.p = partition, .x = x, .label = out};

    return inquire(&q, engine, error);
}

/* ---- how many rows each region has ---- */

#define CLEAR 1e-9 /* a lead that the rounding of posteriors cannot hide */

typedef struct counting {
    const mele_partition *p;
    const mele_rows *rows;
    const mele_i_kernels *kernels;
    size_t *sizes;
} counting;

/* The largest of a row's joint densities, if it leads clearly; else that of the posteriors that are
 * made of them, which others look at. Without branches that depend on the data: which one leads is
 * hard to foresee. */
static size_t region_of(const mele_i_kernels *kernels, double *joint, size_t clusters)
{
    double most = joint[0], least;
    size_t near = 0, sum = 0;

    for (size_t k = 1; k < clusters; k++)
        most = joint[k] > most ? joint[k] : most;
    least = most - CLEAR * (1 + fabs(most));
    for (size_t k = 0; k < clusters; k++) {
        const size_t is_near = !(joint[k] < least);
        near += is_near;
        sum += k * is_near;
    }
    if (near == 1)
        return sum;
    kernels->log_softmax(joint, 1, clusters, NULL);
    return mele_i_largest(joint, clusters);
}

static mele_status count_block(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const counting *c = context;
    const size_t clusters = c->p->clusters;
    double *joint = scratch;
    const double *x;
    size_t stride, *sizes = partial;
    mele_status status =
        mele_i_rows_take(c->rows, block, joint + block.count * clusters, &x, &stride, error);

    if (status != MELE_OK)
        return status;
    c->p->kind->log_joint(c->p, x, stride, block.count, joint);
    for (size_t i = 0; i < block.count; i++)
        sizes[region_of(c->kernels, joint + i * clusters, clusters)]++;
    return MELE_OK;
}

static void add_sizes(void *context, const void *partial)
{
    const counting *c = context;
    const size_t *sizes = partial;

    for (size_t k = 0; k < c->p->clusters; k++)
        c->sizes[k] += sizes[k];
}

mele_status mele_partition_sizes(const mele_partition *partition, const mele_rows *rows,
                                 mele_engine *engine, size_t *out, mele_error *error)
{
    const size_t clusters = partition->clusters;
    const size_t block_rows = mele_i_block_rows(clusters * (partition->columns + 16), 1 << 18, 64);
    counting c = {partition, rows, mele_i_kernels_best(), MELE_I_ZEROED(size_t, clusters)};
    mele_i_pass pass = {.block_rows = block_rows,
                        .partial_bytes = clusters * sizeof(size_t),
                        .map = count_block,
                        .combine = add_sizes,
                        .context = &c};
    mele_status status = MELE_OK;

    if (c.sizes == NULL)
        return mele_i_no_memory(error);
    if (rows == NULL || (rows->data == NULL && rows->read == NULL))
        status = mele_i_fail(error, MELE_EINVAL, "x is NULL");
    else if (rows->cols != partition->columns)
        status = mele_i_fail(error, MELE_EINVAL, "x has %zu columns, the partition %zu", rows->cols,
                             partition->columns);
    if (status == MELE_OK) {
        pass.rows = rows->rows;
        pass.scratch_bytes =
            (block_rows * clusters + mele_i_rows_room(rows, block_rows)) * sizeof(double);
        status = mele_i_pass_run(engine, &pass, error);
    }
    if (status == MELE_OK)
        memcpy(out, c.sizes, clusters * sizeof *out);
    free(c.sizes);
    return status;
}
