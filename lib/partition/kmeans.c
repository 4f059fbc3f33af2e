/* k-means as a kind of partition: the fit is Lloyd's iteration (lloyd.c), what it stands for the
 * mixture of shared.c. */
#include "partition/shared.h"

static mele_status fit(const mele_i_attempt *attempt, mele_partition *trial,
                       mele_partition_info *info, mele_error *error)
{
    return mele_i_shared_fit(attempt, true, trial, info, error);
}

const mele_i_partition_kind mele_i_partition_kmeans = {
    .name = "kmeans",
    .keys = "kind,clusters,columns,centres,variance",
    .start = "kmeans++",
    .why_fewer = MELE_I_FEW_DISTINCT,
    MELE_I_SHARED_VARIANCE,
    .shape_count = mele_i_shared_count,
    .fit = fit,
    .marginal = mele_i_shared_marginal,
    .reorder = mele_i_shared_keep_order,
    .take = mele_i_shared_take,
    .save = mele_i_shared_save,
    .load = mele_i_shared_load,
};
