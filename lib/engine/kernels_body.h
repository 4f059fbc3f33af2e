/* The kernels themselves, once for every width. A file that includes this has defined
 *   TABLE, NAME   what it provides
 *   TARGET        the attribute that lets its functions use the instructions
 *   LANES         rows in a vector;  SPAN  vectors in a tile of rows;  GROUP  centres at once,
 *                 a divisor of 8;  DOWN  columns whose moments are taken at once
 *   vec, V_...    a vector of doubles and what is done with it
 *   transpose(), power_of_two(), mantissa()
 * and gets the same bits as its siblings, because a lane is a row: nothing here depends on
 * LANES, SPAN or GROUP but which rows are worked on together. Every product that is added to
 * something is a V_FMA, so that no compiler can choose whether to contract it.
 *
 * Rows are transposed in registers to tiles: column j of the tile is ROWS neighbouring numbers.
 * The last tile repeats its last row; what it computes for the repetitions is thrown away.
 *
 * exp and log: x = n ln 2 + r with |r| <= ln 2 / 2 (Cody, Waite 1980, Software Manual for the
 * Elementary Functions) and Taylor's polynomial of degree 13, whose remainder is below 0.06 ulp;
 * log after fdlibm's e_log.c (Ng 1993), with fused operations. */

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

/* Columns first .. first + count - 1 of the tile's rows. */
TARGET static void load_columns(tile *t, size_t first, size_t count)
{
    t->first = first;
    t->count = count;
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

/* ---- distances ---- */

/* sum += squared differences over the tile's columns. */
INLINE void add_squares(const tile *t, const double *centres, const size_t count, vec sum[][SPAN])
{
    for (size_t j = 0; j < t->count; j++) {
        const double *centre = centres + t->first + j;
        vec x[SPAN];
#pragma GCC unroll 8
        for (size_t r = 0; r < SPAN; r++)
            x[r] = V_LOAD(t->number + j * ROWS + r * LANES);
#pragma GCC unroll 8
        for (size_t q = 0; q < count; q++) {
            vec c = V_SET(centre[q * t->cols]);
#pragma GCC unroll 8
            for (size_t r = 0; r < SPAN; r++) {
                vec d = V_SUB(x[r], c);
                sum[q][r] = V_FMA(d, d, sum[q][r]);
            }
        }
    }
}

INLINE void set_all(vec sum[][SPAN], const size_t count, double value)
{
#pragma GCC unroll 8
    for (size_t q = 0; q < count; q++)
#pragma GCC unroll 8
        for (size_t r = 0; r < SPAN; r++)
            sum[q][r] = V_SET(value);
}

/* `single`: all columns are in the tile already; with no loop around them the sums stay in
 * registers. */
INLINE void squared_distances(tile *t, const double *centres, const size_t count, const bool single,
                              vec sum[][SPAN])
{
    set_all(sum, count, 0);
    if (single) {
        add_squares(t, centres, count, sum);
        return;
    }
    for (size_t first = 0; first < t->cols; first += CHUNK) {
        need_columns(t, first);
        add_squares(t, centres, count, sum);
    }
}

INLINE void nearest_in_tile(tile *t, const double *centres, size_t clusters, const bool single,
                            uint32_t label[ROWS], double distance[ROWS])
{
    vec best[1][SPAN], index[SPAN], sum[GROUP][SPAN], k = V_SET(0);

    set_all(best, 1, INFINITY);
#pragma GCC unroll 8
    for (size_t r = 0; r < SPAN; r++)
        index[r] = k;
#define GROUP_NEAREST(count, first)                                                                \
    do {                                                                                           \
        squared_distances(t, centres + (first)*t->cols, (count), single, sum);                     \
        UNROLL for (size_t q = 0; q < (count); q++)                                                \
        {                                                                                          \
            UNROLL for (size_t r = 0; r < SPAN; r++)                                               \
            {                                                                                      \
                index[r] = V_IF_LESS(sum[q][r], best[0][r], k, index[r]);                          \
                best[0][r] = V_MIN(sum[q][r], best[0][r]);                                         \
            }                                                                                      \
            k = V_ADD(k, V_SET(1));                                                                \
        }                                                                                          \
    } while (0)
    FOR_GROUPS(clusters, GROUP_NEAREST);
#pragma GCC unroll 8
    for (size_t r = 0; r < SPAN; r++) {
        V_STORE_LABELS(label + r * LANES, index[r]);
        V_STORE(distance + r * LANES, best[0][r]);
    }
}

TARGET static void nearest(const double *x, size_t stride, size_t rows, size_t cols,
                           const double *centres, size_t clusters, uint32_t *label,
                           double *distance)
{
    tile t;

    for (size_t i = 0; i < rows; i += ROWS) {
        uint32_t last_label[ROWS];
        double last_distance[ROWS];
        const bool whole = rows - i >= ROWS;
        start_tile(&t, x + i * stride, stride, rows - i, cols);
        if (cols <= CHUNK) {
            load_columns(&t, 0, cols);
            nearest_in_tile(&t, centres, clusters, true, whole ? label + i : last_label,
                            whole ? distance + i : last_distance);
        } else {
            nearest_in_tile(&t, centres, clusters, false, whole ? label + i : last_label,
                            whole ? distance + i : last_distance);
        }
        if (!whole) {
            memcpy(label + i, last_label, t.rows * sizeof *label);
            memcpy(distance + i, last_distance, t.rows * sizeof *distance);
        }
    }
}

INLINE void distances_in_tile(tile *t, const double *centres, size_t clusters, const bool single,
                              shelf *s, double *out)
{
    vec sum[GROUP][SPAN];

#define GROUP_DISTANCES(count, first)                                                              \
    do {                                                                                           \
        squared_distances(t, centres + (first)*t->cols, (count), single, sum);                     \
        put_columns(s, t, sum, (count), (first), clusters, out, clusters);                         \
    } while (0)
    FOR_GROUPS(clusters, GROUP_DISTANCES);
}

TARGET static void distances(const double *x, size_t stride, size_t rows, size_t cols,
                             const double *centres, size_t clusters, double *out)
{
    tile t;
    shelf s;

    for (size_t i = 0; i < rows; i += ROWS) {
        start_tile(&t, x + i * stride, stride, rows - i, cols);
        if (cols <= CHUNK) {
            load_columns(&t, 0, cols);
            distances_in_tile(&t, centres, clusters, true, &s, out + i * clusters);
        } else {
            distances_in_tile(&t, centres, clusters, false, &s, out + i * clusters);
        }
    }
}

/* ---- Mahalanobis distances ---- */

/* Rows first_row .. of the triangle times the columns of z that all of them have. */
INLINE void times_rectangle(const tile *z, const double *const w[GROUP], size_t first_row,
                            const size_t count, vec y[][SPAN])
{
    const size_t end = z->first + z->count < first_row + 1 ? z->first + z->count : first_row + 1;
    const double *number = z->number;

    for (size_t j = z->first; j < end; j++, number += ROWS) {
        vec v[SPAN];
#pragma GCC unroll 8
        for (size_t r = 0; r < SPAN; r++)
            v[r] = V_LOAD(number + r * LANES);
#pragma GCC unroll 8
        for (size_t q = 0; q < count; q++) {
            const vec c = V_SET(w[q][j]);
#pragma GCC unroll 8
            for (size_t r = 0; r < SPAN; r++)
                y[q][r] = V_FMA(c, v[r], y[q][r]);
        }
    }
}

/* The columns first_row + 1 .. first_row + count - 1, which only the later rows have. */
INLINE void times_corner(const tile *z, const double *const w[GROUP], size_t first_row,
                         const size_t count, vec y[][SPAN])
{
#pragma GCC unroll 8
    for (size_t p = 1; p < count; p++) {
        const size_t j = first_row + p;
        if (j < z->first || j >= z->first + z->count)
            continue;
#pragma GCC unroll 8
        for (size_t q = p; q < count; q++)
#pragma GCC unroll 8
            for (size_t r = 0; r < SPAN; r++)
                y[q][r] = V_FMA(V_SET(w[q][j]),
                                V_LOAD(z->number + (j - z->first) * ROWS + r * LANES), y[q][r]);
    }
}

/* z = the tile's chunk minus its part of the mean. */
TARGET static void centre_chunk(tile *t, const double *mean, size_t first, tile *z)
{
    need_columns(t, first);
    const size_t count = t->count;
    const double *from = t->number;
    double *to = z->number;
    z->first = first;
    z->count = count;
    for (size_t j = first; j < first + count; j++, from += ROWS, to += ROWS) {
        const vec m = V_SET(mean[j]);
#pragma GCC unroll 8
        for (size_t r = 0; r < ROWS; r += LANES)
            V_STORE(to + r, V_SUB(V_LOAD(from + r), m));
    }
}

/* total += |y|^2 for `count` rows of the triangle from first_row on. */
INLINE void add_rows(tile *t, tile *z, const double *mean, const double *triangle, size_t first_row,
                     const size_t count, const bool single, vec total[SPAN])
{
    vec y[GROUP][SPAN];
    const double *w[GROUP];

#pragma GCC unroll 8
    for (size_t q = 0; q < count; q++)
        w[q] = triangle + (first_row + q) * (first_row + q + 1) / 2;
    set_all(y, count, 0);
    if (single) {
        times_rectangle(z, w, first_row, count, y);
        times_corner(z, w, first_row, count, y);
    } else {
        for (size_t first = 0; first < first_row + count; first += CHUNK) {
            centre_chunk(t, mean, first, z);
            times_rectangle(z, w, first_row, count, y);
            times_corner(z, w, first_row, count, y);
        }
    }
#pragma GCC unroll 8
    for (size_t q = 0; q < count; q++)
#pragma GCC unroll 8
        for (size_t r = 0; r < SPAN; r++)
            total[r] = V_FMA(y[q][r], y[q][r], total[r]);
}

INLINE void mahalanobis_in_tile(tile *t, tile *z, const double *means, const double *whiteners,
                                size_t clusters, const bool single, shelf *s, double *out)
{
    const size_t cols = t->cols;

    for (size_t k = 0; k < clusters; k++, means += cols, whiteners += cols * (cols + 1) / 2) {
        vec total[1][SPAN];
        set_all(total, 1, 0);
        if (single)
            centre_chunk(t, means, 0, z);
#define GROUP_ROWS(count, first)                                                                   \
    add_rows(t, z, means, whiteners, (first), (count), single, total[0])
        FOR_GROUPS(cols, GROUP_ROWS);
        put_columns(s, t, total, 1, k, clusters, out, clusters);
    }
}

TARGET static void mahalanobis(const double *x, size_t stride, size_t rows, size_t cols,
                               const double *means, const double *whiteners, size_t clusters,
                               double *out)
{
    tile t, z;
    shelf s;

    for (size_t i = 0; i < rows; i += ROWS) {
        start_tile(&t, x + i * stride, stride, rows - i, cols);
        if (cols <= CHUNK)
            mahalanobis_in_tile(&t, &z, means, whiteners, clusters, true, &s, out + i * clusters);
        else
            mahalanobis_in_tile(&t, &z, means, whiteners, clusters, false, &s, out + i * clusters);
    }
}

/* ---- linear functions ---- */

INLINE void linear_group(tile *t, const double *coefficients, const size_t count, const bool single,
                         vec sum[][SPAN])
{
    const size_t step = t->cols + 1;

#pragma GCC unroll 8
    for (size_t q = 0; q < count; q++)
#pragma GCC unroll 8
        for (size_t r = 0; r < SPAN; r++)
            sum[q][r] = V_SET(coefficients[q * step]);
    for (size_t first = 0; first == 0 || (!single && first < t->cols); first += CHUNK) {
        if (!single)
            need_columns(t, first);
        for (size_t j = 0; j < t->count; j++) {
            const double *c = coefficients + 1 + first + j;
            vec v[SPAN];
#pragma GCC unroll 8
            for (size_t r = 0; r < SPAN; r++)
                v[r] = V_LOAD(t->number + j * ROWS + r * LANES);
#pragma GCC unroll 8
            for (size_t q = 0; q < count; q++) {
                const vec w = V_SET(c[q * step]);
#pragma GCC unroll 8
                for (size_t r = 0; r < SPAN; r++)
                    sum[q][r] = V_FMA(w, v[r], sum[q][r]);
            }
        }
    }
}

INLINE void linear_in_tile(tile *t, const double *coefficients, size_t outputs, const bool single,
                           shelf *s, double *out, size_t out_stride)
{
    vec sum[GROUP][SPAN];

#define GROUP_LINEAR(count, first)                                                                 \
    do {                                                                                           \
        linear_group(t, coefficients + (first) * (t->cols + 1), (count), single, sum);             \
        put_columns(s, t, sum, (count), (first), outputs, out, out_stride);                        \
    } while (0)
    FOR_GROUPS(outputs, GROUP_LINEAR);
}

TARGET static void linear(const double *x, size_t stride, size_t rows, size_t cols,
                          const double *coefficients, size_t outputs, double *out,
                          size_t out_stride)
{
    tile t;
    shelf s;

    for (size_t i = 0; i < rows; i += ROWS) {
        start_tile(&t, x + i * stride, stride, rows - i, cols);
        if (cols <= CHUNK) {
            load_columns(&t, 0, cols);
            linear_in_tile(&t, coefficients, outputs, true, &s, out + i * out_stride, out_stride);
        } else {
            linear_in_tile(&t, coefficients, outputs, false, &s, out + i * out_stride, out_stride);
        }
    }
}

/* ---- sums over rows ---- */

/* Here lanes are columns, and a sum takes its rows in order. */

TARGET static void accumulate(const double *x, size_t stride, size_t rows, size_t cols,
                              const double *centres, const uint32_t *label, const double *weights,
                              double *sums)
{
    const size_t whole = cols / LANES * LANES;

    for (size_t i = 0; i < rows; i++) {
        const double *row = x + i * stride, *centre = centres + label[i] * cols;
        double *sum = sums + label[i] * cols;
        const double weight = weights == NULL ? 1 : weights[i];
        const vec w = V_SET(weight);
        if (weight == 0)
            continue;
        for (size_t j = 0; j < whole; j += LANES)
            V_STORE(sum + j, V_FMA(w, V_SUB(V_LOAD(row + j), V_LOAD(centre + j)), V_LOAD(sum + j)));
        /* one by one: a masked store would keep the next row from reading it back soon */
        for (size_t j = whole; j < cols; j++)
            sum[j] = fma(weight, row[j] - centre[j], sum[j]);
    }
}

/* Second moments have rows in the lanes again: eight lanes whatever LANES is, row i in lane
 * i mod 8, summed over a run of rows and then from eight to one in a fixed order. */
#define PANEL 128   /* columns taken together */
#define ROOM 4096   /* numbers in one buffer: the rows of a run times the columns of a panel */
#define LONGEST 248 /* rows of a run at most: an odd number of eights, see below */
#define PARTS (8 / LANES)

typedef struct run {
    tile source;               /* its x, stride, cols */
    size_t length, rows, step; /* rows of a run, of this one, and these rounded up to eights */
    size_t first, count;       /* the columns whose numbers are in x */
    ALIGNED double x[ROOM];
    ALIGNED double right[ROOM];
    ALIGNED double left[ROOM + LONGEST];
    ALIGNED double weight[LONGEST];
} run;

/* The panel's columns of the run's rows, one after the other. Rows past the end are of weight 0:
 * what stands there is of no consequence as long as it is finite. */
TARGET static void need_panel(run *u, size_t first)
{
    tile *t = &u->source;
    const double *x = t->x;

    if (u->count > 0 && u->first == first)
        return;
    u->first = first;
    u->count = t->cols - first < PANEL ? t->cols - first : PANEL;
    for (size_t i = 0; i < u->step; i += ROWS) {
        const size_t room = u->step - i < ROWS ? u->step - i : ROWS;
        t->x = x + (i < u->rows ? i : u->rows - 1) * t->stride;
        t->rows = i >= u->rows ? 1 : u->rows - i < ROWS ? u->rows - i : ROWS;
        load_columns(t, first, u->count);
        for (size_t j = 0; j < u->count; j++)
            memcpy(u->x + j * u->length + i, t->number + j * ROWS, room * sizeof(double));
    }
    t->x = x;
}

/* plain = x - mean, and weighted = weight times that; both 0 in rows of weight 0. NULL: not
 * wanted. */
INLINE void centre_panel(const run *u, const double *mean, double *plain, double *weighted)
{
    /* copies: as far as the compiler knows a vector's store may change what u points to */
    const size_t step = u->step, length = u->length, count = u->count;

    mean += u->first;
    for (size_t i = 0; i < step; i += LANES) {
        const double *x = u->x + i;
        const vec w = V_LOAD(u->weight + i);
        for (size_t j = 0, at = i; j < count; j++, x += length, at += length) {
            vec z = V_SUB(V_LOAD(x), V_SET(mean[j]));
            z = V_IF_LESS(V_SET(0), w, z, V_SET(0));
            if (plain != NULL)
                V_STORE(plain + at, z);
            V_STORE(weighted + at, V_MUL(w, z));
        }
    }
}

/* Four sums of eight lanes each, from lane[0 .. 31]. */
INLINE void fold_lanes(const double *lane, double sum[4])
{
#if LANES == 1
    for (size_t q = 0; q < 4; q++, lane += 8)
        sum[q] = ((lane[0] + lane[4]) + (lane[2] + lane[6]))
                 + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
#else
    __m256d v[4];
    for (size_t q = 0; q < 4; q++, lane += 8)
        v[q] = _mm256_add_pd(_mm256_loadu_pd(lane), _mm256_loadu_pd(lane + 4));
    __m256d a = _mm256_unpacklo_pd(v[0], v[1]), b = _mm256_unpackhi_pd(v[0], v[1]);
    __m256d c = _mm256_unpacklo_pd(v[2], v[3]), d = _mm256_unpackhi_pd(v[2], v[3]);
    __m256d even =
        _mm256_add_pd(_mm256_permute2f128_pd(a, c, 0x20), _mm256_permute2f128_pd(a, c, 0x31));
    __m256d odd =
        _mm256_add_pd(_mm256_permute2f128_pd(b, d, 0x20), _mm256_permute2f128_pd(b, d, 0x31));
    _mm256_storeu_pd(sum, _mm256_add_pd(even, odd));
#endif
}

/* sum[q][c] = the products of columns q of left and c of right, for `down` x 4 columns. */
INLINE void column_products(const run *u, const double *left, const double *right,
                            const size_t down, double sum[][4])
{
    const size_t step = u->step, length = u->length;
    ALIGNED double lane[DOWN * 4 * 8];

    for (size_t part = 0; part < PARTS; part++) {
        vec total[DOWN][4];
#pragma GCC unroll 8
        for (size_t q = 0; q < down; q++)
#pragma GCC unroll 8
            for (size_t c = 0; c < 4; c++)
                total[q][c] = V_SET(0);
        for (size_t i = part * LANES; i < step; i += 8) {
            vec z[4];
#pragma GCC unroll 8
            for (size_t c = 0; c < 4; c++)
                z[c] = V_LOAD(right + c * length + i);
#pragma GCC unroll 8
            for (size_t q = 0; q < down; q++) {
                const vec w = V_LOAD(left + q * length + i);
#pragma GCC unroll 8
                for (size_t c = 0; c < 4; c++)
                    total[q][c] = V_FMA(w, z[c], total[q][c]);
            }
        }
#pragma GCC unroll 8
        for (size_t q = 0; q < down; q++)
#pragma GCC unroll 8
            for (size_t c = 0; c < 4; c++)
                V_STORE(lane + (q * 4 + c) * 8 + part * LANES, total[q][c]);
    }
#pragma GCC unroll 8
    for (size_t q = 0; q < down; q++)
        fold_lanes(lane + q * 32, sum[q]);
}

/* Rows a .. a + down - 1 of the second moments, as far as they have columns of the panel; the row
 * after the last is that of the first moments. */
INLINE void moment_rows(const run *u, size_t left_first, size_t a, const size_t down,
                        size_t right_first, size_t right_count, double *out)
{
    const size_t cols = u->source.cols, row = left_first + a;

    for (size_t b = 0; b < right_count && (right_first + b < row + down || row + down > cols);
         b += 4) {
        double sum[DOWN][4];
        column_products(u, u->left + a * u->length, u->right + b * u->length, down, sum);
        for (size_t q = 0; q < down; q++) {
            double *to = out + 1 + (row + q == cols ? 0 : cols + (row + q) * cols);
            to += right_first + b;
            for (size_t c = 0; c < 4 && b + c < right_count; c++)
                to[c] += sum[q][c];
        }
    }
}

/* The run's weights, which are `step` apart, and their sum to *total. */
INLINE void take_weights(run *u, const double *weights, size_t step, double *total)
{
    double lane[32] = {0}, sum[4];

    for (size_t i = 0; i < u->rows; i++)
        u->weight[i] = weights[i * step];
    for (size_t i = u->rows; i < u->step; i++)
        u->weight[i] = 0;
    for (size_t part = 0; part < PARTS; part++) {
        vec v = V_SET(0);
        for (size_t i = part * LANES; i < u->step; i += 8)
            v = V_ADD(v, V_LOAD(u->weight + i));
        V_STORE(lane + part * LANES, v);
    }
    fold_lanes(lane, sum);
    *total += sum[0];
}

/* The panel that stands on the right against all that begin where it does or later. */
TARGET static void panel_moments(run *u, const double *mean, size_t right_first, double *out)
{
    const size_t cols = u->source.cols;

    need_panel(u, right_first);
    const size_t right_count = u->count;
    centre_panel(u, mean, u->right, u->left);
    for (size_t j = right_count; j % 4 != 0; j++)
        memset(u->right + j * u->length, 0, u->step * sizeof(double));
    for (size_t left_first = right_first; left_first < cols; left_first += PANEL) {
        if (left_first > right_first) {
            need_panel(u, left_first);
            centre_panel(u, mean, NULL, u->left);
        }
        size_t left_count = u->count, a = 0;
        if (left_first + left_count == cols) /* the row of the first moments */
            memcpy(u->left + left_count++ * u->length, u->weight, u->step * sizeof(double));
        for (; a + DOWN <= left_count; a += DOWN)
            moment_rows(u, left_first, a, DOWN, right_first, right_count, out);
        for (; a < left_count; a++)
            moment_rows(u, left_first, a, 1, right_first, right_count, out);
    }
}

TARGET static void moments(const double *x, size_t stride, size_t rows, size_t cols,
                           const double *means, const double *weights, size_t clusters, double *out)
{
    const size_t eights = ROOM / ((cols < PANEL ? cols + 3 : PANEL) / 4 * 4) / 8;
    run u;

    u.source.stride = stride;
    u.source.cols = cols;
    /* columns an odd number of cache lines apart do not fall into the same few sets of the cache */
    u.length = eights * 8 > LONGEST ? LONGEST : (eights - 1) / 2 * 16 + 8;
    for (size_t i = 0; i < rows; i += u.length) {
        double *to = out;
        u.source.x = x + i * stride;
        u.rows = rows - i < u.length ? rows - i : u.length;
        u.step = (u.rows + 7) / 8 * 8;
        u.count = 0;
        for (size_t k = 0; k < clusters; k++, to += 1 + cols + cols * cols) {
            take_weights(&u, weights + i * clusters + k, clusters, to);
            for (size_t first = 0; first < cols; first += PANEL)
                panel_moments(&u, means + k * cols, first, to);
        }
    }
}

/* ---- exp, log and what is built of them ---- */

/* NaN stays NaN: V_MIN and V_MAX give their second operand when one is. */
INLINE vec exp_of(vec x)
{
    const vec shift = V_SET(0x1.8p52);
    static const double inverse_factorial[] = {
        1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
        1.0 / 5040,       1.0 / 720,       1.0 / 120,      1.0 / 24,      1.0 / 6,      1.0 / 2};

    x = V_MIN(V_SET(710), V_MAX(V_SET(-746), x));
    vec t = V_FMA(x, V_SET(0x1.71547652b82fep0), shift); /* log2 e */
    vec n = V_SUB(t, shift);
    vec r = V_FMA(n, V_SET(-0x1.62e42fefa39efp-1), x); /* ln 2 in two parts */
    r = V_FMA(n, V_SET(-0x1.abc9e3b39803fp-56), r);
    vec p = V_SET(inverse_factorial[0]);
#pragma GCC unroll 16
    for (size_t i = 1; i < 12; i++)
        p = V_FMA(p, r, V_SET(inverse_factorial[i]));
    p = V_ADD(V_SET(1), V_FMA(V_MUL(r, r), p, r));
    /* 2^n in two factors, so that subnormal results are rounded once */
    vec half = V_FMA(n, V_SET(0.5), shift);
    vec rest = V_ADD(V_SUB(n, V_SUB(half, shift)), shift);
    return V_MUL(V_MUL(p, power_of_two(half)), power_of_two(rest));
}

/* For positive normal a; NaN gives NaN. */
INLINE vec log_of(vec a)
{
    static const double odd[] = {6.666666666666735130e-01, 2.857142874366239149e-01,
                                 1.818357216161805012e-01, 1.479819860511658591e-01};
    static const double even[] = {3.999999999940941908e-01, 2.222219843214978396e-01,
                                  1.531383769920937332e-01};
    const vec root2 = V_SET(0x1.6a09e667f3bcdp0);
    vec e, m = mantissa(a, &e);

    e = V_IF_LESS(root2, m, V_ADD(e, V_SET(1)), e);
    m = V_IF_LESS(root2, m, V_MUL(m, V_SET(0.5)), m);
    vec f = V_SUB(m, V_SET(1));
    vec s = V_DIV(f, V_ADD(f, V_SET(2))), z = V_MUL(s, s), w = V_MUL(z, z);
    vec p = V_FMA(V_FMA(V_SET(even[2]), w, V_SET(even[1])), w, V_SET(even[0]));
    vec q = V_FMA(V_SET(odd[3]), w, V_SET(odd[2]));
    q = V_FMA(V_FMA(q, w, V_SET(odd[1])), w, V_SET(odd[0]));
    vec rest = V_FMA(z, q, V_MUL(w, p)), h = V_MUL(f, V_SET(0.5));
    rest = V_FMA(s, V_FMA(h, f, rest), V_MUL(e, V_SET(1.90821492927058770002e-10)));
    f = V_SUB(f, V_FMA(h, f, V_SUB(V_SET(0), rest)));
    f = V_FMA(e, V_SET(6.93147180369123816490e-01), f);
    return V_ADD(f, V_SUB(a, a));
}

TARGET static void exponential(double *x, size_t count)
{
    size_t i = 0;

    for (; i + 4 * LANES <= count; i += 4 * LANES)
#pragma GCC unroll 4
        for (size_t u = 0; u < 4; u++)
            V_STORE(x + i + u * LANES, exp_of(V_LOAD(x + i + u * LANES)));
    for (; i < count; i += LANES) {
        size_t left = count - i < LANES ? count - i : LANES;
        double last[LANES];
        V_STORE(last, exp_of(V_LOAD_FIRST(x + i, left)));
        memcpy(x + i, last, left * sizeof *x);
    }
}

/* The largest logit of each row, and the logarithm of the sum of exp(logit - largest). */
INLINE void row_sums(tile *t, double largest[ROWS], double log_sum[ROWS])
{
    vec most[SPAN], sum[SPAN];

    for (size_t r = 0; r < SPAN; r++) {
        most[r] = V_SET(-INFINITY);
        sum[r] = V_SET(0);
    }
    for (size_t first = 0; first < t->cols; first += CHUNK) {
        need_columns(t, first);
        for (size_t j = 0; j < t->count; j++)
            for (size_t r = 0; r < SPAN; r++)
                most[r] = V_MAX(V_LOAD(t->number + j * ROWS + r * LANES), most[r]);
    }
    for (size_t first = 0; first < t->cols; first += CHUNK) {
        need_columns(t, first);
        for (size_t j = 0; j < t->count; j++)
            for (size_t r = 0; r < SPAN; r++) {
                vec x = V_LOAD(t->number + j * ROWS + r * LANES);
                sum[r] = V_ADD(sum[r], exp_of(V_SUB(x, most[r])));
            }
    }
    for (size_t r = 0; r < SPAN; r++) {
        V_STORE(largest + r * LANES, most[r]);
        V_STORE(log_sum + r * LANES, log_of(sum[r]));
    }
}

TARGET static void log_softmax(double *logits, size_t rows, size_t cols, double *log_sum)
{
    tile t;

    for (size_t i = 0; i < rows; i += ROWS) {
        double largest[ROWS], rest[ROWS];
        start_tile(&t, logits + i * cols, cols, rows - i, cols);
        row_sums(&t, largest, rest);
        for (size_t l = 0; l < t.rows; l++) {
            double *row = logits + (i + l) * cols, most = largest[l], sum = rest[l];
            double total = most + sum;
            if (isinf(most))
                total = mele_i_softmax_extreme(row, cols, most);
            else /* in this order: most + sum would lose sum in rows far from everything */
                for (size_t j = 0; j < cols; j++)
                    row[j] = (row[j] - most) - sum;
            if (log_sum != NULL)
                log_sum[i + l] = total;
        }
    }
}

const mele_i_kernels TABLE = {NAME,        nearest,     distances,  mahalanobis, linear,
                              log_softmax, exponential, accumulate, moments};
