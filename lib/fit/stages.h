#ifndef MELE_FIT_STAGES_H
#define MELE_FIT_STAGES_H

#include <mele/fit.h>

#include "model/model.h"

/* One run of stages over one data set. What stages share is computed when the first one needs it,
 * and from the model and the data alone, so that a stage run on its own sees the same bytes. */
typedef struct mele_i_run {
    const mele_data *data;
    const mele_posteriors *posteriors; /* NULL: the model's partition */
    const mele_options *options;
    mele_engine *engine;
    mele_report *report;
    mele_model *model;

    mele_i_features features;
    double *design;             /* n x d, scaled */
    double *targets;            /* n x m, scaled; classes as they are */
    double *joint;              /* n x K log posteriors that choose the experts' rows */
    double *marginal;           /* n x K log posteriors as a prediction sees them; may be joint */
    double *left_out;           /* n x K x M */
    double *left_out_variance;  /* n x K x M; NULL for classes */
} mele_i_run;

/* Schema and scalings: what every model starts with. */
mele_status mele_i_run_start(mele_i_run *run, mele_error *error);

/* Each stage sets its part of run->model and the record of it, and frees nothing that the model
 * had before: the caller, who knows what else shares it, does.
 * keep_left_out: stage 3 will follow on this run, so stage 2 keeps what it needs. */
mele_status mele_i_run_partition(mele_i_run *run, mele_error *error);
mele_status mele_i_run_experts(mele_i_run *run, bool keep_left_out, mele_error *error);
mele_status mele_i_run_gate(mele_i_run *run, mele_error *error);

/* Free what the run holds; the model stays. */
void mele_i_run_clear(mele_i_run *run);

#endif
