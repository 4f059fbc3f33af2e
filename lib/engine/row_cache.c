#include "engine/row_cache.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

#define PATIENCE 12     /* times that all rows may be read before any is held */
#define CALL 24         /* rows that cost as much as a call, and what is not near for one row */
#define BLOCK_ROWS 256

enum { EMPTY, UNDER_WAY, FULL };

/* Whether the block is held; if nobody fills it, it is filled now. */
static mele_status hold(mele_i_row_cache *c, size_t block, bool *held, mele_error *error)
{
    const size_t first = block * BLOCK_ROWS, left = c->of.rows - first;
    unsigned char state = EMPTY;

    *held = atomic_load_explicit(&c->state[block], memory_order_acquire) == FULL;
    if (*held || !atomic_compare_exchange_strong(&c->state[block], &state, UNDER_WAY))
        return MELE_OK;
    mele_status status = c->of.read(c->of.user, first, left < BLOCK_ROWS ? left : BLOCK_ROWS,
                                    c->data + first * c->of.cols, error);
    *held = status == MELE_OK;
    atomic_store_explicit(&c->state[block], *held ? FULL : EMPTY, memory_order_release);
    return status;
}

/* A read() of mele_rows. */
static mele_status read_rows(void *user, size_t first, size_t count, double *out,
                             mele_error *error)
{
    mele_i_row_cache *c = user;
    const size_t d = c->of.cols;
    mele_status status = MELE_OK;

    if (atomic_load_explicit(&c->taken, memory_order_relaxed) / PATIENCE < c->of.rows) {
        atomic_fetch_add_explicit(&c->taken, count + CALL, memory_order_relaxed);
        return c->of.read(c->of.user, first, count, out, error);
    }
    for (size_t done = 0, some; done < count && status == MELE_OK; done += some) {
        const size_t row = first + done, left = BLOCK_ROWS - row % BLOCK_ROWS;
        bool held;
        some = count - done < left ? count - done : left;
        status = hold(c, row / BLOCK_ROWS, &held, error);
        if (status == MELE_OK && held)
            memcpy(out + done * d, c->data + row * d, some * d * sizeof *out);
        else if (status == MELE_OK)
            status = c->of.read(c->of.user, row, some, out + done * d, error);
    }
    return status;
}

mele_rows mele_i_row_cache_make(mele_i_row_cache *c, const mele_rows *of)
{
    const size_t blocks = of->rows / BLOCK_ROWS + 1;

    c->of = *of;
    atomic_init(&c->taken, 0);
    c->data = mele_i_large_array(of->rows, of->cols * sizeof(double));
    c->state = MELE_I_ARRAY(atomic_uchar, blocks);
    if (c->data == NULL || c->state == NULL) {
        mele_i_row_cache_clear(c);
        return *of;
    }
    for (size_t b = 0; b < blocks; b++)
        atomic_init(&c->state[b], EMPTY);
    return (mele_rows){of->rows, of->cols, NULL, 0, read_rows, c};
}

void mele_i_row_cache_clear(mele_i_row_cache *c)
{
    free(c->data);
    free(c->state);
    c->data = NULL;
    c->state = NULL;
}
