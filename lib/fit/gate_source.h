#ifndef MELE_FIT_GATE_SOURCE_H
#define MELE_FIT_GATE_SOURCE_H

#include "fit/left_out.h"
#include "fit/run.h"

/* What gates of a run are trained on and measured by: what stage 1 says of the rows, and what the
 * experts predict of them left out. Gates of any kind and loss share one. */
typedef struct mele_i_gate_source {
    mele_i_run *run;
    size_t clusters, outputs, classes;
    const mele_left_out *all; /* the one that there is of the two */
    mele_i_left_out_own *own;
    mele_gate_data data;
    mele_left_out *global;    /* memory: the global expert's, where it alone is blended; not of `own` */
    mele_targets targets;
    double *log_likelihoods, *predictions, *wanted; /* memory, of what is held */
} mele_i_gate_source;

/* Of a run that has its marginal posteriors, or needs none, and its left-out predictions. It points into
 * the run and itself, and is cleared with mele_i_gate_source_clear(). Nothing is made yet. */
void mele_i_gate_source_make(mele_i_run *run, mele_i_gate_source *out);

/* The same of the global expert alone, as if there were one region. *known: whether its left-out
 * predictions are there; where they are not, nothing is made. */
mele_status mele_i_gate_source_global(mele_i_run *run, bool *known, mele_i_gate_source *out,
                                      mele_error *error);

void mele_i_gate_source_clear(mele_i_gate_source *source);

/* Before a gate of these options is fitted: what its training looks at in every iteration is made once and
 * held, for all such gates; for the squared loss of classes these are probabilities. MELE_ENOMEM;
 * MELE_EDATA: a class or a variance that is none. */
mele_status mele_i_gate_source_need(mele_i_gate_source *source, const mele_gate_options *options,
                                    mele_error *error);

/* What measures look at: in one pass means and likelihoods are made at once. */
mele_i_left_out_view mele_i_gate_source_view(const mele_i_gate_source *source, const mele_gate *gate);

#endif
