/* Nearest centres in single precision, with a proof.
 *
 * Rows and centres are moved to an origin o and scaled by a power of two s to y = (x - o) s and
 * c = (centre - o) s, so that the columns of y lie within [-1, 1]. The score of a centre,
 *     t_k = |c_k|^2 / 2 - y c_k = (|y - c_k|^2 - |y|^2) / 2,
 * orders the centres as the distances do. With u = 2^-24 the computed score is off by less than
 *     1.5 E,   E = (d + 24) u (|c|^2 + |y|^2 / 2) + h,   h = d 2^-70,
 * as |c|^2 / 2 + |y| |c| <= |c|^2 + |y|^2 / 2 = m, and
 *   2.1 u |y| |c|    y and c rounded (x - o and the scaling are good to 2^-52)
 *   1.1 u |c|^2 / 2  |c|^2 / 2 rounded
 *   1.1 d u m        a fused multiply-add a column (Higham 2002, section 3.1)
 *   30 u m           the lowest four bits give way to the number of the lane: up to 15 ulp
 *   h                underflow, in single and (scaled, |log2 s| <= 480) double precision,
 * the sum of squares |y|^2 in any order by less than 2 E, and |y - c|^2, taken directly, by less
 * than 4 E (2.1 u (|y| + |c|)^2 for y and c, (d + 2) u (|y| + |c|)^2 for the sum, and
 * (|y| + |c|)^2 <= 4 m). The definition of a label, the least of the distances as they round in
 * double precision, is off by a relative (d + 2) 2^-53 of each distance: less than E / 2 again. So
 * when the second score is more than 4 E above the least (3 E for the scores, E / 2 for the
 * definition, and the rounding of their difference), the least belongs to the label; other rows are
 * unclear and done again in double precision. Squared distances |y|^2 + 2 t_k are off by at most
 * 4 E. The largest |c| stands for all: E = share |y|^2 + floor, both raised by 2 % for the rounding
 * of the rest. Numbers that overflow make E infinite or NaN, and the row unclear. */
#include "partition/filter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

#define NO_CLUSTER UINT32_MAX
#define FAR 0x1p100f /* the score of a lane without a centre */
#define MOST_EXPONENT 480
#define MOST_COLUMNS ((size_t)1 << 16) /* (d + 24) u stays small */
#define CHUNK_NUMBERS (1 << 15) /* of narrow rows: they stay in the cache while groups go by */
#define MOST_CHUNK 1024
#define LEAST_CHUNK 64
#define EXACT_ROWS 64 /* done again at a time */
#define SIFT_WORK 64  /* columns times centres up to which sift() is faster */

/* ---- groups of centres that are near each other ---- */

/* The column in which these centres spread most. */
static size_t widest_column(const mele_i_filter *f, const double *centres, const uint32_t *member,
                            size_t count)
{
    size_t widest = 0;
    double most = -1;

    for (size_t j = 0; j < f->columns; j++) {
        double low = INFINITY, high = -INFINITY;
        for (size_t i = 0; i < count; i++) {
            low = fmin(low, centres[member[i] * f->columns + j]);
            high = fmax(high, centres[member[i] * f->columns + j]);
        }
        if (high - low > most) {
            most = high - low;
            widest = j;
        }
    }
    return widest;
}

/* Heap sort by one column: qsort has no room for the context. */
static void sort_by(const double *column, size_t stride, uint32_t *member, size_t count)
{
    for (size_t start = count / 2, end = count; end > 1;) {
        uint32_t moved;
        size_t at, child;
        if (start > 0) {
            moved = member[--start];
        } else {
            moved = member[--end];
            member[end] = member[0];
        }
        for (at = start; (child = 2 * at + 1) < end; at = child) {
            if (child + 1 < end && column[member[child] * stride] < column[member[child + 1] * stride])
                child++;
            if (!(column[moved * stride] < column[member[child] * stride]))
                break;
            member[at] = member[child];
        }
        member[at] = moved;
    }
}

/* Halve them, at whole groups, along their widest column, again and again. */
static void form_groups(const mele_i_filter *f, const double *centres, uint32_t *member,
                        size_t count)
{
    while (count > MELE_I_GROUP) {
        size_t groups = (count - 1) / MELE_I_GROUP + 1, left = groups / 2 * MELE_I_GROUP;
        size_t column = widest_column(f, centres, member, count);
        sort_by(centres + column, f->columns, member, count);
        form_groups(f, centres, member, left);
        member += left;
        count -= left;
    }
}

static void set_groups(mele_i_filter *f, const double *centres)
{
    size_t lanes = f->groups * MELE_I_GROUP;

    for (size_t k = 0; k < lanes; k++)
        f->cluster[k] = k < f->clusters ? (uint32_t)k : NO_CLUSTER;
    form_groups(f, centres, f->cluster, f->clusters);
    for (size_t lane = 0; lane < f->clusters; lane++)
        f->group_of[f->cluster[lane]] = (uint32_t)(lane / MELE_I_GROUP);
}

