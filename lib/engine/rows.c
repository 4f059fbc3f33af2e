#include "engine/rows.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

#define NEAR 8       /* rows: to read so many for nothing costs less than to read once more */
#define MOST 4096    /* rows that are read at once */
#define HOLD_WORK ((size_t)1 << 16) /* numbers of a block that are read to be held */

/* How many of the rows are read together: those that follow near, as long as all that lies between
 * them has room where the rows themselves are to be. */
static size_t run_of(const size_t *row, size_t count)
{
    const size_t most = count < MOST ? count : MOST;
    size_t run = 1;

    while (run < most && row[run] - row[run - 1] <= NEAR && row[run] - row[0] < most)
        run++;
    return run;
}

mele_status mele_i_rows_gather(const mele_rows *rows, const size_t *row, size_t count, double *out,
                               mele_error *error)
{
    const size_t d = rows->cols;

    for (size_t i = 0; i < count && rows->data != NULL; i++)
        memcpy(out + i * d, rows->data + row[i] * rows->stride, d * sizeof *out);
    for (size_t done = 0, run; done < count && rows->data == NULL; done += run) {
        const size_t *these = row + done;
        double *to = out + done * d;
        run = run_of(these, count - done);
        mele_status status = rows->read(rows->user, these[0], these[run - 1] - these[0] + 1, to,
                                        error);
        if (status != MELE_OK)
            return status;
        for (size_t i = 1; i < run; i++)
            memmove(to + i * d, to + (these[i] - these[0]) * d, d * sizeof *to);
    }
    return MELE_OK;
}

mele_status mele_i_rows_take_tight(const mele_rows *rows, mele_i_block block, double *memory,
                                   const double **out, mele_error *error)
{
    size_t stride;
    mele_status status = mele_i_rows_take(rows, block, memory, out, &stride, error);

    if (status != MELE_OK || stride == rows->cols)
        return status;
    for (size_t i = 0; i < block.count; i++)
        memcpy(memory + i * rows->cols, *out + i * stride, rows->cols * sizeof *memory);
    *out = memory;
    return MELE_OK;
}

typedef struct holding {
    const mele_rows *rows;
    double *memory;
} holding;

static mele_status read_block(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const holding *h = context;

    (void)partial;
    (void)scratch;
    return h->rows->read(h->rows->user, block.first, block.count,
                         h->memory + block.first * h->rows->cols, error);
}

mele_status mele_i_rows_hold(mele_rows *rows, double **memory, mele_engine *engine,
                             mele_error *error)
{
    if (rows->data != NULL)
        return MELE_OK;
    holding h = {rows, mele_i_large_array(rows->rows, rows->cols * sizeof(double))};
    if (h.memory == NULL)
        return mele_i_no_memory(error);
    const mele_i_pass pass = {.rows = rows->rows, .map = read_block, .context = &h,
                              .block_rows = mele_i_block_rows(rows->cols, HOLD_WORK, 16)};
    mele_status status = mele_i_pass_run(engine, &pass, error);
    if (status != MELE_OK) {
        free(h.memory);
        return status;
    }
    *memory = h.memory;
    *rows = mele_i_rows_in_memory(h.memory, rows->rows, rows->cols);
    return MELE_OK;
}
