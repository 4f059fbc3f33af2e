/* Part of kernels_body.h: tiles of rows, and results that wait to be stored by rows. */

#define ROWS (SPAN * LANES)
#define CHUNK 128 /* columns in a tile: more are taken in turns */
#define INLINE TARGET static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")
#define ALIGNED _Alignas(64) /* a vector that crosses a cache line costs two */

typedef struct tile {
    const double *x; /* its first row */
    size_t stride, rows, cols;
    size_t first, count; /* the columns in number[] */
    ALIGNED double number[CHUNK * ROWS];
    double apart[2048 / sizeof(double)]; /* neighbouring tiles differ in the low 12 bits of their
                                            addresses: loads of one else wait for stores to the
                                            other */
} tile;

/* Columns first .. of the LANES rows from row r on; a row past the end is the last one again. */
INLINE void load_rows(tile *t, size_t r, const bool whole)
{
    /* copies: as far as the compiler knows a vector's store may change what t points to */
    const size_t stride = t->stride, rows = t->rows, count = t->count;
    const double *row = t->x + r * stride + t->first;
    double *number = t->number + r;

    for (size_t j = 0; j < count; j += LANES, row += LANES) {
        vec v[LANES];
        const size_t left = count - j;
#pragma GCC unroll 8
        for (size_t l = 0; l < LANES; l++) {
            size_t past = whole || r + l < rows ? 0 : r + l + 1 - rows;
            const double *at = row + l * stride - past * stride;
            v[l] = left < LANES ? V_LOAD_FIRST(at, left) : V_LOAD(at);
        }
        transpose(v);
#pragma GCC unroll 8
        for (size_t l = 0; l < LANES; l++)
            if (l < left)
                V_STORE(number + (j + l) * ROWS, v[l]);
    }
}

/* Rows of two columns and no gap: they are neighbours already. */
INLINE void load_pairs(tile *t)
{
#pragma GCC unroll 8
    for (size_t r = 0; r < ROWS; r += LANES) {
        vec even, odd;
        split_pairs(V_LOAD(t->x + 2 * r), V_LOAD(t->x + 2 * r + LANES), &even, &odd);
        V_STORE(t->number + r, even);
        V_STORE(t->number + ROWS + r, odd);
    }
}

/* Columns first .. first + count - 1 of the tile's rows. */
TARGET static void load_columns(tile *t, size_t first, size_t count)
{
    t->first = first;
    t->count = count;
    if (t->cols == 2 && t->stride == 2 && t->rows == ROWS) {
        load_pairs(t);
        return;
    }
    for (size_t r = 0; r < ROWS; r += LANES)
        if (r + LANES <= t->rows)
            load_rows(t, r, true);
        else
            load_rows(t, r, false);
}

/* Make sure that the chunk of columns that starts at first is there. */
INLINE void need_columns(tile *t, size_t first)
{
    if (t->first != first || t->count == 0)
        load_columns(t, first, t->cols - first < CHUNK ? t->cols - first : CHUNK);
}

INLINE void start_tile(tile *t, const double *x, size_t stride, size_t rows, size_t cols)
{
    t->x = x;
    t->stride = stride;
    t->rows = rows < ROWS ? rows : ROWS;
    t->cols = cols;
    t->first = t->count = 0;
}

/* Results wait here until SHELF neighbouring columns can be stored by rows. */
#define SHELF 8
typedef struct shelf {
    ALIGNED double number[SHELF * ROWS];
} shelf;

/* out[i * stride + c] = column c of row i, for the shelf's first columns. */
TARGET static void store_shelf(const shelf *s, size_t rows, size_t columns, double *out,
                               size_t stride)
{
    if (rows < ROWS || columns < SHELF) {
        for (size_t i = 0; i < rows; i++)
            for (size_t c = 0; c < columns; c++)
                out[i * stride + c] = s->number[c * ROWS + i];
        return;
    }
    for (size_t r = 0; r < ROWS; r += LANES)
        for (size_t c = 0; c < SHELF; c += LANES) {
            vec v[LANES];
#pragma GCC unroll 8
            for (size_t l = 0; l < LANES; l++)
                v[l] = V_LOAD(s->number + (c + l) * ROWS + r);
            transpose(v);
#pragma GCC unroll 8
            for (size_t l = 0; l < LANES; l++)
                V_STORE(out + (r + l) * stride + c, v[l]);
        }
}

/* Columns first .. first + count - 1 of `total`; a full shelf and the last one are stored. */
INLINE void put_columns(shelf *s, const tile *t, vec value[][SPAN], const size_t count,
                        size_t first, size_t total, double *out, size_t stride)
{
    const size_t at = first % SHELF, after = first + count;

#pragma GCC unroll 8
    for (size_t q = 0; q < count; q++)
#pragma GCC unroll 8
        for (size_t r = 0; r < SPAN; r++)
            V_STORE(s->number + (at + q) * ROWS + r * LANES, value[q][r]);
    if (after % SHELF == 0 || after == total)
        store_shelf(s, t->rows, at + count, out + first - at, stride);
}

/* Call group(count, first) for groups of 0 .. total - 1, with count a constant in each. */
#define FOR_GROUPS(total, group)                                                                   \
    do {                                                                                           \
        size_t at_ = 0, end_ = (total);                                                            \
        for (; at_ + GROUP <= end_; at_ += GROUP)                                                  \
            group(GROUP, at_);                                                                     \
        for (; at_ + 2 <= end_; at_ += 2)                                                          \
            group(2, at_);                                                                         \
        if (at_ < end_)                                                                            \
            group(1, at_);                                                                         \
    } while (0)