/* ---- centres ---- */

static void set_lane(mele_i_filter *f, size_t lane, const float *row, float half_square)
{
    float *to = f->group + lane / MELE_I_GROUP * MELE_I_GROUP * (1 + f->columns)
                + lane % MELE_I_GROUP;

    to[0] = half_square;
    for (size_t j = 0; j < f->columns; j++)
        to[(1 + j) * MELE_I_GROUP] = row == NULL ? 0 : -row[j];
}

static void set_few(mele_i_filter *f, size_t k, const float *row, float half_square)
{
    float *to = f->few + k * (1 + f->columns);

    to[0] = half_square;
    for (size_t j = 0; j < f->columns; j++)
        to[1 + j] = -row[j];
}

/* The scaled centre; returns its square. */
static double set_row(mele_i_filter *f, size_t k)
{
    const double *centre = f->centres + k * f->columns;
    float *row = f->row + k * f->padded;
    double square = 0;

    for (size_t j = 0; j < f->columns; j++) {
        double c = (centre[j] - f->origin[j]) * f->scale;
        square += c * c;
        row[j] = (float)c;
    }
    return square;
}

void mele_i_filter_set(mele_i_filter *f, const double *centres)
{
    const double unit = 1.02 * ((double)f->columns + 24) * 0x1p-24;
    double most = 0;

    f->centres = centres;
    if (f->group == NULL)
        return;
    for (size_t lane = 0; lane < f->groups * MELE_I_GROUP; lane++) {
        const size_t k = f->cluster[lane];
        if (k == NO_CLUSTER) {
            set_lane(f, lane, NULL, FAR);
            continue;
        }
        const double square = set_row(f, k);
        set_lane(f, lane, f->row + k * f->padded, (float)(square / 2));
        if (f->sifts)
            set_few(f, k, f->row + k * f->padded, (float)(square / 2));
        if (!(square <= most))
            most = square;
    }
    f->share = (float)(unit / 2);
    f->floor = (float)(unit * most + 0x1p-70 * (double)f->columns);
    f->usable = most < FAR / 16;
}

/* A power of two that brings the radius to at most 1. */
static bool set_scale(mele_i_filter *f, double radius)
{
    int exponent;

    if (!(radius > 0) || isinf(radius))
        return false;
    frexp(radius, &exponent);
    f->scale = ldexp(1, -exponent);
    return abs(exponent) <= MOST_EXPONENT;
}

mele_status mele_i_filter_make(mele_i_filter *f, const mele_i_kernels *kernels,
                               const mele_i_filter_plan *plan, mele_error *error)
{
    const size_t clusters = plan->clusters, columns = plan->columns;
    size_t chunk;

    *f = (mele_i_filter){.kernels = kernels, .clusters = clusters, .columns = columns,
                         .origin = plan->origin, .centres = plan->centres};
    if (columns > MOST_COLUMNS || !set_scale(f, plan->radius))
        return MELE_OK;
    f->padded = (columns + MELE_I_GROUP - 1) / MELE_I_GROUP * MELE_I_GROUP;
    f->groups = (clusters - 1) / MELE_I_GROUP + 1;
    f->sifts = !plan->groups && clusters <= MELE_I_GROUP && columns <= MELE_I_SIFT_COLUMNS
               && clusters * columns <= SIFT_WORK;
    chunk = CHUNK_NUMBERS / f->padded / MELE_I_GROUP * MELE_I_GROUP;
    f->chunk = chunk < LEAST_CHUNK ? LEAST_CHUNK : chunk > MOST_CHUNK ? MOST_CHUNK : chunk;
    f->few = mele_i_array(clusters, (1 + columns) * sizeof(float));
    f->row = mele_i_zeroed(clusters, f->padded * sizeof(float));
    f->cluster = MELE_I_ARRAY(uint32_t, f->groups * MELE_I_GROUP);
    f->group_of = MELE_I_ARRAY(uint32_t, clusters);
    f->group = mele_i_array(f->groups * MELE_I_GROUP, (1 + columns) * sizeof(float));
    if (f->few == NULL || f->row == NULL || f->cluster == NULL || f->group_of == NULL
        || f->group == NULL)
        return mele_i_no_memory(error);
    set_groups(f, plan->centres);
    mele_i_filter_set(f, plan->centres);
    return MELE_OK;
}

void mele_i_filter_clear(mele_i_filter *f)
{
    free(f->few);
    free(f->row);
    free(f->cluster);
    free(f->group_of);
    free(f->group);
    *f = (mele_i_filter){.kernels = f->kernels};
}

