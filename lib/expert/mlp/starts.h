#ifndef MELE_EXPERT_MLP_STARTS_H
#define MELE_EXPERT_MLP_STARTS_H

#include "expert/mlp/sample.h"

/* One training run: weights (as many as the plan says), how it went, and what it is judged by. */
typedef struct mele_i_mlp_run {
    double *weights, judged;
    size_t epochs, start;
    bool converged;
} mele_i_mlp_run;

/* Random weights, where inputs that do not vary have no say. */
void mele_i_mlp_draw_start(const mele_i_mlp_plan *plan, const mele_i_mlp_sample *sample,
                           mele_i_stream *stream, double *weights);

/* The weights of a network of plan->warm, `from`, in this sample's units; false where they are not
 * finite. */
bool mele_i_mlp_warm_start(const mele_i_mlp_plan *plan, const mele_i_mlp_sample *sample,
                           const double *from, double *weights);

/* Train the start of that number; run->weights is the caller's. warm: from the plan's expert, if it
 * has one. */
mele_status mele_i_mlp_train_start(const mele_i_mlp_plan *plan, const mele_i_mlp_sample *sample,
                                   size_t start, bool warm, mele_engine *engine,
                                   mele_i_mlp_run *run, mele_error *error);

/* All starts, as tasks, the best first. */
mele_status mele_i_mlp_run_starts(const mele_i_mlp_plan *plan, const mele_i_mlp_sample *sample,
                                  mele_i_mlp_run *runs, mele_engine *engine, mele_error *error);

#endif
