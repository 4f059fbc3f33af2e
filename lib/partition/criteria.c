/* How well a partition describes rows, for the choice of K.
 *
 * With l = sum w log p(x), P free parameters and n = sum w,
 *
 *     BIC = P log n - 2 l                      Schwarz 1978, Ann. Stat. 6
 *     AIC = 2 P - 2 l                          Akaike 1974, IEEE Trans. Autom. Control 19
 *     ICL = BIC + 2 sum w H,   H = - sum_k p_k log p_k of a row's posteriors
 *                                              Biernacki, Celeux, Govaert 2000, IEEE PAMI 22, as in
 *                                              McLachlan, Peel 2000, Finite Mixture Models
 *
 * and smaller is better. K-means has the likelihood of the mixture that it is the limit of: equal
 * priors and one spherical variance for all clusters.
 *
 * Sums are of blocks in order, the blocks' own sums added by Neumaier's compensated summation
 * (1974, Z. Angew. Math. Mech. 54), so that a criterion of many rows keeps its digits. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/largest.h"
#include "core/memory.h"
#include "core/option.h"
#include "engine/check.h"
#include "engine/kernels.h"
#include "engine/pass.h"
#include "engine/weights.h"
#include "partition/kind.h"
#include "partition/silhouette.h"

/* The sums of a pass. */
enum { LIKELIHOOD, ENTROPY, WEIGHT, SUMS };

typedef struct criteria {
    const mele_partition *partition;
    const mele_rows *rows;
    const double *weights;
    const mele_i_kernels *kernels;
    size_t block_rows;
    uint32_t *label; /* n; NULL: not wanted */
    double sum[SUMS], lost[SUMS];
} criteria;

/* The entropy of log posteriors; `work` has room for their exponentials. */
static double entropy(const mele_i_kernels *kernels, const double *log_posteriors, size_t clusters,
                      double *work)
{
    double sum = 0;

    memcpy(work, log_posteriors, clusters * sizeof *work);
    kernels->exponential(work, clusters);
    for (size_t k = 0; k < clusters; k++)
        sum -= work[k] > 0 ? work[k] * log_posteriors[k] : 0;
    return sum;
}

static mele_status refuse_row(const double *x, size_t cols, size_t row, mele_error *error)
{
    for (size_t j = 0; j < cols; j++)
        if (!isfinite(x[j]))
            return mele_i_fail(error, MELE_EDATA,
                               "x: row %zu, column %zu is %g, not a finite number", row + 1, j + 1,
                               x[j]);
    return MELE_OK;
}

static mele_status map_criteria(void *context, mele_i_block block, void *partial, void *scratch,
                                mele_error *error)
{
    const criteria *c = context;
    const size_t clusters = c->partition->clusters;
    double *joint = scratch, *work = joint + c->block_rows * clusters, *density = work + clusters;
    double *sum = partial;
    const double *x;
    size_t stride;
    mele_status status = mele_i_rows_take(c->rows, block, density + c->block_rows, &x, &stride,
                                          error);

    if (status != MELE_OK)
        return status;
    c->partition->kind->log_joint(c->partition, x, stride, block.count, joint);
    c->kernels->log_softmax(joint, block.count, clusters, density);
    for (size_t i = 0; i < block.count && status == MELE_OK; i++, joint += clusters) {
        double weight = c->weights == NULL ? 1 : c->weights[block.first + i];
        if (!isfinite(density[i]))
            status = refuse_row(x + i * stride, c->rows->cols, block.first + i, error);
        if (c->label != NULL)
            c->label[block.first + i] = (uint32_t)mele_i_largest(joint, clusters);
        if (weight > 0) {
            sum[LIKELIHOOD] += weight * density[i];
            sum[ENTROPY] += weight * entropy(c->kernels, joint, clusters, work);
            sum[WEIGHT] += weight;
        }
    }
    return status;
}

