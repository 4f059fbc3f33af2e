/* k-means: Lloyd 1982, IEEE Trans. Inf. Theory 28.
 *
 * One pass assigns every row to its nearest centre (ties to the lowest) and sums the weighted
 * differences from it, so that c_k + sum w (x - c_k) / sum w is the next centre: nothing is lost
 * to a large mean, and equal rows give exactly themselves.
 *
 * It ends when no label of a row that counts changed (the centres are then the means of their
 * rows), when the squared shift of all centres together is at most tolerance times the mean
 * variance of the columns (as in scikit-learn), or after max_iterations; in the two latter cases
 * one more assignment makes labels and inertia fit the centres.
 *
 * Repair: each empty cluster, in order of index, moves to the row of positive weight that is
 * farthest from its own centre (the lowest row among equals) and was not taken by another one.
 * When all such distances are zero there is nothing to split: clusters still empty at the end
 * are dropped, so fewer distinct rows than K give as many clusters as distinct rows.
 *
 * The mixture that this is the limit of: equal priors 1/K, density N(c_k, v I) with
 * v = inertia / (d sum w), floored at LEAST_SHARE of the data's own variance. */
#include "partition/kmeans.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "partition/start.h"

#define NO_LABEL UINT32_MAX
#define LEAST_SHARE 1e-8 /* above the rounding of squared distances, so that ties stay ties */

typedef struct lloyd {
    const mele_i_attempt *attempt;
    const mele_i_kernels *kernels;
    size_t clusters, columns, block_rows;
    double *centres;
    uint32_t *label;
    double *sums; /* header, counts (K), weighted differences (K x d): see below */
} lloyd;

/* The sums of a pass: inertia, rows whose label changed, K counts, K x d differences. */
enum { INERTIA, CHANGED, COUNTS };

static size_t sums_count(const lloyd *l)
{
    return COUNTS + l->clusters * (1 + l->columns);
}

static double *differences_of(const lloyd *l, double *sums)
{
    return sums + COUNTS + l->clusters;
}

static mele_status map_assign(void *context, mele_i_block block, void *partial, void *scratch,
                              mele_error *error)
{
    const lloyd *l = context;
    const mele_i_sample *sample = l->attempt->sample;
    const double *x = sample->rows.data + block.first * sample->rows.stride;
    double *sums = partial, *distance = scratch;
    uint32_t *label = (uint32_t *)(distance + l->block_rows), *old = l->label + block.first;

    (void)error;
    l->kernels->nearest(x, sample->rows.stride, block.count, l->columns, l->centres, l->clusters,
                        label, distance);
    for (size_t i = 0; i < block.count; i++) {
        double weight = mele_i_weight(sample, block.first + i);
        if (weight > 0) {
            sums[INERTIA] += weight * distance[i];
            sums[CHANGED] += label[i] != old[i];
            sums[COUNTS + label[i]] += weight;
        }
    }
    l->kernels->accumulate(x, sample->rows.stride, block.count, l->columns, l->centres, label,
                           sample->weights == NULL ? NULL : sample->weights + block.first,
                           differences_of(l, sums));
    memcpy(old, label, block.count * sizeof *label);
    return MELE_OK;
}

static void combine_sums(void *context, const void *partial)
{
    lloyd *l = context;
    const double *sums = partial;

    for (size_t i = 0; i < sums_count(l); i++)
        l->sums[i] += sums[i];
}

/* Label every row with its nearest centre, and sum. */
static mele_status assign_rows(lloyd *l, mele_error *error)
{
    mele_i_pass pass = {.rows = l->attempt->sample->rows.rows,
                        .block_rows = l->block_rows,
                        .partial_bytes = sums_count(l) * sizeof(double),
                        .scratch_bytes = l->block_rows * (sizeof(double) + sizeof(uint32_t)),
                        .map = map_assign,
                        .combine = combine_sums,
                        .context = l};

    memset(l->sums, 0, sums_count(l) * sizeof(double));
    return mele_i_pass_run(l->attempt->engine, &pass, error);
}

/* ---- repair ---- */

typedef struct far_row {
    double distance;
    size_t row;
} far_row;

typedef struct repair {
    const lloyd *l;
    size_t count;
    far_row *farthest; /* count of them, farthest first; distance 0: none */
} repair;

/* Keep the count farthest, sorted; rows come in order, so that the lowest stays first. */
static void offer(far_row *farthest, size_t count, far_row candidate)
{
    size_t at = count;

    while (at > 0 && candidate.distance > farthest[at - 1].distance)
        at--;
    if (at == count)
        return;
    memmove(farthest + at + 1, farthest + at, (count - at - 1) * sizeof *farthest);
    farthest[at] = candidate;
}

