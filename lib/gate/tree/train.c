/* Training of a tree on shares h. The cross-entropy of a row, and its penalty, are sums over nodes:
 *
 *     -sum_k h_k log g_k = sum over inner nodes v of  -sum over children u of v  H_u log s_u,
 *
 * H_u the sum of h_k over the leaves at or below u. So every node is a softmax gate that is trained by
 * itself, on shares H_u that sum to the probability H_v of the row having come to v: a multinomial
 * logistic fit with weights H_v (Jordan, Jacobs 1994). Its minimum is the tree's.
 *
 * Other losses are no such sums; they are minimised over all coefficients at once. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "engine/rows.h"
#include "gate/softmax/softmax.h"
#include "gate/tree/tree.h"

#define BLOCK_WORK ((size_t)1 << 17)
#define LEAST_ROWS 64

/* The shares of a node's children: rows x children. */
typedef struct summing {
    const mele_rows *shares;
    const size_t *branch; /* K: the child that an expert is at or below; `children`: it is below none */
    size_t children;
    double *out;
} summing;

static void set_branches(const mele_i_tree *tree, size_t node, size_t *branch)
{
    const mele_i_tree_node *of = &tree->node[node];

    for (size_t k = 0; k < tree->leaves; k++) {
        size_t v = tree->leaf[k];
        while (v > 0 && tree->node[v].parent != node)
            v = tree->node[v].parent;
        branch[k] = v > 0 ? v - of->first : of->count;
    }
}

static mele_status sum_block(void *context, mele_i_block block, void *partial, void *scratch,
                             mele_error *error)
{
    const summing *s = context;
    const size_t K = s->shares->cols;
    const double *share;
    size_t stride;
    mele_status status = mele_i_rows_take(s->shares, block, scratch, &share, &stride, error);

    (void)partial;
    if (status != MELE_OK)
        return status;
    double *out = s->out + block.first * s->children;
    memset(out, 0, block.count * s->children * sizeof *out);
    for (size_t i = 0; i < block.count; i++)
        for (size_t k = 0; k < K; k++)
            if (s->branch[k] < s->children)
                out[i * s->children + s->branch[k]] += share[i * stride + k];
    return MELE_OK;
}

static mele_status sum_shares(summing *s, mele_engine *engine, mele_error *error)
{
    const size_t block_rows = mele_i_block_rows(2 * s->shares->cols, BLOCK_WORK, LEAST_ROWS);
    const mele_i_pass pass = {
        .rows = s->shares->rows, .block_rows = block_rows, .map = sum_block, .context = s,
        .scratch_bytes = mele_i_rows_room(s->shares, block_rows) * sizeof(double)};

    return mele_i_pass_run(engine, &pass, error);
}

/* The softmax of a node's children, whose state is the tree's own. */
static mele_status train_softmax(mele_gate *gate, size_t node, const mele_i_gate_training *training,
                                 mele_gate_info *info, mele_error *error)
{
    mele_i_tree *tree = gate->state;
    mele_i_softmax state = {.clusters = tree->node[node].count, .z = tree->z,
                            .coefficients = mele_i_tree_coefficients(tree, node)};
    mele_gate softmax = {.kind = &mele_i_gate_softmax, .clusters = state.clusters,
                         .needs = gate->needs, .features = gate->features, .state = &state};

    return mele_i_gate_train(&softmax, training, mele_i_gate_part_step(&softmax, training), info, error);
}

/* branch: room for K. */
static mele_status train_node(mele_gate *gate, size_t node, const mele_i_gate_training *training,
                              size_t *branch, mele_gate_info *info, mele_error *error)
{
    const mele_i_tree *tree = gate->state;
    const size_t children = tree->node[node].count;
    mele_gate_data data = {.rows = training->data->rows, .clusters = children, .x = training->data->x,
                           .center = training->data->center, .scale = training->data->scale,
                           .weights = training->data->weights};
    mele_i_gate_training own = *training;
    summing s = {&training->data->shares, branch, children,
                 mele_i_large_array(data.rows, children * sizeof(double))};

    set_branches(tree, node, branch);
    mele_status status = s.out == NULL ? mele_i_no_memory(error)
                                       : sum_shares(&s, training->engine, error);
    data.shares = mele_rows_of_array(s.out, data.rows, children);
    own.data = &data;
    if (status == MELE_OK)
        status = train_softmax(gate, node, &own, info, error);
    free(s.out);
    return status;
}

static mele_status train_nodes(mele_gate *gate, const mele_i_gate_training *training,
                               mele_gate_info *info, mele_error *error)
{
    const mele_i_tree *tree = gate->state;
    size_t *branch = MELE_I_ARRAY(size_t, tree->leaves);
    mele_status status = branch == NULL ? mele_i_no_memory(error) : MELE_OK;

    for (size_t v = 0; v < tree->nodes && status == MELE_OK; v++) {
        mele_gate_info found;
        if (tree->node[v].count == 0)
            continue;
        status = train_node(gate, v, training, branch, &found, error);
        if (status == MELE_OK) {
            info->iterations += found.iterations;
            info->converged = info->converged && found.converged;
        }
    }
    free(branch);
    return status;
}

mele_status mele_i_tree_train(mele_gate *gate, const mele_i_gate_training *training,
                              mele_gate_info *info, mele_error *error)
{
    const mele_i_tree *tree = gate->state;

    if (tree->leaves == 1)
        return MELE_OK;
    return training->loss_needs & MELE_I_GATE_SHARES ? train_nodes(gate, training, info, error)
                                                     : mele_i_gate_train(gate, training, 0, info, error);
}
