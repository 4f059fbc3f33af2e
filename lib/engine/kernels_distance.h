/* Part of kernels_body.h: squared distances to centres. */

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

/* Several rows side by side, so that their sums need not wait for themselves. */
#define OWN_ROWS 4

TARGET static void own_distances(const double *x, size_t stride, size_t rows, size_t cols,
                                 const double *centres, const uint32_t *label, double *distance)
{
    for (size_t i = 0; i < rows; i += OWN_ROWS) {
        const double *row[OWN_ROWS], *centre[OWN_ROWS];
        double sum[OWN_ROWS] = {0};
        const size_t count = rows - i < OWN_ROWS ? rows - i : OWN_ROWS;
        UNROLL for (size_t r = 0; r < OWN_ROWS; r++)
        {
            const size_t at = i + (r < count ? r : count - 1);
            row[r] = x + at * stride;
            centre[r] = centres + label[at] * cols;
        }
        for (size_t j = 0; j < cols; j++)
            UNROLL for (size_t r = 0; r < OWN_ROWS; r++)
            {
                const double d = row[r][j] - centre[r][j];
                sum[r] = fma(d, d, sum[r]);
            }
        memcpy(distance + i, sum, count * sizeof *sum);
    }
}
