#include "expert/regions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/pass.h"
#include "engine/rows.h"

#define SUM_ERROR 1e-6 /* of shares, which may have been printed, or single precision */

typedef struct making {
    mele_i_regions *regions;
    const mele_assignment *assignment;
    const mele_rows *factors; /* NULL: labels */
} making;

static size_t block_rows(const mele_i_regions *r)
{
    const size_t block = mele_i_block_rows(r->clusters, 1 << 15, 16);

    return block < r->rows || r->rows == 0 ? block : r->rows;
}

/* ---- factors ---- */

static mele_status check_row(const making *m, const double *factor, size_t row, mele_error *error)
{
    const bool shares = m->assignment->shares != NULL;
    const char *what = shares ? "shares" : "weights of regions";
    double sum = 0;

    for (size_t k = 0; k < m->assignment->clusters; k++) {
        if (!(factor[k] >= 0 && isfinite(factor[k])))
            return mele_i_fail(error, MELE_EDATA, "%s: row %zu, cluster %zu is %g, not a finite number "
                               ">= 0", what, row + 1, k + 1, factor[k]);
        sum += factor[k];
    }
    if (shares && !(fabs(sum - 1) <= SUM_ERROR))
        return mele_i_fail(error, MELE_EDATA, "shares: row %zu sums to %.9g, not 1: divide it by that, "
                           "or give the numbers as the assignment's weights", row + 1, sum);
    return MELE_OK;
}

/* The factors of a block, checked; those that are to be held go where they are held. */
static mele_status take_factors(const making *m, mele_i_block block, double *scratch,
                                const double **factor, size_t *stride, mele_error *error)
{
    double *held = m->regions->own_share;
    double *memory = held == NULL ? scratch : held + block.first * m->regions->clusters;
    mele_status status = mele_i_rows_take(m->factors, block, memory, factor, stride, error);

    for (size_t i = 0; i < block.count && status == MELE_OK; i++)
        status = check_row(m, *factor + i * *stride, block.first + i, error);
    return status;
}

/* The largest weights. */
static mele_status look_at_block(void *context, mele_i_block block, void *partial, void *scratch,
                                 mele_error *error)
{
    const making *m = context;
    const mele_i_regions *r = m->regions;
    const size_t K = r->clusters;
    double *most = partial;
    const double *factor;
    size_t stride;
    mele_status status = take_factors(m, block, scratch, &factor, &stride, error);

    for (size_t i = 0; i < block.count && status == MELE_OK; i++, factor += stride) {
        const double own = r->weights == NULL ? 1 : r->weights[block.first + i];
        for (size_t k = 0; k < K && status == MELE_OK; k++) {
            most[k] = fmax(most[k], own * factor[k]);
            if (!isfinite(most[k]))
                status = mele_i_fail(error, MELE_EDATA, "row %zu, cluster %zu: its weight %g times %g "
                                     "is beyond the doubles", block.first + i + 1, k + 1, own,
                                     factor[k]);
        }
    }
    return status;
}

static void take_most(void *context, const void *partial)
{
    const making *m = context;
    const double *most = partial;

    for (size_t k = 0; k < m->regions->clusters; k++)
        m->regions->most[k] = fmax(m->regions->most[k], most[k]);
}

/* Where the factors are, or will be once they were read. */
static mele_status place_factors(making *m, bool hold, mele_error *error)
{
    mele_i_regions *r = m->regions;
    const bool read = m->factors->data == NULL;

    if (read && hold) {
        r->own_share = mele_i_large_array(r->rows, r->clusters * sizeof(double));
        if (r->own_share == NULL)
            return mele_i_no_memory(error);
    }
    r->source = read && !hold ? m->factors : NULL;
    r->share = read ? r->own_share : m->factors->data;
    r->stride = read ? r->clusters : m->factors->stride;
    return MELE_OK;
}

/* Of shares the rows' own weights say what is largest: these are seen once, when they are summed. */
static mele_status look_at_factors(making *m, mele_engine *engine, mele_error *error)
{
    mele_i_regions *r = m->regions;
    const size_t block = block_rows(r);
    const mele_i_pass pass = {.rows = r->rows, .block_rows = block, .map = look_at_block,
                              .combine = take_most, .context = m,
                              .partial_bytes = r->clusters * sizeof(double),
                              .scratch_bytes = mele_i_regions_room(r, block) * sizeof(double)};
    return mele_i_pass_run(engine, &pass, error);
}

