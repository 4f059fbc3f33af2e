#include "expert/regions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/magnitude.h"
#include "core/largest.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"

typedef struct making {
    mele_i_regions *regions;
    const double *log_posteriors;
} making;

static mele_status check_posteriors(const double *p, size_t row, size_t clusters, mele_error *error)
{
    for (size_t k = 0; k < clusters; k++)
        if (isnan(p[k]) || p[k] == INFINITY)
            return mele_i_fail(error, MELE_EDATA,
                               "log posteriors: row %zu, cluster %zu is %g, not a logarithm of a "
                               "probability", row + 1, k + 1, p[k]);
    return MELE_OK;
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

static mele_status make_block(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const making *m = context;
    const mele_i_regions *r = m->regions;
    double *total = partial;
    mele_status status = MELE_OK;

    (void)scratch;
    for (size_t i = block.first; i < block.first + block.count && status == MELE_OK; i++) {
        const double *p = m->log_posteriors + i * r->clusters;
        status = check_posteriors(p, i, r->clusters, error);
        if (r->label != NULL)
            r->label[i] = (uint32_t)mele_i_largest(p, r->clusters);
    }
    if (status != MELE_OK)
        return status;
    if (r->share != NULL)
        share_block(m, block);
    for (size_t i = block.first; i < block.first + block.count; i++) {
        size_t k = r->label != NULL ? r->label[i] : 0, end = r->label != NULL ? k + 1 : r->clusters;
        double *rows = total + r->clusters + 1;
        bool counts = mele_i_region_weight(r, i, r->clusters) > 0;
        for (; k < end; k++) {
            total[k] += mele_i_region_weight(r, i, k);
            rows[k] += !counts ? 0 : r->share == NULL ? 1 : r->share[i * r->clusters + k];
        }
        total[r->clusters] += mele_i_region_weight(r, i, r->clusters);
        rows[r->clusters] += counts;
    }
    return MELE_OK;
}

static void add_totals(void *context, const void *partial)
{
    const making *m = context;
    const double *total = partial;

    for (size_t k = 0; k < 2 * (m->regions->clusters + 1); k++)
        m->regions->total[k] += total[k];
}

/* Weights of any size become sums and squares of ordinary size. */
static double scale_of_weights(const double *weights, size_t rows)
{
    double most = 0;

    for (size_t i = 0; weights != NULL && i < rows; i++)
        most = weights[i] > most ? weights[i] : most;
    return mele_i_power_scale(most);
}

mele_status mele_i_regions_make(mele_i_regions *regions, size_t rows, const double *weights,
                                const double *log_posteriors, size_t clusters, bool soft,
                                mele_engine *engine, mele_error *error)
{
    making m = {regions, log_posteriors};
    mele_i_pass pass = {.rows = rows, .block_rows = mele_i_block_rows(clusters, 1 << 16, 16),
                        .partial_bytes = 2 * (clusters + 1) * sizeof(double), .map = make_block,
                        .combine = add_totals, .context = &m};

    *regions = (mele_i_regions){rows, clusters, weights, scale_of_weights(weights, rows),
                                NULL, NULL, MELE_I_ZEROED(double, 2 * (clusters + 1)), NULL};
    if (soft)
        regions->share = MELE_I_ARRAY(double, rows * clusters);
    else
        regions->label = MELE_I_ARRAY(uint32_t, rows);
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

    for (size_t i = first; i < first + count; i++) {
        row[found] = i;
        found += k == regions->clusters || regions->label[i] == k;
    }
    return found;
}

size_t mele_i_region_members(const mele_i_regions *regions, size_t first, size_t count, size_t k,
                             size_t *row, double *weight)
{
    size_t candidates = regions->label != NULL ? labelled(regions, first, count, k, row) : count;
    size_t members = 0;

    for (size_t c = 0; c < candidates; c++) {
        size_t i = regions->label != NULL ? row[c] : first + c;
        double w = mele_i_region_weight(regions, i, k);
        row[members] = i;
        weight[members] = w;
        members += w > 0;
    }
    return members;
}