static mele_status map_farthest(void *context, mele_i_block block, void *partial, void *scratch,
                                mele_error *error)
{
    const repair *r = context;
    const lloyd *l = r->l;
    const mele_i_sample *sample = l->attempt->sample;
    double *distance = scratch;
    uint32_t *label = (uint32_t *)(distance + l->block_rows);

    (void)error;
    l->kernels->nearest(sample->rows.data + block.first * sample->rows.stride, sample->rows.stride,
                        block.count, l->columns, l->centres, l->clusters, label, distance);
    for (size_t i = 0; i < block.count; i++)
        if (mele_i_weight(sample, block.first + i) > 0)
            offer(partial, r->count, (far_row){distance[i], block.first + i});
    return MELE_OK;
}

static void combine_farthest(void *context, const void *partial)
{
    repair *r = context;
    const far_row *farthest = partial;

    for (size_t i = 0; i < r->count && farthest[i].distance > 0; i++)
        offer(r->farthest, r->count, farthest[i]);
}

/* Move the empty clusters of `next` (whose counts are in the sums) to the rows that are farthest
 * from the centres they were assigned to. */
static mele_status repair_empty(const lloyd *l, size_t empty, double *next, size_t *repaired,
                                mele_error *error)
{
    const mele_rows *x = &l->attempt->sample->rows;
    repair r = {l, empty, MELE_I_ZEROED(far_row, empty)};
    mele_i_pass pass = {.rows = x->rows,
                        .block_rows = l->block_rows,
                        .partial_bytes = empty * sizeof(far_row),
                        .scratch_bytes = l->block_rows * (sizeof(double) + sizeof(uint32_t)),
                        .map = map_farthest,
                        .combine = combine_farthest,
                        .context = &r};

    if (r.farthest == NULL)
        return mele_i_no_memory(error);
    mele_status status = mele_i_pass_run(l->attempt->engine, &pass, error);
    for (size_t k = 0, i = 0; status == MELE_OK && k < l->clusters; k++)
        if (l->sums[COUNTS + k] == 0) {
            if (r.farthest[i].distance == 0)
                break;
            memcpy(next + k * x->cols, x->data + r.farthest[i++].row * x->stride,
                   x->cols * sizeof(double));
            ++*repaired;
        }
    free(r.farthest);
    return status;
}

/* ---- Lloyd's iteration ---- */

/* The next centres, from the sums of the last assignment. */
static mele_status move_centres(const lloyd *l, double *next, size_t *repaired, mele_error *error)
{
    const double *difference = differences_of(l, l->sums);
    size_t empty = 0;

    for (size_t k = 0; k < l->clusters; k++) {
        double count = l->sums[COUNTS + k];
        empty += count == 0;
        for (size_t j = k * l->columns; j < (k + 1) * l->columns; j++)
            next[j] = count == 0 ? l->centres[j] : l->centres[j] + difference[j] / count;
    }
    return empty == 0 ? MELE_OK : repair_empty(l, empty, next, repaired, error);
}

/* Take the next centres; returns by how much (squared) they moved. */
static double take_centres(const lloyd *l, const double *next)
{
    double shift = 0;

    for (size_t j = 0; j < l->clusters * l->columns; j++) {
        double d = next[j] - l->centres[j];
        shift += d * d;
        l->centres[j] = next[j];
    }
    return shift;
}

/* Until an end; leaves labels and sums that fit the centres. */
static mele_status iterate_lloyd(lloyd *l, bool tell, double *next, mele_partition_info *info,
                                 mele_error *error)
{
    const mele_partition_options *options = l->attempt->options;
    double least = options->tolerance * l->attempt->sample->variance;
    bool settled = false;
    mele_status status = MELE_OK;

    while (!info->converged && info->iterations < options->max_iterations && status == MELE_OK) {
        size_t repaired = 0;
        status = assign_rows(l, error);
        if (status != MELE_OK)
            break;
        info->iterations++;
        status = mele_i_partition_progress(l->attempt, tell ? info->iterations : 0,
                                           tell ? l->sums[INERTIA] : NAN, error);
        if (status == MELE_OK)
            status = move_centres(l, next, &repaired, error);
        if (status != MELE_OK)
            break;
        settled = l->sums[CHANGED] == 0 && repaired == 0;
        info->repaired += repaired;
        info->converged = settled || (take_centres(l, next) <= least && repaired == 0);
    }
    return status == MELE_OK && !settled ? assign_rows(l, error) : status;
}

/* Close the gaps that empty clusters leave, in centres and labels. Rows of weight zero may have
 * been nearest to one of them: they go to their nearest of the rest. */
