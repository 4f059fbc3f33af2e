/* Part of kernels_body.h: bounds of rows on their distances (partition/bounds.c proves them), in
 * single precision like kernels_filter.h. */

#define SLACK 0x1p-22f /* of what a bound is stored relative to */

/* Where the first group's lower bound of a row stands. */
INLINE size_t lower_place(size_t row, size_t groups)
{
    return row / MELE_I_GROUP * MELE_I_GROUP * groups + row % MELE_I_GROUP;
}

INLINE fvec stored_upper(fvec upper, fvec drift)
{
    return F_FMA(F_SET(SLACK), F_ADD(upper, drift), F_SUB(upper, drift));
}

INLINE fvec stored_lower(fvec lower, float fall)
{
    return F_MUL(F_ADD(lower, F_SET(fall)), F_SET(1 - SLACK));
}

/* FLANES rows, the last one again where there are fewer. */
typedef struct lanes {
    ALIGNED uint32_t at[FLANES];    /* in y */
    ALIGNED uint32_t label[FLANES]; /* before */
    ALIGNED uint32_t place[FLANES]; /* of lower bounds */
} lanes;

/* The distances to the own centres, rounded up. */
INLINE fvec own_uppers(const mele_i_bounded *b, const lanes *l)
{
    fvec sum[FLANES], square[FLANES];

    EACH_FLANE
    {
        const float *row = b->y + l->at[p] * b->stride;
        const float *centre = b->centres + l->label[p] * b->stride;
        sum[p] = square[p] = F_SET(0);
        for (size_t j = 0; j < b->stride; j += FLANES) {
            const fvec y = F_LOAD(row + j), v = F_SUB(y, F_LOAD(centre + j));
            sum[p] = F_FMA(v, v, sum[p]);
            square[p] = F_FMA(y, y, square[p]);
        }
    }
    const fvec wide = four_errors(lane_sums(square), b->share, b->floor);
    return F_MUL(F_SQRT(F_ADD(lane_sums(sum), wide)), F_SET(1 + MARGIN));
}

#define ROWS_AHEAD 32

/* Listed rows are no run that the machine would foresee. */
INLINE void fetch_rows(const mele_i_bounded *b, const uint32_t *at, size_t i, size_t count)
{
    const size_t end = i + ROWS_AHEAD + FLANES < count ? i + ROWS_AHEAD + FLANES : count;

    for (size_t q = i + ROWS_AHEAD; q < end; q++)
        for (size_t j = 0; j < b->stride; j += LINE / sizeof(float))
            __builtin_prefetch(b->y + at[q] * b->stride + j);
}

TARGET static size_t tighten(const mele_i_bounded *b, const uint32_t *at, const uint32_t *row,
                             size_t count, uint32_t *alive)
{
    size_t listed = 0;
    lanes l;

    for (size_t i = 0; i < count; i += FLANES) {
        const size_t left = count - i < FLANES ? count - i : FLANES;
        ALIGNED float stored[FLANES];
        EACH_FLANE
        {
            const size_t q = i + (p < left ? p : left - 1);
            l.at[p] = at == NULL ? (uint32_t)q : at[q];
            l.label[p] = b->label[row[q]];
            l.place[p] = (uint32_t)lower_place(row[q], b->groups);
        }
        if (at != NULL)
            fetch_rows(b, at, i, count);
        const fvec upper = own_uppers(b, &l);
        fvec least = F_SUB(F_LOOKUP(b->lower, l.place), F_SET(b->fall[0]));
        for (size_t g = 1; g < b->groups; g++)
            least = F_MIN(F_SUB(F_LOOKUP(b->lower + g * MELE_I_GROUP, l.place), F_SET(b->fall[g])),
                          least);
        least = F_MAX(least, F_LOOKUP(b->half, l.label));
        listed += list_unless(F_MUL(upper, F_SET(1 + MARGIN)), least, i, alive + listed);
        F_STORE(stored, stored_upper(upper, F_LOOKUP(b->drift, l.label)));
        for (size_t p = 0; p < left; p++)
            b->upper[row[i + p]] = stored[p];
    }
    while (listed > 0 && alive[listed - 1] >= count)
        listed--;
    return listed;
}

/* Of FLANES rows: the two least scores so far, the second of the best's group, and that group. */
typedef struct least_yet {
    fvec best, second, own_second, group;
} least_yet;

INLINE void take_group(least_yet *s, size_t g, fvec best, fvec second)
{
    s->group = F_IF_LESS(best, s->best, F_SET((float)g), s->group);
    s->own_second = F_IF_LESS(best, s->best, second, s->own_second);
    s->second = F_MIN(F_MAX(s->best, best), F_IF_LESS(best, s->best, second, s->second));
    s->best = F_MIN(best, s->best);
}

