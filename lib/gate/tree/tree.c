/* The gate of a hierarchical mixture (Jordan, Jacobs 1994, Neural Comput. 6): a tree of softmaxes,
 *
 *     log g_k(x) = sum over the nodes v on the way from the root to leaf k of log s_v(x),
 *     s_v = exp(a_v) / sum over v and its siblings u of exp(a_u),    a_v = V_v z(x) + b_v,
 *
 * z being features, clipped and standardised (columns.h); log p has no part in it. Training starts from
 * V = 0 and equal priors of all leaves. With one level it is the softmax gate on features alone
 * (softmax.c), bit for bit; for that, and since no weight depends on it, the root's own log-sum-exp is not
 * taken: logits are log g_k and a number of the row.
 *
 * With r_k = d loss / d logit_k and R_v the sum of r_k over the leaves at or below v, of a node v whose
 * parent is u,
 *     d loss / d a_v = R_v - s_v R_u,    and R_v where u is the root, since all r_k sum to 0,
 * which goes through the softmaxes' gradients. Training is in train.c. */
#include "gate/tree/tree.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/kernels.h"
#include "gate/gate.h"
#include "gate/softmax/softmax.h"

#define ON "features"

static const mele_i_tree *shape_given(const mele_gate *gate, const mele_i_gate_training *training)
{
    const mele_gate *from = training->options->start;

    return from != NULL && from->kind == gate->kind && from->clusters == gate->clusters ? from->state
                                                                                         : NULL;
}

/* Equal priors: the leaves of every node, as logarithms about their mean. */
static void set_priors(mele_i_tree *tree, double *leaves)
{
    const size_t width = 1 + tree->z.count;

    for (size_t v = tree->nodes; v-- > 0;) {
        const mele_i_tree_node *node = &tree->node[v];
        double mean = 0;
        leaves[v] = node->count == 0;
        for (size_t u = node->first; u < node->first + node->count; u++) {
            leaves[v] += leaves[u];
            mean += log(leaves[u]) / (double)node->count;
        }
        for (size_t u = node->first; u < node->first + node->count; u++)
            tree->coefficients[(u - 1) * width] = log(leaves[u]) - mean;
    }
}

static mele_status make(mele_gate *gate, const mele_i_gate_training *training, mele_error *error)
{
    const mele_i_gate_input *on = mele_i_gate_input_find(
        training->options->on == NULL ? ON : training->options->on);
    const mele_i_tree *given = shape_given(gate, training);

    if (on->posteriors)
        return mele_i_fail(error, MELE_EINVAL, "gate: a tree stands on " ON ", not on %s", on->name);
    mele_i_tree *tree = given != NULL
                            ? mele_i_tree_shaped(given)
                            : mele_i_tree_even(gate->clusters, training->options->depth);
    gate->state = tree;
    if (tree == NULL || !mele_i_tree_see(tree, on, mele_i_gate_columns_count(on, training->data)))
        return mele_i_no_memory(error);
    double *room = MELE_I_ARRAY(double, tree->nodes);
    if (room == NULL)
        return mele_i_no_memory(error);
    set_priors(tree, room);
    free(room);
    mele_i_gate_columns_ask(&tree->z, 0, gate);
    return MELE_OK;
}

static mele_status prepare(mele_gate *gate, const mele_i_gate_training *training, mele_error *error)
{
    mele_i_tree *tree = gate->state;

    return mele_i_gate_columns_standardise(&tree->z, gate->needs, training, error);
}

static size_t parameters(const mele_gate *gate, size_t *factors)
{
    const mele_i_tree *tree = gate->state;

    *factors = 0;
    return (tree->nodes - 1) * (1 + tree->z.count);
}

/* One child's coefficients of a node say nothing that the others' do not. */
static size_t freedom(const mele_gate *gate)
{
    const mele_i_tree *tree = gate->state;

    return (tree->leaves - 1) * (1 + tree->z.count);
}

static void get(const mele_gate *gate, double *out)
{
    const mele_i_tree *tree = gate->state;
    size_t factors;

    memcpy(out, tree->coefficients, parameters(gate, &factors) * sizeof *out);
}

static void set(mele_gate *gate, const double *in)
{
    mele_i_tree *tree = gate->state;
    size_t factors;

    memcpy(tree->coefficients, in, parameters(gate, &factors) * sizeof *in);
}

static bool start(mele_gate *gate, const mele_gate *from)
{
    mele_i_tree *tree = gate->state;
    const mele_i_tree *given = from->state;

    if (given->z.count != tree->z.count || !mele_i_tree_same_shape(given, tree))
        return false;
    set(gate, given->coefficients);
    mele_i_gate_columns_unfold(&tree->z, tree->coefficients, tree->nodes - 1);
    return true;
}