static mele_status drop_empty(lloyd *l, mele_error *error)
{
    size_t kept = 0;

    for (size_t k = 0; k < l->clusters; k++)
        if (l->sums[COUNTS + k] > 0) {
            memmove(l->centres + kept * l->columns, l->centres + k * l->columns,
                    l->columns * sizeof(double));
            kept++;
        }
    if (kept == l->clusters)
        return MELE_OK;
    l->clusters = kept;
    return assign_rows(l, error);
}

mele_status mele_i_lloyd(const mele_i_attempt *attempt, bool iterate, bool tell, double *centres,
                         size_t *clusters, uint32_t *label, mele_partition_info *info,
                         mele_error *error)
{
    size_t n = attempt->sample->rows.rows, d = attempt->sample->rows.cols;
    lloyd l = {.attempt = attempt,
               .kernels = mele_i_kernels_best(),
               .columns = d,
               .centres = centres,
               .label = label};
    mele_partition_info result = {0};
    double *next = NULL;
    mele_status status = mele_i_start(attempt, centres, &l.clusters, error);

    if (status != MELE_OK)
        return status;
    l.block_rows = mele_i_partition_block(d * l.clusters);
    l.sums = MELE_I_ARRAY(double, sums_count(&l));
    next = mele_i_array(l.clusters, d * sizeof(double));
    if (l.sums == NULL || next == NULL) {
        status = mele_i_no_memory(error);
        goto cleanup;
    }
    for (size_t i = 0; i < n; i++)
        label[i] = NO_LABEL;
    status = iterate ? iterate_lloyd(&l, tell, next, &result, error) : assign_rows(&l, error);
    if (status == MELE_OK)
        status = drop_empty(&l, error);
    if (status != MELE_OK)
        goto cleanup;
    result.objective = l.sums[INERTIA];
    result.clusters = *clusters = l.clusters;
    *info = result;
cleanup:
    free(next);
    free(l.sums);
    return status;
}

/* ---- the kind: its shape is one number, the variance v ---- */

static size_t one_number(size_t clusters, size_t columns)
{
    (void)clusters;
    (void)columns;
    return 1;
}

static mele_status fit(const mele_i_attempt *attempt, mele_partition *trial,
                       mele_partition_info *info, mele_error *error)
{
    const mele_i_sample *sample = attempt->sample;
    uint32_t *label = MELE_I_ARRAY(uint32_t, sample->rows.rows);

    if (label == NULL)
        return mele_i_no_memory(error);
    mele_status status =
        mele_i_lloyd(attempt, true, true, trial->centres, &trial->clusters, label, info, error);
    if (status == MELE_OK)
        trial->shape[0] =
            fmax(info->objective / ((double)sample->rows.cols * sample->total),
                 mele_i_variance_floor(sample, LEAST_SHARE));
    free(label);
    return status;
}

static void log_joint(const mele_partition *p, const double *x, size_t stride, size_t rows,
                      double *out)
{
    const double v = p->shape[0], half = 0.5 / v;
    const double constant =
        -0.5 * (double)p->columns * log(2 * M_PI * v) - log((double)p->clusters);

    mele_i_kernels_best()->distances(x, stride, rows, p->columns, p->centres, p->clusters, out);
    for (size_t i = 0; i < rows * p->clusters; i++)
        out[i] = constant - half * out[i];
}

/* One variance for all clusters and columns: it stays in any order and marginal. */
static void keep_order(mele_partition *p, const size_t *order, double *work)
{
    (void)p;
    (void)order;
    (void)work;
}

static void marginal(const mele_partition *from, mele_partition *to)
{
    to->shape[0] = from->shape[0];
}

static bool save(const mele_partition *p, json_t *section)
{
    return mele_i_json_put(section, "variance", json_real(p->shape[0]));
}

static mele_status load(const json_t *section, mele_partition *p, mele_error *error)
{
    mele_status status = mele_i_json_get_number(section, "variance", p->shape, error);

    if (status == MELE_OK && !(p->shape[0] >= DBL_MIN && p->shape[0] <= DBL_MAX / 8))
        return mele_i_fail(error, MELE_EDATA, "\"variance\" is %g, not a positive number",
                           p->shape[0]);
    return status;
}

const mele_i_partition_kind mele_i_partition_kmeans = {
    .name = "kmeans",
    .keys = "kind,clusters,columns,centres,variance",
    .shape_count = one_number,
    .fit = fit,
    .log_joint = log_joint,
    .reorder = keep_order,
    .marginal = marginal,
    .save = save,
    .load = load,
};
