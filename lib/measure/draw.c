/* Stratified samples of rows. Of stratum s, with n_s rows of positive weight, are drawn
 *
 *     m_s = min(n_s, max(r n_s, f)),    f = max(1, N / (4 S)),
 *
 * rounded down, N being what is wanted, S the number of strata that have rows, and r such that the sum of
 * all m_s is N. Rows are drawn one by one in their order, the next with the probability of what is left
 * to be drawn over what is left of the stratum (Knuth, TAOCP 2, 3.4.2, algorithm S): every set of m_s rows
 * is as likely as any other, and nothing is held of rows that are not drawn. Groups are taken as wholes in
 * random order, each that has a row in a stratum that still lacks some.
 *
 * Either way each stratum has at least m_s rows, and is then weighed as in the population
 * (post-stratification: Cochran 1977, Sampling Techniques, 5A.9). */
#include "measure/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

#define LEAST_SHARE 0.25 /* of an equal share */

typedef struct stratum {
    size_t rows, wanted, drawn;
    double weight, drawn_weight;
} stratum;

typedef struct drawing {
    const mele_i_population *population;
    size_t strata;
    stratum *stratum;
    mele_i_stream stream;
} drawing;

static bool counts(const mele_i_population *p, size_t i)
{
    return p->weights == NULL || p->weights[i] > 0;
}

static stratum *stratum_of(const drawing *d, size_t i)
{
    const mele_i_population *p = d->population;
    const size_t region = p->region == NULL ? 0 : p->region[i];

    return &d->stratum[p->class == NULL ? region : region * p->classes + (size_t)p->class[i]];
}

/* Rows and weights of the strata; returns how many rows there are in all. */
static size_t count_rows(const drawing *d)
{
    const mele_i_population *p = d->population;
    size_t all = 0;

    for (size_t i = 0; i < p->rows; i++) {
        if (!counts(p, i))
            continue;
        stratum *s = stratum_of(d, i);
        s->rows++;
        s->weight += p->weights == NULL ? 1 : p->weights[i];
        all++;
    }
    return all;
}

/* ---- how many of each stratum ---- */

static double least(const drawing *d, size_t wanted)
{
    size_t filled = 0;

    for (size_t s = 0; s < d->strata; s++)
        filled += d->stratum[s].rows > 0;
    return fmax(1, floor(LEAST_SHARE * (double)wanted / (double)filled));
}

/* The rate at which strata above their least make up what is wanted, found from below: with each rate
 * fewer are above it. */
static double find_rate(const drawing *d, size_t wanted, double floor_of_all)
{
    double rate = 0, before;

    do {
        double rest = (double)wanted, rows = 0;
        before = rate;
        for (size_t s = 0; s < d->strata; s++) {
            const double n = (double)d->stratum[s].rows;
            if (n * before < floor_of_all && before > 0)
                rest -= fmin(n, floor_of_all);
            else
                rows += n;
        }
        rate = rows > 0 ? fmax(0, rest) / rows : 0;
    } while (rate > 0 && rate != before);
    return rate;
}

static void allot(const drawing *d, size_t wanted)
{
    const double floor_of_all = least(d, wanted), rate = find_rate(d, wanted, floor_of_all);

    for (size_t s = 0; s < d->strata; s++) {
        const double n = (double)d->stratum[s].rows;
        d->stratum[s].wanted = (size_t)fmin(n, fmax(floor(rate * n), floor_of_all));
    }
}

/* ---- rows one by one ---- */

static void take(const drawing *d, size_t i, mele_i_drawn *out)
{
    const double weight = d->population->weights == NULL ? 1 : d->population->weights[i];

    out->row[out->count] = i;
    out->weights[out->count++] = weight;
    stratum_of(d, i)->drawn_weight += weight;
}

static mele_status make_room(mele_i_drawn *out, size_t count, mele_error *error)
{
    out->row = MELE_I_ARRAY(size_t, count);
    out->weights = MELE_I_ARRAY(double, count);
    return out->row == NULL || out->weights == NULL ? mele_i_no_memory(error) : MELE_OK;
}

static mele_status draw_rows(drawing *d, mele_i_drawn *out, mele_error *error)
{
    const mele_i_population *p = d->population;
    size_t count = 0;

    for (size_t s = 0; s < d->strata; s++)
        count += d->stratum[s].wanted;
    mele_status status = make_room(out, count, error);
    size_t *left = status == MELE_OK ? MELE_I_ARRAY(size_t, d->strata) : NULL;
    if (status == MELE_OK && left == NULL)
        status = mele_i_no_memory(error);
    if (status != MELE_OK)
        return status;
    for (size_t s = 0; s < d->strata; s++)
        left[s] = d->stratum[s].rows;
    for (size_t i = 0; i < p->rows; i++) {
        if (!counts(p, i))
            continue;
        stratum *s = stratum_of(d, i);
        size_t *of = &left[s - d->stratum];
        if (mele_i_stream_uniform(&d->stream) * (double)*of < (double)(s->wanted - s->drawn)) {
            take(d, i, out);
            s->drawn++;
        }
        (*of)--;
    }
    free(left);
    return MELE_OK;
}

