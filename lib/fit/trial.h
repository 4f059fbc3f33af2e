#ifndef MELE_FIT_TRIAL_H
#define MELE_FIT_TRIAL_H

#include "fit/course.h"
#include "fit/gate_source.h"

/* One fold of a course and one number of regions: stages 1 and 2 are trained once on the rows outside the
 * fold, and the rows inside are asked for once what stage 1 and the experts say of them. Gates of any kind
 * are then trained and measured on these; so is what else stands on trained stages. It points into itself
 * and is not to be moved. */
typedef struct mele_i_trial {
    const mele_i_course *course;
    mele_options options;   /* of this fit */
    mele_i_fold rows;
    mele_model *model;      /* stages 1 and 2; no gate */
    mele_i_run training;    /* the rows outside the fold, with left-out predictions where they are needed */
    mele_i_run left_out;    /* those inside, to which all experts are new */
    mele_i_gate_source outside; /* what gates are trained on */
    mele_i_gate_source inside;  /* what is blended of the rows left out, */
    mele_i_gate_source by_one;  /* and what the global expert says of them */
    bool has_global;        /* there is by_one */
    const double *x;        /* of the rows inside what experts see, and how many numbers that is */
    size_t columns;
    double *memory[4];      /* of rows that are made */
} mele_i_trial;

/* What is to be there beside the experts. */
typedef struct mele_i_trial_needs {
    bool left_outs; /* gates will be trained: not only posteriors, and which is largest, are looked at */
    bool global;    /* the global expert is measured, too */
} mele_i_trial_needs;

/* Train stages 1 and 2 outside a fold, on the calling thread or with an engine that the trial then uses.
 * *out is cleared with mele_i_trial_clear(), whatever this returns. MELE_EDATA: the rows outside cannot be
 * fitted so (fewer of them than regions); MELE_ENOMEM; MELE_ESTOPPED. */
mele_status mele_i_trial_make(const mele_i_course *course, size_t clusters, size_t fold,
                              mele_i_trial_needs needs, mele_engine *engine, mele_i_trial *out,
                              mele_error *error);
void mele_i_trial_clear(mele_i_trial *trial);

/* Train a gate of some options, not auto, on the rows outside. *out is freed with mele_gate_free();
 * untouched on error. */
mele_status mele_i_trial_gate(mele_i_trial *trial, const mele_gate_options *options, mele_gate **out,
                              mele_error *error);

/* Add the losses of the rows inside under a gate, a global one included, and their weights. A row without
 * a prediction is in no sum. MELE_ENOMEM; MELE_EINVAL: there is no global expert. */
mele_status mele_i_trial_measure(mele_i_trial *trial, const mele_gate *gate, const mele_i_sums *sums,
                                 mele_error *error);

#endif
