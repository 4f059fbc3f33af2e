/* A partition made from arrays, and taken apart into arrays again. */
#include "partition/partition.h"

#include <math.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/check.h"
#include "partition/kinds.h"
#include "partition/mixture.h"

const char *mele_partition_name(const mele_partition *partition)
{
    return partition->kind->name;
}

size_t mele_partition_clusters(const mele_partition *partition)
{
    return partition->clusters;
}

size_t mele_partition_columns(const mele_partition *partition)
{
    return partition->columns;
}

const size_t *mele_i_partition_fitted_sizes(const mele_partition *partition)
{
    return partition->sizes;
}

void mele_partition_centres(const mele_partition *partition, double *out)
{
    memcpy(out, partition->centres, partition->clusters * partition->columns * sizeof *out);
}

const char *mele_partition_covariance_kind(const mele_partition *partition)
{
    return partition->covariance == NULL ? partition->kind->spread : partition->covariance->name;
}

size_t mele_partition_covariance_count(const mele_partition *partition)
{
    const mele_i_covariance *c = partition->covariance;

    return c == NULL
               ? 1
               : mele_i_covariance_matrices(c, partition->clusters) * c->whole(partition->columns);
}

void mele_partition_covariances(const mele_partition *partition, double *out)
{
    const mele_i_covariance *c = partition->covariance;
    const size_t d = partition->columns;

    if (c == NULL) {
        *out = partition->shape[0];
        return;
    }
    for (size_t m = 0; m < mele_i_covariance_matrices(c, partition->clusters); m++)
        c->expand(mele_i_mixture_covariances(partition) + m * c->size(d), d, out + m * c->whole(d));
}

void mele_partition_weights(const mele_partition *partition, double *out)
{
    for (size_t k = 0; k < partition->clusters; k++)
        out[k] = partition->covariance == NULL ? 1 / (double)partition->clusters
                                               : mele_i_mixture_priors(partition)[k];
}

double mele_partition_parameters(const mele_partition *partition)
{
    const mele_i_covariance *c = partition->covariance;
    const double clusters = (double)partition->clusters, d = (double)partition->columns;

    if (c == NULL)
        return clusters * d + (partition->kind->no_density ? 0 : 1);
    return clusters * d + (clusters - 1)
           + (double)mele_i_covariance_count(c, partition->clusters, partition->columns);
}

mele_status mele_i_partition_marginal(const mele_partition *partition, size_t cols,
                                      mele_partition **out, mele_error *error)
{
    mele_partition *p;

    if (cols == 0 || cols > partition->columns)
        return mele_i_fail(error, MELE_EINVAL, "a marginal in %zu of %zu columns", cols,
                           partition->columns);
    p = mele_i_partition_room(partition->kind, mele_partition_covariance_kind(partition),
                              partition->clusters, cols);
    if (p == NULL)
        return mele_i_no_memory(error);
    for (size_t k = 0; k < p->clusters; k++)
        memcpy(p->centres + k * cols, partition->centres + k * partition->columns,
               cols * sizeof(double));
    p->kind->marginal(partition, p);
    *out = p;
    return MELE_OK;
}

/* ---- from arrays ---- */

static mele_status check_arrays(const mele_partition_arrays *arrays, mele_error *error)
{
    const mele_i_partition_kind *kind;

    if (arrays == NULL)
        return mele_i_fail(error, MELE_EINVAL, "arrays is NULL");
    kind = mele_i_partition_kind_named(arrays->method);
    if (kind == NULL)
        return mele_i_fail(error, MELE_EINVAL, "method \"%s\" is not known",
                           arrays->method == NULL ? "" : arrays->method);
    if (kind->mixture && mele_i_covariance_named(arrays->covariance) == NULL)
        return mele_i_fail(error, MELE_EINVAL, "covariance \"%s\" is not known",
                           arrays->covariance == NULL ? "" : arrays->covariance);
    if (arrays->covariances == NULL)
        return mele_i_fail(error, MELE_EINVAL, "covariances is NULL");
    if (arrays->centres.rows > INT32_MAX)
        return mele_i_fail(error, MELE_EINVAL, "centres has %zu rows, more than %d",
                           arrays->centres.rows, INT32_MAX);
    return mele_i_check_matrix(&arrays->centres, "centres", NULL, error);
}

static mele_status take_mixture(const mele_partition_arrays *arrays, mele_partition *p,
                                mele_error *error)
{
    const mele_i_covariance *c = p->covariance;
    const size_t d = p->columns, whole = c->whole(d);
    double *s = mele_i_mixture_covariances(p);

    for (size_t k = 0; k < p->clusters; k++)
        mele_i_mixture_priors(p)[k] =
            arrays->weights == NULL ? 1 / (double)p->clusters : arrays->weights[k];
    for (size_t i = 0; i < mele_partition_covariance_count(p); i++)
        if (!isfinite(arrays->covariances[i]))
            return mele_i_fail(error, MELE_EDATA,
                               "covariances: element %zu is %g, not a finite "
                               "number",
                               i + 1, arrays->covariances[i]);
    for (size_t m = 0; m < mele_i_covariance_matrices(c, p->clusters); m++)
        if (!c->pack(arrays->covariances + m * whole, d, s + m * c->size(d)))
            return mele_i_fail(error, MELE_EDATA, "covariances: number %zu is not symmetric",
                               m + 1);
    return mele_i_mixture_accept(p, error);
}

mele_status mele_partition_new(const mele_partition_arrays *arrays, mele_partition **out,
                               mele_error *error)
{
    mele_status status = check_arrays(arrays, error);
    mele_partition *p;

    if (status != MELE_OK)
        return status;
    p = mele_i_partition_room(mele_i_partition_kind_named(arrays->method), arrays->covariance,
                              arrays->centres.rows, arrays->centres.cols);
    if (p == NULL)
        return mele_i_no_memory(error);
    for (size_t k = 0; k < p->clusters; k++)
        memcpy(p->centres + k * p->columns, arrays->centres.data + k * arrays->centres.stride,
               p->columns * sizeof(double));
    status = p->covariance == NULL ? p->kind->take(arrays, p, error) : take_mixture(arrays, p, error);
    if (status == MELE_OK)
        *out = p;
    else
        mele_partition_free(p);
    return status;
}
