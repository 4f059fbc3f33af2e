#ifndef MELE_PARTITION_KINDS_H
#define MELE_PARTITION_KINDS_H

#include "partition/kind.h"

/* The kind by its name, NULL when there is none such. */
const mele_i_partition_kind *mele_i_partition_kind_named(const char *name);

#endif
