/* What a partition is: made from arrays or read from a model, and taken apart again. */
#include "partition/partition.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "engine/check.h"
#include "partition/mixture.h"

/* Sizes have passed for sizes of arrays. */
static size_t shape_count(const mele_partition *p)
{
    return p->covariance != NULL ? mele_i_mixture_count(p->covariance, p->clusters, p->columns)
                                 : p->kind->shape_count(p->clusters, p->columns);
}

mele_partition *mele_i_partition_room(const mele_i_partition_kind *kind, const char *covariance,
                                      size_t clusters, size_t columns)
{
    mele_partition *p = MELE_I_NEW(mele_partition);
    size_t square, most;

    if (p == NULL)
        return NULL;
    p->kind = kind;
    p->covariance = kind->mixture ? mele_i_covariance_named(covariance) : NULL;
    p->clusters = clusters;
    p->columns = columns;
    /* no kind's shape is larger than K (d + 2)^2 */
    if (!__builtin_mul_overflow(columns + 2, columns + 2, &square)
        && !__builtin_mul_overflow(square, clusters, &most)) {
        p->shape_count = shape_count(p);
        p->centres = mele_i_array(clusters * columns, sizeof(double));
        p->shape = MELE_I_ARRAY(double, p->shape_count);
    }
    if (p->centres == NULL || p->shape == NULL) {
        mele_partition_free(p);
        return NULL;
    }
    return p;
}

void mele_partition_free(mele_partition *partition)
{
    if (partition == NULL)
        return;
    free(partition->centres);
    free(partition->shape);
    free(partition->sizes);
    free(partition);
}

/* ---- what a partition is ---- */

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
    return partition->covariance == NULL ? "shared" : partition->covariance->name;
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
        return clusters * d + 1;
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

static mele_status check_parts(const mele_partition_parts *parts, mele_error *error)
{
    const mele_i_partition_kind *kind;

    if (parts == NULL)
        return mele_i_fail(error, MELE_EINVAL, "parts is NULL");
    kind = mele_i_partition_kind_named(parts->method);
    if (kind == NULL)
        return mele_i_fail(error, MELE_EINVAL, "method \"%s\" is not known",
                           parts->method == NULL ? "" : parts->method);
    if (kind->mixture && mele_i_covariance_named(parts->covariance) == NULL)
        return mele_i_fail(error, MELE_EINVAL, "covariance \"%s\" is not known",
                           parts->covariance == NULL ? "" : parts->covariance);
    if (parts->covariances == NULL)
        return mele_i_fail(error, MELE_EINVAL, "covariances is NULL");
    if (parts->centres.rows > INT32_MAX)
        return mele_i_fail(error, MELE_EINVAL, "centres has %zu rows, more than %d",
                           parts->centres.rows, INT32_MAX);
    return mele_i_check_matrix(&parts->centres, "centres", NULL, error);
}

/* One variance for all clusters, as a model may have it. */
static mele_status take_variance(const mele_partition_parts *parts, mele_partition *p,
                                 mele_error *error)
{
    if (!(parts->covariances[0] >= DBL_MIN && parts->covariances[0] <= DBL_MAX / 8))
        return mele_i_fail(error, MELE_EDATA, "covariances: %g is not a positive number",
                           parts->covariances[0]);
    p->shape[0] = parts->covariances[0];
    return MELE_OK;
}

static mele_status take_mixture(const mele_partition_parts *parts, mele_partition *p,
                                mele_error *error)
{
    const mele_i_covariance *c = p->covariance;
    const size_t d = p->columns, whole = c->whole(d);
    double *s = mele_i_mixture_covariances(p);

    for (size_t k = 0; k < p->clusters; k++)
        mele_i_mixture_priors(p)[k] =
            parts->weights == NULL ? 1 / (double)p->clusters : parts->weights[k];
    for (size_t i = 0; i < mele_partition_covariance_count(p); i++)
        if (!isfinite(parts->covariances[i]))
            return mele_i_fail(error, MELE_EDATA,
                               "covariances: element %zu is %g, not a finite "
                               "number",
                               i + 1, parts->covariances[i]);
    for (size_t m = 0; m < mele_i_covariance_matrices(c, p->clusters); m++)
        if (!c->pack(parts->covariances + m * whole, d, s + m * c->size(d)))
            return mele_i_fail(error, MELE_EDATA, "covariances: number %zu is not symmetric",
                               m + 1);
    return mele_i_mixture_accept(p, error);
}