/* ---- sums ---- */

/* Labels of rows that all count the same. */
static void count_labels(const mele_i_regions *r, mele_i_block block, double *total)
{
    double *rows = total + r->clusters + 1;

    for (size_t i = block.first; i < block.first + block.count; i++)
        rows[r->label[i]]++;
    for (size_t k = 0; k < r->clusters; k++)
        total[k] = rows[k];
    total[r->clusters] = rows[r->clusters] = (double)block.count;
}

static void add_weights(const mele_i_regions *r, mele_i_block block, double *total)
{
    double *rows = total + r->clusters + 1;

    for (size_t i = block.first; i < block.first + block.count; i++) {
        size_t k = r->label != NULL ? r->label[i] : 0, end = r->label != NULL ? k + 1 : r->clusters;
        const double of_row = mele_i_region_weight(r, i, r->clusters);
        for (; k < end; k++) {
            const double weight = mele_i_region_weight(r, i, k);
            const double share = r->label != NULL || !r->divided ? 1 : r->share[(i - r->first) * r->stride + k];
            total[k] += weight;
            rows[k] += weight > 0 ? share : 0;
        }
        total[r->clusters] += of_row;
        rows[r->clusters] += of_row > 0;
    }
}

static mele_status check_labels(const mele_i_regions *r, mele_i_block block, mele_error *error)
{
    uint32_t most = 0;

    for (size_t i = block.first; i < block.first + block.count; i++)
        most = r->label[i] > most ? r->label[i] : most;
    for (size_t i = block.first; most >= r->clusters; i++)
        if (r->label[i] >= r->clusters)
            return mele_i_fail(error, MELE_EDATA, "labels: row %zu is %lu, not a region of 0 to %zu",
                               i + 1, (unsigned long)r->label[i], r->clusters - 1);
    return MELE_OK;
}

static mele_status sum_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const making *m = context;
    mele_i_regions r = *m->regions;
    mele_status status;

    if (m->factors != NULL && r.divided) {
        status = take_factors(m, block, scratch, &r.share, &r.stride, error);
        r.first = block.first;
    } else {
        status = mele_i_regions_take(m->regions, block, scratch, &r, error);
    }
    if (status == MELE_OK && r.label != NULL)
        status = check_labels(&r, block, error);
    if (status != MELE_OK)
        return status;
    if (r.label != NULL && r.weights == NULL)
        count_labels(&r, block, partial);
    else
        add_weights(&r, block, partial);
    return MELE_OK;
}

static void add_totals(void *context, const void *partial)
{
    const making *m = context;
    const double *total = partial;

    for (size_t k = 0; k < 2 * (m->regions->clusters + 1); k++)
        m->regions->total[k] += total[k];
}

static double largest_weight(const double *weights, size_t rows)
{
    double most = weights == NULL ? 1 : 0;

    for (size_t i = 0; weights != NULL && i < rows; i++)
        most = weights[i] > most ? weights[i] : most;
    return most;
}

/* Scaled, weights of any size have sums and squares of ordinary size. The global expert needs the rows'
 * own weights beside those of the regions. */
static mele_status scale_weights(mele_i_regions *r, mele_error *error)
{
    const size_t K = r->clusters;
    double largest = r->most[K] = largest_weight(r->weights, r->rows);

    for (size_t k = 0; k < K && !r->divided; k++)
        largest = fmax(largest, r->most[k]);
    r->scale = mele_i_power_scale(largest);
    if (!r->divided && r->most[K] * r->scale < MELE_I_LEAST_WEIGHT)
        return mele_i_fail(error, MELE_EDATA, "weights of regions: the largest is %g, beside which rows "
                           "of weight 1 are nothing: divide them by their mean", largest);
    for (size_t k = 0; k <= K; k++)
        r->most[k] = (r->divided ? largest : r->most[k]) * r->scale;
    return MELE_OK;
}

