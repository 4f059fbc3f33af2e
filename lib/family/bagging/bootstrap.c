#include "family/bagging/bootstrap.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

#define BLOCK ((size_t)128) /* rows */

/* The stream of sample k: of what falls where, and of what falls into block b. */
static mele_i_stream stream_of(const mele_i_bootstrap *b, size_t k, size_t part)
{
    return mele_i_stream_make(b->seed, MELE_I_FOR_BOOTSTRAP, b->fold, ((uint64_t)k << 40) + part);
}

static bool counts(const mele_i_bootstrap *b, size_t i)
{
    return b->weights == NULL || b->weights[i] > 0;
}

/* ---- of rows ---- */

static void count_rows(mele_i_bootstrap *b)
{
    for (size_t block = 0, i = 0, count = 0; block < b->blocks; block++) {
        for (; i < b->rows && i < (block + 1) * BLOCK; i++)
            count += counts(b, i);
        b->before[block + 1] = count;
    }
}

/* The block of the which-th row that counts, near where it would be if all did. */
static size_t block_of(const mele_i_bootstrap *b, size_t which)
{
    size_t block = (size_t)((double)which / (double)b->before[b->blocks] * (double)b->blocks);

    block = block < b->blocks ? block : b->blocks - 1;
    while (b->before[block] > which)
        block--;
    while (b->before[block + 1] <= which)
        block++;
    return block;
}

static mele_status draw_blocks(mele_i_bootstrap *b, mele_error *error)
{
    b->blocks = (b->rows + BLOCK - 1) / BLOCK;
    b->before = MELE_I_ZEROED(size_t, b->blocks + 1);
    b->drawn = mele_i_zeroed(b->blocks, b->clusters * sizeof *b->drawn);
    if (b->before == NULL || b->drawn == NULL)
        return mele_i_no_memory(error);
    count_rows(b);
    const size_t all = b->before[b->blocks];
    for (size_t k = 0; k < b->clusters; k++) {
        mele_i_stream stream = stream_of(b, k, 0);
        for (size_t n = 0; n < all; n++)
            b->drawn[block_of(b, mele_i_stream_below(&stream, all)) * b->clusters + k]++;
    }
    return MELE_OK;
}

/* A read() of mele_rows: of the blocks that have some of the rows, drawn again. */
static mele_status read_rows(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    const mele_i_bootstrap *b = user;
    const size_t K = b->clusters;
    size_t row[BLOCK];

    (void)error;
    memset(out, 0, count * K * sizeof *out);
    for (size_t block = first / BLOCK; block * BLOCK < first + count; block++) {
        size_t rows = 0;
        for (size_t i = block * BLOCK; i < b->rows && i < (block + 1) * BLOCK; i++)
            if (counts(b, i))
                row[rows++] = i;
        for (size_t k = 0; k < K; k++) {
            mele_i_stream stream = stream_of(b, k, 1 + block);
            for (uint32_t n = 0; n < b->drawn[block * K + k]; n++) {
                const size_t i = row[mele_i_stream_below(&stream, rows)];
                if (i >= first && i < first + count)
                    out[(i - first) * K + k]++;
            }
        }
    }
    return MELE_OK;
}

/* ---- of groups ---- */

/* Those with a row that counts, to be freed; NULL: no memory. */
static size_t *groups_that_count(const mele_i_bootstrap *b, size_t *count)
{
    const mele_i_row_groups *groups = &b->groups;
    size_t *list = MELE_I_ARRAY(size_t, groups->count);

    *count = 0;
    for (size_t g = 0; g < groups->count && list != NULL; g++) {
        bool some = false;
        for (size_t r = groups->start[g]; r < groups->start[g + 1]; r++)
            some = some || counts(b, groups->row[r]);
        if (some)
            list[(*count)++] = g;
    }
    return list;
}

static mele_status draw_groups(mele_i_bootstrap *b, const size_t *ids, mele_error *error)
{
    mele_status status = mele_i_row_groups_make(&b->groups, ids, b->rows, error);
    size_t count;

    if (status != MELE_OK)
        return status;
    size_t *list = groups_that_count(b, &count);
    b->drawn = mele_i_zeroed(b->groups.count, b->clusters * sizeof *b->drawn);
    if (list == NULL || b->drawn == NULL)
        status = mele_i_no_memory(error);
    for (size_t k = 0; k < b->clusters && status == MELE_OK; k++) {
        mele_i_stream stream = stream_of(b, k, 0);
        for (size_t n = 0; n < count; n++)
            b->drawn[list[mele_i_stream_below(&stream, count)] * b->clusters + k]++;
    }
    free(list);
    return status;
}

/* A read() of mele_rows. */
static mele_status read_groups(void *user, size_t first, size_t count, double *out, mele_error *error)
{
    const mele_i_bootstrap *b = user;
    const size_t K = b->clusters;

    (void)error;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < K; k++)
            out[i * K + k] = counts(b, first + i) ? b->drawn[b->groups.of[first + i] * K + k] : 0;
    return MELE_OK;
}

/* ---- both ---- */

mele_status mele_i_bootstrap_make(mele_i_bootstrap *b, const mele_data *data, size_t clusters,
                                  uint64_t seed, uint64_t fold, mele_error *error)
{
    *b = (mele_i_bootstrap){.rows = data->rows, .clusters = clusters, .seed = seed, .fold = fold,
                            .weights = data->weights};
    return data->group == NULL ? draw_blocks(b, error) : draw_groups(b, data->group, error);
}

void mele_i_bootstrap_free(mele_i_bootstrap *b)
{
    free(b->before);
    free(b->drawn);
    mele_i_row_groups_free(&b->groups);
}

mele_rows mele_i_bootstrap_counts(mele_i_bootstrap *b)
{
    return (mele_rows){.rows = b->rows, .cols = b->clusters, .user = b,
                       .read = b->before != NULL ? read_rows : read_groups};
}