static void finish(mele_gate *gate)
{
    mele_i_tree *tree = gate->state;

    mele_i_gate_columns_fold(&tree->z, tree->coefficients, tree->nodes - 1);
}

mele_status mele_i_gate_split(const mele_gate *gate, size_t expert, const double *form, mele_gate **out,
                              mele_error *error)
{
    const mele_i_tree *tree = gate->state;
    const size_t width = 1 + tree->z.count;
    mele_i_tree *grown = mele_i_tree_split(tree, expert);
    mele_gate *made = mele_i_gate_new(gate->kind, gate->clusters + 1);

    if (grown == NULL || made == NULL || !mele_i_tree_see(grown, tree->z.on, tree->z.count)) {
        mele_i_tree_free(grown);
        mele_gate_free(made);
        return mele_i_no_memory(error);
    }
    memcpy(grown->z.column, tree->z.column, tree->z.count * sizeof *tree->z.column);
    memcpy(grown->coefficients, tree->coefficients,
           (tree->nodes - 1) * width * sizeof *tree->coefficients);
    double *first = mele_i_tree_coefficients(grown, tree->leaf[expert]);
    for (size_t j = 0; j < width && form != NULL; j++) {
        first[j] = form[j] / 2;
        first[width + j] = -form[j] / 2;
    }
    made->needs = gate->needs;
    made->features = gate->features;
    made->state = grown;
    *out = made;
    return MELE_OK;
}

size_t mele_i_gate_nodes(const mele_gate *gate)
{
    return gate->kind == &mele_i_gate_tree ? ((const mele_i_tree *)gate->state)->nodes : 0;
}

void mele_i_gate_get_nodes(const mele_gate *gate, mele_i_gate_node *out)
{
    const mele_i_tree *tree = gate->state;

    for (size_t v = 0; v < tree->nodes; v++) {
        const mele_i_tree_node *node = &tree->node[v];
        out[v] = (mele_i_gate_node){
            node->parent, node->first, node->count, 0,
            v == 0 ? NULL : tree->coefficients + (v - 1) * (1 + tree->z.count)};
    }
    for (size_t k = 0; k < tree->leaves; k++)
        out[tree->leaf[k]].expert = k;
}

/* ---- forward and backward ---- */

static size_t work(const mele_gate *gate)
{
    const mele_i_tree *tree = gate->state;

    return (tree->nodes - 1) * tree->z.count;
}

/* Where what is computed of some rows stands: z; of every node but the root its own log s_v, and its sum from
 * the root, later R_v; then what the softmaxes' gradients work in. Siblings' numbers stand together, row
 * by row. */
typedef struct room {
    size_t rows;
    double *z, *own, *sums, *panels;
} room;

static room room_of(const mele_i_tree *tree, size_t rows, double *scratch)
{
    const size_t numbers = rows * (tree->nodes - 1);
    room r = {.rows = rows, .z = scratch};

    r.own = r.z + rows * tree->z.count;
    r.sums = r.own + numbers;
    r.panels = r.sums + numbers;
    return r;
}

/* The numbers of a node's children, rows x count. */
static size_t run_at(const mele_i_tree *tree, const room *r, size_t node)
{
    return (tree->node[node].first - 1) * r->rows;
}

/* One node's own numbers in those of its siblings, and how far its rows are apart. */
static size_t node_at(const mele_i_tree *tree, const room *r, size_t node, size_t *step)
{
    const mele_i_tree_node *parent = &tree->node[tree->node[node].parent];

    *step = parent->count;
    return (parent->first - 1) * r->rows + node - parent->first;
}

static size_t most_children(const mele_i_tree *tree)
{
    size_t most = 0;

    for (size_t v = 0; v < tree->nodes; v++)
        most = tree->node[v].count > most ? tree->node[v].count : most;
    return most;
}

static size_t scratch_numbers(const mele_gate *gate, size_t rows, bool backward)
{
    const mele_i_tree *tree = gate->state;

    return rows * (tree->z.count + 2 * (tree->nodes - 1))
           + (backward ? mele_i_softmax_panels(tree->z.count, most_children(tree)) : 0);
}

/* The numbers of a node's children in own and sums. */
static void descend(const mele_i_tree *tree, const room *r, size_t node)
{
    const size_t count = tree->node[node].count, columns = tree->z.count;
    double *own = r->own + run_at(tree, r, node), *sums = r->sums + run_at(tree, r, node);
    size_t step;

    mele_i_kernels_best()->linear(r->z, columns, r->rows, columns,
                                  mele_i_tree_coefficients(tree, node), count, own, count);
    if (node > 0)
        mele_i_kernels_best()->log_softmax(own, r->rows, count, NULL);
    memcpy(sums, own, r->rows * count * sizeof *sums);
    if (node == 0)
        return;
    const double *above = r->sums + node_at(tree, r, node, &step);
    for (size_t i = 0; i < r->rows; i++)
        for (size_t c = 0; c < count; c++)
            sums[i * count + c] += above[i * step];
}