static mele_status sum_up(making *m, mele_engine *engine, mele_error *error)
{
    mele_i_regions *r = m->regions;
    const size_t all = r->clusters + 1, block = block_rows(r);
    const mele_i_pass pass = {.rows = r->rows, .block_rows = block, .map = sum_block,
                              .combine = add_totals, .context = m,
                              .partial_bytes = 2 * all * sizeof(double),
                              .scratch_bytes = mele_i_regions_room(r, block) * sizeof(double)};
    mele_status status = mele_i_pass_run(engine, &pass, error);

    for (size_t k = 0; k < all && status == MELE_OK; k++)
        r->total[k] /= r->scale;
    return status;
}

mele_status mele_i_regions_make(mele_i_regions *regions, const mele_assignment *assignment,
                                const double *weights, bool hold, mele_engine *engine,
                                mele_error *error)
{
    const size_t K = assignment->clusters, all = K + 1;
    making m = {regions, assignment,
                assignment->shares != NULL ? assignment->shares : assignment->weights};
    mele_status status = MELE_OK;

    *regions = (mele_i_regions){.rows = assignment->rows, .clusters = K, .weights = weights,
                                .label = assignment->labels, .divided = assignment->weights == NULL,
                                .total = MELE_I_ZEROED(double, 3 * all)};
    if (regions->total == NULL)
        return mele_i_no_memory(error);
    regions->count = regions->total + all;
    regions->most = regions->count + all;
    if (m.factors != NULL)
        status = place_factors(&m, hold, error);
    if (status == MELE_OK && m.factors != NULL && !regions->divided)
        status = look_at_factors(&m, engine, error);
    if (status == MELE_OK)
        status = scale_weights(regions, error);
    return status == MELE_OK ? sum_up(&m, engine, error) : status;
}

mele_status mele_i_regions_take(const mele_i_regions *regions, mele_i_block block, double *scratch,
                                mele_i_regions *view, mele_error *error)
{
    *view = *regions;
    if (regions->source == NULL)
        return MELE_OK;
    view->first = block.first;
    return mele_i_rows_take(regions->source, block, scratch, &view->share, &view->stride, error);
}

void mele_i_regions_free(mele_i_regions *regions)
{
    free(regions->own_label);
    free(regions->own_share);
    free(regions->total);
}

/* Labels, or factors, that may be changed. */
static mele_status own(mele_i_regions *r, mele_error *error)
{
    const size_t n = r->rows, K = r->clusters;

    if (r->label != NULL && r->own_label == NULL) {
        r->own_label = mele_i_large_array(n, sizeof *r->own_label);
        if (r->own_label == NULL)
            return mele_i_no_memory(error);
        r->label = memcpy(r->own_label, r->label, n * sizeof *r->own_label);
    } else if (r->share != NULL && r->own_share == NULL) {
        r->own_share = mele_i_large_array(n, K * sizeof *r->own_share);
        if (r->own_share == NULL)
            return mele_i_no_memory(error);
        for (size_t i = 0; i < n; i++)
            memcpy(r->own_share + i * K, r->share + i * r->stride, K * sizeof *r->own_share);
        r->share = r->own_share;
        r->stride = K;
    }
    return MELE_OK;
}

mele_status mele_i_regions_join(mele_i_regions *r, size_t from, size_t to, mele_error *error)
{
    mele_status status = own(r, error);

    if (status != MELE_OK)
        return status;
    for (size_t i = 0; i < r->rows; i++)
        if (r->label != NULL) {
            r->own_label[i] = r->label[i] == from ? (uint32_t)to : r->label[i];
        } else {
            double *share = r->own_share + i * r->clusters;
            share[to] += share[from];
            share[from] = 0;
            if (!r->divided)
                r->most[to] = fmax(r->most[to], mele_i_region_weight(r, i, to));
        }
    r->total[to] += r->total[from];
    r->count[to] += r->count[from];
    return MELE_OK;
}

/* The labels' candidates: rows with the label, all rows for the global expert. */
static size_t labelled(const mele_i_regions *regions, size_t first, size_t count, size_t k,
                       size_t *row)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        row[found] = i;
        found += k == regions->clusters || regions->label[first + i] == k;
    }
    return found;
}

