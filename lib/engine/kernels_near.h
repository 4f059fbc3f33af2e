/* Part of kernels_body.h: runs of 32 rows and the points they may be near to. */

#define NEAR_ROWS 32
#define NEAR_SPAN 2 /* vectors of rows at once */

/* Of the rows from first on, those that are nearer than their limit to one of count points. */
INLINE uint32_t near_points(const uint8_t *bytes, size_t cols, const float *step,
                            const float *points, const size_t count, const float *limit,
                            size_t first)
{
    fvec sum[8][NEAR_SPAN];
    uint32_t mask = 0;

    UNROLL for (size_t q = 0; q < count; q++)
        UNROLL for (size_t r = 0; r < NEAR_SPAN; r++)
            sum[q][r] = F_SET(0);
    for (size_t j = 0; j < cols; j++) {
        fvec x[NEAR_SPAN], width = F_SET(step[j]);
        UNROLL for (size_t r = 0; r < NEAR_SPAN; r++)
            x[r] = F_MUL(width, F_BYTES(bytes + j * NEAR_ROWS + first + r * FLANES));
        UNROLL for (size_t q = 0; q < count; q++)
        {
            fvec c = F_SET(points[q * cols + j]);
            UNROLL for (size_t r = 0; r < NEAR_SPAN; r++)
            {
                fvec d = F_SUB(x[r], c);
                sum[q][r] = F_FMA(d, d, sum[q][r]);
            }
        }
    }
    UNROLL for (size_t r = 0; r < NEAR_SPAN; r++)
    {
        fvec most = F_LOAD(limit + first + r * FLANES);
        UNROLL for (size_t q = 0; q < count; q++)
            mask |= F_LESS(sum[q][r], most) << (r * FLANES);
    }
    return mask;
}

/* Of the rows from first on, those whose limit is not below reach[label]. */
INLINE uint32_t out_of_reach(const float *limit, const uint32_t *label, const float *reach,
                             size_t first)
{
    uint32_t within = 0;

    UNROLL for (size_t r = 0; r < NEAR_SPAN; r++)
    {
        const size_t at = first + r * FLANES;
        within |= F_LESS(F_LOAD(limit + at), F_LOOKUP(reach, label + at)) << (r * FLANES);
    }
    return ~within & (uint32_t)((UINT64_C(1) << (NEAR_SPAN * FLANES)) - 1);
}

TARGET static uint32_t near(const uint8_t *bytes, size_t cols, const float *step,
                            const float *points, size_t count, const float *limit,
                            const uint32_t *label, const float *reach)
{
    uint32_t mask = 0;

    for (size_t r = 0; r < NEAR_ROWS; r += NEAR_SPAN * FLANES) {
        uint32_t out = out_of_reach(limit, label, reach, r), found = 0;
        size_t q = out == 0 ? count : 0;
        for (; q + 7 <= count; q += 7)
            found |= near_points(bytes, cols, step, points + q * cols, 7, limit, r);
        for (; q + 4 <= count; q += 4)
            found |= near_points(bytes, cols, step, points + q * cols, 4, limit, r);
        for (; q < count; q++)
            found |= near_points(bytes, cols, step, points + q * cols, 1, limit, r);
        mask |= (found & out) << r;
    }
    return mask;
}

#define POINTS 8 /* in a sum at once */

/* The rows of mask that a point is nearer to than nearest[]: row[i] of the 32, at[i] of mask. */
INLINE size_t list_changed(uint32_t mask, const double *distance, size_t points,
                           const double *nearest, size_t row[NEAR_ROWS], size_t at[NEAR_ROWS])
{
    size_t listed = 0;

    for (size_t m = 0; mask != 0; m++, mask &= mask - 1) {
        const size_t i = (size_t)__builtin_ctz(mask);
        const vec own = V_SET(nearest[i]);
        bool nearer = false;
        for (size_t p = 0; p < points; p += LANES)
            nearer |= V_ANY_LESS(V_LOAD(distance + m * points + p), own);
        row[listed] = i;
        at[listed] = m;
        listed += nearer;
    }
    return listed;
}

/* The sum of w nearest over the rows that are not listed, in POINTS sums. */
INLINE double sum_unchanged(const double *nearest, const double *weights, const size_t *row,
                            size_t listed)
{
    ALIGNED double term[NEAR_ROWS], sum[POINTS];
    vec total[POINTS / LANES];

    for (size_t i = 0; i < NEAR_ROWS; i += LANES)
        V_STORE(term + i, V_MUL(V_LOAD(weights + i), V_LOAD(nearest + i)));
    for (size_t l = 0; l < listed; l++)
        term[row[l]] = 0;
    UNROLL for (size_t v = 0; v < POINTS / LANES; v++)
        total[v] = V_LOAD(term + v * LANES);
    for (size_t i = POINTS; i < NEAR_ROWS; i += POINTS)
        UNROLL for (size_t v = 0; v < POINTS / LANES; v++)
            total[v] = V_ADD(total[v], V_LOAD(term + i + v * LANES));
    UNROLL for (size_t v = 0; v < POINTS / LANES; v++)
        V_STORE(sum + v * LANES, total[v]);
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

TARGET static void add_nearest(uint32_t mask, const double *distance, size_t points,
                               const double *nearest, const double *weights, double *sum)
{
    size_t row[NEAR_ROWS], at[NEAR_ROWS];
    const size_t listed = list_changed(mask, distance, points, nearest, row, at);
    const vec unchanged = V_SET(sum_unchanged(nearest, weights, row, listed));

    for (size_t p = 0; p < points; p += POINTS) {
        vec total[POINTS / LANES];
        UNROLL for (size_t v = 0; v < POINTS / LANES; v++)
            total[v] = V_SET(0);
        for (size_t l = 0; l < listed; l++) {
            const vec own = V_SET(nearest[row[l]]), weight = V_SET(weights[row[l]]);
            UNROLL for (size_t v = 0; v < POINTS / LANES; v++)
            {
                vec d = V_LOAD(distance + at[l] * points + p + v * LANES);
                total[v] = V_FMA(weight, V_MIN(d, own), total[v]);
            }
        }
        UNROLL for (size_t v = 0; v < POINTS / LANES; v++)
        {
            double *to = sum + p + v * LANES;
            V_STORE(to, V_ADD(V_LOAD(to), V_ADD(unchanged, total[v])));
        }
    }
}
