/* The tables: kinds of gates, losses. */
#include <string.h>

#include "gate/candidates.h"
#include "gate/kind.h"

static const mele_i_gate_kind *const kinds[] = {&mele_i_gate_hard, &mele_i_gate_posterior,
                                                &mele_i_gate_temperature, &mele_i_gate_softmax,
                                                &mele_i_gate_mlp, &mele_i_gate_global,
                                                &mele_i_gate_constant, &mele_i_gate_tree,
                                                &mele_i_gate_sparse};

static const mele_i_gate_loss *const losses[] = {&mele_i_gate_likelihood, &mele_i_gate_squared,
                                                 &mele_i_gate_cross_entropy};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

const char *mele_gate_kind(size_t i)
{
    for (size_t at = 0; at < COUNT(kinds); at++)
        if (!kinds[at]->for_families && i-- == 0)
            return kinds[at]->name;
    return i == 0 ? MELE_I_GATE_AUTO : NULL;
}

const char *mele_gate_loss(size_t i)
{
    return i < COUNT(losses) ? losses[i]->name : NULL;
}

const mele_i_gate_kind *mele_i_gate_kind_find(const char *name)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

const mele_i_gate_loss *mele_i_gate_loss_find(const char *name)
{
    for (size_t i = 0; i < COUNT(losses); i++)
        if (strcmp(losses[i]->name, name) == 0)
            return losses[i];
    return NULL;
}
