/* Part of kernels_body.h: second moments, with rows in the lanes. */

/* Eight lanes whatever LANES is, row i in lane
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