/* ---- groups ---- */

/* The rows of each group: row[start[g]] .. row[start[g + 1] - 1]. */
typedef struct group_index {
    size_t count;
    size_t *start, *row, *order;
    bool *taken; /* of rows */
} group_index;

static void free_index(group_index *g)
{
    free(g->start);
    free(g->row);
    free(g->order);
    free(g->taken);
}

/* Ids are numbers with few gaps; those without a row are groups of none. */
static mele_status index_groups(const mele_i_population *p, group_index *g, mele_error *error)
{
    for (size_t i = 0; i < p->rows; i++)
        g->count = p->group[i] < g->count ? g->count : p->group[i] + 1;
    g->start = MELE_I_ZEROED(size_t, g->count + 2);
    g->row = MELE_I_ARRAY(size_t, p->rows);
    g->order = MELE_I_ARRAY(size_t, g->count);
    g->taken = MELE_I_ZEROED(bool, p->rows);
    if (g->start == NULL || g->row == NULL || g->order == NULL || g->taken == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < p->rows; i++)
        g->start[p->group[i] + 2]++;
    for (size_t k = 0; k < g->count; k++)
        g->start[k + 2] += g->start[k + 1];
    for (size_t i = 0; i < p->rows; i++)
        g->row[g->start[p->group[i] + 1]++] = i;
    for (size_t k = 0; k < g->count; k++)
        g->order[k] = k;
    return MELE_OK;
}

/* Whether a group has a row that a stratum lacks. */
static bool is_lacking(const drawing *d, const group_index *g, size_t group)
{
    for (size_t at = g->start[group]; at < g->start[group + 1]; at++) {
        const stratum *s = stratum_of(d, g->row[at]);
        if (counts(d->population, g->row[at]) && s->drawn < s->wanted)
            return true;
    }
    return false;
}

/* Mark the rows of the groups that are drawn, and return how many these are. */
static size_t mark_groups(drawing *d, group_index *g)
{
    size_t count = 0;

    mele_i_stream_shuffle(&d->stream, g->order, g->count);
    for (size_t o = 0; o < g->count; o++) {
        const size_t group = g->order[o];
        if (!is_lacking(d, g, group))
            continue;
        for (size_t at = g->start[group]; at < g->start[group + 1]; at++) {
            const size_t i = g->row[at];
            g->taken[i] = counts(d->population, i);
            stratum_of(d, i)->drawn += g->taken[i];
            count += g->taken[i];
        }
    }
    return count;
}

static mele_status draw_groups(drawing *d, mele_i_drawn *out, mele_error *error)
{
    group_index g = {0};
    mele_status status = index_groups(d->population, &g, error);

    if (status == MELE_OK)
        status = make_room(out, mark_groups(d, &g), error);
    for (size_t i = 0; i < d->population->rows && status == MELE_OK; i++)
        if (g.taken[i])
            take(d, i, out);
    free_index(&g);
    return status;
}

/* ---- the whole ---- */

static void weigh(const drawing *d, mele_i_drawn *out)
{
    for (size_t a = 0; a < out->count; a++) {
        const stratum *s = stratum_of(d, out->row[a]);
        out->weights[a] *= s->weight / s->drawn_weight;
    }
}

mele_status mele_i_draw_rows(const mele_i_population *p, size_t wanted, mele_i_stream stream,
                               mele_i_drawn *out, mele_error *error)
{
    const size_t regions = p->region == NULL ? 1 : p->regions;
    drawing d = {.population = p, .stream = stream};
    mele_i_drawn made = {0};

    if (__builtin_mul_overflow(regions, p->class == NULL ? 1 : p->classes, &d.strata))
        return mele_i_no_memory(error);
    d.stratum = MELE_I_ZEROED(stratum, d.strata);
    if (d.stratum == NULL)
        return mele_i_no_memory(error);
    mele_status status = MELE_OK;
    if (count_rows(&d) > wanted) {
        allot(&d, wanted);
        status = p->group == NULL ? draw_rows(&d, &made, error) : draw_groups(&d, &made, error);
    }
    if (status == MELE_OK) {
        weigh(&d, &made);
        *out = made;
    } else {
        mele_i_drawn_clear(&made);
    }
    free(d.stratum);
    return status;
}

void mele_i_drawn_clear(mele_i_drawn *sample)
{
    free(sample->row);
    free(sample->weights);
    *sample = (mele_i_drawn){0};
}
