#ifndef MELE_ENGINE_ROW_CACHE_H
#define MELE_ENGINE_ROW_CACHE_H

#include <stdatomic.h>

#include <mele/rows.h>

/* Rows that cost something to read, which are held in memory once it shows that they are read many
 * times: who reads them a few times takes no memory for them. The numbers are the same. */
typedef struct mele_i_row_cache {
    mele_rows of;        /* which are read */
    atomic_size_t taken; /* what reading has cost so far, in rows */
    double *data;        /* n x cols, of which blocks are filled one by one; NULL: there is no memory */
    atomic_uchar *state; /* of a block */
} mele_i_row_cache;

/* The rows through the cache, or, where there is no memory for one, as they are. Not to be moved;
 * mele_i_row_cache_clear() frees. */
mele_rows mele_i_row_cache_make(mele_i_row_cache *cache, const mele_rows *of);
void mele_i_row_cache_clear(mele_i_row_cache *cache);

#endif
