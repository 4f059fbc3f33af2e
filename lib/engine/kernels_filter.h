/* Part of kernels_body.h: nearest centres in single precision, to be confirmed by whoever reads
 * them (see partition/filter.h for what they prove). Here results may differ between widths.
 *
 * A file that includes this has defined FLANES, fvec, F_..., ftag, and
 *   to_floats()    FLANES doubles as one fvec
 *   two_least()    of each of FLANES vectors the two smallest lanes, in the lanes of two vectors
 *   lane_sums()    of each of FLANES vectors the sum of its lanes
 *   list_unless()  the lanes in which a < b does not hold
 *
 * Smaller of two and comparisons are the machine's: with a NaN, F_MAX and F_MIN give their second
 * operand, and no comparison holds. */

#define FPARTS (FLANES / LANES)
#define FSPAN (ROWS / FLANES)
#define GROUP_PARTS (MELE_I_GROUP / FLANES)
#define FCHUNK 16 /* columns taken at once; rows are padded to a multiple of it */
#define MARGIN 0x1p-20f /* far above the rounding of a few operations */

#define EACH_FLANE _Pragma("GCC unroll 16") for (size_t p = 0; p < FLANES; p++)

/* (x - origin) * scale of FLANES columns from j on, zeros past the last. */
INLINE fvec narrow_chunk(const double *x, const double *origin, size_t j, size_t cols, vec scale)
{
    vec v[FPARTS];

#pragma GCC unroll 2
    for (size_t q = 0; q < FPARTS; q++, j += LANES) {
        if (j + LANES <= cols)
            v[q] = V_MUL(V_SUB(V_LOAD(x + j), V_LOAD(origin + j)), scale);
        else if (j < cols)
            v[q] = V_MUL(V_SUB(V_LOAD_FIRST(x + j, cols - j), V_LOAD_FIRST(origin + j, cols - j)),
                         scale);
        else
            v[q] = V_SET(0);
    }
    return to_floats(v);
}

#define AHEAD_BYTES 4096 /* of rows that are on their way from memory */
#define LINE 64

/* Listed rows are no run that the machine would foresee. */
INLINE void fetch_ahead(const double *row, size_t cols)
{
    for (size_t byte = 0; byte < cols * sizeof *row; byte += LINE)
        __builtin_prefetch((const char *)row + byte);
}

TARGET static void narrow(const double *x, size_t stride, const uint32_t *list, size_t count,
                          size_t known, size_t cols, const double *origin, double scale, float *out,
                          size_t out_stride)
{
    const vec s = V_SET(scale);
    const size_t ahead = 1 + AHEAD_BYTES / sizeof(double) / cols;

    for (size_t i = 0; i < count; i++) {
        const double *row = x + (list == NULL ? i : list[i]) * stride;
        float *to = out + i * out_stride;
        if (i + ahead < known)
            fetch_ahead(x + (list == NULL ? i + ahead : list[i + ahead]) * stride, cols);
        for (size_t j = 0; j < out_stride; j += FLANES)
            F_STORE(to + j, narrow_chunk(row, origin, j, cols, s));
    }
}

TARGET static void lengths(const float *y, size_t stride, size_t count, float *norm)
{
    for (size_t i = 0; i < count; i += FLANES) {
        fvec sum[FLANES];
        EACH_FLANE
        {
            const float *row = y + (i + p < count ? i + p : count - 1) * stride;
            sum[p] = F_SET(0);
            for (size_t j = 0; j < stride; j += FLANES) {
                fvec v = F_LOAD(row + j);
                sum[p] = F_FMA(v, v, sum[p]);
            }
        }
        F_STORE(norm + i, lane_sums(sum));
    }
}

/* share * norm + floor, four times */
INLINE fvec four_errors(fvec norm, float share, float floor)
{
    return F_MUL(F_SET(4), F_FMA(F_SET(share), norm, F_SET(floor)));
}

INLINE fvec lower_of_score(fvec score, fvec norm, fvec wide)
{
    const fvec square = F_MAX(F_SUB(F_FMA(F_SET(2), score, norm), wide), F_SET(0));

    return F_MUL(F_SQRT(square), F_SET(1 - MARGIN));
}

TARGET static void lowers(const float *best, const float *second, const float *norm,
                          const uint32_t *list, size_t count, float share, float floor,
                          float *low_best, float *low_second)
{
    for (size_t i = 0; i < count; i += FLANES) {
        const fvec n = list == NULL ? F_LOAD(norm + i) : F_LOOKUP(norm, list + i);
        const fvec wide = four_errors(n, share, floor);
        F_STORE(low_best + i, lower_of_score(F_LOAD(best + i), n, wide));
        F_STORE(low_second + i, lower_of_score(F_LOAD(second + i), n, wide));
    }
}

