#ifndef MELE_FAMILY_FAMILIES_H
#define MELE_FAMILY_FAMILIES_H

#include "family/family.h"

/* The table of families. By name; NULL: there is none. */
const mele_i_family *mele_i_family_named(const char *name);

/* Whether a NULL-ended list of names, NULL: of none, has that one. */
bool mele_i_family_is_listed(const char *const *list, const char *name);

/* Whether a fit of the family looks at an option of a stage or of families. */
bool mele_i_family_looks_at(const mele_i_family *family, const char *option);

#endif
