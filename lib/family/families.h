#ifndef MELE_FAMILY_FAMILIES_H
#define MELE_FAMILY_FAMILIES_H

#include "family/family.h"

/* The table of families. By name; NULL: there is none. */
const mele_i_family *mele_i_family_named(const char *name);

#endif
