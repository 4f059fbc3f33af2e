/* The tree gate in a model file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/memory.h"
#include "gate/softmax/softmax.h"
#include "gate/tree/tree.h"

#define KEYS "kind,clusters,on,parents,leaves,intercept,coefficients,lower,upper"

static json_t *whole_numbers(size_t count, size_t (*number)(const mele_i_tree *, size_t),
                             const mele_i_tree *tree)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count && array != NULL; i++)
        if (json_array_append_new(array, json_integer((json_int_t)number(tree, i))) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

static size_t parent_of(const mele_i_tree *tree, size_t i)
{
    return tree->node[i + 1].parent;
}

static size_t leaf_of(const mele_i_tree *tree, size_t i)
{
    return tree->leaf[i];
}

bool mele_i_tree_save(const mele_i_tree *tree, json_t *section)
{
    const size_t forms = tree->nodes - 1;

    return mele_i_json_put(section, "on", json_string(tree->z.on->name))
           && mele_i_json_put(section, "parents", whole_numbers(forms, parent_of, tree))
           && mele_i_json_put(section, "leaves", whole_numbers(tree->leaves, leaf_of, tree))
           && mele_i_softmax_save_forms(tree->coefficients, forms, tree->z.count, section)
           && mele_i_gate_columns_save(&tree->z, section);
}

/* What has been found to be an array of so many. */
static mele_status read_whole(const json_t *section, const char *key, size_t count, size_t most,
                              size_t *out, mele_error *error)
{
    const json_t *array = json_object_get(section, key);

    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, i);
        const json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
        if (number < 0 || (size_t)number >= most)
            return mele_i_fail(error, MELE_EDATA, "\"%s\": number %zu is no node of the tree", key,
                               i + 1);
        out[i] = (size_t)number;
    }
    return MELE_OK;
}

/* forms: the nodes but the root. */
static mele_status read_tree(const json_t *section, size_t clusters, size_t forms, mele_i_tree **out,
                             mele_error *error)
{
    size_t *parents = MELE_I_ARRAY(size_t, forms + clusters), *leaf = parents + forms;
    mele_status status = parents == NULL ? mele_i_no_memory(error)
                                         : read_whole(section, "parents", forms, forms + 1, parents,
                                                      error);

    if (status == MELE_OK)
        status = read_whole(section, "leaves", clusters, forms + 1, leaf, error);
    if (status == MELE_OK)
        status = mele_i_tree_of(parents, forms + 1, leaf, clusters, out, error);
    free(parents);
    return status;
}

mele_status mele_i_tree_load(const json_t *section, size_t clusters, mele_i_tree **out, mele_error *error)
{
    const size_t forms = json_array_size(json_object_get(section, "parents"));
    const mele_i_gate_input *on = NULL;
    mele_i_tree *tree = NULL;
    size_t columns = 0;
    mele_status status = mele_i_json_keys(section, "gate", KEYS, error);

    if (status == MELE_OK)
        status = mele_i_json_check_size(section, "parents", forms, error);
    if (status == MELE_OK)
        status = mele_i_json_check_size(section, "leaves", clusters, error);
    if (status == MELE_OK)
        status = mele_i_gate_columns_read_shape(section, clusters, &on, &columns, error);
    if (status == MELE_OK && on->posteriors)
        status = mele_i_fail(error, MELE_EDATA, "a tree that is on %s, not on features", on->name);
    if (status == MELE_OK)
        status = mele_i_softmax_check_forms(section, forms, columns, error);
    if (status == MELE_OK)
        status = read_tree(section, clusters, forms, &tree, error);
    if (status == MELE_OK && !mele_i_tree_see(tree, on, columns))
        status = mele_i_no_memory(error);
    if (status == MELE_OK)
        status = mele_i_gate_columns_load(section, &tree->z, error);
    if (status == MELE_OK)
        status = mele_i_softmax_load_forms(section, forms, columns, tree->coefficients, error);
    if (status == MELE_OK)
        *out = tree;
    else
        mele_i_tree_free(tree);
    return status;
}