/* FCHUNK columns from j on of FLANES rows, side by side. */
INLINE const float *group_rows(const float *y, size_t stride, const uint32_t *list, size_t i,
                               size_t count, size_t j, float copy[FLANES * FCHUNK])
{
    if (list == NULL && stride == FCHUNK && i + FLANES <= count)
        return y + i * FCHUNK;
    EACH_FLANE
    {
        const size_t at = i + p < count ? i + p : count - 1;
        const float *row = y + (list == NULL ? at : list[at]) * stride + j;
#pragma GCC unroll 16
        for (size_t c = 0; c < FCHUNK; c += FLANES)
            F_STORE(copy + p * FCHUNK + c, F_LOAD(row + c));
    }
    return copy;
}

INLINE void add_scores(const float *rows, const float *columns, size_t count, fvec sum[FLANES])
{
    for (size_t j = 0; j < count; j++) {
        const fvec c = F_LOAD(columns + j * MELE_I_GROUP);
        EACH_FLANE
        sum[p] = F_FMA(c, F_SET(rows[p * FCHUNK + j]), sum[p]);
    }
}

/* The two least of the tagged scores of a group, of FLANES rows from i on. */
INLINE void group_two(const float *y, size_t stride, const uint32_t *list, size_t i, size_t count,
                      size_t cols, const float *group, fvec *best, fvec *second)
{
    ALIGNED float copy[FLANES * FCHUNK];
    fvec least = F_SET(INFINITY), next = F_SET(INFINITY);

    for (size_t part = 0; part < GROUP_PARTS; part++) {
        const float *half_squares = group + part * FLANES;
        const ftag lanes = F_TAG_LANES(part * FLANES);
        fvec sum[FLANES], low, high;
        EACH_FLANE
        sum[p] = F_LOAD(half_squares);
        for (size_t j = 0; j < cols; j += FCHUNK) {
            const float *rows = group_rows(y, stride, list, i, count, j, copy);
            const float *columns = half_squares + (1 + j) * MELE_I_GROUP;
            if (cols - j >= FCHUNK)
                add_scores(rows, columns, FCHUNK, sum);
            else
                add_scores(rows, columns, cols - j, sum);
        }
        EACH_FLANE
        sum[p] = F_TAG(sum[p], lanes);
        two_least(sum, &low, &high);
        next = F_MIN(F_MAX(least, low), F_MIN(next, high));
        least = F_MIN(least, low);
    }
    *best = least;
    *second = next;
}

TARGET static void group_nearest(const float *y, size_t stride, const uint32_t *list, size_t count,
                                 size_t cols, const float *group, float *best, float *second)
{
    for (size_t i = 0; i < count; i += FLANES) {
        fvec least, next;
        group_two(y, stride, list, i, count, cols, group, &least, &next);
        F_STORE(best + i, least);
        F_STORE(second + i, next);
    }
}

TARGET static size_t list_unclear(const float *best, const float *second, const float *norm,
                                  size_t count, float share, float floor, float *upper,
                                  float *lower, uint32_t *unclear)
{
    size_t listed = 0;

    for (size_t i = 0; i < count; i += FLANES) {
        const fvec b = F_LOAD(best + i), s = F_LOAD(second + i), n = F_LOAD(norm + i);
        const fvec wide = four_errors(n, share, floor);
        const fvec high = F_ADD(F_MAX(F_FMA(F_SET(2), b, n), F_SET(0)), wide);
        F_STORE(upper + i, F_MUL(F_SQRT(high), F_SET(1 + MARGIN)));
        F_STORE(lower + i, lower_of_score(s, n, wide));
        listed += list_unless(wide, F_SUB(s, b), i, unclear + listed);
    }
    while (listed > 0 && unclear[listed - 1] >= count)
        listed--;
    return listed;
}

INLINE fvec lookup(const float *table, const uint32_t *index, const bool few)
{
    return few ? F_LOOKUP_FEW(table, index) : F_LOOKUP(table, index);
}

INLINE size_t list_outside(const uint32_t *label, const float *upper, const float *lower,
                           size_t rows, size_t groups, const float *drift, const float *half,
                           const float *fall, uint32_t *list, const bool few)
{
    size_t listed = 0;

    for (size_t i = 0; i < rows; i += FLANES) {
        const float *bound = lower + i / MELE_I_GROUP * MELE_I_GROUP * groups + i % MELE_I_GROUP;
        const fvec u = F_ADD(F_LOAD(upper + i), lookup(drift, label + i, few));
        fvec least = F_SUB(F_LOAD(bound), F_SET(fall[0]));
        for (size_t g = 1; g < groups; g++)
            least = F_MIN(F_SUB(F_LOAD(bound + g * MELE_I_GROUP), F_SET(fall[g])), least);
        least = F_MAX(least, lookup(half, label + i, few));
        listed += list_unless(F_MUL(u, F_SET(1 + MARGIN)), least, i, list + listed);
    }
    while (listed > 0 && list[listed - 1] >= rows)
        listed--;
    return listed;
}

