/* Part of kernels_body.h: Mahalanobis distances. */

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

/* `step` numbers from one triangle to the next. */
INLINE void mahalanobis_in_tile(tile *t, tile *z, const double *means, const double *whiteners,
                                size_t step, size_t clusters, const bool single, shelf *s,
                                double *out)
{
    const size_t cols = t->cols;

    for (size_t k = 0; k < clusters; k++, means += cols, whiteners += step) {
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

TARGET static void squares_by(const double *x, size_t stride, size_t rows, size_t cols,
                              const double *means, const double *whiteners, size_t step,
                              size_t clusters, double *out)
{
    tile t, z;
    shelf s;

    for (size_t i = 0; i < rows; i += ROWS) {
        double *to = out + i * clusters;
        start_tile(&t, x + i * stride, stride, rows - i, cols);
        if (cols <= CHUNK)
            mahalanobis_in_tile(&t, &z, means, whiteners, step, clusters, true, &s, to);
        else
            mahalanobis_in_tile(&t, &z, means, whiteners, step, clusters, false, &s, to);
    }
}

TARGET static void mahalanobis(const double *x, size_t stride, size_t rows, size_t cols,
                               const double *means, const double *whiteners, size_t clusters,
                               double *out)
{
    squares_by(x, stride, rows, cols, means, whiteners, cols * (cols + 1) / 2, clusters, out);
}

TARGET static void tied_mahalanobis(const double *x, size_t stride, size_t rows, size_t cols,
                                    const double *means, const double *whitener, size_t clusters,
                                    double *out)
{
    squares_by(x, stride, rows, cols, means, whitener, 0, clusters, out);
}

TARGET static void scaled_distances(const double *x, size_t stride, size_t rows, size_t cols,
                                    const double *means, const double *scales, size_t clusters,
                                    double *out)
{
    tile t;
    shelf s;

    for (size_t i = 0; i < rows; i += ROWS) {
        start_tile(&t, x + i * stride, stride, rows - i, cols);
        for (size_t k = 0; k < clusters; k++) {
            const double *mean = means + k * cols, *scale = scales + k * cols;
            vec total[1][SPAN];
            set_all(total, 1, 0);
            for (size_t first = 0; first < cols; first += CHUNK) {
                need_columns(&t, first);
                for (size_t j = 0; j < t.count; j++)
#pragma GCC unroll 8
                    for (size_t r = 0; r < SPAN; r++) {
                        vec y = V_SUB(V_LOAD(t.number + j * ROWS + r * LANES),
                                      V_SET(mean[first + j]));
                        y = V_MUL(y, V_SET(scale[first + j]));
                        total[0][r] = V_FMA(y, y, total[0][r]);
                    }
            }
            put_columns(&s, &t, total, 1, k, clusters, out + i * clusters, clusters);
        }
    }
}
