/* Lloyd's assignment with bounds (Hamerly 2010, SDM; Ding, Zhao, Shen, Musuvathi, Mytkowicz 2015,
 * ICML, "Yinyang k-means").
 *
 * Of a row are kept an upper bound u on the distance to its own centre, and of every group of
 * centres a lower bound l_g on the distance to any but its own centre of it, both in the filter's
 * units. When centres move, u grows by the drift of its centre and l_g shrinks by the largest drift
 * of the group. While u < l_g for every g, or u < half the distance from the own centre to the
 * nearest other one, the label stays. Instead of being changed, the bounds of a row are stored
 * relative to the sums of drifts since the start, so that rows that stay are only read.
 *
 * Rows that fail are narrowed to single precision. Their u is computed anew; if they fail still,
 * their own group's scores are, then those of the other groups whose l_g is not above u, which
 * shrinks on the way. Labels are the best of the scores when the filter is clear about it: what was
 * passed over is farther than u, and u and l_g were rounded outwards by the filter's errors, which
 * are larger than those of distances in double precision. Unclear rows are done again in double
 * precision; of their bounds u holds all the same, and l_g of their best's group becomes 0.
 *
 * Sums of drifts are rounded up to single precision, and a bound that is stored relative to one is
 * moved outwards by 2^-22 of what it was added to, above all rounding of both. */
#include "partition/bounds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

#define SLACK 0x1p-22f  /* see above */
#define MARGIN 0x1p-20f /* rounding of a few operations and a square root */
#define OUTWARD (1 + 0x1p-40)
#define LEAST_DRIFT 0x1p-60 /* above what underflows */
#define ROWS_A_CENTRE 16 /* with fewer, distances between centres are not worth their while */

#define MOST_KEPT ((size_t)1 << 30) /* bytes of narrow rows */
#define KEPT_SHARE (4 / 5.)         /* of the bytes of the rows */
#define SCANNED_GROUPS 8 /* up to which rows that fail are looked at in all of them */
#define SCANNED_SHARE (3 / 4.) /* of a block's rows: when more fail, all are looked at */

static size_t whole_tiles(size_t rows)
{
    return (rows + MELE_I_GROUP - 1) / MELE_I_GROUP * MELE_I_GROUP;
}

/* Narrow rows are kept where there is memory for them; else they are made again and again. */
static float *keep_rows(const mele_i_filter *f, size_t rows)
{
    const size_t bytes = f->padded * sizeof(float);

    if ((double)bytes > KEPT_SHARE * (double)(f->columns * sizeof(double))
        || whole_tiles(rows) > MOST_KEPT / bytes)
        return NULL;
    return mele_i_large_array(whole_tiles(rows), bytes);
}

mele_status mele_i_bounds_make(mele_i_bounds *b, mele_i_filter *filter, size_t rows, bool keep,
                               mele_error *error)
{
    const size_t clusters = filter->clusters;

    *b = (mele_i_bounds){.filter = filter};
    b->upper = MELE_I_ARRAY(float, whole_tiles(rows));
    b->lower = mele_i_large_array(whole_tiles(rows), filter->groups * sizeof(float));
    b->drift = MELE_I_ZEROED(float, whole_tiles(clusters));
    b->lane_drift = MELE_I_ZEROED(float, filter->groups * MELE_I_GROUP);
    b->half = MELE_I_ZEROED(float, whole_tiles(clusters));
    b->fall = MELE_I_ZEROED(float, filter->groups);
    b->drift_sum = MELE_I_ZEROED(double, clusters);
    b->fall_sum = MELE_I_ZEROED(double, filter->groups);
    if (clusters <= rows / ROWS_A_CENTRE)
        b->between = mele_i_array(clusters, MELE_I_GROUP * sizeof(double));
    if (b->upper == NULL || b->lower == NULL || b->drift == NULL
        || b->lane_drift == NULL || b->half == NULL
        || b->fall == NULL || b->drift_sum == NULL || b->fall_sum == NULL
        || (b->between == NULL && clusters <= rows / ROWS_A_CENTRE))
        return mele_i_no_memory(error);
    b->y = keep ? keep_rows(filter, rows) : NULL;
    return MELE_OK;
}