static void combine_criteria(void *context, const void *partial)
{
    criteria *c = context;
    const double *sum = partial;

    for (size_t s = 0; s < SUMS; s++) {
        double old = c->sum[s], next = old + sum[s];
        c->lost[s] += fabs(old) >= fabs(sum[s]) ? (old - next) + sum[s] : (sum[s] - next) + old;
        c->sum[s] = next;
    }
}

/* An infinite sum lost nothing that could be told. */
static double total_of(const criteria *c, size_t s)
{
    return isfinite(c->sum[s]) ? c->sum[s] + c->lost[s] : c->sum[s];
}

static mele_status run_pass(criteria *c, mele_engine *engine, mele_error *error)
{
    const size_t clusters = c->partition->clusters;
    mele_i_pass pass = {.rows = c->rows->rows,
                        .partial_bytes = SUMS * sizeof(double),
                        .map = map_criteria,
                        .combine = combine_criteria,
                        .context = c};

    c->kernels = mele_i_kernels_best();
    c->block_rows = mele_i_block_rows(clusters * (c->rows->cols + 16), 1 << 18, 64);
    pass.block_rows = c->block_rows;
    pass.scratch_bytes = ((c->block_rows + 1) * clusters + c->block_rows
                          + mele_i_rows_room(c->rows, c->block_rows)) * sizeof(double);
    return mele_i_pass_run(engine, &pass, error);
}

static mele_status check(const mele_partition *partition, const mele_rows *rows,
                         mele_error *error)
{
    if (rows == NULL || (rows->data == NULL && rows->read == NULL))
        return mele_i_fail(error, MELE_EINVAL, "rows is NULL or has neither data nor read");
    if (rows->rows == 0)
        return mele_i_fail(error, MELE_EINVAL, "there are no rows");
    if (rows->cols != partition->columns || (rows->data != NULL && rows->stride < rows->cols))
        return mele_i_fail(error, MELE_EINVAL,
                           "the rows have %zu columns (stride %zu), the partition %zu", rows->cols,
                           rows->stride, partition->columns);
    return MELE_OK;
}

/* What has no likelihood has no criteria that are made of it. */
static mele_criteria criteria_of(const criteria *c, double silhouette)
{
    mele_criteria out = {.log_likelihood = c->partition->kind->no_density ? NAN
                                                                          : total_of(c, LIKELIHOOD),
                         .parameters = mele_partition_parameters(c->partition),
                         .silhouette = silhouette};

    out.bic = out.parameters * log(total_of(c, WEIGHT)) - 2 * out.log_likelihood;
    out.aic = 2 * out.parameters - 2 * out.log_likelihood;
    out.icl = out.bic + 2 * total_of(c, ENTROPY);
    return out;
}

mele_criteria_options mele_criteria_defaults(void)
{
    return (mele_criteria_options){.silhouette = false, .seed = 1};
}

mele_status mele_partition_criteria(const mele_partition *partition, const mele_rows *rows,
                                    const double *weights, const mele_criteria_options *options,
                                    mele_engine *engine, mele_criteria *out, mele_error *error)
{
    const mele_criteria_options o = options == NULL ? mele_criteria_defaults() : *options;
    criteria c = {.partition = partition, .rows = rows};
    double mean_silhouette = NAN, *owned = NULL;
    mele_status status = mele_i_check_reserved(o.reserved, error);

    if (status == MELE_OK)
        status = check(partition, rows, error);
    if (status == MELE_OK)
        status = mele_i_weights_relative(weights, rows->rows, &c.weights, &owned, error);
    if (status == MELE_OK && o.silhouette
        && (c.label = MELE_I_ARRAY(uint32_t, rows->rows)) == NULL)
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = run_pass(&c, engine, error);
    if (status == MELE_OK && o.silhouette)
        status = mele_i_silhouette(
            &(mele_i_labelled){rows, c.weights, c.label, partition->clusters}, o.seed, engine,
            &mean_silhouette, error);
    free(c.label);
    free(owned);
    if (status == MELE_OK)
        *out = criteria_of(&c, mean_silhouette);
    return status;
}
