#ifndef MELE_FIT_REFINING_H
#define MELE_FIT_REFINING_H

#include "fit/em.h"
#include "fit/run.h"

/* A run's mixture under EM. It points into itself and into the run. */
typedef struct mele_i_refining {
    mele_i_em_problem problem;
    mele_i_em em;
    double *posteriors; /* memory of those that are held */
} mele_i_refining;

/* The problem of a run's rows, without posteriors, experts of a kind and the run's gate; points into the run. */
void mele_i_refining_problem(mele_i_run *run, const char *kind, mele_i_em_problem *out);

/* From the run's experts and gate. mele_i_refining_clear(), also after a failure. */
mele_status mele_i_refining_start(mele_i_run *run, mele_i_refining *refining, mele_error *error);
void mele_i_refining_clear(mele_i_refining *refining);

/* The run's rows, for a mixture with that gate; posteriors are made as they are read. */
mele_status mele_i_refining_rows(mele_i_run *run, const mele_gate *gate, mele_i_mixture_rows *out,
                                 mele_error *error);

/* Whether a gate of these options, of a kind that is settled, is refined itself. In place of another, which
 * a choice of gates may end with, a softmax gate on features is. */
bool mele_i_refining_takes(const mele_gate_options *gate);
mele_gate_options mele_i_refining_gate(const mele_gate_options *gate);

/* A run of stages 2 and 3 on some rows of a run's data, with its stage 1, and EM from there. It points
 * into itself. */
typedef struct mele_i_refining_part {
    mele_options options;
    mele_model model;
    mele_i_run run;
    mele_i_refining refining;
    mele_gate *plain; /* the gate without refinement, where it is not the one that is refined; NULL */
} mele_i_refining_part;

/* data: a part of the run's. fold: of the random streams. mele_i_refining_part_clear(), also after a
 * failure. */
mele_status mele_i_refining_part_start(const mele_i_run *run, const mele_data *data, size_t fold,
                                       mele_engine *engine, mele_i_refining_part *part,
                                       mele_error *error);
void mele_i_refining_part_clear(mele_i_refining_part *part);

/* What the part's mixture, as it is, says of other rows of the run's data; before the first step with
 * the gate that there is without refinement. */
mele_status mele_i_refining_part_predict(mele_i_refining_part *part, const mele_data *data,
                                         mele_engine *engine, const mele_i_mixture_said *out,
                                         mele_error *error);

#endif
