#ifndef MELE_FIT_RUN_H
#define MELE_FIT_RUN_H

#include <mele/fit.h>

#include "engine/row_cache.h"
#include "expert/expert.h"
#include "model/model.h"
#include "partition/partition.h"
#include "schema/space.h"

/* The coordinates of all rows, as stage 1 sees them. */
typedef struct mele_i_coordinates {
    mele_i_space_rows source;
    mele_rows rows;
    double *owned; /* NULL: they are the data themselves, or made when they are asked for */
} mele_i_coordinates;

/* Log posteriors of all rows: made block by block of the rows' coordinates, or from elsewhere. */
typedef struct mele_i_run_posteriors {
    mele_i_coordinates points;
    mele_i_posterior_rows made;
    mele_rows rows; /* n x K; no columns: they have not been needed yet */
} mele_i_run_posteriors;

/* Left-out predictions: all of them, or those of the rows' own experts, of which the others are made as
 * they are asked for; NULL: there are none. */
typedef struct mele_i_run_left_out {
    mele_left_out *all; /* held */
    mele_i_left_out_own *own;
} mele_i_run_left_out;

/* The scaled features of all rows, made as they are read. */
typedef struct mele_i_run_design {
    mele_i_design_rows source;
    mele_rows rows;         /* no columns: they have not been needed yet */
    mele_i_row_cache cache; /* of rows, where they are few numbers that are in memory */
} mele_i_run_design;

/* One run of stages over one data set. What stages share is computed when the first one needs it,
 * and from the model and the data alone, so that a stage run on its own sees the same bytes. */
typedef struct mele_i_run {
    const mele_data *data;
    const mele_posteriors *posteriors; /* NULL: the model's partition */
    const mele_left_out *given;        /* left-out predictions of the model's experts; NULL: none */
    const mele_predictions *predictions; /* of outside experts, in place of the model's; NULL: none */
    const mele_options *options;
    mele_engine *engine;
    mele_report *report;
    mele_model *model;

    mele_gate_options gate; /* those of stage 3: of kind "auto" until it is known what that is */
    json_t *gate_choice;    /* what it was chosen from; NULL: it was not, or not yet */
    bool chosen_before;     /* by stage 1, whose record has it */
    const char *why_no_refits;
    const json_t *family_choice; /* what a family was chosen from; NULL: nothing was chosen */
    bool clusters_fixed;    /* the family has no other number of experts */
    bool compared;          /* the fit is one of many that are compared, and thrown away: it may end where its
                               predictions are nearly what they would be */

    mele_i_features features;
    bool *constant; /* which features are, of the rows of positive weight; NULL: not yet known */
    mele_i_run_design expert_x; /* see mele_i_run_expert_x() */
    mele_i_run_design gate_x;   /* see mele_i_run_gate_x(); not used where it is the same */
    mele_i_scaled_rows targets; /* see mele_i_run_targets() */
    mele_i_run_posteriors joint;    /* those that choose the experts' rows */
    mele_i_run_posteriors marginal; /* those that a prediction sees */
    uint32_t *labels;           /* n: the regions of the largest of the joint ones */
    mele_i_run_left_out left_out; /* what the gate is trained on */
} mele_i_run;

/* A run that has nothing yet. */
mele_i_run mele_i_run_of(const mele_data *data, const mele_handover *handover,
                         const mele_options *options, mele_engine *engine, mele_report *report,
                         mele_model *model);

void mele_i_run_left_out_clear(mele_i_run_left_out *left_out);

/* Free what the run holds; the model stays. */
void mele_i_run_clear(mele_i_run *run);

/* The classes of the target; 0: regression. */
size_t mele_i_run_classes(const mele_i_run *run);

/* ---- what stages share: each function fills what it is named after, unless it is there ---- */

mele_status mele_i_run_need_joint(mele_i_run *run, mele_error *error);
mele_status mele_i_run_need_marginal(mele_i_run *run, mele_error *error);
mele_status mele_i_run_need_labels(mele_i_run *run, mele_error *error);

/* Whether the gate is global, or may yet become so. */
bool mele_i_run_may_be_global(const mele_i_run *run);

/* The scaled features of all rows that the model's experts see, and those that its gate sees, made as
 * they are read; not to be moved with the run. */
mele_rows mele_i_run_expert_x(mele_i_run *run);
mele_rows mele_i_run_gate_x(mele_i_run *run);

/* The scaled targets of all rows, made as they are read; classes as they are. Not to be moved with the
 * run. */
mele_rows mele_i_run_targets(mele_i_run *run);

/* The scaling of regression targets, unless the model has it. */
mele_status mele_i_run_scale_targets(mele_i_run *run, mele_error *error);

/* Free out->owned, also after a failure. hold: those that are not in a file are made once and held, for
 * who reads them many times. */
mele_status mele_i_run_coordinates(mele_i_run *run, bool with_targets, bool hold,
                                   mele_i_coordinates *out, mele_error *error);

/* ---- what the model and the report say of the run ---- */

/* Set training[key] and the same key of the report, taking the reference. */
mele_status mele_i_run_record(mele_i_run *run, const char *key, json_t *value, mele_error *error);

mele_status mele_i_run_record_options(mele_i_run *run, mele_error *error);

void mele_i_run_start_report(const mele_i_run *run);

#endif
