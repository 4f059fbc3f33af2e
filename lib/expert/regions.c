#include "expert/regions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"

#define ABREAST 16         /* sums side by side, so that none waits for itself */
#define AT_ONCE 1024       /* numbers: a part of the nearest cache */
#define FEWEST_AT_ONCE 32   /* rows */

typedef double pair __attribute__((vector_size(2 * sizeof(double)), may_alias,
                                   aligned(sizeof(double))));

typedef struct making {
    mele_i_regions *regions;
    const double *log_posteriors;
} making;

/* ---- log posteriors of a block ---- */

static mele_status check_row(const double *p, size_t row, size_t clusters, mele_error *error)
{
    for (size_t k = 0; k < clusters; k++)
        if (isnan(p[k]) || p[k] == INFINITY)
            return mele_i_fail(error, MELE_EDATA,
                               "log posteriors: row %zu, cluster %zu is %g, not a logarithm of a "
                               "probability", row + 1, k + 1, p[k]);
    return MELE_OK;
}

/* Add numbers up, in some sums. A NaN, or infinities of both signs, make one of them NaN; without,
 * infinity makes one infinite. */
static void add_numbers(const double *p, size_t count, double sum[ABREAST])
{
    pair total[ABREAST / 2];
    size_t i = 0;

    memcpy(total, sum, sizeof total);
    for (; i + ABREAST <= count; i += ABREAST)
#pragma GCC unroll 8
        for (size_t l = 0; l < ABREAST / 2; l++)
            total[l] += *(const pair *)(p + i + 2 * l);
    memcpy(sum, total, sizeof total);
    for (; i < count; i++)
        sum[i % ABREAST] += p[i];
}

/* Only where sums tell of a NaN or an infinity are rows read one by one. */
static mele_status check_posteriors(const making *m, mele_i_block block, const double sum[ABREAST],
                                    mele_error *error)
{
    const size_t clusters = m->regions->clusters, end = block.first + block.count;
    mele_status status = MELE_OK;
    bool doubtful = false;

    for (size_t l = 0; l < ABREAST; l++)
        doubtful = doubtful || isnan(sum[l]) || sum[l] == INFINITY;
    for (size_t i = block.first; i < end && doubtful && status == MELE_OK; i++)
        status = check_row(m->log_posteriors + i * clusters, i, clusters, error);
    return status;
}

/* Labels and sums of a few rows at a time, whose numbers are near for the sums. */
static void read_block(const making *m, mele_i_block block, double sum[ABREAST], uint32_t *unclear)
{
    const size_t clusters = m->regions->clusters, end = block.first + block.count;
    const size_t few = AT_ONCE / clusters < FEWEST_AT_ONCE ? FEWEST_AT_ONCE : AT_ONCE / clusters;

    for (size_t i = block.first; i < end; i += few) {
        const double *p = m->log_posteriors + i * clusters;
        const size_t count = end - i < few ? end - i : few;
        if (m->regions->label != NULL)
            mele_i_kernels_best()->leaders(p, count, clusters, 0, m->regions->label + i, unclear);
        add_numbers(p, count * clusters, sum);
    }
}

static void share_block(const making *m, mele_i_block block)
{
    const mele_i_kernels *kernels = mele_i_kernels_best();
    size_t clusters = m->regions->clusters, count = block.count * clusters;
    double *share = m->regions->share + block.first * clusters;

    memcpy(share, m->log_posteriors + block.first * clusters, count * sizeof *share);
    kernels->log_softmax(share, block.count, clusters, NULL);
    kernels->exponential(share, count);
}

/* Hard regions of rows that all count the same. */
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
            total[k] += weight;
            rows[k] += !(weight > 0) ? 0 : r->share == NULL ? 1 : r->share[i * r->clusters + k];
        }
        total[r->clusters] += of_row;
        rows[r->clusters] += of_row > 0;
    }
}

static mele_status make_block(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const making *m = context;
    const mele_i_regions *r = m->regions;
    double sum[ABREAST] = {0};

    read_block(m, block, sum, scratch);
    mele_status status = check_posteriors(m, block, sum, error);
    if (status != MELE_OK)
        return status;
    if (r->label == NULL)
        share_block(m, block);
    if (r->label != NULL && r->weights == NULL)
        count_labels(r, block, partial);
    else
        add_weights(r, block, partial);
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

mele_status mele_i_regions_make(mele_i_regions *regions, size_t rows, const double *weights,
                                const double *log_posteriors, size_t clusters, bool soft,
                                mele_engine *engine, mele_error *error)
{
    making m = {regions, log_posteriors};
    const size_t block = mele_i_block_rows(clusters, 1 << 15, 16);
    mele_i_pass pass = {.rows = rows, .block_rows = block, .map = make_block,
                        .partial_bytes = 2 * (clusters + 1) * sizeof(double),
                        .scratch_bytes = (block < rows ? block : rows) * sizeof(uint32_t),
                        .combine = add_totals, .context = &m};
    const double most = largest_weight(weights, rows), scale = mele_i_power_scale(most);

    /* scaled, weights of any size have sums and squares of ordinary size */
    *regions = (mele_i_regions){rows, clusters, weights, scale, most * scale, NULL, NULL,
                                MELE_I_ZEROED(double, 2 * (clusters + 1)), NULL};
    if (soft)
        regions->share = MELE_I_ARRAY(double, rows * clusters);
    else
        regions->label = mele_i_large_array(rows, sizeof *regions->label);
    if (regions->total == NULL || (regions->share == NULL && regions->label == NULL))
        return mele_i_no_memory(error);
    regions->count = regions->total + clusters + 1;
    mele_status status = mele_i_pass_run(engine, &pass, error);
    for (size_t k = 0; k <= clusters && status == MELE_OK; k++)
        regions->total[k] /= regions->scale;
    return status;
}

void mele_i_regions_free(mele_i_regions *regions)
{
    free(regions->label);
    free(regions->share);
    free(regions->total);
}

/* The hard regions' candidates: rows with the label, all rows for the global expert. */
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
