#ifndef MELE_FAMILY_TRAIN_H
#define MELE_FAMILY_TRAIN_H

#include <jansson.h>
#include <mele/fit.h>

/* One training of a family, of options and data that have been checked. */
typedef struct mele_i_family_job {
    const mele_data *data;
    const mele_options *options; /* settled, K and all (of a family of stages, which chooses K itself, but K) */
    const mele_options *asked;   /* what the model records: the same before anything was chosen */
    const json_t *choice;        /* what was chosen; NULL: nothing was */
    bool compared;               /* with others: see mele_i_run */
} mele_i_family_job;

/* *out is freed with mele_model_free(); untouched on error. */
mele_status mele_i_family_train(const mele_i_family_job *job, mele_engine *engine, mele_report *report,
                                mele_model **out, mele_error *error);

#endif