TARGET static size_t outside(const uint32_t *label, const float *upper, const float *lower,
                             size_t rows, size_t groups, const float *drift, const float *half,
                             const float *fall, uint32_t *list)
{
    if (groups == 1)
        return list_outside(label, upper, lower, rows, 1, drift, half, fall, list, true);
    return list_outside(label, upper, lower, rows, groups, drift, half, fall, list, false);
}

/* ---- few columns and few centres: lanes are rows ---- */

typedef struct sieve {
    const double *origin;
    const float *centres;
    size_t clusters, cols;
    double scale;
    float share, floor;
    ALIGNED float y[MELE_I_SIFT_COLUMNS * ROWS];
    ALIGNED uint32_t label[ROWS];
} sieve;

INLINE void narrow_tile(sieve *s, const tile *t, fvec norm[FSPAN])
{
    const vec scale = V_SET(s->scale);

#pragma GCC unroll 4
    for (size_t r = 0; r < FSPAN; r++)
        norm[r] = F_SET(0);
    for (size_t j = 0; j < s->cols; j++) {
        const vec origin = V_SET(s->origin[j]);
#pragma GCC unroll 4
        for (size_t r = 0; r < FSPAN; r++) {
            vec v[FPARTS];
#pragma GCC unroll 2
            for (size_t q = 0; q < FPARTS; q++) {
                v[q] = V_LOAD(t->number + j * ROWS + r * FLANES + q * LANES);
                v[q] = V_MUL(V_SUB(v[q], origin), scale);
            }
            const fvec y = to_floats(v);
            F_STORE(s->y + j * ROWS + r * FLANES, y);
            norm[r] = F_FMA(y, y, norm[r]);
        }
    }
}

/* The rows first .. first + ROWS - 1; those that are unclear are listed. */
INLINE size_t sift_tile(sieve *s, const tile *t, size_t first, uint32_t *unclear)
{
    fvec norm[FSPAN], least[FSPAN], next[FSPAN];
    const float *centre = s->centres;
    size_t listed = 0;

    narrow_tile(s, t, norm);
#pragma GCC unroll 4
    for (size_t r = 0; r < FSPAN; r++)
        least[r] = next[r] = F_SET(INFINITY);
    for (size_t k = 0; k < s->clusters; k++, centre += 1 + s->cols) {
        fvec sum[FSPAN];
#pragma GCC unroll 4
        for (size_t r = 0; r < FSPAN; r++)
            sum[r] = F_SET(centre[0]);
        for (size_t j = 0; j < s->cols; j++)
#pragma GCC unroll 4
            for (size_t r = 0; r < FSPAN; r++)
                sum[r] = F_FMA(F_LOAD(s->y + j * ROWS + r * FLANES), F_SET(centre[1 + j]), sum[r]);
#pragma GCC unroll 4
        for (size_t r = 0; r < FSPAN; r++) {
            const fvec score = F_TAG(sum[r], F_TAG_SET(k));
            next[r] = F_MIN(F_MAX(least[r], score), next[r]);
            least[r] = F_MIN(least[r], score);
        }
    }
#pragma GCC unroll 4
    for (size_t r = 0; r < FSPAN; r++) {
        const fvec wide = four_errors(norm[r], s->share, s->floor);
        F_STORE_TAGS(s->label + r * FLANES, least[r]);
        listed += list_unless(wide, F_SUB(next[r], least[r]), first + r * FLANES, unclear + listed);
    }
    return listed;
}

TARGET static size_t sift(const double *x, size_t stride, size_t rows, size_t cols,
                          const double *origin, double scale, const float *centres, size_t clusters,
                          float share, float floor, uint32_t *label, uint32_t *unclear)
{
    sieve s = {.origin = origin, .centres = centres, .clusters = clusters, .cols = cols,
               .scale = scale, .share = share, .floor = floor};
    size_t listed = 0;
    tile t;

    for (size_t i = 0; i < rows; i += ROWS) {
        start_tile(&t, x + i * stride, stride, rows - i, cols);
        load_columns(&t, 0, cols);
        listed += sift_tile(&s, &t, i, unclear + listed);
        memcpy(label + i, s.label, t.rows * sizeof *label);
    }
    while (listed > 0 && unclear[listed - 1] >= rows)
        listed--;
    return listed;
}
