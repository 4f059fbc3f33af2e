/* The table of families. */
#include "family/families.h"

#include <string.h>

#include "model/family_options.h"
#include "model/options.h"

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

size_t mele_family_clusters(const char *name)
{
    const mele_i_family *family = name == NULL ? NULL : mele_i_family_named(name);

    return family == NULL || !family->fixed ? 0 : family->clusters;
}

size_t mele_family_default_clusters(const char *name)
{
    const mele_i_family *family = name == NULL ? NULL : mele_i_family_named(name);

    return family == NULL ? 0 : family->clusters;
}

const char *mele_family_sweeps(const char *name)
{
    const mele_i_family *family = name == NULL ? NULL : mele_i_family_named(name);

    return family == NULL ? NULL : family->swept;
}

bool mele_i_family_is_listed(const char *const *list, const char *name)
{
    for (; list != NULL && *list != NULL; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

bool mele_i_family_looks_at(const mele_i_family *family, const char *option)
{
    static const char *const of_regions[] = {"assign", "min-rows", "small", NULL};
    const mele_option_stage stage = mele_option_stage_of(option);

    if (strcmp(option, "family") == 0 || mele_i_family_is_listed(family->options, option))
        return true;
    if (stage == MELE_OPTION_EXPERTS && (family->takes & MELE_I_FAMILY_ANY_EXPERT))
        return !mele_i_family_is_listed(of_regions, option);
    return stage != MELE_OPTION_FAMILY && (family->takes & MELE_I_FAMILY_STAGES);
}

bool mele_family_looks_at(const char *name, const char *option)
{
    const mele_i_family *family = name == NULL ? NULL : mele_i_family_named(name);

    return family != NULL && option != NULL && mele_option_help(option) != NULL
           && mele_i_family_looks_at(family, option);
}
