/* The table of kinds. */
#include "expert/kinds.h"

#include <string.h>

static const mele_i_expert_kind *const kinds[] = {&mele_i_expert_linear, &mele_i_expert_logistic,
                                                  &mele_i_expert_mlp, &mele_i_expert_gp};

#define KINDS (sizeof kinds / sizeof *kinds)

const char *mele_expert_kind(size_t i)
{
    return i < KINDS ? kinds[i]->name : i == KINDS ? MELE_I_AUTO : NULL;
}

double mele_expert_ridge(size_t i)
{
    return i < KINDS ? kinds[i]->ridge : MELE_RIDGE_DEFAULT;
}

const mele_i_expert_kind *mele_i_expert_kind_at(size_t i)
{
    return i < KINDS ? kinds[i] : NULL;
}

const mele_i_expert_kind *mele_i_expert_kind_named(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}
