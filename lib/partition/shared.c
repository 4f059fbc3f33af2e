/* The mixture that partitions by nearest centres stand for: equal priors 1/K, density N(c_k, v I) with
 * v = inertia / (d sum w), d the columns that vary, floored at LEAST_SHARE of the data's own variance.
 * Of k-means it is the limit. */
#include "partition/shared.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "partition/filter.h"

#define MOST_VARIANCE (DBL_MAX / 8)
#define LEAST_SHARE 1e-8 /* above the rounding of squared distances, so that ties stay ties */

size_t mele_i_shared_count(size_t clusters, size_t columns)
{
    (void)clusters;
    (void)columns;
    return 1;
}

/* With h = 1 / (2 v) a log density is C - h D. Let the other squared distances D of a row, none
 * above `most`, be larger than the least by 2^-30 D and by `least` at least, and d <= 2^16.
 * Computed a density is off by less than 2^-50 (|C| + 1), of C and of the difference, and
 * (d + 6) 2^-52 h D, less than 2^-5 of h times the lead, of D and the product. A posterior is that
 * less one number for all centres, at most log K from the largest: order stays, and a lead of
 * 2^-50 (|C| + log K + 1) too. So does h times the lead when h `least` is 2^-40 of that or more.
 * Nothing overflows, and what squares lose by underflow, less than d 2^-1073, is nothing next to
 * d 2^-40 / h. */
static bool is_enough(const mele_partition *p, mele_i_lead lead)
{
    const double v = p->shape[0], half = 0.5 / v, d = (double)p->columns;
    const double size = d + fabs(0.5 * d * log(2 * M_PI * v)) + 2 * log((double)p->clusters) + 1;

    return lead.most < 0x1p1000 && half * lead.most < 0x1p1000
           && half * lead.least >= 0x1p-40 * size;
}

/* The sizes by posteriors, where labels tell them. */
static mele_status keep_sizes(mele_partition *p, mele_i_lead lead, const uint32_t *label,
                              size_t rows, mele_error *error)
{
    if (!is_enough(p, lead))
        return MELE_OK;
    p->sizes = MELE_I_ZEROED(size_t, p->clusters);
    if (p->sizes == NULL)
        return mele_i_no_memory(error);
    for (size_t i = 0; i < rows; i++)
        p->sizes[label[i]]++;
    return MELE_OK;
}

/* Columns that vary: a constant one has no part in the inertia. */
static double count_varying(const mele_i_sample *sample)
{
    size_t count = 0;

    for (size_t j = 0; j < sample->rows.cols; j++)
        count += sample->low[j] < sample->high[j];
    return count > 0 ? (double)count : 1;
}

/* The variance of a result, and the sizes where they are known; p has its centres. */
static mele_status settle(mele_partition *p, const mele_i_sample *sample,
                          const mele_i_lloyd_result *result, mele_error *error)
{
    p->clusters = result->clusters;
    p->shape[0] = fmax(result->info.objective / (count_varying(sample) * sample->total),
                       mele_i_variance_floor(sample, LEAST_SHARE));
    return p->shape[0] <= MOST_VARIANCE
               ? keep_sizes(p, result->lead, result->label, sample->rows.rows, error)
               : mele_i_too_far(error);
}

mele_status mele_i_shared_fit(const mele_i_attempt *attempt, bool iterate, mele_partition *trial,
                              mele_partition_info *info, mele_error *error)
{
    mele_i_lloyd_result result = {.centres = trial->centres,
                                  .label = MELE_I_ARRAY(uint32_t, attempt->sample->rows.rows),
                                  .wants_lead = true};

    if (result.label == NULL)
        return mele_i_no_memory(error);
    mele_status status = mele_i_lloyd(attempt, iterate, true, &result, error);
    if (status == MELE_OK) {
        *info = result.info;
        status = settle(trial, attempt->sample, &result, error);
    }
    free(result.label);
    return status;
}

void mele_i_shared_log_joint(const mele_partition *p, const double *x, size_t stride, size_t rows,
                      double *out)
{
    const double v = p->shape[0], half = 0.5 / v;
    const double constant =
        -0.5 * (double)p->columns * log(2 * M_PI * v) - log((double)p->clusters);

    mele_i_kernels_best()->distances(x, stride, rows, p->columns, p->centres, p->clusters, out);
    for (size_t i = 0; i < rows * p->clusters; i++)
        out[i] = constant - half * out[i];
}

/* With E and m of filter.c, in its units: squared distances D are at most 4 m, E = u m with
 * u >= (d + 24) 2^-24, E >= floor, d <= 2^16, and when a row is clear the other D are more than 2 E
 * above the least, hence more than 2^-21 D. D < 2^130 where single precision did not overflow. */
bool mele_i_shared_nearest_is_largest(const mele_partition *p, const mele_i_filter *f)
{
    const double square = 1 / f->scale / f->scale;

    return f->usable && is_enough(p, (mele_i_lead){square * f->floor, 0x1p130 * square});
}

/* One variance for all clusters and columns: it stays in any order and marginal. */
void mele_i_shared_keep_order(mele_partition *p, const size_t *order, double *work)
{
    (void)p;
    (void)order;
    (void)work;
}

void mele_i_shared_marginal(const mele_partition *from, mele_partition *to)
{
    to->shape[0] = from->shape[0];
}

bool mele_i_shared_save(const mele_partition *p, json_t *section)
{
    return mele_i_json_put(section, "variance", json_real(p->shape[0]));
}

/* As a model may have it. */
static bool is_variance(double number)
{
    return number >= DBL_MIN && number <= MOST_VARIANCE;
}

mele_status mele_i_shared_load(const json_t *section, mele_partition *p, mele_error *error)
{
    mele_status status = mele_i_json_get_number(section, "variance", p->shape, error);

    if (status == MELE_OK && !is_variance(p->shape[0]))
        return mele_i_fail(error, MELE_EDATA, "\"variance\" is %g, not a positive number",
                           p->shape[0]);
    return status;
}

mele_status mele_i_shared_take(const mele_partition_arrays *arrays, mele_partition *p,
                               mele_error *error)
{
    if (!is_variance(arrays->covariances[0]))
        return mele_i_fail(error, MELE_EDATA, "covariances: %g is not a positive number",
                           arrays->covariances[0]);
    p->shape[0] = arrays->covariances[0];
    return MELE_OK;
}
