#include "expert/logistic/chunk.h"

#include <string.h>

#include "core/memory.h"
#include "engine/kernels.h"
#include "expert/forms/triangle.h"

size_t mele_i_multinomial_chunk_rows(const mele_i_multinomial *m)
{
    return mele_i_chunk_rows(2 * (m->d + 1));
}

static size_t columns_of(const mele_i_multinomial *m)
{
    return m->classes > m->d + 1 ? m->classes : m->d + 1;
}

static mele_i_multinomial_chunk place(const mele_i_multinomial *m, void *scratch)
{
    unsigned char *at = scratch;
    mele_i_multinomial_chunk c = {.most = mele_i_multinomial_chunk_rows(m)};

    c.slot = mele_i_carve(&at, c.most, sizeof *c.slot);
    c.row = mele_i_carve(&at, c.most, sizeof *c.row);
    c.weight = mele_i_carve(&at, c.most, sizeof *c.weight);
    c.one = mele_i_carve(&at, c.most, sizeof *c.one);
    c.raw = mele_i_carve(&at, mele_i_rows_room(m->problem->x, c.most), sizeof *c.raw);
    c.framed = mele_i_carve(&at, c.most * m->d, sizeof *c.framed);
    c.logit = mele_i_carve(&at, c.most * m->classes, sizeof *c.logit);
    c.z = mele_i_carve(&at, c.most * (m->d + 1), sizeof *c.z);
    c.u = mele_i_carve(&at, c.most * columns_of(m), sizeof *c.u);
    c.v = mele_i_carve(&at, c.most, sizeof *c.v);
    return c;
}

size_t mele_i_multinomial_chunk_bytes(const mele_i_multinomial *m)
{
    const size_t rows = mele_i_multinomial_chunk_rows(m), number = sizeof(double);

    return 2 * mele_i_carved(rows, sizeof(size_t)) + 3 * mele_i_carved(rows, number)
           + mele_i_carved(mele_i_rows_room(m->problem->x, rows), number)
           + mele_i_carved(rows * m->d, number) + mele_i_carved(rows * m->classes, number)
           + mele_i_carved(rows * (m->d + 1), number) + mele_i_carved(rows * columns_of(m), number);
}

static void clear_absent(const mele_i_multinomial *m, const mele_i_multinomial_chunk *c)
{
    for (size_t j = 0; j < m->d; j++) {
        if (!m->absent[j])
            continue;
        for (size_t i = 0; i < c->count; i++)
            c->framed[i * m->d + j] = 0;
        memset(c->z + (j + 1) * c->padded, 0, c->padded * sizeof *c->z);
    }
}

static mele_status fill(const mele_i_multinomial *m, mele_i_multinomial_chunk *c, mele_error *error)
{
    const mele_rows *x = m->problem->x;
    mele_i_frame_source source = {x->data, NULL, x->stride, 0};
    const size_t *row = c->row;

    if (x->data == NULL) {
        mele_status status = mele_i_rows_gather(x, c->row, c->count, c->raw, error);
        if (status != MELE_OK)
            return status;
        source = (mele_i_frame_source){c->raw, NULL, m->d, 0};
        row = NULL;
    }
    c->padded = (c->count + MELE_I_LANES - 1) / MELE_I_LANES * MELE_I_LANES;
    mele_i_frame_rows(m->frame, &source, row, c->count, c->framed);
    mele_i_frame_columns(m->frame, &source, row, c->one, c->count, c->padded, c->z);
    clear_absent(m, c);
    return MELE_OK;
}

mele_status mele_i_multinomial_chunks(const mele_i_multinomial *m, mele_i_block block, void *scratch,
                                      void (*take)(void *context,
                                                   const mele_i_multinomial_chunk *chunk,
                                                   double *sums),
                                      void *context, double *sums, mele_error *error)
{
    mele_i_multinomial_chunk c = place(m, scratch);
    const size_t end = block.first + block.count;

    for (size_t i = 0; i < c.most; i++)
        c.one[i] = 1;
    for (size_t i = block.first; i < end; i++) {
        c.slot[c.count] = i;
        c.row[c.count] = m->row[i];
        c.weight[c.count] = m->weight[i];
        c.count += !mele_i_multinomial_leaves(m, i);
        if (c.count == c.most || (c.count > 0 && i + 1 == end)) {
            mele_status status = fill(m, &c, error);
            if (status != MELE_OK)
                return status;
            take(context, &c, sums);
            c.count = 0;
        }
    }
    return MELE_OK;
}

void mele_i_multinomial_log_chances(const mele_i_multinomial *m,
                                    const mele_i_multinomial_chunk *chunk,
                                    const double *coefficients)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();

    kernels->linear(chunk->framed, m->d, chunk->count, m->d, coefficients, m->classes,
                    chunk->logit, m->classes);
    kernels->log_softmax(chunk->logit, chunk->count, m->classes, NULL);
}

void mele_i_multinomial_scaled_columns(const mele_i_multinomial *m,
                                       const mele_i_multinomial_chunk *chunk)
{
    const size_t rows = chunk->padded;

    for (size_t j = 0; j <= m->d; j++) {
        for (size_t i = 0; i < chunk->count; i++)
            chunk->u[i + j * rows] = chunk->z[i + j * rows] * chunk->v[i];
        memset(chunk->u + chunk->count + j * rows, 0, (rows - chunk->count) * sizeof *chunk->u);
    }
}
