/* The table of families. */
#include "family/families.h"

#include <string.h>

#include "model/family_options.h"

#define ROW(identifier, name) &mele_i_family_##identifier,
static const mele_i_family *const families[] = {MELE_I_FAMILIES(ROW)};
#undef ROW

const char *mele_family(size_t i)
{
    return mele_i_family_name(i);
}

const char *mele_family_help(size_t i)
{
    return i < sizeof families / sizeof *families ? families[i]->help : NULL;
}

const mele_i_family *mele_i_family_named(const char *name)
{
    for (size_t i = 0; mele_family(i) != NULL; i++)
        if (strcmp(mele_family(i), name) == 0)
            return families[i];
    return NULL;
}

const char *mele_family_sweeps(const char *name)
{
    const mele_i_family *family = name == NULL ? NULL : mele_i_family_named(name);

    return family == NULL ? NULL : family->swept;
}
