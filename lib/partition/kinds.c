/* The table of the kinds of partition. */
#include "partition/kinds.h"

#include <string.h>

static const mele_i_partition_kind *const kinds[] = {&mele_i_partition_kmeans,
                                                     &mele_i_partition_gmm, &mele_i_partition_fcm,
                                                     &mele_i_partition_som,
                                                     &mele_i_partition_random};

#define KINDS (sizeof kinds / sizeof *kinds)
const char *mele_partition_method(size_t i)
{
    return i < KINDS ? kinds[i]->name : NULL;
}

const mele_i_partition_kind *mele_i_partition_kind_named(const char *name)
{
    for (size_t i = 0; i < KINDS && name != NULL; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}
