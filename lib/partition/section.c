/* The section "partition" of a model. */
#include "partition/partition.h"

#include <stdint.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "partition/covariance.h"
#include "partition/kinds.h"

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