void mele_i_bounds_clear(mele_i_bounds *b)
{
    free(b->y);
    free(b->upper);
    free(b->lower);
    free(b->drift);
    free(b->lane_drift);
    free(b->half);
    free(b->fall);
    free(b->drift_sum);
    free(b->fall_sum);
    free(b->between);
    *b = (mele_i_bounds){0};
}

/* ---- centres move ---- */

static float rounded_up(double a)
{
    return nextafterf((float)a, INFINITY);
}

/* Half the distance to the nearest other centre, for a run of at most MELE_I_GROUP of them. */
static void set_halves(mele_i_bounds *b, const double *centres, size_t first, size_t count)
{
    const mele_i_filter *f = b->filter;

    f->kernels->distances(centres + first * f->columns, f->columns, count, f->columns, centres,
                          f->clusters, b->between);
    for (size_t i = 0; i < count; i++) {
        const double *square = b->between + i * f->clusters;
        double least = INFINITY;
        for (size_t k = 0; k < f->clusters; k++)
            if (k != first + i && square[k] < least)
                least = square[k];
        b->half[first + i] = (float)(sqrt(least) * f->scale / 2) * (1 - MARGIN);
    }
}

void mele_i_bounds_move(mele_i_bounds *b, const double *centres)
{
    const mele_i_filter *f = b->filter;
    const size_t d = f->columns;

    for (size_t g = 0; g < f->groups; g++) {
        double most = 0;
        for (size_t lane = g * MELE_I_GROUP; lane < (g + 1) * MELE_I_GROUP; lane++) {
            const size_t k = f->cluster[lane];
            double square = 0;
            if (k >= f->clusters)
                continue;
            for (size_t j = k * d; j < (k + 1) * d; j++) {
                double moved = (centres[j] - f->centres[j]) * f->scale;
                square += moved * moved;
            }
            const double drift = sqrt(square) * OUTWARD + LEAST_DRIFT;
            b->drift_sum[k] += square == 0 ? 0 : drift * (1 + 0x1p-20);
            b->drift[k] = b->lane_drift[lane] = rounded_up(b->drift_sum[k]);
            most = fmax(most, square == 0 ? 0 : drift);
        }
        b->fall_sum[g] += most * (1 + 0x1p-20);
        b->fall[g] = rounded_up(b->fall_sum[g]);
    }
    mele_i_filter_set(b->filter, centres);
    for (size_t k = 0; b->between != NULL && k < f->clusters; k += MELE_I_GROUP)
        set_halves(b, centres, k, f->clusters - k < MELE_I_GROUP ? f->clusters - k : MELE_I_GROUP);
}

/* ---- rows ---- */

/* What one thread works with on a block of rows. */
typedef struct work {
    const mele_i_bounds *b;
    const mele_i_filter *f;
    mele_i_bounded rows; /* of the block; y: as `at` has it */
    mele_i_filter_room r;
    const double *x;
    size_t stride;
    mele_i_fetch *fetch;      /* NULL: x has all rows */
    uint32_t *label, *failed; /* of the block */
    float *y;                 /* of the block, where narrow rows are kept */
    const uint32_t *at;       /* of the chunk: its rows in y; NULL: in order */
    uint32_t *row;            /* of the chunk: its rows in the block */
    size_t count;             /* of the chunk */
} work;

/* Where the lower bound of the first group stands. */
static inline size_t place(size_t row, size_t groups)
{
    return row / MELE_I_GROUP * MELE_I_GROUP * groups + row % MELE_I_GROUP;
}

static inline float stored_upper(float upper, float drift)
{
    return upper - drift + SLACK * (upper + drift);
}

static inline float stored_lower(float lower, float fall)
{
    return (lower + fall) * (1 - SLACK);
}

/* Runs of neighbours are read at once. */
void mele_i_fetch_rows(mele_i_fetch *f, const uint32_t *row, size_t count)
{
    for (size_t i = 0, run; i < count && f->status == MELE_OK; i += run) {
        for (run = 1; i + run < count && row[i + run] == row[i] + run; run++)
            ;
        f->status = f->rows->read(f->rows->user, f->first + row[i], run,
                                  f->to + row[i] * f->rows->cols, f->error);
    }
}