size_t mele_i_region_members(const mele_i_regions *regions, size_t first, size_t count, size_t k,
                             size_t *row, double *weight)
{
    size_t candidates = regions->label != NULL ? labelled(regions, first, count, k, row) : count;
    size_t members = 0;

    for (size_t c = 0; c < candidates; c++) {
        size_t i = regions->label != NULL ? row[c] : c;
        double w = mele_i_region_weight(regions, first + i, k);
        row[members] = i;
        weight[members] = w;
        members += w > 0;
    }
    return members;
}

/* How many rows region k has, or may have where to count them would be to read them all. */
static size_t most_rows(const mele_i_regions *regions, size_t k)
{
    size_t count = 0;

    if (regions->source != NULL && k < regions->clusters)
        return regions->rows;
    for (size_t i = 0; i < regions->rows; i++)
        count += mele_i_region_weight(regions, i, k) > 0;
    return count;
}

/* Those of a block, after the others. */
static void list_block(const mele_i_regions *view, mele_i_block block, size_t k, size_t *row,
                       double *weight, size_t *count)
{
    for (size_t i = block.first; i < block.first + block.count; i++) {
        const double w = mele_i_region_weight(view, i, k);
        if (w > 0) {
            row[*count] = i;
            weight[(*count)++] = w;
        }
    }
}

mele_status mele_i_region_list(const mele_i_regions *regions, size_t k, size_t room, size_t **row,
                               double **weight, size_t *count, mele_error *error)
{
    const size_t most = most_rows(regions, k), step = block_rows(regions);
    double *scratch = MELE_I_ARRAY(double, mele_i_regions_room(regions, step));
    mele_status status = MELE_OK;
    mele_i_regions view;

    *count = 0;
    *row = MELE_I_ARRAY(size_t, most > room ? most : room);
    *weight = MELE_I_ARRAY(double, most);
    if (scratch == NULL || *row == NULL || *weight == NULL)
        status = mele_i_no_memory(error);
    for (size_t i = 0; i < regions->rows && status == MELE_OK; i += step) {
        const size_t rest = regions->rows - i;
        const mele_i_block block = {i / step, i, rest < step ? rest : step};
        status = mele_i_regions_take(regions, block, scratch, &view, error);
        if (status == MELE_OK)
            list_block(&view, block, k, *row, *weight, count);
    }
    free(scratch);
    return status;
}

/* Counts to ends, which rows put from the last one on turn into starts. */
static void add_up(size_t *start, size_t clusters)
{
    for (size_t k = 0; k < clusters; k++)
        start[k + 1] += start[k];
}

static void group_equal_rows(const mele_i_regions *regions, size_t first, size_t count,
                             size_t *start, size_t *row, double *weight)
{
    const uint32_t *label = regions->label + first;

    for (size_t i = 0; i < count; i++)
        start[label[i]]++;
    add_up(start, regions->clusters);
    for (size_t i = count; i-- > 0;)
        row[--start[label[i]]] = i;
    for (size_t i = 0; i < count; i++)
        weight[i] = 1;
}

static void group_rows(const mele_i_regions *regions, size_t first, size_t count, size_t *start,
                       size_t *row, double *weight)
{
    const uint32_t *label = regions->label + first;
    const size_t K = regions->clusters;

    for (size_t i = 0; i < count; i++)
        start[label[i]] += mele_i_region_weight(regions, first + i, K) > 0;
    add_up(start, K);
    for (size_t i = count; i-- > 0;) {
        const double w = mele_i_region_weight(regions, first + i, K);
        if (!(w > 0))
            continue;
        const size_t at = --start[label[i]];
        row[at] = i;
        weight[at] = w;
    }
}

void mele_i_region_groups(const mele_i_regions *regions, size_t first, size_t count, size_t *start,
                          size_t *row, double *weight)
{
    memset(start, 0, (regions->clusters + 1) * sizeof *start);
    if (regions->weights == NULL)
        group_equal_rows(regions, first, count, start, row, weight);
    else
        group_rows(regions, first, count, start, row, weight);
}
