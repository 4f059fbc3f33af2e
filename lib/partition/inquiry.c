/* What a partition says of rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/largest.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "partition/assign.h"
#include "partition/kind.h"

/* ---- densities and posteriors ---- */

typedef struct inquiry {
    const mele_partition *p;
    const mele_matrix *x;
    const mele_i_kernels *kernels;
    double *posteriors; /* of these three, the one that is wanted */
    double *densities;
    double *density;
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

static mele_status check_matrix(const mele_partition *p, const mele_matrix *x, mele_error *error)
{
    if (x == NULL || (x->rows > 0 && x->data == NULL))
        return mele_i_fail(error, MELE_EINVAL, "x is NULL");
    if (x->cols != p->columns || x->stride < x->cols)
        return mele_i_fail(error, MELE_EINVAL, "x has %zu columns (stride %zu), the partition %zu",
                           x->cols, x->stride, p->columns);
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
    mele_status status = check_matrix(q->p, q->x, error);

    if (status != MELE_OK)
        return status;
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

/* ---- which region rows are in ---- */

/* The largest posterior, ties to the lowest, exactly as those find it who look at posteriors. But
 * these are made only of rows for which nothing less tells. */

#define CLEAR 1e-9     /* a lead of joint densities that the rounding of posteriors cannot hide */
#define STRIP 16384    /* joint densities at a time */
#define UNCLEAR_ROWS 4 /* one in so many: more make the filter useless for the rest */

typedef struct labelling {
    const mele_partition *p;
    const mele_rows *rows;
    const mele_i_kernels *kernels;
    mele_i_assigner assigner;
    bool filters;             /* where the filter is clear, the nearest centre tells */
    size_t strip, block_rows; /* rows at a time */
    uint32_t *label;          /* of every row; NULL: only the sizes are wanted */
    size_t *sizes;
} labelling;

/* What one thread works in. */
typedef struct room {
    double *x;     /* a block of rows that are not in memory */
    double *joint; /* of a strip */
    double *again; /* a strip of rows that the filter was not clear about */
    mele_i_filter_room filter;
    uint32_t *again_label, *unclear; /* of a strip */
    uint32_t *label;                 /* of a block, where only the sizes are wanted */
} room;

static size_t room_numbers(const labelling *l)
{
    return mele_i_rows_room(l->rows, l->block_rows) + l->strip * (l->p->clusters + l->p->columns);
}

static size_t room_bytes(const labelling *l)
{
    const size_t filter = l->filters ? mele_i_filter_bytes(&l->assigner.filter) : 0;

    return room_numbers(l) * sizeof(double) + filter
           + ((l->label == NULL ? l->block_rows : 0) + 2 * l->strip) * sizeof(uint32_t);
}

static room room_in(const labelling *l, void *scratch)
{
    char *rest = (char *)((double *)scratch + room_numbers(l));
    room r = {.x = scratch};

    r.joint = r.x + mele_i_rows_room(l->rows, l->block_rows);
    r.again = r.joint + l->strip * l->p->clusters;
    if (l->filters) {
        r.filter = mele_i_filter_room_in(&l->assigner.filter, rest);
        rest += mele_i_filter_bytes(&l->assigner.filter);
    }
    r.again_label = (uint32_t *)rest;
    r.unclear = r.again_label + l->strip;
    r.label = r.unclear + l->strip;
    return r;
}

static void label_by_joint(const labelling *l, const double *x, size_t stride, size_t rows,
                           uint32_t *label, const room *r)
{
    const size_t clusters = l->p->clusters;

    for (size_t done = 0; done < rows; done += l->strip) {
        const size_t count = rows - done < l->strip ? rows - done : l->strip;
        size_t unclear;
        l->p->kind->log_joint(l->p, x + done * stride, stride, count, r->joint);
        unclear = l->kernels->leaders(r->joint, count, clusters, CLEAR, label + done, r->unclear);
        for (size_t u = 0; u < unclear; u++) {
            const size_t i = r->unclear[u];
            double *row = r->joint + i * clusters;
            l->kernels->log_softmax(row, 1, clusters, NULL);
            label[done + i] = (uint32_t)mele_i_largest(row, clusters);
        }
    }
}

/* The listed rows. */
static void label_again(const labelling *l, const double *x, size_t stride, const uint32_t *list,
                        size_t count, uint32_t *label, const room *r)
{
    const size_t d = l->p->columns;

    for (size_t done = 0; done < count; done += l->strip) {
        const size_t rows = count - done < l->strip ? count - done : l->strip;
        for (size_t i = 0; i < rows; i++)
            memcpy(r->again + i * d, x + list[done + i] * stride, d * sizeof *x);
        label_by_joint(l, r->again, d, rows, r->again_label, r);
        for (size_t i = 0; i < rows; i++)
            label[list[done + i]] = r->again_label[i];
    }
}

static void label_rows(const labelling *l, const double *x, size_t stride, size_t rows,
                       uint32_t *label, const room *r)
{
    const mele_i_filter *f = &l->assigner.filter;
    size_t done = 0, all = 0;

    while (l->filters && done < rows && all <= done / UNCLEAR_ROWS) {
        const size_t count = rows - done < f->chunk ? rows - done : f->chunk;
        const double *at = x + done * stride;
        const size_t unclear =
            mele_i_filter_label(f, at, stride, count, label + done, &r->filter);
        label_again(l, at, stride, r->filter.unclear, unclear, label + done, r);
        all += unclear;
        done += count;
    }
    label_by_joint(l, x + done * stride, stride, rows - done, label + done, r);
}

static mele_status label_block(void *context, mele_i_block block, void *partial, void *scratch,
                               mele_error *error)
{
    const labelling *l = context;
    const room r = room_in(l, scratch);
    uint32_t *label = l->label == NULL ? r.label : l->label + block.first;
    const double *x;
    size_t stride, *sizes = partial;
    mele_status status = mele_i_rows_take(l->rows, block, r.x, &x, &stride, error);

    if (status != MELE_OK)
        return status;
    label_rows(l, x, stride, block.count, label, &r);
    for (size_t i = 0; i < block.count && l->label == NULL; i++)
        sizes[label[i]]++;
    return MELE_OK;
}

static void add_sizes(void *context, const void *partial)
{
    const labelling *l = context;
    const size_t *sizes = partial;

    for (size_t k = 0; k < l->p->clusters; k++)
        l->sizes[k] += sizes[k];
}

static mele_status label_all(labelling *l, mele_engine *engine, mele_error *error)
{
    const mele_partition *p = l->p;
    const size_t strip = STRIP / p->clusters / 32 * 32;
    mele_i_pass pass = {.rows = l->rows->rows, .map = label_block, .context = l};
    mele_status status = MELE_OK;

    l->kernels = mele_i_kernels_best();
    l->strip = strip > 64 ? strip : 64;
    l->block_rows = mele_i_block_rows(p->clusters * (p->columns + 16) + 512, 1 << 21, 64);
    if (p->kind->nearest_is_largest != NULL) {
        status = mele_i_assigner_make(&l->assigner, p->centres, p->clusters, p->columns, error);
        l->filters = status == MELE_OK && p->kind->nearest_is_largest(p, &l->assigner.filter);
    }
    pass.block_rows = l->block_rows;
    pass.scratch_bytes = room_bytes(l);
    if (l->label == NULL) {
        pass.partial_bytes = p->clusters * sizeof(size_t);
        pass.combine = add_sizes;
    }
    if (status == MELE_OK)
        status = mele_i_pass_run(engine, &pass, error);
    if (p->kind->nearest_is_largest != NULL)
        mele_i_assigner_clear(&l->assigner);
    return status;
}

static mele_status check_rows(const mele_partition *p, const mele_rows *rows, mele_error *error)
{
    if (rows == NULL || (rows->rows > 0 && rows->data == NULL && rows->read == NULL))
        return mele_i_fail(error, MELE_EINVAL, "x is NULL");
    if (rows->cols != p->columns || (rows->data != NULL && rows->stride < rows->cols))
        return mele_i_fail(error, MELE_EINVAL, "x has %zu columns (stride %zu), the partition %zu",
                           rows->cols, rows->stride, p->columns);
    return MELE_OK;
}

mele_status mele_partition_assign(const mele_partition *partition, const mele_rows *rows,
                                  mele_engine *engine, uint32_t *out, mele_error *error)
{
    labelling l = {.p = partition, .rows = rows, .label = out};
    mele_status status = check_rows(partition, rows, error);

    return status != MELE_OK || rows->rows == 0 ? status : label_all(&l, engine, error);
}

mele_status mele_partition_sizes(const mele_partition *partition, const mele_rows *rows,
                                 mele_engine *engine, size_t *out, mele_error *error)
{
    const size_t clusters = partition->clusters;
    labelling l = {.p = partition, .rows = rows};
    mele_status status = check_rows(partition, rows, error);

    if (status != MELE_OK)
        return status;
    l.sizes = MELE_I_ZEROED(size_t, clusters);
    if (l.sizes == NULL)
        return mele_i_no_memory(error);
    status = label_all(&l, engine, error);
    if (status == MELE_OK)
        memcpy(out, l.sizes, clusters * sizeof *out);
    free(l.sizes);
    return status;
}