/* Labels of unclear rows of the chunk. Who their best is not is unknown: nor is their bound. */
static void redo_unclear(const work *w, size_t unclear)
{
    const mele_i_filter_room *r = &w->r;
    uint32_t *row = r->list, *old = r->alive;

    for (size_t q = 0; q < unclear; q++) {
        row[q] = w->row[r->unclear[q]];
        old[q] = w->label[row[q]];
        w->rows.upper[row[q]] = INFINITY;
    }
    if (w->fetch != NULL)
        mele_i_fetch_rows(w->fetch, row, unclear);
    mele_i_filter_exactly(w->f, w->x, w->stride, row, unclear, w->label, r);
    for (size_t q = 0; q < unclear; q++) {
        r->label[r->unclear[q]] = w->label[row[q]];
        w->label[row[q]] = old[q];
    }
}

/* Take the labels of the chunk's rows. */
static void store_labels(const work *w, mele_i_changes *changes)
{
    uint32_t *changed_row = changes->row, *changed_from = changes->from;
    size_t changed = changes->count;

    for (size_t i = 0; i < w->count; i++) {
        const uint32_t row = w->row[i], k = w->r.label[i], old = w->label[row];
        w->label[row] = k;
        changed_row[changed] = row;
        changed_from[changed] = old;
        changed += old != k;
    }
    changes->count = w->b->known ? changed : 0;
}

/* ---- the scores of all groups ---- */

/* Of the block's rows first .. first + count - 1. */
static size_t scan_run(work *w, size_t first, size_t count, mele_i_changes *changes)
{
    const mele_i_filter *f = w->f;
    mele_i_bounded run = w->rows;
    float *y = w->y == NULL ? w->r.y : w->y + first * f->padded;
    size_t unclear;

    if (w->y == NULL || !w->b->known)
        f->kernels->narrow(w->x + first * w->stride, w->stride, NULL, count, count, f->columns,
                           f->origin, f->scale, y, f->padded);
    run.y = y;
    run.upper += first;
    run.lower += first * f->groups;
    w->row = w->failed;
    w->count = count;
    for (size_t i = 0; i < count; i++)
        w->row[i] = (uint32_t)(first + i);
    unclear = f->kernels->scan(&run, NULL, NULL, count, w->r.label, w->r.unclear);
    if (unclear > 0)
        redo_unclear(w, unclear);
    store_labels(w, changes);
    return unclear;
}

static size_t scan_block(work *w, size_t rows, mele_i_changes *changes)
{
    const size_t chunk = w->f->chunk;
    size_t unclear = 0;

    for (size_t i = 0; i < rows; i += chunk)
        unclear += scan_run(w, i, rows - i < chunk ? rows - i : chunk, changes);
    return unclear;
}

/* Of the chunk's rows. */
static size_t scan_chunk(const work *w, mele_i_changes *changes)
{
    const size_t unclear = w->f->kernels->scan(&w->rows, w->at, w->row, w->count, w->r.label,
                                               w->r.unclear);

    if (unclear > 0)
        redo_unclear(w, unclear);
    store_labels(w, changes);
    return unclear;
}

/* ---- the scores of some groups ---- */

/* The narrow rows of the chunk, side by side. */
static void gather_chunk(work *w)
{
    const size_t padded = w->f->padded;

    for (size_t i = 0; i < w->count; i++) {
        const float *from = w->rows.y + w->at[i] * padded;
        if (from != w->r.y + i * padded)
            memcpy(w->r.y + i * padded, from, padded * sizeof *from);
    }
    w->f->kernels->lengths(w->r.y, padded, w->count, w->r.norm);
}

/* The scores of a group for the listed rows of the chunk. Every row leaves the lower bound of its
 * best there; that of the second best, which is for the group of the best of all, is kept. */