/* ---- rows ---- */

size_t mele_i_filter_bytes(const mele_i_filter *f)
{
    const size_t numbers = f->chunk * f->padded + (13 + f->groups) * mele_i_filter_list(f)
                           + (f->groups + 1) / 2 * 2;

    return EXACT_ROWS * (f->columns + 2) * sizeof(double) + numbers * sizeof(float);
}

mele_i_filter_room mele_i_filter_room_in(const mele_i_filter *f, void *scratch)
{
    const size_t size = mele_i_filter_list(f);
    mele_i_filter_room r = {.exact = scratch};

    r.exact_distance = r.exact + EXACT_ROWS * f->columns;
    r.exact_label = (uint32_t *)(r.exact_distance + EXACT_ROWS);
    r.y = (float *)(r.exact_distance + 2 * EXACT_ROWS);
    r.norm = r.y + f->chunk * f->padded;
    r.best = r.norm + size;
    r.second = r.best + size;
    r.upper = r.second + size;
    r.lower = r.upper + size;
    r.group_best = r.lower + size;
    r.group_second = r.group_best + size;
    r.low_best = r.group_second + size;
    r.low_second = r.low_best + size;
    r.label = (uint32_t *)(r.low_second + size);
    r.group = r.label + size;
    r.alive = r.group + size;
    r.unclear = r.alive + size;
    r.list = r.unclear + size;
    r.listed = r.list + f->groups * size;
    return r;
}

void mele_i_filter_exactly(const mele_i_filter *f, const double *x, size_t stride,
                           const uint32_t *list, size_t count, uint32_t *label,
                           const mele_i_filter_room *r)
{
    for (size_t i = 0; i < count; i += EXACT_ROWS) {
        const size_t rows = count - i < EXACT_ROWS ? count - i : EXACT_ROWS;
        for (size_t q = 0; q < rows; q++)
            memcpy(r->exact + q * f->columns, x + list[i + q] * stride,
                   f->columns * sizeof(double));
        f->kernels->nearest(r->exact, f->columns, rows, f->columns, f->centres, f->clusters,
                            r->exact_label, r->exact_distance);
        for (size_t q = 0; q < rows; q++)
            label[list[i + q]] = r->exact_label[q];
    }
}

static void merge_group(const mele_i_filter_room *r, size_t group, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const float best = r->group_best[i], second = r->group_second[i];
        const bool better = best < r->best[i];
        const float other = better ? r->best[i] : best, mine = better ? second : r->second[i];
        r->second[i] = other < mine ? other : mine;
        r->best[i] = better ? best : r->best[i];
        r->group[i] = better ? (uint32_t)group : r->group[i];
    }
}

/* Of at most a chunk of rows. */
static size_t label_chunk(const mele_i_filter *f, const double *x, size_t stride, size_t rows,
                          uint32_t *label, const mele_i_filter_room *r)
{
    const size_t group_numbers = MELE_I_GROUP * (1 + f->columns);

    f->kernels->narrow(x, stride, NULL, rows, rows, f->columns, f->origin, f->scale, r->y, f->padded);
    f->kernels->lengths(r->y, f->padded, rows, r->norm);
    f->kernels->group_nearest(r->y, f->padded, NULL, rows, f->columns, f->group, r->best,
                              r->second);
    memset(r->group, 0, rows * sizeof *r->group);
    for (size_t g = 1; g < f->groups; g++) {
        f->kernels->group_nearest(r->y, f->padded, NULL, rows, f->columns,
                                  f->group + g * group_numbers, r->group_best, r->group_second);
        merge_group(r, g, rows);
    }
    for (size_t i = 0; i < rows; i++) {
        const size_t lane = r->group[i] * MELE_I_GROUP + mele_i_lane(r->best[i]);
        label[i] = f->cluster[lane];
    }
    return f->kernels->list_unclear(r->best, r->second, r->norm, rows, f->share, f->floor, r->upper,
                              r->lower, r->unclear);
}

size_t mele_i_filter_label(const mele_i_filter *f, const double *x, size_t stride, size_t rows,
                           uint32_t *label, const mele_i_filter_room *r)
{
    size_t all = 0;

    for (size_t i = 0; i < rows; i += f->chunk) {
        const size_t count = rows - i < f->chunk ? rows - i : f->chunk;
        const double *at = x + i * stride;
        size_t unclear;
        if (f->sifts)
            unclear = f->kernels->sift(at, stride, count, f->columns, f->origin, f->scale, f->few,
                                       f->clusters, f->share, f->floor, label + i, r->unclear);
        else
            unclear = label_chunk(f, at, stride, count, label + i, r);
        mele_i_filter_exactly(f, at, stride, r->unclear, unclear, label + i, r);
        all += unclear;
    }
    return all;
}
