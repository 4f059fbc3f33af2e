#ifndef MELE_FAMILY_ORDER_H
#define MELE_FAMILY_ORDER_H

#include "fit/run.h"

/* The order of experts that random starts have made (order.c says which). */

/* What random starts have made. */
typedef struct mele_i_family_exchangeable {
    mele_experts *experts;
    mele_gate *gate;
    mele_partition *partition; /* of which the gate has the posteriors; NULL: it needs none */
    mele_expert_info *info;    /* K */
    double *scales;            /* K x scale_count; NULL: there are none */
    size_t scale_count;
} mele_i_family_exchangeable;

/* All of it into that order; by the centres of the partition where there is one. The run's model has the
 * features that they see. After a failure (MELE_ENOMEM) it can only be freed. */
mele_status mele_i_family_number(mele_i_run *run, const mele_i_family_exchangeable *parts,
                                 mele_error *error);

#endif
