/* The table of what gates may see. */
#include <string.h>

#include "gate/gate.h"
#include "gate/kind.h"

static const mele_i_gate_input inputs[] = {
    {"posteriors", true, false}, {"features", false, true}, {"both", true, true}};

#define COUNT (sizeof inputs / sizeof inputs[0])

const char *mele_gate_input(size_t i)
{
    return i < COUNT ? inputs[i].name : NULL;
}

const mele_i_gate_input *mele_i_gate_input_find(const char *name)
{
    if (name == NULL)
        return &inputs[0];
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(inputs[i].name, name) == 0)
            return &inputs[i];
    return NULL;
}
