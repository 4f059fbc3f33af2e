#ifndef MELE_FIT_STAGES_H
#define MELE_FIT_STAGES_H

#include <jansson.h>

#include "engine/row_cache.h"
#include "fit/run.h"

/* Stage 1 under way: what there is before the number of regions is known, and what a choice of that
 * number hands on. It points into itself. */
typedef struct mele_i_regions_fit {
    double began, fit_began;        /* by the clock */
    mele_i_summary summary;         /* of the design columns */
    mele_i_coordinates points;      /* the rows in the space that is clustered */
    mele_i_row_cache cache;         /* of many of them that are in memory */
    mele_partition_options options; /* of any number of regions */
    mele_matrix given;              /* what options may point to */
    double *centres, *units;
    size_t clusters;                /* the number of regions; 0: to be chosen */

    mele_partition *partition;      /* of so many, from the choice; NULL: not fitted yet */
    mele_partition_info info;
    json_t *choice;                 /* what was chosen from; NULL: the number was given */
} mele_i_regions_fit;

/* Schema and scalings: what every model starts with. */
mele_status mele_i_run_start(mele_i_run *run, mele_error *error);

/* A map has as many units as there are regions: MELE_EINVAL where their number is given and another. */
mele_status mele_i_check_grid(const mele_options *options, mele_error *error);

/* The space that would be clustered, of a run that was started. */
mele_status mele_i_run_make_space(mele_i_run *run, mele_error *error);

/* Schema, scalings and the space that is clustered. mele_i_regions_fit_clear(), whatever this
 * returns. */
mele_status mele_i_run_space(mele_i_run *run, mele_i_regions_fit *fit, mele_error *error);
void mele_i_regions_fit_clear(mele_i_regions_fit *fit);

/* A partition into so many regions. */
mele_status mele_i_fit_regions(const mele_i_regions_fit *fit, const mele_data *data,
                               size_t clusters, mele_engine *engine, mele_partition **out,
                               mele_partition_info *info, mele_error *error);

/* Which left-out predictions stage 2 keeps in run->left_out: none, all, or those that stage 3 of the
 * same run needs. */
typedef enum mele_i_keep { MELE_I_KEEP_NONE, MELE_I_KEEP_ALL, MELE_I_KEEP_FOR_GATE } mele_i_keep;

/* Each stage sets its part of run->model and the record of it, and frees nothing that the model
 * had before: the caller, who knows what else shares it, does.
 * fit: with a number of regions. */
mele_status mele_i_run_partition(mele_i_run *run, mele_i_regions_fit *fit, mele_error *error);
mele_status mele_i_run_experts(mele_i_run *run, mele_i_keep keep, mele_error *error);
mele_status mele_i_run_gate(mele_i_run *run, mele_error *error);

/* After stage 3: leave a global expert behind that neither the gate nor a region needs. *old: the experts
 * that the model no longer has, which are the caller's; NULL: it has the same. MELE_ENOMEM. */
mele_status mele_i_run_shed(mele_i_run *run, mele_experts **old, mele_error *error);

/* ---- what stage 3 asks of stage 2 ---- */

/* What experts of the run are trained on, but for the assignment, and as its options say. The data are not to
 * be moved with the run. */
mele_expert_data mele_i_run_expert_data(mele_i_run *run);
mele_expert_options mele_i_run_expert_options(const mele_i_run *run);

/* Train experts on the run's rows, as the options of the run say but for what `which` says of only,
 * freeze, start, cold and global. left_out: what is kept of them, to be cleared. info: NULL: not wanted. */
mele_status mele_i_run_train_experts(mele_i_run *run, const mele_expert_options *which,
                                     mele_i_keep keep, mele_experts **out,
                                     mele_i_run_left_out *left_out, mele_expert_info *info,
                                     mele_error *error);

#endif
