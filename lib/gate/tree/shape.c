/* The shapes of trees. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "gate/gate.h"
#include "gate/tree/tree.h"

void mele_i_tree_free(void *memory)
{
    mele_i_tree *tree = memory;

    if (tree == NULL)
        return;
    mele_i_gate_columns_clear(&tree->z);
    free(tree->coefficients);
    free(tree->node);
    free(tree->leaf);
    free(tree);
}

/* Room for so many leaves; a node that has children has two or more. */
static mele_i_tree *tree_new(size_t leaves)
{
    mele_i_tree *tree = MELE_I_NEW(mele_i_tree);

    if (tree == NULL)
        return NULL;
    tree->leaves = leaves;
    tree->nodes = 1;
    tree->node = mele_i_zeroed(leaves, 2 * sizeof *tree->node);
    tree->leaf = MELE_I_ZEROED(size_t, leaves);
    if (tree->node == NULL || tree->leaf == NULL) {
        mele_i_tree_free(tree);
        return NULL;
    }
    return tree;
}

static void add_children(mele_i_tree *tree, size_t node, size_t count)
{
    tree->node[node].first = tree->nodes;
    tree->node[node].count = count;
    for (size_t c = 0; c < count; c++)
        tree->node[tree->nodes++] = (mele_i_tree_node){.parent = node};
}

/* ---- even trees ---- */

size_t mele_i_gate_most_levels(size_t leaves)
{
    size_t depth = 1;

    for (size_t most = 2; most < leaves; most *= 2)
        depth++;
    return depth;
}

/* Whether base^power reaches the number. */
static bool reaches(size_t base, size_t power, size_t number)
{
    size_t value = 1;

    for (size_t p = 0; p < power && value < number; p++)
        value = value > number / base ? number : value * base;
    return value >= number;
}

/* ceil(leaves^(1/depth)). */
static size_t most_children(size_t leaves, size_t depth)
{
    size_t children = 2;

    if (depth == 1)
        return leaves;
    while (!reaches(children, depth, leaves))
        children++;
    return children;
}

/* A subtree that is to be made: its root, and the experts that are its leaves. */
typedef struct branch {
    size_t node, first, count;
} branch;

/* The children of a branch, that are branches. */
static size_t divide(mele_i_tree *tree, const branch *b, size_t most, branch *out)
{
    const size_t children = b->count < most ? b->count : most, each = b->count / children;
    size_t first = b->first;

    add_children(tree, b->node, children);
    for (size_t c = 0; c < children; c++) {
        const size_t count = each + (c < b->count % children);
        out[c] = (branch){tree->node[b->node].first + c, first, count};
        first += count;
    }
    return children;
}

/* Level by level, each branch dividing in its turn. queue: room for all nodes. */
static void grow_evenly(mele_i_tree *tree, size_t depth, branch *queue)
{
    size_t end = 1, level_end = 1;

    queue[0] = (branch){0, 0, tree->leaves};
    for (size_t at = 0; at < end; at++) {
        if (at == level_end) {
            level_end = end;
            depth -= depth > 1;
        }
        if (queue[at].count > 1)
            end += divide(tree, &queue[at], most_children(queue[at].count, depth), queue + end);
        else
            tree->leaf[queue[at].first] = queue[at].node;
    }
}

mele_i_tree *mele_i_tree_even(size_t leaves, size_t depth)
{
    const size_t binary = mele_i_gate_most_levels(leaves);
    mele_i_tree *tree = tree_new(leaves);
    branch *queue = mele_i_array(leaves, 2 * sizeof *queue);

    if (tree == NULL || queue == NULL) {
        mele_i_tree_free(tree);
        tree = NULL;
    } else {
        grow_evenly(tree, depth == 0 || depth > binary ? binary : depth, queue);
    }
    free(queue);
    return tree;
}

/* ---- trees of trees ---- */

static mele_i_tree *copy_with_room(const mele_i_tree *tree, size_t leaves)
{
    mele_i_tree *copy = tree_new(leaves);

    if (copy == NULL)
        return NULL;
    copy->nodes = tree->nodes;
    memcpy(copy->node, tree->node, tree->nodes * sizeof *tree->node);
    memcpy(copy->leaf, tree->leaf, tree->leaves * sizeof *tree->leaf);
    return copy;
}

mele_i_tree *mele_i_tree_shaped(const mele_i_tree *tree)
{
    return copy_with_room(tree, tree->leaves);
}