static void forward(const mele_gate *gate, const mele_i_gate_rows *rows, double *scratch, double *out)
{
    const mele_i_tree *tree = gate->state;
    const room r = room_of(tree, rows->count, scratch);
    const size_t K = tree->leaves;

    mele_i_gate_columns_fill(&tree->z, rows, r.z);
    for (size_t v = 0; v < tree->nodes; v++)
        if (tree->node[v].count > 0)
            descend(tree, &r, v);
    if (K == 1)
        memset(out, 0, rows->count * sizeof *out);
    for (size_t k = 0; k < K && K > 1; k++) {
        size_t step;
        const double *at = r.sums + node_at(tree, &r, tree->leaf[k], &step);
        for (size_t i = 0; i < rows->count; i++)
            out[i * K + k] = at[i * step];
    }
}

/* R of the node, where its parent's children have theirs; its own children's become d loss / d a. */
static void ascend(const mele_i_tree *tree, const room *r, size_t node)
{
    const size_t count = tree->node[node].count;
    double *own = r->own + run_at(tree, r, node), *below = r->sums + run_at(tree, r, node);
    size_t step;

    if (node == 0)
        return;
    double *at = r->sums + node_at(tree, r, node, &step);
    mele_i_kernels_best()->exponential(own, r->rows * count);
    for (size_t i = 0; i < r->rows; i++) {
        double sum = 0;
        for (size_t c = 0; c < count; c++)
            sum += below[i * count + c];
        at[i * step] = sum;
        for (size_t c = 0; c < count; c++)
            below[i * count + c] -= own[i * count + c] * sum;
    }
}

static void backward(const mele_gate *gate, const mele_i_gate_rows *rows, const double *residual,
                     double *scratch, double *gradient)
{
    const mele_i_tree *tree = gate->state;
    const room r = room_of(tree, rows->count, scratch);
    const size_t K = tree->leaves, columns = tree->z.count;

    for (size_t k = 0; k < K && K > 1; k++) {
        size_t step;
        double *at = r.sums + node_at(tree, &r, tree->leaf[k], &step);
        for (size_t i = 0; i < rows->count; i++)
            at[i * step] = residual[i * K + k];
    }
    for (size_t v = tree->nodes; v-- > 0;) {
        const mele_i_tree_node *node = &tree->node[v];
        if (node->count == 0)
            continue;
        ascend(tree, &r, v);
        mele_i_softmax_gradient(r.z, columns, rows->count, r.sums + run_at(tree, &r, v), node->count,
                                r.panels, gradient + (node->first - 1) * (1 + columns));
    }
}

/* Experts change places between leaves; the tree stays. */
static mele_status reorder(mele_gate *gate, const size_t *order, mele_error *error)
{
    mele_i_tree *tree = gate->state;
    size_t *was = MELE_I_ARRAY(size_t, tree->leaves);

    if (was == NULL)
        return mele_i_no_memory(error);
    memcpy(was, tree->leaf, tree->leaves * sizeof *was);
    for (size_t k = 0; k < tree->leaves; k++)
        tree->leaf[k] = was[order[k]];
    free(was);
    return MELE_OK;
}

/* ---- for people, and the file ---- */

static size_t describe(const mele_gate *gate, char *out, size_t size)
{
    const mele_i_tree *tree = gate->state;

    return (size_t)snprintf(out, size, "%s of depth %zu on %s, %zu coefficients", gate->kind->name,
                            mele_i_tree_depth(tree), tree->z.on->name,
                            (tree->nodes - 1) * (1 + tree->z.count));
}

static bool save(const mele_gate *gate, json_t *section)
{
    return mele_i_tree_save(gate->state, section);
}

static mele_status load(const json_t *section, mele_gate *gate, mele_error *error)
{
    mele_i_tree *tree = NULL;
    mele_status status = mele_i_tree_load(section, gate->clusters, &tree, error);

    if (status != MELE_OK)
        return status;
    gate->state = tree;
    mele_i_gate_columns_ask(&tree->z, 0, gate);
    return MELE_OK;
}

const mele_i_gate_kind mele_i_gate_tree = {
    .name = "tree", .trained = true, .has_input = true, .for_families = true, .make = make,
    .prepare = prepare, .train = mele_i_tree_train, .finish = finish, .free = mele_i_tree_free,
    .start = start, .parameters = parameters, .freedom = freedom, .get = get, .set = set, .work = work,
    .scratch = scratch_numbers, .forward = forward, .backward = backward, .reorder = reorder,
    .describe = describe,
    .save = save, .load = load};
