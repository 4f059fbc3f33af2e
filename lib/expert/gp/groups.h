#ifndef MELE_EXPERT_GP_GROUPS_H
#define MELE_EXPERT_GP_GROUPS_H

#include "expert/gp/subset.h"
#include "expert/gp/state.h"

/* What a trained process says of rows without their groups. */
typedef struct mele_i_gp_leaving {
    const mele_i_expert_rows *rows; /* of several groups */
    const mele_i_gp_subset *subset;
    const mele_i_gp *gp;
    const double *ones;      /* of the subset: R^-1 1 */
    double *mean, *variance; /* (count + asked) x M */
} mele_i_gp_leaving;

/* Fill mean and variance. The hyper-parameters stay as they are, the mean is estimated without the
 * group. O(n^3), and n^2 a row outside the subset. */
mele_status mele_i_gp_leave_out_groups(const mele_i_gp_leaving *leaving, mele_engine *engine,
                                       mele_error *error);

#endif
