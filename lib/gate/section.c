/* The section "gate" of a model. */
#include <stdio.h>

#include "core/error.h"
#include "core/json.h"
#include "gate/gate.h"
#include "gate/kind.h"

#define MOST_CLUSTERS ((size_t)1 << 24)

json_t *mele_i_gate_save(const mele_gate *gate)
{
    json_t *section = json_object();

    if (mele_i_json_put(section, "kind", json_string(gate->kind->name))
        && mele_i_json_put(section, "clusters", json_integer((json_int_t)gate->clusters))
        && gate->kind->save(gate, section))
        return section;
    json_decref(section);
    return NULL;
}

mele_status mele_i_gate_load(const json_t *section, mele_gate **out, mele_error *error)
{
    const mele_i_gate_kind *kind = NULL;
    const char *name;
    size_t clusters;

    if (!json_is_object(section))
        return mele_i_fail(error, MELE_EDATA, "\"gate\" is not an object");
    mele_status status = mele_i_json_get_string(section, "kind", &name, error);
    if (status == MELE_OK && (kind = mele_i_gate_kind_find(name)) == NULL)
        status = mele_i_fail(error, MELE_EDATA, "\"%.80s\" is no kind of gate", name);
    if (status == MELE_OK)
        status = mele_i_json_get_size(section, "clusters", 1, MOST_CLUSTERS, &clusters, error);
    if (status != MELE_OK)
        return status;
    mele_gate *gate = mele_i_gate_new(kind, clusters);
    if (gate == NULL)
        return mele_i_no_memory(error);
    status = kind->load(section, gate, error);
    if (status != MELE_OK)
        mele_gate_free(gate);
    else
        *out = gate;
    return status;
}

size_t mele_i_gate_text(const mele_gate *gate, char *out, size_t size)
{
    if (gate->kind->describe != NULL)
        return gate->kind->describe(gate, out, size);
    return (size_t)snprintf(out, size, "%s", gate->kind->name);
}