mele_status mele_partition_new(const mele_partition_parts *parts, mele_partition **out,
                               mele_error *error)
{
    mele_status status = check_parts(parts, error);
    mele_partition *p;

    if (status != MELE_OK)
        return status;
    p = mele_i_partition_room(mele_i_partition_kind_named(parts->method), parts->covariance,
                              parts->centres.rows, parts->centres.cols);
    if (p == NULL)
        return mele_i_no_memory(error);
    for (size_t k = 0; k < p->clusters; k++)
        memcpy(p->centres + k * p->columns, parts->centres.data + k * parts->centres.stride,
               p->columns * sizeof(double));
    status = p->covariance == NULL ? take_variance(parts, p, error) : take_mixture(parts, p, error);
    if (status == MELE_OK)
        *out = p;
    else
        mele_partition_free(p);
    return status;
}

/* ---- model file ---- */

json_t *mele_i_partition_save(const mele_partition *p)
{
    json_t *section = json_object();

    if (mele_i_json_put(section, "kind", json_string(p->kind->name))
        && mele_i_json_put(section, "clusters", json_integer((json_int_t)p->clusters))
        && mele_i_json_put(section, "columns", json_integer((json_int_t)p->columns))
        && mele_i_json_put(section, "centres",
                           mele_i_json_matrix(p->centres, p->clusters, p->columns))
        && p->kind->save(p, section))
        return section;
    json_decref(section);
    return NULL;
}

/* The sizes, which must be those of "centres": nothing is allocated for a size that is not
 * there. */
static mele_status load_sizes(const json_t *section, size_t *clusters, size_t *columns,
                              mele_error *error)
{
    mele_status status = mele_i_json_get_size(section, "clusters", 1, INT32_MAX, clusters, error);

    if (status == MELE_OK)
        status = mele_i_json_get_size(section, "columns", 1, SIZE_MAX, columns, error);
    return status == MELE_OK
               ? mele_i_json_check_sizes(section, "centres", *clusters, *columns, error)
               : status;
}

/* The kind of a mixture's covariances: "full" where the section does not say. */
static mele_status load_covariance(const json_t *section, const char **covariance,
                                   mele_error *error)
{
    mele_status status = MELE_OK;

    *covariance = "full";
    if (json_object_get(section, "covariance") != NULL)
        status = mele_i_json_get_string(section, "covariance", covariance, error);
    if (status == MELE_OK && mele_i_covariance_named(*covariance) == NULL)
        return mele_i_fail(error, MELE_EDATA, "\"covariance\" is of the unknown kind \"%s\"",
                           *covariance);
    return status;
}

mele_status mele_i_partition_load(const json_t *section, mele_partition **out, mele_error *error)
{
    const mele_i_partition_kind *kind;
    mele_partition *p;
    const char *name, *covariance = NULL;
    size_t clusters, columns;
    mele_status status;

    if (!json_is_object(section))
        return mele_i_fail(error, MELE_EDATA, "\"partition\" is not an object");
    status = mele_i_json_get_string(section, "kind", &name, error);
    if (status != MELE_OK)
        return status;
    kind = mele_i_partition_kind_named(name);
    if (kind == NULL)
        return mele_i_fail(error, MELE_EDATA, "\"partition\" is of the unknown kind \"%s\"", name);
    status = mele_i_json_keys(section, "\"partition\"", kind->keys, error);
    if (status == MELE_OK)
        status = load_sizes(section, &clusters, &columns, error);
    if (status == MELE_OK && kind->mixture)
        status = load_covariance(section, &covariance, error);
    if (status == MELE_OK && kind->check_sizes != NULL)
        status = kind->check_sizes(section, mele_i_covariance_named(covariance), clusters, columns,
                                   error);
    if (status != MELE_OK)
        return status;
    p = mele_i_partition_room(kind, covariance, clusters, columns);
    if (p == NULL)
        return mele_i_no_memory(error);
    status = mele_i_json_get_matrix(section, "centres", p->centres, clusters, columns, error);
    if (status == MELE_OK)
        status = kind->load(section, p, error);
    if (status == MELE_OK)
        *out = p;
    else
        mele_partition_free(p);
    return status;
}
