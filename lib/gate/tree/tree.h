#ifndef MELE_GATE_TREE_TREE_H
#define MELE_GATE_TREE_TREE_H

#include "gate/columns.h"

/* A node, and the run of its children: first .. first + count - 1; a leaf has none. */
typedef struct mele_i_tree_node {
    size_t parent, first, count;
} mele_i_tree_node;

/* The state of the kind tree. Nodes are numbered from the root, 0; a node comes after its parent, and
 * beside its siblings, of whom every inner node has two or more. */
typedef struct mele_i_tree {
    size_t leaves; /* K */
    size_t nodes;
    mele_i_tree_node *node;
    size_t *leaf; /* K: the node of each expert */
    mele_i_gate_columns z;
    double *coefficients; /* (nodes - 1) x (1 + columns): b and V of every node but the root. Those of a
                             node's children stand together, as a softmax gate has them */
} mele_i_tree;

/* ---- the shape (shape.c) ---- */

/* A tree of so many leaves of at most this depth (0: binary), as even as can be: a node has at most
 * ceil(leaves^(1/depth)) children, whose leaves differ by one at most, the first having the more. Experts are its
 * leaves from left to right. NULL: no memory. */
mele_i_tree *mele_i_tree_even(size_t leaves, size_t depth);

/* The shape of another one; of the same, with two leaves in the place of an expert's: the expert itself and a
 * new one, the last. NULL: no memory. */
mele_i_tree *mele_i_tree_shaped(const mele_i_tree *tree);
mele_i_tree *mele_i_tree_split(const mele_i_tree *tree, size_t expert);

/* A tree from what a file says of it: the parents of all nodes but the root, and the experts' nodes. MELE_EDATA:
 * they are no tree, and why. */
mele_status mele_i_tree_of(const size_t *parents, size_t nodes, const size_t *leaf, size_t leaves,
                           mele_i_tree **out, mele_error *error);

bool mele_i_tree_same_shape(const mele_i_tree *a, const mele_i_tree *b);

/* The levels below the root: 0 of a single leaf. */
size_t mele_i_tree_depth(const mele_i_tree *tree);

/* Room for what nodes are computed from, of which the coefficients are 0. false: no memory. */
bool mele_i_tree_see(mele_i_tree *tree, const mele_i_gate_input *on, size_t columns);
void mele_i_tree_free(void *state);

/* The coefficients of a node's children. */
static inline double *mele_i_tree_coefficients(const mele_i_tree *tree, size_t node)
{
    return tree->coefficients + (tree->node[node].first - 1) * (1 + tree->z.count);
}

/* ---- training (train.c) ---- */

/* As mele_i_gate_kind has it. */
mele_status mele_i_tree_train(mele_gate *gate, const mele_i_gate_training *training,
                              mele_gate_info *info, mele_error *error);

/* ---- the model file (section.c) ---- */

bool mele_i_tree_save(const mele_i_tree *tree, json_t *section);
mele_status mele_i_tree_load(const json_t *section, size_t clusters, mele_i_tree **out, mele_error *error);

#endif