INLINE fvec norms(const mele_i_bounded *b, const lanes *l)
{
    fvec sum[FLANES];

    EACH_FLANE
    {
        const float *row = b->y + l->at[p] * b->stride;
        sum[p] = F_SET(0);
        for (size_t j = 0; j < b->stride; j += FLANES) {
            const fvec y = F_LOAD(row + j);
            sum[p] = F_FMA(y, y, sum[p]);
        }
    }
    return lane_sums(sum);
}

/* The lower bounds that a group has of the rows: of all in a run when they are no list. */
INLINE void store_lowers(const mele_i_bounded *b, const lanes *l, size_t g, fvec low, size_t left,
                         const bool listed)
{
    float *lower = b->lower + g * MELE_I_GROUP;
    ALIGNED float stored[FLANES];

    if (!listed) {
        F_STORE(lower + l->place[0], stored_lower(low, b->fall[g]));
        return;
    }
    F_STORE(stored, stored_lower(low, b->fall[g]));
    for (size_t p = 0; p < left; p++)
        lower[l->place[p]] = stored[p];
}

/* Labels and what the best score tells; rows that are unclear may be any other's, so that of their
 * best's group the bound stands for all. */
INLINE size_t store_best(const mele_i_bounded *b, const lanes *l, const least_yet *s, fvec norm,
                         fvec wide, const uint32_t *row, size_t i, size_t left, uint32_t *label,
                         uint32_t *unclear)
{
    ALIGNED float group[FLANES], low[FLANES], stored[FLANES];
    ALIGNED uint32_t lane[FLANES];
    const fvec apart = F_SUB(s->second, s->best);
    const fvec high = F_ADD(F_MAX(F_FMA(F_SET(2), s->best, norm), F_SET(0)), wide);

    F_STORE(group, s->group);
    F_STORE_TAGS(lane, s->best);
    F_STORE(low, lower_of_score(F_IF_LESS(wide, apart, s->own_second, s->best), norm, wide));
    EACH_FLANE
    {
        const size_t g = (size_t)group[p];
        lane[p] += (uint32_t)(g * MELE_I_GROUP);
        label[i + p] = b->cluster[lane[p]];
        b->lower[l->place[p] + g * MELE_I_GROUP] = (low[p] + b->fall[g]) * (1 - SLACK);
    }
    F_STORE(stored, stored_upper(F_MUL(F_SQRT(high), F_SET(1 + MARGIN)),
                                 F_LOOKUP(b->lane_drift, lane)));
    if (row == NULL)
        memcpy(b->upper + i, stored, sizeof stored);
    else
        for (size_t p = 0; p < left; p++)
            b->upper[row[i + p]] = stored[p];
    return list_unless(wide, apart, i, unclear);
}

INLINE size_t scan_rows(const mele_i_bounded *b, const uint32_t *at, const uint32_t *row,
                        size_t count, uint32_t *label, uint32_t *unclear, const bool listed)
{
    const size_t group_numbers = MELE_I_GROUP * (1 + b->cols);
    size_t unclear_rows = 0;
    lanes l;

    for (size_t i = 0; i < count; i += FLANES) {
        const size_t left = count - i < FLANES ? count - i : FLANES;
        least_yet s = {F_SET(INFINITY), F_SET(INFINITY), F_SET(INFINITY), F_SET(0)};
        EACH_FLANE
        {
            const size_t q = i + (p < left ? p : left - 1);
            l.at[p] = at == NULL ? (uint32_t)q : at[q];
            l.place[p] = (uint32_t)lower_place(listed ? row[q] : i + p, b->groups);
        }
        if (at != NULL)
            fetch_rows(b, at, i, count);
        const fvec norm = norms(b, &l), wide = four_errors(norm, b->share, b->floor);
        for (size_t g = 0; g < b->groups; g++) {
            fvec best, second;
            group_two(b->y, b->stride, at, i, count, b->cols, b->group + g * group_numbers, &best,
                      &second);
            take_group(&s, g, best, second);
            store_lowers(b, &l, g, lower_of_score(best, norm, wide), left, listed);
        }
        unclear_rows += store_best(b, &l, &s, norm, wide, row, i, left, label,
                                   unclear + unclear_rows);
    }
    while (unclear_rows > 0 && unclear[unclear_rows - 1] >= count)
        unclear_rows--;
    return unclear_rows;
}

TARGET static size_t scan(const mele_i_bounded *b, const uint32_t *at, const uint32_t *row,
                          size_t count, uint32_t *label, uint32_t *unclear)
{
    if (row == NULL)
        return scan_rows(b, NULL, NULL, count, label, unclear, false);
    return scan_rows(b, at, row, count, label, unclear, true);
}