static void visit_group(const work *w, size_t g, const uint32_t *list, size_t count)
{
    const mele_i_filter *f = w->f;
    const mele_i_filter_room r = w->r;
    const float fall = w->b->fall[g];
    const size_t groups = f->groups;
    float *lower = w->rows.lower + g * MELE_I_GROUP;

    f->kernels->group_nearest(r.y, f->padded, list, count, f->columns,
                              f->group + g * MELE_I_GROUP * (1 + f->columns), r.group_best,
                              r.group_second);
    f->kernels->lowers(r.group_best, r.group_second, r.norm, list, count, f->share, f->floor,
                       r.low_best, r.low_second);
    for (size_t q = 0; q < count; q++) {
        const size_t i = list[q];
        const float best = r.group_best[q], second = r.group_second[q], before = r.best[i];
        lower[place(w->row[i], groups)] = stored_lower(r.low_best[q], fall);
        if (best < before) {
            r.second[i] = second < before ? second : before;
            r.best[i] = best;
            r.lower[i] = r.low_second[q];
            r.group[i] = (uint32_t)g;
        } else if (best < r.second[i]) {
            r.second[i] = best;
        }
    }
}

/* Make a list whole, so that kernels can read on. */
static uint32_t *list_of(const work *w, size_t g)
{
    uint32_t *list = w->r.list + g * mele_i_filter_list(w->f);

    memset(list + w->r.listed[g], 0, MELE_I_GROUP * sizeof *list);
    return list;
}

static void visit_lists(const work *w)
{
    for (size_t g = 0; g < w->f->groups; g++)
        if (w->r.listed[g] > 0)
            visit_group(w, g, list_of(w, g), w->r.listed[g]);
}

/* Their own group for all rows of the chunk, then the other groups for those that they may be near
 * to. */
static void visit_some(const work *w)
{
    const mele_i_filter_room r = w->r;
    const float *fall = w->b->fall, share = 4 * w->f->share, floor = 4 * w->f->floor;
    const size_t groups = w->f->groups, size = mele_i_filter_list(w->f);

    memset(r.listed, 0, groups * sizeof *r.listed);
    for (size_t i = 0; i < w->count + MELE_I_GROUP; i++)
        r.best[i] = r.second[i] = INFINITY;
    for (size_t i = 0; i < w->count; i++) {
        const uint32_t g = w->f->group_of[w->label[w->row[i]]];
        r.list[g * size + r.listed[g]++] = (uint32_t)i;
    }
    visit_lists(w);
    memset(r.listed, 0, groups * sizeof *r.listed);
    for (size_t i = 0; i < w->count; i++) {
        const uint32_t own = r.group[i];
        const float wide = share * r.norm[i] + floor, square = r.norm[i] + 2 * r.best[i];
        const float u = sqrtf((square > 0 ? square : 0) + wide) * (1 + 2 * MARGIN);
        const float *lower = w->rows.lower + place(w->row[i], groups);
        for (size_t g = 0; g < groups; g++) {
            const bool near = !(u < lower[g * MELE_I_GROUP] - fall[g]);
            r.list[g * size + r.listed[g]] = (uint32_t)i;
            r.listed[g] += near & (g != own);
        }
    }
    visit_lists(w);
}

/* New labels and bounds of the chunk's rows; returns how many were unclear. */
static size_t visit_chunk(work *w, mele_i_changes *changes)
{
    const mele_i_filter *f = w->f;
    const mele_i_filter_room r = w->r;
    size_t unclear;

    gather_chunk(w);
    visit_some(w);
    unclear = f->kernels->list_unclear(r.best, r.second, r.norm, w->count, f->share, f->floor, r.upper,
                                 r.low_best, r.unclear);
    for (size_t q = 0; q < unclear; q++)
        r.lower[r.unclear[q]] = 0;
    for (size_t i = 0; i < w->count; i++) {
        const uint32_t row = w->row[i], g = r.group[i];
        const uint32_t lane = g * MELE_I_GROUP + mele_i_lane(r.best[i]);
        w->rows.upper[row] = stored_upper(r.upper[i], w->b->lane_drift[lane]);
        w->rows.lower[place(row, f->groups) + g * MELE_I_GROUP] =
            stored_lower(r.lower[i], w->b->fall[g]);
        r.label[i] = f->cluster[lane];
    }
    if (unclear > 0)
        redo_unclear(w, unclear);
    store_labels(w, changes);
    return unclear;
}

/* ---- blocks ---- */