mele_i_tree *mele_i_tree_split(const mele_i_tree *tree, size_t expert)
{
    mele_i_tree *grown = copy_with_room(tree, tree->leaves + 1);

    if (grown == NULL)
        return NULL;
    const size_t node = tree->leaf[expert];
    add_children(grown, node, 2);
    grown->leaf[expert] = grown->node[node].first;
    grown->leaf[tree->leaves] = grown->node[node].first + 1;
    return grown;
}

bool mele_i_tree_same_shape(const mele_i_tree *a, const mele_i_tree *b)
{
    if (a->leaves != b->leaves || a->nodes != b->nodes
        || memcmp(a->leaf, b->leaf, a->leaves * sizeof *a->leaf) != 0)
        return false;
    for (size_t v = 1; v < a->nodes; v++)
        if (a->node[v].parent != b->node[v].parent)
            return false;
    return true;
}

/* ---- trees of a file ---- */

static mele_status add_run(mele_i_tree *tree, size_t parent, size_t count, mele_error *error)
{
    if (parent >= tree->nodes)
        return mele_i_fail(error, MELE_EDATA, "\"parents\": node %zu has parent %zu, which does not "
                           "come before it", tree->nodes, parent);
    if (tree->node[parent].count > 0)
        return mele_i_fail(error, MELE_EDATA, "\"parents\": the children of node %zu do not stand "
                           "together", parent);
    if (count < 2)
        return mele_i_fail(error, MELE_EDATA, "\"parents\": node %zu has one child", parent);
    add_children(tree, parent, count);
    return MELE_OK;
}

static mele_status add_parents(mele_i_tree *tree, const size_t *parents, size_t nodes, mele_error *error)
{
    mele_status status = MELE_OK;

    for (size_t v = 1, count; v < nodes && status == MELE_OK; v += count) {
        for (count = 1; v + count < nodes && parents[v + count - 1] == parents[v - 1];)
            count++;
        status = add_run(tree, parents[v - 1], count, error);
    }
    return status;
}

/* Each expert has a childless node of its own. taken: room for a flag a node. */
static mele_status set_leaves(mele_i_tree *tree, const size_t *leaf, bool *taken, mele_error *error)
{
    for (size_t k = 0; k < tree->leaves; k++) {
        if (leaf[k] >= tree->nodes || tree->node[leaf[k]].count > 0 || taken[leaf[k]])
            return mele_i_fail(error, MELE_EDATA, "\"leaves\": expert %zu is at node %zu, which is no "
                               "leaf, or another expert's", k + 1, leaf[k]);
        taken[leaf[k]] = true;
        tree->leaf[k] = leaf[k];
    }
    return MELE_OK;
}

/* Nodes that nobody has as a child but are leaves would lead nowhere: as many leaves as experts. */
static mele_status check_count(const mele_i_tree *tree, mele_error *error)
{
    size_t count = 0;

    for (size_t v = 0; v < tree->nodes; v++)
        count += tree->node[v].count == 0;
    return count == tree->leaves ? MELE_OK
                                 : mele_i_fail(error, MELE_EDATA, "the tree has %zu leaves for %zu "
                                               "experts", count, tree->leaves);
}

mele_status mele_i_tree_of(const size_t *parents, size_t nodes, const size_t *leaf, size_t leaves,
                           mele_i_tree **out, mele_error *error)
{
    if (nodes > 2 * leaves - 1)
        return mele_i_fail(error, MELE_EDATA, "\"parents\": a tree of %zu nodes has more leaves than "
                           "the %zu experts", nodes, leaves);
    mele_i_tree *tree = tree_new(leaves);
    bool *taken = MELE_I_ZEROED(bool, nodes);
    mele_status status = tree == NULL || taken == NULL ? mele_i_no_memory(error)
                                                       : add_parents(tree, parents, nodes, error);

    if (status == MELE_OK)
        status = check_count(tree, error);
    if (status == MELE_OK)
        status = set_leaves(tree, leaf, taken, error);
    free(taken);
    if (status != MELE_OK)
        mele_i_tree_free(tree);
    else
        *out = tree;
    return status;
}

/* ---- what is asked of a tree ---- */

size_t mele_i_tree_depth(const mele_i_tree *tree)
{
    size_t most = 0;

    for (size_t k = 0; k < tree->leaves; k++) {
        size_t depth = 0;
        for (size_t v = tree->leaf[k]; v > 0; v = tree->node[v].parent)
            depth++;
        most = depth > most ? depth : most;
    }
    return most;
}

bool mele_i_tree_see(mele_i_tree *tree, const mele_i_gate_input *on, size_t columns)
{
    tree->coefficients = mele_i_zeroed(tree->nodes - 1, (1 + columns) * sizeof(double));
    return mele_i_gate_columns_make(&tree->z, on, tree->leaves, columns)
           && tree->coefficients != NULL;
}
