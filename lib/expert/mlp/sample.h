#ifndef MELE_EXPERT_MLP_SAMPLE_H
#define MELE_EXPERT_MLP_SAMPLE_H

#include "core/stream.h"
#include "expert/mlp/state.h"
#include "expert/mlp/trainers.h"
#include "expert/units.h"

/* What is to be done, for all fits of an expert. */
typedef struct mele_i_mlp_plan {
    const mele_i_expert_rows *rows;
    const mele_i_expert_shape *shape;
    const mele_expert_options *options;
    const mele_i_mlp *warm; /* NULL: nothing to start from */
    mele_i_network network;
    const mele_i_trainer *trainer;
    size_t weights;   /* of a network */
    size_t targets;   /* columns of y */
    double effective; /* rows */
    double decay, holdout;
    size_t starts, networks;
} mele_i_mlp_plan;

/* The rows of one fit in its units. */
typedef struct mele_i_mlp_sample {
    mele_i_units *of_x, *of_y;
    double *centre, *scale;         /* of inputs, as mele_i_mlp has them */
    size_t count, validation_count, *row; /* the those for validation first */
    mele_i_network_rows rows, validation;
} mele_i_mlp_sample;

/* A random stream: one a region, purpose, and number in it. */
enum { MELE_I_MLP_FOR_SPLIT, MELE_I_MLP_FOR_FOLDS, MELE_I_MLP_FOR_START };
mele_i_stream mele_i_mlp_stream(const mele_i_mlp_plan *plan, uint64_t what, uint64_t number);

/* The rows that are not in fold number `without` (fold NULL: all), in a random order where it
 * matters, in units of their own. Free it, also after a failure. */
#define MELE_I_MLP_NO_FOLD SIZE_MAX
mele_status mele_i_mlp_sample_make(const mele_i_mlp_plan *plan, const size_t *fold, size_t without,
                                   mele_i_mlp_sample *sample, mele_error *error);
void mele_i_mlp_sample_free(mele_i_mlp_sample *sample);

/* Those rows and their units, of which none is dealt yet; and what a network sees of `count` rows of x, which
 * lie without gaps, in these units. z may be x. */
mele_status mele_i_mlp_sample_measure(const mele_i_mlp_plan *plan, const size_t *fold, size_t without,
                                      mele_i_mlp_sample *sample, mele_error *error);
void mele_i_mlp_sample_see(const mele_i_mlp_plan *plan, const mele_i_mlp_sample *sample,
                           const double *x, size_t count, double *z);

/* A state's units become the sample's. */
void mele_i_mlp_sample_units(const mele_i_mlp_plan *plan, const mele_i_mlp_sample *sample,
                             mele_i_mlp *mlp);

#endif
