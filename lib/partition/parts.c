/* What a partition is: made from arrays or read from a model, and taken apart again. */
#include "partition/partition.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "partition/kind.h"

mele_partition *mele_i_partition_room(const mele_i_partition_kind *kind, size_t clusters,
                                      size_t columns)
{
    mele_partition *p = MELE_I_NEW(mele_partition);
    size_t square, most;

    if (p == NULL)
        return NULL;
    p->kind = kind;
    p->clusters = clusters;
    p->columns = columns;
    /* no kind's shape is larger than K (d + 2)^2 */
    if (!__builtin_mul_overflow(columns + 2, columns + 2, &square)
        && !__builtin_mul_overflow(square, clusters, &most)) {
        p->centres = mele_i_array(clusters * columns, sizeof(double));
        p->shape = mele_i_array(kind->shape_count(clusters, columns), sizeof(double));
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

void mele_partition_centres(const mele_partition *partition, double *out)
{
    memcpy(out, partition->centres, partition->clusters * partition->columns * sizeof *out);
}

mele_status mele_i_partition_marginal(const mele_partition *partition, size_t cols,
                                      mele_partition **out, mele_error *error)
{
    mele_partition *p;

    if (cols == 0 || cols > partition->columns)
        return mele_i_fail(error, MELE_EINVAL, "a marginal in %zu of %zu columns", cols,
                           partition->columns);
    p = mele_i_partition_room(partition->kind, partition->clusters, cols);
    if (p == NULL)
        return mele_i_no_memory(error);
    for (size_t k = 0; k < p->clusters; k++)
        memcpy(p->centres + k * cols, partition->centres + k * partition->columns,
               cols * sizeof(double));
    p->kind->marginal(partition, p);
    *out = p;
    return MELE_OK;
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
    const json_t *centres = json_object_get(section, "centres");
    mele_status status = mele_i_json_get_size(section, "clusters", 1, INT32_MAX, clusters, error);

    if (status == MELE_OK)
        status = mele_i_json_get_size(section, "columns", 1, SIZE_MAX, columns, error);
    if (status == MELE_OK
        && (json_array_size(centres) != *clusters
            || json_array_size(json_array_get(centres, 0)) != *columns))
        return mele_i_fail(error, MELE_EDATA, "\"centres\" is not %zu rows of %zu numbers",
                           *clusters, *columns);
    return status;
}

mele_status mele_i_partition_load(const json_t *section, mele_partition **out, mele_error *error)
{
    const mele_i_partition_kind *kind;
    mele_partition *p;
    const char *name;
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
    if (status != MELE_OK)
        return status;
    p = mele_i_partition_room(kind, clusters, columns);
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