/* Narrow rows for the chunk, unless they are kept. */
static void take_chunk(work *w, uint32_t *row, size_t count, size_t known)
{
    const mele_i_filter *f = w->f;

    w->row = row;
    w->count = count;
    w->at = row;
    w->rows.y = w->y;
    if (w->y != NULL)
        return;
    w->at = NULL;
    w->rows.y = w->r.y;
    f->kernels->narrow(w->x, w->stride, row, count, known, f->columns, f->origin, f->scale, w->r.y,
                       f->padded);
}

/* Leave of the chunk the rows that may change even with a new upper bound. */
static void tighten_chunk(work *w)
{
    uint32_t *alive = w->r.alive;

    w->count = w->f->kernels->tighten(&w->rows, w->at, w->row, w->count, alive);
    for (size_t i = 0; i < w->count; i++)
        w->row[i] = w->row[alive[i]];
    w->at = w->y != NULL ? w->row : alive;
}

/* The rows of the block that may have another label. */
static size_t list_failed(work *w, size_t rows)
{
    const mele_i_bounds *b = w->b;
    const float *upper = w->rows.upper, *lower = w->rows.lower;
    const size_t whole = rows / MELE_I_GROUP * MELE_I_GROUP, left = rows - whole;
    uint32_t label[MELE_I_GROUP] = {0};
    size_t failed, more;

    failed = w->f->kernels->outside(w->label, upper, lower, whole, w->f->groups, b->drift, b->half,
                                    b->fall, w->failed);
    memcpy(label, w->label + whole, left * sizeof *label);
    more = w->f->kernels->outside(label, upper + whole, lower + whole * w->f->groups, left,
                                  w->f->groups, b->drift, b->half, b->fall, w->failed + failed);
    for (size_t i = failed; i < failed + more; i++)
        w->failed[i] += (uint32_t)whole;
    return failed + more;
}

size_t mele_i_bounds_bytes(const mele_i_bounds *b, size_t rows)
{
    return mele_i_filter_bytes(b->filter) + (rows + 2 * MELE_I_GROUP) * sizeof(uint32_t);
}

static work work_on(const mele_i_bounds *b, const double *x, size_t stride, size_t first,
                    uint32_t *label, void *scratch)
{
    const mele_i_filter *f = b->filter;
    work w = {.b = b, .f = f, .x = x, .stride = stride, .label = label,
              .r = mele_i_filter_room_in(f, scratch)};

    w.failed = (uint32_t *)((char *)scratch + mele_i_filter_bytes(f));
    w.y = b->y == NULL ? NULL : b->y + first * f->padded;
    w.rows = (mele_i_bounded){.stride = f->padded, .cols = f->columns, .groups = f->groups,
                              .group = f->group, .cluster = f->cluster, .centres = f->row,
                              .lane_drift = b->lane_drift, .drift = b->drift, .half = b->half,
                              .fall = b->fall, .share = f->share, .floor = f->floor,
                              .label = label, .upper = b->upper + first,
                              .lower = b->lower + first * f->groups};
    return w;
}

size_t mele_i_bounds_label(const mele_i_bounds *b, const mele_matrix *x, size_t first,
                           uint32_t *label, mele_i_changes *changes, mele_i_fetch *fetch,
                           void *scratch)
{
    const mele_i_filter *f = b->filter;
    const size_t rows = x->rows;
    work w = work_on(b, x->data, x->stride, first, label, scratch);
    size_t unclear = 0, failed;

    w.fetch = fetch;
    if (!b->known) {
        memset(label, 0, rows * sizeof *label);
        return scan_block(&w, rows, changes);
    }
    failed = list_failed(&w, rows);
    if ((double)failed > SCANNED_SHARE * (double)rows && f->groups <= SCANNED_GROUPS)
        return scan_block(&w, rows, changes);
    for (size_t i = 0; i < failed; i += f->chunk) {
        take_chunk(&w, w.failed + i, failed - i < f->chunk ? failed - i : f->chunk, failed - i);
        if (f->groups > 1)
            tighten_chunk(&w);
        unclear += f->groups <= SCANNED_GROUPS ? scan_chunk(&w, changes) : visit_chunk(&w, changes);
    }
    return unclear;
}
